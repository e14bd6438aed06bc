//! The roles that come with the program. Each tenant has them as documents; a start writes them anew where the program's
//! own list has changed.

use super::model::role::Role;

/// The role that may do everything.
pub const ADMIN: &str = "admin";
/// The role that new users get.
pub const MEMBER: &str = "member";

/// A role that comes with the program.
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// What it permits.
    pub permissions: &'static [&'static str],
}

/// All of them.
pub static BUILT_IN: &[BuiltIn] = &[
    BuiltIn { name: ADMIN, description: "May do everything, now and later.", permissions: &["*"] },
    BuiltIn {
        name: MEMBER,
        description: "Everyday work: sees people, roles and tools, keeps keys, subscriptions, prompts, personas, rules, processes and what runs of them, flows, documents, agents and schedules of their own, asks models, runs agents, remembers, gives and answers tasks, says what answers are worth.",
        permissions: &[
            "users:read",
            "roles:read",
            "tools:read",
            "keys:read",
            "keys:create",
            "keys:remove",
            "events:read",
            "events:create",
            "events:change",
            "events:remove",
            "models:read",
            "completions:create",
            "spending:read",
            "prompts:read",
            "prompts:create",
            "prompts:change",
            "personas:read",
            "personas:create",
            "personas:change",
            "executions:read",
            "executions:create",
            "executions:change",
            "executions:remove",
            "flows:read",
            "flows:create",
            "flows:change",
            "flows:remove",
            "processes:read",
            "processes:create",
            "processes:change",
            "rules:read",
            "rules:create",
            "rules:change",
            "documents:read",
            "documents:create",
            "documents:change",
            "documents:remove",
            "feedback:read",
            "feedback:create",
            "learning:read",
            "learning:create",
            "schedules:read",
            "schedules:create",
            "schedules:change",
            "schedules:remove",
            "agents:read",
            "agents:create",
            "agents:change",
            "agents:remove",
            "runs:read",
            "runs:create",
            "graph:read",
            "graph:change",
            "graph:remove",
            "memories:read",
            "memories:create",
            "memories:change",
            "memories:remove",
            "tasks:read",
            "tasks:create",
            "tasks:change",
        ],
    },
    BuiltIn { name: "viewer", description: "Sees what is shared and changes nothing.", permissions: &["*:read"] },
    BuiltIn {
        name: "auditor",
        description: "Sees who did what, who holds which role and how the installation is set up.",
        permissions: &["audit:*", "users:read", "roles:read", "system:read", "tools:read"],
    },
    BuiltIn {
        name: "operator",
        description: "Runs the installation: health, configuration, logs, backups, caches.",
        permissions: &["system:*", "services:*", "routes:*", "tools:read"],
    },
];

impl BuiltIn {
    /// Its document.
    #[must_use]
    pub fn document(&self) -> Role {
        Role {
            name: self.name.to_owned(),
            description: self.description.to_owned(),
            permissions: self.permissions.iter().map(|pattern| (*pattern).to_owned()).collect(),
            builtin: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::permit::Grants;

    #[test]
    fn every_pattern_names_something() {
        for role in BUILT_IN {
            assert!(role.permissions.iter().all(|pattern| Grants::parse(pattern).is_some()), "{}", role.name);
        }
    }
}
