//! Makes the corpus: documents of kinds of which there are many that are nearly the same, with other names and figures, and questions that
//! use other words than they do. The same each time. The texts stand in tests/fixtures/corpus; the form is told in the first lines there.

use std::collections::{BTreeMap, HashMap};

use sha2::{Digest as _, Sha256};

const FAMILIES: &str = include_str!("../../../../fixtures/corpus/families.txt");
const FACTS: &str = include_str!("../../../../fixtures/corpus/facts.txt");
/// Documents of each kind: as many as there are names of what they are about.
const OF_EACH: usize = 17;

/// A document to be uploaded.
pub(super) struct Made {
    pub(super) name: String,
    pub(super) text: String,
}

/// A question and where its answer stands.
pub(super) struct Question {
    pub(super) text: String,
    /// The document's name.
    pub(super) document: String,
    /// The words that answer it, as one or the other wording says them; in small letters.
    pub(super) answer: String,
    /// Whether it names what the document is about. Others are answered by one document alone.
    pub(super) names: bool,
}

impl Question {
    /// Whether a passage of a document answers it.
    pub(super) fn is_answered_by(&self, document: &str, passage: &str) -> bool {
        document == self.document && passage.to_lowercase().contains(&self.answer)
    }
}

#[derive(Default)]
struct Family {
    kind: String,
    ending: String,
    title: String,
    slots: Vec<(String, String)>,
    sections: Vec<Section>,
}

#[derive(Default, Clone)]
struct Section {
    heading: String,
    wordings: Vec<String>,
    questions: Vec<String>,
    answer: String,
}

/// All documents and all questions.
pub(super) fn corpus() -> (Vec<Made>, Vec<Question>) {
    let (lists, families) = read(FAMILIES);
    let (_, facts) = read(FACTS);
    let (mut documents, mut questions) = (Vec::new(), Vec::new());
    for (of, family) in families.iter().enumerate() {
        let own = &facts.iter().find(|one| one.kind == family.kind).unwrap().sections;
        for number in 0..OF_EACH {
            let name = format!("{}-{number:02}.{}", family.kind, family.ending);
            let slots = slots(family, &lists, number);
            let fill = |text: &str| slots.iter().fold(text.to_owned(), |text, (slot, value)| text.replace(slot, value));
            let mut sections: Vec<(String, String)> = family
                .sections
                .iter()
                .map(|section| {
                    let wording = chance(&[&name, &section.heading]) % section.wordings.len();
                    (section.heading.clone(), fill(&section.wordings[wording]))
                })
                .collect();
            // Each stands in one document, not always at its end.
            if let Some(fact) = own.get(number / 3).filter(|_| number % 3 == 1) {
                let text = fact.wordings[0].clone();
                questions.extend(fact.questions.iter().map(|question| Question {
                    text: question.clone(),
                    document: name.clone(),
                    answer: text.chars().take(30).collect::<String>().to_lowercase(),
                    names: false,
                }));
                sections.insert(number % (sections.len() + 1), (fact.heading.clone(), text));
            }
            let all: Vec<(&Section, &String)> = family
                .sections
                .iter()
                .flat_map(|section| section.questions.iter().map(move |one| (section, one)))
                .collect();
            // One of each document, two of some.
            for at in [Some(number), (number % 3 == 0).then_some(number + all.len() / 2)].into_iter().flatten() {
                let (section, question) = all[(at + of) % all.len()];
                let text = fill(question);
                questions.push(Question {
                    text,
                    document: name.clone(),
                    answer: fill(&section.answer).to_lowercase(),
                    names: true,
                });
            }
            documents.push(Made { text: written(&family.ending, &fill(&family.title), &sections), name });
        }
    }
    (documents, questions)
}

/// What stands for each slot in a document. The first list of its title is what it is about; figures and other names go by chance.
fn slots(family: &Family, lists: &BTreeMap<String, Vec<String>>, number: usize) -> HashMap<String, String> {
    let mut found = HashMap::new();
    for (at, (list, values)) in lists.iter().enumerate() {
        if family.title.contains(&format!("{{{list}}}")) {
            // Who is in two lists meets another of the other list in each kind.
            found.insert(format!("{{{list}}}"), values[(number * (1 + at % 3)) % OF_EACH].clone());
        }
    }
    for (slot, values) in &family.slots {
        let by_chance = chance(&[&family.kind, slot, &number.to_string()]);
        let value = match values.split_once("..") {
            Some((from, to)) => {
                let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
                (from + by_chance % (to - from + 1)).to_string()
            }
            None => lists[values][by_chance % lists[values].len()].clone(),
        };
        found.insert(format!("{{{slot}}}"), value);
    }
    found
}

fn chance(of: &[&str]) -> usize {
    let digest = Sha256::digest(of.join("\n").as_bytes());
    usize::from(u16::from_le_bytes([digest[0], digest[1]]))
}

fn written(ending: &str, title: &str, sections: &[(String, String)]) -> String {
    let part = |(at, (heading, text)): (usize, &(String, String))| match ending {
        "html" => format!("<h2>{heading}</h2><p>{text}</p>"),
        "md" => format!("## {heading}\n\n{text}\n\n"),
        _ => format!("{}. {heading}\n\n{text}\n\n", at + 1),
    };
    let parts: String = sections.iter().enumerate().map(part).collect();
    match ending {
        "html" => format!("<!doctype html><html><body><h1>{title}</h1>{parts}</body></html>"),
        "md" => format!("# {title}\n\n{parts}"),
        _ => format!("{title}\n\n{parts}"),
    }
}

fn read(text: &str) -> (BTreeMap<String, Vec<String>>, Vec<Family>) {
    let (mut lists, mut families) = (BTreeMap::new(), Vec::<Family>::new());
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
        let (sign, rest) = line.split_once(' ').unwrap();
        match (sign, families.last_mut()) {
            ("@", _) => {
                let (name, values) = rest.split_once(": ").unwrap();
                lists.insert(name.to_owned(), values.split(", ").map(str::to_owned).collect());
            }
            ("==", _) => {
                let parts: Vec<String> = rest.split(" | ").map(str::to_owned).collect();
                let part = |at: usize| parts.get(at).cloned().unwrap_or_default();
                families.push(Family { kind: part(0), ending: part(1), title: part(2), ..Family::default() });
            }
            (":", Some(family)) => {
                let (slot, values) = rest.split_once(' ').unwrap();
                family.slots.push((slot.to_owned(), values.to_owned()));
            }
            ("##", Some(family)) => family.sections.push(Section { heading: rest.to_owned(), ..Section::default() }),
            (">", Some(family)) => family.sections.last_mut().unwrap().wordings.push(rest.to_owned()),
            ("?", Some(family)) => family.sections.last_mut().unwrap().questions.push(rest.to_owned()),
            ("=", Some(family)) => rest.clone_into(&mut family.sections.last_mut().unwrap().answer),
            _ => panic!("{line}"),
        }
    }
    (lists, families)
}
