//! What is there besides the tools: the OpenAPI document, its page, health, metrics.

use std::collections::BTreeSet;

use convoke::surface::rest::openapi;
use http::Method;
use serde_json::{Value, json};

use crate::doors::served::{Served, header, json as read, problem, told};

#[tokio::test]
async fn the_document_has_every_tool_and_is_whole() {
    let served = Served::start().await;
    let answer = served.bare(Method::GET, "/openapi.json").send().await.unwrap();
    let tag = header(&answer, "etag").to_owned();
    let document = read(answer).await;
    let snapshot = served.app.app.platform().registry.present();
    assert_eq!(document, openapi::document(&snapshot));
    let kept = served.bare(Method::GET, "/openapi.json").header("if-none-match", tag).send().await.unwrap();
    assert_eq!(kept.status(), 304);

    let mut ids = BTreeSet::new();
    let mut shapes = BTreeSet::new();
    let mut used = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let names: BTreeSet<&str> = path.split('{').skip(1).map(|part| part.split_once('}').unwrap().0).collect();
        let shape: String =
            path.split('/').map(|part| if part.starts_with('{') { "/{}" } else { part }).collect::<Vec<_>>().join("/");
        assert!(shapes.insert(shape), "{path} is there under other names");
        for (verb, operation) in item.as_object().unwrap() {
            assert!(["get", "post", "put", "patch", "delete"].contains(&verb.as_str()), "{verb}");
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} is there twice");
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let parameters: Vec<Value> = parameters.iter().map(|one| resolved(&document, one).clone()).collect();
            let in_path: BTreeSet<&str> =
                parameters.iter().filter(|one| one["in"] == "path").map(|one| one["name"].as_str().unwrap()).collect();
            assert_eq!(in_path, names, "{id}");
            let places: BTreeSet<_> =
                parameters.iter().map(|one| (one["in"].to_string(), one["name"].to_string())).collect();
            assert_eq!(places.len(), parameters.len(), "{id} has a parameter twice");
            assert!(parameters.iter().all(|one| one.get("schema").is_some() != one.get("content").is_some()), "{id}");
            assert!(!["get", "delete"].contains(&verb.as_str()) || operation.get("requestBody").is_none(), "{id}");
            answers(&document, id, &operation["responses"]);
            used.extend(
                operation["parameters"].as_array().into_iter().flatten().filter_map(|one| one["$ref"].as_str()),
            );
        }
    }
    for tool in snapshot.built() {
        assert!(ids.contains(&*tool.name), "{} is missing", tool.name);
        for alias in 2..=tool.routes.len() {
            assert!(ids.contains(&format!("{}__alias{alias}", tool.name)), "{} lacks an alias", tool.name);
        }
    }
    references(&document, &document);
    let described = document["components"]["parameters"].as_object().unwrap().keys();
    let described: BTreeSet<String> = described.map(|name| format!("#/components/parameters/{name}")).collect();
    assert_eq!(used, described.iter().map(String::as_str).collect());
    let of = |path: &str, verb: &str| document["paths"][path][verb]["responses"].as_object().unwrap().clone();
    assert!(of("/api/v1/users", "post")["201"]["headers"].get("Location").is_some());
    assert!(!of("/api/v1/users/me", "get").contains_key("409"), "a read that conflicts");
    // What is a domain's own is told like what all share.
    assert!(
        of("/api/v1/models/complete", "post").contains_key("402") && !of("/api/v1/models", "get").contains_key("402")
    );
    for code in snapshot.built().iter().flat_map(|tool| tool.faults) {
        let told = &document["components"]["responses"][format!("Problem{}", code.status)];
        assert!(told["x-convoke-codes"].as_array().unwrap().contains(&json!(code.name)), "{}", code.name);
    }
    assert!(of("/health", "get")["503"]["content"].get("application/problem+json").is_some());
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
        None => value,
    }
}

/// Every answer is named by its status, with the headers that it has; a problem has codes of that status.
fn answers(document: &Value, id: &str, answers: &Value) {
    for (status, answer) in answers.as_object().unwrap() {
        let answer = resolved(document, answer);
        assert!(status.parse::<u16>().is_ok(), "{id}: {status} names no status");
        for name in ["X-Request-Id", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"] {
            assert!(answer["headers"].get(name).is_some(), "{id} {status} lacks {name}");
        }
        let content = answer["content"].as_object();
        let is_problem = status.as_str() >= "400" && content.is_some_and(|content| content.len() == 1);
        assert!(!is_problem || !answer["x-convoke-codes"].as_array().unwrap().is_empty(), "{id} {status}");
    }
    let common = ["400", "401", "403", "429", "500"];
    let missing = common.iter().find(|status| answers.get(**status).is_none());
    assert!(missing.is_none() || ["health", "metrics"].contains(&id), "{id} lacks {missing:?}");
}

/// Every reference leads somewhere in the document.
fn references(document: &Value, at: &Value) {
    match at {
        Value::Object(properties) => {
            if let Some(Value::String(reference)) = properties.get("$ref") {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{reference}");
            }
            properties.values().for_each(|below| references(document, below));
        }
        Value::Array(items) => items.iter().for_each(|below| references(document, below)),
        _ => {}
    }
}

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let served = Served::start().await;
    for (path, media) in [("/docs", "text/html"), ("/docs/page.js", "text/javascript"), ("/docs/style.css", "text/css")]
    {
        let file = served.bare(Method::GET, path).send().await.unwrap();
        assert_eq!(file.status(), 200, "{path}");
        assert!(header(&file, "content-type").starts_with(media), "{path}");
        assert!(header(&file, "content-security-policy").starts_with("default-src 'none'"), "{path}");
        let text = file.text().await.unwrap();
        assert!(!text.contains("http://") && !text.contains("https://") && !text.contains("innerHTML"), "{path}");
    }
}

#[tokio::test]
async fn health_is_for_everybody_and_metrics_are_not() {
    let served = Served::start().await;
    let (status, health) = told(served.bare(Method::GET, "/health")).await;
    assert_eq!((status, health), (200, json!({ "status": "ok", "live": true, "ready": true })));
    let known = served.bare(Method::GET, "/health").bearer_auth(served.app.admin.key.reveal());
    let (status, health) = told(known).await;
    assert_eq!((status, &health["status"], health["details"].is_object()), (200, &json!("ok"), true));
    assert_eq!(problem(served.bare(Method::GET, "/metrics")).await, (401, "unauthenticated".to_owned()));
    let poor = served.bare(Method::GET, "/metrics").bearer_auth(served.app.nobody.key.reveal());
    assert_eq!(problem(poor).await, (403, "forbidden".to_owned()));
    let elsewhere = served.bare(Method::GET, "/metrics").bearer_auth(served.app.stranger.key.reveal());
    assert_eq!(problem(elsewhere).await, (403, "forbidden".to_owned()));
    assert_eq!(told(served.get("/users/me")).await.0, 200);
    let figures = served.bare(Method::GET, "/metrics").bearer_auth(served.app.admin.key.reveal()).send().await.unwrap();
    assert!(header(&figures, "content-type").starts_with("text/plain; version=0.0.4"));
    let figures = figures.text().await.unwrap();
    assert!(figures.contains("convoke_calls_total{tool=\"user_me\",domain=\"identity\",end=\"ok\"} 1\n"), "{figures}");
    assert!(figures.contains("convoke_call_duration_seconds_count{tool=\"user_me\"} 1\n"), "{figures}");
    for line in figures.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(!name.is_empty() && value.parse::<f64>().is_ok(), "{line}");
    }
}
