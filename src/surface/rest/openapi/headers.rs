//! The headers that operations take and answers carry, each described once and referred to.

use serde_json::{Map, Value, json};

use super::is_value;
use crate::capability::spec::Effect;
use crate::capability::tool::Tool;

/// The headers that requests may have.
pub(super) fn parameters() -> Value {
    let header = |name: &str, description: &str, schema: Value| json!({ "name": name, "in": "header", "description": description, "schema": schema });
    json!({
        "IdempotencyKey": header(
            "Idempotency-Key",
            "A call that writes and is sent again with the same key is made once and answered the same.",
            // What can stand in a header; quotes around it are taken off.
            json!({ "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-~]([ !#-~]*[!#-~])?$" }),
        ),
        "IfMatch": header(
            "If-Match",
            "Change or remove only what still has this ETag; its revision alone will do.",
            json!({ "type": "string" }),
        ),
        "IfNoneMatch": header(
            "If-None-Match",
            "Answer 304 when the ETag is still this.",
            json!({ "type": "string" }),
        ),
        "Prefer": header(
            "Prefer",
            "`respond-async`: answer 202 at once; the call goes on at /api/v1/calls/{id}.",
            json!({ "type": "string", "examples": ["respond-async"] }),
        ),
        "RequestTimeout": header(
            "Request-Timeout",
            "Seconds after which the call ends, where that is sooner than configured.",
            json!({ "type": "number", "exclusiveMinimum": 0, "maximum": 86_400 }),
        ),
        "Tenant": header(
            "Convoke-Tenant",
            "The tenant that the caller believes to be in; another one than the key's is refused. Also as X-Tenant-Id.",
            json!({ "type": "string", "format": "uuid" }),
        ),
    })
}

/// The headers that a tool's operations take.
pub(super) fn taken_by(tool: &Tool) -> impl Iterator<Item = Value> {
    let names = [
        ("IdempotencyKey", tool.is_audited() && is_value(tool)),
        ("IfMatch", matches!(tool.effect, Effect::Change | Effect::Remove)),
        ("IfNoneMatch", tool.effect.reads() && is_value(tool)),
        ("Prefer", is_value(tool)),
        ("RequestTimeout", true),
        ("Tenant", true),
    ];
    names.into_iter().filter(|(_, taken)| *taken).map(|(name, _)| named(name))
}

/// A reference to one of the parameters.
pub(super) fn named(name: &str) -> Value {
    json!({ "$ref": format!("#/components/parameters/{name}") })
}

/// The headers that answers may have.
pub(super) fn headers() -> Value {
    let text = |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    let number = |description: &str| json!({ "description": description, "schema": { "type": "integer" } });
    json!({
        "X-Request-Id": { "description": "The id of the call, as in the log.", "required": true, "schema": { "type": "string" } },
        "ETag": text("The revision of the document and a digest of the answer."),
        "Location": text("Where to read what was made, or to follow the call."),
        "Retry-After": number("Seconds to wait before asking again."),
        "Preference-Applied": text("`respond-async`, where it was asked for."),
        "WWW-Authenticate": text("How to authenticate."),
        "RateLimit-Limit": number("Calls a minute; to known callers."),
        "RateLimit-Remaining": number("Calls left at once; to known callers."),
        "RateLimit-Reset": number("Seconds until all of them are there again; to known callers."),
    })
}

/// The headers that every answer has, and these.
pub(super) fn of_answer(names: &[&str]) -> Value {
    let always = ["X-Request-Id", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"];
    let all = always.iter().chain(names);
    let referred = all.map(|name| ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") })));
    Value::Object(referred.collect::<Map<_, _>>())
}
