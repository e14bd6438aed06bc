//! Who is let in, what is refused, and how a connection ends.

use convoke::surface::http::server::Drained;
use futures::SinkExt as _;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::client::{open, open_as, open_with};
use crate::doors::served::Served;

async fn refused(served: &Served, headers: &[(&'static str, &str)]) -> u16 {
    match *open(served, headers).await.err().unwrap() {
        Error::Http(response) => response.status().as_u16(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn by_header_or_by_the_first_message() {
    let served = Served::start().await;
    assert_eq!(refused(&served, &[("authorization", "Bearer wrong")]).await, 401);
    assert_eq!(refused(&served, &[("origin", "https://evil.example")]).await, 403);
    open_as(&served, &served.app.member).await;

    let mut later = open(&served, &[]).await.unwrap();
    let welcome = later.ask(json!({ "type": "authenticate", "token": served.app.member.key.reveal() })).await;
    assert_eq!(welcome["type"], "welcome");
    let again = later.ask(json!({ "type": "authenticate", "token": "x" })).await;
    assert_eq!(again["problem"]["code"], "conflict");

    let mut wrong = open(&served, &[]).await.unwrap();
    let answer = wrong.ask(json!({ "type": "authenticate", "token": "cvk_wrong" })).await;
    assert_eq!(answer["problem"]["code"], "unauthenticated");
    assert_eq!(wrong.closed().await, 4001);

    let mut rude = open(&served, &[]).await.unwrap();
    rude.send(json!({ "type": "ping" })).await;
    assert_eq!(rude.closed().await, 4001);
}

#[tokio::test]
async fn what_is_no_upgrade_is_told_so_and_another_tenant_is_refused() {
    let served = Served::start().await;
    let plain = served.client.get(format!("http://{}/ws", served.address)).send().await.unwrap();
    assert_eq!(plain.status(), 426);
    assert_eq!(plain.headers()["upgrade"], "websocket");
    assert_eq!(plain.json::<serde_json::Value>().await.unwrap()["code"], "upgrade_required");

    let key = format!("Bearer {}", served.app.member.key.reveal());
    let tenant = served.app.stranger.tenant.to_string();
    assert_eq!(refused(&served, &[("authorization", &key), ("convoke-tenant", &tenant)]).await, 403);
}

#[tokio::test]
async fn messages_that_cannot_be_read_are_answered_by_faults() {
    let served = Served::start().await;
    let mut socket = open_as(&served, &served.app.member).await;
    for text in ["{", "[]", "{}", "{\"type\":\"dance\"}", "{\"type\":\"ping\",\"more\":1}", &"[".repeat(10_000)] {
        socket.0.send(Message::text(text.to_owned())).await.unwrap();
        let answer = socket.hear().await;
        assert_eq!(answer["problem"]["code"], "malformed", "{text}");
    }
    socket.0.send(Message::binary(vec![0, 1])).await.unwrap();
    assert_eq!(socket.hear().await["problem"]["code"], "malformed");
    for channel in ["", "x", "channel:", "channel:a b", "events:", "events:a b"] {
        let answer = socket.ask(json!({ "type": "subscribe", "channel": channel })).await;
        assert_eq!(answer["problem"]["code"], "bad_input", "{channel}");
    }
    assert_eq!(socket.ask(json!({ "type": "ping" })).await["type"], "pong");
    socket.0.send(Message::text("x".repeat(2 << 20))).await.unwrap();
    assert_eq!(socket.closed().await, 1009);
}

#[tokio::test]
async fn a_revoked_key_ends_the_connection() {
    // Nothing is left to refused credentials of this address: that keeps no open connection open.
    let served = Served::start_with(|settings| settings.config.limits.anonymous_per_minute = 1).await;
    assert_eq!(refused(&served, &[("authorization", "Bearer cvk_wrong")]).await, 401);
    assert_eq!(refused(&served, &[("authorization", "Bearer cvk_wrong")]).await, 429);
    let made = json!({ "name": "short" });
    let key = served.app.call(&served.app.admin, "api_key_create", made).await.unwrap();
    let authorization = format!("Bearer {}", key["key"].as_str().unwrap());
    let mut silent = open(&served, &[("authorization", &authorization)]).await.unwrap();
    let mut asking = open(&served, &[("authorization", &authorization)]).await.unwrap();
    let mut other = open_as(&served, &served.app.member).await;
    served.app.call(&served.app.admin, "api_key_revoke", json!({ "id": key["id"] })).await.unwrap();
    asking.send(json!({ "type": "ping" })).await;
    assert_eq!(asking.closed().await, 4001);
    assert_eq!(silent.closed().await, 4001);
    assert_eq!(other.ask(json!({ "type": "ping" })).await["type"], "pong");
}

#[tokio::test]
async fn a_key_that_expires_ends_the_connection() {
    let served = Served::start().await;
    let mut socket = open_with(&served, json!({ "name": "short", "expiresInDays": 1 })).await;
    served.app.clock.advance(std::time::Duration::from_hours(25));
    assert_eq!(socket.closed().await, 4001);
}

#[tokio::test]
async fn why_it_ends_is_told_over_unread_input() {
    let served = Served::start().await;
    for _ in 0..20 {
        let mut rude = open(&served, &[]).await.unwrap();
        for _ in 0..50 {
            rude.0.feed(Message::text("x".repeat(20_000))).await.unwrap();
        }
        rude.0.flush().await.unwrap();
        assert_eq!(rude.closed().await, 4001);
        let mut long = open_as(&served, &served.app.member).await;
        long.0.send(Message::text("x".repeat(4 << 20))).await.unwrap();
        assert_eq!(long.closed().await, 1009);
    }
}

#[tokio::test]
async fn who_is_not_known_sends_little_and_opens_few() {
    let served = Served::start().await;
    let mut open_ones = Vec::new();
    for _ in 0..16 {
        open_ones.push(open(&served, &[]).await.unwrap());
    }
    assert_eq!(refused(&served, &[]).await, 429);
    let token = served.app.member.key.reveal();
    let mut first = open_ones.remove(0);
    let welcome = first.ask(json!({ "type": "authenticate", "token": token })).await;
    assert_eq!(welcome["type"], "welcome");
    // Who is known takes no place of those who are not.
    let mut next = open(&served, &[]).await.unwrap();
    let padded = json!({ "type": "authenticate", "token": token, "id": "x".repeat(100_000) });
    next.send(padded).await;
    assert_eq!(next.closed().await, 4001);
    // What is long is taken from who is known.
    first.send(json!({ "type": "dance", "id": "x".repeat(100_000) })).await;
    assert_eq!(first.hear().await["problem"]["code"], "malformed");
}

#[tokio::test]
async fn calls_are_made_through_the_gate() {
    let served = Served::start().await;
    let mut socket = open_as(&served, &served.app.nobody).await;
    let answer = socket.ask(json!({ "type": "call", "tool": "probe_show", "input": { "id": "1", "count": 2 } })).await;
    assert_eq!((&answer["type"], &answer["result"]), (&json!("result"), &json!({ "id": "1", "count": 2 })));
    let refused =
        socket.ask(json!({ "type": "call", "tool": "user_create", "input": { "email": "a@example.org" } })).await;
    assert_eq!(refused["problem"]["code"], "forbidden");
    let bad = socket.ask(json!({ "type": "call", "tool": "probe_show", "input": { "count": "x" } })).await;
    assert_eq!(bad["problem"]["code"], "bad_input");
    socket.send(json!({ "type": "call", "id": 1, "tool": "probe_items", "input": { "count": 2 } })).await;
    let told = [socket.hear().await, socket.hear().await, socket.hear().await];
    assert_eq!(
        (&told[0]["item"], &told[1]["item"], &told[2]["type"]),
        (&json!({ "count": 1 }), &json!({ "count": 2 }), &json!("result"))
    );
}

#[tokio::test]
async fn a_call_goes_on_with_the_callers_trace() {
    let served = Served::start().await;
    let spans = &served.app.app.platform().spans;
    spans.collect(0.0);
    let mut socket = open_as(&served, &served.app.member).await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for given in [json!(trace), json!("none"), Value::Null] {
        let call = json!({ "type": "call", "tool": "user_me", "traceparent": given });
        assert_eq!(socket.ask(call).await["type"], "result");
    }
    let (told, _) = spans.take();
    let [span] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(span.context.trace_id(), "0af7651916cd43dd8448eb211c80319c");
    assert!(span.told.contains(&("convoke.door", "websocket".to_owned().into())), "{span:?}");
}

#[tokio::test]
async fn the_end_of_the_server_is_told() {
    let served = Served::start().await;
    let mut socket = open_as(&served, &served.app.member).await;
    served.shutdown.cancel();
    assert_eq!(socket.closed().await, 1001);
    drop(socket);
    assert_eq!(served.task.await.unwrap(), Drained::Whole);
}

#[tokio::test]
async fn running_calls_end_before_the_server_does() {
    let served = Served::start().await;
    let mut socket = open_as(&served, &served.app.member).await;
    socket.send(json!({ "type": "call", "id": 1, "tool": "probe_wait" })).await;
    served.waiting.begun.acquire().await.unwrap().forget();
    served.shutdown.cancel();
    let refused = loop {
        let answer = socket.ask(json!({ "type": "ping" })).await;
        if answer["type"] != "pong" {
            break answer;
        }
    };
    assert_eq!(refused["problem"]["code"], "unavailable");
    served.waiting.go.add_permits(1);
    let answer = socket.hear().await;
    assert_eq!((&answer["id"], &answer["result"]), (&json!(1), &json!({ "waited": true })));
    assert_eq!(socket.closed().await, 1001);
    drop(socket);
    assert_eq!(served.task.await.unwrap(), Drained::Whole);
}

#[tokio::test]
async fn a_call_that_does_not_end_is_called_off() {
    let served = Served::start_with(|settings| settings.config.server.drain_seconds = 1).await;
    let mut socket = open_as(&served, &served.app.member).await;
    socket.send(json!({ "type": "call", "id": 1, "tool": "probe_wait" })).await;
    served.waiting.begun.acquire().await.unwrap().forget();
    served.shutdown.cancel();
    assert_eq!(socket.closed().await, 1001);
}
