//! `generateContent` and `batchEmbedContents`, as google-genai's `types` have them.

use serde_json::{Value, json};

use super::{Said, Used};

/// Thoughts are counted beside what is written.
fn usage(used: Used) -> Value {
    json!({
        "promptTokenCount": used.input, "cachedContentTokenCount": used.cached,
        "candidatesTokenCount": used.output - used.thoughts, "thoughtsTokenCount": used.thoughts,
        "totalTokenCount": used.input + used.output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": used.input}],
    })
}

/// The reason does not say that tools are called.
fn reason(said: &Said) -> &'static str {
    if said.cut { "MAX_TOKENS" } else { "STOP" }
}

fn thoughts(said: &Said) -> Option<Value> {
    said.thoughts.as_ref().map(|(thoughts, _)| json!({"text": thoughts, "thought": true}))
}

/// Calls have no ids here, and the first one is signed.
fn calls(said: &Said) -> Vec<Value> {
    let call = |(number, (_, name, arguments)): (usize, &(String, String, Vec<String>))| {
        let arguments: Value = serde_json::from_str(&arguments.concat()).unwrap();
        let mut part = json!({"functionCall": {"name": name, "args": arguments}});
        if let (0, Some((_, signature))) = (number, &said.thoughts) {
            part["thoughtSignature"] = json!(signature);
        }
        part
    };
    said.calls.iter().enumerate().map(call).collect()
}

fn answer(parts: &[Value], reason: Option<&str>, usage: &Value) -> Value {
    let mut candidate = json!({"content": {"role": "model", "parts": parts}, "index": 0});
    if let Some(reason) = reason {
        candidate["finishReason"] = json!(reason);
    }
    json!({"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-of-tests-001", "responseId": "r1"})
}

pub(super) fn whole(said: &Said) -> Value {
    let mut parts: Vec<Value> = thoughts(said).into_iter().collect();
    if !said.texts.is_empty() {
        parts.push(json!({"text": said.texts.concat()}));
    }
    parts.extend(calls(said));
    answer(&parts, Some(reason(said)), &usage(said.used))
}

/// The tokens are told with each answer, and grow.
pub(super) fn events(said: &Said) -> Vec<String> {
    let mut parts: Vec<Value> = thoughts(said).into_iter().collect();
    parts.extend(said.texts.iter().map(|text| json!({"text": text})));
    parts.extend(calls(said));
    let all = parts.len();
    let mut events = Vec::new();
    for (number, part) in parts.into_iter().enumerate() {
        let used = if number + 1 == all { said.used } else { Used { output: said.used.thoughts + 1, ..said.used } };
        let reason = (number + 1 == all).then(|| reason(said));
        events.push(format!("data: {}\r\n\r\n", answer(&[part], reason, &usage(used))));
    }
    events
}

pub(super) fn vectors(body: &Value) -> Value {
    let text = |one: &Value| one.pointer("/content/parts/0/text").unwrap().as_str().unwrap().len();
    let vectors = body["requests"].as_array().unwrap().iter().map(|one| json!({"values": [text(one), 0.5]}));
    json!({"embeddings": vectors.collect::<Vec<Value>>()})
}
