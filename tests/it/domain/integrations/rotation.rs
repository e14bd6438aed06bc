//! New keys in place of old ones, while secrets are put and used.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use convoke::domain::integrations::Vault;
use serde_json::json;

use super::{SECRET, Variables, again_with, digest, kind, overwrite, put, records, start, start_with, stored, used};
use crate::support::app::TestApp;

fn vault(app: &TestApp) -> Arc<Vault> {
    app.app.platform().service::<Vault>().unwrap()
}

fn key_lines(app: &TestApp) -> Vec<String> {
    let text = fs::read_to_string(app.app.data().join("master.key")).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_new_data_key_seals_everything_anew() {
    let app = start().await;
    for number in 0..150 {
        put(&app, &app.admin, &format!("secret-{number}"), &format!("value {number}")).await;
    }
    put(&app, &app.stranger, "theirs", SECRET).await;
    let before = stored(&app, app.admin.tenant, "secret-7").await;
    let rotated = vault(&app).rotate_data(app.app.platform()).await.unwrap();
    assert_eq!((rotated.new_data_keys, rotated.secrets_resealed, rotated.data_keys_removed), (2, 151, 2));
    let after = stored(&app, app.admin.tenant, "secret-7").await;
    assert!(before.body["sealed"] != after.body["sealed"] && before.body["dataKey"] != after.body["dataKey"]);
    assert_eq!((&after.body["version"], after.owner), (&json!(1), before.owner), "it is still the same secret");
    let keys = records(&app, app.admin.tenant, kind("data_key")).await;
    assert_eq!((keys.len(), &keys[0].body["generation"]), (1, &json!(2)));
    assert_eq!(used(&app, &app.admin, "secret-7").await, digest("value 7"));
    assert_eq!(used(&app, &app.stranger, "theirs").await, digest(SECRET));
    let entry = app.audited().await.into_iter().rev().find(|entry| entry["action"] == "vault_rotate").unwrap();
    assert_eq!(entry["changes"]["rotated"]["secretsResealed"], 151);
}

#[tokio::test]
async fn a_new_master_key_opens_what_the_old_one_sealed() {
    let app = start().await;
    put(&app, &app.admin, "stripe", SECRET).await;
    let first = key_lines(&app);
    let rotated = vault(&app).rotate_master(app.app.platform(), false).await.unwrap();
    assert_eq!(rotated.data_keys_rewrapped, 1);
    let both = key_lines(&app);
    assert_eq!((both.len(), &both[1]), (2, &first[0]), "the former one stays for backups");
    assert_eq!(used(&app, &app.admin, "stripe").await, digest(SECRET));

    let rotated = vault(&app).rotate_master(app.app.platform(), true).await.unwrap();
    assert!(rotated.former_forgotten);
    assert_eq!(key_lines(&app).len(), 1);
    let app = again_with(app, |_| {}).await;
    assert_eq!(used(&app, &app.admin, "stripe").await, digest(SECRET));
}

/// The operator changes their own key: the new one first, the old one behind it, then rotate, then the old one away.
#[tokio::test]
async fn the_operators_master_key_is_changed_at_its_place() {
    let (old, new) = ("a7".repeat(32), "b8".repeat(32));
    let variables = Variables::of(&[("MASTER", &old)]);
    let environment = variables.clone();
    let app = start_with(|settings| {
        settings.environment = environment;
        "env:MASTER".clone_into(&mut settings.config.vault.master);
    })
    .await;
    put(&app, &app.admin, "stripe", SECRET).await;
    variables.set("MASTER", &format!("{new},{old}"));
    vault(&app).reload().await.unwrap();
    let state = vault(&app).state(&*app.app.platform().store).await.unwrap();
    assert_eq!((state.master_keys, state.former, state.unknown), (2, 1, 0));
    let rotated = vault(&app).rotate_master(app.app.platform(), true).await.unwrap();
    assert_eq!((rotated.data_keys_rewrapped, rotated.former_forgotten), (1, false), "it is theirs to take away");
    variables.set("MASTER", &new);
    vault(&app).reload().await.unwrap();
    assert_eq!(used(&app, &app.admin, "stripe").await, digest(SECRET));
    // Taken away too early, it is missed and can be put back.
    variables.set("MASTER", &"c9".repeat(32));
    vault(&app).reload().await.unwrap();
    assert_eq!(used(&app, &app.admin, "stripe").await, "vault_locked");
    let rotated = vault(&app).rotate_master(app.app.platform(), false).await.unwrap();
    assert_eq!((rotated.data_keys_rewrapped, rotated.data_keys_locked), (0, 1));
    let fault = vault(&app).rotate_master(app.app.platform(), true).await.unwrap_err();
    assert_eq!(fault.code().name, "conflict", "{fault}");
}

/// Nobody who puts or uses secrets meanwhile sees a fault, and nothing that was put is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn both_keys_change_under_load() {
    let app = Arc::new(start().await);
    for name in 0..8 {
        put(&app, &app.admin, &format!("secret-{name}"), "begun").await;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let work = (0..8).map(|name| {
        let (app, stop) = (app.clone(), stop.clone());
        tokio::spawn(async move {
            let name = format!("secret-{name}");
            let mut rounds = 0_u64;
            while !stop.load(Ordering::Relaxed) || rounds < 3 {
                let value = format!("{name} {rounds}");
                put(&app, &app.admin, &name, &value).await;
                assert_eq!(used(&app, &app.admin, &name).await, digest(&value));
                rounds += 1;
            }
            (name, rounds)
        })
    });
    let work: Vec<_> = work.collect();
    for round in 0..6 {
        let platform = app.app.platform();
        if round % 2 == 0 {
            vault(&app).rotate_data(platform).await.unwrap();
        } else {
            vault(&app).rotate_master(platform, true).await.unwrap();
        }
    }
    stop.store(true, Ordering::Relaxed);
    for ended in futures::future::join_all(work).await {
        let (name, rounds) = ended.unwrap();
        assert_eq!(used(&app, &app.admin, &name).await, digest(&format!("{name} {}", rounds - 1)));
    }
    vault(&app).finish(app.app.platform()).await.unwrap();
    assert_eq!(records(&app, app.admin.tenant, kind("data_key")).await.len(), 1, "old data keys are gone");
}

/// A rotation that was broken off after its first step: what was sealed opens, and the upkeep goes on with it.
#[tokio::test]
async fn an_interrupted_rotation_is_taken_up() {
    let app = start().await;
    put(&app, &app.admin, "stripe", SECRET).await;
    let tenant = app.admin.tenant;
    let secret = stored(&app, tenant, "stripe").await;
    let old_key = records(&app, tenant, kind("data_key")).await.remove(0);
    vault(&app).rotate_data(app.app.platform()).await.unwrap();
    // Back to where it was after the new key was made and before anything was sealed anew.
    let mut retired = old_key.body.clone();
    retired.as_object_mut().unwrap().remove("slot");
    overwrite(&app, tenant, kind("data_key"), old_key.id, retired).await;
    overwrite(&app, tenant, kind("secret"), secret.id, secret.body).await;

    let app = again_with(app, |_| {}).await;
    assert_eq!(used(&app, &app.admin, "stripe").await, digest(SECRET));
    let upkeep = convoke::runtime::upkeep::Upkeep::new(app.app.gate().clone());
    upkeep.clean(&tokio_util::sync::CancellationToken::new()).await.unwrap();
    assert_eq!(records(&app, tenant, kind("data_key")).await.len(), 1);
    assert_ne!(stored(&app, tenant, "stripe").await.body["dataKey"], json!(old_key.id));
    assert_eq!(used(&app, &app.admin, "stripe").await, digest(SECRET));
}

#[tokio::test]
async fn what_was_tampered_with_is_left_and_counted() {
    let app = start().await;
    put(&app, &app.admin, "good", SECRET).await;
    put(&app, &app.admin, "bad", SECRET).await;
    let tenant = app.admin.tenant;
    let bad = stored(&app, tenant, "bad").await;
    let mut body = bad.body.clone();
    body["sealed"] = json!("AAAA");
    overwrite(&app, tenant, kind("secret"), bad.id, body).await;
    let rotated = vault(&app).rotate_data(app.app.platform()).await.unwrap();
    assert_eq!((rotated.secrets_resealed, rotated.secrets_damaged, rotated.data_keys_removed), (1, 1, 0));
    assert_eq!(used(&app, &app.admin, "good").await, digest(SECRET));
    // Put anew it is sealed under the new key, and the old one goes with the next round.
    put(&app, &app.admin, "bad", "mended").await;
    let rotated = vault(&app).finish(app.app.platform()).await.unwrap();
    assert_eq!(rotated.data_keys_removed, 1);
    assert_eq!(used(&app, &app.admin, "bad").await, digest("mended"));
}
