//! Ids on both sides: in BPMN each is there once in the whole file and begins with a letter or `_`; here nodes, edges and lanes have ids of
//! their own, and those of nodes and lanes fit a pattern.

use std::collections::HashSet;

/// Ids that are taken.
#[derive(Default)]
pub(super) struct Ids(HashSet<String>);

impl Ids {
    /// An id for a file, as near to the one that is wished for as may be.
    pub(super) fn in_file(&mut self, wish: &str) -> String {
        let plain: String = wish
            .chars()
            .map(|one| if one.is_ascii_alphanumeric() || matches!(one, '_' | '-' | '.') { one } else { '_' })
            .collect();
        let begins = plain.starts_with(|one: char| one.is_ascii_alphabetic() || one == '_');
        self.free(if begins { plain } else { format!("_{plain}") }, 200)
    }

    /// An id for a node, an edge or a lane of ours.
    pub(super) fn of_ours(&mut self, wish: &str) -> String {
        let plain: String = wish
            .chars()
            .map(|one| if one.is_ascii_alphanumeric() || matches!(one, '_' | '-') { one } else { '_' })
            .collect();
        let begins = plain.starts_with(|one: char| one.is_ascii_alphabetic());
        self.free(if begins { plain } else { format!("n{plain}") }, 64)
    }

    fn free(&mut self, mut plain: String, longest: usize) -> String {
        plain.truncate(longest);
        if self.0.insert(plain.clone()) {
            return plain;
        }
        // Some taken id is as long as the list of them at most.
        for number in 2_usize.. {
            let end = format!("_{number}");
            let one = format!("{}{end}", &plain[..plain.len().min(longest - end.len())]);
            if self.0.insert(one.clone()) {
                return one;
            }
        }
        plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_made_to_fit_and_are_there_once() {
        let mut ids = Ids::default();
        assert_eq!(ids.of_ours("Gateway_0abc"), "Gateway_0abc");
        assert_eq!(ids.of_ours("Activity.1"), "Activity_1");
        assert_eq!(ids.of_ours("Activity_1"), "Activity_1_2");
        assert_eq!(ids.of_ours("_6-99"), "n_6-99");
        assert_eq!(ids.of_ours("über"), "n_ber");
        assert_eq!((ids.of_ours(&"x".repeat(90)).len(), ids.of_ours(&"x".repeat(91)).len()), (64, 64));
        assert_eq!(ids.in_file("1 x"), "_1_x");
    }
}
