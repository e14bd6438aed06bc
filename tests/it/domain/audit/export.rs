//! `audit_export`, and the file of `convoke audit export` verified with nothing but a key and a checkpoint.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use convoke::domain::audit::engine::note::Verifier;
use convoke::domain::audit::engine::offline::{Found, Offline};
use convoke::domain::audit::retention::clean;
use convoke::kernel::codes;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::app::{Person, TestApp};
use crate::support::program::program;

/// The lines of an export, page by page.
async fn exported(app: &TestApp, person: &Person, split: Option<u64>) -> Vec<String> {
    let mut input = json!({ "limit": 40 });
    if let Some(split) = split {
        input["split"] = split.into();
    }
    let mut lines = Vec::new();
    loop {
        let page = app.call(person, "audit_export", input.clone()).await.unwrap();
        if lines.is_empty() {
            lines.push(
                json!({
                    "convokeAuditExport": 1, "tenantId": page["tenantId"], "size": page["size"],
                    "checkpoint": page["checkpoint"], "publicKey": page["publicKey"],
                })
                .to_string(),
            );
        }
        lines.extend(page["items"].as_array().unwrap().iter().map(Value::to_string));
        match page.get("nextPageToken") {
            Some(token) => input["pageToken"] = token.clone(),
            None => return lines,
        }
    }
}

fn verified(app: &TestApp, note: &str, lines: &[String]) -> Found {
    let key = std::fs::read_to_string(app.app.data().join("keys/checkpoints.pub")).unwrap();
    let mut offline = Offline::new(&Verifier::parse(&key).unwrap(), note).unwrap();
    for line in lines {
        offline.line(line);
    }
    offline.end()
}

async fn checkpoint(app: &TestApp) -> String {
    app.keeper().keep_up(true).await.unwrap().unwrap().note
}

/// Two tenants' entries in turns, under two checkpoints.
async fn log() -> (TestApp, String, String) {
    let app = TestApp::start().await;
    for _ in 0..4 {
        app.append_entries(app.admin.tenant, 30).await;
        app.append_entries(app.stranger.tenant, 75).await;
    }
    let early = checkpoint(&app).await;
    app.append_entries(app.stranger.tenant, 300).await;
    app.append_entries(app.admin.tenant, 10).await;
    let late = checkpoint(&app).await;
    (app, early, late)
}

#[tokio::test]
async fn a_tenants_export_proves_itself_against_both_checkpoints() {
    let (app, early, late) = log().await;
    let lines = exported(&app, &app.admin, Some(420)).await;
    let found = verified(&app, &late, &lines);
    assert_eq!((found.valid, found.entries, found.size), (true, 130, 730), "{found:?}");
    let before = verified(&app, &early, &lines);
    assert_eq!((before.valid, before.entries, before.size), (true, 120, 420), "{before:?}");
    assert!(lines.len() < 200, "what is of others is short: {}", lines.len());
    assert!(!lines.iter().any(|line| line.contains(&app.stranger.tenant.to_string())));
    let theirs = exported(&app, &app.stranger, None).await;
    assert_eq!(verified(&app, &late, &theirs).entries, 600);
}

#[tokio::test]
async fn an_altered_export_names_the_first_bad_entry() {
    let (app, _, late) = log().await;
    let lines = exported(&app, &app.admin, None).await;
    let at = |number: u64| lines.iter().position(|line| line.contains(&format!("\"number\":{number},"))).unwrap();
    let broken = |lines: &[String]| {
        let found = verified(&app, &late, lines);
        assert!(!found.valid);
        let broken = found.first_broken.unwrap();
        (broken.number, broken.why)
    };
    let mut edited = lines.clone();
    edited[at(50)] = edited[at(50)].replace("thing_change", "thing_charge");
    assert_eq!(broken(&edited), (Some(50), "the entry was altered".to_owned()));
    let mut swapped = lines.clone();
    swapped.swap(at(20), at(21));
    assert_eq!(broken(&swapped).0, Some(21));
    let mut less = lines.clone();
    less.remove(at(77));
    assert_eq!(broken(&less), (Some(78), "entry 77 should stand here".to_owned()));
    let mut hidden = lines.clone();
    let mut item: Value = serde_json::from_str(&hidden[at(33)]).unwrap();
    item["kind"] = "removed".into();
    item.as_object_mut().unwrap().remove("body");
    hidden[at(33)] = item.to_string();
    assert!(broken(&hidden).1.contains("nothing declares"));
    assert!(broken(&lines[..lines.len() - 5]).1.contains("the file ends after"));
    assert!(broken(&[]).1.contains("ends after 0"));
}

#[tokio::test]
async fn what_retention_removed_stands_as_a_link() {
    let app = TestApp::start().await;
    app.append_entries(app.admin.tenant, 20).await;
    app.chained().await;
    app.clock.advance(std::time::Duration::from_hours(24 * 100));
    assert_eq!(clean(app.app.platform(), &CancellationToken::new()).await.unwrap(), 20);
    let note = checkpoint(&app).await;
    let found = verified(&app, &note, &exported(&app, &app.admin, None).await);
    assert_eq!((found.valid, found.entries, found.removed), (true, 1, 20), "{found:?}");
}

#[tokio::test]
async fn only_with_the_permission_and_within_the_log() {
    let app = TestApp::start().await;
    let fault = app.call(&app.nobody, "audit_export", json!({})).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
    let fault = app.call(&app.admin, "audit_export", json!({ "split": 9 })).await.unwrap_err();
    assert_eq!(fault.places()[0].pointer, "/split");
    let fault = app.call(&app.admin, "audit_export", json!({ "pageToken": "made-up" })).await.unwrap_err();
    assert!(fault.is(&codes::BAD_PAGE_TOKEN), "{fault}");
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program());
    command.env_clear().env("HOME", folder).env("CONVOKE_DATA", folder).current_dir(folder);
    command.args(arguments).output().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_writes_a_file_and_verifies_it_without_the_installation() {
    let (app, ..) = log().await;
    app.app.close(std::time::Duration::from_secs(5)).await;
    let folder = app.app.data().to_owned();
    let output =
        run(&folder, &["audit", "export", "--output", "log.jsonl", "--checkpoint", "anchors/checkpoints.jsonl"]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["entries"], &told["size"]), (&json!(130), &json!(730)), "{told}");

    let elsewhere = tempfile::tempdir().unwrap();
    let bring = |from: &str, to: &str| -> PathBuf {
        let target = elsewhere.path().join(to);
        std::fs::copy(folder.join(from), &target).unwrap();
        target
    };
    bring("log.jsonl", "log.jsonl");
    bring("keys/checkpoints.pub", "key");
    bring("anchors/checkpoints.jsonl", "checkpoints");
    let arguments = ["audit", "verify", "--export", "log.jsonl", "--pubkey", "key", "--checkpoint", "checkpoints"];
    let output = run(elsewhere.path(), &arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["valid"], &found["entries"]), (&json!(true), &json!(130)));
    let left: Vec<_> = std::fs::read_dir(elsewhere.path()).unwrap().collect();
    assert_eq!(left.len(), 3, "nothing was made: {left:?}");

    let text = std::fs::read_to_string(elsewhere.path().join("log.jsonl")).unwrap();
    std::fs::write(elsewhere.path().join("log.jsonl"), text.replacen("thing_change", "thing_charge", 1)).unwrap();
    let output = run(elsewhere.path(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    let problem: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(
        (&problem["code"], &problem["detail"]),
        (&json!("audit_log_not_intact"), &json!("entry 1, line 2: the entry was altered"))
    );
    let output = run(
        elsewhere.path(),
        &["audit", "verify", "--export", "log.jsonl", "--pubkey", "nonsense", "--checkpoint", "checkpoints"],
    );
    assert_eq!(output.status.code(), Some(2));
}
