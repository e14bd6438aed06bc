//! What is understood and what is refused, with its place.

use serde_json::{Map, Value, json};

use super::{Refused, read};
use crate::port::graph::Direction;
use crate::port::graph_query::{Expression, GraphQuery, Stands};

fn with(text: &str, parameters: Value) -> Result<GraphQuery, Refused> {
    let Value::Object(parameters) = parameters else { return read(text, &Map::new()) };
    read(text, &parameters)
}

fn good(text: &str) -> GraphQuery {
    with(text, json!({ "name": "Ann", "many": ["a", 1], "n": 3 }))
        .unwrap_or_else(|refused| panic!("{text}: {refused:?}"))
}

fn bad(text: &str) -> Refused {
    with(text, json!({ "name": "Ann", "map": { "a": 1 }, "text": "1" })).err().unwrap_or_else(|| panic!("{text}"))
}

#[test]
fn the_whole_subset_is_understood() {
    for text in [
        "MATCH (n) RETURN n",
        "match (n:Person|Company {name: $name, age: 3}) return n.name as name, n.`first name` order by name desc skip 1 limit $n;",
        "MATCH (a)-[r:knows|likes {since: 2000}]->(b), (b)<--(c), (c)--(d), (d)-[:x*1..3]-(e)<-[*2]-(f)-[w*..4]->() RETURN *",
        "MATCH (a) OPTIONAL MATCH (a)-->(b) WHERE b.x = 1 RETURN DISTINCT a, b",
        "MATCH (a) WHERE NOT (a.x > 1 OR a.y <= -2.5e3) AND a.z IN [1, 'b', $name] AND a.t CONTAINS \"x\" RETURN count(*)",
        "MATCH (a) WHERE a.n STARTS WITH 'x' OR a.n ENDS WITH 'y' OR a.n IS NULL OR a.m IS NOT NULL OR exists(a.k) RETURN a",
        "MATCH (a)-[r]->(b) WHERE a:Person|Dog AND type(r) <> 'x' AND id(a) = $name RETURN labels(a), startNode(r), endNode(r), keys(r), properties(a)",
        "MATCH (a) RETURN a.type AS t, count(DISTINCT a.name), collect(a.x), sum(a.x), avg(a.x), min(a.x), max(a.x) ORDER BY count(DISTINCT a.name), t",
        "MATCH (a) RETURN coalesce(a.x, a.y, 'none'), size(a.name), toLower(a.name), toUpper(a.name), size(collect(a)) AS s",
        "// a comment\nMATCH (a) /* another */ RETURN a.x AS `a b`",
        "MATCH (`match`:`a b`) RETURN `match`.where",
        r"RETURN 1, 'it\'s' ",
        "MATCH (a)-[r]-(b) WHERE a.age<-1 AND a <> b RETURN a ORDER BY a.age ASCENDING, b.age DESCENDING",
        "MATCH (a) WHERE a.x IN $many RETURN a LIMIT 0",
        "MATCH (a)<-[r]->(b) RETURN r",
    ] {
        good(text);
    }
}

#[test]
fn a_pattern_means_what_it_says() {
    let query = good(
        "MATCH (a:P {name: $name})<-[w:x|y*2..4]-(), (a)-->(c) WHERE a.n = 1 AND c.n IN $many RETURN a.n, count(*) AS c ORDER BY c DESC",
    );
    let [first, second] = query.matches[0].patterns.as_slice() else { panic!("{query:?}") };
    assert_eq!(first.start.properties, [("name".to_owned(), json!("Ann"))]);
    let (relation, _) = &first.steps[0];
    assert_eq!((relation.direction, relation.hops, relation.types.len()), (Direction::In, Some((2, 4)), 2));
    assert_eq!(query.variables[relation.variable].of, Stands::Way);
    assert_eq!(second.start.variable, first.start.variable);
    assert!(matches!(&query.matches[0].condition, Some(Expression::And(all)) if all.len() == 2));
    assert_eq!((query.returns[0].name.as_str(), &query.order), ("a.n", &vec![(Expression::Column(1), true)]));
    assert_eq!(query.variables.iter().filter(|variable| variable.name.is_none()).count(), 2);
}

#[test]
fn what_is_left_out_is_refused_by_name_with_its_place() {
    for (text, name, line, column) in [
        ("CREATE (n) RETURN n", "CREATE", 1, 1),
        ("MATCH (n)\n  SET n.x = 1", "SET", 2, 3),
        ("MATCH (n) DETACH DELETE n", "DETACH DELETE", 1, 11),
        ("MATCH (n) DELETE n", "DELETE", 1, 11),
        ("MERGE (n:A)", "MERGE", 1, 1),
        ("MATCH (n) REMOVE n.x", "REMOVE", 1, 11),
        ("CALL db.labels()", "CALL", 1, 1),
        ("MATCH (n) CALL { MATCH (m) RETURN m } RETURN n", "CALL", 1, 11),
        ("LOAD CSV FROM 'file:///etc/passwd' AS l RETURN l", "LOAD CSV", 1, 1),
        ("MATCH (n) RETURN n UNION MATCH (m) RETURN m", "UNION", 1, 20),
        ("MATCH (n) WITH n RETURN n", "WITH", 1, 11),
        ("UNWIND [1] AS x RETURN x", "UNWIND", 1, 1),
        ("FOREACH (x IN [1] | CREATE (:A))", "FOREACH", 1, 1),
        ("USE other MATCH (n) RETURN n", "USE", 1, 1),
        ("MATCH p = (a)-->(b) RETURN p", "a path with a name", 1, 7),
        ("MATCH (a)-[*]->(b) RETURN a", "a way without a longest length", 1, 13),
        ("MATCH (a)-[*2..]->(b) RETURN a", "a way without a longest length", 1, 13),
        ("MATCH (a)-[*1..9]->(b) RETURN a", "a way of 1 to 9 relations", 1, 13),
        ("MATCH (a)-[*0..2]->(b) RETURN a", "a way of 0 to 2 relations", 1, 13),
        ("MATCH (a:A:B) RETURN a", "a node of two types at once", 1, 11),
        ("MATCH (a) WHERE (a)-->() RETURN a", "a pattern as a condition", 1, 20),
        ("MATCH (a) WHERE EXISTS { (a)-->() } RETURN a", "EXISTS {…}", 1, 17),
        ("MATCH (a) RETURN a.x + 1", "arithmetic (+)", 1, 22),
        ("MATCH (a) WHERE a.x =~ '.*' RETURN a", "=~", 1, 21),
        ("MATCH (a) RETURN CASE a.x WHEN 1 THEN 2 END", "CASE", 1, 18),
        ("MATCH (a) RETURN rand()", "the function rand()", 1, 18),
        ("MATCH (a) RETURN apoc.text.join(['a'], ',')", "the function apoc.…", 1, 18),
        ("MATCH (a) RETURN [x IN [1] | x]", "a list made of another", 1, 19),
        ("MATCH (a) RETURN a{.name}", "a projection of a map", 1, 19),
        ("MATCH (a) RETURN a.x, a.y AS b ORDER BY a.z; MATCH (n) RETURN n", "a second statement", 1, 46),
        ("MATCH (a) RETURN DISTINCT a.x ORDER BY a.y", "an order by what is not returned", 1, 40),
        ("MATCH (a) WHERE count(a) > 1 RETURN a", "an aggregate in WHERE", 1, 17),
        ("MATCH (a) RETURN sum(count(a))", "an aggregate of an aggregate", 1, 22),
        ("MATCH (a) RETURN coalesce(a.x, count(a)) AS x", "an aggregate together with something of one row", 1, 18),
        ("MATCH shortestPath((a)-[*..3]->(b)) RETURN a", "shortestPath()", 1, 7),
        ("MATCH (a $name) RETURN a", "a parameter of all properties", 1, 10),
        ("MATCH (a) WHERE 1 < a.x < 3 RETURN a", "a chain of comparisons", 1, 25),
        ("MATCH (a WHERE a.x = 1) RETURN a", "WHERE within a pattern", 1, 10),
        ("MATCH (a)-->+(b) RETURN a", "a quantified relation", 1, 13),
        ("MATCH (a) WHERE a.x = 1 XOR a.y = 2 RETURN a", "XOR", 1, 25),
    ] {
        let refused = bad(text);
        assert_eq!(refused.outside.as_deref(), Some(name), "{text} {refused:?}");
        assert_eq!((refused.place.line, refused.place.column), (line, column), "{text}");
        assert!(refused.instead.is_some_and(|instead| instead.len() > 8), "{text}");
    }
}

#[test]
fn what_is_no_query_is_refused_with_its_place() {
    for (text, part, column) in [
        ("", "the query ends where MATCH", 1),
        ("MATCH (a)", "RETURN", 10),
        ("MATCH (a RETURN a", "')' behind the node", 10),
        ("MATCH (a) RETURN b", "'b' is the name of nothing", 18),
        ("MATCH (a) RETURN 'x", "has no end", 18),
        ("MATCH (a) RETURN \u{1F600}", "has no meaning", 18),
        ("MATCH (a) WHERE a.x = $other RETURN a", "no parameter 'other'", 23),
        ("MATCH (a) WHERE a.x = $map RETURN a", "must be a text", 23),
        ("MATCH (a)-[r]->(b)-[r]->(c) RETURN a", "'r' stands for something already", 21),
        ("MATCH (a)-[r]->(r) RETURN a", "'r' is a relation already", 17),
        ("MATCH (a)-[r*1..2]->(b) RETURN r.x", "several relations", 32),
        ("MATCH (a) RETURN type(a)", "takes the name of a relation", 18),
        ("MATCH (a) RETURN a LIMIT -1", "a whole number behind LIMIT", 26),
        ("MATCH (a) RETURN a LIMIT $text", "a whole number", 26),
        ("MATCH (a) RETURN a.x AS b, a.y AS b", "two columns are called 'b'", 28),
        ("MATCH (a) RETURN 99999999999999999999", "larger than a number", 18),
        ("MATCH (a) RETURN a.x AS", "the column's name", 24),
        ("MATCH () RETURN *", "nothing has", 18),
        ("MATCH (a) RETURN exists(a)", "exists() takes a property", 18),
    ] {
        let refused = bad(text);
        assert!(refused.say.contains(part), "{text}: {refused:?}");
        assert_eq!(refused.place.column, column, "{text}: {refused:?}");
    }
    let deep = format!("MATCH (a) RETURN {}1{}", "(".repeat(200), ")".repeat(200));
    assert!(bad(&deep).say.contains("deep"));
    let nots = format!("MATCH (a) WHERE {} true RETURN a", "NOT ".repeat(2000));
    assert!(bad(&nots).say.contains("deep"));
    let long = format!("MATCH (){} RETURN 1", "--()".repeat(100));
    assert!(bad(&long).say.contains("at most"));
}

#[test]
fn a_parameter_is_a_value_and_never_a_part_of_the_query() {
    let text = "MATCH (a) WHERE a.name = $name RETURN a";
    let evil = json!({ "name": "x' OR 1=1 RETURN b //" });
    let query = with(text, evil.clone()).unwrap();
    let found = &query.matches[0].condition;
    let Some(Expression::Compare(_, _, other)) = found else { panic!("{found:?}") };
    assert_eq!(**other, Expression::Literal(evil["name"].clone()));
}
