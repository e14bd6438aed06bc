//! The play itself: tokens go on until all of them wait for something.

use std::cell::Cell;
use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::happening::{Entry, Happening, Timer, What, Wish};
use super::state::{Anew, Ending, Failure, Stage, State, Token, TokenId};
use crate::domain::processes::engine::graph::{EdgeIndex, Graph, NodeIndex};
use crate::domain::processes::engine::nodes::ends::EndKind;
use crate::domain::processes::engine::nodes::{Config, Role};
use crate::kernel::time::Timestamp;
use crate::port::expressions::Expressions;

/// The most moves between two waits: a circle in which nothing waits would go on for ever.
pub const MOST_MOVES: usize = 20_000;
/// The most tokens of an execution.
pub const MOST_TOKENS: usize = 5_000;

/// What expressions may know of the execution itself.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Its id.
    pub id: String,
    /// The process.
    pub process: String,
    /// Its version.
    pub version: String,
    /// When it began.
    pub started_at: Timestamp,
    /// Who started it.
    pub started_by: String,
}

/// A play of a graph: one happening, and all that comes of it.
pub struct Play<'a> {
    pub(super) graph: &'a Graph,
    pub(super) language: &'a dyn Expressions,
    pub(super) facts: &'a Facts,
    pub(super) now: Timestamp,
    /// The state, which is the new one when the play is over.
    pub state: State,
    /// What is wished for.
    pub wishes: Vec<Wish>,
    /// What was done.
    pub journal: Vec<Entry>,
    /// Edges on which a token has just been put.
    moving: VecDeque<EdgeIndex>,
    moves: usize,
    /// Tokens in whose list the play is: what ends at once within it is gone on with there, not deeper in the stack.
    pub(super) within: Vec<TokenId>,
    /// The time that its expressions took.
    pub spent: Cell<Duration>,
}

impl Facts {
    pub(super) fn told(&self) -> Value {
        json!({
            "id": self.id,
            "processId": self.process,
            "version": self.version,
            "startedAt": self.started_at,
            "startedBy": self.started_by,
        })
    }
}

impl<'a> Play<'a> {
    /// A play that goes on from a state.
    pub fn new(
        graph: &'a Graph,
        language: &'a dyn Expressions,
        facts: &'a Facts,
        now: Timestamp,
        state: State,
    ) -> Self {
        Self {
            graph,
            language,
            facts,
            now,
            state,
            wishes: Vec::new(),
            journal: Vec::new(),
            moving: VecDeque::new(),
            moves: 0,
            within: Vec::new(),
            spent: Cell::new(Duration::ZERO),
        }
    }

    /// Begins, with what is given.
    ///
    /// # Errors
    /// What is given and does not fit, or is missing.
    pub fn start(&mut self, given: Map<String, Value>) -> Result<(), Failure> {
        let definition = self.graph.definition.clone();
        for (name, value) in &given {
            self.fits(name, value)?;
        }
        self.state.variables = given;
        for (name, variable) in &definition.variables {
            if self.state.variables.contains_key(name) {
                continue;
            }
            if variable.required {
                return Err(Failure::new("variable_missing", format!("'{name}' must be given")));
            }
            if let Some(default) = &variable.default {
                self.state.variables.insert(name.clone(), default.clone());
            }
        }
        let start = self.graph.start;
        self.enter(start, None);
        self.settle();
        Ok(())
    }

    /// Takes a happening in. False where it concerns nothing that still waits for it.
    pub fn take(&mut self, happening: Happening) -> bool {
        if self.state.ending.is_some() {
            return false;
        }
        let taken = match happening {
            Happening::Done { token, item, attempt, result } => {
                self.is_of(token, item, attempt) && self.done(token, item, result)
            }
            Happening::Failed { token, item, attempt, code, message, passing } => {
                self.is_of(token, item, attempt) && self.failed(token, item, Failure { code, message }, passing)
            }
            Happening::Woke { token, timer } => self.woke(token, &timer),
            Happening::Came { token, payload } => self.came(token, &payload),
        };
        self.settle();
        taken
    }

    /// Whether what happened is of the attempt that is under way, where it says of which it is.
    fn is_of(&self, token: TokenId, item: Option<usize>, attempt: Option<u32>) -> bool {
        attempt.is_none_or(|attempt| self.state.is_under_way(token, item, attempt))
    }

    // --- moving ----------------------------------------------------------------------------------------------------

    /// Lets tokens go on until all wait, and says so when none is left.
    pub(super) fn settle(&mut self) {
        while self.state.ending.is_none() {
            if let Some(edge) = self.moving.pop_front() {
                self.move_on(edge);
            } else if !self.join_waiting() {
                break;
            }
        }
        self.stop_on_edges();
        if self.state.ending.is_none() && self.state.tokens.is_empty() {
            let result = self.state.result.take().unwrap_or_else(|| self.state.variables.clone());
            self.end(Ending::Completed { result });
        }
    }

    fn move_on(&mut self, edge: EdgeIndex) {
        let to = self.graph.edges[edge].1;
        self.moves += 1;
        if self.moves > MOST_MOVES || self.state.tokens.len() > MOST_TOKENS {
            let why = format!("after {MOST_MOVES} moves nothing waits: a circle goes round without end");
            // A join must know by which edge it comes when this is done again.
            let anew = Anew::Edge { edge: self.graph.edge(edge).id.clone() };
            return self.fail_anew(to, None, Failure::new("endless_circle", why), anew);
        }
        self.enter(to, Some(edge));
    }

    /// Tokens that were on their way when the execution failed stay there, so that they can go on when it is recovered.
    fn stop_on_edges(&mut self) {
        let moving = std::mem::take(&mut self.moving);
        if !matches!(self.state.ending, Some(Ending::Failed { .. })) {
            return;
        }
        for edge in moving {
            let (to, edge) = (self.graph.edges[edge].1, self.graph.edge(edge).id.clone());
            self.put(to, Stage::Before { edge });
        }
    }

    /// Puts a token on an edge.
    pub(super) fn go(&mut self, edge: EdgeIndex) {
        let from = &self.graph.node(self.graph.edges[edge].0).id;
        if !self.state.passed.contains(from) {
            self.state.passed.insert(from.clone());
        }
        self.moving.push_back(edge);
    }

    /// A new token at a node.
    pub(super) fn put(&mut self, node: NodeIndex, stage: Stage) -> TokenId {
        let id = self.state.next;
        self.state.next += 1;
        self.state.tokens.push(Token { id, node: self.graph.node(node).id.clone(), stage, aside: false });
        id
    }

    pub(super) fn note(&mut self, node: NodeIndex, token: Option<TokenId>, what: What) {
        let node = Some(self.graph.node(node).id.clone());
        self.journal.push(Entry { node, token, what });
    }

    /// Gives variables their values.
    pub(super) fn set(&mut self, node: &str, token: TokenId, values: Map<String, Value>) {
        self.state.variables.extend(values.clone());
        self.journal.push(Entry { node: Some(node.to_owned()), token: Some(token), what: What::Set { values } });
    }

    pub(super) fn enter(&mut self, node: NodeIndex, by: Option<EdgeIndex>) {
        let role = self.graph.nodes[node].role;
        match role {
            Role::Start => {
                let token = self.state.next;
                self.state.next += 1;
                self.note(node, Some(token), What::Entered);
                self.leave(node);
            }
            Role::End => self.at_end(node),
            Role::Exclusive => self.choose(node),
            Role::Parallel | Role::Inclusive => self.at_gateway(node, by),
            Role::Activity => self.begin(node),
            Role::Event => self.wait(node),
            // No edge leads to them. Where the next moment of a boundary could not be reckoned, its activity asks for that moment anew.
            Role::Boundary | Role::Compensation => {}
        }
    }

    /// Goes on by the only edge that leaves the node.
    pub(super) fn leave(&mut self, node: NodeIndex) {
        if let Some(edge) = self.graph.nodes[node].outgoing.first() {
            self.go(*edge);
        }
    }

    fn at_end(&mut self, node: NodeIndex) {
        let Config::End(end) = &self.graph.nodes[node].config else { return };
        let (kind, code, message, says) = (end.kind, end.code.clone(), end.message.clone(), end.result.clone());
        let token = self.state.next;
        self.state.next += 1;
        self.note(node, Some(token), What::Entered);
        self.state.passed.insert(self.graph.node(node).id.clone());
        match kind {
            EndKind::Error => {
                let message = match message.map(|text| self.worked(&json!(text), &[])) {
                    None => String::new(),
                    Some(Ok(Value::String(text))) => text,
                    Some(Ok(other)) => other.to_string(),
                    Some(Err(failure)) => failure.message,
                };
                self.fail(node, None, Failure { code: code.unwrap_or_default(), message });
            }
            EndKind::Normal | EndKind::Terminate => {
                if !says.is_empty() {
                    match self.worked_out(&says, &[]) {
                        Ok(said) => self.state.result.get_or_insert_default().extend(said),
                        Err(failure) => return self.fail(node, None, failure),
                    }
                }
                if kind == EndKind::Terminate {
                    self.drop_all();
                    self.state.take_all();
                    self.moving.clear();
                }
            }
        }
    }

    // --- ending ----------------------------------------------------------------------------------------------------

    /// The execution fails. Its tokens stay, so that it can be recovered: the one that failed, and those that were under way.
    pub(super) fn fail(&mut self, node: NodeIndex, token: Option<TokenId>, failure: Failure) {
        self.fail_anew(node, token, failure, Anew::Node);
    }

    /// The same, where it says how to go on when that is done again.
    pub(super) fn fail_anew(&mut self, node: NodeIndex, token: Option<TokenId>, failure: Failure, anew: Anew) {
        if self.state.ending.is_some() {
            return;
        }
        let told =
            What::Failed { code: failure.code.clone(), message: failure.message.clone(), item: None, again_at: None };
        self.note(node, token, told);
        self.drop_all();
        let stage = Stage::Failed { failure: failure.clone(), anew };
        match token.and_then(|token| self.state.token_mut(token)) {
            Some(token) => token.stage = stage,
            None => {
                self.put(node, stage);
            }
        }
        let node = self.graph.node(node).id.clone();
        self.end(Ending::Failed { failure, node });
    }

    pub(super) fn end(&mut self, ending: Ending) {
        let status = match &ending {
            Ending::Completed { .. } => "completed",
            Ending::Compensated => "compensated",
            Ending::Failed { .. } => "failed",
        };
        self.journal.push(Entry { node: None, token: None, what: What::Ended { status: status.to_owned() } });
        self.state.ending = Some(ending);
    }

    /// Nothing that was begun is wanted any more.
    pub(super) fn drop_all(&mut self) {
        let begun: Vec<TokenId> = self
            .state
            .tokens
            .iter()
            .filter(|token| !matches!(token.stage, Stage::Before { .. } | Stage::Failed { .. }))
            .map(|token| token.id)
            .collect();
        self.let_go(&begun);
    }

    /// What was begun for tokens, which are in the order of their ids, is no longer wanted. It is said once for each in a play, and what this
    /// play itself has wished for them is not said at all: whoever follows the wishes would withdraw the same thing twice.
    pub(super) fn let_go(&mut self, tokens: &[TokenId]) {
        self.wishes.retain(|wish| tokens.binary_search(&wish.token()).is_err());
        self.wishes.extend(tokens.iter().map(|token| Wish::Drop { token: *token }));
    }

    // --- waiting ---------------------------------------------------------------------------------------------------

    fn wait(&mut self, node: NodeIndex) {
        match self.graph.nodes[node].config.clone() {
            Config::Timer(timer) => {
                let at = match (&timer.after, &timer.until) {
                    (Some(after), _) => self.after(after, &[]),
                    (None, Some(until)) => self.moment(until),
                    (None, None) => Ok(self.now),
                };
                match at {
                    Ok(at) => {
                        let token = self.put(node, Stage::Until { at });
                        self.note(node, Some(token), What::Entered);
                        self.note(node, Some(token), What::Waits { until: Some(at) });
                        self.wishes.push(Wish::Wake { token, timer: Timer::Node, at });
                    }
                    Err(failure) => self.fail(node, None, failure),
                }
            }
            Config::Wait(wait) => {
                let key = match wait
                    .correlation_key
                    .as_deref()
                    .map(|text| self.value(crate::domain::processes::engine::definition::condition_of(text), &[]))
                {
                    None => None,
                    Some(Ok(Value::String(key))) => Some(key),
                    Some(Ok(other)) => Some(other.to_string()),
                    Some(Err(failure)) => return self.fail(node, None, failure),
                };
                let token = self.put(node, Stage::Listening { key: key.clone() });
                self.note(node, Some(token), What::Entered);
                self.note(node, Some(token), What::Waits { until: None });
                let id = self.graph.node(node).id.clone();
                self.wishes.push(Wish::Listen { token, node: id, event: wait.event, message: wait.message, key });
                if let Err(failure) = self.arm_timeout(node, token, None, 1, &[]) {
                    self.fail(node, Some(token), failure);
                }
            }
            _ => {}
        }
    }

    fn came(&mut self, token: TokenId, payload: &Value) -> bool {
        let Some((node, Stage::Listening { .. })) = self.at(token) else { return false };
        let Config::Wait(wait) = &self.graph.nodes[node].config else { return false };
        if let Some(condition) = wait.condition.clone() {
            match self.holds(&condition, &[("result", payload)]) {
                Ok(true) => {}
                Ok(false) => return false,
                Err(failure) => {
                    self.fail(node, Some(token), failure);
                    return true;
                }
            }
        }
        self.note(node, Some(token), What::Came);
        // Nothing more is listened for.
        self.let_go(&[token]);
        self.finish(node, token, payload);
        true
    }

    fn woke(&mut self, token: TokenId, timer: &Timer) -> bool {
        let Some((node, stage)) = self.at(token) else { return false };
        match (timer, stage) {
            (Timer::Node, Stage::Until { .. }) => {
                self.note(node, Some(token), What::Came);
                self.finish(node, token, &Value::Null);
                true
            }
            (Timer::Retry { item }, stage) => self.again(node, token, *item, &stage),
            (Timer::Timeout { item, attempt }, stage) => self.over_time(node, token, *item, *attempt, &stage),
            (Timer::Boundary { node: boundary }, stage) => self.boundary(node, token, boundary, stage),
            (Timer::Node, _) => false,
        }
    }

    /// Where a token is, and what it does there.
    pub(super) fn at(&self, token: TokenId) -> Option<(NodeIndex, Stage)> {
        let token = self.state.token(token)?;
        Some((self.graph.find(&token.node)?, token.stage.clone()))
    }

    /// The token's node is done: what it brought is kept, and the token goes on.
    pub(super) fn finish(&mut self, node: NodeIndex, token: TokenId, result: &Value) {
        let id = self.graph.node(node).id.clone();
        if let Err(failure) = self.keep(&id, token, result) {
            self.fail_or_catch(node, token, failure);
            return;
        }
        let aside = self.state.take(token).is_some_and(|token| token.aside);
        if self.graph.nodes[node].undone_by.is_some() {
            self.state.undoable.push(super::state::Undoable { node: id, token });
        }
        if !aside {
            self.leave(node);
        }
    }
}
