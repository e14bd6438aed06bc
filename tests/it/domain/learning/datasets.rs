//! `dataset_create` and `dataset_export`: rows of feedback and cases, split, downloaded, and another tenant.

use convoke::capability::outcome::Outcome;
use convoke::kernel::clock::Clock as _;
use convoke::kernel::codes;
use convoke::kernel::seal::sha256_hex;
use convoke::port::store::{Batch, Step};
use futures::TryStreamExt as _;
use serde_json::{Value, json};

use super::{ada, code};
use crate::support::app::TestApp;

/// The lines of a set.
async fn exported(app: &TestApp, id: &Value, part: &str) -> (String, Vec<Value>) {
    let input = json!({ "id": id, "part": part });
    let reply = app.call_with(&app.member, "dataset_export", input, |_| {}).await.unwrap();
    let Ok(Outcome::Bytes(file)) = reply.result else { panic!("it is a file") };
    assert_eq!(file.media_type, "application/jsonl");
    let chunks: Vec<_> = file.chunks.try_collect().await.unwrap();
    let bytes = chunks.concat();
    assert_eq!(file.size_bytes, Some(bytes.len() as u64));
    let text = String::from_utf8(bytes).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (text, lines)
}

async fn say(app: &TestApp, feedback: Value) {
    let input = json!({ "agentId": "scribe", "promptId": "welcome-mail", "version": "1.0.0", "feedback": feedback });
    ada(app, "feedback_submit", input).await.unwrap();
}

#[tokio::test]
async fn rows_are_made_of_what_was_asked_and_what_should_have_been_answered() {
    let app = TestApp::start().await;
    say(&app, json!({ "variables": { "name": "Cy" }, "actualOutput": "Hi", "correction": "Dear Cy" })).await;
    // The same question again: the better answer stays.
    say(&app, json!({ "variables": { "name": "Cy" }, "actualOutput": "Hello Cy", "accuracy": 0.9 })).await;
    say(&app, json!({ "input": "Mail dan@example.org", "actualOutput": "Done", "userSatisfaction": 5 })).await;
    // Too bad to be learned, nothing asked, and variables that the prompt does not take.
    say(&app, json!({ "input": "x", "actualOutput": "y", "accuracy": 0.5 })).await;
    say(&app, json!({ "expectedOutput": "z" })).await;
    say(&app, json!({ "variables": { "nom": "Cy" }, "correction": "z" })).await;
    let input = json!({ "name": "Mails", "promptId": "welcome-mail", "testShare": 0, "system": "Be polite." });
    let made = ada(&app, "dataset_create", input.clone()).await.unwrap();
    // Two of these, the case of the prompt and what Ada said in the scene.
    assert_eq!((&made["rows"], &made["train"]["rows"], &made["whole"]), (&json!(4), &json!(4), &json!(true)));
    let left = json!({ "duplicates": 1, "noAnswer": 1, "noQuestion": 2, "tooMany": 0 });
    assert_eq!((&made["leftOut"], &made["personalData"]["rows"]), (&left, &json!(1)));
    let (text, lines) = exported(&app, &made["datasetId"], "train").await;
    assert_eq!(made["train"]["digest"], json!(sha256_hex(text.as_bytes())));
    let row = |question: &str, answer: &str| {
        json!({ "messages": [
            { "role": "system", "content": "Be polite." }, { "role": "user", "content": question },
            { "role": "assistant", "content": answer } ] })
    };
    for expected in [
        row("Write a welcome mail to Cy.", "Dear Cy"),
        row("Write a welcome mail to Ada.", "Dear Ada"),
        row("Mail dan@example.org", "Done"),
    ] {
        assert!(lines.contains(&expected), "{text} lacks {expected}");
    }
    let (_, all) = exported(&app, &made["datasetId"], "all").await;
    let cy = all.iter().find(|row| row["answer"] == "Dear Cy").unwrap();
    assert_eq!((&cy["from"], &cy["score"], &cy["variables"]["name"]), (&json!("feedback"), &json!(1.0), &json!("Cy")));
    assert_eq!(cy["promptVersion"], "welcome-mail@1.0.0");

    let mut clean = input;
    clean["redact"] = json!(true);
    let made = ada(&app, "dataset_create", clean).await.unwrap();
    assert_eq!((&made["personalData"]["rows"], &made["personalData"]["redacted"]), (&json!(1), &json!(true)));
    let (text, _) = exported(&app, &made["datasetId"], "all").await;
    assert!(text.contains("[email]") && !text.contains("dan@example.org"), "{text}");
}

#[tokio::test]
async fn a_question_stays_on_its_side_when_a_set_is_made_again() {
    let app = TestApp::start().await;
    let fill = async |from: u32, to: u32| {
        for number in from..to {
            say(&app, json!({ "input": format!("question {number}"), "expectedOutput": "yes" })).await;
        }
        let input = json!({ "name": "Halves", "agentId": "scribe", "testShare": 0.5, "seed": 3 });
        let made = ada(&app, "dataset_create", input).await.unwrap();
        let sides = async |part| {
            let (_, lines) = exported(&app, &made["datasetId"], part).await;
            lines.iter().map(|row| row["messages"][0]["content"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        (sides("train").await, sides("test").await)
    };
    let (train, test) = fill(0, 20).await;
    assert!(train.len() + test.len() == 20 && train.len() > 3 && test.len() > 3, "{} {}", train.len(), test.len());
    let (more_train, more_test) = fill(20, 130).await;
    assert!(train.iter().all(|question| more_train.contains(question)));
    assert!(test.iter().all(|question| more_test.contains(question)));
    assert_eq!(more_train.len() + more_test.len(), 130);
}

#[tokio::test]
async fn a_tenant_has_so_many_sets_and_jobs_at_most() {
    let app = TestApp::start().await;
    let made = ada(&app, "dataset_create", json!({ "name": "Two", "promptId": "welcome-mail" })).await.unwrap();
    let (store, at) = (&app.app.platform().store, app.clock.now());
    let count = |name, by| Step::Count { name, key: String::new(), by, at_most: None };
    // There is one already; that of jobs is the scene's and was not counted.
    let steps = vec![count("datasets", 999), count("retraining_jobs", 10_000)];
    store.commit(vec![Batch { tenant: app.member.tenant, at, steps }]).await.unwrap();
    let refused = ada(&app, "dataset_create", json!({ "name": "More", "promptId": "welcome-mail" })).await;
    assert_eq!(code(&refused), "too_many_datasets");
    let input = json!({ "kind": "few_shot", "datasetId": made["datasetId"] });
    assert_eq!(code(&ada(&app, "retraining_schedule", input).await), "too_many_retraining_jobs");
}

#[tokio::test]
async fn what_cannot_be_made_or_seen_is_refused() {
    let app = TestApp::start().await;
    let empty = ada(&app, "dataset_create", json!({ "name": "None", "agentId": "nobody" })).await;
    assert_eq!(code(&empty), "dataset_empty");
    let cases = ada(&app, "dataset_create", json!({ "name": "Cases", "sources": ["cases"] })).await.unwrap_err();
    assert_eq!(cases.places()[0].pointer, "/promptId");
    let gone = ada(&app, "dataset_create", json!({ "name": "Gone", "promptId": "gone" })).await.unwrap_err();
    assert!(gone.is(&codes::NOT_FOUND));
    let made = ada(&app, "dataset_create", json!({ "name": "Two", "promptId": "welcome-mail" })).await.unwrap();
    let input = json!({ "id": made["datasetId"] });
    let there = app.call_with(&app.stranger, "dataset_export", input.clone(), |_| {}).await.unwrap();
    assert!(there.result.unwrap_err().is(&codes::NOT_FOUND));
    let refused = app.call_with(&app.nobody, "dataset_export", input, |_| {}).await.unwrap();
    assert!(refused.result.unwrap_err().is(&codes::FORBIDDEN));
    // Another tenant's own prompt of that name is another prompt: it has no feedback there.
    let there = app.call(&app.stranger, "dataset_create", json!({ "name": "Two", "agentId": "archivist" })).await;
    assert_eq!(code(&there), "dataset_empty");
}
