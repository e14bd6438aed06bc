//! Assembling: variables, blocks, versions, and what cannot be assembled.

use convoke::kernel::codes;
use serde_json::{Value, json};

use super::{ada, published};
use crate::support::app::TestApp;

#[tokio::test]
async fn the_source_documents_example_answers_as_it_says() {
    let app = TestApp::start().await;
    let prompt = json!({
        "name": "Customer Analysis",
        "template": "Analyze the following customer data: {{customer_data}}. Provide recommendations for {{interaction_type}}.",
        "variables": [
            { "name": "customer_data", "type": "object", "required": true },
            { "name": "interaction_type", "type": "string", "required": true },
        ],
        "tags": ["analysis", "customer_engagement"],
    });
    let made = ada(&app, "prompt_create", prompt).await.unwrap();
    // Nobody said what the variables mean: a remark, and no fault.
    assert_eq!(made["warnings"][0]["rule"], "P009");
    ada(&app, "prompt_publish", json!({ "id": "customer-analysis", "release": "1.2.0" })).await.unwrap();
    let variables = json!({ "customer_data": { "spent": 12, "city": "Graz" }, "interaction_type": "upsell" });
    let input = json!({ "id": "Customer Analysis", "variables": variables });
    let told = ada(&app, "prompt_assemble", input).await.unwrap();
    assert_eq!((told["promptId"].as_str(), told["version"].as_str()), (Some("customer-analysis"), Some("1.2.0")));
    let text =
        "Analyze the following customer data: {\"spent\":12,\"city\":\"Graz\"}. Provide recommendations for upsell.";
    assert_eq!((&told["assembled"], &told["variables"]), (&json!(text), &variables));
}

#[tokio::test]
async fn what_is_missing_mistyped_or_unknown_is_named_at_its_place() {
    let app = TestApp::start().await;
    published(&app, "hello", "Hello {{ who }}", json!({})).await;
    let of = |variables: Value| json!({ "id": "hello", "variables": variables });
    for (variables, place, says) in [
        (json!({}), "/variables/who", "is missing: Who it is to."),
        (json!({ "who": 3 }), "/variables/who", "does not fit: 3 is not of type \"string\""),
        (json!({ "who": "Ada", "whom": "Bo" }), "/variables/whom", "is no variable of this prompt: it takes who"),
    ] {
        let refused = ada(&app, "prompt_assemble", of(variables)).await.unwrap_err();
        assert!(refused.is(&codes::BAD_INPUT), "{refused}");
        let found = &refused.places()[0];
        assert_eq!((found.pointer.as_str(), found.message.as_str()), (place, says));
    }
}

#[tokio::test]
async fn blocks_are_included_by_reference_in_the_version_that_stands() {
    let app = TestApp::start().await;
    let block = |text: &str| json!({ "name": "Sign off", "kind": "block", "template": text });
    ada(&app, "prompt_create", block("Yours, {{ who }}")).await.unwrap_err();
    let mut input = block("Yours, {{ sender }}");
    input["variables"] =
        json!([{ "name": "sender", "type": "string", "description": "Who signs.", "schema": { "default": "us" } }]);
    ada(&app, "prompt_create", input).await.unwrap();
    // A draft of a block is no part of anything.
    let template = "Hello {{ who }}. {% include \"sign-off\" %}";
    let variables = json!([{ "name": "who", "type": "string", "description": "Who." }]);
    let prompt = json!({ "name": "Letter", "template": template, "variables": variables });
    let refused = ada(&app, "prompt_create", prompt.clone()).await.unwrap_err();
    assert_eq!(refused.code().name, "prompt_unusable");
    assert_eq!(refused.detail().unwrap()["findings"][0]["rule"], "P004");
    ada(&app, "prompt_publish", json!({ "id": "sign-off" })).await.unwrap();
    let made = ada(&app, "prompt_create", prompt).await.unwrap();
    assert_eq!((&made["blocks"], &made["takes"][0]["name"]), (&json!(["sign-off"]), &json!("sender")));
    let of = |variables: Value| json!({ "id": "letter", "variables": variables });
    let told = ada(&app, "prompt_assemble", of(json!({ "who": "Bo" }))).await.unwrap();
    assert_eq!(told["assembled"], "Hello Bo. Yours, us");
    assert_eq!(told["blocks"][0]["version"], "1.0.0");
    ada(&app, "prompt_update", json!({ "id": "sign-off", "template": "Cheers, {{ sender }}" })).await.unwrap();
    assert_eq!(
        ada(&app, "prompt_assemble", of(json!({ "who": "Bo" }))).await.unwrap()["assembled"],
        "Hello Bo. Yours, us"
    );
    ada(&app, "prompt_publish", json!({ "id": "sign-off" })).await.unwrap();
    let told = ada(&app, "prompt_assemble", of(json!({ "who": "Bo", "sender": "Ada" }))).await.unwrap();
    assert_eq!(told["assembled"], "Hello Bo. Cheers, Ada");
    // A reference may name the version.
    let pinned = json!({ "id": "letter", "template": "{{ who }} {% include \"sign-off@1.0.0\" %}" });
    ada(&app, "prompt_update", pinned).await.unwrap();
    let input = json!({ "id": "letter", "version": "draft", "variables": { "who": "Bo" } });
    assert_eq!(ada(&app, "prompt_assemble", input).await.unwrap()["assembled"], "Bo Yours, us");
}

#[tokio::test]
async fn a_loop_of_blocks_is_refused_and_named() {
    let app = TestApp::start().await;
    for (name, text) in [("First", "1"), ("Second", "{% include \"first\" %}")] {
        ada(&app, "prompt_create", json!({ "name": name, "kind": "block", "template": text })).await.unwrap();
        ada(&app, "prompt_publish", json!({ "id": name })).await.unwrap();
    }
    let closed = json!({ "id": "first", "template": "\n{% include \"second\" %}" });
    let refused = ada(&app, "prompt_update", closed).await.unwrap_err();
    assert_eq!(refused.code().name, "prompt_block_loop");
    assert!(refused.say().contains("first -> second -> first"), "{refused}");
}

#[tokio::test]
async fn a_bomb_is_refused_before_and_while_it_is_assembled() {
    let app = TestApp::start().await;
    let times = json!([{ "name": "times", "type": "integer", "description": "How often." }]);
    let template = "{% for i in range(times) %}{% for j in range(times) %}xxxxxxxxxxxxxxxx{% endfor %}{% endfor %}";
    ada(&app, "prompt_create", json!({ "name": "Bomb", "template": template, "variables": times })).await.unwrap();
    let of = |times: u32| json!({ "id": "bomb", "variables": { "times": times } });
    assert_eq!(ada(&app, "prompt_assemble", of(2)).await.unwrap()["assembled"].as_str().unwrap().len(), 64);
    let refused = ada(&app, "prompt_assemble", of(9_999)).await.unwrap_err();
    assert_eq!(refused.code().name, "prompt_too_large");
    // What fails whatever is given is found by a check.
    let update = json!({ "id": "bomb", "checks": [{ "name": "goes", "variables": { "times": 9_999 } }] });
    let refused = ada(&app, "prompt_update", update).await.unwrap_err();
    assert_eq!(refused.detail().unwrap()["findings"][0]["rule"], "P012");
}

#[tokio::test]
async fn a_version_is_named_by_number_label_word_or_digest() {
    let app = TestApp::start().await;
    let of = |version: &str| json!({ "id": "welcome-mail", "version": version });
    let first = ada(&app, "prompt_get", of("1.0.0")).await.unwrap();
    let digest = first["digest"].as_str().unwrap();
    for name in ["latest", digest, &digest[..12]] {
        assert_eq!(ada(&app, "prompt_get", of(name)).await.unwrap()["revision"], 1, "{name}");
    }
    for name in ["draft", "1.1.0-draft.2"] {
        assert_eq!(ada(&app, "prompt_get", of(name)).await.unwrap()["revision"], 2, "{name}");
    }
    for name in ["9.9.9", "1.1.0-draft.9", "1.1.0-draft.x", &digest[..11], "newest", "ffffffffffff"] {
        let refused = ada(&app, "prompt_get", of(name)).await.unwrap_err();
        assert!(refused.is(&codes::NOT_FOUND), "{name} {refused}");
    }
    let label = |label: &str| json!({ "id": "welcome-mail", "label": label });
    assert_eq!(ada(&app, "prompt_get", label("production")).await.unwrap()["version"], "1.0.0");
    let refused = ada(&app, "prompt_get", label("staging")).await.unwrap_err();
    assert_eq!((refused.code().name, &refused.detail().unwrap()["labels"]), ("not_found", &json!(["production"])));
}

#[tokio::test]
async fn a_tenants_prompts_are_its_own() {
    let app = TestApp::start().await;
    for (tool, input) in [
        ("prompt_get", json!({ "id": "welcome-mail" })),
        ("prompt_assemble", json!({ "id": "welcome-mail", "variables": { "name": "x" } })),
        ("prompt_versions", json!({ "id": "welcome-mail" })),
        ("prompt_update", json!({ "id": "welcome-mail", "name": "Mine" })),
        ("prompt_publish", json!({ "id": "welcome-mail" })),
        ("prompt_test", json!({ "id": "welcome-mail" })),
        ("prompt_validate", json!({ "id": "welcome-mail" })),
    ] {
        let refused = app.call(&app.stranger, tool, input).await.unwrap_err();
        assert!(refused.is(&codes::NOT_FOUND), "{tool} {refused}");
    }
    let listed = app.call(&app.stranger, "prompt_list", json!({ "text": "welcome" })).await.unwrap();
    assert_eq!(listed["items"], json!([]));
    // The same name is another prompt there.
    let theirs = json!({ "name": "Welcome mail", "template": "Theirs" });
    app.call(&app.stranger, "prompt_create", theirs).await.unwrap();
    let ours = ada(&app, "prompt_get", json!({ "id": "welcome-mail" })).await.unwrap();
    assert_eq!(ours["template"], "Write a welcome mail to {{ name }}.");
}
