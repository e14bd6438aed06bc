//! A node that is done for each item of a list.

use serde_json::{Map, Value, json};

use super::activities::{Again, TIMED_OUT};
use super::happening::{Timer, What, Wish};
use super::play::Play;
use super::state::{Failure, ItemState, Stage, TokenId};
use super::values::EXPRESSION_FAILED;
use crate::domain::processes::engine::definition::{TimeoutOutcome, condition_of};
use crate::domain::processes::engine::graph::NodeIndex;
use crate::domain::processes::engine::nodes::Config;
use crate::domain::processes::engine::nodes::calls::{ForEach, Mode, OnFault};

/// The most items.
pub const MOST_ITEMS: usize = 10_000;
/// How many at once, where it is not said.
const AT_ONCE: usize = 10;

impl Play<'_> {
    pub(super) fn begin_each(&mut self, node: NodeIndex, token: TokenId, each: &ForEach) {
        let items = match self.value(condition_of(&each.items), &[]) {
            Ok(Value::Array(items)) if items.len() <= MOST_ITEMS => items,
            Ok(Value::Array(items)) => {
                let why = format!("there are {} items, and {MOST_ITEMS} at most are taken", items.len());
                return self.fail_or_catch(node, token, Failure::new("too_many_items", why));
            }
            Ok(other) => {
                let why = format!("'{}' gives {other}, which is no list", each.items);
                return self.fail_or_catch(node, token, Failure::new(EXPRESSION_FAILED, why));
            }
            Err(failure) => return self.fail_or_catch(node, token, failure),
        };
        let states = vec![ItemState::Open; items.len()];
        let beside = match self.at(token) {
            Some((_, Stage::Working { beside, .. })) => beside,
            _ => Map::new(),
        };
        self.stage(token, Stage::Each { items, states, beside });
        self.next_items(node, token);
    }

    /// Begins as many items as may be under way, and ends when none is left.
    fn next_items(&mut self, node: NodeIndex, token: TokenId) {
        if self.within.contains(&token) {
            return;
        }
        let Some((each, body)) = self.each(node) else { return };
        self.within.push(token);
        let most = if each.mode == Mode::InOrder { 1 } else { each.at_once.map_or(AT_ONCE, |most| most as usize) };
        // Items are begun in order, so what is behind the first open one is not looked at again.
        let mut item = self.states(token).iter().position(|one| *one == ItemState::Open).unwrap_or(usize::MAX);
        let mut busy = self.states(token).iter().filter(|one| one.is_under_way()).count();
        while busy < most {
            let Some((value, ItemState::Open)) = self.item(token, item) else { break };
            self.set_item(token, item, ItemState::Working { attempt: 1 });
            self.work_item(token, item, 1, &value, &each, body);
            busy += usize::from(self.states(token).get(item).is_some_and(ItemState::is_under_way));
            item += 1;
        }
        self.within.pop();
        self.all_items(node, token);
    }

    fn all_items(&mut self, node: NodeIndex, token: TokenId) {
        let open = |one: &ItemState| *one == ItemState::Open || one.is_under_way();
        if self.states(token).iter().any(open) {
            return;
        }
        let Some((_, Stage::Each { states, .. })) = self.at(token) else { return };
        let told = |state| match state {
            ItemState::Done { result } => Some(result),
            ItemState::Failed { failure } => Some(json!({ "fault": failure })),
            ItemState::Open | ItemState::Working { .. } | ItemState::Retrying { .. } => None,
        };
        let results: Vec<Value> = states.into_iter().filter_map(told).collect();
        self.note(node, Some(token), What::Done { item: None });
        self.finish(node, token, &Value::Array(results));
    }

    fn work_item(&mut self, token: TokenId, item: usize, attempt: u32, value: &Value, each: &ForEach, body: NodeIndex) {
        let index = json!(item);
        let more = [(each.item.as_str(), value), ("index", &index)];
        self.work(token, Some(item), attempt, body, &more);
    }

    fn each(&self, node: NodeIndex) -> Option<(ForEach, NodeIndex)> {
        let Config::ForEach(each) = &self.graph.nodes[node].config else { return None };
        Some((each.clone(), self.graph.find(&each.node)?))
    }

    /// How far each item is; none where there are none under way.
    fn states(&self, token: TokenId) -> &[ItemState] {
        match self.state.token(token).map(|token| &token.stage) {
            Some(Stage::Each { states, .. }) => states,
            _ => &[],
        }
    }

    fn item(&self, token: TokenId, item: usize) -> Option<(Value, ItemState)> {
        let Stage::Each { items, states, .. } = &self.state.token(token)?.stage else { return None };
        Some((items.get(item)?.clone(), states.get(item)?.clone()))
    }

    fn set_item(&mut self, token: TokenId, item: usize, state: ItemState) {
        if let Some(Stage::Each { states, .. }) = self.state.token_mut(token).map(|token| &mut token.stage)
            && let Some(slot) = states.get_mut(item)
        {
            *slot = state;
        }
    }

    pub(super) fn item_done(&mut self, node: NodeIndex, token: TokenId, item: usize, result: Value) -> bool {
        let Some((value, ItemState::Working { .. })) = self.item(token, item) else { return false };
        let Some((each, body)) = self.each(node) else { return false };
        let output = self.graph.node(body).output.clone();
        let result = if output.is_empty() {
            Ok(result)
        } else {
            let index = json!(item);
            let more = [(each.item.as_str(), &value), ("index", &index), ("result", &result)];
            self.worked_out(&output, &more).map(Value::Object)
        };
        let result = match result {
            Ok(result) => result,
            Err(failure) => return self.item_failed(node, token, item, failure, false),
        };
        self.note(body, Some(token), What::Done { item: Some(item) });
        self.set_item(token, item, ItemState::Done { result });
        self.next_items(node, token);
        true
    }

    pub(super) fn item_failed(
        &mut self,
        node: NodeIndex,
        token: TokenId,
        item: usize,
        failure: Failure,
        passing: bool,
    ) -> bool {
        let Some((_, ItemState::Working { attempt })) = self.item(token, item) else { return false };
        let Some((each, body)) = self.each(node) else { return false };
        let again = self.again_after(body, token, Some(item), attempt, &failure, passing);
        let at = match again {
            Again::After(wait) => Some(self.now.plus(wait)),
            Again::Never => None,
        };
        let told = What::Failed {
            code: failure.code.clone(),
            message: failure.message.clone(),
            item: Some(item),
            again_at: at,
        };
        self.note(body, Some(token), told);
        if let Some(at) = at {
            self.set_item(token, item, ItemState::Retrying { attempt, at });
            self.wishes.push(Wish::Wake { token, timer: Timer::Retry { item: Some(item) }, at });
            return true;
        }
        if each.on_fault == OnFault::Stop {
            self.let_go(&[token]);
            self.fail_or_catch(node, token, failure);
            return true;
        }
        self.set_item(token, item, ItemState::Failed { failure });
        self.next_items(node, token);
        true
    }

    pub(super) fn item_again(&mut self, node: NodeIndex, token: TokenId, item: usize) -> bool {
        let Some((value, ItemState::Retrying { attempt, at })) = self.item(token, item) else { return false };
        if at > self.now {
            return false;
        }
        let Some((each, body)) = self.each(node) else { return false };
        self.set_item(token, item, ItemState::Working { attempt: attempt + 1 });
        self.work_item(token, item, attempt + 1, &value, &each, body);
        true
    }

    /// Items that were under way when the execution failed are begun anew, and those that are tried again are waited for once more.
    pub(super) fn items_anew(&mut self, node: NodeIndex, token: TokenId) {
        let Some((each, body)) = self.each(node) else { return };
        let states = self.states(token).iter().enumerate();
        let under_way: Vec<(usize, ItemState)> =
            states.filter(|(_, state)| state.is_under_way()).map(|(item, state)| (item, state.clone())).collect();
        for (item, before) in under_way {
            // One that fails at once may end the list.
            let Some((value, state)) = self.item(token, item).filter(|(_, state)| *state == before) else { continue };
            match state {
                ItemState::Working { attempt } => {
                    let attempt = self.attempt_anew(token, Some(item), attempt);
                    self.set_item(token, item, ItemState::Working { attempt });
                    self.work_item(token, item, attempt, &value, &each, body);
                }
                ItemState::Retrying { at, .. } => {
                    self.wishes.push(Wish::Wake { token, timer: Timer::Retry { item: Some(item) }, at });
                }
                ItemState::Open | ItemState::Done { .. } | ItemState::Failed { .. } => {}
            }
        }
    }

    pub(super) fn item_over_time(&mut self, node: NodeIndex, token: TokenId, item: usize, attempt: u32) -> bool {
        let Some((_, ItemState::Working { attempt: now })) = self.item(token, item) else { return false };
        let Some((_, body)) = self.each(node).filter(|_| now == attempt) else { return false };
        let Some(timeout) = self.graph.node(body).timeout.clone() else { return false };
        self.note(body, Some(token), What::TimedOut);
        match timeout.outcome {
            TimeoutOutcome::Fail => {
                let failure = Failure::new(TIMED_OUT, format!("it was not done within {}", timeout.after));
                self.item_failed(node, token, item, failure, true)
            }
            TimeoutOutcome::Complete => self.item_done(node, token, item, timeout.result.unwrap_or(Value::Null)),
            TimeoutOutcome::Skip => {
                self.set_item(token, item, ItemState::Done { result: Value::Null });
                self.next_items(node, token);
                true
            }
        }
    }
}
