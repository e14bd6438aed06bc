//! The gateway: requests below a route's path go to a healthy instance of its service, within a rate, again where that is
//! harmless, and not at all where an instance keeps failing.

mod breaker;
mod headers;
mod permits;
mod send;
mod tallies;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use async_trait::async_trait;
use uuid::Uuid;

use crate::capability::cx::store_fault;
use crate::capability::forwarding::{Answered, Forwarded, Forwarder, ReadBody};
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::domain::identity::default_tenant;
use crate::domain::system::model::instance::{Instance, InstanceHealth};
use crate::domain::system::model::route::{GatewayRoute, RouteMethod, candidates};
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::port::outside::Outside;
use crate::port::records::{Document as _, Filter, Query, Scalar, Scope};
use breaker::Breakers;
pub(crate) use tallies::{RouteFigures, Tallies};

/// So many segments a path may have.
const MOST_SEGMENTS: usize = 32;
/// So many instances of a service are looked at.
const MOST_INSTANCES: u32 = 1000;

/// The gateway.
pub struct Gateway {
    outside: Arc<dyn Outside>,
    breakers: Breakers,
    /// Which instance is first, request by request.
    turn: AtomicUsize,
    pub(crate) tallies: Tallies,
}

/// A route that takes a request.
struct Taken {
    tenant: TenantId,
    id: Uuid,
    route: GatewayRoute,
    method: RouteMethod,
}

impl Gateway {
    /// A gateway to the outside.
    #[must_use]
    pub fn new(outside: Arc<dyn Outside>) -> Self {
        Self { outside, breakers: Breakers::default(), turn: AtomicUsize::new(0), tallies: Tallies::default() }
    }

    /// The way outside.
    pub(crate) fn outside(&self) -> &dyn Outside {
        &*self.outside
    }

    /// How many instances of a service are not asked at this moment because they keep failing.
    pub(crate) fn open_breakers(&self, platform: &Platform, instances: &[Uuid]) -> usize {
        let now = platform.clock.elapsed();
        instances.iter().filter(|id| self.breakers.is_open(**id, now)).count()
    }

    /// The route that takes a request. Whoever is not known gets to open routes of the installation's own tenant only.
    async fn route(&self, platform: &Platform, request: &Forwarded) -> Result<Taken, Fault> {
        let path = &request.path;
        if path.split('/').count() > MOST_SEGMENTS || !is_plain(path) {
            return Err(nowhere());
        }
        let caller = &request.caller;
        let tenant = if caller.is_known() {
            caller.tenant
        } else {
            let own = default_tenant(&*platform.store).await?;
            own.map(|(tenant, _)| tenant).ok_or_else(nowhere)?
        };
        let any = candidates(path).into_iter().map(Scalar::Text).collect();
        let query = Query { filter: Filter::In("path", any), order: "path", descending: true, after: None, limit: 64 };
        let found = platform.store.find(Scope::Tenant(tenant), GatewayRoute::KIND, query).await.map_err(store_fault)?;
        let mut routes = Vec::new();
        for record in found {
            routes.push(Stored::<GatewayRoute>::read(record)?);
        }
        let longest = routes.into_iter().filter(|route| route.value.enabled).max_by_key(|route| route.value.path.len());
        let Some(Stored { id, value: route, .. }) =
            longest.filter(|route| caller.is_known() || !route.value.auth_required)
        else {
            return Err(if caller.is_known() {
                nowhere()
            } else {
                Fault::new(&codes::UNAUTHENTICATED, "the gateway needs a credential here")
            });
        };
        let method = RouteMethod::ALL.into_iter().find(|method| method.name() == request.method.as_str());
        let Some(method) = method.filter(|method| route.methods.contains(method)) else {
            let allow = route.methods.iter().map(|method| method.name()).collect::<Vec<_>>().join(", ");
            return Err(Fault::new(&codes::METHOD_NOT_ALLOWED, format!("the route takes {allow}"))
                .with_detail(serde_json::json!({ "allow": allow })));
        };
        if route.auth_required {
            permits::may_pass(caller, method)?;
        }
        Ok(Taken { tenant, id, route, method })
    }

    /// The healthy instances that the route can lead to.
    async fn instances(&self, platform: &Platform, taken: &Taken) -> Result<Vec<Stored<Instance>>, Fault> {
        let of_service = Filter::is("serviceName", Scalar::Text(taken.route.service.clone()));
        let query =
            Query { filter: of_service, order: "instanceId", descending: false, after: None, limit: MOST_INSTANCES };
        let found =
            platform.store.find(Scope::Tenant(taken.tenant), Instance::KIND, query).await.map_err(store_fault)?;
        let now = platform.clock.now();
        let mut healthy = Vec::new();
        for record in found {
            let stored = Stored::<Instance>::read(record)?;
            let fits = taken.route.port.is_none_or(|port| port == stored.value.port);
            if fits && stored.value.health(now) == InstanceHealth::Healthy {
                healthy.push(stored);
            }
        }
        Ok(healthy)
    }
}

#[async_trait]
impl Forwarder for Gateway {
    async fn forward(&self, platform: &Arc<Platform>, request: Forwarded, body: ReadBody) -> Result<Answered, Fault> {
        headers::refuse_loops(&request.headers)?;
        let taken = self.route(platform, &request).await?;
        if let Some(wait) = self.tallies.take(taken.tenant, &taken.route, platform.clock.elapsed()) {
            let say = format!(
                "the route '{}' takes {}",
                taken.route.route_id,
                taken.route.rate_limit.as_deref().unwrap_or("")
            );
            return Err(Fault::new(&codes::RATE_LIMITED, say).with_retry_after(wait));
        }
        let answered = self.send(platform, &taken, &request, body).await;
        let failed = answered.as_ref().map_or(true, |answered| answered.status.is_server_error());
        self.tallies.count(taken.id, failed);
        answered
    }
}

fn nowhere() -> Fault {
    Fault::new(&codes::NOT_FOUND, "no route of the gateway leads there")
}

/// Whether a path says the same to everybody who reads it: no steps up, no hidden separators, nothing empty between slashes.
pub(crate) fn is_plain(path: &str) -> bool {
    let lowered = path.to_ascii_lowercase();
    let hidden = ["%2f", "%5c", "%00", "\\", "//"].iter().any(|part| lowered.contains(part));
    let dotted = lowered.split('/').any(|part| {
        let plain = part.replace("%2e", ".");
        plain == "." || plain == ".."
    });
    path.starts_with('/') && !hidden && !dotted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_mean_two_things_are_refused() {
        for path in ["/a", "/a/b.c", "/a/b/", "/a/..b", "/%20/ü"] {
            assert!(is_plain(path), "{path}");
        }
        for path in
            ["", "a", "/a/../b", "/a/.", "/a/%2e%2e/b", "/a/.%2E/b", "/a//b", "/a%2Fb", "/a\\b", "/a%5cb", "/a%00"]
        {
            assert!(!is_plain(path), "{path}");
        }
    }
}
