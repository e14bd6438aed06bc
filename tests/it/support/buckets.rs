//! Places in object stores that tests may write to: each test has a part of a bucket of its own. A test whose server nobody
//! named is left out; where `REQUIRE` names `s3`, that is a failure.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use convoke::adapter::keys::ProcessEnvironment;
use convoke::adapter::objects::{Access, ObjectPlace};
use convoke::config::Config;
use convoke::kernel::bucket::Bucket;
use convoke::kernel::clock::SystemClock;
use convoke::kernel::secret::Secret;
use convoke::port::objects::Objects;

use super::servers::named;

/// A server, and who may write there.
#[derive(Clone)]
pub(crate) struct Server {
    /// `s3` or `az`.
    scheme: &'static str,
    pub(crate) url: String,
    pub(crate) key_id: String,
    pub(crate) secret: String,
    bucket: String,
}

/// A part of a bucket that nobody else uses.
#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) server: Server,
    pub(crate) bucket: Bucket,
}

impl Part {
    /// A new one, `None` where there is no server.
    pub(crate) fn find() -> Option<Self> {
        Self::find_in("S3_BUCKET")
    }

    /// A new one in a bucket that locks objects.
    pub(crate) fn find_locked() -> Option<Self> {
        Self::find_in("S3_LOCKED_BUCKET")
    }

    /// A new one of Azure's, on its maker's emulator.
    pub(crate) fn find_azure() -> Option<Self> {
        let (key_id, url) = (named("AZURE_ACCOUNT", "azure")?, named("AZURE_URL", "azure")?);
        let (secret, bucket) = (named("AZURE_KEY", "azure")?, "convoke".to_owned());
        Some(Server { scheme: "az", url, key_id, secret, bucket }.part())
    }

    fn find_in(bucket: &str) -> Option<Self> {
        let value = |variable: &str| named(variable, "s3");
        let server = Server {
            scheme: "s3",
            url: value("S3_URL")?,
            key_id: value("S3_KEY_ID")?,
            secret: value("S3_SECRET")?,
            bucket: value(bucket)?,
        };
        Some(server.part())
    }

    /// How it is reached.
    pub(crate) fn access(&self) -> Access {
        Access {
            endpoint: Some(self.server.url.clone()),
            region: String::new(),
            credentials: Some(Secret::new(self.credentials())),
            environment: Arc::new(ProcessEnvironment),
            authority: None,
            retain_days: 0,
            clock: Arc::new(SystemClock),
        }
    }

    pub(crate) fn scheme(&self) -> &'static str {
        self.server.scheme
    }

    pub(crate) fn credentials(&self) -> String {
        format!("{}:{}", self.server.key_id, self.server.secret)
    }

    pub(crate) fn objects(&self) -> Arc<dyn Objects> {
        self.objects_with(|_| {})
    }

    pub(crate) fn objects_with(&self, alter: impl FnOnce(&mut Access)) -> Arc<dyn Objects> {
        let mut access = self.access();
        alter(&mut access);
        Arc::new(ObjectPlace::new(self.bucket.clone(), &access).unwrap())
    }

    /// Lets a configuration reach it. The credentials go into a file.
    pub(crate) fn reached_by(&self, config: &mut Config, data: &std::path::Path) {
        std::fs::create_dir_all(data).unwrap();
        let file = data.join("objects.credentials");
        std::fs::write(&file, self.credentials()).unwrap();
        config.objects.endpoint.clone_from(&self.server.url);
        config.objects.credentials = format!("file:{}", file.display());
    }
}

impl Server {
    fn part(&self) -> Part {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let nanos = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("test-{}-{nanos}-{count}/below", std::process::id());
        let bucket = Bucket::parse(&format!("{}://{}/{prefix}", self.scheme, self.bucket)).unwrap();
        Part { server: self.clone(), bucket }
    }
}

/// A server of a test's own, which it may stop, pause and start again on what it had.
pub(crate) struct OwnS3 {
    bin: String,
    folder: tempfile::TempDir,
    port: u16,
    /// It speaks TLS.
    is_encrypted: bool,
    running: Option<Child>,
}

impl OwnS3 {
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(false)
    }

    /// One that speaks TLS, with a certificate that nobody else has signed. Answers the file with it.
    pub(crate) fn start_encrypted() -> Option<(Self, std::path::PathBuf)> {
        let server = Self::start_with(true)?;
        let certificate = server.folder.path().join("own.pem");
        Some((server, certificate))
    }

    fn start_with(is_encrypted: bool) -> Option<Self> {
        let bin = named("S3_BIN", "s3")?;
        let folder = tempfile::tempdir().unwrap();
        // A bucket is a folder.
        std::fs::create_dir_all(folder.path().join("buckets/own")).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if is_encrypted {
            let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
            std::fs::write(folder.path().join("own.pem"), made.cert.pem()).unwrap();
            std::fs::write(folder.path().join("own.key"), made.signing_key.serialize_pem()).unwrap();
        }
        let mut server = Self { bin, folder, port, is_encrypted, running: None };
        server.up();
        Some(server)
    }

    /// Starts it, after it was stopped too; it listens when this returns.
    pub(crate) fn up(&mut self) {
        let mut command = Command::new(&self.bin);
        command.env("ROOT_ACCESS_KEY", "own").env("ROOT_SECRET_KEY", "own-secret");
        command.args(["--port", &format!("127.0.0.1:{}", self.port), "--quiet"]);
        if self.is_encrypted {
            let file = |name| self.folder.path().join(name).display().to_string();
            command.args(["--cert", &file("own.pem"), "--key", &file("own.key")]);
        }
        command.arg("posix").arg(self.folder.path().join("buckets"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.running = Some(command.spawn().unwrap());
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the S3 server does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn down(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill().unwrap();
            running.wait().unwrap();
        }
    }

    pub(crate) fn part(&self) -> Part {
        let server = Server {
            scheme: "s3",
            url: if self.is_encrypted {
                format!("https://localhost:{}", self.port)
            } else {
                format!("http://127.0.0.1:{}", self.port)
            },
            key_id: "own".to_owned(),
            secret: "own-secret".to_owned(),
            bucket: "own".to_owned(),
        };
        server.part()
    }

    /// The file in which an object lies, which a test may damage.
    pub(crate) fn file_of(&self, part: &Part, name: &str) -> std::path::PathBuf {
        self.folder.path().join("buckets/own").join(&part.bucket.prefix).join(name)
    }
}

impl Drop for OwnS3 {
    fn drop(&mut self) {
        self.down();
    }
}
