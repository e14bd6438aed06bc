//! What would help: rules over what was measured. Each says what was seen and how much of the time it concerns; none guesses.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::NodeFigures;
use crate::domain::processes::engine::definition::{Node, condition_of, expression_of};
use crate::domain::processes::engine::graph::{Graph, NodeIndex};
use crate::domain::processes::engine::nodes::calls::Mode;
use crate::domain::processes::engine::nodes::{Config, Role};
use crate::kernel::figures::share;

/// Fewer visits than this say nothing.
const LEAST_VISITS: u64 = 5;
/// A node that takes this share of the time of all is a bottleneck.
const BOTTLENECK: f64 = 0.4;
/// A step of which this share fails needs looking at.
const FAILS: f64 = 0.05;
/// Steps that take less than this together are not worth doing at once, in milliseconds.
const WORTH: u64 = 1_000;

/// What would help.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Advice {
    /// The rule by which it was found.
    pub rule: Rule,
    /// The node.
    pub node: String,
    /// The other node, where it concerns two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with: Option<String>,
    /// What was seen, in figures.
    pub seen: String,
    /// What would help.
    pub advice: String,
    /// How much shorter an execution would be at the mean, in milliseconds, where that follows from the figures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saves_ms: Option<u64>,
    /// The share of the time of all nodes that it concerns, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_of_time: Option<f64>,
}

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A node takes a large part of the time.
    Bottleneck,
    /// Two steps come one after the other and neither needs the other.
    IndependentSteps,
    /// A list is gone through one item after the other.
    ListInOrder,
    /// A step fails often and is not tried again, and nothing takes that up.
    FailsUncaught,
    /// A step is tried again often.
    RetriedOften,
    /// Something is waited for without a bound, and it takes very long at times.
    WaitsUnbounded,
}

/// What would help a process of which this was measured in so many executions; what saves most first.
#[must_use]
pub fn advised(graph: &Graph, nodes: &BTreeMap<String, NodeFigures>, executions: u64) -> Vec<Advice> {
    let total: u64 = nodes.values().map(NodeFigures::total_millis).sum();
    let mut all = Vec::new();
    for index in 0..graph.nodes.len() {
        let node = graph.node(index);
        let Some(figures) = nodes.get(&node.id).filter(|figures| figures.visits >= LEAST_VISITS) else { continue };
        let part = share(figures.total_millis(), total);
        bottleneck(graph, index, figures, part, &mut all);
        failing(graph, index, figures, part, executions, &mut all);
        waiting(graph, index, figures, part, &mut all);
        in_order(graph, index, figures, nodes, part, executions, &mut all);
        independent(graph, index, figures, nodes, total, executions, &mut all);
    }
    all.sort_by_key(|one| (std::cmp::Reverse(one.saves_ms), one.rule));
    all
}

fn bottleneck(graph: &Graph, index: NodeIndex, figures: &NodeFigures, part: Option<f64>, all: &mut Vec<Advice>) {
    let Some(share) = part.filter(|share| *share >= BOTTLENECK) else { return };
    let advice = match &graph.nodes[index].config {
        // Its time is what it is for.
        Config::Timer(_) => return,
        Config::HumanTask(_) => {
            "People are waited for: give it a due time with an escalation chain, more candidates, or decide the plain cases by a decision node \
             before it."
        }
        Config::Wait(_) => {
            "A message or an event is waited for: a boundary_timeout beside it can remind whoever is to send it."
        }
        Config::SubProcess(_) => "Another process takes the time: ask for its own figures with process_analytics.",
        Config::ForEach(_) => {
            "A list is gone through: the mode parallel with more atOnce does its items at the same time."
        }
        Config::Agent(_) | Config::Prompt(_) => {
            "A model takes the time: a faster model, a shorter prompt, or a decision node for the plain cases."
        }
        _ => "Do less in it, part it into steps that can run at once, or begin it earlier beside others.",
    };
    all.push(Advice {
        rule: Rule::Bottleneck,
        node: graph.node(index).id.clone(),
        with: None,
        seen: format!("a visit takes {} ms at the mean, over {} visits", figures.mean_millis(), figures.visits),
        advice: advice.to_owned(),
        saves_ms: None,
        share_of_time: Some(share),
    });
}

fn failing(
    graph: &Graph,
    index: NodeIndex,
    figures: &NodeFigures,
    part: Option<f64>,
    executions: u64,
    all: &mut Vec<Advice>,
) {
    let node = graph.node(index);
    let most = figures.codes.iter().max_by_key(|(_, count)| **count).map_or("", |(code, _)| code.as_str());
    let catches = graph.nodes[index]
        .boundaries
        .iter()
        .any(|boundary| matches!(graph.nodes[*boundary].config, Config::BoundaryError(_)));
    let failed = share(figures.failed, figures.visits).unwrap_or(0.0);
    if failed >= FAILS && graph.nodes[index].role == Role::Activity && !catches {
        let advice = if node.retry.is_none() {
            format!(
                "Give it a retry with on: [\"{most}\"] where trying again can help, or a boundary_error that goes another way."
            )
        } else {
            "Trying again does not help it: a boundary_error can go another way in place of failing the whole execution.".to_owned()
        };
        all.push(Advice {
            rule: Rule::FailsUncaught,
            node: node.id.clone(),
            with: None,
            seen: format!("{} of {} visits failed for good, most with {most}", figures.failed, figures.visits),
            advice,
            saves_ms: None,
            share_of_time: part,
        });
    }
    let again = share(figures.retried, figures.visits).unwrap_or(0.0);
    if again >= FAILS * 2.0 {
        let waited = figures.waited_millis / figures.retried.max(1);
        all.push(Advice {
            rule: Rule::RetriedOften,
            node: node.id.clone(),
            with: None,
            seen: format!("it failed {} times in {} visits, most with {most}, and waited {waited} ms each time", figures.retried, figures.visits),
            advice: "Look into why it fails at first; where it passes soon, a shorter wait of the retry saves most of the time.".to_owned(),
            saves_ms: figures.waited_millis.checked_div(executions),
            share_of_time: part,
        });
    }
}

fn waiting(graph: &Graph, index: NodeIndex, figures: &NodeFigures, part: Option<f64>, all: &mut Vec<Advice>) {
    let node = graph.node(index);
    let bounded = node.timeout.is_some() || !graph.nodes[index].boundaries.is_empty();
    if bounded || !matches!(graph.nodes[index].config, Config::HumanTask(_) | Config::Wait(_)) {
        return;
    }
    let mut millis = figures.millis.clone();
    millis.sort_unstable();
    let (Some(longest), Some(middle)) = (millis.last(), millis.get(millis.len() / 2)) else { return };
    if *longest < WORTH || *longest < middle.saturating_mul(10) {
        return;
    }
    all.push(Advice {
        rule: Rule::WaitsUnbounded,
        node: node.id.clone(),
        with: None,
        seen: format!("half of the visits took at most {middle} ms, and one took {longest} ms"),
        advice: "Nothing bounds the wait: give it a timeout, or a boundary_timeout that reminds or goes another way."
            .to_owned(),
        saves_ms: None,
        share_of_time: part,
    });
}

fn in_order(
    graph: &Graph,
    index: NodeIndex,
    figures: &NodeFigures,
    nodes: &BTreeMap<String, NodeFigures>,
    part: Option<f64>,
    executions: u64,
    all: &mut Vec<Advice>,
) {
    let Config::ForEach(each) = &graph.nodes[index].config else { return };
    let Some(items) = nodes.get(&each.node).filter(|_| each.mode == Mode::InOrder) else { return };
    let each_time = items.visits / figures.visits.max(1);
    if each_time < 2 || figures.mean_millis() < WORTH {
        return;
    }
    // Ten at once is what the mode does when nothing else is said.
    let at_once = each_time.min(10);
    let shorter = figures.total_millis() - figures.total_millis() / at_once;
    all.push(Advice {
        rule: Rule::ListInOrder,
        node: graph.node(index).id.clone(),
        with: None,
        seen: format!("{each_time} items are done one after the other in {} ms", figures.mean_millis()),
        advice: "Where items do not depend on each other, the mode parallel does ten at once.".to_owned(),
        saves_ms: shorter.checked_div(executions),
        share_of_time: part,
    });
}

/// Two activities, one right after the other, of which neither reads or writes what the other writes.
fn independent(
    graph: &Graph,
    index: NodeIndex,
    figures: &NodeFigures,
    nodes: &BTreeMap<String, NodeFigures>,
    total: u64,
    executions: u64,
    all: &mut Vec<Advice>,
) {
    let works = |index: NodeIndex| {
        let config = &graph.nodes[index].config;
        let computes = matches!(config, Config::Script(_) | Config::Compensate(_));
        graph.nodes[index].role == Role::Activity && graph.nodes[index].run_by.is_none() && !computes
    };
    let [edge] = graph.nodes[index].outgoing.as_slice() else { return };
    let next = graph.edges[*edge].1;
    let alone = graph.nodes[next].incoming.len() == 1;
    if !works(index) || !works(next) || !alone {
        return;
    }
    let (first, second) = (graph.node(index), graph.node(next));
    let Some(other) = nodes.get(&second.id) else { return };
    let written: BTreeSet<&str> = first.output.keys().map(String::as_str).collect();
    if reads(second).iter().any(|name| written.contains(name.as_str()))
        || second.output.keys().any(|name| written.contains(name.as_str()))
        || reads(first).iter().any(|name| second.output.contains_key(name))
    {
        return;
    }
    let shorter = figures.total_millis().min(other.total_millis());
    if shorter.checked_div(executions).unwrap_or(0) < WORTH {
        return;
    }
    all.push(Advice {
        rule: Rule::IndependentSteps,
        node: first.id.clone(),
        with: Some(second.id.clone()),
        seen: format!("they take {} and {} ms at the mean, one after the other", figures.mean_millis(), other.mean_millis()),
        advice: "Neither uses what the other brings: where their order does not matter otherwise, a parallel gateway before and after does both at \
                 once."
            .to_owned(),
        saves_ms: shorter.checked_div(executions),
        share_of_time: share(figures.total_millis() + other.total_millis(), total),
    });
}

/// Every name that an expression of a node says: more than it reads, never less.
fn reads(node: &Node) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut texts = Vec::new();
    for map in [&node.input, &node.config, &node.output] {
        map.values().for_each(|value| texts_in(value, &mut texts));
    }
    texts.extend(node.timeout.as_ref().map(|timeout| timeout.after.as_str()));
    texts.extend(node.idempotency_key.as_deref());
    for text in texts {
        let text = expression_of(text).unwrap_or_else(|| condition_of(text));
        let words = text.split(|one: char| !(one.is_alphanumeric() || one == '_'));
        names.extend(words.filter(|word| !word.is_empty()).map(str::to_owned));
    }
    names
}

fn texts_in<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts_in(item, texts)),
        Value::Object(members) => members.values().for_each(|member| texts_in(member, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
