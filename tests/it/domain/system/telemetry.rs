//! Traces and metrics to a collector: a real server that takes what OTLP over HTTP sends.

use std::sync::Arc;

use convoke::adapter::outside::GuardedOutside;
use convoke::kernel::network::Network;
use convoke::kernel::trace::TraceContext;
use convoke::runtime::telemetry::Telemetry;
use reqwest::Method;
use serde_json::{Value, json};

use super::upstream::Upstream;
use crate::domain::integrations::Variables;
use crate::doors::served::Served;

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

async fn sends(served: &Served, collector: &Upstream, share: f64) -> Arc<Telemetry> {
    let mut config = served.app.app.platform().config.telemetry.clone();
    config.endpoint = format!("http://127.0.0.1:{}/", collector.port);
    "OTLP_KEY".clone_into(&mut config.authorization_variable);
    config.traces_share = share;
    let outside = Arc::new(GuardedOutside::new(vec![Network::parse("127.0.0.0/8").unwrap()]));
    let environment = Variables::of(&[("OTLP_KEY", "Bearer collect")]);
    Telemetry::new(served.app.app.platform().clone(), &config, outside, &*environment).unwrap().unwrap()
}

fn message(collector: &Upstream, path: &str) -> Value {
    let asked = collector.asked.lock().unwrap();
    let last = asked.iter().rev().find(|asked| asked.target == path).unwrap_or_else(|| panic!("{asked:?}"));
    assert_eq!((last.header("content-type"), last.header("authorization")), ("application/json", "Bearer collect"));
    serde_json::from_slice(&last.body).unwrap()
}

fn spans(collector: &Upstream) -> Vec<Value> {
    let message = message(collector, "/v1/traces");
    message["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone()
}

fn told<'a>(span: &'a Value, name: &str) -> &'a str {
    let all = span["attributes"].as_array().unwrap();
    let found = all.iter().find(|one| one["key"] == name).unwrap_or_else(|| panic!("{name}: {span}"));
    found["value"]["stringValue"].as_str().unwrap()
}

#[tokio::test]
async fn a_call_over_rest_and_one_over_mcp_go_on_with_the_callers_trace() {
    let served = Served::start().await;
    let collector = Upstream::start().await;
    let telemetry = sends(&served, &collector, 0.0).await;
    let given = TraceContext::parse(TRACE).unwrap();
    let answer = served.get("/users/me").header("traceparent", TRACE).send().await.unwrap();
    let id = crate::doors::served::header(&answer, "x-request-id").to_owned();
    let fault = served.get("/users/0192f0c1-0000-7000-8000-0000000000ff").header("traceparent", TRACE);
    assert_eq!(fault.send().await.unwrap().status(), 404);
    let call = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "user_me", "arguments": {}, "_meta": { "traceparent": TRACE } },
    });
    let mcp = served.bare(Method::POST, "/mcp").bearer_auth(served.app.admin.key.reveal());
    let mcp = mcp.header("accept", "application/json, text/event-stream").header("mcp-protocol-version", "2025-06-18");
    let answer = mcp.json(&call).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    // Nobody's trace, and of our own none is recorded.
    served.get("/users/me").send().await.unwrap();

    telemetry.send().await;
    let spans = spans(&collector);
    assert_eq!(spans.len(), 3, "{spans:?}");
    for span in &spans {
        assert_eq!((&span["traceId"], &span["parentSpanId"]), (&json!(given.trace_id()), &json!(given.span_id())));
        assert_eq!(span["kind"], 2);
    }
    assert_eq!((spans[0]["name"].as_str(), told(&spans[0], "convoke.request_id")), (Some("user_me"), id.as_str()));
    assert_eq!((told(&spans[0], "convoke.door"), told(&spans[2], "convoke.door")), ("rest", "mcp"));
    assert_eq!(
        (&spans[1]["name"], &spans[1]["status"]),
        (&json!("user_get"), &json!({ "code": 2, "message": "not_found" }))
    );
    served.shutdown.cancel();
}

#[tokio::test]
async fn what_begins_here_is_recorded_and_figures_are_sent() {
    let served = Served::start().await;
    let collector = Upstream::start().await;
    let telemetry = sends(&served, &collector, 1.0).await;
    for _ in 0..3 {
        served.get("/users/me").send().await.unwrap();
    }
    telemetry.send().await;
    assert_eq!(spans(&collector).len(), 3);
    let message = message(&collector, "/v1/metrics");
    let metrics = message["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap().clone();
    let metric = |name: &str| metrics.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}"));
    let calls = &metric("convoke.calls")["sum"]["dataPoints"][0];
    assert_eq!((told(calls, "tool"), told(calls, "end"), &calls["asInt"]), ("user_me", "ok", &json!("3")));
    let durations = &metric("convoke.call.duration")["histogram"]["dataPoints"][0];
    let bounds = durations["explicitBounds"].as_array().unwrap().len();
    assert_eq!((&durations["count"], durations["bucketCounts"].as_array().unwrap().len()), (&json!("3"), bounds + 1));
    assert!(metric("convoke.store.size")["gauge"]["dataPoints"][0]["asInt"].as_str().unwrap() != "0");
    // Nothing waits any more; a collector that fails costs nothing but a line in the log.
    collector.answers(503);
    telemetry.send().await;
    let traces = collector.asked.lock().unwrap().iter().filter(|asked| asked.target == "/v1/traces").count();
    assert_eq!(traces, 1);
    served.shutdown.cancel();
}

#[tokio::test]
async fn a_named_authorization_that_is_not_there_stops_the_start() {
    let served = Served::start().await;
    let mut config = served.app.app.platform().config.telemetry.clone();
    assert_eq!(config.endpoint, "", "nothing is sent that nobody asked for");
    "http://127.0.0.1:1".clone_into(&mut config.endpoint);
    "NOT_SET".clone_into(&mut config.authorization_variable);
    let outside = Arc::new(GuardedOutside::new(Vec::new()));
    let environment = Variables::of(&[]);
    let platform = served.app.app.platform().clone();
    let fault = Telemetry::new(platform, &config, outside, &*environment).err().unwrap();
    assert_eq!(fault.code().name, "bad_configuration");
    served.shutdown.cancel();
}
