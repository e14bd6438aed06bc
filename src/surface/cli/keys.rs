//! `keys`: API keys, and the way back when the administrator's is lost.

use serde_json::{Map, Value, json};

use super::arguments::{Keys, KeysWhat, Server};
use super::exit::Failure;
use super::output;
use super::setting::Setting;
use super::target::{Target, call};
use crate::capability::page::LARGEST_PAGE;
use crate::runtime::owner::protocol::What;

pub(super) async fn run(setting: Setting, asked: Keys) -> Result<(), Failure> {
    let (server, what) = match asked.what {
        KeysWhat::List { server } => return list(&Target::of(&setting, &server, "keys")?).await,
        KeysWhat::Revoke { id, server } => (server, call("api_key_revoke", json!({ "id": id }), None)),
        KeysWhat::Create { name, user, scopes, toolsets, read_only, expires_in_days, usage_limit, budget, server } => {
            let mut input = Map::new();
            let mut give = |key: &str, value: Value| drop(input.insert(key.to_owned(), value));
            give("name", name.into());
            if let Some(user) = user {
                give("userId", user.into());
            }
            if !scopes.is_empty() {
                give("scopes", scopes.into());
            }
            if !toolsets.is_empty() {
                give("toolsets", toolsets.into());
            }
            if read_only {
                give("readOnly", true.into());
            }
            if let Some(days) = expires_in_days {
                give("expiresInDays", days.into());
            }
            if let Some(calls) = usage_limit {
                give("usageLimit", calls.into());
            }
            if let Some(dollars) = budget {
                give("budget", json!({ "dollars": dollars }));
            }
            (server, call("api_key_create", Value::Object(input), None))
        }
        KeysWhat::Reset => (Server::default(), What::ResetKey),
    };
    Target::of(&setting, &server, "keys")?.write(what).await
}

/// Every key, page by page, as one list.
async fn list(target: &Target) -> Result<(), Failure> {
    let mut items = Vec::new();
    let mut token = Value::Null;
    loop {
        let mut input = json!({ "limit": LARGEST_PAGE });
        if !token.is_null() {
            input["pageToken"] = token;
        }
        let mut page = target.value("api_key_list", input).await?;
        if let Value::Array(more) = page["items"].take() {
            items.extend(more);
        }
        token = page["nextPageToken"].take();
        if token.is_null() {
            output::json(&json!({ "items": items }));
            return Ok(());
        }
    }
}
