//! Passages found by their words, with their places.

use serde_json::{Value, json};

use crate::support::app::TestApp;

async fn found(app: &TestApp, input: Value) -> Vec<Value> {
    let answer = app.call(&app.member, "document_search", input).await.unwrap();
    assert_eq!(answer["method"], "lexical");
    answer["hits"].as_array().unwrap().clone()
}

#[tokio::test]
async fn the_passage_that_says_it_comes_first_with_its_place() {
    let app = TestApp::start().await;
    let filler = "The council spoke of the river and its bridges, as it had done for many years. ".repeat(30);
    let text = format!(
        "# Town\n\n{filler}\n\n## Tolls\n\nA cart pays two pennies at the lantern gate.\n\n## Schools\n\n{filler}"
    );
    let made = app
        .call(
            &app.member,
            "document_upload",
            json!({ "name": "town.md", "text": text, "tags": ["town"], "documentType": "report" }),
        )
        .await
        .unwrap();
    assert_eq!((&made["type"], &made["confidence"]), (&json!("report"), &json!(1.0)));
    let hits = found(&app, json!({ "query": "What does a cart pay at the lantern gate?" })).await;
    let best = &hits[0];
    assert_eq!(best["heading"], "Town › Tolls");
    assert!(best["text"].as_str().unwrap().contains("two pennies"), "{best}");
    // The place leads to the very words.
    let piece = json!({ "id": made["documentId"], "offset": best["offset"], "length": best["length"] });
    assert_eq!(app.call(&app.member, "document_get", piece).await.unwrap()["text"], best["text"]);
    for (narrowing, count) in [
        (json!({ "documentType": "report" }), true),
        (json!({ "documentType": "letter" }), false),
        (json!({ "tag": "town" }), true),
        (json!({ "tag": "village" }), false),
        (json!({ "documentIds": [made["documentId"]] }), true),
        (json!({ "documentIds": ["0192f0c1-0000-7000-8000-0000000000e6"] }), false),
    ] {
        let mut input = json!({ "query": "lantern", "limit": 1 });
        input.as_object_mut().unwrap().extend(narrowing.as_object().unwrap().clone());
        assert_eq!(!found(&app, input).await.is_empty(), count, "{narrowing}");
    }
    assert!(found(&app, json!({ "query": "?!" })).await.is_empty());
}

#[tokio::test]
async fn a_type_or_tag_is_found_however_many_others_fit_better() {
    let app = TestApp::start().await;
    let many = "# Lantern\n\nlantern lantern lantern\n\n".repeat(450);
    let one = format!("The lantern hung there. {}", "Nothing else happened on that long day by the river. ".repeat(15));
    for (name, text, kind, tag) in [("many.md", &many, "report", "many"), ("one.txt", &one, "letter", "one")] {
        let input = json!({ "name": name, "text": text, "documentType": kind, "tags": [tag] });
        app.call(&app.member, "document_upload", input).await.unwrap();
    }
    for narrowing in [json!({ "documentType": "letter" }), json!({ "tag": "one" })] {
        let mut input = json!({ "query": "lantern" });
        input.as_object_mut().unwrap().extend(narrowing.as_object().unwrap().clone());
        let hits = found(&app, input).await;
        assert_eq!(
            hits.iter().map(|hit| hit["name"].as_str().unwrap()).collect::<Vec<_>>(),
            ["one.txt"],
            "{narrowing}"
        );
    }
}
