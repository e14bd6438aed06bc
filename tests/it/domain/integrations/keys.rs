//! The master key: made at the first start, kept apart, missed when it is gone or another.

use std::fs;
use std::time::Duration;

use convoke::app::{App, Settings};
use convoke::domain::integrations::Vault;
use serde_json::{Value, json};

use super::{SECRET, Variables, again_with, digest, files_with, put, start, start_with, used};
use crate::support::app::{TestApp, config};

async fn health(app: &TestApp) -> (Value, Value) {
    let told = app.call(&app.admin, "system_health", json!({})).await.unwrap();
    let backends = told["details"]["backends"].as_array().unwrap();
    let vault = backends.iter().find(|backend| backend["name"] == "vault").unwrap().clone();
    (told["status"].clone(), vault)
}

#[tokio::test]
async fn the_first_start_makes_it_and_no_backup_holds_it() {
    let app = start().await;
    let file = app.app.data().join("master.key");
    let text = fs::read_to_string(&file).unwrap();
    let key = text.lines().find(|line| !line.starts_with('#')).unwrap().to_owned();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    put(&app, &app.admin, "stripe", SECRET).await;
    app.call(&app.admin, "system_backup", json!({})).await.unwrap();
    assert_eq!(files_with(app.app.data(), &key), [file.display().to_string()]);
    let app = again_with(app, |_| {}).await;
    assert_eq!(fs::read_to_string(&file).unwrap(), text, "a later start leaves it");
    assert_eq!(used(&app, &app.admin, "stripe").await, digest(SECRET));
}

#[tokio::test]
async fn another_key_locks_the_vault_and_health_says_so() {
    let app = start().await;
    put(&app, &app.admin, "stripe", SECRET).await;
    let file = app.app.data().join("master.key");
    let right = fs::read_to_string(&file).unwrap();
    fs::write(&file, "a7".repeat(32)).unwrap();
    let app = again_with(app, |_| {}).await;
    assert_eq!(used(&app, &app.admin, "stripe").await, "vault_locked");
    let fault = app.call(&app.admin, "secret_put", json!({ "name": "x", "value": "y" })).await.unwrap_err();
    assert_eq!((fault.code().name, fault.code().status), ("vault_locked", 503));
    let (status, vault) = health(&app).await;
    assert_eq!((&status, &vault["status"]), (&json!("degraded"), &json!("degraded")));
    assert!(vault["fault"].as_str().unwrap().contains("1 of 1 data keys"), "{vault}");
    // Another tenant has nothing in the vault yet: it can begin.
    put(&app, &app.stranger, "stripe", "theirs").await;
    // What cannot be read can still be removed.
    assert!(app.call(&app.admin, "secret_list", json!({})).await.is_ok());

    // The right one beside it opens everything again.
    fs::write(&file, format!("{}\n{right}", "a7".repeat(32))).unwrap();
    app.app.platform().service::<Vault>().unwrap().reload().await.unwrap();
    assert_eq!(used(&app, &app.admin, "stripe").await, digest(SECRET));
    assert_eq!(used(&app, &app.stranger, "stripe").await, digest("theirs"));
    assert_eq!(health(&app).await.0, "ok");
}

#[tokio::test]
async fn a_lost_key_is_not_replaced_by_a_new_one() {
    let app = start().await;
    put(&app, &app.admin, "stripe", SECRET).await;
    let file = app.app.data().join("master.key");
    let kept = app.app.data().join("kept");
    fs::rename(&file, &kept).unwrap();
    let app = again_with(app, |_| {}).await;
    assert!(!file.exists());
    assert_eq!(used(&app, &app.admin, "stripe").await, "vault_locked");
    let (_, vault) = health(&app).await;
    assert!(vault["fault"].as_str().unwrap().contains("master.key"), "{vault}");
    fs::rename(&kept, &file).unwrap();
    app.app.platform().service::<Vault>().unwrap().reload().await.unwrap();
    assert_eq!(used(&app, &app.admin, "stripe").await, digest(SECRET));
}

#[tokio::test]
async fn it_comes_from_where_the_configuration_says() {
    let folder = tempfile::tempdir().unwrap();
    let theirs = folder.path().join("theirs");
    fs::write(&theirs, "b8".repeat(32)).unwrap();
    let places = [
        format!("file:{}", theirs.display()),
        "env:MASTER".to_owned(),
        format!("command:/bin/cat {}", theirs.display()),
    ];
    let variables = || Variables::of(&[("MASTER", &"b8".repeat(32))]);
    let mut app = start_with(|settings| {
        settings.environment = variables();
        places[0].clone_into(&mut settings.config.vault.master);
    })
    .await;
    put(&app, &app.admin, "stripe", SECRET).await;
    assert!(!app.app.data().join("master.key").exists());
    // All three give the same key.
    for place in &places {
        app = again_with(app, |settings| {
            settings.environment = variables();
            place.clone_into(&mut settings.config.vault.master);
        })
        .await;
        assert_eq!(used(&app, &app.admin, "stripe").await, digest(SECRET), "{place}");
    }
}

#[tokio::test]
async fn a_place_without_a_key_stops_the_start() {
    for (place, why) in [
        ("file:/no/such/file", "/no/such/file"),
        ("env:NOT_SET", "NOT_SET is not set"),
        ("env:WRONG", "is no master key"),
        ("command:/bin/false", "failed"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let clock = std::sync::Arc::new(convoke::kernel::clock::SystemClock);
        let mut settings = Settings::new(config(), folder.path().to_owned(), clock);
        settings.environment = Variables::of(&[("WRONG", "hunter2")]);
        place.clone_into(&mut settings.config.vault.master);
        let fault = App::open(settings).await.err().unwrap();
        assert_eq!(fault.code().name, "bad_configuration", "{place}: {fault}");
        assert!(fault.to_string().contains(why) && !fault.to_string().contains("hunter2"), "{place}: {fault}");
    }
}

/// A key in the wrong place of the configuration is refused and not repeated.
#[test]
fn the_key_itself_is_not_written_into_the_configuration() {
    let mut config = config();
    "b8".repeat(32).clone_into(&mut config.vault.master);
    let wrong = convoke::config::check::check(&config);
    let (_, say) = wrong.iter().find(|(key, _)| *key == "vault.master").unwrap();
    assert!(!say.contains("b8b8"), "{say}");
}

/// A backup put into a new installation opens with the old one's key beside the new one's.
#[tokio::test]
async fn a_restored_backup_opens_with_the_key_of_its_installation() {
    let app = start().await;
    put(&app, &app.admin, "stripe", SECRET).await;
    let made = app.call(&app.admin, "system_backup", json!({})).await.unwrap();
    let old = fs::read_to_string(app.app.data().join("master.key")).unwrap();

    let place = crate::support::program::Place::new();
    let restored = place.run(&["restore", made["folder"].as_str().unwrap()]);
    assert_eq!(restored.code(), 0, "{}", restored.errors());
    let status = place.run(&["vault", "status"]).json();
    assert_eq!(status["dataKeys"]["underUnknownMaster"], 1, "{status}");
    let file = place.data().join("master.key");
    fs::write(&file, format!("{}{old}", fs::read_to_string(&file).unwrap())).unwrap();
    let status = place.run(&["vault", "rotate", "--master"]).json();
    assert_eq!((&status["fault"], &status["rotated"]["dataKeysRewrapped"]), (&Value::Null, &json!(1)), "{status}");
    app.app.close(Duration::from_secs(5)).await;
}
