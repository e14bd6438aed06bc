//! Runs over real HTTP on both sides: every dialect's own form of calls and results, streams to clients, and connections that close.

use std::sync::Arc;

use convoke::adapter::llm;
use convoke::app::Settings;
use convoke::kernel::secret::Secret;
use convoke::port::secrets::Environment;
use reqwest::Method;
use serde_json::{Value, json};

use super::{agent, invoke};
use crate::doors::served::Served;
use crate::support::app::TestApp;
use crate::support::vendor::{KEY, Reply, Said, Vendor};

struct Key;

impl Environment for Key {
    fn value(&self, variable: &str) -> Option<Secret> {
        (variable == "WIRED_API_KEY").then(|| Secret::new(KEY.to_owned()))
    }
}

/// Lets the program speak a dialect to the vendor.
fn wired(settings: &mut Settings, vendor: &Vendor, dialect: &str) {
    let provider = format!(
        "name = \"wired\"\ndialect = \"{dialect}\"\nbase_url = \"{}\"\n[key]\nvariable = \"WIRED_API_KEY\"\n[[models]]\nname = \"one\"\n\
         context = 100000\nmax_output = 1000\nabilities = [\"chat\", \"streaming\", \"tools\", \"structured_output\"]\n",
        vendor.base_url(dialect)
    );
    std::fs::write(settings.data.join("providers/wired.toml"), provider).unwrap();
    settings.environment = Arc::new(Key);
    settings.services = std::mem::take(&mut settings.services).with(Arc::new(llm::Vendors::new(Vec::new()).dialects()));
}

fn reader() -> Value {
    agent("Reader", &json!({ "model": { "name": "wired/one" }, "tools": { "names": ["prompt_get"] } }))
}

fn wants(calls: &[(&str, &str)]) -> Reply {
    let call = |(id, name): &(&str, &str)| {
        let input = json!({ "id": name }).to_string();
        let (one, other) = input.split_at(4);
        ((*id).to_owned(), "prompt_get".to_owned(), vec![one.to_owned(), other.to_owned()])
    };
    Reply::Said(Said { calls: calls.iter().map(call).collect(), ..Said::default() })
}

#[tokio::test]
async fn calls_and_results_go_through_every_dialect() {
    for dialect in ["openai", "anthropic", "cohere", "gemini"] {
        let vendor = Vendor::open().await;
        let app = TestApp::start_with(|settings| wired(settings, &vendor, dialect)).await;
        app.call(&app.member, "agent_register", reader()).await.unwrap();
        vendor.then(wants(&[("call_a", "welcome-mail"), ("call_b", "gone")]));
        vendor.then(wants(&[("call_c", "summary")]));
        vendor.then(Reply::Said(Said::text("Read.")));
        let answer = invoke(&app, &app.member, "reader", "Read.").await;
        assert_eq!((&answer["response"], &answer["steps"]), (&json!("Read."), &json!(3)), "{dialect}");
        let codes: Vec<&Value> = answer["toolCalls"].as_array().unwrap().iter().map(|call| &call["code"]).collect();
        assert_eq!(codes, [&Value::Null, &json!("not_found"), &Value::Null], "{dialect}");
        // The vendor counts eleven and seven for each; a price that nobody knows is not nothing.
        assert_eq!((&answer["tokensUsed"], &answer["cost"]), (&json!(54), &json!({ "known": false })), "{dialect}");
        let last = vendor.last().body.to_string();
        assert!(last.contains("welcome-mail") && last.contains("not_found"), "{dialect} {last}");
    }
}

#[tokio::test]
async fn a_run_is_streamed_to_a_client_as_it_goes() {
    let vendor = Vendor::open().await;
    let served = Served::start_with(|settings| wired(settings, &vendor, "openai")).await;
    served.app.call(&served.app.admin, "agent_register", reader()).await.unwrap();
    vendor.then(wants(&[("call_a", "welcome-mail")]));
    vendor.then(Reply::Said(Said { texts: vec!["It ".to_owned(), "is.".to_owned()], ..Said::default() }));
    let body = json!({ "prompt": "Which?" });
    let response =
        served.post("/agents/reader/stream", &body).header("accept", "text/event-stream").send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    let text = response.text().await.unwrap();
    let items: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let kinds: Vec<&str> = items.iter().filter_map(|item| item["type"].as_str()).collect();
    assert_eq!(kinds, ["start", "step", "tool_started", "tool_ended", "step", "text", "text", "end"]);
    let end = items.iter().find(|item| item["type"] == "end").unwrap();
    assert_eq!((&end["response"], &end["executedTools"]), (&json!("It is."), &json!(["prompt_get"])));
    assert!(text.trim_end().ends_with("data: {}"), "the stream says that it is whole: {text}");
}

/// The other route of the contract, and its names.
#[tokio::test]
async fn an_agent_responds_where_it_is_named_in_the_body() {
    let vendor = Vendor::open().await;
    let served = Served::start_with(|settings| wired(settings, &vendor, "openai")).await;
    served.app.call(&served.app.admin, "agent_register", reader()).await.unwrap();
    vendor.then(Reply::Said(Said::text("Hello.")));
    let body = json!({ "id": "reader", "agentId": "reader", "prompt": "Hi.", "context": { "customerId": "c" }, "temperature": 0.7, "maxTokens": 500 });
    let response = served.post("/agents/respond", &body).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 201);
    let answer: Value = response.json().await.unwrap();
    assert_eq!((&answer["agentId"], &answer["response"]), (&json!("reader"), &json!("Hello.")));
    assert_eq!((&answer["tokensUsed"], &answer["cached"]), (&json!(18), &json!(false)));
    assert_eq!(answer["executedTools"], json!([]));
    assert_eq!(vendor.last().body["temperature"], 0.7);
}

#[tokio::test]
async fn who_goes_away_closes_the_connection_to_the_vendor() {
    let vendor = Vendor::open().await;
    let served = Served::start_with(|settings| wired(settings, &vendor, "openai")).await;
    served.app.call(&served.app.admin, "agent_register", reader()).await.unwrap();
    for path in ["/agents/reader/invoke", "/agents/reader/stream"] {
        vendor.then(wants(&[("call_a", "welcome-mail")]));
        vendor.then(Reply::Silence);
        let before = vendor.came().len();
        let request = served.request(&served.app.admin, Method::POST, path).json(&json!({ "prompt": "x" }));
        let going = tokio::spawn(async move { request.send().await.unwrap().text().await });
        vendor.asked(before + 2).await;
        going.abort();
        vendor.given_up(if path.ends_with("invoke") { 1 } else { 2 }).await;
    }
}
