//! What flows rely on, over any number of steps.

use std::collections::{BTreeMap, BTreeSet};

use super::engine::ways::Ways;
use super::finding::{MOST_FLOWS, these};
use super::model::definition::Dependency;
use super::model::flow::Flow;
use crate::capability::cx::Cx;
use crate::kernel::fault::Fault;

/// Flows that are relied on, by their ids.
pub(super) struct Woven {
    pub(super) flows: BTreeMap<String, Flow>,
}

impl Woven {
    /// Those that these dependencies name, and all that those rely on.
    pub(super) async fn below(cx: &Cx, dependencies: &[Dependency]) -> Result<Self, Fault> {
        let mut flows = BTreeMap::new();
        let mut looked: BTreeSet<String> = BTreeSet::new();
        let mut open: Vec<String> = dependencies.iter().map(|one| one.depends_on_flow_id.clone()).collect();
        loop {
            open.retain(|id| looked.insert(id.clone()));
            if open.is_empty() || looked.len() > MOST_FLOWS as usize {
                return Ok(Self { flows });
            }
            let found = these(cx, &open).await?;
            open = found
                .values()
                .flat_map(|flow| &flow.definition.dependencies)
                .map(|one| one.depends_on_flow_id.clone())
                .collect();
            flows.extend(found);
        }
    }

    /// All dependencies, of a flow with these and of those below it: who, on whom.
    fn edges<'a>(&'a self, flow_id: &'a str, own: &'a [Dependency]) -> Vec<(&'a str, &'a Dependency)> {
        let below = self.flows.iter().filter(|(id, _)| *id != flow_id);
        let below = below.flat_map(|(id, flow)| flow.definition.dependencies.iter().map(|one| (id.as_str(), one)));
        own.iter().map(|one| (flow_id, one)).chain(below).collect()
    }

    fn ways<'a>(&'a self, flow_id: &'a str, own: &'a [Dependency]) -> Ways<'a> {
        let edges = self.edges(flow_id, own);
        let named = edges.iter().map(|(_, one)| one.depends_on_flow_id.as_str());
        let names: Vec<&str> =
            std::iter::once(flow_id).chain(named).chain(self.flows.keys().map(String::as_str)).collect();
        Ways::of(names, edges.into_iter().map(|(from, one)| (from, one.depends_on_flow_id.as_str())))
    }

    /// A circle through a flow with these dependencies: it begins and ends with the flow.
    pub(super) fn cycle(&self, flow_id: &str, own: &[Dependency]) -> Option<Vec<String>> {
        let ways = self.ways(flow_id, own);
        let number = ways.number(flow_id)?;
        ways.way(number, number).map(|way| ways.named(&way))
    }

    /// The order in which all must be done, the flow itself last.
    pub(super) fn order(&self, flow_id: &str, own: &[Dependency]) -> Vec<String> {
        // What comes first is what the edges lead to last.
        let edges = self.edges(flow_id, own);
        let named = edges.iter().map(|(_, one)| one.depends_on_flow_id.as_str());
        let names: Vec<&str> = std::iter::once(flow_id).chain(named).collect();
        let back = Ways::of(names, edges.iter().map(|(from, one)| (one.depends_on_flow_id.as_str(), *from)));
        back.named(&back.ordered())
    }

    /// Each dependency, of the flow and of those below it, with how many steps away it is.
    pub(super) fn told<'a>(&'a self, flow_id: &'a str, own: &'a [Dependency]) -> Vec<(&'a str, &'a Dependency, usize)> {
        let ways = self.ways(flow_id, own);
        let mut told: Vec<(&str, &Dependency, usize)> = self
            .edges(flow_id, own)
            .into_iter()
            .filter_map(|(from, one)| {
                let (top, number) = (ways.number(flow_id)?, ways.number(from)?);
                let steps = if top == number { 1 } else { ways.way(top, number)?.len() };
                Some((from, one, steps))
            })
            .collect();
        told.sort_by(|one, other| {
            (one.2, one.0, &one.1.depends_on_flow_id).cmp(&(other.2, other.0, &other.1.depends_on_flow_id))
        });
        told
    }
}
