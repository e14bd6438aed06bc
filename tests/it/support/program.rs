//! The real program, as people start it: commands that end, servers on a port of their own, clients on standard input.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

/// Longer than anything here takes: only a program that hangs is cut off.
const PATIENCE: Duration = Duration::from_secs(30);

/// A data folder of a test, and the program on it.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    data: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { data: folder.path().join("data"), folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.data.clone()
    }

    /// Gives the data folder a path that is too long for a socket.
    pub(crate) fn lengthen(&mut self) {
        self.data = self.path(&"long".repeat(40)).join("data");
    }

    /// The program with nothing of this machine but the folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.env_clear().env("HOME", self.path("home")).env("CONVOKE_DATA", self.data());
        command.current_dir(self.folder.path()).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran(self.command(arguments).output().unwrap())
    }

    /// Makes a call on the command line that must succeed.
    pub(crate) fn call(&self, tool: &str, input: &Value) -> Value {
        self.run(&["call", tool, &input.to_string()]).json()
    }

    /// Starts a server on a free port.
    pub(crate) fn serve(&self) -> Served {
        self.serve_with(&[])
    }

    /// The same, started otherwise.
    pub(crate) fn serve_with(&self, arguments: &[&str]) -> Served {
        self.serve_among(arguments, &[])
    }

    /// The same, with more in its environment.
    pub(crate) fn serve_among(&self, arguments: &[&str], environment: &[(String, String)]) -> Served {
        let mut all = vec!["serve", "--listen", "127.0.0.1:0"];
        all.extend(arguments);
        let mut child = self.command(&all).envs(environment.iter().cloned()).spawn().unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        let mut served = Served { child, url: String::new(), key: None };
        // The announcement ends with the line that tells of keys.
        loop {
            let line = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no start: {}", served.errors()));
            if let Some((_, url)) = line.split_once("listens on ") {
                url.trim().clone_into(&mut served.url);
            }
            if let Some((_, key)) = line.split_once("shown this once: ") {
                served.key = Some(key.trim().to_owned());
                return served;
            }
            if line.contains("convoke keys reset") {
                return served;
            }
        }
    }

    /// Starts a client on standard input and output, past `initialize`.
    pub(crate) fn stdio(&self, arguments: &[&str]) -> Client {
        let mut client = self.stdio_unopened(arguments);
        client.open();
        client
    }

    pub(crate) fn stdio_unopened(&self, arguments: &[&str]) -> Client {
        let mut all = vec!["stdio"];
        all.extend(arguments);
        let mut child = self.command(&all).stdin(Stdio::piped()).spawn().unwrap();
        let answers = lines_of(child.stdout.take().unwrap());
        let input = child.stdin.take();
        Client { child, input, answers, next: 0 }
    }

    /// The process that owns the data folder, or owned it last. `None` while it is being written.
    pub(crate) fn owner(&self) -> Option<u64> {
        let text = std::fs::read(self.data().join("owner.lock")).unwrap();
        serde_json::from_slice::<Value>(&text).ok()?["pid"].as_u64()
    }
}

/// How a command ended.
pub(crate) struct Ran(pub(crate) Output);

impl Ran {
    pub(crate) fn code(&self) -> i32 {
        self.0.status.code().unwrap()
    }

    pub(crate) fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    pub(crate) fn errors(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    /// What a command that succeeded wrote.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code(), 0, "{}", self.errors());
        serde_json::from_slice(&self.0.stdout).unwrap()
    }

    /// The problem that a command that failed wrote.
    pub(crate) fn problem(&self) -> Value {
        assert_ne!(self.code(), 0, "{}", self.out());
        let errors = self.errors();
        serde_json::from_str(errors.lines().last().unwrap()).unwrap()
    }
}

/// A running server.
pub(crate) struct Served {
    child: Child,
    pub(crate) url: String,
    pub(crate) key: Option<String>,
}

impl Served {
    pub(crate) fn pid(&self) -> u64 {
        self.child.id().into()
    }

    /// Tells it to end.
    pub(crate) fn tell(&self) {
        signal(&self.child, "TERM");
    }

    /// Waits until it has ended, and answers the exit code.
    pub(crate) fn wait(mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap()
    }

    /// Tells it to end, and answers its exit code.
    pub(crate) fn stop(self) -> i32 {
        self.tell();
        self.wait()
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn errors(&mut self) -> String {
        let mut text = String::new();
        let _ = self.child.kill();
        self.child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client of `convoke stdio`.
pub(crate) struct Client {
    child: Child,
    input: Option<ChildStdin>,
    answers: mpsc::Receiver<String>,
    next: u64,
}

impl Client {
    pub(crate) fn pid(&self) -> u64 {
        self.child.id().into()
    }

    pub(crate) fn open(&mut self) -> Value {
        let params = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        });
        let answer = self.ask("initialize", &params);
        self.write(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        answer
    }

    /// Writes a message; false when nobody reads.
    pub(crate) fn write(&mut self, message: &Value) -> bool {
        let input = self.input.as_mut().unwrap();
        input.write_all(format!("{message}\n").as_bytes()).and_then(|()| input.flush()).is_ok()
    }

    /// Sends a request, and answers its id.
    pub(crate) fn send(&mut self, method: &str, params: &Value) -> u64 {
        self.next += 1;
        self.write(&json!({ "jsonrpc": "2.0", "id": self.next, "method": method, "params": params }));
        self.next
    }

    /// The next message that is an answer; `None` when there will be none.
    pub(crate) fn answer(&mut self) -> Option<Value> {
        loop {
            let line = self.answers.recv_timeout(PATIENCE).ok()?;
            let message: Value = serde_json::from_str(&line).unwrap();
            if message.get("method").is_none() {
                return Some(message);
            }
        }
    }

    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Value {
        let id = self.send(method, params);
        let answer = self.answer().unwrap_or_else(|| panic!("no answer: {}", self.errors()));
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    /// Calls a tool through the compact list's `tool_call`.
    pub(crate) fn call(&mut self, tool: &str, input: &Value) -> Value {
        let answer = self.ask("tools/call", &json!({ "name": tool, "arguments": input }));
        assert_eq!(answer["result"]["isError"], false, "{answer}");
        answer["result"]["structuredContent"].clone()
    }

    /// Ends its input.
    pub(crate) fn close_input(&mut self) {
        drop(self.input.take());
    }

    /// Waits until it has ended, and answers the exit code.
    pub(crate) fn wait(mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap()
    }

    /// Ends its input, and answers the exit code.
    pub(crate) fn end(mut self) -> i32 {
        self.close_input();
        self.wait()
    }

    /// Tells it to end, and answers the exit code.
    pub(crate) fn stop(mut self) -> i32 {
        signal(&self.child, "TERM");
        self.child.wait().unwrap().code().unwrap()
    }

    /// Kills it. What it said before can still be read.
    pub(crate) fn kill_now(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn errors(&mut self) -> String {
        let mut text = String::new();
        let _ = self.child.kill();
        self.child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program: this build's, or another that `CONVOKE_PROGRAM` names, such as one to be released.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("CONVOKE_PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_convoke").into(), PathBuf::from)
}

/// Sends a signal to a process that the test started.
fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Lines as they come; the channel ends with the stream.
fn lines_of(stream: impl std::io::Read + Send + 'static) -> mpsc::Receiver<String> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { break };
            if tell.send(line).is_err() {
                break;
            }
        }
    });
    told
}

/// The text of a file.
pub(crate) fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}
