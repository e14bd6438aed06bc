//! Compiled rule sets, kept by what they say: one that was compiled is not compiled again, in whichever tenant.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::content::Rules;
use super::engine::compiling::prepared;
use super::engine::prepared::Prepared;
use crate::kernel::fault::{Fault, Violation};
use crate::kernel::tasks::blocking;
use crate::port::expressions::Expressions;

/// So many are kept at least, those that were used of late; twice as many at most.
const KEPT: usize = 64;

/// Keeps compiled rule sets.
pub struct RuleBook {
    language: Arc<dyn Expressions>,
    kept: Mutex<Kept>,
}

/// What is used moves to the young ones; when they are many, the old ones go.
#[derive(Default)]
struct Kept {
    young: HashMap<String, Arc<Prepared>>,
    old: HashMap<String, Arc<Prepared>>,
}

impl Kept {
    fn put(&mut self, digest: String, one: Arc<Prepared>) {
        if self.young.len() >= KEPT {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(digest, one);
    }
}

impl RuleBook {
    /// An empty one.
    #[must_use]
    pub fn new(language: Arc<dyn Expressions>) -> Self {
        Self { language, kept: Mutex::default() }
    }

    fn get(&self, digest: &str) -> Option<Arc<Prepared>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = kept.young.get(digest) {
            return Some(one.clone());
        }
        let one = kept.old.remove(digest)?;
        kept.put(digest.to_owned(), one.clone());
        Some(one)
    }

    /// The compiled rule set.
    ///
    /// # Errors
    /// Everything that is wrong with it, by its place.
    pub(super) async fn prepared(self: &Arc<Self>, rules: &Rules, digest: &str) -> Result<Arc<Prepared>, Fault> {
        if let Some(kept) = self.get(digest) {
            return Ok(kept);
        }
        let (rules, language) = (Arc::new(rules.clone()), self.language.clone());
        let made = blocking(move || prepared(rules, &language)).await;
        let made = made.ok_or_else(|| Fault::internal("compiling a rule set broke down"))?;
        let one = Arc::new(made.map_err(|wrong: Vec<Violation>| Fault::violations(wrong))?);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.put(digest.to_owned(), one.clone());
        Ok(one)
    }
}
