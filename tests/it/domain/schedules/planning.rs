//! What can be written, and what cannot: told with its place, and nothing is kept of it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ada, publishing, seen, told, work};
use crate::support::app::TestApp;

#[tokio::test]
async fn nonsense_is_refused_with_its_place() {
    let app = TestApp::start().await;
    for (timing, code, place) in [
        (json!({ "cronExpression": "61 * * * *" }), "bad_input", "/cronExpression"),
        (json!({ "cronExpression": "every day" }), "bad_input", "/cronExpression"),
        (json!({ "cronExpression": "0 9 * * *", "timezone": "Mars/Olympus" }), "bad_input", "/timezone"),
        (json!({ "rrule": "FREQ=SOMETIMES" }), "bad_input", "/rrule"),
        (json!({ "rrule": "FREQ=DAILY", "intervalSeconds": 60 }), "bad_input", "/rrule"),
        (json!({}), "bad_input", ""),
        (json!({ "cronExpression": "0 9 * * *", "calendar": "nowhere" }), "bad_input", "/calendar"),
        (json!({ "cronExpression": "0 9 * * *", "whenClosed": "next_day" }), "bad_input", "/whenClosed"),
        (
            json!({ "cronExpression": "0 9 * * *", "calendar": "business", "ownCalendar": { "timezone": "UTC" } }),
            "bad_input",
            "/ownCalendar",
        ),
        (
            json!({ "cronExpression": "0 9 * * *", "ownCalendar": { "timezone": "UTC", "monday": ["9-5"] } }),
            "bad_input",
            "/ownCalendar/monday/0",
        ),
        (
            json!({ "cronExpression": "0 9 * * *", "startAt": "2027-01-01T00:00:00Z", "endAt": "2026-12-01T00:00:00Z" }),
            "bad_input",
            "/endAt",
        ),
        (json!({ "cronExpression": "0 0 30 2 *" }), "schedule_never_due", ""),
        (json!({ "rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30" }), "schedule_never_due", ""),
        (json!({ "rrule": "FREQ=DAILY;UNTIL=20200101T000000Z" }), "schedule_never_due", ""),
        (json!({ "at": "2026-11-20T11:59:59Z" }), "schedule_never_due", ""),
        (json!({ "cronExpression": "0 9 * * SUN", "calendar": "business" }), "schedule_never_due", ""),
        (json!({ "cronExpression": "0 9 * * *", "ownCalendar": { "timezone": "UTC" } }), "schedule_never_due", ""),
        (json!({ "cronExpression": "*/5 * * * * *" }), "schedule_too_often", ""),
        (json!({ "intervalSeconds": 5 }), "schedule_too_often", ""),
        (json!({ "rrule": "FREQ=SECONDLY" }), "schedule_too_often", ""),
    ] {
        let mut input = json!({ "tool": "event_publish", "variables": { "topic": "a.b", "event": {} } });
        input.as_object_mut().unwrap().extend(timing.as_object().unwrap().clone());
        let fault = ada(&app, "schedule_create", input).await.unwrap_err();
        assert_eq!(fault.code().name, code, "{timing}: {fault}");
        let pointer = fault.places().first().map_or("", |one| one.pointer.as_str());
        assert_eq!(pointer, place, "{timing}: {fault}");
    }
    let list = ada(&app, "schedule_list", json!({})).await.unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "nothing was kept");
}

#[tokio::test]
async fn a_tenant_has_no_more_than_it_may() {
    let app = TestApp::start_with(|settings| settings.config.schedules.per_tenant = 1).await;
    let made = publishing(&app, json!({ "cronExpression": "0 9 * * *" })).await;
    let input =
        json!({ "cronExpression": "0 9 * * *", "tool": "event_publish", "variables": { "topic": "a.b", "event": {} } });
    let full = ada(&app, "schedule_create", input.clone()).await.unwrap_err();
    assert_eq!(full.code().name, "too_many_schedules");
    ada(&app, "schedule_delete", json!({ "id": made["id"] })).await.unwrap();
    ada(&app, "schedule_create", input).await.unwrap();
}

#[tokio::test]
async fn due_times_are_held_to_a_calendar_of_the_configuration_or_their_own() {
    let app = TestApp::start().await;
    let next = |made: &Value| -> Vec<String> {
        made["nextRuns"].as_array().unwrap().iter().map(|one| one["local"].as_str().unwrap()[..16].to_owned()).collect()
    };
    // It is Friday noon.
    let business = publishing(&app, json!({ "cronExpression": "0 9 * * *", "calendar": "business" })).await;
    assert_eq!(next(&business)[..2], ["2026-11-23T09:00", "2026-11-24T09:00"]);
    let spec = json!({ "timezone": "Europe/Berlin", "saturday": ["10:00-14:00"], "holidays": ["2026-11-28"] });
    let own = json!({ "cronExpression": "0 9 * * *", "timezone": "Europe/Berlin", "ownCalendar": spec, "whenClosed": "next_day" });
    let own = publishing(&app, own).await;
    assert_eq!(next(&own)[..2], ["2026-11-21T09:00", "2026-12-05T09:00"]);
    assert_eq!((&own["whenClosed"], &own["ownCalendar"]["holidays"]), (&json!("next_day"), &json!(["2026-11-28"])));
    let hours = json!({ "cronExpression": "0 * * * *", "calendar": "business", "whenClosed": "skip_hours" });
    let hours = publishing(&app, hours).await;
    assert_eq!(next(&hours)[3..5], ["2026-11-20T16:00", "2026-11-23T09:00"]);
}

#[tokio::test]
async fn a_run_begins_as_much_later_as_the_jitter_of_its_due_time() {
    let app = TestApp::start().await;
    let made =
        publishing(&app, json!({ "cronExpression": "0 * * * *", "jitterSeconds": 1800, "missed": "skip" })).await;
    let mut late = Vec::new();
    for minute in 1..=270 {
        app.clock.advance(Duration::from_mins(1));
        if work(&app).await > 0 {
            late.push(minute % 60);
        }
    }
    assert_eq!(late.len(), 4, "{late:?}");
    assert!(late.iter().all(|minute| (0..=30).contains(minute)) && late.iter().any(|minute| *minute > 0), "{late:?}");
    let now = seen(&app, &made).await;
    let due: Vec<String> = told(&now).into_iter().map(|(due, _)| due).collect();
    assert_eq!(due, ["2026-11-20T13:00Z", "2026-11-20T14:00Z", "2026-11-20T15:00Z", "2026-11-20T16:00Z"]);
    assert_eq!(now["counts"]["missed"], 0);
}

#[tokio::test]
async fn schedules_are_found_by_state_target_and_words() {
    let app = TestApp::start().await;
    let made = publishing(&app, json!({ "name": "Quarterly close", "cronExpression": "0 9 * * *" })).await;
    let agent = json!({ "name": "Digest", "cronExpression": "0 9 * * *", "agentId": "archivist", "variables": { "prompt": "x" } });
    ada(&app, "schedule_create", agent).await.unwrap();
    let names = async |input: Value| -> Vec<String> {
        let list = ada(&app, "schedule_list", input).await.unwrap();
        list["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(json!({})).await, ["Digest", "Quarterly close", "Morning report"]);
    assert_eq!(names(json!({ "state": "paused" })).await, ["Morning report"]);
    assert_eq!(names(json!({ "tool": "event_publish" })).await, ["Quarterly close", "Morning report"]);
    assert_eq!(names(json!({ "agentId": "archivist" })).await, ["Digest"]);
    assert_eq!(names(json!({ "text": "close" })).await, ["Quarterly close"]);
    let first = ada(&app, "schedule_list", json!({ "limit": 1 })).await.unwrap();
    let next = ada(&app, "schedule_list", json!({ "limit": 1, "pageToken": first["nextPageToken"] })).await.unwrap();
    assert_eq!((&next["items"][0]["id"], &next["items"][0]["nextRunAt"]), (&made["id"], &made["nextRunAt"]));
}
