//! What other domains may know beforehand: whether there is a model to ask, and whether an agent has anything left to spend.

use super::engine::asker::{Asker, Wish};
use super::engine::router::Router;
use super::engine::size::Size;
use super::model::budget::{Budget, Scope};
use crate::capability::cx::Cx;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::models::ChatRequest;

/// The model that would be asked first, as `provider/model`.
///
/// # Errors
/// As for a call: no model, unknown model, a key that is missing.
pub async fn first(cx: &Cx, model: Option<&str>) -> Result<String, Fault> {
    let wish = Wish { model: model.map(str::to_owned), ..Wish::default() };
    let size = Size::of_chat(&ChatRequest::default());
    Ok(cx.service::<Router>()?.first(&Asker::of(cx), &wish, size).await?.name())
}

/// Whether a budget of the agent's own is spent, and then when it is whole again.
///
/// # Errors
/// When the store fails.
pub async fn spent_budget(cx: &Cx, agent: &str) -> Result<Option<Option<Timestamp>>, Fault> {
    let id = Budget::id(cx.tenant(), &Scope::Agent(agent.into()));
    let Some(stored) = cx.get::<Budget>(id).await? else { return Ok(None) };
    let budget = stored.value;
    let router = cx.service::<Router>()?;
    let standing = router.budgets.standing(cx.platform(), cx.tenant(), id, &budget).await?;
    let money = standing.money.saturating_sub(standing.leased_money);
    let tokens = standing.tokens.saturating_sub(standing.leased_tokens);
    let is_spent = budget.money.is_some_and(|most| money >= most.0) || budget.tokens.is_some_and(|most| tokens >= most);
    Ok(is_spent.then(|| budget.period.next(cx.now())))
}
