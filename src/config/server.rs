//! How the server listens.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the server listens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address and port; port 0 lets the system choose.
    pub listen: String,
    /// The address under which people reach this server, such as `https://convoke.example.org`: links begin with it. Empty where they reach it
    /// at the address listened on.
    pub public_url: String,
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
    /// Addresses or networks (CIDR) of proxies whose forwarding header is believed.
    pub trusted_proxies: Vec<String>,
    /// The one header in which these proxies write the client's address, `x-forwarded-for` or `forwarded`.
    pub forwarding_header: String,
    /// Largest request body in bytes.
    pub body_limit_bytes: usize,
    /// Largest file in bytes that comes as a request's body and is written away as it comes.
    pub file_limit_bytes: usize,
    /// Bytes of request bodies that are held at once, over all requests.
    pub bodies_bytes: usize,
    /// Connections at once; 0 for as many as the number of files that the process may open allows.
    pub connections: usize,
    /// Connections at once from one address that is no trusted proxy; 0 for half of all.
    pub connections_per_address: usize,
    /// How long a new connection may take to bring its first request, in seconds.
    pub head_seconds: u64,
    /// How long a connection is kept on which nothing happens, in seconds.
    pub idle_seconds: u64,
    /// How long running calls may go on after the server was told to stop, in seconds.
    pub drain_seconds: u64,
}

impl Server {
    /// The address that links begin with; none where it is not known, because the system chooses the port or the server listens everywhere.
    #[must_use]
    pub fn public(&self) -> Option<String> {
        if !self.public_url.is_empty() {
            return Some(self.public_url.trim_end_matches('/').to_owned());
        }
        let scheme = if self.tls_certificate.is_empty() { "http" } else { "https" };
        let address: std::net::SocketAddr = self.listen.parse().ok()?;
        (address.port() != 0 && !address.ip().is_unspecified()).then(|| format!("{scheme}://{address}"))
    }
}
