//! `graph_delete`: a node with its relations, or one relation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::owned::{Verdict, judge};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::knowledge::model::{Node, Relation};
use crate::domain::knowledge::topics::{DELETED, RELATION_DELETED};
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::NodeId;
use crate::port::records::{Filter, Query, Scalar, Visibility};

/// Relations that are removed together.
const STEP: u32 = 1_000;

/// Removes from the graph.
pub(in crate::domain::knowledge) struct GraphDelete;

/// What to remove.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::domain::knowledge) struct Input {
    /// The id of a node or of a relation.
    #[schemars(with = "NodeId")]
    id: Uuid,
}

/// What was removed.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::knowledge) enum Removed {
    /// A node.
    Node,
    /// A relation.
    Relation,
}

/// What is gone.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::domain::knowledge) struct Output {
    /// What it was.
    removed: Removed,
    /// Its id.
    #[schemars(with = "NodeId")]
    id: Uuid,
    /// How many relations that the caller could see went with a node.
    relations: u64,
}

impl Capability for GraphDelete {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::remove(
        "graph_delete",
        Domain::Knowledge,
        Route::delete("/knowledge/graph/{id}"),
        Permit::on(Resource::Graph, Action::Remove),
        "Removes a node with all its relations and every version of them from the knowledge graph, or one relation. To say that something is over \
         and keep it, give 'validTo' with graph_upsert.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let id = input.id;
        let node = match cx.load::<Node>(id, Action::Remove).await {
            Err(fault) if fault.is(&codes::NOT_FOUND) => return relation(cx, id).await,
            answer => answer?,
        };
        cx.about::<Node>(id);
        let mut relations = 0;
        for end in ["from", "to"] {
            loop {
                let query = Query::newest(Filter::is(end, Scalar::Id(id)), STEP);
                let some = cx.find::<Relation>(query).await?;
                for stored in &some {
                    // One from the node to itself is met at its beginning.
                    if end == "to" && stored.value.from == id {
                        continue;
                    }
                    relations += u64::from(judge(cx.caller(), stored, Action::Read) == Verdict::Allowed);
                    cx.remove(stored)?;
                }
                if some.len() < STEP as usize {
                    break;
                }
                // What leads to a node that is not there any more is told to nobody: the node may go last.
                cx.checkpoint().await?;
            }
        }
        cx.remove(&node)?;
        if node.visibility == Visibility::Tenant {
            cx.emit(DELETED, id, &json!({ "nodeId": id }))?;
        }
        Ok(Output { removed: Removed::Node, id, relations })
    }
}

async fn relation(cx: &Cx, id: Uuid) -> Result<Output, Fault> {
    let stored = match cx.load::<Relation>(id, Action::Remove).await {
        Err(fault) if fault.is(&codes::NOT_FOUND) => return Err(Fault::not_found("node or relation", id)),
        answer => answer?,
    };
    cx.remove(&stored)?;
    if stored.visibility == Visibility::Tenant && ends_are_shared(cx, &stored.value).await? {
        let data = json!({ "relationId": id, "from": stored.value.from, "to": stored.value.to });
        cx.emit(RELATION_DELETED, id, &data)?;
    }
    Ok(Output { removed: Removed::Relation, id, relations: 0 })
}

/// Whether everybody of the tenant may see both ends.
async fn ends_are_shared(cx: &Cx, relation: &Relation) -> Result<bool, Fault> {
    let ends = Filter::In("id", vec![Scalar::Id(relation.from), Scalar::Id(relation.to)]);
    let ends = cx.find::<Node>(Query::newest(ends, 2)).await?;
    let is_shared = |id| ends.iter().any(|node| node.id == id && node.visibility == Visibility::Tenant);
    Ok(is_shared(relation.from) && is_shared(relation.to))
}
