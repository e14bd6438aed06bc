//! Going over to another version: a state of one graph becomes a state of another, as far as a plan and the ids say what becomes of what.
//! What was begun stays begun: whoever does it answers a token, and the token is there as before.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::activities::moment_of;
use super::happening::{Entry, Timer, What, Wish};
use super::play::Play;
use super::state::{Anew, Ending, Failure, ItemState, Stage, Token, TokenId, Undoable};
use super::values::More;
use crate::domain::processes::engine::graph::{EdgeIndex, Graph, NodeIndex};
use crate::domain::processes::engine::nodes::{Config, Role};
use crate::domain::processes::engine::soundness::Standing;
use crate::domain::processes::engine::validation::{Finding, Findings, Place};

/// What becomes of what, where ids do not say it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Nodes of the version before, and the nodes that take their place.
    pub nodes: BTreeMap<String, String>,
    /// Edges of the version before, and the edges that take their place.
    pub edges: BTreeMap<String, String>,
    /// Variables that get a value.
    pub variables: Map<String, Value>,
    /// Variables that are given up.
    pub forget: BTreeSet<String>,
}

/// A state on its way.
struct Move<'m, 'p> {
    play: &'m mut Play<'p>,
    from: &'m Graph,
    plan: &'m Plan,
    findings: Findings,
    /// What was told of which place already: many tokens may stand at one.
    told: BTreeSet<(&'static str, String)>,
}

impl Play<'_> {
    /// Takes the state, which is of another graph, over into this one. Where errors are among the findings what was made of the state is of no
    /// use. Answers where its tokens then stood, for `judged_from`.
    pub fn migrate(&mut self, from: &Graph, plan: &Plan) -> (Vec<Finding>, Vec<Standing>) {
        let over = self.state.ending.is_some();
        let mut moving = Move { play: self, from, plan, findings: Findings::default(), told: BTreeSet::new() };
        moving.names();
        moving.variables();
        moving.tokens();
        moving.records();
        let findings = moving.findings;
        let standing = self.standing();
        if over {
            // What is waited for is wished for when it is recovered.
            self.wishes.clear();
        } else if !findings.has_errors() && !self.state.tokens.is_empty() {
            self.go_on_joined();
        }
        (findings.told(), standing)
    }

    /// Joins that have other ways now may have all that they wait for.
    fn go_on_joined(&mut self) {
        let waits = |token: &&Token| matches!(token.stage, Stage::Before { .. });
        let places: BTreeSet<NodeIndex> =
            self.state.tokens.iter().filter(waits).filter_map(|token| self.graph.find(&token.node)).collect();
        for node in places {
            if self.graph.nodes[node].role == Role::Parallel {
                self.join_anew(node);
            }
        }
        self.settle();
    }

    /// Where its tokens stand.
    fn standing(&self) -> Vec<Standing> {
        let mut all = Vec::new();
        for token in self.state.tokens.iter().filter(|token| !token.aside) {
            let Some(node) = self.graph.find(&token.node) else { continue };
            let on = |id: &str| self.incoming(node, id).map(Standing::On);
            match &token.stage {
                // All is over with it.
                Stage::Undoing { ends: true, .. } => {}
                Stage::Before { edge } | Stage::Failed { anew: Anew::Edge { edge }, .. } => all.extend(on(edge)),
                // Taking all back failed there.
                Stage::Failed { .. } if self.graph.nodes[node].role == Role::Start => {}
                _ => all.push(Standing::At(node)),
            }
        }
        all.sort_unstable();
        all
    }

    fn incoming(&self, node: NodeIndex, id: &str) -> Option<EdgeIndex> {
        self.graph.nodes[node].incoming.iter().copied().find(|edge| self.graph.edge(*edge).id == id)
    }
}

impl Move<'_, '_> {
    /// Whether something was not told yet.
    fn is_new(&mut self, rule: &'static str, at: &str) -> bool {
        self.told.insert((rule, at.to_owned()))
    }

    fn error(&mut self, rule: &'static str, node: NodeIndex, say: String, mend: impl Into<String>) {
        let from = self.from;
        if self.is_new(rule, &from.node(node).id) {
            self.findings.error(rule, Place::of(from, node, ""), say, mend);
        }
    }

    fn failed(&mut self, node: NodeIndex, failure: Failure) {
        let mend = "Mend the expression, or the variables by 'variables'.";
        self.error("expression_failed", node, failure.message, mend);
    }

    fn warning(&mut self, rule: &'static str, node: NodeIndex, say: String, mend: impl Into<String>) {
        let from = self.from;
        if self.is_new(rule, &from.node(node).id) {
            self.findings.warning(rule, Place::of(from, node, ""), say, mend);
        }
    }

    // --- the plan --------------------------------------------------------------------------------------------------

    /// What the plan names must be there.
    fn names(&mut self) {
        let has = |graph: &Graph, id: &str| graph.definition.edges.iter().any(|edge| edge.id == *id);
        for (before, after) in &self.plan.nodes {
            if self.from.find(before).is_none() || self.play.graph.find(after).is_none() {
                let say = format!("the plan lets '{after}' take the place of '{before}', and one of them is not there");
                let mend = "Name a node of the version that is left, and one of the version that is gone over to.";
                self.findings.error("plan_unknown", Place::at(format!("/nodes/{before}")), say, mend);
            }
        }
        for (before, after) in &self.plan.edges {
            if !has(self.from, before) || !has(self.play.graph, after) {
                let say = format!("the plan lets '{after}' take the place of '{before}', and one of them is not there");
                let mend = "Name an edge of the version that is left, and one of the version that is gone over to.";
                self.findings.error("plan_unknown", Place::at(format!("/edges/{before}")), say, mend);
            }
        }
    }

    // --- variables -------------------------------------------------------------------------------------------------

    fn variables(&mut self) {
        let definition = self.play.graph.definition.clone();
        let mut values = std::mem::take(&mut self.play.state.variables);
        values.retain(|name, _| !self.plan.forget.contains(name));
        let mut set = self.plan.variables.clone();
        for (name, variable) in &definition.variables {
            if values.contains_key(name) || set.contains_key(name) {
                continue;
            }
            if let Some(default) = &variable.default {
                set.insert(name.clone(), default.clone());
            } else if variable.required {
                let say = format!("the new version demands '{name}', which the execution does not have");
                let mend = format!("Give it a value in 'variables': {{ \"{name}\": … }}.");
                self.findings.error("variable_missing", Place::at(format!("/variables/{name}")), say, mend);
            }
        }
        values.extend(set.clone());
        for (name, value) in &values {
            let Err(failure) = self.play.fits(name, value) else { continue };
            let place = Place::at(format!("/variables/{name}"));
            if definition.variables.contains_key(name) {
                let mend = "Give it a value that fits in 'variables'.";
                self.findings.error("variable_unfit", place, failure.message, mend);
            } else {
                let say = format!("the new version has no variable '{name}', which the execution knows");
                let mend = "Declare it in the new version, or give it up: name it in 'forget'.";
                self.findings.error("variable_unknown", place, say, mend);
            }
        }
        self.play.state.variables = values;
        if !set.is_empty() {
            self.play.journal.push(Entry { node: None, token: None, what: What::Set { values: set } });
        }
    }

    // --- places ----------------------------------------------------------------------------------------------------

    /// The node that takes the place of another, whatever it is.
    fn meant(&self, node: NodeIndex) -> Option<NodeIndex> {
        let (to, id) = (self.play.graph, &self.from.node(node).id);
        match self.plan.nodes.get(id) {
            Some(named) => to.find(named),
            // There is but one start.
            None if self.from.nodes[node].role == Role::Start => Some(to.start),
            None => to.find(id),
        }
    }

    /// The same, where it can take in what stands there.
    fn place(&mut self, node: NodeIndex) -> Option<NodeIndex> {
        let written = self.from.node(node);
        let (id, kind) = (written.id.clone(), written.kind.clone());
        let Some(place) = self.meant(node) else {
            let say = format!("the execution stands at '{id}', which the new version does not have");
            let mend = format!(
                "Say in 'nodes' which node of the type '{kind}' takes its place, or wait until the execution has left it."
            );
            self.error("node_missing", node, say, mend);
            return None;
        };
        let to = self.play.graph;
        let other = to.node(place);
        if other.kind != kind {
            let say = format!(
                "the execution stands at '{id}' of the type '{kind}', and '{}' is of the type '{}'",
                other.id, other.kind
            );
            let mend = format!("Say in 'nodes' which node of the type '{kind}' takes its place.");
            self.error("node_type_differs", node, say, mend);
            return None;
        }
        if self.from.in_flow(node) != to.in_flow(place) {
            let say =
                format!("'{}' is run by another node in the one version and come to by a token in the other", other.id);
            self.error("node_role_differs", node, say, "Say in 'nodes' which node takes its place in the same part.");
            return None;
        }
        Some(place)
    }

    /// The edge to a node by which a token waits there.
    fn edge(&mut self, node: NodeIndex, place: NodeIndex, id: &str) -> Option<String> {
        let to = self.play.graph;
        let found = match self.plan.edges.get(id) {
            Some(named) => self.play.incoming(place, named),
            None => self.play.incoming(place, id).or_else(|| {
                // The same ends make the same way.
                let before = self.from.nodes[node].incoming.iter().find(|edge| self.from.edge(**edge).id == id)?;
                let giver = self.meant(self.from.edges[*before].0)?;
                let mut ways = to.nodes[place].incoming.iter().copied().filter(|edge| to.edges[*edge].0 == giver);
                ways.next().filter(|_| ways.next().is_none())
            }),
        };
        if found.is_none() {
            let say = format!(
                "a token waits at '{}' by the edge '{id}', and no edge to '{}' takes its place",
                self.from.node(node).id,
                to.node(place).id
            );
            let mend = "Say in 'edges' which edge to that node takes its place.";
            if self.is_new("edge_missing", id) {
                self.findings.error("edge_missing", Place::of(self.from, node, ""), say, mend);
            }
        }
        found.map(|edge| to.edge(edge).id.clone())
    }

    // --- tokens ----------------------------------------------------------------------------------------------------

    fn tokens(&mut self) {
        for number in 0..self.play.state.tokens.len() {
            let token = self.play.state.tokens[number].clone();
            let Some(node) = self.from.find(&token.node) else { continue };
            let Some(place) = self.place(node) else { continue };
            let Some(stage) = self.stage(node, place, &token) else { continue };
            let undoing = match &token.stage {
                Stage::Undoing { left, .. } => {
                    self.from.find_undoing(left.last().map_or("", |last| last.node.as_str()))
                }
                _ => None,
            };
            let id = self.play.graph.node(place).id.clone();
            self.play.state.tokens[number] = Token { node: id, stage, ..token };
            self.arm(node, place, token.id, undoing);
        }
    }

    fn stage(&mut self, node: NodeIndex, place: NodeIndex, token: &Token) -> Option<Stage> {
        Some(match token.stage.clone() {
            Stage::Before { edge } => Stage::Before { edge: self.edge(node, place, &edge)? },
            Stage::Working { attempt, beside } => {
                self.under_way(node, place);
                Stage::Working { attempt, beside: self.beside(node, place, token, beside) }
            }
            Stage::Retrying { attempt, at, beside } => {
                Stage::Retrying { attempt, at, beside: self.beside(node, place, token, beside) }
            }
            Stage::Until { at } => Stage::Until { at },
            Stage::Listening { key } => {
                self.listen(node, place, token.id, key.as_ref());
                Stage::Listening { key }
            }
            Stage::Each { items, states, beside } => {
                let (body, other) = (self.from.find_body(node)?, self.play.graph.find_body(place)?);
                self.does(body, other, states.iter().any(|one| matches!(one, ItemState::Working { .. })))?;
                Stage::Each { items, states, beside: self.beside(node, place, token, beside) }
            }
            Stage::Undoing { left, attempt, ends, again_at } => {
                if let Some(last) = left.last()
                    && let Some(by) = self.from.find_undoing(&last.node)
                    && let Some(of) = self.from.find(&last.node).and_then(|of| self.meant(of))
                    && let Some(other) = self.play.graph.nodes[of].undone_by
                {
                    self.does(by, other, again_at.is_none())?;
                }
                Stage::Undoing { left: self.undoable(left), attempt, ends, again_at }
            }
            Stage::Failed { failure, anew: Anew::Edge { edge } } => {
                Stage::Failed { failure, anew: Anew::Edge { edge: self.edge(node, place, &edge)? } }
            }
            failed @ Stage::Failed { .. } => failed,
        })
    }

    /// What another node runs must be of the same type.
    fn does(&mut self, body: NodeIndex, other: NodeIndex, under_way: bool) -> Option<()> {
        let (before, after) = (self.from.node(body), self.play.graph.node(other));
        if before.kind != after.kind {
            let say = format!(
                "'{}' of the type '{}' is done there, and in the new version '{}' of the type '{}'",
                before.id, before.kind, after.id, after.kind
            );
            self.error(
                "node_type_differs",
                body,
                say,
                "Let a node of the same type be done there, or wait until it is done.",
            );
            return None;
        }
        if under_way {
            self.under_way(body, other);
        }
        Some(())
    }

    /// What is under way was begun as the version before says, and ends so.
    fn under_way(&mut self, node: NodeIndex, place: NodeIndex) {
        let (from, to) = (self.from, self.play.graph);
        if let (Config::Integration(before), Config::Integration(after)) =
            (&from.nodes[node].config, &to.nodes[place].config)
            && (before.method, &before.credential, before.origin()) != (after.method, &after.credential, after.origin())
        {
            let say = format!(
                "the call of '{}' is under way, and the new version calls another server, by another method or with another credential",
                from.node(node).id
            );
            return self.error(
                "call_under_way",
                node,
                say,
                "Pause the execution, wait until the call is over, and migrate it then.",
            );
        }
        let (before, after) = (from.node(node), to.node(place));
        if before.config != after.config || before.input != after.input {
            let say = format!("what '{}' does is under way as the version before says, and ends so", before.id);
            self.warning(
                "begun_as_before",
                node,
                say,
                "Nothing is to be done where that is right; a retry begins as the new version says.",
            );
        }
    }

    /// What is listened for from now on.
    fn listen(&mut self, node: NodeIndex, place: NodeIndex, token: TokenId, key: Option<&String>) {
        let (Config::Wait(before), Config::Wait(after)) =
            (&self.from.nodes[node].config, &self.play.graph.nodes[place].config)
        else {
            return;
        };
        let is_other = (&before.event, &before.message) != (&after.event, &after.message);
        let key_differs = before.correlation_key != after.correlation_key;
        if is_other {
            let wish = Wish::Listen {
                token,
                node: self.play.graph.node(place).id.clone(),
                event: after.event.clone(),
                message: after.message.clone(),
                key: key.cloned(),
            };
            self.play.wishes.push(wish);
            let say = format!(
                "'{}' waits for '{}' from now on",
                self.from.node(node).id,
                after.message.as_ref().or(after.event.as_ref()).map_or("", String::as_str)
            );
            self.warning("waits_for_other", node, say, "Let those who send it know.");
        }
        if key_differs {
            let say = format!("'{}' keeps the correlation key that it began to wait with", self.from.node(node).id);
            self.warning("key_kept", node, say, "Nothing is to be done where that is right.");
        }
    }

    // --- time ------------------------------------------------------------------------------------------------------

    /// Boundaries of an activity that is under way: those that are waited for, by their new ids, and new ones from now on.
    fn beside(
        &mut self,
        node: NodeIndex,
        place: NodeIndex,
        token: &Token,
        told: Map<String, Value>,
    ) -> Map<String, Value> {
        let to = self.play.graph;
        let mut beside = Map::new();
        for (id, told) in told {
            let stays = self
                .from
                .find(&id)
                .and_then(|one| self.meant(one))
                .filter(|one| to.nodes[place].boundaries.contains(one));
            let stays = stays.filter(|one| matches!(to.nodes[*one].config, Config::BoundaryTimeout(_)));
            let Some(stays) = stays else {
                let say = format!("'{id}' does not stand on the activity any more: its time is not waited for");
                self.warning(
                    "boundary_gone",
                    self.from.find(&id).unwrap_or(node),
                    say,
                    "Say in 'nodes' which boundary takes its place, where one does.",
                );
                continue;
            };
            let new = to.node(stays).id.clone();
            // The waking that lies there is for the old id, and nobody takes it.
            if let Some(at) = moment_of(&told).filter(|_| new != id) {
                let timer = Timer::Boundary { node: new.clone() };
                self.play.wishes.push(Wish::Wake { token: token.id, timer, at });
            }
            beside.insert(new, told);
        }
        if token.aside {
            return beside;
        }
        for boundary in to.nodes[place].boundaries.clone() {
            let (Config::BoundaryTimeout(one), id) = (&to.nodes[boundary].config, &to.node(boundary).id) else {
                continue;
            };
            if beside.contains_key(id) {
                continue;
            }
            match self.play.after(&one.after, &[]) {
                Ok(at) => {
                    beside.insert(id.clone(), json!({ "times": 0, "at": at }));
                    self.play.wishes.push(Wish::Wake {
                        token: token.id,
                        timer: Timer::Boundary { node: id.clone() },
                        at,
                    });
                    let say = format!("the time of '{id}' counts from now on");
                    self.warning("boundary_new", node, say, "Nothing is to be done where that is right.");
                }
                Err(failure) => self.failed(node, failure),
            }
        }
        beside
    }

    /// Time limits that the version before did not have count from now on; those that it had keep their moment.
    fn arm(&mut self, node: NodeIndex, place: NodeIndex, id: TokenId, undoing: Option<NodeIndex>) {
        let Some(stage) = self.play.state.token(id).map(|token| token.stage.clone()) else { return };
        match &stage {
            Stage::Working { attempt, .. } => self.limit(node, place, (id, None, *attempt), &[]),
            Stage::Listening { .. } => {
                let turn = self.play.state.counted_from(id, None);
                self.limit(node, place, (id, None, turn), &[]);
            }
            Stage::Each { items, states, .. } => {
                let turn = self.play.state.counted_from(id, None);
                self.limit(node, place, (id, None, turn), &[]);
                let (Some(body), Some(other)) = (self.from.find_body(node), self.play.graph.find_body(place)) else {
                    return;
                };
                let Config::ForEach(each) = &self.play.graph.nodes[place].config else { return };
                for (item, (value, state)) in items.iter().zip(states).enumerate() {
                    if let ItemState::Working { attempt } = state {
                        let index = json!(item);
                        let more = [(each.item.as_str(), value), ("index", &index)];
                        self.limit(body, other, (id, Some(item), *attempt), &more);
                    }
                }
            }
            Stage::Undoing { left, attempt, again_at: None, .. } => {
                let to = self.play.graph;
                let by = left.last().and_then(|last| to.find_undoing(&last.node));
                if let (Some(before), Some(by)) = (undoing, by) {
                    self.limit(before, by, (id, Some(left.len()), *attempt), &[]);
                }
            }
            _ => {}
        }
    }

    fn limit(
        &mut self,
        node: NodeIndex,
        place: NodeIndex,
        (token, item, attempt): (TokenId, Option<usize>, u32),
        more: More<'_>,
    ) {
        if self.from.node(node).timeout.is_some() || self.play.graph.node(place).timeout.is_none() {
            return;
        }
        match self.play.arm_timeout(place, token, item, attempt, more) {
            Ok(()) => {
                let say = format!("the time limit of '{}' counts from now on", self.play.graph.node(place).id);
                self.warning("limit_new", node, say, "Nothing is to be done where that is right.");
            }
            Err(failure) => self.failed(node, failure),
        }
    }

    // --- what is recorded ------------------------------------------------------------------------------------------

    fn records(&mut self) {
        let undoable = std::mem::take(&mut self.play.state.undoable);
        self.play.state.undoable = self.undoable(undoable);
        let passed = std::mem::take(&mut self.play.state.passed);
        let to = self.play.graph;
        let meant = |id: &String| Some(to.node(self.meant(self.from.find(id)?)?).id.clone());
        self.play.state.passed = passed.iter().filter_map(meant).collect();
        if let Some(Ending::Failed { node, .. }) = &self.play.state.ending {
            let node = node.clone();
            let new = self.from.find(&node).and_then(|node| self.meant(node)).map(|node| to.node(node).id.clone());
            if let (Some(Ending::Failed { node, .. }), Some(new)) = (&mut self.play.state.ending, new) {
                *node = new;
            }
        }
    }

    /// What was done and can be undone must still be able to be.
    fn undoable(&mut self, all: Vec<Undoable>) -> Vec<Undoable> {
        let to = self.play.graph;
        let mut kept = Vec::with_capacity(all.len());
        for one in all {
            let Some(node) = self.from.find(&one.node) else { continue };
            if let Some(place) = self.meant(node).filter(|place| to.nodes[*place].undone_by.is_some()) {
                kept.push(Undoable { node: to.node(place).id.clone(), token: one.token });
                continue;
            }
            let say = format!("'{}' was done and can be undone, and in the new version nothing undoes it", one.node);
            let mend =
                "Give it a compensation in the new version, or say in 'nodes' which node that has one takes its place.";
            self.error("undoing_missing", node, say, mend);
        }
        kept
    }
}
