//! Uploading, reading back, deleting: one of each content, seen by whom it may be, gone when it is deleted.

use convoke::capability::caller::{Door, Origin};
use convoke::capability::source::{Body, Sources, Visitor};
use convoke::kernel::codes;
use convoke::kernel::seal::sha256_hex;
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

/// Whether a file is kept: its blob begins with a line that says whose it is.
async fn is_kept(app: &TestApp, bytes: &[u8]) -> bool {
    let digest = sha256_hex(&[b"convoke document file\n", bytes].concat());
    app.app.platform().blobs.get(app.admin.tenant, &digest).await.unwrap().is_some()
}

/// Deletes a document and waits until its file is gone, too.
async fn delete(app: &TestApp, made: &Value, bytes: &[u8]) {
    app.call(&app.member, "document_delete", json!({ "id": made["documentId"] })).await.unwrap();
    for _ in 0..500 {
        if !is_kept(app, bytes).await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the file stays");
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
    assert_eq!(made["digest"], json!(sha256_hex(&file("invoice.pdf"))));
    assert!(is_kept(&app, &file("invoice.pdf")).await);
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
    let bytes = file("invoice.pdf");
    // The file stays as long as one document needs it.
    for (made, person, goes) in
        [(&first, &app.member, false), (&shared, &app.member, false), (&others, &app.admin, true)]
    {
        let gone = app.call(person, "document_delete", json!({ "id": made["documentId"] })).await.unwrap();
        assert_eq!(gone["fileRemoved"], goes, "{gone}");
        // It goes behind the call.
        for _ in 0..200 {
            if is_kept(&app, &bytes).await != goes {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(is_kept(&app, &bytes).await, !goes);
    }
    // And can be uploaded anew.
    assert_eq!(upload(&app, &app.member, json!({})).await["duplicate"], false);
}

#[tokio::test]
async fn what_is_deleted_takes_nothing_along_that_has_the_same_bytes() {
    let app = TestApp::start().await;
    let blobs = &app.app.platform().blobs;
    let shared = json!({ "name": "a.txt", "text": "What many read.", "visibility": "tenant" });
    let shared = app.call(&app.admin, "document_upload", shared).await.unwrap();
    let id = shared["documentId"].as_str().unwrap().parse::<convoke::kernel::id::DocumentId>().unwrap();
    let kind = convoke::domain::documents::MODULE.kinds[0];
    let record = app.app.platform().store.get(Scope::Tenant(app.admin.tenant), kind, id.uuid()).await.unwrap().unwrap();
    let text = blobs.get(app.admin.tenant, record.body["textDigest"].as_str().unwrap()).await.unwrap().unwrap();
    // What is kept of the text, with and without what stands before it, and a file of something else.
    let other = b"{\"prompt\": \"a\"}\n".to_vec();
    let digest = blobs.put(app.admin.tenant, other.clone().into()).await.unwrap().digest;
    let begin = text.iter().position(|byte| *byte == b'{').unwrap();
    for bytes in [text.to_vec(), text[begin..].to_vec(), other] {
        let input = json!({ "name": "b.txt", "document": base64(&bytes) });
        let made = app.call(&app.member, "document_upload", input).await.unwrap();
        delete(&app, &made, &bytes).await;
    }
    let told = app.call(&app.member, "document_get", json!({ "id": shared["documentId"] })).await.unwrap();
    assert_eq!(told["text"], "What many read.");
    assert!(blobs.get(app.admin.tenant, &digest).await.unwrap().is_some());
}

#[tokio::test]
async fn two_files_with_one_text_do_not_take_it_from_each_other() {
    let app = TestApp::start().await;
    let both = ["The same words.", "The same  words."];
    let mut made = Vec::new();
    for text in both {
        let input = json!({ "name": "a.txt", "text": text });
        made.push(app.call(&app.member, "document_upload", input).await.unwrap());
    }
    assert_ne!(made[0]["documentId"], made[1]["documentId"]);
    delete(&app, &made[0], both[0].as_bytes()).await;
    let told = app.call(&app.member, "document_get", json!({ "id": made[1]["documentId"] })).await.unwrap();
    assert_eq!(told["text"], "The same words.");
}

#[tokio::test]
async fn what_cannot_be_kept_whole_leaves_no_file() {
    let app = TestApp::start().await;
    let input = json!({ "name": "a.txt", "text": "Some words." });
    let made = app.call(&app.member, "document_upload", input.clone()).await.unwrap();
    let id = made["documentId"].as_str().unwrap().parse::<convoke::kernel::id::DocumentId>().unwrap();
    let kind = convoke::domain::documents::MODULE.kinds[0];
    let record = app.app.platform().store.get(Scope::Tenant(app.admin.tenant), kind, id.uuid()).await.unwrap().unwrap();
    let digest = record.body["textDigest"].as_str().unwrap().to_owned();
    delete(&app, &made, b"Some words.").await;
    // Something stands where the text would be written, and the file is written before it.
    let blobs = app.data().join("blobs").join(app.admin.tenant.to_string());
    let place = blobs.join(&digest[..2]).join(&digest);
    while place.exists() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    std::fs::create_dir_all(place.join("in the way")).unwrap();
    let refused = app.call(&app.member, "document_upload", input.clone()).await.unwrap_err();
    assert_eq!(refused.code().name, "unavailable", "{refused}");
    let mut left = true;
    for _ in 0..200 {
        left = is_kept(&app, b"Some words.").await;
        if !left {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(!left, "the file stays");
    // Once it can be kept, it is.
    std::fs::remove_dir_all(&place).unwrap();
    let made = app.call(&app.member, "document_upload", input).await.unwrap();
    assert_eq!(made["duplicate"], false);
    assert!(is_kept(&app, b"Some words.").await);
}

#[tokio::test]
async fn the_same_file_twice_at_once_is_kept_once() {
    let app = TestApp::start().await;
    let (one, other) = tokio::join!(upload(&app, &app.member, json!({})), upload(&app, &app.member, json!({})));
    assert_eq!(one["documentId"], other["documentId"]);
    assert_ne!(one["duplicate"], other["duplicate"]);
}

#[tokio::test]
async fn a_document_has_so_many_passages_at_most() {
    let app = TestApp::start().await;
    let text = "# a\n\nb\n\n".repeat(20_001);
    let refused = app.call(&app.member, "document_upload", json!({ "name": "a.md", "text": text })).await.unwrap_err();
    assert_eq!(refused.code().name, "document_too_large", "{refused}");
    assert!(!is_kept(&app, text.as_bytes()).await);
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

/// What a person reads under an address.
async fn read(app: &TestApp, person: &Person, uri: &str) -> Option<String> {
    let caller = app.identify(person.key.reveal()).await.unwrap();
    let origin = Origin { door: Door::Inside, address: None };
    let gate = std::sync::Arc::clone(app.app.gate());
    let visitor = Visitor { gate, caller, origin, cancel: tokio_util::sync::CancellationToken::new() };
    for source in &app.app.platform().service::<Sources>().unwrap().0 {
        if let Some(contents) = source.read(&visitor, uri).await.unwrap() {
            let Body::Text(text) = &contents[0].body else { panic!("{contents:?}") };
            return Some(text.clone());
        }
    }
    None
}

#[tokio::test]
async fn a_document_is_a_resource_and_its_events_are_told() {
    let app = TestApp::start().await;
    let mut events = app.app.platform().hear();
    let made = upload(&app, &app.member, json!({})).await;
    let uri = format!("document://{}", made["documentId"].as_str().unwrap());
    let text =
        app.call(&app.member, "document_get", json!({ "id": made["documentId"] })).await.unwrap()["text"].clone();
    assert_eq!(read(&app, &app.member, &uri).await.map(Value::from), Some(text));
    for other in [&app.stranger, &app.nobody] {
        assert_eq!(read(&app, other, &uri).await, None);
    }
    app.call(&app.member, "document_delete", json!({ "id": made["documentId"] })).await.unwrap();
    assert_eq!(read(&app, &app.member, &uri).await, None);
    for topic in ["document.uploaded", "document.deleted"] {
        let event = events.recv().await.unwrap();
        assert_eq!((event.topic.as_str(), &event.data["documentId"]), (topic, &made["documentId"]));
    }
}
