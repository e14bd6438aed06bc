//! `gateway_route_set`: a path of the gateway leads to a registered service.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::{Belongs, Cx, forbidden};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::identity::default_tenant;
use crate::domain::integrations::is_name;
use crate::domain::system::engine::gateway::{Gateway, is_plain};
use crate::domain::system::model::route::{Carries, GatewayRoute, Rate, RouteMethod};
use crate::domain::system::tools::gateway_routes::RouteView;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::port::records::Visibility;

/// Sets a route.
pub(in crate::domain::system) struct GatewayRouteSet;

/// The route. Set again it is replaced as a whole.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Input {
    /// Its name.
    #[schemars(length(min = 1, max = 64), pattern("^[a-z0-9][a-z0-9_-]*$"))]
    id: String,
    /// Requests to `/gateway` and this path, or anything below it, go to the service, such as `/invoices`.
    #[schemars(length(min = 2, max = 200), pattern("^/[A-Za-z0-9._~/-]*$"))]
    path: String,
    /// The registered service, with `:port` behind it where only its instances on that port are meant.
    #[schemars(length(min = 1, max = 70), pattern("^[A-Za-z0-9][A-Za-z0-9_.-]*(:[0-9]{1,5})?$"))]
    target: String,
    /// What the service sees in place of the route's path: the path itself when not given, nothing when empty.
    #[serde(default)]
    #[schemars(length(max = 200), pattern("^(/[A-Za-z0-9._~/-]*)?$"))]
    target_path: Option<String>,
    /// The methods that it takes; all when not given.
    #[serde(default)]
    #[schemars(length(min = 1, max = 7))]
    methods: Option<Vec<RouteMethod>>,
    /// Whether callers need a key with gateway:read or, for what changes something, gateway:change; yes when not given. Only
    /// the installation's first tenant may open one to everybody.
    #[serde(default)]
    auth_required: Option<bool>,
    /// The most requests that it takes, over all callers, such as `100/min`, `10/s` or `5000/h`; no bound when not given.
    #[serde(default)]
    #[schemars(length(min = 3, max = 20), pattern("^[0-9]{1,9}/(s|sec|second|m|min|minute|h|hour)$"))]
    rate_limit: Option<String>,
    /// How long a request may wait for its answer to begin, in seconds; 30 when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 300))]
    timeout_seconds: Option<u32>,
    /// How often another instance is asked after a failure, where that is harmless; 2 when not given.
    #[serde(default)]
    #[schemars(range(min = 0, max = 5))]
    retries: Option<u32>,
    /// After how many failures one after the other an instance is left alone; 5 when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100))]
    breaker_failures: Option<u32>,
    /// For how long it is left alone, in seconds; 30 when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 3600))]
    breaker_seconds: Option<u32>,
    /// A credential of the vault that requests carry to the service; needs the permission secrets:change.
    #[serde(default)]
    credential: Option<Carries>,
    /// Whether it is in force; yes when not given.
    #[serde(default)]
    enabled: Option<bool>,
}

impl Capability for GatewayRouteSet {
    type Input = Input;
    type Output = RouteView;
    const SPEC: Spec = Spec::change(
        "gateway_route_set",
        Domain::System,
        Route::put("/system/routes/{id}"),
        Permit::on(Resource::Routes, Action::Change),
        "Lets a path below /gateway lead to a registered service, with key check, rate limit, retries, circuit breaker and a \
         credential from the vault. Set again it is replaced; 'enabled: false' takes it out of force. See gateway_routes.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<RouteView, Fault> {
        let route = route_of(cx, input).await?;
        let id = GatewayRoute::id(cx.tenant(), &route.route_id);
        match cx.load::<GatewayRoute>(id, Action::Change).await {
            Ok(stored) => cx.change(&stored, &route)?,
            Err(fault) if fault.is(&codes::NOT_FOUND) => {
                let owner = Some(cx.caller().user.uuid());
                cx.create(id, Belongs { owner, workspace: None, visibility: Visibility::Tenant }, &route)?;
            }
            Err(fault) => return Err(fault),
        }
        let event = serde_json::json!({ "routeId": route.route_id, "path": route.path, "enabled": route.enabled });
        cx.emit("gateway_route.set", id, &event)?;
        let figures = cx.service::<Gateway>()?.tallies.of(id);
        Ok(RouteView::new(route, figures))
    }
}

async fn route_of(cx: &Cx, input: Input) -> Result<GatewayRoute, Fault> {
    let path = input.path.trim_end_matches('/').to_owned();
    let target_path = input.target_path.map_or_else(|| path.clone(), |path| path.trim_end_matches('/').to_owned());
    for (place, text) in [("/path", path.as_str()), ("/targetPath", target_path.as_str())] {
        let is_needed = place == "/path";
        if (is_needed && text.is_empty()) || (!text.is_empty() && !is_plain(text)) {
            return Err(Fault::bad_input(place, "must be a plain path such as '/invoices', without '..' and '//'"));
        }
    }
    let (service, port) = match input.target.split_once(':') {
        None => (input.target, None),
        Some((service, port)) => {
            let port = port.parse::<u16>().ok().filter(|port| *port > 0);
            let port = port.ok_or_else(|| Fault::bad_input("/target", "the port must be from 1 to 65535"))?;
            (service.to_owned(), Some(port))
        }
    };
    if input.rate_limit.as_deref().is_some_and(|text| Rate::parse(text).is_none()) {
        return Err(Fault::bad_input("/rateLimit", "must be a number above 0 and a span, such as '100/min'"));
    }
    let auth_required = input.auth_required.unwrap_or(true);
    if !auth_required {
        let own = default_tenant(&*cx.platform().store).await?;
        if own.is_none_or(|(tenant, _)| tenant != cx.tenant()) {
            let say = "only the installation's first tenant may open a route to everybody: leave authRequired out";
            return Err(Fault::new(&codes::FORBIDDEN, say));
        }
    }
    if let Some(carries) = &input.credential {
        may_carry(cx, carries)?;
    }
    Ok(GatewayRoute {
        route_id: input.id,
        path,
        service,
        port,
        target_path,
        methods: input.methods.unwrap_or_else(|| RouteMethod::ALL.to_vec()),
        auth_required,
        rate_limit: input.rate_limit,
        timeout_seconds: input.timeout_seconds.unwrap_or(30),
        retries: input.retries.unwrap_or(2),
        breaker_failures: input.breaker_failures.unwrap_or(5),
        breaker_seconds: input.breaker_seconds.unwrap_or(30),
        credential: input.credential,
        enabled: input.enabled.unwrap_or(true),
    })
}

/// Whoever says where a credential goes has it: it is theirs to give only if they could replace it.
fn may_carry(cx: &Cx, carries: &Carries) -> Result<(), Fault> {
    if !cx.caller().may(Resource::Secrets, Action::Change) {
        return Err(forbidden(Permit::on(Resource::Secrets, Action::Change)));
    }
    if !is_name(&carries.secret) {
        return Err(Fault::bad_input("/credential/secret", "must be the name of a secret, as secret_list tells it"));
    }
    let reserved = ["host", "connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer", "cookie"];
    let name = carries.header.to_ascii_lowercase();
    if name.parse::<http::HeaderName>().is_err() || reserved.contains(&name.as_str()) || name.starts_with("convoke-") {
        return Err(Fault::bad_input("/credential/header", "must be the name of a header that can carry a credential"));
    }
    if !carries.before().chars().all(|one| one.is_ascii_graphic() || one == ' ') {
        return Err(Fault::bad_input("/credential/prefix", "must be plain text"));
    }
    Ok(())
}
