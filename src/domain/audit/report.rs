//! The material of a compliance report: what the log says of a period, added up.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use uuid::Uuid;

use super::erasure::{ERASURE, Erasure};
use super::policy::{self, SUMMARY, Summary};
use crate::capability::cx::{Cx, store_fault};
use crate::capability::gate::audit::AUDIT;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::CallId;
use crate::kernel::time::Timestamp;
use crate::port::logs::{Entry, TimeQuery};
use crate::port::records::{Comparison, Filter, Query, Scalar, Scope};

/// Entries that are read at a time.
const PAGE: u32 = 1000;
/// The most that one report looks through.
const MOST: u64 = 1_000_000;
/// References to entries that one finding names.
const NAMED: usize = 10;

/// A class of deeds that reports speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    /// Accounts made, changed, suspended.
    Accounts,
    /// Roles and who holds them.
    Rights,
    /// Keys made and revoked.
    Keys,
    /// Anything destroyed.
    Removals,
    /// The installation: backups, restores, settings.
    Installation,
    /// The log itself: retention and erasure.
    Log,
    /// Recorded from elsewhere.
    Recorded,
    /// Calls of which nobody knows how they ended.
    Unknown,
}

/// What is known of one class of deeds.
#[derive(Debug, Clone, Default)]
pub(super) struct Count {
    /// How many entries.
    pub(super) entries: u64,
    /// How many people.
    pub(super) actors: BTreeSet<Uuid>,
    /// The newest of them, by request id.
    pub(super) named: Vec<(Timestamp, String, CallId)>,
}

/// Everything that a report is made of.
#[derive(Debug, Clone, Default)]
pub(super) struct Material {
    /// Entries of the period that are there in detail.
    pub(super) entries: u64,
    /// Entries of the period that are there as summaries only.
    pub(super) summarised: u64,
    /// By class of deeds. An entry may be of several.
    pub(super) deeds: BTreeMap<Deed, Count>,
    /// Entries by action.
    pub(super) actions: BTreeMap<String, u64>,
    /// Entries by person.
    pub(super) actors: BTreeMap<Uuid, u64>,
    /// Entries that are kept as evidence of compliance.
    pub(super) evidence: u64,
    /// Entries whose personal data lies sealed.
    pub(super) sealed: u64,
    /// Requests for erasure that were made or carried out in the period.
    pub(super) erasures: Vec<Erasure>,
}

/// Gathers it.
///
/// # Errors
/// `too_broad` where the period has more entries than one report looks through.
pub(super) async fn gather(cx: &Cx, from: Timestamp, to: Timestamp) -> Result<Material, Fault> {
    let mut material = Material::default();
    let within = Filter::Compare("at", Comparison::AtLeast, Scalar::Time(from)).and(Filter::Compare(
        "at",
        Comparison::Less,
        Scalar::Time(to),
    ));
    let (store, scope) = (&cx.platform().store, Scope::Tenant(cx.tenant()));
    let mut beyond = None;
    loop {
        let query = TimeQuery { filter: within.clone(), beyond, descending: true, limit: PAGE };
        let page = store.entries_by_time(scope, &AUDIT, query).await.map_err(store_fault)?;
        let Some(last) = page.last() else { break };
        beyond = Some((last.at, last.position));
        for entry in &page {
            material.take(entry);
        }
        if material.entries > MOST {
            let say = format!("the period has more than {MOST} entries");
            return Err(Fault::new(&codes::TOO_BROAD, say));
        }
    }
    let days = Filter::Compare("day", Comparison::AtLeast, Scalar::Time(from)).and(Filter::Compare(
        "day",
        Comparison::Less,
        Scalar::Time(to),
    ));
    let mut after = None;
    loop {
        let query = Query { filter: days.clone(), order: "id", descending: false, after, limit: PAGE };
        let page = store.find(scope, &SUMMARY, query).await.map_err(store_fault)?;
        let Some(last) = page.last() else { break };
        after = Some(crate::port::records::Place { key: Scalar::Id(last.id), id: last.id });
        for record in page {
            material.add(policy::read::<Summary>(record)?.0);
        }
    }
    for record in store.find(scope, &ERASURE, Query::newest(Filter::All, PAGE)).await.map_err(store_fault)? {
        let (erasure, ..) = policy::read::<Erasure>(record)?;
        let falls = |at: Timestamp| (from..to).contains(&at);
        if falls(erasure.requested_at) || erasure.erased_at.is_some_and(falls) {
            material.erasures.push(erasure);
        }
    }
    Ok(material)
}

impl Material {
    fn take(&mut self, entry: &Entry) {
        let body = &entry.body;
        let text = |name: &str| body[name].as_str().unwrap_or_default();
        let (action, actor) = (text("action"), text("actor").parse::<Uuid>().unwrap_or_default());
        self.entries += 1;
        *self.actions.entry(action.to_owned()).or_default() += 1;
        *self.actors.entry(actor).or_default() += 1;
        self.evidence += u64::from(body["compliance"] == true);
        self.sealed += u64::from(body["sealed"].is_array());
        let call = text("requestId").parse::<CallId>().ok();
        for deed in deeds(action, text("effect"), text("resourceType"), text("outcome"), &body["recorded"]) {
            let count = self.deeds.entry(deed).or_default();
            count.entries += 1;
            count.actors.insert(actor);
            if let Some(call) = call
                && count.named.len() < NAMED
            {
                count.named.push((entry.at, action.to_owned(), call));
            }
        }
    }

    fn add(&mut self, summary: Summary) {
        self.summarised += summary.entries;
        for deed in deeds(&summary.action, "", &summary.resource_type, "", &Value::Null) {
            let count = self.deeds.entry(deed).or_default();
            count.entries += summary.entries;
            count.actors.insert(summary.actor.uuid());
        }
        if summary.unknown > 0 {
            self.deeds.entry(Deed::Unknown).or_default().entries += summary.unknown;
        }
        *self.actions.entry(summary.action).or_default() += summary.entries;
        *self.actors.entry(summary.actor.uuid()).or_default() += summary.entries;
    }

    /// What is known of a class of deeds.
    pub(super) fn of(&self, deed: Deed) -> Count {
        self.deeds.get(&deed).cloned().unwrap_or_default()
    }
}

/// The classes of deeds that an entry is of.
fn deeds(action: &str, effect: &str, resource: &str, outcome: &str, recorded: &Value) -> Vec<Deed> {
    let begins = |names: &[&str]| names.iter().any(|name| action.starts_with(name));
    let of = [
        (Deed::Accounts, begins(&["user_"])),
        (Deed::Rights, begins(&["role_"]) || matches!(resource, "role" | "role_assignment")),
        (Deed::Keys, begins(&["api_key_", "keys_", "secret_"])),
        (Deed::Removals, effect == "remove" && !begins(&["audit_retention"])),
        (Deed::Installation, begins(&["system_", "keys_reset"])),
        (Deed::Log, begins(&["audit_", "retention_", "gdpr_"]) && recorded.is_null()),
        (Deed::Recorded, recorded.is_object()),
        (Deed::Unknown, outcome == "unknown"),
    ];
    of.into_iter().filter(|(_, is)| *is).map(|(deed, _)| deed).collect()
}
