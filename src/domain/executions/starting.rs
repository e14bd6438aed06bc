//! Beginning executions of published versions by a call.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::faults::{NOT_PUBLISHED, TOO_DEEP};
use super::finding::{Stage, not_published, unfit};
use super::model::execution::{Execution, Status};
use super::playing::Played;
use super::working::Desk;
use crate::capability::cx::{Belongs, Cx};
use crate::domain::processes::engine::interpreter::State;
use crate::domain::processes::reading;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::port::records::Visibility;

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

/// A version that can be started.
pub(super) struct Startable {
    process_id: String,
    version: String,
    revision: u32,
    pub(super) stage: Stage,
}

/// How one is to begin.
#[derive(Default)]
pub(super) struct Beginning {
    pub(super) variables: Map<String, Value>,
    pub(super) hold: bool,
    pub(super) priority: i32,
    /// What it belongs to, where it is one of many.
    pub(super) batch: Option<Uuid>,
}

impl Startable {
    /// The version that is meant, the newest where none is named, where the caller may start it now.
    pub(super) async fn find(cx: &Cx, process: &str, version: Option<&str>) -> Result<Self, Fault> {
        let found = Self::look(cx, process, version).await?;
        found.stage.held_to(cx)?;
        let most = cx.platform().config.events.most_hops;
        if cx.hops() > most {
            let say = format!("executions set each other off in a chain of more than {most} (events.most_hops)");
            return Err(Fault::new(&TOO_DEEP, say));
        }
        Ok(found)
    }

    /// The same for whoever only looks at it.
    pub(super) async fn look(cx: &Cx, process: &str, version: Option<&str>) -> Result<Self, Fault> {
        let published = reading::published(cx.platform(), cx.caller(), process, version).await?;
        let (process_id, revision) = published.ok_or_else(|| not_published(process))?;
        let stage = Stage::of(cx, &process_id, revision.revision).await?;
        Ok(Self { process_id, version: revision.called(), revision: revision.revision, stage })
    }

    /// The version's name.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// The number of its definition.
    pub(super) fn revision(&self) -> u32 {
        self.revision
    }

    /// The process.
    pub(super) fn process_id(&self) -> &str {
        &self.process_id
    }

    /// Begins one; what comes of that is not written yet.
    pub(super) fn begin(&self, cx: &Cx, id: Uuid, beginning: Beginning) -> Result<Played, Fault> {
        let execution = Execution {
            process_id: self.process_id.clone(),
            version: self.version.clone(),
            revision: self.revision,
            status: if beginning.hold { Status::Held } else { Status::Running },
            state: State::default(),
            user: cx.caller().user,
            key: cx.caller().principal.key(),
            bound: cx.caller().bound.as_deref().cloned(),
            priority: beginning.priority,
            started_at: None,
            ended_at: None,
            failure: None,
            failed_at: None,
            result: None,
            parent: beginning.batch,
            parent_token: None,
            parent_item: None,
            parent_attempt: None,
            root: None,
            depth: 0,
            hops: cx.hops(),
            traceparent: cx.call().trace,
            held: Vec::new(),
            marks: String::new(),
        };
        let scene = self.stage.scene(cx, id);
        let played = if beginning.hold {
            scene.make(execution, beginning.variables)
        } else {
            scene.start(execution, beginning.variables)
        };
        played.map_err(|failure| unfit(&failure))
    }
}

/// Starts an execution by a call, on the caller's behalf.
pub(super) async fn start_whole(cx: &Cx, start: Start) -> Result<(Uuid, Execution, Stage), Fault> {
    let found = Startable::find(cx, &start.process, start.version.as_deref()).await?;
    let id = cx.new_id();
    let Start { variables, hold, priority, .. } = start;
    let played = found.begin(cx, id, Beginning { variables, hold, priority, batch: None })?;
    let detail = start.initiator.map(|initiator| json!({ "initiator": initiator }));
    let deed = found.stage.scene(cx, id).deed(if hold { "made" } else { "started" }, cx.caller().user, detail);
    let belongs = Belongs { visibility: Visibility::Private, ..cx.belongs_to_caller() };
    cx.create(id, belongs, &played.execution)?;
    cx.steps(deed.into_iter().collect());
    let execution = played.write_beside(cx)?;
    cx.service::<Desk>()?.wake();
    Ok((id, execution, found.stage))
}

/// The same for another domain, which judges whether the caller may; answers the execution's id.
///
/// # Errors
/// Where it cannot be started; nothing was collected then.
pub(crate) async fn start(cx: &Cx, start: Start) -> Result<Uuid, Fault> {
    start_whole(cx, start).await.map(|(id, ..)| id)
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

/// Whether the caller could start this now: for what starts it later.
///
/// # Errors
/// Why it could not be: `not_found`, `process_not_published`, `execution_variables_unfit`.
pub(crate) async fn could_start(
    cx: &Cx,
    process: &str,
    version: Option<&str>,
    variables: &Map<String, Value>,
) -> Result<(), Fault> {
    let found = Startable::find(cx, process, version).await?;
    found.begin(cx, cx.new_id(), Beginning { variables: variables.clone(), ..Beginning::default() }).map(drop)
}
