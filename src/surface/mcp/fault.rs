//! Faults as the protocol tells them: a tool result that a model can mend its call by, a protocol error for what is no valid
//! call, an HTTP answer for what never reached the protocol.

use axum::body::Body;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use rmcp::model::{CallToolResult, ContentBlock, ErrorCode, ErrorData};
use serde_json::{Value, json};

use crate::kernel::codes;
use crate::kernel::fault::{Fault, Problem};
use crate::kernel::id::CallId;
use crate::surface::http::problem;

/// The result of a call that failed.
pub(super) fn result(fault: &Fault, id: CallId) -> CallToolResult {
    refusal(&fault.problem(&id.to_string()))
}

/// The result that tells of a problem, as text alone: clients hold structured content to the tool's output schema even where
/// the call failed, and the model would be told of the mismatch instead of the problem.
pub(super) fn refusal(problem: &Problem) -> CallToolResult {
    let mut result = CallToolResult::default();
    result.content = vec![ContentBlock::text(serde_json::to_string(problem).unwrap_or_default())];
    result.is_error = Some(true);
    result
}

/// Whether a fault of a call says that it was no call at all.
pub(super) fn is_protocol_error(fault: &Fault) -> bool {
    fault.is(&codes::UNKNOWN_TOOL) || fault.is(&codes::BAD_REQUEST_STATE) || fault.code().status == 401
}

/// The protocol error of a fault. The reason of a failure of the program stays inside.
pub(super) fn error(fault: &Fault, id: CallId) -> ErrorData {
    let data = serde_json::to_value(fault.problem(&id.to_string())).ok();
    ErrorData::new(code(fault), fault.say().to_owned(), data)
}

fn code(fault: &Fault) -> ErrorCode {
    let is = |code| fault.is(code);
    if is(&codes::MALFORMED) {
        ErrorCode::INVALID_REQUEST
    } else if is(&codes::NOT_FOUND)
        || is(&codes::UNKNOWN_TOOL)
        || is(&codes::BAD_INPUT)
        || is(&codes::BAD_PAGE_TOKEN)
        || is(&codes::BAD_REQUEST_STATE)
    {
        ErrorCode::INVALID_PARAMS
    } else if fault.code().status < 500 {
        ErrorCode::INVALID_REQUEST
    } else {
        ErrorCode::INTERNAL_ERROR
    }
}

/// The HTTP answer of a fault: the fault's status and headers, with a JSON-RPC error in the body.
pub(super) fn answer(fault: &Fault, id: CallId, request: Option<&Value>) -> Response {
    answer_with(fault, id, request, code(fault))
}

/// The HTTP answer for bytes that are not JSON.
pub(super) fn unreadable(id: CallId, why: &str) -> Response {
    let fault = Fault::new(&codes::MALFORMED, format!("the body is not JSON: {why}"));
    answer_with(&fault, id, None, ErrorCode::PARSE_ERROR)
}

fn answer_with(fault: &Fault, id: CallId, request: Option<&Value>, code: ErrorCode) -> Response {
    let mut response = problem::answer(fault, id);
    if response.status() == StatusCode::from_u16(499).unwrap_or_default() {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *response.body_mut() = Body::from(message(&ErrorData { code, ..error(fault, id) }, request).to_string());
    response
}

/// The JSON-RPC message of an error.
pub(super) fn message(error: &ErrorData, request: Option<&Value>) -> Value {
    let mut message = json!({ "jsonrpc": "2.0", "error": error });
    if let (Some(members), Some(id)) = (message.as_object_mut(), request) {
        members.insert("id".to_owned(), id.clone());
    }
    message
}

/// The internal error that tells nothing.
pub(super) fn internal() -> ErrorData {
    ErrorData::internal_error("the server failed", None)
}
