//! An API key: a credential of a user for a program, which can be limited further than the user.

use serde::{Deserialize, Serialize};

use crate::capability::owned::Owned;
use crate::capability::permit::{Grants, Resource};
use crate::kernel::id::UserId;
use crate::kernel::time::Timestamp;
use crate::port::records::{Across, Authority, Document, Field, FieldType, Kind, Unique, Whose};

/// The kind of API keys.
pub static API_KEY: Kind = Kind {
    fields: &[
        Field { name: "prefix", of: FieldType::Text },
        Field { name: "user", of: FieldType::Id },
        Field { name: "revokedAt", of: FieldType::Time },
    ],
    unique: &[Unique { name: "prefix", fields: &["prefix"], across: Across::Platform }],
    private: &["hash"],
    authority: Authority::OnceMade(Whose::Named("user")),
    ..Kind::new("api_key")
};

/// An API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// Whose key it is.
    pub user: UserId,
    /// What it is for.
    pub name: String,
    /// How it begins: enough to recognise it by, useless alone.
    pub prefix: String,
    /// The digest of the whole key.
    pub hash: String,
    /// The patterns of what it may do of what its user may; none for everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// The domains whose tools it may call; none for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toolsets: Option<Vec<String>>,
    /// Whether it may only call tools that read.
    #[serde(default)]
    pub read_only: bool,
    /// From when on it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// How many calls it may make in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage_limit: Option<u64>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

impl ApiKey {
    /// A key without limits.
    #[must_use]
    pub fn new(user: UserId, name: impl Into<String>, prefix: String, hash: String) -> Self {
        Self {
            user,
            name: name.into(),
            prefix,
            hash,
            scopes: None,
            toolsets: None,
            read_only: false,
            expires_at: None,
            usage_limit: None,
            revoked_at: None,
        }
    }

    /// What of its user's rights it leaves.
    #[must_use]
    pub fn scope(&self) -> Grants {
        self.scopes.as_deref().map_or(Grants::ALL, super::role::grants_of)
    }
}

impl Document for ApiKey {
    const KIND: &'static Kind = &API_KEY;
}

impl Owned for ApiKey {
    const RESOURCE: Resource = Resource::Keys;
    const NOUN: &'static str = "API key";
}
