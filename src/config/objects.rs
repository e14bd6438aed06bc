//! How object stores are reached.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

/// Where credentials are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialsIn<'a> {
    /// What the machine is given by its provider or its environment.
    Machine,
    /// A file.
    File(&'a str),
    /// A variable of the environment.
    Variable(&'a str),
}

impl Objects {
    /// Where the credentials are; `None` when that cannot be read.
    #[must_use]
    pub fn credentials_in(&self) -> Option<CredentialsIn<'_>> {
        if self.credentials.is_empty() {
            return Some(CredentialsIn::Machine);
        }
        let (scheme, rest) = self.credentials.split_once(':')?;
        let rest = rest.trim();
        match scheme {
            _ if rest.is_empty() => None,
            "file" => Some(CredentialsIn::File(rest)),
            "env" => Some(CredentialsIn::Variable(rest)),
            _ => None,
        }
    }
}
