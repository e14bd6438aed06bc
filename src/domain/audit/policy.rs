//! How long a tenant keeps what: the policy, and where its clean-up stands.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::capability::cx::store_fault;
use crate::kernel::fault::Fault;
use crate::kernel::id::{TenantId, UserId};
use crate::kernel::reading;
use crate::kernel::time::Timestamp;
use crate::port::records::{Document, Field, FieldType, Kind, Record, Scope};
use crate::port::store::Store;

/// A tenant's policy.
pub static POLICY: Kind = Kind::new("audit_policy");
/// Where a tenant's clean-up stands.
pub static PROGRESS: Kind = Kind::new("audit_retention");
/// What is left of old entries: how often who did what on a day.
pub static SUMMARY: Kind = Kind {
    fields: &[
        Field { name: "day", of: FieldType::Time },
        Field { name: "actor", of: FieldType::Id },
        Field { name: "action", of: FieldType::Text },
    ],
    ..Kind::new("audit_summary")
};

/// The id of a tenant's policy and of its progress: there is one of each.
#[must_use]
pub fn only_id() -> Uuid {
    Uuid::from_u128(1)
}

/// How long what is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Days for which entries are kept in detail.
    pub detailed_days: u32,
    /// Days for which there are summaries of them: how often who did what on a day.
    pub summary_days: u32,
    /// Days for which evidence of compliance is kept in detail: changes of rights, of this log and of the installation, removals,
    /// and the actions named here.
    pub compliance_days: u32,
    /// Actions that are evidence of compliance too, such as `payment_approve`; `payment_*` for all that begin so.
    #[serde(default)]
    pub compliance_actions: Vec<String>,
    /// Days between a request for erasure and the erasure.
    pub notice_days: u32,
}

impl Document for Policy {
    const KIND: &'static Kind = &POLICY;
}

impl Policy {
    /// What holds where nothing was set. `detailed_days` is the configuration's; 0 there is no bound.
    #[must_use]
    pub fn default_of(detailed_days: u64) -> Self {
        let bound = if detailed_days == 0 { 36_500 } else { detailed_days };
        let detailed_days = u32::try_from(bound).unwrap_or(36_500);
        Self {
            detailed_days,
            summary_days: detailed_days.max(730),
            compliance_days: detailed_days.max(2555),
            compliance_actions: Vec::new(),
            notice_days: 30,
        }
    }

    /// Whether an action is evidence of compliance by this policy.
    #[must_use]
    pub fn names(&self, action: &str) -> bool {
        self.compliance_actions.iter().any(|named| match named.strip_suffix('*') {
            Some(begin) => action.starts_with(begin),
            None => action == named,
        })
    }
}

/// Where a clean-up stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Up to this position every entry was judged that is kept only in detail.
    pub detailed_through: i64,
    /// Up to this one every other.
    pub compliance_through: i64,
    /// How many entries went in all.
    pub removed: u64,
    /// When some went last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<Timestamp>,
}

impl Document for Progress {
    const KIND: &'static Kind = &PROGRESS;
}

/// How often somebody did something to a kind of thing on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The day's beginning.
    pub day: Timestamp,
    /// Who.
    pub actor: UserId,
    /// What.
    pub action: String,
    /// To what kind of thing.
    pub resource_type: String,
    /// How often.
    pub entries: u64,
    /// How often it is not known how it ended.
    pub unknown: u64,
}

impl Document for Summary {
    const KIND: &'static Kind = &SUMMARY;
}

/// A document of which a tenant has one, with its revision.
///
/// # Errors
/// When the store fails.
pub async fn only<T: Document>(store: &dyn Store, tenant: TenantId) -> Result<Option<(T, i64)>, Fault> {
    let found = store.get(Scope::Tenant(tenant), T::KIND, only_id()).await.map_err(store_fault)?;
    found.map(|record| read(record).map(|(value, revision, _)| (value, revision))).transpose()
}

/// A record's document, revision and id.
///
/// # Errors
/// When it is not of its form.
pub fn read<T: Document>(record: Record) -> Result<(T, i64, Uuid), Fault> {
    let value = reading::read(record.body)
        .map_err(|error| Fault::internal(format!("{} {} cannot be read: {error}", T::KIND.name, record.id)))?;
    Ok((value, record.revision, record.id))
}

/// The policy in force for a tenant.
///
/// # Errors
/// When the store fails.
pub async fn in_force(store: &dyn Store, tenant: TenantId, detailed_days: u64) -> Result<Policy, Fault> {
    let set = only::<Policy>(store, tenant).await?;
    Ok(set.map_or_else(|| Policy::default_of(detailed_days), |(policy, _)| policy))
}
