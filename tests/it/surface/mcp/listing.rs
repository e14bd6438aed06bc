//! What a client is shown.

use convoke::surface::mcp::Options;
use serde_json::{Value, json};

use super::wire::{LEGACY, Wire, names, problem};
use crate::gate::fixture::{Probe, with};
use crate::support::app::TestApp;
use crate::support::guests;

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
    // Everything that is served: a client may put all of it before its model.
    let tokens = tiktoken_rs::o200k_base().unwrap().encode_ordinary(&tools.to_string()).len();
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
    let both = wire.tools_at("/mcp/x/compact,identity", &[]).await;
    assert!(usual.iter().chain(&identity).all(|name| both.contains(name)), "{both:?}");
    assert_eq!(wire.modern_at("/mcp/x/all,typo", &[], "tools/list", json!({})).await.status.as_u16(), 400);
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
    assert_eq!(problem(&refused)["code"], "forbidden");
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
    assert_eq!(problem(&refused)["code"], "forbidden");
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
async fn long_lists_are_kept_page_by_page() {
    let app = TestApp::start().await;
    for number in 0..150 {
        guests::add(&app, &app.admin, &format!("guest_{number:03}"));
    }
    let wire = Wire::new(&app, &app.admin, Options { page: 100, ..Options::default() });
    let session = wire.session().await;
    let asks_the_long_way = json!({ "io.modelcontextprotocol/logLevel": "error" });
    let (mut seen, mut cursor) = (Vec::new(), None::<Value>);
    loop {
        let mut params = cursor.as_ref().map_or_else(|| json!({}), |cursor| json!({ "cursor": cursor }));
        let kept = wire.modern_at("/mcp/all", &[], "tools/list", params.clone()).await.result();
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params }).to_string();
        let headers = [("mcp-session-id", session.as_str()), ("mcp-protocol-version", LEGACY)];
        let within = wire.post("/mcp/all", &headers, body).await;
        assert_eq!(within.headers["content-type"], "application/json", "the kept bytes are one answer");
        assert_eq!((&within.result()["tools"], &within.result()["nextCursor"]), (&kept["tools"], &kept["nextCursor"]));
        params["_meta"] = asks_the_long_way.clone();
        assert_eq!(wire.modern_at("/mcp/all", &[], "tools/list", params).await.result(), kept);
        seen.extend(names(&kept["tools"]));
        cursor = kept.get("nextCursor").cloned();
        if cursor.is_none() {
            break;
        }
    }
    assert!(seen.len() > 150 && seen.is_sorted(), "{}", seen.len());
    let bare = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
    let bare = wire.post("/mcp/all", &[("mcp-protocol-version", LEGACY)], bare).await.result();
    assert_eq!(names(&bare["tools"]), seen[..100]);
    // A cursor whose tool is gone goes on behind where it was.
    let cursor = bare["nextCursor"].clone();
    app.app.platform().registry.withdraw(app.admin.tenant, &seen[10]);
    let next = wire.modern_at("/mcp/all", &[], "tools/list", json!({ "cursor": cursor })).await.result();
    assert_eq!(names(&next["tools"]), seen[100..seen.len().min(200)]);
    let made_up = wire.within(&session, "tools/list", json!({ "cursor": "bWFkZS11cA" })).await;
    assert_eq!(made_up.error(), -32602);
    let theirs = wire.by(&app.member).within(&session, "tools/list", json!({})).await;
    assert_eq!(theirs.status.as_u16(), 404);
}

#[tokio::test]
async fn mixtures_of_toolsets_do_not_crowd_out_the_lists_of_others() {
    let app = TestApp::start().await;
    let wire = Wire::of(&app, &app.admin);
    let kept = || {
        let lists = app.app.platform().caches.all().into_iter().find(|listed| listed.name == "tool_lists").unwrap();
        convoke::capability::caches::NamedCache::reading(&lists).entries
    };
    wire.tools_at("/mcp/x/identity", &[]).await;
    let before = kept();
    assert_eq!(before, 1);
    for mixture in
        ["identity,registry", "identity,system", "registry,system", "compact,system", "identity,audit,system"]
    {
        assert!(!wire.tools_at(&format!("/mcp/x/{mixture}"), &[]).await.is_empty());
    }
    assert_eq!(kept(), before);
}

/// A client of a server whose lists come whole.
fn in_one_page(app: &TestApp) -> Wire {
    Wire::new(app, &app.admin, Options { page: 1_000, ..Options::default() })
}

#[tokio::test]
async fn hints_say_what_a_tool_may_do() {
    let app = TestApp::start_with(with(&Probe::new())).await;
    let tools = in_one_page(&app).modern_at("/mcp/all", &[], "tools/list", json!({})).await.result()["tools"].clone();
    let hints = |name: &str| {
        let tool = tools.as_array().unwrap().iter().find(|tool| tool["name"] == name).unwrap();
        let hint = |name: &str| tool["annotations"][name].as_bool();
        (hint("readOnlyHint"), hint("destructiveHint"), hint("idempotentHint"), hint("openWorldHint"))
    };
    let (yes, no) = (Some(true), Some(false));
    assert_eq!(hints("user_list"), (yes, None, None, no));
    assert_eq!(hints("tool_read"), (yes, None, None, no));
    assert_eq!(hints("fixture_fetch"), (yes, None, None, yes));
    assert_eq!(hints("user_create"), (no, no, no, no));
    assert_eq!(hints("user_update"), (no, yes, yes, no));
    assert_eq!(hints("api_key_revoke"), (no, yes, yes, no));
    // It can run anything.
    assert_eq!(hints("tool_call"), (no, yes, no, yes));
}

#[tokio::test]
async fn every_tool_says_what_it_does_to_the_world() {
    let app = TestApp::start().await;
    let tools = in_one_page(&app).modern_at("/mcp/all", &[], "tools/list", json!({})).await.result();
    for tool in tools["tools"].as_array().unwrap() {
        assert!(tool["title"].is_string() && tool["description"].is_string(), "{tool}");
        assert!(tool["annotations"]["readOnlyHint"].is_boolean() && tool["annotations"]["openWorldHint"].is_boolean());
        assert_eq!(tool["inputSchema"]["type"], "object");
        // A file has no structure.
        let structure = if tool["name"] == "dataset_export" { Value::Null } else { json!("object") };
        assert_eq!(tool["outputSchema"]["type"], structure, "{tool}");
        assert!(!tool.to_string().contains("$schema"));
    }
}
