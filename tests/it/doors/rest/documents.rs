//! Documents over REST: revisions, lists.

use http::Method;
use serde_json::json;

use crate::doors::served::{Served, header, json as read, problem, told};
use crate::support::scene;

#[tokio::test]
async fn revisions_are_held() {
    let served = Served::start().await;
    let path = format!("/users/{}", scene::DAN);
    let first = served.get(&path).send().await.unwrap();
    let tag = header(&first, "etag").to_owned();
    assert!(tag.starts_with('"'), "{tag}");
    let same = served.get(&path).header("if-none-match", &tag).send().await.unwrap();
    assert_eq!((same.status().as_u16(), same.text().await.unwrap()), (304, String::new()));
    let change = |tag: &str| {
        served
            .request(&served.app.admin, Method::PATCH, &path)
            .json(&json!({ "department": "ships" }))
            .header("if-match", tag)
    };
    let changed = change(&tag).send().await.unwrap();
    assert_eq!(changed.status(), 200);
    assert_eq!(problem(change(&tag)).await, (412, "precondition_failed".to_owned()));
    let now = served.get(&path).header("if-none-match", &tag).send().await.unwrap();
    assert_eq!(now.status(), 200);
    assert_ne!(header(&now, "etag"), tag);
    assert_eq!(read(now).await["department"], "ships");
}

#[tokio::test]
async fn lists_are_paged() {
    let served = Served::start().await;
    let (_, all) = told(served.get("/users")).await;
    let mut seen = Vec::new();
    let mut next = String::new();
    loop {
        let (status, page) = told(served.get(&format!("/users?limit=2{next}"))).await;
        assert_eq!(status, 200, "{page}");
        seen.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(token) = page["nextPageToken"].as_str() else { break };
        next = format!("&pageToken={token}");
    }
    assert_eq!(json!(seen), all["items"]);
    for token in ["made-up", "AAAA", &next["&pageToken=".len()..next.len() - 1]] {
        let wrong = served.get(&format!("/users?limit=2&pageToken={token}"));
        assert_eq!(problem(wrong).await, (400, "bad_page_token".to_owned()), "{token}");
    }
}

#[tokio::test]
async fn another_tenants_documents_do_not_exist() {
    let served = Served::start().await;
    let path = format!("/users/{}", scene::DAN);
    assert_eq!(problem(served.request(&served.app.stranger, Method::GET, &path)).await, (404, "not_found".to_owned()));
}
