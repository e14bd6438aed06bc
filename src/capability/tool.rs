//! A tool: what every door sees of a capability, built in or added by a tenant. Made once, shared by all calls.

use std::fmt;
use std::sync::{Arc, OnceLock};

use futures::future::BoxFuture;
use jsonschema::Validator;
use serde_json::Value;

use super::caller::Caller;
use super::cx::Cx;
use super::outcome::{Form, Outcome};
use super::permit::Permit;
use super::registry::{Snapshot, may_call};
use super::row::{Row, Run};
use super::schema::{self, SharedSchema};
use super::spec::{Domain, Effect, Forward, Route};
use crate::capability::gate::meter::Meter;
use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// The deepest that the schema of an input may be.
const DEEPEST: usize = 64;

/// Code that is not a capability of this program: a tenant's script, an outside server.
pub trait Runner: Send + Sync {
    /// Runs it with an input that fits its schema.
    fn run<'a>(&'a self, cx: &'a Cx, input: Value) -> BoxFuture<'a, Result<Outcome, Fault>>;
}

/// How a tool runs.
pub enum Code {
    /// A capability of this program.
    Built(Run),
    /// Something else.
    Added(Arc<dyn Runner>),
}

/// What people say of a tool that its description does not: its card.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// The tool's name.
    pub tool: String,
    /// What people say when they need it, the most usual first.
    #[serde(default)]
    pub phrases: Vec<String>,
    /// When not to use it, and what to use instead; also tools that are not built yet.
    #[serde(default)]
    pub avoid: Vec<Alternative>,
    /// Worked examples; each is run as a test.
    #[serde(default)]
    pub examples: Vec<Example>,
}

/// When another tool is the one to use.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alternative {
    /// The need, as a sentence begins: "To end a key".
    pub when: String,
    /// The tool for it.
    pub tool: String,
}

impl fmt::Display for Alternative {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} use {}.", self.when, self.tool)
    }
}

/// A worked example of a card.
#[derive(Debug, Clone, PartialEq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What it shows.
    pub say: String,
    /// The input.
    pub input: Value,
    /// Some of what the answer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
}

/// A tool.
pub struct Tool {
    /// Its name.
    pub name: Arc<str>,
    /// Its name in words.
    pub title: String,
    /// What it does and when to choose it.
    pub description: String,
    /// Its domain.
    pub domain: Domain,
    /// What it does to the world.
    pub effect: Effect,
    /// What it demands of the caller.
    pub permit: Permit,
    /// Touches something outside.
    pub reaches: bool,
    /// What it touches outside keeps nothing of it.
    pub asks: bool,
    /// Looks at entries of the audit log.
    pub sees_entries: bool,
    /// Costs money.
    pub spends: bool,
    /// Shown in the compact list.
    pub everyday: bool,
    /// Answers with a secret that is shown once.
    pub shows_secret: bool,
    /// Takes a secret in its input.
    pub takes_secret: bool,
    /// Takes a file in place of this member.
    pub takes_file: Option<&'static str>,
    /// Judged and run as the tool that its input names.
    pub forwards: Option<Forward>,
    /// Its route, where it has one, and then its aliases.
    pub routes: Vec<Route>,
    /// The form of its answers.
    pub form: Form,
    /// Its card.
    pub card: Card,
    /// The faults of its domain besides those of the table that all share.
    pub faults: &'static [codes::Code],
    /// Its counts.
    pub meter: Meter,
    code: Code,
    input: LazySchema,
    output: LazySchema,
    validator: OnceLock<Result<Validator, String>>,
}

/// A schema that is made when it is first needed: a start needs none of hundreds.
struct LazySchema {
    made: OnceLock<SharedSchema>,
    make: fn() -> SharedSchema,
}

impl LazySchema {
    const fn of(make: fn() -> SharedSchema) -> Self {
        Self { made: OnceLock::new(), make }
    }

    fn given(schema: SharedSchema) -> Self {
        Self { made: OnceLock::from(schema), make: SharedSchema::default }
    }

    fn get(&self) -> &SharedSchema {
        self.made.get_or_init(self.make)
    }
}

impl Tool {
    /// The tool of a row with its card and its domain's faults.
    #[must_use]
    pub fn built(row: &Row, card: Card, faults: &'static [codes::Code]) -> Self {
        let spec = &row.spec;
        Self {
            name: spec.name.into(),
            title: title_of(spec.name),
            description: spec.description.to_owned(),
            domain: spec.domain,
            effect: spec.effect,
            permit: spec.permit,
            reaches: spec.reaches,
            asks: spec.asks,
            sees_entries: spec.sees_entries,
            spends: spec.spends,
            everyday: spec.everyday,
            shows_secret: spec.shows_secret,
            takes_secret: spec.takes_secret,
            takes_file: spec.takes_file,
            forwards: spec.forwards,
            routes: std::iter::once(spec.route).chain(spec.aliases.iter().copied()).collect(),
            form: row.form,
            card,
            faults,
            meter: Meter::default(),
            code: Code::Built(row.run),
            input: LazySchema::of(row.input),
            output: LazySchema::of(row.output),
            validator: OnceLock::new(),
        }
    }

    /// A tool that a tenant adds: it has no route of its own and answers with one value.
    #[must_use]
    pub fn added(definition: Definition, runner: Arc<dyn Runner>) -> Self {
        Self {
            title: title_of(&definition.name),
            name: definition.name.into(),
            description: definition.description,
            domain: definition.domain,
            effect: definition.effect,
            permit: definition.permit,
            reaches: definition.reaches,
            asks: false,
            sees_entries: false,
            spends: false,
            everyday: false,
            shows_secret: false,
            takes_secret: false,
            takes_file: None,
            forwards: None,
            routes: Vec::new(),
            form: Form::Value,
            card: definition.card,
            faults: &[],
            meter: Meter::default(),
            code: Code::Added(runner),
            input: LazySchema::given(definition.input),
            output: LazySchema::given(definition.output),
            validator: OnceLock::new(),
        }
    }

    /// Whether its calls leave an audit entry: writes, and reads that cost money.
    #[must_use]
    pub fn is_audited(&self) -> bool {
        !self.effect.reads() || self.spends
    }

    /// Whether running it twice is not as good as once: it touches something outside, or costs money.
    #[must_use]
    pub fn is_felt_outside(&self) -> bool {
        self.reaches || self.spends
    }

    /// What its card names to use instead, as far as a caller may call it.
    pub fn alternatives(&self, snapshot: &Snapshot, caller: &Caller) -> impl Iterator<Item = &Alternative> {
        let may_use = |name: &str| snapshot.find(caller.tenant, name).is_some_and(|tool| may_call(caller, tool));
        self.card.avoid.iter().filter(move |one| may_use(&one.tool))
    }

    /// Runs it. Only the gate has the `Cx` that this needs.
    pub(super) fn run<'a>(&'a self, cx: &'a Cx, input: Value) -> BoxFuture<'a, Result<Outcome, Fault>> {
        match &self.code {
            Code::Built(run) => run(cx, input),
            Code::Added(runner) => runner.run(cx, input),
        }
    }

    /// The schema of its input.
    pub fn input(&self) -> &SharedSchema {
        self.input.get()
    }

    /// The schema of its output.
    pub fn output(&self) -> &SharedSchema {
        self.output.get()
    }

    /// The compiled validator of its input, made when it is first needed.
    ///
    /// # Errors
    /// When the schema itself is broken, which only an added tool's can be.
    pub fn validator(&self) -> Result<&Validator, Fault> {
        self.validator
            .get_or_init(|| schema::compiled(self.input(), DEEPEST))
            .as_ref()
            .map_err(|error| Fault::internal(format!("the input schema of {} is broken: {error}", self.name)))
    }
}

/// What an added tool says of itself.
#[derive(Debug, Clone)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// What it does and when to choose it.
    pub description: String,
    /// Its domain.
    pub domain: Domain,
    /// What it does to the world.
    pub effect: Effect,
    /// What it demands of the caller.
    pub permit: Permit,
    /// Touches something outside.
    pub reaches: bool,
    /// The schema of its input.
    pub input: SharedSchema,
    /// The schema of its output.
    pub output: SharedSchema,
    /// Its card.
    pub card: Card,
}

/// `user_create` in words: "User create".
fn title_of(name: &str) -> String {
    let words = name.replace('_', " ").replace("api ", "API ").replace("auth ", "Authentication ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
