//! Vectors beside the documents that they stand for: what is kept of each, and how a change of a document brings a change of its vector.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::making::Maker;
use crate::capability::caller::Principal;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::kernel::fault::Fault;
use crate::kernel::id::{KeyId, TenantId, UserId};
use crate::kernel::seal::{sha256, sha256_hex};
use crate::port::logs::{Keep, Log};
use crate::port::queue::Job;
use crate::port::records::{Document, Field, FieldType, Filter, Kind, Query, Record, Scalar, Scope};
use crate::port::store::{Expect, Step};

/// The kind of vectors.
pub(crate) static EMBEDDING: Kind = Kind {
    fields: &[Field { name: "thing", of: FieldType::Id }, Field { name: "embedder", of: FieldType::Text }],
    private: &["vector"],
    ..Kind::new("embedding")
};

/// The kind of notes on which embedder everything was looked through for.
pub(crate) static EMBEDDING_SWEEP: Kind = Kind::new("embedding_sweep");

/// What changed among the vectors, for indexes that follow. An index that was away for longer is filled anew.
pub(crate) static EMBEDDED: Log = Log {
    name: "embedded",
    fields: &[],
    text: &[],
    keep: Keep { age: Duration::from_secs(30 * 86_400), entries: 1_000_000 },
    followed: false,
};

/// The queue of what is to be embedded.
pub(super) const QUEUE: &str = "embed";

/// A kind of documents that are found by meaning.
pub struct Searchable {
    /// The kind.
    pub kind: &'static Kind,
    /// What of a document is embedded; nothing where it is not to be found by meaning.
    pub piece: fn(&Record) -> Option<Piece>,
}

/// What of a document is embedded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Whose it is, as one word: searches name the words that they look into.
    pub part: String,
    /// The text.
    pub text: String,
    /// Who pays for it.
    pub user: Option<Uuid>,
}

/// The kinds that are found by meaning: a service of the platform.
pub struct Searched(pub Vec<&'static Searchable>);

impl Searched {
    /// The kind of a name.
    pub(super) fn of(&self, name: &str) -> Option<&'static Searchable> {
        self.0.iter().copied().find(|one| one.kind.name == name)
    }
}

/// The vector of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Embedding {
    /// The name of the document's kind.
    pub(super) of: String,
    /// The document.
    pub(super) thing: Uuid,
    /// Whose it is, as one word.
    pub(super) part: String,
    /// What made it.
    pub(super) embedder: String,
    /// How many numbers it has.
    pub(super) size: usize,
    /// The SHA-256 of the text.
    pub(super) digest: String,
    /// The numbers: Base64 of floats of four bytes, the lowest first.
    pub(super) vector: String,
}

impl Embedding {
    /// The id of the vector that an embedder made of a document.
    pub(super) fn id(of: &str, thing: Uuid, embedder: &str) -> Uuid {
        let mut half = [0; 16];
        half.copy_from_slice(&sha256(format!("embedding\n{of}\n{thing}\n{embedder}").as_bytes())[..16]);
        uuid::Builder::from_custom_bytes(half).into_uuid()
    }

    pub(super) fn written(numbers: &[f32]) -> String {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        STANDARD.encode(bytes)
    }

    /// The numbers; nothing where they cannot be read.
    pub(super) fn numbers(&self) -> Option<Vec<f32>> {
        let bytes = STANDARD.decode(&self.vector).ok()?;
        let numbers = bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]));
        Some(numbers.collect()).filter(|numbers: &Vec<f32>| numbers.len() == self.size)
    }
}

impl Document for Embedding {
    const KIND: &'static Kind = &EMBEDDING;
}

/// What changed among the vectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Embedded {
    /// The name of the document's kind.
    pub(super) of: String,
    /// The document.
    pub(super) thing: Uuid,
    /// The vector that was written; none where there is none any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) embedding: Option<Uuid>,
}

impl Embedded {
    pub(super) fn step(&self) -> Result<Step, Fault> {
        let body = serde_json::to_value(self).map_err(Fault::internal)?;
        Ok(Step::Append { log: &EMBEDDED, stream: String::new(), body })
    }
}

/// Something that is to be embedded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToEmbed {
    pub(super) of: String,
    pub(super) thing: Uuid,
    /// Who pays for it.
    pub(super) user: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<KeyId>,
}

impl ToEmbed {
    pub(super) fn job(&self, id: Uuid, due: crate::kernel::time::Timestamp, priority: i32) -> Result<Job, Fault> {
        Ok(Job { id, queue: QUEUE, due, priority, body: serde_json::to_value(self).map_err(Fault::internal)? })
    }
}

/// So many numbers a vector has at most.
const LONGEST: usize = 16_384;

/// Whether numbers are a vector that an index can hold.
pub(super) fn fits(numbers: &[f32]) -> bool {
    (1..=LONGEST).contains(&numbers.len())
        && numbers.iter().all(|number| number.is_finite())
        && numbers.iter().any(|number| *number != 0.0)
}

/// The digest of a text, by which it is known whether it was embedded.
pub(super) fn digest(text: &str) -> String {
    sha256_hex(text.as_bytes())
}

/// A document of the call's was made or its text changed: it is embedded behind the call, where anything embeds.
///
/// # Errors
/// When the job cannot be written as JSON.
pub(crate) fn changed(cx: &Cx, kind: &'static Kind, thing: Uuid) -> Result<(), Fault> {
    if Maker::of(cx.platform()).is_none() {
        return Ok(());
    }
    let key = match cx.caller().principal {
        Principal::Key(key) => Some(key),
        Principal::Anonymous | Principal::LocalOwner | Principal::Link => None,
    };
    let to_embed = ToEmbed { of: kind.name.to_owned(), thing, user: Some(cx.caller().user), key };
    cx.enqueue(to_embed.job(cx.new_id(), cx.now(), 0)?);
    Ok(())
}

/// A document of the call's is removed: its vectors go with it, in every space.
///
/// # Errors
/// When the store fails.
pub(crate) async fn gone(cx: &Cx, kind: &'static Kind, thing: Uuid) -> Result<(), Fault> {
    let ids = vectors_of(cx.platform(), cx.tenant(), kind, thing).await?;
    if ids.is_empty() {
        return Ok(());
    }
    for id in ids {
        cx.remove_derived::<Embedding>(id);
    }
    cx.append(&EMBEDDED, "", &Embedded { of: kind.name.to_owned(), thing, embedding: None })
}

/// The same for a document that no call removes, as steps of what does.
///
/// # Errors
/// When the store fails.
pub(crate) async fn removal(
    platform: &Platform,
    tenant: TenantId,
    kind: &'static Kind,
    thing: Uuid,
) -> Result<Vec<Step>, Fault> {
    let ids = vectors_of(platform, tenant, kind, thing).await?;
    let mut steps: Vec<Step> =
        ids.into_iter().map(|id| Step::Remove { kind: &EMBEDDING, id, expect: Expect::Anything }).collect();
    if !steps.is_empty() {
        steps.push(Embedded { of: kind.name.to_owned(), thing, embedding: None }.step()?);
    }
    Ok(steps)
}

/// The ids of all vectors of a document.
async fn vectors_of(
    platform: &Platform,
    tenant: TenantId,
    kind: &'static Kind,
    thing: Uuid,
) -> Result<Vec<Uuid>, Fault> {
    let query = Query::newest(Filter::is("thing", Scalar::Id(thing)), 100);
    let found = platform.store.find(Scope::Tenant(tenant), &EMBEDDING, query).await.map_err(store_fault)?;
    let mut ids: Vec<Uuid> = found.into_iter().map(|one| one.id).collect();
    // One may be written between this and the commit.
    ids.extend(Maker::of(platform).map(|maker| Embedding::id(kind.name, thing, &maker.name())));
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// Vectors by the documents that they stand for, and what made them.
pub(crate) struct Vectors {
    /// The embedder.
    pub(crate) embedder: String,
    /// The vector of each document that has one.
    pub(crate) of: HashMap<Uuid, Vec<f32>>,
}

/// The vectors of documents by the embedder that is configured; `None` where none is.
///
/// # Errors
/// When the store fails.
pub(crate) async fn vectors(cx: &Cx, kind: &'static Kind, things: &[Uuid]) -> Result<Option<Vectors>, Fault> {
    let Some(maker) = Maker::of(cx.platform()) else { return Ok(None) };
    let name = maker.name();
    let ids: Vec<Scalar> = things.iter().map(|thing| Scalar::Id(Embedding::id(kind.name, *thing, &name))).collect();
    let most = u32::try_from(ids.len()).unwrap_or(u32::MAX).max(1);
    let found = cx.find::<Embedding>(Query::newest(Filter::In("id", ids), most)).await?;
    let of = found.into_iter().filter_map(|one| Some((one.value.thing, one.value.numbers()?))).collect();
    Ok(Some(Vectors { embedder: name.to_string(), of }))
}

/// The vector of a document that an embedder made, where there is one.
pub(super) async fn vector_of(
    platform: &crate::capability::platform::Platform,
    tenant: TenantId,
    id: Uuid,
) -> Result<Option<Stored<Embedding>>, Fault> {
    let found = platform.store.get(Scope::Tenant(tenant), &EMBEDDING, id).await.map_err(store_fault)?;
    found.map(Stored::read).transpose()
}

/// The note that everything was looked through for an embedder.
pub(super) fn sweep_id(embedder: &str) -> Uuid {
    Embedding::id("sweep", Uuid::nil(), embedder)
}

/// The body of such a note.
pub(super) fn sweep_body(embedder: &str) -> serde_json::Value {
    json!({ "embedder": embedder })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_as_they_were_written_and_others_do_not() {
        let numbers = [0.5, -1.25, f32::MIN_POSITIVE];
        let mut embedding = Embedding {
            of: "memory".to_owned(),
            thing: Uuid::nil(),
            part: "tenant".to_owned(),
            embedder: "test".to_owned(),
            size: 3,
            digest: digest("text"),
            vector: Embedding::written(&numbers),
        };
        assert_eq!(embedding.numbers().unwrap(), numbers);
        embedding.size = 4;
        assert_eq!(embedding.numbers(), None);
        embedding.vector = "?".to_owned();
        assert_eq!(embedding.numbers(), None);
    }
}
