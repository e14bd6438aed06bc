//! Chat and embed, as cohere's `v2` and `types/v2chat_stream_response` have them.

use serde_json::{Value, json};

use super::{Said, Used};

/// What is billed, and beside it what the vendor counts with its own words around the prompt.
fn usage(used: Used) -> Value {
    json!({
        "billed_units": {"input_tokens": used.input, "output_tokens": used.output},
        "tokens": {"input_tokens": used.input + 500, "output_tokens": used.output},
        "cached_tokens": used.cached,
    })
}

fn reason(said: &Said) -> &'static str {
    match said {
        Said { cut: true, .. } => "MAX_TOKENS",
        Said { calls, .. } if !calls.is_empty() => "TOOL_CALL",
        _ => "COMPLETE",
    }
}

pub(super) fn whole(said: &Said) -> Value {
    let mut message = json!({"role": "assistant"});
    let mut content = Vec::new();
    if let Some((thoughts, _)) = &said.thoughts {
        content.push(json!({"type": "thinking", "thinking": thoughts}));
    }
    if !said.texts.is_empty() {
        content.push(json!({"type": "text", "text": said.texts.concat()}));
    }
    if !content.is_empty() {
        message["content"] = json!(content);
    }
    if !said.calls.is_empty() {
        let call = |(id, name, arguments): &(String, String, Vec<String>)| json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments.concat()}});
        message["tool_calls"] = said.calls.iter().map(call).collect();
    }
    json!({"id": "c14c80c3", "finish_reason": reason(said), "message": message, "usage": usage(said.used)})
}

pub(super) fn events(said: &Said) -> Vec<String> {
    let mut events = vec![json!({"id": "c14c80c3", "type": "message-start", "delta": {"message": {"role": "assistant",
        "content": [], "tool_plan": "", "tool_calls": [], "citations": []}}})];
    let mut index = 0;
    let mut content = |kind: &str, pieces: Vec<&str>| {
        events.push(json!({"type": "content-start", "index": index,
            "delta": {"message": {"content": {"type": kind, kind: ""}}}}));
        events.extend(pieces.iter().map(
            |piece| json!({"type": "content-delta", "index": index, "delta": {"message": {"content": {kind: piece}}}}),
        ));
        events.push(json!({"type": "content-end", "index": index}));
        index += 1;
    };
    if let Some((thoughts, _)) = &said.thoughts {
        content("thinking", vec![thoughts]);
    }
    if !said.texts.is_empty() {
        content("text", said.texts.iter().map(String::as_str).collect());
    }
    for (index, (id, name, arguments)) in said.calls.iter().enumerate() {
        events.push(json!({"type": "tool-call-start", "index": index, "delta": {"message": {"tool_calls": {"id": id,
            "type": "function", "function": {"name": name, "arguments": ""}}}}}));
        events.extend(arguments.iter().map(|piece| {
            json!({"type": "tool-call-delta", "index": index,
                "delta": {"message": {"tool_calls": {"function": {"arguments": piece}}}}})
        }));
        events.push(json!({"type": "tool-call-end", "index": index}));
    }
    events.push(json!({"type": "message-end", "delta": {"finish_reason": reason(said), "usage": usage(said.used)}}));
    let event = |value: &Value| format!("event: {}\ndata: {value}\n\n", value["type"].as_str().unwrap());
    events.iter().map(event).collect()
}

pub(super) fn vectors(body: &Value) -> Value {
    let texts = body["texts"].as_array().unwrap();
    let vectors: Vec<Value> = texts.iter().map(|text| json!([text.as_str().unwrap().len(), 0.5])).collect();
    json!({"id": "e1", "response_type": "embeddings_by_type", "texts": texts, "embeddings": {"float": vectors},
        "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 9}}})
}

/// The texts with the last words first: nobody else puts them in this order.
pub(super) fn order(body: &Value) -> Value {
    let texts = body["documents"].as_array().unwrap();
    let top = usize::try_from(body["top_n"].as_u64().unwrap()).unwrap();
    let last = |at: &usize| texts[*at].as_str().unwrap().split(' ').next_back().unwrap().to_owned();
    let mut places: Vec<usize> = (0..texts.len()).collect();
    places.sort_by_key(|at| std::cmp::Reverse(last(at)));
    let worth = |rank: usize| 0.9 / f64::from(u32::try_from(rank).unwrap() + 1);
    let results: Vec<Value> = places
        .iter()
        .take(top)
        .enumerate()
        .map(|(rank, at)| json!({"index": at, "relevance_score": worth(rank)}))
        .collect();
    json!({"id": "r1", "results": results, "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}})
}
