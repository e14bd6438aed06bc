//! `secret_put`, `secret_list`, `secret_delete`.

use std::time::Duration;

use convoke::capability::events::EVENTS;
use convoke::capability::gate::audit::AUDIT;
use convoke::capability::gate::operation::OPERATION;
use convoke::capability::gate::sealing::SUBJECT_KEY;
use convoke::domain::system::LogRing;
use convoke::kernel::codes;
use serde_json::json;

use super::{SECRET, digest, files_with, put, records, start, stored, used};

#[tokio::test]
async fn what_is_put_is_used_listed_and_deleted() {
    let app = start().await;
    let input = json!({ "name": "stripe", "value": SECRET, "description": "Payments" });
    let made = app.call(&app.admin, "secret_put", input).await.unwrap();
    assert_eq!((&made["version"], &made["description"]), (&json!(1), &json!("Payments")));
    assert_eq!(used(&app, &app.admin, "stripe").await, digest(SECRET));

    app.clock.advance(Duration::from_mins(1));
    let again = put(&app, &app.admin, "stripe", "another").await;
    assert_eq!((&again["version"], &again["description"]), (&json!(2), &json!("Payments")));
    assert_eq!(used(&app, &app.admin, "stripe").await, digest("another"));

    let listed = app.call(&app.admin, "secret_list", json!({ "name": "str" })).await.unwrap();
    let [item] = listed["items"].as_array().unwrap().as_slice() else { panic!("{listed}") };
    let told = (&item["name"], &item["givenAt"], &item["lastUsedAt"], &item["lastUsedBy"]);
    let at = json!("2026-11-20T12:01:00.000Z");
    assert_eq!(told, (&json!("stripe"), &at, &at, &json!("probe_secret")));

    let gone = app.call(&app.admin, "secret_delete", json!({ "name": "stripe" })).await.unwrap();
    assert_eq!((&gone["version"], &gone["lastUsedAt"]), (&json!(2), &at));
    assert_eq!(used(&app, &app.admin, "stripe").await, "credential_missing");
    let fault = app.call(&app.admin, "secret_delete", json!({ "name": "stripe" })).await.unwrap_err();
    assert!(fault.is(&codes::NOT_FOUND) && fault.to_string().contains("stripe"), "{fault}");
    // Its name is free, and nothing of it is remembered.
    assert_eq!(put(&app, &app.admin, "stripe", "third").await["version"], 1);
}

/// Nothing that the program writes or answers holds it: the database, the logs, the audit, the events, operations, backups.
#[tokio::test]
async fn a_secret_is_never_readable_back() {
    let app = start().await;
    let input = json!({ "name": "stripe", "value": SECRET, "description": "Payments" });
    let with_key = |request: &mut convoke::capability::gate::Request| request.idempotency_key = Some("once".to_owned());
    let first = app.call_with(&app.admin, "secret_put", input.clone(), with_key).await.unwrap();
    let again = app.call_with(&app.admin, "secret_put", input, with_key).await.unwrap();
    assert!(!first.replayed && again.replayed);
    assert_eq!(used(&app, &app.admin, "stripe").await, digest(SECRET));
    app.call(&app.admin, "secret_put", json!({ "name": "stripe", "value": format!("{SECRET}2") })).await.unwrap();

    let mut answers = Vec::new();
    for (tool, input) in [
        ("secret_list", json!({})),
        ("secret_delete", json!({ "name": "stripe" })),
        ("audit_query", json!({})),
        ("system_config", json!({})),
        ("system_logs", json!({})),
        ("system_backup", json!({})),
        ("tool_describe", json!({ "name": "secret_put" })),
    ] {
        answers.push(app.call(&app.admin, tool, input).await.unwrap().to_string());
    }
    assert!(answers.iter().all(|answer| !answer.contains(SECRET)), "{answers:?}");
    for log in [&AUDIT, &EVENTS] {
        assert!(!format!("{:?}", app.entries(log).await).contains(SECRET), "{}", log.name);
    }
    assert!(!format!("{:?}", app.documents(&OPERATION).await).contains(SECRET));
    let lines = app.app.platform().service::<LogRing>().unwrap();
    assert!(!format!("{:?}", lines.read(&convoke::domain::system::LineFilter::default(), 1000)).contains(SECRET));
    app.app.close(Duration::from_secs(5)).await;
    assert_eq!(files_with(app.app.data(), SECRET), Vec::<String>::new());
}

/// Written again with every use, it would undo the mark of a key that another instance has destroyed meanwhile.
#[tokio::test]
async fn whose_a_key_of_the_audit_log_is_is_written_once() {
    let app = start().await;
    put(&app, &app.admin, "stripe", SECRET).await;
    for _ in 0..3 {
        used(&app, &app.member, "stripe").await;
    }
    let keys = records(&app, app.admin.tenant, &SUBJECT_KEY).await;
    let of_member = keys.iter().filter(|key| key.body["subject"] == app.member.user.to_string());
    assert_eq!(of_member.map(|key| key.revision).collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn writing_and_using_one_is_in_the_audit_log() {
    let app = start().await;
    put(&app, &app.admin, "stripe", SECRET).await;
    assert_eq!(used(&app, &app.member, "stripe").await, digest(SECRET));
    let id = stored(&app, app.admin.tenant, "stripe").await.id.to_string();
    let entries = app.audited().await;
    let [.., put, used] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!(
        (&put["action"], &put["resourceType"], &put["resourceId"]),
        (&json!("secret_put"), &json!("secret"), &json!(id))
    );
    assert_eq!(put["changes"]["after"]["sealed"], "***");
    assert_eq!(put["also"][0]["after"]["wrapped"], "***", "the first secret makes the data key");
    assert_eq!((&used["action"], &used["resourceId"]), (&json!("secret_use"), &json!(id)));
    assert_eq!(used["actor"], app.member.user.to_string());
    assert_eq!(used["changes"], json!({ "name": "stripe", "version": 1, "for": "probe_secret" }));
}

#[tokio::test]
async fn each_tenant_has_its_own() {
    let app = start().await;
    put(&app, &app.admin, "stripe", SECRET).await;
    assert_eq!(used(&app, &app.stranger, "stripe").await, "credential_missing");
    let listed = app.call(&app.stranger, "secret_list", json!({})).await.unwrap();
    assert_eq!(listed["items"], json!([]));
    let fault = app.call(&app.stranger, "secret_delete", json!({ "name": "stripe" })).await.unwrap_err();
    assert!(fault.is(&codes::NOT_FOUND), "{fault}");
    put(&app, &app.stranger, "stripe", "theirs").await;
    assert_eq!(used(&app, &app.admin, "stripe").await, digest(SECRET));
    assert_eq!(used(&app, &app.stranger, "stripe").await, digest("theirs"));
}

#[tokio::test]
async fn it_needs_the_permission() {
    let app = start().await;
    for (tool, input) in [
        ("secret_put", json!({ "name": "x", "value": "y" })),
        ("secret_list", json!({})),
        ("secret_delete", json!({ "name": "old-crm" })),
    ] {
        for person in [&app.member, &app.nobody] {
            let fault = app.call(person, tool, input.clone()).await.unwrap_err();
            assert!(fault.is(&codes::FORBIDDEN), "{tool}: {fault}");
        }
    }
}

#[tokio::test]
async fn bad_input_is_told_by_place_and_never_repeated() {
    let app = start().await;
    let long = SECRET.repeat(2000);
    for (input, place) in [
        (json!({ "name": "a/b", "value": SECRET }), "/name"),
        (json!({ "name": "", "value": SECRET }), "/name"),
        (json!({ "name": "a".repeat(65), "value": SECRET }), "/name"),
        (json!({ "name": "a" }), "/value"),
        (json!({ "name": "a", "value": "" }), "/value"),
        (json!({ "name": "a", "value": long }), "/value"),
        (json!({ "name": "a", "value": [SECRET] }), "/value"),
        (json!({ "name": "a", "value": format!("{SECRET}\u{0}") }), "/value"),
        (json!({ "name": "a", "value": SECRET, "more": SECRET }), "/more"),
    ] {
        let fault = app.call(&app.admin, "secret_put", input).await.unwrap_err();
        assert!(fault.is(&codes::BAD_INPUT), "{fault}");
        assert!(fault.places().iter().any(|one| one.pointer == place), "{place}: {:?}", fault.places());
        assert!(!serde_json::to_string(&fault.problem("")).unwrap().contains(SECRET), "{fault}");
    }
}

/// As a task or held for an approval, its input would lie in the store.
#[tokio::test]
async fn a_call_that_brings_one_is_not_kept_for_later() {
    let app = start().await;
    let caller = app.identify(app.admin.key.reveal()).await.unwrap();
    let input = json!({ "name": "stripe", "value": SECRET });
    let request = app.request(caller, "secret_put", input, |_| {});
    let fault = app.app.gate().start(request).await.unwrap_err();
    assert!(fault.is(&codes::BAD_INPUT) && fault.to_string().contains("takes a secret"), "{fault}");
    assert!(!format!("{:?}", app.documents(&OPERATION).await).contains(SECRET));
}

#[tokio::test]
async fn the_same_key_for_another_secret_is_told_and_its_digest_is_keyed() {
    let app = start().await;
    let with_key = |request: &mut convoke::capability::gate::Request| request.idempotency_key = Some("once".to_owned());
    let input = |value: &str| json!({ "name": "pin", "value": value });
    app.call_with(&app.admin, "secret_put", input("1234"), with_key).await.unwrap().result.unwrap();
    let other = app.call_with(&app.admin, "secret_put", input("9999"), with_key).await.unwrap();
    assert!(other.result.unwrap_err().is(&codes::KEY_REUSED));
    // Whoever reads the store cannot try all pins against a plain digest.
    let guess = convoke::capability::gate::operation::digest(&input("1234"));
    assert!(!format!("{:?}", app.documents(&OPERATION).await).contains(&guess));
}

/// Two who store under one name at once: both are kept, one after the other.
#[tokio::test]
async fn many_who_write_one_name_at_once_all_succeed() {
    let app = start().await;
    let puts = (0..8).map(|number| {
        let (app, value) = (&app, format!("value {number}"));
        async move { put(app, &app.admin, "shared", &value).await["version"].as_u64().unwrap() }
    });
    let mut versions = futures::future::join_all(puts).await;
    versions.sort_unstable();
    assert_eq!(versions, (1..=8).collect::<Vec<_>>());
    assert_ne!(used(&app, &app.admin, "shared").await, "credential_missing");
}
