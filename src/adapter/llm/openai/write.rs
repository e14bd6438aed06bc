//! Requests in the dialect of chat completions.

use serde_json::{Map, Value, json};

use crate::adapter::llm::chat::{content, tool, user};
use crate::adapter::llm::language::{is_set, lacks, option, over_extra, own, senseless};
use crate::adapter::llm::{openai, schema};
use crate::port::models::{
    AnswerForm, ChatRequest, EmbedRequest, Endpoint, Message, ModelFault, Part, Role, ToolChoice,
};

/// The body of a request for an answer.
pub(in crate::adapter::llm) fn chat(
    dialect: &str,
    endpoint: &Endpoint,
    request: &ChatRequest,
    streams: bool,
) -> Result<Map<String, Value>, ModelFault> {
    if request.extra.get("n").is_some_and(|count| *count != 1) {
        return Err(lacks(dialect, "way here to tell more than one answer (n)"));
    }
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(&*endpoint.model));
    body.insert("messages".to_owned(), Value::Array(messages(dialect, endpoint, &request.messages)?));
    if !request.tools.is_empty() {
        let strict = endpoint.options.get("strict_tools") != Some(&Value::Bool(false));
        body.insert(
            "tools".to_owned(),
            request.tools.iter().map(|offer| tool(offer, offer.strict.filter(|_| strict))).collect(),
        );
        if let Some(choice) = tool_choice(endpoint, &request.tool_choice) {
            body.insert("tool_choice".to_owned(), choice);
        }
        if let Some(parallel) = request.parallel_tools {
            body.insert("parallel_tool_calls".to_owned(), json!(parallel));
        }
    }
    if let Some(form) = form(&request.form) {
        body.insert("response_format".to_owned(), form);
    }
    let most = option(endpoint, "max_tokens").unwrap_or("max_tokens");
    let seed = option(endpoint, "seed").unwrap_or("seed");
    for (name, value) in [
        (most, request.max_tokens.map(|count| json!(count))),
        ("temperature", request.temperature.map(|number| json!(number))),
        ("top_p", request.top_p.map(|number| json!(number))),
        ("stop", Some(json!(request.stop)).filter(|_| !request.stop.is_empty())),
        (seed, request.seed.map(|number| json!(number))),
        ("reasoning_effort", request.reasoning_effort.as_ref().map(|effort| json!(effort))),
    ] {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    }
    if streams {
        body.insert("stream".to_owned(), json!(true));
        if endpoint.options.get("stream_usage") != Some(&Value::Bool(false)) {
            body.insert("stream_options".to_owned(), json!({"include_usage": true}));
        }
    }
    if streams || !["stream", "stream_options"].iter().any(|name| request.extra.contains_key(*name)) {
        return Ok(over_extra(&request.extra, body));
    }
    // A whole answer is asked for as one, and then the vendor takes no word of streams.
    let mut extra = request.extra.clone();
    extra.remove("stream");
    extra.remove("stream_options");
    Ok(over_extra(&extra, body))
}

/// The body of a request for vectors. What they are for is not asked in this dialect.
pub(in crate::adapter::llm) fn embed(endpoint: &Endpoint, request: &EmbedRequest) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(&*endpoint.model));
    body.insert("input".to_owned(), json!(request.texts));
    body.insert("encoding_format".to_owned(), json!("float"));
    if let Some(dimensions) = request.dimensions {
        body.insert("dimensions".to_owned(), json!(dimensions));
    }
    body
}

fn messages(dialect: &str, endpoint: &Endpoint, messages: &[Message]) -> Result<Vec<Value>, ModelFault> {
    let mut written = Vec::with_capacity(messages.len());
    for message in messages {
        match message.role {
            Role::System => written.push(system(dialect, &message.parts)?),
            Role::User => user(&message.parts, &mut written)?,
            Role::Assistant => written.push(assistant(dialect, endpoint, &message.parts)?),
        }
    }
    Ok(written)
}

/// The texts of a system message.
fn system(dialect: &str, parts: &[Part]) -> Result<Value, ModelFault> {
    let mut texts = Vec::new();
    for part in parts {
        match part {
            Part::Text { text } => texts.push(json!({"type": "text", "text": text})),
            Part::Image { .. } => return Err(lacks(dialect, "images in system messages")),
            Part::ToolCall { .. } | Part::ToolResult { .. } | Part::Reasoning { .. } => {
                return Err(senseless("a system message holds texts"));
            }
        }
    }
    Ok(json!({"role": "system", "content": content(texts)}))
}

fn assistant(dialect: &str, endpoint: &Endpoint, parts: &[Part]) -> Result<Value, ModelFault> {
    let mut message = Map::new();
    message.insert("role".to_owned(), json!("assistant"));
    let (mut said, mut calls, mut thoughts) = (String::new(), Vec::new(), String::new());
    let mut own_properties = Map::new();
    for part in parts {
        match part {
            Part::Text { text } => said.push_str(text),
            Part::ToolCall { id, name, arguments, opaque } => {
                let arguments = match arguments {
                    // What the model wrote and was no JSON goes back as it was.
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                let mut call =
                    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
                if let (Some(own), Some(call)) = (own(openai::NAME, opaque.as_ref()), call.as_object_mut()) {
                    call.extend(
                        own.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())),
                    );
                }
                calls.push(call);
            }
            Part::Reasoning { text, opaque } => {
                thoughts.push_str(text);
                let own = own(openai::NAME, opaque.as_ref()).and_then(Value::as_object);
                for (name, value) in own.into_iter().flatten() {
                    match (own_properties.get_mut(name), value) {
                        (Some(Value::Array(before)), Value::Array(more)) => before.extend(more.iter().cloned()),
                        _ => drop(own_properties.insert(name.clone(), value.clone())),
                    }
                }
            }
            Part::Image { .. } => return Err(lacks(dialect, "images in the assistant's messages")),
            Part::ToolResult { .. } => return Err(senseless("results of tools stand in a user's message")),
        }
    }
    message.insert("content".to_owned(), if said.is_empty() && !calls.is_empty() { Value::Null } else { json!(said) });
    if !calls.is_empty() {
        message.insert("tool_calls".to_owned(), Value::Array(calls));
    }
    if !thoughts.is_empty() && is_set(endpoint, "sends_reasoning") {
        message.insert("reasoning_content".to_owned(), json!(thoughts));
    }
    message.extend(own_properties);
    Ok(Value::Object(message))
}

fn tool_choice(endpoint: &Endpoint, choice: &ToolChoice) -> Option<Value> {
    match choice {
        ToolChoice::Auto => None,
        ToolChoice::None => Some(json!("none")),
        ToolChoice::Required => Some(json!(option(endpoint, "tool_choice_required").unwrap_or("required"))),
        ToolChoice::Named(name) => Some(json!({"type": "function", "function": {"name": name}})),
    }
}

fn form(form: &AnswerForm) -> Option<Value> {
    match form {
        AnswerForm::Text => None,
        AnswerForm::Json => Some(json!({"type": "json_object"})),
        AnswerForm::Schema { name, schema } => Some(json!({
            "type": "json_schema",
            "json_schema": {"name": name, "schema": schema, "strict": schema::is_closed(schema)},
        })),
    }
}
