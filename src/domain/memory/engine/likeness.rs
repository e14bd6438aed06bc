//! Whether two texts say the same, or one says otherwise. Words alone decide, so the rule errs towards keeping both: what is taken for the
//! same is in the same order, but for small words, and what is taken for a denial differs in nothing but a "not" or a word of opposite meaning.

use std::collections::BTreeSet;

use crate::domain::memory::retrieval::words::{shared, stems, stems_in_order};
use crate::domain::models::Marks;

/// From this share of common words on two texts are told to be alike.
pub(in crate::domain::memory) const ALIKE: f64 = 0.5;
/// A text that says all of another one says the same when it has no more than this share besides.
const NEARLY_ALL: f64 = 0.8;
/// So much two texts must share besides what turns one into the opposite of the other.
const SAME_THING: f64 = 0.75;

/// How a new text stands to one that is there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::domain::memory) enum Stands {
    /// It says the same, or less.
    Same,
    /// It says the same and more.
    More,
    /// It says the opposite.
    Otherwise,
    /// It is another one, alike to this share.
    Another(f64),
}

/// A text, ready to be held against others.
pub(in crate::domain::memory) struct Said {
    stems: BTreeSet<String>,
    in_order: Vec<String>,
    marks: Marks,
}

impl Said {
    pub(in crate::domain::memory) fn of(text: &str) -> Self {
        let in_order = stems_in_order(text);
        Self { stems: in_order.iter().cloned().collect(), in_order, marks: Marks::of(text) }
    }

    /// How this new text stands to another one.
    pub(in crate::domain::memory) fn against(&self, other: &Self) -> Stands {
        let share = shared(&self.stems, &other.stems);
        if self.marks == other.marks {
            // Who likes tea better than coffee does not like coffee better than tea.
            if !self.tells_in_the_order_of(other) {
                return Stands::Another(share);
            }
            if self.stems.is_subset(&other.stems) && share >= NEARLY_ALL {
                return Stands::Same;
            }
            if self.stems.is_superset(&other.stems) && share >= NEARLY_ALL {
                return Stands::More;
            }
            return Stands::Another(share);
        }
        let denies = self.marks.negations % 2 != other.marks.negations % 2;
        // One stands in the other's place: "on" for "off". One that is only left out turns nothing.
        let turns =
            self.marks.opposites != other.marks.opposites && self.marks.opposites.len() == other.marks.opposites.len();
        let same_names = named(&self.marks) == named(&other.marks);
        // Both at once can mean the same again.
        if same_names && (denies != turns) && shared(&self.plain(), &other.plain()) >= SAME_THING {
            return Stands::Otherwise;
        }
        Stands::Another(share)
    }

    /// The share of all words of both that both have.
    pub(in crate::domain::memory) fn share_of(&self, other: &Self) -> f64 {
        shared(&self.stems, &other.stems)
    }

    /// Of so many words of this text that are looked for, a text has at least this many that can stand to it in any way but as one that has
    /// nothing to do with it: half of them, and what turns one into the opposite of the other may be wanting besides.
    pub(in crate::domain::memory) fn least(&self, sought: usize) -> usize {
        let turning = self.stems.len() - self.plain().len();
        sought.saturating_sub(2 * turning).div_ceil(2).max(1)
    }

    /// Whether both have the same names and numbers, and deny as much.
    pub(in crate::domain::memory) fn has_the_marks_of(&self, other: &Self) -> bool {
        self.names_and_numbers() == other.names_and_numbers() && self.denies_as(other)
    }

    /// Whether this one has all names and numbers of the other one, and denies as much.
    pub(in crate::domain::memory) fn has_all_marks_of(&self, other: &Self) -> bool {
        let own = self.names_and_numbers();
        other.names_and_numbers().iter().all(|mark| own.contains(mark)) && self.denies_as(other)
    }

    /// Whether one denies where the other does.
    pub(in crate::domain::memory) fn denies_as(&self, other: &Self) -> bool {
        self.marks.negations % 2 == other.marks.negations % 2
    }

    /// Its names and numbers, as they come.
    pub(in crate::domain::memory) fn names_and_numbers(&self) -> Vec<&str> {
        named(&self.marks)
    }

    /// Whether the words that both have come in the same order.
    fn tells_in_the_order_of(&self, other: &Self) -> bool {
        let own = self.in_order.iter().filter(|stem| other.stems.contains(*stem));
        own.eq(other.in_order.iter().filter(|stem| self.stems.contains(*stem)))
    }

    /// The stems without what only turns what is said into its opposite.
    fn plain(&self) -> BTreeSet<String> {
        let turning: BTreeSet<String> = self.marks.opposites.iter().flat_map(|word| stems(word)).collect();
        let kept = self.stems.iter().filter(|stem| !turning.contains(*stem) && !NEGATING.contains(&stem.as_str()));
        kept.cloned().collect()
    }
}

/// Stems of words that deny and add nothing else.
const NEGATING: &[&str] = &[
    "not", "no", "never", "don", "doesn", "didn", "isn", "aren", "wasn", "weren", "won", "can", "cannot", "t",
    "longer", "nicht", "kein", "keine", "nie", "without",
];

/// Names and numbers: a text of other ones is about something else.
fn named(marks: &Marks) -> Vec<&str> {
    let plain = |word: &&String| !word.ends_with("n't") && !word.ends_with("n\u{2019}t");
    marks.said.iter().filter(plain).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stands(new: &str, old: &str) -> Stands {
        Said::of(new).against(&Said::of(old))
    }

    #[test]
    fn the_same_in_other_forms_and_small_words_is_the_same() {
        assert_eq!(stands("Anna drinks green tea", "Anna is drinking a green tea."), Stands::Same);
        assert_eq!(
            stands("Anna drinks green tea every morning", "Anna drinks green tea every morning at home"),
            Stands::Same
        );
        assert_eq!(
            stands("Anna drinks green tea every morning at home", "Anna drinks green tea every morning"),
            Stands::More
        );
    }

    #[test]
    fn one_word_of_its_own_makes_it_another_one() {
        for (new, old) in [
            (
                "Anna moved to the blue house by the lake near the old mill",
                "Anna moved to the green house by the lake near the old mill",
            ),
            ("Anna drinks tea", "Bob drinks tea"),
            ("Room 12 has a projector", "Room 14 has a projector"),
            ("The office has 12 desks", "The office has 14 desks"),
            ("The train goes from Oslo to Bergen", "The train goes from Bergen to Oslo"),
            ("Anna does not eat meat", "Bob eats meat"),
            ("Anna likes tea better than coffee", "Anna likes coffee better than tea"),
        ] {
            assert!(matches!(stands(new, old), Stands::Another(_)), "{new} / {old}: {:?}", stands(new, old));
        }
    }

    #[test]
    fn what_is_alike_or_denies_has_the_least_of_the_words() {
        for (new, old) in [
            ("The X isn't", "The X is"),
            ("The alarm is off", "The alarm is on"),
            ("Anna does not eat meat", "Anna eats meat"),
            ("Anna drinks green tea every morning at home", "Anna drinks green tea"),
            ("Anna drinks green tea", "Anna drinks green tea every morning at home"),
        ] {
            let (said, words) = (Said::of(new), crate::domain::memory::retrieval::words::sought(new));
            let had = words.iter().filter(|word| old.to_lowercase().contains(&word.text)).count();
            assert!(had >= said.least(words.len()), "{new} / {old}: {had} of {words:?}");
        }
        assert_eq!(Said::of("seven words of which none turns anything").least(6), 3);
    }

    #[test]
    fn a_denial_says_otherwise() {
        for (new, old) in [
            ("Anna does not eat meat", "Anna eats meat"),
            ("Anna eats meat", "Anna doesn't eat meat"),
            ("The alarm is off", "The alarm is on"),
            ("Deploys are always allowed on Friday", "Deploys are never allowed on Friday"),
        ] {
            assert_eq!(stands(new, old), Stands::Otherwise, "{new} / {old}");
        }
    }
}
