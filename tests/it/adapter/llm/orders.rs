//! Orders of texts.

use convoke::port::models::{ModelFaultKind, RerankRequest};
use serde_json::json;

use super::{endpoint, speaking};
use crate::support::vendor::{Reply, Vendor};

fn texts() -> RerankRequest {
    let documents = ["tea is green", "the sea is blue", "a bird"].map(str::to_owned).to_vec();
    RerankRequest { query: "what is blue".to_owned(), documents, top: 3 }
}

#[tokio::test]
async fn texts_are_put_in_order_and_searches_counted() {
    let vendor = Vendor::open().await;
    let (models, endpoint) = (speaking("cohere"), endpoint(&vendor, "cohere"));
    let answer = models.rerank(&endpoint, &texts()).await.unwrap();
    assert_eq!((answer.order, answer.searches), (vec![(0, 0.9), (1, 0.45), (2, 0.3)], Some(1)));
    let sent = vendor.last();
    let body = json!({ "model": "model-1", "query": "what is blue", "documents": texts().documents, "top_n": 3 });
    assert_eq!((sent.path.as_str(), sent.body), ("/cohere/v2/rerank", body));
    // A vendor that counts nothing has told nothing.
    let bare = json!({ "results": [{ "index": 1, "relevance_score": 0.5 }, { "index": 0, "relevance_score": 0.7 }] });
    vendor.then(Reply::refusal(200, &bare));
    let answer = models.rerank(&endpoint, &texts()).await.unwrap();
    assert_eq!((answer.order, answer.searches), (vec![(0, 0.7), (1, 0.5)], None));
}

#[tokio::test]
async fn dialects_without_orders_say_so() {
    let vendor = Vendor::open().await;
    for dialect in ["openai", "azure", "anthropic", "gemini"] {
        let fault = speaking(dialect).rerank(&endpoint(&vendor, dialect), &texts()).await.unwrap_err();
        assert_eq!(fault.kind, ModelFaultKind::Unsupported, "{dialect}");
    }
    assert!(vendor.came().is_empty());
}

#[tokio::test]
async fn an_order_of_other_texts_is_broken() {
    let vendor = Vendor::open().await;
    for results in [
        json!([{ "index": 3, "relevance_score": 0.5 }]),
        json!([{ "index": 1, "relevance_score": 0.5 }, { "index": 1, "relevance_score": 0.4 }]),
        json!([{ "index": 1 }]),
        json!("none"),
    ] {
        vendor.then(Reply::refusal(200, &json!({ "results": results })));
        let fault = speaking("cohere").rerank(&endpoint(&vendor, "cohere"), &texts()).await.unwrap_err();
        assert_eq!(fault.kind, ModelFaultKind::Broken, "{results}");
    }
}
