//! How far the events of a tenant were heard for the executions that wait for one.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::port::records::{Document, Kind};

/// The kind of ears: one for each tenant in which something waits, or has.
pub(in crate::domain::executions) static EXECUTION_EAR: Kind = Kind::new("execution_ear");

/// An ear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Ear {
    /// Everything up to this place in the log was heard.
    pub(in crate::domain::executions) position: i64,
}

impl Ear {
    /// The id of the document, the same in every tenant.
    pub(in crate::domain::executions) const ID: Uuid = Uuid::from_u128(0x0001);
}

impl Document for Ear {
    const KIND: &'static Kind = &EXECUTION_EAR;
}
