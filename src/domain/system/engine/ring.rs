//! The recent lines of the log, kept in memory, oldest first out. What is in here has been redacted already.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::time::Timestamp;

/// How important a line is, most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Worth a look.
    Warn,
    /// Good to know.
    Info,
    /// For those who look for faults.
    Debug,
    /// Every step.
    Trace,
}

impl LogLevel {
    /// The name as a line of text shows it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
            Self::Trace => "TRACE",
        }
    }
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// How important.
    pub level: LogLevel,
    /// The part of the program.
    pub target: String,
    /// What happened.
    pub message: String,
    /// The call that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// More about it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}

/// Which lines.
#[derive(Debug, Clone, Default)]
pub struct LineFilter {
    /// As important as this or more.
    pub level: Option<LogLevel>,
    /// With this text in the message, the target or a field, whatever its case.
    pub text: Option<String>,
    /// Of this call.
    pub request_id: Option<String>,
    /// Before this place.
    pub before: Option<u64>,
}

impl LineFilter {
    fn fits(&self, line: &LogLine) -> bool {
        let contains = |text: &str| {
            let within = |place: &str| place.to_lowercase().contains(text);
            within(&line.message) || within(&line.target) || line.fields.values().any(|value| within(value))
        };
        self.level.is_none_or(|least| line.level <= least)
            && self.request_id.as_ref().is_none_or(|id| line.request_id.as_ref() == Some(id))
            && self.text.as_deref().is_none_or(contains)
    }
}

/// The most recent lines, up to a number.
pub struct LogRing {
    most: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    next: u64,
    lines: VecDeque<(u64, Arc<LogLine>)>,
}

impl LogRing {
    /// A ring of at most so many lines.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, held: Mutex::default() }
    }

    /// Adds a line.
    pub fn push(&self, line: Arc<LogLine>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let place = held.next;
        held.next += 1;
        if held.lines.len() >= self.most {
            held.lines.pop_front();
        }
        if self.most > 0 {
            held.lines.push_back((place, line));
        }
    }

    /// The lines that fit, newest first, each with its place.
    #[must_use]
    pub fn read(&self, filter: &LineFilter, limit: usize) -> Vec<(u64, Arc<LogLine>)> {
        let lowered = LineFilter { text: filter.text.as_ref().map(|text| text.to_lowercase()), ..filter.clone() };
        // Copied out, so that those who log do not wait for those who search.
        let lines: Vec<_> = {
            let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.lines.iter().rev().cloned().collect()
        };
        lines
            .into_iter()
            .filter(|(place, line)| lowered.before.is_none_or(|before| *place < before) && lowered.fits(line))
            .take(limit)
            .collect()
    }
}
