//! `system_backup` and `system_backups`.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use convoke::capability::client::{Answers, Client, Level, Progress, Questions};
use convoke::capability::gate::Request;
use convoke::capability::gate::audit::AUDIT;
use convoke::kernel::codes;
use convoke::kernel::fault::Fault;
use convoke::kernel::id::TenantId;
use convoke::port::blobs::Blobs;
use convoke::port::logs::LogQuery;
use convoke::port::records::{Filter, Scope};
use serde_json::{Value, json};

use crate::support::app::{TestApp, value};

fn folder(backup: &Value) -> PathBuf {
    PathBuf::from(backup["folder"].as_str().unwrap())
}

fn names(listed: &Value) -> Vec<String> {
    listed["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_backup_is_whole_checksummed_and_listed() {
    let app = TestApp::start().await;
    let blob = app.app.platform().blobs.put(app.admin.tenant, "a blob".into()).await.unwrap();
    let made = app.call(&app.admin, "system_backup", json!({})).await.unwrap();
    assert_eq!(made["state"], "complete");
    assert_eq!(made["name"], "backup-2026-11-20T120000000Z");
    assert_eq!(made["madeAt"], "2026-11-20T12:00:00.000Z");
    assert_eq!(made["removed"], 0);

    let manifest: Value = serde_json::from_slice(&fs::read(folder(&made).join("manifest.json")).unwrap()).unwrap();
    let files = manifest["files"].as_array().unwrap();
    assert_eq!(json!(files.len()), made["files"]);
    assert!(files.iter().any(|file| file["path"] == "store.db"));
    assert!(files.iter().any(|file| file["sha256"] == blob.digest.as_str()), "{files:?}");

    let listed = app.call(&app.admin, "system_backups", json!({ "verify": true })).await.unwrap();
    let item = &listed["items"][0];
    assert_eq!((&item["state"], &item["verified"]), (&json!("complete"), &json!(true)));
    assert_eq!(item["sizeBytes"], made["sizeBytes"]);
}

#[tokio::test]
async fn damage_is_found_by_its_checksum() {
    let app = TestApp::start().await;
    let made = app.call(&app.admin, "system_backup", json!({})).await.unwrap();
    let store = folder(&made).join("store.db");
    let mut bytes = fs::read(&store).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&store, bytes).unwrap();
    fs::write(folder(&made).join("stray"), "x").unwrap();

    let input = json!({ "name": made["name"], "verify": true });
    let listed = app.call(&app.admin, "system_backups", input).await.unwrap();
    let item = &listed["items"][0];
    assert_eq!(item["verified"], false);
    assert_eq!(item["faults"], json!(["store.db was altered", "stray does not belong to it"]));

    fs::remove_file(folder(&made).join("manifest.json")).unwrap();
    let listed = app.call(&app.admin, "system_backups", json!({})).await.unwrap();
    assert_eq!(listed["items"][0]["state"], "damaged");
}

#[tokio::test]
async fn only_so_many_are_kept_and_what_is_unfinished_goes() {
    let app = TestApp::start_with(|settings| settings.config.backup.keep = 2).await;
    let mut removed = Vec::new();
    for _ in 0..3 {
        let made = app.call(&app.admin, "system_backup", json!({})).await.unwrap();
        removed.push(made["removed"].as_u64().unwrap());
        let part = folder(&made).with_file_name("backup-old.part");
        fs::create_dir(&part).unwrap();
        app.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(removed, [0, 0, 1]);
    let listed = app.call(&app.admin, "system_backups", json!({})).await.unwrap();
    let found = names(&listed);
    let whole: Vec<&str> = found.iter().map(String::as_str).filter(|name| !name.contains("old")).collect();
    assert_eq!(whole, ["backup-2026-11-20T120002000Z", "backup-2026-11-20T120001000Z"]);
    assert_eq!(found.len(), 3, "one left from after the last backup: {found:?}");
}

#[tokio::test]
async fn two_of_one_moment_have_two_names_and_pages_hold_all() {
    let app = TestApp::start().await;
    for _ in 0..3 {
        app.call(&app.admin, "system_backup", json!({})).await.unwrap();
    }
    let all = names(&app.call(&app.admin, "system_backups", json!({})).await.unwrap());
    assert_eq!(all.len(), 3);
    let mut paged = Vec::new();
    let mut input = json!({ "limit": 1 });
    loop {
        let page = app.call(&app.admin, "system_backups", input.clone()).await.unwrap();
        paged.extend(names(&page));
        match page.get("nextPageToken") {
            Some(token) => input["pageToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(paged, all);
    let fault = app.call(&app.admin, "system_backups", json!({ "pageToken": "made-up" })).await.unwrap_err();
    assert!(fault.is(&codes::BAD_PAGE_TOKEN), "{fault}");
}

#[tokio::test]
async fn of_several_at_once_those_that_must_wait_are_told() {
    let app = TestApp::start().await;
    let calls = (0..4).map(|_| app.call(&app.admin, "system_backup", json!({})));
    let ended = futures::future::join_all(calls).await;
    assert!(ended.iter().any(Result::is_ok));
    for fault in ended.iter().filter_map(|ended| ended.as_ref().err()) {
        assert_eq!(fault.code().name, "backup_busy", "{fault}");
    }
    let listed = app.call(&app.admin, "system_backups", json!({})).await.unwrap();
    assert_eq!(names(&listed).len(), ended.iter().filter(|ended| ended.is_ok()).count());
}

#[tokio::test]
async fn a_backup_of_no_name_is_not_there_and_paths_are_no_names() {
    let app = TestApp::start().await;
    app.call(&app.admin, "system_backup", json!({})).await.unwrap();
    for name in ["backup-1", "../backups", "/etc/passwd", "."] {
        let fault = app.call(&app.admin, "system_backups", json!({ "name": name })).await.unwrap_err();
        assert!(fault.is(&codes::NOT_FOUND), "{name}: {fault}");
        let fault = app.call(&app.admin, "system_restore", json!({ "name": name })).await.unwrap_err();
        assert!(fault.is(&codes::NOT_FOUND), "{name}: {fault}");
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_told_and_leaves_no_entry() {
    let app = TestApp::start_with(|settings| {
        let file = settings.data.join("a file");
        fs::write(&file, "").unwrap();
        settings.config.backup.folder = file.join("below").display().to_string();
    })
    .await;
    let fault = app.call(&app.admin, "system_backup", json!({})).await.unwrap_err();
    assert!(fault.code().status >= 500, "{fault}");
    let query = LogQuery { filter: Filter::All, beyond: None, descending: false, limit: 10 };
    let entries = app.app.platform().store.entries(Scope::Platform, &AUDIT, query).await.unwrap();
    assert_eq!(entries, []);
}

#[tokio::test]
async fn a_backup_that_outlives_its_call_is_finished_before_the_program_ends() {
    let app = TestApp::start().await;
    for number in 0..200_u32 {
        let bytes = number.to_string().repeat(5_000);
        app.app.platform().blobs.put(app.admin.tenant, bytes.into()).await.unwrap();
    }
    let short = |request: &mut Request| request.time_limit = Some(Duration::from_millis(480));
    let made = value(app.call_with(&app.admin, "system_backup", json!({}), short).await.unwrap()).unwrap();
    assert_eq!(made["state"], "running");
    let listed = app.call(&app.admin, "system_backups", json!({ "name": made["name"] })).await.unwrap();
    assert!(["running", "complete"].contains(&listed["items"][0]["state"].as_str().unwrap()), "{listed}");
    app.app.close(Duration::from_secs(60)).await;
    assert!(folder(&made).join("manifest.json").is_file());
}

#[tokio::test]
async fn a_call_from_the_machine_itself_waits_as_long_as_it_takes() {
    let app = TestApp::start_with(|settings| settings.config.limits.call_seconds = 1).await;
    let waiting = |request: &mut Request| request.unhurried = true;
    let made = value(app.call_with(&app.admin, "system_backup", json!({}), waiting).await.unwrap()).unwrap();
    assert_eq!(made["state"], "complete");
}

#[tokio::test]
async fn no_backup_names_a_blob_that_it_lacks() {
    let app = TestApp::start().await;
    let blobs = app.app.platform().blobs.clone();
    let digest = blobs.put(app.admin.tenant, "named by a document".into()).await.unwrap().digest;
    // Removed after the store was copied, before the blobs are.
    let removed = std::sync::Arc::new(std::sync::OnceLock::new());
    let remover = Remover { blobs, tenant: app.admin.tenant, digest: digest.clone(), removed: removed.clone() };
    let listening = |request: &mut Request| request.client = std::sync::Arc::new(remover);
    let made = value(app.call_with(&app.admin, "system_backup", json!({}), listening).await.unwrap()).unwrap();
    let manifest = fs::read_to_string(folder(&made).join("manifest.json")).unwrap();
    assert!(removed.get().is_none() || manifest.contains(&digest), "{manifest}");
}

/// Removes a blob as soon as it hears that the backup is under way.
struct Remover {
    blobs: std::sync::Arc<dyn Blobs>,
    tenant: TenantId,
    digest: String,
    removed: std::sync::Arc<std::sync::OnceLock<()>>,
}

#[async_trait::async_trait]
impl Client for Remover {
    fn progress(&self, _: Progress) {
        let (blobs, tenant, digest, removed) =
            (self.blobs.clone(), self.tenant, self.digest.clone(), self.removed.clone());
        tokio::spawn(async move {
            if blobs.remove(tenant, &digest).await.unwrap() {
                let _ = removed.set(());
            }
        });
    }

    fn say(&self, _: Level, _: &str, _: Value) {}

    async fn ask(&self, _: &Questions) -> Option<Result<Answers, Fault>> {
        None
    }
}
