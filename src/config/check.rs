//! Whether the values make sense, beyond their types: ranges, addresses, files that must be there.

use std::net::SocketAddr;
use std::path::Path;

use super::Config;
use super::credential::CredentialIn;
use super::nats::LOGINS;
use crate::kernel::bucket::{self, Bucket, Provider};
use crate::kernel::network::Network;
use crate::kernel::redact::redact;

/// A key and what is wrong with its value.
pub type Wrong = (&'static str, String);

/// Everything that is wrong.
#[must_use]
pub fn check(config: &Config) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    server(config, &mut wrong);
    ranges(config, &mut wrong);
    if config.vault.place().is_none() {
        // What stands there may be a key that somebody put into the wrong place: it is not repeated.
        let say = "must be 'file:PATH', 'env:VARIABLE' or 'command:PROGRAM ARGUMENTS', or empty; the key itself is not written here";
        wrong.push(("vault.master", say.to_owned()));
    }
    for network in &config.outside.private_networks {
        if Network::parse(network).is_none() {
            let say = "is neither an address nor a network such as '10.0.0.0/8'";
            wrong.push(("outside.private_networks", format!("'{network}' {say}")));
        }
    }
    anchors(config, &mut wrong);
    objects(config, &mut wrong);
    backup(config, &mut wrong);
    let telemetry = &config.telemetry;
    if !telemetry.endpoint.is_empty() && !is_base(&telemetry.endpoint) {
        let say = "must be the base address of a collector, such as 'http://localhost:4318'";
        wrong.push(("telemetry.endpoint", format!("{say}, not '{}'", telemetry.endpoint)));
    }
    if !(0.0..=1.0).contains(&telemetry.traces_share) {
        wrong.push(("telemetry.traces_share", format!("must be from 0 to 1, not {}", telemetry.traces_share)));
    }
    if config.embeddings.named().is_none() {
        let say = "must be 'local' with embeddings.folder, 'PROVIDER/MODEL', or empty";
        wrong.push(("embeddings.model", format!("{say}, not '{}'", config.embeddings.model)));
    }
    vectors(config, &mut wrong);
    store(config, &mut wrong);
    bus(config, &mut wrong);
    graph(config, &mut wrong);
    let logging = &config.logging;
    if !is_level(&logging.level) {
        let say = "must be error, warn, info, debug, trace or off, also by module as in 'info,convoke=debug'";
        wrong.push(("logging.level", format!("{say}, not '{}'", logging.level)));
    }
    if !["text", "json"].contains(&logging.format.as_str()) {
        wrong.push(("logging.format", format!("must be 'text' or 'json', not '{}'", logging.format)));
    }
    wrong
}

/// Whether the server would listen beyond this machine.
#[must_use]
pub fn is_public(listen: &str) -> bool {
    match listen.parse::<SocketAddr>() {
        Ok(address) => !address.ip().is_loopback(),
        Err(_) => !listen.starts_with("localhost:"),
    }
}

fn server(config: &Config, wrong: &mut Vec<Wrong>) {
    let server = &config.server;
    if !is_address(&server.listen) {
        let say = "must be an address and a port, such as '127.0.0.1:7437' or '[::1]:7437'";
        wrong.push(("server.listen", format!("{say}, not '{}'", server.listen)));
    }
    let files = [("server.tls_certificate", &server.tls_certificate), ("server.tls_key", &server.tls_key)];
    for (key, file) in files {
        if !file.is_empty()
            && let Err(error) = std::fs::File::open(Path::new(file))
        {
            wrong.push((key, format!("the file '{file}' cannot be read: {error}")));
        }
    }
    match (server.tls_certificate.is_empty(), server.tls_key.is_empty()) {
        (true, false) => wrong.push(("server.tls_certificate", "is missing: TLS needs certificate and key".to_owned())),
        (false, true) => wrong.push(("server.tls_key", "is missing: TLS needs certificate and key".to_owned())),
        (true, true) if is_address(&server.listen) && is_public(&server.listen) && !server.insecure => {
            let say = "listens beyond this machine without TLS: set server.tls_certificate and server.tls_key, or \
                       server.insecure = true where something before it speaks TLS";
            wrong.push(("server.listen", format!("'{}' {say}", server.listen)));
        }
        (true, true) | (false, false) => {}
    }
    for host in &server.allowed_hosts {
        if host.is_empty() || host.contains(['/', ' ', '@']) {
            wrong.push(("server.allowed_hosts", format!("'{host}' is not a host name: leave scheme and path out")));
        }
    }
    for origin in &server.allowed_origins {
        if !is_origin(origin) {
            let say = "is not an origin: write scheme and host, such as 'https://app.example.org'";
            wrong.push(("server.allowed_origins", format!("'{origin}' {say}")));
        }
    }
    for proxy in &server.trusted_proxies {
        if Network::parse(proxy).is_none() {
            let say = "is neither an address nor a network such as '10.0.0.0/8'";
            wrong.push(("server.trusted_proxies", format!("'{proxy}' {say}")));
        }
    }
    let header = &server.forwarding_header;
    if !["x-forwarded-for", "forwarded"].iter().any(|known| header.eq_ignore_ascii_case(known)) {
        let say = format!("must be 'x-forwarded-for' or 'forwarded', not '{header}'");
        wrong.push(("server.forwarding_header", say));
    }
}

fn store(config: &Config, wrong: &mut Vec<Wrong>) {
    let store = &config.store;
    match store.backend.as_str() {
        "postgres" if store.url.is_empty() => {
            wrong.push(("store.url", "is missing: 'postgres' needs the address of a database".to_owned()));
        }
        "sqlite" | "postgres" => {}
        other => wrong.push(("store.backend", format!("must be 'sqlite' or 'postgres', not '{other}'"))),
    }
    for (key, file) in [("store.password_file", &store.password_file), ("store.tls_ca", &store.tls_ca)] {
        if !file.is_empty()
            && let Err(error) = std::fs::File::open(Path::new(file))
        {
            wrong.push((key, format!("the file '{file}' cannot be read: {error}")));
        }
    }
}

fn vectors(config: &Config, wrong: &mut Vec<Wrong>) {
    let vectors = &config.vectors;
    match vectors.backend.as_str() {
        "qdrant" if vectors.url.is_empty() => {
            wrong.push(("vectors.url", "is missing: 'qdrant' needs the address of a server".to_owned()));
        }
        "embedded" | "qdrant" => {}
        other => wrong.push(("vectors.backend", format!("must be 'embedded' or 'qdrant', not '{other}'"))),
    }
    if !vectors.url.is_empty()
        && let Some(why) = vectors.misfit()
    {
        wrong.push(("vectors.url", format!("'{}' {why}", redact(&vectors.url))));
    }
    if vectors.key_in().is_none() {
        // What stands there may be the key that somebody put into the wrong place: it is not repeated.
        let say = "must be 'file:PATH', 'env:VARIABLE' or 'vault:NAME', or empty; the key itself is not written here";
        wrong.push(("vectors.api_key_from", say.to_owned()));
    }
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    if vectors.prefix.is_empty() || vectors.prefix.len() > 64 || !vectors.prefix.chars().all(fits) {
        let say = "must be a name of letters, digits, '_' and '-', at most 64 of them";
        wrong.push(("vectors.prefix", format!("{say}, not '{}'", vectors.prefix)));
    }
}

fn bus(config: &Config, wrong: &mut Vec<Wrong>) {
    let nats = &config.nats;
    match config.events.bus.as_str() {
        "nats" if nats.urls.is_empty() => {
            wrong.push(("nats.urls", "is missing: events.bus = 'nats' needs the address of a server".to_owned()));
        }
        "outbox" | "nats" => {}
        other => wrong.push(("events.bus", format!("must be 'outbox' or 'nats', not '{other}'"))),
    }
    for url in &nats.urls {
        if let Some(why) = nats.misfit(url) {
            wrong.push(("nats.urls", format!("'{}' {why}", redact(url))));
        }
    }
    let login = nats.login.as_str();
    if !LOGINS.contains(&login) {
        let say = "must be 'password', 'token', 'nkey' or 'credentials', or empty";
        wrong.push(("nats.login", format!("{say}, not '{login}'")));
    }
    if login == "password" && nats.user.is_empty() {
        wrong.push(("nats.user", "is missing: nats.login = 'password' needs the name of a user".to_owned()));
    }
    if !names_place(nats.login_in(), !login.is_empty()) {
        // What stands there may be the secret that somebody put into the wrong place: it is not repeated.
        let say = "must be 'file:PATH', 'env:VARIABLE' or 'vault:NAME'; the secret itself is not written here";
        wrong.push(("nats.login_from", say.to_owned()));
    }
    if !nats.tls_ca.is_empty()
        && let Err(error) = std::fs::File::open(Path::new(&nats.tls_ca))
    {
        wrong.push(("nats.tls_ca", format!("the file '{}' cannot be read: {error}", nats.tls_ca)));
    }
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    if nats.stream.is_empty() || nats.stream.len() > 64 || !nats.stream.chars().all(fits) {
        let say = "must be a name of letters, digits, '_' and '-', at most 64 of them";
        wrong.push(("nats.stream", format!("{say}, not '{}'", nats.stream)));
    }
}

fn graph(config: &Config, wrong: &mut Vec<Wrong>) {
    let graph = &config.graph;
    match graph.backend.as_str() {
        "neo4j" if graph.url.is_empty() => {
            wrong.push(("graph.url", "is missing: graph.backend = 'neo4j' needs the address of a server".to_owned()));
        }
        "records" | "neo4j" => {}
        other => wrong.push(("graph.backend", format!("must be 'records' or 'neo4j', not '{other}'"))),
    }
    if !graph.url.is_empty()
        && let Some(why) = graph.misfit()
    {
        wrong.push(("graph.url", format!("'{}' {why}", redact(&graph.url))));
    }
    if !names_place(graph.password_in(), !graph.user.is_empty()) {
        // What stands there may be the secret that somebody put into the wrong place: it is not repeated.
        let say = "must be 'file:PATH', 'env:VARIABLE' or 'vault:NAME'; the password itself is not written here";
        wrong.push(("graph.password_from", say.to_owned()));
    }
    if !graph.tls_ca.is_empty()
        && let Err(error) = std::fs::File::open(Path::new(&graph.tls_ca))
    {
        wrong.push(("graph.tls_ca", format!("the file '{}' cannot be read: {error}", graph.tls_ca)));
    }
    if !graph.has_plain_space() {
        let say = "must be a name of letters, digits and '_' that begins with a letter, at most 60 of them";
        wrong.push(("graph.space", format!("{say}, not '{}'", graph.space)));
    }
}

/// Whether a place can be read, and is there where one is needed.
fn names_place(place: Option<CredentialIn<'_>>, needed: bool) -> bool {
    place.is_some_and(|place| !needed || place != CredentialIn::Nowhere)
}

/// No time to wait is longer: a moment so far away can still be reckoned with everywhere.
const YEAR: u64 = 31_536_000;

/// Every number, each with its least and its most. In `store` and `backup`, 0 is no bound.
fn ranges(config: &Config, wrong: &mut Vec<Wrong>) {
    let Config {
        server,
        limits,
        mcp,
        store,
        objects: _,
        vault: _,
        outside: _,
        models,
        retrieval,
        embeddings: _,
        vectors,
        events,
        nats,
        graph,
        schedules,
        calendars: _,
        logging,
        telemetry,
        backup,
        audit,
    } = config;
    let many = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let all: [(&'static str, u64, u64, u64); _] = [
        ("server.body_limit_bytes", many(server.body_limit_bytes), 1024, 1 << 30),
        ("server.file_limit_bytes", many(server.file_limit_bytes), 1024, 1 << 40),
        ("server.bodies_bytes", many(server.bodies_bytes), many(server.body_limit_bytes), 1 << 40),
        ("server.connections", many(server.connections), 0, 1_000_000),
        ("server.connections_per_address", many(server.connections_per_address), 0, 1_000_000),
        ("server.head_seconds", server.head_seconds, 1, 3600),
        ("server.idle_seconds", server.idle_seconds, 1, 86_400),
        ("server.drain_seconds", server.drain_seconds, 0, 3600),
        ("limits.reads_per_minute", limits.reads_per_minute.into(), 1, u64::from(u32::MAX)),
        ("limits.writes_per_minute", limits.writes_per_minute.into(), 1, u64::from(u32::MAX)),
        ("limits.anonymous_per_minute", limits.anonymous_per_minute.into(), 1, u64::from(u32::MAX)),
        ("limits.call_seconds", limits.call_seconds, 1, 86_400),
        ("limits.stream_seconds", limits.stream_seconds, 1, 86_400),
        ("limits.idempotency_hours", limits.idempotency_hours, 1, 8_760),
        ("limits.concurrent_calls", many(limits.concurrent_calls), 1, 1_000_000),
        ("mcp.list_ttl_seconds", mcp.list_ttl_seconds, 0, YEAR),
        ("mcp.session_cap", many(mcp.session_cap), 1, 1_000_000),
        ("mcp.stream_cap", many(mcp.stream_cap), 1, 1_000_000),
        ("mcp.session_idle_seconds", mcp.session_idle_seconds, 1, 2_592_000),
        ("mcp.request_state_seconds", mcp.request_state_seconds, 1, 86_400),
        ("mcp.task_seconds", mcp.task_seconds, 1, YEAR),
        ("mcp.task_hours", mcp.task_hours, 1, 8_760),
        ("store.connections", store.connections, 4, 1000),
        ("store.audit_days", store.audit_days, 0, 36_500),
        ("store.audit_entries", store.audit_entries, 0, u64::MAX),
        ("store.events_days", store.events_days, 0, 36_500),
        ("store.events_entries", store.events_entries, 0, u64::MAX),
        ("store.usage_days", store.usage_days, 0, 36_500),
        ("models.calls_at_once", many(models.calls_at_once), 0, 1_000_000),
        ("models.cache_seconds", models.cache_seconds, 0, 2_592_000),
        ("retrieval.words_weight", retrieval.words_weight, 1, 100),
        ("retrieval.meaning_weight", retrieval.meaning_weight, 0, 100),
        ("retrieval.recency_percent", retrieval.recency_percent, 0, 100),
        ("retrieval.half_life_days", retrieval.half_life_days, 1, 36_500),
        ("retrieval.importance_percent", retrieval.importance_percent, 0, 100),
        ("retrieval.variety_percent", retrieval.variety_percent, 0, 100),
        ("retrieval.reranked", retrieval.reranked, 2, 500),
        ("retrieval.reranker_seconds", retrieval.reranker_seconds, 1, 60),
        ("vectors.search_seconds", vectors.search_seconds, 1, 60),
        ("vectors.write_seconds", vectors.write_seconds, 1, 3600),
        ("events.most_hops", events.most_hops.into(), 1, 64),
        ("events.deliveries", many(events.deliveries), 1, 10_000),
        ("events.subscriptions", events.subscriptions, 1, 100_000),
        ("events.topics", events.topics, 1, 100_000),
        ("events.dead_letter_days", events.dead_letter_days, 0, 36_500),
        ("nats.replicas", many(nats.replicas), 1, 5),
        ("nats.keep_hours", nats.keep_hours, 1, 876_000),
        ("nats.keep_megabytes", nats.keep_megabytes, 0, 1 << 40),
        ("graph.connections", many(graph.connections), 2, 1000),
        ("schedules.runs", many(schedules.runs), 1, 10_000),
        ("schedules.runs_per_tenant", many(schedules.runs_per_tenant), 1, 10_000),
        ("schedules.per_tenant", schedules.per_tenant, 1, 10_000_000),
        ("schedules.shortest_seconds", schedules.shortest_seconds, 1, 86_400),
        ("schedules.missed_after_seconds", schedules.missed_after_seconds, 1, 86_400),
        ("schedules.kept_runs", schedules.kept_runs, 1, 100_000),
        ("schedules.kept_days", schedules.kept_days, 0, 36_500),
        ("logging.recent_lines", many(logging.recent_lines), 0, 1_000_000),
        ("telemetry.every_seconds", telemetry.every_seconds, 1, 3600),
        ("backup.keep", many(backup.keep), 0, 1_000_000),
        ("backup.keep_days", backup.keep_days, 0, 36_500),
        ("audit.anchor_retain_days", audit.anchor_retain_days, 0, 36_500),
        ("audit.checkpoint_entries", audit.checkpoint_entries, 1, 1_000_000_000),
        ("audit.checkpoint_seconds", audit.checkpoint_seconds, 1, 86_400),
    ];
    for (key, value, least, most) in all {
        if !(least..=most).contains(&value) {
            wrong.push((key, format!("must be from {least} to {most}, not {value}")));
        }
    }
    if mcp.toolsets.is_empty() {
        wrong.push(("mcp.toolsets", "must name at least one: 'compact', 'all' or names of domains".to_owned()));
    }
}

fn anchors(config: &Config, wrong: &mut Vec<Wrong>) {
    let audit = &config.audit;
    for anchor in &audit.anchors {
        if !["file", "webhook", "objects"].contains(&anchor.as_str()) {
            wrong.push((
                "audit.anchors",
                format!("'{anchor}' is no anchor: use 'file', 'webhook', 'objects' or several"),
            ));
        }
    }
    let is_used = audit.anchors.iter().any(|anchor| anchor == "webhook");
    let is_http = ["http://", "https://"].iter().any(|scheme| audit.anchor_webhook.starts_with(scheme));
    if (is_used || !audit.anchor_webhook.is_empty()) && !is_http {
        let say =
            format!("must be an address such as 'https://example.org/checkpoints', not '{}'", audit.anchor_webhook);
        wrong.push(("audit.anchor_webhook", say));
    }
}

/// Everything about object stores: how they are reached, and which are named.
fn objects(config: &Config, wrong: &mut Vec<Wrong>) {
    let objects = &config.objects;
    if objects.credentials_in().is_none() {
        // What stands there may be a key that somebody put into the wrong place: it is not repeated.
        let say = "must be 'file:PATH' or 'env:VARIABLE', or empty; the credentials themselves are not written here";
        wrong.push(("objects.credentials", say.to_owned()));
    }
    if !objects.endpoint.is_empty() && !is_base(&objects.endpoint) {
        let say = "must be the address of a server, such as 'https://minio.example.org:9000'";
        wrong.push(("objects.endpoint", format!("{say}, not '{}'", redact(&objects.endpoint))));
    }
    if !objects.tls_ca.is_empty()
        && let Err(error) = std::fs::File::open(Path::new(&objects.tls_ca))
    {
        wrong.push(("objects.tls_ca", format!("the file '{}' cannot be read: {error}", objects.tls_ca)));
    }
    if config.store.blobs != "folder"
        && let Err(why) = Bucket::parse(&config.store.blobs)
    {
        let say =
            if config.store.blobs.contains("://") { why } else { format!("must be 'folder' or {}", bucket::FORM) };
        wrong.push(("store.blobs", say));
    }
    if !config.backup.place.is_empty()
        && let Err(why) = Bucket::parse(&config.backup.place)
    {
        wrong.push(("backup.place", why));
    }
    let audit = &config.audit;
    let is_used = audit.anchors.iter().any(|anchor| anchor == "objects");
    if !is_used && audit.anchor_objects.is_empty() {
        return;
    }
    match Bucket::parse(&audit.anchor_objects) {
        Err(why) => wrong.push(("audit.anchor_objects", why)),
        Ok(bucket) if audit.anchor_retain_days > 0 && bucket.provider != Provider::S3 => {
            let say = "is for S3 alone: of the other providers give the bucket a retention of its own";
            wrong.push(("audit.anchor_retain_days", say.to_owned()));
        }
        Ok(_) => {}
    }
}

fn backup(config: &Config, wrong: &mut Vec<Wrong>) {
    let backup = &config.backup;
    if !backup.schedule.is_empty() && backup.schedule().is_none() {
        let say =
            "must be a span from 5 minutes on, as 'every 6h' or 'every 30m', or a time of the day (UTC), as '03:30'";
        wrong.push(("backup.schedule", format!("{say}, not '{}'", backup.schedule)));
    }
    if backup.encrypted_by().is_none() {
        let say = "must be 'vault', 'file:PATH', 'env:VARIABLE' or 'command:PROGRAM ARGUMENTS', or empty; the key itself is \
                   not written here";
        wrong.push(("backup.encrypt", say.to_owned()));
    }
}

fn is_address(listen: &str) -> bool {
    let named = || {
        let (host, port) = listen.rsplit_once(':')?;
        let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-');
        (!host.is_empty() && host.chars().all(fits) && port.parse::<u16>().is_ok()).then_some(())
    };
    listen.parse::<SocketAddr>().is_ok() || named().is_some()
}

fn is_origin(origin: &str) -> bool {
    let Some((scheme, host)) = origin.split_once("://") else { return false };
    let scheme_fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.');
    !scheme.is_empty() && scheme.chars().all(scheme_fits) && !host.is_empty() && !host.contains(['/', ' ', '@', '?'])
}

fn is_base(endpoint: &str) -> bool {
    let host = endpoint.strip_prefix("http://").or_else(|| endpoint.strip_prefix("https://"));
    host.is_some_and(|host| !host.is_empty() && !host.starts_with('/') && !host.contains(['@', '?', '#', ' ']))
}

fn is_level(text: &str) -> bool {
    let level = |name: &str| ["error", "warn", "info", "debug", "trace", "off"].contains(&name.to_lowercase().as_str());
    let module = |name: &str| {
        !name.is_empty()
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | ':' | '-'))
    };
    !text.is_empty()
        && text.split(',').map(str::trim).all(|part| match part.split_once('=') {
            None => level(part),
            Some((name, wanted)) => module(name) && level(wanted),
        })
}
