//! `system_cache_stats` and `system_cache_clear`.

use convoke::kernel::codes;
use serde_json::{Value, json};

use crate::support::app::TestApp;

fn callers(stats: &Value) -> &Value {
    let caches = stats["caches"].as_array().unwrap();
    caches.iter().find(|cache| cache["name"] == "callers").unwrap()
}

#[tokio::test]
async fn figures_grow_with_use_and_clearing_tells_what_went() {
    let app = TestApp::start().await;
    let before = app.call(&app.admin, "system_cache_stats", json!({})).await.unwrap();
    app.call(&app.member, "user_me", json!({})).await.unwrap();
    let after = app.call(&app.admin, "system_cache_stats", json!({})).await.unwrap();
    let number = |stats: &Value, name: &str| callers(stats)[name].as_u64().unwrap();
    assert_eq!(number(&after, "entries"), number(&before, "entries") + 1);
    assert_eq!(number(&after, "misses"), number(&before, "misses") + 1);
    assert_eq!(number(&after, "hits"), number(&before, "hits") + 1);
    assert!(callers(&after)["hitRate"].as_f64().unwrap() > 0.0);

    let cleared = app.call(&app.admin, "system_cache_clear", json!({ "names": ["callers"] })).await.unwrap();
    assert_eq!(cleared, json!({ "cleared": [{ "name": "callers", "freed": 2 }], "freed": 2 }));
    assert!(app.call(&app.member, "user_me", json!({})).await.is_ok());
}

#[tokio::test]
async fn a_wrong_name_clears_nothing() {
    let app = TestApp::start().await;
    let input = json!({ "names": ["callers", "nothing", "neither"] });
    let fault = app.call(&app.admin, "system_cache_clear", input).await.unwrap_err();
    assert!(fault.is(&codes::BAD_INPUT), "{fault}");
    let places: Vec<&str> = fault.places().iter().map(|place| place.pointer.as_str()).collect();
    assert_eq!(places, ["/names/1", "/names/2"]);
    let stats = app.call(&app.admin, "system_cache_stats", json!({})).await.unwrap();
    assert_eq!(callers(&stats)["entries"], 1);
}
