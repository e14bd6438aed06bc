//! What bad input and bad credentials get: a coded fault each, and nothing happens.

use http::Method;
use serde_json::json;

use crate::doors::served::{Served, header, problem, told};

#[tokio::test]
async fn no_credential_and_wrong_ones_are_refused() {
    let served = Served::start().await;
    let none = served.bare(Method::GET, "/api/v1/users/me").send().await.unwrap();
    assert_eq!((none.status().as_u16(), header(&none, "www-authenticate")), (401, "Bearer realm=\"convoke\""));
    for token in ["cvk_wrong", "", "…"] {
        let wrong = served.bare(Method::GET, "/api/v1/users/me").header("authorization", format!("Bearer {token}"));
        assert_eq!(problem(wrong).await.0, 401, "{token}");
    }
    // Who may not call learns nothing about the input, not even whether it could be read.
    let blind = served.bare(Method::POST, "/api/v1/users").header("content-type", "application/json").body("{");
    assert_eq!(problem(blind).await, (401, "unauthenticated".to_owned()));
    let blind = served.bare(Method::POST, "/api/v1/users").header("if-match", "?").header("prefer", "respond-async");
    assert_eq!(problem(blind).await, (401, "unauthenticated".to_owned()));
    let poor = served.request(&served.app.nobody, Method::POST, "/users").json(&json!({ "email": "x@example.org" }));
    assert_eq!(problem(poor).await, (403, "forbidden".to_owned()));
}

#[tokio::test]
async fn another_tenant_is_refused() {
    let served = Served::start().await;
    let own = served.get("/users/me").header("convoke-tenant", served.app.admin.tenant.to_string());
    assert_eq!(told(own).await.0, 200);
    for tenant in [served.app.stranger.tenant.to_string(), "made-up".to_owned()] {
        let other = served.get("/users/me").header("convoke-tenant", tenant);
        assert_eq!(problem(other).await, (403, "wrong_tenant".to_owned()));
    }
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused() {
    let served = Served::start().await;
    let send = |media: &'static str, body: String| {
        served.request(&served.app.admin, Method::POST, "/probe").header("content-type", media).body(body)
    };
    let json = "application/json";
    let malformed = ["{", "{\"count\":1,}", "nul", "\u{feff}{}", "{\"count\":1e999}", "{} {}", "{\"a\":\"\\ud800\"}"];
    for body in malformed {
        assert_eq!(problem(send(json, body.to_owned())).await, (400, "malformed".to_owned()), "{body}");
    }
    for deep in ["[".repeat(100_000), format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000))] {
        assert_eq!(problem(send(json, deep)).await, (400, "malformed".to_owned()));
    }
    for body in [
        "[]",
        "7",
        "null",
        "\"text\"",
        "{\"count\":\"1\"}",
        "{\"unknown\":1}",
        "{\"tags\":[1,\"2\"]}",
        "{\"tags\":[300]}",
    ] {
        assert_eq!(problem(send(json, body.to_owned())).await, (400, "bad_input".to_owned()), "{body}");
    }
    for media in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "?"] {
        assert_eq!(problem(send(media, "{}".to_owned())).await, (415, "unsupported_media".to_owned()), "{media}");
    }
    let long = format!("{{\"text\":\"{}\"}}", "x".repeat(100_001));
    assert_eq!(problem(send(json, long)).await, (400, "bad_input".to_owned()));
    assert_eq!(told(send(json, String::new())).await.0, 200);
    assert_eq!(told(send(json, "{\"count\":1,\"count\":2}".to_owned())).await, (200, json!({ "count": 2 })));
}

#[tokio::test]
async fn headers_that_cannot_be_read_are_refused() {
    let served = Served::start().await;
    let with = |name: &'static str, value: String| served.post("/probe", &json!({})).header(name, value);
    assert_eq!(problem(with("idempotency-key", String::new())).await, (400, "bad_input".to_owned()));
    assert_eq!(problem(with("idempotency-key", "k".repeat(256))).await, (400, "bad_input".to_owned()));
    assert_eq!(problem(with("idempotency-key", "ä".to_owned())).await, (400, "bad_input".to_owned()));
    for seconds in ["0", "-1", "soon", "nan", "inf"] {
        assert_eq!(problem(with("request-timeout", seconds.to_owned())).await, (400, "bad_input".to_owned()));
    }
    assert_eq!(problem(with("if-match", "yesterday".to_owned())).await, (412, "precondition_failed".to_owned()));
    let query = served.get("/probe/made/7?text=%ff");
    assert_eq!(problem(query).await, (400, "malformed".to_owned()));
    assert_eq!(problem(served.get("/probe/made/%ff")).await, (400, "malformed".to_owned()));
    assert_eq!(problem(served.get("/probe/made/7?count=1&count=2")).await, (400, "bad_input".to_owned()));
}

#[tokio::test]
async fn a_call_ends_with_its_time() {
    let served = Served::start().await;
    let hasty = served.post("/probe/wait", &json!({})).header("request-timeout", "0.05");
    assert_eq!(problem(hasty).await, (504, "deadline_exceeded".to_owned()));
}
