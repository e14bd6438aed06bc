//! Making processes, finding them, changing them by edits and as a whole.

use convoke::kernel::codes;
use serde_json::{Value, json};

use super::{ada, checked_note, line, named, rules};
use crate::support::app::TestApp;

#[tokio::test]
async fn a_process_is_made_read_and_found() {
    let app = TestApp::start().await;
    let mut input = named("Checked note", checked_note());
    input["tags"] = json!(["notes"]);
    let made = ada(&app, "process_create", input.clone()).await.unwrap();
    assert_eq!((&made["id"], &made["version"]), (&json!("checked-note"), &json!("1.0.0-draft.1")));
    assert_eq!(
        (&made["soundness"], &made["findings"], &made["status"]),
        (&json!("sound"), &json!([]), &json!("draft"))
    );
    let told = ada(&app, "process_get", json!({ "id": "Checked note" })).await.unwrap();
    assert_eq!((&told["nodes"], &told["variables"]), (&input["nodes"], &input["variables"]));
    assert_eq!(
        told["edges"][2],
        json!({ "id": "choose--store", "from": "choose", "to": "store", "condition": "keep" })
    );
    assert!(told.get("nodeTypes").is_none());
    let with_types = ada(&app, "process_get", json!({ "id": "checked-note", "nodeTypes": true })).await.unwrap();
    let types = with_types["nodeTypes"].as_array().unwrap();
    assert_eq!(types.len(), 20);
    assert!(types.iter().all(|one| one["config"]["additionalProperties"] == false));
    for (filter, found) in [
        (json!({ "text": "notes" }), vec!["Checked note"]),
        (json!({ "text": "leave decide" }), vec!["Leave request"]),
        (json!({ "status": "draft" }), vec!["Checked note"]),
        (json!({ "status": "published" }), vec!["Leave request", "Order payment", "Travel request", "Trip booking"]),
        (json!({}), vec!["Checked note", "Leave request", "Order payment", "Travel request", "Trip booking"]),
        (json!({ "text": "nothing of the kind" }), vec![]),
    ] {
        let told = ada(&app, "process_list", filter.clone()).await.unwrap();
        let names: Vec<&str> =
            told["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names, found, "{filter}");
    }
    let again = ada(&app, "process_create", input).await.unwrap_err();
    assert!(again.is(&codes::ALREADY_EXISTS));
    for name in ["templates", "¡!", "Designs"] {
        let refused = ada(&app, "process_create", named(name, checked_note())).await.unwrap_err();
        assert_eq!(refused.places()[0].pointer, "/name", "{name}");
    }
}

#[tokio::test]
async fn edits_are_made_all_or_none_and_only_on_what_the_caller_knows() {
    let app = TestApp::start().await;
    ada(&app, "process_create", named("Checked note", checked_note())).await.unwrap();
    let before = ada(&app, "process_get", json!({ "id": "checked-note" })).await.unwrap();
    let note = json!({ "id": "tell", "type": "script", "config": { "steps": [{ "name": "length", "value": "string length(note)" }] } });
    let good = json!({ "do": "addNode", "node": note, "between": "store--kept" });
    let bad = json!({ "do": "removeNode", "id": "nobody" });
    let refused = ada(&app, "process_update", json!({ "id": "checked-note", "edits": [good, bad] })).await.unwrap_err();
    assert_eq!((refused.code().name, &refused.detail().unwrap()["at"]), ("process_edit_unfit", &json!("/edits/1")));
    assert!(refused.say().contains("there is no node 'nobody'"), "{}", refused.say());
    let after = ada(&app, "process_get", json!({ "id": "checked-note" })).await.unwrap();
    assert_eq!(before, after);

    let edit =
        |expected: u32| json!({ "id": "checked-note", "edits": [good], "expected": expected, "message": "lengths" });
    let moved = ada(&app, "process_update", edit(7)).await.unwrap_err();
    assert_eq!((moved.code().name, &moved.detail().unwrap()["revision"]), ("process_moved", &json!(1)));
    let told = ada(&app, "process_update", edit(1)).await.unwrap();
    assert_eq!((&told["version"], &told["metadata"]["nodes"]), (&json!("1.0.0-draft.2"), &json!(7)));
    assert_eq!(ada(&app, "process_update", edit(1)).await.unwrap_err().code().name, "process_moved");
    // Nothing new is said so, with edits that change nothing, and without any.
    let same = json!({ "do": "changeNode", "id": "tell", "set": { "type": "script" } });
    for input in [json!({ "id": "checked-note", "edits": [same] }), json!({ "id": "checked-note" })] {
        assert_eq!(ada(&app, "process_update", input).await.unwrap_err().code().name, "process_unchanged");
    }
    let both = json!({ "id": "checked-note", "edits": [good], "nodes": before["nodes"] });
    assert_eq!(ada(&app, "process_update", both).await.unwrap_err().places()[0].pointer, "/edits");
}

#[tokio::test]
async fn a_process_is_written_anew_and_called_otherwise() {
    let app = TestApp::start().await;
    ada(&app, "process_create", named("Checked note", checked_note())).await.unwrap();
    let mut whole = line(json!([]), json!({}));
    whole["id"] = json!("checked-note");
    whole["name"] = json!("Nothing to check");
    let told = ada(&app, "process_update", whole).await.unwrap();
    assert_eq!((&told["id"], &told["name"]), (&json!("checked-note"), &json!("Nothing to check")));
    assert_eq!(told["metadata"], json!({ "nodes": 2, "edges": 1, "variables": 0 }));
    // Only words: no new definition comes of it.
    let told =
        ada(&app, "process_update", json!({ "id": "checked-note", "description": "Ends at once." })).await.unwrap();
    assert_eq!((&told["version"], &told["description"]), (&json!("1.0.0-draft.2"), &json!("Ends at once.")));
    let list = ada(&app, "process_list", json!({ "text": "ends at once" })).await.unwrap();
    assert_eq!(list["items"][0]["id"], "checked-note");
}

#[tokio::test]
async fn a_draft_with_errors_is_kept_where_that_is_said_and_mended_later() {
    let app = TestApp::start().await;
    let mut input = named("Someday", json!({ "nodes": [{ "id": "begin", "type": "start" }] }));
    let refused = ada(&app, "process_create", input.clone()).await.unwrap_err();
    assert_eq!((refused.code().name, refused.code().status), ("process_unusable", 422));
    assert_eq!(refused.detail().unwrap()["findings"].as_array().unwrap().len(), 1);
    assert!(ada(&app, "process_get", json!({ "id": "someday" })).await.unwrap_err().is(&codes::NOT_FOUND));
    input["incomplete"] = json!(true);
    let made = ada(&app, "process_create", input).await.unwrap();
    let found = rules(&made["findings"]);
    assert_eq!(found[0], ("end_missing".to_owned(), "/nodes".to_owned()));
    assert!(made.get("soundness").is_none());
    for (tool, input) in [
        ("process_publish", json!({ "id": "someday" })),
        ("process_sandbox", json!({ "id": "someday" })),
        (
            "process_update",
            json!({ "id": "someday", "edits": [{ "do": "setVariable", "name": "note", "variable": {} }] }),
        ),
    ] {
        assert_eq!(ada(&app, tool, input).await.unwrap_err().code().name, "process_unusable", "{tool}");
    }
    let mend = json!([
        { "do": "addNode", "node": { "id": "done", "type": "end" } },
        { "do": "connect", "edge": { "from": "begin", "to": "done" } },
    ]);
    let told = ada(&app, "process_update", json!({ "id": "someday", "edits": mend })).await.unwrap();
    assert_eq!((&told["soundness"], &told["findings"]), (&json!("sound"), &json!([])));
}

#[tokio::test]
async fn what_is_too_large_or_too_deep_is_refused_at_once() {
    let app = TestApp::start().await;
    for count in [1_001, 10_000] {
        let nodes: Vec<Value> =
            (0..count).map(|number| json!({ "id": format!("n{number}"), "type": "parallel" })).collect();
        let began = std::time::Instant::now();
        for incomplete in [false, true] {
            let input = json!({ "name": "Large", "nodes": nodes, "incomplete": incomplete });
            let refused = ada(&app, "process_create", input).await.unwrap_err();
            assert!(refused.is(&codes::BAD_INPUT));
            assert_eq!(refused.places()[0].pointer, "/nodes");
        }
        assert!(began.elapsed().as_secs() < 5, "{count} nodes took {:?}", began.elapsed());
    }
    // By edits neither: a draft does not grow beyond what a process may be.
    let many: Vec<Value> = (0..999).map(|number| json!({ "id": format!("n{number}"), "type": "parallel" })).collect();
    ada(&app, "process_create", json!({ "name": "Large", "nodes": many, "incomplete": true })).await.unwrap();
    let two = json!([
        { "do": "addNode", "node": { "id": "one", "type": "parallel" } },
        { "do": "addNode", "node": { "id": "two", "type": "parallel" } },
    ]);
    let more = json!({ "id": "large", "edits": two, "incomplete": true });
    let refused = ada(&app, "process_update", more).await.unwrap_err();
    assert_eq!(refused.detail().unwrap()["findings"][0]["rule"], "too_large");

    let deep = |levels: usize| {
        (0..levels).fold(json!({ "type": "string" }), |inner, _| json!({ "type": "array", "items": inner }))
    };
    let form = json!({ "type": "object", "properties": { "list": deep(40) } });
    let look = json!([{ "id": "look", "type": "human_task", "config": { "assignee": "ada", "form": form } }]);
    for (definition, at) in [
        (line(look, json!({})), "/nodes/1/config/form/properties/list/items"),
        (line(json!([]), json!({ "list": { "schema": deep(40) } })), "/variables/list/schema"),
    ] {
        let refused = ada(&app, "process_create", named("Deep", definition)).await.unwrap_err();
        let finding = &refused.detail().unwrap()["findings"][0];
        assert_eq!((&finding["rule"], &finding["at"]), (&json!("bad_schema"), &json!(at)), "{finding}");
    }
    // A value that nests deeper than any input may.
    let nested = (0..500).fold(json!(1), |inner, _| json!([inner]));
    let say =
        json!([{ "id": "store", "type": "tool", "config": { "tool": "memory_store" }, "input": { "text": nested } }]);
    assert!(ada(&app, "process_create", named("Deeper", line(say, json!({})))).await.is_err());
}

#[tokio::test]
async fn another_tenant_neither_sees_nor_changes_a_process() {
    let app = TestApp::start().await;
    ada(&app, "process_create", named("Checked note", checked_note())).await.unwrap();
    let id = json!({ "id": "checked-note" });
    let edit = json!({ "id": "checked-note", "description": "mine" });
    for (tool, input) in [
        ("process_get", &id),
        ("process_update", &edit),
        ("process_publish", &id),
        ("process_versions", &id),
        ("process_validate", &id),
        ("process_sandbox", &id),
    ] {
        let refused = app.call(&app.stranger, tool, input.clone()).await.unwrap_err();
        assert!(refused.is(&codes::NOT_FOUND), "{tool}: {}", refused.say());
        let refused = app.call(&app.nobody, tool, input.clone()).await.unwrap_err();
        assert!(refused.is(&codes::FORBIDDEN), "{tool}: {}", refused.say());
    }
    assert_eq!(app.call(&app.stranger, "process_list", json!({})).await.unwrap()["items"], json!([]));
    // The same name is free there, and the two do not meet.
    app.call(&app.stranger, "process_create", named("Checked note", line(json!([]), json!({})))).await.unwrap();
    let told = ada(&app, "process_get", id).await.unwrap();
    assert_eq!(told["metadata"]["nodes"], 6);
}
