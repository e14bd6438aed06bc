//! The table that a run prints.

/// Rows of a subject, a figure, a peer's figure and what is made of them.
#[derive(Default)]
pub(crate) struct Table(Vec<[String; 5]>);

impl Table {
    /// Adds a row.
    pub(crate) fn row(&mut self, what: &str, ours: String, peer: String, ratio: String, target: &str) {
        self.0.push([what.to_owned(), ours, peer, ratio, target.to_owned()]);
        eprintln!("  {}", self.0.last().map(|row| row.join(" | ")).unwrap_or_default());
    }

    /// Prints it.
    pub(crate) fn print(&self) {
        println!("\n| what | convoke | peer | ratio | target |\n|---|---|---|---|---|");
        for row in &self.0 {
            println!("| {} |", row.join(" | "));
        }
    }
}
