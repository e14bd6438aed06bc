//! Where the index of vectors is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::address::{Wanted, misfit};
use super::credential::CredentialIn;

/// Where the index of vectors is, by which texts are found that mean alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vectors {
    /// `embedded`, in the data folder, or `qdrant`.
    pub backend: String,
    /// The address of Qdrant for gRPC: `https://HOST:PORT`, or `http://HOST:PORT` without TLS.
    pub url: String,
    /// Whether a server beyond this machine may be spoken to without TLS.
    pub insecure: bool,
    /// Where the key that Qdrant asks for is: `file:PATH`, `env:VARIABLE` or `vault:NAME`; empty where it asks for none.
    pub api_key_from: String,
    /// What the names of the collections begin with.
    pub prefix: String,
    /// How long a search waits for Qdrant, in seconds.
    pub search_seconds: u64,
    /// How long a write waits for it, in seconds.
    pub write_seconds: u64,
}

impl Vectors {
    /// Where the key is; `None` when that cannot be read.
    #[must_use]
    pub fn key_in(&self) -> Option<CredentialIn<'_>> {
        CredentialIn::read(&self.api_key_from)
    }

    /// What is wrong with the address; `None` when nothing is.
    #[must_use]
    pub fn misfit(&self) -> Option<&'static str> {
        let wanted = Wanted {
            schemes: ["https", "http"],
            port: true,
            insecure: self.insecure,
            other_scheme: "must begin with 'https://', or with 'http://' without TLS",
            holds_login: "must not hold a key: see vectors.api_key_from",
            no_place: "must be a host and the port of gRPC, such as 'https://qdrant.example.org:6334'",
            in_the_open: "lies beyond this machine: write 'https://', or set vectors.insecure = true where nobody else is on the network",
        };
        misfit(self.url.trim_end_matches('/'), &wanted)
    }
}
