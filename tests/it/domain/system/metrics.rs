//! `system_metrics`.

use serde_json::json;

use crate::support::app::TestApp;

#[tokio::test]
async fn calls_are_counted_by_tool_and_by_how_they_ended() {
    let app = TestApp::start().await;
    for _ in 0..3 {
        app.call(&app.member, "user_me", json!({})).await.unwrap();
    }
    app.call(&app.member, "user_me", json!({ "surprise": 1 })).await.unwrap_err();
    app.call(&app.nobody, "system_backup", json!({})).await.unwrap_err();

    let all = app.call(&app.admin, "system_metrics", json!({})).await.unwrap();
    assert_eq!((&all["calls"]["all"], &all["calls"]["callerFaults"]), (&json!(5), &json!(2)));
    let me = &all["tools"][0];
    assert_eq!(
        (&me["tool"], &me["all"], &me["callerFaults"], &me["serverFaults"]),
        (&json!("user_me"), &json!(4), &json!(1), &json!(0))
    );
    assert!(me["p50Micros"].as_u64().unwrap() <= me["p99Micros"].as_u64().unwrap());
    assert!(all["store"]["sizeBytes"].as_u64().unwrap() > 0);
    if cfg!(target_os = "linux") {
        assert!(all["instance"]["memoryBytes"].as_u64().unwrap() > 1_000_000);
        assert!(all["instance"]["openFiles"].as_u64().unwrap() > 0);
    }

    let some = app.call(&app.admin, "system_metrics", json!({ "tool": "system_", "top": 1 })).await.unwrap();
    assert_eq!(some["tools"].as_array().unwrap().len(), 1);
    let none = app.call(&app.admin, "system_metrics", json!({ "top": 0 })).await.unwrap();
    assert_eq!(none["tools"], json!([]));
}
