//! The words that names are told by, and what words between two names say of them.

use std::sync::LazyLock;

use regex::Regex;

/// Words that begin sentences and names seldom.
pub(super) const OPENERS: &[&str] = &[
    "a",
    "about",
    "after",
    "all",
    "also",
    "although",
    "an",
    "and",
    "another",
    "any",
    "are",
    "as",
    "at",
    "because",
    "before",
    "between",
    "both",
    "but",
    "by",
    "can",
    "dear",
    "did",
    "do",
    "does",
    "during",
    "each",
    "either",
    "every",
    "few",
    "for",
    "from",
    "had",
    "has",
    "have",
    "he",
    "her",
    "here",
    "his",
    "how",
    "however",
    "i",
    "if",
    "in",
    "is",
    "it",
    "its",
    "last",
    "later",
    "like",
    "many",
    "may",
    "most",
    "much",
    "my",
    "neither",
    "next",
    "no",
    "not",
    "now",
    "of",
    "on",
    "once",
    "one",
    "only",
    "or",
    "other",
    "our",
    "over",
    "please",
    "see",
    "she",
    "since",
    "so",
    "some",
    "such",
    "that",
    "the",
    "their",
    "then",
    "there",
    "these",
    "they",
    "this",
    "those",
    "though",
    "through",
    "to",
    "today",
    "two",
    "under",
    "until",
    "was",
    "we",
    "were",
    "what",
    "when",
    "where",
    "which",
    "while",
    "who",
    "why",
    "will",
    "with",
    "yesterday",
    "you",
    "your", // German
    "aber",
    "als",
    "am",
    "an",
    "auch",
    "auf",
    "aus",
    "bei",
    "das",
    "dem",
    "den",
    "der",
    "des",
    "die",
    "dies",
    "diese",
    "dieser",
    "ein",
    "eine",
    "er",
    "es",
    "für",
    "im",
    "ist",
    "mit",
    "nach",
    "nicht",
    "oder",
    "sehr",
    "seit",
    "sie",
    "und",
    "von",
    "vor",
    "wenn",
    "wer",
    "wie",
    "wir",
    "zu",
    "zum",
    "zur",
];
/// Small words within names.
pub(super) const WITHIN: &[&str] = &["of", "the", "de", "la", "van", "von", "der", "den", "du", "di", "&"];
/// Days and months: written large, and no names.
pub(super) const CALENDAR: &[&str] = &[
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "montag",
    "dienstag",
    "mittwoch",
    "donnerstag",
    "freitag",
    "samstag",
    "sonntag",
    "januar",
    "februar",
    "märz",
    "mai",
    "juni",
    "juli",
    "oktober",
    "dezember",
];
/// Before names of people.
pub(super) const TITLES: &[&str] = &["mr", "mrs", "ms", "dr", "prof", "professor", "herr", "frau", "sir", "lady"];
/// What people are of something.
const ROLES: &str = "director|president|chief executive|ceo|cto|cfo|head|chair|chairman|chairwoman|manager|professor|minister|mayor|author|member|owner|tenant|landlord|\
                     secretary|engineer|officer|partner|spokesperson|treasurer|capital|founder|co-founder|cofounder|subsidiary|supplier|customer";

/// What words between two names say.
pub(super) struct Says {
    /// Whether the second name is where the relation begins.
    pub(super) turned: bool,
    /// The type of the relation.
    pub(super) of: String,
    /// What that is where it begins, and where it ends.
    pub(super) first: Option<&'static str>,
    pub(super) second: Option<&'static str>,
}

/// What a pattern says: the words between, the type, whether the second name comes first, what the two are.
struct Pattern {
    words: Regex,
    of: &'static str,
    turned: bool,
    from: Option<&'static str>,
    to: Option<&'static str>,
}

// Each is tried when it is first needed; one that is miswritten says nothing, and the test that counts them fails.
static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    const PERSON: Option<&str> = Some("Person");
    const FIRM: Option<&str> = Some("Organisation");
    const PLACE: Option<&str> = Some("Place");
    type Rule = (&'static str, &'static str, bool, Option<&'static str>, Option<&'static str>);
    let rules: [Rule; 25] = [
        (
            r"(?:, who |,? )?(?:also |now |still )?(?:works|worked|is employed|was employed|is working|was working) (?:for|at|by|with)",
            "works_at",
            false,
            PERSON,
            FIRM,
        ),
        (r"(?:joined|left|retired from)", "works_at", false, PERSON, FIRM),
        (r"employs|employed|hired|has hired", "works_at", true, FIRM, PERSON),
        (r"arbeitet (?:bei|für)", "works_at", false, PERSON, FIRM),
        (r"(?:co-?)?founded|set up|gründete|established", "founded", false, None, FIRM),
        (r"(?:was |,? )?(?:co-?)?(?:founded|set up|established) (?:in \d{4} )?by", "founded", true, FIRM, None),
        (r"(?:has )?(?:acquired|bought|taken over|took over|acquires|buys)", "acquired", false, FIRM, FIRM),
        (r"(?:was|has been|is being|,)? ?(?:acquired|bought|taken over) by", "acquired", true, FIRM, FIRM),
        (
            r"(?:,? which |, )?(?:is |was )?(?:based|located|headquartered|situated|seated) in",
            "located_in",
            false,
            None,
            PLACE,
        ),
        (r"has its (?:seat|office|offices|headquarters) in", "located_in", false, FIRM, PLACE),
        (r"(?:, who )?(?:was )?born in", "born_in", false, PERSON, PLACE),
        (r"(?:lives|lived|resides) in", "lives_in", false, PERSON, PLACE),
        (r"(?:(?:is|was) married to|married|is the (?:wife|husband) of)", "married_to", false, PERSON, PERSON),
        (r"owns|owned", "owns", false, None, None),
        (r"(?:,? )?(?:(?:is|was) )?owned by", "owns", true, None, None),
        (r"(?:,? which )?(?:is |was )?(?:a )?part of|belongs to", "part_of", false, None, None),
        (r"leads|led|heads|headed|manages|managed|directs|directed|runs|chairs", "leads", false, PERSON, None),
        (r"(?:,? )?(?:(?:is|was) )?(?:led|headed|managed|directed|run|chaired) by", "leads", true, None, PERSON),
        (
            r"ist (?:die |der )?(?:geschäftsführer|geschäftsführerin|leiter|leiterin|direktor|direktorin|vorstand) (?:der|des|von)",
            "leads",
            false,
            PERSON,
            None,
        ),
        (r"reports to", "reports_to", false, PERSON, PERSON),
        (r"supplies|supplied|delivers to|delivered to|provides services to", "supplies", false, None, None),
        (
            r"(?:signed|has signed|concluded|made) (?:a|an|the) (?:contract|agreement|lease|treaty) with",
            "agreed_with",
            false,
            None,
            None,
        ),
        (
            r"(?:works|worked|cooperates|cooperated|collaborates|collaborated) (?:together )?with",
            "works_with",
            false,
            None,
            None,
        ),
        (r"(?:wrote|invented|designed|built|developed|discovered|painted|composed)", "made", false, PERSON, None),
        (
            r"(?:was )?(?:written|invented|designed|built|developed|discovered|painted|composed) by",
            "made",
            true,
            None,
            PERSON,
        ),
    ];
    let whole = |words: &str| Regex::new(&format!(r"^(?:{words})(?: the| a| an)?$")).ok();
    let pattern = |(words, of, turned, first, second)| {
        let (from, to) = if turned { (second, first) } else { (first, second) };
        Some(Pattern { words: whole(words)?, of, turned, from, to })
    };
    rules.into_iter().filter_map(pattern).collect()
});

static ROLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(r"^,? ?(?:who )?(?:is |was |became )?(?:the |a |an |its )?(?:[\p{{L}}-]+ ){{0,3}}({ROLES})(?: of [\p{{L}}-]+)? (?:of|at|der|von)(?: the)?$")).ok()
});

/// What these words between two names say.
pub(super) fn says(gap: &str) -> Option<Says> {
    let gap = gap.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    // A title belongs to the name behind it.
    let without =
        |title: &&str| gap.strip_suffix(&format!(" {title}.")).or_else(|| gap.strip_suffix(&format!(" {title}")));
    let gap = TITLES.iter().find_map(without).unwrap_or(&gap);
    if let Some(pattern) = PATTERNS.iter().find(|pattern| pattern.words.is_match(gap)) {
        let Pattern { of, turned, from, to, .. } = pattern;
        return Some(Says { turned: *turned, of: (*of).to_owned(), first: *from, second: *to });
    }
    let role = ROLE.as_ref()?.captures(gap)?.get(1)?.as_str();
    let of = format!("{}_of", role.replace([' ', '-'], "_"));
    let person = !matches!(role, "capital" | "subsidiary" | "supplier" | "customer" | "owner" | "member");
    Some(Says { turned: false, of, first: person.then_some("Person"), second: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_can_be_read() {
        assert_eq!(PATTERNS.len(), 25);
        assert!(ROLE.is_some());
    }

    #[test]
    fn words_between_names_say_what_hangs_together() {
        let told = |gap: &str| says(gap).map(|says| (says.of, says.turned));
        for (gap, of, turned) in [
            (" works for the ", "works_at", false),
            (" was founded in 1999 by Dr. ", "founded", true),
            (", head of research at ", "head_of", false),
            (" is the capital of ", "capital_of", false),
        ] {
            assert_eq!(told(gap), Some((of.to_owned(), turned)), "{gap}");
        }
        for gap in [" and ", ", ", " does not work for ", " saw "] {
            assert_eq!(told(gap), None, "{gap}");
        }
    }
}
