//! `graph_query`: questions in a part of Cypher that can only read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::knowledge::engine::cypher;
use crate::domain::knowledge::looking::{graph_fault, limits, refused, view};
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::graph::TheGraph;

/// The most values of a list that is given: it is looked through for each row.
const LONGEST_LIST: usize = 1_000;

/// Answers questions.
pub(in crate::domain::knowledge) struct GraphQuery;

/// The question.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::knowledge) struct Input {
    /// The query: MATCH, OPTIONAL MATCH, WHERE, RETURN, ORDER BY, SKIP, LIMIT, as in
    /// `MATCH (a:Person)-[:works_at]->(c:Company) WHERE c.name = $name RETURN a.name ORDER BY a.name LIMIT 20`.
    #[schemars(length(min = 1, max = 10_000))]
    query: String,
    /// The values that stand for `$name` in the query: texts, numbers, true, false, null and lists of them.
    #[serde(default)]
    parameters: Map<String, Value>,
    /// Only what was valid at this moment; now when not said.
    #[serde(default)]
    valid_at: Option<Timestamp>,
    /// Over nodes and relations of all times.
    #[serde(default)]
    any_time: bool,
}

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::domain::knowledge) struct Output {
    /// The columns, as they are named in RETURN.
    columns: Vec<String>,
    /// The rows: a value for each column.
    #[schemars(schema_with = "rows")]
    rows: Vec<Vec<Value>>,
    /// Nodes and relations that were looked at; 200,000 at most.
    steps: usize,
}

/// Any value may stand in a row; some clients want that said by an object.
fn rows(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "array", "items": { "type": "array", "items": { "description": "A value: a scalar, a list, an object of properties, a node, a relation, or null." } } })
}

impl Capability for GraphQuery {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "graph_query",
        Domain::Knowledge,
        Route::post("/knowledge/graph/query"),
        Permit::on(Resource::Graph, Action::Read),
        "Asks the knowledge graph a question in Cypher that only reads: patterns of nodes and relations, conditions, counts, sums and lists, sorted \
         and cut. For a text use graph_search, for one node graph_get, for a path graph_path.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        for (name, value) in &input.parameters {
            if value.as_array().is_some_and(|list| list.len() > LONGEST_LIST) {
                let pointer = format!("/parameters/{}", name.replace('~', "~0").replace('/', "~1"));
                return Err(Fault::bad_input(pointer, format!("is a list of more than {LONGEST_LIST} values")));
            }
        }
        let query = cypher::read(&input.query, &input.parameters).map_err(refused)?;
        let view = view(cx, input.valid_at, input.any_time);
        let table = cx.service::<TheGraph>()?.0.run(&view, &query, limits(cx)).await.map_err(graph_fault)?;
        Ok(Output { columns: table.columns, rows: table.rows, steps: table.steps })
    }
}
