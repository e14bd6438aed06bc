//! The trace that a request belongs to, by the header of the W3C.

use http::{HeaderMap, HeaderName};

use crate::kernel::trace::TraceContext;

static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The place in a trace that a request names; `None` where it names none that can be read.
#[must_use]
pub fn of(headers: &HeaderMap) -> Option<TraceContext> {
    TraceContext::parse(headers.get(&TRACEPARENT)?.to_str().ok()?)
}
