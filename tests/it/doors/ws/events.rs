//! Events: as they happen, from where one left off, only one's own tenant's, only for those who may.

use std::time::Duration;

use convoke::capability::events::EVENTS;
use convoke::port::logs::Keep;
use serde_json::json;

use super::client::{open_as, open_with};
use crate::doors::served::Served;

#[tokio::test]
async fn events_come_as_they_happen_and_from_where_one_left_off() {
    let served = Served::start().await;
    let mut socket = open_as(&served, &served.app.admin).await;
    let told = socket.ask(json!({ "type": "subscribe", "channel": "events:probe.*" })).await;
    assert_eq!(told["type"], "ok", "{told}");
    served.app.call(&served.app.nobody, "probe_tell", json!({ "count": 3 })).await.unwrap();
    served.app.call(&served.app.stranger, "probe_tell", json!({ "count": 1, "text": "elsewhere" })).await.unwrap();
    served.app.call(&served.app.admin, "user_create", json!({ "email": "new@example.org" })).await.unwrap();
    served.app.call(&served.app.nobody, "probe_tell", json!({ "count": 1 })).await.unwrap();
    let mut places = Vec::new();
    for number in [0, 1, 2, 0] {
        let heard = socket.hear().await;
        assert_eq!(
            (&heard["event"]["topic"], &heard["event"]["data"]["number"]),
            (&json!("probe.told"), &json!(number))
        );
        places.push(heard["seq"].as_i64().unwrap());
    }
    assert!(places.is_sorted());
    let mut back = open_as(&served, &served.app.admin).await;
    let told = back.ask(json!({ "type": "subscribe", "channel": "events:*", "after": places[1] })).await;
    assert_eq!(told["seq"], places[1]);
    let topics: Vec<_> =
        [back.hear().await, back.hear().await, back.hear().await].map(|heard| heard["event"]["topic"].clone()).into();
    assert_eq!(topics, ["probe.told", "user.created", "probe.told"]);
    let mut unsubscribed = back.ask(json!({ "type": "unsubscribe", "channel": "events:*" })).await;
    assert_eq!(unsubscribed["type"].take(), "ok");
    served.app.call(&served.app.nobody, "probe_tell", json!({})).await.unwrap();
    assert_eq!(back.ask(json!({ "type": "ping" })).await["type"], "pong");
}

#[tokio::test]
async fn a_long_way_back_is_read_whole() {
    let served = Served::start().await;
    served.app.call(&served.app.nobody, "probe_tell", json!({ "count": 1000, "text": "y".repeat(200) })).await.unwrap();
    let mut socket = open_as(&served, &served.app.admin).await;
    socket.ask(json!({ "type": "subscribe", "channel": "events:probe.told", "after": 0 })).await;
    for number in 0..1000 {
        assert_eq!(socket.hear().await["event"]["data"]["number"], number);
    }
}

#[tokio::test]
async fn events_are_for_those_who_may_see_everything() {
    let served = Served::start().await;
    let mut socket = open_as(&served, &served.app.nobody).await;
    let refused = socket.ask(json!({ "type": "subscribe", "channel": "events:*" })).await;
    assert_eq!(refused["problem"]["code"], "forbidden");
}

#[tokio::test]
async fn who_reads_may_ask_meanwhile() {
    let served = Served::start().await;
    let many = json!({ "count": 1000, "text": "y".repeat(20_000) });
    served.app.call(&served.app.nobody, "probe_tell", many).await.unwrap();
    let mut socket = open_as(&served, &served.app.admin).await;
    socket.ask(json!({ "type": "subscribe", "channel": "events:probe.told", "after": 0 })).await;
    // More than fits on the way here: from now on the catch-up waits for room.
    for number in 0..100 {
        assert_eq!(socket.hear().await["event"]["data"]["number"], number);
    }
    let mut other = open_as(&served, &served.app.member).await;
    for number in 0..400 {
        if number == 300 {
            for _ in 0..50 {
                socket.send(json!({ "type": "ping", "id": 1 })).await;
            }
        }
        other.ask(json!({ "type": "ping" })).await;
    }
    let (mut next, mut pongs) = (100, 0);
    while (next, pongs) != (1000, 50) {
        let heard = socket.hear().await;
        if heard["type"] == "pong" {
            pongs += 1;
        } else {
            assert_eq!(heard["event"]["data"]["number"], next);
            next += 1;
        }
    }
}

#[tokio::test]
async fn a_gap_is_told() {
    let served = Served::start().await;
    served.app.call(&served.app.nobody, "probe_tell", json!({ "count": 10 })).await.unwrap();
    let platform = served.app.app.platform().clone();
    let last = platform.store.last(&EVENTS).await.unwrap();
    let mut socket = open_as(&served, &served.app.admin).await;
    let subscribe = |after: i64| json!({ "type": "subscribe", "channel": "events:probe.*", "after": after });
    let told = socket.ask(subscribe(last)).await;
    assert_eq!((&told["seq"], &told["missed"]), (&json!(last), &json!(false)));
    // Of a log that is not there any more: what comes is heard all the same.
    let told = socket.ask(subscribe(last + 1000)).await;
    assert_eq!((&told["seq"], &told["missed"]), (&json!(last), &json!(true)));
    served.app.call(&served.app.nobody, "probe_tell", json!({})).await.unwrap();
    assert_eq!(socket.hear().await["seq"], last + 1);
    let keep = Keep { age: Duration::from_hours(1000), entries: 3 };
    platform.store.trim(&EVENTS, keep, platform.clock.now(), 1000).await.unwrap();
    let mut back = open_as(&served, &served.app.admin).await;
    for (after, missed) in [(last - 3, true), (last - 2, false)] {
        let told = back.ask(subscribe(after)).await;
        assert_eq!((&told["seq"], &told["missed"]), (&json!(after), &json!(missed)));
        for place in last - 1..=last + 1 {
            assert_eq!(back.hear().await["seq"], place);
        }
    }
}

#[tokio::test]
async fn a_key_hears_only_of_its_toolsets() {
    let served = Served::start().await;
    let mut elsewhere = open_with(&served, json!({ "name": "system", "toolsets": ["system"] })).await;
    let mut here = open_with(&served, json!({ "name": "identity", "toolsets": ["identity"] })).await;
    for socket in [&mut elsewhere, &mut here] {
        assert_eq!(socket.ask(json!({ "type": "subscribe", "channel": "events:user.*" })).await["type"], "ok");
    }
    served.app.call(&served.app.admin, "user_create", json!({ "email": "new@example.org" })).await.unwrap();
    assert_eq!(here.hear().await["event"]["topic"], "user.created");
    assert_eq!(elsewhere.ask(json!({ "type": "ping" })).await["type"], "pong");
}
