//! Backups that are made by themselves: when it is time, once over all instances, by another when one is gone.

use std::sync::Arc;
use std::time::Duration;

use convoke::app::{App, Settings};
use convoke::capability::events::EVENTS;
use convoke::domain::system::{Lead, Right};
use convoke::port::logs::LogQuery;
use convoke::port::records::{Filter, Scope};
use convoke::runtime::backups::{Backups, Look};
use serde_json::{Value, json};

use crate::support::app::{TestApp, config};
use crate::support::servers::Database;

async fn scheduled(schedule: &str) -> TestApp {
    TestApp::start_with(|settings| schedule.clone_into(&mut settings.config.backup.schedule)).await
}

async fn look(app: &App) -> Look {
    Backups::new(app.gate().clone()).look().await.unwrap()
}

async fn events(app: &App, topic: &str) -> Vec<Value> {
    let query = LogQuery { filter: Filter::All, beyond: None, descending: false, limit: 100 };
    let found = app.platform().store.entries(Scope::Platform, &EVENTS, query).await.unwrap();
    found.into_iter().map(|entry| entry.body).filter(|body| body["topic"] == topic).collect()
}

fn is_made(look: &Look) -> bool {
    matches!(look, Look::Made(_))
}

#[tokio::test]
async fn a_backup_is_made_so_long_after_the_last_one() {
    let app = scheduled("every 6h").await;
    assert_eq!(look(&app.app).await, Look::NotYet);
    app.clock.advance(Duration::from_hours(6) - Duration::from_secs(1));
    assert_eq!(look(&app.app).await, Look::NotYet);
    app.clock.advance(Duration::from_secs(1));
    assert!(is_made(&look(&app.app).await));
    assert_eq!(look(&app.app).await, Look::NotYet);
    // One that somebody asked for counts, too.
    app.clock.advance(Duration::from_hours(5));
    app.call(&app.admin, "system_backup", json!({})).await.unwrap();
    app.clock.advance(Duration::from_hours(5));
    assert_eq!(look(&app.app).await, Look::NotYet);
    app.clock.advance(Duration::from_hours(1));
    assert!(is_made(&look(&app.app).await));
    let listed = app.call(&app.admin, "system_backups", json!({})).await.unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 3);
    let told = events(&app.app, "backup.completed").await;
    let by_itself: Vec<&Value> = told.iter().map(|event| &event["data"]["scheduled"]).collect();
    assert_eq!(by_itself, [&json!(true), &json!(false), &json!(true)]);
    assert!(told[0]["data"]["sizeBytes"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn a_time_of_the_day_comes_daily_and_is_made_up_for_after_a_stop() {
    // It is noon.
    let app = scheduled("12:30").await;
    assert_eq!(look(&app.app).await, Look::NotYet);
    app.clock.advance(Duration::from_mins(30));
    assert!(is_made(&look(&app.app).await));
    app.clock.advance(Duration::from_hours(23));
    assert_eq!(look(&app.app).await, Look::NotYet);
    app.app.close(Duration::from_secs(5)).await;
    app.clock.advance(Duration::from_hours(3));
    let app = app.open_again_with(|settings| settings.config.backup.schedule = "12:30".to_owned()).await;
    assert!(is_made(&look(&app.app).await));
    assert_eq!(look(&app.app).await, Look::NotYet);
}

#[tokio::test]
async fn one_that_fails_raises_an_alarm_and_is_tried_again_until_one_is_whole() {
    let app = TestApp::start_with(|settings| {
        settings.config.backup.schedule = "every 1h".to_owned();
        settings.config.backup.folder = "blocked/below".to_owned();
    })
    .await;
    let blocked = app.app.data().join("blocked");
    std::fs::write(&blocked, "a file where a folder should be").unwrap();
    look(&app.app).await;
    app.clock.advance(Duration::from_hours(1));
    let backups = Backups::new(app.app.gate().clone());
    backups.look().await.unwrap_err();
    let health = app.call(&app.admin, "system_health", json!({})).await.unwrap();
    assert_eq!((&health["status"], &health["details"]["alarms"][0]["about"]), (&json!("alarm"), &json!("backup")));
    assert_eq!(events(&app.app, "backup.failed").await.len(), 1);
    app.clock.advance(Duration::from_mins(9));
    assert_eq!(look(&app.app).await, Look::NotYet);
    app.clock.advance(Duration::from_mins(1));
    std::fs::remove_file(&blocked).unwrap();
    assert!(is_made(&look(&app.app).await));
    let health = app.call(&app.admin, "system_health", json!({})).await.unwrap();
    assert_eq!(health["status"], "ok");
}

#[tokio::test]
async fn a_schedule_does_not_make_a_new_installation_a_used_one() {
    let app =
        crate::domain::system::Bare::start_with(tempfile::tempdir().unwrap().path(), |settings: &mut Settings| {
            settings.config.backup.schedule = "every 1h".to_owned();
        })
        .await;
    look(&app.app).await;
    app.clock.advance(Duration::from_hours(1));
    assert!(is_made(&look(&app.app).await));
    assert!(app.app.platform().store.is_empty().await.unwrap());
    app.close().await;
}

/// Two instances on one database, with one folder of backups.
async fn two(database: &Database, folder: &tempfile::TempDir) -> (TestApp, Arc<App>, tempfile::TempDir) {
    let mut shared = config();
    "postgres".clone_into(&mut shared.store.backend);
    shared.store.url = database.url().await;
    "every 1h".clone_into(&mut shared.backup.schedule);
    shared.backup.folder = folder.path().display().to_string();
    let here = shared.clone();
    let one = TestApp::start_with(|settings| settings.config = here).await;
    let data = tempfile::tempdir().unwrap();
    let other = App::open(Settings::new(shared, data.path().to_owned(), one.clock.clone())).await.unwrap();
    (one, other, data)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_instances_one_makes_it_and_the_other_takes_over_when_it_is_gone() {
    let Some(database) = Database::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (one, other, _data) = two(&database, &folder).await;
    assert_eq!((look(&one.app).await, look(&other).await), (Look::NotYet, Look::NotYet));
    for hours in 1..4_usize {
        one.clock.advance(Duration::from_hours(1));
        let (here, there) = tokio::join!(look(&one.app), look(&other));
        assert_eq!(usize::from(is_made(&here)) + usize::from(is_made(&there)), 1, "{here:?} {there:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), hours);
    }
    // One begins and is gone: its lease is taken and never given back.
    one.clock.advance(Duration::from_hours(1));
    let gone = Right::take(one.app.platform()).await.unwrap();
    assert_eq!(look(&other).await, Look::Elsewhere);
    let caller = other
        .gate()
        .identify(&convoke::capability::caller::Credential::Bearer(one.admin.key.clone()), None)
        .await
        .unwrap();
    let request = one.request(caller, "system_backup", json!({}), |_| {});
    let fault = crate::support::app::value(other.gate().call(request).await).unwrap_err();
    assert_eq!(fault.code().name, "backup_busy", "{fault}");
    one.clock.advance(Duration::from_secs(31));
    assert!(is_made(&look(&other).await));
    // It comes back and finds that another has made it.
    drop(gone);
    assert!(!Lead::read(one.app.platform()).await.unwrap().elsewhere(convoke::kernel::clock::Clock::now(&*one.clock)));
    assert_eq!(look(&one.app).await, Look::NotYet);
    other.close(Duration::from_secs(5)).await;
    one.app.close(Duration::from_secs(5)).await;
}
