//! The configuration's layers: which wins, what is told of values that do not fit.

use std::path::Path;

use convoke::config::load::{FILE, Inputs, Loaded, defaults, load, schema};
use convoke::config::mask::shown;
use convoke::config::origins::Source;
use convoke::kernel::codes;
use convoke::kernel::fault::Fault;

/// Two folders and what is put into them.
struct Scene {
    folder: tempfile::TempDir,
    inputs: Inputs,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (data, working) = (folder.path().join("data"), folder.path().join("working"));
        std::fs::create_dir_all(&data).unwrap();
        std::fs::create_dir_all(&working).unwrap();
        let inputs = Inputs { working, data: Some(data), ..Inputs::default() };
        Self { folder, inputs }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn environment(mut self, name: &str, value: &str) -> Self {
        self.inputs.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    fn flag(mut self, flag: &str, key: &str, value: &str) -> Self {
        self.inputs.flags.push((flag.to_owned(), key.to_owned(), value.to_owned()));
        self
    }

    fn load(&self) -> Result<Loaded, Fault> {
        load(&self.inputs)
    }

    /// What is said of the layers, without the folder's name.
    fn said(&self) -> String {
        let fault = self.load().unwrap_err();
        assert!(fault.is(&codes::BAD_CONFIGURATION), "{fault}");
        fault.say().replace(self.folder.path().to_str().unwrap(), "…")
    }
}

#[test]
fn every_key_has_a_default_and_the_defaults_are_good() {
    let scene = Scene::new();
    let loaded = scene.load().unwrap();
    assert_eq!(loaded.config, defaults().unwrap());
    assert_eq!(loaded.data, scene.path("data"));
    assert!(loaded.origins.values().all(|source| *source == Source::Default));
    assert_eq!(shown(&loaded.config, &loaded.told_origins()).len(), loaded.origins.len());
}

#[test]
fn a_later_layer_wins_and_says_where_it_is() {
    let mut scene = Scene::new()
        .environment("CONVOKE_LIMITS__CALL_SECONDS", "4")
        .environment("CONVOKE_SERVER__ALLOWED_HOSTS", "a.example, b.example")
        .environment("CONVOKE_MCP__READ_ONLY", "yes")
        .environment("CONVOKE_SERVER", "https://elsewhere.example")
        .flag("--listen", "server.listen", "127.0.0.1:0");
    scene.file(
        "data/convoke.toml",
        "[limits]\ncall_seconds = 1\nidempotency_hours = 1\n[backup]\nkeep = 1\n[mcp]\nlist_ttl_seconds = 1",
    );
    scene.file("working/convoke.toml", "[limits]\ncall_seconds = 2\nidempotency_hours = 2\n[backup]\nkeep = 2");
    scene.file("named.toml", "[limits]\ncall_seconds = 3\n[backup]\nkeep = 3\n[server]\nlisten = \"127.0.0.1:1\"");
    scene.inputs.file = Some(scene.path("named.toml"));
    let loaded = scene.load().unwrap();
    let file = |name: &str| Source::File(scene.path(name));
    let variable = |name: &str| Source::Environment(name.to_owned());
    let of = |key: &str| loaded.origins[key].clone();

    assert_eq!((loaded.config.mcp.list_ttl_seconds, of("mcp.list_ttl_seconds")), (1, file("data/convoke.toml")));
    assert_eq!(
        (loaded.config.limits.idempotency_hours, of("limits.idempotency_hours")),
        (2, file("working/convoke.toml"))
    );
    assert_eq!((loaded.config.backup.keep, of("backup.keep")), (3, file("named.toml")));
    assert_eq!(
        (loaded.config.limits.call_seconds, of("limits.call_seconds")),
        (4, variable("CONVOKE_LIMITS__CALL_SECONDS"))
    );
    assert_eq!(loaded.config.server.allowed_hosts, ["a.example", "b.example"]);
    assert!(loaded.config.mcp.read_only);
    assert_eq!(loaded.config.server.listen, "127.0.0.1:0");
    assert_eq!(of("server.listen"), Source::Flag("--listen".to_owned()));
    assert_eq!(of("server.insecure"), Source::Default);
    assert_eq!(
        loaded.files,
        [scene.path("data").join(FILE), scene.path("working").join(FILE), scene.path("named.toml")]
    );
}

#[test]
fn what_does_not_fit_is_told_all_at_once() {
    let scene = Scene::new()
        .environment("CONVOKE_LIMITS__CALL_SECONDS", "soon")
        .environment("CONVOKE_SERVER_LISTEN", "127.0.0.1:1")
        .flag("--set", "server.lissten", "127.0.0.1:1");
    scene.file(
        "data/convoke.toml",
        "answer = 42\n[srever]\nlisten = \"\"\n[limits]\nreads_per_minute = -1\nwrites_per_minute = \"many\"\n[store]\ndata = \"/tmp\"\n[mcp]\nlisten = \"\"\n",
    );
    scene.file("working/convoke.toml", "[server\n");
    let said = scene.said();
    let lines: Vec<&str> = said.lines().filter(|line| line.contains(": ")).collect();
    let expected = [
        "…/data/convoke.toml: answer: stands outside of any section; the nearest is",
        "…/data/convoke.toml: srever: there is no section [srever]; the nearest is 'server'",
        "…/data/convoke.toml: limits.reads_per_minute: invalid value: integer `-1`, expected u32",
        "…/data/convoke.toml: limits.writes_per_minute: must be a whole number, not a text",
        "…/data/convoke.toml: store.data: cannot be set in the data folder's own file",
        "…/data/convoke.toml: mcp.listen: is not known; the nearest is 'server.listen'",
        "…/working/convoke.toml: is not TOML: TOML parse error at line 1",
        "environment CONVOKE_LIMITS__CALL_SECONDS: limits.call_seconds: must be a whole number, not 'soon'",
        "environment CONVOKE_SERVER_LISTEN: is written CONVOKE_SERVER__LISTEN",
        "flag --set: server.lissten: is not known; the nearest is 'server.listen'",
    ];
    for wanted in expected {
        assert!(lines.iter().any(|line| line.starts_with(wanted)), "missing {wanted:?} in\n{said}");
    }
    assert_eq!(lines.len(), expected.len(), "{said}");
}

#[test]
fn values_that_make_no_sense_are_refused_with_their_source() {
    let listen = |value: &str| Scene::new().flag("--listen", "server.listen", value);
    assert!(listen("nowhere").said().starts_with("flag --listen: server.listen: must be an address and a port"));
    assert!(listen("0.0.0.0:80").said().contains("listens beyond this machine without TLS"));
    assert!(listen("0.0.0.0:80").flag("--insecure", "server.insecure", "true").load().is_ok());
    assert!(listen("localhost:80").load().is_ok());

    let one = |key: &str, value: &str| Scene::new().flag("--set", key, value).said();
    assert!(one("limits.call_seconds", "0").contains("must be from 1 to 86400, not 0"));
    assert!(one("server.tls_key", "/nowhere/key.pem").contains("the file '/nowhere/key.pem' cannot be read"));
    assert!(one("server.trusted_proxies", "10.0.0.0/8,10.0.0.0/33").contains("'10.0.0.0/33' is neither"));
    assert!(one("server.allowed_origins", "example.org").contains("'example.org' is not an origin"));
    assert!(one("logging.level", "loud").contains("not 'loud'"));
    assert!(one("logging.format", "xml").contains("'text' or 'json'"));

    let mut scene = Scene::new();
    scene.inputs.file = Some("absent.toml".into());
    assert!(scene.said().starts_with("…/working/absent.toml: cannot be read"), "{}", scene.said());
}

#[test]
fn the_data_folder_is_found_in_every_layer() {
    let mut scene = Scene::new().environment("HOME", "/home/someone");
    scene.inputs.data = None;
    let place = scene.load().unwrap().data;
    assert!(place.starts_with("/home/someone") && place.ends_with("convoke"), "{}", place.display());

    scene.file("working/convoke.toml", "[store]\ndata = \"~/kept\"");
    assert_eq!(scene.load().unwrap().data, Path::new("/home/someone/kept"));
    scene.file("working/convoke.toml", "[store]\ndata = \"beside\"");
    assert_eq!(scene.load().unwrap().data, scene.path("working/beside"));
    let scene = scene.environment("CONVOKE_STORE__DATA", "beside");
    assert_eq!(scene.load().unwrap().data, scene.path("working/beside"));
    let scene = scene.environment("CONVOKE_DATA", "/elsewhere");
    assert_eq!(scene.load().unwrap().data, Path::new("/elsewhere"));
}

#[test]
fn a_path_in_a_file_lies_beside_that_file() {
    let mut scene = Scene::new().environment("HOME", "/home/someone").flag("--set", "backup.folder", "here");
    std::fs::create_dir_all(scene.path("etc")).unwrap();
    for file in ["etc/key.pem", "working/certificate.pem"] {
        scene.file(file, "");
    }
    scene.file("working/convoke.toml", "[server]\ntls_certificate = \"certificate.pem\"\n[backup]\nfolder = \"there\"");
    scene.file("etc/named.toml", "[server]\ntls_key = \"key.pem\"\n[store]\ndata = \"kept\"");
    scene.inputs.file = Some("../etc/named.toml".into());
    let config = scene.load().unwrap().config;
    let shown = |path: &str| scene.path(path).display().to_string();
    assert_eq!(config.server.tls_certificate, shown("working/certificate.pem"));
    assert_eq!(config.server.tls_key, shown("working/../etc/key.pem"));
    assert_eq!(config.store.data, shown("working/../etc/kept"));
    assert_eq!(config.backup.folder, shown("working/here"));
    scene.inputs.data = None;
    assert_eq!(scene.load().unwrap().data, scene.path("working/../etc/kept"));
    scene.inputs.data = Some("~/data".into());
    assert_eq!(scene.load().unwrap().data, Path::new("/home/someone/data"));
}

#[test]
fn what_is_kept_may_be_without_bound_and_no_time_is_too_long_to_reckon_with() {
    let with = |key: &str, value: &str| Scene::new().flag("--set", key, value);
    for key in ["audit_days", "audit_entries", "events_days", "events_entries", "usage_days"] {
        assert!(with(&format!("store.{key}"), "0").load().is_ok(), "{key}");
    }
    let loaded = Scene::new().load().unwrap();
    let values = serde_json::to_value(&loaded.config).unwrap();
    let mut times = 0;
    for (section, members) in values.as_object().unwrap() {
        for name in members.as_object().unwrap().keys() {
            if ["_seconds", "_hours", "_days", "_cap", "_calls", "_bytes", "_lines"]
                .iter()
                .any(|end| name.ends_with(end))
            {
                let said = with(&format!("{section}.{name}"), "9223372036854775807").said();
                assert!(said.contains("must be from"), "{section}.{name}: {said}");
                times += 1;
            }
        }
    }
    assert!(times >= 14, "{times}");
}

#[test]
fn the_schema_is_kept_as_a_file() {
    let text = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/convoke.schema.json");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(file).unwrap_or_default(), text, "run the tests with UPDATE=1");
}

#[test]
fn what_does_not_fit_of_qdrant_is_told_and_no_secret_with_it() {
    let scene = Scene::new().flag("--set", "vectors.backend", "qdrant");
    assert!(scene.said().contains("vectors.url: is missing"), "{}", scene.said());
    let scene = Scene::new()
        .flag("--set", "vectors.backend", "pigeons")
        .flag("--set", "vectors.url", "http://ann:hunter2@a:1")
        .flag("--set", "vectors.api_key_from", "hunter2")
        .flag("--set", "vectors.prefix", "a.b")
        .flag("--set", "vectors.search_seconds", "0");
    let said = scene.said();
    for wanted in [
        "vectors.backend: must be 'embedded' or 'qdrant', not 'pigeons'",
        "must not hold a key: see vectors.api_key_from",
        "vectors.api_key_from: must be 'file:PATH', 'env:VARIABLE' or 'vault:NAME'",
        "vectors.prefix: must be a name",
        "vectors.search_seconds: must be from 1 to 60, not 0",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
    for (url, wanted) in [
        ("grpc://a:6334", "must begin with 'https://'"),
        ("https://a", "must be a host and the port of gRPC"),
        ("https://a:b", "must be a host and the port of gRPC"),
        ("http://far.example:6334", "lies beyond this machine"),
    ] {
        let said = Scene::new().flag("--set", "vectors.url", url).said();
        assert!(said.contains(wanted), "{url}: {said}");
    }
    for url in ["http://localhost:6334", "http://[::1]:6334/", "https://far.example:6334"] {
        let scene = Scene::new().flag("--set", "vectors.url", url).flag("--set", "vectors.backend", "pigeons");
        assert!(!scene.said().contains("vectors.url"), "{}", scene.said());
    }
}

#[test]
fn what_does_not_fit_of_nats_is_told_and_no_secret_with_it() {
    let scene = Scene::new().flag("--set", "events.bus", "nats");
    assert!(scene.said().contains("nats.urls: is missing"), "{}", scene.said());
    let scene = Scene::new()
        .flag("--set", "events.bus", "pigeons")
        .flag(
            "--set",
            "nats.urls",
            "http://a:1, nats://ann:hunter2@a, nats://far.example:4222, tls://far.example, nats://[::1]:1",
        )
        .flag("--set", "nats.login", "smile")
        .flag("--set", "nats.login_from", "hunter2")
        .flag("--set", "nats.tls_ca", "nowhere.pem")
        .flag("--set", "nats.stream", "a.b")
        .flag("--set", "nats.replicas", "6");
    let said = scene.said();
    for wanted in [
        "events.bus: must be 'outbox' or 'nats', not 'pigeons'",
        "'http://a:1' must begin with 'tls://'",
        "must not hold a user or password",
        "'nats://far.example:4222' lies beyond this machine",
        "nats.login: must be 'password', 'token', 'nkey' or 'credentials'",
        "nats.login_from: must be 'file:PATH', 'env:VARIABLE' or 'vault:NAME'",
        "nowhere.pem' cannot be read",
        "nats.stream: must be a name",
        "nats.replicas: must be from 1 to 5, not 6",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    assert!(!said.contains("hunter2") && !said.contains("'tls://far") && !said.contains("::1"), "{said}");
    let scene = Scene::new().flag("--set", "nats.login", "password");
    assert!(scene.said().contains("nats.user: is missing"), "{}", scene.said());
}

#[test]
fn what_does_not_fit_of_the_graph_is_told_and_no_secret_with_it() {
    let scene = Scene::new().flag("--set", "graph.backend", "neo4j");
    assert!(scene.said().contains("graph.url: is missing"), "{}", scene.said());
    let scene = Scene::new()
        .flag("--set", "graph.backend", "paper")
        .flag("--set", "graph.url", "http://a:1")
        .flag("--set", "graph.user", "ann")
        .flag("--set", "graph.password_from", "hunter2")
        .flag("--set", "graph.tls_ca", "nowhere.pem")
        .flag("--set", "graph.space", "a`b")
        .flag("--set", "graph.connections", "1");
    let said = scene.said();
    for wanted in [
        "graph.backend: must be 'records' or 'neo4j', not 'paper'",
        "'http://a:1' must begin with 'bolt+s://'",
        "graph.password_from: must be 'file:PATH', 'env:VARIABLE' or 'vault:NAME'",
        "nowhere.pem' cannot be read",
        "graph.space: must be a name",
        "graph.connections: must be from 2 to 1000, not 1",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
    for (url, wanted) in [
        ("bolt://ann:hunter2@a", "must not hold a user or password"),
        ("bolt://far.example:7687", "lies beyond this machine"),
        ("bolt+s://far.example:none", "must be a host and a port"),
    ] {
        let said = Scene::new().flag("--set", "graph.url", url).said();
        assert!(said.contains(wanted) && !said.contains("hunter2"), "{wanted}: {said}");
    }
}

#[test]
fn calendars_are_named_by_the_operator_and_judged_at_the_start() {
    let scene = Scene::new();
    let text = "[calendars.berlin]\ntimezone = 'Europe/Berlin'\nmonday = ['08:00-12:00']\nholidays = ['12-25']\n";
    std::fs::write(scene.path("working").join(FILE), text).unwrap();
    let loaded = scene.load().unwrap();
    assert_eq!(loaded.config.calendars.names().collect::<Vec<_>>(), ["berlin", "business"]);
    assert!(matches!(loaded.origins["calendars.berlin"], Source::File(_)));
    let text = "[calendars.'a b']\ntimezone = 'UTC'\n[calendars.moon]\ntimezone = 'Moon/Sea'\nmonday = ['late']\n\
                [calendars.x]\nopens = 'never'\n";
    std::fs::write(scene.path("working").join(FILE), text).unwrap();
    let said = scene.said();
    for wanted in
        ["calendars.a b: is no name", "calendars.moon: /timezone there is no time zone", "/monday/0", "unknown field"]
    {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    std::fs::write(scene.path("working").join(FILE), "[calendars]\nberlin = 'Europe/Berlin'\n").unwrap();
    assert!(scene.said().contains("calendars.berlin: must be a table, not a text"), "{}", scene.said());
}
