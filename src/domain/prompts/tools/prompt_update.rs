//! `prompt_update`: a new draft of a prompt, or another description of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::prompts::engine::content::{Case, Check, Content, Source};
use crate::domain::prompts::engine::lint::{Finding, Level};
use crate::domain::prompts::finding::{DRAFT, Found, LATEST};
use crate::domain::prompts::judging::{Whole, judged, unusable};
use crate::domain::prompts::model::prompt::Prompt;
use crate::domain::prompts::topics::UPDATED;
use crate::domain::prompts::views::{Brief, Full, VariableView};
use crate::domain::prompts::writing::{add_revision, adopt, own_name, save, step};
use crate::kernel::fault::Fault;

/// Changes a prompt.
pub(in crate::domain::prompts) struct PromptUpdate;

/// What is new. What is left out stays as it is in the newest content.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::prompts) struct Input {
    /// Its id or name.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// Another name; the id stays.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    name: Option<String>,
    /// Another description.
    #[serde(default)]
    #[schemars(length(max = 2000))]
    description: Option<String>,
    /// All tags.
    #[serde(default)]
    #[schemars(length(max = 30), inner(length(min = 1, max = 64)))]
    tags: Option<Vec<String>>,
    /// Another text.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200_000))]
    template: Option<String>,
    /// All variables.
    #[serde(default)]
    #[schemars(length(max = 64))]
    variables: Option<Vec<VariableView>>,
    /// All checks of the assembled text.
    #[serde(default)]
    #[schemars(length(max = 50))]
    checks: Option<Vec<Check>>,
    /// All contract cases.
    #[serde(default)]
    #[schemars(length(max = 50))]
    cases: Option<Vec<Case>>,
    /// What is to be said of this content in the history.
    #[serde(default)]
    #[schemars(length(max = 500))]
    message: Option<String>,
}

/// The prompt as it was stored.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::prompts) struct Output {
    /// The prompt with its newest content.
    #[serde(flatten)]
    prompt: Full,
    /// Whether the content is another than before.
    changed: bool,
    /// What of it would refuse what callers of the newest published version give.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    breaking: Vec<String>,
    /// What a reader would remark.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Finding>,
}

impl Capability for PromptUpdate {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "prompt_update",
        Domain::Prompts,
        Route::put("/prompts/{id}"),
        Permit::on(Resource::Prompts, Action::Change),
        "Writes a new draft of a prompt; what was published stays and is used until prompt_publish moves a label. A prompt that comes as \
         a file becomes the tenant's own by it. Says what would break callers.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let found = Found::load(cx, &input.id, Action::Change).await?;
        let newest = found.version(cx, DRAFT).await?;
        let old = newest.content.clone();
        let content = Content {
            template: input.template.unwrap_or(old.template),
            variables: input.variables.map_or(old.variables, |all| all.into_iter().map(Into::into).collect()),
            checks: input.checks.unwrap_or(old.checks),
            cases: input.cases.unwrap_or(old.cases),
        };
        let mut prompt = Prompt {
            name: input.name.unwrap_or_else(|| found.prompt.name.clone()),
            description: input.description.unwrap_or_else(|| found.prompt.description.clone()),
            tags: input.tags.unwrap_or_else(|| found.prompt.tags.clone()),
            ..found.prompt.clone()
        };
        let changed = content.digest() != newest.digest;
        if !changed && prompt == found.prompt {
            let whole = Whole::of(cx, &content, own_name(&prompt)).await?.ok();
            let prompt = Full::of(Brief::found(&found), &newest, whole.as_ref());
            return Ok(Output { prompt, changed, breaking: Vec::new(), warnings: Vec::new() });
        }
        let (findings, whole) = judged(cx, &content, own_name(&prompt)).await?;
        if findings.iter().any(|one| one.level == Level::Error) {
            return Err(unusable(&findings));
        }
        adopt(cx, &found).await?;
        let mut breaking = Vec::new();
        let mut revision = newest;
        if changed {
            let variables = whole.as_ref().map(|whole| whole.variables.clone()).unwrap_or_default();
            let published = match &prompt.published {
                Some(_) => Some(found.version(cx, LATEST).await?),
                None => None,
            };
            let mut far = crate::domain::prompts::engine::version::Step::Minor;
            if let Some(published) = published {
                let whole = Whole::of(cx, &published.content, own_name(&prompt)).await?;
                let before = whole.map_or_else(|_| published.content.variables.clone(), |whole| whole.variables);
                (far, breaking) = step((&published.content, &before), (&content, &variables));
            }
            revision = add_revision(cx, &mut prompt, content, input.message, far)?;
        }
        save(cx, &found, &prompt)?;
        cx.about::<Prompt>(Prompt::id(&prompt.prompt_id));
        let event = serde_json::json!({
            "promptId": prompt.prompt_id, "version": revision.called(), "digest": revision.digest,
        });
        cx.emit(UPDATED, &prompt.prompt_id, &event)?;
        let prompt = Full::of(Brief::of(&prompt, Source::Tenant), &revision, whole.as_ref());
        Ok(Output { prompt, changed, breaking, warnings: findings })
    }
}
