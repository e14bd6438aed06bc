//! Processes under measurement: started, asked for their CPU time and memory, ended.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A server in a process of its own.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) url: String,
    /// The administrator's key, where it printed one.
    pub(crate) key: Option<String>,
}

impl Server {
    /// Starts a command that prints its address, and then its key where it has one.
    pub(crate) fn start(command: &mut Command, with_key: bool) -> Self {
        let mut child = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let (mut url, mut key) = (None, None);
        while url.is_none() || (with_key && key.is_none()) {
            let mut line = String::new();
            if lines.read_line(&mut line).unwrap() == 0 {
                break;
            }
            for word in line.split_whitespace() {
                let word = word.trim_matches(|letter: char| "'\"`.,".contains(letter));
                if url.is_none() && (word.starts_with("http://127.0.0.1") || word.starts_with("http://localhost")) {
                    url = Some(word.trim_end_matches('/').trim_end_matches("/mcp").to_owned());
                }
                if key.is_none() && word.starts_with("cvk_") {
                    key = Some(word.to_owned());
                }
            }
        }
        // What it prints later is not read, and must not fill the pipe.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        Self { child, url: url.expect("the server prints its address"), key }
    }

    /// Starts the program on a data folder with limits out of the way.
    pub(crate) fn convoke(data: &Path) -> Self {
        Self::convoke_with(data, &[])
    }

    /// The same, with settings in the environment.
    pub(crate) fn convoke_with(data: &Path, settings: &[(&str, &str)]) -> Self {
        Self::start(&mut Self::command(data, settings), /*with_key*/ true)
    }

    /// What starts it on a data folder. It prints a key only where there is no administrator yet.
    pub(crate) fn command(data: &Path, settings: &[(&str, &str)]) -> Command {
        let mut command = Command::new(super::program());
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .env("CONVOKE_LIMITS__READS_PER_MINUTE", "4000000000")
            .env("CONVOKE_LIMITS__WRITES_PER_MINUTE", "4000000000")
            .env("CONVOKE_LOGGING__LEVEL", "warn")
            .envs(settings.iter().copied())
            .stderr(Stdio::inherit());
        command
    }

    /// CPU time of all its threads so far, ended ones included.
    pub(crate) fn cpu(&self) -> Duration {
        cpu_of(self.child.id())
    }

    /// Resident memory in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

/// CPU time of all threads of a process so far, ended ones included.
pub(crate) fn cpu_of(process: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let after = stat.rsplit_once(") ").unwrap().1;
    let fields: Vec<&str> = after.split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    // Linux counts these in hundredths of a second on every architecture.
    Duration::from_millis(ticks * 10)
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
