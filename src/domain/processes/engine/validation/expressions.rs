//! Whether every expression is one, and reads only what is there.

use std::collections::BTreeSet;

use super::findings::{Findings, Place};
use crate::domain::processes::engine::definition::{condition_of, expression_of};
use crate::domain::processes::engine::graph::{Graph, NodeIndex};
use crate::domain::processes::engine::nodes::{Config, Said, escaped, said_in};
use crate::port::expressions::{Expressions, Form, Names};

/// What every expression may read besides the variables: who started it and when, ids.
pub(super) const EXECUTION: &str = "execution";
/// What `output` reads: what the node brought.
pub(super) const RESULT: &str = "result";

struct Look<'a> {
    graph: &'a Graph,
    language: &'a dyn Expressions,
    names: Names,
    findings: &'a mut Findings,
    read: BTreeSet<String>,
}

/// Looks at every expression.
pub(super) fn expressions(graph: &Graph, language: &dyn Expressions, findings: &mut Findings) {
    let variables = graph.definition.variables.keys().map(String::as_str);
    let names = Names::of(variables.chain([EXECUTION]));
    let mut look = Look { graph, language, names, findings, read: BTreeSet::new() };
    for index in 0..graph.nodes.len() {
        look.node(index);
    }
    for (number, edge) in graph.definition.edges.iter().enumerate() {
        if let Some(condition) = &edge.condition {
            look.one(Place::edge(&edge.id, number, "/condition"), condition_of(condition), &[]);
        }
    }
    let read = look.read;
    variables_used(graph, &read, findings);
}

impl Look<'_> {
    fn node(&mut self, index: NodeIndex) {
        let graph = self.graph;
        let node = graph.node(index);
        // What is done for each item knows the item.
        let each = graph.nodes[index].run_by.map(|by| &graph.nodes[by].config);
        let item: Vec<&str> = match each {
            Some(Config::ForEach(each)) => vec![&each.item, "index"],
            _ => Vec::new(),
        };
        let mut said = Vec::new();
        said_in("/input", &node.input, &mut said);
        if let Some(key) = &node.idempotency_key {
            said.push(Said { at: "/idempotencyKey".to_owned(), text: condition_of(key).to_owned() });
        }
        if let Some(text) = node.timeout.as_ref().and_then(|timeout| expression_of(&timeout.after)) {
            said.push(Said { at: "/timeout/after".to_owned(), text: text.to_owned() });
        }
        for one in said {
            self.one(Place::of(graph, index, &one.at), &one.text, &item);
        }
        let config = &graph.nodes[index].config;
        for one in config.says() {
            let with_result = matches!(config, Config::Wait(_)) && one.at == "/condition";
            let more: Vec<&str> = item.iter().copied().chain(with_result.then_some(RESULT)).collect();
            self.one(Place::of(graph, index, &format!("/config{}", one.at)), &one.text, &more);
        }
        if let Config::Script(script) = config {
            let mut more: Vec<&str> = item.iter().copied().chain(node.input.keys().map(String::as_str)).collect();
            for (number, step) in script.steps.iter().enumerate() {
                let place = Place::of(graph, index, &format!("/config/steps/{number}/value"));
                self.one(place, condition_of(&step.value), &more);
                more.push(&step.name);
            }
        }
        self.output(index, &item);
    }

    /// What is kept: only variables that are declared, and never by what cannot keep.
    fn output(&mut self, index: NodeIndex, item: &[&str]) {
        let graph = self.graph;
        let node = graph.node(index);
        let looped = matches!(graph.nodes[index].run_by.map(|by| &graph.nodes[by].config), Some(Config::ForEach(_)));
        for (name, value) in &node.output {
            let at = format!("/output/{}", escaped(name));
            // For each item, what is kept are parts of its result; else variables.
            if !looped && !graph.definition.variables.contains_key(name) {
                self.findings.error(
                    "unknown_variable",
                    Place::of(graph, index, &at),
                    format!("there is no variable '{name}' to keep it in"),
                    "Declare it in 'variables', or keep it in one that is there.",
                );
            }
            let mut said = Vec::new();
            crate::domain::processes::engine::nodes::said_at(&at, value, &mut said);
            for one in said {
                let more: Vec<&str> = item.iter().copied().chain([RESULT]).collect();
                self.one(Place::of(graph, index, &one.at), &one.text, &more);
            }
        }
    }

    fn one(&mut self, place: Place<'_>, text: &str, more: &[&str]) {
        let names = more.iter().fold(self.names.clone(), |names, name| names.with(name, Names::default()));
        match self.language.compile(text, Form::Expression, &names) {
            Err(fault) => self.findings.error(
                "bad_expression",
                place,
                format!("'{}' is no expression: {fault}", shortened(text)),
                "Write FEEL, such as: amount > 100 and country = \"DE\".",
            ),
            Ok(expression) => {
                for read in expression.variables() {
                    self.read.insert(read.name.clone());
                    let known = names.0.contains_key(&read.name) || read.in_filter;
                    if !known {
                        self.findings.error(
                            "unknown_variable",
                            place.clone(),
                            format!("'{}' reads '{}', which is no variable", shortened(text), read.name),
                            format!("Declare it in 'variables'. What it can read here: {}.", listed(&names)),
                        );
                    }
                }
            }
        }
    }
}

/// Variables that nothing reads, or that have no value before they are read.
fn variables_used(graph: &Graph, read: &BTreeSet<String>, findings: &mut Findings) {
    let mut written: BTreeSet<&str> = BTreeSet::new();
    for node in &graph.definition.nodes {
        written.extend(node.output.keys().map(String::as_str));
    }
    for (name, variable) in &graph.definition.variables {
        let place = || Place::at(format!("/variables/{}", escaped(name)));
        let has_value = variable.required || variable.default.is_some() || written.contains(name.as_str());
        if !has_value && read.contains(name) {
            findings.warning(
                "variable_never_set",
                place(),
                format!("'{name}' is read, and only has a value where it happens to be given at the start"),
                "Make it required, give it a default, or keep a node's result in it.",
            );
        }
        if !read.contains(name) && written.contains(name.as_str()) && variable.description.is_empty() {
            findings.warning(
                "variable_never_read",
                place(),
                format!("'{name}' is kept and nothing reads it"),
                "Take it out, or say in its description what it is for.",
            );
        }
    }
}

fn listed(names: &Names) -> String {
    let all: Vec<&str> = names.0.keys().map(String::as_str).take(30).collect();
    all.join(", ")
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 80 { text.to_owned() } else { text.chars().take(79).chain(['…']).collect() }
}
