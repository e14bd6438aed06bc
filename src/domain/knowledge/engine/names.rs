//! How alike two names are: by the letters that must be changed to make one of the other. Names with other numbers are never alike, nor are
//! short ones: a letter more or less is another thing there.

/// Names with fewer letters must be the same.
const SHORTEST: usize = 6;
/// Longer names are not compared letter by letter.
const LONGEST: usize = 200;

/// How alike two names are that were made comparable (`port::graph::name_key`): from 0 to 1.
#[must_use]
pub fn likeness(one: &str, other: &str) -> f64 {
    if one == other {
        return 1.0;
    }
    let (letters, others): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let (shorter, longer) = (letters.len().min(others.len()), letters.len().max(others.len()));
    if shorter < SHORTEST || longer > LONGEST || numbers(one) != numbers(other) {
        return 0.0;
    }
    let changed = changes(&letters, &others);
    #[expect(clippy::cast_precision_loss, reason = "lengths of names")]
    let share = changed as f64 / longer as f64;
    1.0 - share
}

fn numbers(name: &str) -> Vec<&str> {
    name.split(|one: char| !one.is_numeric()).filter(|number| !number.is_empty()).collect()
}

/// The fewest letters to change, add, leave out or exchange with their neighbour.
fn changes(one: &[char], other: &[char]) -> usize {
    let width = other.len() + 1;
    let mut before_last: Vec<usize> = vec![0; width];
    let mut last: Vec<usize> = (0..width).collect();
    for (at, letter) in one.iter().enumerate() {
        let mut line = vec![at + 1; width];
        for (place, with) in other.iter().enumerate() {
            let same = usize::from(letter != with);
            let mut least = (last[place] + same).min(last[place + 1] + 1).min(line[place] + 1);
            if at > 0 && place > 0 && *letter == other[place - 1] && one[at - 1] == *with {
                least = least.min(before_last[place - 1] + 1);
            }
            line[place + 1] = least;
        }
        before_last = std::mem::replace(&mut last, line);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen_are_alike_and_other_things_are_not() {
        for (one, other, least) in [
            ("acme corporation", "acme corporatoin", 0.9),
            ("marie curie", "marie currie", 0.9),
            ("zürich insurance", "zürich insurance", 1.0),
        ] {
            assert!(likeness(one, other) >= least, "{one} {other} {}", likeness(one, other));
        }
        for (one, other) in
            [("boeing 737", "boeing 747"), ("anna", "anne"), ("phase 1 trial", "phase trial"), ("acme", "apex systems")]
        {
            assert!(likeness(one, other) < 0.8, "{one} {other} {}", likeness(one, other));
        }
        assert!(
            likeness("deutsche bank", "deutsche bahn") < 0.93,
            "a letter more than the default allows in short names"
        );
    }
}
