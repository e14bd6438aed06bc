//! The OpenAPI 3.1 document, made from the registry: what a route takes and answers is what its tool says, nothing is written
//! twice. It lists the built-in tools only, so it is the same for everybody and needs no credential.

use std::sync::OnceLock;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::PREFIX;
use super::calls::Standing;
use crate::capability::outcome::Form;
use crate::capability::permit::Permit;
use crate::capability::registry::Snapshot;
use crate::capability::schema;
use crate::capability::spec::{Domain, Effect, Route, Verb};
use crate::capability::tool::Tool;
use crate::kernel::fault::{Fault, Problem};
use crate::kernel::seal::sha256_hex;

/// The document as bytes with its ETag, made when it is first asked for: built-in tools never change.
#[derive(Default)]
pub(super) struct Cached(OnceLock<(Bytes, String)>);

impl Cached {
    pub(super) fn bytes(&self, snapshot: &Snapshot) -> Result<(Bytes, String), Fault> {
        if let Some(kept) = self.0.get() {
            return Ok(kept.clone());
        }
        let bytes = serde_json::to_vec(&document(snapshot)).map_err(Fault::internal)?;
        let tag = format!("\"{}\"", &sha256_hex(&bytes)[..16]);
        Ok(self.0.get_or_init(|| (Bytes::from(bytes), tag)).clone())
    }
}

/// The whole document.
#[must_use]
pub fn document(snapshot: &Snapshot) -> Value {
    let mut paths = Map::new();
    for tool in snapshot.built() {
        for (index, route) in tool.routes.iter().enumerate() {
            add(&mut paths, &format!("{PREFIX}{}", plain(route.path)), route.verb, operation(tool, index, route));
        }
    }
    for (path, verb, operation) in fixed() {
        add(&mut paths, path, verb, operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Convoke",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "The back office for AI agents",
            "description": "Every tool of this server as a route. The same tools are served over MCP at /mcp. Faults are \
                            RFC 9457 problem documents with a stable `code`; `requestId` names the call in the log. Every \
                            operation also takes the headers Idempotency-Key (writes), If-Match, If-None-Match, Prefer \
                            and Request-Timeout, described under components.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "key": [] }],
        "tags": Domain::ALL.iter().map(|domain| json!({ "name": domain.name(), "description": domain.about() }))
            .chain([json!({ "name": "calls", "description": "Calls that go on after their request or wait for answers" })])
            .collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "parameters": headers(),
            "securitySchemes": {
                "key": { "type": "http", "scheme": "bearer", "description": "An API key: `Authorization: Bearer cvk_…`." },
            },
            "schemas": {
                "Problem": *schema::of_output::<Problem>(),
                "Call": *schema::of_output::<Standing>(),
            },
            "responses": {
                "Problem": {
                    "description": "The call did not succeed. `code` says why and `mend` how to mend it.",
                    "headers": request_id(),
                    "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
                },
            },
        },
    })
}

fn add(paths: &mut Map<String, Value>, path: &str, verb: Verb, operation: Value) {
    let item = paths.entry(path).or_insert_with(|| Value::Object(Map::new()));
    item[verb.name().to_ascii_lowercase()] = operation;
}

fn operation(tool: &Tool, index: usize, route: &Route) -> Value {
    let in_path = names_in(route.path);
    let has_body = matches!(route.verb, Verb::Post | Verb::Put | Verb::Patch);
    let parameters: Vec<Value> = properties(tool)
        .filter(|(name, _)| in_path.contains(&name.as_str()) || !has_body)
        .map(|(name, schema)| parameter(tool, name, schema, in_path.contains(&name.as_str())))
        .collect();
    let id = if index == 0 { tool.name.to_string() } else { format!("{}__alias{}", tool.name, index + 1) };
    let mut told = json!({
        "operationId": id,
        "tags": [tool.domain.name()],
        "summary": tool.title,
        "description": tool.description,
        "parameters": parameters,
        "responses": responses(tool),
        "x-convoke": {
            "tool": &*tool.name,
            "effect": tool.effect,
            "permission": tool.permit,
            "reachesOutside": tool.reaches,
            "spends": tool.spends,
        },
    });
    if has_body {
        told["requestBody"] = body(tool, &in_path);
    }
    if tool.permit == Permit::Public {
        told["security"] = json!([]);
    }
    told
}

fn properties(tool: &Tool) -> impl Iterator<Item = (&String, &Value)> {
    tool.input.get("properties").and_then(Value::as_object).into_iter().flatten()
}

fn is_required(tool: &Tool, name: &str) -> bool {
    tool.input.get("required").and_then(Value::as_array).is_some_and(|names| names.iter().any(|one| one == name))
}

fn parameter(tool: &Tool, name: &str, schema: &Value, in_path: bool) -> Value {
    let mut schema = schema.clone();
    let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
    let mut parameter = json!({
        "name": name,
        "in": if in_path { "path" } else { "query" },
        "required": in_path || is_required(tool, name),
    });
    if let Some(description) = description {
        parameter["description"] = description;
    }
    // An object in a query is written as JSON.
    if schema.get("type").is_some_and(|kind| kind == "object") {
        parameter["content"] = json!({ "application/json": { "schema": schema } });
    } else {
        parameter["schema"] = schema;
    }
    parameter
}

/// What every operation takes besides its input. Kept in one place: what they do is the same everywhere.
fn headers() -> Value {
    let header = |name: &str, description: &str, schema: Value| json!({ "name": name, "in": "header", "description": description, "schema": schema });
    json!({
        "IdempotencyKey": header(
            "Idempotency-Key",
            "A call that writes and is sent again with the same key is made once and answered the same.",
            json!({ "type": "string", "minLength": 1, "maxLength": 255 }),
        ),
        "IfMatch": header("If-Match", "Change or remove only what still has this ETag.", json!({ "type": "string" })),
        "IfNoneMatch": header("If-None-Match", "Answer 304 when the ETag is still this.", json!({ "type": "string" })),
        "Prefer": header(
            "Prefer",
            "`respond-async`: answer 202 at once; the call goes on at /api/v1/calls/{id}.",
            json!({ "type": "string" }),
        ),
        "RequestTimeout": header("Request-Timeout", "Seconds after which the call ends.", json!({ "type": "number" })),
        "Tenant": header("Convoke-Tenant", "The tenant that the caller believes to be in.", json!({ "type": "string" })),
    })
}

fn body(tool: &Tool, in_path: &[&str]) -> Value {
    let mut schema = (*tool.input).clone();
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.retain(|name, _| !in_path.contains(&name.as_str()));
    }
    let needed: Vec<Value> = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        let optional = properties.iter_mut().filter(|(name, _)| needed.iter().all(|one| one != name.as_str()));
        optional.for_each(|(_, property)| or_null(property));
    }
    let mut required = false;
    if let Some(Value::Array(names)) = schema.get_mut("required") {
        names.retain(|name| name.as_str().is_none_or(|name| !in_path.contains(&name)));
        required = !names.is_empty();
        if names.is_empty() {
            schema.remove("required");
        }
    }
    let mut content = json!({ "schema": schema });
    let examples: Map<String, Value> = tool
        .card
        .examples
        .iter()
        .enumerate()
        .map(|(index, example)| {
            let mut input = example.input.clone();
            if let Value::Object(properties) = &mut input {
                properties.retain(|name, _| !in_path.contains(&name.as_str()));
            }
            (format!("example{}", index + 1), json!({ "summary": example.say, "value": input }))
        })
        .collect();
    if !examples.is_empty() {
        content["examples"] = examples.into();
    }
    json!({ "required": required, "content": { "application/json": content } })
}

/// A null for an optional property counts as left out.
fn or_null(property: &mut Value) {
    let Some(schema) = property.as_object_mut() else { return };
    if let Some(kind @ Value::String(_)) = schema.get_mut("type") {
        *kind = json!([kind.take(), "null"]);
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.push(Value::Null);
    }
    for union in ["anyOf", "oneOf"] {
        if let Some(Value::Array(choices)) = schema.get_mut(union) {
            choices.push(json!({ "type": "null" }));
        }
    }
}

fn responses(tool: &Tool) -> Value {
    let schema = &*tool.output;
    let content = match tool.form {
        Form::Value | Form::Content => json!({ "application/json": { "schema": schema } }),
        Form::Stream => json!({
            "text/event-stream": { "schema": { "type": "string" } },
            "application/x-ndjson": { "schema": schema },
        }),
        Form::Bytes => json!({ "application/octet-stream": {} }),
    };
    let status = if tool.effect == Effect::Create && is_value(tool) { "201" } else { "200" };
    let mut responses = json!({
        status: { "description": "The answer.", "headers": answer_headers(), "content": content },
        "default": { "$ref": "#/components/responses/Problem" },
    });
    if tool.effect == Effect::Remove {
        responses["204"] = json!({ "description": "Done; there is nothing to tell.", "headers": request_id() });
    }
    if tool.effect.reads() && is_value(tool) {
        responses["304"] = json!({ "description": "Nothing changed since the ETag of If-None-Match." });
    }
    if is_value(tool) {
        responses["202"] = json!({
            "description": "The call goes on; `Location` says where to follow it.",
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Call" } } },
        });
    }
    responses
}

fn request_id() -> Value {
    json!({ "X-Request-Id": { "description": "The id of the call, as in the log.", "schema": { "type": "string" } } })
}

fn answer_headers() -> Value {
    let mut headers = request_id();
    headers["ETag"] = json!({ "description": "The revision of the document.", "schema": { "type": "string" } });
    headers["RateLimit-Remaining"] = json!({ "description": "Calls left at once.", "schema": { "type": "integer" } });
    headers
}

/// What this door has besides the tools.
fn fixed() -> Vec<(&'static str, Verb, Value)> {
    let problem = json!({ "$ref": "#/components/responses/Problem" });
    let call = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Call" } } });
    let id =
        json!([{ "name": "id", "in": "path", "required": true, "schema": { "type": "string", "format": "uuid" } }]);
    let answers = json!({ "type": "object", "description": "Answers by the key of their question." });
    let standing = |operation: &str, summary: &str| {
        json!({
            "operationId": operation, "tags": ["calls"], "summary": summary, "parameters": id,
            "responses": { "200": { "description": "How the call stands.", "content": call }, "default": problem },
        })
    };
    let takes = |schema: Value| json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    vec![
        (
            "/health",
            Verb::Get,
            json!({
                "operationId": "health", "tags": ["system"], "summary": "Whether the server takes calls", "security": [],
                "responses": {
                    "200": { "description": "It does.", "content": { "application/json": { "schema": { "type": "object" } } } },
                    "default": problem,
                },
            }),
        ),
        (
            "/metrics",
            Verb::Get,
            json!({
                "operationId": "metrics", "tags": ["system"], "summary": "Figures as Prometheus reads them",
                "responses": {
                    "200": { "description": "The figures.", "content": { "text/plain": { "schema": { "type": "string" } } } },
                    "default": problem,
                },
            }),
        ),
        ("/api/v1/calls/{id}", Verb::Get, standing("call_get", "How a call stands that went on after its request")),
        ("/api/v1/calls/{id}/cancel", Verb::Post, standing("call_cancel", "Call it off")),
        (
            "/api/v1/calls/{id}/answers",
            Verb::Post,
            json!({
                "operationId": "call_answer", "tags": ["calls"], "summary": "Answer the questions of a call that waits",
                "parameters": id,
                "requestBody": takes(json!({
                    "type": "object", "required": ["answers"], "additionalProperties": false,
                    "properties": { "answers": answers },
                })),
                "responses": { "202": { "description": "How the call stands.", "content": call }, "default": problem },
            }),
        ),
        (
            "/api/v1/calls/resume",
            Verb::Post,
            json!({
                "operationId": "call_resume", "tags": ["calls"],
                "summary": "Make a call again with the answers that an `input_required` problem asked for",
                "requestBody": takes(json!({
                    "type": "object", "required": ["requestState", "answers"], "additionalProperties": false,
                    "properties": { "requestState": { "type": "string" }, "answers": answers },
                })),
                "responses": { "2XX": { "description": "What the call answers." }, "default": problem },
            }),
        ),
    ]
}

fn is_value(tool: &Tool) -> bool {
    matches!(tool.form, Form::Value | Form::Content)
}

fn names_in(path: &str) -> Vec<&str> {
    path.split('{')
        .skip(1)
        .filter_map(|part| part.split_once('}'))
        .map(|(name, _)| name.trim_start_matches('*'))
        .collect()
}

fn plain(path: &str) -> String {
    path.replace("{*", "{")
}
