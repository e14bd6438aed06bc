//! Chat completions and embeddings, as openai's `types/chat` has them.

use serde_json::{Value, json};

use super::{Said, Used};

fn usage(used: Used) -> Value {
    json!({
        "prompt_tokens": used.input, "completion_tokens": used.output, "total_tokens": used.input + used.output,
        "prompt_tokens_details": {"cached_tokens": used.cached, "cache_write_tokens": used.written, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": used.thoughts, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
    })
}

fn reason(said: &Said) -> &'static str {
    match said {
        Said { cut: true, .. } => "length",
        Said { calls, .. } if !calls.is_empty() => "tool_calls",
        _ => "stop",
    }
}

/// Thoughts have no place in OpenAI's own; other servers tell them beside the content (DeepSeek, vLLM).
pub(super) fn whole(said: &Said) -> Value {
    let mut message = json!({"role": "assistant", "content": said.texts.concat(), "refusal": null, "annotations": []});
    if let Some((thoughts, _)) = &said.thoughts {
        message["reasoning_content"] = json!(thoughts);
    }
    if !said.calls.is_empty() {
        let call = |(id, name, arguments): &(String, String, Vec<String>)| json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments.concat()}});
        message["tool_calls"] = said.calls.iter().map(call).collect();
    }
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_790_000_000, "model": "gpt-of-tests-2026-10-01",
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": reason(said)}],
        "usage": usage(said.used), "service_tier": "default", "system_fingerprint": "fp_1",
    })
}

pub(super) fn events(said: &Said, with_usage: bool) -> Vec<String> {
    let chunk = |choices: Value, usage: Value| {
        let mut chunk = json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_790_000_000,
            "model": "gpt-of-tests-2026-10-01", "service_tier": "default", "system_fingerprint": "fp_1",
            "choices": choices, "obfuscation": "x1",
        });
        if with_usage {
            chunk["usage"] = usage;
        }
        format!("data: {chunk}\n\n")
    };
    let delta = |delta: Value, reason: Value| {
        chunk(json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": reason}]), Value::Null)
    };
    let mut events = vec![delta(json!({"role": "assistant", "content": "", "refusal": null}), Value::Null)];
    if let Some((thoughts, _)) = &said.thoughts {
        events.push(delta(json!({"reasoning_content": thoughts}), Value::Null));
    }
    events.extend(said.texts.iter().map(|text| delta(json!({"content": text}), Value::Null)));
    for (index, (id, name, arguments)) in said.calls.iter().enumerate() {
        let begun = json!({"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": ""}});
        events.push(delta(json!({"tool_calls": [begun]}), Value::Null));
        for piece in arguments {
            let grown = json!({"index": index, "function": {"arguments": piece}});
            events.push(delta(json!({"tool_calls": [grown]}), Value::Null));
        }
    }
    events.push(delta(json!({}), json!(reason(said))));
    if with_usage {
        events.push(chunk(json!([]), usage(said.used)));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

/// Told in the wrong order, since their place is told, too.
pub(super) fn vectors(body: &Value) -> Value {
    let texts = body["input"].as_array().unwrap();
    let vector = |(index, text): (usize, &Value)| json!({"object": "embedding", "index": index, "embedding": [text.as_str().unwrap().len(), 0.5]});
    let data: Vec<Value> = texts.iter().enumerate().map(vector).rev().collect();
    json!({"object": "list", "data": data, "model": "embed-of-tests-1", "usage": {"prompt_tokens": 9, "total_tokens": 9}})
}
