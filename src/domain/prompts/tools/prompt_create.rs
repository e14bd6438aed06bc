//! `prompt_create`: a prompt or block of the tenant's own.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::prompts::engine::content::{Case, Check, Content, Source};
use crate::domain::prompts::engine::file::id_of;
use crate::domain::prompts::engine::lint::{Finding, Level};
use crate::domain::prompts::engine::version::Step;
use crate::domain::prompts::judging::{judged, unusable};
use crate::domain::prompts::library::Library;
use crate::domain::prompts::model::prompt::{Prompt, PromptKind};
use crate::domain::prompts::topics::CREATED;
use crate::domain::prompts::views::{Brief, Full, VariableView};
use crate::domain::prompts::writing::{add_revision, own_name, room_for_one};
use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// Makes a prompt.
pub(in crate::domain::prompts) struct PromptCreate;

/// The prompt.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::prompts) struct Input {
    /// Its name; its id is made of it: "Customer Analysis" is `customer-analysis`.
    #[schemars(length(min = 1, max = 100))]
    name: String,
    /// The text, with `{{ variable }}`, `{% if … %}`, `{% for … %}` and `{% include "block" %}` (Jinja).
    #[schemars(length(min = 1, max = 200_000))]
    template: String,
    /// The variables that the template takes.
    #[serde(default)]
    #[schemars(length(max = 64))]
    variables: Vec<VariableView>,
    /// What it is for, in one or two sentences: by this people and models choose it.
    #[serde(default)]
    #[schemars(length(max = 2000))]
    description: String,
    /// What it is found by.
    #[serde(default)]
    #[schemars(length(max = 30), inner(length(min = 1, max = 64)))]
    tags: Vec<String>,
    /// `block` for a part that other prompts include; `prompt` when not said.
    #[serde(default)]
    kind: PromptKind,
    /// What the assembled text must be: run before anything is stored, and again before a version is published.
    #[serde(default)]
    #[schemars(length(max = 50))]
    checks: Vec<Check>,
    /// Contract cases: what callers give, and what every answer must be; run by `prompt_test` and before labels move.
    #[serde(default)]
    #[schemars(length(max = 50))]
    cases: Vec<Case>,
    /// What is to be said of this content in the history.
    #[serde(default)]
    #[schemars(length(max = 500))]
    message: Option<String>,
}

/// The prompt as it was stored.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::prompts) struct Output {
    /// The prompt with its first draft.
    #[serde(flatten)]
    prompt: Full,
    /// What a reader would remark.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Finding>,
}

impl Capability for PromptCreate {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::create(
        "prompt_create",
        Domain::Prompts,
        Route::post("/prompts"),
        Permit::on(Resource::Prompts, Action::Create),
        "Stores a reusable prompt template with typed variables, or a block that prompts include, as a first draft. Publish it with \
         prompt_publish; to change one that is there use prompt_update.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let prompt_id = id_of(&input.name);
        if prompt_id.is_empty() {
            return Err(Fault::bad_input("/name", "must have a letter from a to z or a digit: the id is made of them"));
        }
        if cx.service::<Library>()?.present().get(&prompt_id).is_some() {
            let say =
                format!("a prompt '{prompt_id}' comes as a file: change it with prompt_update, or choose another name");
            return Err(Fault::new(&codes::ALREADY_EXISTS, say));
        }
        if cx.get::<Prompt>(Prompt::id(&prompt_id)).await?.is_some() {
            let say = format!("there is a prompt '{prompt_id}': change it with prompt_update, or choose another name");
            return Err(Fault::new(&codes::ALREADY_EXISTS, say));
        }
        let Input { name, template, variables, description, tags, kind, checks, cases, message } = input;
        let variables = variables.into_iter().map(Into::into).collect();
        let content = Content { template, variables, checks, cases };
        let mut prompt = Prompt {
            prompt_id,
            name,
            description,
            tags,
            kind,
            revision: 0,
            published: None,
            labels: BTreeMap::new(),
            file: None,
        };
        let (findings, whole) = judged(cx, &content, own_name(&prompt)).await?;
        if findings.iter().any(|one| one.level == Level::Error) {
            return Err(unusable(&findings));
        }
        room_for_one(cx).await?;
        let revision = add_revision(cx, &mut prompt, content, message, Step::Minor)?;
        cx.create(Prompt::id(&prompt.prompt_id), cx.belongs_to_caller(), &prompt)?;
        cx.about::<Prompt>(Prompt::id(&prompt.prompt_id));
        let event = serde_json::json!({
            "promptId": prompt.prompt_id, "version": revision.called(), "digest": revision.digest,
        });
        cx.emit(CREATED, &prompt.prompt_id, &event)?;
        let prompt = Full::of(Brief::of(&prompt, Source::Tenant), &revision, whole.as_ref());
        Ok(Output { prompt, warnings: findings })
    }
}
