//! `call`: any tool, by its name.

use std::io::Read as _;

use serde_json::Value;

use super::arguments::Call;
use super::exit::Failure;
use super::setting::Setting;
use super::target::{Target, call};

pub(super) async fn run(setting: Setting, asked: Call) -> Result<(), Failure> {
    let input = input(&asked.input)?;
    let target = Target::of(&setting, &asked.server, "call")?;
    target.write(call(&asked.tool, input, asked.idempotency_key)).await
}

/// The input as it was given: JSON, a file of JSON, or JSON on standard input.
fn input(given: &str) -> Result<Value, Failure> {
    let (place, text) = match (given, given.strip_prefix('@')) {
        ("-", _) => {
            let mut text = String::new();
            let read = std::io::stdin().lock().read_to_string(&mut text);
            ("standard input", read.map(|_| text))
        }
        (_, Some(file)) => (file, std::fs::read_to_string(file)),
        (_, None) => ("the input", Ok(given.to_owned())),
    };
    let text = text.map_err(|error| Failure::usage(format!("{place} cannot be read: {error}")))?;
    serde_json::from_str(&text).map_err(|error| Failure::usage(format!("{place} is not JSON: {error}")))
}
