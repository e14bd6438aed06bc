//! Withdrawing what was begun elsewhere for an execution.

use uuid::Uuid;

use super::super::model::execution::Execution;
use super::{Place, children, people};
use crate::capability::platform::Platform;
use crate::domain::processes::engine::graph::Graph;
use crate::domain::processes::engine::nodes::Config;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::port::store::Step;

/// What withdraws what was begun elsewhere and is no longer under way: a time limit may give up one item of a list alone. What has just
/// told how it ended needs no withdrawing.
pub(in crate::domain::executions) async fn withdrawn(
    platform: &Platform,
    tenant: TenantId,
    id: Uuid,
    graph: &Graph,
    (before, after): (&Execution, &Execution),
    ended: Option<Place>,
) -> Result<Vec<Step>, Fault> {
    let mut steps = Vec::new();
    for token in &before.state.tokens {
        let Some((config, places)) = children::begun(graph, token) else { continue };
        for (item, attempt) in places {
            let wanted = !after.status.is_over() && after.state.is_under_way(token.id, item, attempt);
            let place: Place = (token.id, item, attempt);
            if wanted || ended == Some(place) {
                continue;
            }
            match config {
                Config::HumanTask(_) => steps.extend(people::withdrawn(platform, tenant, id, place).await?),
                Config::SubProcess(_) => steps.extend(children::called_off(platform, id, place, before)),
                _ => {}
            }
        }
    }
    Ok(steps)
}
