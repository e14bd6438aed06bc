//! The address that a request comes from. Forwarding headers are believed only as far as named proxies wrote them.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::FORWARDED;

use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// The address of the client of a request, as far as it is known: an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);

/// The proxies whose headers are believed.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Vec<Network>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    bits: u8,
}

impl Proxies {
    /// Reads addresses and networks such as `10.0.0.0/8`.
    ///
    /// # Errors
    /// `not_configured`, naming what cannot be read.
    pub fn parse(texts: &[String]) -> Result<Self, Fault> {
        let networks = texts.iter().map(|text| {
            Network::parse(text.trim()).ok_or_else(|| {
                let say =
                    format!("server.trusted_proxies: '{text}' is neither an address nor a network such as 10.0.0.0/8");
                Fault::new(&codes::NOT_CONFIGURED, say)
            })
        });
        networks.collect::<Result<_, _>>().map(Self)
    }

    /// The client's address: the last one on the way here that is no named proxy.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut last = peer.to_canonical();
        if self.0.is_empty() || !self.trusts(last) {
            return last;
        }
        for hop in hops(headers).into_iter().rev() {
            // What cannot be read ends the chain: what stands before it may be made up.
            let Some(hop) = hop else { break };
            last = hop;
            if !self.trusts(hop) {
                break;
            }
        }
        last
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.holds(address))
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address.parse::<IpAddr>().ok()?, Some(bits.parse::<u8>().ok()?)),
            None => (text.parse::<IpAddr>().ok()?, None),
        };
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Self { address, bits })
    }

    fn holds(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(mine), IpAddr::V4(theirs)) => {
                let apart = u32::from(mine) ^ u32::from(theirs);
                apart.checked_shr(32 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V6(mine), IpAddr::V6(theirs)) => {
                let apart = u128::from(mine) ^ u128::from(theirs);
                apart.checked_shr(128 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// The addresses that proxies wrote down, the first the farthest: from `Forwarded` where there is one.
fn hops(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let values = |name: &http::HeaderName| -> Vec<String> {
        let all = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("?"));
        all.flat_map(|text| text.split(',').map(|part| part.trim().to_owned()).collect::<Vec<_>>()).collect()
    };
    let forwarded = values(&FORWARDED);
    if forwarded.is_empty() {
        let plain = values(&http::HeaderName::from_static("x-forwarded-for"));
        return plain.iter().map(|text| address(text)).collect();
    }
    let of = |element: &String| {
        let parameter = element.split(';').find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            name.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"').to_owned())
        });
        parameter.and_then(|text| address(&text))
    };
    forwarded.iter().map(of).collect()
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
        let trusted: Vec<String> = trusted.iter().map(|text| (*text).to_owned()).collect();
        let map = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap()));
        Proxies::parse(&trusted).unwrap().client(peer.parse().unwrap(), &map.collect()).to_string()
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
    fn reads_the_standard_header() {
        let header =
            [("forwarded", "for=\"[2001:db8::7]:4711\";proto=https;by=10.0.0.1"), ("x-forwarded-for", "198.51.100.9")];
        assert_eq!(client(&["10.0.0.0/8"], "10.1.2.3", &header), "2001:db8::7");
        assert_eq!(client(&["2001:db8::/32", "10.0.0.0/8"], "10.1.2.3", &header), "2001:db8::7");
        assert_eq!(client(&["0.0.0.0/0"], "10.1.2.3", &[]), "10.1.2.3");
    }

    #[test]
    fn names_what_it_cannot_read() {
        for text in ["10.0.0.0/33", "proxy.example.org", "", "10.0.0.0/x", "::/129"] {
            assert!(Proxies::parse(&[text.to_owned()]).is_err(), "{text}");
        }
    }
}
