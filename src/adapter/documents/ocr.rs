//! Text in pictures, recognised by tesseract where the machine has it.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use crate::port::documents::ParseFault;

/// The text of one picture, at most.
const MOST_TEXT: u64 = 4 << 20;

/// What was recognised.
pub(super) enum Read {
    /// This text.
    Text(String),
    /// Nothing, and why.
    Nothing(String),
}

/// Recognises the text of a picture. It runs within the limits of the process that asks: it inherits them.
pub(super) fn recognise(picture: &[u8]) -> Result<Read, ParseFault> {
    let started = Command::new("tesseract")
        .args(["stdin", "stdout", "-l", "eng"])
        .env("OMP_THREAD_LIMIT", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => {
            return Ok(Read::Nothing(format!(
                "text in pictures is not recognised: tesseract cannot be run here ({})",
                error.kind()
            )));
        }
    };
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let mut text = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // A program that ends without reading all of it says why by its status.
            let _ = input.map(|mut input| input.write_all(picture));
        });
        if let Some(output) = output {
            // What cannot be read is missing from the text; the status tells.
            let _ = output.take(MOST_TEXT).read_to_end(&mut text);
        }
    });
    let status = child.wait().map_err(|error| ParseFault::unreadable(format!("tesseract was lost: {error}")))?;
    if !status.success() {
        return Ok(Read::Nothing("text in a picture is not recognised: tesseract cannot read the picture".to_owned()));
    }
    Ok(Read::Text(String::from_utf8_lossy(&text).into_owned()))
}
