//! How often versions are used, and who got which version of a split. Assembling only reads: what is counted waits in memory and
//! is written every few seconds, as usage is, so that no call waits for a disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::model::exposure::{EXPOSURES, Exposure};
use crate::capability::cx::store_fault;
use crate::capability::platform::Platform;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::port::records::Scope;
use crate::port::store::{Batch, Step};

/// The counter of uses. Its keys are a prompt and a version.
const COUNTER: &str = "prompt_uses";
/// More versions of one prompt are not told the use of.
const MOST_TOLD: u32 = 1_000;
/// Exposures that wait while the store cannot write; further ones are lost, and that is told.
const MOST_WAITING: usize = 100_000;

/// What was counted and is not written yet.
#[derive(Default)]
pub struct Uses {
    waiting: Mutex<Waiting>,
    /// One writes at a time: whoever comes after it finds everything written.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Waiting {
    counts: HashMap<(TenantId, String), i64>,
    exposures: Vec<(TenantId, Exposure)>,
    lost: u64,
}

fn key(prompt: &str, version: &str) -> String {
    format!("{prompt}\n{version}")
}

impl Uses {
    /// Counts a use.
    pub fn count(&self, tenant: TenantId, prompt: &str, version: &str) {
        let mut waiting = self.waiting();
        *waiting.counts.entry((tenant, key(prompt, version))).or_default() += 1;
    }

    /// Notes an exposure.
    pub fn expose(&self, tenant: TenantId, exposure: Exposure) {
        let mut waiting = self.waiting();
        if waiting.exposures.len() < MOST_WAITING {
            waiting.exposures.push((tenant, exposure));
        } else {
            waiting.lost += 1;
        }
    }

    /// How often each version of a prompt was used.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn of(&self, platform: &Platform, tenant: TenantId, prompt: &str) -> Result<HashMap<String, u64>, Fault> {
        let prefix = key(prompt, "");
        let scope = Scope::Tenant(tenant);
        let counters = platform.store.counters(scope, COUNTER, &prefix, None, MOST_TOLD).await.map_err(store_fault)?;
        let mut uses: HashMap<String, i64> = HashMap::new();
        for (key, count) in counters {
            *uses.entry(key.strip_prefix(&prefix).unwrap_or(&key).to_owned()).or_default() += count;
        }
        let waiting = self.waiting();
        for ((of, key), count) in &waiting.counts {
            if let Some(version) = key.strip_prefix(&prefix).filter(|_| *of == tenant) {
                *uses.entry(version.to_owned()).or_default() += count;
            }
        }
        Ok(uses.into_iter().map(|(version, count)| (version, count.unsigned_abs())).collect())
    }

    /// Writes what waits. What cannot be written waits for the next time, and the writing goes on when whoever asked for it goes away.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn flush(self: &Arc<Self>, platform: &Arc<Platform>) -> Result<(), Fault> {
        let (uses, owned) = (self.clone(), platform.clone());
        let written = platform.carry_through(async move { uses.write(&owned).await }).await;
        written.unwrap_or_else(|| Err(Fault::internal("uses of prompts could not be written: it panicked")))
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write(&self, platform: &Platform) -> Result<(), Fault> {
        let _one = self.writing.lock().await;
        let waiting = std::mem::take(&mut *self.waiting());
        if waiting.lost > 0 {
            tracing::warn!(lost = waiting.lost, "exposures of prompts were lost while the store could not write");
        }
        let mut by_tenant: HashMap<TenantId, Vec<Step>> = HashMap::new();
        for ((tenant, key), count) in &waiting.counts {
            let step = Step::Count { name: COUNTER, key: key.clone(), by: *count, at_most: None };
            by_tenant.entry(*tenant).or_default().push(step);
        }
        for (tenant, exposure) in &waiting.exposures {
            let body = serde_json::to_value(exposure).map_err(Fault::internal)?;
            let step = Step::Append { log: &EXPOSURES, stream: exposure.prompt_id.clone(), body };
            by_tenant.entry(*tenant).or_default().push(step);
        }
        if by_tenant.is_empty() {
            return Ok(());
        }
        let at = platform.clock.now();
        let batches = by_tenant.into_iter().map(|(tenant, steps)| Batch { tenant, at, steps }).collect();
        if let Err(fault) = platform.store.commit(batches).await {
            let mut held = self.waiting();
            for (key, count) in waiting.counts {
                *held.counts.entry(key).or_default() += count;
            }
            let newer = std::mem::replace(&mut held.exposures, waiting.exposures);
            held.exposures.extend(newer);
            return Err(store_fault(fault));
        }
        Ok(())
    }
}
