//! `audit_record`.

use convoke::capability::gate::audit::AUDIT;
use convoke::kernel::codes;
use serde_json::json;

use crate::support::app::TestApp;

#[tokio::test]
async fn what_happened_elsewhere_is_one_entry_of_who_vouches_for_it() {
    let app = TestApp::start().await;
    let input = json!({
        "action": "task.responded", "resourceType": "task", "resourceId": "task-111", "actor": "user-123",
        "changes": { "before": { "status": "assigned" }, "after": { "status": "completed" } },
        "timestamp": "2026-11-20T10:30:00Z",
    });
    let recorded = app.call(&app.admin, "audit_record", input).await.unwrap();
    let raw = app.entries(&AUDIT).await;
    assert_eq!(raw.len(), 1);
    assert!(!raw[0].to_string().contains("assigned") && !raw[0].to_string().contains("user-123"), "{}", raw[0]);
    let found = app.call(&app.admin, "audit_query", json!({ "action": "task.responded" })).await.unwrap();
    let entry = &found["items"][0];
    assert_eq!((&entry["requestId"], &entry["resourceId"]), (&recorded["requestId"], &json!("task-111")));
    assert_eq!(entry["actor"], app.admin.user.to_string());
    assert_eq!(
        entry["recorded"],
        json!({ "by": "audit_record", "actor": "user-123", "happenedAt": "2026-11-20T10:30:00.000Z" })
    );
    assert_eq!(entry["changes"]["after"]["status"], "completed");
    assert_eq!(entry["timestamp"], "2026-11-20T12:00:00.000Z");
    app.chained().await;
    assert_eq!(app.verified().await["valid"], true);
}

#[tokio::test]
async fn nobody_passes_a_record_off_for_a_deed_of_the_platform() {
    let app = TestApp::start().await;
    let input = |action: &str| json!({ "action": action, "resourceType": "user" });
    for action in ["user_create", "audit_retention", "audit_erasure", "Task", "", "a b"] {
        let fault = app.call(&app.admin, "audit_record", input(action)).await.unwrap_err();
        assert!(fault.is(&codes::BAD_INPUT), "{action}: {fault}");
        assert_eq!(fault.places()[0].pointer, "/action", "{action}");
    }
    for (input, pointer) in [
        (json!({ "action": "a", "resourceType": "b", "timestamp": "2026-11-20T12:00:01Z" }), "/timestamp"),
        (
            json!({ "action": "a", "resourceType": "b", "changes": { "after": { "x": "y".repeat(40_000) } } }),
            "/changes",
        ),
        (json!({ "action": "a", "resourceType": "b", "cut": {} }), "/cut"),
    ] {
        let fault = app.call(&app.admin, "audit_record", input).await.unwrap_err();
        assert!(fault.is(&codes::BAD_INPUT), "{fault}");
        assert_eq!(fault.places()[0].pointer, pointer);
    }
    let fault = app.call(&app.nobody, "audit_record", input("a")).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
    assert_eq!(app.entries(&AUDIT).await.len(), 0);
    app.call(&app.stranger, "audit_record", input("a")).await.unwrap();
    let ours = app.call(&app.admin, "audit_query", json!({ "action": "a" })).await.unwrap();
    assert_eq!(ours["items"], json!([]));
}
