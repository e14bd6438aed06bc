//! `model_budget_get`: what may be spent on models, and what is left of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::capability::Capability;
use crate::capability::caller::Principal;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::models::engine::router::Router;
use crate::domain::models::model::budget::{Budget, Period, Scope};
use crate::domain::models::views::Dollars;
use crate::kernel::fault::Fault;
use crate::kernel::money::NanoDollars;
use crate::kernel::time::Timestamp;
use crate::port::records::{Filter, Query, Scalar};

/// Shows budgets.
pub(in crate::domain::models) struct BudgetGet;

/// Which budgets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct Input {
    /// Only that of this scope: `tenant`, `user:ID`, `key:ID`, `agent:NAME` or `execution:ID`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 140))]
    scope: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

/// A budget and how it stands.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct BudgetView {
    /// Whom it holds.
    scope: String,
    /// After what time it is whole again.
    period: Period,
    /// The present period, such as `2026-11`.
    now: String,
    /// When it is whole again; never when not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    whole_again_at: Option<Timestamp>,
    /// How its money stands, where it has a limit of money.
    #[serde(skip_serializing_if = "Option::is_none")]
    money: Option<MoneyView>,
    /// How its tokens stand, where it has a limit of tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<TokensView>,
    /// At how many of a hundred spent an event is told.
    warn_at: Vec<u8>,
    /// In dollars what a million tokens of a model without a known price counts as.
    #[serde(skip_serializing_if = "Option::is_none")]
    unpriced_per_million: Option<String>,
}

/// How the money of a budget stands, in dollars.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct MoneyView {
    /// The most that may be spent.
    limit: String,
    /// What was spent.
    spent: String,
    /// What is left.
    left: String,
    /// What was leased by a run of the program that crashed. It counts as spent until it is settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_by_crash: Option<String>,
}

/// How the tokens of a budget stand.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct TokensView {
    /// The most that may be spent.
    limit: u64,
    /// What was spent.
    spent: u64,
    /// What is left.
    left: u64,
    /// What was leased by a run of the program that crashed. It counts as spent until it is settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_by_crash: Option<u64>,
}

impl Capability for BudgetGet {
    type Input = Input;
    type Output = Page<BudgetView>;
    const SPEC: Spec = Spec::read(
        "model_budget_get",
        Domain::Models,
        Route::get("/models/budgets"),
        Permit::on(Resource::Spending, Action::Read),
        "The budgets for models and what is left of each, in money and tokens. Whoever may not manage spending sees those that hold their own \
         calls. To set one use model_budget_set; for what was spent on what, model_usage.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Page<BudgetView>, Fault> {
        let mut filter = match input.scope {
            Some(scope) => Filter::is("scope", Scalar::Text(scope)),
            None => Filter::All,
        };
        let manages = cx.caller().may(Resource::Spending, Action::Manage);
        if !manages {
            filter = filter.and(Filter::In("scope", own(cx)));
        }
        let page = if manages {
            cx.list::<Budget>(filter, "scope", false, &input.paging).await?
        } else {
            let query = Query { filter, order: "scope", descending: false, after: None, limit: input.paging.size() };
            Page { items: cx.find::<Budget>(query).await?, next_page_token: None }
        };
        let router = cx.service::<Router>()?;
        let mut items = Vec::new();
        for Stored { id, value, .. } in page.items {
            items.push(view(cx, &router, id, value, false).await?);
        }
        Ok(Page { items, next_page_token: page.next_page_token })
    }
}

/// The scopes of the caller's own budgets: those that hold calls of theirs whatever they are a part of.
fn own(cx: &Cx) -> Vec<Scalar> {
    let caller = cx.caller();
    let mut scopes = vec![Scope::Tenant, Scope::User(caller.user.uuid())];
    if let Principal::Key(key) = caller.principal {
        scopes.push(Scope::Key(key.uuid()));
    }
    scopes.into_iter().map(|scope| Scalar::Text(scope.to_string())).collect()
}

/// A budget as it stands now. `settled` is for a call that gives back what a crash left, which is not committed yet.
pub(super) async fn view(
    cx: &Cx,
    router: &Router,
    id: Uuid,
    budget: Budget,
    settled: bool,
) -> Result<BudgetView, Fault> {
    let now = cx.now();
    let standing = router.budgets.standing(cx.platform(), cx.tenant(), id, &budget).await?;
    // What a run holds and has not spent is left.
    let mut money = standing.money.saturating_sub(standing.leased_money);
    let mut tokens = standing.tokens.saturating_sub(standing.leased_tokens);
    let (mut left_money, mut left_tokens) = (standing.left_money, standing.left_tokens);
    if settled {
        money = money.saturating_sub(left_money);
        tokens = tokens.saturating_sub(left_tokens);
        (left_money, left_tokens) = (0, 0);
    }
    let dollars = |nanos: u64| Dollars(NanoDollars(nanos)).to_string();
    Ok(BudgetView {
        now: budget.period.name(now),
        whole_again_at: budget.period.next(now),
        money: budget.money.map(|limit| MoneyView {
            limit: dollars(limit.0),
            spent: dollars(money),
            left: dollars(limit.0.saturating_sub(money)),
            left_by_crash: (left_money > 0).then(|| dollars(left_money)),
        }),
        tokens: budget.tokens.map(|limit| TokensView {
            limit,
            spent: tokens,
            left: limit.saturating_sub(tokens),
            left_by_crash: (left_tokens > 0).then_some(left_tokens),
        }),
        warn_at: budget.warn_at,
        unpriced_per_million: budget.unpriced_million.map(|nanos| dollars(nanos.0)),
        scope: budget.scope,
        period: budget.period,
    })
}
