//! `POST /v1/messages` and `/v1/messages/count_tokens`: the vendor's request as the input of `model_complete` or `model_stream`. What is known of it gets its place
//! there, what is refused is refused by name, and the rest goes on to the vendor as it is. What only this vendor knows and what
//! changes nothing of the words (marks for its cache, metadata, how it thinks) goes to vendors of its dialect alone.

use axum::body::Body;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value};

use super::blocks::{self, Marks};
use super::{stream, whole};
use crate::kernel::fault::Fault;
use crate::surface::talking::fields::{Fields, tags};
use crate::surface::talking::prose;
use crate::surface::talking::visit::{Visit, json};

/// Properties that mean the same here.
const SAME: &[(&str, &str)] = &[("temperature", "temperature"), ("top_p", "topP"), ("stop_sequences", "stop")];

/// What goes to vendors of this dialect alone.
const OF_THE_DIALECT: &[&str] = &["metadata", "thinking", "service_tier", "inference_geo"];

/// Answers.
pub(super) async fn answer(visit: &Visit, body: Body) -> Result<Response, Fault> {
    let mut call = visit.call("model_complete").await?;
    let read = async { read(visit.body(body).await?) };
    let (mut input, streams) = match read.await {
        Ok(read) => read,
        Err(fault) => return Err(visit.refuse(&call, fault)),
    };
    if streams {
        "model_stream".clone_into(&mut call.tool);
        call.input = Value::Object(input);
        let (items, calling) = visit.items(call).await?;
        return Ok(stream::answer(items, calling, visit));
    }
    input.insert("asParts".to_owned(), Value::Bool(true));
    call.input = Value::Object(input);
    whole::answer(visit, visit.value(call).await?)
}

/// How many tokens of a request the model would read.
#[derive(Serialize)]
struct Count {
    input_tokens: u64,
}

/// Counts what would be asked.
pub(super) async fn count(visit: &Visit, body: Body) -> Result<Response, Fault> {
    let mut call = visit.call("model_count_tokens").await?;
    let read = async { read_to_count(visit.body(body).await?) };
    match read.await {
        Ok(input) => call.input = Value::Object(input),
        Err(fault) => return Err(visit.refuse(&call, fault)),
    }
    let counted = visit.value(call).await?;
    let input_tokens = counted.get("input").and_then(Value::as_u64);
    json(&Count { input_tokens: input_tokens.ok_or_else(|| Fault::internal("a count has no count"))? })
}

/// The input of a count: what would be asked, without how long the answer may be and whether it comes as a stream.
fn read_to_count(body: Value) -> Result<Map<String, Value>, Fault> {
    let mut fields = Fields::of(body, "")?;
    let (mut input, mut marks) = (Map::new(), Marks::default());
    asked(&mut fields, &mut input, &mut marks)?;
    // For what it would be asked changes nothing of the count.
    tags(&mut fields, &mut Map::new())?;
    rest(fields, &mut input, marks);
    Ok(input)
}

/// The input, and whether the answer comes as a stream.
fn read(body: Value) -> Result<(Map<String, Value>, bool), Fault> {
    let mut fields = Fields::of(body, "")?;
    let (mut input, mut marks) = (Map::new(), Marks::default());
    asked(&mut fields, &mut input, &mut marks)?;
    let most = fields.take("max_tokens").ok_or_else(|| fields.wrong("max_tokens", "is missing"))?;
    input.insert("maxTokens".to_owned(), most);
    let streams = fields.flag("stream")?;
    fields.pass(&mut input, SAME);
    tags(&mut fields, &mut input)?;
    rest(fields, &mut input, marks);
    Ok((input, streams))
}

/// What is asked: of whom, the conversation, the tools, the form of the answer.
fn asked(fields: &mut Fields, input: &mut Map<String, Value>, marks: &mut Marks) -> Result<(), Fault> {
    input.insert("model".to_owned(), fields.need_text("model")?.into());
    let said = fields.list("messages")?.ok_or_else(|| fields.wrong("messages", "is missing"))?;
    let mut messages = Vec::with_capacity(said.len() + 1);
    let system = blocks::read(fields, "system", marks, blocks::text)?;
    if !system.is_empty() {
        messages.push(prose::message("system", system));
    }
    for (number, message) in said.into_iter().enumerate() {
        messages.push(message_of(Fields::of(message, format!("/messages/{number}"))?, marks)?);
    }
    input.insert("messages".to_owned(), Value::Array(messages));
    tools(fields, input, marks)?;
    form(fields, input)
}

/// What goes on to the vendor as it is.
fn rest(mut fields: Fields, input: &mut Map<String, Value>, mut marks: Marks) {
    let mut extra = Map::new();
    marks.take(&mut fields);
    // The vendor marks the last block that can be kept when the request as a whole has the mark.
    extra.extend(marks.cache.map(|mark| ("anthropic:cache_control".to_owned(), mark)));
    for name in OF_THE_DIALECT {
        extra.extend(fields.take(name).map(|value| (format!("anthropic:{name}"), value)));
    }
    extra.extend(fields.rest());
    if !extra.is_empty() {
        input.insert("extra".to_owned(), Value::Object(extra));
    }
}

fn message_of(mut fields: Fields, marks: &mut Marks) -> Result<Value, Fault> {
    let role = fields.need_text("role")?;
    let parts = match role.as_str() {
        "user" => blocks::read(&mut fields, "content", marks, blocks::user)?,
        "assistant" => blocks::read(&mut fields, "content", marks, blocks::assistant)?,
        "system" => blocks::read(&mut fields, "content", marks, blocks::text)?,
        other => return Err(fields.wrong("role", &format!("'{other}' cannot be passed on by this server"))),
    };
    fields.nothing_else()?;
    Ok(prose::message(&role, parts))
}

/// Tools and the choice among them.
fn tools(fields: &mut Fields, input: &mut Map<String, Value>, marks: &mut Marks) -> Result<(), Fault> {
    if let Some(tools) = fields.list("tools")? {
        let mut offers = Vec::with_capacity(tools.len());
        for (number, tool) in tools.into_iter().enumerate() {
            let mut tool = Fields::of(tool, format!("/tools/{number}"))?;
            marks.take(&mut tool);
            if let Some(kind) = tool.text("type")?.filter(|kind| kind != "custom") {
                let why = format!("'{kind}' is run by the vendor and cannot be passed on by this server");
                return Err(tool.wrong("type", &why));
            }
            let mut offer = Map::new();
            offer.insert("name".to_owned(), tool.need_text("name")?.into());
            let schema = tool.object("input_schema")?.ok_or_else(|| tool.wrong("input_schema", "is missing"))?;
            offer.insert("parameters".to_owned(), Value::Object(schema));
            tool.pass(&mut offer, &[("description", "description"), ("strict", "strict")]);
            let off = Value::Bool(false);
            tool.refuse(&[("defer_loading", off.clone()), ("eager_input_streaming", off)])?;
            tool.nothing_else()?;
            offers.push(Value::Object(offer));
        }
        input.insert("tools".to_owned(), Value::Array(offers));
    }
    let Some(mut choice) = fields.fields("tool_choice")? else { return Ok(()) };
    let word = match choice.need_text("type")?.as_str() {
        "auto" => "auto".to_owned(),
        "none" => "none".to_owned(),
        "any" => "required".to_owned(),
        "tool" => choice.need_text("name")?,
        other => return Err(choice.wrong("type", &format!("'{other}' cannot be passed on by this server"))),
    };
    input.insert("toolChoice".to_owned(), word.into());
    if let Some(one) = choice.take("disable_parallel_tool_use") {
        let one = one.as_bool().ok_or_else(|| choice.wrong("disable_parallel_tool_use", "must be true or false"))?;
        input.insert("parallelTools".to_owned(), (!one).into());
    }
    choice.nothing_else()
}

/// The form of the answer, and how hard the model tries.
fn form(fields: &mut Fields, input: &mut Map<String, Value>) -> Result<(), Fault> {
    let mut output = fields.fields("output_config")?;
    let mut format = fields.fields("output_format")?;
    if let Some(output) = &mut output {
        output.pass(input, &[("effort", "reasoningEffort")]);
        let inner = output.fields("format")?;
        format = inner.or(format);
    }
    if let Some(output) = output {
        output.nothing_else()?;
    }
    let Some(mut format) = format else { return Ok(()) };
    match format.need_text("type")?.as_str() {
        "json_schema" => {
            let schema = format.object("schema")?.ok_or_else(|| format.wrong("schema", "is missing"))?;
            input.insert("schema".to_owned(), Value::Object(schema));
        }
        other => return Err(format.wrong("type", &format!("'{other}' cannot be passed on by this server"))),
    }
    format.nothing_else()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_known_has_its_place_and_the_rest_goes_on() {
        let (input, streams) = read(json!({
            "model": "m",
            "max_tokens": 9,
            "system": [{ "type": "text", "text": "Be short.", "cache_control": { "type": "ephemeral" } }],
            "messages": [
                { "role": "user", "content": [
                    { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "aGk=" } },
                    { "type": "text", "text": "What is it?" },
                ] },
                { "role": "assistant", "content": [{ "type": "tool_use", "id": "1", "name": "f", "input": { "a": 1 } }] },
                { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "1", "content": [{ "type": "text", "text": "no" }], "is_error": true }] },
            ],
            "tools": [{ "name": "f", "input_schema": { "type": "object" } }],
            "tool_choice": { "type": "any", "disable_parallel_tool_use": true },
            "thinking": { "type": "adaptive" },
            "top_k": 5,
            "stream": true,
        }))
        .unwrap();
        let expected = json!({
            "model": "m",
            "maxTokens": 9,
            "messages": [
                { "role": "system", "parts": [{ "type": "text", "text": "Be short." }] },
                { "role": "user", "parts": [
                    { "type": "image", "url": "data:image/png;base64,aGk=" },
                    { "type": "text", "text": "What is it?" },
                ] },
                { "role": "assistant", "parts": [{ "type": "tool_call", "id": "1", "name": "f", "arguments": { "a": 1 } }] },
                { "role": "user", "parts": [{ "type": "tool_result", "id": "1", "text": "no", "failed": true }] },
            ],
            "tools": [{ "name": "f", "parameters": { "type": "object" } }],
            "toolChoice": "required",
            "parallelTools": false,
            "extra": {
                "anthropic:cache_control": { "type": "ephemeral" },
                "anthropic:thinking": { "type": "adaptive" },
                "top_k": 5,
            },
        });
        assert!(streams);
        assert_eq!(Value::Object(input), expected);
    }

    #[test]
    fn what_cannot_be_said_is_refused_by_name() {
        let with = |name: &str, value: Value| {
            let mut body = json!({ "model": "m", "max_tokens": 1, "messages": [{ "role": "user", "content": "x" }] });
            body[name] = value;
            read(body).unwrap_err().places()[0].pointer.clone()
        };
        for (name, value, place) in [
            ("max_tokens", Value::Null, "/max_tokens"),
            ("tools", json!([{ "type": "web_search_20250305", "name": "web_search" }]), "/tools/0/type"),
            (
                "messages",
                json!([{ "role": "user", "content": [{ "type": "document" }] }]),
                "/messages/0/content/0/type",
            ),
            ("output_config", json!({ "format": { "type": "grammar" } }), "/output_config/format/type"),
            ("tool_choice", json!({ "type": "auto", "x": 1 }), "/tool_choice/x"),
        ] {
            assert_eq!(with(name, value), place);
        }
    }
}
