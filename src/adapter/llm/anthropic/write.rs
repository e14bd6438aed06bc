//! Requests to Anthropic.

use serde_json::{Map, Value, json};

use super::NAME;
use crate::adapter::llm::language::{inline_image, lacks, option, over_extra, own, senseless};
use crate::port::models::{AnswerForm, ChatRequest, Endpoint, Message, ModelFault, Part, Role, ToolChoice, ToolOffer};

/// The most tokens of an answer, where neither the request nor the provider's options say it.
const MAX_TOKENS: u64 = 4096;
/// Budgets of thoughts, for models that know no effort.
const BUDGETS: [(&str, u64); 4] = [("low", 1_024), ("medium", 4_096), ("high", 16_384), ("max", 32_768)];

/// The body of a request for an answer.
pub(super) fn chat(
    endpoint: &Endpoint,
    request: &ChatRequest,
    streams: bool,
) -> Result<Map<String, Value>, ModelFault> {
    if request.seed.is_some() {
        return Err(lacks(NAME, "seed"));
    }
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(&*endpoint.model));
    let most = request
        .max_tokens
        .map_or_else(|| endpoint.options.get("max_tokens").and_then(Value::as_u64).unwrap_or(MAX_TOKENS), u64::from);
    body.insert("max_tokens".to_owned(), json!(most));
    let (system, messages) = messages(&request.messages)?;
    if let Some(system) = system {
        body.insert("system".to_owned(), system);
    }
    body.insert("messages".to_owned(), Value::Array(messages));
    if !request.tools.is_empty() {
        body.insert("tools".to_owned(), request.tools.iter().map(tool).collect());
        if let Some(choice) = tool_choice(&request.tool_choice, request.parallel_tools) {
            body.insert("tool_choice".to_owned(), choice);
        }
    }
    for (name, value) in [
        ("temperature", request.temperature.map(|number| json!(number))),
        ("top_p", request.top_p.map(|number| json!(number))),
        ("stop_sequences", Some(json!(request.stop)).filter(|_| !request.stop.is_empty())),
    ] {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    }
    let mut output = Map::new();
    match &request.form {
        AnswerForm::Text => {}
        AnswerForm::Json => return Err(lacks(NAME, "answers of any JSON: give a JSON Schema")),
        AnswerForm::Schema { schema, .. } => {
            output.insert("format".to_owned(), json!({"type": "json_schema", "schema": schema}));
        }
    }
    if let Some(effort) = &request.reasoning_effort {
        think(endpoint, effort, most, &mut body, &mut output)?;
    }
    if !output.is_empty() {
        body.insert("output_config".to_owned(), Value::Object(output));
    }
    if streams || request.extra.contains_key("stream") {
        body.insert("stream".to_owned(), json!(streams));
    }
    if request.extra.contains_key("thinking") {
        body.remove("thinking");
    }
    Ok(over_extra(&request.extra, body))
}

/// How hard it thinks.
fn think(
    endpoint: &Endpoint,
    effort: &str,
    most: u64,
    body: &mut Map<String, Value>,
    output: &mut Map<String, Value>,
) -> Result<(), ModelFault> {
    let way = option(endpoint, "thinking").unwrap_or("adaptive");
    if matches!(effort, "none" | "disabled") {
        if way != "effort" {
            body.insert("thinking".to_owned(), json!({"type": "disabled"}));
        }
        return Ok(());
    }
    if way == "budget" {
        let budget = BUDGETS.iter().find(|(name, _)| *name == effort).map(|(_, budget)| *budget);
        let budget = budget.ok_or_else(|| lacks(NAME, &format!("budget of thoughts called '{effort}'")))?;
        // The budget is a part of the most tokens, and something must be left to say.
        let budget = budget.min(most / 2).max(1_024);
        body.insert("thinking".to_owned(), json!({"type": "enabled", "budget_tokens": budget}));
        return Ok(());
    }
    if way == "adaptive" {
        body.insert("thinking".to_owned(), json!({"type": "adaptive"}));
    }
    output.insert("effort".to_owned(), json!(effort));
    Ok(())
}

/// The system's text, and the messages behind it. What the system says later stands where it was said: not every model takes
/// that, and those that do not refuse it.
fn messages(messages: &[Message]) -> Result<(Option<Value>, Vec<Value>), ModelFault> {
    let first = messages.iter().position(|message| message.role != Role::System).unwrap_or(messages.len());
    let (system, rest) = messages.split_at(first);
    let mut texts = Vec::new();
    for message in system {
        texts.extend(system_texts(&message.parts)?);
    }
    let mut written: Vec<(&'static str, Vec<Value>)> = Vec::new();
    for message in rest {
        let (role, content) = match message.role {
            Role::System => ("system", system_texts(&message.parts)?),
            Role::User => ("user", user(&message.parts)?),
            Role::Assistant => ("assistant", assistant(&message.parts)?),
        };
        match written.last_mut() {
            // Results of several tools stand in one message.
            Some((last, before)) if *last == role => before.extend(content),
            _ => written.push((role, content)),
        }
    }
    let written = written.into_iter().filter(|(_, content)| !content.is_empty()).map(|(role, mut content)| {
        // Results of tools come first: the vendor demands it. Everything else keeps its order.
        content.sort_by_key(|block| block["type"] != "tool_result");
        json!({"role": role, "content": content})
    });
    Ok((system_of(texts), written.collect()))
}

fn system_of(mut texts: Vec<Value>) -> Option<Value> {
    match texts.as_mut_slice() {
        [] => None,
        [only] => Some(only["text"].take()),
        _ => Some(Value::Array(texts)),
    }
}

fn system_texts(parts: &[Part]) -> Result<Vec<Value>, ModelFault> {
    let text = |part: &Part| match part {
        Part::Text { text } => Ok(text_block(text)),
        Part::Image { .. } => Err(lacks(NAME, "images in system messages")),
        Part::ToolCall { .. } | Part::ToolResult { .. } | Part::Reasoning { .. } => {
            Err(senseless("a system message holds texts"))
        }
    };
    parts.iter().map(text).filter_map(Result::transpose).collect()
}

/// A text; the vendor refuses empty ones.
fn text_block(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| json!({"type": "text", "text": text}))
}

fn user(parts: &[Part]) -> Result<Vec<Value>, ModelFault> {
    let block = |part: &Part| match part {
        Part::Text { text } => Ok(text_block(text)),
        Part::Image { url } => Ok(Some(match inline_image(url)? {
            Some((media_type, data)) => json!({"type": "image",
                "source": {"type": "base64", "media_type": media_type, "data": data}}),
            None => json!({"type": "image", "source": {"type": "url", "url": url}}),
        })),
        Part::ToolResult { id, text, failed } => {
            let mut result = json!({"type": "tool_result", "tool_use_id": id, "content": text});
            if *failed {
                result["is_error"] = json!(true);
            }
            Ok(Some(result))
        }
        Part::ToolCall { .. } | Part::Reasoning { .. } => {
            Err(senseless("a user neither calls tools nor thinks: that is the assistant's"))
        }
    };
    parts.iter().map(block).filter_map(Result::transpose).collect()
}

fn assistant(parts: &[Part]) -> Result<Vec<Value>, ModelFault> {
    let block = |part: &Part| match part {
        Part::Text { text } => Ok(text_block(text)),
        Part::ToolCall { id, name, arguments, .. } => {
            // The vendor takes objects only; what the model wrote and was no JSON is told as such.
            let input = if arguments.is_object() { arguments.clone() } else { json!({"unreadable": arguments}) };
            Ok(Some(json!({"type": "tool_use", "id": id, "name": name, "input": input})))
        }
        Part::Reasoning { text, opaque } => Ok(own(NAME, opaque.as_ref()).and_then(|own| thoughts(text, own))),
        Part::Image { .. } => Err(lacks(NAME, "images in the assistant's messages")),
        Part::ToolResult { .. } => Err(senseless("results of tools stand in a user's message")),
    };
    parts.iter().map(block).filter_map(Result::transpose).collect()
}

/// Thoughts as they came: signed, in cipher, or a block of a kind that is not known here.
fn thoughts(text: &str, own: &Value) -> Option<Value> {
    if let Some(block) = own.get("block") {
        return Some(block.clone());
    }
    if let Some(data) = own.get("redacted") {
        return Some(json!({"type": "redacted_thinking", "data": data}));
    }
    own.get("signature").map(|signature| json!({"type": "thinking", "thinking": text, "signature": signature}))
}

fn tool(offer: &ToolOffer) -> Value {
    let mut tool = Map::new();
    tool.insert("name".to_owned(), json!(offer.name));
    if let Some(description) = &offer.description {
        tool.insert("description".to_owned(), json!(description));
    }
    tool.insert("input_schema".to_owned(), offer.parameters.clone());
    if let Some(strict) = offer.strict {
        tool.insert("strict".to_owned(), json!(strict));
    }
    Value::Object(tool)
}

fn tool_choice(choice: &ToolChoice, parallel: Option<bool>) -> Option<Value> {
    let mut written = match choice {
        ToolChoice::Auto => json!({"type": "auto"}),
        ToolChoice::None => return Some(json!({"type": "none"})),
        ToolChoice::Required => json!({"type": "any"}),
        ToolChoice::Named(name) => json!({"type": "tool", "name": name}),
    };
    if let Some(parallel) = parallel {
        written["disable_parallel_tool_use"] = json!(!parallel);
    }
    (*choice != ToolChoice::Auto || parallel.is_some()).then_some(written)
}
