//! The table that a run prints.

/// What a figure should be, and whether it is.
pub(crate) struct Target {
    say: String,
    met: bool,
}

impl Target {
    /// A target that is met or missed.
    pub(crate) fn of(say: &str, met: bool) -> Self {
        Self { say: format!("{say}{}", if met { "" } else { " MISSED" }), met }
    }

    /// A figure that is told beside the others.
    pub(crate) fn none() -> Self {
        Self { say: String::new(), met: true }
    }

    /// A figure that could not be measured, which is as bad as one that is missed.
    pub(crate) fn unmeasured(say: &str) -> Self {
        Self { say: format!("{say} NOT MEASURED"), met: false }
    }
}

/// Rows of a subject, a figure, a peer's figure and what is made of them.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<[String; 5]>,
    missed: bool,
}

impl Table {
    /// Adds a row.
    pub(crate) fn row(&mut self, what: &str, ours: String, peer: String, ratio: String, target: Target) {
        self.missed |= !target.met;
        self.rows.push([what.to_owned(), ours, peer, ratio, target.say]);
        eprintln!("  {}", self.rows.last().map(|row| row.join(" | ")).unwrap_or_default());
    }

    /// Prints it; whether every target was met.
    pub(crate) fn print(&self) -> bool {
        println!("\n| what | convoke | peer | ratio | target |\n|---|---|---|---|---|");
        for row in &self.rows {
            println!("| {} |", row.join(" | "));
        }
        !self.missed
    }
}
