//! Responses, whole and as streams: what comes back, what goes back, what breaks off, what is refused.

use convoke::port::models::{Part, Stop};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::{call, end, more, post, refused, start, text, thought};
use crate::doors::served::{Served, header, told};
use crate::support::scripted::Act;

#[expect(clippy::needless_pass_by_value, reason = "written out where it is called")]
fn respond(served: &Served, more: Value) -> RequestBuilder {
    let mut body = json!({ "model": "test/large", "input": "Hi" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    post(served, "/v1/responses", &body)
}

/// The events of a stream; each has the name that its data says, and they are numbered.
async fn heard(request: RequestBuilder) -> Vec<Value> {
    let response = request.send().await.unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "content-type")), (200, "text/event-stream"));
    let text = response.text().await.unwrap();
    let read = |(number, event): (usize, &str)| {
        let (name, data) = event.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(
            (name.strip_prefix("event: ").unwrap(), number),
            (data["type"].as_str().unwrap(), usize::try_from(data["sequence_number"].as_u64().unwrap()).unwrap())
        );
        data
    };
    text.split("\n\n").filter(|event| !event.is_empty()).enumerate().map(read).collect()
}

#[tokio::test]
async fn a_turn_with_thoughts_and_a_call_is_told_and_goes_back() {
    let served = Served::start().await;
    let signed = json!({ "anthropic": { "signature": "s" } });
    let pieces = vec![
        start(),
        thought("hm", Some(signed.clone())),
        text("So."),
        call(0, "look"),
        more(0, "{\"x\":1}"),
        end(Stop::ToolCalls),
    ];
    served.app.vendor.tell("large", [Act::Pieces(pieces)]);
    let (status, response) =
        told(respond(&served, json!({ "instructions": "Be short.", "metadata": { "a": "b" } }))).await;
    assert_eq!(
        (status, &response["status"], &response["object"]),
        (200, &json!("completed"), &json!("response")),
        "{response}"
    );
    assert_eq!((&response["metadata"]["a"], &response["store"]), (&json!("b"), &json!(false)));
    let kinds: Vec<&Value> = response["output"].as_array().unwrap().iter().map(|item| &item["type"]).collect();
    assert_eq!(kinds, ["reasoning", "message", "function_call"]);
    assert_eq!(response["output"][1]["content"][0]["text"], "So.");
    assert_eq!(
        (&response["output"][2]["call_id"], &response["output"][2]["arguments"]),
        (&json!("call_0"), &json!("{\"x\":1}"))
    );
    assert_eq!((&response["usage"]["input_tokens"], &response["usage"]["total_tokens"]), (&json!(100), &json!(130)));

    let mut input = vec![json!({ "role": "user", "content": "Hi" })];
    input.extend(response["output"].as_array().unwrap().iter().cloned());
    input.push(json!({ "type": "function_call_output", "call_id": "call_0", "output": "a cat" }));
    assert_eq!(told(respond(&served, json!({ "input": input }))).await.0, 200);
    let request = served.app.vendor.requests().pop().unwrap();
    assert_eq!((request.messages.len(), request.messages[1].parts.len()), (3, 3), "what is of one turn is one message");
    assert!(matches!(&request.messages[1].parts[0], Part::Reasoning { opaque: Some(opaque), .. } if *opaque == signed));
    assert!(matches!(&request.messages[2].parts[0], Part::ToolResult { text, .. } if text == "a cat"));
}

#[tokio::test]
async fn items_begin_grow_and_end_in_order() {
    let served = Served::start().await;
    let pieces = vec![
        start(),
        thought("hm", None),
        text("It is "),
        text("noon."),
        call(0, "look"),
        more(0, "{}"),
        end(Stop::Length),
    ];
    served.app.vendor.tell("large", [Act::Pieces(pieces)]);
    let events = heard(respond(&served, json!({ "stream": true }))).await;
    let kinds: Vec<&str> =
        events.iter().map(|event| event["type"].as_str().unwrap().strip_prefix("response.").unwrap()).collect();
    let expected = [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "reasoning_text.delta",
        "reasoning_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "incomplete",
    ];
    assert_eq!(kinds, expected);
    assert_eq!((&events[12]["text"], &events[17]["arguments"]), (&json!("It is noon."), &json!("{}")));
    let whole = &events[19]["response"];
    assert_eq!(whole["incomplete_details"], json!({ "reason": "max_output_tokens" }));
    assert_eq!(whole["output"][1], events[14]["item"]);
    assert_eq!(whole["output"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_by_an_error_and_never_well() {
    let served = Served::start().await;
    served.app.vendor.tell("large", [Act::Pieces(vec![start(), text("half")])]);
    let events = heard(respond(&served, json!({ "stream": true }))).await;
    let last = events.last().unwrap();
    assert_eq!(
        (&last["type"], &last["code"], &last["error"]["code"]),
        (&json!("error"), &json!("answer_broken"), &json!("answer_broken"))
    );
}

#[tokio::test]
async fn what_builds_on_something_stored_is_refused_by_name() {
    let served = Served::start().await;
    for (name, value) in [
        ("previous_response_id", json!("resp_1")),
        ("store", json!(true)),
        ("tools", json!([{ "type": "web_search" }])),
    ] {
        let mut more = json!({});
        more[name] = value;
        let (status, error) = refused(respond(&served, more)).await;
        assert_eq!(status, 400);
        assert!(error["param"].as_str().unwrap().starts_with(name), "{error}");
    }
}
