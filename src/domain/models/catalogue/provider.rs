//! A provider of models: what its file says, checked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::price::Price;
use crate::kernel::money::NanoDollars;
use crate::port::models::Tokens;
use crate::port::secrets::Environment;

/// The language that a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// Chat completions, as OpenAI and many others have them.
    Openai,
    /// OpenAI's models at Azure.
    Azure,
    /// Anthropic's Messages.
    Anthropic,
    /// Cohere's second version.
    Cohere,
    /// Google's `generateContent`.
    Gemini,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 5] = [Self::Openai, Self::Azure, Self::Anthropic, Self::Cohere, Self::Gemini];

    /// Its name: in files, and of its adapter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Azure => "azure",
            Self::Anthropic => "anthropic",
            Self::Cohere => "cohere",
            Self::Gemini => "gemini",
        }
    }
}

/// What a model can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ability {
    /// It answers messages.
    Chat,
    /// It answers piece by piece.
    Streaming,
    /// It calls tools.
    Tools,
    /// It calls several at once.
    ParallelTools,
    /// It answers in a form given by a JSON Schema.
    StructuredOutput,
    /// It sees pictures.
    Images,
    /// It thinks before it answers.
    Reasoning,
    /// It turns texts into vectors.
    Embeddings,
    /// It puts texts in the order in which they bear on a question.
    Reranking,
}

/// Where a provider's key is. When both are named, the tenant's own in the vault goes first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyPlace {
    /// The environment variable that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
    /// Its name in a tenant's vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<String>,
    /// Whether it answers without one, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// How often a model may be asked by one instance of the program; no bound where none is named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Calls a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u64>,
    /// Tokens a minute, read and written together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u64>,
}

/// A model of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Model {
    /// Its name, as the provider knows it.
    pub name: Arc<str>,
    /// What it is called.
    pub title: Option<String>,
    /// How many tokens it reads and writes in one call; `None` when that is not known.
    pub context: Option<u64>,
    /// How many tokens it writes at most; `None` when that is not known.
    pub max_output: Option<u64>,
    /// What it can do.
    pub abilities: BTreeSet<Ability>,
    /// What it costs; `None` when that is not known.
    pub price: Option<Price>,
    /// What the dialect wants to know of it besides, over what its provider says.
    pub options: Map<String, Value>,
    /// How often it may be asked.
    pub limits: Limits,
}

impl Model {
    /// Whether it can do something.
    #[must_use]
    pub fn can(&self, ability: Ability) -> bool {
        self.abilities.contains(&ability)
    }

    /// What the tokens of one call cost; `None` when that is not known, never nothing.
    #[must_use]
    pub fn cost(&self, tokens: &Tokens) -> Option<NanoDollars> {
        self.price.as_ref()?.cost(tokens)
    }
}

/// What is taken to be so of a model that a provider has and its file does not list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unlisted {
    /// How many tokens it reads and writes in one call.
    pub context: Option<u64>,
    /// What it can do.
    pub abilities: BTreeSet<Ability>,
    /// What it costs.
    pub price: Option<Price>,
}

/// A provider of models.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Provider {
    /// Its name: what stands before the slash in `provider/model`.
    pub name: Arc<str>,
    /// What it is called.
    pub title: String,
    /// The language that it speaks.
    pub dialect: Dialect,
    /// The address that the dialect's paths are added to. Where the operator must say it first, it is empty: see `address`.
    pub base_url: Arc<str>,
    /// The environment variable that holds another address, or the only one where it is each customer's own.
    pub base_url_variable: Option<String>,
    /// Where its key is; nowhere when it wants none.
    pub key: KeyPlace,
    /// Headers that are sent besides.
    pub headers: Vec<(String, String)>,
    /// What the dialect wants to know besides.
    pub options: Map<String, Value>,
    /// How often each of its models may be asked that does not say otherwise; those that are not listed together.
    pub limits: Limits,
    /// The day that its prices are of, as `2026-10-30`.
    pub prices_of: Option<String>,
    /// Its models by name.
    pub models: BTreeMap<Arc<str>, Arc<Model>>,
    /// What models that are not listed are taken to be; `None` where only listed ones may be asked.
    pub unlisted: Option<Unlisted>,
    /// The file or record that said all this.
    pub source: String,
    /// Whether it comes with the program and no file lies over it.
    pub built_in: bool,
    /// Whether a tenant named it for itself: it is asked only where the program may connect to for others.
    pub of_tenant: bool,
}

impl Provider {
    /// A model by the name that the provider knows it by.
    #[must_use]
    pub fn model(&self, name: &str) -> Option<Arc<Model>> {
        if let Some(model) = self.models.get(name) {
            return Some(model.clone());
        }
        let unlisted = self.unlisted.as_ref().filter(|_| !name.is_empty())?;
        Some(Arc::new(Model {
            name: name.into(),
            title: None,
            context: unlisted.context,
            max_output: None,
            abilities: unlisted.abilities.clone(),
            price: unlisted.price.clone(),
            options: Map::new(),
            limits: self.limits,
        }))
    }

    /// Whether it does not answer without a key.
    #[must_use]
    pub fn wants_key(&self) -> bool {
        !self.key.optional && (self.key.variable.is_some() || self.key.vault.is_some())
    }

    /// The address that the dialect's paths are added to: the environment's, where its variable is set. `None` where the operator must
    /// set it first.
    #[must_use]
    pub fn address(&self, environment: &dyn Environment) -> Option<Arc<str>> {
        let told = self.base_url_variable.as_deref().and_then(|variable| environment.value(variable));
        let told = told.map(|address| Arc::from(address.reveal().trim().trim_end_matches('/')));
        told.or_else(|| Some(self.base_url.clone())).filter(|address| !address.is_empty())
    }
}
