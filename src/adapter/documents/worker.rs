//! Reading in a process of its own: the program starts itself, hands over the bytes, and takes what was read. The process has
//! bounds of memory and time that it cannot lift, an environment of a few names, and is killed with all that it started when it has
//! answered or its time is up.

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::kernel::tasks::blocking;
use crate::port::documents::{Documents, Hints, Limits, ParseFault, Parsed, Source};

/// The hidden command that the program reads a document by.
pub const COMMAND: &str = "read-document";

/// What comes out is text with its places: some times the text's size, for escapes and blocks.
const MOST_OUTPUT: u64 = 512 << 20;
/// So long a process may take beyond its time to say so itself.
const GRACE: Duration = Duration::from_millis(500);
/// Variables that the process keeps: where programs, the data of the one that recognises text, and files that are needed for a while lie.
const KEPT: &[&str] = &["PATH", "TESSDATA_PREFIX", "TMPDIR", "SYSTEMROOT"];

/// Reads documents in processes of their own, some at once.
pub struct Worker {
    program: PathBuf,
    turns: Arc<Semaphore>,
}

/// What the process is told before the bytes.
#[derive(Serialize, Deserialize)]
struct Order {
    hints: Hints,
    limits: Limits,
}

impl Default for Worker {
    fn default() -> Self {
        // On Linux this names the very file that runs, also after another was put in its place.
        let itself = PathBuf::from("/proc/self/exe");
        Self::of(if itself.exists() { itself } else { std::env::current_exe().unwrap_or_default() })
    }
}

impl Worker {
    /// Reads by starting this program.
    #[must_use]
    pub fn of(program: PathBuf) -> Self {
        Self::of_some(program, std::thread::available_parallelism().map_or(2, std::num::NonZero::get))
    }

    /// Reads by starting this program so many times at once.
    #[must_use]
    pub fn of_some(program: PathBuf, at_once: usize) -> Self {
        Self { program, turns: Arc::new(Semaphore::new(at_once)) }
    }
}

#[async_trait]
impl Documents for Worker {
    async fn parse(&self, source: Source, hints: Hints, limits: Limits) -> Result<Parsed, ParseFault> {
        // Waiting for the turn takes nothing from the time that reading may take: how many others wait says nothing of a document.
        // Whoever asks waits no longer all the same, and a process that nobody waits for would keep the turn from others.
        let asked = Instant::now();
        let waited = tokio::time::timeout(limits.patience, self.turns.clone().acquire_owned()).await;
        let left = limits.patience.saturating_sub(asked.elapsed());
        let (Ok(turn), false) = (waited, left.is_zero()) else {
            let seconds = limits.patience.as_secs();
            return Err(ParseFault::Unavailable(format!("no reader had a turn free within {seconds} seconds")));
        };
        let limits = Limits { time: limits.time.min(left), ..limits };
        let program = self.program.clone();
        // The turn is over when the process is, whoever still waits for it.
        let read = blocking(move || {
            let _turn = turn;
            run(&program, source, &Order { hints, limits })
        });
        read.await.unwrap_or_else(|| {
            Err(ParseFault::Unavailable("the thread that waits for the reader broke down".to_owned()))
        })
    }
}

fn run(program: &PathBuf, source: Source, order: &Order) -> Result<Parsed, ParseFault> {
    let unavailable =
        |error: &dyn std::fmt::Display| ParseFault::Unavailable(format!("the reader cannot be started: {error}"));
    let time = order.limits.time;
    let head = serde_json::to_vec(order).map_err(|error| unavailable(&error))?;
    let mut child = start(program).map_err(|error| unavailable(&error))?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let (Some(mut input), Some(output)) = (input, output) else { return Err(unavailable(&"it has no pipes")) };
    std::thread::spawn(move || {
        let length = u32::try_from(head.len()).unwrap_or(u32::MAX);
        // One that ends before it has read everything has said why.
        let _ =
            input.write_all(&length.to_le_bytes()).and_then(|()| input.write_all(&head)).and_then(|()| match source {
                Source::Bytes(bytes) => input.write_all(&bytes),
                Source::File(path) => {
                    File::open(path).and_then(|mut file| std::io::copy(&mut file, &mut input).map(|_| ()))
                }
            });
    });
    let (sends, read) = mpsc::channel();
    std::thread::spawn(move || {
        let mut answer = Vec::new();
        // What is cut off is no answer.
        let _ = output.take(MOST_OUTPUT).read_to_end(&mut answer);
        let _ = sends.send(answer);
    });
    let answer = read.recv_timeout(time + GRACE);
    let in_time = answer.is_ok();
    // It has said everything or its time is up; what it may have started goes with it.
    kill(&mut child, !in_time);
    let status = child.wait();
    if !in_time {
        return Err(ParseFault::TimedOut(time));
    }
    let answer = answer.unwrap_or_default();
    if !answer.is_empty()
        && let Ok(answer) = serde_json::from_slice(&answer)
    {
        return answer;
    }
    Err(status.map_or_else(|error| unavailable(&error), |status| ended(status, time)))
}

fn start(program: &PathBuf) -> std::io::Result<Child> {
    let mut command = Command::new(program);
    command.arg(COMMAND).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).env_clear();
    // The allocator takes a gibibyte of addresses ahead of need, which would count.
    command.env("MIMALLOC_ARENA_RESERVE", "32768");
    command.envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt as _;
        command.arg0("convoke-reader").process_group(0);
    }
    command.spawn()
}

/// Kills the group of the process: itself, which has answered or has no more time, and what it started. Where there are no groups it
/// is killed when its time is up, and else ends by itself.
fn kill(child: &mut Child, late: bool) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        // There may be nobody left.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    if late {
        let _ = child.kill();
    }
}

/// What a process that gave no answer died of.
fn ended(status: ExitStatus, time: Duration) -> ParseFault {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt as _;
        match status.signal() {
            // Aborted: no memory was left for it, of its heap or of its stack.
            Some(6) => return ParseFault::TooLarge("reading it takes more memory than a document may".to_owned()),
            // The time of its processor was up (SIGXCPU).
            Some(24) => return ParseFault::TimedOut(time),
            Some(signal) => return ParseFault::Unreadable(format!("the reader broke down on it (signal {signal})")),
            None => {}
        }
    }
    let _ = time;
    ParseFault::Unreadable(format!("the reader broke down on it ({status})"))
}

/// Serves as the process: reads one document and writes what was read of it.
///
/// # Errors
/// When nothing comes in or the answer cannot be written.
pub fn serve(mut input: impl Read, mut output: impl Write) -> std::io::Result<()> {
    let mut length = [0; 4];
    input.read_exact(&mut length)?;
    let mut head = Vec::new();
    input.by_ref().take(u64::from(u32::from_le_bytes(length))).read_to_end(&mut head)?;
    let order: Order = serde_json::from_slice(&head)?;
    let answer = confine(&order.limits).and_then(|()| {
        let mut bytes = Vec::new();
        input
            .read_to_end(&mut bytes)
            .map_err(|error| ParseFault::unreadable(format!("it did not come whole: {error}")))?;
        super::parse(&bytes, &order.hints, &order.limits)
    });
    let mut output = std::io::BufWriter::new(&mut output);
    serde_json::to_writer(&mut output, &answer)?;
    output.flush()
}

/// Bounds what this process may take, for good.
#[cfg(unix)]
fn confine(limits: &Limits) -> Result<(), ParseFault> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let bound = |resource, current, most| {
        setrlimit(resource, Rlimit { current: Some(current), maximum: Some(most) })
            .map_err(|error| ParseFault::Unavailable(format!("the reader cannot be bounded: {error}")))
    };
    // Elsewhere a process has more addresses than it may be bound to from the start.
    if cfg!(target_os = "linux") {
        let most = addresses() + limits.memory;
        bound(Resource::As, most, most)?;
    }
    bound(Resource::Core, 0, 0)?;
    // The lower bound tells by its signal what it is; at the upper one a process is killed like by anybody.
    bound(Resource::Cpu, limits.time.as_secs() + 1, limits.time.as_secs() + 2)
}

/// How many bytes of addresses this process has before it reads anything: the program itself.
#[cfg(unix)]
fn addresses() -> u64 {
    let pages =
        std::fs::read_to_string("/proc/self/statm").ok().and_then(|line| line.split(' ').next()?.parse::<u64>().ok());
    pages.unwrap_or(0).saturating_mul(rustix::param::page_size() as u64)
}

/// Bounds what this process may take, for good.
#[cfg(not(unix))]
fn confine(_: &Limits) -> Result<(), ParseFault> {
    Err(ParseFault::Unavailable(
        "documents are read on Unix only: what a reader takes cannot be bounded here".to_owned(),
    ))
}
