//! What a run is asked.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::kernel::fault::Fault;
use crate::port::models::{Message, Part, Role};

/// Who spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Speaker {
    /// Whoever asks.
    User,
    /// The agent.
    Assistant,
}

/// What was said before.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Earlier {
    /// Who spoke.
    role: Speaker,
    /// What was said.
    #[schemars(length(min = 1, max = 1_000_000))]
    content: String,
}

/// What an agent is asked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    /// The agent's id or name.
    #[schemars(length(min = 1, max = 100))]
    pub(crate) id: String,
    /// The same as `id`, for callers who say it so; it need not be given.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    pub(crate) agent_id: Option<String>,
    /// What it is asked or told to do. Needed, unless a run is replayed.
    #[serde(default)]
    #[schemars(length(min = 1, max = 1_000_000))]
    pub(crate) prompt: Option<String>,
    /// What it should know for this: any properties. The model reads them as JSON behind the prompt.
    #[serde(default)]
    pub(crate) context: Option<Map<String, Value>>,
    /// Values of the variables of its prompt, in place of or besides those that it has.
    #[serde(default)]
    pub(crate) variables: Map<String, Value>,
    /// The conversation so far, before the prompt.
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub(crate) messages: Vec<Earlier>,
    /// What belongs together: where a label of its prompt stands for several versions, for routes that stick to a model, and for the memories of
    /// a session where the agent recalls.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    pub(crate) session: Option<String>,
    /// Another model or route: one of the agent's choices.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    pub(crate) model: Option<String>,
    /// How freely it speaks, in place of what the agent says.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 2.0))]
    pub(crate) temperature: Option<f64>,
    /// The most tokens of one answer, where that is less than the agent says.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub(crate) max_tokens: Option<u32>,
    /// A run of this agent to be replayed: the recorded answers of models and tools are gone through again, nobody is asked, and nothing
    /// is done or paid.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    pub(crate) replay_of: Option<String>,
}

impl Input {
    /// What it is asked, which must be there.
    pub(super) fn is_asked(&self) -> Result<&str, Fault> {
        let missing = || Fault::bad_input("/prompt", "'prompt' is missing: what the agent is asked");
        self.prompt.as_deref().ok_or_else(missing)
    }

    /// The conversation that it begins with.
    pub(super) fn messages(&self, system: String) -> Result<Vec<Message>, Fault> {
        let mut asked = self.is_asked()?.to_owned();
        let said = |role: Role, text: String| Message { role, parts: vec![Part::Text { text }] };
        let mut messages = Vec::with_capacity(self.messages.len() + 2);
        if !system.is_empty() {
            messages.push(said(Role::System, system));
        }
        messages.extend(self.messages.iter().map(|earlier| {
            let role = match earlier.role {
                Speaker::User => Role::User,
                Speaker::Assistant => Role::Assistant,
            };
            said(role, earlier.content.clone())
        }));
        if let Some(context) = self.context.as_ref().filter(|context| !context.is_empty()) {
            let context = serde_json::to_string_pretty(context).map_err(Fault::internal)?;
            asked = format!("{asked}\n\nContext:\n```json\n{context}\n```");
        }
        messages.push(said(Role::User, asked));
        Ok(messages)
    }
}
