//! Embeddings, the list of models, keys in another header, the audit log.

use reqwest::Method;
use serde_json::{Value, json};

use super::{chat, post, refused};
use crate::doors::served::{Served, told};

#[tokio::test]
async fn texts_become_vectors_as_numbers_and_as_bytes() {
    let served = Served::start().await;
    let body = |more: Value| {
        let mut body = json!({ "model": "test/vectors", "input": ["abc", "de"] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let (status, made) = told(post(&served, "/v1/embeddings", &body(json!({})))).await;
    let expected = json!({
        "object": "list",
        "data": [
            { "object": "embedding", "index": 0, "embedding": [3.0, 1.0, 0.0] },
            { "object": "embedding", "index": 1, "embedding": [2.0, 1.0, 0.0] },
        ],
        "model": "test/vectors",
        "usage": { "prompt_tokens": 4, "total_tokens": 4 },
    });
    assert_eq!((status, made), (200, expected));
    let (_, made) =
        told(post(&served, "/v1/embeddings", &body(json!({ "encoding_format": "base64", "input": "abc" })))).await;
    // 3.0, 1.0 and 0.0, each as four bytes, the least first.
    assert_eq!(made["data"][0]["embedding"], "AABAQAAAgD8AAAAA");
    let (status, error) = refused(post(&served, "/v1/embeddings", &body(json!({ "input": [1, 2] })))).await;
    assert_eq!((status, &error["param"]), (400, &json!("input")));
    let (status, error) = refused(post(&served, "/v1/embeddings", &body(json!({ "user": "x" })))).await;
    assert_eq!((status, &error["param"]), (400, &json!("user")));
}

#[tokio::test]
async fn routes_and_models_are_listed_for_clients_of_either_vendor() {
    let served = Served::start().await;
    let get = |path: &str| served.bare(Method::GET, path).header("x-api-key", served.app.member.key.reveal());
    let (status, list) = told(get("/v1/models")).await;
    assert_eq!((status, &list["object"]), (200, &json!("list")));
    let names: Vec<&str> = list["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert!(names.contains(&"default") && names.contains(&"test/small"), "{names:?}");
    let (_, one) = told(get("/v1/models/test/small")).await;
    assert_eq!(one, json!({ "id": "test/small", "object": "model", "created": 0, "owned_by": "test" }));
    let (_, encoded) = told(get("/v1/models/test%2Fsmall")).await;
    assert_eq!(encoded, one);
    let (status, error) = refused(get("/v1/models/test/gone")).await;
    assert_eq!((status, &error["code"]), (404, &json!("not_found")));
    let (_, theirs) = told(get("/v1/models/test/small").header("anthropic-version", "2023-06-01")).await;
    assert_eq!((&theirs["type"], &theirs["display_name"]), (&json!("model"), &json!("Small")));
    let (status, theirs) = told(get("/v1/models/test/gone").header("anthropic-version", "2023-06-01")).await;
    assert_eq!((status, &theirs["error"]["type"]), (404, &json!("not_found_error")));
}

#[tokio::test]
async fn a_key_may_stand_in_the_header_of_its_own() {
    let served = Served::start().await;
    let body = json!({ "model": "test/large", "messages": [{ "role": "user", "content": "Hi" }] });
    let with =
        |name: &str, value: &str| served.bare(Method::POST, "/v1/chat/completions").header(name, value).json(&body);
    let key = served.app.member.key.reveal();
    assert_eq!(told(with("x-api-key", key)).await.0, 200);
    assert_eq!(told(with("x-api-key", "cvk_wrong")).await.0, 401);
    // The header that every door knows goes first.
    assert_eq!(told(with("authorization", "Bearer cvk_wrong").header("x-api-key", key)).await.0, 401);
    // The other doors do not take it.
    assert_eq!(told(served.bare(Method::GET, "/api/v1/users/me").header("x-api-key", key)).await.0, 401);
}

#[tokio::test]
async fn the_audit_log_names_the_door() {
    let served = Served::start().await;
    chat(&served, json!({})).send().await.unwrap();
    let entries =
        served.app.call(&served.app.admin, "audit_query", json!({ "action": "model_complete" })).await.unwrap();
    assert_eq!(entries["items"][0]["door"], "openai");
}
