//! Two calls that change the same thing: the slower one is run again on what the faster one left.

use std::sync::Arc;

use convoke::domain::identity::model::role::ROLE;
use convoke::kernel::codes;
use serde_json::json;

use super::asking::{Answering, ada};
use super::start;
use crate::support::app::value;
use crate::support::scene::REVIEWER;

#[tokio::test]
async fn the_slower_call_is_run_again() {
    let (app, probe) = start().await;
    let (slow, fast) =
        tokio::join!(app.call(&app.member, "fixture_amend", json!({ "id": REVIEWER, "wait": true })), async {
            probe.entered().await;
            let fast = app.call(&app.member, "fixture_amend", json!({ "id": REVIEWER })).await;
            probe.let_go();
            fast
        });
    assert!(fast.is_ok(), "{fast:?}");
    assert!(slow.unwrap()["text"].as_str().unwrap().ends_with("!!"));
    assert_eq!(probe.runs(), 3);
    assert_eq!(app.ledger().await.audit, 2, "a run that was not committed leaves no entry");
}

#[tokio::test]
async fn a_call_that_reached_outside_or_cost_money_is_not_run_again() {
    for tool in ["fixture_amend_outside", "fixture_amend_paid"] {
        let (app, probe) = start().await;
        let (slow, fast) = tokio::join!(app.call(&app.member, tool, json!({ "id": REVIEWER, "wait": true })), async {
            probe.entered().await;
            let fast = app.call(&app.member, "fixture_amend", json!({ "id": REVIEWER })).await;
            probe.let_go();
            fast
        });
        assert!(fast.is_ok(), "{tool}: {fast:?}");
        assert!(slow.unwrap_err().is(&codes::CONFLICT), "{tool}");
        assert_eq!(probe.runs(), 2, "{tool}");
    }
}

#[tokio::test]
async fn a_call_that_is_run_again_asks_nobody_twice() {
    let (app, probe) = start().await;
    let client = Arc::new(Answering { answers: ada(), ..Answering::default() });
    let given = client.clone();
    let input = json!({ "id": REVIEWER, "wait": true });
    let (slow, fast) = tokio::join!(
        app.call_with(&app.member, "fixture_amend_asked", input, |request| request.client = given),
        async {
            probe.entered().await;
            let fast = app.call(&app.member, "fixture_amend", json!({ "id": REVIEWER })).await;
            probe.let_go();
            fast
        }
    );
    assert!(fast.is_ok(), "{fast:?}");
    assert!(value(slow.unwrap()).unwrap()["text"].as_str().unwrap().ends_with("!!"));
    assert_eq!((*client.asked.lock().unwrap(), probe.runs()), (1, 3));
}

#[tokio::test]
async fn many_at_once_are_all_kept() {
    let (app, _) = start().await;
    let calls = (0..8).map(|_| app.call(&app.member, "fixture_amend", json!({ "id": REVIEWER })));
    let done = futures::future::join_all(calls).await.into_iter().flatten().count();
    // Of eight, the slowest meets seven conflicts and has eight runs.
    assert_eq!(done, 8);
    let roles = app.documents(&ROLE).await;
    let description = roles.iter().find(|role| role["name"] == "reviewer").unwrap()["description"].as_str().unwrap();
    assert_eq!(description.matches('!').count(), done);
}
