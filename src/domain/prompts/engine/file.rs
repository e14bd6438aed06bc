//! Files of prompts and blocks: front matter in TOML between two lines of `+++`, then the template.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::content::{Case, Check, Content, Variable};
use super::lint::{Finding, Level, findings};
use super::version::Version;

/// The mark around front matter.
const MARK: &str = "+++";

/// A prompt or a block as a file says it.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptFile {
    /// Its id: the file's name without its ending.
    pub id: String,
    /// Whether it is a block.
    pub block: bool,
    /// Its name in words.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// What it is found by.
    pub tags: Vec<String>,
    /// Its version.
    pub version: Version,
    /// The labels that it carries.
    pub labels: Vec<String>,
    /// Its content.
    pub content: Content,
    /// The content's digest.
    pub digest: String,
    /// The blocks that it says it includes.
    pub blocks: Vec<String>,
    /// The line of the file that the template begins in.
    pub first_line: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Front {
    title: String,
    description: String,
    #[serde(default)]
    tags: Vec<String>,
    version: String,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    blocks: Vec<String>,
    #[serde(default)]
    variables: BTreeMap<String, Map<String, Value>>,
    #[serde(default)]
    checks: Vec<Check>,
    #[serde(default)]
    cases: Vec<Case>,
}

/// A file's front matter, its body, and the line that the body begins in.
///
/// # Errors
/// Where there is no front matter, or it is not as it must be; with the line.
pub fn split<T: DeserializeOwned>(text: &str) -> Result<(T, String, usize), String> {
    // Editors of other systems end lines otherwise, and some begin a file with a mark of their own.
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let Some(rest) = text.strip_prefix(MARK).and_then(|rest| rest.strip_prefix('\n')) else {
        return Err(format!("line 1: the file must begin with a line of {MARK}, and front matter in TOML behind it"));
    };
    let end = if rest.starts_with(&format!("{MARK}\n")) || rest == MARK { Some(0) } else { None };
    let end = end.or_else(|| rest.find(&format!("\n{MARK}\n")).map(|at| at + 1));
    let end = end.or_else(|| rest.strip_suffix(&format!("\n{MARK}")).map(|front| front.len() + 1));
    let Some(end) = end else {
        return Err(format!("the front matter has no end: a line of {MARK} is missing"));
    };
    let (front, body) = (rest.get(..end).unwrap_or_default(), rest.get(end + MARK.len()..).unwrap_or_default());
    let body = body.strip_prefix('\n').unwrap_or(body);
    let parsed = toml::from_str(front).map_err(|error| {
        let before = error.span().and_then(|span| front.get(..span.start)).unwrap_or_default();
        let line = before.bytes().filter(|one| *one == b'\n').count() + 2;
        format!("line {line}: {}", error.message().trim_end().replace('\n', ", "))
    })?;
    Ok((parsed, body.to_owned(), front.bytes().filter(|one| *one == b'\n').count() + 3))
}

/// Whether a text is an id: words of small letters and digits joined by `-`.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let word =
        |word: &str| !word.is_empty() && word.bytes().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit());
    text.len() <= 64 && text.split('-').all(word)
}

/// The id that a name in words has: `Customer Analysis` is `customer-analysis`. Empty where it has no letter or digit.
#[must_use]
pub fn id_of(name: &str) -> String {
    let mut id = String::new();
    for one in name.chars().flat_map(char::to_lowercase) {
        if one.is_ascii_alphanumeric() {
            id.push(one);
        } else if !id.is_empty() && !id.ends_with('-') {
            id.push('-');
        }
        if id.len() >= 64 {
            break;
        }
    }
    id.trim_end_matches('-').to_owned()
}

/// The id that a caller means: an id as it is, a name as its id.
#[must_use]
pub fn meant(given: &str) -> String {
    if is_id(given) { given.to_owned() } else { id_of(given) }
}

impl PromptFile {
    /// Reads a file and judges it.
    ///
    /// # Errors
    /// What is wrong with it, with the line, and how to mend it. Whether its blocks are there is judged where all files are.
    pub fn read(stem: &str, block: bool, text: &str) -> Result<Self, String> {
        let file = Self::parsed(stem, block, text)?;
        let bad: Vec<String> = findings(&file.content, None)
            .into_iter()
            .filter(|finding| finding.level == Level::Error)
            .map(|finding| file.place(&finding))
            .collect();
        if bad.is_empty() { Ok(file) } else { Err(bad.join("; ")) }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it does not have the form of one.
    pub fn parsed(stem: &str, block: bool, text: &str) -> Result<Self, String> {
        if !is_id(stem) {
            return Err(
                "the file's name must be words of small letters and digits joined by '-', and end in .md".to_owned()
            );
        }
        let (front, template, first_line) = split::<Front>(text)?;
        let version = Version::parse(&front.version)
            .ok_or_else(|| format!("version: '{}' is none, write major.minor.patch such as 1.0.0", front.version))?;
        for (what, text) in [("title", &front.title), ("description", &front.description)] {
            if text.trim().is_empty() {
                return Err(format!("{what}: must not be empty"));
            }
        }
        if block && !(front.labels.is_empty() && front.cases.is_empty()) {
            return Err("a block has no labels and no cases: those are the prompts' that include it".to_owned());
        }
        if let Some(label) = front.labels.iter().find(|label| !is_id(label)) {
            return Err(format!("labels: '{label}' must be words of small letters and digits joined by '-'"));
        }
        let variables = front.variables.into_iter().map(|(name, schema)| variable_of(name, schema)).collect();
        let content = Content { template, variables, checks: front.checks, cases: front.cases };
        Ok(Self {
            id: stem.to_owned(),
            block,
            title: front.title,
            description: front.description,
            tags: front.tags,
            version,
            labels: front.labels,
            digest: content.digest(),
            content,
            blocks: front.blocks,
            first_line,
        })
    }

    /// A finding as the file's reader finds it.
    #[must_use]
    pub fn place(&self, finding: &Finding) -> String {
        match finding.line {
            Some(line) => format!("line {}: {} ({})", line + self.first_line - 1, finding.message, finding.rule),
            None => format!("{} ({})", finding.message, finding.rule),
        }
    }
}

/// A variable as front matter says it: beside the words of JSON Schema `required = false` says that it need not be given.
fn variable_of(name: String, mut schema: Map<String, Value>) -> Variable {
    let said = match schema.get("required") {
        Some(Value::Bool(said)) => Some(*said),
        _ => None,
    };
    if said.is_some() {
        schema.remove("required");
    }
    let required = said.unwrap_or_else(|| !schema.contains_key("default"));
    Variable { name, required, schema }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "+++\ntitle = \"T\"\ndescription = \"D\"\nversion = \"1.2.0\"\n\n[variables.a]\ntype = \"string\"\ndescription = \"A.\"\n\n[variables.b]\ntype = \"string\"\ndescription = \"B.\"\ndefault = \"x\"\n\n[variables.c]\ntype = \"string\"\ndescription = \"C.\"\nrequired = false\n+++\n{{ a }} {{ b }}{% if c is defined %}{{ c }}{% endif %}\n";

    #[test]
    fn a_file_is_read_with_what_its_variables_demand() {
        let file = PromptFile::read("a-file", false, GOOD).unwrap();
        assert_eq!((file.id.as_str(), file.version.to_string().as_str(), file.first_line), ("a-file", "1.2.0", 20));
        let demands: Vec<(&str, bool)> =
            file.content.variables.iter().map(|one| (one.name.as_str(), one.required)).collect();
        assert_eq!(demands, [("a", true), ("b", false), ("c", false)]);
        let same = PromptFile::read("a-file", false, &format!("\u{feff}{}", GOOD.replace('\n', "\r\n"))).unwrap();
        assert_eq!(same.digest, file.digest);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let broken = |from: &str, to: &str| PromptFile::read("a-file", false, &GOOD.replace(from, to)).unwrap_err();
        assert!(broken("+++\ntitle", "title").starts_with("line 1: the file must begin"));
        assert!(broken("\n+++\n{{", "\n{{").contains("has no end"));
        assert!(broken("title = \"T\"", "title = ").starts_with("line 2: "), "{}", broken("title = \"T\"", "title = "));
        assert!(broken("version = \"1.2.0\"", "versoin = \"1\"").starts_with("line 4: unknown field `versoin`"));
        assert!(broken("1.2.0", "1.2").contains("'1.2' is none"));
        assert!(
            broken("{{ b }}", "\n{{ nobody }}").starts_with("line 21: "),
            "{}",
            broken("{{ b }}", "\n{{ nobody }}")
        );
        assert!(broken("{{ b }}", "{% if %}").starts_with("line 20: "), "{}", broken("{{ b }}", "{% if %}"));
        assert!(broken("description = \"D\"", "description = \" \"").contains("must not be empty"));
        assert!(PromptFile::read("A file", false, GOOD).unwrap_err().contains("the file's name"));
        let block = GOOD.replace("version", "labels = [\"production\"]\nversion");
        assert!(PromptFile::read("a", true, &block).unwrap_err().contains("a block has no labels"));
    }

    #[test]
    fn names_in_words_have_ids() {
        assert_eq!(id_of("Customer Analysis"), "customer-analysis");
        assert_eq!(id_of("  Übersicht: Q3/2026 "), "bersicht-q3-2026");
        assert_eq!(id_of("???"), "");
        assert!(is_id(&id_of(&"long name ".repeat(20))));
        assert_eq!((meant("a1-b2"), meant("Customer Analysis")), ("a1-b2".to_owned(), "customer-analysis".to_owned()));
        assert!(!is_id("a--b") && !is_id("-a") && !is_id("A") && is_id("a1-b2"));
    }
}
