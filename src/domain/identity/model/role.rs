//! A role: permissions under a name.

use serde::{Deserialize, Serialize};

use crate::capability::owned::Owned;
use crate::capability::permit::{Grants, Resource};
use crate::port::records::{Across, Authority, Document, Field, FieldType, Kind, Unique, Whose};

/// The kind of roles.
pub static ROLE: Kind = Kind {
    fields: &[Field { name: "name", of: FieldType::Text }, Field { name: "builtin", of: FieldType::Boolean }],
    unique: &[Unique { name: "name", fields: &["name"], across: Across::Tenant }],
    authority: Authority::OnceMade(Whose::Everybody),
    ..Kind::new("role")
};

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// Its name: lower case.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// The patterns of what it permits.
    pub permissions: Vec<String>,
    /// Whether it comes with the program and cannot be changed.
    pub builtin: bool,
}

impl Role {
    /// What it permits. A pattern that names nothing any more permits nothing.
    #[must_use]
    pub fn grants(&self) -> Grants {
        grants_of(&self.permissions)
    }
}

/// What patterns permit together.
#[must_use]
pub fn grants_of(patterns: &[String]) -> Grants {
    patterns.iter().filter_map(|pattern| Grants::parse(pattern)).fold(Grants::NONE, Grants::union)
}

impl Document for Role {
    const KIND: &'static Kind = &ROLE;
}

impl Owned for Role {
    const RESOURCE: Resource = Resource::Roles;
    const NOUN: &'static str = "role";
}
