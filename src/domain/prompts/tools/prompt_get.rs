//! `prompt_get`: one prompt with the content of one version.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::prompts::finding::{Found, Which};
use crate::domain::prompts::judging::Whole;
use crate::domain::prompts::views::{Brief, Full};
use crate::domain::prompts::writing::own_name;
use crate::kernel::fault::Fault;

/// Tells a prompt.
pub(in crate::domain::prompts) struct PromptGet;

/// Which prompt and version.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::prompts) struct Input {
    /// Its id or name.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    #[serde(flatten)]
    which: Which,
}

impl Capability for PromptGet {
    type Input = Input;
    type Output = Full;
    const SPEC: Spec = Spec::read(
        "prompt_get",
        Domain::Prompts,
        Route::get("/prompts/{id}"),
        Permit::on(Resource::Prompts, Action::Read),
        "One prompt with its template, variables, blocks, checks and labels, by id or name, in the version of a number, label or \
         digest. For a text that is ready for a model use prompt_assemble.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Full, Fault> {
        let found = Found::load(cx, &input.id, Action::Read).await?;
        let chosen = found.choose(cx, input.which.wanted(None)).await?;
        // A prompt whose blocks are gone is told all the same.
        let whole = Whole::of(cx, &chosen.revision.content, own_name(&found.prompt)).await?.ok();
        Ok(Full::of(Brief::found(&found), &chosen.revision, whole.as_ref()))
    }
}
