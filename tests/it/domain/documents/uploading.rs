//! Uploading, reading back, deleting: one of each content, seen by whom it may be, gone when it is deleted.

use convoke::kernel::codes;
use convoke::port::records::{Filter, Query, Scope};
use serde_json::{Value, json};

use super::{base64, file};
use crate::support::app::{Person, TestApp};

async fn upload(app: &TestApp, person: &Person, more: Value) -> Value {
    let mut input = json!({ "name": "invoice.pdf", "document": base64(&file("invoice.pdf")) });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.call(person, "document_upload", input).await.unwrap()
}

fn chunks() -> &'static convoke::port::records::Kind {
    &convoke::domain::documents::model::chunk::DOCUMENT_CHUNK
}

async fn blobs(app: &TestApp, digest: &Value) -> bool {
    app.app.platform().blobs.get(app.admin.tenant, digest.as_str().unwrap()).await.unwrap().is_some()
}

#[tokio::test]
async fn a_document_is_kept_and_read_back_by_place() {
    let app = TestApp::start().await;
    let made = upload(&app, &app.member, json!({ "tags": ["bills"] })).await;
    assert_eq!(
        (&made["type"], &made["format"], &made["pages"]),
        (&json!("invoice"), &json!("pdf"), &json!(1)),
        "{made}"
    );
    assert!(
        made["confidence"].as_f64().unwrap() > 0.9
            && made["duplicate"] == false
            && made["chunks"].as_u64().unwrap() >= 1
    );
    assert!(blobs(&app, &made["digest"]).await);
    let get = |more: Value| {
        let mut input = json!({ "id": made["documentId"] });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        app.call(&app.member, "document_get", input)
    };
    let whole = get(json!({})).await.unwrap();
    let text = whole["text"].as_str().unwrap();
    assert!(text.starts_with("Invoice\n\nSupplier Inc.") && text.contains("Total: €1,500.00"), "{text}");
    assert_eq!(whole["characters"], json!(text.chars().count()));
    assert_eq!(
        (&whole["tags"], &whole["visibility"], &whole["metadata"]["author"]),
        (&json!(["bills"]), &json!("private"), &json!("Supplier Inc."))
    );
    assert!(whole.get("nextOffset").is_none());
    // Piece by piece it is the same.
    let (mut pieces, mut offset) = (String::new(), json!(0));
    loop {
        let piece = get(json!({ "offset": offset, "length": 100 })).await.unwrap();
        pieces.push_str(piece["text"].as_str().unwrap());
        match piece.get("nextOffset") {
            Some(next) => offset = next.clone(),
            None => break,
        }
    }
    assert_eq!(pieces, text);
    assert_eq!(get(json!({ "page": 1 })).await.unwrap()["text"], text);
    assert_eq!(get(json!({ "page": 2 })).await.unwrap_err().places()[0].pointer, "/page");
    assert_eq!(get(json!({ "offset": 999_999 })).await.unwrap()["text"], "");
}

#[tokio::test]
async fn the_same_file_is_kept_once_for_each_owner_and_visibility() {
    let app = TestApp::start().await;
    let first = upload(&app, &app.member, json!({})).await;
    let again = upload(&app, &app.member, json!({ "name": "other.pdf" })).await;
    assert_eq!(
        (&again["documentId"], &again["duplicate"], &again["name"]),
        (&first["documentId"], &json!(true), &json!("invoice.pdf"))
    );
    let shared = upload(&app, &app.member, json!({ "visibility": "tenant" })).await;
    let others = upload(&app, &app.admin, json!({})).await;
    for one in [&shared, &others] {
        assert!(one["duplicate"] == false && one["documentId"] != first["documentId"], "{one}");
        assert_eq!(one["digest"], first["digest"]);
    }
    // The file stays as long as one document needs it.
    for (made, person, goes) in
        [(&first, &app.member, false), (&shared, &app.member, false), (&others, &app.admin, true)]
    {
        let gone = app.call(person, "document_delete", json!({ "id": made["documentId"] })).await.unwrap();
        assert_eq!(gone["fileRemoved"], goes, "{gone}");
        // It goes behind the call.
        for _ in 0..200 {
            if blobs(&app, &first["digest"]).await != goes {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(blobs(&app, &first["digest"]).await, !goes);
    }
    // And can be uploaded anew.
    assert_eq!(upload(&app, &app.member, json!({})).await["duplicate"], false);
}

#[tokio::test]
async fn what_is_deleted_is_in_no_index_any_more() {
    let app = TestApp::start().await;
    let made = upload(&app, &app.member, json!({})).await;
    let search = || app.call(&app.member, "document_search", json!({ "query": "copper wire" }));
    assert_eq!(search().await.unwrap()["hits"][0]["documentId"], made["documentId"]);
    let gone = app.call(&app.member, "document_delete", json!({ "id": made["documentId"] })).await.unwrap();
    assert_eq!(gone["chunks"], made["chunks"]);
    assert_eq!(search().await.unwrap()["hits"], json!([]));
    let of = json!({ "id": made["documentId"] });
    assert!(app.call(&app.member, "document_get", of.clone()).await.unwrap_err().is(&codes::NOT_FOUND));
    assert!(app.call(&app.member, "document_delete", of).await.unwrap_err().is(&codes::NOT_FOUND));
    let store = &app.app.platform().store;
    let left = store.find(Scope::Tenant(app.admin.tenant), chunks(), Query::newest(Filter::All, 100)).await.unwrap();
    assert!(left.iter().all(|one| one.body["documentId"] != made["documentId"]));
    // Where the text lies.
    let kept = store.find(Scope::Platform, chunks(), Query::newest(Filter::All, 100)).await.unwrap();
    assert_eq!(kept.len(), 1, "the scene's own");
}

#[tokio::test]
async fn documents_are_seen_by_whom_they_may() {
    let app = TestApp::start().await;
    let private = upload(&app, &app.admin, json!({})).await;
    let shared = upload(&app, &app.admin, json!({ "visibility": "tenant" })).await;
    let code = |person: &Person, tool: &str, made: &Value| {
        let input = json!({ "id": made["documentId"] });
        let (app, person, tool) = (&app, person.clone(), tool.to_owned());
        async move { app.call(&person, &tool, input).await.err().map(|fault| fault.code().name) }
    };
    assert_eq!(code(&app.member, "document_get", &private).await, Some("not_found"));
    assert_eq!(code(&app.member, "document_get", &shared).await, None);
    assert_eq!(code(&app.member, "document_delete", &shared).await, Some("forbidden"));
    assert_eq!(code(&app.nobody, "document_get", &shared).await, Some("forbidden"));
    for made in [&private, &shared] {
        for tool in ["document_get", "document_delete", "document_extract"] {
            assert_eq!(code(&app.stranger, tool, made).await, Some("not_found"));
        }
    }
    let hits = |person: &Person| {
        let (app, person) = (&app, person.clone());
        async move {
            let found = app.call(&person, "document_search", json!({ "query": "copper" })).await.unwrap();
            found["hits"].as_array().unwrap().len()
        }
    };
    assert_eq!((hits(&app.admin).await, hits(&app.member).await, hits(&app.stranger).await), (2, 1, 0));
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_its_code() {
    let app = TestApp::start().await;
    let refused = |input: Value| {
        let app = &app;
        async move { app.call(&app.member, "document_upload", input).await.unwrap_err() }
    };
    for (bytes, code) in [
        (file("locked.pdf"), "document_encrypted"),
        (b"MZ\x90\x00\x03".to_vec(), "document_type_unknown"),
        (b"%PDF-1.7\n".to_vec(), "document_unreadable"),
        (b"PK\x03\x04".to_vec(), "document_unreadable"),
        (b"   ".to_vec(), "document_unreadable"),
    ] {
        let fault = refused(json!({ "name": "x.pdf", "document": base64(&bytes) })).await;
        assert_eq!(fault.code().name, code, "{fault}");
    }
    assert_eq!(refused(json!({ "name": "x", "document": "no base64!" })).await.places()[0].pointer, "/document");
    assert_eq!(refused(json!({ "name": "x" })).await.places()[0].pointer, "/document");
    assert_eq!(refused(json!({ "name": "x", "document": "eA==", "text": "x" })).await.places()[0].pointer, "/text");
    // Nothing of it was kept.
    let store = &app.app.platform().store;
    let kept = store.find(Scope::Tenant(app.admin.tenant), chunks(), Query::newest(Filter::All, 10)).await.unwrap();
    assert_eq!(kept.len(), 1, "the scene's own");
}

#[tokio::test]
async fn a_document_is_a_resource_and_its_events_are_told() {
    let app = TestApp::start().await;
    let mut events = app.app.platform().hear();
    let made = upload(&app, &app.member, json!({})).await;
    app.call(&app.member, "document_delete", json!({ "id": made["documentId"] })).await.unwrap();
    for topic in ["document.uploaded", "document.deleted"] {
        let event = events.recv().await.unwrap();
        assert_eq!((event.topic.as_str(), &event.data["documentId"]), (topic, &made["documentId"]));
    }
}
