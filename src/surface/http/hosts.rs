//! Which Host and Origin headers are let in. A page of another site that makes a browser call this server is refused here,
//! also where it has bent its own name to this machine's address.

use std::net::{IpAddr, SocketAddr};

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, Request};

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
        let named = only(request.headers(), &HOST).map_err(|()| Stranger::Host)?;
        let host = request.uri().authority().map(Authority::as_str).or(named).and_then(authority);
        let host = host.filter(|host| self.allows_host(host)).ok_or(Stranger::Host)?;
        match only(request.headers(), &ORIGIN).map_err(|()| Stranger::Origin)? {
            Some(origin) if !self.allows_origin(origin, &host) => Err(Stranger::Origin),
            _ => Ok(()),
        }
    }

    fn allows_host(&self, host: &Authority) -> bool {
        // A bent name is never an address: listening everywhere, every address is one listened on.
        self.knows(host) || self.listening.is_unspecified() && address(host).is_some()
    }

    /// Pages of the hosts known here, of the configured origins, and of the host that the request itself names.
    fn allows_origin(&self, text: &str, asked: &Authority) -> bool {
        if self.origins.contains(&plain(text)) {
            return true;
        }
        let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")).and_then(authority);
        host.is_some_and(|host| {
            let is_same = host.host().eq_ignore_ascii_case(asked.host()) && host.port_u16() == asked.port_u16();
            is_same || self.knows(&host)
        })
    }

    /// Whether it is this machine, the address listened on, or a host that was written down.
    fn knows(&self, host: &Authority) -> bool {
        let name = host.host();
        // Ports are forwarded and mapped: only where one was written down must it be that one.
        let written = |known: &Authority| {
            known.host().eq_ignore_ascii_case(name) && known.port_u16().is_none_or(|port| host.port_u16() == Some(port))
        };
        is_localhost(name)
            || self.named.iter().any(written)
            || address(host).is_some_and(|address| address.is_loopback() || address == self.listening)
    }
}

/// The header, where it is there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map(|value| value.to_str().map_err(drop)).transpose()?;
    if values.next().is_some() { Err(()) } else { Ok(first) }
}

fn authority(text: &str) -> Option<Authority> {
    text.parse::<Authority>().ok().filter(|_| !text.contains('@'))
}

fn address(host: &Authority) -> Option<IpAddr> {
    let name = host.host().trim_start_matches('[').trim_end_matches(']');
    name.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name.eq_ignore_ascii_case("localhost")
        || name.len() > ".localhost".len() && name.to_ascii_lowercase().ends_with(".localhost")
}

/// An origin as origins are compared.
pub(super) fn plain(origin: &str) -> String {
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

    fn lets_in(hosts: &Hosts, headers: &[(&str, &str)]) -> bool {
        let request = headers.iter().fold(Request::builder(), |request, (name, value)| request.header(*name, *value));
        hosts.check(&request.body(()).unwrap()).is_ok()
    }

    #[test]
    fn lets_in_what_is_listened_on_and_what_is_named() {
        let local = hosts("127.0.0.1");
        for host in ["localhost", "LOCALHOST:1", "127.0.0.1:7437", "[::1]:9", "a.localhost", "convoke.example.org:99"] {
            assert!(lets_in(&local, &[("host", host)]), "{host}");
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
            assert!(!lets_in(&local, &[("host", host)]), "{host}");
        }
        assert!(lets_in(&local, &[("host", "other.example.org:8443")]));
        let at = |listening: &str, host: &str| lets_in(&hosts(listening), &[("host", host)]);
        assert!(at("192.0.2.7", "192.0.2.7:80") && !at("192.0.2.7", "192.0.2.8"));
        assert!(at("0.0.0.0", "192.0.2.8") && !at("0.0.0.0", "evil.example"));
    }

    #[test]
    fn lets_in_origins_of_the_same_hosts_and_named_ones() {
        let local = hosts("127.0.0.1");
        for origin in
            ["http://localhost:3000", "https://app.example.org", "HTTPS://APP.example.org/", "http://[::1]:80"]
        {
            assert!(lets_in(&local, &[("host", "127.0.0.1"), ("origin", origin)]), "{origin}");
        }
        for origin in [
            "null",
            "https://evil.example",
            "http://app.example.org",
            "file://",
            "https://app.example.org.evil.example",
        ] {
            assert!(!lets_in(&local, &[("host", "127.0.0.1"), ("origin", origin)]), "{origin}");
        }
    }
    #[test]
    fn listening_everywhere_an_origin_is_not_let_in_for_being_an_address() {
        let everywhere = hosts("0.0.0.0");
        let from = |origin: &str| lets_in(&everywhere, &[("host", "192.0.2.8:7437"), ("origin", origin)]);
        assert!(from("http://192.0.2.8:7437") && from("http://localhost:3000") && from("https://app.example.org"));
        assert!(!from("http://203.0.113.66") && !from("http://192.0.2.8:81") && !from("http://192.0.2.9:7437"));
    }

    #[test]
    fn one_host_and_one_origin() {
        let local = hosts("127.0.0.1");
        assert!(!lets_in(&local, &[]));
        assert!(!lets_in(&local, &[("host", "localhost"), ("host", "localhost")]));
        let origins = [("host", "localhost"), ("origin", "http://localhost"), ("origin", "http://localhost")];
        assert!(lets_in(&local, &origins[..2]) && !lets_in(&local, &origins));
    }
}
