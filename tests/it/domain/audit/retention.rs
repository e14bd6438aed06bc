//! Retention: what is over goes and is added up, evidence stays longer, and the chain holds without what went.

use std::time::Duration;

use convoke::capability::gate::audit::AUDIT;
use convoke::domain::audit::policy::SUMMARY;
use convoke::domain::audit::retention::clean;
use convoke::kernel::codes;
use convoke::port::records::{Filter, Query, Scope};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::app::TestApp;

const DAY: Duration = Duration::from_hours(24);

async fn cleaned(app: &TestApp) -> u64 {
    clean(app.app.platform(), &CancellationToken::new()).await.unwrap()
}

async fn actions(app: &TestApp) -> Vec<String> {
    app.entries(&AUDIT).await.iter().map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
}

async fn summaries(app: &TestApp) -> Vec<Value> {
    let found = app.app.platform().store.find(Scope::Platform, &SUMMARY, Query::newest(Filter::All, 100)).await;
    found.unwrap().into_iter().map(|record| record.body).collect()
}

#[tokio::test]
async fn details_go_after_their_time_and_leave_a_summary() {
    let app = TestApp::start().await;
    app.append_entries(app.admin.tenant, 5).await;
    app.call(&app.admin, "user_create", json!({ "email": "one@example.org" })).await.unwrap();
    app.chained().await;
    app.clock.advance(DAY * 60);
    app.append_entries(app.admin.tenant, 2).await;
    app.chained().await;
    assert_eq!(cleaned(&app).await, 0);
    app.clock.advance(DAY * 31);
    assert_eq!(cleaned(&app).await, 5);
    assert_eq!(actions(&app).await, ["user_create", "thing_change", "thing_change", "audit_retention"]);
    let left = summaries(&app).await;
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!((&left[0]["entries"], &left[0]["action"]), (&json!(5), &json!("thing_change")));
    assert_eq!(left[0]["day"], "2026-11-20T00:00:00.000Z");

    app.chained().await;
    let told = app.verified().await;
    assert_eq!(told["valid"], true, "{told}");
    assert_eq!(told["checked"], json!({ "entries": 4, "removed": 5, "links": 9, "checkpoints": 6 }), "{told}");
    assert!(app.keeper().look().await.unwrap());
    // What went beside the declared way is missed all the same: a detail that was not due, and evidence.
    app.tamper("DELETE FROM l_audit WHERE body LIKE '%user_create%'");
    let told = app.verified().await;
    assert_eq!(told["firstBroken"]["why"], "the entry is missing", "{told}");
    assert_eq!(told["firstBroken"]["number"], 6);
}

#[tokio::test]
async fn evidence_and_summaries_go_after_theirs_and_declarations_never() {
    let app = TestApp::start().await;
    app.append_entries(app.admin.tenant, 3).await;
    app.call(&app.admin, "user_create", json!({ "email": "one@example.org" })).await.unwrap();
    app.chained().await;
    app.clock.advance(DAY * 100);
    assert_eq!(cleaned(&app).await, 3);
    app.clock.advance(DAY * 700);
    app.chained().await;
    assert_eq!(cleaned(&app).await, 0);
    assert_eq!(summaries(&app).await.len(), 0, "two years are over");
    app.clock.advance(DAY * 1800);
    app.chained().await;
    assert_eq!(cleaned(&app).await, 1, "seven years are over");
    assert_eq!(actions(&app).await, ["audit_retention", "audit_retention"]);
    app.chained().await;
    let told = app.verified().await;
    assert_eq!((&told["valid"], &told["checked"]["removed"]), (&json!(true), &json!(4)), "{told}");
}

#[tokio::test]
async fn nothing_goes_that_is_not_in_the_chain() {
    let app = TestApp::start().await;
    app.append_entries(app.admin.tenant, 3).await;
    app.clock.advance(DAY * 100);
    assert_eq!(cleaned(&app).await, 0);
    app.chained().await;
    assert_eq!(cleaned(&app).await, 3);
}

#[tokio::test]
async fn a_few_wait_until_a_day_has_passed_and_many_do_not() {
    let app = TestApp::start().await;
    app.append_entries(app.admin.tenant, 1).await;
    app.clock.advance(Duration::from_hours(12));
    app.append_entries(app.admin.tenant, 2).await;
    app.chained().await;
    app.clock.advance(DAY * 89 + Duration::from_hours(13));
    assert_eq!(cleaned(&app).await, 1);
    app.clock.advance(Duration::from_hours(20));
    assert_eq!(cleaned(&app).await, 0, "they are due, and few");
    app.clock.advance(Duration::from_hours(4));
    assert_eq!(cleaned(&app).await, 2);
    app.append_entries(app.admin.tenant, 1200).await;
    app.chained().await;
    app.clock.advance(DAY * 90 + Duration::from_hours(1));
    assert_eq!(cleaned(&app).await, 1200);
}

#[tokio::test]
async fn beyond_the_number_that_is_kept_the_oldest_go() {
    let app = TestApp::start_with(|settings| settings.config.store.audit_entries = 10).await;
    app.append_entries(app.admin.tenant, 15).await;
    app.append_entries(app.stranger.tenant, 5).await;
    app.chained().await;
    assert_eq!(cleaned(&app).await, 5);
    app.chained().await;
    let told = app.verified().await;
    assert_eq!((&told["valid"], &told["checked"]["removed"]), (&json!(true), &json!(5)), "{told}");
    let theirs = app.call(&app.stranger, "audit_verify", json!({})).await.unwrap();
    assert_eq!(theirs["checked"]["entries"], 5);
}

#[tokio::test]
async fn each_tenant_has_its_own_policy() {
    let app = TestApp::start().await;
    let input = json!({ "detailedDays": 10, "complianceActions": ["thing_*"] });
    let set = app.call(&app.stranger, "retention_policy_set", input).await.unwrap();
    assert_eq!((&set["detailedDays"], &set["summaryDays"]), (&json!(10), &json!(730)));
    let theirs = app.call(&app.stranger, "retention_policy_get", json!({})).await.unwrap();
    assert_eq!((&theirs["isDefault"], &theirs["complianceActions"]), (&json!(false), &json!(["thing_*"])));
    let ours = app.call(&app.admin, "retention_policy_set", json!({ "detailedDays": 10 })).await.unwrap();
    assert_eq!(ours["complianceActions"], json!([]));
    app.append_entries(app.admin.tenant, 2).await;
    app.append_entries(app.stranger.tenant, 2).await;
    app.chained().await;
    let told = app.call(&app.admin, "retention_policy_get", json!({})).await.unwrap();
    assert_eq!(told["nextCleanUp"], "2026-11-30T12:00:00.000Z", "{told}");
    app.clock.advance(DAY * 11);
    assert_eq!(cleaned(&app).await, 2, "theirs are evidence");
    let told = app.call(&app.admin, "retention_policy_get", json!({})).await.unwrap();
    assert_eq!((&told["removed"], &told["summaries"]), (&json!(2), &json!(1)));
    assert_eq!(told["lastCleanUp"], "2026-12-01T12:00:00.000Z");
    assert!(told.get("nextCleanUp").is_none(), "{told}");
}

#[tokio::test]
async fn a_policy_that_makes_no_sense_is_refused() {
    let app = TestApp::start().await;
    for (input, pointer) in [
        (json!({ "detailedDays": 800 }), "/summaryDays"),
        (json!({ "complianceDays": 10 }), "/complianceDays"),
        (json!({ "detailedDays": 0 }), "/detailedDays"),
        (json!({ "noticeDays": 366 }), "/noticeDays"),
        (json!({ "days": 1 }), "/days"),
    ] {
        let fault = app.call(&app.admin, "retention_policy_set", input.clone()).await.unwrap_err();
        assert!(fault.is(&codes::BAD_INPUT), "{input}: {fault}");
        assert_eq!(fault.places()[0].pointer, pointer, "{input}");
    }
    for tool in ["retention_policy_set", "retention_policy_get"] {
        let fault = app.call(&app.nobody, tool, json!({})).await.unwrap_err();
        assert!(fault.is(&codes::FORBIDDEN), "{tool}: {fault}");
    }
}
