//! Counters, kept versions, and many writers at once.

use std::sync::Arc;
use std::time::Duration;

use convoke::port::records::{Filter, Scope};
use convoke::port::store::{Conflict, Expect, Step, StoreFault};
use serde_json::json;

use super::declared::*;
use crate::conformance::place::{NOW, Place};

fn count(key: &str, by: i64, at_most: Option<i64>) -> Step {
    Step::Count { name: "calls", key: key.to_owned(), by, at_most }
}

pub(crate) async fn counts(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    assert_eq!(store.counter(of(tenant), "calls", "a").await.unwrap(), 0);
    commit(&store, tenant, vec![count("a", 2, None), count("a", -5, None), count("b", 1, Some(1))]).await.unwrap();
    assert_eq!(store.counter(of(tenant), "calls", "a").await.unwrap(), -3);
    assert_eq!(store.counter(of(tenant), "calls", "b").await.unwrap(), 1);
    assert_eq!(store.counter(of(tenant), "other", "a").await.unwrap(), 0);
}

pub(crate) async fn holds_a_bound(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    let bound = |key: &str| Err(StoreFault::Conflict(Conflict::Bound { name: "calls", key: key.to_owned() }));
    assert_eq!(commit(&store, tenant, vec![count("new", 4, Some(3))]).await, bound("new"));
    commit(&store, tenant, vec![count("a", -10, None)]).await.unwrap();
    commit(&store, tenant, vec![count("a", 13, Some(3))]).await.unwrap();
    let steps = vec![put(&NOTE, id(), Expect::Absent, json!({})), count("b", 1, None), count("a", 1, Some(3))];
    assert_eq!(commit(&store, tenant, steps).await, bound("a"));
    assert_eq!(store.counter(of(tenant), "calls", "a").await.unwrap(), 3);
    assert_eq!(store.counter(of(tenant), "calls", "b").await.unwrap(), 0);
    assert_eq!(store.count(of(tenant), &NOTE, Filter::All).await.unwrap(), 0);
}

pub(crate) async fn holds_a_bound_under_many(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    let tasks = (0..64).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut passed = 0;
            for _ in 0..10 {
                passed += usize::from(commit(&store, tenant, vec![count("a", 1, Some(100))]).await.is_ok());
            }
            passed
        })
    });
    let mut passed = 0;
    for task in tasks.collect::<Vec<_>>() {
        passed += task.await.unwrap();
    }
    assert_eq!(passed, 100);
    assert_eq!(store.counter(of(tenant), "calls", "a").await.unwrap(), 100);
}

pub(crate) async fn lists_counters(place: &dyn Place) {
    let (store, tenant, other) = (open(place).await, tenant(), tenant());
    let keys = ["a", "day:1", "day:2", "day:3", "day\u{10FFFF}", "e"];
    commit(&store, tenant, keys.iter().map(|key| count(key, 1, None)).collect()).await.unwrap();
    commit(&store, other, vec![count("day:2", 5, None), count("day:9", 1, None)]).await.unwrap();
    let list = async |scope, prefix: &str, after: Option<&str>, limit| {
        store.counters(scope, "calls", prefix, after, limit).await.unwrap()
    };
    let pairs = |pairs: &[(&str, i64)]| -> Vec<(String, i64)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect()
    };
    assert_eq!(list(of(tenant), "day:", None, 10).await, pairs(&[("day:1", 1), ("day:2", 1), ("day:3", 1)]));
    assert_eq!(list(of(tenant), "day:", Some("day:1"), 1).await, pairs(&[("day:2", 1)]));
    assert_eq!(list(of(tenant), "day\u{10FFFF}", None, 9).await, pairs(&[("day\u{10FFFF}", 1)]));
    assert_eq!(list(of(tenant), "", None, 10).await.len(), keys.len());
    assert_eq!(list(Scope::Platform, "day:2", None, 10).await, pairs(&[("day:2", 6)]));
}

pub(crate) async fn keeps_versions(place: &dyn Place) {
    let (store, tenant, id) = (open(place).await, tenant(), id());
    for at in 1..=3_u64 {
        let later = NOW.plus(Duration::from_millis(at));
        let step = put(&AGENT, id, Expect::Anything, json!({"rank": at}));
        store.commit(vec![batch_at(tenant, later, vec![step])]).await.unwrap();
    }
    let versions = store.versions(of(tenant), &AGENT, id, 10).await.unwrap();
    let seen: Vec<_> = versions.iter().map(|one| (one.revision, one.body["rank"].as_u64().unwrap())).collect();
    assert_eq!(seen, [(3, 3), (2, 2), (1, 1)]);
    assert_eq!(versions[0], store.get(of(tenant), &AGENT, id).await.unwrap().unwrap());
    assert!(versions.iter().all(|one| one.created_at == NOW.plus(Duration::from_millis(1))));
    assert_eq!(store.versions(of(tenant), &AGENT, id, 2).await.unwrap(), versions[..2]);

    // A kind without history keeps none.
    let note = add(&store, tenant, &NOTE, json!({})).await;
    assert_eq!(store.versions(of(tenant), &NOTE, note, 10).await.unwrap(), []);
}

pub(crate) async fn counts_exactly_with_retries(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    let id = add(&store, tenant, &AGENT, json!({"rank": 0})).await;
    let tasks = (0..64).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for _ in 0..3 {
                loop {
                    let record = store.get(of(tenant), &AGENT, id).await.unwrap().unwrap();
                    let body = json!({"rank": record.body["rank"].as_i64().unwrap() + 1});
                    match commit(&store, tenant, vec![put(&AGENT, id, Expect::Revision(record.revision), body)]).await {
                        Ok(revisions) => break assert_eq!(revisions, [record.revision + 1]),
                        Err(fault) => assert_eq!(Err(fault), changed::<()>(&AGENT, id)),
                    }
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let record = store.get(of(tenant), &AGENT, id).await.unwrap().unwrap();
    assert_eq!((record.revision, &record.body), (193, &json!({"rank": 192})));
    assert_eq!(store.versions(of(tenant), &AGENT, id, 1000).await.unwrap().len(), 193);
}
