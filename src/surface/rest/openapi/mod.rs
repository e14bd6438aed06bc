//! The OpenAPI 3.1 document, made from the registry: what a route takes and answers is what its tool says, nothing is written
//! twice. It lists the built-in tools only, so it is the same for everybody and needs no credential.

mod faults;
mod headers;

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
                            answer names its call by X-Request-Id and tells a known caller by the RateLimit headers what \
                            is left.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "key": [] }],
        "tags": Domain::ALL.iter().map(|domain| json!({ "name": domain.name(), "description": domain.about() }))
            .chain([json!({ "name": "calls", "description": "Calls that go on after their request or wait for answers" })])
            .collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "parameters": headers::parameters(),
            "headers": headers::headers(),
            "securitySchemes": {
                "key": { "type": "http", "scheme": "bearer", "description": "An API key: `Authorization: Bearer cvk_…`." },
            },
            "schemas": {
                "Problem": *schema::of_output::<Problem>(),
                "Call": *schema::of_output::<Standing>(),
            },
            "responses": faults::responses(snapshot),
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
    let inputs = properties(tool)
        .filter(|(name, _)| in_path.contains(&name.as_str()) || !has_body)
        .map(|(name, schema)| parameter(tool, name, schema, in_path.contains(&name.as_str())));
    // Where the body is a file, everything else stands in the query.
    let beside_a_file = properties(tool)
        .filter(|(name, _)| has_body && tool.takes_file.is_some_and(|member| member != name.as_str()))
        .filter(|(name, _)| !in_path.contains(&name.as_str()))
        .map(|(name, schema)| {
            let mut told = parameter(tool, name, schema, false);
            told["required"] = json!(false);
            told
        });
    let parameters: Vec<Value> = inputs.chain(beside_a_file).chain(headers::taken_by(tool)).collect();
    let id = if index == 0 { tool.name.to_string() } else { format!("{}__alias{}", tool.name, index + 1) };
    let mut told = json!({
        "operationId": id,
        "tags": [tool.domain.name()],
        "summary": tool.title,
        "description": tool.description,
        "parameters": parameters,
        "responses": responses(tool, !in_path.is_empty(), has_body),
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
    tool.input().get("properties").and_then(Value::as_object).into_iter().flatten()
}

fn is_required(tool: &Tool, name: &str) -> bool {
    tool.input().get("required").and_then(Value::as_array).is_some_and(|names| names.iter().any(|one| one == name))
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

fn body(tool: &Tool, in_path: &[&str]) -> Value {
    let mut schema = (**tool.input()).clone();
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.retain(|name, _| !in_path.contains(&name.as_str()));
    }
    optional_or_null(&mut schema);
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
    let mut told = json!({ "required": required, "content": { "application/json": content } });
    if let Some(member) = tool.takes_file {
        told["content"]["application/octet-stream"] = json!({});
        told["description"] = json!(format!(
            "Either all of it as JSON, or the file itself in place of `{member}`, of any media type but JSON and forms; everything else then \
             stands in the query. Such a body is written away as it comes and may have `server.file_limit_bytes`."
        ));
    }
    told
}

/// A null for an optional property counts as left out, in what lies within too.
fn optional_or_null(schema: &mut Map<String, Value>) {
    let needed: Vec<Value> = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for (name, property) in properties {
            if let Some(within) = property.as_object_mut() {
                optional_or_null(within);
            }
            if needed.iter().all(|one| one != name.as_str()) {
                or_null(property);
            }
        }
    }
    if let Some(Value::Object(items)) = schema.get_mut("items") {
        optional_or_null(items);
    }
}

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

fn responses(tool: &Tool, named: bool, has_body: bool) -> Value {
    let schema = &**tool.output();
    let content = match tool.form {
        Form::Value | Form::Content => json!({ "application/json": { "schema": schema } }),
        Form::Stream => json!({
            "text/event-stream": { "schema": { "type": "string" } },
            "application/x-ndjson": { "schema": schema },
        }),
        // A file says itself what it is.
        Form::Bytes => json!({ "*/*": {} }),
    };
    let mut responses = faults::of(tool, named, has_body);
    if tool.effect == Effect::Create && is_value(tool) {
        let headers = headers::of_answer(&["Location", "ETag"]);
        responses["201"] = json!({ "description": "What was made.", "headers": headers, "content": content });
    } else {
        let headers = headers::of_answer(if is_value(tool) { &["ETag"] } else { &[] });
        responses["200"] = json!({ "description": "The answer.", "headers": headers, "content": content });
    }
    if tool.effect == Effect::Remove {
        let headers = headers::of_answer(&[]);
        responses["204"] = json!({ "description": "Done; there is nothing to tell.", "headers": headers });
    }
    if tool.effect.reads() && is_value(tool) {
        let headers = headers::of_answer(&["ETag"]);
        responses["304"] =
            json!({ "description": "Nothing changed since the ETag of If-None-Match.", "headers": headers });
    }
    if is_value(tool) {
        responses["202"] = json!({
            "description": "The call goes on; `Location` says where to follow it.",
            "headers": headers::of_answer(&["Location", "Retry-After", "Preference-Applied"]),
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Call" } } },
        });
    }
    responses
}

/// What this door has besides the tools.
fn fixed() -> Vec<(&'static str, Verb, Value)> {
    let call = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Call" } } });
    let id = json!({ "name": "id", "in": "path", "required": true, "schema": { "type": "string", "format": "uuid" } });
    let tenant = || headers::named("Tenant");
    let answers = json!({ "type": "object", "description": "Answers by the key of their question." });
    let takes = |schema: Value| json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    let stands = |names: &[&str]| json!({ "description": "How the call stands.", "headers": headers::of_answer(names), "content": call });
    let health = json!({ "schema": { "type": "object" } });
    vec![
        (
            "/health",
            Verb::Get,
            json!({
                "operationId": "health", "tags": ["system"], "summary": "Whether the server takes calls", "security": [],
                "parameters": [tenant()],
                "responses": faults::with(&[401, 403, 414, 429, 431], &[
                    (200, json!({ "description": "It does.", "headers": headers::of_answer(&[]), "content": { "application/json": health } })),
                    (503, json!({
                        "description": "It does not: the store does not answer, or the server is stopping.",
                        "headers": headers::of_answer(&["Retry-After"]),
                        "content": { "application/json": health, "application/problem+json": faults::schema() },
                    })),
                ]),
            }),
        ),
        (
            "/metrics",
            Verb::Get,
            json!({
                "operationId": "metrics", "tags": ["system"], "summary": "Figures as Prometheus reads them",
                "parameters": [tenant()],
                "responses": faults::with(&[401, 403, 414, 429, 431, 500, 503], &[(200, json!({
                    "description": "The figures.", "headers": headers::of_answer(&[]),
                    "content": { "text/plain": { "schema": { "type": "string" } } },
                }))]),
            }),
        ),
        (
            "/api/v1/calls/{id}",
            Verb::Get,
            json!({
                "operationId": "call_get", "tags": ["calls"], "summary": "How a call stands that went on after its request",
                "parameters": [id, tenant()],
                "responses": faults::with(OF_CALLS, &[(200, stands(&["Retry-After"]))]),
            }),
        ),
        (
            "/api/v1/calls/{id}/cancel",
            Verb::Post,
            json!({
                "operationId": "call_cancel", "tags": ["calls"], "summary": "Call it off",
                "parameters": [id, tenant()],
                "responses": faults::with(OF_CALLS, &[(200, stands(&["Retry-After"])), (409, faults::named(409))]),
            }),
        ),
        (
            "/api/v1/calls/{id}/answers",
            Verb::Post,
            json!({
                "operationId": "call_answer", "tags": ["calls"], "summary": "Answer the questions of a call that waits",
                "parameters": [id, tenant()],
                "requestBody": takes(json!({
                    "type": "object", "required": ["answers"], "additionalProperties": false,
                    "properties": { "answers": answers },
                })),
                "responses": faults::with(OF_ANSWERS, &[(202, stands(&["Retry-After"]))]),
            }),
        ),
        (
            "/api/v1/calls/resume",
            Verb::Post,
            json!({
                "operationId": "call_resume", "tags": ["calls"],
                "summary": "Make a call again with the answers that an `input_required` problem asked for",
                "parameters": [tenant()],
                "requestBody": takes(json!({
                    "type": "object", "required": ["requestState", "answers"], "additionalProperties": false,
                    "properties": { "requestState": { "type": "string" }, "answers": answers },
                })),
                "responses": faults::with(OF_ANSWERS, &[
                    (200, json!({ "description": "What the call answers.", "headers": headers::of_answer(&["ETag"]) })),
                    (201, json!({ "description": "What the call made.", "headers": headers::of_answer(&["Location", "ETag"]) })),
                    (202, stands(&["Location", "Retry-After"])),
                    (204, json!({ "description": "Done; there is nothing to tell.", "headers": headers::of_answer(&[]) })),
                    (406, faults::named(406)), (412, faults::named(412)), (422, faults::named(422)),
                ]),
            }),
        ),
    ]
}

/// What following a call can be refused by, and answering one.
const OF_CALLS: &[u16] = &[400, 401, 403, 404, 414, 429, 431, 500, 503];
const OF_ANSWERS: &[u16] = &[400, 401, 403, 404, 408, 409, 413, 414, 415, 429, 431, 500, 503, 504, 507];

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
