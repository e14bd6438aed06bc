//! What can go wrong with the graph.

use crate::kernel::codes::{Code, CodeRow};

/// The query cannot be read.
pub(super) static GRAPH_QUERY_SYNTAX: CodeRow = CodeRow::of_caller(
    "graph_query_syntax",
    422,
    "The query cannot be read: the detail names line and column. Write it as docs/graph-query.md says, such as MATCH (a:Person)-[r:knows]->(b) \
     WHERE a.name = $name RETURN b.name LIMIT 20, with the values in 'parameters'.",
);

/// The query uses what is left out.
pub(super) static GRAPH_QUERY_UNSUPPORTED: CodeRow = CodeRow::of_caller(
    "graph_query_unsupported",
    422,
    "The query uses a part of Cypher that is left out: the detail names it with line and column and says what to write in its stead.",
);

/// The query does with a value what cannot be done with it.
pub(super) static GRAPH_QUERY_UNFIT: CodeRow = CodeRow::of_caller(
    "graph_query_unfit",
    422,
    "The query does with a value what cannot be done with it, such as a sum of texts. Compare the types of the properties with what the query does.",
);

/// Too much was looked at.
pub(super) static GRAPH_TOO_MANY_STEPS: CodeRow = CodeRow::of_caller(
    "graph_too_many_steps",
    422,
    "Too much of the graph would have to be looked at. Begin at a node that is known by id, key or name, name the types of nodes and relations, \
     or take shorter ways.",
);

/// Too many rows.
pub(super) static GRAPH_TOO_MANY_ROWS: CodeRow = CodeRow::of_caller(
    "graph_too_many_rows",
    422,
    "The answer would have more rows than one call may tell. Write LIMIT, with SKIP for the next part, or aggregate.",
);

/// Too much to hold.
pub(super) static GRAPH_TOO_MUCH_MEMORY: CodeRow = CodeRow::of_caller(
    "graph_too_much_memory",
    422,
    "Too much would have to be held at once. Return properties in place of whole nodes, name types, or take shorter ways.",
);

/// Too slow.
pub(super) static GRAPH_TOO_SLOW: CodeRow = CodeRow::of_caller(
    "graph_too_slow",
    422,
    "The graph could not be looked through in the time that one call has. Begin at a node that is known by id, key or name, and name types.",
);

/// A node has as much as one may have.
pub(super) static GRAPH_NODE_TOO_LARGE: CodeRow = CodeRow::of_caller(
    "graph_node_too_large",
    422,
    "A node or relation has at most 100 properties of 32,768 characters in all as JSON, and a node 100 aliases. Keep long texts elsewhere and \
     name their source.",
);

/// All of them.
pub(super) static ALL: &[Code] = &[
    &GRAPH_QUERY_SYNTAX,
    &GRAPH_QUERY_UNSUPPORTED,
    &GRAPH_QUERY_UNFIT,
    &GRAPH_TOO_MANY_STEPS,
    &GRAPH_TOO_MANY_ROWS,
    &GRAPH_TOO_MUCH_MEMORY,
    &GRAPH_TOO_SLOW,
    &GRAPH_NODE_TOO_LARGE,
];
