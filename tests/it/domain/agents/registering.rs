//! Registering agents, changing, reading and retiring them.

use convoke::kernel::codes;
use convoke::kernel::fault::Fault;
use serde_json::{Value, json};

use super::{agent, call, calls, invoke, register, said};
use crate::support::app::TestApp;
use crate::support::scene::ADA;

fn pointers(fault: &Fault) -> Vec<&str> {
    fault.places().iter().map(|place| place.pointer.as_str()).collect()
}

#[tokio::test]
async fn an_agent_is_registered_changed_and_read_in_every_version() {
    let app = TestApp::start().await;
    let made = register(&app, &app.member, "Desk clerk", json!({ "tools": { "names": ["prompt_*"] } })).await;
    assert_eq!(
        (&made["agentId"], &made["version"], &made["state"]),
        (&json!("desk-clerk"), &json!(1), &json!("active"))
    );
    assert_eq!((&made["owner"], &made["author"]), (&json!(ADA), &json!(ADA)));
    assert_eq!(made["tools"]["effects"], json!(["read"]));
    let change = json!({ "id": "Desk clerk", "description": "Another.", "message": "m" });
    let told = app.call(&app.member, "agent_update", change.clone()).await.unwrap();
    assert_eq!((&told["version"], &told["changed"], &told["message"]), (&json!(2), &json!(true), &json!("m")));
    let again = app.call(&app.member, "agent_update", change).await.unwrap();
    assert_eq!((&again["version"], &again["changed"]), (&json!(2), &json!(false)));
    let tools = json!({ "id": "desk-clerk", "tools": { "domains": ["personas"], "effects": ["read", "create"] } });
    assert_eq!(app.call(&app.member, "agent_update", tools).await.unwrap()["version"], 3);

    for (version, description, names) in [
        (1, "Does what a test says.", json!(["prompt_*"])),
        (2, "Another.", json!(["prompt_*"])),
        (3, "Another.", json!([])),
    ] {
        let one = app.call(&app.member, "agent_get", json!({ "id": "desk-clerk", "version": version })).await.unwrap();
        assert_eq!((&one["version"], &one["description"]), (&json!(version), &json!(description)));
        assert_eq!(one["tools"]["names"], names);
    }
    let whole = app.call(&app.member, "agent_get", json!({ "id": "desk-clerk", "history": true })).await.unwrap();
    let versions: Vec<&Value> = whole["history"].as_array().unwrap().iter().map(|one| &one["version"]).collect();
    assert_eq!(versions, [3, 2, 1]);
    assert_eq!((&whole["history"][1]["message"], &whole["history"][2]["author"]), (&json!("m"), &json!(ADA)));
    let unknown = app.call(&app.member, "agent_get", json!({ "id": "desk-clerk", "version": 9 })).await.unwrap_err();
    assert!(unknown.is(&codes::NOT_FOUND), "{unknown}");
}

#[tokio::test]
async fn what_an_agent_is_made_of_must_be_there() {
    let app = TestApp::start().await;
    let refused = async |more: Value| app.call(&app.member, "agent_register", agent("One", &more)).await.unwrap_err();
    for (more, places) in [
        (json!({ "persona": { "id": "nobody" } }), vec!["/persona"]),
        (json!({ "persona": { "id": "house-guide", "version": "9.0.0" } }), vec!["/persona"]),
        (json!({ "prompt": { "id": "nothing" } }), vec!["/prompt"]),
        (json!({ "prompt": { "id": "welcome-mail", "label": "staging" } }), vec!["/prompt"]),
        (
            json!({ "model": { "name": "test/gone", "choices": ["test/large", "test/none"] } }),
            vec!["/model/name", "/model/choices/1"],
        ),
        (json!({ "model": { "name": "nowhere/gone" } }), vec!["/model/name"]),
        (
            json!({ "tools": { "names": ["prompt_*", "prompt_burn"], "except": ["x_*"], "domains": ["prompts", "gardens"] } }),
            vec!["/tools/names/1", "/tools/except/0", "/tools/domains/1"],
        ),
        (json!({ "tools": { "agents": ["*", "nobody"] } }), vec!["/tools/agents/1"]),
        (json!({ "limits": { "dollars": "much" } }), vec!["/limits/dollars"]),
        (json!({ "output": { "type": "string" } }), vec!["/output/type"]),
        (json!({ "output": { "type": "object", "properties": 7 } }), vec!["/output"]),
        (json!({ "instructions": " " }), vec![""]),
        (json!({ "name": "Goals" }), vec!["/name"]),
        (json!({ "name": "…" }), vec!["/name"]),
        (json!({ "limits": { "steps": 0 } }), vec!["/limits/steps"]),
        (json!({ "tools": { "names": ["Prompt get"] } }), vec!["/tools/names/0"]),
        (json!({ "tools": { "effects": ["burn"] } }), vec!["/tools/effects/0"]),
        (json!({ "colour": "red" }), vec!["/colour"]),
    ] {
        let fault = refused(more.clone()).await;
        assert!(fault.is(&codes::BAD_INPUT), "{more} {fault}");
        assert_eq!(pointers(&fault), places, "{more}");
    }
    register(&app, &app.member, "One", json!({})).await;
    for name in ["One", "one", "ONE!"] {
        assert!(refused(json!({ "name": name })).await.is(&codes::ALREADY_EXISTS), "{name}");
    }
    let both = json!({ "id": "one", "persona": { "id": "house-guide" }, "without": ["prompt", "persona"] });
    assert_eq!(pointers(&app.call(&app.member, "agent_update", both).await.unwrap_err()), ["/without/1"]);
    let wrong = json!({ "id": "one", "prompt": { "id": "nothing" } });
    assert_eq!(pointers(&app.call(&app.member, "agent_update", wrong).await.unwrap_err()), ["/prompt"]);
}

#[tokio::test]
async fn parts_can_be_taken_away_again() {
    let app = TestApp::start().await;
    let whole = json!({
        "persona": { "id": "house-guide" }, "prompt": { "id": "welcome-mail", "variables": { "name": "Bo" } },
        "output": { "type": "object" },
    });
    register(&app, &app.member, "One", whole).await;
    let less = json!({ "id": "one", "without": ["persona", "output"] });
    let told = app.call(&app.member, "agent_update", less).await.unwrap();
    assert!(told.get("persona").is_none() && told.get("output").is_none() && told["prompt"].is_object(), "{told}");
}

#[tokio::test]
async fn a_retired_agent_is_in_no_list_and_can_be_brought_back() {
    let app = TestApp::start().await;
    register(&app, &app.member, "One", json!({ "tags": ["desk"] })).await;
    register(&app, &app.admin, "Two", json!({})).await;
    let ids = async |input: Value| -> Vec<String> {
        let page = app.call(&app.member, "agent_list", input).await.unwrap();
        let id = |one: &Value| one["agentId"].as_str().unwrap().to_owned();
        page["items"].as_array().unwrap().iter().map(id).collect()
    };
    assert_eq!(ids(json!({})).await, ["archivist", "one", "two"]);
    assert_eq!(ids(json!({ "mine": true, "tag": "desk" })).await, ["one"]);
    assert_eq!(ids(json!({ "text": "whatever test said" })).await, Vec::<String>::new());
    assert_eq!(ids(json!({ "text": "does tests" })).await, ["one", "two"]);
    let first = app.call(&app.member, "agent_list", json!({ "limit": 2 })).await.unwrap();
    assert_eq!(ids(json!({ "limit": 2, "pageToken": first["nextPageToken"] })).await, ["two"]);
    let other = json!({ "limit": 2, "mine": true, "pageToken": first["nextPageToken"] });
    assert!(app.call(&app.member, "agent_list", other).await.unwrap_err().is(&codes::BAD_PAGE_TOKEN));

    let told = app.call(&app.member, "agent_delete", json!({ "id": "one", "message": "done" })).await.unwrap();
    assert_eq!((&told["state"], &told["version"]), (&json!("retired"), &json!(2)));
    let again = app.call(&app.member, "agent_delete", json!({ "id": "one" })).await.unwrap();
    assert_eq!(again["version"], 2);
    assert_eq!(ids(json!({})).await, ["archivist", "two"]);
    assert_eq!(ids(json!({ "state": "retired" })).await, ["one"]);
    let taken = app.call(&app.member, "agent_register", agent("One", &json!({}))).await.unwrap_err();
    assert!(taken.is(&codes::ALREADY_EXISTS) && taken.say().contains("retired"), "{taken}");
    let back = app.call(&app.member, "agent_update", json!({ "id": "one", "state": "active" })).await.unwrap();
    assert_eq!((&back["state"], &back["version"]), (&json!("active"), &json!(3)));
}

#[tokio::test]
async fn an_agent_is_its_owners_and_its_tenants() {
    let app = TestApp::start().await;
    register(&app, &app.admin, "Two", json!({})).await;
    for (tool, input) in
        [("agent_update", json!({ "id": "two", "description": "Mine now." })), ("agent_delete", json!({ "id": "two" }))]
    {
        assert!(app.call(&app.member, tool, input.clone()).await.unwrap_err().is(&codes::FORBIDDEN), "{tool}");
        assert!(app.call(&app.nobody, tool, input.clone()).await.unwrap_err().is(&codes::FORBIDDEN), "{tool}");
        assert!(app.call(&app.stranger, tool, input).await.unwrap_err().is(&codes::NOT_FOUND), "{tool}");
    }
    assert!(app.call(&app.stranger, "agent_get", json!({ "id": "two" })).await.unwrap_err().is(&codes::NOT_FOUND));
    assert_eq!(app.call(&app.stranger, "agent_list", json!({})).await.unwrap()["items"], json!([]));
    // The same name elsewhere is another agent.
    let theirs = register(&app, &app.stranger, "Two", json!({})).await;
    assert_eq!(theirs["version"], 1);
    // Whoever manages agents may change everybody's.
    register(&app, &app.member, "Three", json!({})).await;
    app.call(&app.admin, "agent_update", json!({ "id": "three", "state": "paused" })).await.unwrap();
    let three = app.call(&app.member, "agent_get", json!({ "id": "three" })).await.unwrap();
    assert_eq!((&three["state"], &three["author"]), (&json!("paused"), &json!(app.admin.user)));
}

#[tokio::test]
async fn changes_are_audited_and_told() {
    let app = TestApp::start().await;
    let mut events = app.app.platform().hear();
    register(&app, &app.member, "One", json!({})).await;
    app.call(&app.member, "agent_update", json!({ "id": "one", "state": "paused" })).await.unwrap();
    app.call(&app.member, "agent_delete", json!({ "id": "one" })).await.unwrap();
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        told.push((event.topic.clone(), event.subject.clone(), event.data["version"].clone()));
    }
    let expected = [("agent.registered", 1), ("agent.updated", 2), ("agent.retired", 3)];
    let tools =
        json!({ "id": "one", "tools": { "names": ["user_me"] }, "instructions": "Be long.", "state": "active" });
    app.call(&app.member, "agent_update", tools).await.unwrap();
    let found = app.call(&app.admin, "audit_query", json!({ "action": "agent_update" })).await.unwrap();
    let changes = &found["items"][0]["changes"];
    assert_eq!(
        (&changes["before"]["tools"]["names"], &changes["after"]["tools"]["names"]),
        (&json!([]), &json!(["user_me"]))
    );
    assert_eq!(changes["after"]["instructions"], "***");
    assert_eq!(told, expected.map(|(topic, version)| (topic.to_owned(), "one".to_owned(), json!(version))));
}

#[tokio::test]
async fn an_agent_that_does_not_run_is_changed_only_to_what_could() {
    let app = TestApp::start().await;
    let persona = json!({ "name": "Clerk", "description": "D.", "role": "A clerk." });
    app.call(&app.member, "persona_create", persona).await.unwrap();
    register(&app, &app.member, "One", json!({ "persona": { "id": "clerk" } })).await;
    app.call(&app.member, "agent_update", json!({ "id": "one", "state": "paused" })).await.unwrap();
    for (more, place) in [
        (json!({ "prompt": { "id": "nothing" } }), "/prompt"),
        (json!({ "limits": { "dollars": "much" } }), "/limits/dollars"),
        (json!({ "tools": { "names": ["nothing_at_all"] } }), "/tools/names/0"),
    ] {
        let mut input = more;
        input["id"] = json!("one");
        assert_eq!(pointers(&app.call(&app.member, "agent_update", input).await.unwrap_err()), [place]);
    }
    let told = app.call(&app.member, "agent_get", json!({ "id": "one" })).await.unwrap();
    assert_eq!((&told["version"], &told["state"]), (&json!(2), &json!("paused")));
}

#[tokio::test]
async fn no_agent_says_what_agents_may_do() {
    let app = TestApp::start().await;
    let tools = json!({ "names": ["agent_update", "agent_register"], "effects": ["create", "change"] });
    register(&app, &app.member, "Maker", json!({ "tools": tools })).await;
    register(&app, &app.member, "Helper", json!({})).await;
    let all = json!({ "names": ["*"], "effects": ["read", "create", "change", "remove"] });
    let wanted = [
        call("a", "agent_update", json!({ "id": "maker", "tools": all })),
        call("b", "agent_update", json!({ "id": "helper", "tools": { "names": ["user_me"] } })),
        call("c", "agent_register", agent("Wide", &json!({ "tools": all }))),
        // What changes nothing of what they may is theirs.
        call("d", "agent_update", json!({ "id": "maker", "tools": tools, "description": "Makes agents." })),
        call("e", "agent_register", agent("Narrow", &json!({}))),
    ];
    app.vendor.tell("large", [calls(&wanted), said("So it is.")]);
    let answer = invoke(&app, &app.member, "maker", "Widen yourself.").await;
    let told_codes: Vec<&Value> = answer["toolCalls"].as_array().unwrap().iter().map(|call| &call["code"]).collect();
    let refused = json!("tool_not_allowed");
    assert_eq!(told_codes, [&refused, &refused, &refused, &Value::Null, &Value::Null], "{answer}");
    let told = app.call(&app.member, "agent_get", json!({ "id": "maker" })).await.unwrap();
    assert_eq!((&told["tools"]["names"], &told["version"]), (&tools["names"], &json!(2)));
    assert!(app.call(&app.member, "agent_get", json!({ "id": "wide" })).await.unwrap_err().is(&codes::NOT_FOUND));
    // A person may, who calls it themselves.
    app.call(&app.member, "agent_update", json!({ "id": "helper", "tools": { "names": ["user_me"] } })).await.unwrap();
}
