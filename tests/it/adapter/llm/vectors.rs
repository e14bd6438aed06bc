//! Vectors of texts.

use convoke::port::models::{EmbedPurpose, EmbedRequest, ModelFaultKind};
use serde_json::json;

use super::{endpoint, speaking};
use crate::support::vendor::{Reply, Vendor};

fn texts() -> EmbedRequest {
    EmbedRequest {
        texts: vec!["one".to_owned(), "three".to_owned(), "seventeen".to_owned()],
        dimensions: Some(2),
        purpose: Some(EmbedPurpose::Query),
    }
}

#[tokio::test]
async fn vectors_come_in_the_order_of_the_texts() {
    let vendor = Vendor::open().await;
    for dialect in ["openai", "azure", "cohere", "gemini"] {
        let (models, endpoint) = (speaking(dialect), endpoint(&vendor, dialect));
        let embedding = models.embed(&endpoint, &texts()).await.unwrap();
        assert_eq!(embedding.vectors, [[3.0, 0.5], [5.0, 0.5], [9.0, 0.5]], "{dialect}");
        // Gemini does not count.
        let counted = embedding.tokens.map(|tokens| (tokens.input, tokens.output));
        assert_eq!(counted, Some((9, 0)).filter(|_| dialect != "gemini"), "{dialect}");
        let body = vendor.last().body;
        match dialect {
            "cohere" => {
                assert_eq!((&body["input_type"], &body["output_dimension"]), (&json!("search_query"), &json!(2)));
            }
            "gemini" => {
                let one = &body["requests"][0];
                assert_eq!((&one["taskType"], &one["outputDimensionality"]), (&json!("RETRIEVAL_QUERY"), &json!(2)));
            }
            _ => assert_eq!(body["dimensions"], 2),
        }
    }
}

#[tokio::test]
async fn anthropic_has_no_vectors_and_says_so() {
    let vendor = Vendor::open().await;
    let fault = speaking("anthropic").embed(&endpoint(&vendor, "anthropic"), &texts()).await.unwrap_err();
    assert_eq!(fault.kind, ModelFaultKind::Unsupported);
    assert!(fault.say.contains("anthropic") && fault.say.contains("embeddings"), "{fault:?}");
    assert!(vendor.came().is_empty());
}

#[tokio::test]
async fn a_vector_too_few_is_broken() {
    let vendor = Vendor::open().await;
    for (dialect, body) in [
        ("openai", json!({"data": [{"index": 0, "embedding": [1.0]}]})),
        ("cohere", json!({"id": "1", "embeddings": {"float": [[1.0]]}})),
        ("gemini", json!({"embeddings": [{"values": [1.0]}]})),
        ("openai", json!({"data": [{"index": 0, "embedding": "AAAA"}]})),
    ] {
        vendor.then(Reply::refusal(200, &body));
        let fault = speaking(dialect).embed(&endpoint(&vendor, dialect), &texts()).await.unwrap_err();
        assert_eq!(fault.kind, ModelFaultKind::Broken, "{dialect}");
    }
}
