//! What every graph does: walks what the view has and nothing else, in every direction, at every moment, within the limits.

use std::sync::Arc;
use std::time::Duration;

use convoke::adapter::graph::StoreGraph;
use convoke::adapter::graph::neo4j::{FedStore, Neo4jGraph};
use convoke::domain::knowledge::engine::cypher;
use convoke::kernel::id::TenantId;
use convoke::kernel::time::Timestamp;
use convoke::port::graph::{
    Around, Between, CHANGES, Direction, Graph, GraphFault, Limits, NODE, Paths, RELATION, Table, View, Which, name_key,
};
use convoke::port::records::{Filter, Scalar, Visibility};
use convoke::port::store::{Batch, Expect, Put, Step, Store};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::neo4j::{NEO4J, settings};
use crate::support::servers::named;

use super::place::{Declared, NOW, Place, PostgresPlace, SqlitePlace};

const HERE: TenantId = TenantId::from_uuid(Uuid::from_u128(1));
const THERE: TenantId = TenantId::from_uuid(Uuid::from_u128(2));
const ANN: Uuid = Uuid::from_u128(0xa);
const BOB: Uuid = Uuid::from_u128(0xb);

const LIMITS: Limits = Limits { steps: 20_000, rows: 500, memory: 8 << 20, time: Duration::from_secs(20) };

/// A graph, and the store that it is of.
struct Scene {
    store: Arc<dyn Store>,
    graph: Arc<dyn Graph>,
    /// Where the graph is one on Neo4j.
    neo4j: Option<Arc<Neo4jGraph>>,
    _place: Box<dyn Place>,
}

async fn over(place: Option<Box<dyn Place>>) -> Option<Scene> {
    let place = place?;
    let store = place.open(declared()).await.unwrap();
    Some(Scene { graph: Arc::new(StoreGraph::new(store.clone())), store, neo4j: None, _place: place })
}

fn declared() -> Declared {
    Declared { kinds: vec![&NODE, &RELATION], logs: vec![&CHANGES], ..Declared::default() }
}

/// The same on the Neo4j that the environment names, in a space of its own.
async fn over_neo4j(place: Option<Box<dyn Place>>) -> Option<Scene> {
    let url = named(NEO4J, "neo4j")?;
    let place = place?;
    let fed = Arc::new(FedStore::new(place.open(declared()).await.unwrap()));
    let graph = Neo4jGraph::open(settings(&url), fed.clone(), fed.restored()).await.unwrap();
    graph.follow().await.unwrap();
    let graph = Arc::new(graph);
    Some(Scene { graph: graph.clone(), store: fed, neo4j: Some(graph), _place: place })
}

/// The node of a number.
const fn node(number: u128) -> Uuid {
    Uuid::from_u128(0x1000 + number)
}

fn put(
    kind: &'static convoke::port::records::Kind,
    id: Uuid,
    owner: Uuid,
    visibility: Visibility,
    body: Value,
) -> Step {
    Step::Put(Put { kind, id, expect: Expect::Anything, owner: Some(owner), workspace: None, visibility, body })
}

fn node_step(number: u128, of: &str, name: &str, more: &Value) -> Step {
    let mut body = json!({ "type": of, "name": name, "nameKey": name_key(name), "room": "tenant", "properties": {} });
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    put(&NODE, node(number), ANN, Visibility::Tenant, body)
}

fn link_step(number: u128, from: u128, of: &str, to: u128, more: &Value) -> Step {
    let mut body = json!({ "from": node(from), "to": node(to), "type": of, "properties": {} });
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    put(&RELATION, Uuid::from_u128(0x9000 + number), ANN, Visibility::Tenant, body)
}

impl Scene {
    /// A case is over: whoever is to find has found, and nobody else in its stead.
    fn end(&self) {
        if let Some(neo4j) = &self.neo4j {
            let (found, walked) = neo4j.answered();
            assert!(found > 0 && walked == 0, "{found} found, {walked} walked");
        }
    }

    async fn write(&self, tenant: TenantId, steps: Vec<Step>) {
        self.store.commit(vec![Batch { tenant, at: NOW, steps }]).await.unwrap();
        if let Some(neo4j) = &self.neo4j {
            neo4j.follow().await.unwrap();
        }
    }

    /// Ann knows Bo knows Cy, Ann likes Cy; Cy works at the firm; Di is hidden, and knows everybody; Ed is alone.
    async fn people(&self) {
        let none = json!({});
        let people = ["Ann", "Bo", "Cy", "Di", "Ed"];
        let mut steps: Vec<Step> = (0..)
            .zip(people)
            .map(|(at, name)| {
                node_step(
                    at,
                    "Person",
                    name,
                    &json!({ "properties": { "age": 20 + u32::try_from(at).unwrap() * 10, "tags": ["x", name] } }),
                )
            })
            .collect();
        // What is called as something that relations have by themselves.
        let Step::Put(cy) = &mut steps[2] else { unreachable!() };
        cy.body["properties"]["from"] = json!("here");
        steps.push(node_step(
            5,
            "Firm",
            "Acme",
            &json!({ "key": "acme", "aliases": ["ACME Inc"], "validTo": "2025-01-01T00:00:00.000Z" }),
        ));
        steps.push(link_step(0, 0, "knows", 1, &json!({ "weight": 0.5, "properties": { "since": 2001, "key": "k" } })));
        steps.push(link_step(1, 1, "knows", 2, &none));
        steps.push(link_step(2, 0, "likes", 2, &none));
        steps.push(link_step(
            3,
            2,
            "works_at",
            5,
            &json!({ "validFrom": "2020-01-01T00:00:00.000Z", "validTo": "2024-01-01T00:00:00.000Z" }),
        ));
        for (at, to) in [0, 1, 2, 4].into_iter().enumerate() {
            steps.push(link_step(10 + at as u128, 3, "knows", to, &none));
        }
        // Hidden: private to Bob.
        let Step::Put(di) = &mut steps[3] else { unreachable!() };
        (di.owner, di.visibility) = (Some(BOB), Visibility::Private);
        self.write(HERE, steps).await;
        self.write(THERE, vec![node_step(100, "Person", "Eve", &none), link_step(100, 100, "knows", 0, &none)]).await;
    }

    async fn around(
        &self,
        view: &View,
        number: u128,
        depth: u32,
        direction: Direction,
        types: &[&str],
    ) -> Vec<(u128, u32)> {
        let types = types.iter().map(|of| (*of).to_owned()).collect();
        let around = Around { node: node(number), depth, types, direction, most: 100 };
        let found = self.graph.around(view, around, LIMITS).await.unwrap();
        for link in &found.links {
            assert!(
                found.nodes.iter().filter(|(id, _)| [link.from, link.to].contains(id)).count() > 0
                    || link.from == link.to
            );
        }
        found.nodes.iter().map(|(id, distance)| (id.as_u128() - 0x1000, *distance)).collect()
    }

    async fn between(&self, view: &View, from: u128, to: u128, which: Which, depth: u32, most: usize) -> Paths {
        let between = Between {
            from: node(from),
            to: node(to),
            types: Vec::new(),
            direction: Direction::Both,
            depth,
            which,
            most,
        };
        self.graph.between(view, between, LIMITS).await.unwrap()
    }

    async fn ask(&self, view: &View, query: &str) -> Table {
        self.try_ask(view, query, LIMITS).await.unwrap_or_else(|fault| panic!("{query}: {fault}"))
    }

    async fn try_ask(&self, view: &View, query: &str, limits: Limits) -> Result<Table, GraphFault> {
        let query =
            cypher::read(query, &serde_json::Map::new()).unwrap_or_else(|refused| panic!("{query}: {refused:?}"));
        self.graph.run(view, &query, limits).await
    }
}

/// As Ann sees it: what is shared, and what is hers.
fn anns() -> View {
    let visible = Filter::Or(vec![
        Filter::is("owner", Scalar::Id(ANN)),
        Filter::is("visibility", Scalar::Text("tenant".to_owned())),
    ]);
    View { tenant: HERE, visible, at: Some(NOW) }
}

fn everything(at: Option<&str>) -> View {
    View { tenant: HERE, visible: Filter::All, at: at.map(|at| at.parse::<Timestamp>().unwrap()) }
}

fn numbers(paths: &Paths) -> Vec<Vec<u128>> {
    paths.paths.iter().map(|path| path.nodes.iter().map(|id| id.as_u128() - 0x1000).collect()).collect()
}

async fn walks_around_in_every_direction(scene: &Scene) {
    scene.people().await;
    let view = anns();
    assert_eq!(scene.around(&view, 0, 1, Direction::Out, &[]).await, [(1, 1), (2, 1)]);
    assert_eq!(scene.around(&view, 0, 1, Direction::In, &[]).await, []);
    assert_eq!(scene.around(&view, 2, 1, Direction::In, &["likes"]).await, [(0, 1)]);
    assert_eq!(scene.around(&view, 0, 2, Direction::Out, &["knows"]).await, [(1, 1), (2, 2)]);
    assert_eq!(scene.around(&view, 4, 5, Direction::Both, &[]).await, []);
    assert_eq!(scene.around(&view, 100, 1, Direction::Both, &[]).await, []);
    assert_eq!(scene.around(&view, 77, 1, Direction::Both, &[]).await, []);
}

async fn what_the_view_has_not_is_at_no_step(scene: &Scene) {
    scene.people().await;
    // Di leads to Ed: only for whom sees Di.
    assert_eq!(
        scene.around(&everything(Some("2025-06-01T00:00:00Z")), 0, 2, Direction::Both, &[]).await,
        [(1, 1), (2, 1), (3, 1), (4, 2)]
    );
    assert_eq!(scene.around(&anns(), 0, 5, Direction::Both, &[]).await, [(1, 1), (2, 1)]);
    assert_eq!(scene.around(&anns(), 3, 1, Direction::Both, &[]).await, []);
    assert!(scene.between(&anns(), 0, 4, Which::Shortest, 6, 10).await.paths.is_empty());
    assert!(scene.between(&anns(), 0, 3, Which::Simple, 4, 10).await.paths.is_empty());
    let whole = everything(Some("2025-06-01T00:00:00Z"));
    assert_eq!(numbers(&scene.between(&whole, 0, 4, Which::Shortest, 6, 10).await), [[0, 3, 4]]);
    let count = "MATCH (n:Person) RETURN count(*)";
    assert_eq!(scene.ask(&anns(), count).await.rows, [[json!(4)]]);
    assert_eq!(scene.ask(&whole, count).await.rows, [[json!(5)]]);
    let through = "MATCH (a {name: 'Ann'})-[*1..4]-(b {name: 'Ed'}) RETURN count(*)";
    assert_eq!(scene.ask(&anns(), through).await.rows, [[json!(0)]]);
    assert_ne!(scene.ask(&whole, through).await.rows, [[json!(0)]]);
    let links = "MATCH (a {name: 'Ann'})-[r]-() RETURN count(r)";
    assert_eq!(
        (scene.ask(&anns(), links).await.rows, scene.ask(&whole, links).await.rows),
        (vec![vec![json!(2)]], vec![vec![json!(3)]])
    );
}

async fn a_moment_has_its_own_graph(scene: &Scene) {
    scene.people().await;
    for (at, expected) in [
        (Some("2019-01-01T00:00:00Z"), vec![]),
        (Some("2020-01-01T00:00:00Z"), vec![(5, 1)]),
        (Some("2024-01-01T00:00:00Z"), vec![]),
        (None, vec![(5, 1)]),
    ] {
        assert_eq!(scene.around(&everything(at), 2, 1, Direction::Out, &["works_at"]).await, expected, "{at:?}");
    }
    let firms = "MATCH (f:Firm) RETURN f.name";
    assert_eq!(scene.ask(&everything(Some("2024-06-01T00:00:00Z")), firms).await.rows.len(), 1);
    assert_eq!(scene.ask(&everything(Some("2025-06-01T00:00:00Z")), firms).await.rows.len(), 0);
}

async fn finds_paths(scene: &Scene) {
    scene.people().await;
    let view = anns();
    assert_eq!(numbers(&scene.between(&view, 0, 2, Which::Shortest, 6, 10).await), [[0, 2]]);
    assert_eq!(numbers(&scene.between(&view, 0, 2, Which::Simple, 4, 10).await), [vec![0, 2], vec![0, 1, 2]]);
    assert_eq!(numbers(&scene.between(&view, 0, 0, Which::Shortest, 6, 10).await), [[0]]);
    let cut = scene.between(&view, 0, 2, Which::Simple, 4, 1).await;
    assert!(cut.cut && cut.paths.len() == 1);
    // A ladder of five rungs has 2^4 shortest paths from its foot to its top.
    let mut steps = Vec::new();
    for rung in 0..5_u128 {
        for side in 0..2 {
            steps.push(node_step(200 + rung * 2 + side, "Rung", "r", &json!({})));
            for other in 0..2 {
                if rung > 0 {
                    let number = 1000 + rung * 10 + side * 2 + other;
                    steps.push(link_step(
                        number,
                        200 + (rung - 1) * 2 + other,
                        "up",
                        200 + rung * 2 + side,
                        &json!({}),
                    ));
                }
            }
        }
    }
    scene.write(HERE, steps).await;
    let all = scene.between(&view, 200, 208, Which::AllShortest, 6, 100).await;
    assert_eq!((all.paths.len(), all.cut), (8, false));
    let mut distinct = numbers(&all);
    distinct.sort();
    distinct.dedup();
    assert!(distinct.len() == 8 && all.paths.iter().all(|path| path.links.len() == 4));
    for path in &all.paths {
        for (at, link) in path.links.iter().enumerate() {
            assert_eq!((link.from, link.to), (path.nodes[at], path.nodes[at + 1]));
        }
    }
    let few = scene.between(&view, 200, 208, Which::AllShortest, 6, 3).await;
    assert_eq!((few.paths.len(), few.cut), (3, true));
    assert!(scene.between(&view, 200, 208, Which::Shortest, 3, 3).await.paths.is_empty());
    let one_way = Between {
        from: node(208),
        to: node(200),
        types: Vec::new(),
        direction: Direction::Out,
        depth: 6,
        which: Which::Shortest,
        most: 1,
    };
    assert!(scene.graph.between(&view, one_way, LIMITS).await.unwrap().paths.is_empty());
}

/// Every clause, with what it answers over the people as Ann sees them.
const ASKED: &[(&str, &str)] = &[
    ("MATCH (n:Person) RETURN n.name ORDER BY n.name", r#"[["Ann"],["Bo"],["Cy"],["Ed"]]"#),
    ("MATCH (n:Person|Robot) RETURN n.name ORDER BY n.age DESC LIMIT 2", r#"[["Ed"],["Cy"]]"#),
    ("MATCH (n:Person) RETURN n.name ORDER BY n.name SKIP 1 LIMIT 2", r#"[["Bo"],["Cy"]]"#),
    (
        "MATCH (a)-[r:knows]->(b) RETURN a.name, b.name, type(r) ORDER BY a.name",
        r#"[["Ann","Bo","knows"],["Bo","Cy","knows"]]"#,
    ),
    ("MATCH (a {name: 'Bo'})-[:knows]-(b) RETURN b.name ORDER BY b.name", r#"[["Ann"],["Cy"]]"#),
    ("MATCH (a {name: 'Cy'})<-[:knows|likes]-(b) RETURN b.name ORDER BY b.name", r#"[["Ann"],["Bo"]]"#),
    (
        "MATCH (a {name: 'Ann'})-[w:knows*1..2]->(b) RETURN b.name, size(w) AS far ORDER BY far",
        r#"[["Bo",1],["Cy",2]]"#,
    ),
    ("MATCH (a {name: 'Ann'})-[*2]->(b) RETURN b.name", r#"[["Cy"]]"#),
    ("MATCH (a)-[:knows]->(b)-[:knows]->(c) RETURN a.name, b.name, c.name", r#"[["Ann","Bo","Cy"]]"#),
    ("MATCH (a)-[:knows]->(b), (a)-[:likes]->(c) RETURN a.name, b.name, c.name", r#"[["Ann","Bo","Cy"]]"#),
    ("MATCH (a)-[r]->(b) WHERE r.since = 2001 AND r.weight > 0.4 RETURN b.name", r#"[["Bo"]]"#),
    ("MATCH (a)-[r:knows {since: 2001}]->(b) RETURN b.name", r#"[["Bo"]]"#),
    (
        "MATCH (a:Person) OPTIONAL MATCH (a)-[:likes]->(b) RETURN a.name, b.name ORDER BY a.name",
        r#"[["Ann","Cy"],["Bo",null],["Cy",null],["Ed",null]]"#,
    ),
    ("MATCH (a:Person) OPTIONAL MATCH (a)-[:likes]->(b) WHERE b.age > 100 RETURN count(*), count(b)", "[[4,0]]"),
    ("MATCH (a:Person) WHERE a.age >= 30 AND NOT a.name = 'Ed' RETURN a.name ORDER BY a.name", r#"[["Bo"],["Cy"]]"#),
    (
        "MATCH (a:Person) WHERE a.age < 30 OR a.name IN ['Ed', 'No'] RETURN a.name ORDER BY a.name",
        r#"[["Ann"],["Ed"]]"#,
    ),
    ("MATCH (a:Person) WHERE a.name CONTAINS 'n' RETURN a.name", r#"[["Ann"]]"#),
    (
        "MATCH (a:Person) WHERE a.name STARTS WITH 'C' OR a.name ENDS WITH 'd' RETURN a.name ORDER BY a.name",
        r#"[["Cy"],["Ed"]]"#,
    ),
    ("MATCH (a:Person) WHERE a.none IS NULL RETURN count(*)", "[[4]]"),
    ("MATCH (a:Person) WHERE exists(a.age) AND a.none IS NOT NULL RETURN count(*)", "[[0]]"),
    ("MATCH (a:Person) WHERE a.none > 1 OR NOT a.none > 1 RETURN count(*)", "[[0]]"),
    ("MATCH (a:Person) WHERE 'Bo' IN a.tags RETURN a.name", r#"[["Bo"]]"#),
    ("MATCH (a)-[]->(b) RETURN DISTINCT a.name ORDER BY a.name", r#"[["Ann"],["Bo"]]"#),
    ("MATCH (a:Person) RETURN count(*), sum(a.age), avg(a.age), min(a.age), max(a.name)", r#"[[4,150,37.5,20,"Ed"]]"#),
    ("MATCH (a)-[r]->() RETURN a.name AS who, count(r) AS many ORDER BY many DESC, who", r#"[["Ann",2],["Bo",1]]"#),
    (
        "MATCH (a)-[r]->(b) RETURN a.name, collect(DISTINCT b.name) ORDER BY a.name",
        r#"[["Ann",["Bo","Cy"]],["Bo",["Cy"]]]"#,
    ),
    ("MATCH (a:Person) RETURN coalesce(max(a.age), min(a.age)) AS m, count(*) AS c", "[[60,4]]"),
    (
        "MATCH (a:Person) WHERE a.name = 'Ann' RETURN coalesce(max(a.none), min(a.age)) AS m, count(*) AS c, max(a.age)",
        "[[20,1,20]]",
    ),
    ("MATCH (a:Person {name: 'Ann'})-[r:knows]->(n) RETURN r.key", r#"[["k"]]"#),
    ("MATCH (a:Person {name: 'Ann'})-[:likes]->(n) RETURN n.from", r#"[["here"]]"#),
    ("MATCH (n:Nothing) RETURN count(*), collect(n.name), sum(n.x), max(n.x)", "[[0,[],0,null]]"),
    ("MATCH (n:Nothing) RETURN n.name, count(*)", "[]"),
    (
        "MATCH (a {name: 'Ann'}) RETURN coalesce(a.none, a.name), size(a.name), toUpper(a.name), toLower(a.name), labels(a), keys(a)",
        r#"[["Ann",3,"ANN","ann",["Person"],["age","tags"]]]"#,
    ),
    (
        "MATCH (a {name: 'Ann'})-[r]->(b) WHERE a <> b AND b:Person RETURN startNode(r) = id(a), endNode(r) = id(b)",
        "[[true,true],[true,true]]",
    ),
    ("MATCH (a {name: 'Ann'})-->(b), (a)-->(b2) RETURN count(*)", "[[2]]"),
    ("RETURN 1 AS one, 'x', [1, 2], null", r#"[[1,"x",[1,2],null]]"#),
    ("MATCH (a) WHERE id(a) = '00000000-0000-0000-0000-000000001001' RETURN a.name", r#"[["Bo"]]"#),
    ("MATCH (a) WHERE id(a) = 'no id' RETURN a.name", "[]"),
    ("MATCH (a {name: 'Ann'}), (b {name: 'Ed'}) RETURN a.name, b.name", r#"[["Ann","Ed"]]"#),
    ("MATCH (a {name: 'Ann'})-[:likes]->(c)<-[:knows]-(b)<-[:knows]-(a) RETURN b.name", r#"[["Bo"]]"#),
    (
        "MATCH (a {name: 'Bo'}) RETURN a",
        r#"[[{"id":"00000000-0000-0000-0000-000000001001","type":"Person","name":"Bo","properties":{"age":30,"tags":["x","Bo"]}}]]"#,
    ),
    (
        "MATCH ({name: 'Ann'})-[r:likes]->() RETURN r",
        r#"[[{"id":"00000000-0000-0000-0000-000000009002","type":"likes","from":"00000000-0000-0000-0000-000000001000","to":"00000000-0000-0000-0000-000000001002","properties":{}}]]"#,
    ),
];

async fn answers_every_clause(scene: &Scene) {
    scene.people().await;
    for (query, expected) in ASKED {
        let expected: Vec<Vec<Value>> = serde_json::from_str(expected).unwrap();
        assert_eq!(scene.ask(&anns(), query).await.rows, expected, "{query}");
    }
    let unfit = scene.try_ask(&anns(), "MATCH (a:Person) RETURN sum(a.name)", LIMITS).await;
    assert!(matches!(unfit, Err(GraphFault::Unfit(_))), "{unfit:?}");
    let unfit = scene.try_ask(&anns(), "MATCH (a:Person) WHERE a.name RETURN a", LIMITS).await;
    assert!(matches!(unfit, Err(GraphFault::Unfit(_))), "{unfit:?}");
}

async fn a_flood_of_cycles_ends_at_a_limit(scene: &Scene) {
    let mut steps: Vec<Step> = (0..24).map(|at| node_step(at, "Flood", "f", &json!({}))).collect();
    for from in 0..24_u128 {
        steps.extend((0..24).map(|to| link_step(from * 100 + to, from, "to", to, &json!({}))));
    }
    scene.write(HERE, steps).await;
    let view = everything(None);
    let flood = "MATCH (a:Flood)-[*1..8]-(b) RETURN count(*)";
    assert_eq!(scene.try_ask(&view, flood, LIMITS).await, Err(GraphFault::TooManySteps));
    let memory = Limits { steps: 10_000_000, memory: 100_000, ..LIMITS };
    assert_eq!(scene.try_ask(&view, flood, memory).await, Err(GraphFault::TooMuchMemory));
    // What is there already takes no room again.
    let alike = format!("MATCH (a:Flood)-->(b) RETURN DISTINCT '{}'", "x".repeat(2_000));
    assert_eq!(scene.try_ask(&view, &alike, Limits { memory: 600_000, ..LIMITS }).await.unwrap().rows.len(), 1);
    let time = Limits { time: Duration::ZERO, ..LIMITS };
    assert_eq!(scene.try_ask(&view, flood, time).await, Err(GraphFault::TooLong));
    let rows = "MATCH (a:Flood)-->(b) RETURN a.name, b.name";
    assert_eq!(scene.try_ask(&view, rows, LIMITS).await, Err(GraphFault::TooManyRows));
    assert_eq!(scene.ask(&view, &format!("{rows} LIMIT 7")).await.rows.len(), 7);
    let first = scene.ask(&view, "MATCH (a:Flood) RETURN a.name LIMIT 3").await;
    assert!(first.rows.len() == 3 && first.steps < 300, "{}", first.steps);
    assert_eq!(scene.around(&view, 0, 5, Direction::Both, &[]).await.len(), 23);
    let around = Around { node: node(0), depth: 2, types: Vec::new(), direction: Direction::Both, most: 5 };
    let few = scene.graph.around(&view, around.clone(), LIMITS).await.unwrap();
    assert_eq!((few.nodes.len(), few.cut), (5, true));
    let tight = Limits { steps: 10, ..LIMITS };
    assert!(scene.graph.around(&view, around, tight).await.unwrap().cut);
    let simple = scene.between(&view, 0, 1, Which::Simple, 4, 50).await;
    assert_eq!((simple.paths.len(), simple.cut), (50, true));
    assert_eq!(scene.between(&view, 0, 1, Which::Shortest, 10, 1).await.paths[0].links.len(), 1);
}

async fn what_is_hidden_leaves_no_trace(scene: &Scene) {
    let none = json!({});
    // A way of six, and a list of friends.
    let mut steps: Vec<Step> = (0..7).map(|at| node_step(at, "Stone", &format!("s{at}"), &none)).collect();
    steps.extend((0..6).map(|at| link_step(at, at, "next", at + 1, &json!({ "properties": { "x": 1 } }))));
    scene.write(HERE, steps).await;
    let limits = Limits { steps: 150, ..LIMITS };
    let asked = [
        "MATCH (a {name: 's0'})-->(b) RETURN b.name",
        "MATCH (a {name: 's0'})-[r]-(b) RETURN r",
        "MATCH (a:Stone)-[*1..3]-(b) RETURN count(*)",
        "MATCH (a {name: 's0'})-[r {x: 1}]->(b) RETURN a, b",
    ];
    let mut before = Vec::new();
    for query in asked {
        before.push(scene.ask(&anns(), query).await);
    }
    let between = Between {
        from: node(0),
        to: node(6),
        types: Vec::new(),
        direction: Direction::Both,
        depth: 6,
        which: Which::Shortest,
        most: 1,
    };
    let path = scene.graph.between(&anns(), between.clone(), limits).await.unwrap();
    assert_eq!(numbers(&path), [[0, 1, 2, 3, 4, 5, 6]]);
    // A node that is Bob's alone, beside both ends, with more around it than may be looked at.
    let mut steps = vec![put(
        &NODE,
        node(50),
        BOB,
        Visibility::Private,
        json!({ "type": "Stone", "name": "hub", "nameKey": "hub", "room": "private", "properties": {} }),
    )];
    steps.extend((0..7).map(|at| link_step(50 + at, 50, "next", at, &json!({ "properties": { "x": 1 } }))));
    steps.extend((0..1500).map(|at| node_step(300 + at, "Leaf", "leaf", &none)));
    steps.extend((0..1500).map(|at| link_step(300 + at, 50, "next", 300 + at, &none)));
    scene.write(HERE, steps).await;
    for (query, before) in asked.iter().zip(before) {
        // Neither in what is told nor in what may be looked at.
        let just = Limits { steps: before.steps, ..LIMITS };
        assert_eq!(scene.try_ask(&anns(), query, just).await, Ok(before.clone()), "{query}");
        let less = Limits { steps: before.steps - 1, ..LIMITS };
        assert_eq!(scene.try_ask(&anns(), query, less).await, Err(GraphFault::TooManySteps), "{query}");
    }
    assert_eq!(scene.graph.between(&anns(), between, limits).await.unwrap(), path);
}

async fn walks_as_a_plain_search_does(scene: &Scene) {
    use std::collections::{HashMap, VecDeque};
    let mut chance = 7_u128;
    let mut below = |bound: u128| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) % (1 << 64);
        (chance >> 33) % bound
    };
    let mut steps: Vec<Step> = (0..150).map(|at| node_step(at, "N", "n", &json!({}))).collect();
    let mut next: HashMap<u128, Vec<u128>> = HashMap::new();
    for number in 0..300 {
        let (from, to) = (below(150), below(150));
        next.entry(from).or_default().push(to);
        next.entry(to).or_default().push(from);
        steps.push(link_step(number, from, "x", to, &json!({})));
    }
    scene.write(HERE, steps).await;
    for start in 0..25 {
        let mut distance = HashMap::from([(start, 0_u32)]);
        let mut open = VecDeque::from([start]);
        while let Some(at) = open.pop_front() {
            for far in next.get(&at).into_iter().flatten() {
                if !distance.contains_key(far) {
                    distance.insert(*far, distance[&at] + 1);
                    open.push_back(*far);
                }
            }
        }
        let mut expected: Vec<(u128, u32)> =
            distance.iter().map(|(at, far)| (*at, *far)).filter(|(_, far)| (1..=3).contains(far)).collect();
        expected.sort_by_key(|(at, far)| (*far, *at));
        expected.truncate(100);
        let mut found = scene.around(&everything(None), start, 3, Direction::Both, &[]).await;
        found.sort_by_key(|(at, far)| (*far, *at));
        assert_eq!(found, expected, "{start}");
        for end in 120..130 {
            let found = scene.between(&everything(None), start, end, Which::Shortest, 10, 1).await;
            let length = found.paths.first().map(|path| u32::try_from(path.links.len()).unwrap());
            assert_eq!(length, distance.get(&end).copied().filter(|far| *far <= 10), "{start} {end}");
        }
    }
}

macro_rules! graph_conformance {
    ($name:ident, $over:ident, $place:expr; $($case:ident),+ $(,)?) => {
        mod $name {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let place: Option<Box<dyn super::Place>> = $place;
                    // A place that needs a server is none where there is no server.
                    let Some(scene) = super::$over(place).await else { return };
                    super::$case(&scene).await;
                    scene.end();
                }
            )+
        }
    };
}

macro_rules! on {
    ($name:ident, $over:ident, $place:expr) => {
        graph_conformance!($name, $over, $place; walks_around_in_every_direction, what_the_view_has_not_is_at_no_step,
            a_moment_has_its_own_graph, finds_paths, what_is_hidden_leaves_no_trace, answers_every_clause, a_flood_of_cycles_ends_at_a_limit,
            walks_as_a_plain_search_does);
    };
}

on!(over_sqlite, over, Some(Box::new(super::SqlitePlace::new())));
on!(over_postgres, over, super::PostgresPlace::find().map(|place| Box::new(place) as Box<dyn super::Place>));
on!(on_neo4j, over_neo4j, Some(Box::new(super::SqlitePlace::new())));
