//! Topics: what kinds of events there are, which events a pattern names, and who may hear them. A domain declares the topics
//! that it tells; the others are those that somebody publishes to.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::caller::Caller;
use super::permit::{Action, Resource};
use super::schema::SharedSchema;
use super::spec::Domain;
use crate::port::records::{Filter, Scalar};

/// The longest name of a topic.
pub const LONGEST_TOPIC: usize = 128;

/// A topic that the program tells of by itself.
#[derive(Debug)]
pub struct Topic {
    /// Its name: `user.created`.
    pub name: &'static str,
    /// Whose `manage` permission lets one hear it.
    pub resource: Resource,
    /// When it is told.
    pub about: &'static str,
    /// The schema of its data.
    pub data: fn() -> SharedSchema,
}

/// The schema of an event's data: an object of these properties, each with its JSON type.
#[must_use]
pub fn object_of(properties: &[(&str, &str)]) -> SharedSchema {
    let of_type = |(name, kind): &(&str, &str)| ((*name).to_owned(), serde_json::json!({ "type": kind }));
    let required: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
    let mut schema = serde_json::Map::new();
    schema.insert("type".to_owned(), "object".into());
    schema.insert("properties".to_owned(), properties.iter().map(of_type).collect::<serde_json::Map<_, _>>().into());
    schema.insert("required".to_owned(), required.into());
    std::sync::Arc::new(schema)
}

/// All topics that the program tells of by itself.
#[derive(Debug, Default)]
pub struct TopicBook {
    topics: BTreeMap<&'static str, &'static Topic>,
    reserved: BTreeSet<&'static str>,
}

impl TopicBook {
    /// The book of these topics.
    #[must_use]
    pub fn new(topics: impl Iterator<Item = &'static Topic>) -> Self {
        let topics: BTreeMap<_, _> = topics.map(|topic| (topic.name, topic)).collect();
        let mut reserved: BTreeSet<&str> = topics.keys().map(|name| first_word(name)).collect();
        for resource in Resource::ALL {
            reserved.extend([resource.name(), singular(resource.name())]);
        }
        reserved.extend(Domain::ALL.iter().map(|domain| domain.name()));
        Self { topics, reserved }
    }

    /// The topic of a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&'static Topic> {
        self.topics.get(name).copied()
    }

    /// All of them by name.
    pub fn iter(&self) -> impl Iterator<Item = &'static Topic> {
        self.topics.values().copied()
    }

    /// Whether only the program itself tells of a topic: whoever hears of a user that was made must be able to believe it.
    #[must_use]
    pub fn is_reserved(&self, topic: &str) -> bool {
        self.reserved.contains(first_word(topic))
    }

    /// The resource whose manager may hear a topic that the program tells of.
    fn resource_of(&self, topic: &str) -> Option<Resource> {
        let word = first_word(topic);
        let named = || Resource::ALL.iter().copied().find(|one| one.name() == word || singular(one.name()) == word);
        let begins = || self.iter().find(|one| first_word(one.name) == word).map(|one| one.resource);
        self.find(topic).map(|topic| topic.resource).or_else(named).or_else(begins)
    }
}

fn first_word(topic: &str) -> &str {
    topic.split('.').next().unwrap_or_default()
}

fn singular(name: &'static str) -> &'static str {
    name.strip_suffix('s').unwrap_or(name)
}

/// Whether text is the name of a topic: words of letters, digits, `_` and `-`, with dots between.
#[must_use]
pub fn is_topic(text: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    text.len() <= LONGEST_TOPIC && text.split('.').all(|word| !word.is_empty() && word.chars().all(plain))
}

/// Which topics: text in which `*` stands for anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Pattern(String);

impl Pattern {
    /// The pattern that a text is; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.*".contains(letter);
        let fits = !text.is_empty() && text.len() <= LONGEST_TOPIC && text.chars().all(plain);
        fits.then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names just one topic.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        !self.0.contains('*')
    }

    /// Whether a topic fits.
    #[must_use]
    pub fn fits(&self, topic: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(mut rest) = topic.strip_prefix(parts.next().unwrap_or_default()) else { return false };
        let mut last = None;
        for part in parts {
            if let Some(part) = last.replace(part) {
                let Some(at) = str::find(rest, part) else { return false };
                rest = &rest[at + part.len()..];
            }
        }
        last.map_or(rest.is_empty(), |end| rest.ends_with(end))
    }

    /// The entries of the log that can fit, as far as an index can tell.
    #[must_use]
    pub fn filter(&self) -> Filter {
        match self.0.split_once('*') {
            None => Filter::is("stream", Scalar::Text(self.0.clone())),
            Some(("", _)) => Filter::All,
            Some((start, _)) => Filter::StartsWith("stream", start.to_owned()),
        }
    }

    /// The same for several patterns: what fits one of them; everything where there is none.
    #[must_use]
    pub fn filter_of(patterns: &[Self]) -> Filter {
        let filters: Vec<Filter> = patterns.iter().map(Self::filter).collect();
        match filters.as_slice() {
            [only] => only.clone(),
            [] => Filter::All,
            many if many.contains(&Filter::All) => Filter::All,
            _ => Filter::Or(filters),
        }
    }
}

/// Whether somebody published an event, by its entry in the log. What the program tells of by itself has no publisher.
#[must_use]
pub fn is_published(event: &Value) -> bool {
    event.get("publisher").is_some_and(Value::is_string)
}

/// Whether a caller may hear anything at all.
#[must_use]
pub fn may_listen(caller: &Caller) -> bool {
    let manages_any = || Resource::ALL.iter().any(|resource| has(caller, *resource, Action::Manage));
    reads_all(caller) || has(caller, Resource::Events, Action::Read) || manages_any()
}

/// Whether a caller may hear an event of a topic. What somebody published is for those who read events. What the program
/// tells of is not everybody's to see: it is for those who see everybody's, of that kind or in the audit log.
#[must_use]
pub fn may_hear(book: &TopicBook, caller: &Caller, topic: &str, published: bool) -> bool {
    if reads_all(caller) {
        return true;
    }
    if published {
        return has(caller, Resource::Events, Action::Read);
    }
    book.resource_of(topic).is_some_and(|resource| has(caller, resource, Action::Manage))
}

/// Whether a caller may subscribe to a pattern. One that begins with a whole word must be within the caller's rights; of a
/// wider one the caller hears what the caller may.
#[must_use]
pub fn may_subscribe(book: &TopicBook, caller: &Caller, pattern: &Pattern) -> bool {
    let text = pattern.as_str();
    let word = first_word(text);
    if word.contains('*') {
        return may_listen(caller);
    }
    may_hear(book, caller, text, !book.is_reserved(text))
}

fn reads_all(caller: &Caller) -> bool {
    has(caller, Resource::Audit, Action::Read)
}

/// Whether the caller has a permission and is not limited to toolsets that it is not of.
fn has(caller: &Caller, resource: Resource, action: Action) -> bool {
    caller.may(resource, action) && caller.toolsets.as_ref().is_none_or(|sets| sets.contains(&resource.domain()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::permit::Grants;

    #[test]
    fn topics_fit_by_pattern() {
        let fits = |pattern: &str, topic: &str| Pattern::parse(pattern).unwrap().fits(topic);
        assert!(fits("*", "user.created") && fits("user.*", "user.created") && fits("*.created", "user.created"));
        assert!(fits("user.created", "user.created") && fits("u*.*d", "user.created") && fits("user.**", "user.x"));
        assert!(!fits("user.created", "user.created2") && !fits("user.*", "role.created") && !fits("a*a", "a"));
        assert!(!fits("*.x.*.y", "a.y") && fits("*.x.*", "a.x.b"));
        for nonsense in ["", "a b", "ü", "a/b", "user.created\n"] {
            assert_eq!(Pattern::parse(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn names_are_words_with_dots_between() {
        assert!(is_topic("order.created") && is_topic("order") && is_topic("A-1.b_2.c"));
        for nonsense in ["", ".", "a.", ".a", "a..b", "a*", "a b", "ö"] {
            assert!(!is_topic(nonsense), "{nonsense}");
        }
    }

    #[test]
    fn who_reads_events_hears_what_is_published_and_nothing_else() {
        let book = TopicBook::default();
        let with = |pattern: &str| Caller { grants: Grants::parse(pattern).unwrap(), ..Caller::anonymous() };
        let reader = with("events:read");
        assert!(may_hear(&book, &reader, "order.created", true));
        // What is not declared and not published is nobody's but the auditor's.
        for topic in ["user.created", "api_key.created", "order.created"] {
            assert!(!may_hear(&book, &reader, topic, false), "{topic}");
            assert!(may_hear(&book, &with("audit:read"), topic, false), "{topic}");
        }
        assert!(may_hear(&book, &with("users:manage"), "user.created", false));
        assert!(!may_hear(&book, &with("users:manage"), "order.created", true));
        let of = |text: &str| Pattern::parse(text).unwrap();
        let book = TopicBook::new(std::iter::empty());
        assert!(may_subscribe(&book, &reader, &of("order.*")) && may_subscribe(&book, &reader, &of("*")));
        assert!(!may_subscribe(&book, &reader, &of("user.*")) && !may_subscribe(&book, &reader, &of("user.created")));
        assert!(!may_subscribe(&book, &with("users:read"), &of("*")));
    }
}
