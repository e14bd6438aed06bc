//! A graph on a Neo4j that is not there, dies, stands still, loses all it has or is of another time: what is asked is answered whole, what is
//! written reaches Neo4j later, and nobody else's space is written into.

use std::sync::Arc;
use std::time::{Duration, Instant};

use convoke::adapter::graph::neo4j::{FedStore, Neo4jGraph};
use convoke::domain::knowledge::engine::cypher;
use convoke::kernel::id::TenantId;
use convoke::port::graph::{Around, CHANGES, Direction, Graph as _, GraphFault, Limits, NODE, RELATION, View};
use convoke::port::records::{Filter, Visibility};
use convoke::port::store::{Batch, Expect, Put, Step, Store};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::conformance::place::{Declared, NOW, Place as _, SqlitePlace};
use crate::doors::served::client;
use crate::support::neo4j::{NEO4J, OwnNeo4j, settings};
use crate::support::program::Place;
use crate::support::servers::named;

pub(super) const TENANT: TenantId = TenantId::from_uuid(Uuid::from_u128(1));
pub(super) const LIMITS: Limits = Limits { steps: 20_000, rows: 500, memory: 8 << 20, time: Duration::from_secs(20) };

pub(super) const fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x1000 + number)
}

pub(super) fn node(number: u128) -> Step {
    let name = format!("n{number}");
    let body = json!({ "type": "Thing", "name": name, "nameKey": name, "room": "tenant", "properties": { "x": u64::try_from(number).unwrap() } });
    put(&NODE, id(number), body)
}

pub(super) fn link(from: u128, to: u128) -> Step {
    let body = json!({ "from": id(from), "to": id(to), "type": "to", "properties": {} });
    put(&RELATION, Uuid::from_u128(0x9000 + from * 100 + to), body)
}

fn put(kind: &'static convoke::port::records::Kind, id: Uuid, body: Value) -> Step {
    let (expect, visibility) = (Expect::Anything, Visibility::Tenant);
    Step::Put(Put { kind, id, expect, owner: None, workspace: None, visibility, body })
}

pub(super) struct Scene {
    store: Arc<dyn Store>,
    pub(super) graph: Arc<Neo4jGraph>,
    place: SqlitePlace,
}

impl Scene {
    pub(super) async fn open(settings: convoke::adapter::graph::neo4j::Settings) -> Self {
        let place = SqlitePlace::new();
        let declared = Declared { kinds: vec![&NODE, &RELATION], logs: vec![&CHANGES], ..Declared::default() };
        let fed = Arc::new(FedStore::new(place.open(declared).await.unwrap()));
        let graph = Arc::new(Neo4jGraph::open(settings, fed.clone(), fed.restored()).await.unwrap());
        Self { store: fed, graph, place }
    }

    pub(super) async fn write(&self, steps: Vec<Step>) {
        self.store.commit(vec![Batch { tenant: TENANT, at: NOW, steps }]).await.unwrap();
    }

    /// The things that there are, and how many relations, as the graph tells; and whether Neo4j found them.
    pub(super) async fn asked(&self) -> (Vec<String>, u64, bool) {
        self.asked_within(LIMITS.time).await
    }

    /// The same, each question with so much time.
    pub(super) async fn asked_within(&self, time: Duration) -> (Vec<String>, u64, bool) {
        let limits = Limits { time, ..LIMITS };
        let view = View { tenant: TENANT, visible: Filter::All, at: None };
        let found = self.graph.answered().0;
        let mut rows = Vec::new();
        for query in
            ["MATCH (n:Thing) WHERE n.x >= 0 RETURN n.name ORDER BY n.name", "MATCH ()-[r]->() RETURN count(r)"]
        {
            let query = cypher::read(query, &serde_json::Map::new()).unwrap();
            rows.push(self.graph.run(&view, &query, limits).await.unwrap().rows);
        }
        let names = rows[0].iter().map(|row| row[0].as_str().unwrap().to_owned()).collect();
        let around = Around { node: id(0), depth: 9, types: Vec::new(), direction: Direction::Both, most: 100 };
        self.graph.around(&view, around, limits).await.unwrap();
        (names, rows[1][0][0].as_u64().unwrap(), self.graph.answered().0 == found + 3)
    }

    pub(super) async fn followed(&self) {
        let began = Instant::now();
        while let Err(fault) = self.graph.follow().await {
            assert!(began.elapsed() < Duration::from_secs(60), "{fault}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

pub(super) fn names(numbers: std::ops::Range<u128>) -> Vec<String> {
    numbers.map(|number| format!("n{number}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_neo4j_misses_is_answered_by_the_records_and_reaches_it_later() {
    let Some(server) = OwnNeo4j::start() else { return };
    let settings = settings(&server.url());
    let scene = Scene::open(settings.clone()).await;
    scene.write(vec![node(0), node(1), link(0, 1)]).await;
    // Nothing was filled in yet: that is no answer.
    assert_eq!(scene.asked().await, (names(0..2), 1, false));
    scene.followed().await;
    assert_eq!(scene.asked().await, (names(0..2), 1, true));
    // What was just written is seen by the next question.
    scene.write(vec![node(2), link(1, 2)]).await;
    assert_eq!(scene.asked().await, (names(0..3), 2, true));

    server.kill();
    scene.write(vec![node(3), link(2, 3)]).await;
    assert_eq!(scene.asked().await, (names(0..4), 3, false));
    assert!(matches!(scene.graph.follow().await, Err(GraphFault::Store(_))));
    server.up();
    scene.followed().await;
    assert_eq!(scene.asked().await, (names(0..4), 3, true));

    server.pause(true);
    scene.write(vec![node(4), link(3, 4)]).await;
    let began = Instant::now();
    assert_eq!(scene.asked().await, (names(0..5), 4, false));
    // It is waited for once, and not by each question.
    assert!(began.elapsed() < Duration::from_secs(18), "{:?}", began.elapsed());
    server.pause(false);
    scene.followed().await;
    assert_eq!(scene.asked().await, (names(0..5), 4, true));

    server.lose();
    scene.followed().await;
    assert_eq!(scene.asked().await, (names(0..5), 4, true));

    // What is removed is gone in both; and a relation is there again with its end.
    let remove = |kind, id| Step::Remove { kind, id, expect: Expect::Anything };
    scene.write(vec![remove(&NODE, id(4))]).await;
    assert_eq!(scene.asked().await, (names(0..4), 3, true));
    scene.write(vec![node(4)]).await;
    assert_eq!(scene.asked().await, (names(0..5), 4, true));

    // Another store in its place, which is then filled from a copy.
    let copy = scene.place.folder().join("copy.db");
    scene.store.copy_to(&copy).await.unwrap();
    scene.write(vec![node(5), remove(&NODE, id(0))]).await;
    assert_eq!(scene.asked().await.0, names(1..6));
    let scene = Scene::open(settings).await;
    scene.followed().await;
    assert_eq!(scene.asked().await, (Vec::new(), 0, true));
    scene.store.restore_from(&copy).await.unwrap();
    assert_eq!(scene.asked().await, (names(0..5), 4, false));
    scene.followed().await;
    assert_eq!(scene.asked().await, (names(0..5), 4, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_neo4j_holds_wrongly_shows_nobody_what_is_not_theirs() {
    let Some(url) = named(NEO4J, "neo4j") else { return };
    let settings = settings(&url);
    let scene = Scene::open(settings.clone()).await;
    let Step::Put(mut hidden) = node(0) else { unreachable!() };
    hidden.visibility = Visibility::Private;
    scene.write(vec![Step::Put(hidden), node(1), node(2), link(0, 1), link(1, 2)]).await;
    scene.followed().await;
    // Somebody who can write there has made it everybody's.
    let forger = Scene::open(settings).await;
    for number in [0, 1, 2, 2, 2] {
        forger.write(vec![node(number)]).await;
    }
    forger.write(vec![link(0, 1), link(1, 2), link(2, 0)]).await;
    forger.followed().await;
    let visible = Filter::is("visibility", convoke::port::records::Scalar::Text("tenant".to_owned()));
    let view = View { tenant: TENANT, visible, at: None };
    let before = scene.graph.answered().0;
    for (query, expected) in [
        ("MATCH (n:Thing) RETURN n.name ORDER BY n.name", json!([["n1"], ["n2"]])),
        ("MATCH (n:Thing {name: 'n0'}) RETURN count(n)", json!([[0]])),
        ("MATCH (a)-[r]->(b) RETURN count(r)", json!([[1]])),
        ("MATCH (a {name: 'n1'})-[*1..3]-(b) RETURN count(*)", json!([[1]])),
        ("MATCH (a {name: 'n1'}) OPTIONAL MATCH (a)<--(b) RETURN b.name", json!([[null]])),
    ] {
        let read = cypher::read(query, &serde_json::Map::new()).unwrap();
        let rows = scene.graph.run(&view, &read, LIMITS).await.unwrap().rows;
        assert_eq!(json!(rows), expected, "{query}");
    }
    let around = Around { node: id(1), depth: 3, types: Vec::new(), direction: Direction::Both, most: 100 };
    assert_eq!(scene.graph.around(&view, around, LIMITS).await.unwrap().nodes, [(id(2), 1)]);
    assert_eq!(scene.graph.answered().0, before + 6, "it was Neo4j that found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_instances_write_one_projection() {
    let Some(url) = named(NEO4J, "neo4j") else { return };
    let settings = settings(&url);
    let scene = Scene::open(settings.clone()).await;
    let other = Arc::new(Neo4jGraph::open(settings.clone(), scene.store.clone(), Arc::default()).await.unwrap());
    scene.followed().await;
    other.follow().await.unwrap();
    let follows = [scene.graph.clone(), other.clone()].map(|graph| {
        tokio::spawn(async move {
            for _ in 0..30 {
                // One that was slower than the other tries again.
                let _ = graph.follow().await;
            }
        })
    });
    for number in 0..40 {
        scene.write(vec![node(number), link(number / 2, number)]).await;
        if number % 4 == 3 {
            scene.write(vec![Step::Remove { kind: &NODE, id: id(number), expect: Expect::Anything }]).await;
        }
    }
    for follow in follows {
        follow.await.unwrap();
    }
    scene.followed().await;
    other.follow().await.unwrap();
    let mut expected = names(0..40);
    expected.retain(|name| name[1..].parse::<u32>().unwrap() % 4 != 3);
    expected.sort();
    let (found, _, by_neo4j) = scene.asked().await;
    assert_eq!((found, by_neo4j), (expected, true));

    // Another installation does not write into it.
    let foreign = convoke::adapter::graph::neo4j::Settings { installation: "another".to_owned(), ..settings };
    let refused = Neo4jGraph::open(foreign, scene.store.clone(), Arc::default()).await.err();
    assert!(refused.is_some_and(|fault| fault.to_string().contains("another installation's")));
}

#[test]
fn a_start_without_its_neo4j_is_refused() {
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let place = Place::new();
    let url = format!("graph.url=bolt://127.0.0.1:{nowhere}");
    let ran = place.run(&["serve", "--listen", "127.0.0.1:0", "--set", "graph.backend=neo4j", "--set", &url]);
    let said = ran.errors();
    assert!(ran.code() != 0 && said.contains("graph.backend = 'neo4j' cannot be used"), "{said}");
}

#[test]
fn the_program_serves_its_graph_through_neo4j_and_without_it() {
    let Some(server) = OwnNeo4j::start() else { return };
    let place = Place::new();
    let url = format!("graph.url={}", server.url());
    let served = place.serve_with(&["--set", "graph.backend=neo4j", "--set", &url]);
    let key = served.key.clone().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = client();
    let post = |path: &str, body: &Value| {
        let request = client.post(format!("{}/api/v1{path}", served.url)).bearer_auth(&key).json(body);
        runtime.block_on(async { request.send().await.unwrap().json::<Value>().await.unwrap() })
    };
    let add = |name: &str| {
        let nodes = json!([{ "ref": "a", "type": "Person", "name": name }, { "ref": "b", "type": "Firm", "key": "acme", "name": "Acme" }]);
        post(
            "/knowledge/graph",
            &json!({ "nodes": nodes, "relations": [{ "from": "a", "type": "works_at", "to": "b" }] }),
        )
    };
    let query =
        json!({ "query": "MATCH (p:Person)-[:works_at]->(f:Firm {key: 'acme'}) RETURN p.name ORDER BY p.name" });
    let asked = || post("/knowledge/graph/query", &query)["rows"].clone();
    add("Ann");
    assert_eq!(asked(), json!([["Ann"]]));
    let health = || {
        let request = client.get(format!("{}/api/v1/health", served.url)).bearer_auth(&key);
        let health = runtime.block_on(async { request.send().await.unwrap().json::<Value>().await.unwrap() });
        let backends = health["details"]["backends"].as_array().unwrap().clone();
        backends.into_iter().find(|backend| backend["name"] == "graph").unwrap()["status"].clone()
    };
    let until = |wanted: &str| {
        let began = Instant::now();
        while health() != wanted {
            assert!(began.elapsed() < Duration::from_secs(60), "{wanted}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    until("ok");
    server.kill();
    add("Bo");
    assert_eq!(asked(), json!([["Ann"], ["Bo"]]));
    until("degraded");
    server.up();
    add("Cy");
    assert_eq!(asked(), json!([["Ann"], ["Bo"], ["Cy"]]));
    until("ok");
    assert_eq!(asked(), json!([["Ann"], ["Bo"], ["Cy"]]));
    assert_eq!(served.stop(), 0);
}
