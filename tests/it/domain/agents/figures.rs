//! `agent_metrics` and `agent_status`: figures of runs that were, and what is wrong with how an agent is set up.

use std::time::Duration;

use convoke::domain::agents::MODULE;
use convoke::kernel::clock::Clock as _;
use convoke::kernel::codes;
use convoke::port::logs::LogQuery;
use convoke::port::models::{ModelFaultKind, Piece};
use convoke::port::records::{Filter, Scope};
use convoke::port::store::{Batch, Step};
use futures::StreamExt as _;
use serde_json::{Value, json};

use super::streaming::opened;
use super::{call, calls, invoke, invoked, register, said, status};
use crate::support::app::TestApp;
use crate::support::scene::BO;
use crate::support::scripted::{Act, fault};

#[tokio::test]
async fn figures_are_of_the_runs_that_were() {
    let app = TestApp::start().await;
    let limits = json!({ "tools": { "names": ["prompt_get"] }, "limits": { "steps": 2 }, "prompt": { "id": "welcome-mail", "variables": { "name": "Bo" } } });
    register(&app, &app.member, "One", limits).await;
    let look = |id: &str| calls(&[call("a", "prompt_get", json!({ "id": id }))]);
    // One that takes three seconds, one at its limit with a tool that failed, one by a fault.
    app.vendor.tell("large", [Act::Take(Duration::from_secs(3)), look("welcome-mail"), said("Yes.")]);
    invoke(&app, &app.member, "one", "x").await;
    app.vendor.tell("large", [look("welcome-mail"), look("gone")]);
    invoke(&app, &app.admin, "one", "x").await;
    app.vendor.tell("large", [fault(ModelFaultKind::Refused)]);
    invoked(&app, &app.member, json!({ "id": "one", "prompt": "x" })).await.unwrap_err();

    let told = app.call(&app.member, "agent_metrics", json!({ "id": "one" })).await.unwrap();
    let runs = json!({ "total": 3, "completed": 1, "stopped": 1, "cancelled": 0, "failed": 1 });
    assert_eq!((&told["runs"], &told["whose"]), (&runs, &json!("everybody")));
    assert_eq!(told["stopReasons"], json!({ "end": 1, "steps": 1, "failed": 1 }));
    assert_eq!((&told["faults"], &told["errorRate"]), (&json!({ "content_refused": 1 }), &json!(0.3333)));
    assert_eq!((&told["modelCalls"], &told["cacheRate"], &told["tokensUsed"]), (&json!(4), &json!(0.0), &json!(60)));
    assert_eq!((&told["costNanoDollars"], &told["runsWithoutPrice"]), (&json!(4 * 200_000), &json!(0)));
    assert_eq!(told["latency"], json!({ "p50": 0, "p95": 3000, "p99": 3000 }));
    assert_eq!(told["tools"], json!([{ "tool": "prompt_get", "calls": 3, "failed": 1 }]));
    assert_eq!((&told["promptVersions"], &told["stepsPerRun"]), (&json!({ "welcome-mail@1.0.0": 3 }), &json!(1.3333)));
    // The log of models says the same of them.
    let usage = app.call(&app.admin, "model_usage", json!({ "agent": "one" })).await.unwrap();
    assert_eq!(usage["total"]["costNanoDollars"], told["costNanoDollars"]);

    // Who neither owns the agent nor manages runs sees their own; another period is empty; one turned around is refused.
    register(&app, &app.admin, "Two", json!({})).await;
    invoke(&app, &app.admin, "two", "x").await;
    invoke(&app, &app.member, "two", "x").await;
    let own = app.call(&app.member, "agent_metrics", json!({ "id": "two" })).await.unwrap();
    assert_eq!((&own["whose"], &own["runs"]["total"]), (&json!("own"), &json!(1)));
    let earlier = json!({ "id": "one", "from": "2026-10-01T00:00:00Z", "to": "2026-11-01T00:00:00Z" });
    assert_eq!(app.call(&app.member, "agent_metrics", earlier).await.unwrap()["runs"]["total"], 0);
    let turned = json!({ "id": "one", "from": "2026-11-01T00:00:00Z", "to": "2026-10-01T00:00:00Z" });
    assert_eq!(app.call(&app.member, "agent_metrics", turned).await.unwrap_err().places()[0].pointer, "/from");
    for tool in ["agent_metrics", "agent_status"] {
        assert!(app.call(&app.nobody, tool, json!({ "id": "one" })).await.unwrap_err().is(&codes::FORBIDDEN), "{tool}");
        assert!(
            app.call(&app.stranger, tool, json!({ "id": "one" })).await.unwrap_err().is(&codes::NOT_FOUND),
            "{tool}"
        );
    }
}

#[tokio::test]
async fn a_score_says_what_it_is_made_of_and_is_none_of_too_few_runs() {
    let app = TestApp::start().await;
    register(&app, &app.member, "One", json!({ "tools": { "names": ["prompt_get"] }, "limits": { "steps": 1 } })).await;
    for _ in 0..3 {
        invoke(&app, &app.member, "one", "x").await;
    }
    app.vendor.tell("large", [calls(&[call("a", "prompt_get", json!({ "id": "gone" }))])]);
    invoke(&app, &app.member, "one", "x").await;
    let told = status(&app, &app.member, "one", &Value::Null).await;
    assert_eq!((&told["performance"]["runs"], told["performance"].get("score")), (&json!(4), None));
    app.vendor.tell("large", [fault(ModelFaultKind::Refused)]);
    invoked(&app, &app.member, json!({ "id": "one", "prompt": "x" })).await.unwrap_err();
    let told = status(&app, &app.member, "one", &Value::Null).await;
    let parts = json!([
        { "name": "completed", "value": 0.6, "weight": 0.5, "of": 5 },
        { "name": "withinLimits", "value": 0.8, "weight": 0.25, "of": 5 },
        { "name": "toolsWorked", "value": 0.0, "weight": 0.25, "of": 1 },
    ]);
    assert_eq!(told["performance"]["parts"], parts);
    assert_eq!((&told["performance"]["score"], &told["health"]), (&json!(0.5), &json!("healthy")));
    app.vendor.tell("large", [fault(ModelFaultKind::Refused)]);
    invoked(&app, &app.member, json!({ "id": "one", "prompt": "x" })).await.unwrap_err();
    let told = status(&app, &app.member, "one", &Value::Null).await;
    assert_eq!((&told["health"], &told["problems"]), (&json!("degraded"), &json!([])));
}

#[tokio::test]
async fn what_is_wrong_with_an_agent_is_named_with_its_place() {
    let app = TestApp::start().await;
    register(&app, &app.member, "Helper", json!({})).await;
    let route = json!({ "name": "own", "candidates": [{ "model": "test/large" }] });
    app.call(&app.admin, "model_route_set", route.clone()).await.unwrap();
    let persona = json!({ "name": "Clerk", "description": "D.", "role": "A clerk." });
    app.call(&app.member, "persona_create", persona).await.unwrap();
    let whole = json!({
        "persona": { "id": "clerk" }, "prompt": { "id": "welcome-mail" }, "model": { "name": "own", "choices": ["test/third"] },
        "tools": { "names": ["prompt_get", "persona_*"], "agents": ["helper"] },
    });
    register(&app, &app.member, "One", whole).await;
    let told = status(&app, &app.member, "one", &Value::Null).await;
    assert_eq!(told["health"], "degraded");
    let lacking = &told["problems"][0];
    assert_eq!((&lacking["place"], &lacking["blocks"]), (&json!("/prompt/variables"), &json!(false)));
    assert!(lacking["say"].as_str().unwrap().contains("'name'"), "{lacking}");

    // The route is switched off: there is nobody to ask.
    let mut off = route;
    off["enabled"] = json!(false);
    app.call(&app.admin, "model_route_set", off).await.unwrap();
    let told = status(&app, &app.member, "one", &Value::Null).await;
    assert_eq!(told["health"], "unusable");
    let blocked: Vec<&Value> =
        told["problems"].as_array().unwrap().iter().filter(|one| one["blocks"] == true).collect();
    assert_eq!(
        (blocked.len(), &blocked[0]["place"], &blocked[0]["code"]),
        (1, &json!("/model/name"), &json!("unknown_model"))
    );
    let fault = invoked(&app, &app.member, json!({ "id": "one", "prompt": "x", "variables": { "name": "Bo" } }))
        .await
        .unwrap_err();
    assert_eq!(fault.code().name, "unknown_model");
    // Who may run agents and read neither prompts nor personas: what it is made of is not theirs to know, and it does not run for them.
    app.call(&app.member, "agent_update", json!({ "id": "one", "model": { "name": "test/large" } })).await.unwrap();
    let role = json!({ "name": "runner", "permissions": ["agents:read", "runs:create", "runs:read"] });
    app.call(&app.admin, "role_create", role).await.unwrap();
    app.call(&app.admin, "role_assign", json!({ "role": "runner", "userId": BO })).await.unwrap();
    let told = status(&app, &app.nobody, "one", &Value::Null).await;
    let places: Vec<&Value> = told["problems"].as_array().unwrap().iter().map(|one| &one["place"]).collect();
    assert_eq!((&told["health"], places), (&json!("unusable"), vec![&json!("/persona"), &json!("/prompt")]));
    let fault = invoked(&app, &app.nobody, json!({ "id": "one", "prompt": "x" })).await.unwrap_err();
    assert_eq!((fault.code().name, &fault.detail().unwrap()["place"]), ("agent_incomplete", &json!("/persona")));
    invoke(&app, &app.nobody, "archivist", "x").await;
    // Paused and retired are states, not problems.
    app.call(&app.member, "agent_update", json!({ "id": "one", "state": "paused" })).await.unwrap();
    assert_eq!(status(&app, &app.member, "one", &Value::Null).await["state"], "paused");
}

#[tokio::test]
async fn every_run_is_told_to_the_world_once() {
    let app = TestApp::start().await;
    let mut events = app.app.platform().hear();
    app.vendor.tell("large", [said("Yes."), fault(ModelFaultKind::Refused)]);
    let answer = invoke(&app, &app.member, "archivist", "x").await;
    invoked(&app, &app.member, json!({ "id": "archivist", "prompt": "x" })).await.unwrap_err();
    // One that is streamed to its end, one that nobody reads any more, and a replay, which is none.
    let ask = json!({ "id": "archivist", "prompt": "x" });
    let streamed: Vec<_> = opened(&app, &app.member, ask.clone()).await.unwrap().collect().await;
    app.vendor.tell("large", [Act::Hang(vec![Piece::Text { text: "half".to_owned() }])]);
    let mut left = opened(&app, &app.member, ask).await.unwrap();
    let started = left.next().await.unwrap().unwrap();
    drop(left);
    invoked(&app, &app.member, json!({ "id": "archivist", "replayOf": answer["executionId"] })).await.unwrap();
    // What was called off is written by whoever looks first.
    status(&app, &app.member, "archivist", &Value::Null).await;
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        if event.topic == "agent.invoked" {
            told.push(event.data.clone());
        }
    }
    let ends: Vec<&Value> = told.iter().map(|data| &data["status"]).collect();
    assert_eq!(ends, ["completed", "failed", "completed", "cancelled"], "{told:?}");
    let ids: Vec<&Value> = told.iter().map(|data| &data["executionId"]).collect();
    let stream = &streamed[0].as_ref().unwrap()["executionId"];
    assert_eq!((ids[0], ids[2], ids[3]), (&answer["executionId"], stream, &started["executionId"]));
    assert!(told.iter().all(|data| data["agentId"] == "archivist"));
}

#[tokio::test]
async fn how_an_agent_does_is_told_of_the_newest_runs_where_there_are_too_many() {
    let app = TestApp::start().await;
    let answer = invoke(&app, &app.member, "archivist", "x").await;
    let few = status(&app, &app.member, "archivist", &Value::Null).await;
    assert_eq!((&few["performance"]["runs"], &few["performance"]["newest"]), (&json!(1), &json!(false)));
    let (store, log) = (&app.app.platform().store, MODULE.logs[0]);
    let query = LogQuery { filter: Filter::All, beyond: None, descending: true, limit: 1 };
    let entry = store.entries(Scope::Tenant(app.member.tenant), log, query).await.unwrap().remove(0);
    let step = |_| Step::Append { log, stream: entry.stream.clone(), body: entry.body.clone() };
    let steps = (0..4_100).map(step).collect();
    store.commit(vec![Batch { tenant: app.member.tenant, at: app.clock.now(), steps }]).await.unwrap();
    let many = status(&app, &app.admin, "archivist", &Value::Null).await;
    assert_eq!((&many["performance"]["runs"], &many["performance"]["newest"]), (&json!(4_000), &json!(true)));
    let all = app.call(&app.admin, "agent_metrics", json!({ "id": "archivist" })).await.unwrap();
    assert_eq!(all["runs"]["total"], 4_101);
    // A transcript is told without counting anything.
    let told = status(&app, &app.member, "archivist", &answer["executionId"]).await;
    assert_eq!(told["execution"]["executionId"], answer["executionId"]);
    assert!(told.get("performance").is_none() && told.get("health").is_none(), "{told}");
}

#[tokio::test]
async fn how_runs_went_is_for_those_who_may_read_runs() {
    let app = TestApp::start().await;
    let role = json!({ "name": "looker", "permissions": ["agents:read", "runs:create", "prompts:read"] });
    app.call(&app.admin, "role_create", role).await.unwrap();
    app.call(&app.admin, "role_assign", json!({ "role": "looker", "userId": BO })).await.unwrap();
    let answer = invoke(&app, &app.nobody, "archivist", "x").await;
    let told = status(&app, &app.nobody, "archivist", &Value::Null).await;
    assert_eq!((&told["health"], &told["problems"]), (&json!("healthy"), &json!([])));
    assert!(told.get("performance").is_none() && told.get("lastRun").is_none(), "{told}");
    let input = json!({ "id": "archivist", "executionId": answer["executionId"] });
    let fault = app.call(&app.nobody, "agent_status", input.clone()).await.unwrap_err();
    assert_eq!((fault.code().name, &fault.detail().unwrap()["permission"]), ("forbidden", &json!("runs:read")));
    assert!(app.call(&app.admin, "agent_status", input).await.is_ok());
}
