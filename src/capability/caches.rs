//! The caches of the program by name, so that an operator can look at them and empty them; and the cache that counts what it
//! answers, which is the one to use.

use std::any::Any;
use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use moka::sync::Cache;

/// A cache's figures at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheReading {
    /// Entries in it.
    pub entries: u64,
    /// The most entries that it keeps, or bytes where it weighs them.
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

/// A bounded cache that counts its hits and misses. Below its types all caches are one: what keeps them is much code, and is
/// compiled once.
pub struct CountedCache<K, V> {
    cache: Cache<Key, Arc<dyn Any + Send + Sync>>,
    most: u64,
    hits: AtomicU64,
    misses: AtomicU64,
    of: PhantomData<fn(K) -> V>,
}

/// A key of any type.
trait AnyKey: Send + Sync {
    fn digest(&self) -> u64;
    fn is(&self, other: &dyn AnyKey) -> bool;
    fn as_any(&self) -> &dyn Any;
}

impl<K: Hash + Eq + Send + Sync + 'static> AnyKey for K {
    fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    fn is(&self, other: &dyn AnyKey) -> bool {
        other.as_any().downcast_ref::<K>().is_some_and(|other| self == other)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Hash for dyn AnyKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.digest());
    }
}

impl PartialEq for dyn AnyKey {
    fn eq(&self, other: &Self) -> bool {
        self.is(other)
    }
}

impl Eq for dyn AnyKey {}

/// The same, owned.
struct Key(Box<dyn AnyKey>);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (*self.0).hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        *self.0 == *other.0
    }
}

impl Eq for Key {}

impl Borrow<dyn AnyKey> for Key {
    fn borrow(&self) -> &(dyn AnyKey + 'static) {
        &*self.0
    }
}

impl<K, V> CountedCache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// A cache that keeps at most so many entries.
    #[must_use]
    pub fn new(most: u64) -> Arc<Self> {
        Self::of(Cache::new(most), most)
    }

    /// A cache that keeps at most so many entries, each for so long.
    #[must_use]
    pub fn lasting(most: u64, each: Duration) -> Arc<Self> {
        Self::of(Cache::builder().max_capacity(most).time_to_live(each).build(), most)
    }

    /// A cache that keeps entries of so many bytes together. An entry is weighed when it comes.
    #[must_use]
    pub fn weighed(most: u64, weigh: fn(&V) -> u32) -> Arc<Self> {
        let weigh = move |_: &Key, kept: &Arc<dyn Any + Send + Sync>| kept.downcast_ref::<V>().map_or(0, weigh);
        Self::of(Cache::builder().max_capacity(most).weigher(weigh).build(), most)
    }

    fn of(cache: Cache<Key, Arc<dyn Any + Send + Sync>>, most: u64) -> Arc<Self> {
        Arc::new(Self { cache, most, hits: AtomicU64::default(), misses: AtomicU64::default(), of: PhantomData })
    }

    fn kept(value: &Arc<dyn Any + Send + Sync>) -> Option<V> {
        value.downcast_ref::<V>().cloned()
    }

    /// What is kept under a key, when it is good enough; what is not counts as a miss.
    pub fn get_if(&self, key: &K, good: impl FnOnce(&V) -> bool) -> Option<V> {
        let key: &dyn AnyKey = key;
        let found = self.cache.get(key).and_then(|kept| Self::kept(&kept)).filter(good);
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
        self.cache.insert(Key(Box::new(key)), Arc::new(value));
    }

    /// What is kept under a key, made by one of those who ask for it at the same time when it is not there.
    pub fn get_with(&self, key: K, make: impl Fn() -> V) -> V {
        let making: Box<dyn FnOnce() -> Arc<dyn Any + Send + Sync> + '_> = Box::new(|| Arc::new(make()));
        let entry = self.cache.entry(Key(Box::new(key))).or_insert_with(making);
        let count = if entry.is_fresh() { &self.misses } else { &self.hits };
        count.fetch_add(1, Ordering::Relaxed);
        Self::kept(&entry.into_value()).unwrap_or_else(make)
    }

    /// Forgets what is kept under a key.
    pub fn remove(&self, key: &K) {
        let key: &dyn AnyKey = key;
        self.cache.invalidate(key);
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
        two.insert(8, 8);
        two.remove(&8);
        assert_eq!(two.get(&7), Some(7));
        let [listed] = book.all().try_into().ok().unwrap();
        assert_eq!(listed.reading(), CacheReading { entries: 2, most: 15, hits: 2, misses: 2 });
        assert_eq!(listed.clear(), 2);
        assert_eq!(listed.reading().entries, 0);
        drop((listed, one, two));
        assert!(book.all().is_empty());
    }
}
