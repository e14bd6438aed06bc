//! The best ones put in order once more by a vendor, over real HTTP.

use std::sync::Arc;
use std::time::Duration;

use convoke::adapter::llm;
use convoke::app::Settings;
use convoke::kernel::secret::Secret;
use convoke::port::secrets::Environment;
use serde_json::{Value, json};

use super::{ada, fact};
use crate::support::app::TestApp;
use crate::support::vendor::{KEY, Reply, Vendor};

struct Key;

impl Environment for Key {
    fn value(&self, variable: &str) -> Option<Secret> {
        (variable == "WIRED_API_KEY").then(|| Secret::new(KEY.to_owned()))
    }
}

fn wired(settings: &mut Settings, vendor: &Vendor, price: &str) {
    let provider = format!(
        "name = \"wired\"\ndialect = \"cohere\"\nbase_url = \"{}\"\nprices_of = \"2026-11-20\"\n[key]\nvariable = \"WIRED_API_KEY\"\n\
         [[models]]\nname = \"order\"\nabilities = [\"reranking\"]\n{price}",
        vendor.base_url("cohere")
    );
    std::fs::write(settings.data.join("providers/wired.toml"), provider).unwrap();
    settings.environment = Arc::new(Key);
    settings.services = std::mem::take(&mut settings.services).with(Arc::new(llm::Vendors::new(Vec::new()).dialects()));
    "wired/order".clone_into(&mut settings.config.retrieval.reranker);
    settings.config.retrieval.reranker_seconds = 2;
}

async fn app(vendor: &Vendor, price: &str) -> TestApp {
    let app = TestApp::start_with(|settings| wired(settings, vendor, price)).await;
    for text in ["Anna drinks tea amply", "Anna likes to drink tea with zest", "Tea is what Bob drinks in March"] {
        fact(&app, text).await;
    }
    app
}

/// The first words of what is found, and the answer.
async fn search(app: &TestApp, limit: usize) -> (Vec<String>, Value) {
    let input = json!({ "query": "Who drinks tea?", "limit": limit });
    let found = ada(app, "memory_search", input).await.unwrap();
    let items = found["items"].as_array().unwrap().iter();
    let last = |item: &Value| item["text"].as_str().unwrap().split(' ').next_back().unwrap().to_owned();
    (items.map(last).collect(), found)
}

async fn usage(app: &TestApp) -> Value {
    let platform = app.app.platform();
    platform.service::<convoke::domain::models::Router>().unwrap().tidy(platform).await.unwrap();
    app.call(&app.admin, "model_usage", json!({ "model": "wired/order" })).await.unwrap()["total"].clone()
}

#[tokio::test]
async fn what_is_found_is_put_in_the_rerankers_order_and_paid_by_the_search() {
    let vendor = Vendor::open().await;
    let app = app(&vendor, "price = { searches = \"2000\" }\n").await;
    let (order, found) = search(&app, 10).await;
    assert_eq!(order, ["zest", "amply", "March"], "{found}");
    assert_eq!(found.get("partial"), None, "{found}");
    let why = |at: usize| &found["items"][at]["why"];
    assert_eq!((&found["items"][0]["score"], &why(0)["reranker"]), (&json!(0.9), &json!(0.9)));
    assert_eq!((&why(1)["reranker"], &why(2)["reranker"]), (&json!(0.45), &json!(0.3)));
    assert!(why(0)["wordsRank"].is_number());
    let sent = vendor.last().body;
    assert_eq!((&sent["query"], sent["documents"].as_array().unwrap().len()), (&json!("Who drinks tea?"), 3));
    // The best ones of all that was found, not of the first few.
    assert_eq!(search(&app, 1).await.0, ["zest"]);
    assert_eq!(vendor.last().body["documents"].as_array().unwrap().len(), 3);
    // Two dollars for a thousand searches.
    let usage = usage(&app).await;
    assert_eq!((&usage["calls"], &usage["costNanoDollars"]), (&json!(2), &json!(4_000_000)), "{usage}");
    assert_eq!((&usage["callsWithoutPrice"], &usage["tokens"]["searches"]), (&json!(0), &json!(2)), "{usage}");
}

#[tokio::test]
async fn passages_and_what_agents_know_are_put_in_order_too() {
    let vendor = Vendor::open().await;
    let app = app(&vendor, "").await;
    for text in ["Tea is drunk at home by an aunt", "Tea is drunk in the zoo"] {
        ada(&app, "document_upload", json!({ "name": format!("{}.txt", text.len()), "text": text })).await.unwrap();
    }
    let found = ada(&app, "document_search", json!({ "query": "drunk tea" })).await.unwrap();
    let hits = found["hits"].as_array().unwrap();
    assert_eq!(
        (&hits[0]["text"], &hits[0]["why"]["reranker"]),
        (&json!("Tea is drunk in the zoo"), &json!(0.9)),
        "{found}"
    );
    let before = vendor.came().len();
    let known = ada(&app, "agent_knowledge", json!({ "query": "Who drinks tea?" })).await.unwrap();
    assert_eq!(known["items"][0]["why"]["reranker"], 0.9, "{known}");
    // All together, and each list by itself is not.
    assert_eq!(vendor.came().len(), before + 1);
    // What it costs is not known, and is said to be so.
    let usage = usage(&app).await;
    assert_eq!((&usage["costNanoDollars"], &usage["callsWithoutPrice"]), (&json!(0), &usage["calls"]), "{usage}");
}

#[tokio::test]
async fn the_order_stays_where_the_reranker_cannot_be_asked_and_the_answer_says_why() {
    let vendor = Vendor::open().await;
    let app = app(&vendor, "price = { searches = \"2000\" }\n").await;
    for _ in 0..8 {
        vendor.then(Reply::refusal(400, &json!({ "message": "no such model" })));
    }
    let (as_found, found) = search(&app, 10).await;
    assert_eq!(as_found.len(), 3);
    let partial = |found: &Value| found["partial"].as_str().unwrap_or_default().to_owned();
    assert!(partial(&found).starts_with("not put in order by the reranker: "), "{found}");
    assert_eq!(found["items"][0]["why"].get("reranker"), None);
    vendor.forget();
    // One that does not answer is not waited for longer than is configured.
    let began = std::time::Instant::now();
    vendor.then(Reply::Silence);
    let (order, found) = search(&app, 10).await;
    assert!((1..20).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert_eq!((order, partial(&found).contains("within 2 s")), (as_found.clone(), true), "{found}");
    tokio::time::sleep(Duration::from_millis(50)).await;
    // No budget, no order.
    let budget = json!({ "scope": "tenant", "dollars": "0.000001", "period": "day" });
    app.call(&app.admin, "model_budget_set", budget).await.unwrap();
    // What one costs is more than all that may be spent.
    assert_eq!(search(&app, 10).await.0, ["zest", "amply", "March"]);
    let asked = vendor.came().len();
    let (order, found) = search(&app, 10).await;
    assert_eq!((order, vendor.came().len()), (as_found, asked));
    assert!(partial(&found).contains("budget_spent"), "{found}");
}
