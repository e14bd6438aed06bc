//! The one fault type. It has two audiences: `code`, `say`, `detail` and `violations` go to the caller, `cause` goes to the log.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::codes::{self, Code};

/// Why a call did not succeed.
pub struct Fault(Box<Inner>);

struct Inner {
    code: Code,
    say: String,
    detail: Option<Value>,
    violations: Vec<Violation>,
    retry_after: Option<Duration>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// One place in the input that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Violation {
    /// JSON pointer to the place, empty for the whole input.
    pub pointer: String,
    /// What is wrong there and how to mend it.
    pub message: String,
}

impl Fault {
    /// A fault of a code with a sentence for the caller.
    #[must_use]
    pub fn new(code: Code, say: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            say: say.into(),
            detail: None,
            violations: Vec::new(),
            retry_after: None,
            cause: None,
        }))
    }

    /// An internal fault: the caller learns only that it happened, the log learns why.
    #[must_use]
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let mut fault = Self::new(&codes::INTERNAL, "the server failed");
        fault.0.cause = Some(cause.into());
        fault
    }

    /// Nothing of that kind and id that the caller may see.
    #[must_use]
    pub fn not_found(what: &str, id: impl fmt::Display) -> Self {
        Self::new(&codes::NOT_FOUND, format!("there is no {what} '{id}'"))
    }

    /// Input that does not fit, at one place.
    #[must_use]
    pub fn bad_input(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::violations(vec![Violation { pointer: pointer.into(), message: message.into() }])
    }

    /// Input that does not fit, at each of these places.
    #[must_use]
    pub fn violations(violations: Vec<Violation>) -> Self {
        let say = match violations.as_slice() {
            [only] if only.pointer.is_empty() => only.message.clone(),
            [only] => format!("{}: {}", only.pointer, only.message),
            many => format!("{} places of the input do not fit", many.len()),
        };
        let mut fault = Self::new(&codes::BAD_INPUT, say);
        fault.0.violations = violations;
        fault
    }

    /// The same with its places below another one of the input, as the caller wrote it. A fault of no places stays as it is.
    #[must_use]
    pub fn below(self, above: &str) -> Self {
        if self.0.violations.is_empty() {
            return self;
        }
        let place = |one: Violation| Violation { pointer: format!("{above}{}", one.pointer), message: one.message };
        Self::violations(self.0.violations.into_iter().map(place).collect())
    }

    /// Adds data for the caller.
    #[must_use]
    pub fn with_detail(mut self, detail: Value) -> Self {
        self.0.detail = Some(detail);
        self
    }

    /// Adds how long to wait before trying again.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Adds the cause for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The sentence for the caller.
    #[must_use]
    pub fn say(&self) -> &str {
        &self.0.say
    }

    /// The data for the caller.
    #[must_use]
    pub fn detail(&self) -> Option<&Value> {
        self.0.detail.as_ref()
    }

    /// The places of the input that do not fit.
    #[must_use]
    pub fn places(&self) -> &[Violation] {
        &self.0.violations
    }

    /// How long to wait before trying again.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The cause for the log.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn Error + Send + Sync)> {
        self.0.cause.as_deref()
    }

    /// Whether it has this code.
    #[must_use]
    pub fn is(&self, code: Code) -> bool {
        std::ptr::eq(self.0.code, code)
    }

    /// The fault as every door tells it: RFC 9457 members with `code`, `requestId` and the violations.
    #[must_use]
    pub fn problem(&self, request_id: &str) -> Problem {
        Problem {
            kind: format!("urn:convoke:fault:{}", self.0.code.name),
            title: self.0.code.name.replace('_', " "),
            status: self.0.code.status,
            code: self.0.code.name.to_owned(),
            detail: self.0.say.clone(),
            mend: self.0.code.mend.to_owned(),
            request_id: request_id.to_owned(),
            violations: self.0.violations.clone(),
            retry_after_ms: self.0.retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            data: self.0.detail.clone(),
        }
    }
}

/// RFC 9457 problem details, the form in which every door tells a fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// The fault code as a URN.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The fault code.
    pub code: String,
    /// What happened in this call.
    pub detail: String,
    /// What the code means and how to mend the call.
    pub mend: String,
    /// The id of the call, as in the log.
    pub request_id: String,
    /// The places of the input that do not fit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
    /// How long to wait before trying again, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Data that belongs to the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl fmt::Debug for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")?;
        if let Some(cause) = &self.0.cause {
            write!(formatter, " ({cause})")?;
        }
        Ok(())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.0.code.name, self.0.say)
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}
