//! `task_smart_form`: the form of a task with suggested values, each with where it comes from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::schema::compiled;
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::documents::handing;
use crate::domain::tasks::engine::cases::{FEWEST, like, number, usual};
use crate::domain::tasks::engine::thinking::{Method, entries, material, said};
use crate::domain::tasks::form::hints::Hints;
use crate::domain::tasks::model::task::Task;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::TaskId;

/// So many documents of a task are looked into.
const MOST_DOCUMENTS: usize = 10;

/// Suggests values.
pub(in crate::domain::tasks) struct TaskSmartForm;

/// Of which task.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::tasks) struct Input {
    /// The task.
    id: TaskId,
    /// The model that is asked, as `provider/model` or a route; the default route when not said, and none where there is none.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    model: Option<String>,
}

/// A form with suggested values.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::tasks) struct Output {
    /// The task.
    task_id: TaskId,
    /// The form: a JSON Schema, each suggested value as its field's default. Absent where the task has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    form: Option<Map<String, Value>>,
    /// How the form is shown.
    ui: Hints,
    /// The `shownHash` that an answer names.
    shown_hash: String,
    /// What is suggested: never more than a suggestion; nothing is answered by it.
    suggestions: Vec<Suggestion>,
    /// Fields of which nothing can be said.
    open: Vec<String>,
    /// Whether a model's values are among them, or none were used.
    method: Method,
    /// The model, where one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// How many similar past cases there are that the caller may see.
    similar_cases: usize,
    /// That these are too few to go by.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// A suggested value.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Suggestion {
    /// The field.
    field: String,
    /// The value.
    value: Value,
    /// Where it comes from.
    from: Origin,
}

/// Where a value comes from.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", rename_all_fields = "camelCase", tag = "kind")]
enum Origin {
    /// A fact of the task.
    Variable {
        /// Its name.
        name: String,
    },
    /// A document that belongs to the task, in which it stands behind the field's name.
    Document {
        /// The document.
        document_id: String,
        /// What it is called.
        name: String,
    },
    /// What was filled in in similar cases.
    SimilarCases {
        /// In how many.
        count: usize,
        /// Of how many in which the field was filled in.
        of: usize,
        /// Whether it is the median and not the most frequent value.
        median: bool,
    },
    /// A model, of all that is known.
    Model {
        /// Which one.
        model: String,
    },
    /// The form itself.
    FormDefault,
}

impl Capability for TaskSmartForm {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "task_smart_form",
        Domain::Tasks,
        Route::post("/smart-form/{id}"),
        Permit::on(Resource::Tasks, Action::Read),
        "The form of a task with suggested values, each with where it comes from: facts of the task, its documents, similar past cases, a model. \
         Says which method was used and which fields stay open. Nothing is answered: that does task_respond.",
    )
    .asks()
    .spends();

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = cx.load::<Task>(input.id.uuid(), Action::Read).await?;
        let task = &stored.value;
        let cases = like(cx, &stored).await?;
        let mut output = Output {
            task_id: input.id,
            form: None,
            ui: task.ui.clone(),
            shown_hash: task.shown_hash.clone(),
            suggestions: Vec::new(),
            open: Vec::new(),
            method: Method::Statistical,
            model: None,
            similar_cases: cases.len(),
            note: (cases.len() < FEWEST).then(|| format!("{} similar cases are too few to go by", cases.len())),
        };
        let Some(mut form) = task.form.clone() else { return Ok(output) };
        let Some(Value::Object(properties)) = form.get_mut("properties") else { return Ok(output) };
        let documents = documents(cx, task).await?;
        let mut left: Vec<String> = Vec::new();
        for (name, field) in properties.iter() {
            let found = of_facts(name, field, task).or_else(|| of_documents(name, field, &documents));
            match found {
                Some((value, from)) => output.suggestions.push(Suggestion { field: name.clone(), value, from }),
                None => left.push(name.clone()),
            }
        }
        // Facts go before what a model makes of them: it is asked only where something is left.
        if !left.is_empty() {
            let entries = entries(cx, stored.id).await?;
            let instructions = format!(
                "Propose values for these fields of the form, as far as the material bears them out, and leave out every other: {}. Member: values, an \
                 object of field and value.",
                left.join(", ")
            );
            if let Some((said, model)) =
                said(cx, &instructions, &material(&stored, &cases, &entries), input.model).await?
            {
                let values = said.get("values").and_then(Value::as_object).cloned().unwrap_or_default();
                left.retain(|name| {
                    let fits =
                        values.get(name).filter(|value| properties.get(name).is_some_and(|field| fits(field, value)));
                    if let Some(value) = fits {
                        let from = Origin::Model { model: model.clone() };
                        (output.method, output.model) = (Method::Model, Some(model.clone()));
                        output.suggestions.push(Suggestion { field: name.clone(), value: value.clone(), from });
                    }
                    fits.is_none()
                });
            }
        }
        for name in left {
            let Some(field) = properties.get(&name) else { continue };
            let usual = usual(&cases, &name).filter(|usual| fits(field, &usual.value));
            let default = || Some((field.get("default")?.clone(), Origin::FormDefault));
            let of_cases =
                usual.map(|one| (one.value, Origin::SimilarCases { count: one.count, of: one.of, median: one.median }));
            match of_cases.or_else(default) {
                Some((value, from)) => output.suggestions.push(Suggestion { field: name, value, from }),
                None => output.open.push(name),
            }
        }
        for suggestion in &output.suggestions {
            if let Some(Value::Object(field)) = properties.get_mut(&suggestion.field) {
                field.insert("default".to_owned(), suggestion.value.clone());
            }
        }
        output.form = Some(form);
        Ok(output)
    }
}

fn fits(field: &Value, value: &Value) -> bool {
    field.as_object().and_then(|field| compiled(field, 64).ok()).is_some_and(|validator| validator.is_valid(value))
}

/// A value as a field takes it; none where it does not fit.
fn shaped(field: &Value, value: &Value) -> Option<Value> {
    let shaped = match field.get("type").and_then(Value::as_str) {
        Some("number" | "integer") if !value.is_number() => {
            let number = number(value)?;
            serde_json::from_str::<Value>(&number.to_string()).ok()?
        }
        Some("string") if value.is_number() || value.is_boolean() => value.to_string().into(),
        _ => value.clone(),
    };
    fits(field, &shaped).then_some(shaped)
}

fn plain(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A fact of the field's name.
fn of_facts(name: &str, field: &Value, task: &Task) -> Option<(Value, Origin)> {
    let title = field.get("title").and_then(Value::as_str).map(plain);
    let same = |fact: &str| plain(fact) == plain(name) || title.as_deref() == Some(&plain(fact));
    let (fact, value) = task.data.iter().find(|(fact, _)| same(fact))?;
    Some((shaped(field, value)?, Origin::Variable { name: fact.clone() }))
}

/// The texts of the documents that belong to a task, as far as the caller may read them.
async fn documents(cx: &Cx, task: &Task) -> Result<Vec<(String, String, String)>, Fault> {
    let mut all = Vec::new();
    for attachment in task.attachments.iter().take(MOST_DOCUMENTS) {
        let Some(id) = attachment.document_id.as_deref().and_then(|id| Uuid::parse_str(id).ok()) else { continue };
        match handing::document(cx, id).await {
            Ok(document) => {
                let passages = handing::passages(cx, id).await?;
                let text: Vec<String> = passages.into_iter().map(|passage| passage.text).collect();
                all.push((id.to_string(), document.name, text.join("\n")));
            }
            Err(fault) if fault.is(&codes::NOT_FOUND) || fault.is(&codes::FORBIDDEN) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(all)
}

/// What stands in a document behind the field's name or title and a colon.
fn of_documents(name: &str, field: &Value, documents: &[(String, String, String)]) -> Option<(Value, Origin)> {
    let title = field.get("title").and_then(Value::as_str).map(plain);
    for (id, document, text) in documents {
        for line in text.lines() {
            let Some((before, after)) = line.split_once(':') else { continue };
            if plain(before) != plain(name) && title.as_deref() != Some(&plain(before)) {
                continue;
            }
            if let Some(value) = shaped(field, &Value::String(after.trim().to_owned())) {
                return Some((value, Origin::Document { document_id: id.clone(), name: document.clone() }));
            }
        }
    }
    None
}
