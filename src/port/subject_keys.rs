//! Keys of data subjects: what is sealed under one is erased by destroying it. They are kept apart from the store, out of the
//! reach of its copies and backups: a backup that is restored must not bring back what was erased.

use async_trait::async_trait;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::store::StoreFault;

/// A key's bytes, wiped from memory when nobody needs them any more.
pub type KeyBytes = Zeroizing<[u8; 32]>;

/// Names a key: a place in a pool. Written `POOL/PLACE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyName {
    /// The pool. A pool that was lost and made anew is another.
    pub pool: Uuid,
    /// The place in it.
    pub place: u64,
}

impl std::fmt::Display for KeyName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.pool, self.place)
    }
}

impl std::str::FromStr for KeyName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (pool, place) = text.split_once('/').ok_or(())?;
        Ok(Self { pool: pool.parse().map_err(|_| ())?, place: place.parse().map_err(|_| ())? })
    }
}

impl Serialize for KeyName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|()| de::Error::custom("expected the name of a key: POOL/PLACE"))
    }
}

/// What there is under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// The key.
    Key(KeyBytes),
    /// Nothing any more: it was destroyed.
    Destroyed,
    /// Nothing here: the pool is not the one that this program has.
    Elsewhere,
}

/// Keeps keys of data subjects.
#[async_trait]
pub trait SubjectKeys: Send + Sync {
    /// A key that nobody has been given before; it is on disk when this returns.
    async fn take(&self) -> Result<(KeyName, KeyBytes), StoreFault>;

    /// The pool that keys are taken from; `None` where none was taken yet.
    async fn pool(&self) -> Result<Option<Uuid>, StoreFault>;

    /// What there is under a name.
    async fn read(&self, name: KeyName) -> Result<Kept, StoreFault>;

    /// Destroys a key; it is gone from disk when this returns. False when there was none.
    async fn destroy(&self, name: KeyName) -> Result<bool, StoreFault>;
}
