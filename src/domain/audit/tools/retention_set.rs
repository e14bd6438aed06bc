//! `retention_policy_set`: how long what is kept.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::{Belongs, Cx};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::audit::policy::{Policy, only_id};
use crate::kernel::fault::Fault;
use crate::port::records::Visibility;

/// Sets the policy.
pub(in crate::domain::audit) struct RetentionSet;

/// What changes; what is not given stays as it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::audit) struct Input {
    /// Days for which entries are kept in detail.
    #[serde(default)]
    #[schemars(range(min = 1, max = 36_500))]
    detailed_days: Option<u32>,
    /// Days for which there are summaries of them; at least as many as of detail.
    #[serde(default)]
    #[schemars(range(min = 1, max = 36_500))]
    summary_days: Option<u32>,
    /// Days for which evidence of compliance is kept in detail; at least as many as other detail.
    #[serde(default)]
    #[schemars(range(min = 1, max = 36_500))]
    compliance_days: Option<u32>,
    /// Actions that are evidence of compliance too, such as `payment_approve`, or `payment_*` for all that begin so. Changes of
    /// rights, of the log and of the installation, and removals, are in any case.
    #[serde(default)]
    #[schemars(length(max = 200), inner(length(min = 1, max = 64)))]
    compliance_actions: Option<Vec<String>>,
    /// Days between a request for erasure and the erasure.
    #[serde(default)]
    #[schemars(range(min = 0, max = 365))]
    notice_days: Option<u32>,
}

impl Capability for RetentionSet {
    type Input = Input;
    type Output = Policy;
    const SPEC: Spec = Spec::change(
        "retention_policy_set",
        Domain::Audit,
        Route::put("/audit/retention"),
        Permit::on(Resource::Audit, Action::Change),
        "Sets for how many days the audit log keeps details, summaries and compliance evidence, and the notice period of \
         erasures. What is over goes by itself; the hash chain stays provable. See retention_policy_get for what is in force.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Policy, Fault> {
        let stored = cx.get::<Policy>(only_id()).await?;
        let default = || Policy::default_of(cx.platform().config.store.audit_days);
        let mut policy = stored.as_ref().map_or_else(default, |stored| stored.value.clone());
        let set = |place: &mut u32, value: Option<u32>| *place = value.unwrap_or(*place);
        set(&mut policy.detailed_days, input.detailed_days);
        set(&mut policy.summary_days, input.summary_days);
        set(&mut policy.compliance_days, input.compliance_days);
        set(&mut policy.notice_days, input.notice_days);
        if let Some(actions) = input.compliance_actions {
            policy.compliance_actions = actions;
            policy.compliance_actions.sort();
            policy.compliance_actions.dedup();
        }
        for (pointer, days) in [("/summaryDays", policy.summary_days), ("/complianceDays", policy.compliance_days)] {
            if days < policy.detailed_days {
                let say = format!("must be at least the {} days for which details are kept", policy.detailed_days);
                return Err(Fault::bad_input(pointer, say));
            }
        }
        if let Some(stored) = stored {
            cx.change(&stored, &policy)?;
        } else {
            let belongs = Belongs { owner: None, workspace: None, visibility: Visibility::Tenant };
            cx.create(only_id(), belongs, &policy)?;
        }
        Ok(policy)
    }
}
