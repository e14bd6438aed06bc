//! `POST /v1/chat/completions`: the vendor's request as the input of `model_complete` or `model_stream`. What is known of it gets its
//! place there, what is refused is refused by name, and the rest goes on to the vendor as it is.

use axum::body::Body;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::{parts, stream, tools, whole};
use crate::kernel::fault::Fault;
use crate::surface::talking::fields::{Fields, tags};
use crate::surface::talking::visit::Visit;

/// Properties that mean the same here.
const SAME: &[(&str, &str)] = &[
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("seed", "seed"),
    ("reasoning_effort", "reasoningEffort"),
    ("parallel_tool_calls", "parallelTools"),
];

/// Hints to the vendor itself that change nothing of the answer: they go to vendors of this dialect alone.
const OF_THE_DIALECT: &[&str] =
    &["user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"];

/// What is asked.
struct Asked {
    input: Map<String, Value>,
    streams: bool,
    tells_usage: bool,
}

/// Answers.
pub(super) async fn answer(visit: &Visit, body: Body) -> Result<Response, Fault> {
    let mut call = visit.call("model_complete").await?;
    let read = async { read(visit.body(body).await?) };
    let mut asked = match read.await {
        Ok(asked) => asked,
        Err(fault) => return Err(visit.refuse(&call, fault)),
    };
    if asked.streams {
        "model_stream".clone_into(&mut call.tool);
        call.input = Value::Object(asked.input);
        let (items, calling) = visit.items(call).await?;
        return Ok(stream::answer(items, calling, visit, asked.tells_usage));
    }
    asked.input.insert("asParts".to_owned(), Value::Bool(true));
    call.input = Value::Object(asked.input);
    whole::answer(visit, visit.value(call).await?)
}

fn read(body: Value) -> Result<Asked, Fault> {
    let mut fields = Fields::of(body, "")?;
    let mut input = Map::new();
    input.insert("model".to_owned(), fields.need_text("model")?.into());
    let messages = fields.list("messages")?.ok_or_else(|| fields.wrong("messages", "is missing"))?;
    let messages = messages
        .into_iter()
        .enumerate()
        .map(|(number, message)| parts::message(Fields::of(message, format!("/messages/{number}"))?));
    input.insert("messages".to_owned(), messages.collect::<Result<Value, _>>()?);
    let streams = fields.flag("stream")?;
    let tells_usage = usage(&mut fields, streams)?;
    // There is no place in an answer for what these ask for.
    let mute = [
        ("n", json!(1)),
        ("logprobs", json!(false)),
        ("top_logprobs", Value::Null),
        ("audio", Value::Null),
        ("modalities", json!(["text"])),
        ("functions", Value::Null),
        ("function_call", Value::Null),
    ];
    fields.refuse(&mute)?;
    tools::offers(&mut fields, &mut input)?;
    fields.pass(&mut input, SAME);
    form(&mut fields, &mut input)?;
    if let Some(most) = most(&mut fields)? {
        input.insert("maxTokens".to_owned(), most);
    }
    match fields.take("stop") {
        None => {}
        Some(Value::String(text)) => drop(input.insert("stop".to_owned(), json!([text]))),
        Some(other) => drop(input.insert("stop".to_owned(), other)),
    }
    tags(&mut fields, &mut input)?;
    let mut extra = Map::new();
    for name in OF_THE_DIALECT {
        if let Some(value) = fields.take(name) {
            extra.insert(format!("openai:{name}"), value);
        }
    }
    extra.extend(fields.rest());
    if !extra.is_empty() {
        input.insert("extra".to_owned(), Value::Object(extra));
    }
    Ok(Asked { input, streams, tells_usage })
}

/// Whether the stream tells what it used.
fn usage(fields: &mut Fields, streams: bool) -> Result<bool, Fault> {
    let Some(mut options) = fields.fields("stream_options")? else { return Ok(false) };
    if !streams {
        return Err(fields.wrong("stream_options", "is for streams only"));
    }
    let tells = options.flag("include_usage")?;
    options.refuse(&[("include_obfuscation", json!(false))])?;
    options.nothing_else()?;
    Ok(tells)
}

/// The most tokens, which has two names.
fn most(fields: &mut Fields) -> Result<Option<Value>, Fault> {
    let (new, old) = (fields.take("max_completion_tokens"), fields.take("max_tokens"));
    if new.is_some() && old.is_some() && new != old {
        return Err(fields.wrong("max_tokens", "says another number than 'max_completion_tokens'"));
    }
    Ok(new.or(old))
}

/// The form of the answer.
fn form(fields: &mut Fields, input: &mut Map<String, Value>) -> Result<(), Fault> {
    let Some(mut form) = fields.fields("response_format")? else { return Ok(()) };
    match form.need_text("type")?.as_str() {
        "text" => {}
        "json_object" => drop(input.insert("json".to_owned(), Value::Bool(true))),
        "json_schema" => {
            schema(form.fields("json_schema")?.ok_or_else(|| form.wrong("json_schema", "is missing"))?, input)?;
        }
        other => return Err(form.wrong("type", &format!("'{other}' cannot be passed on by this server"))),
    }
    form.nothing_else()
}

/// A schema with its name.
pub(super) fn schema(mut named: Fields, input: &mut Map<String, Value>) -> Result<(), Fault> {
    let mut schema = named.object("schema")?.ok_or_else(|| named.wrong("schema", "is missing"))?;
    if let Some(about) = named.text("description")? {
        schema.entry("description").or_insert(Value::String(about));
    }
    named.pass(input, &[("name", "schemaName")]);
    // Whether the vendor can hold itself to the schema is told by the schema.
    named.flag("strict")?;
    input.insert("schema".to_owned(), Value::Object(schema));
    named.nothing_else()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(body: Value) -> Result<Value, Fault> {
        read(body).map(|asked| Value::Object(asked.input))
    }

    #[test]
    fn what_is_known_has_its_place_and_the_rest_goes_on() {
        let read = input(json!({
            "model": "fast",
            "messages": [{ "role": "developer", "content": "Be short." }, { "role": "user", "content": "Hi" }],
            "max_completion_tokens": 5,
            "stop": "END",
            "user": "ada",
            "logit_bias": { "1": 2 },
            "n": 1,
            "response_format": { "type": "json_schema", "json_schema": { "name": "n", "strict": true, "schema": { "type": "object" } } },
            "convoke": { "agent": "a" },
        }));
        let expected = json!({
            "model": "fast",
            "messages": [
                { "role": "system", "parts": [{ "type": "text", "text": "Be short." }] },
                { "role": "user", "parts": [{ "type": "text", "text": "Hi" }] },
            ],
            "maxTokens": 5,
            "stop": ["END"],
            "schema": { "type": "object" },
            "schemaName": "n",
            "agent": "a",
            "extra": { "openai:user": "ada", "logit_bias": { "1": 2 } },
        });
        assert_eq!(read.unwrap(), expected);
    }

    #[test]
    fn what_cannot_be_said_is_refused_by_name() {
        let with = |name: &str, value: Value| {
            let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "x" }] });
            body[name] = value;
            input(body).unwrap_err().places()[0].pointer.clone()
        };
        for (name, value, place) in [
            ("n", json!(2), "/n"),
            ("logprobs", json!(true), "/logprobs"),
            ("functions", json!([]), "/functions"),
            ("modalities", json!(["text", "audio"]), "/modalities"),
            ("stream_options", json!({ "include_usage": true }), "/stream_options"),
            ("response_format", json!({ "type": "grammar" }), "/response_format/type"),
            ("tools", json!([{ "type": "custom", "custom": {} }]), "/tools/0/type"),
            ("tools", json!([{ "type": "function", "function": { "name": "f", "x": 1 } }]), "/tools/0/function/x"),
            (
                "messages",
                json!([{ "role": "user", "content": [{ "type": "input_audio" }] }]),
                "/messages/0/content/0/type",
            ),
            ("messages", json!([{ "role": "user", "content": "x", "name": "n" }]), "/messages/0/name"),
            ("convoke", json!({ "agnt": "x" }), "/convoke/agnt"),
        ] {
            assert_eq!(with(name, value), place);
        }
    }
}
