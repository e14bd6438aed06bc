//! Usage: who called what how often. A write's row is in its commit; reads are added up in memory and flushed together, so
//! that reading never waits for a disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::caller::{Caller, Principal};
use crate::capability::cx::{Call, store_fault};
use crate::kernel::fault::Fault;
use crate::kernel::id::{TenantId, UserId};
use crate::kernel::time::Timestamp;
use crate::port::logs::{Keep, Log};
use crate::port::records::{Field, FieldType};
use crate::port::store::{Batch, Step, Store};

/// The usage log. The stream is the principal.
pub static USAGE: Log = Log {
    name: "usage",
    fields: &[Field { name: "user", of: FieldType::Id }, Field { name: "tool", of: FieldType::Text }],
    text: &[],
    keep: Keep { age: Duration::from_hours(24 * 400), entries: 10_000_000 },
    followed: false,
};

/// Calls of one principal of one tool, one or many added up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageEntry {
    /// The user.
    pub user: UserId,
    /// The tool.
    pub tool: String,
    /// How many calls.
    pub calls: u64,
    /// How many of them ended by a fault.
    pub faults: u64,
    /// Microseconds that they took together.
    pub micros: u64,
}

#[derive(Debug, PartialEq, Eq, Hash, Clone)]
struct Who {
    tenant: TenantId,
    user: UserId,
    principal: Option<Principal>,
    tool: Arc<str>,
}

impl std::hash::Hash for Principal {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        match self {
            Self::Anonymous => 0_u8.hash(state),
            Self::LocalOwner => 1_u8.hash(state),
            Self::Link => 2_u8.hash(state),
            Self::Key(key) => key.hash(state),
        }
    }
}

#[derive(Debug, Default, Clone, Copy)]
struct Sum {
    calls: u64,
    faults: u64,
    micros: u64,
}

/// Adds up what was not written with a commit.
#[derive(Default)]
pub struct UsageBook {
    sums: Mutex<HashMap<Who, Sum>>,
}

impl UsageBook {
    /// Adds a call that no commit told of: a read, or a call that failed. Callers without a credential are only metered.
    pub fn add(&self, caller: &Caller, tool: &Arc<str>, failed: bool, took: Duration) {
        if !caller.is_known() {
            return;
        }
        let who =
            Who { tenant: caller.tenant, user: caller.user, principal: Some(caller.principal), tool: tool.clone() };
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = sums.entry(who).or_default();
        sum.calls += 1;
        sum.faults += u64::from(failed);
        sum.micros += u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    }

    /// Writes what was added up. What cannot be written is kept for the next time.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn flush(&self, store: &dyn Store, now: Timestamp) -> Result<(), Fault> {
        let sums = std::mem::take(&mut *self.sums.lock().unwrap_or_else(PoisonError::into_inner));
        if sums.is_empty() {
            return Ok(());
        }
        let mut by_tenant: HashMap<TenantId, Vec<Step>> = HashMap::new();
        for (who, sum) in &sums {
            let entry = UsageEntry {
                user: who.user,
                tool: who.tool.to_string(),
                calls: sum.calls,
                faults: sum.faults,
                micros: sum.micros,
            };
            let stream = who.principal.map(principal_text).unwrap_or_default();
            let body = serde_json::to_value(entry).map_err(Fault::internal)?;
            by_tenant.entry(who.tenant).or_default().push(Step::Append { log: &USAGE, stream, body });
        }
        let batches = by_tenant.into_iter().map(|(tenant, steps)| Batch { tenant, at: now, steps }).collect();
        if let Err(fault) = store.commit(batches).await {
            let mut held = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
            for (who, sum) in sums {
                let kept = held.entry(who).or_default();
                kept.calls += sum.calls;
                kept.faults += sum.faults;
                kept.micros += sum.micros;
            }
            return Err(store_fault(fault));
        }
        Ok(())
    }
}

/// The step that writes the usage of one call.
pub(super) fn row(call: &Call, took: Duration) -> Result<Step, Fault> {
    Row::of(call, took).step()
}

/// The usage of one call, or of several of one principal and tool.
#[derive(Clone)]
pub(super) struct Row {
    stream: String,
    entry: UsageEntry,
}

impl Row {
    pub(super) fn of(call: &Call, took: Duration) -> Self {
        let entry = UsageEntry {
            user: call.caller.user,
            tool: call.tool.name.to_string(),
            calls: 1,
            faults: 0,
            micros: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        };
        Self { stream: principal_text(call.caller.principal), entry }
    }

    /// Adds another up where it is of the same.
    pub(super) fn add(&mut self, other: &Self) -> bool {
        let (own, new) = (&mut self.entry, &other.entry);
        if self.stream != other.stream || own.user != new.user || own.tool != new.tool {
            return false;
        }
        own.calls += new.calls;
        own.micros = own.micros.saturating_add(new.micros);
        true
    }

    pub(super) fn step(&self) -> Result<Step, Fault> {
        let body = serde_json::to_value(&self.entry).map_err(Fault::internal)?;
        Ok(Step::Append { log: &USAGE, stream: self.stream.clone(), body })
    }
}

fn principal_text(principal: Principal) -> String {
    match principal {
        Principal::Anonymous => "anonymous".to_owned(),
        Principal::LocalOwner => "local".to_owned(),
        Principal::Link => "link".to_owned(),
        Principal::Key(key) => format!("key:{key}"),
    }
}
