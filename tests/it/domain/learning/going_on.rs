//! How retraining jobs go on: after a spent budget, with fewer rights, beside others, and with what colleagues write meanwhile.

use std::time::Duration;

use convoke::domain::learning::working::Worker;
use serde_json::{Value, json};

use super::retraining::{dataset, job, polite, scheduled, start, work};
use super::vendor::Vendor;
use super::{ada, code};
use crate::support::app::TestApp;
use crate::support::scene;

fn optimization(set: &Value, more: &Value) -> Value {
    let mut input = json!({
        "kind": "prompt_optimization", "datasetId": set, "promptId": "hello", "model": "live/tiny", "scoring": "exact", "examples": 0,
        "cases": 4,
    });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

#[tokio::test]
async fn what_was_paid_for_is_not_asked_for_again_when_the_budget_comes_back() {
    // One call a day: two wordings, two candidates on four cases, and where a model judges a mark for each answer.
    for (scoring, days, scores) in [("exact", 10, [0.0, 1.0]), ("rubric", 18, [0.2, 0.9])] {
        let vendor = Vendor::open(|said| match said.split_once("<answer>\n") {
            Some((_, answer)) => if answer.starts_with("Dear") { "9" } else { "2" }.to_owned(),
            None => polite(said),
        })
        .await;
        let app = start(&vendor).await;
        let set = dataset(&app, 16, 0.5).await;
        let id = scheduled(&app, optimization(&set, &json!({ "scoring": scoring }))).await;
        let scope = format!("user:{}", app.member.user);
        let budget = json!({ "scope": scope, "period": "day", "tokens": 1 });
        app.call(&app.admin, "model_budget_set", budget).await.unwrap();
        for day in 1..=days {
            work(&app).await;
            assert_eq!(vendor.shelf().asked.len(), day);
            let told = job(&app, &id).await;
            assert_eq!(told["used"]["calls"], json!(day), "{told}");
            if day < days {
                let stands = (&told["state"], &told["failure"]["code"]);
                assert_eq!(stands, (&json!("waiting"), &json!("budget_spent")), "{told}");
            }
            app.clock.advance(Duration::from_hours(24));
        }
        work(&app).await;
        let told = job(&app, &id).await;
        assert_eq!((&told["state"], &told["result"]["version"]), (&json!("succeeded"), &json!("1.1.0")), "{told}");
        assert_eq!(
            (&told["result"]["baseScore"], &told["result"]["bestScore"]),
            (&json!(scores[0]), &json!(scores[1]))
        );
        assert_eq!(told["failure"], Value::Null);
        let mut asked = vendor.shelf().asked.clone();
        asked.sort();
        asked.dedup();
        assert_eq!(asked.len(), days, "nothing was asked twice: {asked:?}");
    }
}

#[tokio::test]
async fn a_job_has_a_budget_of_its_own() {
    let vendor = Vendor::open(polite).await;
    let app = start(&vendor).await;
    let set = dataset(&app, 16, 0.5).await;
    let held = scheduled(&app, optimization(&set, &json!({}))).await;
    let free = scheduled(&app, optimization(&set, &json!({}))).await;
    let scope = format!("execution:retraining:{}", held.as_str().unwrap());
    app.call(&app.admin, "model_budget_set", json!({ "scope": scope, "period": "day", "tokens": 1 })).await.unwrap();
    work(&app).await;
    let told = job(&app, &held).await;
    assert_eq!((&told["state"], &told["failure"]["code"]), (&json!("waiting"), &json!("budget_spent")), "{told}");
    assert_eq!(told["used"]["calls"], 1);
    assert_eq!(job(&app, &free).await["state"], "succeeded");
}

#[tokio::test]
async fn a_round_is_one_step_of_one_job() {
    let vendor = Vendor::open(|_| panic!("nobody is asked")).await;
    let app = start(&vendor).await;
    let set = dataset(&app, 4, 0.0).await;
    let input = json!({ "kind": "few_shot", "datasetId": set, "examples": 1 });
    let first = scheduled(&app, input.clone()).await;
    app.clock.advance(Duration::from_secs(1));
    let second = scheduled(&app, input).await;
    assert_eq!(job(&app, &first).await["progress"]["doing"], "waiting for its turn");
    let worker = Worker::new(app.app.gate().clone());
    assert_eq!(worker.round().await.unwrap(), 1);
    // Who waits for a model holds nobody up: another worker takes the next.
    assert_eq!(job(&app, &first).await["state"], "succeeded");
    assert_eq!(job(&app, &second).await["state"], "queued");
    assert_eq!((worker.round().await.unwrap(), worker.round().await.unwrap()), (1, 0));
}

#[tokio::test]
async fn rights_that_are_taken_away_end_a_job_that_needs_them() {
    let vendor = Vendor::open(polite).await;
    let app = start(&vendor).await;
    let set = dataset(&app, 16, 0.5).await;
    let asks = scheduled(&app, optimization(&set, &json!({}))).await;
    let few_shot = json!({ "kind": "few_shot", "datasetId": set, "examples": 1 });
    let chooses = scheduled(&app, few_shot.clone()).await;
    let as_admin = |tool: &'static str, input: Value| {
        let app = &app;
        async move { app.call(&app.admin, tool, input).await.unwrap() }
    };
    let permissions = json!(["learning:*", "prompts:*"]);
    let role = as_admin("role_create", json!({ "name": "learner", "permissions": permissions })).await;
    let learner = json!({ "role": role["id"], "userId": scene::ADA });
    as_admin("role_assign", learner.clone()).await;
    as_admin("role_revoke", json!({ "role": "member", "userId": scene::ADA })).await;
    work(&app).await;
    let told = job(&app, &asks).await;
    assert_eq!((&told["state"], &told["failure"]["code"]), (&json!("failed"), &json!("forbidden")), "{told}");
    assert!(told["failure"]["say"].as_str().unwrap().contains("completions:create"), "{told}");
    assert_eq!(vendor.shelf().asked, Vec::<String>::new());
    assert_eq!(job(&app, &chooses).await["state"], "succeeded");

    let chooses = scheduled(&app, few_shot).await;
    as_admin("role_revoke", learner).await;
    work(&app).await;
    let told = as_admin("retraining_get", json!({ "id": chooses })).await;
    assert_eq!((&told["state"], &told["failure"]["code"]), (&json!("failed"), &json!("forbidden")), "{told}");
    assert!(told["failure"]["say"].as_str().unwrap().contains("learning:create"), "{told}");
}

#[tokio::test]
async fn the_operator_pays_for_tuning_only_by_who_may_spend() {
    let vendor = Vendor::open(|_| String::new()).await;
    let app = TestApp::start_with(|settings| {
        vendor.lay(&settings.data);
        settings.config.outside.private_networks = vec!["127.0.0.0/8".to_owned()];
    })
    .await;
    let set = dataset(&app, 20, 0.0).await;
    let tune = |model: &str| json!({ "kind": "fine_tuning", "datasetId": set, "model": model });
    let refused = ada(&app, "retraining_schedule", tune("live/tiny")).await;
    assert_eq!(code(&refused), "tuning_spends_for_all");
    assert_eq!(refused.unwrap_err().detail().unwrap()["permission"], "spending:manage");
    // Who may spend may, as long as they may.
    let role =
        app.call(&app.admin, "role_create", json!({ "name": "spender", "permissions": ["spending:*"] })).await.unwrap();
    let spender = json!({ "role": role["id"], "userId": scene::ADA });
    app.call(&app.admin, "role_assign", spender.clone()).await.unwrap();
    let id = scheduled(&app, tune("live/tiny")).await;
    app.call(&app.admin, "role_revoke", spender).await.unwrap();
    work(&app).await;
    let told = job(&app, &id).await;
    assert_eq!(
        (&told["state"], &told["failure"]["code"]),
        (&json!("failed"), &json!("tuning_spends_for_all")),
        "{told}"
    );
    assert_eq!(vendor.shelf().came, Vec::<String>::new());
    // A provider of the tenant's own is paid by the tenant.
    let own = json!({ "name": "ours", "text": vendor.provider("ours") });
    app.call(&app.admin, "model_provider_set", own).await.unwrap();
    let id = scheduled(&app, tune("ours/tiny")).await;
    work(&app).await;
    let told = job(&app, &id).await;
    assert_eq!((&told["state"], &told["failure"]), (&json!("waiting"), &Value::Null), "{told}");
    let shelf = vendor.shelf();
    assert_eq!((shelf.files.len(), shelf.jobs.len()), (1, 1));
}

#[tokio::test]
async fn what_a_colleague_writes_meanwhile_is_no_part_of_the_new_version() {
    let vendor = Vendor::open(|_| panic!("nobody is asked")).await;
    let app = start(&vendor).await;
    let set = dataset(&app, 6, 0.0).await;
    let before = ada(&app, "prompt_get", json!({ "id": "hello", "version": "1.0.0" })).await.unwrap();
    let id = scheduled(&app, json!({ "kind": "few_shot", "datasetId": set, "promptId": "hello", "examples": 1 })).await;
    let variables = json!([
        { "name": "who", "type": "string", "description": "Who it is to." },
        { "name": "tone", "type": "string", "description": "How it sounds." },
    ]);
    let draft = json!({
        "id": "hello", "template": "Hello {{ who }}, {{ tone }}", "variables": variables,
        "cases": [{ "name": "loud", "variables": { "who": "Bo", "tone": "loud" }, "contains": ["!"] }],
        "checks": [{ "name": "short", "variables": { "who": "Bo", "tone": "x" }, "maxTokens": 50 }],
    });
    app.call(&app.admin, "prompt_update", draft).await.unwrap();
    work(&app).await;
    let told = job(&app, &id).await;
    assert_eq!((&told["state"], &told["result"]["version"]), (&json!("succeeded"), &json!("1.1.0")), "{told}");
    let made = ada(&app, "prompt_get", json!({ "id": "hello", "version": "1.1.0" })).await.unwrap();
    for part in ["variables", "cases", "checks"] {
        assert_eq!(made[part], before[part], "{part}");
    }
    assert!(made["template"].as_str().unwrap().starts_with("Hello {{ who }}\n\nExamples"), "{made}");
}

#[tokio::test]
async fn what_is_there_is_the_measure_whatever_could_be_said_against_it() {
    let vendor = Vendor::open(polite).await;
    let app = start(&vendor).await;
    let set = dataset(&app, 16, 0.5).await;
    // It looks like a secret: no candidate may hold one.
    let told = json!({ "id": "hello", "template": "Hello {{ who }} password = hunter22" });
    ada(&app, "prompt_update", told).await.unwrap();
    let id = scheduled(&app, optimization(&set, &json!({ "version": "draft", "examples": 1 }))).await;
    work(&app).await;
    let told = job(&app, &id).await;
    assert_eq!(told["state"], "succeeded", "{told}");
    let candidates = &told["result"]["candidates"];
    assert_eq!(
        (&candidates[0], &told["result"]["baseScore"]),
        (&json!({ "candidate": "present", "score": 0.0 }), &json!(0.0))
    );
    assert!(candidates[1]["refused"].as_str().unwrap().contains("password"), "{told}");
    assert_eq!((&told["result"]["better"], &told["result"]["bestScore"]), (&json!(true), &json!(1.0)), "{told}");
}

#[tokio::test]
async fn cases_that_candidates_are_scored_by_are_shown_to_nobody() {
    let vendor = Vendor::open(polite).await;
    let app = start(&vendor).await;
    dataset(&app, 2, 0.0).await;
    // Somebody said something of an answer to the very case, with its variables and in words.
    for asked in [json!({ "variables": { "who": "Zoe" } }), json!({ "input": "Hello Zoe" })] {
        let mut feedback = json!({ "correction": "Dear Zoe, how are you?" });
        feedback.as_object_mut().unwrap().extend(asked.as_object().unwrap().clone());
        let input = json!({ "promptId": "hello", "version": "1.0.0", "feedback": feedback });
        ada(&app, "feedback_submit", input).await.unwrap();
    }
    for sources in [json!(["cases", "feedback"]), json!(["feedback"])] {
        let input = json!({ "name": "All", "promptId": "hello", "sources": sources, "testShare": 0 });
        let set = ada(&app, "dataset_create", input).await.unwrap();
        assert_eq!(set["rows"], 3, "two names and Zoe: {set}");
        let more = json!({ "scoring": "contract", "examples": 3, "wordings": 1 });
        let id = scheduled(&app, optimization(&set["datasetId"], &more)).await;
        work(&app).await;
        let told = job(&app, &id).await;
        assert_eq!((&told["state"], &told["result"]["cases"]), (&json!("succeeded"), &json!(1)), "{told}");
        let mut shelf = vendor.shelf();
        let (proposals, tried): (Vec<String>, Vec<String>) =
            shelf.asked.drain(..).partition(|said| said.contains("You improve prompts"));
        assert_eq!(proposals.len(), 1);
        assert!(proposals[0].contains("Dear N0") && !proposals[0].contains("Zoe"), "{proposals:?}");
        let with = tried.iter().filter(|said| said.contains("<example>")).count();
        assert!(with > 0, "{tried:?}");
        assert!(tried.iter().all(|said| said.contains("Zoe") && !said.contains("Dear Zoe")), "{tried:?}");
    }
}
