//! The other side of a call while it runs: it can be told of progress and asked for more. Doors implement it as far as
//! their protocol allows.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kernel::fault::Fault;

/// How far a call has come.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Progress {
    /// How much is done; never less than before.
    pub done: f64,
    /// How much there is in all, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<f64>,
    /// What is being done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// How important a message to the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// For those who look for faults.
    Debug,
    /// Good to know.
    Info,
    /// Worth a look.
    Warning,
    /// Something failed.
    Error,
}

/// A question to the client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Question {
    /// A form for the person.
    Form {
        /// What is asked.
        message: String,
        /// The schema of the answer: a flat object.
        schema: Map<String, Value>,
    },
    /// An address for the person to open: what they do there comes another way, and the answer says only that they opened it.
    Link {
        /// What is asked.
        message: String,
        /// The address.
        url: String,
        /// Names the question, over all repetitions of it.
        id: String,
    },
    /// A completion by the client's model, as MCP's sampling request writes it.
    Sample {
        /// The request's parameters.
        request: Map<String, Value>,
    },
    /// The folders that the client works in.
    Roots,
}

/// Questions by key. A key names a question over all repetitions of a call.
pub type Questions = Vec<(String, Question)>;

/// Answers by key, as the protocol's result of the question.
pub type Answers = Map<String, Value>;

/// What the other side can be asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Abilities {
    /// Forms for the person.
    pub form: bool,
    /// Addresses for the person to open.
    pub url: bool,
    /// Completions by its model.
    pub sample: bool,
    /// The folders that it works in.
    pub roots: bool,
}

/// The other side of a call.
#[async_trait]
pub trait Client: Send + Sync {
    /// Tells how far the call has come.
    fn progress(&self, progress: Progress);

    /// Tells something else.
    fn say(&self, level: Level, logger: &str, data: Value);

    /// Asks while the call waits. `None` where the protocol has no way to: the questions then travel with the answer of the
    /// call, which is made again with their answers.
    async fn ask(&self, questions: &Questions) -> Option<Result<Answers, Fault>>;

    /// What it can be asked for, where that is known.
    fn abilities(&self) -> Abilities {
        Abilities::default()
    }
}

/// A client that hears nothing and answers nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

#[async_trait]
impl Client for Silent {
    fn progress(&self, _: Progress) {}

    fn say(&self, _: Level, _: &str, _: Value) {}

    async fn ask(&self, _: &Questions) -> Option<Result<Answers, Fault>> {
        None
    }
}
