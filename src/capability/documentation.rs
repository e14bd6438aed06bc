//! The documentation of a tool as Markdown, made from what the tool says of itself and its card.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::caller::Caller;
use super::registry::Snapshot;
use super::tool::{Alternative, Tool};

/// One page, as a caller may read it.
#[must_use]
pub fn markdown(tool: &Tool, snapshot: &Snapshot, caller: &Caller) -> String {
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut page, tool, tool.alternatives(snapshot, caller));
    page
}

fn write<'a>(page: &mut String, tool: &Tool, alternatives: impl Iterator<Item = &'a Alternative>) -> std::fmt::Result {
    writeln!(page, "# {}\n\n`{}` · {}\n\n{}\n", tool.title, tool.name, tool.domain.name(), tool.description)?;
    let mut facts = vec![format!("effect: {}", tool.effect.name()), format!("permission: `{}`", tool.permit)];
    if tool.reaches {
        facts.push("touches something outside".to_owned());
    }
    if tool.spends {
        facts.push("costs money".to_owned());
    }
    facts.extend(tool.routes.iter().map(|route| format!("`{} /api/v1{}`", route.verb.name(), route.path)));
    for fact in facts {
        writeln!(page, "- {fact}")?;
    }
    let mut alternatives = alternatives.peekable();
    if alternatives.peek().is_some() {
        writeln!(page, "\n## When not to use it\n")?;
    }
    for alternative in alternatives {
        writeln!(page, "- {alternative}")?;
    }
    writeln!(page, "\n## Input\n")?;
    table(page, tool.input())?;
    writeln!(page, "\n## Output\n")?;
    table(page, tool.output())?;
    if !tool.card.examples.is_empty() {
        writeln!(page, "\n## Examples")?;
    }
    for example in &tool.card.examples {
        writeln!(page, "\n{}\n\n```json\n{:#}\n```", example.say, example.input)?;
        if let Some(output) = &example.output {
            writeln!(page, "\nanswers, among other things,\n\n```json\n{output:#}\n```")?;
        }
    }
    Ok(())
}

fn table(page: &mut String, schema: &Map<String, Value>) -> std::fmt::Result {
    let properties = schema.get("properties").and_then(Value::as_object);
    let Some(properties) = properties.filter(|properties| !properties.is_empty()) else {
        return writeln!(page, "Nothing.");
    };
    let required = schema.get("required").and_then(Value::as_array);
    writeln!(page, "| field | type | | |\n|---|---|---|---|")?;
    for (name, property) in properties {
        let must = required.is_some_and(|names| names.iter().any(|one| one == name));
        let told = property.get("description").and_then(Value::as_str).unwrap_or_default();
        let told = told.replace('\n', " ").replace('|', "\\|");
        writeln!(page, "| `{name}` | {} | {} | {told} |", kind(property), if must { "required" } else { "" })?;
    }
    Ok(())
}

fn kind(property: &Value) -> String {
    if let Some(values) = property.get("enum").and_then(Value::as_array) {
        let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
        return format!("one of {}", values.join(", "));
    }
    match property.get("type").and_then(Value::as_str) {
        Some("array") => {
            property.get("items").map_or_else(|| "array".to_owned(), |items| format!("array of {}", kind(items)))
        }
        Some(name) => match property.get("format").and_then(Value::as_str) {
            Some(format) => format!("{name} ({format})"),
            None => name.to_owned(),
        },
        None => "anything".to_owned(),
    }
}
