//! What of two texts vectors and shared words do not see: numbers, names, negations, words of opposite meaning. Texts that differ in these
//! are two, however alike they are otherwise.

/// The words that make two texts two, however close their vectors are. Their order counts: from Oslo to Bergen is not from Bergen
/// to Oslo.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// Numbers, names, symbols, what stands in quotes.
    pub(crate) said: Vec<String>,
    /// Words that turn what is said into its opposite.
    pub(crate) negations: usize,
    /// Words of which one has another in its place.
    pub(crate) opposites: Vec<&'static str>,
}

/// Words that turn what is said into its opposite, in some languages.
const NEGATIONS: &[&str] = &[
    "not", "no", "never", "none", "nobody", "nothing", "nowhere", "neither", "nor", "without", "cannot", "except",
    "unless", "non", "nicht", "kein", "keine", "keinen", "keiner", "nie", "niemals", "ohne", "weder", "pas", "sans",
    "jamais", "aucun", "aucune", "nunca", "sin", "ningún", "não", "sem", "senza", "mai",
];

/// Numbers in words.
const NUMBERS: &[&str] = &[
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "twenty", "thirty", "forty", "fifty", "hundred", "thousand", "million", "billion", "half", "twice", "double",
    "first", "second", "third", "last",
];

/// Words of which one has another in its place.
const OPPOSITES: &[&str] = &[
    "more",
    "less",
    "most",
    "least",
    "before",
    "after",
    "above",
    "below",
    "over",
    "under",
    "increase",
    "decrease",
    "higher",
    "lower",
    "high",
    "low",
    "start",
    "stop",
    "begin",
    "end",
    "open",
    "close",
    "enable",
    "disable",
    "on",
    "off",
    "add",
    "remove",
    "allow",
    "deny",
    "include",
    "exclude",
    "encode",
    "decode",
    "encrypt",
    "decrypt",
    "buy",
    "sell",
    "import",
    "export",
    "up",
    "down",
    "left",
    "right",
    "and",
    "or",
    "all",
    "any",
    "some",
    "always",
    "sometimes",
    "true",
    "false",
    "with",
    "minimum",
    "maximum",
    "min",
    "max",
    "best",
    "worst",
    "oldest",
    "newest",
    "from",
    "to",
    "yes",
];

/// Words that begin sentences and are no names for it.
const BEGINNINGS: &[&str] = &[
    "a",
    "an",
    "the",
    "what",
    "which",
    "who",
    "whom",
    "whose",
    "when",
    "where",
    "why",
    "how",
    "is",
    "are",
    "was",
    "were",
    "do",
    "does",
    "did",
    "can",
    "could",
    "will",
    "would",
    "should",
    "shall",
    "may",
    "might",
    "must",
    "please",
    "tell",
    "give",
    "show",
    "list",
    "explain",
    "describe",
    "write",
    "summarise",
    "summarize",
    "translate",
    "name",
    "find",
    "in",
    "on",
    "at",
    "for",
    "of",
    "to",
    "from",
    "with",
    "if",
    "i",
    "i'm",
    "my",
    "we",
    "our",
    "you",
    "your",
    "it",
    "its",
    "this",
    "that",
    "these",
    "those",
    "there",
    "and",
    "or",
    "but",
    "so",
    "hi",
    "hello",
    "hey",
    "let",
    "help",
    "make",
    "create",
];

/// What stands around words and says nothing of its own.
const PUNCTUATION: &[char] = &[
    '.', ',', ';', ':', '!', '?', '(', ')', '[', ']', '"', '\'', '\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}',
    '\u{2013}', '\u{2014}', '\u{2026}', '`',
];

impl Marks {
    /// The marks of a text.
    pub(crate) fn of(text: &str) -> Self {
        let mut marks = Self::default();
        let mut begins = true;
        for raw in text.split_whitespace() {
            let word = raw.trim_matches(PUNCTUATION);
            let ends = raw.ends_with(['.', '!', '?', ':']);
            if word.is_empty() {
                begins |= ends;
                continue;
            }
            let small = word.to_lowercase();
            let begun = std::mem::replace(&mut begins, ends);
            let plain = small.replace('\u{2019}', "'");
            marks.negations += usize::from(NEGATIONS.contains(&plain.as_str()) || plain.ends_with("n't"));
            marks.opposites.extend(OPPOSITES.iter().find(|one| **one == small));
            let is_number = word.contains(char::is_numeric) || NUMBERS.contains(&small.as_str());
            // A sign before or behind it (C++, -5, 5 %), a path, an address, a name of a program.
            let is_code = word.contains(|one: char| !one.is_alphanumeric() && !matches!(one, '\'' | '\u{2019}'));
            let is_capital = word.contains(char::is_uppercase);
            let is_name = is_capital && !(begun && BEGINNINGS.contains(&plain.as_str())) && plain != "i";
            if is_number || is_code || is_name {
                marks.said.push(small);
            }
        }
        // What stands in quotes is meant to the letter.
        for quote in ['"', '\u{201c}', '`'] {
            let close = if quote == '\u{201c}' { '\u{201d}' } else { quote };
            let mut rest = text;
            while let Some((_, after)) = rest.split_once(quote)
                && let Some((inside, after)) = after.split_once(close)
            {
                marks.said.push(inside.to_owned());
                rest = after;
            }
        }
        marks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_vectors_do_not_see_makes_two_questions_two() {
        let same = |one: &str, other: &str| Marks::of(one) == Marks::of(other);
        for (one, other) in [
            ("What is the capital of France?", "Which city is the capital of France?"),
            ("How do I reset my password?", "how can i reset the password"),
            ("Explain photosynthesis.", "Please explain photosynthesis"),
        ] {
            assert!(same(one, other), "{one} / {other}");
        }
        for (one, other) in [
            ("What is the capital of France?", "What is the capital of Spain?"),
            ("Is it safe to take 5 pills?", "Is it safe to take 50 pills?"),
            ("Is it safe?", "Is it not safe?"),
            ("Can I do it?", "Why can't I do it?"),
            ("Paris is large", "London is large"),
            ("How do I enable it?", "How do I disable it?"),
            ("Translate \"cat\"", "Translate \"dog\""),
            ("What happened in two years?", "What happened in three years?"),
            ("What does std::mem::swap do?", "What does std::mem::take do?"),
            ("open file_a", "open file_b"),
            ("from oslo to bergen", "to bergen"),
            ("How long is the train from Oslo to Bergen?", "How long is the train from Bergen to Oslo?"),
            ("Is it C?", "Is it C++?"),
            ("What is -5 squared?", "What is 5 squared?"),
            ("Is x < y?", "Is x > y?"),
            ("Is it 5 %?", "Is it $5?"),
        ] {
            assert!(!same(one, other), "{one} / {other}");
        }
    }
}
