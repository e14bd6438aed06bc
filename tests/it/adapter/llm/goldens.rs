//! One neutral request, and what goes over the wire in each dialect; one answer in each, and what comes of it. What a model said goes
//! back to it as the dialect wants it.

use std::collections::BTreeMap;

use convoke::port::models::{ChatRequest, Message, Part, Role, Stop};
use serde_json::{Value, json};

use super::{conversation, endpoint, read, says, speaking, text, together, tokens};
use crate::snapshot;
use crate::support::vendor::{Came, DIALECTS, Reply, Said, Vendor};

/// The head that is the dialect's own, and the body. The key is there, as the vendor would refuse it otherwise.
fn wire(came: &Came) -> Value {
    let own = |name: &&&str| came.headers.contains_key(**name);
    let names = ["authorization", "api-key", "x-api-key", "x-goog-api-key", "anthropic-version", "x-team", "accept"];
    json!({"path": came.path, "headers": names.iter().filter(own).collect::<Vec<_>>(), "body": came.body})
}

#[tokio::test]
async fn a_request_and_its_answer_look_so_in_each_dialect() {
    let vendor = Vendor::open().await;
    let mut files = BTreeMap::new();
    for dialect in DIALECTS {
        let (models, endpoint) = (speaking(dialect), endpoint(&vendor, dialect));
        vendor.then(Reply::Said(Said::everything()));
        let whole = models.complete(&endpoint, &conversation()).await.unwrap();
        let asked = wire(&vendor.last());
        vendor.then(Reply::Said(Said::everything()));
        let (pieces, fault) = read(&*models, &endpoint, &conversation()).await;
        assert_eq!(fault, None, "{dialect}");
        let streamed = together(&pieces);
        assert_eq!(without_made_up(&streamed.parts), without_made_up(&whole.parts), "{dialect}");
        assert_eq!((&streamed.stop, streamed.tokens), (&whole.stop, whole.tokens), "{dialect}");
        assert_eq!((streamed.model, streamed.id), (whole.model.clone(), whole.id.clone()), "{dialect}");

        // What the model said, with its results, goes back.
        let mut request = conversation();
        request.messages = vec![says(Role::User, vec![text("Where is it warmer?")]), said(&whole.parts)];
        request.messages.push(results(&whole.parts));
        models.complete(&endpoint, &request).await.unwrap();
        let back = &vendor.last().body;
        let told = json!({
            "asked": asked,
            "answered": serde_json::to_value(&whole).unwrap(),
            "pieces": serde_json::to_value(&pieces).unwrap(),
            "said again": back.get("messages").or_else(|| back.get("contents")).unwrap(),
        });
        files.insert(format!("{dialect}.json"), format!("{}\n", serde_json::to_string_pretty(&told).unwrap()));
    }
    snapshot::hold_all("models", &files);
}

fn said(parts: &[Part]) -> Message {
    says(Role::Assistant, parts.to_vec())
}

fn results(parts: &[Part]) -> Message {
    let result = |part: &Part| match part {
        Part::ToolCall { id, .. } => Some(Part::ToolResult { id: id.clone(), text: "mild".to_owned(), failed: false }),
        _ => None,
    };
    says(Role::User, parts.iter().filter_map(result).collect())
}

fn without_made_up(parts: &[Part]) -> Vec<Part> {
    let mut parts = parts.to_vec();
    // In a stream words come one by one; empty marks stand where they came.
    parts.retain(|part| !matches!(part, Part::Text { text } if text.is_empty()));
    parts
}

/// Each dialect counts in its own way; here every token is counted once.
#[tokio::test]
async fn tokens_are_counted_once_whole_or_streamed() {
    let vendor = Vendor::open().await;
    for dialect in DIALECTS {
        let (models, endpoint) = (speaking(dialect), endpoint(&vendor, dialect));
        let said = Said::everything();
        let request = ChatRequest { messages: conversation().messages, ..ChatRequest::default() };
        vendor.then(Reply::Said(said.clone()));
        let whole = models.complete(&endpoint, &request).await.unwrap().tokens.unwrap();
        vendor.then(Reply::Said(said.clone()));
        let streamed = tokens(&read(&*models, &endpoint, &request).await.0).unwrap();
        assert_eq!(whole, streamed, "{dialect}");
        assert_eq!((whole.input, whole.output, whole.cached), (120, 60, 40), "{dialect}");
        // Not every vendor tells what it wrote down, and what it thought.
        let expected = match dialect {
            "cohere" => (0, 0),
            "gemini" => (0, 25),
            _ => (8, 25),
        };
        assert_eq!((whole.cache_written, whole.reasoning), expected, "{dialect}");
    }
}

#[tokio::test]
async fn why_it_stopped_is_told_in_one_word() {
    let vendor = Vendor::open().await;
    let word = |dialect: &str, of: usize| -> &'static str {
        let words = match dialect {
            "openai" | "azure" => ["stop", "length", "content_filter", "weird"],
            "anthropic" => ["stop_sequence", "model_context_window_exceeded", "refusal", "pause_turn"],
            "cohere" => ["STOP_SEQUENCE", "MAX_TOKENS", "ERROR_TOXIC", "WEIRD"],
            _ => ["STOP", "MAX_TOKENS", "SAFETY", "MALFORMED_FUNCTION_CALL"],
        };
        words[of]
    };
    for dialect in DIALECTS {
        let (models, endpoint) = (speaking(dialect), endpoint(&vendor, dialect));
        let first = if matches!(dialect, "anthropic" | "cohere") { Stop::StopText } else { Stop::End };
        let expected = [first, Stop::Length, Stop::Refused, Stop::Other(word(dialect, 3).to_owned())];
        for (number, expected) in expected.into_iter().enumerate() {
            let mut events = crate::support::vendor::events(dialect, &Said::text("So."));
            for event in &mut events {
                for end in ["\"stop\"", "\"end_turn\"", "\"COMPLETE\"", "\"STOP\""] {
                    *event = event.replace(end, &format!("\"{}\"", word(dialect, number)));
                }
            }
            vendor.then(Reply::Stream(events.into_iter().map(crate::support::vendor::Step::Send).collect()));
            let (pieces, fault) = read(&*models, &endpoint, &super::asks("Why?")).await;
            assert_eq!(fault, None, "{dialect}");
            assert_eq!(together(&pieces).stop, expected, "{dialect}");
        }
    }
}
