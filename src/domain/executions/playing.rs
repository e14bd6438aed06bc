//! One happening, played: the execution as it is then, and all that is to be written with it, in one commit.

use serde_json::json;
use uuid::Uuid;

use super::model::execution::{EXECUTION, Execution, LARGEST, QUEUE, Status, Todo, WORK, Work};
use super::model::line::{Deed, JOURNAL, Line};
use super::model::wait::{EXECUTION_WAIT, Wait};
use super::topics::{CANCELLED, COMPENSATED, COMPLETED, FAILED, MIGRATED, PROGRESSED, STARTED};
use crate::capability::cx::Cx;
use crate::capability::events::Event;
use crate::capability::owned::Stored;
use crate::domain::processes::engine::graph::Graph;
use crate::domain::processes::engine::interpreter::{
    Ending, Facts, Failure, Happening, Plan, Play, Stage, State, Token, TokenId, Wish,
};
use crate::domain::processes::engine::soundness::Standing;
use crate::domain::processes::engine::validation::Finding;
use crate::kernel::fault::Fault;
use crate::kernel::id::{TenantId, new_uuid};
use crate::kernel::time::Timestamp;
use crate::port::expressions::Expressions;
use crate::port::queue::Job;
use crate::port::records::Visibility;
use crate::port::store::{Expect, Put, Step};

/// What a play came to.
pub(super) struct Played {
    /// The execution.
    pub(super) execution: Execution,
    /// What is written beside it.
    pub(super) steps: Vec<Step>,
    /// What is told.
    pub(super) events: Vec<Event>,
    /// Tokens for which nothing more is wanted.
    pub(super) dropped: Vec<TokenId>,
    /// Whether something is due at once.
    pub(super) due: bool,
}

/// An execution in which something happens.
pub(super) struct Scene<'a> {
    pub(super) tenant: TenantId,
    pub(super) id: Uuid,
    pub(super) graph: &'a Graph,
    pub(super) language: &'a dyn Expressions,
    pub(super) now: Timestamp,
}

impl Scene<'_> {
    fn facts(&self, execution: &Execution) -> Facts {
        Facts {
            id: self.id.to_string(),
            process: execution.process_id.clone(),
            version: execution.version.clone(),
            started_at: execution.started_at.unwrap_or(self.now),
            started_by: execution.user.to_string(),
        }
    }

    /// Begins.
    pub(super) fn start(
        &self,
        execution: Execution,
        variables: serde_json::Map<String, serde_json::Value>,
    ) -> Result<Played, Failure> {
        self.start_as(Status::Running, execution, variables)
    }

    fn start_as(
        &self,
        status: Status,
        mut execution: Execution,
        variables: serde_json::Map<String, serde_json::Value>,
    ) -> Result<Played, Failure> {
        execution.started_at = Some(self.now);
        execution.status = status;
        let facts = self.facts(&execution);
        let mut play = Play::new(self.graph, self.language, &facts, self.now, State::default());
        play.start(variables)?;
        let mut played = self.after(execution, play);
        played.events.insert(0, self.event(STARTED, &played.execution, json!({})));
        Ok(played)
    }

    /// Is only made, with what it is to begin with: nothing of it happens before it begins.
    pub(super) fn make(
        &self,
        mut execution: Execution,
        variables: serde_json::Map<String, serde_json::Value>,
    ) -> Result<Played, Failure> {
        let facts = self.facts(&execution);
        let mut play = Play::new(self.graph, self.language, &facts, self.now, State::default());
        play.start(variables.clone())?;
        execution.marks = Execution::marks_of(&variables);
        execution.state = State { variables, ..State::default() };
        Ok(Played { execution, steps: Vec::new(), events: Vec::new(), dropped: Vec::new(), due: false })
    }

    /// Lets something happen; none where it concerns nothing that still waits for it.
    pub(super) fn happen(&self, mut execution: Execution, happening: Happening) -> Option<Played> {
        let facts = self.facts(&execution);
        let mut play = Play::new(self.graph, self.language, &facts, self.now, std::mem::take(&mut execution.state));
        play.take(happening).then(|| self.after(execution, play))
    }

    /// What it knows cannot be kept any more, and nothing that it waits for can be told so: it fails.
    pub(super) fn overflow(&self, mut execution: Execution) -> Option<Played> {
        let facts = self.facts(&execution);
        let mut play = Play::new(self.graph, self.language, &facts, self.now, std::mem::take(&mut execution.state));
        let failed = play.overflow(Failure::new("state_too_large", too_large()));
        failed.then(|| self.after(execution, play))
    }

    /// Lets something be done to the play by somebody.
    pub(super) fn handle<T>(
        &self,
        mut execution: Execution,
        hand: impl FnOnce(&mut Play<'_>) -> Result<T, Failure>,
    ) -> Result<(T, Played), Failure> {
        let facts = self.facts(&execution);
        let mut play = Play::new(self.graph, self.language, &facts, self.now, std::mem::take(&mut execution.state));
        let done = hand(&mut play)?;
        Ok((done, self.after(execution, play)))
    }

    /// Takes an execution of another version over into this one. With an error among the findings nothing of it may be written.
    pub(super) fn migrate(
        &self,
        mut execution: Execution,
        from: &Graph,
        plan: &Plan,
    ) -> (Played, Vec<Finding>, Vec<Standing>) {
        let (facts, was_over) = (self.facts(&execution), execution.status.is_over());
        let mut play = Play::new(self.graph, self.language, &facts, self.now, std::mem::take(&mut execution.state));
        let (findings, standing) = play.migrate(from, plan);
        let Play { state, wishes, journal, .. } = play;
        execution.marks = Execution::marks_of(&state.variables);
        execution.state = state;
        if let Some(Ending::Failed { node, .. }) = &execution.state.ending {
            execution.failed_at = Some(node.clone());
        }
        let mut played = Played { execution, steps: Vec::new(), events: Vec::new(), dropped: Vec::new(), due: false };
        for entry in journal {
            played.steps.extend(self.line(&Line::Played(entry)));
        }
        for wish in wishes {
            self.wished(wish, &mut played);
        }
        let event = self.event(MIGRATED, &played.execution, json!({}));
        played.events.push(event);
        // A join that has fewer ways now may have gone on up to the end.
        if let Some(ending) = played.execution.state.ending.clone().filter(|_| !was_over) {
            self.ended(ending, &mut played);
        }
        (played, findings, standing)
    }

    /// What is to be written of a play.
    fn after(&self, mut execution: Execution, play: Play<'_>) -> Played {
        let Play { state, wishes, journal, .. } = play;
        let before = execution.status;
        execution.state = state;
        execution.marks = Execution::marks_of(&execution.state.variables);
        let mut played = Played { execution, steps: Vec::new(), events: Vec::new(), dropped: Vec::new(), due: false };
        for entry in journal {
            played.steps.extend(self.line(&Line::Played(entry)));
        }
        for wish in wishes {
            self.wished(wish, &mut played);
        }
        if let Some(ending) = played.execution.state.ending.clone() {
            self.ended(ending, &mut played);
        } else if before == Status::Running {
            let nodes = Self::places(&played.execution);
            let event = self.event(PROGRESSED, &played.execution, json!({ "nodes": nodes }));
            played.events.push(event);
        }
        played
    }

    /// The nodes at which tokens are.
    fn places(execution: &Execution) -> Vec<String> {
        let mut nodes: Vec<String> = execution.state.tokens.iter().map(|token| token.node.clone()).collect();
        nodes.sort();
        nodes.dedup();
        nodes
    }

    pub(super) fn line(&self, line: &Line) -> Option<Step> {
        let body = serde_json::to_value(line).ok()?;
        Some(Step::Append { log: &JOURNAL, stream: self.id.to_string(), body })
    }

    /// A line that says who did something.
    pub(super) fn deed(
        &self,
        event: &str,
        by: crate::kernel::id::UserId,
        detail: Option<serde_json::Value>,
    ) -> Option<Step> {
        self.line(&Line::Done(Deed { event: event.to_owned(), by, detail }))
    }

    fn wished(&self, wish: Wish, played: &mut Played) {
        match &wish {
            Wish::Drop { token } => {
                self.let_go(*token, played);
            }
            Wish::Listen { token, event, message, key, .. } => {
                let wait = Wait {
                    execution: self.id,
                    token: *token,
                    message: message.clone(),
                    event: event.clone(),
                    key: key.clone(),
                };
                if let Ok(body) = serde_json::to_value(&wait) {
                    played.steps.push(Step::Put(Put {
                        kind: &EXECUTION_WAIT,
                        id: Wait::id(self.id, *token),
                        expect: Expect::Anything,
                        owner: None,
                        workspace: None,
                        visibility: Visibility::Private,
                        body,
                    }));
                }
            }
            Wish::Work { .. } | Wish::Wake { .. } => match played.execution.status {
                Status::Held | Status::Paused => played.execution.held.push(wish),
                _ => self.enqueue(wish, played),
            },
        }
    }

    /// Puts a wish into its queue.
    pub(super) fn enqueue(&self, wish: Wish, played: &mut Played) {
        let (due, todo) = match wish {
            Wish::Wake { token, timer, at } => (at, Todo::Happening(Happening::Woke { token, timer })),
            other => (self.now, Todo::Wish(other)),
        };
        played.due |= due <= self.now;
        played.steps.extend(job(self.id, todo, due, played.execution.priority, self.now).map(Step::Enqueue));
    }

    /// Nothing more is wanted for a token.
    fn let_go(&self, token: TokenId, played: &mut Played) {
        if played.dropped.contains(&token) {
            return;
        }
        played.dropped.push(token);
        let listens = Step::Remove { kind: &EXECUTION_WAIT, id: Wait::id(self.id, token), expect: Expect::Anything };
        played.steps.push(listens);
        played.execution.held.retain(|wish| wish.token() != token);
    }

    fn ended(&self, ending: Ending, played: &mut Played) {
        let execution = &mut played.execution;
        execution.ended_at = Some(self.now);
        execution.held.clear();
        let (topic, told) = match ending {
            Ending::Completed { result } => {
                execution.status = Status::Completed;
                execution.result = Some(result);
                // It is kept once.
                execution.state.result = None;
                execution.state.ending = Some(Ending::Completed { result: serde_json::Map::new() });
                (COMPLETED, json!({}))
            }
            Ending::Compensated => {
                execution.status = Status::Compensated;
                (COMPENSATED, json!({}))
            }
            Ending::Failed { failure, node } => {
                execution.status = Status::Failed;
                let told = json!({ "node": node, "code": failure.code });
                execution.failure = Some(failure);
                execution.failed_at = Some(node);
                (FAILED, told)
            }
        };
        let event = self.event(topic, &played.execution, told);
        played.events.push(event);
        self.tell_parent(played);
    }

    /// It begins, or goes on: what was held back is begun.
    pub(super) fn resume(&self, mut execution: Execution) -> Result<Played, Failure> {
        if execution.status == Status::Held {
            let variables = std::mem::take(&mut execution.state).variables;
            return self.start(execution, variables);
        }
        execution.status = Status::Running;
        let held = std::mem::take(&mut execution.held);
        let mut played = Played { execution, steps: Vec::new(), events: Vec::new(), dropped: Vec::new(), due: false };
        for wish in held {
            self.enqueue(wish, &mut played);
        }
        Ok(played)
    }

    /// Begins one that was only made with one of its first steps, and is paused before all others; none where it is no such step.
    pub(super) fn start_alone(
        &self,
        mut execution: Execution,
        values: serde_json::Map<String, serde_json::Value>,
        node: &str,
    ) -> Result<Option<Played>, Failure> {
        let mut variables = std::mem::take(&mut execution.state).variables;
        variables.extend(values);
        let mut played = self.start_as(Status::Paused, execution, variables)?;
        let at_node = |token: &&Token| token.node == node;
        let Some(token) = played.execution.state.tokens.iter().find(at_node).map(|token| token.id) else {
            return Ok(None);
        };
        if !played.execution.held.iter().any(|wish| wish.is_work_of(token)) {
            return Ok(None);
        }
        self.release(&mut played, token);
        Ok(Some(played))
    }

    /// A step that was held back by a pause is begun by itself.
    pub(super) fn begin_alone(&self, execution: Execution, token: TokenId) -> Played {
        let mut played = Played { execution, steps: Vec::new(), events: Vec::new(), dropped: Vec::new(), due: false };
        self.release(&mut played, token);
        played
    }

    /// What is held back of a token is begun, whatever else is.
    pub(super) fn release(&self, played: &mut Played, token: TokenId) {
        let held = std::mem::take(&mut played.execution.held);
        let (mine, rest): (Vec<Wish>, Vec<Wish>) = held.into_iter().partition(|wish| wish.token() == token);
        played.execution.held = rest;
        for wish in mine {
            if matches!(wish, Wish::Work { .. }) {
                played.due = true;
                let step = job(self.id, Todo::Step(wish), self.now, played.execution.priority, self.now);
                played.steps.extend(step.map(Step::Enqueue));
            } else {
                self.enqueue(wish, played);
            }
        }
    }

    /// It is called off.
    pub(super) fn cancel(&self, mut execution: Execution) -> Played {
        let tokens: Vec<TokenId> = execution.state.tokens.iter().map(|token| token.id).collect();
        execution.status = Status::Cancelled;
        execution.ended_at = Some(self.now);
        execution.held.clear();
        let mut played = Played { execution, steps: Vec::new(), events: Vec::new(), dropped: Vec::new(), due: false };
        for token in tokens {
            self.let_go(token, &mut played);
        }
        let event = self.event(CANCELLED, &played.execution, json!({}));
        played.events.push(event);
        self.tell_parent(&mut played);
        played
    }

    /// What ran it as a part of itself learns how it ended.
    fn tell_parent(&self, played: &mut Played) {
        let execution = &played.execution;
        let (Some(parent), Some(token)) = (execution.parent, execution.parent_token) else { return };
        let (item, attempt) = (execution.parent_item, execution.parent_attempt);
        let happening = if execution.status == Status::Completed {
            let result = execution.result.clone().unwrap_or_default();
            Happening::Done { token, item, attempt, result: result.into() }
        } else {
            let failure = execution.failure.clone();
            let failure = failure.unwrap_or_else(|| Failure::new("cancelled", "the execution below was called off"));
            let Failure { code, message, .. } = failure;
            Happening::Failed { token, item, attempt, code, message, passing: false }
        };
        played
            .steps
            .extend(job(parent, Todo::Happening(happening), self.now, execution.priority, self.now).map(Step::Enqueue));
        played.due = true;
    }

    pub(super) fn event(&self, topic: &str, execution: &Execution, more: serde_json::Value) -> Event {
        let mut data = json!({
            "executionId": self.id,
            "processId": execution.process_id,
            "version": execution.version,
            "status": execution.status,
        });
        if let (Some(data), serde_json::Value::Object(more)) = (data.as_object_mut(), more) {
            data.extend(more);
        }
        let event = Event::by_itself(self.tenant, self.now, topic, self.id.to_string(), data);
        Event { hops: execution.hops, traceparent: execution.traceparent, ..event }
    }
}

impl Played {
    /// Writes, by a call, what lies beside the execution.
    pub(super) fn write_beside(self, cx: &Cx) -> Result<Execution, Fault> {
        cx.steps(self.steps);
        for event in self.events {
            cx.tell(event)?;
        }
        Ok(self.execution)
    }

    /// The step that writes the execution in place of what was read.
    pub(super) fn put(&self, stored: &Stored<Execution>) -> Result<Step, Fault> {
        Ok(Step::Put(Put {
            kind: &EXECUTION,
            id: stored.id,
            expect: Expect::Revision(stored.revision),
            owner: stored.owner,
            workspace: stored.workspace,
            visibility: stored.visibility,
            body: serde_json::to_value(&self.execution).map_err(Fault::internal)?,
        }))
    }
}

/// Why an execution cannot be kept.
pub(super) fn too_large() -> String {
    format!("what the execution knows would be more than {LARGEST} bytes")
}

/// A job of the queue.
pub(super) fn job(execution: Uuid, todo: Todo, due: Timestamp, priority: i32, now: Timestamp) -> Option<Job> {
    let queue = if matches!(todo, Todo::Wish(_) | Todo::Step(_)) { WORK } else { QUEUE };
    let body = serde_json::to_value(Work { execution, todo }).ok()?;
    Some(Job { id: new_uuid(now), queue, due, priority, body })
}

/// What can be said of a token's stage to people.
pub(super) fn said(stage: &Stage) -> &'static str {
    match stage {
        Stage::Before { .. } => "waiting_for_others",
        Stage::Working { .. } | Stage::Each { .. } => "working",
        Stage::Retrying { .. } => "retrying",
        Stage::Until { .. } => "waiting_for_time",
        Stage::Listening { .. } => "waiting_for_message",
        Stage::Undoing { .. } => "compensating",
        Stage::Failed { .. } => "failed",
    }
}
