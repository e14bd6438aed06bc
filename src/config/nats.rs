//! The NATS servers that carry events, where `events.bus` is `nats`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::address::{Wanted, misfit};
use super::credential::CredentialIn;

/// The NATS servers that carry events, where `events.bus` is `nats`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nats {
    /// The servers' addresses: `tls://HOST:PORT`, or `nats://HOST:PORT` without TLS.
    pub urls: Vec<String>,
    /// Whether servers beyond this machine may be spoken to without TLS.
    pub insecure: bool,
    /// Certificates in PEM of the authority that the servers' certificates are verified against; empty for those that the
    /// system trusts.
    pub tls_ca: String,
    /// How the program says who it is: `password`, `token`, `nkey` or `credentials`; empty where nobody asks.
    pub login: String,
    /// The name of the user, for `password`.
    pub user: String,
    /// Where the password, the token, the seed or the credentials are: `file:PATH`, `env:VARIABLE` or `vault:NAME`.
    pub login_from: String,
    /// The name of the stream, with which all subjects begin.
    pub stream: String,
    /// How many servers keep the stream.
    pub replicas: usize,
    /// How long the stream keeps events, in hours.
    pub keep_hours: u64,
    /// How many megabytes it keeps at most; 0 is no bound.
    pub keep_megabytes: u64,
}

/// The ways to log in that there are.
pub const LOGINS: [&str; 5] = ["", "password", "token", "nkey", "credentials"];

impl Nats {
    /// Where the login is; `None` when that cannot be read.
    #[must_use]
    pub fn login_in(&self) -> Option<CredentialIn<'_>> {
        CredentialIn::read(&self.login_from)
    }

    /// What is wrong with an address of a server; `None` when nothing is.
    #[must_use]
    pub fn misfit(&self, url: &str) -> Option<&'static str> {
        let wanted = Wanted {
            schemes: ["tls", "nats"],
            port: false,
            insecure: self.insecure,
            other_scheme: "must begin with 'tls://', or with 'nats://' without TLS",
            holds_login: "must not hold a user or password: see nats.login",
            no_place: "must be a host and a port, such as 'tls://nats.example.org:4222'",
            in_the_open: "lies beyond this machine: write 'tls://', or set nats.insecure = true where nobody else is on the network",
        };
        misfit(url, &wanted)
    }
}
