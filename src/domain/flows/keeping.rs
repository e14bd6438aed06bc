//! Keeping versions of flows: judged, and only then written.

use serde_json::json;

use super::faults::{FLOW_CYCLE, FLOW_UNUSABLE, FLOW_VERSION_TAKEN};
use super::judging::{Judged, judged};
use super::model::definition::Definition;
use super::model::flow::{Flow, Status};
use super::model::turn;
use super::model::version::{Version, after, numbers};
use super::topics::UPDATED;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::kernel::fault::Fault;

/// The largest definition, in bytes of JSON.
const LARGEST: usize = 1_000_000;

/// Judges a definition that is to be kept.
pub(super) async fn proved(cx: &Cx, flow: &Flow) -> Result<Judged, Fault> {
    let size = serde_json::to_vec(&flow.definition).map_err(Fault::internal)?.len();
    if size > LARGEST {
        let say = format!("the flow has {size} bytes, and may have {LARGEST}: keep large data elsewhere and name it");
        return Err(Fault::bad_input("", say));
    }
    if !flow.definition.dependencies.is_empty() {
        turn::take(cx).await?;
    }
    let judged = judged(cx, &flow.flow_id, flow.kind, &flow.definition).await?;
    if let Some(cycle) = &judged.cycle {
        let say = format!("the flow would depend on itself: {}", cycle.join(" -> "));
        return Err(Fault::new(&FLOW_CYCLE, say).with_detail(json!({ "cycle": cycle })));
    }
    if let Some(first) = judged.errors.first() {
        let say = match judged.errors.len() {
            1 => format!("{}: {}", first.at, first.message),
            many => format!("{many} rules are broken, first at {}: {}", first.at, first.message),
        };
        return Err(Fault::new(&FLOW_UNUSABLE, say).with_detail(json!({ "errors": judged.errors })));
    }
    Ok(judged)
}

/// What changes of a flow.
pub(super) struct Next {
    /// What it says then.
    pub(super) definition: Definition,
    /// How it stands then.
    pub(super) status: Status,
    /// The version; the last number of the newest one grows when not said.
    pub(super) version: Option<String>,
    /// What is new.
    pub(super) message: Option<String>,
}

/// Changes a flow: a new version where it says something else. Answers whether anything changed.
pub(super) async fn change(cx: &Cx, stored: &Stored<Flow>, mut next: Next) -> Result<(Flow, Judged, bool), Fault> {
    next.definition.name_edges();
    let mut flow = stored.value.clone();
    let says_else = next.definition != flow.definition;
    if let Some(version) = &next.version {
        let greater = numbers(version).zip(numbers(&flow.version)).is_some_and(|(new, old)| new > old);
        if !greater {
            let say = format!("the newest version is {}, and {version} is not greater", flow.version);
            return Err(Fault::new(&FLOW_VERSION_TAKEN, say).with_detail(json!({ "newest": flow.version })));
        }
    }
    flow.status = next.status;
    flow.definition = next.definition;
    let judged = proved(cx, &flow).await?;
    let new = says_else || next.version.is_some();
    if !new && flow.status == stored.value.status {
        return Ok((flow, judged, false));
    }
    if new {
        flow.version = next.version.unwrap_or_else(|| after(&flow.version));
        flow.revision += 1;
        flow.name.clone_from(&flow.definition.name);
        flow.words = flow.definition.words(&flow.flow_id);
        flow.marks = flow.definition.marks();
    }
    cx.change(stored, &flow)?;
    if new {
        write_version(cx, &flow, next.message)?;
    }
    tell(cx, UPDATED, &flow)?;
    Ok((flow, judged, true))
}

/// Writes what the newest version of a flow says.
pub(super) fn write_version(cx: &Cx, flow: &Flow, message: Option<String>) -> Result<(), Fault> {
    let version = Version {
        flow_id: flow.flow_id.clone(),
        version: flow.version.clone(),
        revision: flow.revision,
        definition: flow.definition.clone(),
        author: cx.caller().user,
        message,
        written_at: cx.now(),
    };
    cx.create(Version::id(&flow.flow_id, &flow.version), cx.belongs_to_caller(), &version)
}

/// Tells what became of a flow.
pub(super) fn tell(cx: &Cx, topic: &str, flow: &Flow) -> Result<(), Fault> {
    cx.emit(topic, &flow.flow_id, &json!({ "flowId": flow.flow_id, "type": flow.kind, "version": flow.version }))
}
