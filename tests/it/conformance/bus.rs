//! What every bus does: events in the order of their places, of one tenant, from wherever a reader left off.

use std::sync::Arc;
use std::time::Duration;

use convoke::adapter::nats::{NatsBus, Settings};
use convoke::adapter::outbox::Outbox;
use convoke::kernel::id::TenantId;
use convoke::port::bus::Bus;
use convoke::port::logs::{Keep, Log};
use convoke::port::records::{Field, FieldType, Filter, Scalar};
use convoke::port::store::{Batch, Step, Store};
use serde_json::json;
use uuid::Uuid;

use super::place::{Declared, NOW, Place, SqlitePlace};
use crate::domain::events::receiver::until;
use crate::support::nats::{NATS, Working, settings};
use crate::support::servers::named;

static TOLD: Log = Log {
    name: "events",
    fields: &[Field { name: "subject", of: FieldType::Text }],
    text: &[],
    keep: Keep { age: Duration::from_hours(1), entries: 1000 },
    followed: false,
};

const HERE: TenantId = TenantId::from_uuid(Uuid::from_u128(1));
const THERE: TenantId = TenantId::from_uuid(Uuid::from_u128(2));

/// A bus, and the store whose outbox feeds it.
struct Fed {
    store: Arc<dyn Store>,
    bus: Arc<dyn Bus>,
    /// What carries the events, where something does, and whether they are read only after they were carried.
    carried: Option<(Working, bool)>,
    _place: SqlitePlace,
}

async fn fed(make: impl FnOnce(&Arc<dyn Store>) -> (Arc<dyn Bus>, Option<(Working, bool)>)) -> Fed {
    let place = SqlitePlace::new();
    let store = place.open(Declared { kinds: Vec::new(), logs: vec![&TOLD], unowned: Vec::new() }).await.unwrap();
    let (bus, carried) = make(&store);
    Fed { bus, carried, store, _place: place }
}

async fn outbox() -> Option<Fed> {
    Some(fed(|store| (Arc::new(Outbox::new(store.clone(), &TOLD)), None)).await)
}

/// Over NATS, read the moment that it is committed: what is not carried yet is found in the log.
async fn nats() -> Option<Fed> {
    over_nats(10_000, false).await
}

/// Over NATS, read after it was carried: from memory alone.
async fn nats_in_memory() -> Option<Fed> {
    over_nats(10_000, true).await
}

/// Over NATS, by one who was away: from the stream, further back than memory goes.
async fn nats_further_back() -> Option<Fed> {
    over_nats(0, true).await
}

async fn over_nats(tail_events: usize, carried: bool) -> Option<Fed> {
    let url = named(NATS, "nats")?;
    let settings = Settings { tail_events, ..settings(&url) };
    let made = fed(|store| {
        let working = Working::of(NatsBus::new(settings, store.clone(), &TOLD).unwrap());
        (working.bus.clone(), Some((working, carried)))
    });
    let made = made.await;
    if carried {
        made.carried().await;
    }
    Some(made)
}

impl Fed {
    /// Appends an event to the outbox, some seconds after the beginning.
    async fn tell(&self, tenant: TenantId, topic: &str, number: u64) {
        let body = json!({ "subject": "s", "number": number });
        let step = Step::Append { log: &TOLD, stream: topic.to_owned(), body };
        let at = NOW.plus(Duration::from_secs(number));
        self.store.commit(vec![Batch { tenant, at, steps: vec![step] }]).await.unwrap();
        self.bus.committed();
        if self.carried.as_ref().is_some_and(|(_, carried)| *carried) {
            self.carried().await;
        }
    }

    /// Waits until everything that is committed was carried.
    async fn carried(&self) {
        let Some((working, _)) = &self.carried else { return };
        let newest = self.store.last(&TOLD).await.unwrap();
        until("it is carried", async || (working.bus.reached()? >= newest).then_some(())).await;
    }

    /// Everything after a place, read so many at a time.
    async fn all(&self, tenant: TenantId, filter: &Filter, after: i64, limit: u32) -> (Vec<u64>, i64) {
        let (mut numbers, mut after) = (Vec::new(), after);
        let counted =
            || self.carried.as_ref().filter(|(_, carried)| *carried).map(|(working, _)| working.bus.counted().log);
        let of_log = counted();
        loop {
            let heard = self.bus.read(tenant, filter, after, limit).await.unwrap();
            assert!(heard.scanned >= after && heard.events.windows(2).all(|pair| pair[0].position < pair[1].position));
            numbers.extend(heard.events.iter().map(|event| event.body["number"].as_u64().unwrap()));
            assert!(heard.events.iter().all(|event| event.tenant == tenant && event.position > after));
            after = heard.scanned;
            if !heard.more {
                assert_eq!(counted(), of_log, "what was carried is not read from the log");
                return (numbers, after);
            }
        }
    }
}

fn topic(name: &str) -> Filter {
    Filter::is("stream", Scalar::Text(name.to_owned()))
}

async fn is_read_in_order_from_any_place(fed: Fed) {
    for number in 0..25 {
        fed.tell(HERE, if number % 2 == 0 { "even" } else { "odd" }, number).await;
    }
    let (all, end) = fed.all(HERE, &Filter::All, 0, 4).await;
    assert_eq!(all, (0..25).collect::<Vec<_>>());
    assert_eq!(end, fed.bus.newest(HERE).await.unwrap());
    assert_eq!(
        fed.all(HERE, &topic("odd"), 0, 5).await.0,
        (0..25).filter(|number| number % 2 == 1).collect::<Vec<_>>()
    );
    let half = fed.bus.read(HERE, &Filter::All, 0, 10).await.unwrap();
    assert_eq!(fed.all(HERE, &Filter::All, half.scanned, 100).await.0, (10..25).collect::<Vec<_>>());
    // At the end there is nothing, and what comes then is found from there.
    let nothing = fed.bus.read(HERE, &Filter::All, end, 10).await.unwrap();
    assert_eq!((nothing.events.len(), nothing.scanned, nothing.more), (0, end, false));
    fed.tell(HERE, "even", 26).await;
    assert_eq!(fed.all(HERE, &Filter::All, end, 10).await.0, [26]);
}

async fn keeps_tenants_apart(fed: Fed) {
    assert_eq!((fed.bus.newest(HERE).await.unwrap(), fed.all(HERE, &Filter::All, 0, 10).await), (0, (Vec::new(), 0)));
    fed.tell(HERE, "a", 1).await;
    fed.tell(THERE, "a", 2).await;
    assert_eq!(fed.all(HERE, &Filter::All, 0, 10).await.0, [1]);
    assert_eq!(fed.all(THERE, &Filter::All, 0, 10).await.0, [2]);
    assert!(fed.bus.newest(HERE).await.unwrap() < fed.bus.newest(THERE).await.unwrap());
}

async fn passes_what_does_not_fit(fed: Fed) {
    for number in 0..30 {
        fed.tell(HERE, "many", number).await;
    }
    let heard = fed.bus.read(HERE, &topic("few"), 0, 5).await.unwrap();
    assert_eq!((heard.events.len(), heard.more), (0, false));
    assert_eq!(heard.scanned, fed.bus.newest(HERE).await.unwrap(), "it is not looked at again");
}

async fn finds_the_place_of_a_moment(fed: Fed) {
    for number in 0..5 {
        fed.tell(HERE, "a", number).await;
    }
    let from = |seconds| NOW.plus(Duration::from_secs(seconds));
    let place = fed.bus.before(HERE, from(3)).await.unwrap();
    assert_eq!(fed.all(HERE, &Filter::All, place, 10).await.0, [3, 4]);
    assert_eq!(fed.bus.before(HERE, from(9)).await.unwrap(), fed.bus.newest(HERE).await.unwrap());
    assert_eq!(fed.bus.before(HERE, from(0)).await.unwrap(), 0);
}

macro_rules! conformance {
    ($($made:ident: $($case:ident),+;)+) => {
        $(mod $made {
            $(#[tokio::test]
            async fn $case() {
                let Some(fed) = super::$made().await else { return };
                super::$case(fed).await;
            })+
        })+
    };
}

conformance! {
    outbox: is_read_in_order_from_any_place, keeps_tenants_apart, passes_what_does_not_fit, finds_the_place_of_a_moment;
    nats: is_read_in_order_from_any_place, keeps_tenants_apart, passes_what_does_not_fit, finds_the_place_of_a_moment;
    nats_in_memory: is_read_in_order_from_any_place, keeps_tenants_apart, passes_what_does_not_fit,
        finds_the_place_of_a_moment;
    nats_further_back: is_read_in_order_from_any_place, keeps_tenants_apart, passes_what_does_not_fit,
        finds_the_place_of_a_moment;
}
