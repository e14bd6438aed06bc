//! `rule_update`: a new version of a rule set.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::rules::content::{Decision, Function, InputData, Rules, Service, TestCase};
use crate::domain::rules::finding::{load, version};
use crate::domain::rules::keeping::{next, proved};
use crate::domain::rules::model::RuleSet;
use crate::domain::rules::views::Full;
use crate::kernel::fault::Fault;

/// Changes a rule set.
pub(in crate::domain::rules) struct RuleUpdate;

/// What is new. What is left out stays as it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::rules) struct Input {
    /// Its id or name.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// Another name; the id stays.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    name: Option<String>,
    /// Another description.
    #[serde(default)]
    #[schemars(length(max = 2000))]
    description: Option<String>,
    /// All inputs.
    #[serde(default)]
    #[schemars(length(max = 200))]
    inputs: Option<Vec<InputData>>,
    /// All decisions.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    decisions: Option<Vec<Decision>>,
    /// All functions.
    #[serde(default)]
    #[schemars(length(max = 100))]
    functions: Option<Vec<Function>>,
    /// All services.
    #[serde(default)]
    #[schemars(length(max = 50))]
    services: Option<Vec<Service>>,
    /// All tests.
    #[serde(default)]
    #[schemars(length(max = 500))]
    tests: Option<Vec<TestCase>>,
    /// What is to be said of this version in the history.
    #[serde(default)]
    #[schemars(length(max = 500))]
    message: Option<String>,
}

/// The rule set as it is now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::rules) struct Output {
    /// The rule set.
    #[serde(flatten)]
    rules: Full,
    /// Whether there is a new version.
    changed: bool,
}

impl Capability for RuleUpdate {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "rule_update",
        Domain::Rules,
        Route::put("/rules/{id}"),
        Permit::on(Resource::Rules, Action::Change),
        "Writes a new version of a rule set, compiled and tested first; overlaps and gaps of its tables are told by example. Earlier versions \
         stay as they are and can be asked and read. Lists that are given replace the whole list; what is left out stays.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = load(cx, &input.id, Action::Change).await?;
        let present = version(cx, &stored.value, None).await?;
        let old = present.rules.clone();
        let rules = Rules {
            inputs: input.inputs.unwrap_or(old.inputs),
            decisions: input.decisions.unwrap_or(old.decisions),
            functions: input.functions.unwrap_or(old.functions),
            services: input.services.unwrap_or(old.services),
            tests: input.tests.unwrap_or(old.tests),
        };
        let proved = proved(cx, &rules).await?;
        let mut set = RuleSet {
            name: input.name.unwrap_or_else(|| stored.value.name.clone()),
            description: input.description.unwrap_or_else(|| stored.value.description.clone()),
            ..stored.value.clone()
        };
        if set == stored.value && rules == present.rules {
            return Ok(Output { rules: Full::of(set, present, &proved.prepared, proved.findings), changed: false });
        }
        set.version += 1;
        set.digest = proved.digest;
        let (set, version) = next(cx, &stored, set, rules, input.message)?;
        Ok(Output { rules: Full::of(set, version, &proved.prepared, proved.findings), changed: true })
    }
}
