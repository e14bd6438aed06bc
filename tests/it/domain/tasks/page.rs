//! Links and their page, over real sockets.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use super::{code, dan, happened, made, place, seen};
use crate::doors::served::Served;
use crate::support::app::TestApp;

fn form() -> Value {
    json!({
        "required": ["amount", "kind"],
        "properties": {
            "amount": { "type": "number", "minimum": 0, "maximum": 500, "title": "Amount <in> euros" },
            "kind": { "type": "string", "enum": ["travel", "meal & drink"] },
            "receipt": { "type": "boolean" },
            "tags": { "type": "array", "items": { "type": "string", "enum": ["a", "b", "c"] } },
            "place": { "type": "object", "properties": { "city": { "type": "string", "description": "Where it was." } } },
        },
    })
}

async fn path(app: &TestApp, id: &Value) -> String {
    let told = app.call(&app.member, "task_link", json!({ "id": id })).await.unwrap();
    told["path"].as_str().unwrap().to_owned()
}

/// A request as a browser sends a form.
fn form_of(request: RequestBuilder, pairs: &[(&str, String)]) -> RequestBuilder {
    let encoded = |text: &str| text.bytes().fold(String::new(), |told, byte| format!("{told}%{byte:02X}"));
    let body: Vec<String> = pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    request.header("content-type", "application/x-www-form-urlencoded").body(body.join("&"))
}

async fn text(response: Response) -> String {
    response.text().await.unwrap()
}

#[tokio::test]
async fn a_person_answers_on_the_page_of_a_link() {
    let served = Served::start().await;
    let app = &served.app;
    let task = made(app, json!({ "title": "Expenses <script>", "form": form(), "data": { "who": "Bo & Co" } })).await;
    let (id, path) = (task["taskId"].clone(), path(app, &task["taskId"]).await);
    let page = served.bare(Method::GET, &path).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(
        policy.contains("default-src 'none'")
            && policy.contains("frame-ancestors 'none'")
            && !policy.contains("script"),
        "{policy}"
    );
    let header = |name: &str| page.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((header("cache-control"), header("referrer-policy")), ("no-store".to_owned(), "same-origin".to_owned()));
    let page = text(page).await;
    assert!(
        page.contains("Expenses &lt;script&gt;")
            && page.contains("Amount &lt;in&gt; euros")
            && !page.contains("<script"),
        "{page}"
    );
    assert!(
        page.contains("Bo &amp; Co") && page.contains("name=\"viewport\"") && page.contains("lang=\"en\""),
        "{page}"
    );
    let shown = task["shownHash"].as_str().unwrap();
    let post = |pairs: Vec<(&'static str, String)>| {
        let origin = served.url.clone();
        form_of(served.bare(Method::POST, &path).header("origin", origin), &pairs).send()
    };
    let hash = || ("fixed.shownHash", shown.to_owned());
    // What does not fit comes back with what was written, and what is wrong of it at its place.
    let wrong = vec![
        hash(),
        ("form.amount", "9000".to_owned()),
        ("form.place.city", "Ulm \"x\"".to_owned()),
        ("decision", "approve".to_owned()),
    ];
    let refused = post(wrong).await.unwrap();
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let refused = text(refused).await;
    for part in [
        "<title>Error: Expenses",
        "role=\"alert\"",
        "href=\"#form-amount\"",
        "href=\"#form-kind\"",
        "value=\"9000\"",
        "Ulm &quot;x&quot;",
        "aria-invalid=\"true\"",
    ] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    assert_eq!(seen(app, &id).await["status"], "assigned");
    let good = || {
        vec![
            hash(),
            ("form.amount", "12.5".to_owned()),
            ("form.kind", "meal & drink".to_owned()),
            ("form.tags", "a".to_owned()),
            ("form.tags", "c".to_owned()),
            ("form.place.city", "Ulm".to_owned()),
            ("also.comment", "Fine.".to_owned()),
            ("decision", "approve".to_owned()),
        ]
    };
    let sent = post(good()).await.unwrap();
    assert_eq!((sent.status(), sent.headers()["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, path.as_str()));
    let told = seen(app, &id).await;
    let response = json!({ "amount": 12.5, "kind": "meal & drink", "receipt": false, "tags": ["a", "c"], "place": { "city": "Ulm" } });
    assert_eq!((&told["status"], &told["response"]), (&json!("completed"), &response));
    let answer = &told["answers"][0];
    assert_eq!(
        (&answer["door"], &answer["by"], &answer["comment"]),
        (&json!("page"), &json!(app.member.user.to_string()), &json!("Fine."))
    );
    // Sent twice: the first stands, and the person is told so kindly.
    let again = post(good()).await.unwrap();
    assert_eq!(again.status(), StatusCode::CONFLICT);
    let again = text(again).await;
    assert!(again.contains("Thank you. You answered: Approve.") && !again.contains("<form"), "{again}");
    let after = text(served.bare(Method::GET, &path).send().await.unwrap()).await;
    assert!(after.contains("Thank you. You answered: Approve. Nothing more is needed."), "{after}");
    assert_eq!(happened(app, &id).await, ["created", "linked", "answered", "completed"]);
}

#[tokio::test]
async fn a_link_is_good_for_one_task_one_person_and_its_time() {
    let served = Served::start().await;
    let app = &served.app;
    let input = json!({ "title": "Pay?", "candidateGroups": ["finance"] });
    let task = made(app, input.clone()).await;
    let (id, path) = (task["taskId"].clone(), path(app, &task["taskId"]).await);
    let status = |path: String| {
        let request = served.bare(Method::GET, &path).send();
        async move { request.await.unwrap().status().as_u16() }
    };
    let token = path.strip_prefix("/forms/").unwrap();
    // It is no key of any other door.
    for address in ["/api/v1/users/me", "/api/v1/tasks"] {
        let refused = served.bare(Method::GET, address).bearer_auth(token).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(status(format!("/forms/{token}x")).await, 401);
    assert_eq!(status("/forms/made-up".to_owned()).await, 401);
    // A page of another site sends nothing.
    let other = served.bare(Method::POST, &path).header("origin", "https://evil.example");
    let other = form_of(other, &[("decision", "approve".to_owned())]).send();
    assert_eq!(other.await.unwrap().status(), StatusCode::FORBIDDEN);
    let json = served.bare(Method::POST, &path).json(&json!({ "decision": "approve" })).send().await.unwrap();
    assert_eq!(json.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    // When somebody else has it, the page says so; given away for good, the link leads nowhere.
    let dan = dan(app).await;
    app.call(&dan, "task_assign", json!({ "id": id })).await.unwrap();
    let page = text(served.bare(Method::GET, &path).send().await.unwrap()).await;
    assert!(page.contains("Somebody else has the task.") && !page.contains("<form"), "{page}");
    let other =
        app.call(&app.admin, "task_create", json!({ "title": "Pay?", "assignee": "ada@example.org" })).await.unwrap();
    let path = self::path(app, &other["taskId"]).await;
    assert_eq!(status(path.clone()).await, 200);
    app.call(
        &app.admin,
        "task_assign",
        json!({ "id": other["taskId"], "assignee": "dan@example.org", "action": "assign" }),
    )
    .await
    .unwrap();
    assert_eq!(status(path).await, 404);
    // Its time, and the person's account, end it.
    let third = made(app, json!({ "title": "Pay?" })).await;
    let path = self::path(app, &third["taskId"]).await;
    let suspend = |status: &str| json!({ "id": app.member.user, "status": status });
    app.call(&app.admin, "user_update", suspend("suspended")).await.unwrap();
    assert_eq!(status(path.clone()).await, 401);
    app.call(&app.admin, "user_update", suspend("active")).await.unwrap();
    assert_eq!(status(path.clone()).await, 200);
    app.clock.advance(Duration::from_hours(73));
    assert_eq!(status(path).await, 401);
}

#[tokio::test]
async fn what_changed_since_it_was_shown_is_shown_again() {
    let served = Served::start().await;
    let app = &served.app;
    let task = made(app, json!({ "title": "Pay?", "form": { "properties": { "why": { "type": "string" } } } })).await;
    let (id, path) = (task["taskId"].clone(), path(app, &task["taskId"]).await);
    let attachment = json!({ "url": "https://example.org/x.pdf", "name": "A warning" });
    let added = app.call(&app.member, "task_comment", json!({ "id": id, "attachment": attachment })).await.unwrap();
    let pairs = |hash: &Value| {
        vec![
            ("fixed.shownHash", hash.as_str().unwrap().to_owned()),
            ("form.why", "because".to_owned()),
            ("decision", "approve".to_owned()),
        ]
    };
    let refused = form_of(served.bare(Method::POST, &path), &pairs(&task["shownHash"])).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    let page = text(refused).await;
    for part in ["This was not sent", "A warning", "value=\"because\"", added["shownHash"].as_str().unwrap()] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let sent = form_of(served.bare(Method::POST, &path), &pairs(&added["shownHash"])).send().await.unwrap();
    assert_eq!(sent.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_link_for_somebody_else_is_as_much_as_a_key_of_theirs() {
    let app = TestApp::start().await;
    let id = made(&app, json!({ "title": "Pay?", "assignee": "dan@example.org" })).await["taskId"].clone();
    let link = |who, user: &str| app.call(who, "task_link", json!({ "id": id, "user": user }));
    assert_eq!(code(&link(&app.member, "dan@example.org").await), "forbidden");
    assert_eq!(place(link(&app.admin, "ada@example.org").await), "/user");
    let told = link(&app.admin, "dan@example.org").await.unwrap();
    assert_eq!(told["expiresAt"], "2026-11-23T12:00:00.000Z");
    assert!(told["url"].as_str().unwrap().starts_with("http://127.0.0.1:7437/forms/"));
    assert_eq!(code(&app.call(&app.stranger, "task_link", json!({ "id": id })).await), "not_found");
    let page = app.call(&app.member, "task_page", json!({ "id": id })).await.unwrap();
    assert!(page["closed"].is_string() && page["decisions"].is_null());
}
