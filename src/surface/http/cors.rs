//! What pages of the configured origins may do and read.

use std::time::Duration;

use http::header;
use http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use super::hosts::plain;
use super::problem::REQUEST_ID;
use crate::config::server::Server;

/// Headers for pages of `server.allowed_origins`, `None` where there are none.
pub(super) fn layer(config: &Server) -> Option<CorsLayer> {
    if config.allowed_origins.is_empty() {
        return None;
    }
    let origins: Vec<String> = config.allowed_origins.iter().map(|origin| plain(origin)).collect();
    // The same comparison by which the origin is let in.
    let named = move |origin: &HeaderValue| origin.to_str().is_ok_and(|origin| origins.contains(&plain(origin)));
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| named(origin)))
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            header::RETRY_AFTER,
            REQUEST_ID.clone(),
            HeaderName::from_static("mcp-session-id"),
            HeaderName::from_static("ratelimit-limit"),
            HeaderName::from_static("ratelimit-remaining"),
            HeaderName::from_static("ratelimit-reset"),
        ])
        .max_age(Duration::from_mins(10));
    Some(layer)
}
