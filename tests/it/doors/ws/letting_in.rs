//! Who is let in, what is refused, and how a connection ends.

use convoke::surface::http::server::Drained;
use futures::SinkExt as _;
use serde_json::json;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::client::{open, open_as};
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
    let served = Served::start().await;
    let user = served.app.admin.user;
    let made = json!({ "name": "short", "userId": user, "expiresInDays": 1 });
    let key = served.app.call(&served.app.admin, "api_key_create", made).await.unwrap();
    let authorization = format!("Bearer {}", key["key"].as_str().unwrap());
    let mut socket = open(&served, &[("authorization", &authorization)]).await.unwrap();
    assert_eq!(socket.hear().await["type"], "welcome");
    served.app.clock.advance(std::time::Duration::from_hours(25));
    socket.send(json!({ "type": "ping" })).await;
    assert_eq!(socket.closed().await, 4001);
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
async fn the_end_of_the_server_is_told() {
    let served = Served::start().await;
    let mut socket = open_as(&served, &served.app.member).await;
    served.shutdown.cancel();
    assert_eq!(socket.closed().await, 1001);
    drop(socket);
    assert_eq!(served.task.await.unwrap(), Drained::Whole);
}
