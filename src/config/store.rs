//! Where and how long data is kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where and how long data is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// What documents, logs and jobs are kept in: `sqlite`, a file in the data folder, or `postgres`, a database that several
    /// instances may share.
    pub backend: String,
    /// The address of the PostgreSQL database: `postgres://USER@HOST:PORT/DATABASE`. A password in it is never shown.
    pub url: String,
    /// A file with the password, where the address has none.
    pub password_file: String,
    /// Certificates in PEM of the authority that the database server's certificate is verified against; empty for those that
    /// the system trusts.
    pub tls_ca: String,
    /// Where blobs are kept: `folder`, for `blobs` in the data folder, or the address of an object store, as
    /// `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`.
    pub blobs: String,
    /// Connections to the database at most: a quarter of them write.
    pub connections: u64,
    /// The data folder; empty for the platform's own place for user data.
    pub data: String,
    /// How long audit entries are kept, in days.
    pub audit_days: u64,
    /// Most audit entries kept of each tenant; a large one counts as many.
    pub audit_entries: u64,
    /// How long events are kept, in days.
    pub events_days: u64,
    /// Most events kept of each tenant; a large one counts as many.
    pub events_entries: u64,
    /// How long usage is kept, in days.
    pub usage_days: u64,
}
