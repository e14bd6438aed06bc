//! The address that a request comes from. One forwarding header is believed, as far as named proxies wrote it: a proxy passes
//! on what a client wrote into the other one.

use std::net::IpAddr;

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};

use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::network::Network;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the client of a request, as far as it is known: an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);

/// The proxies whose headers are believed.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    networks: Vec<Network>,
    header: Believed,
}

/// The header that the proxies write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Believed {
    #[default]
    Plain,
    Standard,
}

impl Proxies {
    /// Reads addresses and networks such as `10.0.0.0/8`, and the header that they write: `x-forwarded-for` or `forwarded`.
    ///
    /// # Errors
    /// `not_configured`, naming what cannot be read.
    pub fn parse(texts: &[String], header: &str) -> Result<Self, Fault> {
        let networks = texts.iter().map(|text| {
            Network::parse(text.trim()).ok_or_else(|| {
                let say =
                    format!("server.trusted_proxies: '{text}' is neither an address nor a network such as 10.0.0.0/8");
                Fault::new(&codes::NOT_CONFIGURED, say)
            })
        });
        let header = match header.to_ascii_lowercase().as_str() {
            "x-forwarded-for" => Believed::Plain,
            "forwarded" => Believed::Standard,
            other => {
                let say = format!("server.forwarding_header must be 'x-forwarded-for' or 'forwarded', not '{other}'");
                return Err(Fault::new(&codes::NOT_CONFIGURED, say));
            }
        };
        Ok(Self { networks: networks.collect::<Result<_, _>>()?, header })
    }

    /// The client's address: the last one on the way here that is no named proxy.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut last = peer.to_canonical();
        if !self.trusts(last) {
            return last;
        }
        for hop in self.hops(headers).into_iter().rev() {
            // What cannot be read ends the chain: what stands before it may be made up.
            let Some(hop) = hop else { break };
            last = hop;
            if !self.trusts(hop) {
                break;
            }
        }
        last
    }

    /// The addresses that proxies wrote down, the first the farthest.
    fn hops(&self, headers: &HeaderMap) -> Vec<Option<IpAddr>> {
        let values = |name: &HeaderName| -> Vec<String> {
            let all = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("?"));
            all.flat_map(|text| text.split(',').map(|part| part.trim().to_owned()).collect::<Vec<_>>()).collect()
        };
        match self.header {
            Believed::Plain => values(&X_FORWARDED_FOR).iter().map(|text| address(text)).collect(),
            Believed::Standard => values(&FORWARDED).iter().map(|element| client_of(element)).collect(),
        }
    }

    /// Whether an address is one of a named proxy.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.holds(address))
    }
}

/// The address of an element such as `for="[2001:db8::7]:4711";proto=https`.
fn client_of(element: &str) -> Option<IpAddr> {
    let parameter = element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"'))
    });
    parameter.and_then(address)
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None if text.matches(':').count() == 1 => text.split_once(':')?.0,
        None => text,
    };
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &[&str], peer: &str, headers: &[(&'static str, &str)]) -> String {
        client_by("x-forwarded-for", trusted, peer, headers)
    }

    fn client_by(header: &str, trusted: &[&str], peer: &str, headers: &[(&'static str, &str)]) -> String {
        let trusted: Vec<String> = trusted.iter().map(|text| (*text).to_owned()).collect();
        let map = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap()));
        Proxies::parse(&trusted, header).unwrap().client(peer.parse().unwrap(), &map.collect()).to_string()
    }

    #[test]
    fn believes_named_proxies_only() {
        let made_up = [("x-forwarded-for", "198.51.100.9, 203.0.113.7")];
        assert_eq!(client(&[], "192.0.2.1", &made_up), "192.0.2.1");
        assert_eq!(client(&["10.0.0.0/8"], "192.0.2.1", &made_up), "192.0.2.1");
        assert_eq!(client(&["192.0.2.1"], "192.0.2.1", &made_up), "203.0.113.7");
        assert_eq!(client(&["192.0.2.0/24", "203.0.113.0/24"], "192.0.2.1", &made_up), "198.51.100.9");
        assert_eq!(client(&["192.0.2.1"], "::ffff:192.0.2.1", &[("x-forwarded-for", "garbage")]), "192.0.2.1");
    }

    #[test]
    fn believes_one_header_and_ignores_the_other() {
        let headers =
            [("forwarded", "for=\"[2001:db8::7]:4711\";proto=https;by=10.0.0.1"), ("x-forwarded-for", "198.51.100.9")];
        let standard = |trusted: &[&str]| client_by("Forwarded", trusted, "10.1.2.3", &headers);
        assert_eq!(standard(&["10.0.0.0/8"]), "2001:db8::7");
        assert_eq!(standard(&["2001:db8::/32", "10.0.0.0/8"]), "2001:db8::7");
        assert_eq!(client(&["10.0.0.0/8"], "10.1.2.3", &headers), "198.51.100.9");
        assert_eq!(client(&["10.0.0.0/8"], "10.1.2.3", &headers[..1]), "10.1.2.3");
        assert_eq!(client(&["0.0.0.0/0"], "10.1.2.3", &[]), "10.1.2.3");
    }

    #[test]
    fn names_what_it_cannot_read() {
        for text in ["10.0.0.0/33", "proxy.example.org", "", "10.0.0.0/x", "::/129"] {
            assert!(Proxies::parse(&[text.to_owned()], "x-forwarded-for").is_err(), "{text}");
        }
        assert!(Proxies::parse(&[], "x-real-ip").is_err());
    }
}
