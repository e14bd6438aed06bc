//! `GET /v1/models`: routes and models by the names that calls take. Clients of OpenAI and of Anthropic look for the list at the same
//! path, each in its own form; those of Anthropic say their version in a header.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::told;
use crate::capability::caller::Door;
use crate::capability::gate::Gate;
use crate::kernel::fault::Fault;
use crate::surface::anthropic;
use crate::surface::talking::visit::{self, Visit};

/// A route or a model.
struct Named {
    name: String,
    title: Option<String>,
    owner: String,
}

impl Named {
    fn told(&self, of_anthropic: bool) -> Value {
        if of_anthropic {
            let title = self.title.as_deref().unwrap_or(&self.name);
            // When it was made is not known here.
            return json!({ "type": "model", "id": self.name, "display_name": title, "created_at": "1970-01-01T00:00:00Z" });
        }
        json!({ "id": self.name, "object": "model", "created": 0, "owned_by": self.owner })
    }
}

/// Whose client asks.
fn of_anthropic(request: &Request) -> bool {
    request.headers().contains_key("anthropic-version")
}

/// All.
pub(super) async fn list(gate: Arc<Gate>, request: Request) -> Response {
    let theirs = of_anthropic(&request);
    let (visit, _) = Visit::open(gate, if theirs { Door::Anthropic } else { Door::Openai }, request);
    let listed = all(&visit).await.and_then(|all| {
        let data: Vec<Value> = all.iter().map(|one| one.told(theirs)).collect();
        if theirs {
            let end = |one: Option<&Named>| one.map(|one| one.name.clone());
            let (first, last) = (end(all.first()), end(all.last()));
            return visit::json(&json!({ "data": data, "has_more": false, "first_id": first, "last_id": last }));
        }
        visit::json(&json!({ "object": "list", "data": data }))
    });
    close(&visit, listed, theirs)
}

/// One of a name.
pub(super) async fn one(gate: Arc<Gate>, request: Request) -> Response {
    let theirs = of_anthropic(&request);
    let (visit, _) = Visit::open(gate, if theirs { Door::Anthropic } else { Door::Openai }, request);
    let path = visit.parts.uri.path().trim_start_matches("/v1/models/");
    let name = percent_decode_str(path).decode_utf8_lossy().into_owned();
    let found = all(&visit).await.and_then(|all| {
        let found = all.iter().find(|one| one.name == name).ok_or_else(|| Fault::not_found("model", &name))?;
        visit::json(&found.told(theirs))
    });
    close(&visit, found, theirs)
}

fn close(visit: &Visit, answer: Result<Response, Fault>, theirs: bool) -> Response {
    if theirs { anthropic::told(visit, answer) } else { told(visit, answer) }
}

async fn all(visit: &Visit) -> Result<Vec<Named>, Fault> {
    let mut all = Vec::new();
    for route in pages(visit, "model_route_list").await? {
        if route["enabled"] == true
            && let Some(name) = route["name"].as_str()
        {
            all.push(Named { name: name.to_owned(), title: None, owner: "convoke".to_owned() });
        }
    }
    for model in pages(visit, "model_list").await? {
        if let Some(name) = model["name"].as_str() {
            let owner = name.split_once('/').map_or(name, |(provider, _)| provider).to_owned();
            all.push(Named { name: name.to_owned(), title: model["title"].as_str().map(str::to_owned), owner });
        }
    }
    Ok(all)
}

/// Everything that a tool lists.
async fn pages(visit: &Visit, tool: &str) -> Result<Vec<Value>, Fault> {
    let mut all = Vec::new();
    let mut input = json!({ "limit": 200 });
    loop {
        let mut call = visit.call(tool).await?;
        call.input = input.clone();
        let mut page = visit.value(call).await?;
        if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
            all.extend(items);
        }
        match page.get_mut("nextPageToken").map(Value::take) {
            Some(token @ Value::String(_)) => input["pageToken"] = token,
            _ => return Ok(all),
        }
    }
}
