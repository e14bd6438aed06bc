//! `gateway_routes`: where the gateway leads.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::system::engine::gateway::{Gateway, RouteFigures};
use crate::domain::system::model::route::{Carries, GatewayRoute, RouteMethod};
use crate::kernel::fault::Fault;
use crate::port::records::Filter;

/// Lists routes.
pub(in crate::domain::system) struct GatewayRoutes;

/// Which routes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Input {
    /// Only routes whose paths begin with this.
    #[serde(default)]
    #[schemars(length(max = 200))]
    path: Option<String>,
    /// Which part of the list.
    #[serde(flatten)]
    paging: Paging,
}

/// A route.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct RouteView {
    /// Its name.
    id: String,
    /// The path below `/gateway`.
    path: String,
    /// The service that it leads to, with a port where only instances on that one are meant.
    target: String,
    /// What the service sees in place of the path.
    target_path: String,
    /// The methods that it takes.
    methods: Vec<RouteMethod>,
    /// Whether callers need a key.
    auth_required: bool,
    /// The most requests that it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_limit: Option<String>,
    /// How long a request may wait for its answer to begin, in seconds.
    timeout_seconds: u32,
    /// How often another instance is asked after a failure.
    retries: u32,
    /// After how many failures one after the other an instance is left alone.
    breaker_failures: u32,
    /// For how long it is left alone, in seconds.
    breaker_seconds: u32,
    /// The credential that requests carry to the service: its name in the vault and where it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<Carries>,
    /// Whether it is in force.
    enabled: bool,
    /// Requests that it took on this instance since the start.
    requests: u64,
    /// Of these, the ones that got no answer, or a fault of the service.
    failed: u64,
}

impl RouteView {
    pub(super) fn new(route: GatewayRoute, figures: RouteFigures) -> Self {
        Self {
            target: route.port.map_or_else(|| route.service.clone(), |port| format!("{}:{port}", route.service)),
            id: route.route_id,
            path: route.path,
            target_path: route.target_path,
            methods: route.methods,
            auth_required: route.auth_required,
            rate_limit: route.rate_limit,
            timeout_seconds: route.timeout_seconds,
            retries: route.retries,
            breaker_failures: route.breaker_failures,
            breaker_seconds: route.breaker_seconds,
            credential: route.credential,
            enabled: route.enabled,
            requests: figures.requests,
            failed: figures.failed,
        }
    }
}

impl Capability for GatewayRoutes {
    type Input = Input;
    type Output = Page<RouteView>;
    const SPEC: Spec = Spec::read(
        "gateway_routes",
        Domain::System,
        Route::get("/system/routes"),
        Permit::on(Resource::Routes, Action::Read),
        "The gateway's routes by path: which service each leads to, on what terms, and how many requests it took and failed. To \
         change one use gateway_route_set.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Page<RouteView>, Fault> {
        let filter =
            input.path.filter(|path| !path.is_empty()).map_or(Filter::All, |path| Filter::StartsWith("path", path));
        let page = cx.list::<GatewayRoute>(filter, "path", false, &input.paging).await?;
        let gateway = cx.service::<Gateway>()?;
        Ok(page.map(|route| {
            let figures = gateway.tallies.of(route.id);
            RouteView::new(route.value, figures)
        }))
    }
}
