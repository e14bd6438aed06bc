//! Items of responses, both ways. Here a message, a thought and a tool call each are an item of their own; behind this door those
//! of one turn are the parts of one message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::kernel::fault::Fault;
use crate::kernel::id::CallId;
use crate::port::models::Part;
use crate::surface::talking::fields::Fields;
use crate::surface::talking::prose;

/// What goes back with thoughts travels in their cipher, which clients keep and do not read.
const OWN: &str = "convoke:";

/// Reads items into messages.
pub(super) fn read(items: Vec<Value>, messages: &mut Vec<Value>) -> Result<(), Fault> {
    for (number, item) in items.into_iter().enumerate() {
        let mut item = Fields::of(item, format!("/input/{number}"))?;
        let kind = item.text("type")?.unwrap_or_else(|| "message".to_owned());
        // Names of items as they were told: they name nothing here.
        item.take("id");
        item.take("status");
        let (role, parts) = match kind.as_str() {
            "message" => said(&mut item)?,
            "reasoning" => ("assistant", vec![thought(&mut item)?]),
            "function_call" => ("assistant", vec![call(&mut item)?]),
            "function_call_output" => ("user", vec![output(&mut item)?]),
            other => return Err(item.wrong("type", &format!("'{other}' cannot be passed on by this server"))),
        };
        item.nothing_else()?;
        add(role, parts, kind == "message" && role != "assistant", messages);
    }
    Ok(())
}

/// Adds parts to the message of the same turn, or as a new one.
fn add(role: &str, parts: Vec<Value>, alone: bool, messages: &mut Vec<Value>) {
    let last = messages.last_mut().filter(|last| !alone && last["role"] == role);
    // What tools answered does not join what the user said before.
    let last = last.filter(|last| role == "assistant" || last["parts"][0]["type"] == "tool_result");
    match last.and_then(|last| last["parts"].as_array_mut()) {
        Some(before) => before.extend(parts),
        None => messages.push(prose::message(role, parts)),
    }
}

fn said(item: &mut Fields) -> Result<(&'static str, Vec<Value>), Fault> {
    let role = match item.need_text("role")?.as_str() {
        "user" => "user",
        "assistant" => "assistant",
        "system" | "developer" => "system",
        other => return Err(item.wrong("role", &format!("'{other}' cannot be passed on by this server"))),
    };
    // Which of several messages of one turn it was.
    item.take("phase");
    Ok((role, content(item, "content")?))
}

fn content(item: &mut Fields, name: &str) -> Result<Vec<Value>, Fault> {
    let place = item.at(name);
    let parts = match item.take(name) {
        Some(Value::String(text)) => return Ok(vec![prose::text(text)]),
        Some(Value::Array(parts)) => parts,
        _ => return Err(item.wrong(name, "must be a text or a list of parts")),
    };
    let part = |(number, part): (usize, Value)| {
        let mut part = Fields::of(part, format!("{place}/{number}"))?;
        let read = match part.need_text("type")?.as_str() {
            "input_text" => prose::text(part.need_text("text")?),
            "output_text" => {
                // Told in answers, and nothing that a vendor takes back.
                part.take("annotations");
                part.take("logprobs");
                prose::text(part.need_text("text")?)
            }
            "refusal" => prose::text(part.need_text("refusal")?),
            "input_image" => {
                part.refuse(&[("detail", json!("auto"))])?;
                prose::image(part.need_text("image_url")?)
            }
            other => return Err(part.wrong("type", &format!("'{other}' cannot be passed on by this server"))),
        };
        part.nothing_else()?;
        Ok(read)
    };
    parts.into_iter().enumerate().map(part).collect()
}

fn thought(item: &mut Fields) -> Result<Value, Fault> {
    let mut text = String::new();
    for name in ["content", "summary"] {
        for part in item.list(name)?.into_iter().flatten() {
            text.push_str(part["text"].as_str().unwrap_or_default());
        }
    }
    let opaque = match item.text("encrypted_content")? {
        Some(cipher) => {
            let bytes = cipher.strip_prefix(OWN).and_then(|own| STANDARD.decode(own).ok());
            let opaque = bytes.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok()).filter(Value::is_object);
            let why = "is not of an answer of this server";
            Some(opaque.ok_or_else(|| item.wrong("encrypted_content", why))?)
        }
        None => None,
    };
    Ok(prose::reasoning(text, opaque))
}

fn call(item: &mut Fields) -> Result<Value, Fault> {
    let (id, name) = (item.need_text("call_id")?, item.need_text("name")?);
    let arguments = prose::arguments(item.text("arguments")?.unwrap_or_default());
    Ok(prose::call(id, name, arguments, item.take("convoke")))
}

fn output(item: &mut Fields) -> Result<Value, Fault> {
    let id = item.need_text("call_id")?;
    let said = content(item, "output")?;
    if said.iter().any(|part| part["type"] != "text") {
        return Err(item.wrong("output", "a tool answers by text"));
    }
    let text = said.iter().filter_map(|part| part["text"].as_str()).collect();
    Ok(prose::result(id, text, false))
}

/// An item of words.
pub(super) fn message(id: &str, status: &str, text: Option<&str>) -> Value {
    let content: Vec<Value> = text.into_iter().map(output_text).collect();
    json!({ "id": id, "type": "message", "role": "assistant", "status": status, "content": content })
}

/// Words within an item.
pub(super) fn output_text(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

/// An item of thoughts.
pub(super) fn reasoning(id: &str, text: String, opaque: Option<&Value>) -> Value {
    let content: Vec<Value> = Some(text)
        .filter(|text| !text.is_empty())
        .map(|text| json!({ "type": "reasoning_text", "text": text }))
        .into_iter()
        .collect();
    let cipher = opaque.map(|opaque| format!("{OWN}{}", STANDARD.encode(opaque.to_string())));
    json!({ "id": id, "type": "reasoning", "summary": [], "content": content, "encrypted_content": cipher })
}

/// An item of a tool call.
pub(super) fn function_call(
    id: &str,
    call: &str,
    name: &str,
    arguments: &str,
    opaque: Option<Value>,
    done: bool,
) -> Value {
    let status = if done { "completed" } else { "in_progress" };
    let mut item = json!({
        "id": id, "type": "function_call", "call_id": call, "name": name, "arguments": arguments, "status": status,
    });
    if let (Some(opaque), Value::Object(item)) = (opaque, &mut item) {
        item.extend(Map::from_iter([("convoke".to_owned(), opaque)]));
    }
    item
}

/// The items of a whole answer.
pub(super) fn written(parts: Vec<Part>, of: CallId) -> Result<Vec<Value>, Fault> {
    let item = |(number, part): (usize, Part)| match part {
        Part::Text { text } => Ok(message(&format!("msg_{of}_{number}"), "completed", Some(text.as_str()))),
        Part::Reasoning { text, opaque } => Ok(reasoning(&format!("rs_{of}_{number}"), text, opaque.as_ref())),
        Part::ToolCall { id, name, arguments, opaque } => {
            let arguments = prose::arguments_text(arguments);
            Ok(function_call(&format!("fc_{of}_{number}"), &id, &name, &arguments, opaque, true))
        }
        Part::Image { .. } | Part::ToolResult { .. } => {
            Err(Fault::internal("an answer holds a part that no model writes"))
        }
    };
    parts.into_iter().enumerate().map(item).collect()
}
