//! Prompts over MCP: listed with their arguments, filled in, completed, and told when others are published.

use serde_json::{Value, json};

use super::pipe::Pipe;
use super::wire::{Wire, names};
use crate::support::app::TestApp;

#[tokio::test]
async fn prompts_are_listed_filled_in_and_completed() {
    let app = TestApp::start().await;
    let wire = Wire::of(&app, &app.member);
    let listed = wire.modern("prompts/list", json!({})).await.result();
    let all = names(&listed["prompts"]);
    for name in ["code-review", "welcome-mail", "find_tool"] {
        assert!(all.contains(&name.to_owned()), "{name}: {all:?}");
    }
    let of = |name: &str| listed["prompts"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap();
    let mail = of("welcome-mail");
    assert_eq!(mail["title"], "Welcome mail");
    assert_eq!(mail["arguments"], json!([{ "name": "name", "description": "Who it is to.", "required": true }]));
    // Those that must be given come first, and those of blocks are among them.
    let arguments = of("api-description")["arguments"].as_array().unwrap();
    assert_eq!((&arguments[0]["name"], &arguments[0]["required"]), (&json!("definition"), &json!(true)));
    assert!(arguments.iter().any(|one| one["name"] == "language" && one["required"] == false));

    let input = json!({ "name": "welcome-mail", "arguments": { "name": "Ada" } });
    let got = wire.modern("prompts/get", input).await.result();
    assert_eq!(got["messages"][0]["role"], "user");
    assert_eq!(got["messages"][0]["content"]["text"], "Write a welcome mail to Ada.");
    let missing = wire.modern("prompts/get", json!({ "name": "welcome-mail", "arguments": {} })).await;
    assert_eq!(missing.error(), -32602);
    assert_eq!(wire.modern("prompts/get", json!({ "name": "no-such-prompt" })).await.error(), -32602);

    let complete = |argument: &str, value: &str| {
        let reference = json!({ "type": "ref/prompt", "name": "api-description" });
        json!({ "ref": reference, "argument": { "name": argument, "value": value } })
    };
    let values = |answer: Value| answer["completion"]["values"].clone();
    let found = wire.modern("completion/complete", complete("form", "o")).await.result();
    assert_eq!(values(found), json!(["openapi"]));
    let found = wire.modern("completion/complete", complete("form", "")).await.result();
    assert_eq!(values(found), json!(["markdown", "openapi"]));
}

#[tokio::test]
async fn prompts_are_those_of_the_caller() {
    let app = TestApp::start().await;
    let nobody = Wire::of(&app, &app.nobody).modern("prompts/list", json!({})).await.result();
    assert_eq!(names(&nobody["prompts"]), ["find_tool", "use_tool"]);
    let elsewhere = Wire::of(&app, &app.stranger).modern("prompts/list", json!({})).await.result();
    let all = names(&elsewhere["prompts"]);
    assert!(all.contains(&"code-review".to_owned()) && !all.contains(&"welcome-mail".to_owned()));
    let input = json!({ "name": "welcome-mail", "arguments": { "name": "Eve" } });
    assert_eq!(Wire::of(&app, &app.stranger).modern("prompts/get", input).await.error(), -32602);
    // A draft is nobody's to start from.
    app.call(&app.member, "prompt_create", json!({ "name": "Only a draft", "template": "x" })).await.unwrap();
    let listed = Wire::of(&app, &app.member).modern("prompts/list", json!({})).await.result();
    assert!(!names(&listed["prompts"]).contains(&"only-a-draft".to_owned()));
}

#[tokio::test]
async fn whoever_listens_hears_that_one_was_published_and_not_elsewhere() {
    let app = TestApp::start().await;
    let mut pipe = Pipe::open(&app);
    let listen = json!({
        "notifications": { "promptsListChanged": true },
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    });
    pipe.send("subscriptions/listen", listen).await;
    assert_eq!(pipe.read().await["method"], "notifications/subscriptions/acknowledged");
    // Another tenant's prompt is nobody else's news.
    app.call(&app.stranger, "prompt_create", json!({ "name": "Theirs", "template": "x" })).await.unwrap();
    app.call(&app.stranger, "prompt_publish", json!({ "id": "theirs" })).await.unwrap();
    app.call(&app.member, "prompt_publish", json!({ "id": "welcome-mail" })).await.unwrap();
    assert_eq!(pipe.read().await["method"], "notifications/prompts/list_changed");
    pipe.close().await;
}

#[tokio::test]
async fn personas_are_resources() {
    let app = TestApp::start().await;
    let wire = Wire::of(&app, &app.member);
    let templates = wire.modern("resources/templates/list", json!({})).await.result();
    assert!(templates.to_string().contains("convoke://personas/{id}"), "{templates}");
    let read = wire.modern("resources/read", json!({ "uri": "convoke://personas/house-guide" })).await.result();
    let text = read["contents"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("You are House guide: A guide who knows every room."), "{text}");
    let other = Wire::of(&app, &app.stranger);
    assert_eq!(
        other.modern("resources/read", json!({ "uri": "convoke://personas/house-guide" })).await.error(),
        -32602
    );
    let input = json!({
        "ref": { "type": "ref/resource", "uri": "convoke://personas/{id}" },
        "argument": { "name": "id", "value": "house" },
    });
    let found = wire.modern("completion/complete", input).await.result();
    assert_eq!(found["completion"]["values"], json!(["house-guide"]));
}
