//! What a rule set says: inputs, decisions, functions, services, tests.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kernel::seal::sha256_hex;

/// What may be given to a rule set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InputData {
    /// Its name, as expressions read it; it may have spaces.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// What it is: `number`, `string`, `boolean`, `date`, `time`, `date and time`, `days and time duration`, `years and months duration`,
    /// `list<…>` of one of these, `context` (an object), `Any`. Texts given for a date are read as dates only where this says so.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub of: Option<String>,
    /// Unary tests of what it may be, such as `"gold", "silver"` or `[0..100]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4000))]
    pub allowed: Option<String>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000))]
    pub description: Option<String>,
}

/// Which rules of a table count when several fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum HitPolicy {
    /// Unique: at most one fires.
    #[default]
    #[serde(rename = "U")]
    Unique,
    /// Any: several may fire when they say the same.
    #[serde(rename = "A")]
    Any,
    /// Priority: the one whose outputs stand first in the outputs' `allowed`.
    #[serde(rename = "P")]
    Priority,
    /// First: the first in order.
    #[serde(rename = "F")]
    First,
    /// Rule order: all, in their order, as a list.
    #[serde(rename = "R")]
    RuleOrder,
    /// Output order: all, by priority, as a list.
    #[serde(rename = "O")]
    OutputOrder,
    /// Collect: all, as a list.
    #[serde(rename = "C")]
    Collect,
    /// Collect their sum.
    #[serde(rename = "C+")]
    Sum,
    /// Collect the least.
    #[serde(rename = "C<")]
    Min,
    /// Collect the greatest.
    #[serde(rename = "C>")]
    Max,
    /// Collect how many fire.
    #[serde(rename = "C#")]
    Count,
}

/// An input of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TableInput {
    /// What is tested: a FEEL expression, often the name of an input or decision.
    #[schemars(length(min = 1, max = 4000))]
    pub expression: String,
    /// What to call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200))]
    pub label: Option<String>,
    /// What it is, as an input's `type`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub of: Option<String>,
    /// Unary tests of what it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4000))]
    pub allowed: Option<String>,
}

/// An output of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TableOutput {
    /// Its name: needed where there are several, which are then the fields of the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub name: Option<String>,
    /// The values that it may be, separated by commas; for the policies P and O the first is the most important.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4000))]
    pub allowed: Option<String>,
    /// A FEEL expression: what it is when no rule fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4000))]
    pub default: Option<String>,
}

/// A rule of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// Unary tests, one text for each input: `> 100`, `"a", "b"`, `[1..5)`, `not("x")`, `-` for anything.
    #[schemars(length(max = 50), inner(length(min = 1, max = 4000)))]
    pub when: Vec<String>,
    /// FEEL expressions, one for each output. A text stands in quotes: `"approve"`.
    #[schemars(length(min = 1, max = 20), inner(length(min = 1, max = 4000)))]
    pub then: Vec<String>,
    /// Why it is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    pub note: Option<String>,
}

/// A decision table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Table {
    /// Which rules count when several fire; U when not said.
    #[serde(default)]
    pub hit_policy: HitPolicy,
    /// What is tested.
    #[schemars(length(max = 50))]
    pub inputs: Vec<TableInput>,
    /// What comes out.
    #[schemars(length(min = 1, max = 20))]
    pub outputs: Vec<TableOutput>,
    /// The rules.
    #[schemars(length(max = 5000))]
    pub rules: Vec<Rule>,
}

/// A part with a name and an expression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Named {
    /// Its name.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// A FEEL expression.
    #[schemars(length(min = 1, max = 8000))]
    pub expression: String,
}

/// A call of a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Invocation {
    /// The name of a function of the rule set.
    #[schemars(length(min = 1, max = 100))]
    pub function: String,
    /// What each of its parameters is.
    #[serde(default)]
    #[schemars(length(max = 50))]
    pub arguments: Vec<Named>,
}

/// Rows of values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Relation {
    /// The names of the columns.
    #[schemars(length(min = 1, max = 50), inner(length(min = 1, max = 100)))]
    pub columns: Vec<String>,
    /// The rows: a FEEL expression a column.
    #[schemars(length(max = 2000), inner(length(max = 50), inner(length(min = 1, max = 4000))))]
    pub rows: Vec<Vec<String>>,
}

/// A part of a context: exactly one of `expression`, `table`, `invocation`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// Its name; those after it may read it. The last entry may have none: then it is the result, and else the result is an object of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub name: Option<String>,
    /// A FEEL expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8000))]
    pub expression: Option<String>,
    /// A decision table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<Table>,
    /// A call of a function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invocation: Option<Invocation>,
}

/// How something is decided: exactly one of these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Logic {
    /// A FEEL expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8000))]
    pub expression: Option<String>,
    /// A decision table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<Table>,
    /// Parts one after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub context: Option<Vec<Entry>>,
    /// A call of a function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invocation: Option<Invocation>,
    /// A list: a FEEL expression an item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000), inner(length(min = 1, max = 4000)))]
    pub list: Option<Vec<String>>,
    /// A list of objects that have the same fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<Relation>,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Decision {
    /// Its name, as other decisions read it; it may have spaces.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000))]
    pub description: Option<String>,
    /// The names of the inputs, decisions and functions that it may read; when not said, those that it reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200), inner(length(min = 1, max = 100)))]
    pub requires: Option<Vec<String>>,
    /// How it is decided.
    pub logic: Logic,
}

/// A parameter of a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Parameter {
    /// Its name.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// What it is, as an input's `type`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub of: Option<String>,
}

/// A function (business knowledge model): what several decisions call. It reads its parameters and other functions, nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Function {
    /// Its name.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000))]
    pub description: Option<String>,
    /// Its parameters.
    #[serde(default)]
    #[schemars(length(max = 50))]
    pub parameters: Vec<Parameter>,
    /// What it does.
    pub logic: Logic,
}

/// A decision service: decisions that are asked for together by a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Service {
    /// Its name.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// The decisions whose results it gives.
    #[schemars(length(min = 1, max = 50), inner(length(min = 1, max = 100)))]
    pub decisions: Vec<String>,
    /// Decisions that it does not make but is given the results of, with the inputs.
    #[serde(default)]
    #[schemars(length(max = 50), inner(length(min = 1, max = 100)))]
    pub given: Vec<String>,
}

/// A test: run before a version is kept; one that fails refuses it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TestCase {
    /// What it shows.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// The service that is asked for, whose given decisions come with the inputs; when not said, the decisions themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub service: Option<String>,
    /// What is given.
    #[serde(default)]
    pub inputs: Map<String, Value>,
    /// What must come out: the value of each decision, by its name, such as `{ "risk": "high" }`.
    pub expect: Map<String, Value>,
}

/// What a rule set says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rules {
    /// What may be given.
    #[serde(default)]
    pub inputs: Vec<InputData>,
    /// What is decided.
    #[serde(default)]
    pub decisions: Vec<Decision>,
    /// What decisions call.
    #[serde(default)]
    pub functions: Vec<Function>,
    /// What is asked for by one name.
    #[serde(default)]
    pub services: Vec<Service>,
    /// What must hold.
    #[serde(default)]
    pub tests: Vec<TestCase>,
}

impl Rules {
    /// How many rules its tables have together.
    #[must_use]
    pub fn rules(&self) -> usize {
        let logics = self.decisions.iter().map(|one| &one.logic).chain(self.functions.iter().map(|one| &one.logic));
        let tables = logics.flat_map(|logic| {
            let entries = logic.context.iter().flatten().filter_map(|entry| entry.table.as_ref());
            logic.table.iter().chain(entries)
        });
        tables.map(|table| table.rules.len()).sum()
    }

    /// The SHA-256 of what it says.
    #[must_use]
    pub fn digest(&self) -> String {
        // Texts, lists and objects with names: it can always be written.
        let mut value = serde_json::to_value(self).unwrap_or_default();
        value.sort_all_objects();
        sha256_hex(value.to_string().as_bytes())
    }
}
