//! Addresses of servers that the program speaks to: with TLS, or without on this machine and where an operator says that nobody else listens.

/// What an address must be, and what is said where it is not.
pub(super) struct Wanted {
    /// The scheme with TLS, and the one without.
    pub(super) schemes: [&'static str; 2],
    /// Whether there must be a port.
    pub(super) port: bool,
    /// Whether a server beyond this machine may be spoken to without TLS.
    pub(super) insecure: bool,
    /// It has another scheme.
    pub(super) other_scheme: &'static str,
    /// It holds who the program is.
    pub(super) holds_login: &'static str,
    /// It is no host and port.
    pub(super) no_place: &'static str,
    /// It lies beyond this machine, without TLS.
    pub(super) in_the_open: &'static str,
}

/// What is wrong with an address; `None` when nothing is.
pub(super) fn misfit(url: &str, wanted: &Wanted) -> Option<&'static str> {
    let (scheme, place) = url.split_once("://").unwrap_or_default();
    if !wanted.schemes.contains(&scheme) {
        return Some(wanted.other_scheme);
    }
    if place.contains('@') {
        return Some(wanted.holds_login);
    }
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (place, None),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | ':' | '_');
    let port_fits = port.map_or(!wanted.port, |port| port.parse::<u16>().is_ok());
    if host.is_empty() || !host.chars().all(fits) || !port_fits {
        return Some(wanted.no_place);
    }
    let near = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    (scheme == wanted.schemes[1] && !near && !wanted.insecure).then_some(wanted.in_the_open)
}
