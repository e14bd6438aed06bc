//! Messages of OpenAI's clients as roles and parts, and reasoning both ways. The vendor has no place for thoughts; others of its
//! dialect tell them as `reasoning_content` and want `reasoning_details` back. What another dialect wants back travels there, too,
//! under a kind of this program's own.

use serde_json::{Map, Value, json};

use crate::kernel::fault::Fault;
use crate::port::models::Part;
use crate::surface::talking::fields::Fields;
use crate::surface::talking::prose;

/// The kind of details that are this program's own.
const OWN: &str = "convoke.reasoning";
/// This dialect's mark on what its vendors want back.
const DIALECT: &str = "openai";

/// A message.
pub(super) fn message(mut fields: Fields) -> Result<Value, Fault> {
    let role = fields.need_text("role")?;
    let message = match role.as_str() {
        "system" | "developer" => prose::message("system", texts(&mut fields)?),
        "user" => prose::message("user", user(&mut fields)?),
        "assistant" => prose::message("assistant", assistant(&mut fields)?),
        "tool" => {
            let id = fields.need_text("tool_call_id")?;
            let said = texts(&mut fields)?;
            let text = said.iter().filter_map(|part| part["text"].as_str()).collect();
            prose::message("user", vec![prose::result(id, text, false)])
        }
        other => return Err(fields.wrong("role", &format!("'{other}' cannot be passed on by this server"))),
    };
    fields.nothing_else()?;
    Ok(message)
}

/// The content as parts, each read by its kind.
fn content(
    fields: &mut Fields,
    part: impl Fn(&str, &mut Fields) -> Result<Option<Value>, Fault>,
) -> Result<Vec<Value>, Fault> {
    match fields.take("content") {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![prose::text(text)]),
        Some(Value::Array(items)) => {
            let place = fields.at("content");
            let item = |(number, item): (usize, Value)| {
                let mut item = Fields::of(item, format!("{place}/{number}"))?;
                let kind = item.need_text("type")?;
                let unsaid = || item_unsaid(&place, number, &kind);
                let read = part(&kind, &mut item)?.ok_or_else(unsaid)?;
                item.nothing_else()?;
                Ok(read)
            };
            items.into_iter().enumerate().map(item).collect()
        }
        Some(_) => Err(fields.wrong("content", "must be a text or a list of parts")),
    }
}

fn item_unsaid(place: &str, number: usize, kind: &str) -> Fault {
    Fault::bad_input(format!("{place}/{number}/type"), format!("'{kind}' cannot be passed on by this server here"))
}

fn texts(fields: &mut Fields) -> Result<Vec<Value>, Fault> {
    content(fields, |kind, part| match kind {
        "text" => Ok(Some(prose::text(part.need_text("text")?))),
        _ => Ok(None),
    })
}

fn user(fields: &mut Fields) -> Result<Vec<Value>, Fault> {
    content(fields, |kind, part| match kind {
        "text" => Ok(Some(prose::text(part.need_text("text")?))),
        "image_url" => {
            let mut image = part.fields("image_url")?.ok_or_else(|| part.wrong("image_url", "is missing"))?;
            let url = image.need_text("url")?;
            image.refuse(&[("detail", json!("auto"))])?;
            image.nothing_else()?;
            Ok(Some(prose::image(url)))
        }
        _ => Ok(None),
    })
}

fn assistant(fields: &mut Fields) -> Result<Vec<Value>, Fault> {
    let mut parts = thoughts(fields)?;
    let said = content(fields, |kind, part| match kind {
        "text" => Ok(Some(prose::text(part.need_text("text")?))),
        "refusal" => Ok(Some(prose::text(part.need_text("refusal")?))),
        _ => Ok(None),
    })?;
    parts.extend(said.into_iter().filter(|part| part["text"] != ""));
    parts.extend(fields.text("refusal")?.map(prose::text));
    let place = fields.at("tool_calls");
    for (number, call) in fields.list("tool_calls")?.into_iter().flatten().enumerate() {
        parts.push(tool_call(Fields::of(call, format!("{place}/{number}"))?)?);
    }
    // Told in answers, and nothing that a vendor takes back.
    fields.take("annotations");
    Ok(parts)
}

fn tool_call(mut call: Fields) -> Result<Value, Fault> {
    if let Some(kind) = call.text("type")?.filter(|kind| kind != "function") {
        return Err(call.wrong("type", &format!("'{kind}' cannot be passed on by this server")));
    }
    let id = call.need_text("id")?;
    let mut function = call.fields("function")?.ok_or_else(|| call.wrong("function", "is missing"))?;
    let (name, arguments) = (function.need_text("name")?, function.text("arguments")?.unwrap_or_default());
    function.nothing_else()?;
    // Clients that put calls together from a stream leave it there.
    call.take("index");
    let own = call.take("convoke");
    let rest = call.rest();
    let opaque = own.or_else(|| (!rest.is_empty()).then(|| json!({ DIALECT: rest })));
    Ok(prose::call(id, name, prose::arguments(arguments), opaque))
}

/// The thoughts of a message.
fn thoughts(fields: &mut Fields) -> Result<Vec<Value>, Fault> {
    let (new, old) = (fields.text("reasoning_content")?, fields.text("reasoning")?);
    let mut text = new.or(old);
    let details = fields.list("reasoning_details")?.unwrap_or_default();
    let (own, theirs): (Vec<Value>, Vec<Value>) = details.into_iter().partition(|detail| detail["type"] == OWN);
    if own.is_empty() {
        let opaque = (!theirs.is_empty()).then(|| json!({ DIALECT: { "reasoning_details": theirs } }));
        if opaque.is_none() && text.as_ref().is_none_or(String::is_empty) {
            return Ok(Vec::new());
        }
        return Ok(vec![prose::reasoning(text.unwrap_or_default(), opaque)]);
    }
    let part = |mut detail: Value| {
        let own = detail.get_mut("text").and_then(|text| text.as_str().map(str::to_owned));
        let opaque = detail.get_mut("opaque").map(Value::take).filter(|opaque| !opaque.is_null());
        // Where there is only one its text stands where everybody looks for it.
        prose::reasoning(own.or_else(|| text.take()).unwrap_or_default(), opaque)
    };
    Ok(own.into_iter().map(part).collect())
}

/// What is told of a piece of reasoning besides its text.
pub(super) fn details(opaque: Option<Value>, text: Option<&str>) -> Vec<Value> {
    let Some(mut opaque) = opaque else { return Vec::new() };
    if let Some(Value::Array(theirs)) = opaque.pointer_mut("/openai/reasoning_details").map(Value::take) {
        return theirs;
    }
    let mut own = json!({ "type": OWN, "index": 0, "opaque": opaque });
    if let Some(text) = text {
        own["text"] = text.into();
    }
    vec![own]
}

/// What of a tool call is told besides its name and arguments.
pub(super) fn of_call(opaque: Option<Value>) -> Map<String, Value> {
    match opaque {
        Some(Value::Object(mut opaque)) => match opaque.remove(DIALECT) {
            Some(Value::Object(own)) => own,
            _ if opaque.is_empty() => Map::new(),
            _ => Map::from_iter([("convoke".to_owned(), Value::Object(opaque))]),
        },
        _ => Map::new(),
    }
}

/// The thoughts of a whole answer: their text, and what goes back with them.
pub(super) fn reasoning(parts: &mut Vec<Part>) -> (Option<String>, Vec<Value>) {
    let thoughts: Vec<(String, Option<Value>)> = parts
        .extract_if(.., |part| matches!(part, Part::Reasoning { .. }))
        .filter_map(|part| match part {
            Part::Reasoning { text, opaque } => Some((text, opaque)),
            _ => None,
        })
        .collect();
    let several = thoughts.len() > 1;
    let text: String = thoughts.iter().map(|(text, _)| text.as_str()).collect();
    let details = thoughts.into_iter().flat_map(|(text, opaque)| details(opaque, several.then_some(text.as_str())));
    let details = details.collect();
    ((!text.is_empty()).then_some(text), details)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assistants_message_comes_back_as_it_was_told() {
        let message = json!({
            "role": "assistant",
            "content": null,
            "refusal": null,
            "annotations": [],
            "reasoning_content": "hm",
            "reasoning_details": [{ "type": "convoke.reasoning", "index": 0, "opaque": { "anthropic": { "signature": "s" } } }],
            "tool_calls": [{ "id": "1", "type": "function", "function": { "name": "f", "arguments": "{\"a\":1}" }, "extra_content": { "x": 1 } }],
        });
        let read = super::message(Fields::of(message, "/messages/0").unwrap()).unwrap();
        let expected = json!({ "role": "assistant", "parts": [
            { "type": "reasoning", "text": "hm", "opaque": { "anthropic": { "signature": "s" } } },
            { "type": "tool_call", "id": "1", "name": "f", "arguments": { "a": 1 }, "opaque": { "openai": { "extra_content": { "x": 1 } } } },
        ] });
        assert_eq!(read, expected);
    }

    #[test]
    fn details_of_the_dialect_are_told_plainly_and_others_as_ones_own() {
        let theirs = json!({ "openai": { "reasoning_details": [{ "type": "reasoning.text" }] } });
        assert_eq!(details(Some(theirs), None), [json!({ "type": "reasoning.text" })]);
        let other = json!({ "anthropic": { "signature": "s" } });
        assert_eq!(
            details(Some(other.clone()), Some("t")),
            [json!({ "type": OWN, "index": 0, "text": "t", "opaque": other })]
        );
        assert_eq!(
            of_call(Some(json!({ "gemini": { "s": 1 } }))),
            json!({ "convoke": { "gemini": { "s": 1 } } }).as_object().unwrap().clone()
        );
    }
}
