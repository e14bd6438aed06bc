//! `graph_upsert`: nodes and relations, made or changed.

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::knowledge::upserting::{Input, Output, take};
use crate::kernel::fault::Fault;

/// Makes or changes nodes and relations.
pub(in crate::domain::knowledge) struct GraphUpsert;

impl Capability for GraphUpsert {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "graph_upsert",
        Domain::Knowledge,
        Route::post("/knowledge/graph"),
        Permit::on(Resource::Graph, Action::Change),
        "Puts nodes and relations into the knowledge graph: people, companies, things and how they hang together, with properties, sources and \
         validity in time. What is known already is found by id, by type and key, or by name, and changed; says what was created, changed, merged \
         or unchanged. A wrong merge is undone with 'splits'. To look something up first use graph_search.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        take(cx, input).await
    }
}
