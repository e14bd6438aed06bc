//! Models of vendors: one neutral request, answer and stream, whatever dialect the vendor speaks. An adapter per dialect turns
//! them into what goes over the wire and back. What a dialect lacks is refused by name, never dropped; what this port does not
//! know of a request travels in `extra` unharmed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kernel::secret::Secret;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Whoever sets the rules.
    System,
    /// Whoever asks.
    User,
    /// The model.
    Assistant,
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Part {
    /// Words.
    Text {
        /// The words.
        text: String,
    },
    /// A picture.
    Image {
        /// Where it is: an `https` address, or `data:image/…;base64,…`.
        url: String,
    },
    /// A tool that the model wants to be called.
    ToolCall {
        /// The name that the answer is sent back under.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments.
        arguments: Value,
        /// What the vendor wants back with it unread, such as a signature.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        opaque: Option<Value>,
    },
    /// What a tool that the model called answered.
    ToolResult {
        /// The call's id.
        id: String,
        /// The answer.
        text: String,
        /// Whether the tool failed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        failed: bool,
    },
    /// What the model thought before it answered.
    Reasoning {
        /// The thoughts, as far as the vendor tells them.
        text: String,
        /// What the vendor wants back with them unread: a signature, thoughts in cipher.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        opaque: Option<Value>,
    },
}

/// A message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub parts: Vec<Part>,
}

/// A tool that the model may call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolOffer {
    /// Its name.
    pub name: String,
    /// What it does and when to choose it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The JSON Schema of its arguments.
    pub parameters: Value,
    /// Whether the arguments must fit the schema to the letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}

/// Whether the model calls a tool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// As it sees fit.
    #[default]
    Auto,
    /// It must not.
    None,
    /// It must call one.
    Required,
    /// It must call this one.
    Named(String),
}

/// The form that the answer must have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AnswerForm {
    /// Words.
    #[default]
    Text,
    /// Any JSON object.
    Json,
    /// JSON that fits a schema.
    Schema {
        /// What the form is called.
        name: String,
        /// The JSON Schema.
        schema: Value,
    },
}

/// What a model is asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChatRequest {
    /// The conversation.
    pub messages: Vec<Message>,
    /// Tools that may be called.
    pub tools: Vec<ToolOffer>,
    /// Whether one is called.
    pub tool_choice: ToolChoice,
    /// Whether several may be called at once; the vendor's own rule when not said.
    pub parallel_tools: Option<bool>,
    /// The form of the answer.
    pub form: AnswerForm,
    /// The most tokens of the answer.
    pub max_tokens: Option<u32>,
    /// How freely it speaks.
    pub temperature: Option<f64>,
    /// Of how much of the likely it chooses.
    pub top_p: Option<f64>,
    /// Texts at which it stops.
    pub stop: Vec<String>,
    /// For the same answer again.
    pub seed: Option<i64>,
    /// How hard it thinks: `low`, `medium`, `high`, or what the vendor calls it.
    pub reasoning_effort: Option<String>,
    /// Properties of the vendor's dialect that are known to no other, sent as they are.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Tokens, each counted once: `cached` and `cache_written` are parts of `input`, `reasoning` is a part of `output`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Tokens {
    /// Everything that was read.
    pub input: u64,
    /// Of that, what the vendor had read before.
    pub cached: u64,
    /// Of that, what the vendor wrote down to be read again.
    pub cache_written: u64,
    /// Everything that was written.
    pub output: u64,
    /// Of that, thoughts.
    pub reasoning: u64,
    /// Searches, which a vendor counts where texts are put in order, and not tokens.
    #[serde(skip_serializing_if = "is_zero")]
    pub searches: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls takes a reference")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Why a model stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// It was done.
    End,
    /// It reached the most tokens.
    Length,
    /// It wants tools to be called.
    ToolCalls,
    /// It came to a text at which it was to stop.
    StopText,
    /// It, or its vendor's filter, refused.
    Refused,
    /// Something else, in the vendor's word.
    Other(String),
}

/// A model's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Completion {
    /// The model that answered, as the vendor names it.
    pub model: String,
    /// The vendor's id of the answer, where it has one.
    pub id: Option<String>,
    /// The answer: text, tool calls, reasoning.
    pub parts: Vec<Part>,
    /// Why it stopped.
    pub stop: Stop,
    /// The vendor's own count; `None` where it gave none.
    pub tokens: Option<Tokens>,
}

/// A piece of an answer as it comes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Piece {
    /// It begins.
    Start {
        /// The model that answers, as the vendor names it.
        model: String,
        /// The vendor's id of the answer, where it has one.
        id: Option<String>,
    },
    /// More words.
    Text {
        /// The words.
        text: String,
    },
    /// More of the thoughts.
    Reasoning {
        /// The thoughts.
        text: String,
        /// What the vendor wants back with all thoughts so far, unread.
        opaque: Option<Value>,
    },
    /// A tool call begins.
    ToolStart {
        /// Which of the answer's calls, from 0.
        index: u32,
        /// The call's id.
        id: String,
        /// The tool.
        name: String,
        /// What the vendor wants back with it, unread.
        opaque: Option<Value>,
    },
    /// More of a tool call's arguments, as JSON text.
    ToolArguments {
        /// Which call.
        index: u32,
        /// The text.
        text: String,
    },
    /// It ended well: the last piece of every whole answer. A stream that ends without one was cut off.
    End {
        /// Why it stopped.
        stop: Stop,
        /// The vendor's own count; `None` where it gave none.
        tokens: Option<Tokens>,
    },
}

/// Texts to be turned into vectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EmbedRequest {
    /// The texts.
    pub texts: Vec<String>,
    /// The length of the vectors, where the model lets one choose.
    pub dimensions: Option<u32>,
    /// What they are for, where the dialect asks.
    pub purpose: Option<EmbedPurpose>,
}

/// What vectors are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmbedPurpose {
    /// To be found.
    Document,
    /// To find.
    Query,
}

/// Vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// The model, as the vendor names it.
    pub model: String,
    /// One for each text, in order.
    pub vectors: Vec<Vec<f32>>,
    /// The vendor's own count.
    pub tokens: Option<Tokens>,
}

/// Texts to be put in the order in which they bear on a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RerankRequest {
    /// The question.
    pub query: String,
    /// The texts.
    pub documents: Vec<String>,
    /// So many of the best are wanted.
    pub top: usize,
}

/// The texts that bear most on a question, the best first.
#[derive(Debug, Clone, PartialEq)]
pub struct Reranking {
    /// The model, as the vendor names it.
    pub model: String,
    /// The place of each in the request, and how much it bears on the question, from 0 to 1.
    pub order: Vec<(usize, f64)>,
    /// Searches that the vendor counted; `None` where it told none.
    pub searches: Option<u64>,
}

/// Where a model is: everything that an adapter needs to reach it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The provider's name, for faults and logs.
    pub provider: Arc<str>,
    /// The address that the dialect's paths are added to.
    pub base_url: Arc<str>,
    /// The key, where the provider wants one.
    pub key: Option<Secret>,
    /// The model, as the vendor names it.
    pub model: Arc<str>,
    /// Headers that are sent besides.
    pub headers: Vec<(String, String)>,
    /// What the dialect wants to know besides, such as the version of an API.
    pub options: Map<String, Value>,
    /// So long the head of an answer, or the first piece of a stream, may take.
    pub patience: Duration,
    /// So long there may be nothing between two pieces.
    pub silence: Duration,
}

/// Why a model did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFault {
    /// What kind of fault.
    pub kind: ModelFaultKind,
    /// The vendor's words, shortened; never a key.
    pub say: String,
    /// The vendor's status, where there is one.
    pub status: Option<u16>,
    /// When the vendor wants to be asked again.
    pub retry_after: Option<Duration>,
}

/// Kinds of faults: what can be done about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModelFaultKind {
    /// The key is refused or missing.
    Credential,
    /// The vendor has no such model.
    UnknownModel,
    /// The conversation is longer than the model reads.
    TooLong,
    /// The vendor's filter refused the content.
    Refused,
    /// The vendor finds the request wrong otherwise.
    BadRequest,
    /// The dialect cannot say what was asked.
    Unsupported,
    /// Too many calls, or the account is used up.
    RateLimited,
    /// The vendor is overloaded or broken.
    Unavailable,
    /// No connection. Nothing was sent.
    NotReached,
    /// Nothing came in time.
    TimedOut,
    /// The answer broke off or cannot be read.
    Broken,
}

impl ModelFault {
    /// A fault of a kind.
    #[must_use]
    pub fn new(kind: ModelFaultKind, say: impl Into<String>) -> Self {
        Self { kind, say: say.into(), status: None, retry_after: None }
    }
}

/// An answer as it comes.
pub type Pieces = BoxStream<'static, Result<Piece, ModelFault>>;

/// A vendor's dialect. Dropping what these answer closes the connection: nothing is paid for that nobody reads.
#[async_trait]
pub trait Models: Send + Sync {
    /// A whole answer.
    async fn complete(&self, endpoint: &Endpoint, request: &ChatRequest) -> Result<Completion, ModelFault>;

    /// An answer piece by piece. Answers when the first piece is there: until then the request can go elsewhere.
    async fn stream(&self, endpoint: &Endpoint, request: &ChatRequest) -> Result<Pieces, ModelFault>;

    /// Vectors of texts.
    async fn embed(&self, endpoint: &Endpoint, request: &EmbedRequest) -> Result<Embedding, ModelFault>;

    /// The order of texts. Few dialects have it.
    async fn rerank(&self, _endpoint: &Endpoint, _request: &RerankRequest) -> Result<Reranking, ModelFault> {
        Err(ModelFault::new(ModelFaultKind::Unsupported, "the dialect puts no texts in order"))
    }
}

/// The dialects by name, as a service: towards the providers that the operator names, wherever they lie.
pub struct Dialects(pub std::collections::BTreeMap<&'static str, Arc<dyn Models>>);

/// The same, as a service of its own, towards the providers that tenants name: they lie only where the operator lets the program
/// connect to for others.
pub struct TenantDialects(pub Dialects);
