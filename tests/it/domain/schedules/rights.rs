//! On whose behalf schedules run, and who may do what with them.

use std::time::Duration;

use serde_json::json;

use super::{ada, events, publishing, seen, work};
use crate::support::app::TestApp;

#[tokio::test]
async fn it_runs_with_the_rights_that_its_owner_has_then() {
    let app = TestApp::start().await;
    let made = publishing(&app, json!({ "cronExpression": "0 * * * *" })).await;
    let account = json!({ "id": app.member.user, "status": "suspended" });
    app.call(&app.admin, "user_update", account.clone()).await.unwrap();
    app.clock.advance(Duration::from_hours(1));
    work(&app).await;
    assert!(events(&app, "report.wanted").await.is_empty());
    assert_eq!(events(&app, "schedule.suspended").await.len(), 1);
    let now = app.call(&app.admin, "schedule_get", json!({ "id": made["id"] })).await.unwrap();
    assert_eq!((&now["state"], &now["runs"][0]["code"]), (&json!("suspended"), &json!("key_refused")), "{now}");
    app.clock.advance(Duration::from_hours(1));
    assert_eq!(work(&app).await, 1, "the old timer is passed over");
    // Who lets it go on is the one for whom it runs.
    let resumed = json!({ "id": made["id"], "paused": false });
    let resumed = app.call(&app.admin, "schedule_update", resumed).await.unwrap();
    assert_eq!((&resumed["state"], &resumed["userId"]), (&json!("active"), &json!(app.admin.user)));
    app.clock.advance(Duration::from_hours(1));
    work(&app).await;
    assert_eq!(events(&app, "report.wanted").await[0]["publisher"], json!(app.admin.user));
}

#[tokio::test]
async fn nobody_lets_another_s_rights_do_something_else() {
    let app = TestApp::start().await;
    let made = app
        .call(
            &app.admin,
            "schedule_create",
            json!({ "cronExpression": "0 * * * *", "tool": "event_publish", "variables": { "topic": "a.b", "event": {} } }),
        )
        .await
        .unwrap();
    // Ada sees it and may not change it.
    let seen = ada(&app, "schedule_get", json!({ "id": made["id"] })).await.unwrap();
    assert_eq!(seen["userId"], json!(app.admin.user));
    for (tool, input) in [
        ("schedule_update", json!({ "id": made["id"], "paused": true })),
        ("schedule_trigger", json!({ "id": made["id"] })),
        ("schedule_delete", json!({ "id": made["id"] })),
    ] {
        assert_eq!(ada(&app, tool, input).await.unwrap_err().code().name, "forbidden", "{tool}");
    }
    // What an administrator changes of Ada's runs for the administrator.
    let hers = publishing(&app, json!({ "cronExpression": "0 * * * *" })).await;
    let name = json!({ "id": hers["id"], "name": "renamed" });
    let renamed = app.call(&app.admin, "schedule_update", name).await.unwrap();
    assert_eq!(renamed["userId"], json!(app.member.user));
    let input = json!({ "id": hers["id"], "variables": { "topic": "a.b", "event": {} } });
    let changed = app.call(&app.admin, "schedule_update", input).await.unwrap();
    assert_eq!(changed["userId"], json!(app.admin.user));
    let given = json!({ "id": hers["id"], "variables": { "topic": "a.c", "event": {} } });
    let refused = ada(&app, "schedule_trigger", given).await.unwrap_err();
    assert_eq!(refused.places()[0].pointer, "/variables");
}

#[tokio::test]
async fn another_tenant_sees_nothing_of_it() {
    let app = TestApp::start().await;
    let made = publishing(&app, json!({ "cronExpression": "0 * * * *" })).await;
    for (tool, input) in [
        ("schedule_get", json!({ "id": made["id"] })),
        ("schedule_update", json!({ "id": made["id"], "paused": true })),
        ("schedule_trigger", json!({ "id": made["id"] })),
        ("schedule_delete", json!({ "id": made["id"] })),
    ] {
        let refused = app.call(&app.stranger, tool, input).await.unwrap_err();
        assert_eq!(refused.code().name, "not_found", "{tool}");
    }
    let list = app.call(&app.stranger, "schedule_list", json!({})).await.unwrap();
    assert_eq!(list["items"], json!([]));
    assert_eq!(seen(&app, &made).await["state"], "active");
}

#[tokio::test]
async fn only_what_the_caller_may_call_can_be_scheduled() {
    let app = TestApp::start().await;
    for (tool, variables, code) in [
        ("user_delete", json!({ "id": app.nobody.user }), "unknown_tool"),
        ("no_such_tool", json!({}), "unknown_tool"),
        ("user_list", json!({}), "bad_input"),
        ("tool_call", json!({}), "bad_input"),
        ("event_publish", json!({ "topic": "a.b", "colour": "red" }), "bad_input"),
        ("event_publish", json!({}), "bad_input"),
    ] {
        let input = json!({ "cronExpression": "0 * * * *", "tool": tool, "variables": variables });
        let refused = ada(&app, "schedule_create", input).await.unwrap_err();
        assert_eq!(refused.code().name, code, "{tool}: {refused}");
    }
    let no_prompt = json!({ "cronExpression": "0 * * * *", "agentId": "archivist" });
    let refused = ada(&app, "schedule_create", no_prompt).await.unwrap_err();
    assert_eq!(refused.places()[0].pointer, "/variables");
    let refused = app
        .call(&app.nobody, "schedule_create", json!({ "cronExpression": "0 * * * *", "tool": "event_publish" }))
        .await;
    assert_eq!(refused.unwrap_err().code().name, "forbidden");
}
