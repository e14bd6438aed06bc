//! Branches, and merging them.

use serde_json::{Value, json};

use super::ada;
use crate::support::app::TestApp;

/// A person's step whose assignee is said.
fn asks(who: &str) -> Value {
    json!({ "assignee": who, "form": { "type": "object", "properties": { "fine": { "type": "boolean" } } } })
}

/// Asks somebody else on a branch.
async fn reassign(app: &TestApp, branch: &str, node: &str, who: &str) {
    let edits = json!([{ "do": "changeNode", "id": node, "set": { "config": asks(who) } }]);
    ada(app, "process_update", json!({ "id": "travel-request", "branch": branch, "edits": edits })).await.unwrap();
}

async fn merge(app: &TestApp, input: Value) -> Result<Value, convoke::kernel::fault::Fault> {
    let mut all = json!({ "id": "travel-request" });
    all.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
    ada(app, "process_merge", all).await
}

async fn get(app: &TestApp, branch: &str) -> Value {
    ada(app, "process_get", json!({ "id": "travel-request", "branch": branch })).await.unwrap()
}

fn branch(told: &Value, name: &str) -> Value {
    let branches = told["branches"].as_array().unwrap();
    branches.iter().find(|one| one["name"] == name).unwrap().clone()
}

fn assignee(told: &Value, node: &str) -> Value {
    let nodes = told["nodes"].as_array().unwrap();
    nodes.iter().find(|one| one["id"] == node).unwrap()["config"]["assignee"].clone()
}

#[tokio::test]
async fn a_branch_goes_its_own_way_and_main_does_not_notice() {
    let app = TestApp::start().await;
    let input = json!({ "id": "travel-request", "name": "cheap", "about": "Fewer people." });
    let told = ada(&app, "process_branch", input.clone()).await.unwrap();
    assert_eq!((&told["begins"]["revision"], &told["branch"]["from"]), (&json!(2), &json!("main")));
    assert_eq!(ada(&app, "process_branch", input).await.unwrap_err().code().name, "already_exists");
    reassign(&app, "cheap", "ask", "ada").await;
    assert_eq!(assignee(&get(&app, "cheap").await, "ask"), "ada");
    assert_eq!(assignee(&get(&app, "main").await, "ask"), "travel-desk");
    let draft = json!({ "id": "travel-request", "version": "1.1.0-draft.4" });
    let refused = ada(&app, "process_publish", draft).await.unwrap_err();
    assert_eq!(refused.places()[0].pointer, "/version");
    for (name, from) in [("x", "nowhere"), ("Cheap", "main"), ("-x", "main"), ("", "main")] {
        let refused = ada(&app, "process_branch", json!({ "id": "travel-request", "name": name, "from": from })).await;
        let wanted = if name == "x" { "not_found" } else { "bad_input" };
        assert_eq!(refused.unwrap_err().code().name, wanted, "{name}");
    }
}

#[tokio::test]
async fn a_process_has_fifty_branches_at_most() {
    let app = TestApp::start().await;
    for number in 2..50 {
        let input = json!({ "id": "travel-request", "name": format!("b{number}") });
        ada(&app, "process_branch", input).await.unwrap();
    }
    let refused = ada(&app, "process_branch", json!({ "id": "travel-request", "name": "more" })).await.unwrap_err();
    assert_eq!(refused.code().name, "too_many_processes");
}

#[tokio::test]
async fn nothing_is_written_while_conflicts_are_left() {
    let app = TestApp::start().await;
    let refused = merge(&app, json!({ "from": "four-eyes" })).await.unwrap_err();
    assert_eq!((refused.code().name, refused.code().status), ("process_merge_conflicts", 409));
    let conflicts = &refused.detail().unwrap()["conflicts"];
    assert_eq!(conflicts.as_array().unwrap().len(), 1);
    assert_eq!(conflicts[0]["at"], "/nodes/ask/config/assignee");
    assert_eq!(branch(&get(&app, "main").await, "main")["head"], 2);
    // The dry run tells the same as an answer, and what would come of it once all is settled.
    let told = merge(&app, json!({ "from": "four-eyes", "dryRun": true })).await.unwrap();
    assert_eq!(&told["conflicts"], conflicts);
    assert!(told.get("changes").is_none());
    let settled = json!([{ "at": "/nodes/ask/config/assignee", "value": "= manager" }]);
    let told = merge(&app, json!({ "from": "four-eyes", "dryRun": true, "resolve": settled })).await.unwrap();
    assert_eq!((&told["merged"], &told["soundness"], &told["step"]), (&json!(false), &json!("sound"), &json!("minor")));
    assert_eq!(told["changes"]["nodes"]["added"][0]["id"], "check");
    assert_eq!(branch(&get(&app, "main").await, "main")["head"], 2);
    let told = merge(&app, json!({ "from": "four-eyes", "resolve": settled, "expected": 2 })).await.unwrap();
    assert_eq!((&told["merged"], &told["written"]["version"]), (&json!(true), &json!("1.1.0-draft.4")));
    let main = get(&app, "main").await;
    assert_eq!((assignee(&main, "ask"), assignee(&main, "check")), (json!("= manager"), json!("ada")));
    let beside = branch(&main, "four-eyes");
    assert_eq!((&beside["merged"], &beside["base"], &beside["head"]), (&json!(true), &json!(3), &json!(3)));
    let history = ada(&app, "process_versions", json!({ "id": "travel-request" })).await.unwrap();
    assert_eq!(
        (&history["items"][0]["parents"], &history["items"][0]["message"]),
        (&json!([2, 3]), &json!("Merges 'four-eyes'."))
    );
    assert_eq!(merge(&app, json!({ "from": "four-eyes" })).await.unwrap_err().code().name, "process_unchanged");
}

#[tokio::test]
async fn a_branch_that_goes_on_is_merged_again_from_where_it_was() {
    let app = TestApp::start().await;
    let ours = json!([{ "at": "/nodes/ask/config/assignee", "take": "ours" }]);
    merge(&app, json!({ "from": "four-eyes", "resolve": ours })).await.unwrap();
    reassign(&app, "four-eyes", "check", "bo").await;
    assert_eq!(branch(&get(&app, "main").await, "four-eyes")["merged"], false);
    // What was settled is not asked again: the branch changed nothing of it since.
    let told = merge(&app, json!({ "from": "four-eyes" })).await.unwrap();
    assert_eq!(told["base"]["revision"], 3);
    let main = get(&app, "main").await;
    assert_eq!((assignee(&main, "ask"), assignee(&main, "check")), (json!("travel-desk"), json!("bo")));
}

#[tokio::test]
async fn a_branch_catches_up_with_main_and_is_merged_without_a_question() {
    let app = TestApp::start().await;
    let theirs = json!([{ "at": "/nodes/ask/config/assignee", "take": "theirs" }]);
    let told = merge(&app, json!({ "from": "main", "into": "four-eyes", "resolve": theirs })).await.unwrap();
    assert_eq!(told["written"]["branch"], "four-eyes");
    let main = get(&app, "main").await;
    assert_eq!(
        (branch(&main, "four-eyes")["base"].clone(), branch(&main, "main")["head"].clone()),
        (json!(2), json!(2))
    );
    // Main goes on with something else meanwhile.
    let edits = json!([{ "do": "setVariable", "name": "note", "variable": { "schema": { "type": "string" } } }]);
    ada(&app, "process_update", json!({ "id": "travel-request", "edits": edits })).await.unwrap();
    let told = merge(&app, json!({ "from": "four-eyes" })).await.unwrap();
    assert_eq!(told["base"]["revision"], 2);
    let main = get(&app, "main").await;
    assert_eq!((assignee(&main, "ask"), assignee(&main, "check")), (json!("travel-desk"), json!("ada")));
    assert!(main["variables"].get("note").is_some());
}

#[tokio::test]
async fn a_branch_of_a_branch_is_merged_straight_into_main() {
    let app = TestApp::start().await;
    let input = json!({ "id": "travel-request", "name": "six-eyes", "from": "four-eyes" });
    ada(&app, "process_branch", input).await.unwrap();
    reassign(&app, "six-eyes", "check", "bo").await;
    let told = merge(&app, json!({ "from": "six-eyes", "dryRun": true })).await.unwrap();
    assert_eq!((&told["base"]["revision"], told["conflicts"].as_array().unwrap().len()), (&json!(1), 1));
    let told = merge(&app, json!({ "from": "six-eyes", "into": "four-eyes" })).await.unwrap();
    assert_eq!((&told["base"]["revision"], &told["merged"]), (&json!(3), &json!(true)));
}

#[tokio::test]
async fn what_was_merged_is_judged_like_any_draft() {
    let app = TestApp::start().await;
    // Main takes a variable away that the branch comes to use.
    let edits = json!([
        { "do": "setVariable", "name": "spare", "variable": { "schema": { "type": "string" } } },
    ]);
    ada(&app, "process_update", json!({ "id": "travel-request", "edits": edits })).await.unwrap();
    ada(&app, "process_branch", json!({ "id": "travel-request", "name": "uses" })).await.unwrap();
    let edits = json!([{ "do": "changeNode", "id": "book", "set": { "input": { "destination": "= spare" } } }]);
    ada(&app, "process_update", json!({ "id": "travel-request", "branch": "uses", "edits": edits })).await.unwrap();
    let edits = json!([{ "do": "removeVariable", "name": "spare" }]);
    ada(&app, "process_update", json!({ "id": "travel-request", "edits": edits })).await.unwrap();
    let told = merge(&app, json!({ "from": "uses", "dryRun": true })).await.unwrap();
    assert_eq!((&told["findings"][0]["level"], &told["findings"][0]["node"]), (&json!("error"), &json!("book")));
    let refused = merge(&app, json!({ "from": "uses" })).await.unwrap_err();
    assert_eq!(refused.code().name, "process_unusable");
    let told = merge(&app, json!({ "from": "uses", "incomplete": true })).await.unwrap();
    assert_eq!((&told["merged"], &told["written"]["findings"][0]["node"]), (&json!(true), &json!("book")));
}

#[tokio::test]
async fn settlements_that_fit_nothing_are_refused_with_their_place() {
    let app = TestApp::start().await;
    let at = "/nodes/ask/config/assignee";
    for (resolve, pointer) in [
        (json!([{ "at": at, "take": "ours" }, { "at": "/nodes/check/name", "take": "ours" }]), "/resolve/1/at"),
        (json!([{ "at": at, "take": "ours" }, { "at": at, "take": "theirs" }]), "/resolve/1/at"),
        (json!([{ "at": at, "take": "ours", "value": "x" }]), "/resolve/0"),
        (json!([{ "at": at }]), "/resolve/0"),
    ] {
        let refused = merge(&app, json!({ "from": "four-eyes", "resolve": resolve })).await.unwrap_err();
        assert_eq!(refused.places()[0].pointer, pointer, "{resolve}");
    }
    let refused = merge(&app, json!({ "from": "four-eyes", "into": "four-eyes" })).await.unwrap_err();
    assert_eq!(refused.places()[0].pointer, "/into");
    for input in [json!({ "from": "nowhere" }), json!({ "from": "main", "into": "nowhere" })] {
        assert_eq!(merge(&app, input).await.unwrap_err().code().name, "not_found");
    }
    let moved = merge(&app, json!({ "from": "four-eyes", "expected": 1 })).await.unwrap_err();
    assert_eq!((moved.code().name, &moved.detail().unwrap()["revision"]), ("process_moved", &json!(2)));
}
