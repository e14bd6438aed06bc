//! What makes vectors of texts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What makes vectors of texts, by which they are found that mean alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Embeddings {
    /// The embedder: `local` for a model in a folder, `PROVIDER/MODEL` for one of a provider; empty for none.
    pub model: String,
    /// The folder of the local model, in the layout of a sentence transformer.
    pub folder: String,
}

/// An embedder, as the configuration names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named<'a> {
    /// None: texts are found by their words alone.
    Nothing,
    /// A model in a folder.
    Local(&'a str),
    /// A model of a provider.
    Provider {
        /// Whose.
        provider: &'a str,
        /// Which.
        model: &'a str,
    },
}

impl Embeddings {
    /// The embedder; `None` when it cannot be read.
    #[must_use]
    pub fn named(&self) -> Option<Named<'_>> {
        match self.model.as_str() {
            "" => Some(Named::Nothing),
            "local" if self.folder.is_empty() => None,
            "local" => Some(Named::Local(&self.folder)),
            model => {
                let (provider, model) = model.split_once('/')?;
                (!provider.is_empty() && !model.is_empty()).then_some(Named::Provider { provider, model })
            }
        }
    }

    /// The model of a provider, as `PROVIDER/MODEL`, where one is named.
    #[must_use]
    pub fn of_provider(&self) -> Option<&str> {
        matches!(self.named(), Some(Named::Provider { .. })).then_some(self.model.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embedder_is_named_in_three_ways() {
        let named = |model: &str, folder: &str| {
            let embeddings = Embeddings { model: model.to_owned(), folder: folder.to_owned() };
            embeddings.named().map(|named| format!("{named:?}"))
        };
        assert_eq!(named("", "x").as_deref(), Some("Nothing"));
        assert_eq!(named("local", "x").as_deref(), Some("Local(\"x\")"));
        let provider = "Provider { provider: \"openai\", model: \"a/b\" }";
        assert_eq!(named("openai/a/b", "").as_deref(), Some(provider));
        for (model, folder) in [("local", ""), ("openai", ""), ("/m", ""), ("openai/", "")] {
            assert_eq!(named(model, folder), None, "{model}");
        }
    }
}
