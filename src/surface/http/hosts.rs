//! Which Host and Origin headers are let in. A page of another site that makes a browser call this server is refused here,
//! also where it has bent its own name to this machine's address.

use std::net::{IpAddr, SocketAddr};

use http::Request;
use http::header::{HOST, ORIGIN};
use http::uri::Authority;

use crate::config::server::Server;

/// The names and origins that are let in.
#[derive(Debug, Clone)]
pub struct Hosts {
    listening: IpAddr,
    named: Vec<Authority>,
    origins: Vec<String>,
}

/// Why a request was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stranger {
    /// By its Host.
    Host,
    /// By its Origin.
    Origin,
}

impl Hosts {
    /// What a server lets in that listens on this address.
    #[must_use]
    pub fn new(config: &Server, listening: SocketAddr) -> Self {
        Self {
            listening: listening.ip().to_canonical(),
            named: config.allowed_hosts.iter().filter_map(|name| name.parse().ok()).collect(),
            origins: config.allowed_origins.iter().map(|origin| plain(origin)).collect(),
        }
    }

    /// Judges a request.
    ///
    /// # Errors
    /// Which header is wrong.
    pub fn check<B>(&self, request: &Request<B>) -> Result<(), Stranger> {
        let host = match request.uri().authority() {
            Some(authority) => Some(authority.as_str()),
            None => request.headers().get(HOST).and_then(|value| value.to_str().ok()),
        };
        if !host.is_some_and(|host| self.allows_host(host)) {
            return Err(Stranger::Host);
        }
        match request.headers().get(ORIGIN) {
            None => Ok(()),
            Some(origin) if origin.to_str().is_ok_and(|origin| self.allows_origin(origin)) => Ok(()),
            Some(_) => Err(Stranger::Origin),
        }
    }

    fn allows_host(&self, text: &str) -> bool {
        text.parse::<Authority>().is_ok_and(|host| !text.contains('@') && self.allows(&host))
    }

    fn allows_origin(&self, text: &str) -> bool {
        if self.origins.contains(&plain(text)) {
            return true;
        }
        let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        host.is_some_and(|host| self.allows_host(host))
    }

    fn allows(&self, host: &Authority) -> bool {
        let name = host.host();
        if is_localhost(name) {
            return true;
        }
        // Ports are forwarded and mapped: only where one was written down must it be that one.
        let written = |known: &Authority| {
            known.host().eq_ignore_ascii_case(name) && known.port_u16().is_none_or(|port| host.port_u16() == Some(port))
        };
        if self.named.iter().any(written) {
            return true;
        }
        // A bent name is never an address: listening everywhere, every address is one listened on.
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        address.is_ok_and(|address| {
            let address = address.to_canonical();
            address.is_loopback() || self.listening.is_unspecified() || address == self.listening
        })
    }
}

fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name.eq_ignore_ascii_case("localhost")
        || name.len() > ".localhost".len() && name.to_ascii_lowercase().ends_with(".localhost")
}

fn plain(origin: &str) -> String {
    origin.trim_end_matches('/').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(listening: &str) -> Hosts {
        Hosts {
            listening: listening.parse().unwrap(),
            named: vec!["convoke.example.org".parse().unwrap(), "other.example.org:8443".parse().unwrap()],
            origins: vec!["https://app.example.org".to_owned()],
        }
    }

    #[test]
    fn lets_in_what_is_listened_on_and_what_is_named() {
        let local = hosts("127.0.0.1");
        for host in ["localhost", "LOCALHOST:1", "127.0.0.1:7437", "[::1]:9", "a.localhost", "convoke.example.org:99"] {
            assert!(local.allows_host(host), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "a@localhost",
            "",
            "192.0.2.7",
            "other.example.org",
            "localhost/x",
        ] {
            assert!(!local.allows_host(host), "{host}");
        }
        assert!(local.allows_host("other.example.org:8443"));
        assert!(hosts("192.0.2.7").allows_host("192.0.2.7:80") && !hosts("192.0.2.7").allows_host("192.0.2.8"));
        assert!(hosts("0.0.0.0").allows_host("192.0.2.8") && !hosts("0.0.0.0").allows_host("evil.example"));
    }

    #[test]
    fn lets_in_origins_of_the_same_hosts_and_named_ones() {
        let local = hosts("127.0.0.1");
        for origin in
            ["http://localhost:3000", "https://app.example.org", "HTTPS://APP.example.org/", "http://[::1]:80"]
        {
            assert!(local.allows_origin(origin), "{origin}");
        }
        for origin in [
            "null",
            "https://evil.example",
            "http://app.example.org",
            "file://",
            "https://app.example.org.evil.example",
        ] {
            assert!(!local.allows_origin(origin), "{origin}");
        }
    }
}
