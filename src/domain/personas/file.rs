//! Files of personas: front matter in TOML between two lines of `+++`, then more instructions as a template.

use serde::Deserialize;

use super::model::{Profile, Turn};
use super::text::{fits, text};
use crate::domain::prompts::engine::content::Check;
use crate::domain::prompts::engine::file::{is_id, split};
use crate::domain::prompts::engine::version::Version;

/// A persona as a file says it.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonaFile {
    /// Its id: the file's name without its ending.
    pub id: String,
    /// Its version.
    pub version: Version,
    /// Who it is.
    pub profile: Profile,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Front {
    title: String,
    description: String,
    role: String,
    #[serde(default)]
    expertise: Vec<String>,
    #[serde(default)]
    tone: String,
    #[serde(default)]
    traits: Vec<String>,
    #[serde(default)]
    rules: Vec<String>,
    #[serde(default)]
    tags: Vec<String>,
    version: String,
    #[serde(default)]
    examples: Vec<Turn>,
    #[serde(default)]
    checks: Vec<Check>,
}

impl PersonaFile {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, with the line, and how to mend it.
    pub fn read(stem: &str, whole: &str) -> Result<Self, String> {
        if !is_id(stem) {
            return Err(
                "the file's name must be words of small letters and digits joined by '-', and end in .md".to_owned()
            );
        }
        let (front, instructions, first_line) = split::<Front>(whole)?;
        let version = Version::parse(&front.version)
            .ok_or_else(|| format!("version: '{}' is none, write major.minor.patch such as 1.0.0", front.version))?;
        let profile = Profile {
            title: front.title,
            description: front.description,
            role: front.role,
            expertise: front.expertise,
            tone: front.tone,
            traits: front.traits,
            rules: front.rules,
            tags: front.tags,
            examples: front.examples,
            instructions,
            checks: front.checks,
        };
        let wrong = fits(&profile);
        if !wrong.is_empty() {
            let all: Vec<String> = wrong.into_iter().map(|(field, why)| format!("{field}: {why}")).collect();
            return Err(all.join("; "));
        }
        text(&profile).map_err(|wrong| match wrong.line {
            Some(line) => format!("line {}: {}", line + first_line - 1, wrong.say),
            None => wrong.say,
        })?;
        Ok(Self { id: stem.to_owned(), version, profile })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "+++\ntitle = \"Reviewer\"\ndescription = \"Reads changes.\"\nrole = \"An engineer who reviews.\"\nversion = \"1.0.0\"\n+++\nBe {{ role }}\n";

    #[test]
    fn a_file_is_read_and_what_is_wrong_is_told_with_its_line() {
        let file = PersonaFile::read("reviewer", GOOD).unwrap();
        assert_eq!((file.id.as_str(), file.version.to_string()), ("reviewer", "1.0.0".to_owned()));
        let broken = |from: &str, to: &str| PersonaFile::read("reviewer", &GOOD.replace(from, to)).unwrap_err();
        assert!(
            broken("{{ role }}", "{{ nobody }}").starts_with("line 7: "),
            "{}",
            broken("{{ role }}", "{{ nobody }}")
        );
        assert!(broken("role = \"An engineer who reviews.\"", "role = \"\"").contains("role: must not be empty"));
        assert!(broken("role =", "roll =").starts_with("line 4: unknown field"));
        assert!(broken("1.0.0", "one").contains("'one' is none"));
    }
}
