//! Starting executions, and how those that were started stand: for the domain's own tools and for other domains.

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::faults::NOT_PUBLISHED;
use super::finding::{Stage, not_published, unfit};
use super::model::execution::{EXECUTION, Execution, Status};
use super::working::Desk;
use crate::capability::cx::{Belongs, Cx, store_fault};
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::domain::processes::engine::interpreter::State;
use crate::domain::processes::reading;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::records::{Filter, Query, Scalar, Scope, Visibility};

/// So many are looked up at once.
const AT_ONCE: usize = 200;

/// What is to be started.
pub(crate) struct Start {
    /// The id or name of the process.
    pub(crate) process: String,
    /// A published version; the newest where none is named.
    pub(crate) version: Option<String>,
    /// What it begins with.
    pub(crate) variables: Map<String, Value>,
    /// Who or what it is started by, for the record.
    pub(crate) initiator: Option<String>,
    /// Whether it is only made.
    pub(crate) hold: bool,
    /// Smaller comes first among what is due.
    pub(crate) priority: i32,
}

/// What was started.
pub(crate) struct Started {
    /// Its id.
    pub(crate) id: Uuid,
    /// The process.
    pub(crate) process_id: String,
    /// The version that it keeps to.
    pub(crate) version: String,
}

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

/// Starts an execution by a call, on the caller's behalf.
pub(super) async fn begin(cx: &Cx, start: Start) -> Result<(Uuid, Execution, Stage), Fault> {
    let published = reading::published(cx.platform(), cx.caller(), &start.process, start.version.as_deref()).await?;
    let (process_id, revision) = published.ok_or_else(|| not_published(&start.process))?;
    let stage = Stage::of(cx, &process_id, revision.revision).await?;
    let id = cx.new_id();
    let execution = Execution {
        process_id,
        version: revision.called(),
        revision: revision.revision,
        status: if start.hold { Status::Held } else { Status::Running },
        state: State::default(),
        user: cx.caller().user,
        key: cx.caller().principal.key(),
        priority: start.priority,
        started_at: None,
        ended_at: None,
        failure: None,
        failed_at: None,
        result: None,
        parent: None,
        parent_token: None,
        parent_item: None,
        depth: 0,
        hops: cx.hops(),
        held: Vec::new(),
        marks: String::new(),
    };
    let scene = stage.scene(cx, id);
    let played = scene.start(execution, start.variables).map_err(|failure| unfit(&failure))?;
    let detail = start.initiator.map(|initiator| json!({ "initiator": initiator }));
    let deed = scene.deed(if start.hold { "made" } else { "started" }, cx.caller().user, detail);
    let belongs = Belongs { visibility: Visibility::Private, ..cx.belongs_to_caller() };
    cx.create(id, belongs, &played.execution)?;
    cx.steps(deed.into_iter().collect());
    let execution = played.write_beside(cx)?;
    cx.service::<Desk>()?.wake();
    Ok((id, execution, stage))
}

/// The same for another domain, which judges whether the caller may.
///
/// # Errors
/// Where it cannot be started; nothing was collected then.
pub(crate) async fn start(cx: &Cx, start: Start) -> Result<Started, Fault> {
    let (id, execution, _) = begin(cx, start).await?;
    Ok(Started { id, process_id: execution.process_id, version: execution.version })
}

/// Why a process cannot be started by the caller; none where it can.
///
/// # Errors
/// When the store fails.
pub(crate) async fn hindrance(cx: &Cx, process: &str, version: Option<&str>) -> Result<Option<String>, Fault> {
    match reading::published(cx.platform(), cx.caller(), process, version).await {
        Ok(Some(_)) => Ok(None),
        Ok(None) => Ok(Some(not_published(process).say().to_owned())),
        Err(fault) if fault.is(&codes::NOT_FOUND) || fault.is(&NOT_PUBLISHED) => Ok(Some(fault.say().to_owned())),
        Err(fault) => Err(fault),
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
