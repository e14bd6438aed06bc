//! `event_publish` and `event_topics`.

use convoke::domain::events::faults::{RESERVED_TOPIC, TOO_MANY, TOO_MANY_HOPS};
use convoke::kernel::codes;
use serde_json::{Value, json};

use crate::support::app::TestApp;

async fn events(app: &TestApp) -> Vec<Value> {
    let page = app.call(&app.admin, "event_replay", json!({ "topic": "order.*" })).await.unwrap();
    page["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_is_published_is_kept_in_order_with_who_said_so() {
    let app = TestApp::start().await;
    let input = json!({
        "topic": "order.created", "subject": "order-1", "timestamp": "2026-11-20T11:00:00Z", "event": { "total": 3 },
        "more": [{ "topic": "order.paid", "event": {}, "key": "k" }],
    });
    let told = app.call(&app.member, "event_publish", input).await.unwrap();
    assert_eq!((&told["topic"], told["ids"].as_array().unwrap().len()), (&json!("order.created"), 2));
    let kept = events(&app).await;
    assert_eq!(kept.len(), 2);
    let first = &kept[0]["event"];
    assert_eq!((&first["id"], &first["subject"]), (&told["id"], &json!("order-1")));
    assert_eq!((&first["at"], &first["data"]), (&json!("2026-11-20T11:00:00.000Z"), &json!({ "total": 3 })));
    assert_eq!((&first["publisher"], &first["tenantId"]), (&json!(app.member.user), &json!(app.admin.tenant)));
    assert_eq!((&kept[1]["topic"], &kept[1]["event"]["key"]), (&json!("order.paid"), &json!("k")));
    assert!(kept[0]["position"].as_i64() < kept[1]["position"].as_i64());
    // The same key answers the same and publishes nothing more.
    let once = |app: &TestApp| {
        let caller = app.member.clone();
        async move { (caller, json!({ "topic": "order.created", "event": {} })) }
    };
    for replayed in [false, true] {
        let (caller, input) = once(&app).await;
        let reply =
            app.call_with(&caller, "event_publish", input, |request| request.idempotency_key = Some("x".into()));
        assert_eq!(reply.await.unwrap().replayed, replayed);
    }
    assert_eq!(events(&app).await.len(), 3);
}

#[tokio::test]
async fn only_the_program_tells_of_its_own_topics() {
    let app = TestApp::start().await;
    for topic in ["user.created", "users.x", "event.dead_lettered", "api_key.created", "audit", "system.anything"] {
        let refused = app.call(&app.admin, "event_publish", json!({ "topic": topic, "event": {} })).await.unwrap_err();
        assert!(refused.is(&RESERVED_TOPIC), "{topic}: {refused}");
        let schema = json!({ "topic": topic, "schema": {} });
        assert!(app.call(&app.admin, "event_schema_set", schema).await.unwrap_err().is(&RESERVED_TOPIC), "{topic}");
    }
    assert!(events(&app).await.is_empty());
}

#[tokio::test]
async fn what_is_no_event_is_refused_by_its_place() {
    let app = TestApp::start().await;
    for (input, place) in [
        (json!({ "topic": "a..b", "event": {} }), "/topic"),
        (json!({ "topic": "", "event": {} }), "/topic"),
        (json!({ "topic": "order.created", "event": [] }), "/event"),
        (json!({ "topic": "order.created", "event": {}, "timestamp": "2026-11-20T12:30:00Z" }), "/timestamp"),
        (json!({ "topic": "order.created", "event": { "x": "y".repeat(300_000) } }), "/event"),
        (json!({ "topic": "order.created", "event": {}, "more": [{ "topic": "a b", "event": {} }] }), "/more/0/topic"),
    ] {
        let refused = app.call(&app.member, "event_publish", input.clone()).await.unwrap_err();
        assert!(refused.is(&codes::BAD_INPUT), "{refused}");
        assert_eq!(refused.places()[0].pointer, place, "{:?}", refused.places());
    }
    let too_far = json!({ "topic": "order.created", "event": {}, "hops": 8 });
    assert!(app.call(&app.member, "event_publish", too_far).await.unwrap_err().is(&TOO_MANY_HOPS));
    assert!(events(&app).await.is_empty());
}

#[tokio::test]
async fn a_tenant_has_so_many_topics_and_no_more() {
    let app = TestApp::start_with(|settings| settings.config.events.topics = 2).await;
    for topic in ["a.b", "a.c", "a.b"] {
        app.call(&app.member, "event_publish", json!({ "topic": topic, "event": {} })).await.unwrap();
    }
    let refused = app.call(&app.member, "event_publish", json!({ "topic": "a.d", "event": {} })).await.unwrap_err();
    assert!(refused.is(&TOO_MANY), "{refused}");
    app.call(&app.stranger, "event_publish", json!({ "topic": "a.d", "event": {} })).await.unwrap();
}

#[tokio::test]
async fn topics_are_listed_with_their_rate_for_who_may_hear_them() {
    let app = TestApp::start().await;
    for _ in 0..6 {
        app.call(&app.member, "event_publish", json!({ "topic": "order.created", "event": {} })).await.unwrap();
    }
    app.call(&app.admin, "user_create", json!({ "email": "new@example.org" })).await.unwrap();
    let all = app.call(&app.admin, "event_topics", json!({ "limit": 200 })).await.unwrap();
    let of = |page: &Value, name: &str| {
        page["items"].as_array().unwrap().iter().find(|topic| topic["topic"] == name).cloned()
    };
    let order = of(&all, "order.created").unwrap();
    assert_eq!((&order["builtIn"], &order["perMinute"]), (&json!(false), &json!(0.1)));
    assert_eq!(order["lastAt"], "2026-11-20T12:00:00.000Z");
    assert_eq!(of(&all, "user.created").unwrap()["schema"]["type"], "object");
    // Page by page it is the same list.
    let (mut names, mut token) = (Vec::new(), Value::Null);
    loop {
        let page = app.call(&app.admin, "event_topics", json!({ "limit": 3, "pageToken": token })).await.unwrap();
        names.extend(page["items"].as_array().unwrap().iter().map(|topic| topic["topic"].clone()));
        match page.get("nextPageToken") {
            Some(next) => token = next.clone(),
            None => break,
        }
    }
    let whole: Vec<Value> = all["items"].as_array().unwrap().iter().map(|topic| topic["topic"].clone()).collect();
    assert_eq!(names, whole);
    // A member hears what is published, and nothing of accounts; another tenant has no such topic.
    let seen = app.call(&app.member, "event_topics", json!({ "limit": 200 })).await.unwrap();
    assert!(of(&seen, "order.created").is_some() && of(&seen, "user.created").is_none());
    let seen = app.call(&app.stranger, "event_topics", json!({ "limit": 200 })).await.unwrap();
    assert!(of(&seen, "order.created").is_none() && of(&seen, "user.created").is_some());
}
