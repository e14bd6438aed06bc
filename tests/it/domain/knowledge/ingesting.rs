//! Documents into the graph: once for each content, passage by passage, and out of it again.

use std::sync::Arc;

use convoke::port::models::ModelFaultKind;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::scripted::{Act, fault};

const STAFF: &str = "# Alder\n\nAda Byron works for Alder Works GmbH. Alder Works GmbH is based in New Haven.\n\n# Birch\n\nBirch Paper Ltd was acquired \
                     by Alder Works GmbH.";

async fn ingest(app: &TestApp, input: Value) -> Value {
    app.call(&app.member, "knowledge_ingest", input).await.unwrap()
}

fn said(entities: &[(&str, &str, usize)], relations: &[(&str, &str, &str, usize, &str)]) -> Act {
    let entities: Vec<Value> =
        entities.iter().map(|(name, of, passage)| json!({ "name": name, "type": of, "passage": passage })).collect();
    let relations: Vec<Value> = relations
        .iter()
        .map(|(from, of, to, passage, quote)| {
            json!({ "from": from, "type": of, "to": to, "passage": passage, "quote": quote, "confidence": 0.9 })
        })
        .collect();
    let text = format!("```json\n{}\n```", json!({ "entities": entities, "relations": relations }));
    Act::Say(text.leak(), None)
}

/// The nodes that somebody finds by a name, whole.
async fn nodes(app: &TestApp, name: &str) -> Vec<Value> {
    let found = app.call(&app.member, "graph_search", json!({ "query": name })).await.unwrap();
    let mut nodes = Vec::new();
    for item in found["items"].as_array().unwrap().iter().filter(|item| item["name"] == name) {
        nodes.push(app.call(&app.member, "graph_get", json!({ "id": item["id"] })).await.unwrap());
    }
    nodes
}

fn relations(node: &Value) -> Vec<String> {
    let told = |one: &Value| format!("{} {}", one["type"].as_str().unwrap(), one["other"]["name"].as_str().unwrap());
    let mut all: Vec<String> = node["relations"].as_array().unwrap().iter().map(told).collect();
    all.sort();
    all
}

#[tokio::test]
async fn without_a_model_names_and_patterns_go_into_the_graph_with_their_places() {
    let app = TestApp::start().await;
    let input = json!({ "documents": [{ "name": "staff.md", "text": STAFF }], "extraction": "statistical" });
    let told = ingest(&app, input.clone()).await;
    assert_eq!((&told["complete"], &told["modelCalls"], &told["failed"]), (&json!(true), &json!(0), &json!([])));
    let one = &told["documents"][0];
    assert_eq!(
        (&one["outcome"], &one["passages"]["read"], &one["passages"]["total"]),
        (&json!("new"), &json!(2), &json!(2))
    );
    assert_eq!((&one["entities"]["created"], &one["relations"]["created"]), (&json!(4), &json!(3)), "{one}");
    assert_eq!((&one["methods"][0]["method"], &one["methods"][0]["passages"]), (&json!("statistical"), &json!(2)));
    let ada = nodes(&app, "Ada Byron").await.remove(0);
    assert_eq!((&ada["type"], relations(&ada)), (&json!("Person"), vec!["works_at Alder Works GmbH".to_owned()]));
    assert_eq!(ada["visibility"], "private");
    let origin = &ada["provenance"][0];
    assert_eq!((&origin["document"], &origin["extracted"]["passage"]), (&one["documentId"], &json!(0)));
    assert_eq!(
        (&origin["extracted"]["method"], &origin["extracted"]["trust"]),
        (&json!("statistical"), &json!("untrusted"))
    );
    assert_eq!(origin["note"], "Ada Byron works for Alder Works GmbH.");
    let relation = &ada["relations"][0]["provenance"][0];
    assert_eq!((&relation["document"], &relation["note"]), (&one["documentId"], &origin["note"]));
    // The passages are found as those of an upload are.
    let asked = json!({ "query": "acquired" });
    assert_eq!(app.call(&app.member, "document_search", asked).await.unwrap()["hits"][0]["name"], "staff.md");
    // Again: nothing.
    let again = ingest(&app, input).await;
    let same = &again["documents"][0];
    assert_eq!((&same["outcome"], &same["documentId"]), (&json!("unchanged"), &one["documentId"]));
    assert_eq!((&same["passages"]["unchanged"], &same["entities"]["total"]), (&json!(2), &json!(4)));
    assert_eq!(nodes(&app, "Ada Byron").await, [ada]);
    assert!(app.vendor.asked().is_empty());
}

#[tokio::test]
async fn a_model_is_believed_as_far_as_the_passage_bears_it_out_and_asked_once() {
    let app = TestApp::start().await;
    let quote = "Ada Byron works for Alder Works GmbH.";
    app.vendor.tell(
        "small",
        [said(
            &[("Ada Byron", "Person", 1), ("Alder Works GmbH", "Company", 1), ("Mallory", "Person", 1)],
            &[
                ("Ada Byron", "works_at", "Alder Works GmbH", 1, quote),
                ("Ada Byron", "owns", "Alder Works GmbH", 1, "Ada Byron owns Alder Works GmbH."),
                ("Mallory", "owns", "Alder Works GmbH", 1, "Alder Works GmbH is based"),
            ],
        )],
    );
    let input = json!({
        "documents": [{ "name": "staff.md", "text": STAFF }], "extraction": "model", "visibility": "tenant", "vouched": true,
    });
    let told = ingest(&app, input.clone()).await;
    let one = &told["documents"][0];
    assert_eq!(one["skipped"], json!({ "ends": 1, "not_in_passage": 1, "not_quoted": 1 }));
    assert_eq!((&one["entities"]["total"], &one["relations"]["total"]), (&json!(2), &json!(1)));
    assert_eq!(one["methods"], json!([{ "method": "model", "by": "test/small", "passages": 2 }]));
    let request = format!("{:?}", app.vendor.requests()[0]);
    assert!(request.contains("never an instruction") && request.contains("[2] Birch"), "{request}");
    let ada = nodes(&app, "Ada Byron").await.remove(0);
    let relation = &ada["relations"][0];
    assert_eq!((&relation["type"], &relation["confidence"]), (&json!("works_at"), &json!(0.9)));
    let extracted = json!({ "passage": 0, "page": 0, "method": "model", "model": "test/small", "trust": "inferred" });
    assert_eq!(relation["provenance"][0]["extracted"], extracted);
    assert!(nodes(&app, "Mallory").await.is_empty());
    // Neither the same call nor one that leaves the method open asks again.
    for extraction in ["model", "auto", "none"] {
        let mut input = input.clone();
        input["extraction"] = json!(extraction);
        let again = ingest(&app, input).await;
        assert_eq!(again["documents"][0]["outcome"], "unchanged", "{extraction}");
    }
    assert_eq!(app.vendor.asked().len(), 1);
    // By another method it is read anew, and what only the first one said goes.
    let mut other = input;
    other["extraction"] = json!("statistical");
    let told = ingest(&app, other).await;
    assert_eq!(
        (&told["documents"][0]["outcome"], &told["documents"][0]["entities"]["removed"]),
        (&json!("changed"), &json!(1))
    );
    let ada = nodes(&app, "Ada Byron").await.remove(0);
    let methods: Vec<&Value> =
        ada["provenance"].as_array().unwrap().iter().map(|one| &one["extracted"]["method"]).collect();
    assert_eq!(methods, [&json!("statistical")]);
}

#[tokio::test]
async fn of_a_changed_source_only_what_changed_is_read_and_what_nobody_says_any_more_goes() {
    let app = TestApp::start().await;
    let first = "# Staff\n\nAda Byron works for Alder Works.\n\n# Board\n\nBob Miller leads Alder Works. Carl Blum left Alder Works.";
    let second = "# Staff\n\nAda Byron works for Alder Works.\n\n# Board\n\nDora Lind leads Alder Works.";
    let input = |text: &str| {
        json!({
            "documents": [{ "name": "staff.md", "text": text, "source": "wiki/staff" }], "extraction": "model", "visibility": "tenant",
        })
    };
    app.vendor.tell(
        "small",
        [said(
            &[
                ("Ada Byron", "Person", 1),
                ("Alder Works", "Company", 1),
                ("Bob Miller", "Person", 2),
                ("Carl Blum", "Person", 2),
            ],
            &[
                ("Ada Byron", "works_at", "Alder Works", 1, "Ada Byron works for Alder Works."),
                ("Bob Miller", "leads", "Alder Works", 2, "Bob Miller leads Alder Works."),
                ("Carl Blum", "left", "Alder Works", 2, "Carl Blum left Alder Works."),
            ],
        )],
    );
    let before = ingest(&app, input(first)).await["documents"][0].clone();
    // Somebody says of Carl what the document says no longer.
    let carl = json!({ "nodes": [{ "type": "Person", "name": "Carl Blum", "provenance": { "source": "a letter" } }] });
    app.call(&app.member, "graph_upsert", carl).await.unwrap();
    app.vendor.tell(
        "small",
        [said(
            &[("Dora Lind", "Person", 1), ("Alder Works", "Company", 1)],
            &[("Dora Lind", "leads", "Alder Works", 1, "Dora Lind leads Alder Works.")],
        )],
    );
    let told = ingest(&app, input(second)).await["documents"][0].clone();
    assert_eq!(
        (&told["outcome"], &told["replaces"], &told["complete"]),
        (&json!("changed"), &before["documentId"], &json!(true))
    );
    assert_eq!((&told["passages"]["read"], &told["passages"]["unchanged"]), (&json!(1), &json!(1)), "{told}");
    assert_eq!((&told["entities"]["removed"], &told["relations"]["removed"]), (&json!(1), &json!(2)), "{told}");
    let shown = format!("{:?}", app.vendor.requests()[1]);
    assert!(shown.contains("Dora Lind") && !shown.contains("Ada Byron works"), "{shown}");
    assert!(nodes(&app, "Bob Miller").await.is_empty());
    let carl = nodes(&app, "Carl Blum").await.remove(0);
    assert_eq!((relations(&carl), carl["provenance"].as_array().unwrap().len()), (Vec::new(), 1));
    // What stayed is of the document that there is now; the earlier one is gone.
    let ada = nodes(&app, "Ada Byron").await.remove(0);
    let documents: Vec<&Value> = ada["provenance"].as_array().unwrap().iter().map(|one| &one["document"]).collect();
    assert_eq!(documents, [&told["documentId"]]);
    let gone = app.call(&app.member, "document_get", json!({ "id": before["documentId"] })).await.unwrap_err();
    assert_eq!(gone.code().name, "not_found");
    // And back: one passage was forgotten meanwhile.
    app.vendor.tell("small", [said(&[("Bob Miller", "Person", 1)], &[])]);
    let back = ingest(&app, input(first)).await["documents"][0].clone();
    assert_eq!((&back["passages"]["read"], app.vendor.asked().len()), (&json!(1), 3));
    assert_eq!((nodes(&app, "Dora Lind").await.len(), nodes(&app, "Bob Miller").await.len()), (0, 1));
}

/// A text of so many parts, each as long as a model is shown at once.
fn long(parts: usize) -> String {
    let part = |at| {
        format!("# Part {at}\n\nPerson{at} Miller left. {}\n\n", "Nothing else was said of it. ".repeat(36).trim())
    };
    (0..parts).map(part).collect::<Vec<_>>().concat()
}

fn of_part(first: usize, many: usize) -> Act {
    let names: Vec<String> = (first..first + many).map(|at| format!("Person{at} Miller")).collect();
    let entities: Vec<(&str, &str, usize)> =
        names.iter().enumerate().map(|(at, name)| (name.as_str(), "Person", at + 1)).collect();
    said(&entities, &[])
}

#[tokio::test]
async fn a_killed_call_goes_on_and_pays_for_nothing_twice() {
    let app = TestApp::start().await;
    let input =
        json!({ "documents": [{ "name": "long.md", "text": long(12) }], "extraction": "model", "model": "test/large" });
    app.vendor.tell("large", [of_part(0, 5), Act::Wait]);
    let app = Arc::new(app);
    let (running, asked) = (app.clone(), input.clone());
    let call = tokio::spawn(async move { running.call(&running.member, "knowledge_ingest", asked).await });
    app.vendor.asked_times(2).await;
    // The first five are in the graph while the model thinks of the others. Then the program is gone.
    assert_eq!(nodes(&app, "Person4 Miller").await.len(), 1);
    call.abort();
    let _ = call.await;
    let app = Arc::into_inner(app).unwrap().open_again_with(|_| {}).await;
    app.vendor.forget();
    app.vendor.tell("large", [of_part(5, 5), of_part(10, 2)]);
    let before = app.vendor.asked().len();
    let told = ingest(&app, input.clone()).await;
    let one = &told["documents"][0];
    assert_eq!(
        (&one["outcome"], &one["complete"], &told["modelCalls"]),
        (&json!("resumed"), &json!(true), &json!(2)),
        "{told}"
    );
    assert_eq!((&one["passages"]["read"], &one["passages"]["unchanged"]), (&json!(7), &json!(5)));
    assert_eq!((&one["entities"]["total"], app.vendor.asked().len() - before), (&json!(12), 2));
    let last = app.vendor.requests().pop().map(|request| format!("{request:?}")).unwrap();
    assert!(last.contains("Person11 Miller") && !last.contains("Person4 Miller"));
    assert_eq!(ingest(&app, input).await["documents"][0]["outcome"], "unchanged");
}

#[tokio::test]
async fn limits_and_faults_end_it_with_what_was_reached() {
    let app = TestApp::start().await;
    let mut input = json!({
        "documents": [{ "name": "long.md", "text": long(12) }], "extraction": "model", "model": "test/large", "maxCalls": 1,
    });
    app.vendor.tell("large", [of_part(0, 5)]);
    let told = ingest(&app, input.clone()).await;
    assert_eq!((&told["complete"], &told["stopped"]["code"]), (&json!(false), &json!("limit")));
    assert_eq!(told["documents"][0]["passages"], json!({ "total": 12, "unchanged": 0, "read": 5, "waiting": 7 }));
    input["maxCalls"] = json!(9);
    app.vendor.tell("large", [of_part(5, 5)]);
    app.vendor.tell("large", (0..6).map(|_| fault(ModelFaultKind::Refused)));
    let told = ingest(&app, input.clone()).await;
    assert_eq!((&told["complete"], &told["documents"][0]["passages"]["waiting"]), (&json!(false), &json!(2)), "{told}");
    assert_ne!(told["stopped"]["code"], "limit");
    // A fault before anything was read is told as one.
    assert!(app.call(&app.member, "knowledge_ingest", input.clone()).await.is_err());
    app.vendor.forget();
    // What the model says of the rest cannot be read: whoever demanded it is told so, and whoever did not gets statistics.
    app.vendor.tell("large", [Act::Say("I would rather not.", None)]);
    let told = ingest(&app, input.clone()).await;
    let one = &told["documents"][0];
    assert_eq!((&one["complete"], &one["skipped"]), (&json!(false), &json!({ "unusable": 2 })), "{told}");
    let other = json!({ "documents": [{ "name": "staff.md", "text": STAFF }] });
    app.vendor.tell("small", [Act::Say("no", None)]);
    let told = ingest(&app, other).await;
    let one = &told["documents"][0];
    assert_eq!((&one["complete"], &one["skipped"]["unusable"]), (&json!(true), &json!(2)));
    assert_eq!(one["methods"][0]["method"], "statistical");
    assert_eq!(nodes(&app, "Ada Byron").await.len(), 1);
}

#[tokio::test]
async fn what_several_say_stays_until_the_last_of_them_goes() {
    let app = TestApp::start().await;
    let one = json!({ "name": "one.txt", "text": "Ada Byron works for Alder Works GmbH." });
    let other = json!({ "name": "other.txt", "text": "Ada Byron works for Alder Works GmbH. She met Carl Blum." });
    let told = ingest(&app, json!({ "documents": [one, other], "extraction": "statistical" })).await;
    let id = |at: usize| json!({ "id": told["documents"][at]["documentId"] });
    assert_eq!((nodes(&app, "Ada Byron").await.len(), nodes(&app, "Carl Blum").await.len()), (1, 1));
    app.call(&app.member, "document_delete", id(1)).await.unwrap();
    let ada = nodes(&app, "Ada Byron").await.remove(0);
    assert_eq!((relations(&ada).len(), ada["provenance"].as_array().unwrap().len()), (1, 1));
    assert!(nodes(&app, "Carl Blum").await.is_empty());
    app.call(&app.member, "document_delete", id(0)).await.unwrap();
    assert!(nodes(&app, "Ada Byron").await.is_empty() && nodes(&app, "Alder Works GmbH").await.is_empty());
}

#[tokio::test]
async fn what_is_somebody_elses_is_related_to_and_left_as_it_is() {
    let app = TestApp::start().await;
    let known = json!({ "nodes": [{ "type": "Organisation", "name": "Alder Works GmbH", "provenance": { "note": "the register" } }] });
    app.call(&app.admin, "graph_upsert", known).await.unwrap();
    let input = json!({ "documents": [{ "name": "staff.md", "text": STAFF }], "extraction": "statistical", "visibility": "tenant" });
    let told = ingest(&app, input).await;
    let alder = nodes(&app, "Alder Works GmbH").await.remove(0);
    assert_eq!((alder["provenance"].as_array().unwrap().len(), relations(&alder).len()), (1, 3), "{alder}");
    app.call(&app.member, "document_delete", json!({ "id": told["documents"][0]["documentId"] })).await.unwrap();
    let alder = nodes(&app, "Alder Works GmbH").await;
    assert_eq!((alder.len(), relations(&alder[0])), (1, Vec::new()));
}

#[tokio::test]
async fn nobody_takes_in_what_they_may_not_see_and_bad_input_says_what_is_wrong() {
    let app = TestApp::start().await;
    let upload = json!({ "name": "a.txt", "text": "Ada Byron works for Alder Works GmbH." });
    let id = app.call(&app.member, "document_upload", upload.clone()).await.unwrap()["documentId"].clone();
    let by_id = json!({ "documents": [{ "documentId": id }], "extraction": "statistical" });
    let refused = app.call(&app.stranger, "knowledge_ingest", by_id.clone()).await.unwrap_err();
    assert_eq!(refused.code().name, "not_found");
    assert_eq!(ingest(&app, by_id.clone()).await["documents"][0]["outcome"], "new");
    let theirs = app.call(&app.stranger, "graph_search", json!({ "query": "Ada Byron" })).await.unwrap();
    assert_eq!(theirs["items"], json!([]));
    // One bad document does not keep the others out.
    let wrong = json!({ "name": "b.pdf", "document": "JVBERi0xLjQgbm9uc2Vuc2U=" });
    let several = json!({ "documents": [wrong, { "documentId": id }], "extraction": "statistical" });
    let told = ingest(&app, several).await;
    assert_eq!((&told["failed"][0]["place"], &told["complete"]), (&json!(0), &json!(false)), "{told}");
    assert_eq!(
        (&told["documents"][0]["outcome"], told["documents"].as_array().unwrap().len()),
        (&json!("unchanged"), 1)
    );
    for (input, place) in [
        (json!({ "documents": [] }), "/documents"),
        (json!({ "documents": [{}] }), "/documents/0/documentId"),
        (json!({ "documents": [{ "text": "x" }] }), "/documents/0/name"),
        (json!({ "documents": [{ "name": "a", "text": "x", "document": "eA==" }] }), "/documents/0/text"),
        (json!({ "documents": [{ "documentId": id, "text": "x" }] }), "/documents/0/documentId"),
        (json!({ "documents": [{ "documentId": id }, { "documentId": id }] }), "/documents/1"),
        (json!({ "documents": [{ "documentId": id }], "entityTypes": ["no type"] }), "/entityTypes/0"),
        (json!({ "documents": [{ "documentId": id }], "extraction": "statistical", "model": "test/small" }), "/model"),
        (json!({ "documents": [{ "documentId": id }], "maxCalls": 0 }), "/maxCalls"),
    ] {
        let fault = app.call(&app.member, "knowledge_ingest", input.clone()).await.unwrap_err();
        assert_eq!((fault.code().name, fault.places()[0].pointer.as_str()), ("bad_input", place), "{input}");
    }
    let unknown = json!({ "documents": [upload], "model": "test/nothing" });
    assert_eq!(app.call(&app.member, "knowledge_ingest", unknown).await.unwrap_err().code().name, "unknown_model");
    // Only what is wanted is taken; what nobody reads names in is kept all the same.
    let typed = json!({ "documents": [{ "documentId": id }], "extraction": "statistical", "entityTypes": ["Person"] });
    let told = ingest(&app, typed).await;
    assert_eq!(
        (&told["documents"][0]["entities"]["total"], &told["documents"][0]["relations"]["total"]),
        (&json!(1), &json!(0))
    );
    assert!(nodes(&app, "Alder Works GmbH").await.is_empty());
    let plain = json!({ "documents": [{ "name": "c.txt", "text": "Carl Blum is here." }], "extraction": "none" });
    let told = ingest(&app, plain).await;
    assert_eq!((&told["complete"], &told["documents"][0]["entities"]["total"]), (&json!(true), &json!(0)));
}
