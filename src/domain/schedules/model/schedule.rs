//! A schedule: when it is due, what runs then, and on whose behalf.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::bound::Bound;
use crate::capability::caller::Principal;
use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::domain::schedules::engine::when::Closed;
use crate::kernel::calendar::CalendarSpec;
use crate::kernel::id::{KeyId, UserId};
use crate::kernel::time::Timestamp;
use crate::port::records::{Document, Field, FieldType, Kind};

/// The kind of schedules.
pub(in crate::domain::schedules) static SCHEDULE: Kind = Kind {
    fields: &[
        Field { name: "state", of: FieldType::Text },
        Field { name: "name", of: FieldType::Text },
        Field { name: "does", of: FieldType::Text },
    ],
    text: &["name", "description"],
    private: &["variables"],
    ..Kind::new("schedule")
};

/// A schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::schedules) struct Schedule {
    /// What lists show.
    pub(in crate::domain::schedules) name: String,
    /// What it is for.
    pub(in crate::domain::schedules) description: Option<String>,
    /// When it is due, as it was written.
    pub(in crate::domain::schedules) timing: Timing,
    /// What runs.
    pub(in crate::domain::schedules) target: Target,
    /// The target as one word and its name, for filters: `tool:event_publish`.
    pub(in crate::domain::schedules) does: String,
    /// The input of what runs.
    pub(in crate::domain::schedules) variables: Map<String, Value>,
    /// What becomes of due times at which nothing could run.
    pub(in crate::domain::schedules) missed: Missed,
    /// How many of them are made up for, where all are.
    pub(in crate::domain::schedules) catch_up_limit: usize,
    /// What becomes of a due time while a run is under way.
    pub(in crate::domain::schedules) overlap: Overlap,
    /// A run begins up to so many seconds later.
    pub(in crate::domain::schedules) jitter_seconds: u64,
    /// How long a run may take, in seconds.
    pub(in crate::domain::schedules) timeout_seconds: u64,
    /// How it stands.
    pub(in crate::domain::schedules) state: State,
    /// Why, where there is something to say.
    pub(in crate::domain::schedules) reason: Option<String>,
    /// On whose behalf it runs.
    pub(in crate::domain::schedules) user: UserId,
    /// The key that it was made with, `None` for the local owner.
    pub(in crate::domain::schedules) key: Option<KeyId>,
    /// What may be done at most, where a process had it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::domain::schedules) bound: Option<Bound>,
}

/// When something is due, as it was written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::domain::schedules) struct Timing {
    pub(in crate::domain::schedules) cron: Option<String>,
    pub(in crate::domain::schedules) rrule: Option<String>,
    pub(in crate::domain::schedules) interval_seconds: Option<u64>,
    pub(in crate::domain::schedules) at: Option<Timestamp>,
    pub(in crate::domain::schedules) timezone: String,
    /// The beginning of a rule or an interval.
    pub(in crate::domain::schedules) begins: Timestamp,
    pub(in crate::domain::schedules) not_before: Option<Timestamp>,
    pub(in crate::domain::schedules) not_after: Option<Timestamp>,
    pub(in crate::domain::schedules) calendar: Option<String>,
    pub(in crate::domain::schedules) own_calendar: Option<CalendarSpec>,
    pub(in crate::domain::schedules) when_closed: Closed,
}

/// What runs. Another kind of target is one more variant here, and its line in `Target::call`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "name", rename_all = "snake_case")]
pub(in crate::domain::schedules) enum Target {
    /// A tool, by its name.
    Tool(String),
    /// An agent, by its id or name.
    Agent(String),
    /// A process, by its id or name.
    Process {
        /// Which.
        process: String,
        /// Its version; the newest that is published then where none is named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
    },
}

impl Target {
    /// The call that it is: the tool and its input.
    pub(in crate::domain::schedules) fn call(&self, variables: &Map<String, Value>) -> (String, Value) {
        match self {
            Self::Tool(tool) => (tool.clone(), variables.clone().into()),
            Self::Agent(agent) => {
                let mut input = variables.clone();
                input.insert("id".to_owned(), agent.as_str().into());
                ("agent_invoke".to_owned(), input.into())
            }
            Self::Process { process, version } => {
                let mut input =
                    serde_json::json!({ "processId": process, "variables": variables, "initiator": "a schedule" });
                if let Some(version) = version {
                    input["version"] = version.as_str().into();
                }
                ("execution_start".to_owned(), input)
            }
        }
    }

    /// As one word and its name.
    pub(in crate::domain::schedules) fn does(&self) -> String {
        match self {
            Self::Tool(tool) => format!("tool:{tool}"),
            Self::Agent(agent) => format!("agent:{agent}"),
            Self::Process { process, .. } => format!("process:{process}"),
        }
    }
}

/// What becomes of due times at which nothing could run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Missed {
    /// Nothing: the next due time is waited for.
    Skip,
    /// One run makes up for all of them.
    #[default]
    Once,
    /// Each is made up for, one after the other: the last ones, up to a limit.
    All,
}

/// What becomes of a due time while a run is under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Overlap {
    /// It is left out.
    #[default]
    Skip,
    /// One run waits until the other ends; further due times are left out.
    Queue,
    /// Both run.
    Allow,
    /// The one under way is called off.
    CancelPrevious,
}

/// How a schedule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::schedules) enum State {
    /// It runs when it is due.
    Active,
    /// Somebody paused it.
    Paused,
    /// It stopped by itself, since on whose behalf it runs is refused.
    Suspended,
    /// Nothing more is due.
    Completed,
}

impl State {
    /// The name, as filters use it.
    pub(in crate::domain::schedules) const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Suspended => "suspended",
            Self::Completed => "completed",
        }
    }
}

impl Document for Schedule {
    const KIND: &'static Kind = &SCHEDULE;
}

impl Owned for Schedule {
    const RESOURCE: Resource = Resource::Schedules;
    const NOUN: &'static str = "schedule";
}

impl Schedule {
    /// By whose rights it runs.
    pub(in crate::domain::schedules) fn principal(&self) -> Principal {
        self.key.map_or(Principal::LocalOwner, Principal::Key)
    }
}
