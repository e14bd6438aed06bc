//! What the domain tells the world of.

use serde_json::json;

use super::views::{AssignmentView, KeyView};
use crate::capability::permit::Resource;
use crate::capability::schema::{SharedSchema, of_output};
use crate::capability::topics::Topic;

const fn user(name: &'static str, about: &'static str, data: fn() -> SharedSchema) -> Topic {
    Topic { name, resource: Resource::Users, about, data }
}

const fn role(name: &'static str, about: &'static str, data: fn() -> SharedSchema) -> Topic {
    Topic { name, resource: Resource::Roles, about, data }
}

const fn key(name: &'static str, about: &'static str, data: fn() -> SharedSchema) -> Topic {
    Topic { name, resource: Resource::Keys, about, data }
}

/// Every topic of the domain.
pub(super) static ALL: &[Topic] = &[
    key("api_key.created", "An API key was made.", of_output::<KeyView>),
    key("api_key.revoked", "An API key was revoked.", || texts(&["keyId", "userId", "prefix"], None)),
    role("role.assigned", "A role was given to a user or a group.", of_output::<AssignmentView>),
    role("role.changed", "A role permits something else now.", || texts(&["roleId", "name"], Some("permissions"))),
    role("role.created", "A role was made.", || texts(&["roleId", "name"], Some("permissions"))),
    role("role.revoked", "A role was taken back.", of_output::<AssignmentView>),
    user("user.created", "An account was made.", || texts(&["userId", "email", "name"], None)),
    user("user.reactivated", "A suspended account is accepted again.", || texts(&["userId"], Some("changed"))),
    user("user.suspended", "An account was suspended.", || texts(&["userId"], Some("changed"))),
    user("user.updated", "An account was changed.", || texts(&["userId"], Some("changed"))),
];

/// The schema of an object of these texts, and of one list of texts.
fn texts(names: &[&str], list: Option<&str>) -> SharedSchema {
    let mut schema = serde_json::Map::new();
    let mut properties = serde_json::Map::new();
    for name in names {
        properties.insert((*name).to_owned(), json!({ "type": "string" }));
    }
    if let Some(list) = list {
        properties.insert(list.to_owned(), json!({ "type": "array", "items": { "type": "string" } }));
    }
    let required: Vec<String> = properties.keys().cloned().collect();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), properties.into());
    schema.insert("required".to_owned(), json!(required));
    std::sync::Arc::new(schema)
}
