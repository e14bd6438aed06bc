//! Looking at the graph as a caller: what they may see, at which moment, within which limits, and how what went wrong is told.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::engine::cypher::Refused;
use super::faults::{
    GRAPH_QUERY_SYNTAX, GRAPH_QUERY_UNFIT, GRAPH_QUERY_UNSUPPORTED, GRAPH_TOO_MANY_ROWS, GRAPH_TOO_MANY_STEPS,
    GRAPH_TOO_MUCH_MEMORY, GRAPH_TOO_SLOW,
};
use super::model::Node;
use super::views::NodeBrief;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::owned::visible_to;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::graph::{GraphFault, Limits, View};
use crate::port::records::{Filter, Query, Scalar};

/// Nodes and relations that one call may look at.
pub(super) const MOST_STEPS: usize = 200_000;
/// Rows that a query may tell.
pub(super) const MOST_ROWS: usize = 1_000;
/// Bytes that a call may hold of the graph.
const MOST_MEMORY: usize = 64 << 20;
/// Nodes of one read.
const STEP: usize = 200;
/// How long a call may look through the graph.
const LONGEST: Duration = Duration::from_secs(5);

/// The graph as the caller may see it: at a moment, now where none is named, or over all time.
pub(super) fn view(cx: &Cx, at: Option<Timestamp>, any_time: bool) -> View {
    let at = if any_time { None } else { Some(at.unwrap_or_else(|| cx.now())) };
    View { tenant: cx.tenant(), visible: visible_to::<Node>(cx.caller()), at }
}

/// What one call may take.
pub(super) fn limits(cx: &Cx) -> Limits {
    let time = LONGEST.min(cx.time_left());
    Limits { steps: MOST_STEPS, rows: MOST_ROWS, memory: MOST_MEMORY, time }
}

/// A fault of the graph as the caller learns it.
pub(super) fn graph_fault(fault: GraphFault) -> Fault {
    let (code, say, limit): (_, _, Value) = match fault {
        GraphFault::TooManySteps => {
            (&GRAPH_TOO_MANY_STEPS, "too much of the graph would have to be looked at", json!({ "steps": MOST_STEPS }))
        }
        GraphFault::TooManyRows => (&GRAPH_TOO_MANY_ROWS, "the answer has too many rows", json!({ "rows": MOST_ROWS })),
        GraphFault::TooMuchMemory => {
            (&GRAPH_TOO_MUCH_MEMORY, "too much would have to be held at once", json!({ "bytes": MOST_MEMORY }))
        }
        GraphFault::TooLong => {
            (&GRAPH_TOO_SLOW, "the graph could not be looked through in time", json!({ "seconds": LONGEST.as_secs() }))
        }
        GraphFault::Unfit(why) => return Fault::new(&GRAPH_QUERY_UNFIT, why),
        GraphFault::Store(fault) => return store_fault(fault),
    };
    Fault::new(code, say).with_detail(json!({ "limit": limit }))
}

/// Why a query is refused, as the caller learns it.
pub(super) fn refused(refused: Refused) -> Fault {
    let place = refused.place;
    let say = format!("line {}, column {}: {}", place.line, place.column, refused.say);
    let mut detail = json!({ "line": place.line, "column": place.column });
    let code = if refused.outside.is_some() { &GRAPH_QUERY_UNSUPPORTED } else { &GRAPH_QUERY_SYNTAX };
    if let (Some(name), Some(instead)) = (refused.outside, refused.instead) {
        detail["construct"] = name.into();
        detail["instead"] = instead.into();
    }
    Fault::new(code, say).with_detail(detail)
}

/// Those of these nodes that the caller may see, in short.
pub(super) async fn briefs(cx: &Cx, ids: &[Uuid]) -> Result<HashMap<Uuid, NodeBrief>, Fault> {
    let mut found = HashMap::with_capacity(ids.len());
    for some in ids.chunks(STEP) {
        let filter = Filter::In("id", some.iter().copied().map(Scalar::Id).collect());
        let filter = filter.and(visible_to::<Node>(cx.caller()));
        let limit = u32::try_from(STEP).unwrap_or(u32::MAX);
        for stored in cx.find::<Node>(Query::newest(filter, limit)).await? {
            found.insert(stored.id, NodeBrief::of(&stored));
        }
    }
    Ok(found)
}
