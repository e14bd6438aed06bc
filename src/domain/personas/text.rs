//! What a model is told of a persona: the text in front of a conversation.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::model::Profile;
use crate::domain::prompts::engine::template::{Wrong, assembled};

/// What does not fit of a profile: the field, and how to mend it.
pub(super) fn fits(profile: &Profile) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    for (field, text) in [("title", &profile.title), ("description", &profile.description), ("role", &profile.role)] {
        if text.trim().is_empty() {
            wrong.push((field, "must not be empty".to_owned()));
        }
    }
    let lists = [
        ("expertise", &profile.expertise),
        ("traits", &profile.traits),
        ("rules", &profile.rules),
        ("tags", &profile.tags),
    ];
    for (field, list) in lists {
        if list.iter().any(|one| one.trim().is_empty()) {
            wrong.push((field, "holds an empty text: take it out".to_owned()));
        }
        let mut seen = std::collections::BTreeSet::new();
        if let Some(twice) = list.iter().find(|one| !seen.insert(one.trim().to_lowercase())) {
            wrong.push((field, format!("says '{twice}' twice")));
        }
    }
    wrong
}

/// The text.
///
/// # Errors
/// Where the instructions cannot be assembled.
pub fn text(profile: &Profile) -> Result<String, Wrong> {
    let mut values = Map::new();
    for (name, value) in [
        ("title", Value::from(profile.title.clone())),
        ("role", profile.role.clone().into()),
        ("expertise", profile.expertise.clone().into()),
        ("tone", profile.tone.clone().into()),
        ("traits", profile.traits.clone().into()),
        ("rules", profile.rules.clone().into()),
    ] {
        values.insert(name.to_owned(), value);
    }
    let more = assembled(&profile.instructions, &BTreeMap::new(), &values)?;
    let mut told = format!("You are {}: {}\n", profile.title.trim(), profile.role.trim());
    // Writing to a String cannot fail.
    if !profile.expertise.is_empty() {
        let _ = writeln!(told, "You know much of {}.", profile.expertise.join(", "));
    }
    match (profile.tone.trim(), profile.traits.as_slice()) {
        ("", []) => {}
        (tone, []) => drop(writeln!(told, "Your tone is {tone}.")),
        ("", traits) => drop(writeln!(told, "You are {}.", traits.join(", "))),
        (tone, traits) => drop(writeln!(told, "Your tone is {tone}; you are {}.", traits.join(", "))),
    }
    if !profile.rules.is_empty() {
        told.push_str("\nRules that you keep to:\n");
        for rule in &profile.rules {
            let _ = writeln!(told, "- {}", rule.trim());
        }
    }
    if !more.trim().is_empty() {
        let _ = writeln!(told, "\n{}", more.trim());
    }
    if !profile.examples.is_empty() {
        told.push_str("\nThis is how you speak:\n");
        for turn in &profile.examples {
            let _ = writeln!(told, "\n<user>\n{}\n</user>\n<you>\n{}\n</you>", turn.user.trim(), turn.assistant.trim());
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::personas::model::Turn;

    #[test]
    fn a_text_says_all_that_a_persona_is() {
        let profile = Profile {
            title: "Reviewer".to_owned(),
            description: "D".to_owned(),
            role: "an engineer.".to_owned(),
            expertise: vec!["Rust".to_owned(), "SQL".to_owned()],
            tone: "direct".to_owned(),
            traits: vec!["exact".to_owned()],
            rules: vec!["Name the line.".to_owned()],
            examples: vec![Turn { user: "Hi".to_owned(), assistant: "Line 3.".to_owned() }],
            instructions: "{% for one in expertise %}{{ one }}!{% endfor %}".to_owned(),
            ..Profile::default()
        };
        let told = text(&profile).unwrap();
        let all = "You are Reviewer: an engineer.\nYou know much of Rust, SQL.\nYour tone is direct; you are exact.\n\nRules that you keep to:\n- Name the line.\n\nRust!SQL!\n\nThis is how you speak:\n\n<user>\nHi\n</user>\n<you>\nLine 3.\n</you>\n";
        assert_eq!(told, all);
        assert!(fits(&profile).is_empty());
        let twice = Profile { tags: vec!["a".to_owned(), "A ".to_owned()], role: " ".to_owned(), ..profile };
        assert_eq!(fits(&twice).iter().map(|(field, _)| *field).collect::<Vec<_>>(), ["role", "tags"]);
    }
}
