//! Finding flows, their versions, and who depends on them.

use std::collections::BTreeMap;

use super::faults::{FLOW_NOT_ACTIVE, TOO_MANY_FLOWS};
use super::model::flow::{Flow, Status};
use super::model::mark;
use super::model::version::Version;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::permit::Action;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::port::records::{Filter, Query, Scalar};

/// The counter of a tenant's flows.
const FLOWS: &str = "flows";
/// The most flows of a tenant.
pub(super) const MOST_FLOWS: u32 = 2_000;
/// So many are looked up at once.
const AT_ONCE: usize = 200;

/// The flow of an id that the caller may do this to.
pub(super) async fn load(cx: &Cx, given: &str, action: Action) -> Result<Stored<Flow>, Fault> {
    cx.load::<Flow>(Flow::id(given), action)
        .await
        .map_err(|fault| if fault.is(&codes::NOT_FOUND) { Fault::not_found("flow", given) } else { fault })
}

/// A version of a flow that was loaded.
pub(super) async fn version(cx: &Cx, flow: &Flow, wanted: &str) -> Result<Version, Fault> {
    let found = cx.get::<Version>(Version::id(&flow.flow_id, wanted)).await?;
    found.map(|stored| stored.value).ok_or_else(|| {
        let detail = serde_json::json!({ "id": flow.flow_id, "newest": flow.version });
        Fault::not_found("version of the flow", wanted).with_detail(detail)
    })
}

/// Flows by their ids; those that are not there are left out. Whether the caller sees them is not judged.
pub(super) async fn these(cx: &Cx, ids: &[String]) -> Result<BTreeMap<String, Flow>, Fault> {
    let mut found = BTreeMap::new();
    for some in ids.chunks(AT_ONCE) {
        let filter = Filter::In("id", some.iter().map(|id| Scalar::Id(Flow::id(id))).collect());
        let query = Query::newest(filter, u32::try_from(some.len()).unwrap_or(u32::MAX));
        for stored in cx.find::<Flow>(query).await? {
            found.insert(stored.value.flow_id.clone(), stored.value);
        }
    }
    Ok(found)
}

/// The flows in use that depend on a flow by themselves, by their ids.
pub(super) async fn dependents(cx: &Cx, flow_id: &str) -> Result<Vec<Flow>, Fault> {
    let archived = Filter::is("status", Scalar::Text(Status::Archived.name().to_owned()));
    let filter = Filter::Matches(mark('d', flow_id)).and(Filter::Not(Box::new(archived)));
    let query = Query { filter, order: "flowId", descending: false, after: None, limit: MOST_FLOWS };
    let depends = |flow: &Flow| flow.definition.dependencies.iter().any(|one| one.depends_on_flow_id == flow_id);
    let found = cx.find::<Flow>(query).await?;
    Ok(found.into_iter().map(|stored| stored.value).filter(depends).collect())
}

/// Counts a new flow against what the tenant may have.
pub(super) async fn room_for_one(cx: &Cx) -> Result<(), Fault> {
    cx.room_for_one(FLOWS, MOST_FLOWS, "flows", &TOO_MANY_FLOWS).await
}

/// The fault of a flow that is not in use.
pub(super) fn not_active(flow: &Flow) -> Fault {
    let say = format!("the flow '{}' is {}", flow.flow_id, flow.status.name());
    Fault::new(&FLOW_NOT_ACTIVE, say).with_detail(serde_json::json!({ "status": flow.status }))
}
