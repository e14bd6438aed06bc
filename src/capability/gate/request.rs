//! A call as a door hands it to the gate, and what the gate hands back.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::limit::{Allowance, Left};
use crate::capability::caller::{Caller, Origin};
use crate::capability::client::{Answers, Client, Silent};

use crate::capability::cx::Lasting;
use crate::capability::outcome::Outcome;
use crate::capability::tool::Tool;
use crate::kernel::current::Current;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, OperationId, TenantId};
use crate::kernel::trace::TraceContext;
use crate::port::arriving::Arrived;

/// A call.
#[derive(Clone)]
pub struct Request {
    /// The request id.
    pub id: CallId,
    /// Who calls.
    pub caller: Arc<Caller>,
    /// The tool's name.
    pub tool: String,
    /// The input.
    pub input: Value,
    /// The file that came with it, for a tool that takes one.
    pub file: Option<Arc<dyn Arrived>>,
    /// Where it came from.
    pub origin: Origin,
    /// The tenant that the caller names, where they name one.
    pub tenant: Option<TenantId>,
    /// A repeated call with the same key is made once.
    pub idempotency_key: Option<String>,
    /// How long it may run, where it asks for less than the configuration allows.
    pub time_limit: Option<Duration>,
    /// Whether it may take as long as it takes: whoever waits for it sits at the machine and can call it off.
    pub unhurried: bool,
    /// Calls it off.
    pub cancel: CancellationToken,
    /// The other side.
    pub client: Arc<dyn Client>,
    /// Answers from earlier rounds.
    pub answers: Answers,
    /// The revision that the caller demands of what is changed.
    pub if_match: Option<i64>,
    /// Only tools that read may be called by this door.
    pub read_only: bool,
    /// It is a part of what the door has counted already.
    pub counted: bool,
    /// Whether it may go on after its request.
    pub lasting: Lasting,
    /// How many subscriptions it took to make it; 0 for what somebody calls.
    pub hops: u32,
    /// Where the gate tells what is left to the caller.
    pub left: Left,
    /// The place in a trace from which the call comes, where it names one; the gate makes it the call's own.
    pub trace: Option<TraceContext>,
}

impl Request {
    /// What is logged while it runs belongs to it.
    #[must_use]
    pub fn current(&self) -> Current {
        Current { request: Some(self.id), trace: self.trace }
    }

    /// A plain call; what is not given can be set on its fields.
    #[must_use]
    pub fn new(id: CallId, caller: Arc<Caller>, origin: Origin, tool: impl Into<String>, input: Value) -> Self {
        Self {
            id,
            caller,
            tool: tool.into(),
            input,
            file: None,
            origin,
            tenant: None,
            idempotency_key: None,
            time_limit: None,
            unhurried: false,
            cancel: CancellationToken::new(),
            client: Arc::new(Silent),
            answers: Answers::new(),
            if_match: None,
            read_only: false,
            counted: false,
            lasting: Lasting::default(),
            hops: 0,
            left: Left::default(),
            trace: None,
        }
    }
}

/// The answer to a call.
#[derive(Debug)]
pub struct Reply {
    /// The request id.
    pub id: CallId,
    /// What the capability answered.
    pub result: Result<Outcome, Fault>,
    /// What is left to the caller.
    pub allowance: Option<Allowance>,
    /// The revision of the document that was read or written.
    pub revision: Option<i64>,
    /// Whether this is the answer of an earlier call with the same idempotency key.
    pub replayed: bool,
    /// The tool that ran, where the called one forwarded to it.
    pub via: Option<Arc<Tool>>,
    /// The task as which the call goes on, where it said that it takes long and the caller can follow one.
    pub operation: Option<OperationId>,
}

impl std::fmt::Debug for Tool {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Tool({})", self.name)
    }
}
