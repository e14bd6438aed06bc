//! `gdpr_delete_request`: asked for, waited for, carried out, proved.

use std::time::Duration;

use convoke::capability::gate::sealing::{SUBJECT_KEY, Sealer};
use convoke::domain::audit::erasure::{carry_out, once_more};
use convoke::kernel::codes;
use convoke::port::records::{Filter, Query, Scope};
use serde_json::{Value, json};

use crate::support::app::TestApp;

const DAY: Duration = Duration::from_hours(24);

async fn with_person() -> (TestApp, Value) {
    let app = TestApp::start().await;
    let user = app.call(&app.admin, "user_create", json!({ "email": "gone@example.org" })).await.unwrap();
    (app, user["id"].clone())
}

async fn made(app: &TestApp, id: &Value) -> Value {
    let of_user = json!({ "resourceType": "user", "resourceId": id });
    app.call(&app.admin, "audit_query", of_user).await.unwrap()["items"][0].clone()
}

#[tokio::test]
async fn is_carried_out_after_the_notice_period_and_proved() {
    let (app, id) = with_person().await;
    app.chained().await;
    let input = json!({ "subjectId": id, "reason": "letter of 18 November" });
    let asked = app.call(&app.admin, "gdpr_delete_request", input.clone()).await.unwrap();
    assert_eq!((&asked["state"], &asked["dueAt"]), (&json!("waiting"), &json!("2026-12-20T12:00:00.000Z")));
    let twice = app.call(&app.admin, "gdpr_delete_request", input).await.unwrap_err();
    assert!(twice.is(&codes::ALREADY_EXISTS), "{twice}");
    app.clock.advance(DAY * 29);
    assert_eq!(carry_out(app.app.platform()).await.unwrap(), 0);
    assert_eq!(made(&app, &id).await["changes"]["after"]["email"], "gone@example.org");
    app.clock.advance(DAY);
    assert_eq!(carry_out(app.app.platform()).await.unwrap(), 1);
    assert_eq!(carry_out(app.app.platform()).await.unwrap(), 0);
    let left = made(&app, &id).await;
    assert_eq!((&left["withheld"], &left["changes"]), (&json!("erased"), &Value::Null), "{left}");

    let told = app.call(&app.admin, "audit_query", json!({ "action": "audit_erasure" })).await.unwrap();
    assert_eq!(told["items"][0]["resourceId"], id);
    app.chained().await;
    assert_eq!(app.verified().await["valid"], true);
    let proof = json!({ "requestId": told["items"][0]["requestId"] });
    let proof = app.call(&app.admin, "audit_verify", proof).await.unwrap();
    assert_eq!((&proof["valid"], &proof["inclusion"][0]["number"]), (&json!(true), &json!(3)));
    // What the request itself said of the person is gone with the rest.
    let request = app.call(&app.admin, "audit_query", json!({ "action": "gdpr_delete_request" })).await.unwrap();
    assert_eq!(request["items"][0]["withheld"], "erased");
}

#[tokio::test]
async fn is_taken_back_before_it_is_due_and_not_after() {
    let (app, id) = with_person().await;
    app.call(&app.admin, "gdpr_delete_request", json!({ "subjectId": id })).await.unwrap();
    let back = json!({ "subjectId": id, "withdraw": true });
    let taken = app.call(&app.admin, "gdpr_delete_request", back.clone()).await.unwrap();
    assert_eq!(taken["state"], "withdrawn");
    let none = app.call(&app.admin, "gdpr_delete_request", back.clone()).await.unwrap_err();
    assert!(none.is(&codes::NOT_FOUND), "{none}");
    app.clock.advance(DAY * 40);
    assert_eq!(carry_out(app.app.platform()).await.unwrap(), 0);
    app.call(&app.admin, "gdpr_delete_request", json!({ "subjectId": id, "noticeDays": 40 })).await.unwrap();
    app.clock.advance(DAY * 40);
    let late = app.call(&app.admin, "gdpr_delete_request", back).await.unwrap_err();
    assert!(late.is(&codes::CONFLICT), "{late}");
}

/// Whoever puts an old copy of the keys back does not bring back what was erased.
#[tokio::test]
async fn a_key_that_comes_back_is_destroyed_again_at_the_next_start() {
    let (app, id) = with_person().await;
    let keys = app.app.data().join("keys/subjects.keys");
    let copy = std::fs::read(&keys).unwrap();
    app.call(&app.admin, "gdpr_delete_request", json!({ "subjectId": id })).await.unwrap();
    app.clock.advance(DAY * 30);
    assert_eq!(carry_out(app.app.platform()).await.unwrap(), 1);
    assert_eq!(once_more(app.app.platform()).await.unwrap(), 0);
    std::fs::write(&keys, copy).unwrap();
    let app = app.restart().await;
    app.app.start().await.unwrap();
    assert_eq!(made(&app, &id).await["withheld"], "erased");
    assert_eq!(once_more(app.app.platform()).await.unwrap(), 0);
}

#[tokio::test]
async fn another_tenant_erases_nothing_here() {
    let (app, id) = with_person().await;
    app.call(&app.stranger, "gdpr_delete_request", json!({ "subjectId": id })).await.unwrap();
    app.clock.advance(DAY * 30);
    assert_eq!(carry_out(app.app.platform()).await.unwrap(), 1);
    assert_eq!(made(&app, &id).await["changes"]["after"]["email"], "gone@example.org");
    let destroyed = Filter::is("destroyed", convoke::port::records::Scalar::Boolean(true));
    let scope = Scope::Tenant(app.admin.tenant);
    let found = app.app.platform().store.find(scope, &SUBJECT_KEY, Query::newest(destroyed, 10)).await.unwrap();
    assert!(found.is_empty());
    app.app.platform().service::<Sealer>().unwrap().forget_all();
    assert_eq!(made(&app, &id).await["changes"]["after"]["email"], "gone@example.org");
}

#[tokio::test]
async fn bad_input_is_told_by_its_place() {
    let (app, id) = with_person().await;
    for (input, pointer) in [
        (json!({}), "/subjectId"),
        (json!({ "subjectId": "somebody" }), "/subjectId"),
        (json!({ "subjectId": id, "noticeDays": 29 }), "/noticeDays"),
        (json!({ "subjectId": id, "reason": "" }), "/reason"),
        (json!({ "subjectId": id, "now": true }), "/now"),
    ] {
        let fault = app.call(&app.admin, "gdpr_delete_request", input.clone()).await.unwrap_err();
        assert!(fault.is(&codes::BAD_INPUT), "{input}: {fault}");
        assert!(fault.places()[0].pointer == pointer || fault.places()[0].pointer.is_empty(), "{input}: {fault}");
    }
    let fault = app.call(&app.member, "gdpr_delete_request", json!({ "subjectId": id })).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
}

/// What is remembered of a person, in their own place and their conversations, goes with their keys; what they told others stays.
#[tokio::test]
async fn what_is_remembered_of_the_person_is_forgotten() {
    let app = TestApp::start().await;
    for scope in [json!({}), json!({ "scope": "session", "scopeId": "s" }), json!({ "scope": "tenant" })] {
        let mut input = json!({ "text": "Ada keeps a tiger" });
        input.as_object_mut().unwrap().extend(scope.as_object().unwrap().clone());
        app.call(&app.member, "memory_store", input).await.unwrap();
    }
    let id = app.call(&app.member, "user_me", json!({})).await.unwrap()["id"].clone();
    app.call(&app.admin, "gdpr_delete_request", json!({ "subjectId": id })).await.unwrap();
    app.clock.advance(DAY * 30);
    let upkeep = convoke::runtime::upkeep::Upkeep::new(app.app.gate().clone());
    let cleaned = upkeep.clean(&tokio_util::sync::CancellationToken::new()).await.unwrap();
    assert_eq!(cleaned.erasures, 1);
    let count = async |scope: Value| {
        let found = app.call(&app.member, "memory_search", scope).await.unwrap();
        found["items"].as_array().unwrap().len()
    };
    assert_eq!(count(json!({ "scope": "user" })).await, 0);
    assert_eq!(count(json!({ "scope": "session", "scopeId": "s" })).await, 0);
    assert_eq!(count(json!({ "scope": "tenant", "query": "tiger" })).await, 1);
}

/// What only the person sees of documents and of the graph goes, with what was found in the passages; what others see stays.
#[tokio::test]
async fn what_only_the_person_sees_of_documents_and_knowledge_goes() {
    let app = TestApp::start().await;
    let ingest = async |name: &str, text: &str, visibility: &str| {
        let input = json!({
            "documents": [{ "name": name, "text": text }], "extraction": "statistical", "visibility": visibility,
        });
        app.call(&app.member, "knowledge_ingest", input).await.unwrap()["documents"][0]["documentId"].clone()
    };
    let own = ingest("diary.md", "Carl Blum works for Alder Works GmbH. Ada wrote this at night.", "private").await;
    let shared = ingest("staff.md", "Dora Lind works for Birch Paper Ltd. Ada wrote this at noon.", "tenant").await;
    let node = json!({ "nodes": [{ "type": "Person", "name": "Emil Kern" }], "visibility": "private" });
    app.call(&app.member, "graph_upsert", node).await.unwrap();
    // Somebody else's relation leads to what goes.
    let carl =
        app.call(&app.member, "graph_search", json!({ "query": "Carl Blum" })).await.unwrap()["items"][0].clone();
    let link = json!({
        "nodes": [{ "ref": "x", "type": "Person", "name": "Fritz Tal" }],
        "relations": [{ "from": "x", "type": "knows", "to": carl["id"] }],
    });
    app.call(&app.admin, "graph_upsert", link).await.unwrap();
    let store = app.app.platform().store.clone();
    let kinds = convoke::domain::MODULES.iter().flat_map(|module| module.kinds);
    let kinds: Vec<_> =
        kinds.filter(|kind| kind.name.starts_with("knowledge_") || kind.name.starts_with("document")).collect();
    assert_eq!(kinds.len(), 5);
    let id = app.call(&app.member, "user_me", json!({})).await.unwrap()["id"].clone();
    app.call(&app.admin, "gdpr_delete_request", json!({ "subjectId": id })).await.unwrap();
    app.clock.advance(DAY * 30);
    let upkeep = convoke::runtime::upkeep::Upkeep::new(app.app.gate().clone());
    upkeep.clean(&tokio_util::sync::CancellationToken::new()).await.unwrap();
    for kind in kinds {
        let left = store.find(Scope::Platform, kind, Query::newest(Filter::All, 100)).await.unwrap();
        let text = format!("{left:?}");
        assert!(!text.contains("Carl Blum") && !text.contains("diary"), "{}: {text}", kind.name);
        assert!(left.iter().all(|one| one.visibility != convoke::port::records::Visibility::Private), "{}", kind.name);
        assert!(!left.is_empty(), "{}", kind.name);
    }
    for (name, left) in [("Carl Blum", 0), ("Emil Kern", 0), ("Dora Lind", 1)] {
        let found = app.call(&app.admin, "graph_search", json!({ "query": name })).await.unwrap();
        assert_eq!(found["items"].as_array().unwrap().len(), left, "{name}");
    }
    let fritz =
        app.call(&app.admin, "graph_search", json!({ "query": "Fritz Tal" })).await.unwrap()["items"][0]["id"].clone();
    let fritz = app.call(&app.admin, "graph_get", json!({ "id": fritz })).await.unwrap();
    assert_eq!(fritz["relations"], json!([]));
    let gone = app.call(&app.admin, "document_get", json!({ "id": own })).await.unwrap_err();
    assert!(gone.is(&codes::NOT_FOUND), "{gone}");
    assert!(app.call(&app.admin, "document_get", json!({ "id": shared })).await.is_ok());
    for (word, hits) in [("night", 0), ("noon", 1)] {
        let found = app.call(&app.admin, "document_search", json!({ "query": word })).await.unwrap();
        assert_eq!(found["hits"].as_array().unwrap().len(), hits, "{word}");
    }
    let mut files = 0;
    for entry in walk(&app.data().join("blobs")) {
        let bytes = std::fs::read(entry).unwrap();
        assert!(!bytes.windows(8).any(|some| some == b"at night"));
        files += 1;
    }
    assert!(files > 0);
}

/// Wherever a round of cleaning ends, the next one of another run goes on, and nothing is told as erased that is there.
#[tokio::test]
async fn an_erasure_that_breaks_off_is_carried_out_by_the_next_run() {
    let part = |at: usize| format!("# Part {at}\n\nCarl Blum{at} works for Alder Works GmbH. This is said once.\n\n");
    let text: String = (0..80).map(part).collect();
    let mut halves = 0;
    for pause in [0, 2, 5, 10, 20, 40] {
        let app = TestApp::start().await;
        for at in 0..20 {
            let input = json!({ "text": format!("Ada keeps a secret {at}"), "separate": true });
            app.call(&app.member, "memory_store", input).await.unwrap();
        }
        let input = json!({
            "documents": [{ "name": "diary.md", "text": text }], "extraction": "statistical", "visibility": "private",
        });
        app.call(&app.member, "knowledge_ingest", input).await.unwrap();
        let id = app.call(&app.member, "user_me", json!({})).await.unwrap()["id"].clone();
        app.call(&app.admin, "gdpr_delete_request", json!({ "subjectId": id })).await.unwrap();
        app.clock.advance(DAY * 30);
        let kinds = convoke::domain::MODULES.iter().flat_map(|module| module.kinds);
        let kinds = kinds.filter(|kind| {
            let of = ["knowledge_", "document", "graph_", "embedding", "memory"];
            kind.name != "memory_policy" && of.iter().any(|of| kind.name.starts_with(of))
        });
        let kinds: Vec<_> = kinds.collect();
        let left = async |app: &TestApp| {
            let (store, mut left) = (app.app.platform().store.clone(), 0);
            for kind in &kinds {
                let own = store.find(Scope::Platform, kind, Query::newest(Filter::All, 1000)).await.unwrap();
                left += own
                    .iter()
                    .filter(|one| {
                        one.owner == Some(app.member.user.uuid())
                            && one.visibility == convoke::port::records::Visibility::Private
                    })
                    .count();
            }
            left
        };
        let all = left(&app).await;
        assert!(all > 200, "{all}");
        // What others see of hers stays.
        let upkeep = convoke::runtime::upkeep::Upkeep::new(app.app.gate().clone());
        let stop = tokio_util::sync::CancellationToken::new();
        let _ = tokio::time::timeout(Duration::from_millis(pause), upkeep.clean(&stop)).await;
        let app = app.open_again_with(|_| {}).await;
        let now = left(&app).await;
        let told = async || {
            app.call(&app.admin, "audit_query", json!({ "action": "audit_erasure" })).await.unwrap()["items"].clone()
        };
        assert!(now == 0 || told().await == json!([]), "{now}");
        halves += usize::from(now > 0 && now < all);
        let upkeep = convoke::runtime::upkeep::Upkeep::new(app.app.gate().clone());
        upkeep.clean(&stop).await.unwrap();
        assert_eq!((left(&app).await, told().await.as_array().unwrap().len()), (0, 1), "after {pause} ms");
    }
    assert!(halves > 0, "it never broke off in between");
}

/// Every file below a folder.
fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
