//! Requests to Gemini.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::NAME;
use crate::adapter::llm::language::{inline_image, lacks, option, over_extra, own, senseless};
use crate::port::models::{
    AnswerForm, ChatRequest, EmbedPurpose, EmbedRequest, Endpoint, Message, ModelFault, Part, Role, ToolChoice,
    ToolOffer,
};

/// Ids of calls that were made up here begin so: the vendor gave none and gets none back.
pub(super) const MADE_UP: &str = "gemini-call-";

/// Budgets of thoughts.
const BUDGETS: [(&str, i64); 4] = [("minimal", 512), ("low", 1_024), ("medium", 8_192), ("high", 24_576)];

/// The body of a request for an answer.
pub(super) fn chat(endpoint: &Endpoint, request: &ChatRequest) -> Result<Map<String, Value>, ModelFault> {
    let mut body = Map::new();
    let (system, contents) = contents(&request.messages)?;
    body.insert("contents".to_owned(), Value::Array(contents));
    if !system.is_empty() {
        body.insert("systemInstruction".to_owned(), json!({"parts": system}));
    }
    if !request.tools.is_empty() {
        if request.parallel_tools == Some(false) {
            return Err(lacks(NAME, "way to call one tool at a time (parallel tools)"));
        }
        let declared: Vec<Value> = request.tools.iter().map(tool).collect();
        body.insert("tools".to_owned(), json!([{"functionDeclarations": declared}]));
        if let Some(choice) = tool_choice(request) {
            body.insert("toolConfig".to_owned(), json!({"functionCallingConfig": choice}));
        }
    }
    let mut config = Map::new();
    for (name, value) in [
        ("maxOutputTokens", request.max_tokens.map(|count| json!(count))),
        ("temperature", request.temperature.map(|number| json!(number))),
        ("topP", request.top_p.map(|number| json!(number))),
        ("stopSequences", Some(json!(request.stop)).filter(|_| !request.stop.is_empty())),
        ("seed", request.seed.map(|number| json!(number))),
    ] {
        if let Some(value) = value {
            config.insert(name.to_owned(), value);
        }
    }
    match &request.form {
        AnswerForm::Text => {}
        AnswerForm::Json => drop(config.insert("responseMimeType".to_owned(), json!("application/json"))),
        AnswerForm::Schema { schema, .. } => {
            config.insert("responseMimeType".to_owned(), json!("application/json"));
            config.insert("responseJsonSchema".to_owned(), schema.clone());
        }
    }
    if let Some(effort) = &request.reasoning_effort {
        config.insert("thinkingConfig".to_owned(), thinking(endpoint, effort)?);
    }
    if !config.is_empty() {
        body.insert("generationConfig".to_owned(), Value::Object(config));
    }
    // The address says whether it streams.
    let mut extra = request.extra.clone();
    extra.remove("stream");
    Ok(over_extra(&extra, body))
}

fn thinking(endpoint: &Endpoint, effort: &str) -> Result<Value, ModelFault> {
    if option(endpoint, "thinking") != Some("budget") {
        return Ok(json!({"includeThoughts": true, "thinkingLevel": effort.to_uppercase()}));
    }
    if matches!(effort, "none" | "disabled") {
        return Ok(json!({"thinkingBudget": 0}));
    }
    let budget = BUDGETS.iter().find(|(name, _)| *name == effort);
    let (_, budget) = budget.ok_or_else(|| lacks(NAME, &format!("budget of thoughts called '{effort}'")))?;
    Ok(json!({"includeThoughts": true, "thinkingBudget": budget}))
}

/// The body of a request for vectors.
pub(super) fn embed(endpoint: &Endpoint, request: &EmbedRequest) -> Map<String, Value> {
    let model =
        if endpoint.model.contains('/') { endpoint.model.to_string() } else { format!("models/{}", endpoint.model) };
    let one = |text: &String| {
        let mut one = json!({"model": model, "content": {"parts": [{"text": text}]}});
        if let Some(purpose) = request.purpose {
            one["taskType"] = json!(match purpose {
                EmbedPurpose::Document => "RETRIEVAL_DOCUMENT",
                EmbedPurpose::Query => "RETRIEVAL_QUERY",
            });
        }
        if let Some(dimensions) = request.dimensions {
            one["outputDimensionality"] = json!(dimensions);
        }
        one
    };
    Map::from_iter([("requests".to_owned(), request.texts.iter().map(one).collect())])
}

/// The system's texts, and the contents behind them.
fn contents(messages: &[Message]) -> Result<(Vec<Value>, Vec<Value>), ModelFault> {
    let first = messages.iter().position(|message| message.role != Role::System).unwrap_or(messages.len());
    let (before, rest) = messages.split_at(first);
    let mut system = Vec::new();
    for part in before.iter().flat_map(|message| &message.parts) {
        match part {
            Part::Text { text } => system.push(json!({"text": text})),
            Part::Image { .. } => return Err(lacks(NAME, "images in system messages")),
            Part::ToolCall { .. } | Part::ToolResult { .. } | Part::Reasoning { .. } => {
                return Err(senseless("a system message holds texts"));
            }
        }
    }
    // A result names the function that was called; here it names the call.
    let mut called: HashMap<&str, &str> = HashMap::new();
    let mut written: Vec<(&'static str, Vec<Value>)> = Vec::new();
    for message in rest {
        let (role, parts) = match message.role {
            Role::System => return Err(lacks(NAME, "system messages behind the first message of a user")),
            Role::User => ("user", user(&message.parts, &called)?),
            Role::Assistant => {
                for part in &message.parts {
                    if let Part::ToolCall { id, name, .. } = part {
                        called.insert(id, name);
                    }
                }
                ("model", assistant(&message.parts)?)
            }
        };
        match written.last_mut() {
            // Results of several tools stand in one content.
            Some((last, before)) if *last == role => before.extend(parts),
            _ => written.push((role, parts)),
        }
    }
    let written = written.into_iter().filter(|(_, parts)| !parts.is_empty());
    Ok((system, written.map(|(role, parts)| json!({"role": role, "parts": parts})).collect()))
}

fn user(parts: &[Part], called: &HashMap<&str, &str>) -> Result<Vec<Value>, ModelFault> {
    let one = |part: &Part| match part {
        Part::Text { text } => Ok(json!({"text": text})),
        Part::Image { url } => match inline_image(url)? {
            Some((media_type, data)) => Ok(json!({"inlineData": {"mimeType": media_type, "data": data}})),
            None => Err(lacks(NAME, "images by address: send it as data:image/…;base64,…")),
        },
        Part::ToolResult { id, text, failed } => {
            let name = called.get(id.as_str());
            let name = name.ok_or_else(|| senseless(format!("a result of the call '{id}', which nobody made")))?;
            // An object goes as it is; everything else gets the name that the vendor reads it under.
            let answer = match serde_json::from_str::<Value>(text) {
                Ok(Value::Object(object)) if !failed => Value::Object(object),
                _ => json!({(if *failed { "error" } else { "output" }): text}),
            };
            let mut response = json!({"name": name, "response": answer});
            if !id.starts_with(MADE_UP) {
                response["id"] = json!(id);
            }
            Ok(json!({"functionResponse": response}))
        }
        Part::ToolCall { .. } | Part::Reasoning { .. } => {
            Err(senseless("a user neither calls tools nor thinks: that is the assistant's"))
        }
    };
    parts.iter().map(one).collect()
}

fn assistant(parts: &[Part]) -> Result<Vec<Value>, ModelFault> {
    let one = |part: &Part| match part {
        Part::Text { text } => Ok(Some(json!({"text": text}))),
        Part::ToolCall { id, name, arguments, opaque } => {
            let arguments = if arguments.is_object() { arguments.clone() } else { json!({"unreadable": arguments}) };
            let mut call = json!({"functionCall": {"name": name, "args": arguments}});
            if !id.starts_with(MADE_UP) {
                call["functionCall"]["id"] = json!(id);
            }
            sign(&mut call, opaque.as_ref());
            Ok(Some(call))
        }
        // The vendor wants its signatures back, not the thoughts themselves.
        Part::Reasoning { text, opaque } => Ok(own(NAME, opaque.as_ref()).map(|own| {
            if let Some(part) = own.get("part") {
                return part.clone();
            }
            let mut part = json!({"text": text});
            if !text.is_empty() {
                part["thought"] = json!(true);
            }
            sign(&mut part, opaque.as_ref());
            part
        })),
        Part::Image { .. } => Err(lacks(NAME, "images in the assistant's messages")),
        Part::ToolResult { .. } => Err(senseless("results of tools stand in a user's message")),
    };
    parts.iter().map(one).filter_map(Result::transpose).collect()
}

fn sign(part: &mut Value, opaque: Option<&Value>) {
    if let Some(signature) = own(NAME, opaque).and_then(|own| own.get("thoughtSignature")) {
        part["thoughtSignature"] = signature.clone();
    }
}

fn tool(offer: &ToolOffer) -> Value {
    let mut tool = Map::new();
    tool.insert("name".to_owned(), json!(offer.name));
    if let Some(description) = &offer.description {
        tool.insert("description".to_owned(), json!(description));
    }
    tool.insert("parametersJsonSchema".to_owned(), offer.parameters.clone());
    Value::Object(tool)
}

/// Whether one is called. A demanded call always fits its schema; others do where that is asked for.
fn tool_choice(request: &ChatRequest) -> Option<Value> {
    match &request.tool_choice {
        ToolChoice::Auto => {
            request.tools.iter().any(|offer| offer.strict == Some(true)).then(|| json!({"mode": "VALIDATED"}))
        }
        ToolChoice::None => Some(json!({"mode": "NONE"})),
        ToolChoice::Required => Some(json!({"mode": "ANY"})),
        ToolChoice::Named(name) => Some(json!({"mode": "ANY", "allowedFunctionNames": [name]})),
    }
}
