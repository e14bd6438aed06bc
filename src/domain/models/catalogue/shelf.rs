//! The catalogue in force, as a service: laid anew whenever a file changes. A file that is broken changes nothing: what it said
//! last stays, and what is wrong with it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::Catalogue;
use super::provider::Provider;
use super::read::{self, FileFault, PriceList};
use crate::port::overlay::{Broken, Overlaid, TextFile};

/// The file in the folder of providers that holds prices and no provider.
const PRICES: &str = "prices.toml";

/// The providers in force.
pub struct Providers {
    built_in: Vec<Arc<Provider>>,
    laid: Mutex<Laid>,
    now: ArcSwap<Catalogue>,
    faults: ArcSwap<Vec<FileFault>>,
    changes: watch::Sender<u64>,
}

/// What the files of the data folder said last when they could be read.
#[derive(Default)]
struct Laid {
    providers: BTreeMap<String, Arc<Provider>>,
    prices: BTreeMap<String, PriceList>,
}

impl Providers {
    /// Those that come with the program.
    ///
    /// # Errors
    /// What is wrong with their files.
    pub fn new(files: &[TextFile]) -> Result<Self, Vec<FileFault>> {
        let mut laid = Laid::default();
        let faults = laid.take(files);
        if !faults.is_empty() {
            return Err(faults);
        }
        let built_in =
            laid.providers.into_values().map(|one| Arc::new(Provider { built_in: true, ..Provider::clone(&one) }));
        let built_in: Vec<Arc<Provider>> = built_in.collect();
        Ok(Self {
            now: ArcSwap::from_pointee(Catalogue::new(built_in.clone())),
            built_in,
            laid: Mutex::default(),
            faults: ArcSwap::default(),
            changes: watch::Sender::new(0),
        })
    }

    /// The catalogue in force.
    #[must_use]
    pub fn current(&self) -> Arc<Catalogue> {
        self.now.load_full()
    }

    /// What is wrong with the files that lie over the built-in ones.
    #[must_use]
    pub fn faults(&self) -> Arc<Vec<FileFault>> {
        self.faults.load_full()
    }

    /// Grows whenever the catalogue has changed.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Lays files over the built-in ones: all that there are now. Of a file that is broken, what it said last stays. Answers what
    /// is wrong with them.
    pub fn lay_over(&self, files: &[TextFile]) -> Arc<Vec<FileFault>> {
        let mut laid = self.laid.lock().unwrap_or_else(PoisonError::into_inner);
        let faults = Arc::new(laid.take(files));
        let over = laid.providers.values().cloned();
        let mut catalogue = Catalogue::new(self.built_in.iter().cloned().chain(over));
        for list in laid.prices.values() {
            catalogue = catalogue.with_prices(list);
        }
        self.now.store(Arc::new(catalogue));
        self.faults.store(faults.clone());
        self.changes.send_modify(|count| *count += 1);
        faults
    }
}

impl Overlaid for Providers {
    fn folder(&self) -> &'static str {
        "providers"
    }

    fn ending(&self) -> &'static str {
        "toml"
    }

    fn take(&self, laid: &[TextFile]) -> Vec<Broken> {
        let broken =
            |fault: &FileFault| Broken { place: fault.file.clone(), why: format!("{}: {}", fault.place, fault.say) };
        self.lay_over(laid).iter().map(broken).collect()
    }
}

impl Laid {
    fn take(&mut self, files: &[TextFile]) -> Vec<FileFault> {
        let mut faults = Vec::new();
        let is_there = |path: &String| files.iter().any(|file| file.path == *path);
        self.providers.retain(|path, _| is_there(path));
        self.prices.retain(|path, _| is_there(path));
        for file in files {
            let unreadable = |why: &String| {
                vec![FileFault { file: file.place.clone(), place: "the file".to_owned(), say: why.clone() }]
            };
            let text = file.text.as_ref().map_err(unreadable);
            let taken = if file.path.rsplit('/').next() == Some(PRICES) {
                let read = text.and_then(|text| read::prices(&file.place, text));
                read.map(|list| drop(self.prices.insert(file.path.clone(), list)))
            } else {
                let read = text.and_then(|text| read::provider(&file.place, text));
                read.and_then(|provider| self.add(&file.path, provider))
            };
            faults.extend(taken.err().into_iter().flatten());
        }
        faults
    }

    fn add(&mut self, path: &str, provider: Provider) -> Result<(), Vec<FileFault>> {
        let other = self.providers.iter().find(|(at, known)| at.as_str() != path && known.name == provider.name);
        if let Some((other, _)) = other {
            let say = format!("'{}' is the provider of {other}, too", provider.name);
            return Err(vec![FileFault { file: path.to_owned(), place: "name".to_owned(), say }]);
        }
        self.providers.insert(path.to_owned(), Arc::new(provider));
        Ok(())
    }
}
