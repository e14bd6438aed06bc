//! How object stores are reached.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::credential::CredentialIn;

/// How the object stores are reached that `store.blobs`, `backup.place` and `audit.anchor_objects` name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Objects {
    /// The address of the server, such as `https://minio.example.org:9000`; empty for the provider's own.
    pub endpoint: String,
    /// The region of S3.
    pub region: String,
    /// Where the credentials are: `file:PATH` or `env:VARIABLE`; empty for what the machine is given by its provider or its
    /// environment.
    pub credentials: String,
    /// Certificates in PEM of the authority that the server's certificate is verified against, besides those that the system
    /// trusts.
    pub tls_ca: String,
}

impl Objects {
    /// Where the credentials are, and nowhere for what the machine is given by its provider or its environment; `None` when that cannot be read.
    /// They are not in the vault: that comes back from a backup, which may lie in what they open.
    #[must_use]
    pub fn credentials_in(&self) -> Option<CredentialIn<'_>> {
        CredentialIn::read(&self.credentials).filter(|place| !matches!(place, CredentialIn::Vault(_)))
    }
}
