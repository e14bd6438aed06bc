//! Any filter over any values is a statement that runs, shows nothing of another tenant, and parts the documents: those that
//! fit it and those that fit its negation are together all of them.
#![no_main]

use std::sync::{Arc, LazyLock};

use arbitrary::{Arbitrary, Result, Unstructured};
use convoke::adapter::sqlite::{SqliteConfig, SqliteStore};
use convoke::kernel::clock::ManualClock;
use convoke::kernel::id::{TenantId, new_uuid};
use convoke::kernel::time::Timestamp;
use convoke::port::records::{
    Comparison, Field, FieldType, Filter, Kind, Query, Records as _, Scalar, Scope, Visibility,
};
use convoke::port::store::{Batch, Expect, Put, Step, Store as _};
use libfuzzer_sys::fuzz_target;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

static THING: Kind = Kind {
    fields: &[
        Field { name: "name", of: FieldType::Text },
        Field { name: "rank", of: FieldType::Integer },
        Field { name: "active", of: FieldType::Boolean },
        Field { name: "seenAt", of: FieldType::Time },
        Field { name: "leader", of: FieldType::Id },
    ],
    text: &["name"],
    ..Kind::new("thing")
};

const EACH: u64 = 12;

/// A store with as many things of one tenant as of another.
static STORE: LazyLock<(Runtime, Arc<SqliteStore>, [TenantId; 2], tempfile::TempDir)> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let now = Timestamp::from_millis(1_763_640_000_000);
    let clock = Arc::new(ManualClock::at(now));
    let config = SqliteConfig::new(folder.path().join("things.db"), vec![&THING], Vec::new(), clock);
    let store = SqliteStore::open(config).expect("a store");
    let tenants = [TenantId::new(now), TenantId::new(now)];
    let thing = |number: u64| match number % 3 {
        0 => {
            json!({ "name": "Ada \"Love\" lace", "rank": number, "active": true, "seenAt": now, "leader": Uuid::nil() })
        }
        1 => json!({ "name": "100% _a_ 'b'; --", "rank": -1, "active": false }),
        _ => json!({}),
    };
    for tenant in tenants {
        let steps = (0..EACH).map(|number| {
            Step::Put(Put {
                kind: &THING,
                id: new_uuid(now),
                expect: Expect::Absent,
                owner: None,
                workspace: None,
                visibility: Visibility::Tenant,
                body: thing(number),
            })
        });
        runtime.block_on(store.commit(vec![Batch { tenant, at: now, steps: steps.collect() }])).expect("a commit");
    }
    (runtime, store, tenants, folder)
});

/// A filter from bytes, at most so deep.
fn filter(from: &mut Unstructured, depth: u32) -> Result<Filter> {
    let names = ["name", "rank", "active", "seenAt", "leader"];
    let at = from.choose_index(names.len())?;
    let name = names[at];
    let many = |from: &mut Unstructured| -> Result<Vec<Filter>> {
        (0..from.int_in_range(0..=4)?).map(|_| filter(from, depth - 1)).collect()
    };
    Ok(match from.int_in_range(0..=if depth == 0 { 5 } else { 8 })? {
        0 => Filter::All,
        1 => Filter::Compare(name, comparison(from)?, scalar(from, at)?),
        2 => Filter::In(name, (0..from.int_in_range(0..=4)?).map(|_| scalar(from, at)).collect::<Result<_>>()?),
        3 => Filter::IsNull(name),
        4 => Filter::StartsWith("name", String::arbitrary(from)?),
        5 => Filter::Matches(String::arbitrary(from)?),
        6 => Filter::Not(Box::new(filter(from, depth - 1)?)),
        7 => Filter::And(many(from)?),
        _ => Filter::Or(many(from)?),
    })
}

fn comparison(from: &mut Unstructured) -> Result<Comparison> {
    use Comparison::{AtLeast, AtMost, Equal, Greater, Less};
    Ok(*from.choose(&[Equal, Less, AtMost, Greater, AtLeast])?)
}

fn scalar(from: &mut Unstructured, field: usize) -> Result<Scalar> {
    if from.ratio(1, 8)? {
        return Ok(Scalar::Null);
    }
    Ok(match field {
        0 => Scalar::Text(String::arbitrary(from)?),
        1 => Scalar::Integer(i64::arbitrary(from)?),
        2 => Scalar::Boolean(bool::arbitrary(from)?),
        3 => Scalar::Time(Timestamp::from_millis(from.int_in_range(-1..=4_000_000_000_000)?)),
        _ => Scalar::Id(Uuid::from_u128(u128::arbitrary(from)?)),
    })
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(filter) = filter(&mut Unstructured::new(bytes), 4) else { return };
    let (runtime, store, tenants, _) = &*STORE;
    let scope = Scope::Tenant(tenants[0]);
    runtime.block_on(async {
        let fit = store.find(scope, &THING, Query::newest(filter.clone(), 1000)).await.expect("the statement runs");
        assert!(fit.iter().all(|record| record.tenant == tenants[0]), "another tenant's document");
        let count = store.count(scope, &THING, filter.clone()).await.expect("the statement runs");
        assert_eq!(count, fit.len() as u64, "{filter:?}");
        let others = store.count(scope, &THING, Filter::Not(Box::new(filter.clone()))).await.expect("it runs");
        assert_eq!(count + others, EACH, "{filter:?}");
    });
});
