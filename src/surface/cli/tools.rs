//! `tools`: all tools, or those that fit a need.

use serde_json::{Value, json};

use super::arguments::Tools;
use super::exit::Failure;
use super::output;
use super::setting::Setting;
use super::target::Target;
use crate::runtime::owner::protocol::{Told, What};

pub(super) async fn run(setting: Setting, asked: Tools) -> Result<(), Failure> {
    let target = Target::of(&setting, &asked.server, "tools")?;
    let tools = match &asked.query {
        Some(query) => match target.value("tool_search", json!({ "query": query, "limit": 10 })).await?["tools"].take()
        {
            Value::Array(tools) => tools,
            _ => Vec::new(),
        },
        None => every(&target).await?,
    };
    if asked.json {
        let tools = if asked.all || asked.query.is_some() { tools } else { tools.iter().map(short).collect() };
        output::json(&json!({ "tools": tools }));
    } else if asked.all {
        tools.iter().for_each(at_length);
    } else {
        let rows: Vec<Vec<String>> = tools.iter().map(|tool| vec![text(tool, "name"), sentence(tool)]).collect();
        output::table(&rows);
    }
    Ok(())
}

async fn every(target: &Target) -> Result<Vec<Value>, Failure> {
    let mut tools = Vec::new();
    target
        .ask(What::Tools, |told| {
            if let Told::Item(tool) = told {
                tools.push(tool);
            }
        })
        .await?;
    Ok(tools)
}

fn short(tool: &Value) -> Value {
    json!({ "name": tool["name"], "description": tool["description"] })
}

fn at_length(tool: &Value) {
    output::text(&format!("{}\n    {}\n", text(tool, "name"), text(tool, "description")));
    let schema = &tool["inputSchema"];
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let mark = if required.contains(&name.as_str()) { " (required)" } else { "" };
        output::text(&format!("    {name}{mark}: {}\n", text(property, "description")));
    }
    output::text("\n");
}

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_default().to_owned()
}

/// The first sentence of what a tool says of itself.
fn sentence(tool: &Value) -> String {
    let whole = text(tool, "description");
    match whole.split_once(". ") {
        Some((first, _)) => format!("{first}."),
        None => whole,
    }
}
