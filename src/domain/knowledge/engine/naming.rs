//! Names in texts and how they hang together, told without a model: by capitals and rules, by patterns of words between two names, and by how
//! often two stand in one sentence. Pure: the same texts give the same answer.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::wording::{CALENDAR, OPENERS, Says, TITLES, WITHIN, says};
use crate::domain::documents::engine::entities::{self, EntityKind};
use crate::domain::memory::retrieval::sentences::sentences;
use crate::port::graph::name_key;

/// How it is called where it is told.
pub const METHOD: &str = "names by capitals and rules; relations by patterns of words between two, and by standing in one sentence at least twice with a \
                          normalised pointwise mutual information of 0.3 or more";
/// What something named is where that is not told.
pub const UNKNOWN: &str = "Name";
/// So many names are told of one document, those that are named most.
const MOST_NAMES: usize = 500;
/// So many pairs that only stand together, the closest.
const MOST_PAIRS: usize = 200;
/// So often two must stand in one sentence to hang together by that.
const LEAST_TOGETHER: usize = 2;
/// How closely, at least.
const LEAST_CLOSENESS: f64 = 0.3;
/// How sure a relation by a pattern is.
const BY_PATTERN: f64 = 0.6;
/// Words between two names that are held against patterns.
const WIDEST_GAP: usize = 80;
/// A language that writes more than this share of its words large writes all nouns so.
const NOUNS_LARGE: f64 = 0.25;
/// The longest name in words.
const MOST_WORDS: usize = 7;
/// A name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// As it is written where it is longest.
    pub name: String,
    /// What it is: `Person`, `Organisation`, `Place`, or `Name` where that is not told.
    pub of: &'static str,
    /// The texts that name it, each with the first sentence there that does.
    pub places: Vec<Place>,
}

/// Where something is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Which text.
    pub text: usize,
    /// The words.
    pub quote: String,
}

/// That two hang together.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// The one, as a place in the list of names.
    pub from: usize,
    /// The other.
    pub to: usize,
    /// How, such as `works_at`; `co_occurs_with` where they only stand together.
    pub of: String,
    /// How sure it is, where a pattern says it.
    pub confidence: Option<f64>,
    /// How closely they stand together, from 0 to 1, where that is all.
    pub closeness: Option<f64>,
    /// The texts that say it.
    pub places: Vec<Place>,
}

/// What texts name.
#[derive(Debug, Default, PartialEq)]
pub struct Named {
    /// The names.
    pub names: Vec<Name>,
    /// How they hang together.
    pub links: Vec<Link>,
    /// Names that were left out because there are more than are told.
    pub beyond: usize,
}

/// A name where it stands in a sentence.
struct Mention {
    start: usize,
    end: usize,
    name: String,
    of: Option<&'static str>,
}

/// A sentence with the names in it.
struct Said<'t> {
    text: usize,
    words: &'t str,
    mentions: Vec<Mention>,
}

/// Names in these texts, which are parts of one document, and how they hang together.
#[must_use]
pub fn named(texts: &[&str]) -> Named {
    let mut said: Vec<Said<'_>> = Vec::new();
    for (text, words) in texts.iter().enumerate() {
        said.extend(sentences(words).into_iter().map(|words| Said { text, words, mentions: Vec::new() }));
    }
    let small = small_words(&said);
    let large_nouns = writes_nouns_large(&said);
    for one in &mut said {
        one.mentions = mentions(one.words, &small, large_nouns);
    }
    let mut found = gathered(&mut said, large_nouns);
    let links = linked(&said, &mut found);
    finish(found, links)
}

/// What is gathered of one name.
#[derive(Default)]
struct Gathered {
    written: BTreeMap<String, usize>,
    of: BTreeMap<&'static str, usize>,
    places: Vec<Place>,
    count: usize,
}

/// The words that stand somewhere in small letters.
fn small_words(said: &[Said<'_>]) -> HashSet<String> {
    let words = said.iter().flat_map(|one| one.words.split(|letter: char| !is_of_word(letter)));
    words.filter(|word| word.starts_with(char::is_lowercase)).map(str::to_lowercase).collect()
}

/// Whether the language writes all nouns large: then a large word alone is no name.
fn writes_nouns_large(said: &[Said<'_>]) -> bool {
    let (mut large, mut all) = (0_u32, 0_u32);
    for one in said {
        let words = one.words.split(|letter: char| !is_of_word(letter)).filter(|word| word.chars().count() > 3).skip(1);
        for word in words {
            all += 1;
            large += u32::from(word.starts_with(char::is_uppercase));
        }
    }
    all >= 20 && f64::from(large) / f64::from(all) > NOUNS_LARGE
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '\'' | '’' | '-' | '&')
}

/// The names in a sentence, in order.
fn mentions(sentence: &str, small: &HashSet<String>, large_nouns: bool) -> Vec<Mention> {
    let mut found: Vec<Mention> = Vec::new();
    for entity in entities::find(sentence) {
        let (of, words) = match entity.kind {
            EntityKind::Person => ("Person", without_title(&sentence[entity.start..entity.end])),
            EntityKind::Organisation => ("Organisation", &sentence[entity.start..entity.end]),
            _ => continue,
        };
        let words = without_openers(words.trim_end_matches(['.', ' ']), small);
        let start = words.as_ptr() as usize - sentence.as_ptr() as usize;
        if !words.is_empty() {
            found.push(Mention { start, end: start + words.len(), name: words.to_owned(), of: Some(of) });
        }
    }
    if !is_title(sentence) {
        let more: Vec<Mention> = runs(sentence, small, large_nouns)
            .into_iter()
            .filter(|(start, end)| found.iter().all(|one| one.end <= *start || one.start >= *end))
            .map(|(start, end)| Mention { start, end, name: sentence[start..end].to_owned(), of: None })
            .collect();
        found.extend(more);
    }
    found.sort_by_key(|one| one.start);
    found
}

/// A line in which every longer word is large is a heading, and names nothing by its capitals.
fn is_title(sentence: &str) -> bool {
    let ends = sentence.ends_with(['.', '!', '?', ';', ':', ',']);
    let mut words = sentence.split_whitespace().filter(|word| word.chars().count() > 3).peekable();
    !ends && words.peek().is_some() && words.all(|word| word.starts_with(char::is_uppercase))
}

/// Rows of large words: from where to where.
fn runs(sentence: &str, small: &HashSet<String>, large_nouns: bool) -> Vec<(usize, usize)> {
    let words = words(sentence);
    let mut runs = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if !is_large(sentence, words[at]) {
            at += 1;
            continue;
        }
        let mut last = at;
        let mut next = at + 1;
        while next < words.len() && next - at < MOST_WORDS {
            let gap = &sentence[words[next - 1].1..words[next].0];
            if gap != " " {
                break;
            }
            let word = &sentence[words[next].0..words[next].1];
            if is_large(sentence, words[next]) {
                last = next;
            } else if !WITHIN.contains(&word) || (large_nouns && word != "von" && word != "&") {
                break;
            }
            next += 1;
        }
        let (from, to) = (words[at].0, words[last].1);
        let stripped = without_openers(without_title(&sentence[from..to]), small);
        let from = to - stripped.len();
        let many = stripped.contains(' ');
        let mid = from > words[0].0;
        let shouted = stripped.chars().count() >= 2
            && stripped.chars().all(|letter| letter.is_uppercase() || letter.is_numeric());
        // A large word alone is one where the language and the place leave no other reason for it.
        let alone = stripped.chars().count() > 2
            && !small.contains(&stripped.to_lowercase())
            && (shouted || (mid && !large_nouns));
        if !stripped.is_empty() && (many || alone) && !is_calendar(stripped) {
            runs.push((from, to));
        }
        at = last + 1;
    }
    runs
}

fn words(sentence: &str) -> Vec<(usize, usize)> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, letter) in sentence.char_indices() {
        match (is_of_word(letter), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push((from, at));
                start = None;
            }
            _ => {}
        }
    }
    words.extend(start.map(|from| (from, sentence.len())));
    // What belongs to somebody is called without the mark of that.
    words
        .into_iter()
        .map(|(from, to)| (from, from + without_genitive(&sentence[from..to]).len()))
        .filter(|(from, to)| from < to)
        .collect()
}

fn without_genitive(word: &str) -> &str {
    let word =
        word.trim_start_matches(['\'', '’']).strip_suffix("'s").or_else(|| word.strip_suffix("’s")).unwrap_or(word);
    word.trim_end_matches(['\'', '’', '-'])
}

fn is_large(sentence: &str, (from, to): (usize, usize)) -> bool {
    sentence[from..to].starts_with(char::is_uppercase)
}

fn is_calendar(name: &str) -> bool {
    name.split(' ').all(|word| CALENDAR.contains(&word.to_lowercase().as_str()))
}

fn without_title(name: &str) -> &str {
    let mut name = name.trim();
    while let Some((first, rest)) = name.split_once(' ') {
        if !TITLES.contains(&first.trim_end_matches('.').to_lowercase().as_str()) {
            break;
        }
        name = rest.trim_start();
    }
    name
}

/// Takes from the beginning what is written large because a sentence begins there.
fn without_openers<'t>(name: &'t str, small: &HashSet<String>) -> &'t str {
    let mut name = name;
    loop {
        let (first, rest) = name.split_once(' ').unwrap_or((name, ""));
        let word = first.to_lowercase();
        let opens = OPENERS.contains(&word.as_str())
            || (CALENDAR.contains(&word.as_str()) && !rest.is_empty())
            || (!rest.is_empty() && small.contains(&word) && WITHIN.contains(&word.as_str()));
        if !opens || first.is_empty() {
            return name;
        }
        name = rest;
    }
}

/// Gathers what is named, by what makes names the same; a part of one longer name stands for that.
fn gathered(said: &mut [Said<'_>], large_nouns: bool) -> BTreeMap<String, Gathered> {
    let mut all: BTreeMap<String, Gathered> = BTreeMap::new();
    let mut longer: HashMap<String, BTreeSet<String>> = HashMap::new();
    for mention in said.iter().flat_map(|one| &one.mentions) {
        let key = name_key(&mention.name);
        if key.contains(' ') {
            // People are called by their last name, others by their first.
            for part in [key.split(' ').next(), key.rsplit(' ').next()].into_iter().flatten() {
                longer.entry(part.to_owned()).or_default().insert(key.clone());
            }
        }
    }
    let mut alone: HashMap<String, usize> = HashMap::new();
    for mention in said.iter().flat_map(|one| &one.mentions) {
        *alone.entry(name_key(&mention.name)).or_default() += 1;
    }
    for one in said.iter_mut() {
        one.mentions.retain_mut(|mention| {
            let mut key = name_key(&mention.name);
            if !key.contains(' ') && mention.of.is_none() {
                match longer.get(&key).filter(|longer| longer.len() == 1).and_then(|longer| longer.first()) {
                    Some(longer) => key.clone_from(longer),
                    // A word alone is a name only where it comes again.
                    None if large_nouns || alone.get(&key).copied().unwrap_or(0) < LEAST_TOGETHER => return false,
                    None => {}
                }
            }
            if key.is_empty() {
                return false;
            }
            let gathered = all.entry(key.clone()).or_default();
            gathered.count += 1;
            if name_key(&mention.name) == key {
                *gathered.written.entry(mention.name.clone()).or_default() += 1;
            }
            if let Some(of) = mention.of {
                *gathered.of.entry(of).or_default() += 1;
            }
            if gathered.places.last().is_none_or(|last| last.text != one.text) {
                gathered.places.push(Place { text: one.text, quote: one.words.to_owned() });
            }
            mention.name = key;
            true
        });
    }
    all
}

/// How names hang together: by what stands between two neighbours, else by how often they stand together.
fn linked(said: &[Said<'_>], found: &mut BTreeMap<String, Gathered>) -> Vec<(String, String, Link)> {
    let mut links: BTreeMap<(String, String, String), Link> = BTreeMap::new();
    let mut told: HashSet<(String, String)> = HashSet::new();
    let mut seen: HashSet<&str> = HashSet::new();
    let mut with: BTreeMap<&str, usize> = BTreeMap::new();
    let mut together: BTreeMap<(&str, &str), Vec<Place>> = BTreeMap::new();
    let mut count = 0_usize;
    for one in said {
        for pair in one.mentions.windows(2) {
            let Some(Says { turned, of, first, second }) = between(one.words, &pair[0], &pair[1]) else { continue };
            let (from, to) = if turned { (&pair[1], &pair[0]) } else { (&pair[0], &pair[1]) };
            if from.name == to.name {
                continue;
            }
            for (name, kind) in [(&from.name, first), (&to.name, second)] {
                if let (Some(kind), Some(gathered)) = (kind, found.get_mut(name)) {
                    *gathered.of.entry(kind).or_default() += 1;
                }
            }
            told.insert(unordered(&from.name, &to.name));
            let place = Place { text: one.text, quote: one.words.to_owned() };
            let link = links.entry((from.name.clone(), to.name.clone(), of.clone())).or_insert_with(|| Link {
                from: 0,
                to: 0,
                of,
                confidence: Some(BY_PATTERN),
                closeness: None,
                places: Vec::new(),
            });
            if link.places.last().is_none_or(|last| last.text != place.text) {
                link.places.push(place);
            }
        }
        // What stands in the text twice, because passages overlap or lines come again, counts once.
        if !seen.insert(one.words) {
            continue;
        }
        count += 1;
        let names: BTreeSet<&str> = one.mentions.iter().map(|mention| mention.name.as_str()).collect();
        for name in &names {
            *with.entry(*name).or_default() += 1;
        }
        for (at, first) in names.iter().enumerate() {
            for second in names.iter().skip(at + 1).take(20) {
                together
                    .entry((*first, *second))
                    .or_default()
                    .push(Place { text: one.text, quote: one.words.to_owned() });
            }
        }
    }
    let mut pairs: Vec<(f64, &str, &str, Vec<Place>)> = together
        .into_iter()
        .filter(|((first, second), places)| places.len() >= LEAST_TOGETHER && !told.contains(&unordered(first, second)))
        .map(|((first, second), places)| {
            (closeness(places.len(), with[first], with[second], count), first, second, places)
        })
        .filter(|(closeness, ..)| *closeness >= LEAST_CLOSENESS)
        .collect();
    pairs.sort_by(|one, other| {
        other.0.total_cmp(&one.0).then(other.3.len().cmp(&one.3.len())).then((one.1, one.2).cmp(&(other.1, other.2)))
    });
    let pairs = pairs.into_iter().take(MOST_PAIRS).map(|(closeness, first, second, mut places)| {
        places.dedup_by_key(|place| place.text);
        let closeness = Some((closeness * 100.0).round() / 100.0);
        let link = Link { from: 0, to: 0, of: "co_occurs_with".to_owned(), confidence: None, closeness, places };
        (first.to_owned(), second.to_owned(), link)
    });
    let pairs: Vec<_> = pairs.collect();
    links.into_iter().map(|((from, to, _), link)| (from, to, link)).chain(pairs).collect()
}

fn unordered(one: &str, other: &str) -> (String, String) {
    if one <= other { (one.to_owned(), other.to_owned()) } else { (other.to_owned(), one.to_owned()) }
}

/// What the words between two neighbours say.
fn between(sentence: &str, first: &Mention, second: &Mention) -> Option<Says> {
    let gap = sentence.get(first.end..second.start)?;
    if gap.len() > WIDEST_GAP { None } else { says(gap) }
}

/// The normalised pointwise mutual information of two that stand together so often, of so many sentences: 0 where they meet as by chance, 1
/// where none is without the other. What stands in every sentence says nothing.
#[expect(clippy::cast_precision_loss, reason = "sentences of one document")]
fn closeness(together: usize, first: usize, second: usize, all: usize) -> f64 {
    let share = |count: usize| count as f64 / all.max(1) as f64;
    let both = share(together);
    if both >= 1.0 {
        return 0.0;
    }
    (both / (share(first) * share(second))).ln() / -both.ln()
}

/// What is told, those first that are named most.
fn finish(found: BTreeMap<String, Gathered>, links: Vec<(String, String, Link)>) -> Named {
    let mut kept: Vec<(String, Gathered)> = found.into_iter().filter(|(_, one)| !one.written.is_empty()).collect();
    kept.sort_by(|one, other| other.1.count.cmp(&one.1.count).then(one.0.cmp(&other.0)));
    let beyond = kept.len().saturating_sub(MOST_NAMES);
    kept.truncate(MOST_NAMES);
    let at: HashMap<String, usize> = kept.iter().enumerate().map(|(at, (key, _))| (key.clone(), at)).collect();
    let names = kept.into_iter().map(|(_, one)| {
        let most =
            |counts: &BTreeMap<&'static str, usize>| counts.iter().max_by_key(|(_, count)| **count).map(|(of, _)| *of);
        let of = most(&one.of).unwrap_or(UNKNOWN);
        let written = one.written.into_iter().max_by_key(|(_, count)| *count);
        Name { name: written.map(|(name, _)| name).unwrap_or_default(), of, places: one.places }
    });
    let names = names.collect();
    let links = links
        .into_iter()
        .filter_map(|(from, to, link)| Some(Link { from: *at.get(&from)?, to: *at.get(&to)?, ..link }));
    Named { names, links: links.collect(), beyond }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(named: &Named) -> Vec<String> {
        named
            .links
            .iter()
            .map(|link| format!("{} {} {}", named.names[link.from].name, link.of, named.names[link.to].name))
            .collect()
    }

    fn kinds(named: &Named) -> BTreeMap<&str, &str> {
        named.names.iter().map(|name| (name.name.as_str(), name.of)).collect()
    }

    #[test]
    fn people_firms_and_places_are_named_with_what_stands_between_them() {
        let text = "Dr. Ada Byron works for Alder Works GmbH. Alder Works GmbH is based in New Haven. The firm was founded in 1999. \
                    Birch Paper Ltd was acquired by Alder Works GmbH in May. Grace Hopper, head of research at Birch Paper Ltd, married Alan Moore.";
        let named = named(&[text]);
        let told = told(&named);
        for expected in [
            "Ada Byron works_at Alder Works GmbH",
            "Alder Works GmbH located_in New Haven",
            "Alder Works GmbH acquired Birch Paper Ltd",
            "Grace Hopper head_of Birch Paper Ltd",
        ] {
            assert!(told.iter().any(|one| one == expected), "{expected}: {told:?}");
        }
        let kinds = kinds(&named);
        assert_eq!(
            (kinds["Ada Byron"], kinds["Alder Works GmbH"], kinds["New Haven"]),
            ("Person", "Organisation", "Place")
        );
        assert_eq!(kinds["Grace Hopper"], "Person");
        assert!(!kinds.contains_key("May") && !kinds.contains_key("The"), "{kinds:?}");
        let byron = named.names.iter().find(|name| name.name == "Ada Byron").unwrap();
        assert_eq!(byron.places, [Place { text: 0, quote: "Dr. Ada Byron works for Alder Works GmbH.".to_owned() }]);
    }

    #[test]
    fn what_stands_together_more_often_than_by_chance_hangs_together() {
        let texts = [
            "Marie Curie and Pierre Curie measured the ore. It was dark. Rain fell all night. The lamp went out.",
            "In spring Marie Curie wrote to Pierre Curie again. Nobody answered. They waited for the post. Then it rained. Some days went by.",
            "Marie Curie met Lise Meitner once. She slept.",
        ];
        let named = named(&texts);
        assert_eq!(told(&named), ["Marie Curie co_occurs_with Pierre Curie"]);
        let link = &named.links[0];
        assert_eq!(
            (link.confidence, link.places.iter().map(|place| place.text).collect::<Vec<_>>()),
            (None, vec![0, 1])
        );
        assert!(link.closeness.is_some_and(|closeness| (0.3..=1.0).contains(&closeness)), "{link:?}");
        // What stands everywhere hangs together with nothing.
        assert!(closeness(4, 4, 4, 4).abs() < 1e-9 && closeness(2, 4, 4, 8) < 1e-9 && closeness(3, 3, 3, 9) > 0.99);
    }

    #[test]
    fn a_part_of_a_name_stands_for_it_and_sentences_begin_large_without_being_names() {
        let texts = [
            "Grace Hopper led the team. Yesterday Hopper met nobody. However, the team liked Hopper. Large ships need water.",
            "Later Hopper left.",
        ];
        let named = named(&texts);
        assert_eq!(named.names.iter().map(|name| name.name.as_str()).collect::<Vec<_>>(), ["Grace Hopper"]);
        assert_eq!(named.names[0].places.iter().map(|place| place.text).collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn headings_and_languages_with_large_nouns_are_not_full_of_names() {
        assert_eq!(named(&["Opening Hours And House Rules\n\nthe library is open"]).names, []);
        let german = "Der Vertrag wird auf unbestimmte Zeit geschlossen. Die Kündigung bedarf der Schriftform. Der Mieter zahlt die Miete im Voraus auf das Konto. \
                      Die Kaution beträgt drei Monatsmieten und liegt auf einem Konto der Sparkasse. Für Schäden an der Wohnung haftet der Mieter. \
                      Herr Karl Blum arbeitet bei Erle Bau GmbH. Der Vermieter darf die Wohnung nach Ankündigung betreten, wenn ein Grund besteht.";
        let named = named(&[german]);
        assert_eq!(told(&named), ["Karl Blum works_at Erle Bau GmbH"]);
        assert_eq!(named.names.len(), 2, "{:?}", named.names);
    }

    #[test]
    fn a_flood_has_an_end_and_equal_texts_have_equal_answers() {
        let flood: Vec<String> = (0..3000).map(|at| format!("Anna Number{at} met Bert Number{}. ", at + 1)).collect();
        let flood = flood.concat();
        let began = std::time::Instant::now();
        let once = named(&[&flood]);
        assert_eq!((once.names.len(), once.beyond > 0), (MOST_NAMES, true));
        assert_eq!(once, named(&[&flood]));
        assert_eq!(named(&["", "   ", "\u{0}\u{feff}"]), Named::default());
        assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
    }
}
