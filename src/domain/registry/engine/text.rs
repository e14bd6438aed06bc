//! Language for the ranking: a text as comparable words, how much a word counts, and the intention of a sentence.

use std::collections::BTreeSet;

use rust_stemmers::{Algorithm, Stemmer};

use super::vocabulary::{EXPRESSIONS, FAINT, INTENTIONS, IRREGULAR, OPENERS, PAST, STOP_WORDS, SYNONYMS, Tails};

/// What somebody wants to happen to a thing, as far as a verb or a question tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intention {
    /// Look at something.
    Read,
    /// Bring something into being.
    Create,
    /// Alter what exists.
    Change,
    /// End something or take it away.
    Remove,
    /// Set something in motion.
    Run,
}

/// How many things a tool answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    /// One that is named.
    One,
    /// All that fit.
    Many,
}

/// Splits a text into lower-case words: at anything that is no letter or digit, and inside `camelCase`.
/// Fixed expressions ("get rid of") become the one word that they mean; spelling variants become one.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut plain: Vec<String> = Vec::new();
    for written in text.split_whitespace() {
        if is_address(written) { plain.push(ADDRESS.to_owned()) } else { split(written, &mut plain) }
    }
    plain.retain(|word| !word.is_empty());
    fold_expressions(&plain)
}

/// What an email address in a text says, whoever's it is.
const ADDRESS: &str = "email";

fn is_address(written: &str) -> bool {
    written.split_once('@').is_some_and(|(name, place)| !name.is_empty() && place.trim_end_matches('.').contains('.'))
}

fn split(text: &str, plain: &mut Vec<String>) {
    let mut word = String::new();
    let mut after_small = false;
    for character in text.chars().chain(std::iter::once(' ')) {
        let apostrophe = matches!(character, '\'' | '’');
        if apostrophe && !word.is_empty() {
            word.push('\'');
            continue;
        }
        let inside = character.is_alphanumeric();
        if (!inside || (character.is_uppercase() && after_small)) && !word.is_empty() {
            let (first, second) = contracted(&word);
            plain.push(settle(first));
            plain.extend(second.map(str::to_owned));
            word.clear();
        }
        if inside {
            word.extend(character.to_lowercase());
        }
        after_small = character.is_lowercase();
    }
}

/// Whether a word says nothing about a need.
pub(super) fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.contains(word) && !FAINT.contains(word)
}

/// The stems of the words of a text that say something about a need, stop words apart.
#[must_use]
pub fn content_stems(text: &str) -> BTreeSet<String> {
    words(text).iter().filter(|word| !STOP_WORDS.contains(word.as_str())).map(|word| stem(word)).collect()
}

/// The stem under which all forms of a word meet.
pub(super) fn stem(word: &str) -> String {
    Stemmer::create(Algorithm::English).stem(word).into_owned()
}

/// How much the presence of a word in a text counts; nothing for a stop word. A word that only asks or points to
/// the speaker ("show", "my") counts little: its intention matters more than its presence. So does the verb inside a
/// question, which is asked about and not asked for ("who deleted it?"). What follows an article, and a plural, is no verb
/// ("the backup", "backups").
pub(super) fn weight(before: Option<&String>, word: &str, asked: Option<Intention>) -> f32 {
    if STOP_WORDS.contains(word) && !FAINT.contains(word) {
        return 0.0;
    }
    let is_thing = is_plural(word) || before.is_some_and(|before| ARTICLES.contains(&before.as_str()));
    match INTENTIONS.get(stem(word).as_str()) {
        _ if FAINT.contains(word) => FAINTLY,
        Some(own) if !is_thing && asked == Some(Intention::Read) && *own != Intention::Read => ASKED_ABOUT,
        Some(_) if !is_thing => VERB,
        _ => 1.0,
    }
}

const ARTICLES: [&str; 12] = ["a", "an", "the", "my", "our", "your", "his", "her", "their", "this", "which", "what"];

/// Whether a question is who did something: what it was done to says less then.
pub(super) fn asks_who_did(words: &[String]) -> bool {
    words.windows(2).any(|pair| matches!(pair, [first, second] if first == "who" && second == HISTORY))
}

/// What somebody asks for who asks who did something, whatever was done.
pub(super) const HISTORY: &str = "history";
pub(super) const FAINTLY: f32 = 0.6;
const VERB: f32 = 0.65;
const ASKED_ABOUT: f32 = 0.3;

/// The groups of everyday synonyms, each word stemmed.
pub(super) fn synonyms() -> &'static [Vec<String>] {
    &SYNONYMS
}

/// The intention of a tool by its name: that of its last verb; a name that ends in a plural without one lists things.
pub(super) fn intention_of_name(words: &[String]) -> Option<Intention> {
    let is_verb = |word: &&String| stem(word) == **word || !word.ends_with('s');
    let verb = words.iter().rev().filter(is_verb).find_map(|word| INTENTIONS.get(stem(word).as_str()).copied());
    let plural = words.last().is_some_and(|word| word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("us"));
    verb.or_else(|| plural.then_some(Intention::Read))
}

/// The intentions of a whole query, the foremost first: an opening question asks to read, else every verb counts.
pub(super) fn intentions(words: &[String]) -> Vec<Intention> {
    let opening = words.iter().find(|word| OPENERS.contains(word.as_str()) || !STOP_WORDS.contains(word.as_str()));
    if opening.is_some_and(|word| OPENERS.contains(word.as_str())) {
        return vec![Intention::Read];
    }
    // Who wants a thing wants it made, unless a verb says otherwise: "I need a list".
    let (wishes, verbs): (Vec<&String>, Vec<&String>) = words.iter().partition(|word| *word == WISH);
    let ordered = verbs.into_iter().chain(wishes);
    ordered.filter_map(|word| INTENTIONS.get(stem(word).as_str()).copied()).collect()
}

/// What stands for "I need a …".
const WISH: &str = "anew";

/// Whether a question is about many things: it says so ("all", "everybody"), or the first thing that it names is a plural.
pub(super) fn asks_for_many(query: &str) -> bool {
    let lower = query.to_lowercase();
    let plain =
        || lower.split(|one: char| !one.is_alphanumeric() && one != '\'' && one != '’').filter(|one| !one.is_empty());
    let quantified = plain().any(|word| matches!(word, "all" | "everybody" | "everyone" | "each" | "list" | "several"));
    let first = plain().find(|word| {
        !STOP_WORDS.contains(word) && !FAINT.contains(word) && !INTENTIONS.contains_key(stem(word).as_str())
    });
    quantified || first.is_some_and(is_plural)
}

fn is_plural(word: &str) -> bool {
    let ending = word.ends_with('s') && !["ss", "us", "is", "'s", "’s"].iter().any(|one| word.ends_with(one));
    matches!(word, "people" | "staff") || (word.len() >= 4 && ending)
}

/// Whether a tool of this name answers with many things: `user_list`, `system_backups`; or with one: `user_get`.
pub(super) fn number_of_name(words: &[String]) -> Option<Number> {
    match words.last()?.as_str() {
        "list" | "query" | "search" => Some(Number::Many),
        "get" => Some(Number::One),
        word if words.len() > 1 && is_plural(word) => Some(Number::Many),
        _ => None,
    }
}

/// The two words of a contraction: "isn't", "I'm".
fn contracted(word: &str) -> (&str, Option<&'static str>) {
    let word = word.trim_end_matches('\'');
    match word {
        "can't" | "cannot" => return ("can", Some("not")),
        "won't" => return ("will", Some("not")),
        "let's" => return ("let", None),
        _ => {}
    }
    let endings = [("n't", "not"), ("'m", "am"), ("'re", "are"), ("'ve", "have"), ("'ll", "will"), ("'d", "would")];
    let found = endings.iter().find_map(|(ending, second)| Some((word.strip_suffix(ending)?, Some(*second))));
    found.unwrap_or((word, None))
}

/// Removes a possessive ending and settles the spelling.
fn settle(word: &str) -> String {
    let word = word.strip_suffix("'s").unwrap_or(word).replace('\'', "");
    if let Some(regular) = IRREGULAR.get(word.as_str()) {
        return (*regular).to_owned();
    }
    if word.len() >= 6 && word.is_ascii() {
        for (british, american) in [
            ("isation", "ization"),
            ("ise", "ize"),
            ("ised", "ized"),
            ("ising", "izing"),
            ("our", "or"),
            ("ours", "ors"),
        ] {
            if let Some(start) = word.strip_suffix(british) {
                return format!("{start}{american}");
            }
        }
    }
    word
}

fn fold_expressions(plain: &[String]) -> Vec<String> {
    let mut folded = Vec::with_capacity(plain.len());
    let mut rest = plain;
    while let Some((first, after)) = rest.split_first() {
        let expression = EXPRESSIONS.get(first.as_str()).and_then(|candidates| {
            candidates.iter().find(|(tail, _)| {
                after.len() >= tail.len() && tail.iter().zip(after).all(|(one, other)| *one == other.as_str())
            })
        });
        let parted = || EXPRESSIONS.get(first.as_str()).and_then(|candidates| parted(candidates, after));
        if let Some((tail, meaning)) = expression {
            folded.extend(meaning.split(' ').filter(|word| !word.is_empty()).map(str::to_owned));
            rest = after.get(tail.len()..).unwrap_or_default();
        } else if let Some((meaning, between)) = parted() {
            folded.extend(meaning.split(' ').map(str::to_owned));
            folded.extend_from_slice(after.get(..between).unwrap_or_default());
            rest = after.get(between + 1..).unwrap_or_default();
        } else {
            if first == "who" && after.first().is_some_and(|verb| PAST.contains(verb.as_str()) || verb.ends_with("ed"))
            {
                folded.extend([first.clone(), HISTORY.to_owned()]);
            } else {
                folded.push(first.clone());
            }
            rest = after;
        }
    }
    folded
}

/// A verb parted from its particle by its object ("sign somebody up"): what it means, and how many words stand between.
fn parted(candidates: &Tails, after: &[String]) -> Option<(&'static str, usize)> {
    candidates.iter().find_map(|(tail, meaning)| match tail[..] {
        [particle] if PARTICLES.contains(&particle) => {
            after.iter().take(LONGEST_OBJECT + 1).position(|word| word == particle).map(|between| (*meaning, between))
        }
        _ => None,
    })
}

const PARTICLES: [&str; 5] = ["up", "out", "off", "away", "back"];
const LONGEST_OBJECT: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_names_questions_and_camel_case_alike() {
        assert_eq!(words("api_key-create"), ["api", "key", "create"]);
        assert_eq!(words("expiresAt"), ["expires", "at"]);
        assert_eq!(words("Who's the user's boss?"), ["who", "the", "user", "boss"]);
    }

    #[test]
    fn folds_expressions_and_spellings() {
        assert_eq!(words("get rid of it"), ["remove", "it"]);
        assert_eq!(words("summarised in colour"), words("summarized in color"));
        assert_eq!(words("the people"), ["the", "person"]);
        assert_eq!(words("isn't can't I'm"), ["is", "not", "can", "not", "i", "am"]);
        assert_eq!(words("ask ada@example.org."), ["ask", "email"]);
    }

    #[test]
    fn tells_what_a_sentence_intends() {
        assert_eq!(intentions(&words("please remove a key")), [Intention::Remove]);
        assert_eq!(intentions(&words("who deleted the workspace?")), [Intention::Read]);
        assert_eq!(intentions(&words("run a lookup")), [Intention::Run, Intention::Read]);
        assert_eq!(intentions(&words("weather")), []);
    }
}
