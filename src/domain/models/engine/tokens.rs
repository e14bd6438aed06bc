//! Counting tokens where no vendor counts them: before a request is sent, and of answers that came without a count. An encoding
//! is large; it is loaded when it is needed first, on a thread that no call waits for but the one that needs it.

use std::sync::Arc;

use tiktoken_rs::CoreBPE;
use tiktoken_rs::tokenizer::{Tokenizer, get_tokenizer};

use crate::kernel::fault::Fault;
use crate::kernel::tasks;
use crate::port::models::{AnswerForm, ChatRequest, EmbedRequest, Part};

/// What a message costs besides its words, and what each request does.
const OF_MESSAGE: u64 = 3;
/// Longer texts are not counted but taken to have a token for so many bytes, as the part that was counted has.
const MOST_COUNTED: usize = 4 << 20;

/// A count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) tokens: u64,
    /// The encoding that was counted with.
    pub(crate) encoding: Encoding,
    /// Whether the model is known to use it. Else the count is near the truth, and not it.
    pub(crate) exact: bool,
}

/// A way of cutting text into tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Encoding {
    /// That of newer models of `OpenAI`.
    O200kBase,
    /// That of older ones.
    Cl100kBase,
}

impl Encoding {
    /// The encoding of a model, and whether it is known to be.
    pub(crate) fn of(model: &str) -> (Self, bool) {
        // Resellers put the vendor's name before the model's.
        let bare = model.rsplit('/').next().unwrap_or(model);
        match get_tokenizer(bare) {
            Some(Tokenizer::O200kBase | Tokenizer::O200kHarmony) => (Self::O200kBase, true),
            Some(Tokenizer::Cl100kBase) => (Self::Cl100kBase, true),
            Some(_) | None => (Self::O200kBase, false),
        }
    }

    fn load(self) -> &'static CoreBPE {
        match self {
            Self::O200kBase => tiktoken_rs::o200k_base_singleton(),
            Self::Cl100kBase => tiktoken_rs::cl100k_base_singleton(),
        }
    }

    fn count(self, text: &str) -> u64 {
        if text.len() <= MOST_COUNTED {
            return self.load().count_ordinary(text) as u64;
        }
        let end = text.floor_char_boundary(MOST_COUNTED);
        let (counted, all) = (&text[..end], text.len() as u128);
        let tokens = self.load().count_ordinary(counted) as u128;
        u64::try_from(tokens * all / end.max(1) as u128).unwrap_or(u64::MAX)
    }
}

/// What is counted.
#[derive(Debug, Clone)]
pub(crate) enum Counted {
    /// A conversation.
    Chat(Arc<ChatRequest>),
    /// Texts for vectors.
    Texts(Arc<EmbedRequest>),
}

/// Counts what a model reads.
///
/// # Errors
/// When counting panics.
pub(crate) async fn count(model: &str, counted: Counted) -> Result<Count, Fault> {
    let (encoding, exact) = Encoding::of(model);
    let tokens = tasks::blocking(move || match counted {
        Counted::Chat(request) => of_chat(encoding, &request),
        Counted::Texts(request) => request.texts.iter().map(|text| encoding.count(text)).sum(),
    });
    let tokens = tokens.await.ok_or_else(|| Fault::internal("counting tokens panicked"))?;
    Ok(Count { tokens, encoding, exact })
}

/// Counts a text that a model wrote.
pub(crate) async fn count_text(model: &str, text: String) -> Result<u64, Fault> {
    let (encoding, _) = Encoding::of(model);
    let counting = tasks::blocking(move || encoding.count(&text));
    counting.await.ok_or_else(|| Fault::internal("counting tokens panicked"))
}

fn of_chat(encoding: Encoding, request: &ChatRequest) -> u64 {
    let mut tokens = OF_MESSAGE;
    for message in &request.messages {
        tokens += OF_MESSAGE + 1;
        for part in &message.parts {
            tokens += match part {
                Part::Text { text } | Part::Reasoning { text, .. } | Part::ToolResult { text, .. } => {
                    encoding.count(text)
                }
                // What a picture costs is each vendor's own affair.
                Part::Image { .. } => 0,
                Part::ToolCall { name, arguments, .. } => encoding.count(name) + encoding.count(&arguments.to_string()),
            };
        }
    }
    for tool in &request.tools {
        tokens += encoding.count(&tool.name) + encoding.count(&tool.parameters.to_string());
        tokens += tool.description.as_deref().map_or(0, |text| encoding.count(text));
    }
    if let AnswerForm::Schema { schema, .. } = &request.form {
        tokens += encoding.count(&schema.to_string());
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::models::{Message, Role};

    #[tokio::test]
    async fn counts_as_the_vendor_does() {
        let part = Part::Text { text: "hello world".to_owned() };
        let messages = vec![Message { role: Role::User, parts: vec![part] }];
        let request = Arc::new(ChatRequest { messages, ..ChatRequest::default() });
        let count = count("gpt-4o-mini", Counted::Chat(request)).await.unwrap();
        assert_eq!((count.tokens, count.encoding, count.exact), (3 + 4 + 2, Encoding::O200kBase, true));
        assert_eq!(Encoding::of("gpt-3.5-turbo"), (Encoding::Cl100kBase, true));
        assert_eq!(Encoding::of("openai/gpt-4o"), (Encoding::O200kBase, true));
        assert_eq!(Encoding::of("claude-sonnet"), (Encoding::O200kBase, false));
    }
}
