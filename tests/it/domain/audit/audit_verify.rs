//! `audit_verify`: proofs, and who may ask for them.

use convoke::domain::audit::engine::hash::{Class, Hash, Said, from_hex, leaf, of_link, of_parts};
use convoke::domain::audit::engine::note::Verifier;
use convoke::domain::audit::engine::tree::{is_consistent, is_included};
use convoke::kernel::codes;
use convoke::port::logs::LogQuery;
use convoke::port::records::{Filter, Scope};
use serde_json::{Value, json};

use crate::support::app::TestApp;

fn hash(value: &Value) -> Hash {
    from_hex(value.as_str().unwrap()).unwrap()
}

fn hashes(value: &Value) -> Vec<Hash> {
    value.as_array().unwrap().iter().map(hash).collect()
}

/// Everything that the proof says is worked out from the entry itself, down to the signed root.
#[tokio::test]
async fn an_entry_is_proved_from_its_own_bytes_to_the_signed_root() {
    let app = TestApp::start().await;
    app.append_entries(app.stranger.tenant, 300).await;
    app.append_entries(app.admin.tenant, 2).await;
    let reply = app.call_with(&app.admin, "user_create", json!({ "email": "one@example.org" }), |_| {}).await.unwrap();
    app.append_entries(app.stranger.tenant, 400).await;
    app.chained().await;
    let told = app.call(&app.admin, "audit_verify", json!({ "requestId": reply.id })).await.unwrap();
    assert_eq!(told["valid"], true);
    let proof = &told["inclusion"][0];
    assert_eq!((&proof["number"], &proof["index"], &proof["size"]), (&json!(3), &json!(302), &json!(703)));

    let query = LogQuery { filter: Filter::All, beyond: None, descending: false, limit: 1000 };
    let scope = Scope::Tenant(app.admin.tenant);
    let entries =
        app.app.platform().store.entries(scope, &convoke::capability::gate::audit::AUDIT, query).await.unwrap();
    let entry = entries.last().unwrap();
    let of_entry = of_parts(entry.tenant, entry.at, &entry.stream, &entry.body);
    assert_eq!(hash(&proof["entryHash"]), of_entry);
    let said = Said { tenant: entry.tenant, number: 3, at: entry.at, class: Class::Compliance, entry: of_entry };
    let link = of_link(&hash(&proof["previousHash"]), &said);
    assert_eq!(hash(&proof["linkHash"]), link);

    let key = Verifier::parse(told["head"]["publicKey"].as_str().unwrap()).unwrap();
    let public = std::fs::read_to_string(app.app.data().join("keys/checkpoints.pub")).unwrap();
    assert_eq!(Verifier::parse(&public).unwrap(), key);
    let checkpoint = key.open(told["head"]["checkpoint"].as_str().unwrap()).unwrap();
    assert_eq!(checkpoint.size, 703);
    assert!(is_included(302, &leaf(&link), 703, &hashes(&proof["proof"]), &checkpoint.root));
}

#[tokio::test]
async fn the_log_is_proved_to_begin_with_an_earlier_one() {
    let app = TestApp::start().await;
    app.append_entries(app.admin.tenant, 290).await;
    app.chained().await;
    let before = app.verified().await;
    app.append_entries(app.admin.tenant, 500).await;
    app.chained().await;
    let told = app.call(&app.admin, "audit_verify", json!({ "since": 290 })).await.unwrap();
    let proof = &told["consistency"];
    assert_eq!(proof["sinceRoot"], before["head"]["root"]);
    let (earlier, later) = (hash(&before["head"]["root"]), hash(&told["head"]["root"]));
    assert!(is_consistent((290, &earlier), (790, &later), &hashes(&proof["proof"])));
}

#[tokio::test]
async fn only_the_own_tenant_and_only_with_the_permission() {
    let app = TestApp::start().await;
    let reply = app.call_with(&app.admin, "user_create", json!({ "email": "one@example.org" }), |_| {}).await.unwrap();
    app.chained().await;
    let theirs = app.call(&app.stranger, "audit_verify", json!({ "requestId": reply.id })).await.unwrap_err();
    assert!(theirs.is(&codes::NOT_FOUND), "{theirs}");
    let fault = app.call(&app.nobody, "audit_verify", json!({})).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
    // What is broken of another tenant's is not told in detail.
    app.append_entries(app.stranger.tenant, 1).await;
    app.chained().await;
}

#[tokio::test]
async fn bad_input_is_told_by_its_place() {
    let app = TestApp::start().await;
    let reply = app.call_with(&app.admin, "user_create", json!({ "email": "one@example.org" }), |_| {}).await.unwrap();
    for (input, pointer) in [
        (json!({ "from": 0 }), "/from"),
        (json!({ "from": 3, "to": 2 }), "/to"),
        (json!({ "since": 5 }), "/since"),
        (json!({ "requestId": "x" }), "/requestId"),
        (json!({ "requestId": reply.id }), "/requestId"),
        (json!({ "surprise": 1 }), "/surprise"),
    ] {
        let fault = app.call(&app.admin, "audit_verify", input.clone()).await.unwrap_err();
        assert!(fault.is(&codes::BAD_INPUT), "{input}: {fault}");
        assert_eq!(fault.places()[0].pointer, pointer, "{input}");
    }
}
