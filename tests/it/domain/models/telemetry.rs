//! Telemetry of calls of models, by the conventions for generative AI.

use convoke::capability::spans::{Span, Told};
use convoke::kernel::trace::TraceContext;
use convoke::port::models::ModelFaultKind;
use serde_json::json;

use super::{ask, code};
use crate::support::app::TestApp;
use crate::support::scripted::fault;

fn told<'a>(span: &'a Span, name: &str) -> Option<&'a Told> {
    span.told.iter().find(|(told, _)| *told == name).map(|(_, value)| value)
}

fn text(text: &str) -> Told {
    Told::Text(text.to_owned())
}

#[tokio::test]
async fn a_call_of_a_model_is_a_span_within_the_call_that_made_it() {
    let app = TestApp::start().await;
    let spans = &app.app.platform().spans;
    spans.collect(1.0);
    let begun = TraceContext::begin().unwrap();
    let begun = TraceContext { sampled: true, ..begun };
    let input = json!({ "model": "test/small", "prompt": "a secret question", "temperature": 0.5, "agent": "writer" });
    app.call_with(&app.member, "model_complete", input, |request| request.trace = Some(begun)).await.unwrap();
    let (taken, _) = spans.take();
    let [model, tool] = taken.as_slice() else { panic!("{taken:?}") };
    assert_eq!((model.name.as_str(), tool.name.as_str(), model.outgoing), ("chat small", "model_complete", true));
    assert_eq!((model.parent, model.context.trace), (Some(tool.context.span), begun.trace));
    for (name, value) in [
        ("gen_ai.operation.name", text("chat")),
        ("gen_ai.provider.name", text("test")),
        ("gen_ai.request.model", text("small")),
        ("gen_ai.usage.input_tokens", Told::Count(10)),
        ("gen_ai.usage.output_tokens", Told::Count(5)),
        ("gen_ai.request.temperature", Told::Number(0.5)),
        ("gen_ai.response.finish_reasons", Told::Texts(vec!["stop".to_owned()])),
        ("gen_ai.agent.name", text("writer")),
        ("server.address", text("vendor.test")),
    ] {
        assert_eq!(told(model, name), Some(&value), "{name}");
    }
    assert!(!format!("{taken:?}").contains("secret question"), "what was said is not told");
    app.vendor.tell("small", [fault(ModelFaultKind::Refused)]);
    assert_eq!(code(&ask(&app, &app.member, "test/small", "x").await), "content_refused");
    let (taken, _) = spans.take();
    assert_eq!(told(&taken[0], "error.type"), Some(&text("content_refused")));
}

#[tokio::test]
async fn what_was_said_is_told_where_the_operator_wants_it() {
    let app = TestApp::start_with(|settings| settings.config.telemetry.content = true).await;
    app.app.platform().spans.collect(1.0);
    ask(&app, &app.member, "test/small", "a secret question").await.unwrap();
    let (taken, _) = app.app.platform().spans.take();
    let said = json!([{ "role": "user", "parts": [{ "type": "text", "content": "a secret question" }] }]);
    assert_eq!(told(&taken[0], "gen_ai.input.messages"), Some(&text(&said.to_string())));
    let wrote = told(&taken[0], "gen_ai.output.messages");
    assert!(matches!(wrote, Some(Told::Text(text)) if text.contains("You said: a secret question")), "{wrote:?}");
}

#[tokio::test]
async fn how_long_calls_took_and_what_they_used_is_measured() {
    let app = TestApp::start().await;
    // While nobody collects there is nothing to measure for.
    ask(&app, &app.member, "test/small", "x").await.unwrap();
    app.app.platform().spans.collect(1.0);
    ask(&app, &app.member, "test/small", "x").await.unwrap();
    let router = app.app.platform().service::<convoke::domain::models::Router>().unwrap();
    let names: Vec<_> = router.measured().into_iter().map(|one| (one.name, one.buckets.iter().sum::<u64>())).collect();
    assert_eq!(
        names,
        [("gen_ai.client.operation.duration", 1), ("gen_ai.client.token.usage", 1), ("gen_ai.client.token.usage", 1)]
    );
}
