//! `retention_policy_get`: how long what is kept, and what goes next.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::audit::policy::{self, Policy, Progress, SUMMARY};
use crate::domain::audit::retention::next_clean_up;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::records::{Filter, Scope};

/// Tells the policy.
pub(in crate::domain::audit) struct RetentionGet;

/// Nothing is asked.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::domain::audit) struct Input {}

/// The policy in force.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::audit) struct Output {
    /// The policy.
    #[serde(flatten)]
    policy: Policy,
    /// Whether it is the default, since nothing was set.
    is_default: bool,
    /// When the next entry goes, as things are; absent where there is none that will.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_clean_up: Option<Timestamp>,
    /// When entries went last.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_clean_up: Option<Timestamp>,
    /// How many entries went in all.
    removed: u64,
    /// How many summaries there are.
    summaries: u64,
}

impl Capability for RetentionGet {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "retention_policy_get",
        Domain::Audit,
        Route::get("/audit/retention"),
        Permit::on(Resource::Audit, Action::Read),
        "The retention policy in force for the audit log: days of detail, of summaries and of compliance evidence, the notice \
         period of erasures, and when the next clean-up removes something.",
    );

    async fn run(cx: &Cx, _: Input) -> Result<Output, Fault> {
        let (store, tenant) = (&*cx.platform().store, cx.tenant());
        let set = policy::only::<Policy>(store, tenant).await?;
        let is_default = set.is_none();
        let days = cx.platform().config.store.audit_days;
        let policy = set.map_or_else(|| Policy::default_of(days), |(policy, _)| policy);
        let progress = policy::only::<Progress>(store, tenant).await?.map_or_else(Progress::default, |(one, _)| one);
        let summaries = store.count(Scope::Tenant(tenant), &SUMMARY, Filter::All).await.map_err(store_fault)?;
        Ok(Output {
            next_clean_up: next_clean_up(cx.platform(), tenant, &policy).await?,
            policy,
            is_default,
            last_clean_up: progress.last_at,
            removed: progress.removed,
            summaries,
        })
    }
}
