//! What a permission is: a resource and an action, written `resource:action`; and the set of them that a caller holds.

use std::fmt;

use serde::Serialize;

use super::spec::Domain;

/// What can be acted upon. A new domain adds its resources here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Resource {
    /// The audit log.
    Audit,
    /// API keys.
    Keys,
    /// Roles and who holds them.
    Roles,
    /// The installation: configuration, logs, backups, caches.
    System,
    /// The tools themselves.
    Tools,
    /// People's accounts.
    Users,
}

impl Resource {
    /// Every resource.
    pub const ALL: &'static [Self] = &[Self::Audit, Self::Keys, Self::Roles, Self::System, Self::Tools, Self::Users];

    /// The name in a permission.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Keys => "keys",
            Self::Roles => "roles",
            Self::System => "system",
            Self::Tools => "tools",
            Self::Users => "users",
        }
    }

    /// The domain that it is of.
    #[must_use]
    pub const fn domain(self) -> Domain {
        match self {
            Self::Audit => Domain::Audit,
            Self::Keys | Self::Roles | Self::Users => Domain::Identity,
            Self::System => Domain::System,
            Self::Tools => Domain::Registry,
        }
    }
}

/// What is done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// See it.
    Read,
    /// Make one.
    Create,
    /// Change one.
    Change,
    /// Remove one.
    Remove,
    /// Act on everybody's, not only on what is one's own or shared: what owners and visibility would hide.
    Manage,
}

impl Action {
    /// Every action.
    pub const ALL: &'static [Self] = &[Self::Read, Self::Create, Self::Change, Self::Remove, Self::Manage];

    /// The name in a permission.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Change => "change",
            Self::Remove => "remove",
            Self::Manage => "manage",
        }
    }
}

/// What a capability demands of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// Nothing: also callers without a credential.
    Public,
    /// A valid credential: the capability concerns only the caller's own things.
    Own,
    /// A permission.
    On(Resource, Action),
}

impl Permit {
    /// The permission to do this to that.
    #[must_use]
    pub const fn on(resource: Resource, action: Action) -> Self {
        Self::On(resource, action)
    }
}

impl fmt::Display for Permit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => formatter.write_str("public"),
            Self::Own => formatter.write_str("own"),
            Self::On(resource, action) => write!(formatter, "{}:{}", resource.name(), action.name()),
        }
    }
}

impl Serialize for Permit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A set of permissions as one bit each, so that a check costs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Grants(u128);

const ACTIONS: usize = Action::ALL.len();
const _: () = assert!(Resource::ALL.len() * ACTIONS <= 128, "Grants needs a wider integer");

impl Grants {
    /// No permission.
    pub const NONE: Self = Self(0);
    /// Every permission.
    pub const ALL: Self = Self(u128::MAX);

    /// The grants that a pattern such as `users:read`, `users:*`, `*:read` or `*` gives; `None` when it names nothing.
    #[must_use]
    pub fn parse(pattern: &str) -> Option<Self> {
        if pattern == "*" {
            return Some(Self::ALL);
        }
        let (resource, action) = pattern.split_once(':')?;
        let mut grants = Self::NONE;
        for known in Resource::ALL {
            for deed in Action::ALL {
                if (resource == "*" || resource == known.name()) && (action == "*" || action == deed.name()) {
                    grants.0 |= Self::bit(*known, *deed);
                }
            }
        }
        (grants != Self::NONE).then_some(grants)
    }

    /// Everything of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Only what both have.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether all of the other's are in this one.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the action on the resource is in it.
    #[must_use]
    pub const fn allows(self, resource: Resource, action: Action) -> bool {
        self.0 & Self::bit(resource, action) != 0
    }

    /// The permissions of the set, in order.
    pub fn iter(self) -> impl Iterator<Item = Permit> {
        Resource::ALL.iter().flat_map(move |resource| {
            Action::ALL
                .iter()
                .filter(move |action| self.allows(*resource, **action))
                .map(|action| Permit::On(*resource, *action))
        })
    }

    const fn bit(resource: Resource, action: Action) -> u128 {
        1 << (resource as usize * ACTIONS + action as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_give_what_they_name() {
        let grants = Grants::parse("users:*").unwrap();
        assert!(grants.allows(Resource::Users, Action::Remove));
        assert!(!grants.allows(Resource::Roles, Action::Read));
        assert!(Grants::parse("*:read").unwrap().allows(Resource::Audit, Action::Read));
        assert_eq!(Grants::parse("nothing:read"), None);
        assert_eq!(Grants::parse("users"), None);
        assert!(Grants::ALL.contains(grants) && !grants.contains(Grants::ALL));
    }
}
