//! `persona_get`: one persona in one version.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::personas::finding::{Found, judged};
use crate::domain::personas::views::Full;
use crate::domain::prompts::engine::version::PATTERN;
use crate::kernel::fault::Fault;

/// Tells a persona.
pub(in crate::domain::personas) struct PersonaGet;

/// Which persona and version.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::personas) struct Input {
    /// Its id or name.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// The version, such as `1.2.0`; the present one when not said.
    #[serde(default)]
    #[schemars(length(max = 32), regex(pattern = PATTERN))]
    version: Option<String>,
}

impl Capability for PersonaGet {
    type Input = Input;
    type Output = Full;
    const SPEC: Spec = Spec::read(
        "persona_get",
        Domain::Personas,
        Route::get("/personas/{id}"),
        Permit::on(Resource::Personas, Action::Read),
        "One persona, by id or name, in its present or any earlier version: role, expertise, tone, traits, rules, examples, and the \
         text that a model is told. To find one for a task use persona_search.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Full, Fault> {
        let found = Found::load(cx, &input.id, Action::Read).await?;
        let one = found.version(cx, input.version.as_deref()).await?;
        let told = judged(cx, &one.profile).await?;
        Ok(Full::of(found.id(), one, told))
    }
}
