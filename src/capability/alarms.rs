//! Alarms: what somebody must look at although the installation works. Whoever finds something raises it; health tells it until
//! whoever raised it finds that it is over.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use schemars::JsonSchema;
use serde::Serialize;

use crate::kernel::time::Timestamp;

/// An alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alarm {
    /// What it is about; one alarm each.
    pub about: String,
    /// What was found, and what to do.
    pub say: String,
    /// Since when.
    pub since: Timestamp,
}

/// The alarms that are raised.
#[derive(Debug, Default)]
pub struct Alarms(Mutex<BTreeMap<String, Alarm>>);

impl Alarms {
    /// Raises an alarm, or says it anew where it is raised already.
    pub fn raise(&self, about: &str, say: String, now: Timestamp) {
        let mut raised = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = raised.get(about).map_or(now, |alarm| alarm.since);
        if raised.get(about).is_none_or(|alarm| alarm.say != say) {
            tracing::error!(about, say, "alarm");
        }
        raised.insert(about.to_owned(), Alarm { about: about.to_owned(), say, since });
    }

    /// Raises an alarm unless there is one about the same that says more.
    pub fn raise_first(&self, about: &str, say: String, now: Timestamp) {
        let is_raised = self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(about);
        if !is_raised {
            self.raise(about, say, now);
        }
    }

    /// What it was about is over.
    pub fn clear(&self, about: &str) {
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(about).is_some() {
            tracing::info!(about, "an alarm is over");
        }
    }

    /// All that are raised.
    #[must_use]
    pub fn raised(&self) -> Vec<Alarm> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}
