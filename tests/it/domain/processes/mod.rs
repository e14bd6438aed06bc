//! The processes domain.

mod branches;
mod differences;
mod documented;
mod interpreter;
mod judging;
mod links;
mod pictures;
mod publishing;
mod secrets;
mod templates;
mod trying;
mod writing;

use convoke::kernel::fault::Fault;
use serde_json::{Map, Value, json};

use crate::support::app::TestApp;

/// A call as Ada.
async fn ada(app: &TestApp, tool: &str, input: Value) -> Result<Value, Fault> {
    app.call(&app.member, tool, input).await
}

/// Edges of a text such as `begin > look; choose > store if keep; choose > dropped else`.
fn ways(text: &str) -> Value {
    let edge = |way: &str| {
        let (ends, condition) = way.split_once(" if ").map_or((way, None), |(ends, text)| (ends, Some(text.trim())));
        let (ends, default) = ends.trim().strip_suffix(" else").map_or((ends, false), |ends| (ends, true));
        let (from, to) = ends.split_once('>').unwrap();
        let mut edge = json!({ "from": from.trim(), "to": to.trim() });
        if let Some(condition) = condition {
            edge["condition"] = json!(condition);
        }
        if default {
            edge["default"] = json!(true);
        }
        edge
    };
    text.split(';').filter(|way| !way.trim().is_empty()).map(edge).collect()
}

/// A definition of nodes and ways. Variables are given as the names of JSON types, or whole.
#[expect(clippy::needless_pass_by_value, reason = "calls read better")]
fn definition(nodes: Value, text: &str, variables: Value) -> Value {
    let variable = |(name, value): (&String, &Value)| {
        let whole = match value {
            Value::String(kind) => json!({ "schema": { "type": kind } }),
            other => other.clone(),
        };
        (name.clone(), whole)
    };
    let variables: Map<String, Value> = variables.as_object().unwrap().iter().map(variable).collect();
    json!({ "nodes": nodes, "edges": ways(text), "variables": variables })
}

/// The same with a name, as `process_create` takes it.
fn named(name: &str, mut definition: Value) -> Value {
    definition["name"] = json!(name);
    definition
}

/// A note that somebody looks over before it is kept.
fn checked_note() -> Value {
    let form = json!({ "type": "object", "properties": { "keep": { "type": "boolean" } }, "required": ["keep"] });
    let nodes = json!([
        { "id": "begin", "type": "start" },
        { "id": "look", "type": "human_task", "config": { "assignee": "ada", "form": form }, "output": { "keep": "= result.keep" } },
        { "id": "choose", "type": "exclusive" },
        { "id": "store", "type": "tool", "config": { "tool": "memory_store" }, "input": { "text": "= note" } },
        { "id": "kept", "type": "end", "config": { "result": { "kept": true } } },
        { "id": "dropped", "type": "end", "config": { "result": { "kept": false } } },
    ]);
    let text = "begin > look; look > choose; choose > store if keep; choose > dropped else; store > kept";
    definition(nodes, text, json!({ "note": { "schema": { "type": "string" }, "required": true }, "keep": "boolean" }))
}

/// A process from a start over the nodes, one after the other, to an end.
#[expect(clippy::needless_pass_by_value, reason = "calls read better")]
fn line(nodes: Value, variables: Value) -> Value {
    let mut all = vec![json!({ "id": "begin", "type": "start" })];
    all.extend(nodes.as_array().unwrap().clone());
    all.push(json!({ "id": "done", "type": "end" }));
    let ids: Vec<String> = all.iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect();
    let text: Vec<String> = ids.windows(2).map(|pair| format!("{} > {}", pair[0], pair[1])).collect();
    definition(all.into(), &text.join(";"), variables)
}

/// The rules of an answer's findings, with the place of each.
fn rules(findings: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    findings.as_array().unwrap().iter().map(|one| (text(&one["rule"]), text(&one["at"]))).collect()
}
