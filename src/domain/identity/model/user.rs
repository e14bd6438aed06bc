//! A user: a person's account.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::port::records::{Across, Authority, Document, Field, FieldType, Kind, Unique, Whose};

/// The kind of users.
pub static USER: Kind = Kind {
    fields: &[
        Field { name: "email", of: FieldType::Text },
        Field { name: "name", of: FieldType::Text },
        Field { name: "status", of: FieldType::Text },
        Field { name: "department", of: FieldType::Text },
    ],
    unique: &[Unique { name: "email", fields: &["email"], across: Across::Tenant }],
    text: &["name", "email"],
    authority: Authority::OnceMade(Whose::Itself),
    ..Kind::new("user")
};

/// Whether an account may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    /// It may be used.
    Active,
    /// Its keys are refused until it is active again.
    Suspended,
}

impl UserStatus {
    /// The name in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The email address in lower case.
    pub email: String,
    /// The name as it is shown.
    pub name: String,
    /// The given name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// The family name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// The address of a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    /// The department.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// Whether the account may be used.
    pub status: UserStatus,
    /// The groups that the user is in, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

impl User {
    /// An active user of an address, shown by the address until a name is given.
    #[must_use]
    pub fn new(email: &str) -> Self {
        let email = fold(email);
        Self {
            name: email.clone(),
            email,
            first_name: None,
            last_name: None,
            avatar: None,
            department: None,
            status: UserStatus::Active,
            groups: Vec::new(),
        }
    }

    /// The name that is made of what there is: the given and the family name, or the address.
    #[must_use]
    pub fn made_name(&self) -> String {
        let names: Vec<&str> = [&self.first_name, &self.last_name].into_iter().flatten().map(String::as_str).collect();
        if names.is_empty() { self.email.clone() } else { names.join(" ") }
    }
}

impl Document for User {
    const KIND: &'static Kind = &USER;
}

impl Owned for User {
    const RESOURCE: Resource = Resource::Users;
    const NOUN: &'static str = "user";
}

/// An email address as it is kept and compared.
#[must_use]
pub fn fold(email: &str) -> String {
    email.to_lowercase()
}
