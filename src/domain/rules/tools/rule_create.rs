//! `rule_create`: a rule set of decisions.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::rules::content::{Decision, Function, InputData, Rules, Service, TestCase};
use crate::domain::rules::keeping::{create, free_id, proved};
use crate::domain::rules::views::Full;
use crate::kernel::fault::Fault;

/// Makes a rule set.
pub(in crate::domain::rules) struct RuleCreate;

/// What it says.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::rules) struct Input {
    /// Its name, such as "Discounts"; its id is made of it.
    #[schemars(length(min = 1, max = 100))]
    name: String,
    /// What it decides, in one or two sentences.
    #[serde(default)]
    #[schemars(length(max = 2000))]
    description: String,
    /// What may be given to it.
    #[serde(default)]
    #[schemars(length(max = 200))]
    inputs: Vec<InputData>,
    /// What it decides. A decision may read inputs and other decisions by their names.
    #[schemars(length(min = 1, max = 100))]
    decisions: Vec<Decision>,
    /// Functions that decisions call.
    #[serde(default)]
    #[schemars(length(max = 100))]
    functions: Vec<Function>,
    /// Names for several decisions together.
    #[serde(default)]
    #[schemars(length(max = 50))]
    services: Vec<Service>,
    /// Tests, run before anything is kept: one that does not hold refuses it.
    #[serde(default)]
    #[schemars(length(max = 500))]
    tests: Vec<TestCase>,
    /// What is to be said of this version in the history.
    #[serde(default)]
    #[schemars(length(max = 500))]
    message: Option<String>,
}

impl Capability for RuleCreate {
    type Input = Input;
    type Output = Full;
    const SPEC: Spec = Spec::create(
        "rule_create",
        Domain::Rules,
        Route::post("/rules"),
        Permit::on(Resource::Rules, Action::Create),
        "Makes a rule set: decision tables with hit policies, FEEL expressions, functions, and decisions that read each other, with tests. \
         It is compiled and tested before it is kept as version 1; overlaps and gaps of its tables are told by example. To change one use \
         rule_update, to ask one rule_evaluate, to bring one from a DMN file rule_import.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Full, Fault> {
        free_id(cx, &input.name).await?;
        let Input { name, description, inputs, decisions, functions, services, tests, message } = input;
        let rules = Rules { inputs, decisions, functions, services, tests };
        let proved = proved(cx, &rules).await?;
        let (set, version) = create(cx, name, description, rules, proved.digest, message).await?;
        Ok(Full::of(set, version, &proved.prepared, proved.findings))
    }
}
