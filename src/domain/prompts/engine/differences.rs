//! What differs between two texts, line by line: the longest common lines stay, what is between was taken out or put in.

use schemars::JsonSchema;
use serde::Serialize;

/// Texts of more lines than this are told as replaced whole.
const MOST_LINES: usize = 2_000;
/// Lines around a change that are told with it.
const AROUND: usize = 2;

/// A line of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// What became of it.
    pub change: Change,
    /// Its number in the text that it is of, from 1: in the later one where it is in both.
    pub number: usize,
    /// The line.
    pub text: String,
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is in both.
    Same,
    /// It is only in the earlier text.
    Removed,
    /// It is only in the later text.
    Added,
}

/// The lines that differ, with a few around them.
#[must_use]
pub fn lines(earlier: &str, later: &str) -> Vec<Line> {
    let (old, new): (Vec<&str>, Vec<&str>) = (earlier.lines().collect(), later.lines().collect());
    let all =
        if old.len() > MOST_LINES || new.len() > MOST_LINES { replaced(&old, &new) } else { compared(&old, &new) };
    let near = |at: usize| {
        let (from, to) = (at.saturating_sub(AROUND), (at + AROUND + 1).min(all.len()));
        all.get(from..to).is_some_and(|near| near.iter().any(|line| line.change != Change::Same))
    };
    all.iter().enumerate().filter(|(at, _)| near(*at)).map(|(_, line)| line.clone()).collect()
}

fn line(change: Change, at: usize, text: &str) -> Line {
    Line { change, number: at + 1, text: text.to_owned() }
}

fn replaced(old: &[&str], new: &[&str]) -> Vec<Line> {
    let gone = old.iter().enumerate().map(|(at, text)| line(Change::Removed, at, text));
    gone.chain(new.iter().enumerate().map(|(at, text)| line(Change::Added, at, text))).collect()
}

fn compared(old: &[&str], new: &[&str]) -> Vec<Line> {
    // Prompts change little: what is the same at both ends needs no table.
    let head = old.iter().zip(new).take_while(|(one, other)| one == other).count();
    let (old_rest, new_rest) = (old.get(head..).unwrap_or_default(), new.get(head..).unwrap_or_default());
    let tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(one, other)| one == other).count();
    let old_middle = old_rest.get(..old_rest.len() - tail).unwrap_or_default();
    let new_middle = new_rest.get(..new_rest.len() - tail).unwrap_or_default();
    let mut found: Vec<Line> =
        (0..head).map(|at| line(Change::Same, at, new.get(at).copied().unwrap_or_default())).collect();
    found.extend(middle(old_middle, new_middle, head));
    let from = new.len() - tail;
    found.extend((from..new.len()).map(|at| line(Change::Same, at, new.get(at).copied().unwrap_or_default())));
    found
}

/// The usual table of longest common parts.
fn middle(old: &[&str], new: &[&str], head: usize) -> Vec<Line> {
    let width = new.len() + 1;
    let mut longest = vec![0_u32; (old.len() + 1) * width];
    let at = |row: usize, column: usize| row * width + column;
    let get = |table: &[u32], row, column| table.get(at(row, column)).copied().unwrap_or(0);
    for row in (0..old.len()).rev() {
        for column in (0..new.len()).rev() {
            let value = if old.get(row) == new.get(column) {
                get(&longest, row + 1, column + 1) + 1
            } else {
                get(&longest, row + 1, column).max(get(&longest, row, column + 1))
            };
            if let Some(cell) = longest.get_mut(at(row, column)) {
                *cell = value;
            }
        }
    }
    let (mut row, mut column) = (0, 0);
    let mut found = Vec::new();
    while row < old.len() || column < new.len() {
        let (one, other) = (old.get(row), new.get(column));
        match (one, other) {
            (Some(one), Some(other)) if one == other => {
                found.push(line(Change::Same, head + column, other));
                (row, column) = (row + 1, column + 1);
            }
            (Some(one), other)
                if other.is_none() || get(&longest, row + 1, column) >= get(&longest, row, column + 1) =>
            {
                found.push(line(Change::Removed, head + row, one));
                row += 1;
            }
            (_, Some(other)) => {
                found.push(line(Change::Added, head + column, other));
                column += 1;
            }
            (_, None) => break,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(earlier: &str, later: &str) -> Vec<String> {
        let mark = |change| match change {
            Change::Same => ' ',
            Change::Removed => '-',
            Change::Added => '+',
        };
        lines(earlier, later)
            .into_iter()
            .map(|line| format!("{}{}:{}", mark(line.change), line.number, line.text))
            .collect()
    }

    #[test]
    fn what_changed_is_told_with_its_neighbours() {
        let earlier = "a\nb\nc\nd\ne\nf\ng";
        assert_eq!(told(earlier, "a\nb\nc\nD\ne\nf\ng"), [" 2:b", " 3:c", "-4:d", "+4:D", " 5:e", " 6:f"]);
        assert_eq!(told(earlier, earlier), Vec::<String>::new());
        assert_eq!(told("", "a\nb"), ["+1:a", "+2:b"]);
        assert_eq!(told("a\nb", ""), ["-1:a", "-2:b"]);
        assert_eq!(told("x\na\nb\ny", "x\nb\na\ny"), [" 1:x", "-2:a", " 2:b", "+3:a", " 4:y"]);
    }

    #[test]
    fn very_long_texts_are_told_as_replaced() {
        let long = "x\n".repeat(MOST_LINES + 1);
        assert_eq!(lines(&long, "y").len(), MOST_LINES + 2);
    }
}
