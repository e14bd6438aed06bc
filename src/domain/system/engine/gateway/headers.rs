//! The headers of a request that is passed on, and of its answer. Those of the connection stay here, the caller's credential
//! never leaves, and what the service is told of the caller is what was found here, whatever the request said.

use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, FORWARDED, HOST, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, SET_COOKIE, STRICT_TRANSPORT_SECURITY, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::capability::forwarding::Forwarded;
use crate::domain::system::faults::GATEWAY_LOOP;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::trace::TraceContext;

/// How often a request has gone through a gateway of this program.
static HOPS: HeaderName = HeaderName::from_static("convoke-hops");
static TENANT: HeaderName = HeaderName::from_static("convoke-tenant");
static USER: HeaderName = HeaderName::from_static("convoke-user");
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
static PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// More gateways than this behind one another are a circle.
const MOST_HOPS: u32 = 4;

/// Whether a header belongs to one connection alone.
fn is_of_connection(name: &HeaderName) -> bool {
    [&CONNECTION, &TE, &TRAILER, &TRANSFER_ENCODING, &UPGRADE, &PROXY_AUTHENTICATE, &PROXY_AUTHORIZATION]
        .into_iter()
        .chain([&KEEP_ALIVE, &PROXY_CONNECTION])
        .any(|one| one == name)
}

/// The headers that `Connection` names: they are of the connection too.
fn named_by_connection(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',').map(|name| name.trim().to_ascii_lowercase()).collect::<Vec<_>>()).collect()
}

/// Whether a header of a request is not passed on.
fn stays(name: &HeaderName) -> bool {
    let text = name.as_str();
    let own = [&HOST, &AUTHORIZATION, &COOKIE, &CONTENT_LENGTH, &EXPECT, &FORWARDED, &ACCEPT_ENCODING, &REQUEST_ID];
    is_of_connection(name)
        || own.contains(&name)
        || [&TRACEPARENT, &TRACESTATE].contains(&name)
        || text.starts_with("x-forwarded-")
        || text.starts_with("x-tenant-")
        || text.starts_with("convoke-")
        || text.starts_with("sec-websocket-")
}

/// Refuses a request that goes in a circle.
///
/// # Errors
/// `gateway_loop`.
pub(super) fn refuse_loops(headers: &HeaderMap) -> Result<(), Fault> {
    if hops(headers) < MOST_HOPS {
        return Ok(());
    }
    Err(Fault::new(&GATEWAY_LOOP, "the request has gone through the gateway several times"))
}

fn hops(headers: &HeaderMap) -> u32 {
    // What cannot be read counts as too many: nobody but this program writes it.
    let text = headers.get(&HOPS).map(|value| value.to_str().unwrap_or_default());
    text.map_or(0, |text| text.parse().unwrap_or(MOST_HOPS))
}

/// The place in a trace that a request names.
pub(super) fn trace_of(headers: &HeaderMap) -> Option<TraceContext> {
    TraceContext::parse(headers.get(&TRACEPARENT)?.to_str().ok()?)
}

/// The headers that the service gets. The place in a trace is told by what sends them.
pub(super) fn of_request(request: &Forwarded, tenant: TenantId) -> HeaderMap {
    let named = named_by_connection(&request.headers);
    let mut passed = HeaderMap::with_capacity(request.headers.len() + 6);
    for (name, value) in &request.headers {
        if !stays(name) && !named.iter().any(|one| one == name.as_str()) {
            passed.append(name.clone(), value.clone());
        }
    }
    let mut tell = |name: &HeaderName, text: String| {
        if let Ok(value) = HeaderValue::from_str(&text) {
            passed.insert(name.clone(), value);
        }
    };
    tell(&REQUEST_ID, request.id.to_string());
    tell(&HOPS, (hops(&request.headers) + 1).to_string());
    tell(&TENANT, tenant.to_string());
    if request.caller.is_known() {
        tell(&USER, request.caller.user.to_string());
    }
    if let Some(address) = request.origin.address {
        tell(&X_FORWARDED_FOR, address.to_string());
    }
    // It means something only beside the trace that it came with.
    if trace_of(&request.headers).is_some() {
        for value in request.headers.get_all(&TRACESTATE) {
            passed.append(TRACESTATE.clone(), value.clone());
        }
    }
    passed
}

/// The headers of the answer that the caller gets. Cookies, transport rules and permissions for web pages are the business of
/// this server at its own address, not of a service behind it.
pub(super) fn of_answer(headers: &HeaderMap) -> HeaderMap {
    let named = named_by_connection(headers);
    let mut passed = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let kept = is_of_connection(name)
            || [&SET_COOKIE, &STRICT_TRANSPORT_SECURITY, &REQUEST_ID].contains(&name)
            || name.as_str().starts_with("access-control-")
            || named.iter().any(|one| one == name.as_str());
        if !kept {
            passed.append(name.clone(), value.clone());
        }
    }
    passed
}
