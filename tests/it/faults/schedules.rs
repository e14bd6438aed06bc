//! Two real programs on one database that carry out schedules, one of which is killed again and again: each due time has one run, and what the
//! run does is done once.

use std::collections::BTreeMap;
use std::time::Duration;

use convoke::kernel::time::Timestamp;
use serde_json::{Value, json};

use super::fleet::Fleet;
use crate::support::servers::Database;

/// How often one of the two is killed.
const KILLS: usize = 8;
const SCHEDULES: usize = 5;
/// Longer than a lease of a run that nobody holds any more.
const PATIENCE: Duration = Duration::from_secs(150);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute of an idle machine: run by hand, with POSTGRES_URL set"]
async fn each_due_time_has_one_run_whichever_instance_is_killed() {
    let Some(database) = Database::find() else { return };
    let mut fleet = Fleet::start(&database.url().await);
    let mut ids = Vec::new();
    for number in 0..SCHEDULES {
        let body = json!({
            "intervalSeconds": 1, "missed": "all", "catchUpLimit": 100, "overlap": "allow", "tool": "event_publish",
            "variables": { "topic": "tick.seen", "event": { "number": number } },
        });
        let made: Value = fleet.post(number % 2, "/schedules").json(&body).send().await.unwrap().json().await.unwrap();
        ids.push(made["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned());
    }
    for round in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(700 + (round as u64 * 131) % 400)).await;
        fleet.kill(round % 2);
        fleet.up(round % 2);
    }
    let began = tokio::time::Instant::now();
    for (number, id) in ids.iter().enumerate() {
        let runs = loop {
            let seen = fleet.get(0, &format!("/schedules/{id}?runs=200")).await;
            let runs = seen["runs"].as_array().unwrap().clone();
            let open = runs.iter().filter(|run| run["status"] == "queued" || run["status"] == "running").count();
            if seen["state"] == "active" {
                let answer = fleet.put(0, &format!("/schedules/{id}"), &json!({ "paused": true })).await;
                assert!(answer, "it is paused");
            } else if open == 0 {
                break runs;
            }
            assert!(began.elapsed() < PATIENCE, "{open} runs of {number} are never ended");
            tokio::time::sleep(Duration::from_millis(300)).await;
        };
        let due = |run: &Value| run["dueAt"].as_str().unwrap().parse::<Timestamp>().unwrap().as_millis();
        let by_time: BTreeMap<i64, &str> = runs.iter().map(|run| (due(run), run["status"].as_str().unwrap())).collect();
        assert_eq!(by_time.len(), runs.len(), "no due time has two runs");
        let (first, last) = (*by_time.keys().next().unwrap(), *by_time.keys().last().unwrap());
        assert_eq!(i64::try_from(runs.len()).unwrap(), (last - first) / 1000 + 1, "every due time has one");
        let done = by_time.values().filter(|status| **status == "succeeded").count();
        let dropped = by_time.values().filter(|status| **status == "skipped").count();
        assert_eq!(done + dropped, runs.len(), "{by_time:?}");
        assert!(done >= 5, "{done}");
        let mut told = 0;
        let mut from = 0;
        loop {
            let page = fleet.get(0, &format!("/events/replay?topic=tick.seen&fromPosition={from}&limit=100")).await;
            let items = page["items"].as_array().unwrap_or_else(|| panic!("{page}")).clone();
            told += items.iter().filter(|item| item["event"]["data"]["number"] == json!(number)).count();
            let Some(last) = items.last() else { break };
            from = last["position"].as_i64().unwrap() + 1;
        }
        assert_eq!(told, done, "what a run does is done once");
    }
}
