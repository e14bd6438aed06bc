//! `persona_update`: a new version of a persona.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::persona_create::written;
use crate::capability::Capability;
use crate::capability::cx::{Cx, forbidden};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::personas::finding::{Found, judged, room_for_one};
use crate::domain::personas::model::{Persona, Profile, Turn};
use crate::domain::personas::topics::UPDATED;
use crate::domain::personas::views::Full;
use crate::domain::prompts::engine::content::Check;
use crate::domain::prompts::engine::version::{Step, Version};
use crate::kernel::fault::Fault;

/// Changes a persona.
pub(in crate::domain::personas) struct PersonaUpdate;

/// What is new. What is left out stays as it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::personas) struct Input {
    /// Its id or name.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// Another name; the id stays.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    name: Option<String>,
    /// Another description.
    #[serde(default)]
    #[schemars(length(min = 1, max = 2000))]
    description: Option<String>,
    /// Another role: a step of the version's first number.
    #[serde(default)]
    #[schemars(length(min = 1, max = 1000))]
    role: Option<String>,
    /// All that it knows much of.
    #[serde(default)]
    #[schemars(length(max = 30), inner(length(min = 1, max = 100)))]
    expertise: Option<Vec<String>>,
    /// Another tone.
    #[serde(default)]
    #[schemars(length(max = 200))]
    tone: Option<String>,
    /// All that it is like.
    #[serde(default)]
    #[schemars(length(max = 30), inner(length(min = 1, max = 100)))]
    traits: Option<Vec<String>>,
    /// All that it keeps to.
    #[serde(default)]
    #[schemars(length(max = 50), inner(length(min = 1, max = 1000)))]
    rules: Option<Vec<String>>,
    /// All turns that show how it speaks.
    #[serde(default)]
    #[schemars(length(max = 20))]
    examples: Option<Vec<Turn>>,
    /// Other instructions.
    #[serde(default)]
    #[schemars(length(max = 50_000))]
    instructions: Option<String>,
    /// All tags.
    #[serde(default)]
    #[schemars(length(max = 30), inner(length(min = 1, max = 64)))]
    tags: Option<Vec<String>>,
    /// All checks of its text.
    #[serde(default)]
    #[schemars(length(max = 50))]
    checks: Option<Vec<Check>>,
    /// What is to be said of this version in the history.
    #[serde(default)]
    #[schemars(length(max = 500))]
    message: Option<String>,
}

/// The persona as it is now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::personas) struct Output {
    /// The persona.
    #[serde(flatten)]
    persona: Full,
    /// Whether there is a new version.
    changed: bool,
    /// The version before.
    before: String,
}

impl Capability for PersonaUpdate {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "persona_update",
        Domain::Personas,
        Route::put("/personas/{id}"),
        Permit::on(Resource::Personas, Action::Change),
        "Writes a new version of a persona, which is used from then on; earlier ones stay and can be read with persona_get. A persona that \
         comes as a file becomes the tenant's own by it.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let found = Found::load(cx, &input.id, Action::Change).await?;
        let present = found.present();
        let message = input.message.clone();
        let profile = changed(input, &present.profile);
        let told = judged(cx, &profile).await?;
        let before = present.version.clone();
        if profile == present.profile {
            let persona = Full::of(found.id(), present, told);
            return Ok(Output { persona, changed: false, before });
        }
        let step = if profile.role == present.profile.role { Step::Minor } else { Step::Major };
        let version = Version::parse(&before).unwrap_or(Version::FIRST).next(step).to_string();
        let (persona_id, author) = (found.id().to_owned(), cx.caller().user);
        let mut persona = Persona { persona_id, version, profile, author, message, file: None };
        match &found {
            Found::Own(stored) => {
                persona.file.clone_from(&stored.value.file);
                cx.change(stored, &persona)?;
            }
            Found::File(_) => {
                // It stands for everybody of the tenant from then on.
                if !cx.caller().may(Resource::Personas, Action::Manage) {
                    return Err(forbidden(Permit::on(Resource::Personas, Action::Manage)));
                }
                room_for_one(cx).await?;
                persona.file = Some(before.clone());
                cx.create(Persona::id(&persona.persona_id), cx.belongs_to_caller(), &persona)?;
            }
        }
        let event = serde_json::json!({ "personaId": persona.persona_id, "version": persona.version });
        cx.emit(UPDATED, &persona.persona_id, &event)?;
        Ok(Output { persona: written(cx, persona, told), changed: true, before })
    }
}

fn changed(input: Input, old: &Profile) -> Profile {
    let old = old.clone();
    Profile {
        title: input.name.unwrap_or(old.title),
        description: input.description.unwrap_or(old.description),
        role: input.role.unwrap_or(old.role),
        expertise: input.expertise.unwrap_or(old.expertise),
        tone: input.tone.unwrap_or(old.tone),
        traits: input.traits.unwrap_or(old.traits),
        rules: input.rules.unwrap_or(old.rules),
        tags: input.tags.unwrap_or(old.tags),
        examples: input.examples.unwrap_or(old.examples),
        instructions: input.instructions.unwrap_or(old.instructions),
        checks: input.checks.unwrap_or(old.checks),
    }
}
