//! A role given to a user or to a group, within dates.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::id_of_connection;
use crate::kernel::id::{RoleId, UserId};
use crate::kernel::time::Timestamp;
use crate::port::records::{Authority, Document, Field, FieldType, Kind, Whose};

/// The kind of role assignments.
pub static ROLE_ASSIGNMENT: Kind = Kind {
    fields: &[
        Field { name: "role", of: FieldType::Id },
        Field { name: "user", of: FieldType::Id },
        Field { name: "group", of: FieldType::Text },
    ],
    authority: Authority::Always(Whose::Named("user")),
    ..Kind::new("role_assignment")
};

/// The counter of the users that a role is given to directly, by the role's id.
pub const ROLE_HOLDERS: &str = "role_holders";

/// Whom a role is given to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// One user.
    User(UserId),
    /// Everybody in a group.
    Group(String),
}

/// A role given to a user or to a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assignment {
    /// The role.
    pub role: RoleId,
    /// The user, where it is given to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The group, where it is given to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// In force from this moment on; from the beginning where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<Timestamp>,
    /// No longer in force from this moment on; without an end where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_until: Option<Timestamp>,
    /// Who gave it; none for what the first start gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_by: Option<UserId>,
}

impl Assignment {
    /// A role given to a holder without dates.
    #[must_use]
    pub fn new(role: RoleId, holder: &Holder, given_by: Option<UserId>) -> Self {
        let (user, group) = match holder {
            Holder::User(user) => (Some(*user), None),
            Holder::Group(group) => (None, Some(group.clone())),
        };
        Self { role, user, group, effective_from: None, effective_until: None, given_by }
    }

    /// The id of the one assignment of a role to a holder.
    #[must_use]
    pub fn id_of(role: RoleId, holder: &Holder) -> Uuid {
        match holder {
            Holder::User(user) => id_of_connection(&[b"role to user", role.uuid().as_bytes(), user.uuid().as_bytes()]),
            Holder::Group(group) => id_of_connection(&[b"role to group", role.uuid().as_bytes(), group.as_bytes()]),
        }
    }

    /// Whether it is in force at a moment.
    #[must_use]
    pub fn in_force(&self, now: Timestamp) -> bool {
        self.effective_from.is_none_or(|from| from <= now) && self.effective_until.is_none_or(|until| now < until)
    }

    /// Whether it is over at a moment, never to come back by itself.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.effective_until.is_some_and(|until| until <= now)
    }

    /// The next moment at which it comes into force or ends.
    #[must_use]
    pub fn next_boundary(&self, now: Timestamp) -> Option<Timestamp> {
        [self.effective_from, self.effective_until].into_iter().flatten().filter(|moment| *moment > now).min()
    }
}

impl Document for Assignment {
    const KIND: &'static Kind = &ROLE_ASSIGNMENT;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_bound_what_is_in_force() {
        let at = Timestamp::from_millis;
        let role = RoleId::from_uuid(Uuid::nil());
        let mut assignment = Assignment::new(role, &Holder::Group("ops".to_owned()), None);
        assert!(assignment.in_force(at(0)) && assignment.next_boundary(at(0)).is_none());
        assignment.effective_from = Some(at(10));
        assignment.effective_until = Some(at(20));
        assert!(!assignment.in_force(at(9)) && assignment.in_force(at(10)));
        assert!(assignment.in_force(at(19)) && !assignment.in_force(at(20)));
        assert!(!assignment.is_over(at(9)) && !assignment.is_over(at(19)) && assignment.is_over(at(20)));
        assert_eq!(assignment.next_boundary(at(9)), Some(at(10)));
        assert_eq!(assignment.next_boundary(at(10)), Some(at(20)));
        assert_eq!(assignment.next_boundary(at(20)), None);
    }

    #[test]
    fn each_holder_has_one_assignment_of_a_role() {
        let role = RoleId::from_uuid(Uuid::nil());
        let group = |name: &str| Assignment::id_of(role, &Holder::Group(name.to_owned()));
        assert_eq!(group("ops"), group("ops"));
        assert_ne!(group("ops"), group("finance"));
        assert_ne!(group("ops"), Assignment::id_of(role, &Holder::User(UserId::from_uuid(Uuid::nil()))));
    }
}
