//! The documents of the vault: secrets, the data keys under which they are sealed, and when each secret was last used.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::kernel::fault::Fault;
use crate::kernel::id::{TenantId, UserId};
use crate::kernel::time::Timestamp;
use crate::port::records::{Across, Document, Field, FieldType, Kind, Unique};

/// The longest name of a secret.
pub(super) const LONGEST_NAME: u32 = 64;
/// What names fit.
pub(super) const NAME_PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9_.-]*$";

/// The kind of secrets.
pub(super) static SECRET: Kind = Kind {
    fields: &[Field { name: "name", of: FieldType::Text }, Field { name: "dataKey", of: FieldType::Id }],
    unique: &[Unique { name: "name", fields: &["name"], across: Across::Tenant }],
    private: &["sealed"],
    remembered: true,
    ..Kind::new("secret")
};

/// A secret as it lies in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredSecret {
    /// Its name.
    pub(super) name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    /// The data key that it is sealed under.
    pub(super) data_key: Uuid,
    /// The text, sealed, in base64.
    pub(super) sealed: String,
    /// How often the text was given, from 1.
    pub(super) version: u64,
    /// When it was last given.
    pub(super) given_at: Timestamp,
    /// By whom.
    pub(super) given_by: UserId,
}

impl Document for StoredSecret {
    const KIND: &'static Kind = &SECRET;
}

impl Owned for StoredSecret {
    const RESOURCE: Resource = Resource::Secrets;
    const NOUN: &'static str = "secret";
}

impl StoredSecret {
    /// The id of the secret of a name: two writers of one name meet in one document.
    pub(super) fn id(tenant: TenantId, name: &str) -> Uuid {
        id_of(&[b"secret", tenant.uuid().as_bytes(), name.as_bytes()])
    }
}

/// The kind of last uses: apart from the secrets, so that a use never stands in the way of a change.
pub(super) static SECRET_USE: Kind = Kind::new("secret_use");

/// When a secret was last used; its id is the secret's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LastUse {
    /// When.
    pub(super) at: Timestamp,
    /// By which tool, or what else reached outside.
    pub(super) by: String,
}

impl Document for LastUse {
    const KIND: &'static Kind = &SECRET_USE;
}

/// The kind of data keys.
pub(super) static DATA_KEY: Kind = Kind {
    fields: &[
        Field { name: "slot", of: FieldType::Text },
        Field { name: "master", of: FieldType::Text },
        Field { name: "generation", of: FieldType::Integer },
    ],
    // At most one of a tenant seals.
    unique: &[Unique { name: "slot", fields: &["slot"], across: Across::Tenant }],
    private: &["wrapped"],
    ..Kind::new("data_key")
};

/// The slot of the data key that seals.
pub(super) const ACTIVE: &str = "active";

/// A tenant's data key, sealed under the master key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DataKey {
    /// `active` for the one that seals; none for one that only opens, until nothing is sealed under it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) slot: Option<String>,
    /// Counts the tenant's data keys, from 1.
    pub(super) generation: i64,
    /// The id of the master key that it is sealed under.
    pub(super) master: String,
    /// The key, sealed, in base64.
    pub(super) wrapped: String,
}

impl Document for DataKey {
    const KIND: &'static Kind = &DATA_KEY;
}

impl DataKey {
    /// The id of a tenant's data key: two that make the same one meet.
    pub(super) fn id(tenant: TenantId, generation: i64) -> Uuid {
        id_of(&[b"data key", tenant.uuid().as_bytes(), &generation.to_be_bytes()])
    }
}

/// Whether a text can be the name of a secret.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|first| first.is_ascii_alphanumeric());
    let fits = |one: char| one.is_ascii_alphanumeric() || matches!(one, '_' | '.' | '-');
    first && text.len() <= LONGEST_NAME as usize && text.chars().all(fits)
}

/// The variable that gives the credential of a name where the vault has none.
pub(super) fn variable_of(name: &str) -> String {
    let letters = name.chars().map(|one| if one.is_ascii_alphanumeric() { one.to_ascii_uppercase() } else { '_' });
    format!("CONVOKE_SECRET_{}", letters.collect::<String>())
}

/// The fault of a credential that was named and never given.
pub(super) fn must_be_given(name: &str) -> Fault {
    let variable = variable_of(name);
    Fault::new(&super::faults::CREDENTIAL_MISSING, format!("there is no credential '{name}'"))
        .with_detail(serde_json::json!({ "name": name, "environment": variable }))
}

fn id_of(parts: &[&[u8]]) -> Uuid {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    }
    let mut first = [0; 16];
    first.copy_from_slice(&digest.finalize()[..16]);
    uuid::Builder::from_custom_bytes(first).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_a_path_and_a_variable() {
        assert!(["stripe", "a", "Smtp.eu-1_x"].iter().all(|name| is_name(name)));
        let long = "a".repeat(65);
        assert!(["", ".x", "-x", "a/b", "a b", "ä", long.as_str()].iter().all(|name| !is_name(name)));
        assert_eq!(variable_of("smtp.eu-1"), "CONVOKE_SECRET_SMTP_EU_1");
    }

    #[test]
    fn ids_are_of_tenant_and_name() {
        let [one, two] = [1, 2].map(|id| TenantId::from_uuid(Uuid::from_u128(id)));
        assert_eq!(StoredSecret::id(one, "a"), StoredSecret::id(one, "a"));
        assert_ne!(StoredSecret::id(one, "a"), StoredSecret::id(two, "a"));
        assert_ne!(StoredSecret::id(one, "a"), StoredSecret::id(one, "b"));
        assert_ne!(DataKey::id(one, 1), DataKey::id(one, 2));
    }
}
