//! A store's life: closed and opened again, with other declarations, copied while it runs, restored elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use convoke::port::logs::LogQuery;
use convoke::port::records::{Across, Field, FieldType, Filter, Kind, Query, Scalar, Unique};
use convoke::port::store::{Expect, Step, StoreFault};
use serde_json::{Value, json};

use super::declared::*;
use crate::conformance::place::{Declared, Place};

static FIRST: Kind = Kind { fields: &[Field { name: "title", of: FieldType::Text }], ..Kind::new("story") };

static SECOND: Kind = Kind {
    fields: &[
        Field { name: "title", of: FieldType::Text },
        Field { name: "pages", of: FieldType::Integer },
        Field { name: "isbn", of: FieldType::Text },
    ],
    unique: &[Unique { name: "isbn", fields: &["isbn"], across: Across::Tenant }],
    text: &["title", "blurb"],
    ..Kind::new("story")
};

/// The third form writes `name` for what was `title`, and `length` for `pages`.
static THIRD: Kind = Kind {
    version: 3,
    fields: &[Field { name: "name", of: FieldType::Text }, Field { name: "length", of: FieldType::Text }],
    text: &["name"],
    history: true,
    upcast: |from, mut document| {
        let (old, new) = if from == 1 { ("title", "name") } else { ("pages", "length") };
        if let Some(fields) = document.as_object_mut()
            && let Some(value) = fields.remove(old)
        {
            let value = if from == 1 { value } else { json!(value.to_string()) };
            fields.insert(new.to_owned(), value);
        }
        document
    },
    ..Kind::new("story")
};

/// The second with another type of a field that a rule stands on.
static SECOND_OTHERWISE: Kind = Kind {
    fields: &[
        Field { name: "title", of: FieldType::Text },
        Field { name: "pages", of: FieldType::Integer },
        Field { name: "isbn", of: FieldType::Integer },
    ],
    ..SECOND
};

fn with(kind: &'static Kind) -> Declared {
    Declared { kinds: vec![kind, &NOTE], logs: vec![&EVENTS], unowned: vec![&NOTE] }
}

fn story(title: &str, pages: i64) -> Value {
    json!({"title": title, "pages": pages, "blurb": "of dragons", "isbn": title})
}

pub(crate) async fn keeps_everything_when_opened_again(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    let id = add(&store, tenant, &AGENT, json!({"displayName": "Ada", "email": "ada@example.org"})).await;
    let steps = vec![
        Step::Append { log: &JOURNAL, stream: "run".into(), body: json!({"step": 1}) },
        Step::Count { name: "calls", key: "all".into(), by: 7, at_most: None },
    ];
    commit(&store, tenant, steps).await.unwrap();
    let record = store.get(of(tenant), &AGENT, id).await.unwrap();
    let (last, health) = (store.last(&JOURNAL).await.unwrap(), store.health().await.unwrap());
    assert!(health.schema > 0 && health.size_bytes > 0 && health.waiting == 0 && !health.backend.is_empty());
    drop(store);

    let store = open(place).await;
    assert_eq!(store.get(of(tenant), &AGENT, id).await.unwrap(), record);
    assert_eq!(store.last(&JOURNAL).await.unwrap(), last);
    assert_eq!(store.counter(of(tenant), "calls", "all").await.unwrap(), 7);
    assert_eq!(store.count(of(tenant), &AGENT, Filter::Matches("ada".into())).await.unwrap(), 1);
    let again = put(&AGENT, self::id(), Expect::Absent, json!({"email": "ada@example.org"}));
    assert_eq!(commit(&store, tenant, vec![again]).await, taken(&AGENT, "email"));
    let migrations = store.migrations().await.unwrap();
    assert_eq!(migrations.len(), health.schema as usize);
    assert!(migrations.iter().zip(1..).all(|(one, number)| one.number == number && one.applied_at.is_some()));
}

pub(crate) async fn fills_what_was_added(place: &dyn Place) {
    let tenant = tenant();
    let store = place.open(with(&FIRST)).await.unwrap();
    let stories = [story("one", 100), story("two", 200), json!({"title": null})];
    for body in stories {
        add(&store, tenant, &FIRST, body).await;
    }
    drop(store);

    let store = place.open(with(&SECOND)).await.unwrap();
    let count = async |filter: Filter| store.count(of(tenant), &SECOND, filter).await.unwrap();
    assert_eq!(count(Filter::is("pages", Scalar::Integer(200))).await, 1);
    assert_eq!(count(Filter::IsNull("pages")).await, 1);
    assert_eq!(count(Filter::Matches("two dragons".into())).await, 1);
    let again = put(&SECOND, id(), Expect::Absent, json!({"isbn": "one"}));
    assert_eq!(commit(&store, tenant, vec![again]).await, taken(&SECOND, "isbn"));
    drop(store);

    // What is declared no more is gone: the rule binds nobody, and the field is unknown.
    let store = place.open(with(&FIRST)).await.unwrap();
    add(&store, tenant, &FIRST, json!({"isbn": "one", "title": "one"})).await;
    let answer = store.count(of(tenant), &FIRST, Filter::IsNull("pages")).await;
    assert!(matches!(answer, Err(StoreFault::Broken(_))), "{answer:?}");
    drop(store);

    // And a rule that the documents break cannot come back; nothing is changed by the attempt.
    let answer = place.open(with(&SECOND)).await.map(drop);
    assert!(matches!(&answer, Err(StoreFault::Unavailable(why)) if why.contains("isbn")), "{answer:?}");
    let store = place.open(with(&FIRST)).await.unwrap();
    assert_eq!(store.count(of(tenant), &FIRST, Filter::is("title", Scalar::Text("one".into()))).await.unwrap(), 2);
}

pub(crate) async fn lifts_older_forms(place: &dyn Place) {
    let tenant = tenant();
    let store = place.open(with(&FIRST)).await.unwrap();
    let id = add(&store, tenant, &FIRST, json!({"title": "Old", "pages": 12})).await;
    drop(store);

    let store = place.open(with(&THIRD)).await.unwrap();
    let record = store.get(of(tenant), &THIRD, id).await.unwrap().unwrap();
    assert_eq!((record.revision, &record.body), (1, &json!({"name": "Old", "length": "12"})));
    for filter in [
        Filter::is("name", Scalar::Text("Old".into())),
        Filter::is("length", Scalar::Text("12".into())),
        Filter::Matches("old".into()),
    ] {
        let found = store.find(of(tenant), &THIRD, Query::newest(filter, 10)).await.unwrap();
        assert_eq!(found, std::slice::from_ref(&record));
    }
    commit(&store, tenant, vec![put(&THIRD, id, Expect::Revision(1), record.body.clone())]).await.unwrap();
    assert_eq!(store.get(of(tenant), &THIRD, id).await.unwrap().unwrap().body, record.body);
    assert_eq!(store.versions(of(tenant), &THIRD, id, 9).await.unwrap().len(), 1);
}

pub(crate) async fn refuses_a_newer_database(place: &dyn Place) {
    let tenant = tenant();
    let store = place.open(with(&THIRD)).await.unwrap();
    let id = add(&store, tenant, &THIRD, json!({"name": "New"})).await;
    drop(store);
    let answer = place.open(with(&FIRST)).await.map(drop);
    assert!(matches!(&answer, Err(StoreFault::Unavailable(why)) if why.contains("newer program")), "{answer:?}");
    let store = place.open(with(&THIRD)).await.unwrap();
    assert!(store.get(of(tenant), &THIRD, id).await.unwrap().is_some());
}

pub(crate) async fn copies_while_writing_and_restores(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    let (done, file) = (Arc::new(AtomicBool::new(false)), place.folder().join("copy.db"));
    let id = add(&store, tenant, &AGENT, json!({"displayName": "Ada", "rank": 0})).await;
    let writers = (0..4).map(|_| {
        let (store, done) = (Arc::clone(&store), Arc::clone(&done));
        tokio::spawn(async move {
            while !done.load(Ordering::Relaxed) {
                // Three things that are always the same number.
                let steps = vec![
                    put(&NOTE, self::id(), Expect::Absent, json!({"filler": "x".repeat(2000)})),
                    Step::Append { log: &EVENTS, stream: String::new(), body: json!({}) },
                    Step::Count { name: "calls", key: "all".into(), by: 1, at_most: None },
                ];
                commit(&store, tenant, steps).await.unwrap();
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    while store.counter(of(tenant), "calls", "all").await.unwrap() < 50 {
        tokio::task::yield_now().await;
    }
    store.copy_to(&file).await.unwrap();
    done.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(store.copy_to(&file).await.is_err(), "a file is not overwritten");
    assert!(store.restore_from(&file).await.is_err(), "only an empty store takes in a copy");

    let elsewhere = place.another();
    let restored = open(elsewhere.as_ref()).await;
    assert!(restored.is_empty().await.unwrap());
    // A read before leaves connections open, and they must see what comes.
    assert_eq!(restored.get(of(tenant), &AGENT, id).await.unwrap(), None);
    restored.restore_from(&file).await.unwrap();
    assert!(!restored.is_empty().await.unwrap());
    let count = restored.count(of(tenant), &NOTE, Filter::All).await.unwrap();
    assert!(count >= 50);
    assert_eq!(restored.counter(of(tenant), "calls", "all").await.unwrap().unsigned_abs(), count);
    // Positions may have gaps: what counts is how many there are.
    let all = LogQuery { filter: Filter::All, beyond: None, descending: false, limit: u32::MAX };
    assert_eq!(restored.entries(of(tenant), &EVENTS, all).await.unwrap().len() as u64, count);
    let mut record = restored.get(of(tenant), &AGENT, id).await.unwrap().unwrap();
    assert_eq!(Some(record.clone()), store.get(of(tenant), &AGENT, id).await.unwrap());
    assert_eq!(restored.count(of(tenant), &AGENT, Filter::Matches("ada".into())).await.unwrap(), 1);
    // And it goes on from there, also after it was closed.
    record.body["rank"] = json!(1);
    let step = put(&AGENT, id, Expect::Revision(1), record.body);
    assert_eq!(commit(&restored, tenant, vec![step]).await, Ok(vec![2]));
    drop(restored);
    let restored = open(elsewhere.as_ref()).await;
    assert_eq!(restored.get(of(tenant), &AGENT, id).await.unwrap().unwrap().revision, 2);
}

pub(crate) async fn restores_older_forms(place: &dyn Place) {
    let (tenant, file) = (tenant(), place.folder().join("copy.db"));
    let store = place.open(with(&FIRST)).await.unwrap();
    let id = add(&store, tenant, &FIRST, json!({"title": "Old", "pages": 12})).await;
    store.copy_to(&file).await.unwrap();
    drop(store);
    let elsewhere = place.another();
    let restored = elsewhere.open(with(&THIRD)).await.unwrap();
    // What the program writes by itself at a first start does not make a store used.
    add(&restored, tenant, &NOTE, json!({})).await;
    assert!(restored.is_empty().await.unwrap());
    restored.restore_from(&file).await.unwrap();
    let found = restored.find(of(tenant), &THIRD, Query::newest(Filter::Matches("old".into()), 9)).await.unwrap();
    assert_eq!((found.len(), found[0].id, &found[0].body), (1, id, &json!({"name": "Old", "length": "12"})));
    assert_eq!(restored.count(of(tenant), &NOTE, Filter::All).await.unwrap(), 0);
}

pub(crate) async fn refuses_what_is_no_copy(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    let file = place.folder().join("not-a-copy.db");
    assert!(store.restore_from(&file).await.is_err());
    assert!(!file.exists());
    for content in [vec![], b"SQLite format 3\0".to_vec(), vec![7; 100_000]] {
        std::fs::write(&file, &content).unwrap();
        assert!(store.restore_from(&file).await.is_err(), "{} bytes", content.len());
    }
    assert!(store.is_empty().await.unwrap());
    add(&store, tenant, &NOTE, json!({})).await;
}

pub(crate) async fn refuses_a_newer_copy(place: &dyn Place) {
    let file = place.folder().join("copy.db");
    let store = place.open(with(&THIRD)).await.unwrap();
    store.copy_to(&file).await.unwrap();
    let elsewhere = place.another();
    let older = elsewhere.open(with(&FIRST)).await.unwrap();
    let answer = older.restore_from(&file).await;
    assert!(matches!(&answer, Err(StoreFault::Unavailable(why)) if why.contains("newer program")), "{answer:?}");
    add(&older, tenant(), &FIRST, json!({"title": "still works"})).await;
}

pub(crate) async fn changes_the_type_of_a_field_under_a_rule(place: &dyn Place) {
    let tenant = tenant();
    let store = place.open(with(&SECOND)).await.unwrap();
    let id = add(&store, tenant, &SECOND, json!({"title": "one"})).await;
    drop(store);
    let store = place.open(with(&SECOND_OTHERWISE)).await.unwrap();
    let body = json!({"title": "one", "isbn": 7});
    commit(&store, tenant, vec![put(&SECOND_OTHERWISE, id, Expect::Revision(1), body)]).await.unwrap();
    let again = put(&SECOND_OTHERWISE, self::id(), Expect::Absent, json!({"isbn": 7}));
    assert_eq!(commit(&store, tenant, vec![again]).await, taken(&SECOND_OTHERWISE, "isbn"));
    let by_number = Filter::is("isbn", Scalar::Integer(7));
    assert_eq!(store.count(of(tenant), &SECOND_OTHERWISE, by_number).await.unwrap(), 1);
}
