//! Channels: order, numbers, resuming, presence, slow readers.

use convoke::capability::gate::usage::USAGE;
use convoke::port::logs::LogQuery;
use convoke::port::records::{Filter, Scope};
use futures::SinkExt as _;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::client::{open_as, open_with};
use crate::doors::served::Served;

#[tokio::test]
async fn messages_are_numbered_and_come_in_one_order() {
    let served = Served::start().await;
    let mut first = open_as(&served, &served.app.member).await;
    let mut second = open_as(&served, &served.app.nobody).await;
    let mut elsewhere = open_as(&served, &served.app.stranger).await;
    let subscribe = json!({ "type": "subscribe", "channel": "channel:tea" });
    assert_eq!(first.ask(subscribe.clone()).await["seq"], 0);
    assert_eq!(second.ask(subscribe.clone()).await["missed"], false);
    assert_eq!(elsewhere.ask(subscribe).await["seq"], 0);
    for number in 0..20 {
        let publish = json!({ "type": "publish", "channel": "channel:tea", "data": { "number": number } });
        if number % 2 == 0 { first.send(publish).await } else { second.send(publish).await }
    }
    let mut orders = Vec::new();
    for socket in [&mut first, &mut second] {
        let mut order = Vec::new();
        while order.len() < 20 {
            let heard = socket.hear().await;
            if heard["type"] == "message" {
                assert_eq!(heard["seq"], order.len() as u64 + 1);
                order.push(heard["data"]["number"].clone());
            }
        }
        orders.push(order);
    }
    assert_eq!(orders[0], orders[1]);
    // What is said in one tenant is not heard in another.
    assert_eq!(elsewhere.ask(json!({ "type": "ping" })).await["type"], "pong");
}

#[tokio::test]
async fn one_goes_on_where_one_left_off() {
    let served = Served::start().await;
    let mut speaker = open_as(&served, &served.app.member).await;
    for number in 1..=5 {
        let publish = json!({ "type": "publish", "channel": "channel:log", "data": number });
        assert_eq!(speaker.ask(publish).await["seq"], number);
    }
    let mut back = open_as(&served, &served.app.nobody).await;
    back.send(json!({ "type": "subscribe", "channel": "channel:log", "after": 3, "id": 1 })).await;
    let (four, five, told) = (back.hear().await, back.hear().await, back.hear().await);
    assert_eq!(
        (&four["seq"], &five["data"], &told["seq"], &told["missed"]),
        (&json!(4), &json!(5), &json!(5), &json!(false))
    );
    let mut late = open_as(&served, &served.app.nobody).await;
    let other = json!({ "type": "subscribe", "channel": "channel:log", "after": 9, "epoch": told["epoch"], "id": 1 });
    late.send(other).await;
    assert_eq!(late.hear().await["missed"], true);
    let mut lost = open_as(&served, &served.app.nobody).await;
    lost.send(json!({ "type": "subscribe", "channel": "channel:log", "after": 5, "epoch": "another", "id": 1 })).await;
    for number in 1..=5 {
        assert_eq!(lost.hear().await["seq"], number);
    }
    assert_eq!(lost.hear().await["missed"], true);
}

#[tokio::test]
async fn who_is_there_is_known() {
    let served = Served::start().await;
    let mut watcher = open_as(&served, &served.app.member).await;
    watcher.ask(json!({ "type": "subscribe", "channel": "channel:room" })).await;
    let mut guest = open_as(&served, &served.app.nobody).await;
    let joined = guest.ask(json!({ "type": "join", "channel": "channel:room", "state": { "mood": "fine" } })).await;
    assert_eq!(joined["members"][0]["state"]["mood"], "fine");
    let told = watcher.hear().await;
    assert_eq!(
        (&told["type"], &told["change"], &told["member"]["userId"]),
        (&json!("presence"), &json!("joined"), &json!(served.app.nobody.user))
    );
    let present = watcher.ask(json!({ "type": "presence", "channel": "channel:room" })).await;
    assert_eq!(present["members"].as_array().unwrap().len(), 1);
    guest.0.close(None).await.unwrap();
    assert_eq!(watcher.hear().await["change"], "left");
    let nobody = watcher.ask(json!({ "type": "presence", "channel": "channel:room" })).await;
    assert_eq!(nobody["members"], json!([]));
}

#[tokio::test]
async fn all_that_is_kept_is_heard_again() {
    let served = Served::start().await;
    let mut speaker = open_as(&served, &served.app.member).await;
    for number in 1..=300 {
        speaker.ask(json!({ "type": "publish", "channel": "channel:long", "data": number })).await;
    }
    for (after, first, missed) in [(44, 45, false), (0, 45, true)] {
        let mut back = open_as(&served, &served.app.nobody).await;
        back.send(json!({ "type": "subscribe", "channel": "channel:long", "after": after, "id": 1 })).await;
        for number in first..=300 {
            assert_eq!(back.hear().await["data"], number);
        }
        let told = back.hear().await;
        assert_eq!((&told["id"], &told["seq"], &told["missed"]), (&json!(1), &json!(300), &json!(missed)));
    }
}

#[tokio::test]
async fn many_channels_are_resumed_at_once() {
    let served = Served::start().await;
    let mut speaker = open_as(&served, &served.app.member).await;
    for channel in 0..8 {
        for number in 1..=200 {
            let data = json!([number, "x".repeat(4000)]);
            let publish = json!({ "type": "publish", "channel": format!("channel:{channel}"), "data": data });
            assert_eq!(speaker.ask(publish).await["seq"], number);
        }
    }
    let mut back = open_as(&served, &served.app.nobody).await;
    for channel in 0..8 {
        back.send(json!({ "type": "subscribe", "channel": format!("channel:{channel}"), "after": 0, "id": 1 })).await;
    }
    for channel in 0..8 {
        for number in 1..=200 {
            let heard = back.hear().await;
            assert_eq!((&heard["channel"], &heard["seq"]), (&json!(format!("channel:{channel}")), &json!(number)));
        }
        assert_eq!(back.hear().await["seq"], 200);
    }
}

#[tokio::test]
async fn what_a_client_says_of_itself_is_short() {
    let served = Served::start().await;
    let mut socket = open_as(&served, &served.app.member).await;
    let state = "x".repeat(2000);
    let refused = socket.ask(json!({ "type": "join", "channel": "channel:x", "state": state })).await;
    assert_eq!(refused["problem"]["code"], "bad_input");
    assert_eq!(socket.ask(json!({ "type": "presence", "channel": "channel:x" })).await["members"], json!([]));
}

#[tokio::test]
async fn limited_keys_say_nothing() {
    let served = Served::start().await;
    let hears = [("readOnly", json!(true), "ok"), ("toolsets", json!(["identity"]), "error")];
    for (limit, value, heard) in hears {
        let mut socket = open_with(&served, json!({ "name": limit, limit: value })).await;
        for message in ["publish", "join"] {
            let mut message = json!({ "type": message, "channel": "channel:x" });
            if message["type"] == "publish" {
                message["data"] = json!(1);
            }
            let refused = socket.ask(message).await;
            assert_eq!(refused["problem"]["code"], "forbidden", "{limit}");
        }
        for message in ["subscribe", "presence"] {
            let answer = socket.ask(json!({ "type": message, "channel": "channel:x" })).await;
            assert_eq!(answer["type"], heard, "{limit}: {answer}");
        }
    }
}

#[tokio::test]
async fn what_is_said_is_counted_for_the_caller() {
    let served = Served::start_with(|settings| settings.config.limits.writes_per_minute = 3).await;
    let publish = json!({ "type": "publish", "channel": "channel:x", "data": 1 });
    for _ in 0..3 {
        // Another connection is no other caller.
        let mut socket = open_as(&served, &served.app.member).await;
        assert_eq!(socket.ask(publish.clone()).await["type"], "ok");
    }
    let mut socket = open_as(&served, &served.app.member).await;
    let refused = socket.ask(publish.clone()).await;
    assert_eq!(
        (&refused["problem"]["code"], &refused["problem"]["retryAfterMs"]),
        (&json!("rate_limited"), &json!(20_000))
    );
    assert_eq!(socket.ask(json!({ "type": "ping" })).await["type"], "pong");
    served.app.clock.advance(std::time::Duration::from_secs(20));
    assert_eq!(socket.ask(publish).await["seq"], 4);
    let gate = served.app.app.gate();
    gate.tidy().await.unwrap();
    let query = LogQuery { filter: Filter::All, beyond: None, descending: false, limit: 100 };
    let store = &gate.platform().store;
    let usage = store.entries(Scope::Tenant(served.app.member.tenant), &USAGE, query).await.unwrap();
    let said = usage.iter().find(|entry| entry.body["tool"] == "channel_publish").unwrap();
    assert_eq!((&said.body["calls"], &said.body["faults"]), (&json!(5), &json!(1)));
}

#[tokio::test]
async fn slow_readers_are_cut() {
    let served = Served::start().await;
    let mut slow = open_as(&served, &served.app.nobody).await;
    slow.ask(json!({ "type": "subscribe", "channel": "channel:flood" })).await;
    let mut loud = open_as(&served, &served.app.member).await;
    let publish = json!({ "type": "publish", "channel": "channel:flood", "data": "x".repeat(100_000) }).to_string();
    for _ in 0..600 {
        loud.0.send(Message::text(publish.clone())).await.unwrap();
        loud.hear().await;
    }
    assert_eq!(slow.closed().await, 4008);
}

#[tokio::test]
async fn too_many_messages_are_refused() {
    let served = Served::start_with(|settings| settings.config.limits.reads_per_minute = 3).await;
    let mut socket = open_as(&served, &served.app.member).await;
    for _ in 0..3 {
        assert_eq!(socket.ask(json!({ "type": "ping" })).await["type"], "pong");
    }
    let refused = socket.ask(json!({ "type": "ping" })).await;
    assert_eq!(refused["problem"]["code"], "rate_limited");
    served.app.clock.advance(std::time::Duration::from_mins(1));
    assert_eq!(socket.ask(json!({ "type": "ping" })).await["type"], "pong");
}

#[tokio::test]
async fn a_channel_that_nobody_uses_goes() {
    let served = Served::start().await;
    let mut socket = open_as(&served, &served.app.member).await;
    let subscribe = json!({ "type": "subscribe", "channel": "channel:heard" });
    let heard = socket.ask(subscribe.clone()).await["epoch"].clone();
    let publish = json!({ "type": "publish", "channel": "channel:left", "data": 1 });
    assert_eq!(socket.ask(publish.clone()).await["seq"], 1);
    served.app.clock.advance(std::time::Duration::from_mins(11));
    assert_eq!(socket.ask(publish).await["seq"], 1);
    assert_eq!(socket.ask(subscribe).await["epoch"], heard);
}
