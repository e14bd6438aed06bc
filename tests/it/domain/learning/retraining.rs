//! Retraining jobs: examples chosen, wordings tried, models tuned, over real HTTP; across crashes and restarts; and what does not fit.

use std::sync::Arc;
use std::time::Duration;

use convoke::capability::platform::Services;
use convoke::domain::learning::working::Worker;
use convoke::domain::system::LogRing;
use convoke::kernel::codes;
use serde_json::{Value, json};

use super::vendor::Vendor;
use super::{ada, code};
use crate::support::app::TestApp;

/// The program with a vendor over HTTP as the provider `live`.
pub(super) async fn start(vendor: &Vendor) -> TestApp {
    TestApp::start_with(|settings| {
        vendor.lay(&settings.data);
        settings.services = Services::default().with(Arc::new(LogRing::new(100)));
    })
    .await
}

/// Works until nothing is due any more; answers how many steps were done.
pub(super) async fn work(app: &TestApp) -> usize {
    let worker = Worker::new(app.app.gate().clone());
    let mut steps = 0;
    loop {
        match worker.round().await.unwrap() {
            0 => return steps,
            count => steps += count,
        }
    }
}

/// Schedules a job as Ada; answers its id.
pub(super) async fn scheduled(app: &TestApp, input: Value) -> Value {
    ada(app, "retraining_schedule", input).await.unwrap()["jobId"].clone()
}

/// A set of so many questions to the prompt `hello`, each to be answered by `Dear` and a name.
pub(super) async fn dataset(app: &TestApp, count: usize, test_share: f64) -> Value {
    let variables = json!([{ "name": "who", "type": "string", "description": "Who it is to." }]);
    let cases = json!([{ "name": "polite", "variables": { "who": "Zoe" }, "answer": "Dear Zoe", "contains": ["Dear"], "maxTokens": 5 }]);
    let input = json!({ "name": "hello", "template": "Hello {{ who }}", "variables": variables, "cases": cases });
    ada(app, "prompt_create", input).await.unwrap();
    ada(app, "prompt_publish", json!({ "id": "hello", "labels": [{ "label": "production" }] })).await.unwrap();
    for number in 0..count {
        let name = format!("N{number}");
        let feedback = json!({ "variables": { "who": name }, "correction": format!("Dear {name}") });
        let input = json!({ "promptId": "hello", "version": "1.0.0", "feedback": feedback });
        ada(app, "feedback_submit", input).await.unwrap();
    }
    let input = json!({ "name": "Hellos", "promptId": "hello", "sources": ["feedback"], "testShare": test_share });
    ada(app, "dataset_create", input).await.unwrap()["datasetId"].clone()
}

pub(super) async fn job(app: &TestApp, id: &Value) -> Value {
    ada(app, "retraining_get", json!({ "id": id })).await.unwrap()
}

#[tokio::test]
async fn examples_are_chosen_and_written_without_a_model() {
    let vendor = Vendor::open(|_| panic!("nobody is asked")).await;
    let app = start(&vendor).await;
    let set = dataset(&app, 12, 0.0).await;
    let input = json!({ "kind": "few_shot", "datasetId": set, "promptId": "hello", "examples": 2, "seed": 5 });
    let scheduled = ada(&app, "retraining_schedule", input.clone()).await.unwrap();
    assert_eq!((&scheduled["state"], &scheduled["version"]), (&json!("queued"), &json!("1.0.0")));
    let mut events = app.app.platform().hear();
    assert_eq!(work(&app).await, 1);
    let told = job(&app, &scheduled["jobId"]).await;
    let result = &told["result"];
    assert_eq!(
        (&told["state"], &result["better"], &result["version"]),
        (&json!("succeeded"), &json!(true), &json!("1.1.0"))
    );
    assert_eq!((&told["progress"]["done"], &told["progress"]["of"]), (&json!(1), &json!(1)));
    assert_eq!(told["progress"]["doing"], "over");
    let examples = result["examples"].as_array().unwrap();
    assert_eq!(examples.len(), 2);
    // The new version holds them as they are, and no label stands for it.
    let made = ada(&app, "prompt_get", json!({ "id": "hello", "version": "1.1.0" })).await.unwrap();
    assert_eq!(made["labels"][0]["targets"][0]["version"], "1.0.0");
    let input_of = json!({ "id": "hello", "version": "1.1.0", "variables": { "who": "Eva" } });
    let text = ada(&app, "prompt_assemble", input_of).await.unwrap()["assembled"].as_str().unwrap().to_owned();
    assert!(text.starts_with("Hello Eva") && text.contains(examples[0]["answer"].as_str().unwrap()), "{text}");
    loop {
        let event = events.recv().await.unwrap();
        if event.topic == "retraining.ended" {
            assert_eq!((&event.data["jobId"], &event.data["state"]), (&scheduled["jobId"], &json!("succeeded")));
            break;
        }
    }
    // The same seed chooses the same.
    let again =
        ada(&app, "retraining_schedule", json!({ "kind": "few_shot", "datasetId": set, "examples": 2, "seed": 5 }));
    let again = again.await.unwrap();
    work(&app).await;
    let again = job(&app, &again["jobId"]).await;
    assert_eq!((&again["result"]["examples"], &again["result"]["version"]), (&result["examples"], &Value::Null));
}

/// A model that is polite only when it is told to be.
pub(super) fn polite(said: &str) -> String {
    if said.contains("You improve prompts") {
        let template = if said.contains("clearer") { "Greet {{ who }} warmly" } else { "Greet somebody" };
        return format!("Of course.\n<template>\n{template}\n</template>");
    }
    let word = |before: &str| {
        said.split(before).nth(1).map(|rest| rest.split_whitespace().next().unwrap_or_default().to_owned())
    };
    match (word("Greet "), word("Hello ")) {
        (Some(name), _) => format!("Dear {name}"),
        (None, Some(name)) => format!("Hi {name}"),
        (None, None) => "9".to_owned(),
    }
}

#[tokio::test]
async fn the_best_wording_on_held_out_cases_is_written_as_a_new_version() {
    let vendor = Vendor::open(polite).await;
    let app = start(&vendor).await;
    let set = dataset(&app, 16, 0.5).await;
    let input = json!({
        "kind": "prompt_optimization", "datasetId": set, "promptId": "hello", "model": "live/tiny", "scoring": "exact", "examples": 0,
        "cases": 4,
    });
    let scheduled = ada(&app, "retraining_schedule", input).await.unwrap();
    // One step makes candidates, one tries each of the two that can be used, one writes the best.
    assert_eq!(work(&app).await, 4);
    let told = job(&app, &scheduled["jobId"]).await;
    assert_eq!(told["state"], "succeeded", "{told}");
    let result = &told["result"];
    assert_eq!((&result["baseScore"], &result["bestScore"], &result["cases"]), (&json!(0.0), &json!(1.0), &json!(4)));
    assert_eq!((&result["version"], &result["pValue"]), (&json!("1.1.0"), &json!(0.125)));
    let candidates = result["candidates"].as_array().unwrap();
    assert_eq!(candidates[1], json!({ "candidate": "wording 1", "score": 1.0 }));
    assert!(candidates[2]["refused"].as_str().unwrap().contains("'who'"), "{result}");
    let made = ada(&app, "prompt_get", json!({ "id": "hello", "version": "1.1.0" })).await.unwrap();
    assert_eq!(made["template"], "Greet {{ who }} warmly");
    assert_eq!(made["labels"][0]["targets"][0]["version"], "1.0.0", "no label was moved");
    // Two proposals and two candidates on four cases, each metered: ten tokens read at a dollar, five written at two a million.
    assert_eq!((&told["used"]["calls"], &told["used"]["costNanoDollars"]), (&json!(10), &json!(200_000)));
    let usage = ada(&app, "model_usage", json!({ "by": ["execution"] })).await.unwrap();
    let name = format!("retraining:{}", scheduled["jobId"].as_str().unwrap());
    assert_eq!((&usage["groups"][0]["execution"], &usage["groups"][0]["calls"]), (&json!(name), &json!(10)));
    // What is held out was never shown to whoever proposed a wording.
    let shelf = vendor.shelf();
    let proposals = shelf.asked.iter().filter(|said| said.contains("You improve prompts"));
    let tried: Vec<&String> = shelf.asked.iter().filter(|said| said.starts_with("Greet")).collect();
    for proposal in proposals {
        assert!(tried.iter().all(|said| {
            !proposal.contains(&format!("asked: {}\n", said.replace("Greet", "Hello").replace(" warmly", "")))
        }));
    }
}

#[tokio::test]
async fn nothing_is_written_where_nothing_is_better() {
    let vendor =
        Vendor::open(|said| if said.contains("You improve") { "no idea".to_owned() } else { "Dear me".to_owned() })
            .await;
    let app = start(&vendor).await;
    let set = dataset(&app, 8, 0.5).await;
    for scoring in ["overlap", "contract"] {
        let input = json!({
            "kind": "prompt_optimization", "datasetId": set, "promptId": "hello", "model": "live/tiny", "scoring": scoring, "wordings": 1,
        });
        let scheduled = ada(&app, "retraining_schedule", input).await.unwrap();
        work(&app).await;
        let told = job(&app, &scheduled["jobId"]).await;
        assert_eq!((&told["state"], &told["result"]["better"]), (&json!("succeeded"), &json!(false)), "{told}");
        assert_eq!(
            (&told["result"]["version"], &told["result"]["candidates"][1]["candidate"]),
            (&Value::Null, &json!("examples"))
        );
    }
    let versions = ada(&app, "prompt_versions", json!({ "id": "hello" })).await.unwrap();
    assert_eq!(versions["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_job_works_with_the_budgets_and_rights_of_whoever_scheduled_it() {
    let vendor = Vendor::open(|_| "4".to_owned()).await;
    let app = start(&vendor).await;
    let set = dataset(&app, 8, 0.5).await;
    let input = json!({
        "kind": "prompt_optimization", "datasetId": set, "promptId": "hello", "model": "live/tiny", "scoring": "rubric", "wordings": 0,
        "maxCalls": 1,
    });
    let few = ada(&app, "retraining_schedule", input.clone()).await.unwrap();
    work(&app).await;
    let told = job(&app, &few["jobId"]).await;
    assert_eq!((&told["state"], &told["failure"]["code"]), (&json!("failed"), &json!("retraining_too_many_calls")));
    // A budget that is spent makes it wait, and it goes on when there is more.
    let scheduled = ada(
        &app,
        "retraining_schedule",
        json!({ "kind": "prompt_optimization", "datasetId": set, "promptId": "hello",
        "model": "live/tiny", "scoring": "rubric", "wordings": 0 }),
    )
    .await
    .unwrap();
    let scope = format!("user:{}", app.member.user);
    app.call(&app.admin, "model_budget_set", json!({ "scope": scope, "period": "day", "tokens": 1 })).await.unwrap();
    work(&app).await;
    let told = job(&app, &scheduled["jobId"]).await;
    assert_eq!((&told["state"], &told["failure"]["code"]), (&json!("waiting"), &json!("budget_spent")), "{told}");
    let role = app.call(&app.admin, "api_key_list", json!({ "userId": app.member.user })).await.unwrap();
    let key = role["items"].as_array().unwrap()[0]["id"].clone();
    app.call(&app.admin, "api_key_revoke", json!({ "id": key })).await.unwrap();
    app.clock.advance(Duration::from_hours(48));
    work(&app).await;
    let told = app.call(&app.admin, "retraining_get", json!({ "id": scheduled["jobId"] })).await.unwrap();
    assert_eq!((&told["state"], &told["failure"]["code"]), (&json!("failed"), &json!("key_refused")), "{told}");
}

#[tokio::test]
async fn a_provider_tunes_a_model_once_whatever_ends_in_between() {
    let vendor = Vendor::open(|_| String::new()).await;
    let mut app = TestApp::start_with(|settings| vendor.lay(&settings.data)).await;
    let set = dataset(&app, 20, 0.3).await;
    let tuning = json!({ "suffix": "hellos", "epochs": 2 });
    let input = json!({ "kind": "fine_tuning", "datasetId": set, "model": "live/tiny", "tuning": tuning, "seed": 9 });
    let scheduled = app.call(&app.admin, "retraining_schedule", input).await.unwrap();
    let id = &scheduled["jobId"];
    // Whatever others put there meanwhile: ours are on a further page.
    vendor.shelf().page = 1;
    // The vendor takes each file and the job, and its answer is lost: all are found there and not sent again.
    for _ in 0..3 {
        vendor.shelf().lost = 1;
        work(&app).await;
        assert_eq!(job(&app, id).await["failure"]["code"], "provider_down");
        vendor.shelf().files.push(("other.jsonl".to_owned(), String::new()));
        if !vendor.shelf().jobs.is_empty() {
            vendor.shelf().jobs.push(json!({ "model": "tiny", "training_file": "file-99" }));
        }
        app = app.restart().await;
        app.clock.advance(Duration::from_mins(1));
    }
    work(&app).await;
    let told = job(&app, id).await;
    assert_eq!(
        (&told["state"], &told["progress"]["done"], &told["progress"]["of"]),
        (&json!("waiting"), &json!(3), &json!(4)),
        "{told}"
    );
    assert_eq!(told["progress"]["doing"], "the provider says: validating_files");
    app = app.restart().await;
    vendor.shelf().status = "running".to_owned();
    app.clock.advance(Duration::from_mins(1));
    assert_eq!(work(&app).await, 1);
    assert_eq!(job(&app, id).await["progress"]["doing"], "the provider says: running");
    vendor.shelf().status = "succeeded".to_owned();
    app.clock.advance(Duration::from_mins(1));
    work(&app).await;
    let told = job(&app, id).await;
    assert_eq!((&told["state"], &told["result"]["model"]), (&json!("succeeded"), &json!("live/ft:tiny:org:hellos")));
    assert_eq!((&told["result"]["trainedTokens"], &told["result"]["providerJob"]), (&json!(12_345), &json!("ftjob-1")));
    let shelf = vendor.shelf();
    let posted = |path: &str| shelf.came.iter().filter(|one| **one == format!("POST {path}")).count();
    assert_eq!((posted("/files"), posted("/fine_tuning/jobs")), (2, 1), "{:?}", shelf.came);
    for query in [
        "purpose=fine-tune&order=desc&limit=100",
        "purpose=fine-tune&order=desc&limit=100&after=file-2",
        "limit=100&after=ftjob-2",
    ] {
        assert!(shelf.queries.iter().any(|one| one == query), "{query}: {:?}", shelf.queries);
    }
    let (name, rows) = &shelf.files[0];
    assert_eq!(*name, format!("convoke-{}-train.jsonl", id.as_str().unwrap()));
    let row: Value = serde_json::from_str(rows.lines().next().unwrap()).unwrap();
    assert_eq!((&row["messages"][0]["role"], &row["messages"][1]["role"]), (&json!("user"), &json!("assistant")));
    assert_eq!(shelf.jobs[0]["method"]["supervised"]["hyperparameters"], json!({ "n_epochs": 2 }));
    let sent = (&shelf.jobs[0]["model"], &shelf.jobs[0]["training_file"], &shelf.jobs[0]["validation_file"]);
    assert_eq!(sent, (&json!("tiny"), &json!("file-1"), &json!("file-3")));
    assert_eq!(shelf.jobs[0]["seed"], 9);
}

#[tokio::test]
async fn a_tuning_that_fails_says_why() {
    let vendor = Vendor::open(|_| String::new()).await;
    let app = TestApp::start_with(|settings| vendor.lay(&settings.data)).await;
    let set = dataset(&app, 20, 0.0).await;
    let input = json!({ "kind": "fine_tuning", "datasetId": set, "model": "live/tiny" });
    let scheduled = app.call(&app.admin, "retraining_schedule", input).await.unwrap();
    vendor.shelf().status = "failed".to_owned();
    work(&app).await;
    app.clock.advance(Duration::from_mins(1));
    work(&app).await;
    let told = job(&app, &scheduled["jobId"]).await;
    assert_eq!((&told["state"], &told["failure"]["code"]), (&json!("failed"), &json!("tuning_failed")));
    assert!(told["failure"]["say"].as_str().unwrap().contains("row 3 has no assistant message"), "{told}");
    let input = json!({ "kind": "fine_tuning", "datasetId": set, "model": "live/gone" });
    assert_eq!(code(&ada(&app, "retraining_schedule", input.clone()).await), "unknown_model");
    let gone = app.call(&app.admin, "retraining_schedule", input).await.unwrap();
    work(&app).await;
    assert_eq!(job(&app, &gone["jobId"]).await["failure"]["code"], "unknown_model");
}

#[tokio::test]
async fn what_cannot_be_learned_is_refused_at_once() {
    let vendor = Vendor::open(|_| String::new()).await;
    let app = start(&vendor).await;
    let set = dataset(&app, 8, 0.0).await;
    let schedule = |input: Value| ada(&app, "retraining_schedule", input);
    for (input, pointer) in [
        (json!({ "kind": "prompt_optimization", "datasetId": set }), "/promptId"),
        (json!({ "kind": "fine_tuning", "datasetId": set }), "/model"),
        (json!({ "kind": "fine_tuning", "datasetId": set, "model": "live/tiny", "promptId": "hello" }), "/promptId"),
        (json!({ "kind": "fine_tuning", "datasetId": set, "model": "live/tiny", "seed": 2_147_483_648_u64 }), "/seed"),
        (json!({ "kind": "few_shot", "datasetId": set, "examples": 0 }), "/examples"),
        (json!({ "kind": "few_shot", "datasetId": set, "version": "1.0.0" }), "/version"),
        (json!({ "kind": "magic", "datasetId": set }), "/kind"),
    ] {
        let refused = schedule(input.clone()).await.unwrap_err();
        assert_eq!(refused.places()[0].pointer, pointer, "{input}: {refused:?}");
    }
    // No row to test with, and too few to tune with.
    let input = json!({ "kind": "prompt_optimization", "datasetId": set, "promptId": "hello" });
    assert_eq!(code(&schedule(input).await), "dataset_empty");
    let input = json!({ "kind": "fine_tuning", "datasetId": set, "model": "live/tiny" });
    assert_eq!(code(&schedule(input).await), "dataset_empty");
    let input = json!({ "kind": "few_shot", "datasetId": "0192f0c1-0000-7000-8000-0000000000aa" });
    assert!(schedule(input).await.unwrap_err().is(&codes::NOT_FOUND));
    let input = json!({ "kind": "few_shot", "datasetId": set });
    assert_eq!(code(&app.call(&app.stranger, "retraining_schedule", input.clone()).await), "not_found");
    assert_eq!(code(&app.call(&app.nobody, "retraining_schedule", input.clone()).await), "forbidden");
    let job = schedule(input).await.unwrap();
    let there = app.call(&app.stranger, "retraining_get", json!({ "id": job["jobId"] })).await;
    assert_eq!(code(&there), "not_found");
}
