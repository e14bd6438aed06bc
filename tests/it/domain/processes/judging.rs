//! What is found in a definition that does not stand: each with its rule, its place and how to mend it, and nothing written.

use serde_json::{Value, json};

use super::{ada, checked_note, definition, line, named, rules};
use crate::support::app::TestApp;

fn nodes(text: &str) -> Value {
    let node = |id: &str| {
        let kind = match id.as_bytes()[0] {
            b's' => "start",
            b'e' => "end",
            b'x' => "exclusive",
            b'p' => "parallel",
            b'i' => "inclusive",
            _ => return json!({ "id": id, "type": "script", "config": { "steps": [{ "name": "one", "value": "1" }] } }),
        };
        json!({ "id": id, "type": kind })
    };
    text.split_whitespace().map(node).collect()
}

fn push(one: &mut Value, list: &str, item: Value) {
    one[list].as_array_mut().unwrap().push(item);
}

/// What judging a definition tells, without storing it.
async fn judged(app: &TestApp, definition: Value) -> Value {
    ada(app, "process_validate", json!({ "id": "leave-request", "definition": definition })).await.unwrap()
}

/// The first finding of a definition that is refused.
async fn first(app: &TestApp, definition: Value) -> Value {
    let told = judged(app, definition.clone()).await;
    assert_eq!(told["valid"], false, "{told}");
    let refused = ada(app, "process_create", named("Refused", definition)).await.unwrap_err();
    assert_eq!(refused.detail().unwrap()["findings"], told["findings"]);
    for finding in told["findings"].as_array().unwrap() {
        assert!(!finding["say"].as_str().unwrap().is_empty() && !finding["mend"].as_str().unwrap().is_empty());
    }
    told["findings"][0].clone()
}

#[tokio::test]
async fn a_graph_whose_tokens_do_not_come_out_even_is_refused_with_the_way_there() {
    let app = TestApp::start().await;
    let choice = "x1 > a if n > 1; x1 > b else";
    let stuck = definition(
        nodes("s x1 a b p2 e"),
        &format!("s > x1; {choice}; a > p2; b > p2; p2 > e"),
        json!({ "n": { "default": 1 } }),
    );
    let told = first(&app, stuck).await;
    assert_eq!((&told["rule"], &told["node"], &told["at"]), (&json!("join_stuck"), &json!("p2"), &json!("/nodes/4")));
    assert_eq!(told["example"], json!(["x1--a"]));

    let twice =
        definition(nodes("s p1 a b x2 c e"), "s > p1; p1 > a; p1 > b; a > x2; b > x2; x2 > c; c > e", json!({}));
    let told = first(&app, twice).await;
    assert_eq!((&told["rule"], &told["node"]), (&json!("comes_twice"), &json!("c")));

    let endless = definition(nodes("s a x1 b e"), "s > a; a > b; b > a; x1 > e", json!({}));
    let told = judged(&app, endless).await;
    let found = rules(&told["findings"]);
    for (rule, at) in [("no_way_to_end", "/nodes/1"), ("no_way_to_end", "/nodes/3"), ("unreachable", "/nodes/2")] {
        assert!(found.contains(&(rule.to_owned(), at.to_owned())), "{rule} {at}: {found:?}");
    }
    assert_eq!((&told["soundness"], &told["valid"]), (&json!("unsound"), &json!(false)));
    assert!(ada(&app, "process_get", json!({ "id": "refused" })).await.is_err());
}

#[tokio::test]
async fn every_fault_of_structure_has_its_rule_and_its_place() {
    let app = TestApp::start().await;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut one = checked_note();
        change(&mut one);
        one
    };
    let cases: Vec<(&str, &str, Value)> = vec![
        ("unknown_type", "/nodes/1/type", with(&|one| one["nodes"][1]["type"] = json!("person"))),
        ("bad_config", "/nodes/3/config", with(&|one| one["nodes"][3]["config"] = json!({}))),
        ("bad_config", "/nodes/3/config", with(&|one| one["nodes"][3]["config"]["colour"] = json!("red"))),
        ("bad_config", "/nodes/1/config/assignee", with(&|one| one["nodes"][1]["config"] = json!({ "form": {} }))),
        (
            "bad_schema",
            "/nodes/1/config/form",
            with(&|one| one["nodes"][1]["config"]["form"] = json!({ "type": "objekt" })),
        ),
        (
            "bad_schema",
            "/nodes/1/config/form",
            with(&|one| one["nodes"][1]["config"]["form"] = json!({ "type": "string" })),
        ),
        (
            "bad_schema",
            "/nodes/1/config/form/properties/decision/type",
            with(&|one| {
                one["nodes"][1]["config"]["form"] = json!({ "properties": { "decision": { "enum": ["yes", "no"] } } });
            }),
        ),
        (
            "bad_schema",
            "/variables/keep/schema",
            with(&|one| one["variables"]["keep"]["schema"] = json!({ "type": 7 })),
        ),
        ("default_unfit", "/variables/keep/default", with(&|one| one["variables"]["keep"]["default"] = json!("yes"))),
        ("bad_name", "/variables/result", with(&|one| one["variables"]["result"] = json!({}))),
        ("duplicate_id", "/nodes/3/id", with(&|one| one["nodes"][3]["id"] = json!("look"))),
        ("unknown_lane", "/nodes/1/lane", with(&|one| one["nodes"][1]["lane"] = json!("sales"))),
        ("unknown_node", "/edges/0/to", with(&|one| one["edges"][0]["to"] = json!("nobody"))),
        ("condition_missing", "/edges/3", with(&|one| one["edges"][3] = json!({ "from": "choose", "to": "dropped" }))),
        ("condition_misplaced", "/edges/0/condition", with(&|one| one["edges"][0]["condition"] = json!("keep"))),
        ("default_conditional", "/edges/3/condition", with(&|one| one["edges"][3]["condition"] = json!("keep"))),
        ("way_out_of_end", "/edges/5/from", with(&|one| push(one, "edges", json!({ "from": "kept", "to": "look" })))),
        ("way_into_start", "/edges/4/to", with(&|one| one["edges"][4]["to"] = json!("begin"))),
        ("implicit_split", "/nodes/3", with(&|one| push(one, "edges", json!({ "from": "store", "to": "dropped" })))),
        ("start_twice", "/nodes/6/type", with(&|one| push(one, "nodes", json!({ "id": "again", "type": "start" })))),
        ("field_not_of_type", "/nodes/2/input", with(&|one| one["nodes"][2]["input"] = json!({ "a": 1 }))),
        (
            "bad_duration",
            "/nodes/3/timeout/after",
            with(&|one| one["nodes"][3]["timeout"] = json!({ "after": "1 hour", "outcome": "fail" })),
        ),
        (
            "bad_duration",
            "/nodes/3/retry/wait",
            with(&|one| one["nodes"][3]["retry"] = json!({ "attempts": 2, "wait": "= note" })),
        ),
        (
            "bad_permission",
            "/nodes/3/permissions/0",
            with(&|one| one["nodes"][3]["permissions"] = json!(["everything"])),
        ),
    ];
    for (rule, at, one) in cases {
        let told = judged(&app, one).await;
        let found = rules(&told["findings"]);
        assert!(found.contains(&(rule.to_owned(), at.to_owned())), "{rule} {at}: {found:?}");
        assert_eq!(told["valid"], false, "{rule}");
    }
}

#[tokio::test]
async fn what_only_runs_others_has_no_retry_or_input_of_its_own() {
    let app = TestApp::start().await;
    let each = json!({ "items": "list", "as": "item", "node": "one" });
    let mut one =
        line(json!([{ "id": "all", "type": "for_each", "config": each }]), json!({ "list": { "default": [] } }));
    let body =
        json!({ "id": "one", "type": "script", "config": { "steps": [{ "name": "twice", "value": "item * 2" }] } });
    one["nodes"].as_array_mut().unwrap().push(body);
    assert_eq!(judged(&app, one.clone()).await["findings"], json!([]));
    one["nodes"][1]["retry"] = json!({ "attempts": 3 });
    let told = first(&app, one.clone()).await;
    assert_eq!((&told["rule"], &told["at"]), (&json!("field_not_of_type"), &json!("/nodes/1/retry")));
    one["nodes"][1].as_object_mut().unwrap().remove("retry");
    one["edges"].as_array_mut().unwrap().push(json!({ "from": "one", "to": "done" }));
    let told = first(&app, one).await;
    assert_eq!(told["rule"], "body_wired");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn names_that_nobody_has_are_found_with_where_to_look() {
    let app = TestApp::start().await;
    for (node, rule, at, mend) in [
        (json!({ "type": "tool", "config": { "tool": "no_such" } }), "unknown_tool", "/config/tool", "tool_search"),
        // One that the caller may not call is not there for them.
        (
            json!({ "type": "tool", "config": { "tool": "system_restore" } }),
            "unknown_tool",
            "/config/tool",
            "tool_search",
        ),
        (
            json!({ "type": "agent", "config": { "agentId": "nobody", "message": "hi" } }),
            "unknown_agent",
            "/config/agentId",
            "agent_list",
        ),
        (
            json!({ "type": "prompt", "config": { "promptId": "no-such" } }),
            "unknown_prompt",
            "/config/promptId",
            "prompt_list",
        ),
        (
            json!({ "type": "sub_process", "config": { "processId": "no-such" } }),
            "unknown_process",
            "/config/processId",
            "process_list",
        ),
        (
            json!({ "type": "sub_process", "config": { "processId": "trip-booking", "version": "9.0.0" } }),
            "unusable_process",
            "/config/processId",
            "process_list",
        ),
        (
            json!({ "type": "decision", "config": { "ruleSet": "no-such" } }),
            "unknown_rule_set",
            "/config/ruleSet",
            "rule_create",
        ),
        (
            json!({ "type": "decision", "config": { "ruleSet": "discounts", "decision": "no such" } }),
            "unusable_rule_set",
            "/config/ruleSet",
            "rule_create",
        ),
        (
            json!({ "type": "tool", "config": { "tool": "memory_store" }, "input": { "text": "= not_there" } }),
            "unknown_variable",
            "/input/text",
            "variables",
        ),
        (
            json!({ "type": "tool", "config": { "tool": "memory_store" }, "input": { "text": "hi" }, "output": { "not_there": "= result" } }),
            "unknown_variable",
            "/output/not_there",
            "variables",
        ),
        (
            json!({ "type": "tool", "config": { "tool": "memory_store" }, "input": { "text": "= 1 + " } }),
            "bad_expression",
            "/input/text",
            "FEEL",
        ),
        (json!({ "type": "tool", "config": { "tool": "memory_store" } }), "missing_input", "/input", "text"),
        (
            json!({ "type": "tool", "config": { "tool": "memory_store" }, "input": { "text": "hi", "colour": "red" } }),
            "unknown_input",
            "/input/colour",
            "It takes",
        ),
        (
            json!({ "type": "tool", "config": { "tool": "memory_store" }, "input": { "text": "= count" } }),
            "type_mismatch",
            "/input/text",
            "string(",
        ),
        (
            json!({ "type": "tool", "config": { "tool": "memory_store" }, "input": { "text": 7 } }),
            "type_mismatch",
            "/input/text",
            "fits",
        ),
    ] {
        let mut node = node;
        node["id"] = json!("one");
        let told =
            first(&app, line(json!([node]), json!({ "count": { "schema": { "type": "integer" }, "default": 1 } })))
                .await;
        assert_eq!((&told["rule"], &told["at"]), (&json!(rule), &json!(format!("/nodes/1{at}"))), "{told}");
        assert!(told["mend"].as_str().unwrap().contains(mend), "{told}");
    }
    // What is there is found: the scene's agent, prompt and process, and a prompt that comes with the program.
    for node in [
        json!({ "type": "agent", "config": { "agentId": "archivist", "message": "hi" } }),
        json!({ "type": "prompt", "config": { "promptId": "welcome-mail" }, "input": { "name": "Ada" } }),
        json!({ "type": "prompt", "config": { "promptId": "summary" } }),
        json!({ "type": "sub_process", "config": { "processId": "leave-request" }, "input": { "days": 3, "manager": "ada" } }),
    ] {
        let mut node = node;
        node["id"] = json!("one");
        let told = judged(&app, line(json!([node]), json!({}))).await;
        assert_eq!(told["valid"], true, "{told}");
    }
    let without = json!([{ "id": "one", "type": "sub_process", "config": { "processId": "leave-request" }, "input": { "days": 3 } }]);
    assert_eq!(first(&app, line(without, json!({}))).await["rule"], "missing_input");
}

#[tokio::test]
async fn edits_are_judged_before_they_are_made() {
    let app = TestApp::start().await;
    let ask = |edits: Value| json!({ "id": "leave-request", "edits": edits });
    let told =
        ada(&app, "process_validate", ask(json!([{ "do": "changeNode", "id": "ask", "set": { "name": "Ask" } }])))
            .await
            .unwrap();
    assert_eq!(told["valid"], true, "{told}");
    let told = ada(&app, "process_validate", ask(json!([{ "do": "disconnect", "id": "begin--ask" }]))).await.unwrap();
    assert_eq!((&told["valid"], told.get("soundness")), (&json!(false), None));
    let refused = ada(&app, "process_validate", ask(json!([{ "do": "disconnect", "id": "no" }]))).await.unwrap_err();
    assert_eq!(refused.code().name, "process_edit_unfit");
    let both = json!({ "id": "leave-request", "definition": checked_note(), "version": "1.0.0" });
    assert_eq!(ada(&app, "process_validate", both).await.unwrap_err().places()[0].pointer, "/definition");
    assert_eq!(
        ada(&app, "process_get", json!({ "id": "leave-request", "version": "draft" })).await.unwrap()["revision"],
        2
    );
}

#[tokio::test]
async fn what_may_not_be_meant_is_a_warning_and_may_be_published() {
    let app = TestApp::start().await;
    let mut one = checked_note();
    one["edges"][3] = json!({ "from": "choose", "to": "dropped", "condition": "not(keep)" });
    one["variables"]["spare"] = json!({ "schema": { "type": "string" } });
    one["nodes"][1]["output"]["spare"] = json!("= result.why");
    let told = judged(&app, one.clone()).await;
    assert_eq!(told["valid"], true);
    let found: Vec<String> = rules(&told["findings"]).into_iter().map(|(rule, _)| rule).collect();
    assert_eq!(found, ["no_default", "variable_never_read"]);
    ada(&app, "process_create", named("Warned", one)).await.unwrap();
    let told = ada(&app, "process_publish", json!({ "id": "warned" })).await.unwrap();
    assert_eq!(told["warnings"].as_array().unwrap().len(), 2);
}
