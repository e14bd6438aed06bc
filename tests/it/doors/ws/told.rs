//! Subscriptions that speak on a channel.

use serde_json::json;

use super::client::open_as;
use crate::doors::served::Served;

#[tokio::test]
async fn a_subscription_speaks_on_a_channel_of_its_tenant() {
    let served = Served::start().await;
    served.app.app.start().await.unwrap();
    let mut here = open_as(&served, &served.app.member).await;
    let mut elsewhere = open_as(&served, &served.app.stranger).await;
    for socket in [&mut here, &mut elsewhere] {
        assert_eq!(socket.ask(json!({ "type": "subscribe", "channel": "channel:orders" })).await["type"], "ok");
    }
    let target = json!({ "type": "channel", "channel": "channel:orders" });
    let input = json!({ "topics": ["order.*"], "target": target });
    served.app.call(&served.app.member, "event_subscribe", input).await.unwrap();
    for number in 0..5 {
        let event = json!({ "topic": "order.created", "subject": "a", "event": { "number": number } });
        served.app.call(&served.app.member, "event_publish", event).await.unwrap();
    }
    for number in 0..5 {
        let heard = here.hear().await;
        assert_eq!((&heard["type"], &heard["from"]), (&json!("message"), &json!({ "name": "events" })));
        assert_eq!(
            (&heard["data"]["topic"], &heard["data"]["data"]["number"]),
            (&json!("order.created"), &json!(number))
        );
    }
    assert_eq!(elsewhere.ask(json!({ "type": "ping" })).await["type"], "pong", "another tenant hears nothing");
}

#[tokio::test]
async fn who_reads_events_hears_what_is_published_and_nothing_else() {
    let served = Served::start().await;
    let mut socket = open_as(&served, &served.app.member).await;
    assert_eq!(socket.ask(json!({ "type": "subscribe", "channel": "events:*" })).await["type"], "ok");
    served.app.call(&served.app.admin, "user_create", json!({ "email": "new@example.org" })).await.unwrap();
    // What a tool tells of by itself is not published, whatever its topic is called.
    served.app.call(&served.app.admin, "probe_tell", json!({})).await.unwrap();
    served
        .app
        .call(&served.app.admin, "event_publish", json!({ "topic": "order.created", "event": {} }))
        .await
        .unwrap();
    let heard = socket.hear().await;
    assert_eq!((&heard["type"], &heard["event"]["topic"]), (&json!("event"), &json!("order.created")));
}
