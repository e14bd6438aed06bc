//! Files as bodies of their own: taken in as they come, whole or not at all.

use std::path::Path;
use std::time::Duration;

use convoke::kernel::seal::sha256_hex;
use http::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::doors::served::{Served, head, problem, sent, told};
use crate::support::app::Person;

const BODY_LIMIT: usize = 10_000;

async fn served() -> Served {
    Served::start_with(|settings| {
        settings.config.server.body_limit_bytes = BODY_LIMIT;
        settings.config.server.bodies_bytes = 2 * BODY_LIMIT;
        settings.config.server.file_limit_bytes = 1_000_000;
    })
    .await
}

fn upload(served: &Served, person: &Person, query: &str, media: &str, body: Vec<u8>) -> reqwest::RequestBuilder {
    let request = served.request(person, Method::POST, &format!("/documents/upload?{query}"));
    request.header("content-type", media).body(body)
}

/// Files that have arrived and wait, and those of blobs.
fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

async fn none_waits(served: &Served) {
    for _ in 0..500 {
        if files(&served.app.data().join("arriving")) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a file that arrived is left");
}

/// Words that are larger than a body may be, and than all together.
fn large() -> Vec<u8> {
    (0..20_000).map(|number| format!("word{number} ")).collect::<Vec<_>>().concat().into_bytes()
}

#[tokio::test]
async fn a_file_larger_than_a_body_may_be_is_a_document() {
    let served = served().await;
    let (member, bytes) = (&served.app.member, large());
    let query = "name=many%20words.txt&tags=one,two&visibility=tenant&documentType=letter";
    let (status, made) = told(upload(&served, member, query, "application/octet-stream", bytes.clone())).await;
    assert_eq!((status, &made["digest"], &made["sizeBytes"]), (201, &json!(sha256_hex(&bytes)), &json!(bytes.len())));
    assert_eq!(
        (&made["name"], &made["type"], &made["format"]),
        (&json!("many words.txt"), &json!("letter"), &json!("text"))
    );
    let get = json!({ "id": made["documentId"], "length": 200_000 });
    let read = served.app.call(member, "document_get", get).await.unwrap();
    assert_eq!((&read["tags"], &read["visibility"]), (&json!(["one", "two"]), &json!("tenant")));
    assert_eq!(read["text"], String::from_utf8(bytes.clone()).unwrap().trim_end());
    none_waits(&served).await;
    // Given in another way it is the same document, and has the same blobs.
    let kept = files(&served.app.data().join("blobs"));
    let again = json!({ "name": "x.txt", "text": String::from_utf8(bytes.clone()).unwrap(), "visibility": "tenant" });
    let again = served.app.call(member, "document_upload", again).await.unwrap();
    assert_eq!((&again["duplicate"], &again["documentId"]), (&json!(true), &made["documentId"]));
    let (_, private) = told(upload(&served, member, "name=x.txt", "text/plain", bytes)).await;
    assert_eq!((&private["duplicate"], private["digest"] == made["digest"]), (&json!(false), true));
    assert_eq!(files(&served.app.data().join("blobs")), kept);
    // And goes like any other.
    for (document, last) in [(&made, false), (&private, true)] {
        let gone = served.app.call(member, "document_delete", json!({ "id": document["documentId"] })).await.unwrap();
        assert_eq!(gone["fileRemoved"], last);
    }
    for _ in 0..500 {
        if files(&served.app.data().join("blobs")) == kept - 2 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("its blobs stay");
}

#[tokio::test]
async fn what_a_media_type_says_decides_between_kinds_of_text() {
    let served = served().await;
    let of = async |media: &str| {
        let body = format!("# Title\n\nSome words, {media}\n").into_bytes();
        told(upload(&served, &served.app.member, "name=note", media, body)).await.1["format"].clone()
    };
    assert_eq!((of("text/markdown; charset=utf-8").await, of("text/plain").await), (json!("markdown"), json!("text")));
}

#[tokio::test]
async fn files_that_may_not_come_leave_nothing() {
    let served = served().await;
    let (member, name) = (&served.app.member, "name=a.txt");
    let blobs = files(&served.app.data().join("blobs"));
    let much = vec![b'a'; 1_000_001];
    for (person, query, media, body, expected) in [
        (member, name, "text/plain", much, (413, "too_large")),
        (member, "", "text/plain", large(), (400, "bad_input")),
        (member, "name=a.txt&text=b", "text/plain", large(), (400, "bad_input")),
        (member, "name=a.txt&document=b", "text/plain", large(), (400, "bad_input")),
        (member, name, "text/plain", Vec::new(), (422, "document_unreadable")),
        (
            member,
            name,
            "application/octet-stream",
            b"MZ\x90\x00\x03\x00\x00\x00".to_vec(),
            (422, "document_type_unknown"),
        ),
        (member, name, "multipart/form-data; boundary=x", b"--x--".to_vec(), (415, "unsupported_media")),
        (&served.app.nobody, name, "text/plain", large(), (403, "forbidden")),
    ] {
        let asked = format!("{query} {media} {}", body.len());
        let answer = problem(upload(&served, person, query, media, body)).await;
        assert_eq!((answer.0, answer.1.as_str()), expected, "{asked}");
        none_waits(&served).await;
    }
    // A tool that takes no file is told JSON alone.
    let other = served.request(member, Method::POST, "/documents/search?query=x").header("content-type", "text/plain");
    assert_eq!(problem(other.body("x")).await, (415, "unsupported_media".to_owned()));
    // Only with a file is its digest the document.
    let digest = json!({ "name": "a.txt", "document": format!("sha256:{}", sha256_hex(b"a")) });
    let refused = served.app.call(member, "document_upload", digest).await.unwrap_err();
    assert_eq!(refused.code().name, "bad_input");
    assert_eq!(files(&served.app.data().join("blobs")), blobs);
}

#[tokio::test]
async fn a_file_that_breaks_off_leaves_nothing() {
    let served = served().await;
    let ask = format!(
        "POST /api/v1/documents/upload?name=a.txt HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: \
         text/plain\r\nContent-Length: 900000\r\n\r\n",
        served.app.member.key.reveal()
    );
    let mut socket = sent(served.address, ask.as_bytes()).await;
    socket.write_all(&vec![b'a'; 600_000]).await.unwrap();
    let arriving = served.app.data().join("arriving");
    while files(&arriving) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(socket);
    none_waits(&served).await;
    // Who may not upload is told so before anything is sent.
    let nobody = ask.replace(served.app.member.key.reveal(), served.app.nobody.key.reveal());
    let nobody = nobody.replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
    let mut socket = sent(served.address, nobody.as_bytes()).await;
    assert!(head(&mut socket).await.starts_with("HTTP/1.1 403 "));
}

#[tokio::test]
async fn a_file_that_is_sent_again_under_a_key_happens_once() {
    let served = served().await;
    let with = async |body: &[u8]| -> (u16, Value) {
        let request = upload(&served, &served.app.member, "name=a.txt", "text/plain", body.to_vec());
        told(request.header("idempotency-key", "one")).await
    };
    let (_, first) = with(b"Some words.").await;
    assert_eq!(with(b"Some words.").await.1["duplicate"], first["duplicate"], "the first answer is told again");
    let (status, other) = with(b"Other words.").await;
    assert_eq!((status, &other["code"]), (422, &json!("idempotency_key_reused")), "{other}");
}
