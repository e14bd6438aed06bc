//! Making and changing prompts, listing and validating them.

use convoke::kernel::codes;
use serde_json::{Value, json};

use super::ada;
use crate::support::app::TestApp;

#[tokio::test]
async fn a_prompt_that_cannot_be_used_is_not_stored_and_each_place_is_told() {
    let app = TestApp::start().await;
    let variables = json!([{ "name": "a", "type": "string", "description": "A.", "schema": { "default": 3 } }]);
    let input = json!({ "name": "Bad one", "template": "one\n{{ b }}\n{{ c }}", "variables": variables });
    let refused = ada(&app, "prompt_create", input).await.unwrap_err();
    assert_eq!(refused.code().name, "prompt_unusable");
    let findings = &refused.detail().unwrap()["findings"];
    let rules: Vec<(&str, Option<u64>)> =
        findings.as_array().unwrap().iter().map(|one| (one["rule"].as_str().unwrap(), one["line"].as_u64())).collect();
    assert_eq!(rules, [("P008", None), ("P002", Some(2)), ("P002", Some(3))]);
    assert!(refused.say().contains("line 2: 'b' is no variable"), "{refused}");
    assert!(ada(&app, "prompt_get", json!({ "id": "bad-one" })).await.unwrap_err().is(&codes::NOT_FOUND));
    for (name, template) in [("Syntax", "a\n{% if %}"), ("Dynamic", "{% include a %}"), ("Empty", "  ")] {
        let refused = ada(&app, "prompt_create", json!({ "name": name, "template": template })).await.unwrap_err();
        assert_eq!(refused.code().name, "prompt_unusable", "{name} {refused}");
    }
    let refused = ada(&app, "prompt_create", json!({ "name": "???", "template": "x" })).await.unwrap_err();
    assert_eq!(refused.places()[0].pointer, "/name");
}

#[tokio::test]
async fn a_name_is_taken_by_a_file_as_by_a_record() {
    let app = TestApp::start().await;
    for name in ["Code review", "welcome mail"] {
        let refused = ada(&app, "prompt_create", json!({ "name": name, "template": "x" })).await.unwrap_err();
        assert!(refused.is(&codes::ALREADY_EXISTS), "{name} {refused}");
    }
}

#[tokio::test]
async fn a_draft_changes_nothing_that_is_in_use_and_says_what_it_breaks() {
    let app = TestApp::start().await;
    let needed = json!([
        { "name": "name", "type": "string", "description": "Who." },
        { "name": "tone", "type": "string", "description": "How." },
    ]);
    let input = json!({ "id": "welcome-mail", "template": "{{ tone }} {{ name }}", "variables": needed });
    let draft = ada(&app, "prompt_update", input.clone()).await.unwrap();
    assert_eq!((&draft["version"], &draft["changed"]), (&json!("2.0.0-draft.3"), &json!(true)));
    assert_eq!(draft["breaking"], json!(["the variable 'tone' is new and must be given"]));
    let again = ada(&app, "prompt_update", input).await.unwrap();
    assert_eq!((&again["version"], &again["changed"]), (&json!("2.0.0-draft.3"), &json!(false)));
    let used = ada(&app, "prompt_get", json!({ "id": "welcome-mail" })).await.unwrap();
    assert_eq!((&used["version"], &used["latest"]), (&json!("1.0.0"), &json!("1.0.0")));
}

#[tokio::test]
async fn a_file_becomes_the_tenants_own_and_only_by_who_manages() {
    let app = TestApp::start().await;
    let mine = json!({ "id": "code-review", "template": "Look at {{ diff }}.", "checks": [], "cases": [] });
    let refused = ada(&app, "prompt_update", mine.clone()).await.unwrap_err();
    assert!(refused.is(&codes::FORBIDDEN), "{refused}");
    let before = app.call(&app.admin, "prompt_get", json!({ "id": "code-review" })).await.unwrap();
    assert_eq!(before["source"], "file");
    let made = app.call(&app.admin, "prompt_update", mine).await.unwrap();
    assert_eq!((&made["source"], &made["revision"]), (&json!("tenant"), &json!(2)));
    // What was the file is its first version, and still what is used.
    let after = app.call(&app.admin, "prompt_get", json!({ "id": "code-review" })).await.unwrap();
    for field in ["template", "digest", "version"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!(after["source"], "tenant");
    let labels = json!([{ "label": "production" }]);
    app.call(&app.admin, "prompt_publish", json!({ "id": "code-review", "labels": labels })).await.unwrap();
    let input = json!({ "id": "code-review", "variables": { "diff": "this" } });
    assert_eq!(ada(&app, "prompt_assemble", input).await.unwrap()["assembled"], "Look at this.");
    // Another tenant still has the file.
    let theirs = app.call(&app.stranger, "prompt_get", json!({ "id": "code-review" })).await.unwrap();
    assert_eq!((&theirs["source"], &theirs["digest"]), (&json!("file"), &before["digest"]));
}

#[tokio::test]
async fn lists_hold_files_and_records_by_tag_and_words_in_pages() {
    let app = TestApp::start().await;
    let ids = |list: &Value| -> Vec<String> {
        list["items"].as_array().unwrap().iter().map(|one| one["promptId"].as_str().unwrap().to_owned()).collect()
    };
    let all = ids(&ada(&app, "prompt_list", json!({ "limit": 200 })).await.unwrap());
    assert!(all.len() > 25 && all.contains(&"welcome-mail".to_owned()) && all.is_sorted(), "{all:?}");
    let mut paged = Vec::new();
    let mut input = json!({ "limit": 7 });
    loop {
        let page = ada(&app, "prompt_list", input.clone()).await.unwrap();
        paged.extend(ids(&page));
        let Some(token) = page["nextPageToken"].as_str() else { break };
        input["pageToken"] = token.into();
    }
    assert_eq!(paged, all);
    assert_eq!(ids(&ada(&app, "prompt_list", json!({ "tag": "mail" })).await.unwrap()), ["welcome-mail"]);
    assert_eq!(
        ids(&ada(&app, "prompt_list", json!({ "text": "customers welcoming" })).await.unwrap()),
        ["welcome-mail"]
    );
    let blocks = ada(&app, "prompt_list", json!({ "kind": "block", "takes": true })).await.unwrap();
    assert!(blocks["items"].as_array().unwrap().iter().all(|one| one["kind"] == "block" && one["takes"].is_array()));
    let foreign = json!({ "text": "mail", "pageToken": input["pageToken"] });
    assert!(ada(&app, "prompt_list", foreign).await.unwrap_err().is(&codes::BAD_PAGE_TOKEN));
}

#[tokio::test]
async fn a_validation_stores_nothing_and_tells_rules_lines_and_sizes() {
    let app = TestApp::start().await;
    let variables = json!([
        { "name": "used", "type": "string", "description": "U.", "schema": { "default": "x" } },
        { "name": "unused", "type": "string", "description": "N.", "schema": { "default": "x" } },
    ]);
    let input = json!({
        "id": "Not there yet", "template": "{{ used }} {{ used }}", "variables": variables,
        "models": ["gpt-4", "openai/gpt-5", "claude-opus"], "values": { "used": "hello world" },
    });
    let told = ada(&app, "prompt_validate", input).await.unwrap();
    assert_eq!(
        (&told["promptId"], &told["valid"], &told["measured"]),
        (&json!("not-there-yet"), &json!(true), &json!("assembled"))
    );
    assert_eq!(
        told["findings"],
        json!([{ "rule": "P003", "level": "warning", "message": "the variable 'unused' is used nowhere: take it out, or use it" }])
    );
    let sizes: Vec<(&str, u64, bool)> = told["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (one["encoding"].as_str().unwrap(), one["tokens"].as_u64().unwrap(), one["exact"].as_bool().unwrap())
        })
        .collect();
    assert_eq!(sizes, [("cl100k_base", 4, true), ("o200k_base", 4, true), ("o200k_base", 4, false)]);
    let broken = json!({ "id": "welcome-mail", "template": "{{ name }}\n{% include \"nowhere\" %}" });
    let told = ada(&app, "prompt_validate", broken).await.unwrap();
    assert_eq!((&told["valid"], &told["measured"]), (&json!(false), &json!("template")));
    assert_eq!((&told["findings"][0]["rule"], &told["findings"][0]["line"]), (&json!("P004"), &json!(2)));
    assert!(ada(&app, "prompt_validate", json!({ "id": "nowhere" })).await.unwrap_err().is(&codes::NOT_FOUND));
}
