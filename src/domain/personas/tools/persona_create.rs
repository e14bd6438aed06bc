//! `persona_create`: a persona of the tenant's own.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::personas::finding::{OneVersion, judged, room_for_one};
use crate::domain::personas::library::Personas;
use crate::domain::personas::model::{Persona, Profile, Turn};
use crate::domain::personas::topics::CREATED;
use crate::domain::personas::views::{Brief, Full};
use crate::domain::prompts::engine::content::{Check, Source};
use crate::domain::prompts::engine::file::id_of;
use crate::domain::prompts::engine::version::Version;
use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// Makes a persona.
pub(in crate::domain::personas) struct PersonaCreate;

/// Who it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::personas) struct Input {
    /// Its name, such as "Code reviewer"; its id is made of it.
    #[schemars(length(min = 1, max = 100))]
    name: String,
    /// Who it is in one or two sentences, for choosing it.
    #[schemars(length(min = 1, max = 2000))]
    description: String,
    /// Its role, such as "A senior engineer who reviews changes for faults before style".
    #[schemars(length(min = 1, max = 1000))]
    role: String,
    /// What it knows much of.
    #[serde(default)]
    #[schemars(length(max = 30), inner(length(min = 1, max = 100)))]
    expertise: Vec<String>,
    /// How it sounds, in a word or short phrase.
    #[serde(default)]
    #[schemars(length(max = 200))]
    tone: String,
    /// What it is like.
    #[serde(default)]
    #[schemars(length(max = 30), inner(length(min = 1, max = 100)))]
    traits: Vec<String>,
    /// What it keeps to, a sentence each.
    #[serde(default)]
    #[schemars(length(max = 50), inner(length(min = 1, max = 1000)))]
    rules: Vec<String>,
    /// Turns that show how it speaks.
    #[serde(default)]
    #[schemars(length(max = 20))]
    examples: Vec<Turn>,
    /// What else it is told: Jinja, with title, role, expertise, tone, traits and rules.
    #[serde(default)]
    #[schemars(length(max = 50_000))]
    instructions: String,
    /// What it is found by.
    #[serde(default)]
    #[schemars(length(max = 30), inner(length(min = 1, max = 64)))]
    tags: Vec<String>,
    /// What its text must be: run before anything is stored.
    #[serde(default)]
    #[schemars(length(max = 50))]
    checks: Vec<Check>,
    /// What is to be said of this version in the history.
    #[serde(default)]
    #[schemars(length(max = 500))]
    message: Option<String>,
}

impl Capability for PersonaCreate {
    type Input = Input;
    type Output = Full;
    const SPEC: Spec = Spec::create(
        "persona_create",
        Domain::Personas,
        Route::post("/personas"),
        Permit::on(Resource::Personas, Action::Create),
        "Makes a persona: who an assistant is, with role, expertise, tone, traits, rules and example turns, checked and kept as version \
         1.0.0. To change one use persona_update, to look for one persona_search.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Full, Fault> {
        let persona_id = id_of(&input.name);
        if persona_id.is_empty() {
            return Err(Fault::bad_input("/name", "must have a letter from a to z or a digit: the id is made of them"));
        }
        let is_file = cx.service::<Personas>()?.present().contains_key(&persona_id);
        if is_file || cx.get::<Persona>(Persona::id(&persona_id)).await?.is_some() {
            let say =
                format!("there is a persona '{persona_id}': change it with persona_update, or choose another name");
            return Err(Fault::new(&codes::ALREADY_EXISTS, say));
        }
        let profile = Profile {
            title: input.name,
            description: input.description,
            role: input.role,
            expertise: input.expertise,
            tone: input.tone,
            traits: input.traits,
            rules: input.rules,
            tags: input.tags,
            examples: input.examples,
            instructions: input.instructions,
            checks: input.checks,
        };
        let told = judged(cx, &profile).await?;
        room_for_one(cx).await?;
        let (author, message) = (cx.caller().user, input.message);
        let version = Version::FIRST.to_string();
        let persona = Persona { persona_id: persona_id.clone(), version, profile, author, message, file: None };
        cx.create(Persona::id(&persona_id), cx.belongs_to_caller(), &persona)?;
        cx.emit(CREATED, &persona_id, &serde_json::json!({ "personaId": persona_id, "version": persona.version }))?;
        Ok(written(cx, persona, told))
    }
}

/// A persona as it was written now.
pub(in crate::domain::personas) fn written(cx: &Cx, persona: Persona, told: String) -> Full {
    let Persona { persona_id, version, profile, author, message, .. } = persona;
    let full = Full::of(&persona_id, OneVersion { version, profile, persona: None }, told);
    let brief = Brief { source: Source::Tenant, ..full.brief };
    Full { brief, author: Some(author), message, written_at: Some(cx.now()), ..full }
}
