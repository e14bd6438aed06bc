//! `agent_invoke`: an agent runs and answers.

use std::time::Duration;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::agents::engine::answer::Answer;
use crate::domain::agents::engine::input::Input;
use crate::domain::agents::engine::running::Run;
use crate::domain::agents::finding::load;
use crate::kernel::fault::Fault;

/// Runs an agent.
pub(in crate::domain::agents) struct AgentInvoke;

impl Capability for AgentInvoke {
    type Input = Input;
    type Output = Answer;
    const SPEC: Spec = Spec::create(
        "agent_invoke",
        Domain::Agents,
        Route::post("/agents/{id}/invoke"),
        Permit::on(Resource::Runs, Action::Create),
        "Runs an agent on a prompt: its model is asked, the tools that it wants run within what it is allowed and you are permitted, until it \
         answers or a limit is reached. To see it work use agent_stream; for one tool alone, agent_tool_execute.",
    )
    .also(&[Route::post("/agents/respond")])
    .reaches()
    .spends();

    async fn run(cx: &Cx, input: Input) -> Result<Answer, Fault> {
        let agent = load(cx, &input.id, Action::Read).await?;
        if Duration::from_secs(u64::from(agent.value.profile.limits.seconds)) > cx.time_left() {
            cx.prefer_task()?;
        }
        let run = Box::pin(Run::prepare(cx, agent, &input, None)).await?;
        Box::pin(run.go()).await
    }
}
