//! Faults in the form of OpenAI: its clients make exceptions of the status and show the rest.

use std::fmt::Write as _;

use axum::response::Response;
use serde_json::{Value, json};

use crate::kernel::fault::Fault;
use crate::kernel::id::CallId;
use crate::surface::talking::visit::refusal;

/// The status: what the vendor has no status for becomes the one that its clients know for such a thing.
fn status(fault: &Fault) -> u16 {
    match fault.code().status {
        // What is spent: the vendor's "insufficient quota".
        402 => 429,
        422 => 400,
        other => other,
    }
}

/// The fault as JSON.
pub(super) fn told(fault: &Fault, id: CallId) -> Value {
    let own = fault.code().status;
    let kind = match own {
        401 => "authentication_error",
        402 => "insufficient_quota",
        403 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    };
    let place = fault.places().first().map(|place| place.pointer.as_str()).filter(|place| !place.is_empty());
    let mut error = json!({
        "message": fault.say(),
        "type": kind,
        "param": place.map(param),
        "code": fault.code().name,
        "mend": fault.code().mend,
        "request_id": id.to_string(),
    });
    if fault.places().len() > 1 {
        error["violations"] = json!(fault.places());
    }
    if let Some(detail) = fault.detail() {
        error["data"] = detail.clone();
    }
    json!({ "error": error })
}

/// A place as the vendor writes it: `messages[0].content`.
fn param(pointer: &str) -> String {
    let mut param = String::new();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) {
            let _ = write!(param, "[{part}]");
        } else {
            if !param.is_empty() {
                param.push('.');
            }
            param.push_str(&part);
        }
    }
    param
}

/// The answer for a fault.
pub(super) fn answer(fault: &Fault, id: CallId) -> Response {
    refusal(fault, status(fault), &told(fault, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_written_as_the_vendor_writes_them() {
        assert_eq!(param("/messages/0/content/12/text"), "messages[0].content[12].text");
        assert_eq!(param("/a~1b"), "a/b");
    }
}
