//! The caches of the program by name, so that an operator can look at them and empty them; and the cache that counts what it
//! answers, which is the one to use.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};

use moka::sync::Cache;

/// A cache's figures at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheReading {
    /// Entries in it.
    pub entries: u64,
    /// The most entries that it keeps.
    pub most: u64,
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

/// A bounded cache that counts its hits and misses.
pub struct CountedCache<K, V> {
    cache: Cache<K, V>,
    most: u64,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl<K, V> CountedCache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// A cache that keeps at most so many entries.
    #[must_use]
    pub fn new(most: u64) -> Arc<Self> {
        Arc::new(Self { cache: Cache::new(most), most, hits: AtomicU64::default(), misses: AtomicU64::default() })
    }

    /// What is kept under a key, when it is good enough; what is not counts as a miss.
    pub fn get_if(&self, key: &K, good: impl FnOnce(&V) -> bool) -> Option<V> {
        let found = self.cache.get(key).filter(good);
        let count = if found.is_some() { &self.hits } else { &self.misses };
        count.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// What is kept under a key.
    pub fn get(&self, key: &K) -> Option<V> {
        self.get_if(key, |_| true)
    }

    /// Keeps something under a key.
    pub fn insert(&self, key: K, value: V) {
        self.cache.insert(key, value);
    }

    /// What is kept under a key, made by one of those who ask for it at the same time when it is not there.
    pub fn get_with(&self, key: K, make: impl FnOnce() -> V) -> V {
        let entry = self.cache.entry(key).or_insert_with(make);
        let count = if entry.is_fresh() { &self.misses } else { &self.hits };
        count.fetch_add(1, Ordering::Relaxed);
        entry.into_value()
    }
}

impl<K, V> NamedCache for CountedCache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn reading(&self) -> CacheReading {
        self.cache.run_pending_tasks();
        CacheReading {
            entries: self.cache.entry_count(),
            most: self.most,
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
        }
    }

    fn clear(&self) -> u64 {
        self.cache.run_pending_tasks();
        let held = self.cache.entry_count();
        self.cache.invalidate_all();
        self.cache.run_pending_tasks();
        held
    }
}

/// All caches of one name.
pub struct Listed {
    /// The name.
    pub name: &'static str,
    /// What they hold, in a few words.
    pub about: &'static str,
    caches: Vec<Arc<dyn NamedCache>>,
}

impl NamedCache for Listed {
    fn reading(&self) -> CacheReading {
        self.caches.iter().map(|cache| cache.reading()).fold(CacheReading::default(), |sum, one| CacheReading {
            entries: sum.entries + one.entries,
            most: sum.most + one.most,
            hits: sum.hits + one.hits,
            misses: sum.misses + one.misses,
        })
    }

    fn clear(&self) -> u64 {
        self.caches.iter().map(|cache| cache.clear()).sum()
    }
}

/// Every cache of the program. Whoever keeps one lists it here when it is made; the book does not keep it alive.
#[derive(Default)]
pub struct CacheBook(RwLock<BTreeMap<&'static str, OfName>>);

/// What caches of one name hold, and those that may still be alive.
type OfName = (&'static str, Vec<Weak<dyn NamedCache>>);

impl CacheBook {
    /// Lists a cache. Several of one name are told of as one.
    pub fn list(&self, name: &'static str, about: &'static str, cache: &Arc<impl NamedCache + 'static>) {
        let mut book = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let (_, caches) = book.entry(name).or_insert_with(|| (about, Vec::new()));
        caches.retain(|cache| cache.strong_count() > 0);
        let shared: Arc<dyn NamedCache> = cache.clone();
        caches.push(Arc::downgrade(&shared));
    }

    /// All caches that there are now, by name.
    #[must_use]
    pub fn all(&self) -> Vec<Listed> {
        let book = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let listed = book.iter().map(|(name, (about, caches))| Listed {
            name,
            about,
            caches: caches.iter().filter_map(Weak::upgrade).collect(),
        });
        listed.filter(|listed| !listed.caches.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_of_all_caches_of_a_name_that_are_alive() {
        let book = CacheBook::default();
        let (one, two) = (CountedCache::<u32, u32>::new(10), CountedCache::<u32, u32>::new(5));
        book.list("numbers", "numbers", &one);
        book.list("numbers", "numbers", &two);
        assert_eq!(one.get_with(1, || 1), 1);
        assert_eq!(one.get_with(1, || 2), 1);
        assert_eq!(one.get_if(&1, |kept| *kept > 1), None);
        two.insert(7, 7);
        assert_eq!(two.get(&7), Some(7));
        let [listed] = book.all().try_into().ok().unwrap();
        assert_eq!(listed.reading(), CacheReading { entries: 2, most: 15, hits: 2, misses: 2 });
        assert_eq!(listed.clear(), 2);
        assert_eq!(listed.reading().entries, 0);
        drop((listed, one, two));
        assert!(book.all().is_empty());
    }
}
