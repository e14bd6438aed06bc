//! Documents: writing, reading, preconditions, uniqueness, one commit, tenants.

use std::sync::Arc;
use std::time::Duration;

use convoke::port::logs::LogQuery;
use convoke::port::records::{Filter, Query, Record, Scope, Visibility};
use convoke::port::store::{Expect, Put, Step, StoreFault};
use serde_json::json;

use super::declared::*;
use crate::conformance::place::{NOW, Place};

pub(crate) async fn puts_and_gets(place: &dyn Place) {
    let (store, tenant, id) = (open(place).await, tenant(), id());
    assert_eq!(store.get(of(tenant), &NOTE, id).await.unwrap(), None);
    let body = json!({"z": 1, "a": {"deep": [1, 2.5, 11.132_627_487_182_617, null, "ü\u{7}"]}, "empty": ""});
    let revisions = commit(&store, tenant, vec![put(&NOTE, id, Expect::Absent, body.clone())]).await.unwrap();
    assert_eq!(revisions, [1]);
    let record = Record {
        id,
        tenant,
        revision: 1,
        owner: None,
        workspace: None,
        visibility: Visibility::Tenant,
        created_at: NOW,
        updated_at: NOW,
        body,
    };
    assert_eq!(store.get(of(tenant), &NOTE, id).await.unwrap(), Some(record.clone()));
    assert_eq!(store.get(Scope::Platform, &NOTE, id).await.unwrap(), Some(record.clone()));
    assert_eq!(store.find(of(tenant), &NOTE, Query::newest(Filter::All, 10)).await.unwrap(), [record]);
}

pub(crate) async fn counts_revisions(place: &dyn Place) {
    let (store, tenant, id) = (open(place).await, tenant(), id());
    let expected = [Expect::Anything, Expect::Anything, Expect::Present, Expect::Revision(3)];
    for (at, expect) in (1_i64..).zip(expected) {
        let later = NOW.plus(Duration::from_millis(at.unsigned_abs()));
        let step = put(&NOTE, id, expect, json!({"at": at}));
        let revisions = store.commit(vec![batch_at(tenant, later, vec![step])]).await.unwrap();
        assert_eq!(revisions, [at]);
        let record = store.get(of(tenant), &NOTE, id).await.unwrap().unwrap();
        assert_eq!(
            (record.revision, record.created_at, record.updated_at),
            (at, NOW.plus(Duration::from_millis(1)), later)
        );
    }
}

pub(crate) async fn refuses_what_was_not_expected(place: &dyn Place) {
    let (store, tenant, there, missing) = (open(place).await, tenant(), id(), id());
    commit(&store, tenant, vec![put(&NOTE, there, Expect::Absent, json!({"at": 1}))]).await.unwrap();
    let refused = [
        (there, Expect::Absent),
        (there, Expect::Revision(2)),
        (there, Expect::Revision(0)),
        (missing, Expect::Present),
        (missing, Expect::Revision(1)),
    ];
    for (id, expect) in refused {
        let answer = commit(&store, tenant, vec![put(&NOTE, id, expect, json!({"at": 2}))]).await;
        assert_eq!(answer, changed(&NOTE, id), "put {expect:?}");
        let remove = Step::Remove { kind: &NOTE, id, expect };
        assert_eq!(commit(&store, tenant, vec![remove]).await, changed(&NOTE, id), "remove {expect:?}");
        let check = Step::Check { kind: &NOTE, id, expect };
        assert_eq!(commit(&store, tenant, vec![check]).await, changed(&NOTE, id), "check {expect:?}");
    }
    assert_eq!(store.get(of(tenant), &NOTE, there).await.unwrap().unwrap().body, json!({"at": 1}));
    assert_eq!(store.get(of(tenant), &NOTE, missing).await.unwrap(), None);
}

pub(crate) async fn checks_without_writing(place: &dyn Place) {
    let (store, tenant, there, missing) = (open(place).await, tenant(), id(), id());
    commit(&store, tenant, vec![put(&NOTE, there, Expect::Absent, json!({}))]).await.unwrap();
    let check = |id, expect| Step::Check { kind: &NOTE, id, expect };
    let steps = vec![
        check(there, Expect::Present),
        check(there, Expect::Revision(1)),
        check(there, Expect::Anything),
        check(missing, Expect::Absent),
    ];
    assert_eq!(commit(&store, tenant, steps).await, Ok(vec![]));
    assert_eq!(store.get(of(tenant), &NOTE, there).await.unwrap().unwrap().revision, 1);
}

pub(crate) async fn removes(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    let id = add(&store, tenant, &AGENT, json!({"displayName": "Ada", "email": "ada@example.org"})).await;
    let remove = |expect| Step::Remove { kind: &AGENT, id, expect };
    assert_eq!(commit(&store, tenant, vec![remove(Expect::Revision(1))]).await, Ok(vec![]));
    assert_eq!(store.get(of(tenant), &AGENT, id).await.unwrap(), None);
    assert_eq!(store.count(of(tenant), &AGENT, Filter::Matches("ada".into())).await.unwrap(), 0);
    assert_eq!(store.versions(of(tenant), &AGENT, id, 10).await.unwrap(), []);
    // Nothing there any more: fine where nothing was expected.
    assert_eq!(commit(&store, tenant, vec![remove(Expect::Anything)]).await, Ok(vec![]));
    // Its unique values are free again, and a document of the same id starts anew.
    let again = put(&AGENT, id, Expect::Absent, json!({"email": "ada@example.org"}));
    assert_eq!(commit(&store, tenant, vec![again]).await, Ok(vec![1]));
}

pub(crate) async fn keeps_envelope(place: &dyn Place) {
    let (store, tenant, one, owner, workspace) = (open(place).await, tenant(), id(), id(), id());
    for visibility in [Visibility::Private, Visibility::Workspace, Visibility::Tenant] {
        let (owner, workspace) = (Some(owner), Some(workspace));
        let put = Put { kind: &NOTE, id: one, expect: Expect::Anything, owner, workspace, visibility, body: json!({}) };
        commit(&store, tenant, vec![Step::Put(put)]).await.unwrap();
        let record = store.get(of(tenant), &NOTE, one).await.unwrap().unwrap();
        assert_eq!((record.owner, record.workspace, record.visibility), (owner, workspace, visibility));
    }
}

pub(crate) async fn unique_within_a_tenant(place: &dyn Place) {
    let (store, first, second) = (open(place).await, tenant(), tenant());
    let body = json!({"displayName": "Ada", "rank": 1});
    let id = add(&store, first, &AGENT, body.clone()).await;
    let again = |id| vec![put(&AGENT, id, Expect::Absent, body.clone())];
    assert_eq!(commit(&store, first, again(self::id())).await, taken(&AGENT, "name_and_rank"));
    // Another tenant may have it; so may the document itself; a null keeps a document out of the rule.
    assert!(commit(&store, second, again(self::id())).await.is_ok());
    assert!(commit(&store, first, vec![put(&AGENT, id, Expect::Present, body.clone())]).await.is_ok());
    add(&store, first, &AGENT, json!({"displayName": "Ada"})).await;
    add(&store, first, &AGENT, json!({"displayName": "Ada", "rank": null})).await;
    // By a change, too.
    let other = add(&store, first, &AGENT, json!({"displayName": "Ada", "rank": 2})).await;
    let change = put(&AGENT, other, Expect::Revision(1), body.clone());
    assert_eq!(commit(&store, first, vec![change]).await, taken(&AGENT, "name_and_rank"));
}

pub(crate) async fn unique_over_the_platform(place: &dyn Place) {
    let (store, first, second) = (open(place).await, tenant(), tenant());
    add(&store, first, &AGENT, json!({"email": "ada@example.org"})).await;
    let again = put(&AGENT, id(), Expect::Absent, json!({"email": "ada@example.org"}));
    assert_eq!(commit(&store, second, vec![again]).await, taken(&AGENT, "email"));
    add(&store, second, &AGENT, json!({"email": "Ada@example.org"})).await;
}

pub(crate) async fn commits_all_or_nothing(place: &dyn Place) {
    let (store, first, second, one, other) = (open(place).await, tenant(), tenant(), id(), id());
    let append = |body| Step::Append { log: &EVENTS, stream: String::new(), body };
    let count = || Step::Count { name: "calls", key: "all".into(), by: 1, at_most: None };
    let batches = vec![
        batch(first, vec![put(&NOTE, one, Expect::Absent, json!({})), append(json!({"n": 1})), count()]),
        batch(second, vec![put(&NOTE, other, Expect::Absent, json!({})), put(&NOTE, id(), Expect::Present, json!({}))]),
    ];
    assert!(matches!(store.commit(batches).await, Err(StoreFault::Conflict(_))));
    assert_eq!(store.get(Scope::Platform, &NOTE, one).await.unwrap(), None);
    assert_eq!(store.get(Scope::Platform, &NOTE, other).await.unwrap(), None);
    assert_eq!(store.last(&EVENTS).await.unwrap(), 0);
    assert_eq!(store.counter(Scope::Platform, "calls", "all").await.unwrap(), 0);
}

pub(crate) async fn refuses_some_of_many(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    let callers = (0..32).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut passed = 0;
            for rank in 0..20 {
                let steps = vec![
                    put(&NOTE, id(), Expect::Absent, json!({})),
                    Step::Append { log: &EVENTS, stream: String::new(), body: json!({"n": rank}) },
                    put(&AGENT, id(), Expect::Absent, json!({"displayName": "Ada", "rank": rank})),
                ];
                passed += u64::from(commit(&store, tenant, steps).await.is_ok());
            }
            passed
        })
    });
    let mut passed = 0;
    for caller in callers.collect::<Vec<_>>() {
        passed += caller.await.unwrap();
    }
    // One of each rank, whoever came first; of the others nothing, whoever shared a commit with whom.
    assert_eq!(passed, 20);
    assert_eq!(store.count(of(tenant), &NOTE, Filter::All).await.unwrap(), 20);
    assert_eq!(store.count(of(tenant), &AGENT, Filter::All).await.unwrap(), 20);
    let query = LogQuery { filter: Filter::All, beyond: None, descending: false, limit: 1000 };
    assert_eq!(store.entries(of(tenant), &EVENTS, query).await.unwrap().len(), 20);
}

pub(crate) async fn answers_revisions_in_order(place: &dyn Place) {
    let (store, first, second, one, other) = (open(place).await, tenant(), tenant(), id(), id());
    commit(&store, first, vec![put(&NOTE, one, Expect::Absent, json!({}))]).await.unwrap();
    let write = |id| put(&NOTE, id, Expect::Anything, json!({}));
    let batches = vec![batch(first, vec![write(one), write(other)]), batch(second, vec![write(other), write(other)])];
    assert_eq!(store.commit(batches).await, Ok(vec![2, 1, 1, 2]));
}

pub(crate) async fn keeps_tenants_apart(place: &dyn Place) {
    let (store, mine, theirs, shared) = (open(place).await, tenant(), tenant(), id());
    let secret = json!({"displayName": "secret", "rank": 1});
    let steps = || {
        vec![
            put(&AGENT, shared, Expect::Anything, secret.clone()),
            Step::Append { log: &JOURNAL, stream: "run".into(), body: json!({"step": 1, "words": "secret"}) },
            Step::Count { name: "calls", key: "all".into(), by: 5, at_most: None },
        ]
    };
    commit(&store, theirs, steps()).await.unwrap();

    let nothing = |filter: Filter| Filter::Or(vec![filter, Filter::Not(Box::new(Filter::All))]);
    assert_eq!(store.get(of(mine), &AGENT, shared).await.unwrap(), None);
    assert_eq!(store.versions(of(mine), &AGENT, shared, 10).await.unwrap(), []);
    assert_eq!(store.counter(of(mine), "calls", "all").await.unwrap(), 0);
    assert_eq!(store.counters(of(mine), "calls", "", None, 10).await.unwrap(), []);
    for filter in [Filter::All, Filter::Matches("secret".into()), nothing(Filter::All)] {
        assert_eq!(store.find(of(mine), &AGENT, Query::newest(filter.clone(), 10)).await.unwrap(), []);
        assert_eq!(store.count(of(mine), &AGENT, filter.clone()).await.unwrap(), 0);
        assert_eq!(store.count(of(theirs), &AGENT, filter.clone()).await.unwrap(), 1);
        assert_eq!(store.count(Scope::Platform, &AGENT, filter).await.unwrap(), 1);
    }
    let remove = Step::Remove { kind: &AGENT, id: shared, expect: Expect::Present };
    assert_eq!(commit(&store, mine, vec![remove]).await, changed(&AGENT, shared));

    // The same id is free in every tenant, and what one does to it the other does not see.
    assert_eq!(commit(&store, mine, steps()).await, Ok(vec![1]));
    let remove = Step::Remove { kind: &AGENT, id: shared, expect: Expect::Present };
    commit(&store, mine, vec![remove]).await.unwrap();
    assert_eq!(store.get(of(theirs), &AGENT, shared).await.unwrap().unwrap().body, secret);
    assert_eq!(store.versions(of(theirs), &AGENT, shared, 10).await.unwrap().len(), 1);
    assert_eq!(store.counter(Scope::Platform, "calls", "all").await.unwrap(), 10);
}

pub(crate) async fn refuses_a_field_of_the_wrong_type(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    let wrong = [
        json!({"rank": "one"}),
        json!({"rank": 1.5}),
        json!({"active": 1}),
        json!({"seenAt": "today"}),
        json!({"leader": "x"}),
        json!({"displayName": 1}),
        json!([]),
    ];
    for body in wrong {
        let answer = commit(&store, tenant, vec![put(&AGENT, id(), Expect::Anything, body)]).await;
        assert!(matches!(answer, Err(StoreFault::Broken(_))), "{answer:?}");
    }
    assert_eq!(store.count(of(tenant), &AGENT, Filter::All).await.unwrap(), 0);
}

pub(crate) async fn commits_that_cross_end(place: &dyn Place) {
    let (store, tenant, one, two) = (open(place).await, tenant(), id(), id());
    let steps = vec![put(&NOTE, one, Expect::Absent, json!({})), put(&NOTE, two, Expect::Absent, json!({}))];
    commit(&store, tenant, steps).await.unwrap();
    // Each takes both, one of them first: neither may wait for the other for ever.
    let writers = [[one, two], [two, one]].map(|order| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for at in 0..50 {
                let steps = order.iter().map(|id| put(&NOTE, *id, Expect::Present, json!({ "at": at }))).collect();
                commit(&store, tenant, steps).await.unwrap();
            }
        })
    });
    for writer in writers {
        writer.await.unwrap();
    }
    for id in [one, two] {
        assert_eq!(store.get(of(tenant), &NOTE, id).await.unwrap().unwrap().revision, 101);
    }
}

pub(crate) async fn takes_nothing_while_frozen(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    let before = add(&store, tenant, &NOTE, json!({})).await;
    let frozen = store.freeze().await.unwrap();
    assert!(store.freeze().await.is_err(), "one at a time");
    let answer = commit(&store, tenant, vec![put(&NOTE, id(), Expect::Absent, json!({}))]).await;
    assert!(matches!(answer, Err(StoreFault::Unavailable(_))), "{answer:?}");
    assert!(store.get(of(tenant), &NOTE, before).await.unwrap().is_some(), "it reads");
    drop(frozen);
    add(&store, tenant, &NOTE, json!({})).await;
    assert_eq!(store.count(of(tenant), &NOTE, Filter::All).await.unwrap(), 2);
}
