//! Looking at the graph: nodes, what is around them, paths, and what is hidden from whom.

use convoke::kernel::codes;
use serde_json::{Value, json};

use super::{around, id, person, put};
use crate::support::app::TestApp;

/// Ada's chain a → b → c of knows, with b private to her where that is said.
async fn chain(app: &TestApp, hidden: bool) -> [String; 3] {
    let mut of = Vec::new();
    for (key, name) in [("a", "Aaa"), ("b", "Bbb"), ("c", "Ccc")] {
        let visibility = if hidden && key == "b" { "private" } else { "tenant" };
        of.push(id(&put(app, &app.member, json!({ "nodes": [person(key, name)], "visibility": visibility })).await, 0));
    }
    let relation = |from: &str, to: &str| json!({ "from": from, "type": "knows", "to": to });
    put(app, &app.member, json!({ "relations": [relation(&of[0], &of[1]), relation(&of[1], &of[2])] })).await;
    of.try_into().unwrap()
}

#[tokio::test]
async fn paths_and_neighbours_are_told_with_names() {
    let app = TestApp::start().await;
    let [a, b, c] = chain(&app, false).await;
    assert_eq!(around(&app, &app.member, json!({ "id": a })).await, ["Bbb"]);
    assert_eq!(
        around(&app, &app.member, json!({ "id": a, "depth": 2, "direction": "out", "types": ["knows"] })).await,
        ["Bbb", "Ccc"]
    );
    assert_eq!(around(&app, &app.member, json!({ "id": a, "direction": "in" })).await, Vec::<String>::new());
    let few = app.call(&app.member, "graph_neighbors", json!({ "id": b, "limit": 1 })).await.unwrap();
    assert_eq!((few["nodes"].as_array().unwrap().len(), &few["cut"]), (1, &json!(true)));
    let path = app.call(&app.member, "graph_path", json!({ "from": c, "to": a })).await.unwrap();
    let nodes = path["paths"][0]["nodes"].as_array().unwrap();
    let names: Vec<&str> = nodes.iter().map(|node| node["name"].as_str().unwrap()).collect();
    assert_eq!((names, &path["paths"][0]["length"]), (vec!["Ccc", "Bbb", "Aaa"], &json!(2)));
    for (more, count) in [
        (json!({ "direction": "out" }), 0),
        (json!({ "depth": 1 }), 0),
        (json!({ "which": "simple" }), 1),
        (json!({ "types": ["x"] }), 0),
    ] {
        let mut input = json!({ "from": c, "to": a });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let found = app.call(&app.member, "graph_path", input).await.unwrap();
        assert_eq!(found["paths"].as_array().unwrap().len(), count, "{more}");
    }
}

#[tokio::test]
async fn what_is_private_is_seen_by_its_owner_alone_at_every_door() {
    let app = TestApp::start().await;
    let [a, b, c] = chain(&app, true).await;
    // Dan of the same tenant, with the same role.
    assert_eq!(around(&app, &app.member, json!({ "id": a, "depth": 2 })).await, ["Bbb", "Ccc"]);
    let others = crate::support::scene::DAN;
    let caller = app.identify(app.member.key.reveal()).await.unwrap();
    let dan = std::sync::Arc::new(convoke::capability::caller::Caller {
        user: convoke::kernel::id::UserId::from_uuid(others),
        ..convoke::capability::caller::Caller::clone(&caller)
    });
    let call =
        async |tool: &str, input: Value| crate::support::app::value(app.reply(dan.clone(), tool, input, |_| {}).await);
    let near = call("graph_neighbors", json!({ "id": a, "depth": 3 })).await.unwrap();
    assert_eq!((&near["nodes"], &near["relations"], &near["cut"]), (&json!([]), &json!([]), &json!(false)));
    for (tool, input) in [
        ("graph_get", json!({ "id": b })),
        ("graph_neighbors", json!({ "id": b })),
        ("graph_path", json!({ "from": a, "to": b })),
        ("graph_path", json!({ "from": b, "to": a })),
        ("graph_delete", json!({ "id": b })),
    ] {
        let refused = call(tool, input).await.unwrap_err();
        assert!(refused.is(&codes::NOT_FOUND), "{tool} {refused}");
    }
    let known = call("graph_get", json!({ "id": a, "anyTime": true })).await.unwrap();
    assert_eq!((&known["relations"], &known["cut"]), (&json!([]), &json!(false)));
    assert_eq!(call("graph_path", json!({ "from": a, "to": c })).await.unwrap()["paths"], json!([]));
    assert_eq!(call("graph_search", json!({ "query": "bbb" })).await.unwrap()["items"], json!([]));
    let rows = async |query: &str| call("graph_query", json!({ "query": query })).await.unwrap()["rows"].clone();
    assert_eq!(rows("MATCH (n:Person) WHERE n.key IN ['a', 'b', 'c'] RETURN count(*)").await, json!([[2]]));
    assert_eq!(rows("MATCH (:Person {key: 'a'})-[r]-() RETURN count(*)").await, json!([[0]]));
    assert_eq!(rows("MATCH (:Person {key: 'a'})-[*1..4]-(x) RETURN count(*)").await, json!([[0]]));
    let refused =
        call("graph_upsert", json!({ "relations": [{ "from": a, "type": "x", "to": b }] })).await.unwrap_err();
    assert_eq!(refused.places()[0].pointer, "/relations/0/to");
    // The same key is free to whoever does not see it.
    let mine = call("graph_upsert", json!({ "nodes": [person("b", "Another B")] })).await.unwrap();
    assert_eq!(mine["nodes"][0]["outcome"], "created");
    // Who manages sees everything.
    let seen = around(&app, &app.admin, json!({ "id": a, "depth": 2 })).await;
    assert_eq!(seen, ["Bbb", "Ccc"]);
}

#[tokio::test]
async fn another_tenant_has_nothing_of_it() {
    let app = TestApp::start().await;
    let [a, _, c] = chain(&app, false).await;
    for (tool, input) in [
        ("graph_get", json!({ "id": a })),
        ("graph_neighbors", json!({ "id": a })),
        ("graph_path", json!({ "from": a, "to": c })),
        ("graph_delete", json!({ "id": a })),
    ] {
        assert!(app.call(&app.stranger, tool, input).await.unwrap_err().is(&codes::NOT_FOUND), "{tool}");
    }
    assert_eq!(app.call(&app.stranger, "graph_search", json!({})).await.unwrap()["items"], json!([]));
    let refused = app
        .call(&app.stranger, "graph_upsert", json!({ "relations": [{ "from": a, "type": "x", "to": c }] }))
        .await
        .unwrap_err();
    assert_eq!(refused.places().len(), 2);
    let theirs = put(&app, &app.stranger, json!({ "nodes": [person("a", "Theirs")] })).await;
    assert_eq!(theirs["nodes"][0]["outcome"], "created");
}

#[tokio::test]
async fn a_search_tells_the_best_first_and_pages() {
    let app = TestApp::start().await;
    let nodes: Vec<Value> = (0..12)
        .map(|at| json!({ "type": "Place", "key": format!("p{at}"), "name": format!("Harbour {at} Lane") }))
        .collect();
    put(&app, &app.member, json!({ "nodes": nodes })).await;
    let more = json!({ "nodes": [
        { "type": "Place", "name": "Harbour" }, { "type": "Place", "name": "Docks", "aliases": ["Harbour"] },
        { "type": "Place", "name": "Inn", "properties": { "about": "near the harbour" } }, { "type": "Ship", "name": "Harbour" },
    ] });
    put(&app, &app.member, more).await;
    let search = async |input: Value| app.call(&app.member, "graph_search", input).await.unwrap();
    let first = search(json!({ "query": "HARBOUR", "type": "Place", "limit": 5 })).await;
    let names = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&first)[..2], ["Harbour", "Docks"]);
    let mut all = names(&first);
    let mut token = first["nextPageToken"].clone();
    while token.is_string() {
        let page = search(json!({ "query": "HARBOUR", "type": "Place", "limit": 5, "pageToken": token })).await;
        all.extend(names(&page));
        token = page["nextPageToken"].clone();
    }
    assert_eq!((all.len(), all.last().unwrap().as_str()), (15, "Inn"));
    let refused =
        app.call(&app.member, "graph_search", json!({ "query": "other", "pageToken": first["nextPageToken"] })).await;
    assert!(refused.unwrap_err().is(&codes::BAD_PAGE_TOKEN));
    assert_eq!(names(&search(json!({ "type": "Ship" })).await), ["Harbour"]);
}

#[tokio::test]
async fn a_node_goes_with_its_relations_and_a_relation_alone() {
    let app = TestApp::start().await;
    let [a, b, c] = chain(&app, false).await;
    let known = app.call(&app.member, "graph_get", json!({ "id": b })).await.unwrap();
    let relation = known["relations"][0]["id"].clone();
    let gone = app.call(&app.member, "graph_delete", json!({ "id": relation })).await.unwrap();
    assert_eq!(gone["removed"], "relation");
    let known = app.call(&app.member, "graph_get", json!({ "id": b })).await.unwrap();
    assert_eq!(known["relations"].as_array().unwrap().len(), 1);
    put(&app, &app.member, json!({ "relations": [{ "from": b, "type": "self", "to": b }] })).await;
    let gone = app.call(&app.member, "graph_delete", json!({ "id": b })).await.unwrap();
    assert_eq!((&gone["removed"], &gone["relations"]), (&json!("node"), &json!(2)));
    for id in [a, c] {
        assert_eq!(around(&app, &app.member, json!({ "id": id, "anyTime": true })).await, Vec::<String>::new());
    }
    for id in [json!(b), relation] {
        assert!(app.call(&app.member, "graph_delete", json!({ "id": id })).await.unwrap_err().is(&codes::NOT_FOUND));
    }
    let boss = put(&app, &app.admin, json!({ "nodes": [person("boss", "The Boss")] })).await;
    let refused = app.call(&app.member, "graph_delete", json!({ "id": id(&boss, 0) })).await.unwrap_err();
    assert!(refused.is(&codes::FORBIDDEN));
}

#[tokio::test]
async fn measures_say_who_is_central_and_who_hangs_together() {
    let app = TestApp::start().await;
    // Two circles of four; d and e bring them together. Everybody follows a.
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let nodes: Vec<Value> = names.iter().map(|key| person(key, &format!("{key}{key} Person"))).collect();
    let mut relations = vec![json!({ "from": "d", "type": "knows", "to": "e" })];
    for circle in [&names[..4], &names[4..]] {
        for (at, one) in circle.iter().enumerate() {
            relations.extend(circle[at + 1..].iter().map(|other| json!({ "from": one, "type": "knows", "to": other })));
        }
    }
    relations.extend(names[1..].iter().map(|one| json!({ "from": one, "type": "follows", "to": "a" })));
    put(&app, &app.member, json!({ "nodes": nodes, "relations": relations })).await;
    put(&app, &app.member, json!({ "nodes": [{ "type": "Person", "name": "Alone" }] })).await;
    let search = async |input: Value| app.call(&app.member, "graph_search", input).await.unwrap();
    let names = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()[..2].to_owned()).collect()
    };
    let groups = search(json!({ "measure": "communities", "relationTypes": ["knows"] })).await;
    // Those of a circle stand together, the one with most relations first; which circle comes first their ids say.
    let told = names(&groups);
    assert!(["dd", "ee"].contains(&told[0].as_str()) && ["dd", "ee"].contains(&told[4].as_str()), "{told:?}");
    let mut circles = [told[..4].to_vec(), told[4..].to_vec()];
    for circle in &mut circles {
        circle.sort();
    }
    circles.sort();
    assert_eq!(circles, [["aa", "bb", "cc", "dd"], ["ee", "ff", "gg", "hh"]]);
    let first = &groups["items"][0];
    assert_eq!((&first["community"], &first["communitySize"], &first["score"]), (&json!(1), &json!(4), &json!(4.0)));
    assert_eq!((&groups["items"][4]["community"], &first["estimated"]), (&json!(2), &json!(false)));
    let between = search(json!({ "measure": "betweenness", "relationTypes": ["knows"], "limit": 2 })).await;
    let mut told = names(&between);
    told.sort();
    assert_eq!(told, ["dd", "ee"]);
    let score = between["items"][0]["score"].as_f64().unwrap();
    assert!((score - 24.0 / 42.0).abs() < 1e-9, "{score}");
    let next = json!({ "measure": "betweenness", "relationTypes": ["knows"], "limit": 2, "pageToken": between["nextPageToken"] });
    let next = search(next).await;
    assert_eq!((names(&next).len(), &next["items"][0]["score"]), (2, &json!(0.0)));
    assert_eq!(names(&search(json!({ "measure": "pagerank", "limit": 1 })).await), ["aa"]);
    let degree = search(json!({ "measure": "degree", "query": "hh", "type": "Person" })).await;
    assert_eq!((names(&degree), &degree["items"][0]["score"]), (vec!["hh".to_owned()], &json!(4.0)));
    assert_eq!(search(json!({ "measure": "degree", "type": "Firm" })).await["items"], json!([]));
    let refused = app.call(&app.member, "graph_search", json!({ "relationTypes": ["knows"] })).await.unwrap_err();
    assert_eq!(refused.places()[0].pointer, "/relationTypes");
    // What is hidden from somebody is in none of it: neither nodes, nor relations, nor what they do to the figures of others.
    let before = search(json!({ "measure": "degree" })).await;
    let hub = json!({
        "nodes": [person("hub", "zz Hidden")], "visibility": "private",
        "relations": [{ "from": "hub", "type": "knows", "to": "Person:a" }, { "from": "Person:b", "type": "knows", "to": "hub" }],
    });
    put(&app, &app.admin, hub).await;
    for measure in ["degree", "pagerank", "betweenness", "communities"] {
        let seen = app.call(&app.admin, "graph_search", json!({ "measure": measure })).await.unwrap();
        assert!(names(&seen).contains(&"zz".to_owned()), "{measure}");
    }
    assert_eq!(search(json!({ "measure": "degree" })).await, before);
    assert_eq!(
        app.call(&app.stranger, "graph_search", json!({ "measure": "degree" })).await.unwrap()["items"],
        json!([])
    );
}
