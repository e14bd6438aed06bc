//! `POST /v1/responses`: the vendor's newer request as the input of `model_complete` or `model_stream`. Nothing is stored here, so
//! whatever builds on an earlier response is refused by name; conversations are sent whole.

mod items;
mod object;
mod stream;

use axum::body::Body;
use axum::response::Response;
use serde_json::{Map, Value, json};

use self::object::Frame;
use crate::kernel::fault::Fault;
use crate::surface::talking::answers::Whole;
use crate::surface::talking::fields::{Fields, tags};
use crate::surface::talking::prose;
use crate::surface::talking::visit::{self, Visit};

/// Properties that mean the same here, and are told again in the answer.
const SAME: &[(&str, &str)] = &[
    ("max_output_tokens", "maxTokens"),
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("parallel_tool_calls", "parallelTools"),
];

/// Hints to the vendor itself that change nothing of the answer.
const OF_THE_DIALECT: &[&str] =
    &["user", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"];

/// What is asked.
struct Asked {
    input: Map<String, Value>,
    streams: bool,
    frame: Frame,
}

/// Answers.
pub(super) async fn answer(visit: &Visit, body: Body) -> Result<Response, Fault> {
    let mut call = visit.call("model_complete").await?;
    let read = async { read(visit.body(body).await?) };
    let mut asked = match read.await {
        Ok(asked) => asked,
        Err(fault) => return Err(visit.refuse(&call, fault)),
    };
    asked.frame.begin(visit.id, visit.seconds());
    if asked.streams {
        "model_stream".clone_into(&mut call.tool);
        call.input = Value::Object(asked.input);
        let (events, calling) = visit.items(call).await?;
        return Ok(stream::answer(events, calling, visit.id, asked.frame));
    }
    asked.input.insert("asParts".to_owned(), Value::Bool(true));
    call.input = Value::Object(asked.input);
    let whole = Whole::read(visit.value(call).await?)?;
    let output = items::written(whole.parts, visit.id)?;
    visit::json(&asked.frame.ended(&whole.model, output, &whole.stop, whole.tokens))
}

fn read(body: Value) -> Result<Asked, Fault> {
    let mut fields = Fields::of(body, "")?;
    let (mut input, mut told) = (Map::new(), Map::new());
    input.insert("model".to_owned(), fields.need_text("model")?.into());
    let mut messages = Vec::new();
    if let Some(rules) = fields.text("instructions")? {
        told.insert("instructions".to_owned(), rules.clone().into());
        messages.push(prose::message("system", vec![prose::text(rules)]));
    }
    match fields.take("input") {
        Some(Value::String(text)) => messages.push(prose::message("user", vec![prose::text(text)])),
        Some(Value::Array(all)) => items::read(all, &mut messages)?,
        _ => return Err(fields.wrong("input", "must be a text or a list of items")),
    }
    input.insert("messages".to_owned(), Value::Array(messages));
    // Nothing is stored, nothing runs behind the answer, and there is no place for what else these ask for.
    fields.refuse(&[
        ("store", json!(false)),
        ("background", json!(false)),
        ("previous_response_id", Value::Null),
        ("conversation", Value::Null),
        ("prompt", Value::Null),
        ("max_tool_calls", Value::Null),
        ("context_management", Value::Null),
        ("truncation", json!("disabled")),
        ("top_logprobs", json!(0)),
        // What goes back with thoughts is always told.
        ("include", json!(["reasoning.encrypted_content"])),
    ])?;
    let streams = fields.flag("stream")?;
    if let Some(mut options) = fields.fields("stream_options")? {
        options.refuse(&[("include_obfuscation", json!(false))])?;
        options.nothing_else()?;
    }
    for (theirs, ours) in SAME {
        if let Some(value) = fields.take(theirs) {
            told.insert((*theirs).to_owned(), value.clone());
            input.insert((*ours).to_owned(), value);
        }
    }
    tools(&mut fields, &mut input, &mut told)?;
    form(&mut fields, &mut input, &mut told)?;
    if let Some(mut reasoning) = fields.fields("reasoning")? {
        reasoning.pass(&mut input, &[("effort", "reasoningEffort")]);
        // Thoughts are told as the vendor tells them, whatever their length.
        for name in ["summary", "generate_summary"] {
            reasoning.refuse(&[(name, json!("auto"))])?;
        }
        reasoning.nothing_else()?;
    }
    told.extend(fields.take("metadata").map(|about| ("metadata".to_owned(), about)));
    tags(&mut fields, &mut input)?;
    let mut extra = Map::new();
    for name in OF_THE_DIALECT {
        extra.extend(fields.take(name).map(|value| (format!("openai:{name}"), value)));
    }
    extra.extend(fields.rest());
    if !extra.is_empty() {
        input.insert("extra".to_owned(), Value::Object(extra));
    }
    Ok(Asked { input, streams, frame: Frame::of(told) })
}

/// Tools and the choice among them, which are flat here.
fn tools(fields: &mut Fields, input: &mut Map<String, Value>, told: &mut Map<String, Value>) -> Result<(), Fault> {
    if let Some(tools) = fields.list("tools")? {
        told.insert("tools".to_owned(), Value::Array(tools.clone()));
        let tools = tools.into_iter().enumerate().map(|(number, tool)| {
            let mut tool = Fields::of(tool, format!("/tools/{number}"))?;
            let kind = tool.need_text("type")?;
            if kind != "function" {
                return Err(tool.wrong("type", &format!("'{kind}' cannot be passed on by this server")));
            }
            super::tools::offer(tool)
        });
        input.insert("tools".to_owned(), tools.collect::<Result<Value, _>>()?);
    }
    let Some(choice) = fields.take("tool_choice") else { return Ok(()) };
    told.insert("tool_choice".to_owned(), choice.clone());
    let word = match choice {
        Value::String(word) if matches!(word.as_str(), "auto" | "none" | "required") => word,
        Value::Object(_) => {
            let mut choice = Fields::of(choice, "/tool_choice")?;
            let kind = choice.need_text("type")?;
            if kind != "function" {
                return Err(choice.wrong("type", &format!("'{kind}' cannot be passed on by this server")));
            }
            choice.need_text("name")?
        }
        _ => return Err(fields.wrong("tool_choice", "must be auto, none, required or a function")),
    };
    input.insert("toolChoice".to_owned(), word.into());
    Ok(())
}

/// The form of the answer.
fn form(fields: &mut Fields, input: &mut Map<String, Value>, told: &mut Map<String, Value>) -> Result<(), Fault> {
    let Some(text) = fields.take("text") else { return Ok(()) };
    told.insert("text".to_owned(), text.clone());
    let mut text = Fields::of(text, "/text")?;
    let format = text.fields("format")?;
    text.refuse(&[("verbosity", json!("medium"))])?;
    text.nothing_else()?;
    let Some(mut form) = format else { return Ok(()) };
    match form.need_text("type")?.as_str() {
        "text" => form.nothing_else(),
        "json_object" => {
            input.insert("json".to_owned(), Value::Bool(true));
            form.nothing_else()
        }
        "json_schema" => super::chat::schema(form, input),
        other => Err(form.wrong("type", &format!("'{other}' cannot be passed on by this server"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_has_its_place() {
        let asked = read(json!({
            "model": "m",
            "instructions": "Be short.",
            "input": [
                { "role": "user", "content": [{ "type": "input_text", "text": "Hi" }, { "type": "input_image", "image_url": "https://example.org/a.png" }] },
                { "type": "reasoning", "id": "rs_1", "summary": [], "content": [{ "type": "reasoning_text", "text": "hm" }] },
                { "type": "function_call", "id": "fc_1", "call_id": "1", "name": "f", "arguments": "{}", "status": "completed" },
                { "type": "function_call_output", "call_id": "1", "output": "no" },
            ],
            "max_output_tokens": 9,
            "reasoning": { "effort": "low" },
            "tools": [{ "type": "function", "name": "f", "parameters": { "type": "object" }, "strict": true }],
            "text": { "format": { "type": "json_schema", "name": "n", "schema": { "type": "object" }, "strict": true } },
        }));
        let expected = json!({
            "model": "m",
            "messages": [
                { "role": "system", "parts": [{ "type": "text", "text": "Be short." }] },
                { "role": "user", "parts": [{ "type": "text", "text": "Hi" }, { "type": "image", "url": "https://example.org/a.png" }] },
                { "role": "assistant", "parts": [
                    { "type": "reasoning", "text": "hm" },
                    { "type": "tool_call", "id": "1", "name": "f", "arguments": {} },
                ] },
                { "role": "user", "parts": [{ "type": "tool_result", "id": "1", "text": "no", "failed": false }] },
            ],
            "maxTokens": 9,
            "reasoningEffort": "low",
            "tools": [{ "name": "f", "parameters": { "type": "object" }, "strict": true }],
            "schema": { "type": "object" },
            "schemaName": "n",
        });
        assert_eq!(Value::Object(asked.unwrap().input), expected);
    }

    #[test]
    fn what_builds_on_something_stored_is_refused_by_name() {
        for (name, value) in [
            ("previous_response_id", json!("resp_1")),
            ("store", json!(true)),
            ("background", json!(true)),
            ("truncation", json!("auto")),
        ] {
            let mut body = json!({ "model": "m", "input": "x" });
            body[name] = value;
            let fault = read(body).map(|_| ()).unwrap_err();
            assert_eq!(fault.places()[0].pointer, format!("/{name}"));
        }
    }
}
