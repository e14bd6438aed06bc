//! Whether what goes from one to the other is of the type that is wanted there: as far as it can be seen in the mappings. A value that
//! stands there, a variable, or a part of a variable or of a result is followed through the schemas; any other expression may be anything.

use serde_json::{Map, Value};

use super::findings::{Findings, Place};
use super::named::{Surroundings, properties};
use crate::domain::processes::engine::definition::{Variable, expression};
use crate::domain::processes::engine::graph::{Graph, NodeIndex};
use crate::domain::processes::engine::nodes::{Config, Named, escaped};

/// Looks at every mapping.
pub(super) fn types(graph: &Graph, around: &Surroundings, findings: &mut Findings) {
    for index in 0..graph.nodes.len() {
        let shape = graph.nodes[index].config.names().into_iter().find_map(|(_, named)| match &named {
            Named::Tool(_) | Named::Process(..) | Named::Prompt(_) | Named::Rules(..) => around.of(&named)?.as_ref(),
            Named::Agent(_) | Named::Body(_) => None,
        });
        let takes = shape.and_then(|found| found.input.as_deref());
        if let Some(takes) = takes {
            input(graph, index, takes, findings);
        }
        output(graph, index, shape.and_then(|found| found.output.as_deref()), findings);
    }
}

/// What is given against what is taken.
fn input(graph: &Graph, index: NodeIndex, takes: &Map<String, Value>, findings: &mut Findings) {
    let node = graph.node(index);
    let Some(known) = properties(takes) else { return };
    let required = takes.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    for name in required.filter(|name| !node.input.contains_key(*name)) {
        findings.error(
            "missing_input",
            Place::of(graph, index, "/input"),
            format!("'{}' is not given '{name}', which it needs", node.id),
            format!("Add '{name}' to 'input': a value, or an expression that begins with '='."),
        );
    }
    let closed = takes.get("additionalProperties") == Some(&Value::Bool(false));
    for (name, value) in &node.input {
        let place = || Place::of(graph, index, &format!("/input/{}", escaped(name)));
        match known.get(name) {
            None if closed => findings.error(
                "unknown_input",
                place(),
                format!("'{}' is given '{name}', which it does not take", node.id),
                format!("It takes {}.", known.keys().map(String::as_str).collect::<Vec<_>>().join(", ")),
            ),
            None => {}
            Some(wanted) => fits(graph, index, &place, value, None, wanted, findings),
        }
    }
}

/// What comes out against what it is kept in.
fn output(graph: &Graph, index: NodeIndex, gives: Option<&Map<String, Value>>, findings: &mut Findings) {
    if matches!(graph.nodes[index].run_by.map(|by| &graph.nodes[by].config), Some(Config::ForEach(_))) {
        return;
    }
    for (name, value) in &graph.node(index).output {
        let Some(variable) = graph.definition.variables.get(name) else { continue };
        let place = || Place::of(graph, index, &format!("/output/{}", escaped(name)));
        fits(graph, index, &place, value, gives, &Value::Object(variable.schema.clone()), findings);
    }
}

fn fits<'a>(
    graph: &'a Graph,
    index: NodeIndex,
    place: &impl Fn() -> Place<'a>,
    value: &Value,
    result: Option<&Map<String, Value>>,
    wanted: &Value,
    findings: &mut Findings,
) {
    let Some(text) = expression(value) else {
        // A value that has expressions within is not known whole.
        let mut within = Vec::new();
        crate::domain::processes::engine::nodes::said_at("", value, &mut within);
        if within.is_empty()
            && let Ok(validator) = jsonschema::validator_for(wanted)
            && let Err(error) = validator.validate(value)
        {
            findings.error("type_mismatch", place(), format!("the value does not fit: {error}"), "Give one that fits.");
        }
        return;
    };
    match followed(graph, index, text, result) {
        Followed::Nothing => {}
        Followed::Missing(what) => findings.error(
            "type_mismatch",
            place(),
            format!("'{text}' reads {what}, which is not there"),
            "Read something that is there.",
        ),
        Followed::Schema(given) => {
            let (given, wanted) = (kinds(&given), kinds(wanted));
            if let (Some(given), Some(wanted)) = (given, wanted)
                && !given.iter().any(|one| wanted.contains(one) || (*one == "integer" && wanted.contains(&"number")))
            {
                findings.error(
                    "type_mismatch",
                    place(),
                    format!("'{text}' is of the type {}, and {} is wanted", given.join(" or "), wanted.join(" or ")),
                    "Turn it into what is wanted, with string(…) or number(…), or take something else.",
                );
            }
        }
    }
}

enum Followed {
    /// It may be anything.
    Nothing,
    /// It reads what the schema closes out.
    Missing(String),
    Schema(Value),
}

/// The schema of an expression that is a name, or a path of names.
fn followed(graph: &Graph, index: NodeIndex, text: &str, result: Option<&Map<String, Value>>) -> Followed {
    let mut path = text.split('.').map(str::trim);
    let named = |name: &str| !name.is_empty() && name.chars().all(|one| one.is_ascii_alphanumeric() || one == '_');
    if !text.split('.').all(|name| named(name.trim())) {
        return Followed::Nothing;
    }
    let Some(first) = path.next() else { return Followed::Nothing };
    let item = match graph.nodes[index].run_by.map(|by| &graph.nodes[by].config) {
        Some(Config::ForEach(each)) => Some(each.item.as_str()),
        _ => None,
    };
    let begin: Option<Map<String, Value>> = if Some(first) == item {
        None
    } else if first == super::expressions::RESULT {
        result.cloned()
    } else {
        graph.definition.variables.get(first).map(|variable: &Variable| variable.schema.clone())
    };
    let Some(mut schema) = begin.map(Value::Object) else { return Followed::Nothing };
    let mut so_far = first.to_owned();
    for name in path {
        let Some(known) = schema.get("properties").and_then(Value::as_object) else { return Followed::Nothing };
        match known.get(name) {
            Some(next) => schema = next.clone(),
            None if schema.get("additionalProperties") == Some(&Value::Bool(false)) => {
                return Followed::Missing(format!("'{name}' of '{so_far}'"));
            }
            None => return Followed::Nothing,
        }
        so_far = format!("{so_far}.{name}");
    }
    Followed::Schema(schema)
}

/// The JSON types that a schema allows; none where it does not say.
fn kinds(schema: &Value) -> Option<Vec<&'static str>> {
    const ALL: [&str; 7] = ["string", "number", "integer", "boolean", "object", "array", "null"];
    let known = |name: &str| ALL.iter().copied().find(|one| *one == name);
    match schema.get("type")? {
        Value::String(name) => Some(vec![known(name)?]),
        Value::Array(names) => names.iter().map(|name| known(name.as_str()?)).collect(),
        _ => None,
    }
}
