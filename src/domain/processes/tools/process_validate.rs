//! `process_validate`: what is wrong with a definition, stored or not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::processes::engine::definition::Definition;
use crate::domain::processes::engine::edits::{Edit, edited};
use crate::domain::processes::engine::validation::{Finding, Soundness};
use crate::domain::processes::faults::EDIT_UNFIT;
use crate::domain::processes::finding::{DRAFT, load, version};
use crate::domain::processes::looking::judged;
use crate::kernel::fault::Fault;

/// Judges a definition.
pub(in crate::domain::processes) struct ProcessValidate;

/// What to judge.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Input {
    /// The id or name of the process.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// The version; the newest draft when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    version: Option<String>,
    /// The branch whose newest draft is meant.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    branch: Option<String>,
    /// A definition that is judged in place of the stored one; nothing is stored.
    #[serde(default)]
    definition: Option<Definition>,
    /// Edits, as `process_update` takes them, of which it is to be known what would come; nothing is stored.
    #[serde(default)]
    #[schemars(length(max = 200))]
    edits: Vec<Edit>,
}

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Output {
    /// Whether it can be published.
    valid: bool,
    /// Whether it always comes to its end; left out where errors hide that.
    #[serde(skip_serializing_if = "Option::is_none")]
    soundness: Option<Soundness>,
    /// The findings, errors first.
    findings: Vec<Finding>,
}

impl Capability for ProcessValidate {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "process_validate",
        Domain::Processes,
        Route::post("/processes/{id}/validate"),
        Permit::on(Resource::Processes, Action::Read),
        "Checks a process or a definition not yet stored: unreachable nodes, no way to an end, joins that wait for ever or run twice, unknown \
         tools, variables and agents, bad expressions, types that do not fit; each with place, rule and how to mend it.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let process = load(cx, &input.id, Action::Read).await?.value;
        if input.definition.is_some() && (input.version.is_some() || input.branch.is_some()) {
            return Err(Fault::bad_input(
                "/definition",
                "is judged in place of a stored one: leave version and branch out",
            ));
        }
        let definition = if let Some(mut definition) = input.definition {
            definition.name_edges();
            definition
        } else {
            let wanted = input.version.as_deref().unwrap_or(DRAFT);
            version(cx, &process, Some(wanted), input.branch.as_deref()).await?.definition
        };
        let definition = edited(&definition, input.edits).map_err(|(number, say)| {
            let detail = serde_json::json!({ "at": format!("/edits/{number}") });
            Fault::new(&EDIT_UNFIT, format!("the edit {number}: {say}")).with_detail(detail)
        })?;
        let judged = judged(cx, &definition, Some(&process.process_id)).await?;
        Ok(Output { valid: judged.is_fit(), soundness: judged.sound, findings: judged.findings })
    }
}
