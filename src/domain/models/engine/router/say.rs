//! Asking for words: one question, one text in answer. What the program itself thinks with is asked this way.

use std::sync::Arc;

use serde_json::Value;

use super::{Answer, Router};
use crate::domain::models::conversation::words;
use crate::domain::models::engine::asker::{Asker, Wish};
use crate::kernel::fault::Fault;
use crate::port::models::{ChatRequest, Message, Part, Role};

impl Router {
    /// Asks one question, with what is to hold for the answer before it; answers the words of the model, none where it has said none.
    ///
    /// # Errors
    /// As `complete`.
    pub(crate) async fn say(
        self: &Arc<Self>,
        asker: &Asker,
        wish: &Wish,
        system: Option<String>,
        question: String,
    ) -> Result<(String, Answer), Fault> {
        let message = |role, text| Message { role, parts: vec![Part::Text { text }] };
        let mut messages: Vec<Message> = system.map(|system| message(Role::System, system)).into_iter().collect();
        messages.push(message(Role::User, question));
        let request = Arc::new(ChatRequest { messages, ..ChatRequest::default() });
        let answer = Box::pin(self.complete(asker, wish, request)).await?;
        Ok((words(&answer.completion.parts, false).unwrap_or_default(), answer))
    }
}

/// The JSON object in what a model said: models like to fence what they were asked for alone.
pub(crate) fn json_in(said: &str) -> Option<Value> {
    let json = said.find('{').and_then(|from| said.rfind('}').and_then(|to| said.get(from..=to)));
    json.and_then(|json| serde_json::from_str(json).ok())
}
