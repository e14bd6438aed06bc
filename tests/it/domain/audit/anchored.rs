//! An anchor in an object store: what the file does as an anchor it does, too, and keeps anybody from changing it afterwards.

use convoke::adapter::anchor::objects::ObjectAnchor;
use convoke::app::Settings;
use convoke::port::anchors::Anchor as _;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::buckets::{OwnS3, Part};

fn set(part: &Part, settings: &mut Settings) {
    part.reached_by(&mut settings.config, &settings.data);
    settings.config.audit.anchors = vec!["objects".to_owned()];
    settings.config.audit.anchor_objects = part.bucket.to_string();
}

async fn anchored(part: &Part) -> TestApp {
    TestApp::start_with(|settings| set(part, settings)).await
}

async fn again(app: TestApp, part: &Part) -> TestApp {
    app.open_again_with(|settings| set(part, settings)).await
}

#[tokio::test]
async fn keeps_notes_in_order_whoever_writes_them_and_overwrites_none() {
    let Some(part) = Part::find() else { return };
    let (one, other) = (ObjectAnchor::new(part.objects()), ObjectAnchor::new(part.objects()));
    assert_eq!(one.kept().await.unwrap(), Some(vec![]));
    one.keep("one\n\n— a b\n").await.unwrap();
    // Neither knows of what the other writes until the store says that a number is taken.
    other.keep("two").await.unwrap();
    one.keep("three").await.unwrap();
    other.keep("four").await.unwrap();
    let all = ["one\n\n— a b\n", "two", "three", "four"].map(str::to_owned).to_vec();
    assert_eq!(one.kept().await.unwrap(), Some(all.clone()));
    // What is no checkpoint is left alone.
    part.objects().put("checkpoints/readme", "x".into()).await.unwrap();
    part.objects().put("checkpoints/1.txt", "x".into()).await.unwrap();
    assert_eq!(other.kept().await.unwrap(), Some(all));
    let listed = part.objects().list("checkpoints").await.unwrap();
    let names: Vec<&str> = listed.iter().map(|object| object.name.as_str()).collect();
    assert!(names.contains(&"checkpoints/000000000004.txt"), "{names:?}");
    assert!(one.name().contains("s3://") && !one.name().contains(&part.server.secret));
}

#[tokio::test]
async fn an_older_log_is_told_by_what_it_keeps() {
    let Some(part) = Part::find() else { return };
    let app = anchored(&part).await;
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
    let app = again(app, &part).await;
    app.app.start().await.unwrap();
    let health = app.health().await;
    let say = health["details"]["alarms"][0]["say"].as_str().unwrap();
    assert!(say.contains("has 3 entries") && say.contains("checkpoint of 6") && say.contains("s3://"), "{say}");
    let told = app.verified().await;
    assert_eq!((&told["valid"], &told["fork"]["size"], &told["fork"]["intact"]), (&json!(false), &json!(6), &json!(3)));
}

#[tokio::test]
async fn a_checkpoint_that_somebody_altered_is_not_believed() {
    let Some(server) = OwnS3::start() else { return };
    let part = server.part();
    let app = anchored(&part).await;
    app.append_entries(app.admin.tenant, 3).await;
    app.chained().await;
    assert_eq!(app.verified().await["valid"], true);
    let file = server.file_of(&part, "checkpoints/000000000001.txt");
    let note = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, note.replacen('3', "2", 1)).unwrap();
    app.app.close(std::time::Duration::from_secs(5)).await;
    let app = again(app, &part).await;
    app.app.start().await.unwrap();
    let health = app.health().await;
    let say = health["details"]["alarms"][0]["say"].as_str().unwrap();
    assert!(say.contains("another key has signed"), "{say}");
}

#[tokio::test]
async fn one_that_is_gone_raises_an_alarm_and_is_given_the_checkpoint_when_it_is_back() {
    let Some(mut server) = OwnS3::start() else { return };
    let part = server.part();
    let app = anchored(&part).await;
    server.down();
    app.append_entries(app.admin.tenant, 2).await;
    app.chained().await;
    let health = app.health().await;
    assert_eq!(health["details"]["alarms"][0]["about"], "audit anchor", "{health}");
    server.up();
    app.chained().await;
    assert_eq!(app.health().await["status"], "ok");
    assert_eq!(ObjectAnchor::new(part.objects()).kept().await.unwrap().unwrap().len(), 1);
}

#[tokio::test]
async fn checkpoints_are_locked_where_that_is_wanted() {
    let Some(part) = Part::find_locked() else { return };
    let app = TestApp::start_with(|settings| {
        set(&part, settings);
        // The clock of this test stands still, some days before that of the server.
        settings.config.audit.anchor_retain_days = 3650;
    })
    .await;
    for _ in 0..2 {
        app.append_entries(app.admin.tenant, 2).await;
        app.chained().await;
    }
    assert_eq!(app.health().await["status"], "ok");
    assert_eq!(app.verified().await["valid"], true);
    // Somebody who may write there lays something over the first one: the bucket keeps what was there.
    let kept = ObjectAnchor::new(part.objects()).kept().await.unwrap().unwrap();
    assert_eq!(kept.len(), 2);
    assert!(!part.objects().put_new("checkpoints/000000000001.txt", "other".into()).await.unwrap());
}
