//! How the server listens.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the server listens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address and port; port 0 lets the system choose.
    pub listen: String,
    /// Allow listening beyond this machine without TLS.
    pub insecure: bool,
    /// File with the TLS certificate chain in PEM; empty for none.
    pub tls_certificate: String,
    /// File with the TLS key in PEM; empty for none.
    pub tls_key: String,
    /// Host names that requests may name besides the address listened on and localhost.
    pub allowed_hosts: Vec<String>,
    /// Origins of web pages that may call, such as `https://app.example.org`.
    pub allowed_origins: Vec<String>,
    /// Addresses or networks (CIDR) of proxies whose forwarding headers are believed.
    pub trusted_proxies: Vec<String>,
    /// Largest request body in bytes.
    pub body_limit_bytes: usize,
    /// How long running calls may go on after the server was told to stop, in seconds.
    pub drain_seconds: u64,
}
