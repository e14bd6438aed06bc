//! `system_restore`: into an empty installation, and nowhere else.

use std::fs;
use std::path::Path;
use std::time::Duration;

use convoke::capability::alarms::Alarms;
use convoke::capability::cx::Lasting;
use convoke::capability::gate::Request;
use convoke::capability::gate::audit::AUDIT;
use convoke::domain::audit::engine::checkpoints::ALARM_LOG;
use convoke::domain::audit::engine::keeper::Keeper;
use convoke::domain::identity::model::user::USER;
use convoke::kernel::clock::Clock as _;
use convoke::kernel::codes;
use convoke::port::logs::{Keep, LogQuery};
use convoke::port::records::{Filter, Query, Record, Scope};
use convoke::runtime::upkeep::Upkeep;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::Bare;
use crate::conformance::place::NOW;
use crate::support::app::TestApp;

async fn users(app: &convoke::app::App) -> Vec<Record> {
    let mut found = app.platform().store.find(Scope::Platform, &USER, Query::newest(Filter::All, 100)).await.unwrap();
    found.sort_by_key(|record| record.id);
    found
}

async fn audited(app: &convoke::app::App) -> Vec<Value> {
    let query = LogQuery { filter: Filter::All, beyond: None, descending: false, limit: 100 };
    let entries = app.platform().store.entries(Scope::Platform, &AUDIT, query).await.unwrap();
    entries.into_iter().map(|entry| entry.body).collect()
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A backup of an installation in use, put into the folder of backups of a new one.
async fn moved(app: &TestApp, data: &Path) -> String {
    let made = app.call(&app.admin, "system_backup", json!({})).await.unwrap();
    let name = made["name"].as_str().unwrap().to_owned();
    copy_folder(Path::new(made["folder"].as_str().unwrap()), &data.join("backups").join(&name));
    name
}

#[tokio::test]
async fn a_backup_makes_a_new_installation_equal_to_the_old_one() {
    let old = TestApp::start().await;
    let blob = old.app.platform().blobs.put(old.admin.tenant, "a blob".into()).await.unwrap();
    old.call(&old.admin, "user_create", json!({ "email": "new@example.org" })).await.unwrap();
    let (people, deeds) = (users(&old.app).await, audited(&old.app).await);
    let data = TempDir::new().unwrap();
    let name = moved(&old, data.path()).await;

    let new = Bare::start(data.path()).await;
    // Looking around and a wrong try do not make it count as used.
    new.call("system_health", json!({})).await.unwrap();
    new.call("system_cache_clear", json!({})).await.unwrap();
    new.app.gate().tidy().await.unwrap();
    let tried = new.call("system_restore", json!({ "name": name, "dryRun": true })).await.unwrap();
    assert_eq!(tried["restored"], false);
    let restored = new.call("system_restore", json!({ "name": name })).await.unwrap();
    // The blob and the text of the scene's document.
    assert_eq!((&restored["restored"], &restored["blobs"]), (&json!(true), &json!(2)));

    assert_eq!(users(&new.app).await, people);
    assert_eq!(new.app.platform().blobs.get(old.admin.tenant, &blob.digest).await.unwrap().unwrap(), "a blob");
    // What was audited before, and the restore itself in the tenant that is in force now.
    let told = audited(&new.app).await;
    assert_eq!(told[..deeds.len()], deeds);
    let own: Vec<&Value> =
        told[deeds.len()..].iter().filter(|entry| entry["tenantId"] == json!(old.admin.tenant)).collect();
    assert_eq!(own.len(), 1, "{told:?}");
    assert_eq!((&own[0]["action"], &own[0]["resourceId"]), (&json!("system_restore"), &json!(name)));

    // The keys of the backup are in force, the first key of the new installation is not.
    let fault = new.call("user_me", json!({})).await.unwrap_err();
    assert!(fault.is(&codes::UNAUTHENTICATED), "{fault}");
    let me = new.call_with(&old.admin.key, "user_me", json!({}), |_| {}).await.unwrap();
    assert_eq!(me["id"], json!(old.admin.user));
    new.close().await;
}

#[tokio::test]
async fn keys_that_no_backup_holds_are_told_of_where_they_are_not_here() {
    let old = TestApp::start().await;
    // Its entry takes a key of a data subject.
    old.call(&old.admin, "user_create", json!({ "email": "new@example.org" })).await.unwrap();
    for brought in [false, true] {
        let data = TempDir::new().unwrap();
        let name = moved(&old, data.path()).await;
        if brought {
            fs::copy(old.app.data().join("installation.key"), data.path().join("installation.key")).unwrap();
            copy_folder(&old.app.data().join("keys"), &data.path().join("keys"));
        }
        let new = Bare::start(data.path()).await;
        let alarms = new.app.platform().service::<Alarms>().unwrap();
        let expected: &[&str] = if brought { &[] } else { &["installation.key", "subjects.keys"] };
        for dry_run in [true, false] {
            let input = json!({ "name": name, "dryRun": dry_run });
            let answer = new.call("system_restore", input).await.unwrap();
            let missing = answer["missingKeys"].as_array().unwrap().iter().map(|one| one.as_str().unwrap());
            let missing: Vec<&str> = missing.map(|one| one.split(' ').next().unwrap()).collect();
            assert_eq!(missing, expected);
            let raised: Vec<String> = alarms.raised().into_iter().map(|alarm| alarm.about).collect();
            assert_eq!(raised, if brought || dry_run { vec![] } else { vec!["restore.keys"] });
        }
        new.close().await;
    }
}

/// What the anchor of the new installation kept is of a log that is gone; a log that is forged after the restore is told all
/// the same.
#[tokio::test]
async fn the_audit_log_begins_anew_with_a_restore_and_is_provable_from_there() {
    let old = TestApp::start().await;
    old.call(&old.admin, "user_create", json!({ "email": "new@example.org" })).await.unwrap();
    old.chained().await;
    let data = TempDir::new().unwrap();
    let name = moved(&old, data.path()).await;
    let new = Bare::start(data.path()).await;
    let keeper = new.app.platform().service::<Keeper>().unwrap();
    for _ in 0..5 {
        new.call("system_cache_clear", json!({})).await.unwrap();
    }
    keeper.keep_up(true).await.unwrap();
    // As when the log was looked at between its replacement and the word to the anchors.
    let alarms = new.app.platform().service::<Alarms>().unwrap();
    alarms.raise(ALARM_LOG, "the log does not go on".to_owned(), NOW);
    new.call("system_restore", json!({ "name": name })).await.unwrap();
    let of_log = |alarm: &convoke::capability::alarms::Alarm| alarm.about == ALARM_LOG;
    assert!(!alarms.raised().iter().any(of_log), "what did not fit is of the log that is gone");
    assert!(keeper.look().await.unwrap());
    let verified = async || new.call_with(&old.admin.key, "audit_verify", json!({}), |_| {}).await.unwrap();
    let told = verified().await;
    assert_eq!((&told["valid"], &told["checked"]["checkpoints"]), (&json!(true), &json!(2)), "{told}");
    let connection = rusqlite::Connection::open(data.path().join("convoke.db")).unwrap();
    connection.execute_batch("DELETE FROM l_audit_checkpoints WHERE 1 = 0").unwrap();
    let fault = connection.execute_batch("DELETE FROM l_audit").unwrap_err();
    assert!(fault.to_string().contains("only appended to"), "{fault}");
    let fault = connection.execute_batch("UPDATE l_audit SET at = 0").unwrap_err();
    assert!(fault.to_string().contains("only appended to"), "{fault}");
    new.close().await;
}

#[tokio::test]
async fn a_backup_made_under_writes_is_of_one_moment() {
    let old = TestApp::start().await;
    let writing = async {
        for number in 0..60 {
            let input = json!({ "email": format!("person{number}@example.org") });
            old.call(&old.admin, "user_create", input).await.unwrap();
        }
    };
    let data = TempDir::new().unwrap();
    let backing_up = async {
        // Some are there before it begins, some come while it runs.
        while users(&old.app).await.len() < 20 {
            tokio::task::yield_now().await;
        }
        moved(&old, data.path()).await
    };
    let ((), name) = tokio::join!(writing, backing_up);
    let new = Bare::start(data.path()).await;
    new.call("system_restore", json!({ "name": name })).await.unwrap();
    let emails: Vec<Value> = users(&new.app).await.into_iter().map(|user| user.body["email"].clone()).collect();
    let made = emails.iter().filter(|email| email.as_str().unwrap().starts_with("person")).count();
    let deeds = audited(&new.app).await;
    let told = deeds.iter().filter(|entry| entry["action"] == "user_create").count();
    assert_eq!(made, told, "a person without their audit entry, or an entry without its person");
    assert!(made >= 14, "{made}");
    new.close().await;
}

#[tokio::test]
async fn an_installation_in_use_is_left_alone() {
    let old = TestApp::start().await;
    let data = TempDir::new().unwrap();
    let name = moved(&old, data.path()).await;
    let new = Bare::start(data.path()).await;
    new.call("api_key_create", json!({ "name": "second" })).await.unwrap();
    let fault = new.call("system_restore", json!({ "name": name })).await.unwrap_err();
    assert_eq!(fault.code().name, "installation_not_empty", "{fault}");
    let own_name = old.call(&old.admin, "system_backup", json!({})).await.unwrap()["name"].clone();
    let fault = old.call(&old.admin, "system_restore", json!({ "name": own_name })).await.unwrap_err();
    assert_eq!(fault.code().name, "installation_not_empty", "{fault}");
    new.close().await;
}

#[tokio::test]
async fn a_damaged_or_newer_backup_is_refused_and_nothing_is_touched() {
    let old = TestApp::start().await;
    let data = TempDir::new().unwrap();
    let name = moved(&old, data.path()).await;
    let folder = data.path().join("backups").join(&name);
    let new = Bare::start(data.path()).await;
    let before = users(&new.app).await;

    let manifest = fs::read_to_string(folder.join("manifest.json")).unwrap();
    fs::write(folder.join("manifest.json"), manifest.replace("\"schema\": ", "\"schema\": 9")).unwrap();
    let fault = new.call("system_restore", json!({ "name": name })).await.unwrap_err();
    assert_eq!(fault.code().name, "backup_too_new", "{fault}");

    fs::write(folder.join("manifest.json"), manifest).unwrap();
    fs::OpenOptions::new().append(true).open(folder.join("store.db")).unwrap().set_len(4096).unwrap();
    let fault = new.call("system_restore", json!({ "name": name })).await.unwrap_err();
    assert_eq!(fault.code().name, "backup_damaged", "{fault}");
    assert_eq!(fault.detail().unwrap()["faults"], json!(["store.db was altered"]));

    assert_eq!(users(&new.app).await, before);
    assert!(new.call("user_me", json!({})).await.is_ok());
    new.close().await;
}

#[tokio::test]
async fn a_repeated_idempotency_key_does_not_restore_twice_and_a_task_is_refused() {
    let old = TestApp::start().await;
    let data = TempDir::new().unwrap();
    let name = moved(&old, data.path()).await;
    let new = Bare::start(data.path()).await;
    let input = json!({ "name": name });
    let fault = new
        .call_with(&new.key, "system_restore", input.clone(), |request| request.lasting = Lasting::Task)
        .await
        .unwrap_err();
    assert!(fault.is(&codes::BAD_INPUT), "{fault}");
    let restored = new
        .call_with(&new.key, "system_restore", input, |request| request.idempotency_key = Some("once".to_owned()))
        .await
        .unwrap();
    assert_eq!(restored["restored"], true);
    assert!(new.call_with(&old.admin.key, "user_me", json!({}), |_| {}).await.is_ok());
    new.close().await;
}

#[tokio::test]
async fn a_restore_that_outlives_its_call_is_finished_and_told_of() {
    let old = TestApp::start().await;
    let people = users(&old.app).await;
    let data = TempDir::new().unwrap();
    let name = moved(&old, data.path()).await;
    let new = Bare::start(data.path()).await;
    let short = |request: &mut Request| request.time_limit = Some(Duration::from_millis(480));
    let fault = new.call_with(&new.key, "system_restore", json!({ "name": name }), short).await.unwrap_err();
    assert_eq!(fault.code().name, "restore_running", "{fault}");
    let told = async {
        loop {
            // From the restore on, only those whom the backup knows may ask.
            for key in [&new.key, &old.admin.key] {
                let listed = new.call_with(key, "system_backups", json!({}), |_| {}).await;
                if let Ok(listed) = listed
                    && listed["restore"]["state"] != "running"
                {
                    return listed["restore"].clone();
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(60), told).await.unwrap();
    assert_eq!((&told["name"], &told["state"], told.get("fault")), (&json!(name), &json!("done"), None));
    assert_eq!(users(&new.app).await, people);
    new.close().await;
}

#[tokio::test]
async fn nothing_that_was_acknowledged_is_lost_to_a_restore() {
    let old = TestApp::start().await;
    for number in 0..50_u32 {
        let bytes = number.to_string().repeat(50_000);
        old.app.platform().blobs.put(old.admin.tenant, bytes.into()).await.unwrap();
    }
    let data = TempDir::new().unwrap();
    let name = moved(&old, data.path()).await;
    let new = Bare::start(data.path()).await;
    let restoring = async {
        let restored = new.call("system_restore", json!({ "name": name })).await;
        restored.map(|_| ())
    };
    let writing = async {
        let mut kept = Vec::new();
        for number in 0..60 {
            let email = format!("late{number}@example.org");
            match new.call("user_create", json!({ "email": email })).await {
                Ok(_) => kept.push(email),
                // While it is restored; or it has been, and the key is that of nobody.
                Err(fault) => assert!(fault.is(&codes::UNAVAILABLE) || fault.code().status == 401, "{fault}"),
            }
            tokio::task::yield_now().await;
        }
        kept
    };
    let (restored, kept) = tokio::join!(restoring, writing);
    let there: Vec<String> =
        users(&new.app).await.iter().map(|user| user.body["email"].as_str().unwrap().to_owned()).collect();
    for email in &kept {
        assert!(there.contains(email), "{email} was acknowledged and is lost; restored: {restored:?}");
    }
    match restored {
        Ok(()) => assert_eq!(kept, Vec::<String>::new()),
        Err(fault) => assert_eq!(fault.code().name, "installation_not_empty", "{fault}"),
    }
    new.close().await;
}

#[tokio::test]
async fn while_it_is_restored_an_installation_takes_no_writes() {
    let app = TestApp::start().await;
    let frozen = app.app.platform().store.freeze().await.unwrap();
    let fault = app.call(&app.admin, "user_create", json!({ "email": "new@example.org" })).await.unwrap_err();
    assert!(fault.is(&codes::UNAVAILABLE), "{fault}");
    app.call(&app.admin, "user_list", json!({})).await.unwrap();
    drop(frozen);
    app.call(&app.admin, "user_create", json!({ "email": "new@example.org" })).await.unwrap();
}

#[tokio::test]
async fn an_installation_whose_deeds_were_forgotten_is_not_taken_for_new() {
    let old = TestApp::start().await;
    let changes = [
        ("user_create", json!({ "email": "new@example.org" })),
        ("api_key_create", json!({ "name": "mine" })),
        ("role_create", json!({ "name": "mine", "permissions": ["users:read"] })),
    ];
    for (tool, input) in changes {
        let data = TempDir::new().unwrap();
        let name = moved(&old, data.path()).await;
        old.clock.advance(Duration::from_secs(1));
        let new = Bare::start(data.path()).await;
        new.call(tool, input).await.unwrap();
        // As after the time for which they are told of.
        let keep = Keep { age: Duration::ZERO, entries: 0 };
        let later = new.clock.now().plus(Duration::from_secs(1));
        while new.app.platform().store.trim(&AUDIT, keep, later, 100).await.unwrap() > 0 {}
        assert_eq!(audited(&new.app).await, Vec::<Value>::new());
        let fault = new.call("system_restore", json!({ "name": name })).await.unwrap_err();
        assert_eq!(fault.code().name, "installation_not_empty", "{tool}: {fault}");
        new.close().await;
    }
}

#[tokio::test]
async fn a_lost_key_that_was_replaced_does_not_make_an_installation_used() {
    let old = TestApp::start().await;
    let data = TempDir::new().unwrap();
    let name = moved(&old, data.path()).await;
    let new = Bare::start(data.path()).await;
    let key = convoke::domain::identity::reset_admin_key(new.app.platform()).await.unwrap();
    let restored = new.call_with(&key, "system_restore", json!({ "name": name }), |_| {}).await.unwrap();
    assert_eq!(restored["restored"], true);
    new.close().await;
}

#[tokio::test]
async fn what_was_forgotten_since_the_backup_stays_forgotten() {
    let old = TestApp::start().await;
    let store = async |text: &str| {
        let told = old.call(&old.member, "memory_store", json!({ "text": text })).await.unwrap();
        told["memory"]["memoryId"].clone()
    };
    let gone = store("Ada keeps a tiger in the garden").await;
    store("Ada keeps a horse in the garden shed").await;
    let data = TempDir::new().unwrap();
    let name = moved(&old, data.path()).await;
    old.clock.advance(Duration::from_mins(1));
    old.call(&old.member, "memory_forget", json!({ "id": gone })).await.unwrap();
    let upkeep = Upkeep::new(old.app.gate().clone());
    upkeep.clean(&CancellationToken::new()).await.unwrap();
    // A second round has nothing to take in.
    upkeep.clean(&CancellationToken::new()).await.unwrap();
    let made = old.call(&old.admin, "system_backups", json!({})).await.unwrap();
    let shelf = Path::new(made["folder"].as_str().unwrap()).join("forgotten");
    let lists: Vec<_> = fs::read_dir(&shelf).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(lists.len(), 1, "{lists:?}");
    let list = fs::read_to_string(&lists[0]).unwrap();
    assert!(list.contains(gone.as_str().unwrap()) && !list.contains("tiger"), "{list}");
    copy_folder(&shelf, &data.path().join("backups").join("forgotten"));
    // A list that is damaged takes nothing from the others.
    fs::write(data.path().join("backups/forgotten/0.json"), "[{").unwrap();

    let new = Bare::start(data.path()).await;
    new.clock.advance(Duration::from_hours(1));
    new.call("system_restore", json!({ "name": name })).await.unwrap();
    let ask = async |tool: &str, input: Value| new.call_with(&old.member.key, tool, input, |_| {}).await;
    let found = ask("memory_search", json!({ "query": "garden", "includeEnded": true })).await.unwrap();
    let texts: Vec<&str> =
        found["items"].as_array().unwrap().iter().map(|item| item["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["Ada keeps a horse in the garden shed"]);
    assert!(ask("memory_get", json!({ "id": gone })).await.unwrap_err().is(&codes::NOT_FOUND));
    // Said anew it is there again, and no later round takes it.
    ask("memory_store", json!({ "text": "Ada keeps a tiger in the garden" })).await.unwrap();
    Upkeep::new(new.app.gate().clone()).clean(&CancellationToken::new()).await.unwrap();
    assert_eq!(ask("memory_search", json!({ "query": "tiger" })).await.unwrap()["items"].as_array().unwrap().len(), 1);
}
