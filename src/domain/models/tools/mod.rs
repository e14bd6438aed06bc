//! The domain's capabilities: one line and one file each.

use crate::capability::module::capabilities;

capabilities! {
    list: List,
    complete: Complete,
    stream: Stream as of_stream,
    embed: Embed,
    count_tokens: CountTokens,
    usage: Usage,
    budget_set: BudgetSet,
    budget_get: BudgetGet,
    route_set: RouteSet,
    route_list: RouteList,
    provider_set: ProviderSet,
    provider_list: ProviderList,
    performance: Performance,
    optimization: Optimization,
}
