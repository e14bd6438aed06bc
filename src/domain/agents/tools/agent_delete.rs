//! `agent_delete`: an agent does not run any more.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::agents::finding::load;
use crate::domain::agents::model::agent::State;
use crate::domain::agents::tools::agent_update::next;
use crate::domain::agents::topics::RETIRED;
use crate::domain::agents::views::Full;
use crate::kernel::fault::Fault;

/// Retires an agent.
pub(in crate::domain::agents) struct AgentDelete;

/// Which agent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::agents) struct Input {
    /// Its id or name.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// What is to be said of it in the history.
    #[serde(default)]
    #[schemars(length(max = 500))]
    message: Option<String>,
}

impl Capability for AgentDelete {
    type Input = Input;
    type Output = Full;
    const SPEC: Spec = Spec::remove(
        "agent_delete",
        Domain::Agents,
        Route::delete("/agents/{id}"),
        Permit::on(Resource::Agents, Action::Remove),
        "Retires an agent: it does not run any more and is in no list. Its versions, runs and figures stay readable. To keep it from running \
         for a while use agent_update.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Full, Fault> {
        let stored = load(cx, &input.id, Action::Remove).await?;
        if stored.value.state == State::Retired {
            return Ok(Full::stored(stored));
        }
        let agent = next(cx, &stored.value, stored.value.profile.clone(), State::Retired, input.message);
        cx.change(&stored, &agent)?;
        cx.emit(RETIRED, &agent.agent_id, &json!({ "agentId": agent.agent_id, "version": agent.version }))?;
        Ok(Full::of(agent, stored.owner, cx.now()))
    }
}
