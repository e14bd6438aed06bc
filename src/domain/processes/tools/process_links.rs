//! `process_links`: what a process has to do with others, and what a change of it would affect.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::processes::finding::load;
use crate::domain::processes::weaving::{Affected, Impact, LinkView, Woven, impact};
use crate::kernel::fault::Fault;

/// Tells links.
pub(in crate::domain::processes) struct ProcessLinks;

/// Whose.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Input {
    /// The id or name of the process.
    #[schemars(length(min = 1, max = 100))]
    id: String,
}

/// The links.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Output {
    /// The id of the process.
    id: String,
    /// Its links to others.
    outgoing: Vec<LinkView>,
    /// Links of others to it.
    incoming: Vec<LinkView>,
    /// What it relies on, the nearest first: what it calls and depends on, what feeds it, and so on from there.
    relies_on: Vec<Affected>,
    /// What a change of it may affect, the nearest first: what calls it and depends on it, what it feeds, and so on from there.
    affects: Vec<Affected>,
    /// Ways along which it affects itself: each begins and ends with it.
    cycles: Vec<Vec<String>>,
    /// What its newest draft would do to those that call it.
    impact: Impact,
}

impl Capability for ProcessLinks {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "process_links",
        Domain::Processes,
        Route::get("/processes/{id}/links"),
        Permit::on(Resource::Processes, Action::Read),
        "The links of a process in both directions, given and from sub-process nodes, over any number of steps with path and cycles; and \
         impact: which callers its newest draft would break. To make a link use process_link.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let process = load(cx, &input.id, Action::Read).await?.value;
        let woven = Woven::of(cx).await?;
        let (outgoing, incoming) = woven.direct(&process);
        let id = process.process_id.clone();
        Ok(Output {
            outgoing,
            incoming,
            relies_on: woven.relies_on(&id),
            affects: woven.affects(&id),
            cycles: woven.cycles(&id),
            impact: impact(cx, &process, &woven).await?,
            id,
        })
    }
}
