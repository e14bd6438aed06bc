//! Publishing: versions, labels, splits, roll-backs, and what callers rely on.

use std::collections::HashMap;

use convoke::domain::prompts::model::exposure::EXPOSURES;
use convoke::domain::prompts::uses::Uses;
use convoke::kernel::codes;
use convoke::port::logs::LogQuery;
use convoke::port::records::{Filter, Scope};
use futures::FutureExt as _;
use serde_json::{Value, json};

use super::{ada, published};
use crate::support::app::TestApp;

fn who() -> Value {
    json!([{ "name": "who", "type": "string", "description": "Who it is to." }])
}

async fn draft(app: &TestApp, template: &str, variables: Value) -> Value {
    ada(app, "prompt_update", json!({ "id": "hello", "template": template, "variables": variables })).await.unwrap()
}

async fn production(app: &TestApp) -> Value {
    let told = ada(app, "prompt_get", json!({ "id": "hello", "label": "production" })).await;
    told.map_or(Value::Null, |told| told["version"].clone())
}

#[tokio::test]
async fn a_version_says_how_much_has_changed() {
    let app = TestApp::start().await;
    let first = published(&app, "hello", "Hello {{ who }}", json!({})).await;
    assert_eq!((&first["version"], &first["published"]), (&json!("1.0.0"), &json!(true)));
    draft(&app, "Hi {{ who }}", who()).await;
    let publish = json!({ "id": "hello" });
    assert_eq!(ada(&app, "prompt_publish", publish.clone()).await.unwrap()["version"], "1.1.0");
    ada(&app, "prompt_update", json!({ "id": "hello", "cases": [{ "name": "c", "variables": { "who": "x" } }] }))
        .await
        .unwrap();
    assert_eq!(ada(&app, "prompt_publish", publish.clone()).await.unwrap()["version"], "1.1.1");
    draft(&app, "Hi", json!([])).await;
    // Callers break with it, so a smaller step is refused.
    let small = json!({ "id": "hello", "release": "1.2.0" });
    let refused = ada(&app, "prompt_publish", small).await.unwrap_err();
    assert_eq!(refused.places()[0].pointer, "/release");
    assert!(
        refused.places()[0].message.contains("2.0.0 or later, since the variable 'who' is gone"),
        "{:?}",
        refused.places()
    );
    let taken = json!({ "id": "hello", "release": "1.1.0" });
    assert_eq!(ada(&app, "prompt_publish", taken).await.unwrap_err().code().name, "prompt_version_taken");
    let told = ada(&app, "prompt_publish", json!({ "id": "hello", "release": "3.0.0" })).await.unwrap();
    assert_eq!((&told["version"], &told["breaking"]), (&json!("3.0.0"), &json!(["the variable 'who' is gone"])));
    // What is published never changes; publishing it again changes nothing.
    assert_eq!(ada(&app, "prompt_publish", publish).await.unwrap()["published"], false);
    let other = json!({ "id": "hello", "version": "3.0.0", "release": "4.0.0" });
    assert_eq!(ada(&app, "prompt_publish", other).await.unwrap_err().code().name, "prompt_version_taken");
    assert_eq!(production(&app).await, "1.0.0");
}

#[tokio::test]
async fn labels_move_by_comparing_and_go_back_in_one_call() {
    let app = TestApp::start().await;
    published(&app, "hello", "Hello {{ who }}", json!({})).await;
    draft(&app, "Hi {{ who }}", who()).await;
    let to = |expected: &str| {
        json!({ "id": "hello", "labels": [
        { "label": "production", "expected": expected }, { "label": "staging", "expected": "none" } ] })
    };
    let refused = ada(&app, "prompt_publish", to("0.9.0")).await.unwrap_err();
    assert_eq!((refused.code().name, refused.code().status), ("prompt_label_moved", 409));
    assert_eq!(refused.detail().unwrap()["targets"][0]["version"], "1.0.0");
    // Nothing of it was done: neither the version nor the other label.
    let told = ada(&app, "prompt_get", json!({ "id": "hello", "version": "draft" })).await.unwrap();
    assert_eq!((&told["published"], told["labels"].as_array().unwrap().len()), (&json!(false), 1));
    ada(&app, "prompt_publish", to("1.0.0")).await.unwrap();
    assert_eq!(production(&app).await, "1.1.0");
    let back = json!({ "id": "hello", "rollBack": ["production"], "message": "too short" });
    let told = ada(&app, "prompt_publish", back.clone()).await.unwrap();
    assert_eq!((&told["version"], &told["published"]), (&json!("1.0.0"), &json!(false)));
    assert_eq!(production(&app).await, "1.0.0");
    let history = ada(&app, "prompt_versions", json!({ "id": "hello" })).await.unwrap();
    let moves = &history["labels"][0]["moves"];
    assert_eq!((moves.as_array().unwrap().len(), &moves[0]["message"]), (3, &json!("too short")));
    assert_eq!(
        (&moves[0]["before"][0]["version"], &moves[0]["after"][0]["version"]),
        (&json!("1.1.0"), &json!("1.0.0"))
    );
    // Back from the roll-back.
    ada(&app, "prompt_publish", back).await.unwrap();
    assert_eq!(production(&app).await, "1.1.0");
    for (input, place) in [
        (json!({ "id": "hello", "rollBack": ["none"] }), "/rollBack/0"),
        (json!({ "id": "hello", "rollBack": ["staging"] }), "/rollBack/0"),
        (json!({ "id": "hello", "rollBack": ["production"], "version": "1.0.0" }), "/rollBack"),
        (json!({ "id": "hello", "labels": [{ "label": "a" }, { "label": "a" }] }), "/labels/1/label"),
    ] {
        let refused = ada(&app, "prompt_publish", input.clone()).await.unwrap_err();
        assert_eq!(refused.places()[0].pointer, place, "{input}");
    }
}

#[tokio::test]
async fn a_protected_label_is_moved_by_its_role_only() {
    let app = TestApp::start().await;
    published(&app, "hello", "Hello {{ who }}", json!({})).await;
    let protect =
        json!({ "id": "hello", "version": "1.0.0", "labels": [{ "label": "production", "role": "reviewer" }] });
    assert!(ada(&app, "prompt_publish", protect.clone()).await.unwrap_err().is(&codes::FORBIDDEN));
    let told = app.call(&app.admin, "prompt_publish", protect).await.unwrap();
    assert_eq!(told["labels"][0]["role"], "reviewer");
    draft(&app, "Hi {{ who }}", who()).await;
    let publish = json!({ "id": "hello", "labels": [{ "label": "production" }] });
    for person in [&app.member, &app.admin] {
        let refused = app.call(person, "prompt_publish", publish.clone()).await.unwrap_err();
        assert_eq!(
            (refused.code().name, &refused.detail().unwrap()["role"]),
            ("prompt_label_protected", &json!("reviewer"))
        );
        let refused = app.call(person, "prompt_publish", json!({ "id": "hello", "rollBack": ["production"] })).await;
        assert_eq!(refused.unwrap_err().code().name, "prompt_label_protected");
    }
    app.call(&app.admin, "role_assign", json!({ "role": "reviewer", "userId": app.member.user })).await.unwrap();
    assert_eq!(ada(&app, "prompt_publish", publish).await.unwrap()["version"], "1.1.0");
}

#[tokio::test]
async fn what_breaks_callers_takes_no_label_while_their_cases_fail() {
    let app = TestApp::start().await;
    let cases = json!({ "cases": [{ "name": "to Ada", "variables": { "who": "Ada" } }] });
    published(&app, "hello", "Hello {{ who }}", cases).await;
    let two = json!([
        { "name": "who", "type": "string", "description": "Who." },
        { "name": "tone", "type": "string", "description": "How." },
    ]);
    // The new version's own cases say nothing for the callers of the old one.
    let update = json!({ "id": "hello", "template": "{{ tone }} {{ who }}", "variables": two, "cases": [] });
    ada(&app, "prompt_update", update).await.unwrap();
    let publish = json!({ "id": "hello", "labels": [{ "label": "production" }] });
    let refused = ada(&app, "prompt_publish", publish.clone()).await.unwrap_err();
    assert_eq!(refused.code().name, "prompt_contract_broken");
    let detail = refused.detail().unwrap();
    assert_eq!((&detail["cases"][0]["case"], &detail["cases"][0]["of"]), (&json!("to Ada"), &json!("1.0.0")));
    assert!(detail["cases"][0]["problems"][0].as_str().unwrap().contains("/variables/tone is missing"), "{detail}");
    // Under a label that nobody relies on it may stand.
    ada(&app, "prompt_publish", json!({ "id": "hello", "labels": [{ "label": "staging" }] })).await.unwrap();
    assert_eq!(production(&app).await, "1.0.0");
    // A narrower variable that takes what callers give breaks no case.
    let narrow = json!([{ "name": "who", "type": "string", "description": "Who.", "schema": { "maxLength": 3 } }]);
    draft(&app, "Hello {{ who }}!", narrow).await;
    let told = ada(&app, "prompt_publish", publish).await.unwrap();
    assert!(told["breaking"].to_string().contains("maxLength"), "{told}");
    assert_eq!(production(&app).await, told["version"]);
}

#[tokio::test]
async fn a_split_is_shared_by_weight_stays_with_the_session_and_is_noted() {
    let app = TestApp::start().await;
    published(&app, "hello", "Hello {{ who }}", json!({})).await;
    draft(&app, "Hi {{ who }}", who()).await;
    let split = json!({ "id": "hello", "labels": [{ "label": "production", "split": [
        { "version": "1.0.0", "weight": 1 }, { "version": "draft", "weight": 1 } ] }] });
    ada(&app, "prompt_publish", split).await.unwrap();
    let mut versions: HashMap<String, String> = HashMap::new();
    for session in (0..40).chain(0..40) {
        let input = json!({ "id": "hello", "session": format!("s{session}"), "variables": { "who": "x" } });
        let told = ada(&app, "prompt_assemble", input).await.unwrap();
        assert!(told["exposureId"].is_string());
        let version = told["version"].as_str().unwrap().to_owned();
        let before = versions.insert(format!("s{session}"), version.clone());
        assert!(before.is_none_or(|before| before == version));
    }
    let new = versions.values().filter(|version| *version == "1.1.0").count();
    assert!((8..=32).contains(&new), "{new} of 40");
    // The use is told before it is written, and after.
    let platform = app.app.platform();
    let uses = platform.service::<Uses>().unwrap();
    for _ in 0..2 {
        let history = ada(&app, "prompt_versions", json!({ "id": "hello" })).await.unwrap();
        let told: Vec<u64> =
            history["items"].as_array().unwrap().iter().map(|one| one["uses"].as_u64().unwrap()).collect();
        assert_eq!(told, [2 * new as u64, 2 * (40 - new as u64)]);
        uses.flush(platform).await.unwrap();
    }
    let query = LogQuery { filter: Filter::All, beyond: None, descending: false, limit: 200 };
    let noted = platform.store.entries(Scope::Tenant(app.member.tenant), &EXPOSURES, query.clone()).await.unwrap();
    assert_eq!(noted.len(), 80);
    for entry in noted {
        assert_eq!(versions[entry.body["session"].as_str().unwrap()], entry.body["version"].as_str().unwrap());
        assert_eq!((entry.stream.as_str(), &entry.body["label"]), ("hello", &json!("production")));
    }
    let elsewhere = platform.store.entries(Scope::Tenant(app.stranger.tenant), &EXPOSURES, query).await.unwrap();
    assert!(elsewhere.is_empty());
    for (shares, place) in [
        (json!([{ "version": "1.0.0", "weight": 0 }]), "/labels/0/split"),
        (
            json!([{ "version": "1.0.0", "weight": 1 }, { "version": "1.0.0", "weight": 1 }]),
            "/labels/0/split/1/version",
        ),
    ] {
        let input = json!({ "id": "hello", "labels": [{ "label": "production", "split": shares }] });
        assert_eq!(ada(&app, "prompt_publish", input).await.unwrap_err().places()[0].pointer, place);
    }
}

#[tokio::test]
async fn two_who_publish_at_once_do_not_both_win() {
    let app = TestApp::start().await;
    published(&app, "hello", "Hello {{ who }}", json!({})).await;
    draft(&app, "Hi {{ who }}", who()).await;
    let publish = || {
        ada(
            &app,
            "prompt_publish",
            json!({ "id": "hello", "labels": [{ "label": "production", "expected": "1.0.0" }] }),
        )
    };
    let (one, other) = tokio::join!(publish(), publish());
    let won = [&one, &other].into_iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(won, 1, "{one:?} {other:?}");
    assert_eq!(one.err().or_else(|| other.err()).unwrap().code().name, "prompt_label_moved");
    assert_eq!(production(&app).await, "1.1.0");
}

#[tokio::test]
async fn a_use_is_written_though_whoever_had_it_written_went_away() {
    let app = TestApp::start().await;
    let input = json!({ "id": "welcome-mail", "variables": { "name": "Bo" } });
    app.call(&app.member, "prompt_assemble", input).await.unwrap();
    let platform = app.app.platform();
    let uses = platform.service::<Uses>().unwrap();
    assert!(uses.flush(platform).now_or_never().is_none(), "nothing was to be written");
    uses.flush(platform).await.unwrap();
    let told = uses.of(platform, app.member.tenant, "welcome-mail").await.unwrap();
    assert_eq!(told.values().sum::<u64>(), 1);
}
