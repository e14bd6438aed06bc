//! Logs: order, filters, trimming.

use std::sync::Arc;
use std::time::Duration;

use convoke::kernel::id::TenantId;
use convoke::port::logs::{ENTRY_BYTES, Entry, Keep, LogQuery, TimeQuery};
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
    // Unread it is the very text that was appended.
    let kept = store.kept(of(tenant), &JOURNAL, all(10)).await.unwrap();
    let (kept, whole) = (&kept[0], &found[0]);
    assert_eq!((kept.position, kept.tenant, kept.at), (whole.position, whole.tenant, whole.at));
    assert_eq!((kept.stream.as_str(), kept.body.as_str()), ("run", r#"{"step":1,"words":"word1"}"#));
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
    let (store, tenant, quiet) = (open(place).await, tenant(), tenant());
    commit(&store, quiet, vec![append("run", 100)]).await.unwrap();
    filled(&store, tenant).await;
    filled(&store, self::tenant()).await;
    // Of each tenant by itself, oldest first: who writes much takes nothing from who writes little.
    let keep = Keep { age: Duration::from_hours(24), entries: 2 };
    let mut gone = 0;
    loop {
        match store.trim(&JOURNAL, keep, NOW, 5).await.unwrap() {
            0 => break,
            some => gone += some,
        }
    }
    assert_eq!(gone, 16);
    assert_eq!(steps(&entries(&store, of(tenant), all(100)).await), [8, 9]);
    assert_eq!(steps(&entries(&store, of(quiet), all(100)).await), [100]);
    // It goes on from there, also after the store was opened again.
    filled(&store, tenant).await;
    assert_eq!(store.trim(&JOURNAL, keep, NOW, 100).await.unwrap(), 10);
    drop(store);
    let store = open(place).await;
    commit(&store, quiet, vec![append("run", 101), append("run", 102)]).await.unwrap();
    assert_eq!(store.trim(&JOURNAL, keep, NOW, 100).await.unwrap(), 1);
    assert_eq!(steps(&entries(&store, of(quiet), all(100)).await), [101, 102]);
}

pub(crate) async fn counts_a_large_entry_as_many(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    filled(&store, tenant).await;
    let bytes = usize::try_from(ENTRY_BYTES).unwrap() * 3;
    let large =
        Step::Append { log: &JOURNAL, stream: String::new(), body: json!({"step": 10, "filler": "x".repeat(bytes)}) };
    commit(&store, tenant, vec![large]).await.unwrap();
    // It has begun its fourth part: beside it there is room for one.
    let keep = Keep { age: Duration::from_hours(24), entries: 5 };
    assert_eq!(store.trim(&JOURNAL, keep, NOW, 100).await.unwrap(), 9);
    assert_eq!(steps(&entries(&store, of(tenant), all(100)).await), [9, 10]);
}

/// Whether an entry of a step and a second fits.
type Fits = dyn Fn(u64, u64) -> bool;

pub(crate) async fn reads_in_the_order_of_time(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    filled(&store, self::tenant()).await;
    // Moments that come in no order, some of them twice, as where a clock was set back.
    let moments = [5_u64, 3, 9, 3, 0, 7, 7, 1, 9, 2];
    for (step, second) in (0..).zip(moments) {
        let at = NOW.plus(Duration::from_secs(second));
        store
            .commit(vec![batch_at(tenant, at, vec![append(if step % 2 == 0 { "even" } else { "odd" }, step)])])
            .await
            .unwrap();
    }
    let time = |second| Scalar::Time(NOW.plus(Duration::from_secs(second)));
    let filters: [(Filter, &Fits); 4] = [
        (Filter::All, &|_, _| true),
        (Filter::Compare("at", Comparison::AtLeast, time(3)), &|_, second| second >= 3),
        (
            Filter::Compare("at", Comparison::Less, time(7)).and(Filter::Compare("at", Comparison::AtLeast, time(1))),
            &|_, second| (1..7).contains(&second),
        ),
        (
            Filter::is("stream", Scalar::Text("odd".into())).and(Filter::Compare("at", Comparison::Less, time(9))),
            &|step, second| step % 2 == 1 && second < 9,
        ),
    ];
    for (filter, fits) in filters {
        for descending in [false, true] {
            let mut expected: Vec<(u64, u64)> = (0..)
                .zip(moments)
                .filter(|(step, second)| fits(*step, *second))
                .map(|(step, second)| (second, step))
                .collect();
            expected.sort_unstable();
            if descending {
                expected.reverse();
            }
            let mut query = TimeQuery { filter: filter.clone(), beyond: None, descending, limit: 3 };
            let mut read = Vec::new();
            loop {
                let page = store.entries_by_time(of(tenant), &JOURNAL, query.clone()).await.unwrap();
                let Some(last) = page.last() else { break };
                query.beyond = Some((last.at, last.position));
                read.extend(steps(&page));
            }
            let expected: Vec<u64> = expected.into_iter().map(|(_, step)| step).collect();
            assert_eq!(read, expected, "{filter:?}, descending {descending}");
        }
    }
}

pub(crate) async fn a_reader_at_the_end_misses_nothing(place: &dyn Place) {
    const WRITERS: u64 = 4;
    const EACH: u64 = 100;
    let (store, tenant) = (open(place).await, tenant());
    let writers = (0..WRITERS).map(|writer| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for at in 0..EACH {
                commit(&store, tenant, vec![append("run", writer * EACH + at)]).await.unwrap();
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    // Who has read up to a position never finds one before it later.
    let mut query = all(7);
    let mut read = Vec::new();
    while read.len() < usize::try_from(WRITERS * EACH).unwrap() {
        let over = writers.iter().all(tokio::task::JoinHandle::is_finished);
        let page = entries(&store, of(tenant), query.clone()).await;
        if let Some(last) = page.last() {
            query.beyond = Some(last.position);
            read.extend(steps(&page));
        } else {
            assert!(!over, "only {} were seen", read.len());
            tokio::task::yield_now().await;
        }
    }
    read.sort_unstable();
    assert_eq!(read, (0..WRITERS * EACH).collect::<Vec<_>>());
    for writer in writers {
        writer.await.unwrap();
    }
}

pub(crate) async fn never_gives_a_position_twice(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    filled(&store, tenant).await;
    let last = store.last(&JOURNAL).await.unwrap();
    let keep = Keep { age: Duration::from_secs(0), entries: 0 };
    assert_eq!(store.trim(&JOURNAL, keep, NOW.plus(Duration::from_mins(1)), 100).await.unwrap(), 10);
    // Readers who have come that far have read everything, also where nothing is left.
    assert_eq!(store.last(&JOURNAL).await.unwrap(), last);
    drop(store);
    let store = open(place).await;
    commit(&store, tenant, vec![append("run", 11)]).await.unwrap();
    assert!(store.last(&JOURNAL).await.unwrap() > last);
}

/// The named entries of the tenant go together with the rest of the batch, or not at all.
pub(crate) async fn cuts_what_is_named_with_what_takes_its_place(place: &dyn Place) {
    let (store, tenant, other) = (open(place).await, tenant(), tenant());
    filled(&store, tenant).await;
    commit(&store, other, vec![append("theirs", 77)]).await.unwrap();
    let found = entries(&store, Scope::Platform, all(20)).await;
    let positions: Vec<i64> = found.iter().map(|entry| entry.position).collect();
    let cut = |positions: Vec<i64>| Step::Cut { log: &JOURNAL, positions };
    let full = Step::Count { name: "cuts", key: String::new(), by: 2, at_most: Some(1) };
    commit(&store, tenant, vec![cut(positions[..2].to_vec()), full]).await.unwrap_err();
    assert_eq!(entries(&store, of(tenant), all(20)).await.len(), 10);
    // Another tenant's entry, and one that is not there, are left alone.
    let named = vec![positions[0], positions[3], positions[10], 1_000_000];
    commit(&store, tenant, vec![cut(named), append("odd", 10)]).await.unwrap();
    assert_eq!(steps(&entries(&store, of(tenant), all(20)).await), [1, 2, 4, 5, 6, 7, 8, 9, 10]);
    assert_eq!(steps(&entries(&store, of(other), all(20)).await), [77]);
    let words = LogQuery { filter: Filter::Matches("word3".to_owned()), ..all(20) };
    assert!(entries(&store, of(tenant), words).await.is_empty(), "the full text goes, too");
}
