//! A route of the gateway: a path that leads to a registered service, and on what terms.

use std::num::NonZeroU32;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::id_of;
use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::kernel::id::TenantId;
use crate::port::records::{Across, Document, Field, FieldType, Kind, Unique};

/// The kind of routes.
pub(crate) static GATEWAY_ROUTE: Kind = Kind {
    fields: &[Field { name: "routeId", of: FieldType::Text }, Field { name: "path", of: FieldType::Text }],
    unique: &[
        Unique { name: "id", fields: &["routeId"], across: Across::Tenant },
        Unique { name: "path", fields: &["path"], across: Across::Tenant },
    ],
    ..Kind::new("gateway_route")
};

/// The methods that a route can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum RouteMethod {
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// OPTIONS.
    Options,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

impl RouteMethod {
    pub(crate) const ALL: [Self; 7] =
        [Self::Get, Self::Head, Self::Options, Self::Post, Self::Put, Self::Patch, Self::Delete];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether it changes nothing.
    pub(crate) const fn reads(self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Options)
    }

    /// Whether doing it twice is as good as once.
    pub(crate) const fn repeats(self) -> bool {
        self.reads() || matches!(self, Self::Put | Self::Delete)
    }
}

/// A credential that the route's requests carry to the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Carries {
    /// Its name in the vault.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) secret: String,
    /// The header that it is written into; `authorization` when not given.
    #[serde(default = "authorization")]
    #[schemars(length(min = 1, max = 64))]
    pub(crate) header: String,
    /// What stands before it, such as `Bearer `; that when not given and the header is `authorization`, else nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub(crate) prefix: Option<String>,
}

fn authorization() -> String {
    "authorization".to_owned()
}

impl Carries {
    pub(crate) fn before(&self) -> &str {
        let usual = if self.header.eq_ignore_ascii_case("authorization") { "Bearer " } else { "" };
        self.prefix.as_deref().unwrap_or(usual)
    }
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GatewayRoute {
    pub(crate) route_id: String,
    /// Begins with a slash and has none at its end.
    pub(crate) path: String,
    /// The service.
    pub(crate) service: String,
    /// Only its instances that listen on this port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<u16>,
    /// What the service sees before the rest of the path.
    pub(crate) target_path: String,
    pub(crate) methods: Vec<RouteMethod>,
    pub(crate) auth_required: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rate_limit: Option<String>,
    pub(crate) timeout_seconds: u32,
    pub(crate) retries: u32,
    /// So many failures one after the other open the breaker of an instance.
    pub(crate) breaker_failures: u32,
    /// So long it stays open.
    pub(crate) breaker_seconds: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) credential: Option<Carries>,
    pub(crate) enabled: bool,
}

impl Document for GatewayRoute {
    const KIND: &'static Kind = &GATEWAY_ROUTE;
}

impl Owned for GatewayRoute {
    const RESOURCE: Resource = Resource::Routes;
    const NOUN: &'static str = "route";
}

impl GatewayRoute {
    /// The id of the document of a route.
    pub(crate) fn id(tenant: TenantId, route: &str) -> uuid::Uuid {
        id_of(&[b"gateway route", tenant.uuid().as_bytes(), route.as_bytes()])
    }

    /// The path at the service for a path that this route takes.
    pub(crate) fn at_service(&self, path: &str) -> String {
        let rest = path.strip_prefix(self.path.as_str()).unwrap_or(path);
        match (self.target_path.as_str(), rest) {
            ("", "") => "/".to_owned(),
            ("", rest) if rest.starts_with('/') => rest.to_owned(),
            ("", rest) => format!("/{rest}"),
            (target, rest) => format!("{target}{rest}"),
        }
    }
}

/// So many requests in a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) many: NonZeroU32,
    pub(crate) span: Duration,
}

impl Rate {
    /// Reads `100/min`, `10/s` or `5000/h`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (many, span) = text.split_once('/')?;
        let span = match span {
            "s" | "sec" | "second" => Duration::from_secs(1),
            "m" | "min" | "minute" => Duration::from_mins(1),
            "h" | "hour" => Duration::from_hours(1),
            _ => return None,
        };
        Some(Self { many: many.parse().ok()?, span })
    }
}

/// The paths of routes that could take a path, the longest first: a route takes whole segments.
pub(crate) fn candidates(path: &str) -> Vec<String> {
    let ends = path.char_indices().skip(1).filter(|(_, one)| *one == '/').map(|(at, _)| at);
    let mut all: Vec<String> = ends.map(|end| path[..end].to_owned()).collect();
    all.push(path.to_owned());
    all.reverse();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_takes_whole_segments_the_longest_first() {
        assert_eq!(candidates("/a/b/c"), ["/a/b/c", "/a/b", "/a"]);
        assert_eq!(candidates("/a"), ["/a"]);
        assert_eq!(candidates("/a/"), ["/a/", "/a"]);
    }

    #[test]
    fn rates_are_a_number_and_a_span() {
        let rate = Rate::parse("100/min").unwrap();
        assert_eq!((rate.many.get(), rate.span), (100, Duration::from_mins(1)));
        for text in ["", "100", "0/s", "-1/s", "1/day", "/s", "1.5/s", "4294967296/s"] {
            assert_eq!(Rate::parse(text), None, "{text}");
        }
    }
}
