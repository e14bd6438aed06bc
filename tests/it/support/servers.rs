//! Servers that tests need and that are no part of the program. A test whose server nobody named is left out and says so;
//! where `REQUIRE` names it, that is a failure. The same holds for rights that a test needs.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use convoke::adapter::postgres::Address;
use convoke::kernel::secret::Secret;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

use super::wire::Wire;

/// The server that tests may make databases on, as a URL; made by `scripts/services`.
pub(crate) const POSTGRES: &str = "POSTGRES_URL";

/// A Qdrant server's address for gRPC.
pub(crate) const QDRANT: &str = "QDRANT_URL";

/// The URL of a kind of server, `None` where the test is to be left out.
pub(crate) fn named(variable: &str, name: &str) -> Option<String> {
    if let Ok(url) = std::env::var(variable) {
        return Some(url);
    }
    left_out(name, &format!("{variable} is not set"));
    None
}

/// What lets one mount file systems and make networks, as `REQUIRE` names it.
pub(crate) const ROOT: &str = "root";

/// Says that a test is left out because of something that this machine lacks.
pub(crate) fn left_out(lacking: &str, why: &str) {
    let required = std::env::var("REQUIRE").unwrap_or_default();
    assert!(!required.split(',').any(|one| one.trim() == lacking), "REQUIRE names {lacking}, and {why}");
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    // Not through the harness, which would keep it to itself where nothing fails.
    let _ = writeln!(std::io::stderr(), "left out, {why}: {test}");
}

/// A database of its own on the server, gone when this goes.
pub(crate) struct Database {
    server: String,
    name: String,
    made: tokio::sync::OnceCell<()>,
}

impl Database {
    /// A new one, `None` where there is no server.
    pub(crate) fn find() -> Option<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let server = named(POSTGRES, "postgres")?;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("convoke_test_{}_{count}", std::process::id());
        Some(Self { server, name, made: tokio::sync::OnceCell::new() })
    }

    /// Its URL; makes it when it is not there.
    pub(crate) async fn url(&self) -> String {
        self.made
            .get_or_init(|| async {
                let admin = client(&self.server).await;
                admin.batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)).await.unwrap();
                let text = format!("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'", self.name);
                admin.batch_execute(&text).await.unwrap();
            })
            .await;
        let (place, _) = self.server.rsplit_once('/').expect("a URL with a database");
        format!("{place}/{}", self.name)
    }

    /// Its address, as a store takes it.
    pub(crate) async fn address(&self) -> Address {
        Address { url: Secret::new(self.url().await), password: None, authority: None }
    }

    /// A plain connection to it, as `psql` would have one.
    pub(crate) async fn client(&self) -> Client {
        client(&self.url().await).await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if !self.made.initialized() {
            return;
        }
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                dropped(&client(&server).await, &name).await;
            });
        });
        // A test that failed has said so already.
        let _ = dropping.join();
    }
}

impl Database {
    /// Makes it anew, with nothing in it. Whoever uses it is cut off.
    pub(crate) async fn empty(&self) {
        self.url().await;
        let name = &self.name;
        let admin = client(&self.server).await;
        dropped(&admin, name).await;
        admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")).await.unwrap();
    }
}

/// Drops a database. The server's own upkeep may be at work in it, which only a superuser may end: it is waited for.
async fn dropped(admin: &Client, name: &str) {
    let dropping = async {
        while let Err(error) = admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await {
            assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{error}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), dropping).await.expect("the database is dropped");
}

/// Somebody who may do everything at the server, with the programs that come with it.
pub(crate) struct Superuser {
    bin: String,
}

impl Superuser {
    /// `None` where the test is to be left out.
    pub(crate) fn find() -> Option<Self> {
        Some(Self { bin: named("POSTGRES_BIN", "postgres")? })
    }

    /// Runs statements with `psql`, all in one session.
    pub(crate) fn psql(&self, url: &str, statements: &[&str]) {
        let mut arguments = vec!["-X", "-q", "-v", "ON_ERROR_STOP=1"];
        for statement in statements {
            arguments.extend(["-c", statement]);
        }
        self.run("psql", url, &arguments);
    }

    /// What `psql` says to statements that it does not carry out.
    pub(crate) fn refused(&self, url: &str, statements: &[&str]) -> String {
        let mut arguments = vec!["-X", "-q", "-v", "ON_ERROR_STOP=1"];
        for statement in statements {
            arguments.extend(["-c", statement]);
        }
        let ran = self.ran("psql", url, &arguments);
        assert!(!ran.status.success(), "{statements:?} was carried out");
        String::from_utf8_lossy(&ran.stderr).into_owned()
    }

    /// Writes a database down as statements.
    pub(crate) fn dump(&self, url: &str, file: &Path) {
        self.run("pg_dump", url, &["-f", &file.display().to_string()]);
    }

    /// Makes an empty database what was written down.
    pub(crate) fn load(&self, url: &str, file: &Path) {
        self.run("psql", url, &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", &file.display().to_string()]);
    }

    fn run(&self, program: &str, url: &str, arguments: &[&str]) {
        let ran = self.ran(program, url, arguments);
        assert!(ran.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    }

    fn ran(&self, program: &str, url: &str, arguments: &[&str]) -> std::process::Output {
        let (_, place) = url.split_once('@').expect("a URL with a user");
        let url = format!("postgres://postgres@{place}");
        Command::new(format!("{}/{program}", self.bin)).args(arguments).arg("-d").arg(url).output().unwrap()
    }
}

async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A PostgreSQL server of a test's own, which it may stop, kill and fill up. `None` where the test is to be left out.
pub(crate) struct OwnServer {
    bin: String,
    folder: tempfile::TempDir,
    port: u16,
    wire: Option<Wire>,
}

impl OwnServer {
    pub(crate) fn start() -> Option<Self> {
        Self::start_behind(None)
    }

    /// One that is reached over a wire that can be cut, where one is given.
    pub(crate) fn start_behind(wire: Option<Wire>) -> Option<Self> {
        let bin = named("POSTGRES_BIN", "postgres")?;
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { bin, folder, port, wire };
        if is_root() {
            assert!(Command::new("chown").arg("nobody").arg(server.folder.path()).status().unwrap().success());
        }
        let data = server.data();
        server.run("initdb", &["-D", &data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"]);
        if let Some(wire) = &server.wire {
            let rights = PathBuf::from(&data).join("pg_hba.conf");
            let text = std::fs::read_to_string(&rights).unwrap();
            std::fs::write(&rights, format!("{text}\nhost all all {}/30 trust\n", wire.there())).unwrap();
        }
        server.up();
        Some(server)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it, after it was stopped too.
    pub(crate) fn up(&self) {
        let (port, folder) = (self.port, self.folder.path().display());
        let options = format!("-p {port} -k {folder} -c listen_addresses={}", self.address());
        let log = self.folder.path().join("log").display().to_string();
        self.run("pg_ctl", &["-D", &self.data(), "-w", "-l", &log, "-o", &options, "start"]);
    }

    /// Lets it speak TLS, and nothing else, with a certificate for `localhost`, which is answered in PEM.
    pub(crate) fn encrypt(&self) -> String {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let data = PathBuf::from(self.data());
        let settings = std::fs::read_to_string(data.join("postgresql.conf")).unwrap();
        let settings = format!("{settings}\nssl = on\nssl_cert_file = 'own.pem'\nssl_key_file = 'own.key'\n");
        let files = [
            ("own.pem", made.cert.pem()),
            ("own.key", made.signing_key.serialize_pem()),
            ("postgresql.conf", settings),
            ("pg_hba.conf", "hostssl all all 127.0.0.1/32 trust\nlocal all all trust\n".to_owned()),
        ];
        for (name, text) in files {
            let file = data.join(name);
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            if is_root() {
                assert!(Command::new("chown").arg("nobody").arg(&file).status().unwrap().success());
            }
        }
        self.crash();
        self.up();
        made.cert.pem()
    }

    /// Stops it as a crash does.
    pub(crate) fn crash(&self) {
        self.run("pg_ctl", &["-D", &self.data(), "-w", "-m", "immediate", "stop"]);
    }

    /// Stops all its processes where they stand, or lets them go on.
    pub(crate) fn pause(&self, paused: bool) {
        let pid = std::fs::read_to_string(Path::new(&self.data()).join("postmaster.pid")).unwrap();
        let pid = pid.lines().next().unwrap().to_owned();
        let children = Command::new("pgrep").args(["-P", &pid]).output().unwrap();
        let children = String::from_utf8(children.stdout).unwrap();
        let signal = if paused { "-STOP" } else { "-CONT" };
        // Some of them may have ended since.
        let _ =
            Command::new("kill").arg(signal).args(children.split_whitespace()).arg(pid).stderr(Stdio::null()).status();
    }

    pub(crate) fn url(&self, database: &str) -> String {
        // Within this machine nobody listens; what is far would be spoken to encrypted.
        let mode = if self.wire.is_some() { "?sslmode=disable" } else { "" };
        format!("postgres://postgres@{}:{}/{database}{mode}", self.address(), self.port)
    }

    fn address(&self) -> String {
        self.wire.as_ref().map_or_else(|| "127.0.0.1".to_owned(), Wire::there)
    }

    /// Its address by its socket, which no wire leads to.
    pub(crate) fn socket(&self, database: &str) -> String {
        format!("host={} port={} user=postgres dbname={database}", self.folder.path().display(), self.port)
    }

    /// Cuts the wire to it, or mends it.
    pub(crate) fn cut(&self, cut: bool) {
        self.wire.as_ref().expect("a server behind a wire").cut(cut);
    }

    pub(crate) async fn client(&self, database: &str) -> Client {
        client(&self.url(database)).await
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let program = format!("{}/{program}", self.bin);
        let mut words = Vec::new();
        if let Some(wire) = &self.wire {
            words.extend(["ip", "netns", "exec", wire.name()]);
        }
        if is_root() {
            words.extend(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]);
        }
        words.push(&program);
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        command.args(arguments).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        assert!(command.status().unwrap().success(), "{program} {arguments:?}");
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let stopped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            self.pause(false);
            self.crash();
        }));
        // A test that stopped it itself leaves nothing to stop.
        drop(stopped);
    }
}

fn is_root() -> bool {
    let own = std::fs::metadata("/proc/self").map(|own| std::os::unix::fs::MetadataExt::uid(&own));
    own.is_ok_and(|uid| uid == 0)
}
