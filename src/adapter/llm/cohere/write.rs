//! Requests to Cohere.

use serde_json::{Map, Value, json};

use super::NAME;
use crate::adapter::llm::chat::{content, tool, user};
use crate::adapter::llm::language::{lacks, over_extra, own, senseless};
use crate::port::models::{
    AnswerForm, ChatRequest, EmbedPurpose, EmbedRequest, Endpoint, Message, ModelFault, Part, RerankRequest, Role,
    ToolChoice,
};

/// Budgets of thoughts.
const BUDGETS: [(&str, u64); 3] = [("low", 1_024), ("medium", 4_096), ("high", 16_384)];

/// The body of a request for an answer.
pub(super) fn chat(
    endpoint: &Endpoint,
    request: &ChatRequest,
    streams: bool,
) -> Result<Map<String, Value>, ModelFault> {
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(&*endpoint.model));
    body.insert("messages".to_owned(), Value::Array(messages(&request.messages)?));
    if !request.tools.is_empty() {
        if request.parallel_tools == Some(false) {
            return Err(lacks(NAME, "way to call one tool at a time (parallel tools)"));
        }
        body.insert("tools".to_owned(), request.tools.iter().map(|offer| tool(offer, None)).collect());
        if request.tools.iter().any(|offer| offer.strict == Some(true)) {
            body.insert("strict_tools".to_owned(), json!(true));
        }
        match &request.tool_choice {
            ToolChoice::Auto => {}
            ToolChoice::None => drop(body.insert("tool_choice".to_owned(), json!("NONE"))),
            ToolChoice::Required => drop(body.insert("tool_choice".to_owned(), json!("REQUIRED"))),
            ToolChoice::Named(_) => return Err(lacks(NAME, "choice of a named tool")),
        }
    }
    match &request.form {
        AnswerForm::Text => {}
        AnswerForm::Json => drop(body.insert("response_format".to_owned(), json!({"type": "json_object"}))),
        AnswerForm::Schema { schema, .. } => {
            let format = json!({"type": "json_object", "json_schema": schema});
            body.insert("response_format".to_owned(), format);
        }
    }
    for (name, value) in [
        ("max_tokens", request.max_tokens.map(|count| json!(count))),
        ("temperature", request.temperature.map(|number| json!(number))),
        ("p", request.top_p.map(|number| json!(number))),
        ("stop_sequences", Some(json!(request.stop)).filter(|_| !request.stop.is_empty())),
        ("seed", request.seed.map(|number| json!(number))),
    ] {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    }
    if let Some(effort) = &request.reasoning_effort {
        let thinking = match (effort.as_str(), BUDGETS.iter().find(|(name, _)| name == effort)) {
            ("none" | "disabled", _) => json!({"type": "disabled"}),
            (_, Some((_, budget))) => json!({"type": "enabled", "token_budget": budget}),
            (_, None) => return Err(lacks(NAME, &format!("budget of thoughts called '{effort}'"))),
        };
        body.insert("thinking".to_owned(), thinking);
    }
    body.insert("stream".to_owned(), json!(streams));
    Ok(over_extra(&request.extra, body))
}

/// The body of a request for vectors. The dialect demands to know what they are for: to be found, where nothing is said.
pub(super) fn embed(endpoint: &Endpoint, request: &EmbedRequest) -> Map<String, Value> {
    let purpose = match request.purpose {
        Some(EmbedPurpose::Query) => "search_query",
        Some(EmbedPurpose::Document) | None => "search_document",
    };
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(&*endpoint.model));
    body.insert("texts".to_owned(), json!(request.texts));
    body.insert("input_type".to_owned(), json!(purpose));
    body.insert("embedding_types".to_owned(), json!(["float"]));
    if let Some(dimensions) = request.dimensions {
        body.insert("output_dimension".to_owned(), json!(dimensions));
    }
    body
}

/// The body of a request for an order of texts.
pub(super) fn rerank(endpoint: &Endpoint, request: &RerankRequest) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(&*endpoint.model));
    body.insert("query".to_owned(), json!(request.query));
    body.insert("documents".to_owned(), json!(request.documents));
    body.insert("top_n".to_owned(), json!(request.top.clamp(1, request.documents.len().max(1))));
    body
}

fn messages(messages: &[Message]) -> Result<Vec<Value>, ModelFault> {
    let mut written = Vec::with_capacity(messages.len());
    for message in messages {
        match message.role {
            Role::System => written.push(system(&message.parts)?),
            Role::User => user(&message.parts, &mut written)?,
            Role::Assistant => written.push(assistant(&message.parts)?),
        }
    }
    Ok(written)
}

fn system(parts: &[Part]) -> Result<Value, ModelFault> {
    let text = |part: &Part| match part {
        Part::Text { text } => Ok(json!({"type": "text", "text": text})),
        Part::Image { .. } => Err(lacks(NAME, "images in system messages")),
        Part::ToolCall { .. } | Part::ToolResult { .. } | Part::Reasoning { .. } => {
            Err(senseless("a system message holds texts"))
        }
    };
    let texts = parts.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    Ok(json!({"role": "system", "content": content(texts)}))
}

fn assistant(parts: &[Part]) -> Result<Value, ModelFault> {
    let (mut said, mut calls, mut plan) = (Vec::new(), Vec::new(), String::new());
    for part in parts {
        match part {
            Part::Text { text } => said.push(json!({"type": "text", "text": text})),
            Part::Reasoning { text, opaque } => match own(NAME, opaque.as_ref()).and_then(Value::as_str) {
                Some("plan") => plan.push_str(text),
                Some("thinking") => said.push(json!({"type": "thinking", "thinking": text})),
                _ => {}
            },
            Part::ToolCall { id, name, arguments, .. } => {
                let arguments = match arguments {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                let function = json!({"name": name, "arguments": arguments});
                calls.push(json!({"id": id, "type": "function", "function": function}));
            }
            Part::Image { .. } => return Err(lacks(NAME, "images in the assistant's messages")),
            Part::ToolResult { .. } => return Err(senseless("results of tools stand in a user's message")),
        }
    }
    let mut message = Map::new();
    message.insert("role".to_owned(), json!("assistant"));
    if !said.is_empty() {
        message.insert("content".to_owned(), content(said));
    }
    if !plan.is_empty() {
        message.insert("tool_plan".to_owned(), json!(plan));
    }
    if !calls.is_empty() {
        message.insert("tool_calls".to_owned(), Value::Array(calls));
    }
    Ok(Value::Object(message))
}
