//! Routes, aliases, methods, inputs, and the forms of answers.

use http::Method;
use serde_json::json;

use crate::doors::served::{Served, header, json as read, problem, told};

#[tokio::test]
async fn inputs_come_from_path_query_and_body() {
    let served = Served::start().await;
    let shown = told(served.get("/probe/made/x%2Fy?count=5&on=true&tags=1,2&text=a+b%26c")).await;
    assert_eq!(shown, (200, json!({ "id": "x/y", "count": 5, "on": true, "tags": [1, 2], "text": "a b&c" })));
    let alias = served.request(&served.app.admin, Method::PUT, "/probe/7/echo").json(&json!({ "count": 2 }));
    assert_eq!(told(alias).await, (200, json!({ "count": 2, "id": "7" })));
    let whole =
        served.request(&served.app.admin, Method::PUT, "/probe/7/echo").json(&json!({ "count": 2.0, "on": null }));
    assert_eq!(told(whole).await, (200, json!({ "count": 2, "id": "7" })));
    let torn = served.request(&served.app.admin, Method::PUT, "/probe/7/echo").json(&json!({ "id": "8" }));
    assert_eq!(problem(torn).await, (400, "bad_input".to_owned()));
    let wrong = told(served.get("/probe/made/x?count=many&more=1")).await;
    let pointers: Vec<_> = wrong.1["violations"].as_array().unwrap().iter().map(|one| one["pointer"].clone()).collect();
    assert_eq!((wrong.0, pointers.contains(&json!("/count")), pointers.contains(&json!("/more"))), (400, true, true));
}

#[tokio::test]
async fn statuses_follow_the_effect() {
    let served = Served::start().await;
    let made = served.post("/probe/made", &json!({})).send().await.unwrap();
    assert_eq!((made.status().as_u16(), header(&made, "location")), (201, "/api/v1/probe/made/a%2Fb"));
    let back = served.bare(Method::GET, header(&made, "location")).bearer_auth(served.app.admin.key.reveal());
    assert_eq!(told(back).await, (200, json!({ "id": "a/b" })));
    let gone = served.request(&served.app.admin, Method::DELETE, "/probe/made/7").send().await.unwrap();
    assert_eq!((gone.status().as_u16(), gone.text().await.unwrap()), (204, String::new()));
}

#[tokio::test]
async fn methods_are_answered_by_what_the_path_has() {
    let served = Served::start().await;
    let wrong = served.request(&served.app.admin, Method::PATCH, "/probe/made/7").send().await.unwrap();
    assert_eq!((wrong.status().as_u16(), header(&wrong, "allow")), (405, "GET, DELETE, HEAD, OPTIONS"));
    assert_eq!(read(wrong).await["code"], "method_not_allowed");
    let options = served.bare(Method::OPTIONS, "/api/v1/probe").send().await.unwrap();
    assert_eq!((options.status().as_u16(), header(&options, "allow")), (204, "POST, OPTIONS"));
    let head = served.request(&served.app.admin, Method::HEAD, "/probe/made/7").send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!((header(&head, "content-length"), header(&head, "content-type")), ("10", "application/json"));
    assert_eq!(head.text().await.unwrap(), "");
    for (method, path) in [(Method::GET, "/api/v1/nowhere"), (Method::POST, "/nowhere"), (Method::GET, "/api/v1/")] {
        assert_eq!(problem(served.bare(method, path)).await, (404, "not_found".to_owned()), "{path}");
    }
    // The path decides before the method: what a fixed path does not take is not taken for a name.
    let fixed = served.request(&served.app.admin, Method::PATCH, "/users/me").send().await.unwrap();
    assert_eq!((fixed.status().as_u16(), header(&fixed, "allow")), (405, "GET, HEAD, OPTIONS"));
    let docs = served.bare(Method::POST, "/openapi.json");
    assert_eq!(problem(docs).await, (405, "method_not_allowed".to_owned()));
}

#[tokio::test]
async fn every_answer_names_its_request_and_what_is_left() {
    let served = Served::start_with(|settings| settings.config.limits.reads_per_minute = 3).await;
    let first = served.get("/users/me").send().await.unwrap();
    assert_eq!(header(&first, "x-request-id").len(), 36);
    assert_eq!((header(&first, "ratelimit-limit"), header(&first, "ratelimit-remaining")), ("3", "2"));
    assert_eq!(header(&first, "ratelimit-policy"), "\"calls\";q=3;w=60");
    assert_eq!(header(&first, "x-content-type-options"), "nosniff");
    for _ in 0..2 {
        assert_eq!(told(served.get("/users/me")).await.0, 200);
    }
    let refused = served.get("/users/me").send().await.unwrap();
    assert_eq!((refused.status().as_u16(), header(&refused, "retry-after")), (429, "20"));
}

#[tokio::test]
async fn streams_come_as_events_or_lines() {
    let served = Served::start().await;
    let lines = served.get("/probe/items?count=2&on=true").send().await.unwrap();
    let id = header(&lines, "x-request-id").to_owned();
    assert_eq!(header(&lines, "content-type"), "application/x-ndjson");
    let lines: Vec<serde_json::Value> =
        lines.text().await.unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[..2], [json!({ "count": 1 }), json!({ "count": 2 })]);
    assert_eq!((&lines[2]["problem"]["code"], &lines[2]["problem"]["requestId"]), (&json!("conflict"), &json!(id)));
    let events = served.get("/probe/items?count=1").header("accept", "text/event-stream").send().await.unwrap();
    assert_eq!(header(&events, "content-type"), "text/event-stream");
    assert_eq!(events.text().await.unwrap(), "event: item\ndata: {\"count\":1}\n\nevent: end\ndata: {}\n\n");
    let fails = served.get("/probe/items?count=1&on=true").header("accept", "text/event-stream").send().await.unwrap();
    let id = header(&fails, "x-request-id").to_owned();
    let text = fails.text().await.unwrap();
    let told: Vec<&str> = text.trim_end().split("\n\n").collect();
    assert!(told.len() == 2 && told[0] == "event: item\ndata: {\"count\":1}", "{text}");
    let problem_told: serde_json::Value =
        serde_json::from_str(told[1].strip_prefix("event: problem\ndata: ").unwrap()).unwrap();
    assert_eq!((&problem_told["code"], &problem_told["requestId"]), (&json!("conflict"), &json!(id)));
    let neither = served.get("/probe/items").header("accept", "image/png");
    assert_eq!(problem(neither).await, (406, "not_acceptable".to_owned()));
}

#[tokio::test]
async fn files_come_with_their_name() {
    let served = Served::start().await;
    let file = served.get("/probe/file").send().await.unwrap();
    assert_eq!((header(&file, "content-type"), header(&file, "content-length")), ("text/csv", "7"));
    let disposition = "attachment; filename=\"gr__e__1_.csv\"; filename*=UTF-8''gr%C3%B6%C3%9Fe%20%221%22.csv";
    assert_eq!(header(&file, "content-disposition"), disposition);
    assert_eq!(file.text().await.unwrap(), "one,two");
}

#[tokio::test]
async fn long_answers_are_compressed_for_those_who_can_read_them() {
    let served = Served::start().await;
    let long = json!({ "text": "again and again ".repeat(500) });
    for (accepted, wanted) in [("br", "br"), ("gzip", "gzip"), ("identity", "")] {
        let answer = served.post("/probe", &long).header("accept-encoding", accepted).send().await.unwrap();
        assert_eq!(header(&answer, "content-encoding"), wanted);
        let size = answer.bytes().await.unwrap().len();
        assert!(wanted.is_empty() || size < 1000, "{accepted}: {size}");
    }
    let short = served.post("/probe", &json!({ "text": "a" })).header("accept-encoding", "br").send().await.unwrap();
    assert_eq!(header(&short, "content-encoding"), "");
    let stream = served.get("/probe/items?count=900").header("accept-encoding", "br").send().await.unwrap();
    assert_eq!(header(&stream, "content-encoding"), "");
}

#[tokio::test]
async fn a_call_is_made_only_where_its_answer_can_be_given() {
    let served = Served::start().await;
    let user = |email: &str| json!({ "email": email });
    let made = served.post("/users", &user("one@example.org")).header("accept-encoding", "identity;q=0, zstd");
    assert_eq!(told(made).await.0, 201);
    for (place, accept) in ["application/json;q=0, */*", "text/html", "application/*;q=0"].into_iter().enumerate() {
        let email = format!("none{place}@example.org");
        let unreadable = served.post("/users", &user(&email)).header("accept", accept);
        assert_eq!(problem(unreadable).await, (406, "not_acceptable".to_owned()), "{accept}");
        assert_eq!(told(served.post("/users", &user(&email))).await.0, 201, "{accept}: the call was made");
    }
}

#[tokio::test]
async fn each_encoding_has_a_tag_of_its_own() {
    let served = Served::start().await;
    let document = |encoding: &str| served.bare(Method::GET, "/openapi.json").header("accept-encoding", encoding);
    let mut tags = std::collections::BTreeSet::new();
    for encoding in ["identity", "gzip", "br"] {
        let answer = document(encoding).send().await.unwrap();
        let tag = header(&answer, "etag").to_owned();
        let again = document(encoding).header("if-none-match", &tag).send().await.unwrap();
        assert_eq!((again.status().as_u16(), header(&again, "etag")), (304, tag.as_str()), "{encoding}");
        tags.insert(tag);
    }
    assert_eq!(tags.len(), 3, "{tags:?}");
    let head = served.bare(Method::HEAD, "/openapi.json").send().await.unwrap();
    let whole = document("identity").send().await.unwrap();
    assert_eq!(header(&head, "content-length"), header(&whole, "content-length"));
    assert_ne!(header(&head, "content-length"), "0");
}
