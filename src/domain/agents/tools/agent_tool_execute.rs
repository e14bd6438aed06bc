//! `agent_tool_execute`: one tool, called as an agent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::agents::engine::plan::{acting, may_be_run};
use crate::domain::agents::finding::{load, must_work};
use crate::kernel::fault::Fault;

/// Calls a tool as an agent.
pub(in crate::domain::agents) struct AgentToolExecute;

/// Which agent, and which tool.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "as tool_call names it")]
pub(in crate::domain::agents) struct Input {
    /// The agent's id or name.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// The tool's name.
    #[schemars(length(min = 1, max = 64))]
    tool: String,
    /// The tool's input, as `tool_describe` shows it.
    #[serde(default)]
    input: Map<String, Value>,
}

/// What the tool answered.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::agents) struct Output {
    /// The agent.
    agent_id: String,
    /// The tool.
    tool: String,
    /// The call, as in the audit log.
    request_id: String,
    /// What the tool answered.
    result: Value,
    /// How long it took, in milliseconds.
    duration_ms: u64,
}

impl Capability for AgentToolExecute {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::create(
        "agent_tool_execute",
        Domain::Agents,
        Route::post("/agents/{id}/tools/execute"),
        Permit::on(Resource::Runs, Action::Create),
        "Calls one tool as an agent, without asking a model: only what the agent is allowed and you are permitted, audited as the agent's. To let \
         the agent decide use agent_invoke.",
    )
    .reaches();

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let agent = load(cx, &input.id, Action::Read).await?.value;
        may_be_run(cx, &agent.agent_id)?;
        must_work(&agent)?;
        let within = cx.within(acting(cx, &agent, &cx.new_id().to_string())?)?;
        let clock = cx.platform().clock.clone();
        let began = clock.elapsed();
        let called = within.call(&input.tool, Value::Object(input.input)).await;
        let took = clock.elapsed().saturating_sub(began);
        Ok(Output {
            agent_id: agent.agent_id,
            tool: input.tool,
            request_id: called.id.to_string(),
            result: called.result.map_err(|fault| fault.below("/input"))?,
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        })
    }
}
