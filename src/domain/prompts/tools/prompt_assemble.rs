//! `prompt_assemble`: the text of a prompt with its variables filled in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::prompts::assembling::assemble;
use crate::domain::prompts::finding::Which;
use crate::domain::prompts::judging::Part;
use crate::kernel::fault::Fault;

/// Assembles a prompt.
pub(in crate::domain::prompts) struct PromptAssemble;

/// Which prompt, and with what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::prompts) struct Input {
    /// Its id or name.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// The values of the variables, by name; those with a default may be left out.
    #[serde(default)]
    variables: Map<String, Value>,
    #[serde(flatten)]
    which: Which,
    /// Where a label stands for several versions, the same session always gets the same one; the caller's user when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    session: Option<String>,
}

/// The text, and what it was made of.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::prompts) struct Output {
    /// The prompt's id.
    prompt_id: String,
    /// Its name.
    name: String,
    /// The version.
    version: String,
    /// The digest of its content.
    digest: String,
    /// The label that the version was chosen by.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// Where the label stands for several versions: the id under which it is noted which one this was.
    #[serde(skip_serializing_if = "Option::is_none")]
    exposure_id: Option<String>,
    /// The text, ready for a model.
    assembled: String,
    /// The values that it was made with, defaults included.
    variables: Map<String, Value>,
    /// The blocks that it includes.
    blocks: Vec<Part>,
}

impl Capability for PromptAssemble {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "prompt_assemble",
        Domain::Prompts,
        Route::post("/prompts/{id}/assemble"),
        Permit::on(Resource::Prompts, Action::Read),
        "The text of a prompt with its variables filled in and its blocks included, ready for a model. What is missing or of a wrong type is \
         named. To see what it takes use prompt_get.",
    )
    .also(&[Route::post("/prompts/{id}/render")]);

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let made = assemble(cx, &input.id, input.which.wanted(input.session.as_deref()), &input.variables).await?;
        Ok(Output {
            prompt_id: made.prompt_id,
            name: made.name,
            version: made.version,
            digest: made.digest,
            label: made.label,
            exposure_id: made.exposure.map(|id| id.to_string()),
            assembled: made.text,
            variables: made.values,
            blocks: made.parts,
        })
    }
}
