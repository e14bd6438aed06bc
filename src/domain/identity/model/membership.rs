//! A membership: one user in one group. Written in the same commit as the user's `groups`, so that lists can find a group's
//! members; the user's own document is what counts.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::id_of_connection;
use crate::kernel::id::UserId;
use crate::port::records::{Authority, Document, Field, FieldType, Kind, Whose};

/// The kind of memberships.
pub static MEMBERSHIP: Kind = Kind {
    fields: &[Field { name: "user", of: FieldType::Id }, Field { name: "group", of: FieldType::Text }],
    authority: Authority::OnceMade(Whose::Named("user")),
    ..Kind::new("membership")
};

/// One user in one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Membership {
    /// The user.
    pub user: UserId,
    /// The group.
    pub group: String,
}

impl Membership {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> Uuid {
        id_of_connection(&[b"membership", self.user.uuid().as_bytes(), self.group.as_bytes()])
    }
}

impl Document for Membership {
    const KIND: &'static Kind = &MEMBERSHIP;
}
