//! The log edited, reordered, cut, rewritten by somebody who can write the store's file: each is seen, and the first bad entry is
//! named where it can be.

use serde_json::{Value, json};

use crate::support::app::TestApp;

/// Six entries under two checkpoints, the first over three of them.
async fn log() -> TestApp {
    let app = TestApp::start().await;
    app.append_entries(app.admin.tenant, 3).await;
    app.chained().await;
    app.append_entries(app.admin.tenant, 3).await;
    app.chained().await;
    assert_eq!(app.verified().await["valid"], true);
    assert!(app.keeper().look().await.unwrap());
    app
}

/// What everything that the program keeps of chain and tree lies in.
const KEPT: [&str; 5] = ["k_audit_bundle", "k_audit_tile", "k_audit_chain", "k_audit_head", "l_audit_checkpoints"];

fn broken(told: &Value) -> (&Value, &str) {
    assert_eq!(told["valid"], false, "{told}");
    (&told["firstBroken"]["number"], told["firstBroken"]["why"].as_str().unwrap_or_default())
}

async fn alarm(app: &TestApp) -> String {
    let health = app.health().await;
    assert_eq!((&health["status"], &health["ready"]), (&json!("alarm"), &json!(true)), "{health}");
    assert_eq!(health["details"]["alarms"][0]["about"], "audit log");
    health["details"]["alarms"][0]["say"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_edited_entry_is_named() {
    let app = log().await;
    app.tamper("UPDATE l_audit SET body = replace(body, 'thing_change', 'thing_charge') WHERE position IN (4, 5)");
    let told = app.verified().await;
    assert_eq!(broken(&told), (&json!(4), "the entry was altered"));
    assert_eq!(told["firstBroken"]["position"], 4);
    assert!(told["firstBroken"]["requestId"].is_string(), "{told}");
    assert!(alarm(&app).await.contains("altered"));
    assert!(!app.keeper().look().await.unwrap(), "a start sees it, too");
    // Only what was asked for is held against the chain.
    let before = app.call(&app.admin, "audit_verify", json!({ "to": 3 })).await.unwrap();
    assert_eq!((&before["valid"], &before["checked"]["entries"]), (&json!(true), &json!(3)));
    // It is nobody else's entry.
    let theirs = app.call(&app.stranger, "audit_verify", json!({})).await.unwrap();
    assert_eq!(theirs["valid"], true);
}

#[tokio::test]
async fn another_time_or_tenant_is_an_edit() {
    let app = log().await;
    app.tamper("UPDATE l_audit SET at = at - 3600000 WHERE position = 2");
    assert_eq!(broken(&app.verified().await), (&json!(2), "the entry was altered"));
    let app = log().await;
    app.tamper("UPDATE l_audit SET tenant = x'00000000000000000000000000000009' WHERE position = 2");
    assert_eq!(broken(&app.verified().await), (&json!(2), "the entry is missing"));
}

#[tokio::test]
async fn reordered_entries_are_named() {
    let app = log().await;
    app.tamper(
        "UPDATE l_audit SET position = -1 WHERE position = 2; UPDATE l_audit SET position = 2 WHERE position = 5;
         UPDATE l_audit SET position = 5 WHERE position = -1",
    );
    assert_eq!(broken(&app.verified().await), (&json!(2), "the entry was altered"));
}

#[tokio::test]
async fn a_removed_entry_is_named() {
    let app = log().await;
    app.tamper("DELETE FROM l_audit WHERE position = 3");
    assert_eq!(broken(&app.verified().await), (&json!(3), "the entry is missing"));
}

#[tokio::test]
async fn an_entry_that_is_put_in_is_named() {
    let app = log().await;
    app.tamper("INSERT INTO l_audit (position, tenant, stream, at, body) SELECT 0, tenant, stream, at, body FROM l_audit WHERE position = 1");
    let told = app.verified().await;
    assert_eq!(broken(&told).1, "the entry is not in the chain: it was put in later");
    assert_eq!(told["firstBroken"]["position"], 0);
}

#[tokio::test]
async fn entries_cut_at_the_end_are_missed() {
    let app = log().await;
    app.tamper("DELETE FROM l_audit WHERE position > 4");
    assert_eq!(broken(&app.verified().await), (&json!(5), "the entry is missing"));
    assert!(!app.keeper().look().await.unwrap(), "a start sees it, too");
}

#[tokio::test]
async fn a_link_or_the_end_of_a_chain_that_was_altered_is_seen() {
    let app = log().await;
    let body = "(SELECT json_set(document, '$.links', replace(json_extract(document, '$.links'), 'AAAAAAAAAA', 'AAAAAAAAAB')) \
                FROM k_audit_bundle)";
    app.tamper(&format!("UPDATE k_audit_bundle SET document = {body}"));
    let told = app.verified().await;
    assert_eq!(told["valid"], false, "{told}");
    let app = log().await;
    app.tamper("UPDATE k_audit_chain SET document = json_set(document, '$.length', 5)");
    assert!(broken(&app.verified().await).1.contains("does not end"));
    let app = log().await;
    app.tamper("UPDATE k_audit_bundle SET document = json_set(document, '$.links', '')");
    assert_eq!(broken(&app.verified().await).1, "links of the chain are missing");
}

/// Somebody puts an older store in place, or cuts log, chain and checkpoints alike.
#[tokio::test]
async fn an_older_log_is_told_by_what_the_anchor_keeps() {
    let app = TestApp::start().await;
    app.append_entries(app.admin.tenant, 3).await;
    app.chained().await;
    let old = app.app.data().join("old.db");
    app.app.platform().store.copy_to(&old).await.unwrap();
    app.append_entries(app.admin.tenant, 3).await;
    app.chained().await;
    app.app.close(std::time::Duration::from_secs(5)).await;
    for ending in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(app.app.data().join(format!("convoke.db{ending}")));
    }
    std::fs::rename(&old, app.app.data().join("convoke.db")).unwrap();
    let app = app.restart().await;
    app.app.start().await.unwrap();
    let alarm = alarm(&app).await;
    assert!(alarm.contains("has 3 entries") && alarm.contains("checkpoint of 6"), "{alarm}");
    let told = app.verified().await;
    assert_eq!((&told["valid"], &told["fork"]["size"], &told["fork"]["intact"]), (&json!(false), &json!(6), &json!(3)));
    // Whoever knows why moves the anchor's file aside.
    let file = app.app.data().join("anchors/checkpoints.jsonl");
    std::fs::rename(&file, file.with_extension("evidence")).unwrap();
    let app = app.restart().await;
    app.app.start().await.unwrap();
    assert_eq!(app.health().await["status"], "ok");
    assert_eq!(app.verified().await["valid"], true);
}

/// The forger makes everything in the store fit again: chain, tree, checkpoints. What the anchor keeps does not.
#[tokio::test]
async fn a_log_rewritten_whole_is_told_by_what_the_anchor_keeps() {
    let app = log().await;
    app.tamper("UPDATE l_audit SET body = replace(body, 'thing_change', 'thing_charge') WHERE position = 5");
    for table in KEPT {
        app.tamper(&format!("DELETE FROM {table}"));
    }
    let app = app.restart().await;
    app.keeper().sequencer.catch_up().await.unwrap();
    let told = app.verified().await;
    assert_eq!(told["valid"], false, "{told}");
    assert!(told.get("firstBroken").is_none(), "every link fits: {told}");
    assert_eq!((&told["fork"]["size"], &told["fork"]["intact"]), (&json!(6), &json!(3)), "it lies between: {told}");
    app.app.start().await.unwrap();
    assert!(alarm(&app).await.contains("rewritten"));
    // However long it goes on like that, the anchor keeps what it knows.
    app.append_entries(app.admin.tenant, 20).await;
    app.chained().await;
    let kept = std::fs::read_to_string(app.app.data().join("anchors/checkpoints.jsonl")).unwrap();
    assert_eq!(kept.lines().count(), 2);
    let app = app.restart().await;
    app.app.start().await.unwrap();
    assert!(alarm(&app).await.contains("rewritten"));
}

/// The forger works while the program runs.
#[tokio::test]
async fn a_log_rewritten_under_the_running_program_is_told_with_the_next_checkpoint() {
    let app = log().await;
    app.tamper("UPDATE l_audit SET body = replace(body, 'thing_change', 'thing_charge') WHERE position = 2");
    for table in KEPT {
        app.tamper(&format!("DELETE FROM {table}"));
    }
    app.append_entries(app.admin.tenant, 4).await;
    app.chained().await;
    assert!(alarm(&app).await.contains("does not go on"));
    assert_eq!(app.verified().await["fork"]["intact"], 0);
}

#[tokio::test]
async fn checkpoints_of_another_key_are_not_believed() {
    let app = log().await;
    std::fs::remove_file(app.app.data().join("keys/checkpoints.key")).unwrap();
    let app = app.restart().await;
    app.app.start().await.unwrap();
    assert!(alarm(&app).await.contains("another key has signed"));
}

#[tokio::test]
async fn an_anchor_that_cannot_be_given_a_checkpoint_raises_an_alarm_until_it_can() {
    let app = TestApp::start_with(|settings| settings.config.audit.anchor_file = "blocked/file".to_owned()).await;
    let blocked = app.app.data().join("blocked");
    std::fs::write(&blocked, "a file where a folder should be").unwrap();
    app.append_entries(app.admin.tenant, 1).await;
    app.chained().await;
    let health = app.health().await;
    assert_eq!(health["details"]["alarms"][0]["about"], "audit anchor", "{health}");
    std::fs::remove_file(&blocked).unwrap();
    app.chained().await;
    assert_eq!(app.health().await["status"], "ok");
    assert!(blocked.join("file").is_file());
}
