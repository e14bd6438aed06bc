//! Agents that have other agents work, and single tools that are called as an agent.

use convoke::kernel::codes;
use serde_json::{Value, json};

use super::{call, calls, invoke, register, result, said, status};
use crate::support::app::TestApp;

/// An agent that may have others work, besides what `more` of its tools says.
fn leading(agents: &Value, effects: &Value) -> Value {
    json!({ "tools": { "names": ["agent_invoke", "prompt_get"], "effects": effects, "agents": agents } })
}

fn ask(id: &str, agent: &str) -> (String, String, Value) {
    call(id, "agent_invoke", json!({ "id": agent, "prompt": "Work." }))
}

#[tokio::test]
async fn an_agent_has_another_one_work_and_pays_for_it_too() {
    let app = TestApp::start().await;
    let mut lead = leading(&json!(["archivist"]), &json!(["read", "create"]));
    lead["limits"] = json!({ "tokens": 40 });
    register(&app, &app.member, "Lead", lead).await;
    app.vendor.tell("large", [calls(&[ask("a", "archivist")]), said("Below."), said("Above."), said("Never.")]);
    let answer = invoke(&app, &app.member, "lead", "Have it done.").await;
    assert_eq!((&answer["response"], &answer["executedTools"]), (&json!("Above."), &json!(["agent_invoke"])));
    // The run above knows only of its own tokens; its limit holds those below as well.
    assert_eq!(answer["tokensUsed"], 30);
    app.vendor.forget();
    app.vendor.tell(
        "large",
        [calls(&[ask("a", "archivist")]), said("Below."), calls(&[ask("b", "archivist")]), said("Never.")],
    );
    let answer = invoke(&app, &app.member, "lead", "Have it done.").await;
    assert_eq!((&answer["stopReason"], &answer["steps"]), (&json!("tokens"), &json!(2)), "{answer}");

    let told = app.call(&app.admin, "agent_status", json!({ "id": "archivist" })).await.unwrap();
    let below = status(&app, &app.member, "archivist", &told["lastRun"]["executionId"]).await;
    assert_eq!(below["execution"]["above"], json!([answer["executionId"]]));
    let usage = app.call(&app.member, "model_usage", json!({ "by": ["agent"] })).await.unwrap();
    let agents: Vec<&str> =
        usage["groups"].as_array().unwrap().iter().map(|one| one["agent"].as_str().unwrap()).collect();
    assert!(agents.contains(&"lead") && agents.contains(&"archivist"), "{usage}");
}

#[tokio::test]
async fn only_agents_that_are_named_may_be_run_and_none_gets_more_by_another() {
    let app = TestApp::start().await;
    let maker = json!({ "tools": { "names": ["persona_create", "agent_update"], "effects": ["create", "change"] } });
    register(&app, &app.member, "Maker", maker).await;
    register(&app, &app.member, "Lead", leading(&json!(["maker"]), &json!(["read", "create"]))).await;
    let change = json!({ "id": "archivist", "state": "paused" });
    app.vendor.tell(
        "large",
        [
            calls(&[ask("a", "archivist"), ask("b", "maker")]),
            // The one below: what its leader may not do to the world is not done for it.
            calls(&[call("c", "agent_update", change.clone())]),
            said("I may not."),
            said("So it is."),
        ],
    );
    let answer = invoke(&app, &app.member, "lead", "Pause it.").await;
    let codes: Vec<&Value> = answer["toolCalls"].as_array().unwrap().iter().map(|call| &call["code"]).collect();
    assert_eq!(codes, [&json!("tool_not_allowed"), &Value::Null], "{answer}");
    let state = app.call(&app.member, "agent_get", json!({ "id": "archivist" })).await.unwrap();
    assert_eq!(state["state"], "active");
    // By itself it may.
    app.vendor.tell("large", [calls(&[call("c", "agent_update", change)]), said("Done.")]);
    let answer = invoke(&app, &app.member, "maker", "Pause it.").await;
    assert_eq!(answer["executedTools"], json!(["agent_update"]));
}

#[tokio::test]
async fn an_agent_does_not_run_itself_for_ever() {
    let app = TestApp::start().await;
    register(&app, &app.member, "Lead", json!({})).await;
    let mut itself = leading(&json!(["lead"]), &json!(["create"]));
    itself["id"] = json!("lead");
    app.call(&app.member, "agent_update", itself).await.unwrap();
    let again = || calls(&[ask("a", "lead")]);
    app.vendor.tell("large", [again(), again(), again(), again()]);
    app.vendor.tell("large", ["four", "three", "two", "one"].map(said));
    let answer = invoke(&app, &app.member, "lead", "Go on.").await;
    assert_eq!((&answer["response"], &answer["steps"]), (&json!("one"), &json!(2)));
    assert_eq!(app.vendor.asked().len(), 8);
    let told = serde_json::to_string(&app.vendor.requests()[4].messages).unwrap();
    assert!(told.contains("agent_depth"), "{told}");
}

#[tokio::test]
async fn one_tool_is_called_as_the_agent() {
    let app = TestApp::start().await;
    let run = async |input: Value| app.call(&app.member, "agent_tool_execute", input).await;
    let told =
        run(json!({ "id": "archivist", "tool": "prompt_get", "input": { "id": "welcome-mail" } })).await.unwrap();
    assert_eq!((&told["agentId"], &told["result"]["promptId"]), (&json!("archivist"), &json!("welcome-mail")));
    for (tool, input, code) in [
        ("persona_get", json!({ "id": "house-guide" }), "tool_not_allowed"),
        ("prompt_create", json!({ "name": "x", "template": "x" }), "tool_not_allowed"),
        ("nothing", json!({}), "unknown_tool"),
        ("prompt_get", json!({ "id": "gone" }), "not_found"),
    ] {
        let fault = run(json!({ "id": "archivist", "tool": tool, "input": input })).await.unwrap_err();
        assert_eq!(fault.code().name, code, "{tool}");
    }
    let fault = run(json!({ "id": "archivist", "tool": "prompt_get", "input": { "ident": 1 } })).await.unwrap_err();
    assert!(fault.places().iter().any(|place| place.pointer == "/input/ident"), "{fault}");
    let may = json!({ "tools": { "names": ["persona_create", "user_create", "secret_put"], "effects": ["create", "change"] } });
    register(&app, &app.member, "Maker", may).await;
    let make = |tool: &str, input: Value| json!({ "id": "maker", "tool": tool, "input": input });
    let persona = json!({ "name": "Clerk", "description": "D.", "role": "A clerk." });
    run(make("persona_create", persona)).await.unwrap();
    let found = app.call(&app.admin, "audit_query", json!({ "action": "persona_create" })).await.unwrap();
    assert_eq!(found["items"][0]["agent"], "maker");
    // What the caller is not permitted, and what no agent is told or given.
    let fault = run(make("user_create", json!({ "email": "x@example.org" }))).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
    let secret = make("secret_put", json!({ "name": "x", "value": "y" }));
    let fault = app.call(&app.admin, "agent_tool_execute", secret).await.unwrap_err();
    assert!(fault.is(&codes::TOOL_NOT_ALLOWED), "{fault}");
    app.call(&app.member, "agent_update", json!({ "id": "maker", "state": "paused" })).await.unwrap();
    assert_eq!(run(make("user_me", json!({}))).await.unwrap_err().code().name, "agent_paused");
    for (person, code) in [(&app.nobody, "forbidden"), (&app.stranger, "not_found")] {
        let input = json!({ "id": "archivist", "tool": "prompt_get", "input": { "id": "welcome-mail" } });
        assert_eq!(app.call(person, "agent_tool_execute", input).await.unwrap_err().code().name, code);
    }
}

#[tokio::test]
async fn reading_is_not_kept_from_one_below_by_what_its_leader_may_do() {
    let app = TestApp::start().await;
    register(&app, &app.member, "Lead", leading(&json!(["archivist"]), &json!(["create"]))).await;
    let look = || call("b", "prompt_get", json!({ "id": "welcome-mail" }));
    app.vendor
        .tell("large", [calls(&[ask("a", "archivist"), look()]), calls(&[look()]), said("Below."), said("Above.")]);
    let answer = invoke(&app, &app.member, "lead", "Have it read.").await;
    // Its own effects hold for itself.
    let codes: Vec<&Value> = answer["toolCalls"].as_array().unwrap().iter().map(|call| &call["code"]).collect();
    assert_eq!(codes, [&Value::Null, &json!("tool_not_allowed")], "{answer}");
    let (told, failed) = result(&app.vendor.requests()[2], 0);
    assert!(!failed && told.contains("welcome-mail"), "{told}");
}
