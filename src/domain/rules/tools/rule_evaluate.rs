//! `rule_evaluate`: what a rule set decides.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::rules::deciding::{Decided, Question, decide};
use crate::kernel::fault::Fault;

/// Asks a rule set.
pub(in crate::domain::rules) struct RuleEvaluate;

/// What is asked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::rules) struct Input {
    /// The rule set's id or name.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// The version; the newest when not said.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    version: Option<u32>,
    /// The name of a decision or service; when not said, the decisions that no other one reads.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    decision: Option<String>,
    /// The inputs by their names. Dates are texts such as `2026-11-26`.
    #[serde(default)]
    inputs: Map<String, Value>,
    /// Whether to tell also of rules that did not fire, and of the parts of contexts.
    #[serde(default)]
    trace: bool,
}

impl Capability for RuleEvaluate {
    type Input = Input;
    type Output = Decided;
    const SPEC: Spec = Spec::read(
        "rule_evaluate",
        Domain::Rules,
        Route::post("/rules/{id}/evaluate"),
        Permit::on(Resource::Rules, Action::Read),
        "What a rule set decides of given inputs: the result, each decision on the way to it, which rules of which table fired and which \
         tests made them fire. With trace also why the other rules did not. Nothing is changed or kept.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Decided, Fault> {
        let Input { id, version, decision, inputs, trace } = input;
        decide(cx, Question { rule_set: id, version, decision, inputs, trace }).await
    }
}
