//! What a capability says of itself. What matters for safety is given by position, so that it cannot be forgotten.

use serde::Serialize;

use super::names::named;
use super::permit::Permit;

named! {
    /// The part of the platform that a capability belongs to; also its toolset's name. One line each, in the order of
    /// documentation.
    pub enum Domain {
        Identity = "identity", "People, groups, roles, permissions and API keys";
        Audit = "audit", "Who did what and when";
        Integrations = "integrations", "Credentials for what lies outside, kept in a vault";
        Events = "events", "What happened: published, subscribed to, delivered, replayed";
        Agents = "agents", "Who works: agents with personas, prompts, models, tools and limits, run and measured";
        Memory = "memory", "What was said and learned, by whom, when and how long it holds: kept, found, corrected, forgotten";
        Models = "models", "Language models of many vendors: answers, vectors, routes, usage and budgets";
        Personas = "personas", "Who an assistant is: roles, expertise, tone, rules, versioned and found";
        Prompts = "prompts", "Texts for models with variables and blocks: versioned, labelled, tested, assembled";
        Knowledge = "knowledge", "What is known: nodes and relations in time, searched, walked and asked";
        Learning = "learning", "What people say of answers, training sets of it, retraining, drift";
        Documents = "documents", "What people wrote: uploaded, read, found by its passages, told apart, read out of";
        Processes = "processes", "What is done in which order, by whom and with what: drawn, checked, versioned, tried out";
        Executions = "executions", "Processes that run: started, followed, paused, signalled, recovered, taken back";
        Flows = "flows", "Flows that run here or elsewhere: registered, checked, executed, counted";
        Schedules = "schedules", "What is done when: by cron line, recurrence rule, interval or once, held to business calendars";
        Rules = "rules", "Decisions as tables and expressions: versioned, tested, asked, with which rules fired and why";
        Tasks = "tasks", "What people are asked to decide or fill in: forms, who answers, by when, and what they said";
        Registry = "registry", "Finding, reading about and calling tools";
        System = "system", "Health, metrics, configuration, logs, backups and caches of the installation";
    }
}

/// What a capability does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Changes nothing.
    Read,
    /// Makes something new.
    Create,
    /// Changes something; calling twice with the same input is as good as once.
    Change,
    /// Destroys something or cannot be undone.
    Remove,
}

impl Effect {
    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Change => "change",
            Self::Remove => "remove",
        }
    }

    /// Whether it changes nothing.
    #[must_use]
    pub const fn reads(self) -> bool {
        matches!(self, Self::Read)
    }
}

/// The HTTP method of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

impl Verb {
    /// The method's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A REST route under `/api/v1`. Names in braces are input fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub verb: Verb,
    /// The path.
    pub path: &'static str,
}

impl Route {
    /// A GET route.
    #[must_use]
    pub const fn get(path: &'static str) -> Self {
        Self { verb: Verb::Get, path }
    }
    /// A POST route.
    #[must_use]
    pub const fn post(path: &'static str) -> Self {
        Self { verb: Verb::Post, path }
    }
    /// A PUT route.
    #[must_use]
    pub const fn put(path: &'static str) -> Self {
        Self { verb: Verb::Put, path }
    }
    /// A PATCH route.
    #[must_use]
    pub const fn patch(path: &'static str) -> Self {
        Self { verb: Verb::Patch, path }
    }
    /// A DELETE route.
    #[must_use]
    pub const fn delete(path: &'static str) -> Self {
        Self { verb: Verb::Delete, path }
    }
}

/// Everything about a capability but its types and its code.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// The tool's name.
    pub name: &'static str,
    /// Its domain.
    pub domain: Domain,
    /// What it does to the world.
    pub effect: Effect,
    /// Its route.
    pub route: Route,
    /// What it demands of the caller.
    pub permit: Permit,
    /// What it does and when to choose it, for a model that must choose.
    pub description: &'static str,
    /// Other routes with the same answer.
    pub aliases: &'static [Route],
    /// Touches something outside.
    pub reaches: bool,
    /// What it touches outside keeps nothing of it: a call that is lost leaves a bill there, and no more.
    pub asks: bool,
    /// Looks at entries of the audit log.
    pub sees_entries: bool,
    /// Costs money.
    pub spends: bool,
    /// Shown in the compact list.
    pub everyday: bool,
    /// The answer holds a secret that is shown once: it is never kept, not even for a repeated idempotency key.
    pub shows_secret: bool,
    /// The input holds a secret: it is never kept, so the call runs at once and not as a task.
    pub takes_secret: bool,
    /// Takes a file in place of this member: over REST as the request's body.
    pub takes_file: Option<&'static str>,
    /// Its input names another tool and that tool's input; the gate judges and runs that one.
    pub forwards: Option<Forward>,
}

/// How a forwarding capability forwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forward {
    /// To any tool.
    Any,
    /// Only to tools that read.
    Reads,
}

impl Spec {
    const fn new(
        name: &'static str,
        domain: Domain,
        effect: Effect,
        route: Route,
        permit: Permit,
        description: &'static str,
    ) -> Self {
        Self {
            name,
            domain,
            effect,
            route,
            permit,
            description,
            aliases: &[],
            reaches: false,
            asks: false,
            sees_entries: false,
            spends: false,
            everyday: false,
            shows_secret: false,
            takes_secret: false,
            takes_file: None,
            forwards: None,
        }
    }

    /// A capability that changes nothing.
    #[must_use]
    pub const fn read(
        name: &'static str,
        domain: Domain,
        route: Route,
        permit: Permit,
        description: &'static str,
    ) -> Self {
        Self::new(name, domain, Effect::Read, route, permit, description)
    }

    /// A capability that makes something new.
    #[must_use]
    pub const fn create(
        name: &'static str,
        domain: Domain,
        route: Route,
        permit: Permit,
        description: &'static str,
    ) -> Self {
        Self::new(name, domain, Effect::Create, route, permit, description)
    }

    /// A capability that changes something.
    #[must_use]
    pub const fn change(
        name: &'static str,
        domain: Domain,
        route: Route,
        permit: Permit,
        description: &'static str,
    ) -> Self {
        Self::new(name, domain, Effect::Change, route, permit, description)
    }

    /// A capability that destroys something or cannot be undone.
    #[must_use]
    pub const fn remove(
        name: &'static str,
        domain: Domain,
        route: Route,
        permit: Permit,
        description: &'static str,
    ) -> Self {
        Self::new(name, domain, Effect::Remove, route, permit, description)
    }

    /// Also answers on these routes.
    #[must_use]
    pub const fn also(mut self, aliases: &'static [Route]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Touches something outside.
    #[must_use]
    pub const fn reaches(mut self) -> Self {
        self.reaches = true;
        self
    }

    /// Asks something outside that keeps nothing of it, such as a model. No record is written before it runs, and where it writes
    /// nothing else its audit entry is written behind it: nobody waits for a disk (decisions/0018).
    #[must_use]
    pub const fn asks(mut self) -> Self {
        self.reaches = true;
        self.asks = true;
        self
    }

    /// Looks at entries of the audit log, or copies everything: those of calls that did not wait for theirs are written before.
    #[must_use]
    pub const fn sees_entries(mut self) -> Self {
        self.sees_entries = true;
        self
    }

    /// Costs money.
    #[must_use]
    pub const fn spends(mut self) -> Self {
        self.spends = true;
        self
    }

    /// Shown in the compact list.
    #[must_use]
    pub const fn everyday(mut self) -> Self {
        self.everyday = true;
        self
    }

    /// Answers with a secret that is shown once.
    #[must_use]
    pub const fn shows_secret(mut self) -> Self {
        self.shows_secret = true;
        self
    }

    /// Takes a secret that must lie nowhere but where the capability itself puts it.
    #[must_use]
    pub const fn takes_secret(mut self) -> Self {
        self.takes_secret = true;
        self
    }

    /// Takes a file in place of a member of its input, which then says `sha256:` and the file's digest.
    #[must_use]
    pub const fn takes_file(mut self, member: &'static str) -> Self {
        self.takes_file = Some(member);
        self
    }

    /// Forwards to the tool that its input names.
    #[must_use]
    pub const fn forwards(mut self, to: Forward) -> Self {
        self.forwards = Some(to);
        self
    }
}
