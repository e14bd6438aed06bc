//! How prompts are told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::engine::content::{Case, Check, Source, Variable};
use super::finding::Found;
use super::judging::{Whole, included};
use super::model::prompt::{Prompt, PromptKind, Target};
use super::model::revision::Revision;
use crate::kernel::id::UserId;
use crate::kernel::time::Timestamp;

/// A prompt in short.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Brief {
    /// Its id.
    pub(super) prompt_id: String,
    /// Its name.
    pub(super) name: String,
    /// What it is for.
    pub(super) description: String,
    /// What it is found by.
    pub(super) tags: Vec<String>,
    /// Whether it is used by itself or is a block of others.
    pub(super) kind: PromptKind,
    /// Where it comes from.
    pub(super) source: Source,
    /// The newest version that was published; none was, where this is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) latest: Option<String>,
    /// Its labels with what they stand for.
    pub(super) labels: Vec<LabelView>,
}

/// A label.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LabelView {
    /// Its name.
    pub(super) label: String,
    /// The versions that it stands for; several share the sessions by their weights.
    pub(super) targets: Vec<Target>,
    /// The role that may move it, where it is protected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<String>,
}

/// A variable as callers give and read it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct VariableView {
    /// Its name, as the template writes it.
    #[schemars(length(min = 1, max = 64))]
    pub(super) name: String,
    /// Its type.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<VariableType>,
    /// Whether it must be given; true when not said and there is no default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) required: Option<bool>,
    /// What it means, for whoever fills it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    pub(super) description: Option<String>,
    /// Further words of JSON Schema that the value must fit: `default`, `enum`, `minLength`, `maxLength`, `items`, `properties` …
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(super) schema: Map<String, Value>,
}

/// The types of variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum VariableType {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A list.
    Array,
    /// An object.
    Object,
}

impl VariableType {
    const ALL: [(Self, &'static str); 6] = [
        (Self::String, "string"),
        (Self::Integer, "integer"),
        (Self::Number, "number"),
        (Self::Boolean, "boolean"),
        (Self::Array, "array"),
        (Self::Object, "object"),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(one, _)| *one == self).map_or("string", |(_, name)| *name)
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, one)| *one == name).map(|(kind, _)| *kind)
    }
}

impl From<VariableView> for Variable {
    fn from(view: VariableView) -> Self {
        let VariableView { name, kind, required, description, mut schema } = view;
        if let Some(kind) = kind {
            schema.insert("type".to_owned(), kind.name().into());
        }
        if let Some(description) = description {
            schema.insert("description".to_owned(), description.into());
        }
        let required = required.unwrap_or_else(|| !schema.contains_key("default"));
        Self { name, required, schema }
    }
}

impl From<&Variable> for VariableView {
    fn from(variable: &Variable) -> Self {
        let mut schema = variable.schema.clone();
        let kind = variable.kind().and_then(VariableType::parse);
        if kind.is_some() {
            schema.shift_remove("type");
        }
        let description = Some(variable.description()).filter(|text| !text.is_empty()).map(str::to_owned);
        schema.shift_remove("description");
        Self { name: variable.name.clone(), kind, required: Some(variable.required), description, schema }
    }
}

/// A version of a prompt in short.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct VersionView {
    /// The version; a draft is called by the version that it would become, with `-draft.` and its number.
    pub(super) version: String,
    /// Its number among the contents of the prompt.
    pub(super) revision: u32,
    /// The SHA-256 of its content, by which it can be named too.
    pub(super) digest: String,
    /// Whether it was published.
    pub(super) published: bool,
    /// The user who wrote it; nobody where it came as a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) author: Option<UserId>,
    /// What is new in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    /// When it was written; left out for files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) written_at: Option<Timestamp>,
    /// When it was published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) published_at: Option<Timestamp>,
}

/// A prompt with the content of one version.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Full {
    /// The prompt.
    #[serde(flatten)]
    pub(super) brief: Brief,
    /// The version.
    #[serde(flatten)]
    pub(super) version: VersionView,
    /// The text with its variables and blocks.
    pub(super) template: String,
    /// The variables that it declares itself.
    pub(super) variables: Vec<VariableView>,
    /// Every variable that it takes: its own and those of its blocks.
    pub(super) takes: Vec<VariableView>,
    /// The blocks that the template includes.
    pub(super) blocks: Vec<String>,
    /// What the assembled text must be.
    pub(super) checks: Vec<Check>,
    /// Contract cases: what every answer must be.
    pub(super) cases: Vec<Case>,
}

impl Brief {
    pub(super) fn of(prompt: &Prompt, source: Source) -> Self {
        let label = |(name, label): (&String, &super::model::prompt::Label)| LabelView {
            label: name.clone(),
            targets: label.targets.clone(),
            role: label.role.clone(),
        };
        Self {
            prompt_id: prompt.prompt_id.clone(),
            name: prompt.name.clone(),
            description: prompt.description.clone(),
            tags: prompt.tags.clone(),
            kind: prompt.kind,
            source,
            latest: prompt.published.clone(),
            labels: prompt.labels.iter().map(label).collect(),
        }
    }

    pub(super) fn found(found: &Found) -> Self {
        Self::of(&found.prompt, if found.file.is_some() { Source::File } else { Source::Tenant })
    }
}

impl VersionView {
    pub(super) fn of(revision: &Revision) -> Self {
        Self {
            version: revision.called(),
            revision: revision.revision,
            digest: revision.digest.clone(),
            published: revision.version.is_some(),
            author: revision.author,
            message: revision.message.clone(),
            written_at: (revision.written_at.as_millis() != 0).then_some(revision.written_at),
            published_at: revision.published_at,
        }
    }
}

impl Full {
    /// Of a version with the variables that it takes, where its blocks are there.
    pub(super) fn of(brief: Brief, revision: &Revision, whole: Option<&Whole>) -> Self {
        let content = &revision.content;
        let takes = whole.map_or(&content.variables, |whole| &whole.variables);
        Self {
            brief,
            version: VersionView::of(revision),
            template: content.template.clone(),
            variables: content.variables.iter().map(VariableView::from).collect(),
            takes: takes.iter().map(VariableView::from).collect(),
            blocks: included(&content.template),
            checks: content.checks.clone(),
            cases: content.cases.clone(),
        }
    }
}
