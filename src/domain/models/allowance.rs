//! How much something new may spend on models: a budget that is made with what it holds, so that it never was without.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::budget::{Budget, Period, Scope};
use super::views::Dollars;
use crate::capability::cx::Cx;
use crate::kernel::fault::Fault;
use crate::kernel::id::KeyId;

/// How much may be spent on models.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Allowance {
    /// The most money, in dollars, such as `12.50`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 20), pattern(r"^[0-9]{1,9}(\.[0-9]{1,9})?$"))]
    dollars: Option<String>,
    /// The most tokens, read and written together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000_000_000_i64))]
    tokens: Option<u64>,
    /// After what time it is whole again; `month` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    period: Option<Period>,
}

impl Allowance {
    /// Makes the budget of a key that is made by the same call.
    ///
    /// # Errors
    /// When it limits nothing.
    pub fn hold_key(&self, cx: &Cx, key: KeyId) -> Result<(), Fault> {
        let money = self.dollars.as_deref().map(|text| Dollars::parse(text, "/budget/dollars")).transpose()?;
        if money.is_none() && self.tokens.is_none() {
            return Err(Fault::bad_input("/budget", "give 'dollars', 'tokens' or both"));
        }
        let scope = Scope::Key(key.uuid());
        let budget = Budget {
            scope: scope.to_string(),
            period: self.period.unwrap_or(Period::Month),
            money: money.map(|money| money.0),
            tokens: self.tokens,
            warn_at: Budget::WARN_AT.to_vec(),
            unpriced_million: None,
        };
        cx.create(Budget::id(cx.tenant(), &scope), cx.belongs_to_caller(), &budget)
    }
}

/// Whether a key has a budget of its own.
///
/// # Errors
/// When the store cannot be read.
pub async fn key_is_held(cx: &Cx, key: KeyId) -> Result<bool, Fault> {
    Ok(cx.get::<Budget>(Budget::id(cx.tenant(), &Scope::Key(key.uuid()))).await?.is_some())
}
