//! Master keys that a command writes to its standard output, such as the client of a key store.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::parse;
use crate::kernel::cipher::CipherKey;
use crate::kernel::tasks;
use crate::port::secrets::{KeyFault, MasterKeys};

/// So long a command may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// No list of keys is longer.
const LONGEST: u64 = 64 << 10;

/// A command that tells master keys.
#[derive(Debug, Clone)]
pub struct KeyCommand {
    words: Vec<String>,
}

impl KeyCommand {
    /// A program and its arguments, apart by spaces. No shell reads them.
    #[must_use]
    pub fn new(line: &str) -> Self {
        Self { words: line.split_whitespace().map(str::to_owned).collect() }
    }

    fn run(&self) -> Result<Vec<CipherKey>, KeyFault> {
        let unusable = |why: String| KeyFault::Unusable(format!("{} {why}", self.place()));
        let Some((program, arguments)) = self.words.split_first() else {
            return Err(KeyFault::Unusable("the command of the master key is empty".to_owned()));
        };
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| unusable(format!("cannot be started: {error}")))?;
        let output = child.stdout.take();
        // Read beside the waiting: a command that writes much must not wait for its reader.
        let reading = std::thread::spawn(move || {
            let mut text = Zeroizing::new(String::new());
            output.map(|output| output.take(LONGEST).read_to_string(&mut text)).transpose().map(|_| text)
        });
        let ended = wait(&mut child).map_err(|error| unusable(format!("failed: {error}")))?;
        match ended {
            None => return Err(unusable(format!("did not end within {} seconds", PATIENCE.as_secs()))),
            Some(status) if !status.success() => return Err(unusable(format!("failed: {status}"))),
            Some(_) => {}
        }
        let text = reading.join().map_err(|_| unusable("could not be read".to_owned()))?;
        parse(&text.map_err(|error| unusable(format!("could not be read: {error}")))?, &self.place())
    }
}

/// Waits until it has ended; `None` when it was cut off.
fn wait(child: &mut Child) -> std::io::Result<Option<std::process::ExitStatus>> {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= until {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

#[async_trait]
impl MasterKeys for KeyCommand {
    async fn read(&self) -> Result<Vec<CipherKey>, KeyFault> {
        let this = self.clone();
        let ended = tasks::blocking(move || this.run()).await;
        ended.unwrap_or_else(|| Err(KeyFault::Unusable(format!("{} could not be run", self.place()))))
    }

    async fn renew(&self) -> Result<bool, KeyFault> {
        Ok(false)
    }

    async fn forget_former(&self) -> Result<bool, KeyFault> {
        Ok(false)
    }

    // Its arguments may name what is not everybody's business.
    fn place(&self) -> String {
        format!("the command {}", self.words.first().map_or("", String::as_str))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tells_what_the_command_writes() {
        let (one, two) = ("a7".repeat(32), "b8".repeat(32));
        let keys = KeyCommand::new(&format!("/bin/echo {one},{two}")).read().await.unwrap();
        assert_eq!((keys.len(), keys[1].bytes()[0]), (2, 0xb8));
        for (line, why) in [
            ("/bin/false", "failed"),
            ("/no/such/program x", "cannot be started"),
            ("/bin/echo hunter2", "is no master key"),
            ("", "is empty"),
        ] {
            let fault = KeyCommand::new(line).read().await.unwrap_err().to_string();
            assert!(fault.contains(why) && !fault.contains("hunter2"), "{line}: {fault}");
        }
    }
}
