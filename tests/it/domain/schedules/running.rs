//! What is due runs: once, on behalf of whoever made it; and what becomes of it where it cannot.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ada, events, publishing, seen, timers, told, work};
use crate::support::app::TestApp;

const HOUR: Duration = Duration::from_hours(1);

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(due, status)| ((*due).to_owned(), (*status).to_owned())).collect()
}

#[tokio::test]
async fn what_is_due_runs_once_on_behalf_of_whoever_made_it() {
    let app = TestApp::start().await;
    let made = publishing(&app, json!({ "name": "hourly", "cronExpression": "0 * * * *" })).await;
    assert_eq!((&made["nextRunAt"], &made["state"]), (&json!("2026-11-20T13:00:00.000Z"), &json!("active")), "{made}");
    assert_eq!(made["nextRuns"][1], json!({ "at": "2026-11-20T14:00:00.000Z", "local": "2026-11-20T14:00:00 UTC" }));
    app.clock.advance(HOUR.checked_sub(Duration::from_millis(1)).unwrap());
    assert_eq!(work(&app).await, 0);
    app.clock.advance(Duration::from_millis(1));
    assert_eq!(work(&app).await, 2);
    assert_eq!(work(&app).await, 0);
    let now = seen(&app, &made).await;
    assert_eq!(told(&now), pairs(&[("2026-11-20T13:00Z", "succeeded")]));
    assert_eq!((&now["nextRunAt"], &now["counts"]["begun"]), (&json!("2026-11-20T14:00:00.000Z"), &json!(1)));
    let run = &now["runs"][0];
    assert!(run["requestId"].is_string() && run["durationMs"] == 0 && run["cause"] == "due", "{run}");
    let published = events(&app, "report.wanted").await;
    assert_eq!(published.len(), 1);
    assert_eq!((&published[0]["publisher"], &published[0]["data"]["kind"]), (&json!(app.member.user), &json!("daily")));
    assert_eq!(events(&app, "schedule.fired").await.len(), 1);
    assert_eq!(events(&app, "schedule.run_succeeded").await[0]["data"]["runId"], run["runId"]);
}

#[tokio::test]
async fn a_clock_that_jumps_a_year_sets_off_what_each_policy_says() {
    let app = TestApp::start().await;
    let daily = |missed: &str| json!({ "name": missed, "cronExpression": "0 9 * * *", "missed": missed, "catchUpLimit": 3, "overlap": "allow" });
    let skip = publishing(&app, daily("skip")).await;
    let once = publishing(&app, daily("once")).await;
    let all = publishing(&app, daily("all")).await;
    let often = publishing(&app, json!({ "intervalSeconds": 10, "missed": "all", "catchUpLimit": 2 })).await;
    app.clock.advance(Duration::from_hours(24 * 365));
    work(&app).await;
    let (skip, once) = (seen(&app, &skip).await, seen(&app, &once).await);
    assert_eq!(told(&skip), []);
    assert_eq!((&skip["counts"]["missed"], &skip["nextRunAt"]), (&json!(365), &json!("2027-11-21T09:00:00.000Z")));
    assert_eq!(told(&once), pairs(&[("2027-11-20T09:00Z", "succeeded")]));
    assert_eq!((&once["counts"]["missed"], &once["runs"][0]["cause"]), (&json!(364), &json!("catch_up")));
    let all = seen(&app, &all).await;
    let last =
        [("2027-11-18T09:00Z", "succeeded"), ("2027-11-19T09:00Z", "succeeded"), ("2027-11-20T09:00Z", "succeeded")];
    assert_eq!(told(&all), pairs(&last));
    // In order, one after the other, also where the schedule would let them run at once.
    let begins: Vec<&Value> = all["runs"].as_array().unwrap().iter().rev().map(|run| &run["requestId"]).collect();
    assert!(begins.windows(2).all(|two| two[0].as_str() < two[1].as_str()), "{begins:?}");
    // Three million are not gone through one by one, and what is due now is not missed.
    let often = seen(&app, &often).await;
    assert_eq!(often["nextRunAt"], "2027-11-20T12:00:10.000Z");
    let missed = events(&app, "schedule.missed").await;
    let told_often = missed.iter().find(|one| one["data"]["scheduleId"] == often["id"]).unwrap();
    assert_eq!((told_often["data"]["andMore"].clone(), missed.len()), (json!(true), 4));
    let runs = often["runs"].as_array().unwrap();
    assert_eq!(runs.iter().filter(|run| run["cause"] == "catch_up").count(), 2);
    assert!(runs.iter().all(|run| run["status"] == "succeeded"), "{runs:?}");
}

#[tokio::test]
async fn what_is_due_while_a_run_is_under_way_is_dealt_with_as_the_schedule_wants() {
    for (overlap, after_two, after_three) in [
        ("skip", ["queued", "skipped"].as_slice(), ["succeeded", "skipped", "skipped"].as_slice()),
        ("queue", &["queued", "queued"], &["succeeded", "succeeded", "skipped"]),
        ("allow", &["queued", "queued"], &["succeeded", "succeeded", "succeeded"]),
        ("cancel_previous", &["queued", "queued"], &["cancelled", "cancelled", "succeeded"]),
    ] {
        let app = TestApp::start().await;
        let made = publishing(&app, json!({ "intervalSeconds": 60, "overlap": overlap })).await;
        let stands = async || told(&seen(&app, &made).await).into_iter().map(|(_, status)| status).collect::<Vec<_>>();
        // It was due when it began, too.
        app.clock.advance(Duration::from_mins(1));
        timers(&app).await;
        app.clock.advance(Duration::from_mins(1));
        timers(&app).await;
        assert_eq!(stands().await, after_two, "{overlap}");
        app.clock.advance(Duration::from_mins(1));
        timers(&app).await;
        work(&app).await;
        assert_eq!(stands().await, after_three, "{overlap}");
        let counts = seen(&app, &made).await["counts"].clone();
        assert_eq!((&counts["running"], &counts["waiting"]), (&json!(0), &json!(0)), "{overlap}: {counts}");
    }
}

#[tokio::test]
async fn a_run_that_fails_is_told_with_its_code_and_the_schedule_goes_on() {
    let app = TestApp::start().await;
    let input = json!({
        "cronExpression": "0 * * * *", "tool": "prompt_update", "variables": { "id": "no-such-prompt", "template": "Hello" },
    });
    let made = ada(&app, "schedule_create", input).await.unwrap();
    app.clock.advance(HOUR);
    work(&app).await;
    let now = seen(&app, &made).await;
    assert_eq!((&now["runs"][0]["status"], &now["runs"][0]["code"]), (&json!("failed"), &json!("not_found")), "{now}");
    assert_eq!((&now["counts"]["failed"], &now["state"]), (&json!(1), &json!("active")));
    assert_eq!(events(&app, "schedule.failed").await[0]["data"]["code"], "not_found");
    app.clock.advance(HOUR);
    work(&app).await;
    assert_eq!(seen(&app, &made).await["counts"]["failed"], 2);
}

#[tokio::test]
async fn an_agent_runs_by_time() {
    let app = TestApp::start().await;
    let input =
        json!({ "at": "2026-11-20T15:00:00Z", "agentId": "archivist", "variables": { "prompt": "What is new?" } });
    let made = ada(&app, "schedule_create", input).await.unwrap();
    app.clock.advance(HOUR * 3);
    work(&app).await;
    let now = seen(&app, &made).await;
    let run = &now["runs"][0];
    assert!(run["status"] == "succeeded" && run["executionId"].is_string(), "{run}");
    // Nothing more is due.
    assert_eq!((&now["state"], now.get("nextRunAt")), (&json!("completed"), None));
    assert_eq!(events(&app, "schedule.completed").await.len(), 1);
}

#[tokio::test]
async fn paused_it_does_nothing_and_resumed_it_makes_up_for_nothing() {
    let app = TestApp::start().await;
    let made = publishing(&app, json!({ "cronExpression": "0 * * * *", "missed": "all" })).await;
    let paused = ada(&app, "schedule_update", json!({ "id": made["id"], "paused": true })).await.unwrap();
    assert_eq!((&paused["state"], paused.get("nextRunAt"), &paused["nextRuns"]), (&json!("paused"), None, &json!([])));
    app.clock.advance(HOUR * 5);
    assert_eq!(work(&app).await, 1, "the old timer is passed over");
    ada(&app, "schedule_trigger", json!({ "id": made["id"] })).await.unwrap();
    work(&app).await;
    let resumed = ada(&app, "schedule_update", json!({ "id": made["id"], "paused": false })).await.unwrap();
    assert_eq!(resumed["nextRunAt"], "2026-11-20T18:00:00.000Z");
    // Changed twice: only the last one counts.
    let moved = json!({ "id": made["id"], "cronExpression": "30 * * * *" });
    assert_eq!(ada(&app, "schedule_update", moved).await.unwrap()["nextRunAt"], "2026-11-20T17:30:00.000Z");
    app.clock.advance(HOUR);
    work(&app).await;
    let now = seen(&app, &made).await;
    assert_eq!(told(&now), pairs(&[("2026-11-20T17:00Z", "succeeded"), ("2026-11-20T17:30Z", "succeeded")]));
    assert_eq!((&now["runs"][1]["cause"], &now["counts"]["missed"]), (&json!("manual"), &json!(0)));
    let gone = ada(&app, "schedule_delete", json!({ "id": made["id"] })).await.unwrap();
    assert_eq!(gone["deleted"], true);
    app.clock.advance(HOUR * 2);
    work(&app).await;
    assert_eq!(events(&app, "report.wanted").await.len(), 2);
    let none = ada(&app, "schedule_get", json!({ "id": made["id"] })).await;
    assert_eq!(none.unwrap_err().code().name, "not_found");
}

#[tokio::test]
async fn a_run_by_hand_goes_by_the_overlap_policy_and_may_have_another_input() {
    let app = TestApp::start().await;
    let made = publishing(&app, json!({ "cronExpression": "0 9 * * *" })).await;
    let other = json!({ "id": made["id"], "variables": { "topic": "report.wanted", "event": { "kind": "extra" } } });
    ada(&app, "schedule_trigger", other).await.unwrap();
    let busy = ada(&app, "schedule_trigger", json!({ "id": made["id"] })).await.unwrap_err();
    assert_eq!(busy.code().name, "schedule_busy");
    work(&app).await;
    assert_eq!(events(&app, "report.wanted").await[0]["data"]["kind"], "extra");
    let wrong = json!({ "id": made["id"], "variables": { "topic": "report.wanted", "colour": "red" } });
    let wrong = ada(&app, "schedule_trigger", wrong).await.unwrap_err();
    assert!(wrong.places().iter().any(|one| one.pointer == "/variables/colour"), "{wrong:?}");
}

#[tokio::test]
async fn so_many_runs_are_kept() {
    let app = TestApp::start_with(|settings| settings.config.schedules.kept_runs = 3).await;
    let made = publishing(&app, json!({ "cronExpression": "0 * * * *" })).await;
    for _ in 0..6 {
        app.clock.advance(HOUR);
        work(&app).await;
    }
    let now = seen(&app, &made).await;
    let due: Vec<String> = told(&now).into_iter().map(|(due, _)| due).collect();
    assert_eq!((due.last().unwrap().as_str(), now["counts"]["begun"].as_u64()), ("2026-11-20T18:00Z", Some(6)));
    assert!((3..=4).contains(&due.len()), "{due:?}");
}
