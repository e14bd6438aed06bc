//! `system_migrate`.

use convoke::kernel::codes;
use serde_json::json;

use crate::support::app::TestApp;

#[tokio::test]
async fn a_running_server_has_nothing_pending_and_says_how_to_go_back() {
    let app = TestApp::start().await;
    std::fs::create_dir_all(app.app.data().join("backups")).unwrap();
    std::fs::write(app.app.data().join("backups/before-0002-2026-11-19T120000000Z.db"), "").unwrap();
    for (input, dry_run) in [(json!({ "dryRun": true }), true), (json!({}), false)] {
        let answer = app.call(&app.admin, "system_migrate", input).await.unwrap();
        assert_eq!((&answer["dryRun"], &answer["pending"], &answer["ran"]), (&json!(dry_run), &json!([]), &json!([])));
        let applied = answer["applied"].as_array().unwrap();
        assert_eq!(applied.last().unwrap()["number"], answer["schema"]);
        assert_eq!(applied[0]["appliedAt"], "2026-11-20T12:00:00.000Z");
        assert_eq!(answer["rollBack"]["copies"], json!(["before-0002-2026-11-19T120000000Z.db"]));
    }
}

#[tokio::test]
async fn a_running_server_cannot_go_back_and_says_how_it_is_done() {
    let app = TestApp::start().await;
    let copy = "before-0002-2026-11-19T120000000Z.db";
    std::fs::create_dir_all(app.app.data().join("backups")).unwrap();
    std::fs::write(app.app.data().join("backups").join(copy), "").unwrap();
    let fault = app.call(&app.admin, "system_migrate", json!({ "rollBackTo": copy })).await.unwrap_err();
    assert_eq!(fault.code().name, "roll_back_needs_stop", "{fault}");
    assert_eq!(fault.detail().unwrap()["command"], format!("convoke migrate --roll-back {copy}"));
    let fault = app.call(&app.admin, "system_migrate", json!({ "rollBackTo": "before-1.db" })).await.unwrap_err();
    assert!(fault.is(&codes::NOT_FOUND), "{fault}");
    let made = app.call(&app.admin, "system_backup", json!({})).await.unwrap();
    let fault = app.call(&app.admin, "system_migrate", json!({ "rollBackTo": made["name"] })).await.unwrap_err();
    assert!(fault.is(&codes::BAD_INPUT), "{fault}");
}
