//! Counting the tokens of texts, as models read them.

use async_trait::async_trait;

/// How texts are cut into tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `o200k_base`: GPT-4o and later.
    O200k,
    /// `cl100k_base`: GPT-4 and GPT-3.5.
    Cl100k,
}

impl Encoding {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::O200k => "o200k_base",
            Self::Cl100k => "cl100k_base",
        }
    }

    /// The encoding of a model, and whether that is known and not only near.
    #[must_use]
    pub fn of_model(model: &str) -> (Self, bool) {
        // `openai/gpt-5` of a router is the vendor's `gpt-5`.
        let name = model.rsplit('/').next().unwrap_or(model);
        let begins = |names: &[&str]| names.iter().any(|one| name.starts_with(one));
        if begins(&["gpt-4o", "gpt-4.1", "gpt-4.5", "gpt-5", "chatgpt-4o", "o1", "o3", "o4"]) {
            return (Self::O200k, true);
        }
        if begins(&["gpt-4", "gpt-3.5", "text-embedding-"]) {
            return (Self::Cl100k, true);
        }
        (Self::O200k, false)
    }
}

/// How many tokens a text has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// How many.
    pub tokens: u64,
    /// Whether they were counted, and not worked out from the length of a text that is too long to count.
    pub exact: bool,
}

/// Counts tokens. Encodings are loaded when they are first asked for, beside what else runs.
#[async_trait]
pub trait TokenCounter: Send + Sync {
    /// The tokens of each of these texts.
    async fn count(&self, encoding: Encoding, texts: Vec<String>) -> Vec<Counted>;
}

/// The service that counts tokens.
pub struct Counting(pub std::sync::Arc<dyn TokenCounter>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_have_the_encodings_of_their_makers() {
        assert_eq!(Encoding::of_model("gpt-4o-mini"), (Encoding::O200k, true));
        assert_eq!(Encoding::of_model("openai/gpt-5.1"), (Encoding::O200k, true));
        assert_eq!(Encoding::of_model("gpt-4-turbo"), (Encoding::Cl100k, true));
        assert_eq!(Encoding::of_model("claude-sonnet-4-5"), (Encoding::O200k, false));
    }
}
