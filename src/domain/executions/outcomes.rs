//! How executions stand, and what came of them, for who started them.

use std::collections::HashMap;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::model::execution::{EXECUTION, Execution, Status};
use crate::capability::cx::store_fault;
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::records::{Filter, Query, Scalar, Scope};

/// So many are looked up at once.
const AT_ONCE: usize = 200;

/// How an execution stands, for who started it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It was made and not begun.
    Held,
    /// It runs, or is paused.
    UnderWay,
    /// It came to its end.
    Completed,
    /// It failed.
    Failed,
    /// It was called off, or taken back.
    CalledOff,
}

/// How an execution stands, and what came of it.
#[derive(Debug, Clone)]
pub(crate) struct Stands {
    /// How.
    pub(crate) standing: Standing,
    /// When it began.
    pub(crate) started_at: Option<Timestamp>,
    /// When it ended.
    pub(crate) ended_at: Option<Timestamp>,
    /// What it answered.
    pub(crate) result: Option<Map<String, Value>>,
    /// Why it failed.
    pub(crate) failure: Option<String>,
}

impl Standing {
    /// That of a status by its name.
    fn named(name: &str) -> Option<Self> {
        use Status::{Cancelled, Compensated, Completed, Failed, Held, Paused, Running};
        let all = [Held, Running, Paused, Completed, Failed, Cancelled, Compensated];
        all.into_iter().find(|one| one.name() == name).map(Self::of)
    }

    const fn of(status: Status) -> Self {
        match status {
            Status::Held => Self::Held,
            Status::Running | Status::Paused => Self::UnderWay,
            Status::Completed => Self::Completed,
            Status::Failed => Self::Failed,
            Status::Cancelled | Status::Compensated => Self::CalledOff,
        }
    }
}

/// How executions stand, with what came of them.
///
/// # Errors
/// When the store fails.
pub(crate) async fn standings(
    platform: &Platform,
    tenant: TenantId,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Stands>, Fault> {
    let mut found = HashMap::new();
    for some in ids.chunks(AT_ONCE) {
        let filter = Filter::In("id", some.iter().copied().map(Scalar::Id).collect());
        let query = Query::newest(filter, u32::try_from(some.len()).unwrap_or(u32::MAX));
        let records = platform.store.find(Scope::Tenant(tenant), &EXECUTION, query).await.map_err(store_fault)?;
        for record in records {
            let Stored { id, value, .. } = Stored::<Execution>::read(record)?;
            let stands = Stands {
                standing: Standing::of(value.status),
                started_at: value.started_at,
                ended_at: value.ended_at,
                result: value.result,
                failure: value.failure.map(|failure| format!("{}: {}", failure.code, failure.message)),
            };
            found.insert(id, stands);
        }
    }
    Ok(found)
}

/// How executions stand, for figures: nothing of what they brought is read.
///
/// # Errors
/// When the store fails.
pub(crate) async fn standings_in_short(
    platform: &Platform,
    tenant: TenantId,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Stands>, Fault> {
    let mut found = HashMap::new();
    for some in ids.chunks(AT_ONCE) {
        let filter = Filter::In("id", some.iter().copied().map(Scalar::Id).collect());
        let limit = u32::try_from(some.len()).unwrap_or(u32::MAX);
        let names: &'static [&'static str] = &["id", "status", "startedAt", "endedAt"];
        let rows = platform.store.columns(Scope::Tenant(tenant), &EXECUTION, names, filter, limit).await;
        for row in rows.map_err(store_fault)? {
            let [Scalar::Id(id), Scalar::Text(status), started, ended] = row.as_slice() else { continue };
            let Some(standing) = Standing::named(status) else { continue };
            let time = |one: &Scalar| if let Scalar::Time(at) = one { Some(*at) } else { None };
            let (started_at, ended_at) = (time(started), time(ended));
            found.insert(*id, Stands { standing, started_at, ended_at, result: None, failure: None });
        }
    }
    Ok(found)
}
