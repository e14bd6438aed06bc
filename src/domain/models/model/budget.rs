//! A budget: how much money and how many tokens may be spent by whom, and in what time. And a lease of one: what an instance
//! has taken of a budget to spend it without asking each time.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::id_of;
use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::kernel::id::TenantId;
use crate::kernel::money::NanoDollars;
use crate::kernel::time::Timestamp;
use crate::port::records::{Across, Document, Field, FieldType, Kind, Unique};

/// The kind of budgets.
pub(crate) static MODEL_BUDGET: Kind = Kind {
    fields: &[Field { name: "scope", of: FieldType::Text }],
    unique: &[Unique { name: "scope", fields: &["scope"], across: Across::Tenant }],
    remembered: true,
    ..Kind::new("model_budget")
};

/// The kind of leases.
pub(crate) static MODEL_LEASE: Kind =
    Kind { fields: &[Field { name: "budget", of: FieldType::Id }], ..Kind::new("model_lease") };

/// The kind of marks that a warning was told.
pub(crate) static MODEL_WARNING: Kind =
    Kind { fields: &[Field { name: "budget", of: FieldType::Id }], ..Kind::new("model_warning") };

/// Whom a budget holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    /// Everybody of the tenant together.
    Tenant,
    /// A user.
    User(Uuid),
    /// An API key.
    Key(Uuid),
    /// An agent.
    Agent(Box<str>),
    /// An execution, and everything that runs below it.
    Execution(Box<str>),
}

impl Scope {
    /// Reads `tenant`, `user:ID`, `key:ID`, `agent:NAME` or `execution:ID`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == "tenant" {
            return Some(Self::Tenant);
        }
        let (kind, of) = text.split_once(':')?;
        let plain = !of.is_empty() && of.len() <= 128 && of.chars().all(|one| one.is_ascii_graphic());
        match kind {
            "user" => of.parse().ok().map(Self::User),
            "key" => of.parse().ok().map(Self::Key),
            "agent" if plain => Some(Self::Agent(of.into())),
            "execution" if plain => Some(Self::Execution(of.into())),
            _ => None,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant => formatter.write_str("tenant"),
            Self::User(id) => write!(formatter, "user:{id}"),
            Self::Key(id) => write!(formatter, "key:{id}"),
            Self::Agent(name) => write!(formatter, "agent:{name}"),
            Self::Execution(id) => write!(formatter, "execution:{id}"),
        }
    }
}

/// After what time a budget is whole again. Days and months are those of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Period {
    /// Each day.
    Day,
    /// Each month.
    Month,
    /// Never.
    Total,
}

impl Period {
    /// The name of the period that a moment is in: `2026-11-20`, `2026-11` or `total`.
    pub(crate) fn name(self, at: Timestamp) -> String {
        let text = at.to_string();
        let part = match self {
            Self::Day => text.get(..10),
            Self::Month => text.get(..7),
            Self::Total => None,
        };
        part.unwrap_or("total").to_owned()
    }

    /// When the next one begins; `None` where there is no next.
    pub(crate) fn next(self, at: Timestamp) -> Option<Timestamp> {
        const DAY: i64 = 24 * 60 * 60 * 1000;
        match self {
            Self::Total => None,
            Self::Day => Some(Timestamp::from_millis((at.as_millis().div_euclid(DAY) + 1) * DAY)),
            Self::Month => {
                let name = self.name(at);
                let (year, month) = name.split_once('-')?;
                let (year, month) = (year.parse::<i64>().ok()?, month.parse::<i64>().ok()?);
                let (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
                format!("{year:04}-{month:02}-01T00:00:00Z").parse().ok()
            }
        }
    }
}

/// A budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Budget {
    /// Whom it holds, as `Scope` writes it.
    pub(crate) scope: String,
    pub(crate) period: Period,
    /// The most money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) money: Option<NanoDollars>,
    /// The most tokens, read and written together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tokens: Option<u64>,
    /// At so many of a hundred it is told that the budget is nearly spent.
    pub(crate) warn_at: Vec<u8>,
    /// What a million tokens of a model without a known price counts as, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unpriced_million: Option<NanoDollars>,
}

impl Document for Budget {
    const KIND: &'static Kind = &MODEL_BUDGET;
}

impl Owned for Budget {
    const RESOURCE: Resource = Resource::Spending;
    const NOUN: &'static str = "budget";
}

impl Budget {
    /// At how many of a hundred spent it is told when nothing else was wanted.
    pub(crate) const WARN_AT: [u8; 2] = [80, 100];

    /// The id of the document of a scope's budget.
    pub(crate) fn id(tenant: TenantId, scope: &Scope) -> Uuid {
        id_of(&[b"model budget", tenant.uuid().as_bytes(), scope.to_string().as_bytes()])
    }
}

/// What an instance has taken of a budget and not spent yet. It counts as spent for everybody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Lease {
    pub(crate) budget: Uuid,
    /// The period that it was taken in.
    pub(crate) period: String,
    /// The run of the program that has it.
    pub(crate) holder: Uuid,
    /// The number of the instance, where there can be several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) instance: Option<i32>,
    pub(crate) money: u64,
    pub(crate) tokens: u64,
}

impl Document for Lease {
    const KIND: &'static Kind = &MODEL_LEASE;
}

impl Lease {
    pub(crate) fn id(budget: Uuid, period: &str, holder: Uuid) -> Uuid {
        id_of(&[b"model lease", budget.as_bytes(), period.as_bytes(), holder.as_bytes()])
    }
}

/// That somebody was told that a budget is spent to a level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Warning {
    pub(crate) budget: Uuid,
    pub(crate) period: String,
    pub(crate) percent: u8,
}

impl Document for Warning {
    const KIND: &'static Kind = &MODEL_WARNING;
}

impl Warning {
    pub(crate) fn id(&self) -> Uuid {
        id_of(&[b"model warning", self.budget.as_bytes(), self.period.as_bytes(), &[self.percent]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_as_they_are_written() {
        let id = Uuid::from_u128(7);
        for text in ["tenant", &format!("user:{id}"), &format!("key:{id}"), "agent:writer", "execution:e-1:2"] {
            assert_eq!(Scope::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "tenants", "user:", "user:ada", "agent:", "agent:a b", "model:x", ":"] {
            assert_eq!(Scope::parse(text), None, "{text}");
        }
    }

    #[test]
    fn periods_end_where_the_calendar_says() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let noon = at("2026-12-31T12:00:00Z");
        assert_eq!(Period::Day.name(noon), "2026-12-31");
        assert_eq!(Period::Month.name(noon), "2026-12");
        assert_eq!(Period::Day.next(noon), Some(at("2027-01-01T00:00:00Z")));
        assert_eq!(Period::Month.next(noon), Some(at("2027-01-01T00:00:00Z")));
        assert_eq!(Period::Month.next(at("2026-02-01T00:00:00Z")), Some(at("2026-03-01T00:00:00Z")));
        assert_eq!((Period::Total.name(noon).as_str(), Period::Total.next(noon)), ("total", None));
    }
}
