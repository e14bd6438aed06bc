//! `tool_search`, `tool_describe`, `tool_docs`, `tool_categories`: what there is, for whoever asks.

use std::collections::BTreeSet;

use convoke::capability::permit::Permit;
use convoke::kernel::codes;
use serde_json::{Value, json};

use crate::support::app::{Person, TestApp};
use crate::tools::built;

async fn names(app: &TestApp, person: &Person, query: &str) -> Vec<String> {
    let answer = app.call(person, "tool_search", json!({ "query": query, "limit": 25 })).await.unwrap();
    let tools = answer["tools"].as_array().unwrap();
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_need_finds_its_tool_with_what_it_takes() {
    let app = TestApp::start().await;
    let answer = app.call(&app.admin, "tool_search", json!({ "query": "add a new colleague" })).await.unwrap();
    let first = &answer["tools"][0];
    assert_eq!(first["name"], "user_create");
    assert_eq!((&first["domain"], &first["effect"]), (&json!("identity"), &json!("create")));
    assert_eq!(first["required"], json!(["email"]));
    assert_eq!(answer["method"], "lexical");
    assert!(answer["tools"].as_array().unwrap().len() <= 5);
}

#[tokio::test]
async fn only_what_the_caller_may_call_is_found() {
    let app = TestApp::start().await;
    let query = "create a user account";
    assert!(names(&app, &app.admin, query).await.contains(&"user_create".to_owned()));
    assert!(!names(&app, &app.nobody, query).await.contains(&"user_create".to_owned()));
    assert!(!names(&app, &app.nobody, "user_create").await.contains(&"user_create".to_owned()));
    for tool in ["tool_describe", "tool_docs"] {
        app.call(&app.admin, tool, json!({ "name": "user_create" })).await.unwrap();
        let fault = app.call(&app.nobody, tool, json!({ "name": "user_create" })).await.unwrap_err();
        assert!(fault.is(&codes::UNKNOWN_TOOL), "{tool}: {fault}");
    }
    let named: Vec<String> = all_names(&app, &app.nobody).await.into_iter().collect();
    assert!(!named.contains(&"user_create".to_owned()) && named.contains(&"tool_search".to_owned()));
}

#[tokio::test]
async fn a_narrow_key_finds_what_it_may_call() {
    let app = TestApp::start().await;
    let input = json!({ "name": "reader", "readOnly": true, "toolsets": ["registry"] });
    let key = app.call(&app.admin, "api_key_create", input).await.unwrap();
    let search = json!({ "query": "a person's account", "limit": 25 });
    let answer = app.call_by_key(key["key"].as_str().unwrap(), "tool_search", search).await.unwrap();
    let found = answer["tools"].as_array().unwrap();
    assert!(!found.is_empty() && found.iter().all(|tool| tool["domain"] == "registry"), "{answer}");
}

#[tokio::test]
async fn a_key_that_only_reads_finds_no_tool_that_writes() {
    let app = TestApp::start().await;
    let key = app.call(&app.admin, "api_key_create", json!({ "name": "reader", "readOnly": true })).await.unwrap();
    let key = key["key"].as_str().unwrap();
    let search = json!({ "query": "create a user, a role or an API key", "limit": 25 });
    let answer = app.call_by_key(key, "tool_search", search).await.unwrap();
    let found = answer["tools"].as_array().unwrap();
    assert!(found.iter().any(|tool| tool["name"] == "role_list"), "{answer}");
    assert!(found.iter().all(|tool| tool["effect"] == "read"), "{answer}");
    for tool in ["tool_describe", "tool_docs"] {
        let fault = app.call_by_key(key, tool, json!({ "name": "user_create" })).await.unwrap_err();
        assert!(fault.is(&codes::UNKNOWN_TOOL), "{tool}: {fault}");
    }
    let areas = app.call_by_key(key, "tool_categories", json!({})).await.unwrap();
    assert!(!areas.to_string().contains("\"user_create\""), "{areas}");
}

#[tokio::test]
async fn a_limit_holds_and_is_checked() {
    let app = TestApp::start().await;
    let search = |limit: Value| json!({ "query": "a user account", "limit": limit });
    for limit in [1, 3] {
        let answer = app.call(&app.admin, "tool_search", search(json!(limit))).await.unwrap();
        assert_eq!(answer["tools"].as_array().unwrap().len(), limit, "{answer}");
    }
    for limit in [json!(0), json!(26), json!(-1), json!("five")] {
        let fault = app.call(&app.admin, "tool_search", search(limit)).await.unwrap_err();
        assert!(fault.is(&codes::BAD_INPUT) && fault.places()[0].pointer == "/limit", "{fault}");
    }
    for query in ["", &"x".repeat(501)] {
        let fault = app.call(&app.admin, "tool_search", json!({ "query": query })).await.unwrap_err();
        assert!(fault.is(&codes::BAD_INPUT) && fault.places()[0].pointer == "/query", "{fault}");
    }
}

#[tokio::test]
async fn what_to_use_instead_is_what_the_caller_may_call() {
    let app = TestApp::start().await;
    let told = |person, tool| app.call(person, "tool_describe", json!({ "name": tool }));
    let answer = told(&app.admin, "user_me").await.unwrap();
    let instead: Vec<&str> =
        answer["avoid"].as_array().unwrap().iter().map(|one| one["tool"].as_str().unwrap()).collect();
    assert_eq!(instead, ["auth_permissions", "user_get"], "and not what is only planned: {answer}");
    let answer = told(&app.nobody, "user_me").await.unwrap();
    assert_eq!(answer["avoid"], json!([{ "when": "For what you may do", "tool": "auth_permissions" }]));
    for tool in built() {
        let page = app.call(&app.admin, "tool_docs", json!({ "name": &*tool.name })).await.unwrap();
        let page = page["markdown"].as_str().unwrap();
        for alternative in &tool.card.avoid {
            let there = built().iter().any(|one| *one.name == alternative.tool);
            assert_eq!(page.contains(&alternative.to_string()), there, "{}: {alternative}", tool.name);
        }
    }
}

#[tokio::test]
async fn a_search_can_be_held_to_a_domain() {
    let app = TestApp::start().await;
    let input = json!({ "query": "show everything", "domain": "registry", "limit": 25 });
    let answer = app.call(&app.admin, "tool_search", input).await.unwrap();
    let tools = answer["tools"].as_array().unwrap();
    assert!(!tools.is_empty() && tools.iter().all(|tool| tool["domain"] == "registry"), "{answer}");
    let fault = app.call(&app.admin, "tool_search", json!({ "query": "x", "domain": "no such" })).await.unwrap_err();
    assert_eq!(fault.places()[0].pointer, "/domain");
    assert!(fault.say().contains("identity"), "the domains that there are help: {fault}");
}

#[tokio::test]
async fn odd_queries_are_answered_too() {
    let app = TestApp::start().await;
    let long = "everything everywhere at ".repeat(20);
    for query in ["?!", " ", "\u{1}\u{7f}", "ÄÖÜ 用户 👩‍💻", "%' OR 1=1 --", "a", "@", "n't 's '", long.trim()]
    {
        let answer = app.call(&app.admin, "tool_search", json!({ "query": query })).await.unwrap();
        assert!(answer["tools"].is_array(), "{query}: {answer}");
    }
}

#[tokio::test]
async fn a_description_is_all_that_a_call_needs() {
    let app = TestApp::start().await;
    for tool in built() {
        let told = app.call(&app.admin, "tool_describe", json!({ "name": &*tool.name })).await.unwrap();
        assert_eq!(told["inputSchema"], Value::Object((**tool.input()).clone()), "{}", tool.name);
        assert_eq!(told["outputSchema"], Value::Object((**tool.output()).clone()), "{}", tool.name);
        assert_eq!(told["permission"], tool.permit.to_string(), "{}", tool.name);
        assert_eq!(told["routes"].as_array().unwrap().len(), tool.routes.len(), "{}", tool.name);
        let examples = told["examples"].as_array().map_or(0, Vec::len);
        assert_eq!(examples, tool.card.examples.len(), "{}", tool.name);
    }
}

#[tokio::test]
async fn the_manual_names_every_field_and_example() {
    let app = TestApp::start().await;
    for tool in built() {
        let told = app.call(&app.admin, "tool_docs", json!({ "name": &*tool.name })).await.unwrap();
        let page = told["markdown"].as_str().unwrap();
        assert!(page.starts_with(&format!("# {}\n", tool.title)) && page.contains(&tool.description), "{page}");
        let fields = tool.input()["properties"].as_object().unwrap().keys();
        let missing: Vec<_> = fields.filter(|name| !page.contains(&format!("| `{name}` |"))).collect();
        assert!(missing.is_empty(), "{}: {missing:?}", tool.name);
        assert!(tool.card.examples.iter().all(|example| page.contains(&example.say)), "{}", tool.name);
    }
}

#[tokio::test]
async fn the_areas_hold_every_tool_that_one_may_call() {
    let app = TestApp::start().await;
    let all: BTreeSet<String> = built().iter().map(|tool| tool.name.to_string()).collect();
    assert_eq!(all_names(&app, &app.admin).await, all);
    let free = |permit| matches!(permit, Permit::Own | Permit::Public);
    let free: BTreeSet<String> =
        built().iter().filter(|tool| free(tool.permit)).map(|tool| tool.name.to_string()).collect();
    assert_eq!(all_names(&app, &app.nobody).await, free);
    let answer = app.call(&app.admin, "tool_categories", json!({})).await.unwrap();
    assert_eq!(answer["tools"], all.len());
    for category in answer["categories"].as_array().unwrap() {
        let held: usize =
            category["subjects"].as_array().unwrap().iter().map(|one| one["tools"].as_array().unwrap().len()).sum();
        assert_eq!(category["tools"], held, "{category}");
    }
}

/// The names of all tools that the areas hold.
async fn all_names(app: &TestApp, person: &Person) -> BTreeSet<String> {
    let answer = app.call(person, "tool_categories", json!({})).await.unwrap();
    let categories = answer["categories"].as_array().unwrap();
    let subjects = categories.iter().flat_map(|category| category["subjects"].as_array().unwrap());
    let names = subjects.flat_map(|subject| subject["tools"].as_array().unwrap());
    names.map(|name| name.as_str().unwrap().to_owned()).collect()
}
