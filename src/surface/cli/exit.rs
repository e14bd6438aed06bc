//! How a command ends: exit codes, and faults that carry one.

use std::fmt::Display;
use std::path::Path;
use std::process::ExitCode;

use crate::kernel::codes::{self, CodeRow};
use crate::kernel::fault::{Fault, Problem};

/// A file that a command names and that cannot be read or written. No call over another door ends by it.
static FILE_UNUSABLE: CodeRow = CodeRow::of_caller(
    "file_unusable",
    400,
    "A file or folder could not be read or written. The detail says which and why.",
);

/// An exit code. The numbers are documented in `docs/cli.md` and below every command's help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// Done.
    Done = 0,
    /// The call ended by a fault.
    Fault = 1,
    /// The command line was not understood.
    Usage = 2,
    /// The server cannot be reached.
    Unreachable = 3,
    /// The configuration or the data folder cannot be used.
    Configuration = 4,
    /// Another process owns the data folder.
    Owned = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(super) struct Failure {
    /// How it ends.
    pub(super) exit: Exit,
    /// What is told.
    pub(super) problem: Box<Problem>,
}

impl Failure {
    /// Something on the command line that cannot be meant.
    pub(super) fn usage(say: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, ..Fault::bad_input("", say).into() }
    }

    /// A file or folder that cannot be read or written.
    pub(super) fn file(file: &Path, why: impl Display) -> Self {
        Fault::new(&FILE_UNUSABLE, format!("{}: {why}", file.display())).into()
    }

    /// A server that does not answer as one.
    pub(super) fn unreachable(say: impl Into<String>) -> Self {
        Self { exit: Exit::Unreachable, ..Fault::new(&codes::UNAVAILABLE, say).into() }
    }

    /// A fault that the installation told.
    pub(super) fn told(problem: Box<Problem>) -> Self {
        Self { exit: Exit::Fault, problem }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        // What is missing or wrong at a start lies in the configuration; a call that needs more of it is told as a problem.
        let exit = if fault.is(&codes::BAD_CONFIGURATION) || fault.is(&codes::NOT_CONFIGURED) {
            Exit::Configuration
        } else if fault.is(&codes::OWNED) {
            Exit::Owned
        } else {
            Exit::Fault
        };
        let mut problem = fault.problem("");
        if let (Some(cause), true) = (fault.cause(), fault.is(&codes::INTERNAL)) {
            // On the machine itself there is no log of another place to look into.
            problem.detail = format!("{}: {cause}", problem.detail);
        }
        Self { exit, problem: Box::new(problem) }
    }
}
