//! How large a request is and what it needs, told at one look and without counting tokens: that is too dear for every call.

use crate::domain::models::catalogue::{Ability, Model};
use crate::domain::models::model::route::Need;
use crate::port::models::{AnswerForm, ChatRequest, EmbedRequest, Part, RerankRequest};

/// What a message costs besides its words.
const OF_MESSAGE: u64 = 4;
/// Texts that are one search.
const OF_SEARCH: u64 = 100;
/// What a picture costs, about.
const OF_PICTURE: u64 = 800;

/// A request, seen from outside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// Bytes of text.
    pub(crate) bytes: u64,
    pub(crate) messages: u64,
    pub(crate) pictures: u64,
    pub(crate) tools: bool,
    pub(crate) structured: bool,
    pub(crate) reasoning: bool,
    /// Vectors are wanted, not an answer.
    pub(crate) vectors: bool,
    /// An order of texts is wanted, which vendors count as so many searches.
    pub(crate) searches: u64,
    /// The most tokens of the answer, where the caller says it.
    pub(crate) most_output: Option<u64>,
}

fn len(text: &str) -> u64 {
    text.len() as u64
}

impl Size {
    pub(crate) fn of_chat(request: &ChatRequest) -> Self {
        let mut size = Self {
            messages: request.messages.len() as u64,
            tools: !request.tools.is_empty(),
            structured: request.form != AnswerForm::Text,
            reasoning: request.reasoning_effort.is_some(),
            most_output: request.max_tokens.map(u64::from),
            ..Self::default()
        };
        for part in request.messages.iter().flat_map(|message| &message.parts) {
            match part {
                Part::Text { text } | Part::Reasoning { text, .. } | Part::ToolResult { text, .. } => {
                    size.bytes += len(text);
                }
                Part::Image { .. } => size.pictures += 1,
                Part::ToolCall { name, arguments, .. } => size.bytes += len(name) + json(arguments),
            }
        }
        for tool in &request.tools {
            size.bytes += len(&tool.name) + tool.description.as_deref().map_or(0, len) + json(&tool.parameters);
        }
        if let AnswerForm::Schema { schema, .. } = &request.form {
            size.bytes += json(schema);
        }
        size
    }

    pub(crate) fn of_embed(request: &EmbedRequest) -> Self {
        let bytes = request.texts.iter().map(|text| len(text)).sum();
        Self { bytes, vectors: true, most_output: Some(0), ..Self::default() }
    }

    pub(crate) fn of_rerank(request: &RerankRequest) -> Self {
        let bytes = request.documents.iter().map(|text| len(text) + len(&request.query)).sum();
        let searches = (request.documents.len() as u64).div_ceil(OF_SEARCH).max(1);
        Self { bytes, searches, most_output: Some(0), ..Self::default() }
    }

    /// Whether an answer in words is wanted.
    pub(crate) const fn is_chat(&self) -> bool {
        !self.vectors && self.searches == 0
    }

    /// About so many tokens.
    pub(crate) const fn about(&self) -> u64 {
        self.bytes.div_ceil(4) + self.messages * OF_MESSAGE + self.pictures * OF_PICTURE
    }

    /// It has surely no more tokens than this: a token is at least a byte. Pictures are not in it.
    pub(crate) const fn at_most(&self) -> u64 {
        self.bytes + self.messages * OF_MESSAGE + 3
    }

    /// Whether it needs something.
    pub(crate) const fn needs(&self, need: Need) -> bool {
        match need {
            Need::Tools => self.tools,
            Need::Images => self.pictures > 0,
            Need::Structured => self.structured,
            Need::Reasoning => self.reasoning,
        }
    }

    /// Everything that it needs.
    pub(crate) fn all_needs(&self) -> Vec<Need> {
        let all = [Need::Tools, Need::Images, Need::Structured, Need::Reasoning];
        all.into_iter().filter(|need| self.needs(*need)).collect()
    }

    /// What it needs and the model cannot do.
    pub(crate) fn lacking(&self, model: &Model) -> Option<Ability> {
        let needed = [
            (self.is_chat(), Ability::Chat),
            (self.searches > 0, Ability::Reranking),
            (self.vectors, Ability::Embeddings),
            (self.tools, Ability::Tools),
            (self.pictures > 0, Ability::Images),
            (self.structured, Ability::StructuredOutput),
        ];
        needed.into_iter().find(|(needed, ability)| *needed && !model.can(*ability)).map(|(_, ability)| ability)
    }
}

/// About as many bytes as it has when it is written, without writing it.
fn json(value: &serde_json::Value) -> u64 {
    use serde_json::Value;
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 4,
        Value::String(text) => len(text) + 2,
        Value::Array(items) => items.iter().map(|item| json(item) + 1).sum::<u64>() + 2,
        Value::Object(properties) => {
            properties.iter().map(|(name, value)| len(name) + json(value) + 4).sum::<u64>() + 2
        }
    }
}
