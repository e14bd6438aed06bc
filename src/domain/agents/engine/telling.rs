//! Telling how far a run is: as progress of the call, and piece by piece to whoever listens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc;

use super::answer::Answer;
use crate::capability::client::{Client, Progress};

/// A piece of a run. The first is `start`; the last of a run that ended without a fault is `end`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub(crate) enum Item {
    /// It begins.
    Start {
        /// The run.
        execution_id: String,
        /// The agent.
        agent_id: String,
        /// Its version.
        agent_version: u32,
    },
    /// A model is asked.
    Step {
        /// Which step, from 1.
        step: u32,
    },
    /// More words of the model.
    Text {
        /// The words.
        text: String,
    },
    /// More of its thoughts, as far as the vendor tells them.
    Reasoning {
        /// The thoughts.
        text: String,
    },
    /// A tool is called.
    ToolStarted {
        /// The call.
        id: String,
        /// The tool.
        tool: String,
        /// With what.
        input: Value,
    },
    /// A tool has answered.
    ToolEnded {
        /// The call.
        id: String,
        /// The tool.
        tool: String,
        /// Whether it failed.
        failed: bool,
        /// The code of its fault.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// How long it took, in milliseconds.
        duration_ms: u64,
    },
    /// The answer did not fit the form that is wanted and is given back.
    Mend {
        /// What does not fit.
        text: String,
    },
    /// The whole answer.
    End(Box<Answer>),
}

/// Tells.
pub(super) struct Teller {
    client: Arc<dyn Client>,
    items: Option<mpsc::Sender<Item>>,
    done: AtomicU32,
}

impl Teller {
    /// To the other side of a call, and to whoever listens.
    pub(super) fn new(client: Arc<dyn Client>, items: Option<mpsc::Sender<Item>>) -> Self {
        Self { client, items, done: AtomicU32::new(0) }
    }

    /// Whether somebody hears words as they come.
    pub(super) fn listens(&self) -> bool {
        self.items.is_some()
    }

    /// Tells a piece. Whoever reads slowly slows the run down.
    pub(super) async fn tell(&self, item: Item) {
        if let Some(message) = message(&item) {
            let done = f64::from(self.done.fetch_add(1, Ordering::Relaxed) + 1);
            self.client.progress(Progress { done, total: None, message: Some(message) });
        }
        if let Some(items) = &self.items {
            // Nobody reads any more: the run is about to be dropped.
            let _ = items.send(item).await;
        }
    }
}

/// A piece in words, for those who are only told of progress.
fn message(item: &Item) -> Option<String> {
    match item {
        Item::Step { step } => Some(format!("step {step}")),
        Item::Text { text } => Some(text.clone()),
        Item::ToolStarted { tool, .. } => Some(format!("calls {tool}")),
        Item::ToolEnded { tool, code: None, .. } => Some(format!("{tool} answered")),
        Item::ToolEnded { tool, code: Some(code), .. } => Some(format!("{tool} failed: {code}")),
        Item::Mend { .. } => Some("the answer is mended".to_owned()),
        Item::Start { .. } | Item::Reasoning { .. } | Item::End(_) => None,
    }
}
