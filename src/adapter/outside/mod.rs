//! Requests to the outside by reqwest. An address is allowed when it is one of the public internet or lies in a network that
//! the operator named. Names are judged where it counts: the resolver hands the connection only addresses that are allowed, so
//! that a name cannot lead elsewhere between a look and the connection.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Url, redirect};

use crate::adapter::sending;
use crate::kernel::network::{Network, is_public};
use crate::port::outside::{OutAnswer, OutFault, OutRequest, Outside};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection that nothing uses is kept.
const IDLE: Duration = Duration::from_secs(30);
/// What marks the fault of a name whose addresses are all forbidden, within the chain of causes.
const FORBIDDEN: &str = "leads to no address that is allowed";

/// The way outside.
pub struct GuardedOutside {
    allowed: Arc<Allowed>,
    client: OnceLock<Result<Client, String>>,
}

/// Which addresses are allowed.
pub(in crate::adapter) struct Allowed {
    networks: Vec<Network>,
}

impl Allowed {
    /// The public internet's and those of these networks.
    pub(in crate::adapter) fn new(networks: Vec<Network>) -> Arc<Self> {
        Arc::new(Self { networks })
    }

    /// Judges a host as a parsed URL has it: an address at once, a name only when it is resolved, by the client's own look-up.
    pub(in crate::adapter) fn judge(&self, host: &str) -> Result<(), OutFault> {
        // As a URL writes an address of IPv6.
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        match bare.parse::<IpAddr>() {
            Ok(address) if !self.allows(address) => Err(OutFault::Forbidden(format!(
                "{address} is not public and not in a network that outside.private_networks names"
            ))),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn allows(&self, address: IpAddr) -> bool {
        is_public(address) || self.networks.iter().any(|network| network.holds(address))
    }
}

impl GuardedOutside {
    /// To the public internet and these networks.
    #[must_use]
    pub fn new(networks: Vec<Network>) -> Self {
        Self { allowed: Allowed::new(networks), client: OnceLock::new() }
    }

    /// Made at the first use: most starts reach nothing.
    fn client(&self) -> Result<&Client, OutFault> {
        let made = self.client.get_or_init(|| {
            // Installed once; a second time changes nothing.
            let _ = rustls::crypto::ring::default_provider().install_default();
            Client::builder()
                .dns_resolver(Guarded(self.allowed.clone()))
                .redirect(redirect::Policy::none())
                .no_proxy()
                .connect_timeout(CONNECT)
                .pool_idle_timeout(IDLE)
                .build()
                .map_err(|error| error.to_string())
        });
        made.as_ref().map_err(|why| OutFault::NotReached(why.clone()))
    }
}

#[async_trait]
impl Outside for GuardedOutside {
    async fn send(&self, request: OutRequest) -> Result<OutAnswer, OutFault> {
        let url = Url::parse(&request.url).map_err(|error| OutFault::NotReached(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.username() != "" || url.password().is_some() {
            return Err(OutFault::Forbidden("only http and https without a password are spoken".to_owned()));
        }
        // The parsed host, not the written one: 0x7f.1 is an address too.
        self.allowed.judge(url.host_str().unwrap_or_default())?;
        let asking = self.client()?.request(request.method, url).headers(request.headers).body(request.body);
        let answer = match tokio::time::timeout(request.patience, sending::send(asking)).await {
            Err(_) => return Err(OutFault::TimedOut),
            Ok(Err(error)) => return Err(fault(&error)),
            Ok(Ok(answer)) => answer,
        };
        Ok(OutAnswer {
            status: answer.status(),
            headers: answer.headers().clone(),
            body: answer.bytes_stream().map(|chunk| chunk.map_err(|error| fault(&error))).boxed(),
        })
    }

    fn may_name(&self, host: &str) -> Result<(), OutFault> {
        // Read as a URL reads it, so that no other way of writing an address gets by.
        // Judged as it is written: a parsed URL forgets a default port, and takes a query for none of its host.
        let of_name = |one: char| one.is_ascii_alphanumeric() || matches!(one, '.' | '-' | '_');
        let of_address = |one: char| one.is_ascii_hexdigit() || matches!(one, ':' | '.');
        let is_plain = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(address) => address.chars().all(of_address),
            None => host.chars().all(of_name),
        };
        if !is_plain {
            return Err(OutFault::NotReached("the host is neither a name nor an address".to_owned()));
        }
        let url = Url::parse(&format!("http://{host}/")).map_err(|error| OutFault::NotReached(error.to_string()))?;
        match url.host_str() {
            Some(parsed) if url.path() == "/" && url.port().is_none() && url.username().is_empty() => {
                self.allowed.judge(parsed)
            }
            Some(_) | None => Err(OutFault::NotReached("the host is neither a name nor an address".to_owned())),
        }
    }
}

fn fault(error: &reqwest::Error) -> OutFault {
    let mut told = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        told = next.to_string();
        if told.contains(FORBIDDEN) {
            return OutFault::Forbidden(told);
        }
        cause = next.source();
    }
    if error.is_connect() {
        OutFault::NotReached(told)
    } else if error.is_timeout() {
        OutFault::TimedOut
    } else {
        OutFault::Broken(told)
    }
}

/// Resolves names to allowed addresses only.
pub(in crate::adapter) struct Guarded(pub(in crate::adapter) Arc<Allowed>);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses: Vec<SocketAddr> = found.filter(|address| allowed.allows(address.ip())).collect();
            if addresses.is_empty() {
                let say = format!(
                    "'{}' {FORBIDDEN}: outside.private_networks names those beyond the public ones",
                    name.as_str()
                );
                return Err(say.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(url: &str) -> OutRequest {
        OutRequest {
            method: http::Method::GET,
            url: url.to_owned(),
            headers: http::HeaderMap::new(),
            body: bytes::Bytes::new(),
            patience: Duration::from_secs(10),
        }
    }

    #[tokio::test]
    async fn private_addresses_are_refused_however_they_are_written() {
        let outside = GuardedOutside::new(Vec::new());
        for url in [
            "http://127.0.0.1:1/",
            "http://localhost:1/",
            "http://[::1]:1/",
            "http://[::ffff:127.0.0.1]:1/",
            "http://2130706433:1/",
            "http://0x7f.1:1/",
            "http://0177.0.0.1:1/",
            "http://169.254.169.254/latest",
            "http://user:password@1.1.1.1/",
            "ftp://1.1.1.1/",
            "file:///etc/passwd",
        ] {
            let fault = outside.send(to(url)).await.err().unwrap();
            assert!(matches!(fault, OutFault::Forbidden(_)), "{url}: {fault}");
        }
    }

    #[tokio::test]
    async fn a_network_that_is_named_is_reached() {
        let outside = GuardedOutside::new(vec![Network::parse("127.0.0.0/8").unwrap()]);
        // Nobody listens there, which is something else than not being allowed to ask.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let fault = outside.send(to(&format!("http://127.0.0.1:{port}/"))).await.err().unwrap();
        assert!(matches!(fault, OutFault::NotReached(_)), "{fault}");
    }

    #[test]
    fn a_host_is_a_name_or_an_allowed_address() {
        let outside = GuardedOutside::new(vec![Network::parse("10.0.0.0/8").unwrap()]);
        for host in ["example.org", "10.1.2.3", "1.1.1.1", "[2606:4700::1111]"] {
            assert!(outside.may_name(host).is_ok(), "{host}");
        }
        for host in ["127.0.0.1", "0x7f000001", "[::1]", "192.168.1.1"] {
            assert!(matches!(outside.may_name(host), Err(OutFault::Forbidden(_))), "{host}");
        }
        for host in ["", "a b", "a/b", "a:80", "u@a", "a?b", "a#b"] {
            assert!(outside.may_name(host).is_err(), "{host}");
        }
    }
}
