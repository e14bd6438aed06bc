//! What the tools' inputs share: groups, permission patterns and toolsets, held against what there is.

use crate::capability::permit::{Action, Grants, Resource};
use crate::capability::spec::Domain;
use crate::kernel::fault::{Fault, Violation};

/// The same texts, sorted, each once.
pub(super) fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort_unstable();
    texts.dedup();
    texts
}

/// A text that is not empty; an empty one stands for none.
pub(super) fn filled(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The patterns, sorted, each once, and what they permit.
///
/// # Errors
/// `bad_input` with each pattern that names nothing.
pub(super) fn patterns(property: &str, patterns: Vec<String>) -> Result<(Vec<String>, Grants), Fault> {
    let mut grants = Grants::NONE;
    let mut wrong = Vec::new();
    for (at, pattern) in patterns.iter().enumerate() {
        match Grants::parse(pattern) {
            Some(given) => grants = grants.union(given),
            None => wrong.push(Violation { pointer: format!("/{property}/{at}"), message: known_permissions() }),
        }
    }
    if wrong.is_empty() { Ok((sorted(patterns), grants)) } else { Err(Fault::violations(wrong)) }
}

/// The names of toolsets, sorted, each once.
///
/// # Errors
/// `bad_input` with each name that is no toolset's.
pub(super) fn toolsets(property: &str, names: Vec<String>) -> Result<Vec<String>, Fault> {
    let known = Domain::ALL.iter().map(|domain| domain.name()).collect::<Vec<_>>().join(", ");
    let wrong: Vec<Violation> = names
        .iter()
        .enumerate()
        .filter(|(_, name)| Domain::parse(name).is_none())
        .map(|(at, _)| Violation { pointer: format!("/{property}/{at}"), message: format!("must be one of {known}") })
        .collect();
    if wrong.is_empty() { Ok(sorted(names)) } else { Err(Fault::violations(wrong)) }
}

fn known_permissions() -> String {
    let names = |all: Vec<&str>| all.join(", ");
    format!(
        "must be '*' or RESOURCE:ACTION with a resource of {}, an action of {}, or '*' for either",
        names(Resource::ALL.iter().map(|resource| resource.name()).collect()),
        names(Action::ALL.iter().map(|action| action.name()).collect()),
    )
}
