//! What is wrong with a definition by itself: the schema of its type, ids, ends of edges, and the rules of its type.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::finding::{Finding, MOST};
use super::kinds::FlowType;
use super::ways::Ways;
use crate::domain::flows::model::definition::Definition;
use crate::domain::integrations::is_name;

/// Where a workflow of `LangGraph` begins.
const START: &str = "__start__";
/// Where it ends.
const END: &str = "__end__";
/// What a rule may say of what it checks.
const CHECKS: [&str; 5] = ["rule", "condition", "threshold", "schema", "expected"];

/// Everything that is wrong.
pub(in crate::domain::flows) fn structure(kind: FlowType, definition: &Definition) -> Vec<Finding> {
    let mut found = Vec::new();
    schema(kind, definition, &mut found);
    nodes_and_edges(kind, definition, &mut found);
    credentials(definition, &mut found);
    if found.is_empty() {
        match kind {
            FlowType::LanggraphWorkflow => workflow(definition, &mut found),
            FlowType::AiBrainValidation => validation(definition, &mut found),
            FlowType::ChainMapping => chain(definition, &mut found),
            FlowType::Custom => {}
        }
    }
    found.truncate(MOST);
    found
}

fn schema(kind: FlowType, definition: &Definition, found: &mut Vec<Finding>) {
    let Some(validator) = kind.validator() else { return };
    let body = json!({ "nodes": definition.nodes, "edges": definition.edges });
    for error in validator.iter_errors(&body).take(MOST) {
        found.push(Finding::new("schema", error.instance_path().to_string(), error.to_string()));
    }
}

fn nodes_and_edges(kind: FlowType, definition: &Definition, found: &mut Vec<Finding>) {
    let mut ids = BTreeSet::new();
    for (number, node) in definition.nodes.iter().enumerate() {
        let at = format!("/nodes/{number}/id");
        if !ids.insert(node.id.as_str()) {
            found.push(Finding::new("duplicate_node", at, format!("there are two nodes '{}': rename one", node.id)));
        } else if kind == FlowType::LanggraphWorkflow && [START, END].contains(&node.id.as_str()) {
            let say = format!("'{}' is no node: edges name it without one. Leave the node out", node.id);
            found.push(Finding::new("reserved_node", at, say));
        }
    }
    let mut edges = BTreeSet::new();
    for (number, edge) in definition.edges.iter().enumerate() {
        if !edge.id.is_empty() && !edges.insert(edge.id.as_str()) {
            let say = format!("there are two edges '{}': rename one, or leave the id out", edge.id);
            found.push(Finding::new("duplicate_edge", format!("/edges/{number}/id"), say));
        }
        let langgraph = kind == FlowType::LanggraphWorkflow;
        for (end, name, frame) in [("source", &edge.source, START), ("target", &edge.target, END)] {
            let is_frame = langgraph && name == frame;
            if !ids.contains(name.as_str()) && !is_frame {
                let say = format!("there is no node '{name}': name one that there is, or add it");
                found.push(Finding::new("unknown_node", format!("/edges/{number}/{end}"), say));
            }
        }
    }
}

fn credentials(definition: &Definition, found: &mut Vec<Finding>) {
    let mut keys = BTreeSet::new();
    for (number, credential) in definition.credentials.iter().enumerate() {
        if !keys.insert(credential.key.as_str()) {
            let say = format!("there are two credentials '{}': rename one", credential.key);
            found.push(Finding::new("duplicate_credential", format!("/credentials/{number}/key"), say));
        }
        if !is_name(credential.secret()) {
            let at = if credential.secret.is_some() { "secret" } else { "key" };
            let say = format!(
                "'{}' cannot be the name of a secret: letters, digits, '_', '.' and '-', beginning with a letter or digit",
                credential.secret()
            );
            found.push(Finding::new("credential_name", format!("/credentials/{number}/{at}"), say));
        }
    }
}

/// The nodes, and the edges between them.
fn ways(definition: &Definition) -> Ways<'_> {
    let edges = definition.edges.iter().map(|edge| (edge.source.as_str(), edge.target.as_str()));
    Ways::of(definition.nodes.iter().map(|node| node.id.as_str()), edges)
}

fn workflow(definition: &Definition, found: &mut Vec<Finding>) {
    let ways = ways(definition);
    let started = definition.edges.iter().filter(|edge| edge.source == START);
    let mut entries: Vec<usize> = started.filter_map(|edge| ways.number(&edge.target)).collect();
    if entries.is_empty()
        && let Some(named) = definition.metadata.get("entryPoint").and_then(Value::as_str)
    {
        let Some(number) = ways.number(named) else {
            let say = format!("there is no node '{named}' to begin at");
            found.push(Finding::new("no_entry", "/metadata/entryPoint", say));
            return;
        };
        entries.push(number);
    }
    if entries.is_empty() {
        entries = ways.firsts();
    }
    if entries.is_empty() {
        let say = "it begins nowhere: every node is come to from another one. Add an edge from '__start__', or metadata.entryPoint";
        found.push(Finding::new("no_entry", "/edges", say));
        return;
    }
    let ended = definition.edges.iter().filter(|edge| edge.target == END);
    let mut ends: Vec<usize> = ended.filter_map(|edge| ways.number(&edge.source)).collect();
    ends.extend(ways.lasts());
    let (reached, leads_out) = (ways.from(&entries), ways.to(&ends));
    for (number, node) in definition.nodes.iter().enumerate() {
        let at = format!("/nodes/{number}");
        if !reached[number] {
            let say = format!("'{}' is never come to: add an edge to it, or take it out", node.id);
            found.push(Finding::new("unreachable_node", at, say));
        } else if !leads_out[number] {
            let say = format!("from '{}' there is no way to the end: add an edge to '__end__' on its way", node.id);
            found.push(Finding::new("no_way_out", at, say));
        }
    }
}

fn validation(definition: &Definition, found: &mut Vec<Finding>) {
    for (number, node) in definition.nodes.iter().enumerate() {
        if !CHECKS.iter().any(|name| node.config.contains_key(*name)) {
            let say = format!("the rule '{}' checks nothing: its config needs one of {}", node.id, CHECKS.join(", "));
            found.push(Finding::new("rule_without_check", format!("/nodes/{number}/config"), say));
        }
    }
    acyclic(definition, found);
}

fn chain(definition: &Definition, found: &mut Vec<Finding>) {
    acyclic(definition, found);
    let ways = ways(definition);
    let around = ways.around(0);
    for (number, node) in definition.nodes.iter().enumerate().filter(|(number, _)| !around[*number]) {
        let say = format!(
            "'{}' does not hang together with '{}': add an edge, or register it as a flow of its own",
            node.id, definition.nodes[0].id
        );
        found.push(Finding::new("not_connected", format!("/nodes/{number}"), say));
    }
    for (number, edge) in definition.edges.iter().enumerate() {
        for (field, value) in edge.mapping.iter().filter(|(_, value)| !value.is_string()) {
            let say = format!("must be the name of a field of '{}', not {value}", edge.source);
            let field = field.replace('~', "~0").replace('/', "~1");
            found.push(Finding::new("mapping", format!("/edges/{number}/mapping/{field}"), say));
        }
    }
}

fn acyclic(definition: &Definition, found: &mut Vec<Finding>) {
    let ways = ways(definition);
    if let Some(circle) = ways.circle() {
        let told = ways.named(&circle).join(" -> ");
        let edges: BTreeMap<(&str, &str), usize> = definition
            .edges
            .iter()
            .enumerate()
            .map(|(number, edge)| ((edge.source.as_str(), edge.target.as_str()), number))
            .collect();
        let names = ways.named(&circle);
        let last = names.windows(2).last().and_then(|pair| edges.get(&(pair[0].as_str(), pair[1].as_str())));
        let at = last.map_or_else(|| "/edges".to_owned(), |number| format!("/edges/{number}"));
        found.push(Finding::new("cycle", at, format!("it goes round: {told}. Take an edge of it out")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: FlowType, body: Value) -> Vec<String> {
        let mut body = body;
        body["name"] = "Test".into();
        let definition: Definition = serde_json::from_value(body).unwrap();
        let told = structure(kind, &definition);
        told.into_iter().map(|one| format!("{} {}", one.rule, one.at)).collect()
    }

    fn step(id: &str) -> Value {
        json!({ "id": id, "type": "step" })
    }

    fn edge(source: &str, target: &str) -> Value {
        json!({ "source": source, "target": target })
    }

    #[test]
    fn a_workflow_begins_and_ends_and_may_go_round() {
        let kind = FlowType::LanggraphWorkflow;
        let round = json!({
            "nodes": [step("a"), step("b")],
            "edges": [edge("__start__", "a"), edge("a", "b"), edge("b", "a"), edge("b", "__end__")],
        });
        assert_eq!(found(kind, round), [""; 0]);
        let closed = json!({ "nodes": [step("a"), step("b")], "edges": [edge("a", "b"), edge("b", "a")] });
        assert_eq!(found(kind, closed.clone()), ["no_entry /edges"]);
        let mut begun = closed;
        begun["metadata"] = json!({ "entryPoint": "a" });
        assert_eq!(found(kind, begun.clone()), ["no_way_out /nodes/0", "no_way_out /nodes/1"]);
        begun["metadata"] = json!({ "entryPoint": "z" });
        assert_eq!(found(kind, begun), ["no_entry /metadata/entryPoint"]);
        let aside = json!({
            "nodes": [step("a"), step("b"), step("c")],
            "edges": [edge("__start__", "a"), edge("b", "c"), edge("c", "b")],
        });
        assert_eq!(found(kind, aside), ["unreachable_node /nodes/1", "unreachable_node /nodes/2"]);
        let untyped =
            json!({ "nodes": [{ "id": "a" }, step("__end__")], "edges": [edge("a", "x"), edge("__end__", "a")] });
        assert_eq!(
            found(kind, untyped),
            ["schema /nodes/0", "reserved_node /nodes/1/id", "unknown_node /edges/0/target"]
        );
    }

    #[test]
    fn a_validation_is_of_rules_that_check_something() {
        let kind = FlowType::AiBrainValidation;
        let rule = |id: &str| json!({ "id": id, "config": { "condition": "confidence > 0.8", "severity": "error" } });
        assert_eq!(found(kind, json!({ "nodes": [rule("a"), rule("b")] })), [""; 0]);
        let round = json!({ "nodes": [rule("a"), rule("b")], "edges": [edge("a", "b"), edge("b", "a")] });
        assert_eq!(found(kind, round), ["cycle /edges/1"]);
        let idle = json!({ "nodes": [{ "id": "a", "config": { "severity": "error" } }] });
        assert_eq!(found(kind, idle), ["rule_without_check /nodes/0/config"]);
        let grave = json!({ "nodes": [{ "id": "a", "config": { "rule": "x", "severity": "deadly" } }] });
        assert_eq!(found(kind, grave), ["schema /nodes/0/config/severity"]);
        assert_eq!(found(kind, json!({ "nodes": [{ "id": "a" }] })), ["rule_without_check /nodes/0/config"]);
        assert_eq!(found(kind, json!({ "nodes": [] })), ["schema /nodes"]);
    }

    #[test]
    fn a_chain_hangs_together_and_has_no_circle() {
        let kind = FlowType::ChainMapping;
        let mut mapped = edge("a", "b");
        mapped["mapping"] = json!({ "price": "last_price" });
        assert_eq!(found(kind, json!({ "nodes": [step("a"), step("b")], "edges": [mapped.clone()] })), [""; 0]);
        mapped["mapping"] = json!({ "a/b": 3 });
        let wrong = json!({ "nodes": [step("a"), step("b"), step("c")], "edges": [mapped] });
        assert_eq!(found(kind, wrong), ["not_connected /nodes/2", "mapping /edges/0/mapping/a~1b"]);
        let own = json!({ "nodes": [step("a"), step("b")], "edges": [edge("a", "b"), edge("b", "b")] });
        assert_eq!(found(kind, own), ["cycle /edges/1"]);
        assert_eq!(found(kind, json!({ "nodes": [step("a")] })), ["schema /nodes", "schema /edges"]);
    }

    #[test]
    fn what_every_type_keeps_to() {
        let kind = FlowType::Custom;
        assert_eq!(found(kind, json!({ "nodes": [] })), [""; 0]);
        let twice = json!({
            "nodes": [step("a"), step("a")],
            "edges": [{ "id": "e", "source": "a", "target": "a" }, { "id": "e", "source": "a", "target": "b" }],
            "credentials": [{ "key": "k" }, { "key": "k", "secret": "no name" }, { "key": "-k" }],
        });
        assert_eq!(
            found(kind, twice),
            [
                "duplicate_node /nodes/1/id",
                "duplicate_edge /edges/1/id",
                "unknown_node /edges/1/target",
                "duplicate_credential /credentials/1/key",
                "credential_name /credentials/1/secret",
                "credential_name /credentials/2/key",
            ]
        );
    }
}
