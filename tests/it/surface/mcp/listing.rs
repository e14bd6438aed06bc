//! What a client is shown.

use convoke::surface::mcp::Options;
use serde_json::{Value, json};

use super::wire::{Wire, names};
use crate::support::app::TestApp;

/// What a client puts before its model: the name, the description and the input of each tool.
fn before_the_model(tools: &Value) -> String {
    let shown: Vec<Value> = tools
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| json!({ "name": tool["name"], "description": tool["description"], "inputSchema": tool["inputSchema"] }))
        .collect();
    Value::from(shown).to_string()
}

#[tokio::test]
async fn the_usual_list_is_small() {
    let app = TestApp::start().await;
    let wire = Wire::of(&app, &app.admin);
    let tools = wire.modern("tools/list", json!({})).await.result()["tools"].clone();
    let shown = names(&tools);
    for name in ["tool_search", "tool_describe", "tool_read", "tool_call"] {
        assert!(shown.contains(&name.to_owned()), "{name} is not in {shown:?}");
    }
    assert!(shown.len() <= 28, "{} tools", shown.len());
    let text = before_the_model(&tools);
    let tokens = tiktoken_rs::o200k_base().unwrap().encode_ordinary(&text).len();
    assert!(tokens <= 2500, "{tokens} tokens");
    let mut sorted = shown.clone();
    sorted.sort();
    assert_eq!(shown, sorted);
}

#[tokio::test]
async fn toolsets_come_with_the_request() {
    let app = TestApp::start().await;
    let wire = Wire::of(&app, &app.admin);
    let usual = wire.tools_at("/mcp", &[]).await;
    let all = wire.tools_at("/mcp/all", &[]).await;
    assert!(usual.iter().all(|name| all.contains(name)) && usual.len() < all.len());
    let identity = wire.tools_at("/mcp/x/identity", &[]).await;
    assert!(identity.contains(&"user_create".to_owned()) && !identity.contains(&"tool_search".to_owned()));
    let two = wire.tools_at("/mcp/x/identity,registry", &[]).await;
    assert!(two.contains(&"user_create".to_owned()) && two.contains(&"tool_search".to_owned()));
    assert_eq!(wire.tools_at("/mcp", &[("convoke-toolsets", "identity, registry")]).await, two);
    assert_eq!(wire.tools_at("/mcp/x/identity", &[("convoke-toolsets", "registry")]).await, identity);
    let unknown = wire.modern_at("/mcp/x/nothing", &[], "tools/list", json!({})).await;
    assert_eq!((unknown.status.as_u16(), unknown.error()), (400, -32602));
    assert_eq!(unknown.json()["error"]["data"]["code"], "bad_input");

    let options = Options { toolsets: Some(vec!["all".to_owned()]), ..Options::default() };
    assert_eq!(Wire::new(&app, &app.admin, options).tools_at("/mcp", &[]).await, all);
}

#[tokio::test]
async fn a_connection_that_reads_is_shown_and_runs_only_what_reads() {
    let app = TestApp::start().await;
    let wire = Wire::of(&app, &app.admin);
    let header = [("convoke-read-only", "true")];
    let shown = wire.modern_at("/mcp/all", &header, "tools/list", json!({})).await.result()["tools"].clone();
    assert!(!shown.as_array().unwrap().is_empty());
    for tool in shown.as_array().unwrap() {
        assert_eq!(tool["annotations"]["readOnlyHint"], true, "{tool}");
    }
    let input = json!({ "name": "user_create", "arguments": { "email": "new@example.org" } });
    let refused = wire.modern_at("/mcp", &header, "tools/call", input.clone()).await.result();
    assert_eq!((&refused["isError"], &refused["structuredContent"]["code"]), (&json!(true), &json!("forbidden")));
    let inner = json!({ "name": "user_create", "input": { "email": "new@example.org" } });
    let through = json!({ "name": "tool_call", "arguments": inner });
    let refused = wire.modern_at("/mcp", &header, "tools/call", through).await.result();
    assert_eq!(refused["isError"], true);
}

#[tokio::test]
async fn nobody_is_shown_what_they_may_not_call() {
    let app = TestApp::start().await;
    let admin = Wire::of(&app, &app.admin);
    let nobody = admin.by(&app.nobody);
    let all = admin.tools_at("/mcp/all", &[]).await;
    let few = nobody.tools_at("/mcp/all", &[]).await;
    assert!(few.len() < all.len() && !few.contains(&"user_create".to_owned()));
    let refused = nobody.call("user_create", json!({ "email": "new@example.org" })).await.result();
    assert_eq!(refused["structuredContent"]["code"], "forbidden");
}

#[tokio::test]
async fn long_lists_come_in_pages() {
    let app = TestApp::start().await;
    let whole = Wire::of(&app, &app.admin).tools_at("/mcp/all", &[]).await;
    let wire = Wire::new(&app, &app.admin, Options { page: 3, ..Options::default() });
    for method in ["tools/list", "resources/list", "prompts/list"] {
        let member = method.split('/').next().unwrap();
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let params = cursor.map_or_else(|| json!({}), |cursor: Value| json!({ "cursor": cursor }));
            let page = wire.modern_at("/mcp/all", &[], method, params).await.result();
            assert!(page[member].as_array().unwrap().len() <= 3);
            assert_eq!(page["cacheScope"], "private");
            seen.extend(names(&page[member]));
            cursor = page.get("nextCursor").cloned();
            if cursor.is_none() {
                break;
            }
        }
        if method == "tools/list" {
            assert_eq!(seen, whole);
        }
        let made_up = wire.modern_at("/mcp/all", &[], method, json!({ "cursor": "bWFkZS11cA" })).await;
        assert_eq!(made_up.error(), -32602);
    }
    let first = wire.modern_at("/mcp/all", &[], "tools/list", json!({})).await.result();
    let of_another_list = json!({ "cursor": first["nextCursor"] });
    assert_eq!(wire.modern("resources/list", of_another_list).await.error(), -32602);
}

#[tokio::test]
async fn the_kept_bytes_are_the_same_list() {
    let app = TestApp::start().await;
    let wire = Wire::of(&app, &app.admin);
    let kept = wire.modern_at("/mcp/all", &[], "tools/list", json!({})).await.result();
    // A level of messages asks for the long way.
    let asks = json!({ "_meta": { "io.modelcontextprotocol/logLevel": "error" } });
    let made = wire.modern_at("/mcp/all", &[], "tools/list", asks).await.result();
    assert_eq!(kept, made);
    let legacy = wire.sessionless("tools/list", json!({})).await.result();
    let session = wire.session().await;
    assert_eq!(legacy, wire.within(&session, "tools/list", json!({})).await.result());
    assert!(legacy.get("resultType").is_none() && legacy.get("ttlMs").is_none());
}

#[tokio::test]
async fn every_tool_says_what_it_does_to_the_world() {
    let app = TestApp::start().await;
    let tools = Wire::of(&app, &app.admin).modern_at("/mcp/all", &[], "tools/list", json!({})).await.result();
    for tool in tools["tools"].as_array().unwrap() {
        assert!(tool["title"].is_string() && tool["description"].is_string(), "{tool}");
        assert!(tool["annotations"]["readOnlyHint"].is_boolean() && tool["annotations"]["openWorldHint"].is_boolean());
        assert_eq!(tool["inputSchema"]["type"], "object");
        assert_eq!(tool["outputSchema"]["type"], "object", "{tool}");
        assert!(!tool.to_string().contains("$schema"));
    }
}
