//! What the knowledge graph is asked of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::address::{Wanted, misfit};
use super::credential::CredentialIn;

/// What the knowledge graph is asked of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Graph {
    /// `records`, the store itself, or `neo4j`, a server that follows the store.
    pub backend: String,
    /// The address of Neo4j: `bolt+s://HOST:PORT`, or `bolt://HOST:PORT` without TLS.
    pub url: String,
    /// Whether a server beyond this machine may be spoken to without TLS.
    pub insecure: bool,
    /// Certificates in PEM of the authority that the server's certificate is verified against; empty for those that the system trusts.
    pub tls_ca: String,
    /// The database; empty for the server's own.
    pub database: String,
    /// The name of the user; empty where nobody asks.
    pub user: String,
    /// Where the password is: `file:PATH`, `env:VARIABLE` or `vault:NAME`.
    pub password_from: String,
    /// What labels and types in Neo4j begin with. Installations on one database take each its own.
    pub space: String,
    /// The most connections.
    pub connections: usize,
}

impl Graph {
    /// Where the password is; `None` when that cannot be read.
    #[must_use]
    pub fn password_in(&self) -> Option<CredentialIn<'_>> {
        CredentialIn::read(&self.password_from)
    }

    /// What is wrong with the address; `None` when nothing is.
    #[must_use]
    pub fn misfit(&self) -> Option<&'static str> {
        let wanted = Wanted {
            schemes: ["bolt+s", "bolt"],
            port: false,
            insecure: self.insecure,
            other_scheme: "must begin with 'bolt+s://', or with 'bolt://' without TLS",
            holds_login: "must not hold a user or password: see graph.user and graph.password_from",
            no_place: "must be a host and a port, such as 'bolt+s://neo4j.example.org:7687'",
            in_the_open: "lies beyond this machine: write 'bolt+s://', or set graph.insecure = true where nobody else is on the network",
        };
        misfit(&self.url, &wanted)
    }

    /// Whether the space can be part of a name in Neo4j.
    #[must_use]
    pub fn has_plain_space(&self) -> bool {
        let mut letters = self.space.chars();
        letters.next().is_some_and(|first| first.is_ascii_alphabetic())
            && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
            && self.space.len() <= 60
    }
}
