//! What waits: for a moment, for an event, for a message.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::definition::condition_of;
use super::{Role, Said, Typed, said};

/// A moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Timer {
    /// For so long: an ISO 8601 duration such as `PT30M` or `P3D`, or an expression that gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 2000))]
    pub after: Option<String>,
    /// Until then: an RFC 3339 time, or an expression that gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 2000))]
    pub until: Option<String>,
}

impl Typed for Timer {
    const NAME: &'static str = "timer";
    const ABOUT: &'static str = "Waits for so long, or until a moment.";
    const ROLE: Role = Role::Event;

    fn says(&self) -> Vec<Said> {
        let mut found = Vec::new();
        for (at, text) in [("/after", &self.after), ("/until", &self.until)] {
            if let Some(text) = text {
                said(at, text, &mut found);
            }
        }
        found
    }

    fn amiss(&self) -> Vec<(&'static str, String)> {
        let given = [&self.after, &self.until].iter().filter(|one| one.is_some()).count();
        if given == 1 { Vec::new() } else { vec![("", "has either 'after' or 'until'".to_owned())] }
    }
}

/// An event or a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Wait {
    /// The topic of the event, such as `document.uploaded`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub event: Option<String>,
    /// The name of the message, as `execution_signal` says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub message: Option<String>,
    /// What it must be about: an expression over the variables, whose value the message's `correlationKey`, or the event's subject, must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000))]
    pub correlation_key: Option<String>,
    /// What must hold besides: an expression that reads the variables and `result`, which is what came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000))]
    pub condition: Option<String>,
}

impl Typed for Wait {
    const NAME: &'static str = "wait";
    const ABOUT: &'static str = "Waits for an event of a topic or for a message; `result` is what came.";
    const ROLE: Role = Role::Event;

    fn says(&self) -> Vec<Said> {
        let texts = [("/correlationKey", &self.correlation_key), ("/condition", &self.condition)];
        let said = texts.into_iter().filter_map(|(at, text)| {
            let text = condition_of(text.as_ref()?).to_owned();
            Some(Said { at: at.to_owned(), text })
        });
        said.collect()
    }

    fn amiss(&self) -> Vec<(&'static str, String)> {
        if self.event.is_some() == self.message.is_some() {
            return vec![("", "has either 'event' or 'message'".to_owned())];
        }
        Vec::new()
    }
}
