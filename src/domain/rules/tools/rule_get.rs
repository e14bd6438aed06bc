//! `rule_get`: one rule set in one version.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::rules::book::RuleBook;
use crate::domain::rules::engine::looking::findings;
use crate::domain::rules::finding::{load, version};
use crate::domain::rules::views::Full;
use crate::kernel::fault::Fault;
use crate::kernel::tasks::blocking;

/// Tells a rule set.
pub(in crate::domain::rules) struct RuleGet;

/// Which rule set and version.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::rules) struct Input {
    /// Its id or name.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// The version; the newest when not said.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    version: Option<u32>,
}

impl Capability for RuleGet {
    type Input = Input;
    type Output = Full;
    const SPEC: Spec = Spec::read(
        "rule_get",
        Domain::Rules,
        Route::get("/rules/{id}"),
        Permit::on(Resource::Rules, Action::Read),
        "One rule set, by id or name, in its newest or any earlier version: inputs, decisions with their tables, functions, tests, which \
         decision reads which, and overlaps and gaps of the tables. For what it decides of given inputs use rule_evaluate.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Full, Fault> {
        let set = load(cx, &input.id, Action::Read).await?.value;
        let one = version(cx, &set, input.version).await?;
        let prepared = cx.service::<RuleBook>()?.prepared(&one.rules, &one.digest).await?;
        let looked = prepared.clone();
        let found = blocking(move || findings(&looked)).await;
        let found = found.ok_or_else(|| Fault::internal("looking at a rule set broke down"))?;
        Ok(Full::of(set, one, &prepared, found))
    }
}
