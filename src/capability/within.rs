//! Calls that are made as a part of another one: through the same gate, by an agent that acts for the caller. They end when the
//! call ends that they are a part of.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::acting::Acting;
use super::caller::{Caller, Origin};
use super::client::{Abilities, Answers, Client, Level, Progress, Questions};
use super::cx::{Call, Cx, Lasting};
use super::gate::{Gate, Request};
use super::outcome::Outcome;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, Id};
use crate::kernel::trace::TraceContext;

/// Makes calls as a part of another one.
#[derive(Clone)]
pub struct Within {
    gate: Arc<Gate>,
    caller: Arc<Caller>,
    origin: Origin,
    cancel: CancellationToken,
    client: Arc<dyn Client>,
    hops: u32,
    trace: Option<TraceContext>,
    deadline: Instant,
}

/// How a call within another one ended.
pub struct Called {
    /// Its id.
    pub id: CallId,
    /// What it answered.
    pub result: Result<Value, Fault>,
}

impl Cx {
    /// The same call as an agent makes it that acts for the caller, to read by: what it asks of models is the agent's, and what it would write
    /// is not kept.
    #[must_use]
    pub fn reading_as(&self, acting: Arc<Acting>) -> Self {
        let call = self.call();
        let call = Call {
            id: call.id,
            caller: Arc::new(Caller { acting: Some(acting), ..Caller::clone(&call.caller) }),
            origin: call.origin,
            file: None,
            tool: call.tool.clone(),
            at: call.at,
            deadline: call.deadline,
            silence: call.silence,
            flows_until: call.flows_until,
            cancel: call.cancel.clone(),
            client: Arc::new(Asked(call.client.clone())),
            answers: Answers::default(),
            if_match: None,
            lasting: Lasting::Answer,
            hops: call.hops,
            trace: call.trace,
        };
        Self::new(Arc::new(call), self.platform().clone(), None, Answers::default())
    }

    /// What makes calls as a part of this one, by an agent that acts for the caller.
    ///
    /// # Errors
    /// When the program has no gate: it is ending.
    pub fn within(&self, acting: Arc<Acting>) -> Result<Within, Fault> {
        let call = self.call();
        Ok(Within {
            gate: self.platform().gate()?,
            caller: Arc::new(Caller { acting: Some(acting), ..Caller::clone(&call.caller) }),
            origin: call.origin,
            cancel: call.cancel.clone(),
            client: Arc::new(Asked(call.client.clone())),
            hops: call.hops,
            trace: call.trace,
            deadline: call.deadline,
        })
    }
}

impl Within {
    /// Who calls.
    #[must_use]
    pub fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    /// Until this moment at the latest.
    #[must_use]
    pub fn until(mut self, moment: Instant) -> Self {
        self.deadline = self.deadline.min(moment);
        self
    }

    /// Calls a tool.
    pub async fn call(&self, tool: &str, input: Value) -> Called {
        let id = Id::new(self.gate.platform().clock.now());
        let mut request = Request::new(id, self.caller.clone(), self.origin, tool, input);
        request.cancel = self.cancel.child_token();
        request.client = self.client.clone();
        request.hops = self.hops;
        request.trace = self.trace;
        request.time_limit = Some(self.deadline.saturating_duration_since(Instant::now()));
        // Whoever stops waiting calls it off.
        let calling = request.cancel.clone().drop_guard();
        let result = self.gate.call(request).await.result.and_then(Outcome::value);
        drop(calling);
        Called { id, result }
    }
}

/// The other side of the whole call as a part of it has it: it can be asked, and hears of progress only from the whole.
struct Asked(Arc<dyn Client>);

#[async_trait]
impl Client for Asked {
    fn progress(&self, _: Progress) {}

    fn say(&self, level: Level, logger: &str, data: Value) {
        self.0.say(level, logger, data);
    }

    async fn ask(&self, questions: &Questions) -> Option<Result<Answers, Fault>> {
        self.0.ask(questions).await
    }

    fn abilities(&self) -> Abilities {
        self.0.abilities()
    }
}
