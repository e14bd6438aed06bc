//! Flows in the registry: types and their rules, versions, lists, archiving, whose they are.

use convoke::kernel::codes;
use serde_json::{Value, json};

use super::{ada, registered};
use crate::support::app::TestApp;

/// The workflow of the page, as its client sends it.
fn workflow() -> Value {
    json!({
        "id": "news_digest", "name": "News digest", "type": "langgraph_workflow", "version": "2.1.0",
        "description": "AI-powered digest of the news.", "tags": ["news", "nightly"],
        "nodes": [
            { "id": "read", "name": "Read", "type": "data_source", "config": { "sources": ["news_feeds"] } },
            { "id": "sum_up", "name": "Sum up", "type": "analyzer", "config": { "models": ["transformer"] } },
        ],
        "edges": [{ "id": "read_to_sum_up", "source": "read", "target": "sum_up" }],
        "credentials": [{ "key": "news_api_key", "type": "api_key", "required": true }, { "key": "crm", "secret": "old-crm", "required": false }],
        "metadata": { "team": "desk" }, "createdBy": "ai_team",
    })
}

#[tokio::test]
async fn a_flow_is_told_as_it_was_registered_and_each_version_stays() {
    let app = TestApp::start().await;
    let made = ada(&app, "flow_register", workflow()).await.unwrap();
    let told = ada(&app, "flow_get", json!({ "id": "news_digest" })).await.unwrap();
    for field in ["id", "name", "type", "version", "description", "tags", "nodes", "edges", "metadata", "createdBy"] {
        assert_eq!((&made[field], &told[field]), (&workflow()[field], &workflow()[field]), "{field}");
    }
    assert_eq!((&told["status"], &told["runs"], &told["revision"]), (&json!("active"), &json!("outside"), &json!(1)));
    let has = |told: &Value| {
        told["credentials"].as_array().unwrap().iter().map(|one| one["available"] == true).collect::<Vec<_>>()
    };
    assert_eq!((has(&told), &told["credentials"][1]["secret"]), (vec![false, true], &json!("old-crm")));
    assert_eq!(told["warnings"].as_array().unwrap().len(), 1, "{told}");
    app.call(&app.admin, "secret_put", json!({ "name": "news_api_key", "value": "k-1" })).await.unwrap();
    let told = ada(&app, "flow_get", json!({ "id": "news_digest" })).await.unwrap();
    assert_eq!((has(&told), &told["warnings"]), (vec![true, true], &json!([])));
    // What says the same is no version; what stands otherwise is none either.
    let same = json!({ "id": "news_digest", "nodes": workflow()["nodes"] });
    let same = ada(&app, "flow_update", same).await.unwrap();
    assert_eq!((&same["changed"], &same["version"]), (&json!(false), &json!("2.1.0")));
    let aside = ada(&app, "flow_update", json!({ "id": "news_digest", "status": "inactive" })).await.unwrap();
    assert_eq!(
        (&aside["changed"], &aside["version"], &aside["status"]),
        (&json!(true), &json!("2.1.0"), &json!("inactive"))
    );
    let fault = ada(&app, "flow_execute", json!({ "id": "news_digest" })).await.unwrap_err();
    assert_eq!(fault.code().name, "flow_not_active");
    ada(&app, "flow_update", json!({ "id": "news_digest", "status": "active" })).await.unwrap();
    let next = json!({ "id": "news_digest", "description": "Shorter.", "message": "shorter" });
    assert_eq!(ada(&app, "flow_update", next).await.unwrap()["version"], "2.1.1");
    let major = json!({ "id": "news_digest", "tags": ["news"], "version": "3.0.0" });
    assert_eq!(ada(&app, "flow_update", major).await.unwrap()["version"], "3.0.0");
    let lower = json!({ "id": "news_digest", "tags": [], "version": "2.9.9" });
    assert_eq!(ada(&app, "flow_update", lower).await.unwrap_err().code().name, "flow_version_taken");
    let first = ada(&app, "flow_get", json!({ "id": "news_digest", "version": "2.1.0" })).await.unwrap();
    assert_eq!(
        (&first["description"], &first["tags"], &first["newest"]),
        (&workflow()["description"], &workflow()["tags"], &json!("3.0.0"))
    );
    let versions: Vec<&str> =
        first["versions"].as_array().unwrap().iter().map(|one| one["version"].as_str().unwrap()).collect();
    assert_eq!((versions, &first["versions"][1]["message"]), (vec!["3.0.0", "2.1.1", "2.1.0"], &json!("shorter")));
    let none = ada(&app, "flow_get", json!({ "id": "news_digest", "version": "9.9.9" })).await.unwrap_err();
    assert!(none.is(&codes::NOT_FOUND), "{none}");
    let taken = ada(&app, "flow_register", workflow()).await.unwrap_err();
    assert!(taken.is(&codes::ALREADY_EXISTS), "{taken}");
    // Who changed what is in the audit log, and nothing of the definition.
    let told = app.call(&app.admin, "audit_query", json!({ "action": "flow_update" })).await.unwrap();
    assert!(told["items"].as_array().unwrap().len() >= 3 && !told.to_string().contains("Shorter."), "{told}");
}

#[tokio::test]
async fn each_type_refuses_what_breaks_its_rules_and_keeps_nothing() {
    let app = TestApp::start().await;
    let step = |id: &str| json!({ "id": id, "type": "step" });
    let edge = |from: &str, to: &str| json!({ "source": from, "target": to });
    let cases = [
        (json!({ "type": "langgraph_workflow", "nodes": [] }), "schema /nodes"),
        (json!({ "type": "langgraph_workflow", "nodes": [{ "id": "a" }] }), "schema /nodes/0"),
        (
            json!({ "type": "langgraph_workflow", "nodes": [step("a"), step("b")], "edges": [edge("a", "b"), edge("b", "a")] }),
            "no_entry /edges",
        ),
        (
            json!({ "type": "ai_brain_validation", "nodes": [{ "id": "a", "config": {} }] }),
            "rule_without_check /nodes/0/config",
        ),
        (
            json!({ "type": "chain_mapping", "nodes": [step("a"), step("b")], "edges": [edge("a", "b"), edge("b", "a")] }),
            "cycle /edges/1",
        ),
        (json!({ "type": "custom", "nodes": [step("a")], "edges": [edge("a", "z")] }), "unknown_node /edges/0/target"),
        (json!({ "type": "custom", "credentials": [{ "key": "no name" }] }), "credential_name /credentials/0/key"),
        (
            json!({ "type": "custom", "dependencies": [{ "dependsOnFlowId": "nobody" }] }),
            "unknown_dependency /dependencies/0/dependsOnFlowId",
        ),
        (
            json!({ "type": "custom", "dependencies": [{ "dependsOnFlowId": "order_follow_up", "dependencyType": "conditional" }] }),
            "dependency_condition /dependencies/0/condition",
        ),
        (
            json!({ "type": "custom", "dependencies": [{ "dependsOnFlowId": "order_follow_up", "condition": "score >" }] }),
            "dependency_condition /dependencies/0/condition",
        ),
        (
            json!({ "type": "custom", "dependencies": [{ "dependsOnFlowId": "order_follow_up", "parameter": "x" }] }),
            "dependency_parameter /dependencies/0/parameter",
        ),
    ];
    for (mut input, expected) in cases {
        input["id"] = "broken".into();
        let fault = ada(&app, "flow_register", input.clone()).await.unwrap_err();
        assert_eq!(fault.code().name, "flow_unusable", "{input}: {fault}");
        let first = &fault.detail().unwrap()["errors"][0];
        let told = format!("{} {}", first["rule"].as_str().unwrap(), first["at"].as_str().unwrap());
        assert_eq!(told, expected, "{fault}");
        // Every rule that is broken is one that the type tells.
        let types = ada(&app, "flow_types", json!({ "type": input["type"] })).await.unwrap();
        let rules = types["items"][0]["rules"].as_array().unwrap();
        assert!(rules.iter().any(|rule| rule["id"] == first["rule"]), "{told}");
    }
    assert!(ada(&app, "flow_get", json!({ "id": "broken" })).await.unwrap_err().is(&codes::NOT_FOUND));
    for (input, pointer) in [
        (json!({ "type": "custom" }), "/id"),
        (json!({ "type": "custom", "name": "!!" }), "/name"),
        (json!({ "type": "custom", "id": "health" }), "/id"),
        (json!({ "type": "custom", "id": "a b" }), "/id"),
        (json!({ "type": "workflow", "id": "a" }), "/type"),
        (json!({ "type": "custom", "id": "a", "version": "1.0" }), "/version"),
        (json!({ "type": "custom", "id": "a", "nodes": [{ "id": "a", "colour": "red" }] }), "/nodes/0/colour"),
    ] {
        let fault = ada(&app, "flow_register", input.clone()).await.unwrap_err();
        assert!(fault.places().iter().any(|place| place.pointer == pointer), "{input}: {:?}", fault.places());
    }
    let large = json!({ "type": "custom", "id": "large", "metadata": { "text": "x".repeat(1_000_001) } });
    assert!(ada(&app, "flow_register", large).await.unwrap_err().is(&codes::BAD_INPUT));
    let named = json!({ "type": "custom", "name": "Nightly Tidying" });
    assert_eq!(ada(&app, "flow_register", named).await.unwrap()["id"], "nightly-tidying");
}

#[tokio::test]
async fn what_would_be_wrong_is_told_without_keeping_anything() {
    let app = TestApp::start().await;
    let changed = json!({
        "id": "ai_trading_analysis",
        "edges": [{ "source": "data_ingestion", "target": "data_ingestion" }],
        "credentials": [{ "key": "old-crm" }],
        "dependencies": [{ "dependsOnFlowId": "nobody" }, { "dependsOnFlowId": "nobody" }],
    });
    let told = ada(&app, "flow_validate", changed).await.unwrap();
    let rules: Vec<&str> = told["errors"].as_array().unwrap().iter().map(|one| one["rule"].as_str().unwrap()).collect();
    assert_eq!(
        rules,
        ["unreachable_node", "unknown_dependency", "unknown_dependency", "duplicate_dependency"],
        "{told}"
    );
    assert_eq!((&told["valid"], &told["credentials"][0]["available"]), (&json!(false), &json!(true)));
    let kept = ada(&app, "flow_validate", json!({ "id": "ai_trading_analysis" })).await.unwrap();
    assert_eq!((&kept["valid"], kept["warnings"].as_array().unwrap().len()), (&json!(true), 1));
}

#[tokio::test]
async fn flows_are_found_by_type_status_tag_words_and_what_they_need() {
    let app = TestApp::start().await;
    ada(&app, "flow_register", workflow()).await.unwrap();
    registered(&app, "plain", json!({ "tags": ["news"] })).await;
    ada(&app, "flow_update", json!({ "id": "plain", "status": "inactive" })).await.unwrap();
    let found = async |input: Value| {
        let told = ada(&app, "flow_list", input).await.unwrap();
        let ids: Vec<String> =
            told["items"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
        ids.join(" ")
    };
    assert_eq!(found(json!({ "tag": "news" })).await, "news_digest plain");
    assert_eq!(found(json!({ "tag": "new" })).await, "");
    assert_eq!(found(json!({ "type": "langgraph_workflow" })).await, "ai_trading_analysis news_digest");
    assert_eq!(found(json!({ "status": "inactive" })).await, "plain");
    assert_eq!(found(json!({ "text": "digest sum" })).await, "news_digest");
    assert_eq!(found(json!({ "dependsOn": "risk_management_flow" })).await, "ai_trading_analysis");
    let page = ada(&app, "flow_list", json!({ "limit": 2 })).await.unwrap();
    let rest = ada(&app, "flow_list", json!({ "limit": 9, "pageToken": page["nextPageToken"] })).await.unwrap();
    assert_eq!((page["items"].as_array().unwrap().len(), rest["items"].as_array().unwrap().len()), (2, 3));
    let archived = ada(&app, "flow_archive", json!({ "id": "plain" })).await.unwrap();
    assert_eq!((&archived["status"], &archived["changed"]), (&json!("archived"), &json!(true)));
    assert_eq!(ada(&app, "flow_archive", json!({ "id": "plain" })).await.unwrap()["changed"], false);
    assert_eq!(found(json!({ "tag": "news" })).await, "news_digest");
    assert_eq!(found(json!({ "status": "archived" })).await, "plain");
    for (tool, input) in [
        ("flow_execute", json!({ "id": "plain" })),
        ("flow_update", json!({ "id": "plain", "description": "Other." })),
        ("flow_dependency_add", json!({ "id": "plain", "dependsOnFlowId": "news_digest" })),
    ] {
        assert_eq!(ada(&app, tool, input).await.unwrap_err().code().name, "flow_not_active", "{tool}");
    }
    let back = ada(&app, "flow_update", json!({ "id": "plain", "status": "active" })).await.unwrap();
    assert_eq!((&back["status"], &back["version"]), (&json!("active"), &json!("1.0.0")));
}

#[tokio::test]
async fn flows_are_their_tenants_and_changed_by_whoever_owns_them() {
    let app = TestApp::start().await;
    let execution = "0192f0c1-0000-7000-8000-000000000082";
    for (tool, input) in [
        ("flow_get", json!({ "id": "risk_management_flow" })),
        ("flow_update", json!({ "id": "risk_management_flow", "description": "Mine." })),
        ("flow_archive", json!({ "id": "order_follow_up" })),
        ("flow_execute", json!({ "id": "risk_management_flow" })),
        ("flow_executions", json!({ "id": "risk_management_flow" })),
        ("flow_execution_status", json!({ "id": execution, "status": "running" })),
        ("flow_dependencies", json!({ "id": "risk_management_flow" })),
        ("flow_dependency_add", json!({ "id": "risk_management_flow", "dependsOnFlowId": "order_follow_up" })),
        ("flow_validate", json!({ "id": "risk_management_flow" })),
        ("flow_statistics", json!({ "id": "risk_management_flow" })),
    ] {
        let fault = app.call(&app.stranger, tool, input).await.unwrap_err();
        assert!(fault.is(&codes::NOT_FOUND), "{tool}: {fault}");
    }
    let told = app.call(&app.stranger, "flow_statistics_global", json!({})).await.unwrap();
    assert_eq!((&told["flows"]["totalFlows"], &told["executions"]["totalExecutions"]), (&json!(0), &json!(0)));
    let told = app.call(&app.stranger, "flow_health", json!({})).await.unwrap();
    assert_eq!((&told["status"], &told["flowsChecked"]), (&json!("healthy"), &json!(0)));
    // Another tenant has flows of the same ids; its dependencies are its own.
    let own = json!({ "id": "risk_management_flow", "type": "custom", "nodes": [{ "id": "a" }] });
    app.call(&app.stranger, "flow_register", own).await.unwrap();
    let other = json!({ "id": "b", "type": "custom", "dependencies": [{ "dependsOnFlowId": "order_follow_up" }] });
    assert_eq!(app.call(&app.stranger, "flow_register", other).await.unwrap_err().code().name, "flow_unusable");
    // Ada sees the administrator's flow, executes it, and does not change it.
    let input = json!({ "id": "theirs", "type": "custom", "nodes": [{ "id": "a" }] });
    app.call(&app.admin, "flow_register", input).await.unwrap();
    ada(&app, "flow_execute", json!({ "id": "theirs" })).await.unwrap();
    for (tool, input) in [
        ("flow_update", json!({ "id": "theirs", "description": "Mine." })),
        ("flow_archive", json!({ "id": "theirs" })),
        ("flow_dependency_add", json!({ "id": "theirs", "dependsOnFlowId": "order_follow_up" })),
    ] {
        assert!(ada(&app, tool, input).await.unwrap_err().is(&codes::FORBIDDEN), "{tool}");
    }
}
