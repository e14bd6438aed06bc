//! What a permission is: a resource and an action, written `resource:action`; and the set of them that a caller holds.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::names::named;
use super::spec::Domain;

named! {
    /// What can be acted upon. A new domain adds its resources here, one line each.
    pub enum Resource {
        Agents = "agents", "Agents: who they are and what they may do";
        Audit = "audit", "The audit log";
        Completions = "completions", "What models answer: texts and vectors";
        Documents = "documents", "Uploaded documents, their text and passages";
        Gateway = "gateway", "What lies behind the gateway's routes";
        Events = "events", "Published events, subscriptions and what could not be delivered";
        Executions = "executions", "Executions of processes: what runs, what waits, what was done";
        Feedback = "feedback", "What people say of answers: ratings, corrections, expected outputs";
        Flows = "flows", "Flows of the registry and what is known of their executions";
        Graph = "graph", "The knowledge graph: nodes and relations";
        Keys = "keys", "API keys";
        Learning = "learning", "Training sets, retraining jobs and drift";
        Memories = "memories", "What is remembered";
        Models = "models", "Models of vendors and the routes to them";
        Personas = "personas", "Personas";
        Processes = "processes", "Definitions of processes: what is done in which order";
        Prompts = "prompts", "Prompts, blocks, their versions and labels";
        Roles = "roles", "Roles and who holds them";
        Routes = "routes", "The gateway's routes";
        Rules = "rules", "Rule sets: decisions, their tables, versions and tests";
        Runs = "runs", "What agents do when they are run, and the records of it";
        Schedules = "schedules", "Schedules: what runs when, and what became of it";
        Secrets = "secrets", "Credentials in the vault: their names, never their text";
        Services = "services", "Registered services and their instances";
        Spending = "spending", "What models cost: usage and budgets";
        System = "system", "The installation: configuration, logs, backups, caches";
        Tasks = "tasks", "Tasks of people: what is asked of whom, and the answers";
        Tools = "tools", "The tools themselves";
        Users = "users", "People's accounts";
    }
}

impl Resource {
    /// The domain that it is of.
    #[must_use]
    pub const fn domain(self) -> Domain {
        match self {
            Self::Agents | Self::Runs => Domain::Agents,
            Self::Audit => Domain::Audit,
            Self::Documents => Domain::Documents,
            Self::Events => Domain::Events,
            Self::Keys | Self::Roles | Self::Users => Domain::Identity,
            Self::Completions | Self::Models | Self::Spending => Domain::Models,
            Self::Executions => Domain::Executions,
            Self::Feedback | Self::Learning => Domain::Learning,
            Self::Flows => Domain::Flows,
            Self::Graph => Domain::Knowledge,
            Self::Memories => Domain::Memory,
            Self::Personas => Domain::Personas,
            Self::Processes => Domain::Processes,
            Self::Prompts => Domain::Prompts,
            Self::Schedules => Domain::Schedules,
            Self::Rules => Domain::Rules,
            Self::Secrets => Domain::Integrations,
            Self::Gateway | Self::Routes | Self::Services | Self::System => Domain::System,
            Self::Tasks => Domain::Tasks,
            Self::Tools => Domain::Registry,
        }
    }
}

named! {
    /// What is done to a resource.
    pub enum Action {
        Read = "read", "See it";
        Create = "create", "Make one";
        Change = "change", "Change one";
        Remove = "remove", "Remove one";
        Manage = "manage", "Act on everybody's, not only on what is one's own or shared: what owners and visibility would hide";
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

/// A set of permissions as one bit each: a word an action, a bit a resource, so that a check is one look at one word.
///
/// The bits of resources that the program does not have yet count too: who has `*` or `*:read` has it of those to come, and
/// who has each of today's by name does not cover it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Grants([u128; ACTIONS]);

const ACTIONS: usize = Action::ALL.len();
/// The bits of the resources that there are.
const KNOWN: u128 = (1 << Resource::ALL.len()) - 1;
const _: () = assert!(Resource::ALL.len() < 128, "Grants needs wider words: one bit is for resources to come");

impl Grants {
    /// No permission.
    pub const NONE: Self = Self([0; ACTIONS]);
    /// Every permission, also those to come.
    pub const ALL: Self = Self([u128::MAX; ACTIONS]);

    /// The grants that a pattern such as `users:read`, `users:*`, `*:read` or `*` gives; `None` when it names nothing.
    #[must_use]
    pub fn parse(pattern: &str) -> Option<Self> {
        if pattern == "*" {
            return Some(Self::ALL);
        }
        let (resource, action) = pattern.split_once(':')?;
        let resources = if resource == "*" { u128::MAX } else { Self::bit(Resource::parse(resource)?) };
        if action == "*" {
            return Some(Self([resources; ACTIONS]));
        }
        let mut grants = Self::NONE;
        grants.0[Action::parse(action)? as usize] = resources;
        Some(grants)
    }

    /// Everything of both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        self.zip(other, |one, other| one | other)
    }

    /// Only what both have.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        self.zip(other, |one, other| one & other)
    }

    /// What the other has not.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        self.zip(other, |one, other| one & !other)
    }

    /// Whether all of the other's are in this one.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        other.without(self) == Self::NONE
    }

    /// Whether the action on the resource is in it.
    #[must_use]
    pub const fn allows(self, resource: Resource, action: Action) -> bool {
        self.0[action as usize] & Self::bit(resource) != 0
    }

    /// The permissions of the set that there are today, in order.
    pub fn iter(self) -> impl Iterator<Item = Permit> {
        Resource::ALL.iter().flat_map(move |resource| {
            Action::ALL
                .iter()
                .filter(move |action| self.allows(*resource, **action))
                .map(|action| Permit::On(*resource, *action))
        })
    }

    /// The patterns that say it: with `*` for what reaches to resources to come, else each permission by its name.
    #[must_use]
    pub fn patterns(self) -> Vec<String> {
        let reaches = |action: Action| self.0[action as usize] & !KNOWN != 0;
        if Action::ALL.iter().all(|action| reaches(*action)) {
            return vec!["*".to_owned()];
        }
        let wide = Action::ALL.iter().filter(|action| reaches(**action)).map(|action| format!("*:{}", action.name()));
        let named = self.iter().filter(|permit| !matches!(permit, Permit::On(_, action) if reaches(*action)));
        wide.chain(named.map(|permit| permit.to_string())).collect()
    }

    fn zip(self, other: Self, join: impl Fn(u128, u128) -> u128) -> Self {
        Self(std::array::from_fn(|at| join(self.0[at], other.0[at])))
    }

    const fn bit(resource: Resource) -> u128 {
        1 << resource as u32
    }
}

/// As the patterns that say it.
impl Serialize for Grants {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.patterns())
    }
}

/// What a pattern names that there is no more gives nothing.
impl<'de> Deserialize<'de> for Grants {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let patterns = Vec::<String>::deserialize(deserializer)?;
        Ok(patterns.iter().filter_map(|pattern| Self::parse(pattern)).fold(Self::NONE, Self::union))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(patterns: &[&str]) -> Grants {
        patterns.iter().map(|pattern| Grants::parse(pattern).unwrap()).fold(Grants::NONE, Grants::union)
    }

    #[test]
    fn patterns_give_what_they_name() {
        let grants = parsed(&["users:*"]);
        assert!(grants.allows(Resource::Users, Action::Remove));
        assert!(!grants.allows(Resource::Roles, Action::Read));
        assert!(parsed(&["*:read"]).allows(Resource::Audit, Action::Read));
        assert!(!parsed(&["*:read"]).allows(Resource::Audit, Action::Manage));
        for nothing in ["nothing:read", "users:nothing", "users", "users:", ":", "", "**", "*:*:*", "Users:read"] {
            assert_eq!(Grants::parse(nothing), None, "{nothing}");
        }
        assert!(Grants::ALL.contains(grants) && !grants.contains(Grants::ALL));
    }

    #[test]
    fn every_permission_is_its_own_and_is_named_as_it_is_parsed() {
        let all: Vec<Permit> = Grants::ALL.iter().collect();
        assert_eq!(all.len(), Resource::ALL.len() * Action::ALL.len());
        for permit in all {
            let grants = parsed(&[&permit.to_string()]);
            assert_eq!(grants.iter().collect::<Vec<_>>(), [permit]);
            assert_eq!(grants.patterns(), [permit.to_string()]);
        }
    }

    /// A program that knows more resources reads the same roles: what was given of everything grows, what was given by name
    /// does not, and so does not suffice to give everything.
    #[test]
    fn what_is_given_of_everything_reaches_to_resources_to_come() {
        let to_come = |grants: Grants, action: Action| grants.0[action as usize] >> 127 == 1;
        let by_name: Vec<String> = Grants::ALL.iter().map(|permit| permit.to_string()).collect();
        let by_name = by_name.iter().map(|name| Grants::parse(name).unwrap()).fold(Grants::NONE, Grants::union);
        assert!(Action::ALL.iter().all(|action| to_come(Grants::ALL, *action) && !to_come(by_name, *action)));
        assert!(Action::ALL.iter().all(|action| to_come(parsed(&["*:read"]), *action) == (*action == Action::Read)));
        assert_eq!(parsed(&["*:*"]), Grants::ALL);
        assert_eq!(parsed(&["*:read", "*:create", "*:change", "*:remove", "*:manage"]), Grants::ALL);
        for wide in ["*", "*:*", "*:read"] {
            assert!(!by_name.contains(parsed(&[wide])), "{wide}");
        }
        assert!(Grants::ALL.contains(by_name) && by_name.contains(parsed(&["users:*"])));
    }

    #[test]
    fn a_set_is_told_in_patterns() {
        assert_eq!(Grants::ALL.patterns(), ["*"]);
        assert_eq!(parsed(&["*:read", "users:read", "keys:create"]).patterns(), ["*:read", "keys:create"]);
        assert!(Grants::NONE.patterns().is_empty());
        assert_eq!(parsed(&["*:read"]).without(parsed(&["users:read"])).patterns(), ["*:read"]);
        assert_eq!(parsed(&["users:read", "keys:read"]).without(parsed(&["users:*"])).patterns(), ["keys:read"]);
    }

    #[test]
    fn there_is_room_for_a_hundred_resources() {
        assert!(size_of::<Grants>() * 8 / Action::ALL.len() >= 100);
    }
}
