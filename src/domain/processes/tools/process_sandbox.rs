//! `process_sandbox`: a dry run, with nothing outside touched.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::processes::engine::durations::read_duration;
use crate::domain::processes::engine::interpreter::Facts;
use crate::domain::processes::engine::sandbox::{Answer, Ran, Sandbox};
use crate::domain::processes::finding::{load, version};
use crate::domain::processes::looking::{judged_around, unusable};
use crate::kernel::fault::Fault;
use crate::kernel::tasks::blocking;
use crate::port::expressions::Language;

/// Tries a process out.
pub(in crate::domain::processes) struct ProcessSandbox;

/// What to try.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Input {
    /// The id or name of the process.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// The version; `draft` for the newest draft. When not said the newest that was published, or the draft where none was.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    version: Option<String>,
    /// The branch whose newest draft is meant.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    branch: Option<String>,
    /// What it is started with, by variable.
    #[serde(default)]
    variables: Map<String, Value>,
    /// What nodes answer, by their ids: one for each time that the node is come to, the last one again and again, such as
    /// `{ "approve": [{ "result": { "outcome": "reject" }, "after": "P1D" }] }`. What is not given is made up to fit the schema.
    #[serde(default)]
    answers: BTreeMap<String, Vec<Answer>>,
}

/// What it came to.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Output {
    /// The id of the process.
    process_id: String,
    /// The version that was tried.
    version: String,
    /// How it went.
    #[serde(flatten)]
    ran: Ran,
}

impl Capability for ProcessSandbox {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "process_sandbox",
        Domain::Processes,
        Route::post("/processes/{id}/sandbox"),
        Permit::on(Resource::Processes, Action::Read),
        "Tries a process out without touching anything: people, agents and tools answer what you give or what is made up by their schemas, \
         and the clock jumps over timers. Tells the way that was taken, variables, result, and the nodes that were not come to.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let process = load(cx, &input.id, Action::Read).await?.value;
        let revision = version(cx, &process, input.version.as_deref(), input.branch.as_deref()).await?;
        let (judged, around) = judged_around(cx, &revision.definition, Some(&process.process_id)).await?;
        if !judged.is_fit() {
            return Err(unusable(&judged));
        }
        let Some(graph) = judged.graph else { return Err(Fault::internal("a definition that is fit has a graph")) };
        for (node, answers) in &input.answers {
            if graph.find(node).is_none() {
                return Err(Fault::bad_input(format!("/answers/{node}"), format!("there is no node '{node}'")));
            }
            for (number, answer) in answers.iter().enumerate() {
                if answer.after.as_deref().is_some_and(|text| read_duration(text).is_none()) {
                    let place = format!("/answers/{node}/{number}/after");
                    return Err(Fault::bad_input(place, "must be an ISO 8601 duration such as PT5M"));
                }
            }
        }
        let language = cx.service::<Language>()?;
        let sandbox = Sandbox {
            graph,
            language: language.0.clone(),
            around,
            facts: Facts {
                id: "sandbox".to_owned(),
                process: process.process_id.clone(),
                version: revision.called(),
                started_at: cx.now(),
                started_by: cx.caller().user.to_string(),
            },
            answers: input.answers,
            now: cx.now(),
        };
        let variables = input.variables;
        let ran = blocking(move || sandbox.run(variables)).await;
        let ran = ran.ok_or_else(|| Fault::internal("the dry run panicked"))?.map_err(|failure| {
            Fault::bad_input("/variables", failure.message).with_detail(serde_json::json!({ "code": failure.code }))
        })?;
        Ok(Output { process_id: process.process_id, version: revision.called(), ran })
    }
}
