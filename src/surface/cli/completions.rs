//! `completions`: the script that completes commands in a shell.

use clap::CommandFactory as _;

use super::arguments::{Arguments, Completions};
use super::output;

pub(super) fn run(asked: &Completions) {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut Arguments::command(), "convoke", &mut script);
    output::bytes(&script);
}
