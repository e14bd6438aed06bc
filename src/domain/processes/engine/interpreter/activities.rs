//! Activities: begun, done, failed, tried again, over time, left by a boundary.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::happening::{Timer, What, Wish};
use super::play::Play;
use super::state::{Anew, Failure, Stage, TokenId};
use super::values::More;
use crate::domain::processes::engine::definition::{Retry, TimeoutOutcome, condition_of, expression_of};
use crate::domain::processes::engine::durations::read_duration;
use crate::domain::processes::engine::graph::NodeIndex;
use crate::domain::processes::engine::nodes::Config;
use crate::domain::processes::engine::nodes::boundaries::BoundaryTimeout;
use crate::kernel::seal::sha256;
use crate::kernel::time::Timestamp;

/// The code of a step whose time was over.
pub(super) const TIMED_OUT: &str = "step_timed_out";

/// When an activity that failed is tried again.
pub(super) enum Again {
    /// After so long.
    After(Duration),
    /// Not.
    Never,
}

impl Play<'_> {
    /// A token comes to an activity.
    pub(super) fn begin(&mut self, node: NodeIndex) {
        let token = self.put(node, Stage::Working { attempt: 1, beside: Map::new() });
        self.note(node, Some(token), What::Entered);
        if let Err(failure) = self.arm_boundaries(node, token) {
            return self.fail_or_catch(node, token, failure);
        }
        match self.graph.nodes[node].config.clone() {
            Config::ForEach(each) => match self.arm_timeout(node, token, None, 1, &[]) {
                Ok(()) => self.begin_each(node, token, &each),
                Err(failure) => self.fail_or_catch(node, token, failure),
            },
            Config::Compensate(one) => self.begin_undoing(node, token, &one),
            _ => self.work(token, None, 1, node, &[]),
        }
    }

    /// Begins what a node says, for itself or for another one that runs it.
    pub(super) fn work(&mut self, token: TokenId, item: Option<usize>, attempt: u32, does: NodeIndex, more: More<'_>) {
        self.note(does, Some(token), What::Began { attempt, item });
        match self.wish(token, item, attempt, does, more) {
            // A script is worked out on the spot.
            Ok(Work::Done(result)) => {
                self.done(token, item, result);
            }
            Ok(Work::Wished(wish)) => {
                self.wishes.push(wish);
                if let Err(failure) = self.arm_timeout(does, token, item, attempt, more) {
                    self.failed(token, item, failure, false);
                }
            }
            Err(failure) => {
                self.failed(token, item, failure, false);
            }
        }
    }

    fn wish(
        &self,
        token: TokenId,
        item: Option<usize>,
        attempt: u32,
        does: NodeIndex,
        more: More<'_>,
    ) -> Result<Work, Failure> {
        let written = self.graph.node(does).clone();
        let input = self.worked_out(&written.input, more)?;
        if let Config::Script(script) = &self.graph.nodes[does].config {
            let mut known: Vec<(String, Value)> =
                more.iter().map(|(name, value)| ((*name).to_owned(), (*value).clone())).collect();
            known.extend(input);
            let mut result = Map::new();
            for step in &script.steps {
                let named: Vec<(&str, &Value)> = known.iter().map(|(name, value)| (name.as_str(), value)).collect();
                let value = self.value(condition_of(&step.value), &named)?;
                known.push((step.name.clone(), value.clone()));
                result.insert(step.name.clone(), value);
            }
            return Ok(Work::Done(Value::Object(result)));
        }
        let config = self.worked_out(&written.config, more)?;
        let key = match &written.idempotency_key {
            None => {
                let item = item.map(|item| format!("/{item}")).unwrap_or_default();
                format!("{}/{}/{token}{item}", self.facts.id, written.id)
            }
            Some(text) => match self.value(condition_of(text), more)? {
                Value::String(key) => key,
                other => other.to_string(),
            },
        };
        Ok(Work::Wished(Wish::Work { token, item, node: written.id, attempt, config, input, key }))
    }

    // --- ending ----------------------------------------------------------------------------------------------------

    /// What was wished for is done.
    pub(super) fn done(&mut self, token: TokenId, item: Option<usize>, result: Value) -> bool {
        let Some(found) = self.state.token(token) else { return false };
        let Some(node) = self.graph.find(&found.node) else { return false };
        // Only looked at: a list may be long.
        match (&found.stage, item) {
            (Stage::Working { .. }, None) => {
                self.note(node, Some(token), What::Done { item: None });
                self.finish(node, token, &result);
                true
            }
            (Stage::Each { .. }, Some(item)) => self.item_done(node, token, item, result),
            (Stage::Undoing { .. }, Some(item)) => self.undone(node, token, item, Some(&result)),
            _ => false,
        }
    }

    /// What was wished for failed.
    pub(super) fn failed(&mut self, token: TokenId, item: Option<usize>, failure: Failure, passing: bool) -> bool {
        let Some((node, stage)) = self.at(token) else { return false };
        match (stage, item) {
            (Stage::Working { attempt, beside }, None) => {
                match self.again_after(node, token, None, attempt, &failure, passing) {
                    Again::After(wait) => {
                        let at = self.now.plus(wait);
                        let told = What::Failed {
                            code: failure.code,
                            message: failure.message,
                            item: None,
                            again_at: Some(at),
                        };
                        self.note(node, Some(token), told);
                        self.stage(token, Stage::Retrying { attempt, at, beside });
                        self.wishes.push(Wish::Wake { token, timer: Timer::Retry { item: None }, at });
                    }
                    Again::Never => self.fail_or_catch(node, token, failure),
                }
                true
            }
            (Stage::Each { .. }, Some(item)) => self.item_failed(node, token, item, failure, passing),
            (Stage::Undoing { .. }, Some(item)) => self.undoing_failed(node, token, item, failure, passing),
            _ => false,
        }
    }

    /// A boundary takes the failure up, or the execution fails.
    pub(super) fn fail_or_catch(&mut self, node: NodeIndex, token: TokenId, failure: Failure) {
        if self.state.token(token).is_some_and(|token| token.aside) {
            return self.fail_aside(node, token, failure);
        }
        let boundaries = &self.graph.nodes[node].boundaries;
        let catches = |index: &&NodeIndex, all: bool| match &self.graph.nodes[**index].config {
            Config::BoundaryError(one) if all => one.codes.is_empty(),
            Config::BoundaryError(one) => one.codes.contains(&failure.code),
            _ => false,
        };
        let found = boundaries
            .iter()
            .find(|index| catches(index, false))
            .or_else(|| boundaries.iter().find(|index| catches(index, true)));
        let Some(boundary) = found.copied() else { return self.fail(node, Some(token), failure) };
        let told =
            What::Failed { code: failure.code.clone(), message: failure.message.clone(), item: None, again_at: None };
        self.note(node, Some(token), told);
        self.give_up(token);
        let result = json!({ "code": failure.code, "message": failure.message });
        self.leave_by(boundary, &result);
    }

    /// Takes the way that leaves a boundary.
    pub(super) fn leave_by(&mut self, boundary: NodeIndex, result: &Value) {
        let visit = self.state.next;
        self.state.next += 1;
        self.note(boundary, Some(visit), What::Entered);
        let id = self.graph.node(boundary).id.clone();
        match self.keep(&id, visit, result) {
            Ok(()) => self.leave(boundary),
            // What the boundary was left for is over: all that can be done again is to leave it.
            Err(failure) => self.fail_anew(boundary, None, failure, Anew::Way { result: result.clone() }),
        }
    }

    /// Takes a token away, and what was begun for it is no longer wanted.
    pub(super) fn give_up(&mut self, token: TokenId) {
        self.state.take(token);
        self.let_go(&[token]);
    }

    pub(super) fn stage(&mut self, token: TokenId, stage: Stage) {
        if let Some(token) = self.state.token_mut(token) {
            token.stage = stage;
        }
    }

    // --- trying again ----------------------------------------------------------------------------------------------

    pub(super) fn again_after(
        &self,
        node: NodeIndex,
        token: TokenId,
        item: Option<usize>,
        attempt: u32,
        failure: &Failure,
        passing: bool,
    ) -> Again {
        let Some(retry) = &self.graph.node(node).retry else { return Again::Never };
        let meant = retry.on.as_ref().map_or(passing, |codes| codes.contains(&failure.code));
        // What was given up by a failure beside it is not counted.
        let tries = attempt.saturating_sub(self.state.counted_from(token, item)).saturating_add(1);
        if tries >= retry.attempts || !meant {
            return Again::Never;
        }
        let dice = item.map_or(token, |item| token.wrapping_add(item as u64));
        Again::After(wait_of(retry, tries, dice))
    }

    /// The time has come to try again.
    pub(super) fn again(&mut self, node: NodeIndex, token: TokenId, item: Option<usize>, stage: &Stage) -> bool {
        match (stage, item) {
            // A waking that is told twice would find the next wait, which is not over yet.
            (Stage::Retrying { attempt, at, beside }, None) if *at <= self.now => {
                let attempt = attempt + 1;
                self.stage(token, Stage::Working { attempt, beside: beside.clone() });
                self.work(token, None, attempt, node, &[]);
                true
            }
            (Stage::Each { .. }, Some(item)) => self.item_again(node, token, item),
            (Stage::Undoing { .. }, Some(item)) => self.undo_again(node, token, item),
            _ => false,
        }
    }

    // --- time ------------------------------------------------------------------------------------------------------

    /// Asks to be woken when the time of an activity is over.
    pub(super) fn arm_timeout(
        &mut self,
        does: NodeIndex,
        token: TokenId,
        item: Option<usize>,
        attempt: u32,
        more: More<'_>,
    ) -> Result<(), Failure> {
        let Some(timeout) = self.graph.node(does).timeout.clone() else { return Ok(()) };
        let at = self.after(&timeout.after, more)?;
        self.wishes.push(Wish::Wake { token, timer: Timer::Timeout { item, attempt }, at });
        Ok(())
    }

    /// The time of what a token does is over.
    pub(super) fn over_time(
        &mut self,
        node: NodeIndex,
        token: TokenId,
        item: Option<usize>,
        attempt: u32,
        stage: &Stage,
    ) -> bool {
        if let Some(item) = item {
            return match stage {
                Stage::Undoing { .. } => self.undoing_over_time(node, token, item, attempt),
                _ => self.item_over_time(node, token, item, attempt),
            };
        }
        let under_way = match stage {
            Stage::Working { attempt: now, .. } => *now == attempt,
            // These have no attempts but one, and one more for each recovery, with which their time begins anew.
            Stage::Listening { .. } | Stage::Each { .. } => attempt == self.state.counted_from(token, None),
            _ => false,
        };
        let Some(timeout) = self.graph.node(node).timeout.clone().filter(|_| under_way) else { return false };
        self.note(node, Some(token), What::TimedOut);
        self.let_go(&[token]);
        match timeout.outcome {
            TimeoutOutcome::Fail => {
                let why = format!("it was not done within {}", timeout.after);
                let failure = Failure::new(TIMED_OUT, why);
                if matches!(stage, Stage::Listening { .. } | Stage::Each { .. }) {
                    self.fail_or_catch(node, token, failure);
                } else {
                    self.failed(token, None, failure, true);
                    self.arm_again(token);
                }
            }
            TimeoutOutcome::Complete => self.finish(node, token, &timeout.result.unwrap_or(Value::Null)),
            TimeoutOutcome::Skip => {
                self.note(node, Some(token), What::Skipped);
                if self.state.take(token).is_some_and(|token| !token.aside) {
                    self.leave(node);
                }
            }
        }
        true
    }

    fn arm_boundaries(&mut self, node: NodeIndex, token: TokenId) -> Result<(), Failure> {
        let mut beside = Map::new();
        for boundary in self.graph.nodes[node].boundaries.clone() {
            if let Config::BoundaryTimeout(one) = &self.graph.nodes[boundary].config {
                let at = self.after(&one.after, &[])?;
                let node = self.graph.node(boundary).id.clone();
                beside.insert(node.clone(), json!({ "times": 0, "at": at }));
                self.wishes.push(Wish::Wake { token, timer: Timer::Boundary { node }, at });
            }
        }
        self.stage(token, Stage::Working { attempt: 1, beside });
        Ok(())
    }

    /// Wishes once more for the moments of boundaries that are waited for. A dry run drops all wakings of a token with what was begun for it;
    /// the queue keeps those that are not due, so that the same one may come twice: `boundary` takes it once.
    pub(super) fn arm_again(&mut self, token: TokenId) {
        let Some(beside) = self.state.token(token).and_then(|found| found.stage.beside()) else { return };
        let wake = |(node, told): (&String, &Value)| {
            let timer = Timer::Boundary { node: node.clone() };
            Some(Wish::Wake { token, timer, at: moment_of(told)? })
        };
        self.wishes.extend(beside.iter().filter_map(wake));
    }

    /// A way leaves a boundary because of the time.
    pub(super) fn boundary(&mut self, node: NodeIndex, token: TokenId, id: &str, stage: Stage) -> bool {
        let Some(boundary) = self.graph.find(id) else { return false };
        let Config::BoundaryTimeout(one) = self.graph.nodes[boundary].config.clone() else { return false };
        if self.graph.nodes[boundary].on != Some(node) || matches!(stage, Stage::Failed { .. }) {
            return false;
        }
        // What comes before the moment that is waited for, or when none is, was wished for twice and taken already.
        let early = |beside: &Map<String, Value>| beside.get(id).and_then(moment_of).is_none_or(|at| at > self.now);
        if stage.beside().is_some_and(early) {
            return false;
        }
        if one.interrupting {
            self.note(node, Some(token), What::TimedOut);
            self.give_up(token);
        } else {
            match self.beside(token, id, stage, &one) {
                Ok(true) => {}
                Ok(false) => return false,
                Err(failure) => {
                    self.fail(boundary, None, failure);
                    return true;
                }
            }
        }
        self.leave_by(boundary, &Value::Null);
        true
    }

    /// Counts a way that is gone beside the activity, and asks for the next one. False where none is to be gone.
    fn beside(&mut self, token: TokenId, id: &str, mut stage: Stage, one: &BoundaryTimeout) -> Result<bool, Failure> {
        let (Stage::Working { beside: counts, .. }
        | Stage::Retrying { beside: counts, .. }
        | Stage::Each { beside: counts, .. }) = &mut stage
        else {
            return Ok(false);
        };
        let times = counts.get(id).and_then(|told| told["times"].as_u64()).unwrap_or(0) + 1;
        let most = u64::from(one.times.unwrap_or(1));
        if times > most {
            return Ok(false);
        }
        let at = if times < most { Some(self.after(&one.after, &[])?) } else { None };
        counts.insert(id.to_owned(), json!({ "times": times, "at": at }));
        self.stage(token, stage);
        if let Some(at) = at {
            self.wishes.push(Wish::Wake { token, timer: Timer::Boundary { node: id.to_owned() }, at });
        }
        Ok(true)
    }
}

/// What came of wishing for an activity.
enum Work {
    /// It was worked out on the spot.
    Done(Value),
    /// It is wished for.
    Wished(Wish),
}

/// The moment that is waited for at a boundary; none where its way is not gone again.
pub(super) fn moment_of(told: &Value) -> Option<Timestamp> {
    told["at"].as_str().and_then(|at| at.parse().ok())
}

/// How long to wait before the next time.
fn wait_of(retry: &Retry, tries: u32, token: u64) -> Duration {
    let span = |text: &Option<String>, otherwise: Duration| {
        text.as_deref().filter(|text| expression_of(text).is_none()).and_then(read_duration).unwrap_or(otherwise)
    };
    let (first, longest) = (span(&retry.wait, Duration::from_secs(5)), span(&retry.longest, Duration::from_hours(1)));
    let times = i32::try_from(tries.saturating_sub(1)).unwrap_or(i32::MAX).min(64);
    let wait = first.as_secs_f64() * retry.factor.unwrap_or(2.0).powi(times);
    let wait = wait.min(longest.as_secs_f64());
    // The same token waits as long each time it is reckoned, and others wait otherwise.
    let dice = sha256(format!("{token}/{tries}").as_bytes());
    let chance = f64::from(u16::from_be_bytes([dice[0], dice[1]])) / f64::from(u16::MAX);
    let jitter = retry.jitter.unwrap_or(0.2).clamp(0.0, 1.0);
    Duration::try_from_secs_f64(wait * (1.0 - jitter * chance)).unwrap_or(longest)
}
