//! Several workers on one store, workers that are gone, and many tenants.

use std::time::Duration;

use convoke::domain::schedules::working::Worker;
use convoke::runtime::schedules;
use convoke::runtime::supervise::Supervisor;
use serde_json::json;

use super::{events, publishing, seen, timers, told, work};
use crate::support::app::TestApp;

#[tokio::test]
async fn however_many_look_there_is_one_run_for_each_due_time() {
    let app = TestApp::start().await;
    let mut made = Vec::new();
    for _ in 0..20 {
        made.push(publishing(&app, json!({ "cronExpression": "0 * * * *", "overlap": "allow" })).await);
    }
    for _ in 0..3 {
        app.clock.advance(Duration::from_hours(1));
        let workers: Vec<_> = (0..4).map(|_| Worker::new(app.app.gate().clone())).collect();
        let rounds = workers.iter().map(|worker| worker.round());
        futures::future::try_join_all(rounds).await.unwrap();
    }
    for one in &made {
        let now = seen(&app, one).await;
        let runs = told(&now);
        assert_eq!(runs.len(), 3, "{runs:?}");
        assert!(runs.iter().all(|(_, status)| status == "succeeded"), "{runs:?}");
    }
    assert_eq!(events(&app, "report.wanted").await.len(), 60);
}

#[tokio::test]
async fn what_a_worker_held_that_is_gone_is_taken_up_when_its_lease_ends() {
    let app = TestApp::start().await;
    let made = publishing(&app, json!({ "cronExpression": "0 * * * *" })).await;
    app.clock.advance(Duration::from_hours(1));
    // One leased the timer and is gone, another leased the run and is gone.
    let store = &app.app.platform().store;
    let now = convoke::kernel::clock::Clock::now(&*app.clock);
    assert_eq!(store.lease("schedules", now, Duration::from_secs(30), 9).await.unwrap().len(), 1);
    assert_eq!(work(&app).await, 0);
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(timers(&app).await, 1);
    let now = convoke::kernel::clock::Clock::now(&*app.clock);
    assert_eq!(store.lease("schedule_runs", now, Duration::from_secs(60), 9).await.unwrap().len(), 1);
    assert_eq!(work(&app).await, 0);
    app.clock.advance(Duration::from_secs(61));
    assert_eq!(work(&app).await, 1);
    assert_eq!(told(&seen(&app, &made).await), [("2026-11-20T13:00Z".to_owned(), "succeeded".to_owned())]);
    assert_eq!(events(&app, "report.wanted").await.len(), 1);
}

#[tokio::test]
async fn it_works_by_itself_and_goes_on_after_a_restart() {
    let app = TestApp::start().await;
    let made = publishing(&app, json!({ "cronExpression": "0 * * * *", "missed": "all" })).await;
    let settled = async |app: &TestApp, count: usize| {
        for _ in 0..200 {
            let runs = told(&seen(app, &made).await);
            if runs.len() == count && runs.iter().all(|(_, status)| status == "succeeded") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it did not come to {count} runs: {}", seen(app, &made).await);
    };
    let supervisor = Supervisor::new();
    schedules::start(app.app.gate(), &supervisor);
    app.clock.advance(Duration::from_hours(1));
    settled(&app, 1).await;
    assert!(supervisor.stop(Duration::from_secs(10)).await);
    app.clock.advance(Duration::from_hours(2));
    let app = app.restart().await;
    let supervisor = Supervisor::new();
    schedules::start(app.app.gate(), &supervisor);
    settled(&app, 3).await;
    assert!(supervisor.stop(Duration::from_secs(10)).await);
    assert_eq!(events(&app, "report.wanted").await.len(), 3);
}
