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
    let paths = ["/api/v1/users/me", "/api/v1/calls/made-up", "/metrics", "/health"];
    for tenant in [served.app.stranger.tenant.to_string(), "made-up".to_owned()] {
        for (path, name) in paths.iter().flat_map(|path| ["convoke-tenant", "X-Tenant-Id"].map(|name| (path, name))) {
            let known = served.bare(Method::GET, path).bearer_auth(served.app.admin.key.reveal());
            assert_eq!(problem(known.header(name, &tenant)).await, (403, "wrong_tenant".to_owned()), "{path} {name}");
        }
        let resume = served.post("/calls/resume", &json!({})).header("x-tenant-id", &tenant);
        assert_eq!(problem(resume).await, (403, "wrong_tenant".to_owned()));
    }
    let both = served.get("/users/me").header("convoke-tenant", served.app.admin.tenant.to_string());
    let torn = both.header("x-tenant-id", served.app.stranger.tenant.to_string());
    assert_eq!(problem(torn).await, (403, "wrong_tenant".to_owned()));
}

#[tokio::test]
async fn refusals_count_like_calls_and_say_what_is_left() {
    let served = Served::start_with(|settings| {
        settings.config.limits.reads_per_minute = 4;
        settings.config.limits.writes_per_minute = 4;
    })
    .await;
    let admin = &served.app.admin;
    let other = served.app.stranger.tenant.to_string();
    let reads = [
        (served.get("/probe/made/7?count=1&count=2"), 400, "3"),
        (served.get("/calls/made-up"), 404, "2"),
        (served.get("/users/me").header("convoke-tenant", other), 403, "1"),
        (served.get("/probe/items").header("accept", "image/png"), 406, "0"),
        (served.get("/users/me"), 429, "0"),
        (served.get("/calls/made-up"), 429, "0"),
        (served.get("/users/me?%ff=1"), 429, "0"),
    ];
    let broken = served.request(admin, Method::POST, "/probe").header("content-type", "application/json").body("{");
    let writes = [
        (broken, 400, "3"),
        (served.post("/probe/ask", &json!({})), 422, "2"),
        (served.post("/probe/made", &json!({})).header("prefer", "respond-async"), 202, "1"),
        (served.post("/probe", &json!({ "unknown": 1 })), 400, "0"),
        (served.post("/probe", &json!({})), 429, "0"),
    ];
    for (place, (request, status, left)) in reads.into_iter().chain(writes).enumerate() {
        let answer = request.send().await.unwrap();
        let told =
            (answer.status().as_u16(), header(&answer, "ratelimit-remaining"), header(&answer, "ratelimit-limit"));
        assert_eq!(told, (status, left, "4"), "{place}");
    }
    let anonymous = served.bare(Method::GET, "/api/v1/users/me");
    assert_eq!(problem(anonymous).await.0, 401);
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
    for key in ["ä", "a\"b", "a\tb", "\"\""] {
        assert_eq!(problem(with("idempotency-key", key.to_owned())).await, (400, "bad_input".to_owned()), "{key}");
    }
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
