//! The command line: one command a file. It starts the program, so it is the outermost layer, like `main`: it puts the other
//! doors together and may know all of them.

pub mod arguments;
mod audit;
mod backup;
mod call;
mod check;
mod completions;
mod config;
mod connect;
mod exit;
mod house;
mod keys;
mod local;
mod man;
mod migrate;
mod output;
mod reindex;
mod remote;
mod restore;
mod serve;
mod setting;
mod signals;
mod stdio;
mod target;
mod tools;
mod vault;

use std::pin::Pin;
use std::process::ExitCode;

use arguments::{Arguments, Audit, AuditWhat, Command};
use exit::{Exit, Failure};
use setting::Setting;

use crate::adapter::documents::worker as reader;
use crate::kernel::fault::Fault;

/// Runs the program with the arguments of the process.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = match arguments::read() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Asked for help or version, or misused: clap writes the one to stdout, the other to stderr.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done }.into();
        }
    };
    match command(arguments) {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            output::failure(&failure);
            failure.exit.into()
        }
    }
}

fn command(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { options, command } = arguments;
    // What needs neither configuration nor data comes first.
    match &command {
        Command::Completions(asked) => {
            completions::run(asked);
            return Ok(());
        }
        Command::Man(asked) => return man::run(asked),
        Command::ReadDocument => {
            return reader::serve(std::io::stdin().lock(), std::io::stdout().lock())
                .map_err(|error| Failure::from(Fault::internal(error)));
        }
        // An export is verified wherever it is, without an installation.
        Command::Audit(Audit { what: AuditWhat::Verify { export, pubkey, checkpoint } }) => {
            return audit::verify(export, pubkey, checkpoint);
        }
        _ => {}
    }
    let mut setting = Setting::of_process(options)?;
    match command {
        Command::Completions(_) | Command::Man(_) | Command::ReadDocument => Ok(()),
        Command::Config(asked) => config::run(&setting, &asked),
        Command::Check => blocking(check::run(setting)),
        Command::Connect(asked) => connect::run(&setting, &asked),
        Command::Serve(asked) => {
            setting.flag("--listen", "server.listen", asked.listen.as_deref());
            blocking(serve::run(setting.load()?))
        }
        Command::Stdio(asked) => blocking(stdio::run(setting.load()?, asked)),
        Command::Call(asked) => blocking(call::run(setting, asked)),
        Command::Tools(asked) => blocking(tools::run(setting, asked)),
        Command::Keys(asked) => blocking(keys::run(setting, asked)),
        Command::Vault(asked) => blocking(vault::run(setting, asked)),
        Command::Backup(asked) => blocking(backup::run(setting, asked)),
        Command::Reindex(asked) => blocking(reindex::run(setting, asked)),
        Command::Restore(asked) => blocking(restore::run(setting, asked)),
        Command::Migrate(asked) => blocking(migrate::run(setting, asked)),
        Command::Audit(asked) => blocking(audit::run(setting, asked)),
    }
}

/// Runs a command to its end. What still waits on a blocked read of standard input then is not waited for.
fn blocking(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::from(Fault::internal(error)))?;
    // Of one type, whatever the command: the loop that drives it is compiled once.
    let work: Pin<Box<dyn Future<Output = Result<(), Failure>>>> = Box::pin(work);
    let ended = runtime.block_on(work);
    runtime.shutdown_background();
    ended
}
