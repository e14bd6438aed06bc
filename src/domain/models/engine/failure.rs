//! How asking a model failed, and what the caller is told of it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::domain::models::faults;
use crate::kernel::codes::Code;
use crate::kernel::fault::Fault;
use crate::port::models::{ModelFault, ModelFaultKind};

/// A vendor that says "too many calls" and not for how long is left alone for so long.
pub(crate) const REST: Duration = Duration::from_millis(500);

/// One model that was asked and did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed {
    /// `provider/model`.
    pub(crate) model: String,
    pub(crate) why: Why,
}

/// Why it did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// It said so, or could not be reached.
    Said(ModelFault),
    /// It was not asked, since it keeps failing or wants rest; so long still.
    Alone(Duration),
    /// It was not asked, since it is asked as often as it may be; so long still.
    Often(Duration),
    /// It is the client's own, and the call came from none that lets its model be asked.
    NoClient,
    /// It lacks an ability.
    Lacks(&'static str),
    /// The request is too long for it.
    TooLong {
        /// So many tokens the request has, the answer included where its length is said.
        tokens: u64,
        /// So many it reads.
        context: u64,
    },
}

impl Failed {
    pub(crate) fn said(model: &str, fault: ModelFault) -> Self {
        Self { model: model.to_owned(), why: Why::Said(fault) }
    }

    /// Whether another model may do better with the same request.
    pub(crate) fn another_may_do(&self) -> bool {
        match &self.why {
            Why::Said(fault) => !matches!(fault.kind, ModelFaultKind::Refused | ModelFaultKind::BadRequest),
            Why::Alone(_) | Why::Often(_) | Why::NoClient | Why::Lacks(_) | Why::TooLong { .. } => true,
        }
    }

    /// Whether the same model may do better later.
    pub(crate) fn may_pass(&self) -> bool {
        match &self.why {
            Why::Said(fault) => speaks_against(fault.kind) || fault.kind == ModelFaultKind::RateLimited,
            Why::Alone(_) | Why::Often(_) => true,
            Why::NoClient | Why::Lacks(_) | Why::TooLong { .. } => false,
        }
    }

    /// How long it should be left alone.
    pub(crate) fn wait(&self) -> Option<Duration> {
        match &self.why {
            Why::Said(fault) if fault.kind == ModelFaultKind::RateLimited => Some(fault.retry_after.unwrap_or(REST)),
            Why::Said(fault) => fault.retry_after,
            Why::Alone(wait) | Why::Often(wait) => Some(*wait),
            Why::NoClient | Why::Lacks(_) | Why::TooLong { .. } => None,
        }
    }

    /// The code of the fault, as the log of calls has it.
    pub(crate) fn code(&self) -> Code {
        match &self.why {
            Why::Said(fault) => code_of(fault.kind),
            Why::Alone(_) => &faults::DOWN,
            Why::Often(_) => &faults::BUSY,
            Why::NoClient => &faults::NO_CLIENT,
            Why::Lacks(_) => &faults::UNSUPPORTED,
            Why::TooLong { .. } => &faults::TOO_LONG,
        }
    }

    /// The fault for the caller, of this one and the others that were asked before.
    pub(crate) fn fault(&self, all: &[Self]) -> Fault {
        let say = match &self.why {
            Why::Said(fault) => format!("{}: {}", self.model, fault.say),
            Why::Alone(_) => format!("{} keeps failing and is left alone for now", self.model),
            Why::Often(_) => format!("{} is asked as often as its limits a minute allow", self.model),
            Why::NoClient => {
                format!("{} can be asked only in a call of a client that lets its model be asked", self.model)
            }
            Why::Lacks(ability) => format!("{} does not have the ability '{ability}'", self.model),
            Why::TooLong { tokens, context } => {
                format!("the request has {tokens} tokens and {} reads {context}", self.model)
            }
        };
        let tried: Vec<Value> = all.iter().map(Self::told).collect();
        let fault = Fault::new(self.code(), say).with_detail(json!({ "tried": tried }));
        let wait = all.iter().filter(|one| one.may_pass()).filter_map(Self::wait).min();
        match wait {
            Some(wait) if self.may_pass() => fault.with_retry_after(wait),
            _ => fault,
        }
    }

    fn told(&self) -> Value {
        let mut told = json!({ "model": self.model, "fault": self.code().name });
        if let Why::Said(fault) = &self.why {
            told["say"] = fault.say.clone().into();
            if let Some(status) = fault.status {
                told["status"] = status.into();
            }
        }
        told
    }
}

/// Whether a fault speaks against the model as such, and not against the request, the key or the account.
pub(crate) const fn speaks_against(kind: ModelFaultKind) -> bool {
    matches!(
        kind,
        ModelFaultKind::Unavailable | ModelFaultKind::NotReached | ModelFaultKind::TimedOut | ModelFaultKind::Broken
    )
}

/// Whether the vendor may have worked on the request, and may want to be paid for it.
pub(crate) const fn may_cost(kind: ModelFaultKind) -> bool {
    matches!(kind, ModelFaultKind::TimedOut | ModelFaultKind::Broken)
}

const fn code_of(kind: ModelFaultKind) -> Code {
    match kind {
        ModelFaultKind::Credential => &faults::KEY_REFUSED,
        ModelFaultKind::UnknownModel => &faults::UNKNOWN_MODEL,
        ModelFaultKind::TooLong => &faults::TOO_LONG,
        ModelFaultKind::Refused => &faults::REFUSED,
        ModelFaultKind::BadRequest => &faults::BAD_REQUEST,
        ModelFaultKind::Unsupported => &faults::UNSUPPORTED,
        ModelFaultKind::RateLimited => &faults::BUSY,
        ModelFaultKind::Unavailable | ModelFaultKind::NotReached => &faults::DOWN,
        ModelFaultKind::TimedOut => &faults::SLOW,
        ModelFaultKind::Broken => &faults::BROKEN,
    }
}
