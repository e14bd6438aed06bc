//! What goes out for a call tells the call's place in its trace, over real HTTP on every way out; where nobody follows, nothing is
//! told.

use std::sync::Arc;

use convoke::adapter::llm;
use convoke::app::Settings;
use convoke::capability::spans::Span;
use convoke::kernel::fault::Fault;
use convoke::kernel::secret::Secret;
use convoke::kernel::trace::TraceContext;
use convoke::port::secrets::Environment;
use serde_json::{Value, json};

use crate::domain::events::receiver::{Received, Receiver, subscribe, to_this_machine};
use crate::support::app::{TestApp, value};
use crate::support::vendor::{KEY, Reply, Said, Vendor};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

struct Key;

impl Environment for Key {
    fn value(&self, variable: &str) -> Option<Secret> {
        (variable == "WIRED_API_KEY").then(|| Secret::new(KEY.to_owned()))
    }
}

/// Lets the program speak to the vendor, and call this machine.
fn wired(settings: &mut Settings, vendor: &Vendor) {
    let provider = format!(
        "name = \"wired\"\ndialect = \"openai\"\nbase_url = \"{}\"\n[key]\nvariable = \"WIRED_API_KEY\"\n[[models]]\nname = \"one\"\n\
         context = 100000\nmax_output = 1000\nabilities = [\"chat\", \"streaming\"]\n",
        vendor.base_url("openai")
    );
    std::fs::write(settings.data.join("providers/wired.toml"), provider).unwrap();
    settings.environment = Arc::new(Key);
    settings.services = std::mem::take(&mut settings.services).with(Arc::new(llm::Vendors::new(Vec::new()).dialects()));
    to_this_machine(settings);
}

/// The program, at work, and what lies outside.
struct Scene {
    app: TestApp,
    vendor: Vendor,
    receiver: Receiver,
}

impl Scene {
    async fn set() -> Self {
        let vendor = Vendor::open().await;
        let app = TestApp::start_with(|settings| wired(settings, &vendor)).await;
        app.app.start().await.unwrap();
        let receiver = Receiver::start().await;
        let hook = json!({ "type": "webhook", "url": receiver.url() });
        subscribe(&app, &app.member, &["order.*"], hook, json!({})).await;
        let model = json!({ "type": "tool", "tool": "model_complete", "input": { "model": "wired/one" },
            "fields": { "prompt": "/data/question" } });
        subscribe(&app, &app.member, &["question.*"], model, json!({})).await;
        let process = json!({
            "name": "Sends",
            "nodes": [
                { "id": "begin", "type": "start" },
                { "id": "send", "type": "integration", "config": { "url": receiver.url() } },
                { "id": "done", "type": "end" },
            ],
            "edges": [{ "from": "begin", "to": "send" }, { "from": "send", "to": "done" }],
        });
        app.call(&app.member, "process_create", process).await.unwrap();
        app.call(&app.member, "process_publish", json!({ "id": "sends" })).await.unwrap();
        Self { app, vendor, receiver }
    }

    /// A call that is a part of a trace, or of none.
    async fn call(&self, tool: &str, input: Value, trace: Option<TraceContext>) -> Result<Value, Fault> {
        value(self.app.call_with(&self.app.member, tool, input, |request| request.trace = trace).await?)
    }

    /// Every way out, each with the place in a trace that came out of it.
    async fn all_ways(&mut self, trace: Option<TraceContext>) -> Vec<(&'static str, Option<TraceContext>)> {
        self.vendor.then(Reply::Said(Said::text("So.")));
        let asked = json!({ "model": "wired/one", "prompt": "Is it?" });
        self.call("model_complete", asked, trace).await.unwrap();
        let of_model = placed(&self.vendor.last().headers);
        let before = self.vendor.came().len();
        self.vendor.then(Reply::Said(Said { texts: vec!["So ".to_owned(), "it is.".to_owned()], ..Said::default() }));
        let streamed = json!({ "model": "wired/one", "prompt": "Is it so?" });
        let reply = self.app.call_with(&self.app.member, "model_stream", streamed, |request| request.trace = trace);
        reply.await.unwrap().result.unwrap();
        self.vendor.asked(before + 1).await;
        let of_stream = placed(&self.vendor.last().headers);

        let order = json!({ "topic": "order.created", "subject": "1", "event": { "number": 1 } });
        self.call("event_publish", order, trace).await.unwrap();
        let of_hook = received(&self.receiver.next().await, "webhook-id");

        self.vendor.then(Reply::Said(Said::text("So.")));
        let before = self.vendor.came().len();
        let question = json!({ "topic": "question.asked", "subject": "1", "event": { "question": "Is it?" } });
        self.call("event_publish", question, trace).await.unwrap();
        self.vendor.asked(before + 1).await;
        let of_tool = placed(&self.vendor.last().headers);

        self.call("execution_start", json!({ "processId": "sends" }), trace).await.unwrap();
        let of_step = received(&self.receiver.next().await, "idempotency-key");
        vec![
            ("a model", of_model),
            ("a stream of a model", of_stream),
            ("a webhook", of_hook),
            ("a model asked by a tool that an event called", of_tool),
            ("a step of a process", of_step),
        ]
    }
}

/// The place in a trace that headers tell, and no more of it.
fn placed(headers: &http::HeaderMap) -> Option<TraceContext> {
    assert!(!headers.contains_key("tracestate") && !headers.contains_key("baggage"), "{headers:?}");
    assert!(headers.get_all("traceparent").iter().count() < 2, "{headers:?}");
    let told = headers.get("traceparent")?.to_str().unwrap();
    Some(TraceContext::parse(told).unwrap_or_else(|| panic!("no place in a trace: {told}")))
}

/// The same of what the receiver got, which is known by a header.
fn received(received: &Received, by: &str) -> Option<TraceContext> {
    assert!(received.headers.contains_key(by), "{:?}", received.headers);
    placed(&received.headers)
}

#[tokio::test]
async fn every_way_out_tells_the_place_in_the_trace_of_the_call() {
    let mut scene = Scene::set().await;
    for (way, told) in scene.all_ways(None).await {
        assert_eq!(told, None, "{way}: nobody follows");
    }
    let given = TraceContext::parse(TRACE).unwrap();
    let ways = scene.all_ways(Some(given)).await;
    let silent: Vec<&str> = ways.iter().filter(|(_, told)| told.is_none()).map(|(way, _)| *way).collect();
    assert!(silent.is_empty(), "nothing is told by {silent:?}");
    for (way, told) in ways {
        let told = told.unwrap();
        assert!(told.trace == given.trace && told.span != given.span && told.sampled, "{way}: {told}");
    }
    // Whoever reads the events can go on, too.
    let told = scene.call("event_replay", json!({ "topic": "order.created" }), None).await.unwrap();
    let places: Vec<Option<&str>> =
        told["items"].as_array().unwrap().iter().map(|one| one["event"]["traceparent"].as_str()).collect();
    assert_eq!(places.len(), 2, "{told}");
    assert!(places[0].is_none() && places[1].is_some_and(|place| place.starts_with(&TRACE[..36])), "{places:?}");
}

/// What others record of a way out hangs on a span that is recorded here, up to the call.
#[tokio::test]
async fn where_traces_are_collected_what_goes_out_hangs_together() {
    let mut scene = Scene::set().await;
    let platform = scene.app.app.platform().clone();
    let spans = &platform.spans;
    spans.collect(0.0);
    let given = TraceContext::parse(TRACE).unwrap();
    let ways = scene.all_ways(Some(given)).await;
    let mut all: Vec<Span> = Vec::new();
    for (way, told) in ways {
        let told = told.unwrap_or_else(|| panic!("{way} tells nothing"));
        let (mut at, mut names) = (told.span, Vec::new());
        // What is asked is told of when it has answered.
        let until = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
        while at != given.span {
            all.extend(spans.take().0);
            if let Some(span) = all.iter().find(|span| span.context.span == at) {
                names.push(span.name.clone());
                at = span.parent.unwrap();
            } else {
                assert!(tokio::time::Instant::now() < until, "{way}: {names:?} hangs on nothing: {all:#?}");
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        }
        let expected: &[&str] = match way {
            "a model" => &["chat one", "model_complete"],
            "a stream of a model" => &["chat one", "model_stream"],
            "a webhook" => &["delivery of order.created", "event_publish"],
            "a step of a process" => &["step of an execution", "execution_start"],
            _ => &["chat one", "model_complete", "delivery of question.asked", "event_publish"],
        };
        assert_eq!(names, expected, "{way}");
    }
    // What begins here and is followed by somebody tells so, too.
    let asked = json!({ "model": "wired/one", "prompt": "Is it?", "cache": "skip" });
    scene.vendor.then(Reply::Said(Said::text("So.")));
    scene.call("model_complete", asked, None).await.unwrap();
    let own = placed(&scene.vendor.last().headers).unwrap();
    assert!(own.trace != given.trace && !own.sampled, "{own}");
}
