//! The caches of the program by name, so that an operator can look at them and empty them.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// A cache's figures at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheReading {
    /// Entries in it.
    pub entries: u64,
    /// The most entries that it keeps, where it has a bound.
    pub most: Option<u64>,
    /// Lookups that it answered.
    pub hits: u64,
    /// Lookups that it could not answer.
    pub misses: u64,
}

/// A cache that tells of itself and can be emptied. Emptying one may cost time and never changes an answer.
pub trait NamedCache: Send + Sync {
    /// Its figures now.
    fn reading(&self) -> CacheReading;

    /// Empties it; answers how many entries went.
    fn clear(&self) -> u64;
}

/// A cache as the book lists it.
#[derive(Clone)]
pub struct Listed {
    /// Its name.
    pub name: &'static str,
    /// What it holds, in a few words.
    pub about: &'static str,
    /// The cache.
    pub cache: Arc<dyn NamedCache>,
}

/// Every cache of the program. Whoever keeps one lists it here when it is made.
#[derive(Default)]
pub struct CacheBook(RwLock<BTreeMap<&'static str, Listed>>);

impl CacheBook {
    /// Lists a cache; one of the same name that was listed before is replaced.
    pub fn list(&self, name: &'static str, about: &'static str, cache: Arc<dyn NamedCache>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(name, Listed { name, about, cache });
    }

    /// All caches, by name.
    #[must_use]
    pub fn all(&self) -> Vec<Listed> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}
