//! Faults in the form of Anthropic: its clients make exceptions of the status and show the rest.

use axum::response::Response;
use serde_json::{Value, json};

use crate::kernel::fault::Fault;
use crate::kernel::id::CallId;
use crate::surface::talking::visit::refusal;

/// The fault as JSON: an event of a stream, and the body of an answer.
pub(super) fn told(fault: &Fault, id: CallId) -> Value {
    let kind = match fault.code().status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 => "overloaded_error",
        504 => "timeout_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    let mut error = json!({
        "type": kind,
        "message": fault.say(),
        "code": fault.code().name,
        "mend": fault.code().mend,
    });
    if !fault.places().is_empty() {
        error["violations"] = json!(fault.places());
    }
    if let Some(detail) = fault.detail() {
        error["data"] = detail.clone();
    }
    json!({ "type": "error", "error": error, "request_id": id.to_string() })
}

/// The answer for a fault.
pub(super) fn answer(fault: &Fault, id: CallId) -> Response {
    let status = match fault.code().status {
        // The vendor knows one status for whatever is wrong with a request.
        422 => 400,
        other => other,
    };
    refusal(fault, status, &told(fault, id))
}
