//! What the domain tells the world of.

use crate::capability::permit::Resource;
use crate::capability::topics::{Topic, object_of};

/// A budget is spent to a level.
pub(super) const BUDGET_WARNING: &str = "model_budget.warning";
/// A budget was set or removed.
pub(super) const BUDGET_SET: &str = "model_budget.set";
/// A tenant's own provider was set or removed.
pub(super) const PROVIDER_SET: &str = "model_provider.set";
/// A route was set.
pub(super) const ROUTE_SET: &str = "model_route.set";

/// Every topic of the domain.
pub(super) static ALL: &[Topic] = &[
    Topic {
        name: BUDGET_SET,
        resource: Resource::Spending,
        about: "A budget for models was set, changed or removed.",
        data: || object_of(&[("scope", "string"), ("removed", "boolean")]),
    },
    Topic {
        name: BUDGET_WARNING,
        resource: Resource::Spending,
        about: "A budget for models is spent to one of its warning levels: once for each level and period.",
        data: || {
            object_of(&[
                ("scope", "string"),
                ("period", "string"),
                ("percent", "integer"),
                ("spentNanoDollars", "integer"),
                ("spentTokens", "integer"),
            ])
        },
    },
    Topic {
        name: PROVIDER_SET,
        resource: Resource::Models,
        about: "A provider of the tenant's own, or its own prices, was set, changed or removed.",
        data: || object_of(&[("name", "string"), ("removed", "boolean")]),
    },
    Topic {
        name: ROUTE_SET,
        resource: Resource::Models,
        about: "A route to models was made or changed.",
        data: || object_of(&[("name", "string"), ("enabled", "boolean")]),
    },
];
