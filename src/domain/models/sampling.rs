//! The connected client's own model, by MCP's sampling, as a model among others. It is asked through the call that runs (`Cx::ask`): where
//! the revision lets a server ask, while the call waits; in the newest one by an input-required result, and the call is made again
//! with the answer. What sampling lacks is refused by name. It tells no tokens.

use serde_json::{Map, Value, json};

use crate::capability::client::Question;
use crate::capability::cx::Cx;
use crate::kernel::fault::Fault;
use crate::port::models::{AnswerForm, ChatRequest, Completion, Message, ModelFault, ModelFaultKind, Part, Role, Stop};

/// The name of the provider that the client is.
pub const CLIENT: &str = "client";

/// The most tokens of an answer where the request names none: the protocol demands a number.
const MAX_TOKENS: u32 = 4096;

/// Whether the client of this call can be asked.
#[must_use]
pub fn is_there(cx: &Cx) -> bool {
    cx.abilities().sample
}

/// Asks the client's model. The key names the question over all repetitions of the call: a call that asks twice uses two. Comes before
/// writing, as all asking does.
///
/// # Errors
/// The outer fault is the call's own: the client is to be asked first, or went away. The inner one is the model's.
pub async fn complete(
    cx: &Cx,
    key: &str,
    model: &str,
    request: &ChatRequest,
) -> Result<Result<Completion, ModelFault>, Fault> {
    let question = match question(model, request) {
        Ok(request) => Question::Sample { request },
        Err(fault) => return Ok(Err(fault)),
    };
    let mut answers = cx.ask(vec![(key.to_owned(), question)]).await?;
    Ok(completion(&answers.remove(key).unwrap_or_default()))
}

/// The request as the protocol writes it. The model is a hint: the client chooses.
///
/// # Errors
/// When it asks for what sampling lacks.
pub fn question(model: &str, request: &ChatRequest) -> Result<Map<String, Value>, ModelFault> {
    for (is_asked, what) in [
        (!request.tools.is_empty(), "tools"),
        (request.form != AnswerForm::Text, "form of an answer (structured output)"),
        (request.top_p.is_some(), "top_p"),
        (request.seed.is_some(), "seed"),
        (request.reasoning_effort.is_some(), "reasoning effort"),
    ] {
        if is_asked {
            return Err(lacks(what));
        }
    }
    let first = request.messages.iter().position(|message| message.role != Role::System);
    let (system, rest) = request.messages.split_at(first.unwrap_or(request.messages.len()));
    let mut params = request.extra.clone();
    params.remove("stream");
    let messages = rest.iter().map(message).collect::<Result<Vec<_>, _>>()?;
    params.insert("messages".to_owned(), json!(messages.concat()));
    params.insert("maxTokens".to_owned(), json!(request.max_tokens.unwrap_or(MAX_TOKENS)));
    let rules = system.iter().flat_map(|message| &message.parts).map(text).collect::<Result<Vec<_>, _>>()?;
    for (name, value) in [
        ("systemPrompt", Some(json!(rules.join("\n\n"))).filter(|_| !rules.is_empty())),
        ("modelPreferences", Some(json!({"hints": [{"name": model}]})).filter(|_| !model.is_empty())),
        ("temperature", request.temperature.map(|number| json!(number))),
        ("stopSequences", Some(json!(request.stop)).filter(|_| !request.stop.is_empty())),
    ] {
        if let Some(value) = value {
            params.insert(name.to_owned(), value);
        }
    }
    Ok(params)
}

/// The messages of a message: each has one content in the older revisions, which every client reads.
fn message(message: &Message) -> Result<Vec<Value>, ModelFault> {
    let role = match message.role {
        Role::System => return Err(lacks("system messages behind the first message of a user")),
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    let content = |part: &Part| match part {
        Part::Text { text } => Ok(Some(json!({"type": "text", "text": text}))),
        Part::Image { url } => match url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
            Some((media_type, data)) => Ok(Some(json!({"type": "image", "data": data, "mimeType": media_type}))),
            None => Err(lacks("images by address: send it as data:image/…;base64,…")),
        },
        // Thoughts of another vendor's model are nobody's else.
        Part::Reasoning { .. } => Ok(None),
        Part::ToolCall { .. } | Part::ToolResult { .. } => Err(lacks("tools")),
    };
    let contents = message.parts.iter().map(content).filter_map(Result::transpose);
    contents.map(|content| content.map(|content| json!({"role": role, "content": content}))).collect()
}

fn text(part: &Part) -> Result<&str, ModelFault> {
    match part {
        Part::Text { text } => Ok(text),
        _ => Err(lacks("system messages of anything but text")),
    }
}

/// The client's answer.
///
/// # Errors
/// When it cannot be read.
pub fn completion(answer: &Value) -> Result<Completion, ModelFault> {
    let contents = match answer.get("content") {
        Some(Value::Array(contents)) => contents.as_slice(),
        Some(content @ Value::Object(_)) => std::slice::from_ref(content),
        _ => {
            return Err(ModelFault::new(
                ModelFaultKind::Broken,
                "the client's model answered nothing that can be read",
            ));
        }
    };
    let part = |content: &Value| {
        let text = |name: &str| content.get(name).and_then(Value::as_str);
        match (text("type"), text("text"), text("data"), text("mimeType")) {
            (Some("text"), Some(text), _, _) => Ok(Part::Text { text: text.to_owned() }),
            (Some("image"), _, Some(data), Some(media_type)) => {
                Ok(Part::Image { url: format!("data:{media_type};base64,{data}") })
            }
            _ => Err(ModelFault::new(ModelFaultKind::Broken, "the client's model answered something else than text")),
        }
    };
    let parts = contents.iter().map(part).collect::<Result<Vec<_>, _>>()?;
    let told = |name: &str| answer.get(name).and_then(Value::as_str);
    Ok(Completion {
        model: told("model").unwrap_or(CLIENT).to_owned(),
        id: None,
        parts,
        stop: match told("stopReason").unwrap_or("endTurn") {
            "endTurn" => Stop::End,
            "maxTokens" => Stop::Length,
            "stopSequence" => Stop::StopText,
            other => Stop::Other(other.to_owned()),
        },
        tokens: None,
    })
}

fn lacks(what: &str) -> ModelFault {
    ModelFault::new(ModelFaultKind::Unsupported, format!("the client's own model, by sampling, has no {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(role: Role, text: &str) -> Message {
        Message { role, parts: vec![Part::Text { text: text.to_owned() }] }
    }

    #[test]
    fn a_request_is_written_as_the_protocol_has_it() {
        let picture = Part::Image { url: "data:image/png;base64,AAAA".to_owned() };
        let mut asked = says(Role::User, "What is this?");
        asked.parts.push(picture);
        let request = ChatRequest {
            messages: vec![
                says(Role::System, "Be brief."),
                asked,
                says(Role::Assistant, "A"),
                says(Role::User, "And?"),
            ],
            temperature: Some(0.5),
            stop: vec!["END".to_owned()],
            ..ChatRequest::default()
        };
        let expected = json!({
            "messages": [
                {"role": "user", "content": {"type": "text", "text": "What is this?"}},
                {"role": "user", "content": {"type": "image", "data": "AAAA", "mimeType": "image/png"}},
                {"role": "assistant", "content": {"type": "text", "text": "A"}},
                {"role": "user", "content": {"type": "text", "text": "And?"}},
            ],
            "maxTokens": 4096,
            "systemPrompt": "Be brief.",
            "modelPreferences": {"hints": [{"name": "claude"}]},
            "temperature": 0.5,
            "stopSequences": ["END"],
        });
        assert_eq!(Value::Object(question("claude", &request).unwrap()), expected);
    }

    #[test]
    fn what_sampling_lacks_is_refused_by_name() {
        let asks = || ChatRequest { messages: vec![says(Role::User, "Well?")], ..ChatRequest::default() };
        let result = Part::ToolResult { id: "1".to_owned(), text: "x".to_owned(), failed: false };
        for (request, name) in [
            (ChatRequest { seed: Some(1), ..asks() }, "seed"),
            (ChatRequest { form: AnswerForm::Json, ..asks() }, "structured output"),
            (ChatRequest { messages: vec![Message { role: Role::User, parts: vec![result] }], ..asks() }, "tools"),
            (ChatRequest { messages: vec![says(Role::User, "a"), says(Role::System, "b")], ..asks() }, "system"),
        ] {
            let fault = question("", &request).unwrap_err();
            assert_eq!(fault.kind, ModelFaultKind::Unsupported);
            assert!(fault.say.contains(name), "{fault:?}");
        }
    }

    #[test]
    fn an_answer_is_read_in_both_forms() {
        let one = json!({"role": "assistant", "content": {"type": "text", "text": "Hi"}, "model": "m", "stopReason": "maxTokens"});
        let read = completion(&one).unwrap();
        assert_eq!((read.parts.len(), &*read.model, read.stop, read.tokens), (1, "m", Stop::Length, None));
        let many = json!({"content": [{"type": "text", "text": "a"}, {"type": "image", "data": "AA", "mimeType": "image/png"}]});
        assert_eq!(completion(&many).unwrap().parts.len(), 2);
        for broken in [json!(null), json!({}), json!({"content": "Hi"}), json!({"content": {"type": "audio"}})] {
            assert_eq!(completion(&broken).unwrap_err().kind, ModelFaultKind::Broken);
        }
    }
}
