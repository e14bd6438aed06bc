//! The scene: a vendor, the program, and its peers before the same vendor, each a process of its own.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::asked::Asked;
use super::process::Server;

/// Everybody who is measured, but those that are started when it is their turn.
pub(crate) struct Scene {
    pub(crate) vendor: Server,
    pub(crate) convoke: Server,
    pub(crate) pass: Server,
    _data: tempfile::TempDir,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let vendor = Server::start(&mut example("vendor-double"), /*with_key*/ false);
        let pass = Server::start(example("pass-through").arg(&vendor.url), /*with_key*/ false);
        let data = tempfile::tempdir().unwrap();
        write_provider(data.path(), &vendor.url);
        // A thousand streams run at once here; by default so many would wait for one another.
        let room = [("CONVOKE_MODELS__CALLS_AT_ONCE", "0"), ("CONVOKE_LIMITS__CONCURRENT_CALLS", "4096")];
        let convoke = Server::convoke_with(data.path(), &room);
        let scene = Self { vendor, convoke, pass, _data: data };
        // A budget that holds, so that every call draws on it.
        let budget = json!({ "tokens": 1_000_000_000_000_000_u64, "dollars": "900000000", "period": "month" });
        scene.set("models/budgets/tenant", &budget).await;
        scene
    }

    /// Sets something of the program's.
    pub(crate) async fn set(&self, path: &str, told: &Value) {
        let answer = reqwest::Client::new()
            .put(format!("{}/api/v1/{path}", self.convoke.url))
            .bearer_auth(self.convoke.key.as_ref().unwrap())
            .json(told)
            .send()
            .await
            .unwrap();
        let status = answer.status();
        assert!(status.is_success(), "{status} {}", answer.text().await.unwrap());
    }

    /// The program, by a name of its models or routes.
    pub(crate) fn ours(&self, model: &'static str) -> Asked {
        Asked::new(&self.convoke.url, self.convoke.key.clone(), model)
    }

    /// What hands on and does nothing else.
    pub(crate) fn passed(&self) -> Asked {
        Asked::new(&self.pass.url, None, "bench")
    }

    /// The vendor, without anybody between.
    pub(crate) fn direct(&self) -> Asked {
        Asked::new(&self.vendor.url, None, "bench")
    }

    /// A peer from Python's registry, before the same vendor; nothing where it could not be installed.
    pub(crate) fn python(&self, name: &str, program: &str) -> Option<Server> {
        let setup = Command::new(format!("benches/peers/{name}/setup")).stderr(Stdio::inherit()).output().ok()?;
        if !setup.status.success() {
            eprintln!("{name} could not be installed: skipped");
            return None;
        }
        let interpreter = String::from_utf8(setup.stdout).ok()?;
        let mut command = Command::new(interpreter.trim());
        command.arg(format!("benches/peers/{name}/{program}")).arg(&self.vendor.url).stderr(Stdio::null());
        Some(Server::start(&mut command, /*with_key*/ false))
    }
}

fn write_provider(data: &Path, vendor: &str) {
    let folder = data.join("providers");
    std::fs::create_dir_all(&folder).unwrap();
    let text = format!(
        "name = \"bench\"\ntitle = \"Bench\"\ndialect = \"openai\"\nbase_url = \"{vendor}/v1\"\n\n[[models]]\nname = \"bench\"\n\
         context = 128_000\nmax_output = 16_000\nabilities = [\"chat\", \"streaming\", \"tools\"]\n\
         price = {{ input = \"0.15\", output = \"0.60\" }}\n"
    );
    std::fs::write(folder.join("bench.toml"), text).unwrap();
}

/// An example of this package, built as this benchmark was.
fn example(name: &str) -> Command {
    let built =
        Command::new(env!("CARGO")).args(["build", "--release", "--quiet", "--example", name]).status().unwrap();
    assert!(built.success(), "{name} builds");
    Command::new(super::program().with_file_name("examples").join(name))
}
