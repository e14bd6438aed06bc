//! `flow_archive`: a flow is taken out of use.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::flows::faults::FLOW_NEEDED;
use crate::domain::flows::finding::{dependents, load};
use crate::domain::flows::keeping::tell;
use crate::domain::flows::model::flow::{Flow, Status};
use crate::domain::flows::model::turn;
use crate::domain::flows::topics::ARCHIVED;
use crate::kernel::fault::Fault;

/// Archives a flow.
pub(in crate::domain::flows) struct FlowArchive;

/// Which one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Input {
    /// Its id.
    #[schemars(length(min = 1, max = 100))]
    id: String,
}

/// What became of it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Output {
    /// Its id.
    id: String,
    /// How it stands.
    status: Status,
    /// Whether that changed: it may have been archived before.
    changed: bool,
}

impl Capability for FlowArchive {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "flow_archive",
        Domain::Flows,
        Route::delete("/flows/{id}"),
        Permit::on(Resource::Flows, Action::Remove),
        "Takes a registered flow out of use: it is not listed nor executed any more. Its versions and executions are kept, and flow_update with \
         status 'active' takes it back. Refused while other flows depend on it. To set one aside for a while use flow_update with 'inactive'.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = load(cx, &input.id, Action::Remove).await?;
        cx.about::<Flow>(stored.id);
        let mut flow = stored.value.clone();
        let changed = flow.status != Status::Archived;
        if changed {
            turn::take(cx).await?;
            let needed: Vec<String> = dependents(cx, &flow.flow_id).await?.into_iter().map(|one| one.flow_id).collect();
            if !needed.is_empty() {
                let say = format!("'{}' is needed by {}", flow.flow_id, needed.join(", "));
                return Err(Fault::new(&FLOW_NEEDED, say).with_detail(json!({ "dependents": needed })));
            }
            flow.status = Status::Archived;
            cx.change(&stored, &flow)?;
            tell(cx, ARCHIVED, &flow)?;
        }
        Ok(Output { id: flow.flow_id, status: flow.status, changed })
    }
}
