//! A conversation as callers of the capabilities write it: flat, since a model writes it often, and made into the port's form.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::engine::asker::{CacheUse, Wish};
use super::views::TagsInput;
use crate::kernel::fault::Fault;
use crate::port::models::{AnswerForm, ChatRequest, Message, Part, Role, ToolChoice, ToolOffer};

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Speaker {
    /// Whoever sets the rules.
    System,
    /// Whoever asks.
    User,
    /// The model.
    Assistant,
    /// A tool that the model called.
    Tool,
}

/// A message.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Said {
    /// Who speaks.
    role: Speaker,
    /// What is said.
    #[serde(default)]
    #[schemars(length(max = 4_000_000))]
    content: Option<String>,
    /// Pictures that go with it: `https` addresses, or `data:image/…;base64,…`.
    #[serde(default)]
    #[schemars(length(max = 64), inner(length(max = 20_000_000)))]
    images: Vec<String>,
    /// Of an assistant: the tools that it called.
    #[serde(default)]
    #[schemars(length(max = 128))]
    tool_calls: Vec<ToolCall>,
    /// Of a tool: the id of the call that this answers.
    #[serde(default)]
    #[schemars(length(max = 200))]
    tool_call_id: Option<String>,
    /// Of a tool: whether it failed.
    #[serde(default)]
    failed: bool,
    /// In place of all these: parts, as answers have them with `asParts`; of a user also `image` and `tool_result`.
    #[serde(default)]
    #[schemars(length(max = 2_000))]
    parts: Vec<Map<String, Value>>,
}

/// A tool that a model called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolCall {
    /// The name that the answer is sent back under.
    #[schemars(length(min = 1, max = 200))]
    id: String,
    /// The tool.
    #[schemars(length(min = 1, max = 200))]
    name: String,
    /// Its arguments.
    arguments: Map<String, Value>,
    /// What the vendor wants back with it unread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opaque: Option<Map<String, Value>>,
}

/// A tool that the model may call.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tool {
    /// Its name.
    #[schemars(length(min = 1, max = 128), pattern("^[A-Za-z0-9_-]+$"))]
    name: String,
    /// What it does and when to choose it.
    #[serde(default)]
    #[schemars(length(max = 100_000))]
    description: Option<String>,
    /// The JSON Schema of its arguments.
    parameters: Map<String, Value>,
    /// Whether the arguments must fit the schema to the letter.
    #[serde(default)]
    strict: Option<bool>,
}

/// A question to the router: whom, what, and what it is a part of.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Question {
    /// A model as `provider/model`, or the name of a route; the route `default` when not given, or where there is none the
    /// cheapest model that can be asked.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    model: Option<String>,
    #[serde(flatten)]
    conversation: Conversation,
    /// Whether an answer that was kept will do; as the route says when not given.
    #[serde(default)]
    cache: CacheUse,
    #[serde(flatten)]
    tags: TagsInput,
}

impl Question {
    /// What is asked, and of whom.
    ///
    /// # Errors
    /// `bad_input` where the conversation is none.
    pub(crate) fn asked(self) -> Result<(Arc<ChatRequest>, Wish), Fault> {
        let request = Arc::new(self.conversation.request()?);
        Ok((request, Wish { model: self.model, cache: self.cache, tags: self.tags.tags() }))
    }
}

/// What a model is asked.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Conversation {
    /// The question, where there is only one; else give `messages`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 4_000_000))]
    prompt: Option<String>,
    /// The rules for the answer, before everything else.
    #[serde(default)]
    #[schemars(length(max = 4_000_000))]
    system: Option<String>,
    /// The conversation; the last message is the one that is answered.
    #[serde(default)]
    #[schemars(length(max = 2_000))]
    messages: Vec<Said>,
    /// Tools that the model may call. They are not called here: the answer says which it wants.
    #[serde(default)]
    #[schemars(length(max = 128))]
    tools: Vec<Tool>,
    /// `auto`, `none`, `required`, or the name of the tool that must be called; `auto` when not given.
    #[serde(default)]
    #[schemars(length(min = 1, max = 128))]
    tool_choice: Option<String>,
    /// Whether several tools may be called at once.
    #[serde(default)]
    parallel_tools: Option<bool>,
    /// The JSON Schema that the answer must fit.
    #[serde(default)]
    schema: Option<Map<String, Value>>,
    /// What the schema is called; `answer` when not given.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    schema_name: Option<String>,
    /// Whether the answer must be a JSON object, whatever is in it.
    #[serde(default)]
    json: bool,
    /// The most tokens of the answer.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_000_000))]
    max_tokens: Option<u32>,
    /// How freely it speaks; the vendor's own rule when not given.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 2.0))]
    temperature: Option<f64>,
    /// Of how much of the likely it chooses.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    top_p: Option<f64>,
    /// Texts at which it stops.
    #[serde(default)]
    #[schemars(length(max = 16), inner(length(min = 1, max = 200)))]
    stop: Vec<String>,
    /// For the same answer again, where the vendor can.
    #[serde(default)]
    #[schemars(range(min = -9_007_199_254_740_991_i64, max = 9_007_199_254_740_991_i64))]
    seed: Option<i64>,
    /// How hard it thinks: `low`, `medium`, `high`, or what the vendor calls it.
    #[serde(default)]
    #[schemars(length(min = 1, max = 32))]
    reasoning_effort: Option<String>,
    /// Properties of the vendor's own dialect, sent as they are; those named `dialect:name` only to vendors of that dialect.
    #[serde(default)]
    extra: Option<Map<String, Value>>,
}

impl Conversation {
    /// The port's form of it.
    ///
    /// # Errors
    /// `bad_input` with the place.
    pub(crate) fn request(self) -> Result<ChatRequest, Fault> {
        let mut messages = Vec::with_capacity(self.messages.len() + 2);
        if let Some(system) = self.system.filter(|text| !text.is_empty()) {
            messages.push(Message { role: Role::System, parts: vec![Part::Text { text: system }] });
        }
        for (number, said) in self.messages.into_iter().enumerate() {
            messages.push(message(said, &format!("/messages/{number}"))?);
        }
        if let Some(prompt) = self.prompt {
            messages.push(Message { role: Role::User, parts: vec![Part::Text { text: prompt }] });
        }
        if !messages.iter().any(|message| message.role != Role::System) {
            return Err(Fault::bad_input("", "give a 'prompt', or 'messages' of which one is not of the system"));
        }
        let form = match (self.schema, self.json) {
            (Some(schema), _) => {
                let name = self.schema_name.unwrap_or_else(|| "answer".to_owned());
                AnswerForm::Schema { name, schema: Value::Object(schema) }
            }
            (None, true) => AnswerForm::Json,
            (None, false) => AnswerForm::Text,
        };
        let tool_choice = match self.tool_choice.as_deref() {
            None | Some("auto") => ToolChoice::Auto,
            Some("none") => ToolChoice::None,
            Some("required") => ToolChoice::Required,
            Some(name) if self.tools.iter().any(|tool| tool.name == name) => ToolChoice::Named(name.to_owned()),
            Some(name) => {
                let say = format!("'{name}' is none of auto, none, required and the names in 'tools'");
                return Err(Fault::bad_input("/toolChoice", say));
            }
        };
        let tools = self.tools.into_iter().map(|tool| ToolOffer {
            name: tool.name,
            description: tool.description,
            parameters: Value::Object(tool.parameters),
            strict: tool.strict,
        });
        Ok(ChatRequest {
            messages,
            tools: tools.collect(),
            tool_choice,
            parallel_tools: self.parallel_tools,
            form,
            max_tokens: self.max_tokens,
            temperature: self.temperature,
            top_p: self.top_p,
            stop: self.stop,
            seed: self.seed,
            reasoning_effort: self.reasoning_effort,
            extra: self.extra.unwrap_or_default(),
        })
    }
}

fn message(said: Said, place: &str) -> Result<Message, Fault> {
    let at = |below: &str| format!("{place}/{below}");
    if !said.parts.is_empty() {
        return of_parts(said, place);
    }
    if said.role == Speaker::Tool {
        let Some(id) = said.tool_call_id else {
            return Err(Fault::bad_input(at("toolCallId"), "what a tool answers needs the id of the call"));
        };
        if !said.images.is_empty() {
            return Err(Fault::bad_input(at("images"), "a tool answers by text"));
        }
        let text = said.content.unwrap_or_default();
        return Ok(Message { role: Role::User, parts: vec![Part::ToolResult { id, text, failed: said.failed }] });
    }
    let role = match said.role {
        Speaker::System => Role::System,
        Speaker::Assistant => Role::Assistant,
        Speaker::User | Speaker::Tool => Role::User,
    };
    if !said.images.is_empty() && role != Role::User {
        return Err(Fault::bad_input(at("images"), "pictures are of the user"));
    }
    if !said.tool_calls.is_empty() && role != Role::Assistant {
        return Err(Fault::bad_input(at("toolCalls"), "tools are called by the assistant"));
    }
    if let Some(number) = said.images.iter().position(|url| !is_picture(url)) {
        let say = "must be an https address, or data:image/…;base64,…";
        return Err(Fault::bad_input(at(&format!("images/{number}")), say));
    }
    let mut parts: Vec<Part> = Vec::new();
    parts.extend(said.content.filter(|text| !text.is_empty()).map(|text| Part::Text { text }));
    parts.extend(said.images.into_iter().map(|url| Part::Image { url }));
    parts.extend(said.tool_calls.into_iter().map(|call| Part::ToolCall {
        id: call.id,
        name: call.name,
        arguments: Value::Object(call.arguments),
        opaque: call.opaque.map(Value::Object),
    }));
    if parts.is_empty() {
        return Err(Fault::bad_input(place, "the message says nothing"));
    }
    Ok(Message { role, parts })
}

fn of_parts(said: Said, place: &str) -> Result<Message, Fault> {
    let role = match said.role {
        Speaker::System => Role::System,
        Speaker::Assistant => Role::Assistant,
        Speaker::User => Role::User,
        Speaker::Tool => {
            return Err(Fault::bad_input(place, "what tools answer stands as parts in a message of the user"));
        }
    };
    let others = said.content.is_some() || said.tool_call_id.is_some() || said.failed;
    if others || !said.images.is_empty() || !said.tool_calls.is_empty() {
        return Err(Fault::bad_input(place, "give 'parts' or the other properties, not both"));
    }
    let part = |(number, part): (usize, Map<String, Value>)| {
        let at = || format!("{place}/parts/{number}");
        let part = serde_json::from_value(Value::Object(part));
        let part: Part = part.map_err(|error| Fault::bad_input(at(), error.to_string()))?;
        let fits = match &part {
            Part::Text { .. } => true,
            Part::Image { url } if role == Role::User && !is_picture(url) => {
                return Err(Fault::bad_input(at() + "/url", "must be an https address, or data:image/…;base64,…"));
            }
            Part::Image { .. } | Part::ToolResult { .. } => role == Role::User,
            Part::ToolCall { .. } | Part::Reasoning { .. } => role == Role::Assistant,
        };
        if fits { Ok(part) } else { Err(Fault::bad_input(at(), "is no part of such a message")) }
    };
    let parts = said.parts.into_iter().enumerate().map(part).collect::<Result<_, _>>()?;
    Ok(Message { role, parts })
}

fn is_picture(url: &str) -> bool {
    url.starts_with("https://") || (url.starts_with("data:image/") && url.contains(";base64,"))
}

/// The calls in an answer.
pub(crate) fn calls(parts: &[Part]) -> Vec<ToolCall> {
    let of = |part: &Part| match part {
        Part::ToolCall { id, name, arguments, opaque } => Some(ToolCall {
            id: id.clone(),
            name: name.clone(),
            arguments: object(arguments),
            opaque: opaque.as_ref().map(object),
        }),
        _ => None,
    };
    parts.iter().filter_map(of).collect()
}

fn object(value: &Value) -> Map<String, Value> {
    match value {
        Value::Object(properties) => properties.clone(),
        // A model that wrote no object is shown with what it wrote.
        other => Map::from_iter([("text".to_owned(), other.clone())]),
    }
}

/// The words in an answer, or its thoughts.
pub(crate) fn words(parts: &[Part], thoughts: bool) -> Option<String> {
    let of = |part: &Part| match part {
        Part::Text { text } if !thoughts => Some(text.clone()),
        Part::Reasoning { text, .. } if thoughts => Some(text.clone()),
        _ => None,
    };
    let all: Vec<String> = parts.iter().filter_map(of).collect();
    (!all.is_empty()).then(|| all.concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(input: Value) -> Result<ChatRequest, Fault> {
        serde_json::from_value::<Conversation>(input).unwrap().request()
    }

    #[test]
    fn a_conversation_with_tools_is_read_whole() {
        let request = read(json!({
            "system": "Be short.",
            "messages": [
                { "role": "user", "content": "What is this?", "images": ["https://example.org/a.png"] },
                { "role": "assistant", "toolCalls": [{ "id": "1", "name": "look", "arguments": { "x": 1 } }] },
                { "role": "tool", "toolCallId": "1", "content": "a cat" },
            ],
            "tools": [{ "name": "look", "parameters": { "type": "object" } }],
            "toolChoice": "look",
        }))
        .unwrap();
        let roles: Vec<Role> = request.messages.iter().map(|message| message.role).collect();
        assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::User]);
        assert_eq!(request.tool_choice, ToolChoice::Named("look".to_owned()));
        assert!(matches!(&request.messages[3].parts[0], Part::ToolResult { id, failed: false, .. } if id == "1"));
    }

    #[test]
    fn parts_keep_their_order_and_what_the_vendor_wants_back() {
        let parts = json!([
            { "type": "text", "text": "one" },
            { "type": "image", "url": "https://example.org/a.png" },
            { "type": "text", "text": "two" },
        ]);
        let thought = json!({ "type": "reasoning", "text": "hm", "opaque": { "anthropic": { "signature": "s" } } });
        let messages = json!([{ "role": "user", "parts": parts }, { "role": "assistant", "parts": [thought] }]);
        let request = read(json!({ "messages": messages })).unwrap();
        assert_eq!(serde_json::to_value(&request.messages[0].parts).unwrap(), parts);
        assert_eq!(serde_json::to_value(&request.messages[1].parts[0]).unwrap(), thought);
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_place() {
        for (input, place) in [
            (json!({ "messages": [{ "role": "user", "parts": [{ "type": "sound" }] }] }), "/messages/0/parts/0"),
            (
                json!({ "messages": [{ "role": "user", "content": "x", "parts": [{ "type": "text", "text": "x" }] }] }),
                "/messages/0",
            ),
            (
                json!({ "messages": [{ "role": "user", "parts": [{ "type": "reasoning", "text": "x" }] }] }),
                "/messages/0/parts/0",
            ),
            (
                json!({ "messages": [{ "role": "user", "parts": [{ "type": "image", "url": "file:///x" }] }] }),
                "/messages/0/parts/0/url",
            ),
            (json!({}), ""),
            (json!({ "messages": [{ "role": "system", "content": "x" }] }), ""),
            (json!({ "messages": [{ "role": "user" }] }), "/messages/0"),
            (json!({ "messages": [{ "role": "tool", "content": "x" }] }), "/messages/0/toolCallId"),
            (
                json!({ "messages": [{ "role": "user", "content": "x", "images": ["file:///etc/passwd"] }] }),
                "/messages/0/images/0",
            ),
            (json!({ "prompt": "x", "toolChoice": "gone" }), "/toolChoice"),
        ] {
            assert_eq!(read(input).unwrap_err().places()[0].pointer, place);
        }
    }
}
