//! Counting tokens where no vendor counts them: before a request is sent, and of answers that came without a count. Texts are
//! counted by whoever counts them for all (`port::tokens`); here is what a request is made of.

use std::sync::Arc;

use crate::capability::platform::Platform;
use crate::kernel::fault::Fault;
use crate::port::models::{AnswerForm, ChatRequest, EmbedRequest, Part};
use crate::port::tokens::{Counting, Encoding};

/// What a message costs besides its words, and what each request does.
const OF_MESSAGE: u64 = 3;

/// A count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) tokens: u64,
    /// The encoding that was counted with.
    pub(crate) encoding: Encoding,
    /// Whether the model is known to use it and every text was counted. Else the count is near the truth, and not it.
    pub(crate) exact: bool,
}

/// What is counted.
#[derive(Debug, Clone)]
pub(crate) enum Counted {
    /// A conversation.
    Chat(Arc<ChatRequest>),
    /// Texts for vectors.
    Texts(Arc<EmbedRequest>),
    /// A text that a model wrote.
    Text(String),
}

/// Counts what a model reads or wrote.
///
/// # Errors
/// When nobody counts: a fault of the program.
pub(crate) async fn count(platform: &Platform, model: &str, counted: Counted) -> Result<Count, Fault> {
    let (encoding, known) = Encoding::of_model(model);
    let (texts, beside) = match counted {
        Counted::Chat(request) => of_chat(&request),
        Counted::Texts(request) => (request.texts.clone(), 0),
        Counted::Text(text) => (vec![text], 0),
    };
    let found = platform.service::<Counting>()?.0.count(encoding, texts).await;
    let tokens = beside + found.iter().map(|each| each.tokens).sum::<u64>();
    Ok(Count { tokens, encoding, exact: known && found.iter().all(|each| each.exact) })
}

/// The texts of a conversation, and what it costs besides them.
fn of_chat(request: &ChatRequest) -> (Vec<String>, u64) {
    let (mut texts, mut beside) = (Vec::new(), OF_MESSAGE);
    for message in &request.messages {
        beside += OF_MESSAGE + 1;
        for part in &message.parts {
            match part {
                Part::Text { text } | Part::Reasoning { text, .. } | Part::ToolResult { text, .. } => {
                    texts.push(text.clone());
                }
                // What a picture costs is each vendor's own affair.
                Part::Image { .. } => {}
                Part::ToolCall { name, arguments, .. } => texts.extend([name.clone(), arguments.to_string()]),
            }
        }
    }
    for tool in &request.tools {
        texts.extend([tool.name.clone(), tool.parameters.to_string()]);
        texts.extend(tool.description.clone());
    }
    if let AnswerForm::Schema { schema, .. } = &request.form {
        texts.push(schema.to_string());
    }
    (texts, beside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::models::{Message, Role};

    #[test]
    fn a_conversation_is_its_texts_and_three_and_four_a_message() {
        let part = Part::Text { text: "hello world".to_owned() };
        let messages = vec![Message { role: Role::User, parts: vec![part] }];
        let request = ChatRequest { messages, ..ChatRequest::default() };
        assert_eq!(of_chat(&request), (vec!["hello world".to_owned()], 3 + 4));
    }
}
