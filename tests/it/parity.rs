//! The cards' examples answer what they say, and the same over every door.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use convoke::capability::caller::{Credential, Door, Origin};
use convoke::capability::spec::{Effect, Verb};
use convoke::capability::tool::{Example, Tool};
use convoke::surface::mcp::{self, stream};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio_util::sync::CancellationToken;

use crate::doors::served::{Served, told};
use crate::support::app::{TestApp, value};
use crate::support::examples::{self, lacks};
use crate::support::program::program;

#[tokio::test]
async fn every_example_answers_what_it_says() {
    let mut wrong = Vec::new();
    for (tool, example) in examples::all() {
        match over_the_gate(&tool, &example).await {
            Ok(answer) => wrong.extend(judged(&tool, &example, &answer)),
            Err(fault) => wrong.push(format!("{}, \"{}\": {fault}", tool.name, example.say)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The answers of tools fit the schemas that they are described by.
#[tokio::test]
async fn every_answer_fits_its_schema() {
    let mut wrong = Vec::new();
    for (tool, example) in examples::all() {
        let Ok(answer) = over_the_gate(&tool, &example).await else { continue };
        let schema = Value::Object((**tool.output()).clone());
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        for error in validator.iter_errors(&answer) {
            wrong.push(format!("{}, \"{}\": {} {error}", tool.name, example.say, error.instance_path()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_example_answers_the_same_over_rest_and_mcp() {
    let mut wrong = Vec::new();
    for (tool, example) in examples::all() {
        let expected = over_the_gate(&tool, &example).await.unwrap();
        for (door, answer) in [("REST", over_rest(&tool, &example).await), ("MCP", over_mcp(&tool, &example).await)] {
            let place = format!("{door}, {}, \"{}\"", tool.name, example.say);
            match answer {
                Ok(answer) => {
                    wrong.extend(judged(&tool, &example, &answer).into_iter().map(|text| format!("{door}, {text}")));
                    // Figures of the moment differ from one moment to the next, whatever the door.
                    if !tells_figures(&tool) && plain(&answer) != plain(&expected) {
                        wrong.push(format!("{place}: {} and through the gate {}", plain(&answer), plain(&expected)));
                    }
                }
                Err(problem) => wrong.push(format!("{place}: {problem}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One tool of each effect, by the program itself as the owner of the data folder.
#[tokio::test]
async fn one_of_each_effect_answers_the_same_on_the_command_line() {
    let mut effects = BTreeSet::new();
    for (tool, example) in examples::all() {
        // The scripted vendor is on this side: the program itself would ask a real one.
        if tools_told_apart(&tool) || tool.spends || !effects.insert(tool.effect.name()) {
            continue;
        }
        let expected = over_the_gate(&tool, &example).await.unwrap();
        let app = TestApp::start().await;
        app.app.close(Duration::from_secs(5)).await;
        let folder = app.app.data().to_owned();
        let mut command = Command::new(program());
        command.env_clear().env("HOME", &folder).env("CONVOKE_DATA", &folder).current_dir(&folder);
        let output = command.args(["call", &tool.name, &example.input.to_string()]).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {errors}", tool.name);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(plain(&answer), plain(&expected), "{}, \"{}\"", tool.name, example.say);
        assert_eq!(judged(&tool, &example, &answer), Vec::<String>::new());
    }
    let all = [Effect::Read, Effect::Create, Effect::Change, Effect::Remove];
    assert_eq!(effects, all.iter().map(|effect| effect.name()).collect(), "an effect without an example");
}

/// Tools whose answers tell of the moment, or that only pass on what another answers.
fn tools_told_apart(tool: &Tool) -> bool {
    tells_figures(tool) || tool.forwards.is_some() || tool.shows_secret
}

fn tells_figures(tool: &Tool) -> bool {
    // An installation signs its own audit log, and its links, with a key of its own.
    let signed = ["audit_verify", "audit_export", "compliance_report", "task_link"];
    let system = ["metrics", "monitor", "cache_stats", "cache_clear", "health", "logs"];
    signed.contains(&&*tool.name) || tool.name.strip_prefix("system_").is_some_and(|name| system.contains(&name))
}

fn judged(tool: &Tool, example: &Example, answer: &Value) -> Vec<String> {
    let missing = example.output.iter().flat_map(|expected| lacks(expected, answer));
    missing.map(|text| format!("{}, \"{}\": {text}", tool.name, example.say)).collect()
}

async fn over_the_gate(tool: &Tool, example: &Example) -> Result<Value, String> {
    let app = TestApp::start().await;
    let reply = app.call_with(&app.admin, &tool.name, example.input.clone(), |_| {}).await.unwrap();
    value(reply).map_err(|fault| format!("{fault} {:?}", fault.places()))
}

async fn over_rest(tool: &Tool, example: &Example) -> Result<Value, String> {
    let served = Served::start_with(|settings| settings.rows.clear()).await;
    let (status, answer) = told(request(&served, tool, &example.input)).await;
    served.shutdown.cancel();
    if (200..300).contains(&status) { Ok(answer) } else { Err(format!("{status} {answer}")) }
}

/// The example as a request: what the path names goes there, the rest into the query or the body.
fn request(served: &Served, tool: &Tool, input: &Value) -> RequestBuilder {
    let route = &tool.routes[0];
    let mut rest = input.as_object().cloned().unwrap_or_default();
    let mut filled = |part: &str| match part.strip_prefix('{').and_then(|one| one.strip_suffix('}')) {
        Some(name) => encoded(&rest.remove(name).unwrap()),
        None => part.to_owned(),
    };
    let path: Vec<String> = route.path.split('/').map(&mut filled).collect();
    let method = Method::from_bytes(route.verb.name().as_bytes()).unwrap();
    if matches!(route.verb, Verb::Post | Verb::Put | Verb::Patch) {
        return served.request(&served.app.admin, method, &path.join("/")).json(&rest);
    }
    let mut query = Vec::new();
    for (name, value) in &rest {
        let values = value.as_array().map_or_else(|| vec![value], |many| many.iter().collect());
        query.extend(values.into_iter().map(|one| format!("{name}={}", encoded(one))));
    }
    served.request(&served.app.admin, method, &format!("{}?{}", path.join("/"), query.join("&")))
}

fn encoded(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string()
}

/// Over a pair of byte streams, as stdio is.
async fn over_mcp(tool: &Tool, example: &Example) -> Result<Value, String> {
    let app = TestApp::start().await;
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let (reader, writer) = tokio::io::split(theirs);
    let credential = Credential::Bearer(app.admin.key.clone());
    let origin = Origin { door: Door::Stdio, address: None };
    let options = mcp::Options { toolsets: Some(vec!["all".to_owned()]), ..mcp::Options::default() };
    let cancel = CancellationToken::new();
    let serving =
        tokio::spawn(stream::serve(app.app.gate().clone(), credential, origin, reader, writer, options, cancel));
    let (reader, mut writer) = tokio::io::split(ours);
    let opening = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": { "name": "test", "version": "1" },
    });
    for message in [
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": opening }),
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({
            "jsonrpc": "2.0",
            "id": 2,
            "method": "tools/call",
            "params": { "name": &*tool.name, "arguments": example.input },
        }),
    ] {
        writer.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }
    let mut lines = BufReader::new(reader).lines();
    let answer = loop {
        let line = lines.next_line().await.unwrap().expect("the connection ended without an answer");
        let message: Value = serde_json::from_str(&line).unwrap();
        if message["id"] == 2 {
            break message;
        }
    };
    drop((lines, writer));
    serving.await.unwrap().unwrap();
    let result = &answer["result"];
    if result["isError"] == false { Ok(result["structuredContent"].clone()) } else { Err(answer.to_string()) }
}

/// An answer without what differs from one start of the program to the next: ids that the scene has not fixed and digests of
/// what has them, moments, secrets, durations, paths; and without the door.
fn plain(answer: &Value) -> Value {
    match answer {
        Value::Object(properties) => {
            let plain_one = |(name, value): (&String, &Value)| {
                let value = match name.as_str() {
                    "durationMs" | "key" | "secret" | "prefix" | "sizeBytes" | "checksum" | "file" | "folder"
                    | "shownHash" | "door" => json!("…"),
                    _ => plain(value),
                };
                (name.clone(), value)
            };
            Value::Object(properties.iter().map(plain_one).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(plain).collect()),
        Value::String(text) if text.parse::<uuid::Uuid>().is_ok() && !text.starts_with("0192f0c1-") => json!("(an id)"),
        Value::String(text) if text.parse::<convoke::kernel::time::Timestamp>().is_ok() => json!("(a moment)"),
        other => other.clone(),
    }
}
