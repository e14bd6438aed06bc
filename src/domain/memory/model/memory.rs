//! Something that is remembered: a sentence or some, whose it is, where it comes from, when it holds and how long it was believed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::domain::memory::retrieval::{Piece, Searchable};
use crate::kernel::id::{CallId, MemoryId, UserId};
use crate::kernel::seal::sha256;
use crate::kernel::time::Timestamp;
use crate::port::records::{Document, Field, FieldType, Kind};

/// So many sources are kept of one memory, the first and the latest.
const MOST_SOURCES: usize = 20;
/// So many tags.
const MOST_TAGS: usize = 50;

/// The kind of memories. What they say stays out of the audit log.
pub(crate) static MEMORY: Kind = Kind {
    fields: &[
        Field { name: "part", of: FieldType::Text },
        Field { name: "kind", of: FieldType::Text },
        Field { name: "state", of: FieldType::Text },
        Field { name: "trust", of: FieldType::Text },
        Field { name: "about", of: FieldType::Text },
        Field { name: "importance", of: FieldType::Integer },
        Field { name: "recordedAt", of: FieldType::Time },
        Field { name: "endedAt", of: FieldType::Time },
        Field { name: "validFrom", of: FieldType::Time },
        Field { name: "validTo", of: FieldType::Time },
        Field { name: "expiresAt", of: FieldType::Time },
        Field { name: "saidAt", of: FieldType::Time },
    ],
    text: &["text", "about", "tags"],
    history: true,
    private: &["text", "about", "tags", "source"],
    ..Kind::new("memory")
};

/// Whose a memory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    /// Everybody's of the tenant.
    Tenant,
    /// The members' of a workspace.
    Workspace,
    /// The user's alone.
    User,
    /// An agent's: of everybody who may see the agent.
    Agent,
    /// The user's in one conversation.
    Session,
}

impl Scope {
    /// All of them.
    pub(crate) const ALL: [Self; 5] = [Self::Tenant, Self::User, Self::Workspace, Self::Agent, Self::Session];

    /// Its name.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Workspace => "workspace",
            Self::User => "user",
            Self::Agent => "agent",
            Self::Session => "session",
        }
    }
}

/// What kind of thing is remembered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MemoryKind {
    /// Something that is so.
    #[default]
    Fact,
    /// What somebody likes or wants.
    Preference,
    /// Something that happened.
    Event,
    /// How something is done.
    Procedure,
    /// Much in few words.
    Summary,
    /// A piece of a document.
    DocumentChunk,
}

impl MemoryKind {
    /// Its name, as filters hold it.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Fact => "fact",
            Self::Preference => "preference",
            Self::Event => "event",
            Self::Procedure => "procedure",
            Self::Summary => "summary",
            Self::DocumentChunk => "document_chunk",
        }
    }

    /// Whether one of two that say otherwise of the same thing is over: what happened stays true.
    #[must_use]
    pub(crate) const fn can_end(self) -> bool {
        matches!(self, Self::Fact | Self::Preference | Self::Procedure)
    }
}

/// How far what is remembered can be trusted; what can be trusted further is greater.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Trust {
    /// It comes from content that nobody vouches for, such as a web page or a mail.
    Untrusted,
    /// An agent made it out of what it saw.
    Inferred,
    /// Somebody said it of their own accord.
    #[default]
    Stated,
}

impl Trust {
    /// What agents are reminded of where no policy says otherwise: content that nobody vouches for could be written to lead them astray.
    pub(crate) const RECALLED: [Self; 2] = [Self::Stated, Self::Inferred];

    /// Its name, as filters hold it.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Stated => "stated",
            Self::Inferred => "inferred",
            Self::Untrusted => "untrusted",
        }
    }
}

/// Whether it is still believed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It is.
    #[default]
    Current,
    /// Another one took its place.
    Superseded,
    /// It was put aside by a policy, or because its time is over.
    Retired,
}

impl State {
    /// Its name, as filters hold it.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Superseded => "superseded",
            Self::Retired => "retired",
        }
    }
}

/// Where a memory comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Source {
    /// An address or id, such as `https://…`, `document://…`, a message's or a ticket's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000))]
    pub(crate) uri: Option<String>,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 300))]
    pub(crate) title: Option<String>,
    /// The very words that it rests upon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000))]
    pub(crate) quote: Option<String>,
}

/// Which call wrote it.
#[expect(clippy::struct_field_names, reason = "ids of three kinds of things")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Writer {
    /// The user.
    pub(crate) user_id: UserId,
    /// The agent that acted for them, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) agent_id: Option<String>,
    /// The request, as the audit log knows it.
    pub(crate) request_id: CallId,
}

/// Something that is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Memory {
    /// Whose it is, as one word: `tenant`, `user:ID`.
    pub(crate) part: String,
    /// Whose it is.
    pub(crate) scope: Scope,
    /// Which workspace, agent or session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scope_id: Option<String>,
    /// What kind of thing it is.
    pub(crate) kind: MemoryKind,
    /// What it says.
    pub(crate) text: String,
    /// What it is about: of two that are about the same only the later one is believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) about: Option<String>,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
    /// How much it matters, in thousandths.
    pub(crate) importance: u16,
    /// How far it can be trusted.
    pub(crate) trust: Trust,
    /// Whether it is believed.
    pub(crate) state: State,
    /// Where it comes from; the first source first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) source: Vec<Source>,
    /// Who wrote it.
    pub(crate) writer: Writer,
    /// Since when it is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) valid_from: Option<Timestamp>,
    /// Until when it is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) valid_to: Option<Timestamp>,
    /// Since when it is believed.
    pub(crate) recorded_at: Timestamp,
    /// Until when it was believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended_at: Option<Timestamp>,
    /// From when on it is put aside by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<Timestamp>,
    /// When it was last said.
    pub(crate) said_at: Timestamp,
    /// How often it was said.
    pub(crate) times_said: u32,
    /// What took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) superseded_by: Option<Uuid>,
    /// What it took the place of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) supersedes: Vec<Uuid>,
}

impl Memory {
    /// The id of the first memory of a kind and text in a part: whoever writes the same at the same moment writes the same document, and one of
    /// them finds that out.
    #[must_use]
    pub(crate) fn id(part: &str, kind: MemoryKind, text: &str) -> Uuid {
        half_digest(&format!("memory\n{part}\n{}\n{}", kind.name(), folded(text)))
    }

    /// The id after one that is taken by another text, or by one that is believed no longer: the same for whoever comes at that moment.
    pub(crate) fn next_id(taken: Uuid, revision: i64) -> Uuid {
        half_digest(&format!("memory\n{taken}\n{revision}"))
    }

    /// Whether one that is about something may stand for one that is about something: two things are two.
    pub(crate) fn is_of_the_same(&self, other: &Self) -> bool {
        self.kind == other.kind && (self.about.is_none() || other.about.is_none() || self.about == other.about)
    }

    /// Takes in what another one says that says the same: it was said as often more, matters as much, and is trusted as far. What is over by
    /// `now` limits it no longer.
    pub(crate) fn take_in(&mut self, other: &Self, now: Timestamp) {
        self.said_at = self.said_at.max(other.said_at);
        self.times_said = self.times_said.saturating_add(other.times_said);
        self.importance = self.importance.max(other.importance);
        self.trust = self.trust.max(other.trust);
        self.about = self.about.take().or_else(|| other.about.clone());
        self.valid_from = self.valid_from.or(other.valid_from);
        let lasts = |own: Option<Timestamp>, new: Option<Timestamp>| new.or_else(|| own.filter(|end| *end > now));
        self.valid_to = lasts(self.valid_to, other.valid_to);
        self.expires_at = lasts(self.expires_at, other.expires_at);
        for tag in &other.tags {
            if !self.tags.contains(tag) && self.tags.len() < MOST_TAGS {
                self.tags.push(tag.clone());
            }
        }
        for source in &other.source {
            if !self.source.contains(source) {
                if self.source.len() >= MOST_SOURCES {
                    self.source.remove(1);
                }
                self.source.push(source.clone());
            }
        }
    }

    /// Ends it: it is believed no longer.
    pub(crate) fn end(&mut self, state: State, by: Option<MemoryId>, now: Timestamp) {
        self.state = state;
        self.superseded_by = by.map(MemoryId::uuid);
        self.ended_at = Some(now);
    }
}

fn half_digest(of: &str) -> Uuid {
    let mut half = [0; 16];
    half.copy_from_slice(&sha256(of.as_bytes())[..16]);
    uuid::Builder::from_custom_bytes(half).into_uuid()
}

/// A text without what makes no other of it: case, space, the point at the end.
#[must_use]
pub(crate) fn folded(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").trim_end_matches(['.', '!', ' ']).to_lowercase()
}

/// Tags in the order given, each once.
#[must_use]
pub(crate) fn distinct(tags: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for tag in tags.into_iter().map(|tag| tag.trim().to_lowercase()).filter(|tag| !tag.is_empty()) {
        if !kept.contains(&tag) {
            kept.push(tag);
        }
    }
    kept
}

/// Memories are found by meaning, also those that are believed no longer.
pub static SEARCHABLE: Searchable = Searchable {
    kind: &MEMORY,
    piece: |record| {
        let text = |name: &str| record.body.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Piece { part: text("part")?, text: text("text")?, user: record.owner })
    },
};

impl Document for Memory {
    const KIND: &'static Kind = &MEMORY;
}

impl Owned for Memory {
    const RESOURCE: Resource = Resource::Memories;
    const NOUN: &'static str = "memory";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_has_the_same_id_and_another_part_another_one() {
        let id = |part: &str, text: &str| Memory::id(part, MemoryKind::Fact, text);
        let tea = id("tenant", "Anna drinks tea.");
        assert_eq!(tea, id("tenant", "  anna  drinks TEA"));
        assert_ne!(tea, id("user:1", "Anna drinks tea."));
        assert_ne!(tea, id("tenant", "Anna drinks tea?"));
        assert_ne!(tea, Memory::id("tenant", MemoryKind::Event, "Anna drinks tea."));
    }
}
