//! Resources, prompts and completion.

use convoke::surface::mcp::Options;
use serde_json::{Value, json};

use super::wire::{Wire, names};
use crate::support::app::TestApp;

#[tokio::test]
async fn tools_have_cards_to_read() {
    let app = TestApp::start().await;
    let wire = Wire::of(&app, &app.admin);
    let listed = wire.modern("resources/list", json!({})).await.result();
    assert!(names(&listed["resources"]).contains(&"user_create".to_owned()));
    let read = wire.modern("resources/read", json!({ "uri": "convoke://tools/user_create" })).await.result();
    let text = read["contents"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("# user_create") && text.contains("\"email\""), "{text}");
    assert_eq!(read["contents"][0]["mimeType"], "text/markdown");
    let templates = wire.modern("resources/templates/list", json!({})).await.result();
    assert_eq!(templates["resourceTemplates"][0]["uriTemplate"], "convoke://tools/{name}");
}

#[tokio::test]
async fn what_one_may_not_call_has_no_card() {
    let app = TestApp::start().await;
    let wire = Wire::of(&app, &app.nobody);
    let listed = wire.modern("resources/list", json!({})).await.result();
    assert!(!names(&listed["resources"]).contains(&"user_create".to_owned()));
    for uri in ["convoke://tools/user_create", "convoke://tools/made_up", "made-up", "test://x"] {
        let refused = wire.modern("resources/read", json!({ "uri": uri })).await;
        assert_eq!(refused.error(), -32602);
        assert_eq!(refused.json()["error"]["data"]["uri"], uri);
    }
    let session = wire.session().await;
    let refused = wire.within(&session, "resources/read", json!({ "uri": "convoke://tools/user_create" })).await;
    assert_eq!(refused.error(), -32002);
    let refused = wire.within(&session, "resources/subscribe", json!({ "uri": "convoke://tools/user_create" })).await;
    assert_eq!(refused.error(), -32002);
}

#[tokio::test]
async fn a_call_has_its_audit_entries_to_read() {
    let app = TestApp::start().await;
    let wire = Wire::of(&app, &app.admin);
    let templates = wire.modern("resources/templates/list", json!({})).await.result();
    let templates = templates["resourceTemplates"].as_array().unwrap().clone();
    assert!(templates.iter().any(|one| one["uriTemplate"] == "convoke://audit/{requestId}"), "{templates:?}");
    let made = wire.call("user_create", json!({ "email": "new@example.org" })).await.result();
    let uri = format!("convoke://audit/{}", made["_meta"]["convoke/requestId"].as_str().unwrap());
    let read = wire.modern("resources/read", json!({ "uri": uri })).await.result();
    assert_eq!(read["contents"][0]["mimeType"], "application/json");
    let entries: Value = serde_json::from_str(read["contents"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(entries[0]["action"], "user_create");
    for other in [&app.nobody, &app.member, &app.stranger] {
        assert_eq!(wire.by(other).modern("resources/read", json!({ "uri": uri })).await.error(), -32602);
    }
    for nothing in
        ["convoke://audit/", "convoke://audit/made-up", "convoke://audit/019a9e2c-0000-7000-8000-000000000000"]
    {
        assert_eq!(wire.modern("resources/read", json!({ "uri": nothing })).await.error(), -32602, "{nothing}");
    }
}

#[tokio::test]
async fn whatever_is_asked_counts() {
    let app = TestApp::start_with(|settings| settings.config.limits.reads_per_minute = 4).await;
    let wire = Wire::of(&app, &app.admin);
    let complete =
        json!({ "ref": { "type": "ref/prompt", "name": "use_tool" }, "argument": { "name": "name", "value": "" } });
    let requests = [
        ("tools/list", json!({})),
        ("tools/list", json!({ "_meta": { "io.modelcontextprotocol/logLevel": "error" } })),
        ("resources/list", json!({})),
        ("resources/templates/list", json!({})),
        ("resources/read", json!({ "uri": "convoke://tools/user_me" })),
        ("prompts/list", json!({})),
        ("prompts/get", json!({ "name": "find_tool", "arguments": { "need": "x" } })),
        ("completion/complete", complete),
    ];
    for (method, params) in requests {
        app.clock.advance(std::time::Duration::from_secs(61));
        for _ in 0..4 {
            wire.modern(method, params.clone()).await.result();
        }
        let refused = wire.modern(method, params).await;
        assert_eq!(refused.json()["error"]["data"]["code"], "rate_limited", "{method}");
    }
    let mut tasks = Wire::of(&app, &app.admin);
    tasks.capabilities = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    let refused = tasks.modern("tasks/get", json!({ "taskId": "made-up" })).await;
    assert_eq!(refused.json()["error"]["data"]["code"], "rate_limited");
}

#[tokio::test]
async fn prompts_help_with_the_tools() {
    let app = TestApp::start().await;
    let wire = Wire::new(&app, &app.admin, Options { page: 1_000, ..Options::default() });
    let listed = wire.modern("prompts/list", json!({})).await.result();
    let all = names(&listed["prompts"]);
    assert!(["find_tool", "use_tool"].iter().all(|name| all.contains(&(*name).to_owned())), "{all:?}");
    let find = json!({ "name": "find_tool", "arguments": { "need": "see who is here" } });
    let found = wire.modern("prompts/get", find).await.result();
    assert!(found["messages"][0]["content"]["text"].as_str().unwrap().contains("see who is here"));
    let usage =
        wire.modern("prompts/get", json!({ "name": "use_tool", "arguments": { "name": "user_me" } })).await.result();
    assert_eq!(usage["messages"][0]["content"]["resource"]["uri"], "convoke://tools/user_me");
    let meant =
        wire.modern("prompts/get", json!({ "name": "use_tool", "arguments": { "name": "made_up" } })).await.result();
    assert!(meant["messages"][0]["content"]["text"].as_str().unwrap().contains("tool_search"));
    for wrong in [
        json!({ "name": "find_tool" }),
        json!({ "name": "find_tool", "arguments": { "need": 7 } }),
        json!({ "name": "made_up" }),
    ] {
        assert_eq!(wire.modern("prompts/get", wrong).await.error(), -32602);
    }
}

#[tokio::test]
async fn names_are_completed_as_far_as_one_may_see_them() {
    let app = TestApp::start().await;
    let admin = Wire::of(&app, &app.admin);
    let complete = |reference: Value| json!({ "ref": reference, "argument": { "name": "name", "value": "user_" } });
    for reference in [
        json!({ "type": "ref/resource", "uri": "convoke://tools/{name}" }),
        json!({ "type": "ref/prompt", "name": "use_tool" }),
    ] {
        let all = admin.modern("completion/complete", complete(reference.clone())).await.result();
        let values = all["completion"]["values"].as_array().unwrap().clone();
        assert!(values.contains(&json!("user_create")) && values.contains(&json!("user_me")));
        let few = admin.by(&app.nobody).modern("completion/complete", complete(reference)).await.result();
        assert!(!few["completion"]["values"].as_array().unwrap().contains(&json!("user_create")));
    }
    let unknown = complete(json!({ "type": "ref/prompt", "name": "made_up" }));
    assert_eq!(admin.modern("completion/complete", unknown).await.error(), -32602);
}
