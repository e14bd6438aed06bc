//! `agent_get`: one agent in one version.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::agents::finding::{load, version, versions};
use crate::domain::agents::views::{Full, VersionView};
use crate::kernel::fault::Fault;

/// Tells an agent.
pub(in crate::domain::agents) struct AgentGet;

/// Which agent and version.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::agents) struct Input {
    /// Its id or name.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// The version; the present one when not given.
    #[serde(default)]
    #[schemars(range(min = 1))]
    version: Option<u32>,
    /// Whether to tell its history too: every version with who wrote it and when.
    #[serde(default)]
    history: bool,
}

/// The agent.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::agents) struct Output {
    #[serde(flatten)]
    agent: Full,
    /// Its versions, newest first, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<VersionView>>,
}

impl Capability for AgentGet {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "agent_get",
        Domain::Agents,
        Route::get("/agents/{id}"),
        Permit::on(Resource::Agents, Action::Read),
        "One agent, by id or name, in its present or an earlier version: persona, prompt, model, tools, memory, limits, form of its answers; with \
         'history' also its versions. For how it is doing use agent_status.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = load(cx, &input.id, Action::Read).await?;
        let history =
            if input.history { Some(versions(cx, &stored).await?.iter().map(VersionView::of).collect()) } else { None };
        let agent = Full::stored(version(cx, stored, input.version).await?);
        Ok(Output { agent, history })
    }
}
