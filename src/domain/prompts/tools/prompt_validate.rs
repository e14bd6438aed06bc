//! `prompt_validate`: what is wrong with a prompt, and how large it is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::prompts::engine::content::Content;
use crate::domain::prompts::engine::file::meant;
use crate::domain::prompts::engine::lint::{Finding, Level};
use crate::domain::prompts::finding::{Found, Which};
use crate::domain::prompts::judging::{Part, Whole, judged};
use crate::domain::prompts::model::revision::Revision;
use crate::domain::prompts::views::VariableView;
use crate::domain::prompts::writing::own_name;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::port::tokens::{Counting, Encoding};

/// Validates a prompt.
pub(in crate::domain::prompts) struct PromptValidate;

/// Which content.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::prompts) struct Input {
    /// Its id or name. With a template there need not be one of it yet.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    #[serde(flatten)]
    which: Which,
    /// A text to validate in place of what is stored.
    #[serde(default)]
    #[schemars(length(max = 200_000))]
    template: Option<String>,
    /// The variables of that text; those that are stored when not given.
    #[serde(default)]
    #[schemars(length(max = 64))]
    variables: Option<Vec<VariableView>>,
    /// Values to assemble it with, for its size; else the defaults, or the values of the first check.
    #[serde(default)]
    values: Option<Map<String, Value>>,
    /// Models for which its size is wanted; some usual ones when not said.
    #[serde(default)]
    #[schemars(length(max = 20), inner(length(min = 1, max = 100)))]
    models: Option<Vec<String>>,
}

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::prompts) struct Output {
    /// The prompt's id.
    prompt_id: String,
    /// The version that was looked at; left out for a text that was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// Whether it can be used: nothing found is an error.
    valid: bool,
    /// What was found, each by a rule whose id never changes.
    findings: Vec<Finding>,
    /// The variables that it takes, those of its blocks included.
    variables: Vec<VariableView>,
    /// The blocks that it includes.
    blocks: Vec<Part>,
    /// What was counted: the assembled text, or the template where it could not be assembled.
    measured: Measured,
    /// Its size for each model.
    tokens: Vec<Size>,
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Measured {
    /// The text with values.
    Assembled,
    /// The template as it is written.
    Template,
}

/// A size.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Size {
    /// The model.
    model: String,
    /// How many tokens.
    tokens: u64,
    /// How it was counted: the encoding.
    encoding: &'static str,
    /// Whether that is the model's own encoding, and the text was short enough to be counted.
    exact: bool,
}

/// Models that are counted for where none are named.
const USUAL: &[&str] = &["gpt-5", "gpt-4", "claude"];

impl Capability for PromptValidate {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "prompt_validate",
        Domain::Prompts,
        Route::post("/prompts/{id}/validate"),
        Permit::on(Resource::Prompts, Action::Read),
        "Whether a stored prompt, or a text that is not stored yet, can be used: syntax, unknown and unused variables, blocks, checks, each \
         with rule and line, and how many tokens it has for which model.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let found = match Found::load(cx, &input.id, Action::Read).await {
            Ok(found) => Some(found),
            Err(fault) if fault.is(&codes::NOT_FOUND) && input.template.is_some() => None,
            Err(fault) => return Err(fault),
        };
        let stored = match &found {
            Some(found) => Some(found.choose(cx, input.which.wanted(None)).await?.revision),
            None => None,
        };
        let version = stored.as_ref().filter(|_| input.template.is_none()).map(Revision::called);
        let mut content = stored.map(|stored| stored.content).unwrap_or_default();
        if let Some(template) = input.template {
            content.template = template;
        }
        if let Some(variables) = input.variables {
            content.variables = variables.into_iter().map(Into::into).collect();
        }
        let own = found.as_ref().and_then(|found| own_name(&found.prompt));
        let (findings, whole) = judged(cx, &content, own).await?;
        let text = whole.as_ref().and_then(|whole| assembled(whole, &content, input.values.as_ref()));
        let measured = if text.is_some() { Measured::Assembled } else { Measured::Template };
        let models = input.models.unwrap_or_else(|| USUAL.iter().map(|model| (*model).to_owned()).collect());
        let tokens = sizes(cx, text.unwrap_or_else(|| content.template.clone()), models).await?;
        Ok(Output {
            prompt_id: found.map_or_else(|| meant(&input.id), |found| found.prompt.prompt_id),
            version,
            valid: findings.iter().all(|one| one.level != Level::Error),
            findings,
            variables: whole
                .as_ref()
                .map_or(&content.variables, |whole| &whole.variables)
                .iter()
                .map(Into::into)
                .collect(),
            blocks: whole.as_ref().map(Whole::parts).unwrap_or_default(),
            measured,
            tokens,
        })
    }
}

/// The text with the values that were given, else with the defaults, else with those of its first check.
fn assembled(whole: &Whole, content: &Content, values: Option<&Map<String, Value>>) -> Option<String> {
    let none = Map::new();
    let of_check = content.checks.first().map(|check| &check.variables);
    let ways = match values {
        Some(values) => vec![values],
        None => std::iter::once(&none).chain(of_check).collect(),
    };
    ways.into_iter().find_map(|values| whole.text(content, values, "").ok()).map(|(text, _)| text)
}

async fn sizes(cx: &Cx, text: String, models: Vec<String>) -> Result<Vec<Size>, Fault> {
    let counting = cx.service::<Counting>()?;
    let mut sizes = Vec::new();
    let mut known: Vec<(Encoding, u64, bool)> = Vec::new();
    for model in models {
        let (encoding, own) = Encoding::of_model(&model);
        if !known.iter().any(|(one, ..)| *one == encoding) {
            let counted = counting.0.count(encoding, vec![text.clone()]).await;
            known.extend(counted.first().map(|counted| (encoding, counted.tokens, counted.exact)));
        }
        if let Some((_, tokens, exact)) = known.iter().find(|(one, ..)| *one == encoding) {
            sizes.push(Size { model, tokens: *tokens, encoding: encoding.name(), exact: own && *exact });
        }
    }
    Ok(sizes)
}
