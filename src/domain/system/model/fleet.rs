//! The instances of the installation as they tell of themselves, where several share a store.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::instance::InstanceHealth;
use crate::capability::gate::meter::Reading;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::records::{Document, Kind};

/// The kind of instances. They belong to no tenant.
pub(crate) static FLEET_INSTANCE: Kind = Kind::new("fleet_instance");

/// The kind of what is counted of the tools of an instance: written only when there is something new.
pub(crate) static FLEET_FIGURES: Kind = Kind::new("fleet_figures");

/// Without a word for so long an instance counts as silent. It says one every two seconds.
const SILENT_AFTER: Duration = Duration::from_secs(7);

/// What an instance says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Beat {
    /// Its number.
    pub instance: i32,
    /// The program's version.
    pub version: String,
    /// The process's number.
    pub process_id: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// When it said so.
    pub heard_at: Timestamp,
    /// The domains of its tools.
    pub capabilities: Vec<String>,
    /// What it uses of its machine.
    pub process: Process,
    /// All its calls together.
    pub calls: Calls,
}

/// What a process uses of its machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    /// Bytes of memory in use, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Seconds of CPU used, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_seconds: Option<f64>,
    /// Threads, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u64>,
    /// Open files and connections, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u64>,
}

/// Counts of calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Calls {
    /// How many.
    pub all: u64,
    /// How many ended by a fault of the caller.
    pub caller_faults: u64,
    /// How many ended by a fault of the server.
    pub server_faults: u64,
}

/// The counts of an instance's tools.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Figures {
    /// The instance.
    pub instance: i32,
    /// The tools that were called.
    pub tools: Vec<(String, Reading)>,
}

impl Document for Beat {
    const KIND: &'static Kind = &FLEET_INSTANCE;
}

impl Document for Figures {
    const KIND: &'static Kind = &FLEET_FIGURES;
}

/// Whose the documents are: nobody's.
pub(crate) fn nobody() -> TenantId {
    TenantId::from_uuid(Uuid::nil())
}

/// The id of an instance's documents, one of each kind.
pub(crate) fn id_of_instance(instance: i32) -> Uuid {
    Uuid::from_u128(0x666c_6565_745f_696e_7374_616e_0000_0000 | u128::from(instance.unsigned_abs()))
}

impl Beat {
    /// How it is.
    pub(crate) fn health(&self, now: Timestamp) -> InstanceHealth {
        if now.since(self.heard_at) > SILENT_AFTER { InstanceHealth::Silent } else { InstanceHealth::Healthy }
    }
}

impl Process {
    /// What two use together, as far as their systems tell.
    #[must_use]
    pub(crate) fn with(self, other: Self) -> Self {
        fn sum<T: std::ops::Add<Output = T>>(one: Option<T>, other: Option<T>) -> Option<T> {
            match (one, other) {
                (Some(one), Some(other)) => Some(one + other),
                (one, None) => one,
                (None, other) => other,
            }
        }
        Self {
            memory_bytes: sum(self.memory_bytes, other.memory_bytes),
            cpu_seconds: sum(self.cpu_seconds, other.cpu_seconds),
            threads: sum(self.threads, other.threads),
            open_files: sum(self.open_files, other.open_files),
        }
    }
}

impl Calls {
    /// The calls of readings together.
    pub(crate) fn of<'a>(readings: impl IntoIterator<Item = &'a Reading>) -> Self {
        readings.into_iter().map(Self::from).fold(Self::default(), Self::with)
    }

    /// These and others.
    #[must_use]
    pub(crate) fn with(self, other: Self) -> Self {
        Self {
            all: self.all + other.all,
            caller_faults: self.caller_faults + other.caller_faults,
            server_faults: self.server_faults + other.server_faults,
        }
    }
}

impl From<&Reading> for Calls {
    fn from(reading: &Reading) -> Self {
        Self { all: reading.calls(), caller_faults: reading.caller_faults, server_faults: reading.server_faults }
    }
}
