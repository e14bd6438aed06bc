//! What is kept of the chains and the tree: links in bundles of 256, the roots over bundles in tiles of 256, the roots over
//! those tiles in tiles again. A proof reads one bundle and one tile a level on its way, however long the log is. Entries may
//! be removed when their time is over; these documents never are.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::hash::{Class, Hash, Said, leaf, node};
use super::tree::Nodes;
use crate::capability::cx::store_fault;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::reading;
use crate::kernel::time::Timestamp;
use crate::port::logs::{Keep, Log};
use crate::port::records::{Document, Field, FieldType, Kind, Scope, Visibility};
use crate::port::store::{Expect, Put, Step, Store};

/// Links in a bundle, and hashes in a tile.
pub const WIDTH: u64 = 256;
/// The levels of the tree between one kind of tile and the next.
const LEVELS: u32 = 8;
/// The bytes of a link.
const LINK: usize = 16 + 8 + 8 + 8 + 1 + 32 + 32;

/// Bundles of links.
pub static BUNDLE: Kind = Kind::new("audit_bundle");
/// Tiles of the tree.
pub static TILE: Kind = Kind::new("audit_tile");
/// How long each tenant's chain is.
pub static CHAIN: Kind = Kind::new("audit_chain");
/// How far the log is sequenced.
pub static HEAD: Kind = Kind::new("audit_head");
/// The signed checkpoints, newest last.
pub static CHECKPOINTS: Log = Log {
    name: "audit_checkpoints",
    fields: &[Field { name: "size", of: FieldType::Integer }],
    text: &[],
    keep: Keep { age: std::time::Duration::from_hours(24 * 366 * 8), entries: 1_000_000 },
    followed: false,
};

/// The tenant that all of it belongs to: the platform's own.
#[must_use]
pub fn platform() -> TenantId {
    TenantId::from_uuid(Uuid::nil())
}

/// A link: what a tenant's chain says of one entry, and where in the log the entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// What it says.
    pub said: Said,
    /// The entry's position in the log.
    pub position: i64,
    /// The hash of the link: the data of its leaf.
    pub hash: Hash,
}

impl Link {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.said.tenant.uuid().as_bytes());
        out.extend_from_slice(&self.said.number.to_be_bytes());
        out.extend_from_slice(&self.position.to_be_bytes());
        out.extend_from_slice(&self.said.at.as_millis().to_be_bytes());
        out.push(self.said.class.byte());
        out.extend_from_slice(&self.said.entry);
        out.extend_from_slice(&self.hash);
    }

    fn read(bytes: &[u8; LINK]) -> Option<Self> {
        let eight = |from: usize| bytes.get(from..from + 8).and_then(|part| part.try_into().ok());
        let hash = |from: usize| bytes.get(from..from + 32).and_then(|part| part.try_into().ok());
        Some(Self {
            said: Said {
                tenant: TenantId::from_uuid(Uuid::from_slice(&bytes[..16]).ok()?),
                number: u64::from_be_bytes(eight(16)?),
                at: Timestamp::from_millis(i64::from_be_bytes(eight(32)?)),
                class: Class::read(bytes[40])?,
                entry: hash(41)?,
            },
            position: i64::from_be_bytes(eight(24)?),
            hash: hash(73)?,
        })
    }
}

/// How far the log is sequenced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// How many entries are in the tree.
    pub size: u64,
    /// The position of the last of them in the log.
    pub position: i64,
    /// The hash of the last link: no two logs have the same head.
    #[serde(with = "as_hex")]
    pub link: Hash,
}

/// The end of a tenant's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChainEnd {
    /// How many entries are in it.
    pub length: u64,
    /// The hash of its last link.
    #[serde(with = "as_hex")]
    pub hash: Hash,
}

impl Document for Head {
    const KIND: &'static Kind = &HEAD;
}

impl Document for ChainEnd {
    const KIND: &'static Kind = &CHAIN;
}

mod as_hex {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    use crate::domain::audit::engine::hash::{Hash, from_hex, hex};

    pub(super) fn serialize<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(hash))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hash, D::Error> {
        let text = String::deserialize(deserializer)?;
        from_hex(&text).ok_or_else(|| de::Error::custom("expected a hash in hex"))
    }
}

/// The head's id.
#[must_use]
pub fn head_id() -> Uuid {
    Uuid::from_u128(1)
}

fn bundle_id(number: u64) -> Uuid {
    Uuid::from_u64_pair(0, number)
}

fn tile_id(tier: u32, number: u64) -> Uuid {
    Uuid::from_u64_pair(u64::from(tier), number)
}

/// Reads a document of the platform's.
///
/// # Errors
/// When the store fails or the document is not of its form.
pub async fn read<T: Document>(store: &dyn Store, id: Uuid) -> Result<Option<(T, i64)>, Fault> {
    let found = store.get(Scope::Tenant(platform()), T::KIND, id).await.map_err(store_fault)?;
    let Some(record) = found else { return Ok(None) };
    let value = reading::read(record.body)
        .map_err(|error| Fault::internal(format!("{} {id} cannot be read: {error}", T::KIND.name)))?;
    Ok(Some((value, record.revision)))
}

/// The step that writes a document of the platform's.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn put<T: Document>(id: Uuid, expect: Expect, value: &T) -> Result<Step, Fault> {
    let body = serde_json::to_value(value).map_err(Fault::internal)?;
    Ok(put_body(T::KIND, id, expect, body))
}

fn put_body(kind: &'static Kind, id: Uuid, expect: Expect, body: Value) -> Step {
    Step::Put(Put { kind, id, expect, owner: None, workspace: None, visibility: Visibility::Private, body })
}

/// Reads a bundle; none of its links where there is no such bundle yet. One that cannot be read has been tampered with, and
/// reads as far as it can be.
///
/// # Errors
/// When the store fails.
pub async fn bundle(store: &dyn Store, number: u64) -> Result<Vec<Link>, Fault> {
    let bytes = bytes_of(store, &BUNDLE, bundle_id(number), "links").await?;
    let (links, _) = bytes.as_chunks::<LINK>();
    Ok(links.iter().map_while(Link::read).collect())
}

/// The step that writes a bundle.
#[must_use]
pub fn put_bundle(number: u64, links: &[Link]) -> Step {
    let mut bytes = Vec::with_capacity(links.len() * LINK);
    for link in links {
        link.write(&mut bytes);
    }
    let body = serde_json::json!({ "first": number * WIDTH, "links": STANDARD_NO_PAD.encode(bytes) });
    put_body(&BUNDLE, bundle_id(number), Expect::Anything, body)
}

/// Reads a tile of roots. Tier 1 has the roots over bundles, tier 2 those over tiles of tier 1, and so on.
///
/// # Errors
/// When the store fails.
pub async fn tile(store: &dyn Store, tier: u32, number: u64) -> Result<Vec<Hash>, Fault> {
    let bytes = bytes_of(store, &TILE, tile_id(tier, number), "hashes").await?;
    let (hashes, _) = bytes.as_chunks::<32>();
    Ok(hashes.to_vec())
}

/// The step that writes a tile.
#[must_use]
pub fn put_tile(tier: u32, number: u64, hashes: &[Hash]) -> Step {
    let body = serde_json::json!({ "hashes": STANDARD_NO_PAD.encode(hashes.as_flattened()) });
    put_body(&TILE, tile_id(tier, number), Expect::Anything, body)
}

async fn bytes_of(store: &dyn Store, kind: &'static Kind, id: Uuid, property: &str) -> Result<Vec<u8>, Fault> {
    let found = store.get(Scope::Tenant(platform()), kind, id).await.map_err(store_fault)?;
    let text = found.as_ref().and_then(|record| record.body[property].as_str()).unwrap_or_default();
    Ok(STANDARD_NO_PAD.decode(text).unwrap_or_default())
}

/// The root over a number of hashes that is a power of two.
#[must_use]
pub fn whole_root(hashes: &[Hash]) -> Option<Hash> {
    let mut level = hashes.to_vec();
    while level.len() > 1 {
        let (pairs, []) = level.as_chunks::<2>() else { return None };
        level = pairs.iter().map(|[left, right]| node(left, right)).collect();
    }
    level.first().copied()
}

/// The nodes of the tree as they are kept. What was read once is remembered for as long as this lives.
pub struct KeptNodes {
    store: Arc<dyn Store>,
    read: HashMap<(u32, u64), Vec<Hash>>,
}

/// Tiles that are remembered at once: the way to the root has a few, a walk over all of them would have many.
const REMEMBERED: usize = 64;

impl KeptNodes {
    /// The nodes in a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, read: HashMap::new() }
    }

    async fn hashes(&mut self, tier: u32, number: u64) -> Result<&[Hash], Fault> {
        if !self.read.contains_key(&(tier, number)) {
            let hashes = match tier {
                0 => bundle(&*self.store, number).await?.iter().map(|link| leaf(&link.hash)).collect(),
                _ => tile(&*self.store, tier, number).await?,
            };
            if self.read.len() >= REMEMBERED {
                self.read.clear();
            }
            self.read.insert((tier, number), hashes);
        }
        Ok(self.read.get(&(tier, number)).map_or(&[], Vec::as_slice))
    }
}

impl Nodes for KeptNodes {
    async fn node(&mut self, level: u32, index: u64) -> Result<Hash, Fault> {
        let (tier, rest) = (level / LEVELS, level % LEVELS);
        let first = index << rest;
        let hashes = self.hashes(tier, first / WIDTH).await?;
        let from = usize::try_from(first % WIDTH).unwrap_or(usize::MAX);
        let part = hashes.get(from..from.saturating_add(1 << rest));
        part.and_then(whole_root)
            .ok_or_else(|| Fault::internal(format!("node {index} of level {level} of the audit log's tree is missing")))
    }
}
