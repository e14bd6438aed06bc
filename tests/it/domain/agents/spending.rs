//! What the tools of an agent spend: it is the agent's, whatever the model says, and counts against the limits and budgets of its run
//! and of those above.

use convoke::port::models::Tokens;
use futures::StreamExt as _;
use serde_json::{Value, json};

use super::streaming::opened;
use super::{call, calls, invoke, register, said};
use crate::support::app::TestApp;
use crate::support::scripted::Act;

/// An agent that may ask models by its tools.
async fn asking(app: &TestApp, name: &str, limits: Value) -> String {
    let tools = json!({ "names": ["model_complete", "model_embed"], "effects": ["create"] });
    let made = register(app, &app.member, name, json!({ "tools": tools, "limits": limits })).await;
    made["agentId"].as_str().unwrap().to_owned()
}

type Wanted = fn(&str, &str) -> (String, String, Value);

fn question(id: &str, text: &str) -> (String, String, Value) {
    call(id, "model_complete", json!({ "model": "test/third", "prompt": text, "cache": "use" }))
}

fn vectors(id: &str, text: &str) -> (String, String, Value) {
    call(id, "model_embed", json!({ "model": "test/vectors", "texts": [text] }))
}

#[tokio::test]
async fn what_an_agents_tools_spend_counts_against_its_limits() {
    let app = TestApp::start().await;
    // Two answers of the agent's own model have 30 tokens and cost 0.0004 dollars: without the tools there would be a third.
    for (name, limits, one, reason) in [
        ("By tokens", json!({ "tokens": 40 }), question as Wanted, "tokens"),
        ("By money", json!({ "dollars": "0.0005" }), question as Wanted, "dollars"),
        ("By vectors", json!({ "tokens": 34 }), vectors as Wanted, "tokens"),
    ] {
        let id = asking(&app, name, limits).await;
        app.vendor.forget();
        let ask = |text: &str| calls(&[one("a", &format!("{name}: {text}"))]);
        app.vendor.tell("large", [ask("What?"), ask("And what then?"), said("Never.")]);
        let answer = invoke(&app, &app.member, &id, "Ask.").await;
        assert_eq!((&answer["stopReason"], &answer["steps"]), (&json!(reason), &json!(2)), "{name} {answer}");
        assert!(answer["toolCalls"].as_array().unwrap().iter().all(|call| call.get("code").is_none()), "{answer}");
    }
}

#[tokio::test]
async fn what_the_cache_answers_to_a_tool_spends_nothing() {
    let app = TestApp::start().await;
    let id = asking(&app, "One", json!({ "tokens": 50 })).await;
    let ask = |id: &str| calls(&[question(id, "The same?")]);
    app.vendor.tell("large", [ask("a"), ask("b"), said("Done.")]);
    let answer = invoke(&app, &app.member, &id, "Ask.").await;
    assert_eq!((&answer["stopReason"], &answer["response"]), (&json!("end"), &json!("Done.")), "{answer}");
    assert_eq!(app.vendor.asked().iter().filter(|model| *model == "third").count(), 1);
}

#[tokio::test]
async fn a_tool_asks_as_the_agent_that_calls_it_whatever_the_model_says() {
    let app = TestApp::start().await;
    let id = asking(&app, "One", json!({})).await;
    for (scope, tokens) in [("agent:one", 1000), ("agent:other", 0), ("execution:elsewhere", 0)] {
        let budget = json!({ "scope": scope, "period": "day", "tokens": tokens });
        app.call(&app.admin, "model_budget_set", budget).await.unwrap();
    }
    let other = json!({ "model": "test/third", "prompt": "x", "agent": "other", "execution": "elsewhere" });
    app.vendor.tell("large", [calls(&[call("a", "model_complete", other)]), said("Never.")]);
    app.vendor.tell("third", [Act::Say("Much.", Some(Tokens { input: 900, output: 200, ..Tokens::default() }))]);
    let answer = invoke(&app, &app.member, &id, "Ask.").await;
    assert_eq!((&answer["stopReason"], &answer["steps"]), (&json!("budget"), &json!(1)), "{answer}");
    assert_eq!(answer["executedTools"], json!(["model_complete"]));
    let usage = app.call(&app.member, "model_usage", json!({ "by": ["agent", "execution"] })).await.unwrap();
    let groups = usage["groups"].as_array().unwrap();
    let of: Vec<_> = groups.iter().map(|one| (&one["agent"], &one["execution"])).collect();
    assert_eq!(of, [(&json!("one"), &answer["executionId"])], "{usage}");
}

#[tokio::test]
async fn a_budget_of_a_run_above_holds_the_runs_below_it() {
    let app = TestApp::start().await;
    let tools = json!({ "names": ["agent_invoke"], "effects": ["create"], "agents": ["archivist"] });
    register(&app, &app.member, "Lead", json!({ "tools": tools })).await;
    let ask = call("a", "agent_invoke", json!({ "id": "archivist", "prompt": "Work." }));
    app.vendor.tell("large", [Act::Wait, calls(&[ask]), said("Never.")]);
    let mut stream = opened(&app, &app.member, json!({ "id": "lead", "prompt": "Have it done." })).await.unwrap();
    let start = stream.next().await.unwrap().unwrap();
    let scope = format!("execution:{}", start["executionId"].as_str().unwrap());
    let (items, ()) = tokio::join!(stream.collect::<Vec<_>>(), async {
        app.vendor.asked_times(1).await;
        let budget = json!({ "scope": scope, "period": "total", "tokens": 0 });
        app.call(&app.admin, "model_budget_set", budget).await.unwrap();
        app.vendor.let_go(1);
    });
    let end = items.last().unwrap().as_ref().unwrap();
    assert_eq!((&end["stopReason"], &end["toolCalls"][0]["code"]), (&json!("budget"), &json!("budget_spent")), "{end}");
    assert_eq!(app.vendor.asked().len(), 1);
}
