//! Contract cases on recorded and given answers, and the history that tells of them.

use serde_json::json;

use super::{ada, published};
use crate::support::app::TestApp;

#[tokio::test]
async fn cases_are_judged_by_recorded_and_given_answers() {
    let app = TestApp::start().await;
    let cases = json!({ "cases": [
        { "name": "good", "variables": { "who": "Ada" }, "answer": "Dear Ada", "contains": ["Ada"] },
        { "name": "bad", "variables": { "who": "Bo" }, "answer": "Dear customer", "contains": ["Bo"], "lacks": ["customer"] },
        { "name": "not taken", "variables": { "whom": "Bo" }, "answer": "x" },
        { "name": "open", "variables": { "who": "Cy" }, "maxTokens": 2, "schema": { "type": "object" } },
    ] });
    published(&app, "hello", "Hello {{ who }}", cases).await;
    let told = ada(&app, "prompt_test", json!({ "id": "hello" })).await.unwrap();
    let figures = ["passed", "failed", "unanswered"].map(|name| told[name].as_u64().unwrap());
    assert_eq!((figures, &told["ok"]), ([1, 2, 1], &json!(false)));
    let outcomes: Vec<&str> =
        told["cases"].as_array().unwrap().iter().map(|one| one["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["passed", "failed", "failed", "unanswered"]);
    assert_eq!(told["cases"][1]["problems"], json!(["lacks \"Bo\"", "holds \"customer\""]));
    assert!(told["cases"][2]["problems"][0].as_str().unwrap().contains("/variables/whom"));
    let given = json!({ "id": "hello", "answers": [
        { "case": "bad", "answer": "Dear Bo" }, { "case": "open", "answer": "far too long" } ] });
    let told = ada(&app, "prompt_test", given).await.unwrap();
    assert_eq!((&told["cases"][1]["outcome"], &told["cases"][1]["against"]), (&json!("passed"), &json!("given")));
    assert_eq!(told["cases"][3]["problems"], json!(["has 3 tokens and may have 2", "is no JSON"]));
    let history = ada(&app, "prompt_versions", json!({ "id": "hello" })).await.unwrap();
    assert_eq!(
        (&history["items"][0]["tested"]["passed"], &history["items"][0]["tested"]["failed"]),
        (&json!(2), &json!(2))
    );
    let unknown = json!({ "id": "hello", "answers": [{ "case": "none", "answer": "" }] });
    assert_eq!(ada(&app, "prompt_test", unknown).await.unwrap_err().places()[0].pointer, "/answers/0/case");
    // A file's cases run as well.
    let told = ada(&app, "prompt_test", json!({ "id": "bug-reproduction" })).await.unwrap();
    assert_eq!((&told["ok"], told["passed"].as_u64() >= Some(1)), (&json!(true), true), "{told}");
}

#[tokio::test]
async fn a_history_tells_what_differs_between_two_versions() {
    let app = TestApp::start().await;
    published(&app, "hello", "one\ntwo {{ who }}\nthree", json!({})).await;
    let update = json!({ "id": "hello", "template": "one\n2 and more {{ who }}\nthree", "message": "figures" });
    ada(&app, "prompt_update", update).await.unwrap();
    let input = json!({ "id": "hello", "from": "1.0.0", "to": "draft", "limit": 1 });
    let told = ada(&app, "prompt_versions", input).await.unwrap();
    assert_eq!((&told["items"][0]["message"], told["items"].as_array().unwrap().len()), (&json!("figures"), 1));
    let changes: Vec<(&str, &str)> = told["difference"]["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["change"].as_str().unwrap(), one["text"].as_str().unwrap()))
        .collect();
    assert_eq!(
        changes,
        [("same", "one"), ("removed", "two {{ who }}"), ("added", "2 and more {{ who }}"), ("same", "three")]
    );
    let (from, to) =
        (told["difference"]["tokensFrom"].as_u64().unwrap(), told["difference"]["tokensTo"].as_u64().unwrap());
    assert!(to > from, "{from} {to}");
    let next = json!({ "id": "hello", "limit": 1, "pageToken": told["nextPageToken"] });
    assert_eq!(ada(&app, "prompt_versions", next).await.unwrap()["items"][0]["version"], "1.0.0");
    let alone = json!({ "id": "hello", "to": "draft" });
    assert_eq!(ada(&app, "prompt_versions", alone).await.unwrap_err().places()[0].pointer, "/from");
}
