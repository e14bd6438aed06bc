//! `memory_policy_set`: what is kept, and how long.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::memory::model::policy::Policy;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;

/// Sets a policy.
pub(in crate::domain::memory) struct MemoryPolicySet;

/// The policy of a scope, as a whole: what is not given does not hold any more.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::memory) struct Input {
    #[serde(flatten)]
    policy: Policy,
}

/// The policy in force.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::memory) struct Output {
    #[serde(flatten)]
    policy: Policy,
    /// Since when.
    set_at: Timestamp,
}

impl Capability for MemoryPolicySet {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "memory_policy_set",
        Domain::Memory,
        Route::put("/memory/policy"),
        Permit::on(Resource::Memories, Action::Manage),
        "Sets what is kept of the memories of a scope: after how many days what nobody said again is put aside or forgotten, how many there may \
         be, what agents may be told. memory_consolidate carries it out when it is called; without `apply` that only tells what it would do.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let Input { policy } = input;
        if let (Some(retire), Some(forget)) = (policy.retire_after_days, policy.forget_after_days)
            && forget < retire
        {
            return Err(Fault::bad_input("/forgetAfterDays", "must not be less than 'retireAfterDays'"));
        }
        let id = Policy::id(policy.scope);
        match cx.get::<Policy>(id).await? {
            Some(stored) => cx.change(&stored, &policy)?,
            None => cx.create(id, cx.belongs_to_caller(), &policy)?,
        }
        Ok(Output { policy, set_at: cx.now() })
    }
}
