//! Chat completions as streams: chunks, calls that come crosswise, what breaks off, who goes away.

use convoke::port::models::{ModelFault, ModelFaultKind, Stop};
use futures::StreamExt as _;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::{call, chat, end, more, refused, start, text, thought};
use crate::doors::served::{Served, header};
use crate::support::scripted::{Act, fault};

/// What the events of a stream hold, the last word as it is.
async fn heard(request: RequestBuilder) -> Vec<Value> {
    let response = request.send().await.unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "content-type")), (200, "text/event-stream"));
    let text = response.text().await.unwrap();
    let data = text.split("\n\n").filter(|event| !event.is_empty()).map(|event| event.strip_prefix("data: ").unwrap());
    data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| data.into())).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "written out where it is called")]
fn streaming(served: &Served, more: Value) -> RequestBuilder {
    let mut with = json!({ "stream": true });
    with.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    chat(served, with)
}

#[tokio::test]
async fn chunks_come_and_the_last_word_is_done() {
    let served = Served::start().await;
    let pieces = || vec![start(), thought("hm", None), text("It is "), text("noon."), end(Stop::Length)];
    served.app.vendor.tell("large", [Act::Pieces(pieces()), Act::Pieces(pieces())]);
    let heard_without = heard(streaming(&served, json!({}))).await;
    let deltas: Vec<&Value> = heard_without[..5].iter().map(|chunk| &chunk["choices"][0]["delta"]).collect();
    let expected = json!([
        { "role": "assistant", "content": "" },
        { "reasoning_content": "hm" },
        { "content": "It is " },
        { "content": "noon." },
        {},
    ]);
    assert_eq!(json!(deltas), expected);
    assert_eq!(heard_without[4]["choices"][0]["finish_reason"], "length");
    assert_eq!((heard_without.len(), &heard_without[5]), (6, &json!("[DONE]")));
    assert!(
        heard_without[..5].iter().all(|chunk| chunk["id"] == heard_without[0]["id"] && chunk.get("usage").is_none())
    );
    assert_eq!(
        (&heard_without[2]["model"], &heard_without[2]["object"]),
        (&json!("test/large"), &json!("chat.completion.chunk"))
    );

    let with = heard(streaming(&served, json!({ "stream_options": { "include_usage": true } }))).await;
    assert!(with[..5].iter().all(|chunk| chunk["usage"].is_null() && chunk.as_object().unwrap().contains_key("usage")));
    assert_eq!((&with[5]["choices"], &with[5]["usage"]["total_tokens"]), (&json!([]), &json!(130)));
    assert_eq!(with[6], "[DONE]");
}

#[tokio::test]
async fn tool_calls_that_come_crosswise_have_their_index() {
    let served = Served::start().await;
    let pieces = vec![
        start(),
        call(0, "find"),
        call(1, "list"),
        more(0, "{\"a\""),
        more(1, "{}"),
        more(0, ":1}"),
        end(Stop::ToolCalls),
    ];
    served.app.vendor.tell("large", [Act::Pieces(pieces)]);
    let heard = heard(streaming(&served, json!({}))).await;
    let calls: Vec<&Value> = heard[1..6].iter().map(|chunk| &chunk["choices"][0]["delta"]["tool_calls"][0]).collect();
    let expected = json!([
        { "index": 0, "id": "call_0", "type": "function", "function": { "name": "find", "arguments": "" } },
        { "index": 1, "id": "call_1", "type": "function", "function": { "name": "list", "arguments": "" } },
        { "index": 0, "function": { "arguments": "{\"a\"" } },
        { "index": 1, "function": { "arguments": "{}" } },
        { "index": 0, "function": { "arguments": ":1}" } },
    ]);
    assert_eq!(json!(calls), expected);
    assert_eq!(heard[6]["choices"][0]["finish_reason"], "tool_calls");
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_by_an_error_and_never_well() {
    let served = Served::start().await;
    let broken = ModelFault::new(ModelFaultKind::Broken, "the connection went");
    let cut_off = vec![start(), text("half")];
    let told_so = vec![start(), text("half"), Err(broken)];
    served.app.vendor.tell("large", [Act::Pieces(cut_off), Act::Pieces(told_so)]);
    for _ in 0..2 {
        let heard = heard(streaming(&served, json!({}))).await;
        assert_eq!(heard[1]["choices"][0]["delta"]["content"], "half");
        assert_eq!((heard.len(), &heard[2]["error"]["code"]), (3, &json!("answer_broken")), "{heard:?}");
        assert!(heard[2]["error"]["request_id"].is_string());
    }
}

/// Until the first piece there is a status to tell it by.
#[tokio::test]
async fn what_fails_before_the_first_piece_is_a_status() {
    let served = Served::start().await;
    served.app.vendor.tell("large", [fault(ModelFaultKind::Refused)]);
    let (status, error) = refused(streaming(&served, json!({}))).await;
    assert_eq!((status, &error["code"]), (400, &json!("content_refused")));
    let (status, _) = refused(streaming(&served, json!({ "model": "gone" }))).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_client_that_goes_away_closes_the_vendors_connection() {
    let served = Served::start().await;
    let pieces = vec![start().unwrap(), text("hello").unwrap()];
    served.app.vendor.tell("large", [Act::Hang(pieces)]);
    let response = streaming(&served, json!({})).send().await.unwrap();
    let mut bytes = response.bytes_stream();
    let mut heard = String::new();
    while !heard.contains("hello") {
        heard.push_str(std::str::from_utf8(&bytes.next().await.unwrap().unwrap()).unwrap());
    }
    served.app.vendor.runs(1).await;
    drop(bytes);
    served.app.vendor.runs(0).await;
}
