//! The index over tools and its answer to a need: weighted fields, synonyms below literal words, the intention of the
//! verb, and tolerance for a mistyped or shortened word. Equal input gives equal order.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use self::build::Builder;
use super::pairs::Pairs;
use super::text::{self, Intention, Number};

mod build;

/// What is known about one tool, in the words in which people may ask for it.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// The tool's own name, such as `api_key_create`.
    pub name: String,
    /// The domain to which it belongs.
    pub domain: String,
    /// The title that a person reads.
    pub title: String,
    /// What the tool does.
    pub description: String,
    /// Ways in which people say the need.
    pub phrases: Vec<String>,
    /// Names of its input fields.
    pub fields: Vec<String>,
}

/// One document that answers a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Its position among the documents from which the index was built.
    pub document: usize,
    /// How well it answers; comparable within one answer only.
    pub score: f32,
}

/// An immutable index over documents, shared freely between threads.
#[derive(Debug)]
pub struct Index {
    entries: Vec<Entry>,
    by_name: HashMap<String, usize>,
    /// Every spelling seen, with its term; the terms of stems that only the query uses are absent.
    spellings: HashMap<String, usize>,
    /// The same in order of length and spelling, for mistyped and shortened words.
    ordered: Vec<(String, usize)>,
    stems: HashMap<String, usize>,
    terms: Vec<Term>,
    groups: Vec<Group>,
    groups_of: HashMap<String, Vec<usize>>,
    phrases: Vec<Phrase>,
    pairs: Pairs,
}

#[derive(Debug)]
struct Entry {
    name: String,
    intention: Option<Intention>,
    number: Option<Number>,
    name_terms: Vec<usize>,
}

#[derive(Debug, Default)]
struct Term {
    rarity: f32,
    /// Documents with their saturated weight of this term.
    documents: Vec<(usize, f32)>,
    phrases: Vec<usize>,
}

#[derive(Debug)]
struct Group {
    rarity: f32,
    terms: Vec<usize>,
}

#[derive(Debug)]
struct Phrase {
    document: usize,
    mass: f32,
    share: f32,
}

/// One word of the query with the terms that may stand for it.
struct Asked {
    weight: f32,
    rarity: f32,
    /// Term, closeness, and the rarity with which a match counts.
    terms: Vec<(usize, f32, f32)>,
}

/// Weight and length normalisation of each field.
const FIELDS: [(f32, f32); 6] = [NAME, DOMAIN, TITLE, DESCRIPTION, PHRASES, INPUT];
const NAME: (f32, f32) = (3.6, 0.2);
const DOMAIN: (f32, f32) = (0.5, 0.0);
const TITLE: (f32, f32) = (0.6, 0.2);
const DESCRIPTION: (f32, f32) = (1.2, 0.5);
const PHRASES: (f32, f32) = (1.0, 0.4);
const INPUT: (f32, f32) = (0.4, 0.5);

const SATURATION: f32 = 0.4;
const SYNONYM: f32 = 0.6;
/// A form of a word that no text uses may mean something else than the form that is used ("marketing", "market").
const OTHER_FORM: f32 = 0.65;
const MISTYPED: f32 = 0.7;
const SHORTENED: f32 = 0.6;
/// What the best single phrase may add, relative to the weight of its matched words.
const PHRASE_SHARE: f32 = 1.7;
/// What words side by side add, relative to how rare it is to see them so.
const PAIR_SHARE: f32 = 0.75;
/// What it adds when all parts of a name are asked for.
const NAME_SHARE: f32 = 0.25;
/// What a clause of the description counts where it stands for a phrase.
const CLAUSE: f32 = 0.6;
const SAME_INTENTION: f32 = 1.05;
const OTHER_INTENTION: f32 = 0.85;
/// For a tool that lists when many are asked for, and for one that gets a single thing.
const SAME_NUMBER: f32 = 1.4;
const OTHER_NUMBER: f32 = 1.0;
/// Above every other score: the query is the name.
const EXACT: f32 = 1000.0;
/// What stands in a sentence for a tool that it names.
const PLACEHOLDER: &str = "tool";
/// How much the other words count when somebody asks who did something.
const BESIDE_HISTORY: f32 = 0.6;
/// A longer query is cut here, which bounds the time that it may take.
const LONGEST_QUERY: usize = 64;

impl Index {
    /// Builds the index. Positions in `documents` are what hits refer to.
    #[must_use]
    pub fn build(documents: &[Document]) -> Self {
        Builder::default().build(documents)
    }

    /// The best answers to a query among the documents that `allowed` lets through, best first; equal scores by name.
    #[must_use]
    pub fn search(&self, query: &str, limit: usize, allowed: impl Fn(usize) -> bool) -> Vec<Hit> {
        let (query, named) = self.take_names(query, &allowed);
        let mut words = text::words(&query);
        words.truncate(LONGEST_QUERY);
        let wanted = text::intentions(&words);
        let asked = self.asked(&words, wanted.first().copied());
        let about_more = words.iter().any(|word| word != PLACEHOLDER && text::weight(None, word, None) > text::FAINTLY);
        let mut scores = self.weigh(&asked);
        self.reward_phrases(&asked, &mut scores);
        self.pairs.reward(&words, PAIR_SHARE, &mut scores);
        self.reward_names(&asked, &mut scores);
        self.reward_intention(&wanted, &mut scores);
        if wanted.first().is_none_or(|foremost| *foremost == Intention::Read) && text::asks_for_many(&query) {
            self.reward_lists(&mut scores);
        }

        let mut hits: Vec<Hit> = scores
            .into_iter()
            .enumerate()
            .filter(|(document, score)| (*score > 0.0 || named.contains(document)) && allowed(*document))
            .map(|(document, score)| Hit { document, score })
            .collect();
        let best = hits.iter().map(|hit| hit.score).fold(0.0, f32::max);
        for hit in hits.iter_mut().filter(|hit| named.contains(&hit.document)) {
            // A sentence about a tool may want to know about it more than to run it: near the top, not above all.
            hit.score = if about_more { hit.score.max(0.95 * best) } else { EXACT };
        }
        hits.sort_unstable_by(|one, other| self.order(one, other));
        hits.truncate(limit);
        hits
    }

    fn order(&self, one: &Hit, other: &Hit) -> Ordering {
        let name = |hit: &Hit| self.entries.get(hit.document).map(|entry| entry.name.as_str());
        other
            .score
            .total_cmp(&one.score)
            .then_with(|| name(one).cmp(&name(other)))
            .then_with(|| one.document.cmp(&other.document))
    }

    /// Finds tools that the query names. The whole query as a name leaves nothing to weigh; a name inside a sentence
    /// is replaced by the word "tool", because its parts are not what the sentence is about. A tool that is not allowed
    /// is no name here, so that an answer does not betray that it exists.
    fn take_names(&self, query: &str, allowed: impl Fn(usize) -> bool) -> (String, Vec<usize>) {
        let find = |name: &str| self.by_name.get(name).copied().filter(|document| allowed(*document));
        let whole = query.trim().to_lowercase().replace([' ', '-', '.'], "_");
        if let Some(document) = find(&whole) {
            return (String::new(), vec![document]);
        }
        let mut named = Vec::new();
        let rest: Vec<&str> = query
            .split_whitespace()
            .map(|word| {
                let bare = word.trim_matches(|character: char| !character.is_alphanumeric()).to_lowercase();
                match find(&bare) {
                    Some(document) if bare.contains('_') => {
                        named.push(document);
                        PLACEHOLDER
                    }
                    _ => word,
                }
            })
            .collect();
        (rest.join(" "), named)
    }

    fn asked(&self, words: &[String], wanted: Option<Intention>) -> Vec<Asked> {
        let mut seen: Vec<&str> = Vec::new();
        let mut asked = Vec::new();
        let past = text::asks_who_did(words);
        let mut before = None;
        for word in words {
            let beside = if past && word != text::HISTORY { BESIDE_HISTORY } else { 1.0 };
            let weight = beside * text::weight(before.replace(word), word, wanted);
            if weight > 0.0 && !seen.contains(&word.as_str()) {
                seen.push(word);
                asked.push(self.expand(word, weight));
            }
        }
        asked
    }

    fn expand(&self, word: &str, weight: f32) -> Asked {
        let stem = text::stem(word);
        let spelled = self.spellings.get(word).map(|term| (*term, 1.0));
        let literal = spelled.or_else(|| self.stems.get(&stem).map(|term| (*term, OTHER_FORM)));
        let mut terms: BTreeMap<usize, (f32, f32)> = BTreeMap::new();
        let mut rarity: f32 = 0.0;
        if let Some(group_numbers) = self.groups_of.get(&stem) {
            for group in group_numbers.iter().filter_map(|number| self.groups.get(*number)) {
                rarity = rarity.max(group.rarity);
                for term in &group.terms {
                    let entry = terms.entry(*term).or_insert((SYNONYM, group.rarity));
                    entry.1 = entry.1.max(group.rarity);
                }
            }
        }
        if let Some((term, closeness)) = literal {
            let own = self.rarity(term);
            rarity = rarity.max(own);
            terms.insert(term, (closeness, own));
        }
        if terms.is_empty() {
            for (term, closeness) in self.resembling(word) {
                let own = self.rarity(term);
                rarity = rarity.max(own * closeness);
                terms.entry(term).or_insert((closeness, own));
            }
        }
        Asked {
            weight,
            rarity,
            terms: terms.into_iter().map(|(term, (closeness, own))| (term, closeness, own)).collect(),
        }
    }

    /// Terms that a word unknown to the index may be meant for.
    fn resembling(&self, word: &str) -> Vec<(usize, f32)> {
        let length = word.len();
        if length < 4 || !word.is_ascii() {
            return Vec::new();
        }
        let mistyped = |other: &str| {
            length >= 5 && other.len() + 1 >= length && other.len() <= length + 1 && one_slip_apart(word, other)
        };
        let shortened = |other: &str| other.len() > length && other.starts_with(word);
        let compound = |other: &str| other.len() >= 4 && word.starts_with(other);
        self.ordered
            .iter()
            .filter_map(|(other, term)| {
                if mistyped(other) {
                    Some((*term, MISTYPED))
                } else if shortened(other) || compound(other) {
                    Some((*term, SHORTENED))
                } else {
                    None
                }
            })
            .collect()
    }

    fn rarity(&self, term: usize) -> f32 {
        self.terms.get(term).map_or(0.0, |term| term.rarity)
    }

    /// The weighted fields: each word of the query counts once per document, by its best match there.
    fn weigh(&self, asked: &[Asked]) -> Vec<f32> {
        let mut scores = vec![0.0_f32; self.entries.len()];
        let mut best = vec![0.0_f32; self.entries.len()];
        for word in asked {
            for (term, closeness, rarity) in &word.terms {
                for (document, weight) in self.terms.get(*term).map_or(&[][..], |term| &term.documents) {
                    if let Some(slot) = best.get_mut(*document) {
                        *slot = slot.max(closeness * rarity * weight);
                    }
                }
            }
            for (score, slot) in scores.iter_mut().zip(&mut best) {
                *score += word.weight * *slot;
                *slot = 0.0;
            }
        }
        scores
    }

    /// A phrase that says the whole query is worth more than its words scattered over several phrases.
    fn reward_phrases(&self, asked: &[Asked], scores: &mut [f32]) {
        let total: f32 = asked.iter().map(|word| word.weight * word.rarity).sum();
        let mut matched = vec![0.0_f32; self.phrases.len()];
        let mut best = vec![0.0_f32; self.phrases.len()];
        for word in asked {
            for (term, closeness, rarity) in &word.terms {
                for phrase in self.terms.get(*term).map_or(&[][..], |term| &term.phrases) {
                    if let Some(slot) = best.get_mut(*phrase) {
                        *slot = slot.max(closeness * rarity);
                    }
                }
            }
            for (sum, slot) in matched.iter_mut().zip(&mut best) {
                *sum += word.weight * *slot;
                *slot = 0.0;
            }
        }
        let mut rewards = vec![0.0_f32; scores.len()];
        for (phrase, mass) in self.phrases.iter().zip(matched) {
            if let (Some(reward), true) = (rewards.get_mut(phrase.document), mass > 0.0) {
                *reward = reward.max(phrase.share * mass * 2.0 * mass / (total + phrase.mass));
            }
        }
        for (score, reward) in scores.iter_mut().zip(rewards) {
            *score += PHRASE_SHARE * reward;
        }
    }

    fn reward_names(&self, asked: &[Asked], scores: &mut [f32]) {
        let mut matched = vec![0.0_f32; self.terms.len()];
        for (term, closeness, _) in asked.iter().flat_map(|word| &word.terms) {
            if let Some(slot) = matched.get_mut(*term) {
                *slot = slot.max(*closeness);
            }
        }
        for (entry, score) in self.entries.iter().zip(scores) {
            let whole: f32 = entry.name_terms.iter().map(|term| self.rarity(*term)).sum();
            let part: f32 = entry
                .name_terms
                .iter()
                .map(|term| self.rarity(*term) * matched.get(*term).copied().unwrap_or_default())
                .sum();
            if whole > 0.0 {
                *score *= 1.0 + NAME_SHARE * part / whole;
            }
        }
    }

    fn reward_lists(&self, scores: &mut [f32]) {
        for (entry, score) in self.entries.iter().zip(scores) {
            *score *= match entry.number {
                Some(Number::Many) => SAME_NUMBER,
                Some(Number::One) => OTHER_NUMBER,
                None => 1.0,
            };
        }
    }

    fn reward_intention(&self, wanted: &[Intention], scores: &mut [f32]) {
        let Some(foremost) = wanted.first() else { return };
        for (entry, score) in self.entries.iter().zip(scores) {
            *score *= match entry.intention {
                Some(offered) if offered == *foremost => SAME_INTENTION,
                Some(offered) if !wanted.contains(&offered) => OTHER_INTENTION,
                Some(_) | None => 1.0,
            };
        }
    }
}

/// Whether one letter added, dropped, replaced or swapped with its neighbour turns one word into the other.
fn one_slip_apart(one: &str, other: &str) -> bool {
    let (one, other) =
        if one.len() <= other.len() { (one.as_bytes(), other.as_bytes()) } else { (other.as_bytes(), one.as_bytes()) };
    let start = one.iter().zip(other).take_while(|(left, right)| left == right).count();
    let one = one.get(start..).unwrap_or_default();
    let other = other.get(start..).unwrap_or_default();
    match (one, other) {
        ([first, second, left @ ..], [third, fourth, right @ ..])
            if first == fourth && second == third && left == right =>
        {
            true
        }
        ([_, left @ ..], [_, right @ ..]) if left == right => true,
        (left, [_, right @ ..]) => left == right,
        ([_, ..] | [], []) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(query: &str) -> Vec<&'static str> {
        let names = ["api_key_create", "api_key_list", "api_key_revoke", "role_assign", "tool_docs"];
        let documents =
            names.map(|name| Document { name: name.to_owned(), title: name.replace('_', " "), ..Document::default() });
        let hits = Index::build(&documents).search(query, 3, |document| document != 3);
        hits.iter().filter_map(|hit| names.get(hit.document).copied()).collect()
    }

    #[test]
    fn the_verb_decides_between_tools_for_the_same_thing() {
        assert_eq!(best("please remove a key").first(), Some(&"api_key_revoke"));
        assert_eq!(best("make a new key").first(), Some(&"api_key_create"));
        assert_eq!(best("which keys do I have?").first(), Some(&"api_key_list"));
    }

    #[test]
    fn a_name_wins_whole_and_stays_near_the_top_in_a_sentence() {
        assert_eq!(best("api key create").first(), Some(&"api_key_create"));
        assert_eq!(best("what is api_key_list?").first(), Some(&"api_key_list"));
        assert_eq!(best("the docs of api_key_list"), ["tool_docs", "api_key_list"]);
    }

    #[test]
    fn slips_and_beginnings_of_words_are_understood() {
        assert_eq!(best("revoek it"), ["api_key_revoke"]);
        assert_eq!(best("creat").first(), Some(&"api_key_create"));
        assert!(one_slip_apart("permision", "permission") && one_slip_apart("recieve", "receive"));
        assert!(!one_slip_apart("create", "delete"));
    }

    #[test]
    fn what_is_not_allowed_is_not_found() {
        assert_eq!(best("assign a role"), Vec::<&str>::new());
        assert_eq!(best("role_assign"), Vec::<&str>::new());
        assert_eq!(best(" ?! "), Vec::<&str>::new());
    }
}
