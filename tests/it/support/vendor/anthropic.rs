//! Messages, as anthropic's `types/message` and `types/raw_message_stream_event` have them.

use serde_json::{Value, json};

use super::{Said, Used};

/// What was read before and what is written down are counted beside the rest.
fn usage(used: Used) -> Value {
    json!({
        "input_tokens": used.input - used.cached - used.written, "cache_read_input_tokens": used.cached,
        "cache_creation_input_tokens": used.written,
        "cache_creation": {"ephemeral_5m_input_tokens": used.written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": used.output, "output_tokens_details": {"thinking_tokens": used.thoughts},
        "service_tier": "standard",
    })
}

fn reason(said: &Said) -> &'static str {
    match said {
        Said { cut: true, .. } => "max_tokens",
        Said { calls, .. } if !calls.is_empty() => "tool_use",
        _ => "end_turn",
    }
}

pub(super) fn whole(said: &Said) -> Value {
    let mut content = Vec::new();
    if let Some((thoughts, signature)) = &said.thoughts {
        content.push(json!({"type": "thinking", "thinking": thoughts, "signature": signature}));
    }
    if !said.texts.is_empty() {
        content.push(json!({"type": "text", "text": said.texts.concat(), "citations": null}));
    }
    for (id, name, arguments) in &said.calls {
        let input: Value = serde_json::from_str(&arguments.concat()).unwrap();
        content.push(json!({"type": "tool_use", "id": id, "name": name, "input": input, "caller": {"type": "direct"}}));
    }
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-of-tests-20261001", "content": content,
        "stop_reason": reason(said), "stop_sequence": null, "usage": usage(said.used), "container": null,
    })
}

fn event(value: &Value) -> String {
    format!("event: {}\ndata: {value}\n\n", value["type"].as_str().unwrap())
}

/// The tokens are told twice: at the beginning with the first of the output, and at the end with all of it.
pub(super) fn events(said: &Said) -> Vec<String> {
    let mut first = usage(said.used);
    first["output_tokens"] = json!(1);
    let mut events = vec![json!({"type": "message_start", "message": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-of-tests-20261001", "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": first}})];
    let mut index = 0;
    let mut block = |begun: Value, deltas: Vec<Value>| {
        events.push(json!({"type": "content_block_start", "index": index, "content_block": begun}));
        events.push(json!({"type": "ping"}));
        events
            .extend(deltas.iter().map(|delta| json!({"type": "content_block_delta", "index": index, "delta": delta})));
        events.push(json!({"type": "content_block_stop", "index": index}));
        index += 1;
    };
    if let Some((thoughts, signature)) = &said.thoughts {
        block(
            json!({"type": "thinking", "thinking": "", "signature": ""}),
            vec![
                json!({"type": "thinking_delta", "thinking": thoughts}),
                json!({"type": "signature_delta", "signature": signature}),
            ],
        );
    }
    if !said.texts.is_empty() {
        let deltas = said.texts.iter().map(|text| json!({"type": "text_delta", "text": text})).collect();
        block(json!({"type": "text", "text": ""}), deltas);
    }
    for (id, name, arguments) in &said.calls {
        let pieces = std::iter::once("").chain(arguments.iter().map(String::as_str));
        let deltas = pieces.map(|piece| json!({"type": "input_json_delta", "partial_json": piece})).collect();
        block(json!({"type": "tool_use", "id": id, "name": name, "input": {}}), deltas);
    }
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": reason(said), "stop_sequence": null},
        "usage": usage(said.used)}));
    events.push(json!({"type": "message_stop"}));
    events.iter().map(event).collect()
}
