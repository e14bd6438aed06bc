//! Which addresses may be called: the public internet's by https, and networks that the operator allows. Somebody who may
//! make a webhook must not reach what only this machine can reach.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url_host::host_of;

use crate::kernel::network::{Network, is_public};
use crate::port::webhooks::NoAnswer;

/// The longest address.
const LONGEST: usize = 2048;

/// Holds addresses to what may be called.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    allowed: Vec<Network>,
}

/// Why an address may not be called.
#[derive(Debug)]
pub(super) struct Forbidden(pub(super) String);

impl fmt::Display for Forbidden {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Forbidden {}

impl Guard {
    pub(super) fn new(allowed: Vec<Network>) -> Self {
        Self { allowed }
    }

    /// The address that a text is, if nothing in its form forbids it.
    pub(super) fn url(&self, text: &str) -> Result<Url, NoAnswer> {
        let refuse = |why: &str| Err(NoAnswer::Forbidden(why.to_owned()));
        if text.len() > LONGEST {
            return refuse("the address is too long");
        }
        let Ok(url) = text.parse::<Url>() else {
            return refuse("this is not an address such as https://example.org/hook");
        };
        if !matches!(url.scheme(), "http" | "https") {
            return refuse("only https and http addresses can be called");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("the address holds a name or password: leave it out, deliveries are signed");
        }
        match host_of(&url) {
            None => refuse("the address names no host"),
            Some(Ok(address)) if !self.may_call(address) => {
                Err(NoAnswer::Forbidden(format!("{address} is not a public address")))
            }
            // What is sent over http everybody on the way can read.
            Some(Ok(address)) if url.scheme() == "http" && !self.is_allowed(address) => {
                refuse("a public address is called by https only")
            }
            Some(_) => Ok(url),
        }
    }

    /// Looks up the host and holds all of it to what may be called.
    pub(super) async fn look_up(&self, url: &Url) -> Result<(), NoAnswer> {
        let Some(Err(name)) = host_of(url) else { return Ok(()) };
        let found = self.addresses(&name).await.map_err(|fault| match fault.downcast::<Forbidden>() {
            Ok(forbidden) => NoAnswer::Forbidden(forbidden.0),
            Err(other) => NoAnswer::Failed(other.to_string()),
        })?;
        if url.scheme() == "http" && !found.iter().all(|address| self.is_allowed(address.ip())) {
            return Err(NoAnswer::Forbidden("a public address is called by https only".to_owned()));
        }
        Ok(())
    }

    /// The addresses of a name that may be called; a fault when there is none.
    async fn addresses(&self, name: &str) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
        let may: Vec<SocketAddr> = found.iter().copied().filter(|address| self.may_call(address.ip())).collect();
        if may.is_empty() && !found.is_empty() {
            return Err(Box::new(Forbidden(format!("'{name}' is not at a public address"))));
        }
        Ok(may)
    }

    fn may_call(&self, address: IpAddr) -> bool {
        is_public(address) || self.is_allowed(address)
    }

    fn is_allowed(&self, address: IpAddr) -> bool {
        self.allowed.iter().any(|network| network.holds(address))
    }
}

/// The client's own look-up: whatever it connects to was held to the guard then.
impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let addresses: Addrs = Box::new(guard.addresses(name.as_str()).await?.into_iter());
            Ok(addresses)
        })
    }
}

/// The host of an address: an IP address, or a name to be looked up.
mod url_host {
    use super::{IpAddr, Url};

    pub(super) fn host_of(url: &Url) -> Option<Result<IpAddr, String>> {
        let host = url.host_str()?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        Some(bare.parse::<IpAddr>().map_err(|_| bare.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_called_passes() {
        let strict = Guard::new(Vec::new());
        for text in
            ["https://example.org/hook", "https://8.8.8.8:8443/x", "https://[2606:4700::1111]/", "http://example.org"]
        {
            assert!(strict.url(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "example.org",
            "ftp://example.org",
            "file:///etc/passwd",
            "https://",
            "https://user:pw@example.org",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://169.254.169.254/latest",
            "http://8.8.8.8/",
            "http://10.0.0.1/",
        ] {
            assert!(strict.url(text).is_err(), "{text}");
        }
        let open = Guard::new(vec![Network::parse("10.0.0.0/8").unwrap()]);
        assert!(open.url("http://10.1.2.3/hook").is_ok() && open.url("http://[::ffff:10.1.2.3]/").is_ok());
        assert!(open.url("http://127.0.0.1/").is_err() && open.url("http://8.8.8.8/").is_err());
    }

    #[tokio::test]
    async fn names_are_held_to_where_they_lead() {
        let strict = Guard::new(Vec::new());
        let url = strict.url("https://localhost/hook").unwrap();
        assert!(matches!(strict.look_up(&url).await, Err(NoAnswer::Forbidden(_))));
        let open = Guard::new(vec![Network::parse("127.0.0.0/8").unwrap(), Network::parse("::1").unwrap()]);
        let url = open.url("http://localhost/hook").unwrap();
        assert_eq!(open.look_up(&url).await, Ok(()));
    }
}
