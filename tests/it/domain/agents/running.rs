//! What a run does: asks, calls tools, reads what they answer, and ends.

use std::sync::Arc;

use convoke::capability::caller::Caller;
use convoke::capability::gate::approve::ApprovalPolicy;
use convoke::capability::tool::Tool;
use convoke::kernel::codes;
use convoke::port::models::{Part, Role};
use serde_json::{Value, json};

use super::{call, calls, invoke, invoked, register, result, said};
use crate::support::app::TestApp;

#[tokio::test]
async fn tools_that_the_model_wants_run_at_once_and_it_reads_what_they_answer() {
    let app = TestApp::start().await;
    register(
        &app,
        &app.member,
        "One",
        json!({ "persona": { "id": "house-guide" }, "tools": { "names": ["prompt_*"] } }),
    )
    .await;
    let wanted =
        [call("a", "prompt_get", json!({ "id": "welcome-mail" })), call("b", "prompt_list", json!({ "tag": "mail" }))];
    app.vendor.tell("large", [calls(&wanted), said("It is welcome-mail.")]);
    let input = json!({ "id": "one", "agentId": "One", "prompt": "Which one?", "context": { "customer": "c-1" } });
    let answer = app.call(&app.member, "agent_invoke", input).await.unwrap();
    assert_eq!((&answer["response"], &answer["status"]), (&json!("It is welcome-mail."), &json!("completed")));
    assert_eq!((&answer["stopReason"], &answer["steps"], &answer["cached"]), (&json!("end"), &json!(2), &json!(false)));
    assert_eq!(answer["executedTools"], json!(["prompt_get", "prompt_list"]));
    let steps: Vec<&Value> = answer["toolCalls"].as_array().unwrap().iter().map(|call| &call["step"]).collect();
    assert_eq!(steps, [1, 1]);
    assert_eq!((&answer["tokensUsed"], &answer["model"]), (&json!(30), &json!("test/large")));
    assert_eq!(answer["cost"], json!({ "known": true, "nanoDollars": 2 * (10 * 10_000 + 5 * 20_000) }));

    let requests = app.vendor.requests();
    let texts = |at: usize| serde_json::to_string(&requests[at].messages).unwrap();
    let system = &requests[0].messages[0];
    assert_eq!(system.role, Role::System);
    assert!(texts(0).contains("house guide") || texts(0).contains("House guide"), "{}", texts(0));
    assert!(texts(0).contains("Be short.") && texts(0).contains("Which one?") && texts(0).contains("c-1"));
    let offered: Vec<&str> = requests[0].tools.iter().map(|tool| tool.name.as_str()).collect();
    assert!(offered.contains(&"prompt_get") && offered.contains(&"prompt_assemble"), "{offered:?}");
    // What writes is not offered: only reading is allowed when nothing is said.
    assert!(!offered.contains(&"prompt_create") && !offered.contains(&"persona_get"), "{offered:?}");
    let told = &requests[1].messages.last().unwrap().parts;
    assert!(
        matches!(&told[0], Part::ToolResult { id, failed: false, text } if id == "a" && text.contains("welcome-mail"))
    );
    assert!(matches!(&told[1], Part::ToolResult { id, failed: false, .. } if id == "b"));
    // The answer of the model went back as it came.
    assert!(matches!(&requests[1].messages[2].parts[0], Part::ToolCall { id, .. } if id == "a"));
}

#[tokio::test]
async fn what_the_model_may_not_do_is_told_to_it_as_a_fault() {
    let app = TestApp::start().await;
    let everything = json!({ "tools": { "names": ["*"], "except": ["persona_*"], "effects": ["read", "create"] } });
    register(&app, &app.member, "One", everything).await;
    let wanted = [
        call("a", "persona_get", json!({ "id": "house-guide" })),
        call("b", "agent_delete", json!({ "id": "archivist" })),
        call("c", "user_create", json!({ "email": "x@example.org" })),
        call("d", "api_key_create", json!({ "name": "mine" })),
        call("e", "nothing_at_all", json!({})),
        call("f", "tool_call", json!({ "name": "persona_get", "input": { "id": "house-guide" } })),
        call("g", "model_stream", json!({ "prompt": "x" })),
        call("h", "prompt_get", json!({ "ident": 7 })),
        call("i", "prompt_get", json!("no object")),
        call("j", "agent_invoke", json!({ "id": "archivist", "prompt": "x" })),
    ];
    app.vendor.tell("large", [calls(&wanted), said("Sorry.")]);
    let answer = invoke(&app, &app.member, "one", "Do all of it.").await;
    let codes: Vec<&str> =
        answer["toolCalls"].as_array().unwrap().iter().map(|call| call["code"].as_str().unwrap_or("none")).collect();
    let expected = [
        "tool_not_allowed",
        "tool_not_allowed",
        // Allowed to the agent, and not permitted to the caller.
        "forbidden",
        "tool_not_allowed",
        "unknown_tool",
        "tool_not_allowed",
        "tool_not_allowed",
        "bad_input",
        "bad_input",
        "tool_not_allowed",
    ];
    assert_eq!(codes, expected);
    assert_eq!((&answer["executedTools"], &answer["response"]), (&json!([]), &json!("Sorry.")));
    let (text, failed) = result(&app.vendor.requests()[1], 7);
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert!(failed);
    assert_eq!((&problem["code"], &problem["violations"][0]["pointer"]), (&json!("bad_input"), &json!("/ident")));
    // The administrator is permitted what the member is not; the agent's own allowance holds all the same.
    app.vendor.tell("large", [calls(&wanted[..3]), said("Well.")]);
    let answer = invoke(&app, &app.admin, "one", "Again.").await;
    let codes: Vec<&Value> = answer["toolCalls"].as_array().unwrap().iter().map(|call| &call["code"]).collect();
    assert_eq!(codes, [&json!("tool_not_allowed"), &json!("tool_not_allowed"), &Value::Null]);
}

#[tokio::test]
async fn a_call_that_was_wrong_is_mended() {
    let app = TestApp::start().await;
    app.vendor.tell(
        "large",
        [
            calls(&[call("a", "prompt_get", json!({ "id": "welcome" }))]),
            calls(&[call("b", "prompt_get", json!({ "id": "welcome-mail" }))]),
            said("Found."),
        ],
    );
    let answer = invoke(&app, &app.member, "archivist", "Read it.").await;
    assert_eq!((&answer["toolCalls"][0]["code"], &answer["toolCalls"][1].get("code")), (&json!("not_found"), &None));
    assert_eq!((&answer["executedTools"], &answer["steps"]), (&json!(["prompt_get"]), &json!(3)));
    let requests = app.vendor.requests();
    let (text, failed) = result(&requests[1], 0);
    assert!(failed && text.contains("\"code\":\"not_found\"") && text.contains("mend"), "{text}");
}

#[tokio::test]
async fn a_call_in_a_run_is_audited_as_the_agents() {
    let app = TestApp::start().await;
    let may = json!({ "tools": { "names": ["persona_create"], "effects": ["create"] } });
    register(&app, &app.member, "One", may).await;
    let persona = json!({ "name": "Clerk", "description": "D.", "role": "A clerk." });
    app.vendor.tell("large", [calls(&[call("a", "persona_create", persona)]), said("Done.")]);
    let answer = invoke(&app, &app.member, "one", "Make a clerk.").await;
    assert_eq!(answer["executedTools"], json!(["persona_create"]));
    let found = app.call(&app.admin, "audit_query", json!({ "action": "persona_create" })).await.unwrap();
    let entry = &found["items"][0];
    assert_eq!((&entry["agent"], &entry["actor"]), (&json!("one"), &json!(app.member.user)), "{entry}");
    let found = app.call(&app.admin, "audit_query", json!({ "action": "agent_invoke" })).await.unwrap();
    assert!(
        found["items"][0].get("agent").is_none() && found["items"][0]["actor"] == json!(app.member.user),
        "{found}"
    );
    // What was made is the caller's.
    let own = app.call(&app.member, "persona_update", json!({ "id": "clerk", "tone": "dry" })).await;
    assert!(own.is_ok(), "{own:?}");
}

#[tokio::test]
async fn a_prompt_with_variables_tells_the_task_and_its_version() {
    let app = TestApp::start().await;
    let prompt = json!({ "prompt": { "id": "welcome-mail", "variables": { "name": "Bo" } } });
    register(&app, &app.member, "One", prompt).await;
    let input = json!({ "id": "one", "prompt": "Go.", "variables": { "name": "Ada" }, "session": "s-1" });
    let answer = app.call(&app.member, "agent_invoke", input).await.unwrap();
    assert_eq!(answer["promptVersion"], "welcome-mail@1.0.0");
    let system = serde_json::to_string(&app.vendor.requests()[0].messages[0]).unwrap();
    assert!(system.contains("Write a welcome mail to Ada.") && system.contains("Be short."), "{system}");
    let wrong = json!({ "id": "one", "prompt": "Go.", "variables": { "colour": "red" } });
    let fault = app.call(&app.member, "agent_invoke", wrong).await.unwrap_err();
    assert!(fault.is(&codes::BAD_INPUT) && fault.places()[0].pointer.starts_with("/variables"), "{fault}");
    // Two versions share the label: who got which is noted, as for whoever assembles it.
    let split = json!([{ "version": "1.0.0", "weight": 1 }, { "version": "draft", "weight": 1 }]);
    let split = json!({ "id": "welcome-mail", "labels": [{ "label": "production", "split": split }] });
    app.call(&app.member, "prompt_publish", split).await.unwrap();
    let answer = invoke(&app, &app.member, "one", "Go.").await;
    assert!(answer["exposureId"].is_string(), "{answer}");
    // Its usage is told by agent, version and run.
    let by = json!({ "by": ["agent", "prompt_version", "execution"] });
    let usage = app.call(&app.member, "model_usage", by).await.unwrap();
    let of = usage["groups"].as_array().unwrap().iter().find(|one| one["execution"] == answer["executionId"]).unwrap();
    assert_eq!((&of["agent"], &of["promptVersion"]), (&json!("one"), &answer["promptVersion"]));
}

#[tokio::test]
async fn an_earlier_conversation_goes_before_the_prompt() {
    let app = TestApp::start().await;
    let earlier = json!([{ "role": "user", "content": "Hi." }, { "role": "assistant", "content": "Hello." }]);
    let input = json!({ "id": "archivist", "prompt": "And now?", "messages": earlier });
    app.call(&app.member, "agent_invoke", input).await.unwrap();
    let roles: Vec<Role> = app.vendor.requests()[0].messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::User]);
}

#[tokio::test]
async fn the_caller_chooses_among_the_agents_models_only() {
    let app = TestApp::start().await;
    let model =
        json!({ "model": { "name": "test/large", "choices": ["test/third"], "maxTokens": 100, "temperature": 0.5 } });
    register(&app, &app.member, "One", model).await;
    let ask = async |more: Value| {
        let mut input = json!({ "id": "one", "prompt": "x" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        app.call(&app.member, "agent_invoke", input).await
    };
    ask(json!({ "model": "test/third", "temperature": 1.0, "maxTokens": 50 })).await.unwrap();
    ask(json!({ "maxTokens": 5000 })).await.unwrap();
    let requests = app.vendor.requests();
    assert_eq!(app.vendor.asked(), ["third", "large"]);
    assert_eq!((requests[0].temperature, requests[0].max_tokens), (Some(1.0), Some(50)));
    assert_eq!((requests[1].temperature, requests[1].max_tokens), (Some(0.5), Some(100)));
    for (more, place) in [
        (json!({ "model": "test/small" }), "/model"),
        (json!({ "agentId": "two" }), "/agentId"),
        (json!({ "variables": { "name": "x" } }), "/variables/name"),
    ] {
        let fault = ask(more).await.unwrap_err();
        assert_eq!((fault.code().name, fault.places()[0].pointer.as_str()), ("bad_input", place));
    }
    let fault = app.call(&app.member, "agent_invoke", json!({ "id": "one" })).await.unwrap_err();
    assert_eq!(fault.places()[0].pointer, "/prompt");
}

#[tokio::test]
async fn what_cannot_run_is_refused_before_anybody_is_asked() {
    let app = TestApp::start().await;
    let code = async |input: Value| invoked(&app, &app.member, input).await.unwrap_err().code().name;
    assert_eq!(code(json!({ "id": "nobody", "prompt": "x" })).await, "not_found");
    register(&app, &app.member, "One", json!({ "prompt": { "id": "welcome-mail", "label": "production" } })).await;
    app.call(&app.member, "agent_update", json!({ "id": "one", "state": "paused" })).await.unwrap();
    assert_eq!(code(json!({ "id": "one", "prompt": "x" })).await, "agent_paused");
    app.call(&app.member, "agent_delete", json!({ "id": "one" })).await.unwrap();
    assert_eq!(code(json!({ "id": "one", "prompt": "x" })).await, "agent_retired");
    let fault = invoked(&app, &app.nobody, json!({ "id": "archivist", "prompt": "x" })).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
    let fault = invoked(&app, &app.stranger, json!({ "id": "archivist", "prompt": "x" })).await.unwrap_err();
    assert!(fault.is(&codes::NOT_FOUND), "{fault}");
    // Another tenant has agents and no models.
    register(&app, &app.stranger, "Theirs", json!({ "model": {} })).await;
    let fault = invoked(&app, &app.stranger, json!({ "id": "theirs", "prompt": "x" })).await.unwrap_err();
    assert_eq!(fault.code().name, "no_model_configured");
    assert!(fault.detail().unwrap()["executionId"].is_string());
    assert!(app.vendor.asked().is_empty());
}

#[tokio::test]
async fn many_tools_are_found_and_not_listed() {
    let app = TestApp::start().await;
    register(&app, &app.admin, "One", json!({ "tools": { "names": ["*"], "except": ["persona_*"] } })).await;
    let read = |id: &str, name: &str, input: Value| call(id, "tool_read", json!({ "name": name, "input": input }));
    app.vendor.tell(
        "large",
        [
            calls(&[call("a", "tool_search", json!({ "query": "show a persona", "limit": 25 }))]),
            calls(&[
                read("b", "prompt_get", json!({ "id": "welcome-mail" })),
                read("c", "persona_get", json!({ "id": "house-guide" })),
            ]),
            said("Done."),
        ],
    );
    let answer = invoke(&app, &app.admin, "one", "Find it.").await;
    let requests = app.vendor.requests();
    let offered: Vec<&str> = requests[0].tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(offered, ["tool_search", "tool_describe", "tool_read"]);
    // The search finds for the agent what the agent may use.
    let (found, failed) = result(&requests[1], 0);
    assert!(!failed && !found.contains("persona_get") && !found.contains("user_create"), "{found}");
    let codes: Vec<&Value> = answer["toolCalls"].as_array().unwrap().iter().map(|call| &call["code"]).collect();
    assert_eq!(codes, [&Value::Null, &Value::Null, &json!("tool_not_allowed")]);
}

#[tokio::test]
async fn what_the_cache_answers_is_said_to_be() {
    let app = TestApp::start().await;
    register(&app, &app.member, "One", json!({ "model": { "name": "test/large", "cache": true } })).await;
    let first = invoke(&app, &app.member, "one", "x").await;
    let again = invoke(&app, &app.member, "one", "x").await;
    assert_eq!((&first["cached"], &again["cached"]), (&json!(false), &json!(true)));
    assert_eq!((&again["tokensUsed"], &again["cost"]["nanoDollars"]), (&json!(0), &json!(0)));
    assert_eq!(app.vendor.asked().len(), 1);
}

/// Holds every call that makes a persona.
struct NoPersonas;

impl ApprovalPolicy for NoPersonas {
    fn demands(&self, _: &Caller, tool: &Tool, _: &Value) -> Option<String> {
        (&*tool.name == "persona_create").then(|| "somebody must look at it".to_owned())
    }
}

#[tokio::test]
async fn approvals_and_rate_limits_hold_inside_a_run() {
    let app = TestApp::start_with(|settings| {
        settings.approvals = Arc::new(NoPersonas);
        settings.config.limits.reads_per_minute = 3;
    })
    .await;
    let may = json!({ "tools": { "names": ["persona_create", "prompt_get"], "effects": ["read", "create"] } });
    register(&app, &app.member, "One", may).await;
    let persona = json!({ "name": "Clerk", "description": "D.", "role": "A clerk." });
    let looks = (0..4).map(|at| call(&format!("c{at}"), "prompt_get", json!({ "id": format!("p-{at}") })));
    let wanted: Vec<_> = std::iter::once(call("a", "persona_create", persona)).chain(looks).collect();
    app.vendor.tell("large", [calls(&wanted), said("I wait.")]);
    let answer = invoke(&app, &app.member, "one", "Make a clerk.").await;
    let mut codes: Vec<&str> =
        answer["toolCalls"].as_array().unwrap().iter().map(|call| call["code"].as_str().unwrap()).collect();
    assert_eq!(codes.remove(0), "approval_required");
    codes.sort_unstable();
    assert_eq!(codes, ["not_found", "not_found", "not_found", "rate_limited"]);
    let (told, _) = result(&app.vendor.requests()[1], 0);
    let problem: Value = serde_json::from_str(&told).unwrap();
    let id = problem["data"]["operationId"].as_str().unwrap().parse().unwrap();
    let caller = app.identify(app.member.key.reveal()).await.unwrap();
    let held = app.app.gate().operation(&caller, id).await.unwrap();
    assert_eq!(held.value.agent.as_deref(), Some("one"));
}

#[tokio::test]
async fn who_may_only_write_finds_its_tools_too() {
    let app = TestApp::start().await;
    let tools = json!({ "names": ["*"], "effects": ["create", "change", "remove"], "agents": ["archivist"] });
    register(&app, &app.admin, "One", json!({ "tools": tools })).await;
    app.vendor.tell(
        "large",
        [
            calls(&[
                call("a", "tool_search", json!({ "query": "create a persona" })),
                call("b", "tool_describe", json!({ "name": "persona_create" })),
                call("c", "prompt_get", json!({ "id": "welcome-mail" })),
            ]),
            said("Done."),
        ],
    );
    let answer = invoke(&app, &app.admin, "one", "Find it.").await;
    let offered: Vec<String> = app.vendor.requests()[0].tools.iter().map(|tool| tool.name.clone()).collect();
    assert_eq!(offered, ["tool_search", "tool_describe", "tool_call"]);
    let codes: Vec<&Value> = answer["toolCalls"].as_array().unwrap().iter().map(|call| &call["code"]).collect();
    assert_eq!(codes, [&Value::Null, &Value::Null, &json!("tool_not_allowed")], "{answer}");
}

#[tokio::test]
async fn a_run_that_is_refused_is_no_use_of_its_prompt() {
    let app = TestApp::start().await;
    let prompt = json!({ "prompt": { "id": "welcome-mail", "variables": { "name": "Bo" } } });
    register(&app, &app.member, "One", prompt).await;
    let uses = async || {
        let told = app.call(&app.member, "prompt_versions", json!({ "id": "welcome-mail" })).await.unwrap();
        told["items"].as_array().unwrap().iter().map(|one| one["uses"].as_u64().unwrap()).sum::<u64>()
    };
    let before = uses().await;
    for wrong in [
        json!({ "id": "one" }),
        json!({ "id": "one", "prompt": "x", "model": "test/small" }),
        json!({ "id": "one", "prompt": "x", "agentId": "two" }),
    ] {
        assert!(invoked(&app, &app.member, wrong).await.unwrap_err().is(&codes::BAD_INPUT));
    }
    assert_eq!(uses().await, before);
    invoke(&app, &app.member, "one", "x").await;
    assert_eq!(uses().await, before + 1);
}

#[tokio::test]
async fn an_answer_that_wants_too_many_tools_has_the_rest_told() {
    let app = TestApp::start().await;
    let tools = json!({ "tools": { "names": ["prompt_get"] }, "limits": { "repeats": 100 } });
    register(&app, &app.member, "One", tools).await;
    let many: Vec<_> =
        (0..66).map(|at| call(&format!("c{at}"), "prompt_get", json!({ "id": "welcome-mail" }))).collect();
    app.vendor.tell("large", [calls(&many), said("Read.")]);
    let answer = invoke(&app, &app.member, "one", "Read.").await;
    let told = answer["toolCalls"].as_array().unwrap();
    let beyond: Vec<usize> = (0..told.len()).filter(|at| told[*at]["code"] == "too_many_calls").collect();
    assert_eq!((told.len(), beyond), (66, vec![64, 65]));
    let (text, failed) = result(&app.vendor.requests()[1], 65);
    assert!(failed && text.contains("64 tools"), "{text}");
}
