//! Events: as they happen, from where one left off, only one's own tenant's, only for those who may.

use serde_json::json;

use super::client::open_as;
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
