//! `model_budget_set`: how much may be spent on models, by whom, and in what time.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::{Belongs, Cx};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::models::engine::router::Router;
use crate::domain::models::model::budget::{Budget, Period, Scope};
use crate::domain::models::tools::budget_get::{BudgetView, view};
use crate::domain::models::topics;
use crate::domain::models::views::Dollars;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::port::records::Visibility;

/// Sets a budget.
pub(in crate::domain::models) struct BudgetSet;

/// The budget. Set again it is replaced as a whole; what was spent stays spent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct Input {
    /// Whom it holds: `tenant` for everybody together, `user:ID`, `key:ID`, `agent:NAME`, or `execution:ID` with all that runs below
    /// it. All budgets that hold a call hold at once.
    #[schemars(length(min = 6, max = 140), pattern("^(tenant|(user|key|agent|execution):.+)$"))]
    scope: String,
    /// The most money, in dollars, such as `12.50`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 20), pattern(r"^[0-9]{1,9}(\.[0-9]{1,9})?$"))]
    dollars: Option<String>,
    /// The most tokens, read and written together. Without a limit of money or tokens the budget is removed.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000_000_000_i64))]
    tokens: Option<u64>,
    /// After what time it is whole again; `month` when not given.
    #[serde(default)]
    period: Option<Period>,
    /// At how many of a hundred spent an event is told, such as 80; 80 and 100 when not given.
    #[serde(default)]
    #[schemars(length(max = 8), inner(range(min = 1, max = 100)))]
    warn_at: Option<Vec<u8>>,
    /// In dollars what a million tokens of a model without a known price counts as. When not given such models are refused under a
    /// limit of money, unless there is one of tokens too.
    #[serde(default)]
    #[schemars(length(min = 1, max = 20), pattern(r"^[0-9]{1,9}(\.[0-9]{1,9})?$"))]
    unpriced_per_million: Option<String>,
    /// Whether what a crash left leased is given back. It may have been spent; look at `model_usage` first.
    #[serde(default)]
    settle: bool,
}

impl Capability for BudgetSet {
    type Input = Input;
    type Output = BudgetView;
    const SPEC: Spec = Spec::change(
        "model_budget_set",
        Domain::Models,
        Route::put("/models/budgets/{scope}"),
        Permit::on(Resource::Spending, Action::Change),
        "Limits what is spent on models, in money or tokens, by a tenant, user, key, agent or execution, each day, each month or in all, with \
         levels that warn. Without a limit it removes the budget. To see what is left use model_budget_get.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<BudgetView, Fault> {
        let Some(scope) = Scope::parse(&input.scope) else {
            let say = "must be 'tenant', 'user:ID', 'key:ID', 'agent:NAME' or 'execution:ID'";
            return Err(Fault::bad_input("/scope", say));
        };
        let money = input.dollars.as_deref().map(|text| Dollars::parse(text, "/dollars")).transpose()?;
        let unpriced = input
            .unpriced_per_million
            .as_deref()
            .map(|text| Dollars::parse(text, "/unpricedPerMillion"))
            .transpose()?;
        let mut warn_at = input.warn_at.unwrap_or_else(|| Budget::WARN_AT.to_vec());
        warn_at.sort_unstable();
        warn_at.dedup();
        let budget = Budget {
            scope: scope.to_string(),
            period: input.period.unwrap_or(Period::Month),
            money: money.map(|money| money.0),
            tokens: input.tokens,
            warn_at,
            unpriced_million: unpriced.map(|money| money.0),
        };
        let id = Budget::id(cx.tenant(), &scope);
        let is_removed = budget.money.is_none() && budget.tokens.is_none();
        match cx.load::<Budget>(id, Action::Change).await {
            Ok(stored) if is_removed => cx.remove(&stored)?,
            Ok(stored) => cx.change(&stored, &budget)?,
            Err(fault) if fault.is(&codes::NOT_FOUND) && !is_removed => {
                let owner = Some(cx.caller().user.uuid());
                cx.create(id, Belongs { owner, workspace: None, visibility: Visibility::Tenant }, &budget)?;
            }
            Err(fault) if fault.is(&codes::NOT_FOUND) => {
                let say = format!("there is no budget of {scope}: give 'dollars' or 'tokens' to make one");
                return Err(Fault::new(&codes::NOT_FOUND, say));
            }
            Err(fault) => return Err(fault),
        }
        let router = cx.service::<Router>()?;
        if input.settle {
            router.budgets.settle_left(cx, id).await?;
        }
        cx.emit(topics::BUDGET_SET, id, &serde_json::json!({ "scope": budget.scope, "removed": is_removed }))?;
        view(cx, &router, id, budget, input.settle).await
    }
}
