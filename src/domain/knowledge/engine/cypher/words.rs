//! The keywords: those that are understood, and those that are left out with what to write in their stead.

/// Words that cannot be names without backquotes.
const RESERVED: &[&str] = &[
    "match",
    "optional",
    "where",
    "return",
    "distinct",
    "as",
    "order",
    "by",
    "skip",
    "limit",
    "asc",
    "ascending",
    "desc",
    "descending",
    "and",
    "or",
    "xor",
    "not",
    "in",
    "contains",
    "starts",
    "ends",
    "with",
    "is",
    "null",
    "true",
    "false",
    "case",
];

const WRITES: &str = "graph_query only reads: write with graph_upsert, remove with graph_delete";
const ONE: &str =
    "one query has MATCH, OPTIONAL MATCH, WHERE, RETURN, ORDER BY, SKIP and LIMIT; make several calls for more";

/// What is left out, by its first word.
const LEFT_OUT: &[(&str, &str, &str)] = &[
    ("create", "CREATE", WRITES),
    ("merge", "MERGE", WRITES),
    ("set", "SET", WRITES),
    ("delete", "DELETE", WRITES),
    ("detach", "DETACH DELETE", WRITES),
    ("remove", "REMOVE", WRITES),
    ("foreach", "FOREACH", WRITES),
    ("insert", "INSERT", WRITES),
    ("drop", "DROP", "indexes and constraints are kept by the program"),
    ("alter", "ALTER", "there is nothing of the installation in the graph"),
    ("grant", "GRANT", "rights are given with role_assign"),
    ("revoke", "REVOKE", "rights are taken with role_revoke"),
    ("deny", "DENY", "rights are given with role_assign"),
    ("show", "SHOW", "there is nothing of the installation in the graph"),
    ("start", "START", "write MATCH"),
    ("stop", "STOP", "there is nothing of the installation in the graph"),
    ("terminate", "TERMINATE", "there is nothing of the installation in the graph"),
    ("use", "USE", "there is one graph: the tenant's. Leave it out"),
    ("call", "CALL", "procedures and subqueries are left out; paths are found by graph_path, texts by graph_search"),
    ("load", "LOAD CSV", "files are read by nobody here: give the values as parameters"),
    ("union", "UNION", "make two calls, or name several types in one pattern: (n:A|B)"),
    ("unwind", "UNWIND", "give the list as a parameter and write WHERE n.name IN $names"),
    ("with", "WITH", ONE),
    ("yield", "YIELD", ONE),
    ("profile", "PROFILE", "the answer says in 'steps' what was looked at"),
    ("explain", "EXPLAIN", "the answer says in 'steps' what was looked at"),
    ("finish", "FINISH", "write RETURN"),
    ("let", "LET", ONE),
    ("filter", "FILTER", "write WHERE behind MATCH"),
    ("next", "NEXT", ONE),
    ("using", "USING", "where to begin is chosen by the program. Leave it out"),
    ("periodic", "USING PERIODIC COMMIT", WRITES),
    ("case", "CASE", "return the properties and choose outside"),
    ("xor", "XOR", "write (a OR b) AND NOT (a AND b)"),
    ("exists", "EXISTS {…}", "write OPTIONAL MATCH and IS NOT NULL; exists(n.property) asks for a property"),
    ("shortestpath", "shortestPath()", "use graph_path"),
    ("allshortestpaths", "allShortestPaths()", "use graph_path with 'which': 'all_shortest'"),
    ("any", "any()", "write IN, or compare each property"),
    ("all", "all()", "write AND NOT"),
    ("none", "none()", "write AND NOT"),
    ("single", "single()", "count in a query of its own"),
    ("reduce", "reduce()", "write sum(), avg() or collect()"),
];

/// Whether a word cannot be a name.
pub(super) fn is_reserved(word: &str) -> bool {
    RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(word))
}

/// The name of what is left out that begins with a word, and what to write in its stead.
pub(super) fn left_out(word: &str) -> Option<(&'static str, &'static str)> {
    let found = LEFT_OUT.iter().find(|(first, ..)| first.eq_ignore_ascii_case(word));
    found.map(|(_, name, instead)| (*name, *instead))
}
