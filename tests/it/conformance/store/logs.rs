//! Logs: order, filters, trimming.

use std::sync::Arc;
use std::time::Duration;

use convoke::kernel::id::TenantId;
use convoke::port::logs::{Entry, Keep, LogQuery};
use convoke::port::records::{Comparison, Filter, Scalar, Scope};
use convoke::port::store::{Step, Store, StoreFault};
use serde_json::json;

use super::declared::*;
use crate::conformance::place::{NOW, Place};

fn append(stream: &str, step: u64) -> Step {
    Step::Append {
        log: &JOURNAL,
        stream: stream.to_owned(),
        body: json!({"step": step, "words": format!("word{step}")}),
    }
}

fn all(limit: u32) -> LogQuery {
    LogQuery { filter: Filter::All, beyond: None, descending: false, limit }
}

async fn entries(store: &Arc<dyn Store>, scope: Scope, query: LogQuery) -> Vec<Entry> {
    store.entries(scope, &JOURNAL, query).await.unwrap()
}

fn steps(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.body["step"].as_u64().unwrap()).collect()
}

/// Ten entries, a second apart, in turns of two streams.
async fn filled(store: &Arc<dyn Store>, tenant: TenantId) {
    for at in 0..10_u64 {
        let stream = if at % 2 == 0 { "even" } else { "odd" };
        let later = NOW.plus(Duration::from_secs(at));
        store.commit(vec![batch_at(tenant, later, vec![append(stream, at)])]).await.unwrap();
    }
}

pub(crate) async fn appends_in_order(place: &dyn Place) {
    let (store, tenant, other) = (open(place).await, tenant(), tenant());
    assert_eq!(store.last(&JOURNAL).await.unwrap(), 0);
    commit(&store, tenant, vec![append("run", 1), append("", 2)]).await.unwrap();
    commit(&store, other, vec![append("run", 3)]).await.unwrap();
    let found = entries(&store, Scope::Platform, all(10)).await;
    assert_eq!(steps(&found), [1, 2, 3]);
    assert!(found.windows(2).all(|pair| pair[0].position < pair[1].position) && found[0].position > 0);
    assert_eq!(store.last(&JOURNAL).await.unwrap(), found[2].position);
    let first = &found[0];
    assert_eq!((first.tenant, first.stream.as_str(), first.at), (tenant, "run", NOW));
    assert_eq!(first.body, json!({"step": 1, "words": "word1"}));
    assert_eq!(entries(&store, of(tenant), all(10)).await, found[..2]);
    assert_eq!(store.last(&EVENTS).await.unwrap(), 0);
}

pub(crate) async fn reads_beyond_a_position(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    filled(&store, tenant).await;
    for descending in [false, true] {
        let mut query = LogQuery { descending, ..all(3) };
        let mut read = Vec::new();
        loop {
            let page = entries(&store, of(tenant), query.clone()).await;
            let Some(last) = page.last() else { break };
            query.beyond = Some(last.position);
            read.extend(steps(&page));
        }
        let mut expected: Vec<u64> = (0..10).collect();
        if descending {
            expected.reverse();
        }
        assert_eq!(read, expected);
    }
}

pub(crate) async fn filters_entries(place: &dyn Place) {
    let (store, tenant, actor) = (open(place).await, tenant(), id());
    filled(&store, tenant).await;
    let last = Step::Append { log: &JOURNAL, stream: String::new(), body: json!({"step": 10, "actor": actor}) };
    commit(&store, tenant, vec![last]).await.unwrap();
    let find = async |filter: Filter| {
        let query = LogQuery { filter, ..all(100) };
        steps(&entries(&store, of(tenant), query).await)
    };
    let text = |text: &str| Scalar::Text(text.to_owned());
    let at = |seconds| Scalar::Time(NOW.plus(Duration::from_secs(seconds)));
    assert_eq!(find(Filter::is("stream", text("even"))).await, [0, 2, 4, 6, 8]);
    assert_eq!(find(Filter::is("stream", text(""))).await, [10]);
    assert_eq!(find(Filter::Not(Box::new(Filter::is("stream", text("even"))))).await, [1, 3, 5, 7, 9, 10]);
    assert_eq!(find(Filter::In("stream", vec![text("odd"), text("")])).await, [1, 3, 5, 7, 9, 10]);
    assert_eq!(find(Filter::StartsWith("stream", "od".into())).await, [1, 3, 5, 7, 9]);
    assert_eq!(find(Filter::Compare("at", Comparison::AtLeast, at(8))).await, [8, 9]);
    assert_eq!(find(Filter::is("step", Scalar::Integer(3))).await, [3]);
    assert_eq!(find(Filter::is("actor", Scalar::Id(actor))).await, [10]);
    assert_eq!(find(Filter::IsNull("actor")).await, (0..10).collect::<Vec<_>>());
    assert_eq!(find(Filter::Matches("word4".into())).await, [4]);
    let answer = store.entries(of(tenant), &EVENTS, LogQuery { filter: Filter::IsNull("step"), ..all(1) }).await;
    assert!(matches!(answer, Err(StoreFault::Broken(_))), "{answer:?}");
}

pub(crate) async fn trims_by_age(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    filled(&store, tenant).await;
    let keep = Keep { age: Duration::from_secs(5), entries: 1000 };
    // At second 9, what is older than second 4 goes, in steps of at most three.
    let now = NOW.plus(Duration::from_secs(9));
    let mut gone = Vec::new();
    loop {
        match store.trim(&JOURNAL, keep, now, 3).await.unwrap() {
            0 => break,
            some => gone.push(some),
        }
    }
    assert_eq!(gone, [3, 1]);
    assert_eq!(steps(&entries(&store, of(tenant), all(100)).await), [4, 5, 6, 7, 8, 9]);
    let matching = LogQuery { filter: Filter::Matches("word".into()), ..all(100) };
    assert_eq!(entries(&store, of(tenant), matching).await.len(), 6);
}

pub(crate) async fn trims_by_count(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    filled(&store, tenant).await;
    // Over all tenants, oldest first.
    filled(&store, self::tenant()).await;
    let keep = Keep { age: Duration::from_hours(1), entries: 12 };
    assert_eq!(store.trim(&JOURNAL, keep, NOW, 5).await.unwrap(), 5);
    assert_eq!(store.trim(&JOURNAL, keep, NOW, 5).await.unwrap(), 3);
    assert_eq!(store.trim(&JOURNAL, keep, NOW, 5).await.unwrap(), 0);
    assert_eq!(steps(&entries(&store, of(tenant), all(100)).await), [8, 9]);
}

pub(crate) async fn never_gives_a_position_twice(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    filled(&store, tenant).await;
    let last = store.last(&JOURNAL).await.unwrap();
    let keep = Keep { age: Duration::from_secs(0), entries: 0 };
    assert_eq!(store.trim(&JOURNAL, keep, NOW.plus(Duration::from_mins(1)), 100).await.unwrap(), 10);
    drop(store);
    let store = open(place).await;
    commit(&store, tenant, vec![append("run", 11)]).await.unwrap();
    assert!(store.last(&JOURNAL).await.unwrap() > last);
}
