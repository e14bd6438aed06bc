//! Messages as streams: blocks in their order, what breaks off, who goes away.

use convoke::port::models::{ModelFaultKind, Piece, Stop};
use futures::StreamExt as _;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::{message, refused};
use crate::doors::served::{Served, header};
use crate::support::scripted::{Act, fault};
use crate::surface::openai::{call, end, more, start, text, thought};

/// The events of a stream; each has the name that its data says.
async fn heard(request: RequestBuilder) -> Vec<Value> {
    let response = request.send().await.unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "content-type")), (200, "text/event-stream"));
    let text = response.text().await.unwrap();
    let read = |event: &str| {
        let (name, data) = event.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(name.strip_prefix("event: ").unwrap(), data["type"]);
        data
    };
    text.split("\n\n").filter(|event| !event.is_empty()).map(read).collect()
}

fn streaming(served: &Served) -> RequestBuilder {
    message(served, json!({ "stream": true }))
}

/// The events without what tells nothing here, as `type index`.
fn course(events: &[Value]) -> Vec<String> {
    let of = |event: &Value| match event["index"].as_u64() {
        Some(index) => format!("{} {index}", event["type"].as_str().unwrap()),
        None => event["type"].as_str().unwrap().to_owned(),
    };
    events.iter().map(of).collect()
}

#[tokio::test]
async fn blocks_begin_grow_and_end_in_order() {
    let served = Served::start().await;
    let signed = |signature: &str| Some(json!({ "anthropic": { "signature": signature } }));
    let redacted = Some(json!({ "anthropic": { "redacted": "x" } }));
    let pieces = vec![
        start(),
        thought("hm", None),
        thought("", signed("s")),
        thought("", redacted),
        text("Let me "),
        text("look."),
        call(0, "find"),
        call(1, "list"),
        more(0, "{\"a\""),
        more(1, "{}"),
        more(0, ":1}"),
        end(Stop::ToolCalls),
    ];
    served.app.vendor.tell("large", [Act::Pieces(pieces)]);
    let events = heard(streaming(&served)).await;
    let expected = [
        "message_start",
        "content_block_start 0",
        "content_block_delta 0",
        "content_block_delta 0",
        "content_block_stop 0",
        "content_block_start 1",
        "content_block_stop 1",
        "content_block_start 2",
        "content_block_delta 2",
        "content_block_delta 2",
        "content_block_stop 2",
        "content_block_start 3",
        "content_block_start 4",
        "content_block_delta 3",
        "content_block_delta 4",
        "content_block_delta 3",
        "content_block_stop 3",
        "content_block_stop 4",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(course(&events), expected);
    assert_eq!(events[0]["message"]["model"], "test/large");
    assert_eq!(events[3]["delta"], json!({ "type": "signature_delta", "signature": "s" }));
    assert_eq!(events[5]["content_block"], json!({ "type": "redacted_thinking", "data": "x" }));
    assert_eq!(events[11]["content_block"], json!({ "type": "tool_use", "id": "call_0", "name": "find", "input": {} }));
    assert_eq!(events[13]["delta"], json!({ "type": "input_json_delta", "partial_json": "{\"a\"" }));
    assert_eq!(events[18]["delta"], json!({ "stop_reason": "tool_use", "stop_sequence": null }));
    assert_eq!(events[18]["usage"]["output_tokens"], 30);
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_by_an_error_and_never_well() {
    let served = Served::start().await;
    served.app.vendor.tell("large", [Act::Pieces(vec![start(), text("half")])]);
    let events = heard(streaming(&served)).await;
    assert_eq!(course(&events), ["message_start", "content_block_start 0", "content_block_delta 0", "error"]);
    assert_eq!(events[3]["error"]["code"], "answer_broken");
    served.app.vendor.tell("large", [fault(ModelFaultKind::Refused)]);
    assert_eq!(refused(streaming(&served)).await.0, 400, "before the first piece there is a status");
}

#[tokio::test]
async fn a_client_that_goes_away_closes_the_vendors_connection() {
    let served = Served::start().await;
    let pieces: Vec<Piece> = vec![start().unwrap(), text("hello").unwrap()];
    served.app.vendor.tell("large", [Act::Hang(pieces)]);
    let response = streaming(&served).send().await.unwrap();
    let mut bytes = response.bytes_stream();
    let mut heard = String::new();
    while !heard.contains("hello") {
        heard.push_str(std::str::from_utf8(&bytes.next().await.unwrap().unwrap()).unwrap());
    }
    served.app.vendor.runs(1).await;
    drop(bytes);
    served.app.vendor.runs(0).await;
}
