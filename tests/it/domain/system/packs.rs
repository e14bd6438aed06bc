//! Backups as packs: encrypted, in an object store, and back again.

use std::fs;
use std::path::{Path, PathBuf};

use convoke::app::{App, Settings};
use convoke::kernel::clock::Clock as _;
use serde_json::{Value, json};

use super::Bare;
use crate::support::app::TestApp;
use crate::support::buckets::{OwnS3, Part};

/// The blob that a test keeps, and the text of the scene's document.
const BLOBS: usize = 2;

/// A key of 32 bytes, as an operator writes it into a file.
fn key_file(folder: &Path, byte: &str) -> PathBuf {
    let file = folder.join(format!("backup-{byte}.key"));
    fs::write(&file, format!("{}\n", byte.repeat(32))).unwrap();
    file
}

fn encrypted(settings: &mut Settings, file: &Path) {
    settings.config.backup.encrypt = format!("file:{}", file.display());
}

fn sent_to(part: &Part, settings: &mut Settings) {
    part.reached_by(&mut settings.config, &settings.data);
    settings.config.backup.place = part.bucket.to_string();
}

async fn listed(app: &TestApp, input: Value) -> Vec<Value> {
    app.call(&app.admin, "system_backups", input).await.unwrap()["items"].as_array().unwrap().clone()
}

/// Whether any file below a folder holds these bytes.
fn holds(folder: &Path, wanted: &[u8]) -> bool {
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else if fs::read(entry.path()).unwrap().windows(wanted.len()).any(|window| window == wanted) {
                return true;
            }
        }
    }
    false
}

/// What an installation in use has, so that one that is restored can be held against it.
async fn with_something_in_it(app: &TestApp) -> String {
    let blob = app.app.platform().blobs.put(app.admin.tenant, "a telling blob".into()).await.unwrap();
    blob.digest
}

async fn has_it(new: &App, old: &TestApp, digest: &str) {
    let blob = new.platform().blobs.get(old.admin.tenant, digest).await.unwrap();
    assert_eq!(blob.unwrap(), "a telling blob");
    let key = convoke::capability::caller::Credential::Bearer(old.admin.key.clone());
    new.gate().identify(&key, None).await.unwrap();
}

#[tokio::test]
async fn an_encrypted_backup_shows_nothing_and_comes_back_elsewhere_under_its_key() {
    let keys = tempfile::tempdir().unwrap();
    let file = key_file(keys.path(), "a7");
    let app = TestApp::start_with(|settings| encrypted(settings, &file)).await;
    let digest = with_something_in_it(&app).await;
    let made = app.call(&app.admin, "system_backup", json!({})).await.unwrap();
    assert_eq!(made["name"], "backup-2026-11-20T120000000Z.pack");
    let shelf = app.app.data().join("backups");
    assert_eq!(fs::read_dir(&shelf).unwrap().count(), 1, "nothing is left beside it");
    assert!(!holds(&shelf, b"a telling blob") && !holds(&shelf, digest.as_bytes()) && !holds(&shelf, b"SQLite format"));
    let items = listed(&app, json!({ "verify": true })).await;
    assert_eq!(items[0]["state"], "complete");
    assert_eq!((&items[0]["encrypted"], &items[0]["verified"]), (&json!(true), &json!(true)));
    assert_eq!(items[0]["madeAt"], made["madeAt"]);
    assert_eq!(fs::read_dir(&shelf).unwrap().count(), 1, "nothing is left of looking through it");

    let place = tempfile::tempdir().unwrap();
    fs::create_dir_all(place.path().join("backups")).unwrap();
    let name = made["name"].as_str().unwrap();
    fs::copy(shelf.join(name), place.path().join("backups").join(name)).unwrap();
    // Without its key and with another it stays closed, and the new installation as it is.
    let other = key_file(keys.path(), "b8");
    for key in [None, Some(&other)] {
        let new = Bare::start_with(place.path(), |settings| {
            settings.shows_key = true;
            if let Some(key) = key {
                encrypted(settings, key);
            }
        });
        let new = match key {
            None => new.await,
            Some(key) => reopened(place.path(), |settings| encrypted(settings, key)).await,
        };
        let fault = new.call("system_restore", json!({ "name": name })).await.unwrap_err();
        assert_eq!(fault.code().name, "backup_locked", "{fault}");
        let told = new.call("system_backups", json!({ "verify": true })).await.unwrap();
        assert!(told["items"][0].get("verified").is_none(), "{told}");
        assert!(told["items"][0]["faults"][0].as_str().unwrap().contains("encrypted under the key"), "{told}");
        keep_key(place.path(), &new);
        new.close().await;
    }
    // The old key stands behind a new one.
    let both = keys.path().join("both.key");
    fs::write(&both, format!("{}\n{}\n", "b8".repeat(32), "a7".repeat(32))).unwrap();
    let new = reopened(place.path(), |settings| encrypted(settings, &both)).await;
    let dry = new.call("system_restore", json!({ "name": name, "dryRun": true })).await.unwrap();
    assert_eq!(dry["restored"], false);
    let restored = new.call("system_restore", json!({ "name": name })).await.unwrap();
    assert_eq!((&restored["restored"], &restored["blobs"]), (&json!(true), &json!(BLOBS)));
    has_it(&new.app, &app, &digest).await;
    let left: Vec<_> =
        fs::read_dir(place.path().join("backups")).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert_eq!(left.len(), 1, "{left:?}");
    new.close().await;
}

/// The first start shows the key and no other does.
fn keep_key(folder: &Path, new: &Bare) {
    fs::write(folder.join("first.key"), new.key.reveal()).unwrap();
}

async fn reopened(folder: &Path, alter: impl FnOnce(&mut Settings)) -> Bare {
    use convoke::kernel::clock::ManualClock;
    let clock = std::sync::Arc::new(ManualClock::at("2026-11-20T12:00:00Z".parse().unwrap()));
    let mut settings = Settings::new(crate::support::app::config(), folder.to_owned(), clock.clone());
    alter(&mut settings);
    let key = fs::read_to_string(folder.join("first.key")).unwrap();
    Bare { app: App::open(settings).await.unwrap(), clock, key: convoke::kernel::secret::Secret::new(key) }
}

#[tokio::test]
async fn an_encrypted_backup_that_is_damaged_or_cut_is_refused_whole() {
    let keys = tempfile::tempdir().unwrap();
    let file = key_file(keys.path(), "a7");
    let app = TestApp::start_with(|settings| encrypted(settings, &file)).await;
    with_something_in_it(&app).await;
    let made = app.call(&app.admin, "system_backup", json!({})).await.unwrap();
    let name = made["name"].as_str().unwrap();
    let whole = fs::read(app.app.data().join("backups").join(name)).unwrap();
    let place = tempfile::tempdir().unwrap();
    let new = Bare::start_with(place.path(), |settings| encrypted(settings, &file)).await;
    let shelf = place.path().join("backups");
    fs::create_dir_all(&shelf).unwrap();
    let mut altered = whole.clone();
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    for bytes in [&altered[..], &whole[..whole.len() - 1], &whole[..whole.len() / 2], &whole[..20], &[]] {
        fs::write(shelf.join(name), bytes).unwrap();
        let fault = new.call("system_restore", json!({ "name": name })).await.unwrap_err();
        assert_eq!(fault.code().name, "backup_damaged", "{fault}");
        let told = new.call("system_backups", json!({ "verify": true })).await.unwrap();
        assert_ne!(told["items"][0]["verified"], true, "{told}");
    }
    // Nothing came of it: the first key is in force, and the whole one goes in.
    assert!(new.app.platform().store.is_empty().await.unwrap());
    fs::write(shelf.join(name), whole).unwrap();
    new.call("system_restore", json!({ "name": name })).await.unwrap();
    new.close().await;
}

#[tokio::test]
async fn backups_are_encrypted_under_the_vaults_key_where_that_is_wanted() {
    let app = TestApp::start_with(|settings| settings.config.backup.encrypt = "vault".to_owned()).await;
    let made = app.call(&app.admin, "system_backup", json!({})).await.unwrap();
    assert!(app.app.data().join("master.key").is_file(), "it is made when it is needed");
    assert!(!holds(&app.app.data().join("backups"), b"SQLite format"));
    let input = json!({ "name": made["name"], "verify": true });
    assert_eq!(listed(&app, input.clone()).await[0]["verified"], true);
    // A new master key opens what was sealed under the one before.
    app.app.platform().service::<convoke::domain::integrations::Vault>().unwrap();
    let first = fs::read_to_string(app.app.data().join("master.key")).unwrap();
    fs::write(app.app.data().join("master.key"), format!("{}\n{first}", "c9".repeat(32))).unwrap();
    assert_eq!(listed(&app, input).await[0]["verified"], true);
}

#[tokio::test]
async fn a_key_that_is_not_there_makes_no_backup_and_leaves_nothing() {
    let app = TestApp::start_with(|settings| settings.config.backup.encrypt = "file:no.key".to_owned()).await;
    let fault = app.call(&app.admin, "system_backup", json!({})).await.unwrap_err();
    assert_eq!(fault.code().name, "backup_locked", "{fault}");
    assert!(fault.to_string().contains("no.key"), "{fault}");
    assert!(listed(&app, json!({})).await.is_empty());
}

#[tokio::test]
async fn backups_go_to_an_object_store_and_come_back_from_it() {
    let Some(part) = Part::find() else { return };
    let keys = tempfile::tempdir().unwrap();
    let file = key_file(keys.path(), "a7");
    for is_encrypted in [false, true] {
        let part = Part { bucket: part.bucket.below(&is_encrypted.to_string()), ..part.clone() };
        let set = |settings: &mut Settings| {
            sent_to(&part, settings);
            if is_encrypted {
                encrypted(settings, &file);
            }
        };
        let app = TestApp::start_with(set).await;
        let digest = with_something_in_it(&app).await;
        let made = app.call(&app.admin, "system_backup", json!({})).await.unwrap();
        let name = made["name"].as_str().unwrap();
        assert_eq!(made["folder"], format!("{}/backups/{name}", part.bucket));
        let items = listed(&app, json!({ "verify": true })).await;
        let item = &items[0];
        assert_eq!((&item["elsewhere"], &item["verified"]), (&json!(true), &json!(true)), "{item}");
        assert_eq!((&item["state"], &item["encrypted"]), (&json!("complete"), &json!(is_encrypted)));
        let left = fs::read_dir(app.app.data().join("backups")).unwrap().count();
        assert_eq!(left, 0, "nothing of it stays on the machine");
        let there = part.objects().get(&format!("backups/{name}")).await.unwrap().unwrap();
        assert_eq!(there.windows(14).any(|window| window == b"a telling blob"), !is_encrypted);

        let place = tempfile::tempdir().unwrap();
        let new = Bare::start_with(place.path(), set).await;
        let restored = new.call("system_restore", json!({ "name": name })).await.unwrap();
        assert_eq!((&restored["restored"], &restored["blobs"]), (&json!(true), &json!(BLOBS)));
        has_it(&new.app, &app, &digest).await;
        new.close().await;
    }
}

#[tokio::test]
async fn old_backups_in_an_object_store_go_and_the_newest_stays() {
    let Some(part) = Part::find() else { return };
    let app = TestApp::start_with(|settings| {
        sent_to(&part, settings);
        settings.config.backup.keep = 2;
        settings.config.backup.keep_days = 3;
    })
    .await;
    let mut removed = Vec::new();
    for _ in 0..3 {
        removed.push(app.call(&app.admin, "system_backup", json!({})).await.unwrap()["removed"].as_u64().unwrap());
        app.clock.advance(std::time::Duration::from_hours(1));
    }
    assert_eq!(removed, [0, 0, 1]);
    // What somebody else put there, and what is damaged, neither counts nor goes.
    part.objects().put("backups/backup-2026-11-21T000000000Z.pack", "x".into()).await.unwrap();
    part.objects().put("backups/readme", "x".into()).await.unwrap();
    app.clock.advance(std::time::Duration::from_hours(24 * 9));
    let shelf = app.app.platform().service::<convoke::domain::system::Shelf>().unwrap();
    assert_eq!(shelf.prune(app.clock.now()).await.unwrap(), 1);
    let items = listed(&app, json!({})).await;
    let told: Vec<(&str, &str)> =
        items.iter().map(|item| (item["name"].as_str().unwrap(), item["state"].as_str().unwrap())).collect();
    assert_eq!(
        told,
        [("backup-2026-11-21T000000000Z.pack", "damaged"), ("backup-2026-11-20T140000000Z.pack", "complete"),]
    );
    assert_eq!(shelf.prune(app.clock.now()).await.unwrap(), 0, "the last good one stays however old it is");
}

#[tokio::test]
async fn an_object_store_that_is_gone_or_damaged_is_told_and_found_again() {
    let Some(mut server) = OwnS3::start() else { return };
    let part = server.part();
    let app = TestApp::start_with(|settings| sent_to(&part, settings)).await;
    let made = app.call(&app.admin, "system_backup", json!({})).await.unwrap();
    let name = made["name"].as_str().unwrap();
    server.down();
    for (tool, input) in [("system_backup", json!({})), ("system_backups", json!({}))] {
        let fault = app.call(&app.admin, tool, input).await.unwrap_err();
        assert_eq!(fault.code().name, "unavailable", "{tool}: {fault}");
    }
    assert_eq!(fs::read_dir(app.app.data().join("backups")).unwrap().count(), 0, "nothing is left of it");
    server.up();
    app.call(&app.admin, "system_backup", json!({})).await.unwrap();
    let file = server.file_of(&part, &format!("backups/{name}"));
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let items = listed(&app, json!({ "name": name, "verify": true })).await;
    assert_eq!(items[0]["verified"], false, "{items:?}");
    let place = tempfile::tempdir().unwrap();
    let new = Bare::start_with(place.path(), |settings| sent_to(&part, settings)).await;
    let fault = new.call("system_restore", json!({ "name": name })).await.unwrap_err();
    assert_eq!(fault.code().name, "backup_damaged", "{fault}");
    assert!(new.app.platform().store.is_empty().await.unwrap());
    new.close().await;
}

#[tokio::test]
async fn blobs_of_an_object_store_are_in_the_backup_and_health_says_where_they_are() {
    let Some(mut server) = OwnS3::start() else { return };
    let part = server.part();
    let set = |part: &Part, settings: &mut Settings| {
        part.reached_by(&mut settings.config, &settings.data);
        settings.config.store.blobs = part.bucket.to_string();
    };
    let app = TestApp::start_with(|settings| set(&part, settings)).await;
    let digest = with_something_in_it(&app).await;
    let blobs = |health: &Value| health["details"]["backends"][1].clone();
    let health = app.call(&app.admin, "system_health", json!({})).await.unwrap();
    assert_eq!(
        (&blobs(&health)["product"], &blobs(&health)["status"]),
        (&json!(part.bucket.to_string()), &json!("ok"))
    );
    let made = app.call(&app.admin, "system_backup", json!({})).await.unwrap();
    let place = tempfile::tempdir().unwrap();
    let (name, from) = (made["name"].as_str().unwrap(), PathBuf::from(made["folder"].as_str().unwrap()));
    fs::create_dir_all(place.path().join("backups")).unwrap();
    assert!(
        std::process::Command::new("cp")
            .arg("-r")
            .args([from, place.path().join("backups")])
            .status()
            .unwrap()
            .success()
    );
    // Into another part of the store.
    let other = server.part();
    let new = Bare::start_with(place.path(), |settings| set(&other, settings)).await;
    new.call("system_restore", json!({ "name": name })).await.unwrap();
    has_it(&new.app, &app, &digest).await;
    assert_eq!(other.objects().list("blobs").await.unwrap().len(), BLOBS);
    new.close().await;

    server.down();
    let fault = app.app.platform().blobs.get(app.admin.tenant, &digest).await.unwrap_err();
    assert!(fault.to_string().contains("unavailable"), "{fault}");
    // A look that found all well counts for some seconds.
    let fault = loop {
        match app.call(&app.admin, "system_health", json!({})).await {
            Ok(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            Err(fault) => break fault,
        }
    };
    assert_eq!(fault.code().name, "unavailable");
    server.up();
    let health = app.call(&app.admin, "system_health", json!({})).await.unwrap();
    assert_eq!(blobs(&health)["status"], "ok");
}

#[tokio::test]
async fn a_start_with_blobs_that_are_refused_says_so() {
    let Some(part) = Part::find() else { return };
    let open = async |bucket: String, credentials: &str| {
        let folder = tempfile::tempdir().unwrap();
        let clock = std::sync::Arc::new(convoke::kernel::clock::SystemClock);
        let mut settings = Settings::new(crate::support::app::config(), folder.path().to_owned(), clock);
        fs::write(folder.path().join("credentials"), credentials).unwrap();
        settings.config.objects.endpoint.clone_from(&part.server.url);
        settings.config.objects.credentials = "file:credentials".to_owned();
        settings.config.store.blobs = bucket;
        App::open(settings).await.err().unwrap()
    };
    for (bucket, credentials, why) in [
        (part.bucket.to_string(), "someone:hunter2".to_owned(), "credentials are refused"),
        (part.bucket.to_string(), "hunter2".to_owned(), "KEY-ID:SECRET"),
        ("s3://no-such-bucket".to_owned(), part.credentials(), "no such bucket"),
    ] {
        let fault = open(bucket, &credentials).await;
        assert_eq!(fault.code().name, "bad_configuration");
        let say = fault.to_string();
        assert!(say.contains(why) && say.contains("store.blobs") && !say.contains("hunter2"), "{say}");
    }
}
