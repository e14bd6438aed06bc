//! Neo4j for tests: the server that the environment names, with a space of a test's own, and a server of a test's own, which it may stop and pause.

use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use convoke::adapter::graph::neo4j::{Address, Settings};
use convoke::kernel::id::new_uuid;
use convoke::kernel::secret::Secret;
use convoke::kernel::time::Timestamp;

use super::servers::named;

/// The server that tests may write to, as a URL; made by `scripts/services`.
pub(crate) const NEO4J: &str = "NEO4J_URL";

/// Longer than a start takes.
const PATIENCE: Duration = Duration::from_mins(2);

/// Settings of a graph in a new space.
pub(crate) fn settings(url: &str) -> Settings {
    let space = format!("T{}", new_uuid(Timestamp::from_millis(0)).simple());
    let address = Address {
        url: url.to_owned(),
        database: String::new(),
        user: String::new(),
        password: Secret::new(String::new()),
        authority: None,
        connections: 4,
    };
    // On a machine that does much else a server may take long to plan what it was never asked.
    Settings { address, space, installation: "test".to_owned(), patience: Duration::from_secs(15) }
}

/// A server of a test's own.
pub(crate) struct OwnNeo4j {
    run: String,
    folder: tempfile::TempDir,
    port: u16,
    child: Mutex<Option<Child>>,
}

impl OwnNeo4j {
    /// A new one, `None` where the test is to be left out.
    pub(crate) fn start() -> Option<Self> {
        let run = named("NEO4J_RUN", "neo4j")?;
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { run, folder, port, child: Mutex::default() };
        server.up();
        Some(server)
    }

    /// Starts it, after it was stopped too, and waits until it answers.
    pub(crate) fn up(&self) {
        let ready = self.folder.path().join("ready");
        let _ = std::fs::remove_file(&ready);
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        let mut command = Command::new(&self.run);
        command.arg(self.folder.path().join("data")).arg(self.port.to_string()).arg(&ready);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        *self.child.lock().unwrap() = Some(command.spawn().unwrap());
        let began = Instant::now();
        while !ready.exists() {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(began.elapsed() < PATIENCE, "Neo4j does not start: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Ends it, takes all it has stored, and starts it again.
    pub(crate) fn lose(&self) {
        self.kill();
        std::fs::remove_dir_all(self.folder.path().join("data")).unwrap();
        self.up();
    }

    /// Stops it where it stands, or lets it go on.
    pub(crate) fn pause(&self, paused: bool) {
        if let Some(child) = self.child.lock().unwrap().as_ref() {
            let signal = if paused { "-STOP" } else { "-CONT" };
            assert!(Command::new("kill").arg(signal).arg(child.id().to_string()).status().unwrap().success());
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("bolt://127.0.0.1:{}", self.port)
    }
}

impl Drop for OwnNeo4j {
    fn drop(&mut self) {
        self.kill();
    }
}
