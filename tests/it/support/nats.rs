//! A NATS server of a test's own, which it may stop, pause and rob of its folder.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use convoke::adapter::nats::{Address, Login, NatsBus, Settings};
use convoke::kernel::id::new_uuid;
use convoke::kernel::time::Timestamp;
use convoke::port::bus::Bus as _;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::servers::named;
use super::wire::Wire;

/// The server that tests may make streams on, as a URL; made by `scripts/services`.
pub(crate) const NATS: &str = "NATS_URL";

/// Longer than a start takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server of a test's own.
pub(crate) struct OwnNats {
    bin: String,
    folder: tempfile::TempDir,
    port: u16,
    /// What its configuration says besides where it is.
    config: String,
    child: Mutex<Option<Child>>,
    /// The wire that it is reached by, where it is one that can be cut.
    wire: Option<Wire>,
}

impl OwnNats {
    /// A new one, `None` where the test is to be left out.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(|_| String::new())
    }

    /// The same, with more in its configuration, which may name files in its folder.
    pub(crate) fn start_with(config: impl FnOnce(&Path) -> String) -> Option<Self> {
        Self::start_by(None, config)
    }

    /// One that is reached over a wire that can be cut.
    pub(crate) fn start_behind(wire: Wire) -> Option<Self> {
        Self::start_by(Some(wire), |_| String::new())
    }

    fn start_by(wire: Option<Wire>, config: impl FnOnce(&Path) -> String) -> Option<Self> {
        let bin = named("NATS_BIN", "nats")?;
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = config(folder.path());
        let server = Self { bin, folder, port, config, child: Mutex::default(), wire };
        server.up();
        Some(server)
    }

    /// Cuts the wire to it, or mends it.
    pub(crate) fn cut(&self, cut: bool) {
        self.wire.as_ref().expect("a server behind a wire").cut(cut);
    }

    /// Starts it, after it was stopped too, and waits until it takes connections.
    pub(crate) fn up(&self) {
        let file = self.folder.path().join("server.conf");
        let store = self.store();
        let text = format!(
            "listen: \"{}:{}\"\njetstream {{ store_dir: \"{}\" }}\n{}\n",
            self.wire.as_ref().map_or_else(|| "127.0.0.1".to_owned(), Wire::there),
            self.port,
            store.display(),
            self.config
        );
        std::fs::write(&file, text).unwrap();
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        let mut command = match &self.wire {
            Some(wire) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", wire.name(), &self.bin]);
                command
            }
            None => Command::new(&self.bin),
        };
        command.arg("-c").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        *self.child.lock().unwrap() = Some(command.spawn().unwrap());
        let began = std::time::Instant::now();
        while !self.log().contains("Server is ready") {
            assert!(began.elapsed() < PATIENCE, "NATS does not start: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("jetstream")
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
        std::fs::remove_dir_all(self.store()).unwrap();
        self.up();
    }

    /// Stops it where it stands, or lets it go on.
    pub(crate) fn pause(&self, paused: bool) {
        if let Some(child) = self.child.lock().unwrap().as_ref() {
            let signal = if paused { "-STOP" } else { "-CONT" };
            assert!(Command::new("kill").arg(signal).arg(child.id().to_string()).status().unwrap().success());
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn url(&self) -> String {
        let host = self.wire.as_ref().map_or_else(|| "localhost".to_owned(), Wire::there);
        format!("nats://{host}:{}", self.port)
    }
}

impl Drop for OwnNats {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Settings of a bus on a server, with a stream of its own.
pub(crate) fn settings(url: &str) -> Settings {
    let run = new_uuid(Timestamp::from_millis(0));
    Settings {
        address: Address { urls: vec![url.to_owned()], authority: None, login: Login::Nobody },
        stream: format!("test-{}", new_uuid(Timestamp::from_millis(0)).simple()),
        replicas: 1,
        keep: Duration::from_hours(1),
        most_bytes: None,
        installation: "0a1b2c".to_owned(),
        voice: "0a1b2c".to_owned(),
        instance: run,
        tail_events: 10_000,
    }
}

/// A bus at work, which ends without a word when this goes.
pub(crate) struct Working {
    pub(crate) bus: Arc<NatsBus>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Working {
    pub(crate) fn of(bus: NatsBus) -> Self {
        let (bus, stop) = (Arc::new(bus), CancellationToken::new());
        let task = tokio::spawn(bus.clone().work(stop.clone()));
        Self { bus, stop, task }
    }

    /// Ends it as the program's end does.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        (&mut self.task).await.unwrap();
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.task.abort();
    }
}
