//! The domain's capabilities: one line and one file each.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::module::capabilities;

capabilities! {
    health: Health,
    metrics: Metrics,
    config: Config,
    logs: Logs,
    backup: Backup,
    backups: Backups,
    restore: Restore,
    migrate: Migrate,
    cache_stats: CacheStats,
    cache_clear: CacheClear,
    reindex: Reindex,
    monitor: Monitor,
    services: Services,
    service_register: ServiceRegister,
    service_deregister: ServiceDeregister,
    service_heartbeat: ServiceHeartbeat,
    service_discover: ServiceDiscover,
    gateway_route_set: GatewayRouteSet,
    gateway_routes: GatewayRoutes,
}

/// The input of a capability that takes none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}
