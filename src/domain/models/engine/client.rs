//! The connected client's own model as a provider: `client/…`, where what follows is a hint to the client, which chooses. It is asked
//! by MCP's sampling, in the call that came from that client and in no other; the client asks its person, and pays.
//!
//! Of a request go along: words and pictures of the conversation, the rules, the most tokens, temperature and texts to stop at. What
//! sampling has no place for is refused by name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::capability::client::Question;
use crate::domain::models::catalogue::{Ability, Dialect, KeyPlace, Limits, Price, Provider, Rates, Unlisted};
use crate::kernel::seal::sha256_hex;
use crate::port::models::{
    AnswerForm, ChatRequest, Completion, ModelFault, ModelFaultKind, Part, Role, Stop, ToolChoice,
};

/// What stands before the slash.
pub(crate) const CLIENT: &str = "client";
/// The client's model, whichever it chooses.
pub(crate) const ANY: &str = "client/any";
/// The most tokens of an answer that says nothing of it: sampling wants a number.
const USUAL_MOST: u32 = 4096;

/// The provider. What its models cost is the client's to pay.
pub(crate) static PROVIDER: LazyLock<Arc<Provider>> = LazyLock::new(|| {
    Arc::new(Provider {
        name: CLIENT.into(),
        title: "The connected client's own model".to_owned(),
        dialect: Dialect::Openai,
        base_url: "".into(),
        base_url_variable: None,
        key: KeyPlace::default(),
        headers: Vec::new(),
        options: Map::new(),
        limits: Limits::default(),
        prices_of: None,
        models: BTreeMap::new(),
        unlisted: Some(Unlisted {
            context: None,
            abilities: BTreeSet::from([Ability::Chat, Ability::Streaming, Ability::Images]),
            price: Some(Price { rates: Rates::free(), above: Vec::new() }),
        }),
        source: "MCP".to_owned(),
        built_in: true,
        of_tenant: false,
    })
});

/// The question to the client, and the key that names it over all repetitions of the call.
///
/// # Errors
/// `Unsupported` with what sampling has no place for.
pub(crate) fn question(model: &str, request: &ChatRequest) -> Result<(String, Question), ModelFault> {
    let lacks =
        |what: &str| Err(ModelFault::new(ModelFaultKind::Unsupported, format!("sampling has no place for {what}")));
    if !request.tools.is_empty() || !matches!(request.tool_choice, ToolChoice::Auto | ToolChoice::None) {
        return lacks("tools");
    }
    if request.form != AnswerForm::Text {
        return lacks("the form of the answer");
    }
    for (is_said, what) in [
        (request.top_p.is_some(), "topP"),
        (request.seed.is_some(), "seed"),
        (request.reasoning_effort.is_some(), "reasoningEffort"),
        (request.parallel_tools.is_some(), "parallelTools"),
    ] {
        if is_said {
            return lacks(what);
        }
    }
    // What is named for another dialect is for that one alone.
    if let Some(name) = request.extra.keys().find(|name| !name.contains(':')) {
        return lacks(&format!("'{name}'"));
    }
    let (mut rules, mut messages) = (Vec::new(), Vec::new());
    for message in &request.messages {
        for part in &message.parts {
            let content = match part {
                Part::Text { text } if message.role == Role::System => {
                    rules.push(text.as_str());
                    continue;
                }
                Part::Text { text } => json!({ "type": "text", "text": text }),
                Part::Image { url } => match url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
                    Some((media_type, data)) => json!({ "type": "image", "mimeType": media_type, "data": data }),
                    None => return lacks("pictures at an address"),
                },
                // Thoughts of another vendor are no part of what is said.
                Part::Reasoning { .. } => continue,
                Part::ToolCall { .. } | Part::ToolResult { .. } => return lacks("tools"),
            };
            let role = if message.role == Role::Assistant { "assistant" } else { "user" };
            messages.push(json!({ "role": role, "content": content }));
        }
    }
    let mut told = Map::new();
    told.insert("messages".to_owned(), Value::Array(messages));
    told.insert("maxTokens".to_owned(), request.max_tokens.unwrap_or(USUAL_MOST).into());
    if !rules.is_empty() {
        told.insert("systemPrompt".to_owned(), rules.join("\n\n").into());
    }
    if let Some(temperature) = request.temperature {
        told.insert("temperature".to_owned(), temperature.into());
    }
    if !request.stop.is_empty() {
        told.insert("stopSequences".to_owned(), request.stop.clone().into());
    }
    if model != "any" {
        told.insert("modelPreferences".to_owned(), json!({ "hints": [{ "name": model }] }));
    }
    let digest = sha256_hex(Value::Object(told.clone()).to_string().as_bytes());
    let key = format!("model-{}", digest.get(..24).unwrap_or(&digest));
    Ok((key, Question::Sample { request: told }))
}

/// The client's answer, as far as it is one of words or pictures.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sampled {
    #[serde(default)]
    model: String,
    content: Value,
    #[serde(default)]
    stop_reason: Option<String>,
}

/// What the client answered.
///
/// # Errors
/// `Broken` when it is no answer.
pub(crate) fn answer(told: Value) -> Result<Completion, ModelFault> {
    let broken = |why: &str| ModelFault::new(ModelFaultKind::Broken, format!("the client's answer {why}"));
    let sampled: Sampled = serde_json::from_value(told).map_err(|_| broken("has no content"))?;
    // One block, or in newer revisions a list of them.
    let blocks = match sampled.content {
        Value::Array(blocks) => blocks,
        one => vec![one],
    };
    let parts = blocks.into_iter().map(|block| match (block["type"].as_str(), block["text"].as_str()) {
        (Some("text"), Some(text)) => Ok(Part::Text { text: text.to_owned() }),
        _ => Err(broken("holds what is no text")),
    });
    let stop = match sampled.stop_reason.as_deref() {
        None | Some("endTurn") => Stop::End,
        Some("maxTokens") => Stop::Length,
        Some("stopSequence") => Stop::StopText,
        Some(other) => Stop::Other(other.to_owned()),
    };
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    Ok(Completion { model: sampled.model, id: None, parts, stop, tokens: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::models::Message;

    fn said(role: Role, part: Part) -> Message {
        Message { role, parts: vec![part] }
    }

    fn text(text: &str) -> Part {
        Part::Text { text: text.to_owned() }
    }

    #[test]
    fn a_request_is_written_as_sampling_has_it_and_always_has_the_same_key() {
        let picture = Part::Image { url: "data:image/png;base64,aGk=".to_owned() };
        let request = ChatRequest {
            messages: vec![
                said(Role::System, text("Be short.")),
                said(Role::User, picture),
                said(Role::User, text("What is it?")),
                said(Role::Assistant, text("A cat.")),
            ],
            max_tokens: Some(9),
            stop: vec!["END".to_owned()],
            ..ChatRequest::default()
        };
        let (key, Question::Sample { request: told }) = question("haiku", &request).unwrap() else {
            panic!("no sample")
        };
        let expected = json!({
            "messages": [
                { "role": "user", "content": { "type": "image", "mimeType": "image/png", "data": "aGk=" } },
                { "role": "user", "content": { "type": "text", "text": "What is it?" } },
                { "role": "assistant", "content": { "type": "text", "text": "A cat." } },
            ],
            "maxTokens": 9,
            "systemPrompt": "Be short.",
            "stopSequences": ["END"],
            "modelPreferences": { "hints": [{ "name": "haiku" }] },
        });
        assert_eq!(Value::Object(told), expected);
        assert_eq!(question("haiku", &request).unwrap().0, key);
        assert_ne!(question("any", &request).unwrap().0, key);
    }

    #[test]
    fn what_sampling_has_no_place_for_is_refused_by_name() {
        let plain = || ChatRequest { messages: vec![said(Role::User, text("x"))], ..ChatRequest::default() };
        let extra = Map::from_iter([("openai:user".to_owned(), json!("ada"))]);
        assert!(question("any", &ChatRequest { extra, ..plain() }).is_ok());
        let at = Part::Image { url: "https://example.org/a.png".to_owned() };
        let extra = Map::from_iter([("logit_bias".to_owned(), json!({}))]);
        for (request, what) in [
            (ChatRequest { seed: Some(1), ..plain() }, "seed"),
            (ChatRequest { form: AnswerForm::Json, ..plain() }, "form"),
            (ChatRequest { tool_choice: ToolChoice::Required, ..plain() }, "tools"),
            (ChatRequest { messages: vec![said(Role::User, at)], ..plain() }, "at an address"),
            (ChatRequest { extra, ..plain() }, "logit_bias"),
        ] {
            let fault = question("any", &request).unwrap_err();
            assert_eq!((fault.kind, fault.say.contains(what)), (ModelFaultKind::Unsupported, true), "{fault:?}");
        }
    }

    #[test]
    fn an_answer_is_one_block_or_several() {
        let one = json!({ "role": "assistant", "model": "m", "content": { "type": "text", "text": "Hi" }, "stopReason": "maxTokens" });
        let read = answer(one).unwrap();
        assert_eq!((read.parts, read.stop, read.model.as_str()), (vec![text("Hi")], Stop::Length, "m"));
        let several = json!({ "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] });
        assert_eq!(answer(several).unwrap().parts, [text("a"), text("b")]);
        for wrong in [json!({}), json!({ "content": { "type": "audio" } }), json!("Hi")] {
            assert_eq!(answer(wrong).unwrap_err().kind, ModelFaultKind::Broken);
        }
    }
}
