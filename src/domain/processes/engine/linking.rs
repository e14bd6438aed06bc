//! What processes have to do with each other, as a graph: which others a definition runs, what a change reaches, by which way, and where the
//! ways come back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::definition::Definition;
use super::nodes::{Named, node_type};
use crate::domain::prompts::engine::file::meant;

/// A node that runs another process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The node.
    pub node: String,
    /// The process.
    pub process: String,
    /// The version that it insists on.
    pub version: Option<String>,
}

/// The nodes of a definition that run other processes, in their order.
#[must_use]
pub fn calls(definition: &Definition) -> Vec<Call> {
    let mut all = Vec::new();
    for node in &definition.nodes {
        let Some(config) = node_type(&node.kind).and_then(|kind| kind.read(&node.config).ok()) else { continue };
        for (_, named) in config.names() {
            if let Named::Process(id, version) = named {
                all.push(Call { node: node.id.clone(), process: meant(&id), version });
            }
        }
    }
    all
}

/// The processes that a definition runs, each once, in the order of their ids.
#[must_use]
pub fn called(definition: &Definition) -> Vec<String> {
    let all: BTreeSet<String> = calls(definition).into_iter().map(|call| call.process).collect();
    all.into_iter().collect()
}

/// Which process hangs on which, and how.
#[derive(Debug)]
pub struct Web<K> {
    ways: BTreeMap<String, Vec<(String, K)>>,
}

/// A process that a way leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached<K> {
    /// It.
    pub process: String,
    /// The way, by the kinds of links and the processes that it leads to; the last one is the process itself.
    pub way: Vec<(K, String)>,
}

impl<K: Copy + Ord> Web<K> {
    /// Of ways from one process to another.
    #[must_use]
    pub fn of(all: impl IntoIterator<Item = (String, String, K)>) -> Self {
        let mut ways: BTreeMap<String, Vec<(String, K)>> = BTreeMap::new();
        for (from, to, kind) in all {
            ways.entry(from).or_default().push((to, kind));
        }
        for ways in ways.values_mut() {
            ways.sort_unstable();
            ways.dedup();
        }
        Self { ways }
    }

    /// All that can be reached from a process, the nearest first, each by a shortest way. The process itself is none of them.
    #[must_use]
    pub fn reached(&self, from: &str) -> Vec<Reached<K>> {
        let mut all: Vec<Reached<K>> = Vec::new();
        let mut seen = BTreeSet::from([from.to_owned()]);
        let mut next = VecDeque::from([(from.to_owned(), Vec::new())]);
        while let Some((process, way)) = next.pop_front() {
            for (to, kind) in self.ways.get(&process).into_iter().flatten() {
                if !seen.insert(to.clone()) {
                    continue;
                }
                let mut way: Vec<(K, String)> = way.clone();
                way.push((*kind, to.clone()));
                all.push(Reached { process: to.clone(), way: way.clone() });
                next.push_back((to.clone(), way));
            }
        }
        all
    }

    /// The ways that come back to a process: a shortest one through each of those that hang on it directly. Each begins and ends with it.
    #[must_use]
    pub fn cycles(&self, through: &str) -> Vec<Vec<String>> {
        let mut all: Vec<Vec<String>> = Vec::new();
        let mut begun = BTreeSet::new();
        for (first, _) in self.ways.get(through).into_iter().flatten() {
            if !begun.insert(first.as_str()) {
                continue;
            }
            let mut cycle = vec![through.to_owned(), first.clone()];
            if first != through {
                let Some(back) = self.reached(first).into_iter().find(|one| one.process == through) else { continue };
                cycle.extend(back.way.into_iter().map(|(_, process)| process));
            }
            all.push(cycle);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web(ways: &[(&str, &str, u8)]) -> Web<u8> {
        Web::of(ways.iter().map(|(from, to, kind)| ((*from).to_owned(), (*to).to_owned(), *kind)))
    }

    #[test]
    fn what_is_reached_is_told_with_a_shortest_way_once() {
        let web = web(&[("a", "b", 1), ("b", "c", 2), ("a", "d", 1), ("d", "c", 1), ("c", "a", 1), ("x", "a", 1)]);
        let found = web.reached("a");
        let plain: Vec<_> = found.iter().map(|one| one.process.as_str()).collect();
        assert_eq!(plain, ["b", "d", "c"]);
        assert_eq!(found[2].way, [(1, "b".to_owned()), (2, "c".to_owned())]);
        assert_eq!(web.reached("nowhere"), []);
    }

    #[test]
    fn ways_that_come_back_are_told_whole() {
        let web = web(&[
            ("a", "b", 1),
            ("b", "a", 1),
            ("b", "c", 1),
            ("c", "a", 1),
            ("a", "c", 1),
            ("a", "a", 1),
            ("a", "e", 1),
        ]);
        let cycles = web.cycles("a");
        assert_eq!(cycles, [vec!["a", "a"], vec!["a", "b", "a"], vec!["a", "c", "a"]]);
        assert!(web.cycles("e").is_empty());
    }

    #[test]
    fn nodes_that_run_processes_are_found_by_id() {
        let definition = serde_json::from_value(serde_json::json!({ "nodes": [
            { "id": "begin", "type": "start" },
            { "id": "pay", "type": "sub_process", "config": { "processId": "Pay Out", "version": "1.0.0" } },
            { "id": "tell", "type": "sub_process", "config": { "processId": "pay-out" } },
            { "id": "broken", "type": "sub_process", "config": {} },
        ] }))
        .unwrap();
        let found = calls(&definition);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].process.as_str(), found[0].version.as_deref()), ("pay-out", Some("1.0.0")));
        assert_eq!(called(&definition), ["pay-out"]);
    }
}
