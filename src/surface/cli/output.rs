//! What is written: JSON and tables to standard output, faults and progress to standard error. Nobody reading is no fault.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use super::exit::Failure;
use crate::runtime::owner::protocol::ProgressTold;

/// Writes text as it is.
pub(super) fn text(text: &str) {
    bytes(text.as_bytes());
}

/// Writes bytes as they are.
pub(super) fn bytes(bytes: &[u8]) {
    let mut out = io::stdout().lock();
    // A reader that has seen enough, such as `head`, closes the pipe.
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// Writes a value: on several lines for a person, on one for a program.
pub(super) fn json(value: &Value) {
    let written =
        if io::stdout().is_terminal() { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
    text(&format!("{}\n", written.unwrap_or_default()));
}

/// Writes rows in columns; the last one as long as it is.
pub(super) fn table(rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut all = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width + 2 - cell.chars().count()));
        }
        all.push_str(line.trim_end());
        all.push('\n');
    }
    text(&all);
}

/// Writes a line for a person, beside the answer.
pub(super) fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Whether a person reads standard error.
pub(super) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Writes why a command failed: for a person in words first, always as problem JSON.
pub(super) fn failure(failure: &Failure) {
    let problem = &failure.problem;
    if is_watched() {
        note(&format!("convoke: {}", problem.detail));
        for place in problem.violations.iter().filter(|_| problem.violations.len() > 1) {
            note(&format!("  {} {}", place.pointer, place.message));
        }
        note(&format!("  {}", problem.mend));
    }
    note(&serde_json::to_string(problem).unwrap_or_default());
}

/// So often a line tells of progress where nobody looks on.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows how far a call has come while a person looks on.
#[derive(Default)]
pub(super) struct Bar {
    drawn: Option<ProgressBar>,
    /// Whether lines tell of it where nobody looks on, and when the last one did.
    lines: bool,
    told: Option<Instant>,
}

impl Bar {
    /// One that is told in lines where nobody looks on, for work that may take hours.
    pub(super) fn in_lines() -> Self {
        Self { drawn: None, lines: true, told: None }
    }

    fn line(&mut self, progress: &ProgressTold) {
        if !self.lines || self.told.is_some_and(|told| told.elapsed() < LINE_EVERY) {
            return;
        }
        self.told = Some(Instant::now());
        let of = progress.total.map(|total| format!(" of {total}")).unwrap_or_default();
        let message = progress.message.as_deref().map(|message| format!(" {message}")).unwrap_or_default();
        note(&format!("{}{of}{message}", progress.done));
    }

    /// Shows progress. The first one draws the bar: short work draws none.
    pub(super) fn show(&mut self, progress: &ProgressTold) {
        if !is_watched() {
            self.line(progress);
            return;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a drawing, bounded before")]
        let whole = |part: f64| part.clamp(0.0, 9e15) as u64;
        let bar = self.drawn.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(progress.total.map(whole), ProgressDrawTarget::stderr());
            let form = "{spinner} {wide_bar} {pos}/{len} {msg}";
            bar.set_style(ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        if let Some(total) = progress.total {
            bar.set_length(whole(total));
        }
        bar.set_position(whole(progress.done));
        bar.set_message(progress.message.clone().unwrap_or_default());
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.drawn {
            bar.finish_and_clear();
        }
    }
}
