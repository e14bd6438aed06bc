//! Putting nodes and relations into the graph.

use convoke::kernel::clock::Clock as _;
use convoke::kernel::codes;
use convoke::kernel::seal::sha256;
use convoke::port::graph::RELATION;
use convoke::port::records::{Filter, Query, Scalar, Scope};
use convoke::port::store::{Batch, Expect, Put, Step};
use serde_json::{Value, json};

use super::{around, id, outcomes, person, put};
use crate::support::app::TestApp;

#[tokio::test]
async fn the_same_call_twice_changes_nothing() {
    let app = TestApp::start().await;
    let input = json!({
        "nodes": [person("a@x", "Anna"), { "ref": "acme", "type": "Company", "name": "Acme GmbH", "properties": { "city": "Ulm" } }],
        "relations": [{ "from": "a@x", "type": "works_at", "to": "acme", "validFrom": "2024-01-01T00:00:00Z", "confidence": 0.5 }],
        "provenance": { "source": "https://x.example/team" },
    });
    let first = put(&app, &app.member, input.clone()).await;
    assert_eq!((outcomes(&first), &first["relations"][0]["outcome"]), (vec!["created", "created"], &json!("created")));
    let second = put(&app, &app.member, input).await;
    assert_eq!(
        (outcomes(&second), &second["relations"][0]["outcome"]),
        (vec!["unchanged", "unchanged"], &json!("unchanged"))
    );
    assert_eq!(
        (id(&first, 0), id(&first, 1), &first["relations"][0]["id"]),
        (id(&second, 0), id(&second, 1), &second["relations"][0]["id"])
    );
    assert_eq!((&second["nodes"][0]["foundBy"], &second["nodes"][1]["foundBy"]), (&json!("key"), &json!("name")));
    let node = app.call(&app.member, "graph_get", json!({ "id": id(&first, 1) })).await.unwrap();
    assert_eq!((&node["version"], &node["provenance"][0]["source"]), (&json!(1), &json!("https://x.example/team")));
    assert_eq!(node["relations"][0]["other"]["name"], "Anna");
}

#[tokio::test]
async fn a_relation_from_before_ids_began_with_a_time_is_found_again() {
    let app = TestApp::start().await;
    let nodes = || json!([person("a@x", "Anna"), { "ref": "acme", "type": "Company", "name": "Acme GmbH" }]);
    let relation =
        |confidence: f64| json!([{ "from": "a@x", "type": "works_at", "to": "acme", "confidence": confidence }]);
    let own = Filter::is("type", Scalar::Text("works_at".to_owned()));
    let before = app.app.platform().store.count(Scope::Platform, &RELATION, own.clone()).await.unwrap();
    let first = put(&app, &app.member, json!({ "nodes": nodes(), "relations": relation(0.5) })).await;
    // As it was written once: its id was of the digest alone.
    let (store, kind) = (app.app.platform().store.clone(), &RELATION);
    let made = Filter::is("from", Scalar::Id(id(&first, 0).parse().unwrap()));
    let stored = store.find(Scope::Platform, kind, Query::newest(made, 9)).await.unwrap().remove(0);
    let text = format!("relation\ntenant\n{}\n{}\n\nworks_at", id(&first, 0), id(&first, 1));
    let mut digest = [0; 16];
    digest.copy_from_slice(&sha256(text.as_bytes())[..16]);
    let former = uuid::Builder::from_custom_bytes(digest).into_uuid();
    assert_ne!(former, stored.id);
    let again = Put {
        kind,
        id: former,
        expect: Expect::Absent,
        owner: stored.owner,
        workspace: stored.workspace,
        visibility: stored.visibility,
        body: stored.body,
    };
    let steps = vec![Step::Remove { kind, id: stored.id, expect: Expect::Present }, Step::Put(again)];
    store.commit(vec![Batch { tenant: stored.tenant, at: app.clock.now(), steps }]).await.unwrap();
    for (confidence, outcome) in [(0.5, "unchanged"), (0.75, "changed"), (0.75, "unchanged")] {
        let second = put(&app, &app.member, json!({ "nodes": nodes(), "relations": relation(confidence) })).await;
        let told = &second["relations"][0];
        assert_eq!((&told["outcome"], &told["id"]), (&json!(outcome), &json!(former)));
    }
    assert_eq!(store.count(Scope::Platform, kind, own).await.unwrap(), before + 1);
}

#[tokio::test]
async fn what_is_known_is_changed_and_its_versions_are_kept() {
    let app = TestApp::start().await;
    let first = put(&app, &app.member, json!({ "nodes": [{ "type": "City", "key": "ulm", "name": "Ulm", "properties": { "people": 1, "old": true } }] })).await;
    app.clock.advance(std::time::Duration::from_secs(60));
    let more = json!({ "nodes": [{ "type": "City", "key": "ulm", "name": "Ulm an der Donau", "properties": { "people": 2, "old": null } }] });
    let second = put(&app, &app.member, more).await;
    assert_eq!((outcomes(&second), id(&second, 0)), (vec!["changed"], id(&first, 0)));
    let get = async |more: Value| {
        let mut input = json!({ "id": id(&first, 0) });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        app.call(&app.member, "graph_get", input).await
    };
    let now = get(json!({ "versions": true })).await.unwrap();
    assert_eq!((&now["properties"], &now["aliases"]), (&json!({ "people": 2 }), &json!(["Ulm"])));
    assert_eq!((&now["versions"][0]["version"], &now["versions"][0]["properties"]["people"]), (&json!(1), &json!(1)));
    let before = get(json!({ "knownAt": "2026-11-20T12:00:30Z" })).await.unwrap();
    assert_eq!((&before["name"], &before["properties"]["people"]), (&json!("Ulm"), &json!(1)));
    assert!(get(json!({ "knownAt": "2026-11-20T11:00:00Z" })).await.unwrap_err().is(&codes::NOT_FOUND));
}

#[tokio::test]
async fn a_name_finds_one_of_its_type_whatever_its_case_and_signs() {
    let app = TestApp::start().await;
    let first = put(
        &app,
        &app.member,
        json!({ "nodes": [{ "type": "Company", "name": "Müller & Söhne", "aliases": ["MS Bau"] }] }),
    )
    .await;
    let of = |name: &str, kind: &str| json!({ "nodes": [{ "type": kind, "name": name }] });
    let again = put(&app, &app.member, of("MÜLLER, SÖHNE", "Company")).await;
    assert_eq!((id(&again, 0), &again["nodes"][0]["foundBy"]), (id(&first, 0), &json!("name")));
    let again = put(&app, &app.member, of("ms bau", "Company")).await;
    assert_eq!((id(&again, 0), &again["nodes"][0]["foundBy"]), (id(&first, 0), &json!("alias")));
    let other = put(&app, &app.member, of("Müller & Söhne", "Person")).await;
    assert_eq!(outcomes(&other), ["created"]);
    let mut none = of("Müller & Söhne", "Company");
    none["resolve"] = json!("none");
    assert_eq!(outcomes(&put(&app, &app.member, none).await), ["created"]);
    let both = json!({ "nodes": [{ "type": "Tag", "name": "Old thing" }, { "type": "Tag", "name": "old thing" }], "resolve": "none" });
    let both = put(&app, &app.member, both).await;
    assert_eq!(outcomes(&both), ["created", "created"]);
    assert_ne!(id(&both, 0), id(&both, 1));
    let twice = json!({ "nodes": [{ "ref": "one", "type": "Tag", "name": "New thing" }, { "ref": "two", "type": "Tag", "name": "new thing" }] });
    let twice = put(&app, &app.member, twice).await;
    assert_eq!((outcomes(&twice), id(&twice, 0)), (vec!["created", "unchanged"], id(&twice, 1)));
}

#[tokio::test]
async fn a_merge_by_likeness_says_so_and_can_be_split_again() {
    let app = TestApp::start().await;
    let acme = json!({ "nodes": [{ "type": "Company", "name": "Acme Corporation", "properties": { "city": "Ulm" } }] });
    let first = put(&app, &app.member, acme).await;
    let slip = |resolve: &str| {
        json!({
            "nodes": [{ "ref": "it", "type": "Company", "name": "Acme Corporatoin", "properties": { "city": "Bonn", "size": 3 } }, person("k", "Kim Lee")],
            "relations": [{ "from": "k", "type": "works_at", "to": "it" }], "resolve": resolve,
        })
    };
    let merged = put(&app, &app.member, slip("similar")).await;
    let node = &merged["nodes"][0];
    assert_eq!(
        (id(&merged, 0), &node["outcome"], &node["foundBy"]),
        (id(&first, 0), &json!("merged"), &json!("similarity"))
    );
    assert!(node["likeness"].as_f64().unwrap() > 0.9 && node["mergeId"].is_string(), "{node}");
    let again = put(&app, &app.member, slip("similar")).await;
    assert_eq!((outcomes(&again)[0], id(&again, 0)), ("unchanged", id(&first, 0)));
    let known = app.call(&app.member, "graph_get", json!({ "id": id(&first, 0) })).await.unwrap();
    assert_eq!(
        (&known["properties"], &known["aliases"]),
        (&json!({ "city": "Bonn", "size": 3 }), &json!(["Acme Corporatoin"]))
    );
    assert_eq!((&known["merges"][0]["mergeId"], known["relations"].as_array().unwrap().len()), (&node["mergeId"], 1));

    let split = json!({ "splits": [{ "nodeId": id(&first, 0), "mergeId": node["mergeId"] }] });
    let done = put(&app, &app.member, split.clone()).await;
    assert_eq!(done["splits"][0]["relations"], 1);
    let known = app.call(&app.member, "graph_get", json!({ "id": id(&first, 0) })).await.unwrap();
    assert_eq!(
        (&known["properties"], &known["aliases"], &known["relations"]),
        (&json!({ "city": "Ulm" }), &json!([]), &json!([]))
    );
    let apart = app.call(&app.member, "graph_get", json!({ "id": done["splits"][0]["newNodeId"] })).await.unwrap();
    assert_eq!(
        (&apart["name"], &apart["properties"]["size"], &apart["relations"][0]["other"]["name"]),
        (&json!("Acme Corporatoin"), &json!(3), &json!("Kim Lee"))
    );
    // What was split off is found by its own name from now on.
    let again = put(&app, &app.member, slip("similar")).await;
    assert_eq!(json!(id(&again, 0)), done["splits"][0]["newNodeId"]);
    let refused = app.call(&app.member, "graph_upsert", split).await.unwrap_err();
    assert_eq!(refused.places()[0].pointer, "/splits/0/mergeId");
}

#[tokio::test]
async fn short_names_and_other_numbers_are_never_alike() {
    let app = TestApp::start().await;
    let of =
        |name: &str| json!({ "nodes": [{ "type": "Thing", "name": name }], "resolve": "similar", "threshold": 0.8 });
    for (one, other) in [("Boeing 737-800", "Boeing 737-900"), ("Anna", "Anne"), ("Phase 1 study", "Phase 2 study")] {
        put(&app, &app.member, of(one)).await;
        assert_eq!(outcomes(&put(&app, &app.member, of(other)).await), ["created"], "{one} {other}");
    }
}

#[tokio::test]
async fn relations_of_other_times_are_others_and_can_be_ended() {
    let app = TestApp::start().await;
    let of = |from: &str, to: Option<&str>| {
        let mut relation = json!({ "from": "Person:p", "type": "works_at", "to": "Company:c", "validFrom": from });
        if let Some(to) = to {
            relation["validTo"] = to.into();
        }
        json!({ "relations": [relation] })
    };
    let nodes = json!({ "nodes": [person("p", "Pat"), { "type": "Company", "key": "c", "name": "Cee" }] });
    let made = put(&app, &app.member, nodes).await;
    let first = put(&app, &app.member, of("2020-01-01T00:00:00Z", None)).await;
    let second = put(&app, &app.member, of("2024-01-01T00:00:00Z", None)).await;
    assert_ne!(first["relations"][0]["id"], second["relations"][0]["id"]);
    let ended = put(&app, &app.member, of("2020-01-01T00:00:00Z", Some("2022-01-01T00:00:00Z"))).await;
    assert_eq!(
        (&ended["relations"][0]["outcome"], &ended["relations"][0]["id"]),
        (&json!("changed"), &first["relations"][0]["id"])
    );
    for (at, found) in [
        ("2019-06-01T00:00:00Z", 0),
        ("2021-06-01T00:00:00Z", 1),
        ("2023-06-01T00:00:00Z", 0),
        ("2025-06-01T00:00:00Z", 1),
    ] {
        let input = json!({ "id": id(&made, 0), "validAt": at });
        assert_eq!(around(&app, &app.member, input).await.len(), found, "{at}");
    }
    let all = app.call(&app.member, "graph_get", json!({ "id": id(&made, 0), "anyTime": true })).await.unwrap();
    assert_eq!(all["relations"].as_array().unwrap().len(), 2);
    let refused = app
        .call(&app.member, "graph_upsert", of("2020-01-01T00:00:00Z", Some("2019-01-01T00:00:00Z")))
        .await
        .unwrap_err();
    assert_eq!(refused.places()[0].pointer, "/relations/0/validTo");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_its_place_and_nothing_is_written() {
    let app = TestApp::start().await;
    let many: serde_json::Map<String, Value> = (0..60).map(|at| (format!("p{at}"), json!("x".repeat(1000)))).collect();
    for (input, code, pointer) in [
        (json!({}), "bad_input", "/nodes"),
        (json!({ "nodes": [{ "type": "Person" }] }), "bad_input", "/nodes/0/name"),
        (json!({ "nodes": [person("a", "A"), { "type": "has space", "name": "x" }] }), "bad_input", "/nodes/1/type"),
        (json!({ "nodes": [{ "type": "P", "name": "x", "properties": many }] }), "graph_node_too_large", ""),
        (
            json!({ "nodes": [person("a", "A")], "relations": [{ "from": "a", "type": "x", "to": "b" }] }),
            "bad_input",
            "/relations/0/to",
        ),
        (
            json!({ "nodes": [{ "id": "0192f0c1-0000-7000-8000-0000000000ff", "type": "P" }] }),
            "bad_input",
            "/nodes/0/id",
        ),
        (
            json!({ "nodes": [{ "id": "0192f0c1-0000-7000-8000-0000000000da", "type": "Company" }] }),
            "bad_input",
            "/nodes/0/type",
        ),
        (json!({ "nodes": [person("a", "A")], "visibility": "workspace" }), "bad_input", "/workspaceId"),
        (
            json!({ "nodes": [person("a", "A")], "splits": [{ "nodeId": id_of(0xda), "mergeId": id_of(0xda) }] }),
            "bad_input",
            "/splits",
        ),
        (
            json!({ "nodes": [{ "ref": "x", "type": "P", "name": "1" }, { "ref": "x", "type": "P", "name": "2" }], "relations": [{ "from": "x", "type": "x", "to": "x" }] }),
            "bad_input",
            "/nodes",
        ),
    ] {
        let refused = app.call(&app.member, "graph_upsert", input.clone()).await.unwrap_err();
        assert_eq!(refused.code().name, code, "{input} {refused}");
        let place = refused.places().first().map_or("", |place| place.pointer.as_str());
        assert_eq!(place, pointer, "{input}");
    }
    let found = app.call(&app.member, "graph_search", json!({ "query": "A", "type": "Person" })).await.unwrap();
    assert_eq!(found["items"], json!([]));
}

fn id_of(last: u8) -> String {
    crate::support::scene::id(last).to_string()
}

#[tokio::test]
async fn only_the_owner_changes_a_node_and_everybody_relates_to_it() {
    let app = TestApp::start().await;
    let made = put(&app, &app.admin, json!({ "nodes": [person("boss", "The Boss")] })).await;
    let more = json!({ "nodes": [{ "type": "Person", "key": "boss", "properties": { "hair": "none" } }] });
    assert!(app.call(&app.member, "graph_upsert", more).await.unwrap_err().is(&codes::FORBIDDEN));
    let related = json!({ "nodes": [person("me", "Me")], "relations": [{ "from": "me", "type": "reports_to", "to": "Person:boss" }] });
    assert_eq!(put(&app, &app.member, related).await["relations"][0]["to"], json!(id(&made, 0)));
    assert!(
        app.call(&app.nobody, "graph_upsert", json!({ "nodes": [person("x", "X")] }))
            .await
            .unwrap_err()
            .is(&codes::FORBIDDEN)
    );
    // Who manages changes what is another's.
    let more = json!({ "nodes": [{ "type": "Person", "key": "me", "properties": { "seen": true } }] });
    assert_eq!(outcomes(&put(&app, &app.admin, more).await), ["changed"]);
}

#[tokio::test]
async fn a_split_brings_back_what_was_before_the_merge() {
    let app = TestApp::start().await;
    let acme = json!({ "type": "Company", "name": "Acme Corporation", "properties": { "city": "Ulm", "size": 2 }, "validFrom": "2020-01-01T00:00:00Z" });
    let first = put(&app, &app.member, json!({ "nodes": [acme] })).await;
    let slip = json!({
        "type": "Company", "name": "Acme corporation", "key": "other", "properties": { "city": "Bonn", "size": null },
        "validFrom": "2022-01-01T00:00:00Z", "validTo": "2090-01-01T00:00:00Z",
    });
    let merged = put(&app, &app.member, json!({ "nodes": [slip] })).await;
    assert_eq!((outcomes(&merged), id(&merged, 0)), (vec!["merged"], id(&first, 0)));
    let split = json!({ "splits": [{ "nodeId": id(&first, 0), "mergeId": merged["nodes"][0]["mergeId"] }] });
    let done = put(&app, &app.member, split).await;
    let known = app.call(&app.member, "graph_get", json!({ "id": id(&first, 0) })).await.unwrap();
    assert_eq!(known["properties"], json!({ "city": "Ulm", "size": 2 }));
    assert_eq!(
        (known.get("key"), &known["validFrom"], known.get("validTo")),
        (None, &json!("2020-01-01T00:00:00.000Z"), None)
    );
    let apart = app.call(&app.member, "graph_get", json!({ "id": done["splits"][0]["newNodeId"] })).await.unwrap();
    assert_eq!((&apart["key"], &apart["validFrom"]), (&json!("other"), &json!("2022-01-01T00:00:00.000Z")));
    // It is told of.
    let told = told(&app, "graph.node.upserted").await;
    let last = told.last().unwrap();
    assert_eq!(
        (&last["created"], &last["changed"]),
        (&json!([done["splits"][0]["newNodeId"]]), &json!([id(&first, 0)]))
    );
}

#[tokio::test]
async fn two_splits_of_one_call_do_not_share_a_relation() {
    let app = TestApp::start().await;
    let of = |one: &str, other: &str, size: u32| {
        json!({
            "nodes": [
                { "ref": "one", "type": "Company", "name": one, "properties": { "size": size } },
                { "ref": "two", "type": "Company", "name": other, "properties": { "size": size } },
            ],
            "relations": [{ "from": "one", "type": "owns", "to": "two" }],
        })
    };
    put(&app, &app.member, of("Acme Corporation", "Bolt Industries", 1)).await;
    let merged = put(&app, &app.member, of("ACME Corporation", "BOLT Industries", 2)).await;
    // Only the first relation was made by itself: one of a merge is another in a room of its own time.
    let mut dated = of("ACME CORPORATION", "BOLT INDUSTRIES", 3);
    dated["relations"][0]["validFrom"] = json!("2024-01-01T00:00:00Z");
    let merged_again = put(&app, &app.member, dated).await;
    assert_eq!((outcomes(&merged), outcomes(&merged_again)), (vec!["merged"; 2], vec!["merged"; 2]));
    let split = |at: usize| json!({ "nodeId": id(&merged_again, at), "mergeId": merged_again["nodes"][at]["mergeId"] });
    let both = json!({ "splits": [split(0), split(1)] });
    let refused = app.call(&app.member, "graph_upsert", both).await.unwrap_err();
    assert_eq!(refused.places()[0].pointer, "/splits/1/mergeId");
    for at in 0..2 {
        let done = put(&app, &app.member, json!({ "splits": [split(at)] })).await;
        assert_eq!(done["splits"][0]["relations"], 1);
    }
}

/// What was told by a topic, the oldest first.
async fn told(app: &TestApp, topic: &str) -> Vec<Value> {
    let told = app.entries(&convoke::capability::events::EVENTS).await;
    let told = told.into_iter().filter(|event| event.to_string().contains(topic));
    told.map(|event| event.get("data").cloned().unwrap_or(event)).collect()
}

#[tokio::test]
async fn what_is_private_is_told_to_nobody() {
    let app = TestApp::start().await;
    let shared = put(&app, &app.member, json!({ "nodes": [person("s", "Shared"), person("t", "Too")] })).await;
    let mine = put(&app, &app.member, json!({ "nodes": [person("m", "Mine")], "visibility": "private" })).await;
    assert_eq!(told(&app, "graph.node.upserted").await.len(), 1);
    // A call for the tenant changes a private node, and relates a shared one to it.
    let change = json!({
        "nodes": [{ "id": id(&mine, 0), "type": "Person", "properties": { "x": 1 } }, { "id": id(&shared, 0), "type": "Person", "properties": { "x": 1 } }],
        "relations": [{ "from": id(&shared, 1), "type": "knows", "to": id(&mine, 0) }],
    });
    let made = put(&app, &app.member, change).await;
    let all = told(&app, "graph.node.upserted").await;
    assert_eq!(all.last().unwrap(), &json!({ "created": [], "changed": [id(&shared, 0)], "relations": 0 }));
    // A private call that changes a shared node tells of that one alone.
    let change = json!({
        "nodes": [{ "id": id(&shared, 1), "type": "Person", "properties": { "x": 2 } }, person("n", "New")],
        "relations": [{ "from": "n", "type": "knows", "to": id(&shared, 0) }], "visibility": "private",
    });
    put(&app, &app.member, change).await;
    let all = told(&app, "graph.node.upserted").await;
    assert_eq!(
        (all.len(), all.last().unwrap()),
        (3, &json!({ "created": [], "changed": [id(&shared, 1)], "relations": 0 }))
    );
    let both = json!({ "relations": [{ "from": id(&shared, 0), "type": "knows", "to": id(&shared, 1) }] });
    let both = put(&app, &app.member, both).await;
    let all = told(&app, "graph.node.upserted").await;
    let mut ends = [id(&shared, 0), id(&shared, 1)];
    ends.sort();
    assert_eq!(all.last().unwrap(), &json!({ "created": [], "changed": ends, "relations": 1 }));
    for relation in [&made["relations"][0]["id"], &both["relations"][0]["id"]] {
        app.call(&app.member, "graph_delete", json!({ "id": relation })).await.unwrap();
    }
    let gone = told(&app, "graph.relation.deleted").await;
    assert_eq!((gone.len(), &gone[0]["relationId"]), (1, &both["relations"][0]["id"]));
    assert!(!format!("{all:?}{gone:?}").contains(&id(&mine, 0)));
}
