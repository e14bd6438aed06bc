//! The queue: order, leases, fences.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use convoke::kernel::id::TenantId;
use convoke::kernel::time::Timestamp;
use convoke::port::queue::{Job, Lease};
use convoke::port::store::{Conflict, Expect, Step, Store, StoreFault};
use serde_json::json;
use uuid::Uuid;

use super::declared::*;
use crate::conformance::place::{NOW, Place};

const SPAN: Duration = Duration::from_secs(30);

fn after(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

async fn enqueue(store: &Arc<dyn Store>, tenant: TenantId, priority: i32, due: Timestamp) -> Uuid {
    let id = id();
    let job = Job { id, queue: "work", due, priority, body: json!({"priority": priority}) };
    commit(store, tenant, vec![Step::Enqueue(job)]).await.unwrap();
    id
}

async fn lease(store: &Arc<dyn Store>, now: Timestamp, limit: u32) -> Vec<Lease> {
    store.lease("work", now, SPAN, limit).await.unwrap()
}

fn ids(leases: &[Lease]) -> Vec<Uuid> {
    leases.iter().map(|lease| lease.id).collect()
}

pub(crate) async fn leases_by_priority_and_time(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    let low = enqueue(&store, tenant, 5, after(0)).await;
    let late = enqueue(&store, tenant, -1, after(100)).await;
    let second = enqueue(&store, tenant, 0, after(2)).await;
    let first = enqueue(&store, tenant, 0, after(1)).await;
    let third = enqueue(&store, tenant, 0, after(2)).await;
    assert_eq!(store.depth("work").await.unwrap(), 5);
    assert_eq!(store.depth("other").await.unwrap(), 0);
    assert_eq!(store.next_due("work").await.unwrap(), Some(after(0)));
    assert_eq!(ids(&lease(&store, after(0), 10).await), [low]);
    assert_eq!(store.next_due("work").await.unwrap(), Some(after(1)));
    assert_eq!(ids(&lease(&store, after(2), 2).await), [first, second]);
    assert_eq!(ids(&lease(&store, after(2), 2).await), [third]);
    assert_eq!(store.lease("other", after(200), SPAN, 10).await.unwrap(), []);
    assert_eq!(store.next_due("work").await.unwrap(), Some(after(100)));
    assert_eq!(ids(&lease(&store, after(29), 2).await), NONE);
    // The leases of the others have run out meanwhile: the priority decides again.
    assert_eq!(ids(&lease(&store, after(100), 9).await), [late, first, second, third, low]);
    assert_eq!(store.next_due("work").await.unwrap(), None);
}

pub(crate) async fn holds_a_lease(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    let id = enqueue(&store, tenant, 0, NOW).await;
    let held = lease(&store, after(0), 1).await.remove(0);
    assert_eq!((held.id, held.tenant, held.attempts, held.until), (id, tenant, 0, after(30)));
    assert_eq!(held.body, json!({"priority": 0}));
    assert_eq!(lease(&store, after(29), 1).await, []);
    assert!(store.extend(&held, after(60)).await.unwrap());
    assert_eq!(lease(&store, after(59), 1).await, []);
    assert!(store.finish(&held).await.unwrap());
    assert!(!store.finish(&held).await.unwrap());
    assert_eq!(store.depth("work").await.unwrap(), 0);
    assert_eq!(lease(&store, after(999), 1).await, []);
}

pub(crate) async fn finishes_with_what_it_brings_about(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    enqueue(&store, tenant, 0, NOW).await;
    let lost = lease(&store, after(0), 1).await.remove(0);
    let held = lease(&store, after(30), 1).await.remove(0);
    let done = |lease: &Lease, document| {
        let finish = Step::Finish { queue: "work", id: lease.id, token: lease.token };
        commit(&store, tenant, vec![put(&NOTE, document, Expect::Absent, json!({})), finish])
    };
    let (first, second) = (id(), id());
    let gone = Err(StoreFault::Conflict(Conflict::Changed { kind: "work", id: held.id }));
    assert_eq!(done(&lost, first).await, gone, "its lease is another's");
    assert_eq!(store.get(of(tenant), &NOTE, first).await.unwrap(), None, "nothing of it is written");
    assert_eq!(done(&held, second).await, Ok(vec![1]));
    assert_eq!(store.depth("work").await.unwrap(), 0);
    assert_eq!(done(&held, first).await, gone, "it is done once");
    // One that was put back is nobody's.
    enqueue(&store, tenant, 0, NOW).await;
    let back = lease(&store, after(0), 1).await.remove(0);
    assert!(store.put_back(&back, NOW).await.unwrap());
    let gone = Err(StoreFault::Conflict(Conflict::Changed { kind: "work", id: back.id }));
    assert_eq!(done(&back, first).await, gone);
    assert_eq!(store.get(of(tenant), &NOTE, first).await.unwrap(), None);
}

pub(crate) async fn fences_off_a_lost_lease(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    enqueue(&store, tenant, 0, NOW).await;
    let lost = lease(&store, after(0), 1).await.remove(0);
    let held = lease(&store, after(30), 1).await.remove(0);
    assert_eq!((held.id, held.attempts), (lost.id, 1));
    assert!(held.token > lost.token);
    assert!(!store.extend(&lost, after(90)).await.unwrap());
    assert!(!store.put_back(&lost, after(31)).await.unwrap());
    assert!(!store.finish(&lost).await.unwrap());
    assert!(store.finish(&held).await.unwrap());
}

pub(crate) async fn puts_back(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    enqueue(&store, tenant, 0, NOW).await;
    let first = lease(&store, after(0), 1).await.remove(0);
    assert!(store.put_back(&first, after(5)).await.unwrap());
    // Who put it back holds it no more.
    assert!(!store.finish(&first).await.unwrap());
    assert!(!store.extend(&first, after(60)).await.unwrap());
    assert_eq!(store.next_due("work").await.unwrap(), Some(after(5)));
    assert_eq!(lease(&store, after(4), 1).await, []);
    let second = lease(&store, after(5), 1).await.remove(0);
    assert_eq!(second.attempts, 1);
    assert!(store.finish(&second).await.unwrap());
}

pub(crate) async fn refuses_a_job_twice(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    let job = Job { id: id(), queue: "work", due: NOW, priority: 0, body: json!({}) };
    commit(&store, tenant, vec![Step::Enqueue(job.clone())]).await.unwrap();
    let again = commit(&store, tenant, vec![Step::Enqueue(job.clone())]).await;
    assert_eq!(again, Err(StoreFault::Conflict(Conflict::Changed { kind: "work", id: job.id })));
    assert_eq!(store.depth("work").await.unwrap(), 1);
}

pub(crate) async fn writes_a_job_in_the_hands_of_its_writer(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    let job = Job { id: id(), queue: "work", due: NOW, priority: 0, body: json!({"kept": true}) };
    let until = after(30);
    commit(&store, tenant, vec![Step::Hold { job: job.clone(), until }]).await.unwrap();
    let held = Lease::at_once(tenant, &job, until);
    assert_eq!(lease(&store, after(29), 1).await, []);
    assert!(store.extend(&held, after(40)).await.unwrap());
    // Its holder went away: another one takes it up, and the first can end it no more.
    let second = lease(&store, after(40), 1).await.remove(0);
    assert_eq!((second.id, second.token, second.attempts, &second.body), (job.id, 2, 1, &job.body));
    assert!(!store.finish(&held).await.unwrap());
    let late = commit(&store, tenant, vec![Step::Finish { queue: "work", id: job.id, token: held.token }]).await;
    assert_eq!(late, Err(StoreFault::Conflict(Conflict::Changed { kind: "work", id: job.id })));
    assert!(store.finish(&second).await.unwrap());
    // Its holder ends it in the commit that writes the next one.
    let (first, next) = (Job { id: id(), ..job.clone() }, Job { id: id(), ..job });
    commit(&store, tenant, vec![Step::Hold { job: first.clone(), until }]).await.unwrap();
    let finish = Step::Finish { queue: "work", id: first.id, token: 1 };
    commit(&store, tenant, vec![finish, Step::Hold { job: next, until }]).await.unwrap();
    assert_eq!(store.depth("work").await.unwrap(), 1);
}

pub(crate) async fn gives_each_job_to_one_worker(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    let jobs = (0..100).map(|_| Step::Enqueue(Job { id: id(), queue: "work", due: NOW, priority: 0, body: json!({}) }));
    commit(&store, tenant, jobs.collect()).await.unwrap();
    let workers = (0..8).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut done = Vec::new();
            loop {
                let leases = lease(&store, NOW, 3).await;
                if leases.is_empty() {
                    break done;
                }
                for held in leases {
                    assert!(store.finish(&held).await.unwrap());
                    done.push(held.id);
                }
            }
        })
    });
    let mut done = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        done.extend(worker.await.unwrap());
    }
    assert_eq!(done.len(), 100);
    assert_eq!(done.into_iter().collect::<HashSet<_>>().len(), 100);
    assert_eq!(store.depth("work").await.unwrap(), 0);
}

pub(crate) async fn deals_leases_to_tenants_in_turn(place: &dyn Place) {
    let (store, loud, quiet) = (open(place).await, tenant(), tenant());
    let flood =
        (0..300).map(|_| Step::Enqueue(Job { id: id(), queue: "work", due: NOW, priority: -100, body: json!({}) }));
    commit(&store, loud, flood.collect()).await.unwrap();
    // What waits for later, of many others, is in nobody's way.
    for _ in 0..20 {
        enqueue(&store, tenant(), -100, after(1_000)).await;
    }
    let first = enqueue(&store, quiet, 100, after(0)).await;
    let second = enqueue(&store, quiet, 100, after(1)).await;
    let of_quiet = |leases: &[Lease]| -> Vec<Uuid> {
        leases.iter().filter(|lease| lease.tenant == quiet).map(|lease| lease.id).collect()
    };
    let dealt = lease(&store, after(0), 10).await;
    assert_eq!((dealt.len(), of_quiet(&dealt)), (10, vec![first]), "who has little gets it, the other has the rest");
    let third = enqueue(&store, quiet, 100, after(2)).await;
    assert_eq!(lease(&store, after(0), 10).await.len(), 10, "whoever is alone has all");
    // One at a time: each has every other one.
    let one = lease(&store, after(2), 1).await;
    let other = lease(&store, after(2), 1).await;
    let both = [one, other].concat();
    assert_eq!((both.len(), of_quiet(&both)), (2, vec![second]));
    let rest = lease(&store, after(2), 500).await;
    assert_eq!((rest.len(), of_quiet(&rest)), (280 + 1, vec![third]));
    // Their leases run out together, and each has its half of what there is room for.
    let back = lease(&store, after(100), 4).await;
    assert_eq!((back.len(), of_quiet(&back).len()), (4, 2));
    assert_eq!(store.depth("work").await.unwrap(), 323);
}
