//! OpenAI's dialect held against async-openai's types: what is sent is what they read, and the vendor of these tests says only what
//! they can read (docs/decisions/0013-dialects-by-hand.md).

use async_openai::types::chat::{
    CreateChatCompletionRequest, CreateChatCompletionResponse, CreateChatCompletionStreamResponse,
};
use async_openai::types::embeddings::{CreateEmbeddingRequest, CreateEmbeddingResponse};
use convoke::port::models::{ChatRequest, EmbedRequest};
use serde_json::Value;

use super::{conversation, endpoint, read, speaking};
use crate::support::vendor::{Reply, Said, Vendor, events};

#[tokio::test]
async fn what_is_sent_and_what_is_answered_is_what_the_client_of_the_vendor_knows() {
    let vendor = Vendor::open().await;
    let (models, endpoint) = (speaking("openai"), endpoint(&vendor, "openai"));
    read(&*models, &endpoint, &ChatRequest { seed: Some(3), parallel_tools: Some(true), ..conversation() }).await;
    let sent = vendor.last().body;
    let known: CreateChatCompletionRequest = serde_json::from_value(sent.clone()).unwrap();
    // Nothing of it is lost on the way through their types.
    assert_eq!(without_nulls(serde_json::to_value(known).unwrap()), without_nulls(sent));

    for event in events("openai", &Said::everything()) {
        let data = event.strip_prefix("data: ").unwrap().trim();
        if data != "[DONE]" {
            serde_json::from_str::<CreateChatCompletionStreamResponse>(data).unwrap();
        }
    }
    let client = reqwest::Client::new();
    let ask = async |path: &str, body: &Value| {
        let request = client.post(format!("{}{path}", endpoint.base_url)).body(body.to_string());
        let key = endpoint.key.as_ref().unwrap().reveal();
        request.bearer_auth(key).send().await.unwrap().json::<Value>().await.unwrap()
    };
    vendor.then(Reply::Said(Said::everything()));
    let body = serde_json::json!({"model": "m", "messages": [{"role": "user", "content": "Well?"}]});
    serde_json::from_value::<CreateChatCompletionResponse>(ask("/chat/completions", &body).await).unwrap();

    let request = EmbedRequest { texts: vec!["a".to_owned()], dimensions: Some(2), purpose: None };
    models.embed(&endpoint, &request).await.unwrap();
    let sent = vendor.last().body;
    let known: CreateEmbeddingRequest = serde_json::from_value(sent.clone()).unwrap();
    assert_eq!(without_nulls(serde_json::to_value(known).unwrap()), sent);
    serde_json::from_value::<CreateEmbeddingResponse>(ask("/embeddings", &sent).await).unwrap();
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(all) => {
            let kept = all.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(all) => Value::Array(all.into_iter().map(without_nulls).collect()),
        other => other,
    }
}
