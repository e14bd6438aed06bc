//! Who is asked: the installation of the data folder, or a server elsewhere; and hearing what it answers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::sync::mpsc;

use super::arguments::Server;
use super::exit::Failure;
use super::house::Plan;
use super::output::{self, Bar};
use super::remote::Remote;
use super::setting::Setting;
use super::{local, output::note};
use crate::kernel::fault::Fault;
use crate::runtime::owner::protocol::{Told, What};

/// Who is asked.
pub(super) enum Target {
    /// The installation of the data folder.
    Local(Plan),
    /// A server elsewhere.
    Remote(Remote),
}

impl Target {
    /// Who the command line names. The configuration is read only where it is needed.
    pub(super) fn of(setting: &Setting, server: &Server, command: &'static str) -> Result<Self, Failure> {
        match &server.server {
            Some(url) => Remote::at(url, server.key.as_deref()).map(Self::Remote),
            None => Ok(Self::Local(Plan::quiet(setting.load()?, command)?)),
        }
    }

    /// Asks, and hears everything that is told but progress.
    pub(super) async fn ask(&self, what: What, hear: impl FnMut(Told)) -> Result<(), Failure> {
        self.ask_with(what, &mut Bar::default(), hear).await
    }

    /// The same, with another way to show progress.
    pub(super) async fn ask_with(&self, what: What, bar: &mut Bar, mut hear: impl FnMut(Told)) -> Result<(), Failure> {
        let (told, mut answers) = mpsc::channel(64);
        let asking = async {
            match self {
                Self::Local(plan) => local::ask(plan, what, told).await,
                Self::Remote(remote) => remote.ask(what, told).await,
            }
        };
        let hearing = async {
            let mut problem = None;
            while let Some(told) = answers.recv().await {
                match told {
                    Told::Progress(progress) => bar.show(&progress),
                    Told::Say { data, .. } if output::is_watched() => note(data.as_str().unwrap_or(&data.to_string())),
                    Told::Say { .. } => {}
                    Told::Problem(told) => problem = Some(told),
                    other => hear(other),
                }
            }
            problem
        };
        let (asked, problem) = tokio::join!(asking, hearing);
        asked?;
        problem.map_or(Ok(()), |problem| Err(Failure::told(problem)))
    }

    /// Makes a call that answers with one value.
    pub(super) async fn value(&self, tool: &str, input: Value) -> Result<Value, Failure> {
        let mut value = Value::Null;
        self.ask(call(tool, input, None), |told| {
            if let Told::Result(result) = told {
                value = result;
            }
        })
        .await?;
        Ok(value)
    }

    /// Makes a call and writes what it answers, whatever its form.
    pub(super) async fn write(&self, what: What) -> Result<(), Failure> {
        let mut broken = None;
        self.ask(what, |told| match told {
            Told::Result(value) | Told::Item(value) => output::json(&value),
            Told::Chunk(text) => match STANDARD.decode(text) {
                Ok(bytes) => output::bytes(&bytes),
                Err(error) => broken = Some(error),
            },
            Told::File { .. } | Told::End | Told::Progress(_) | Told::Say { .. } | Told::Problem(_) => {}
        })
        .await?;
        broken.map_or(Ok(()), |error| Err(Fault::internal(error).into()))
    }
}

/// A call.
pub(super) fn call(tool: &str, input: Value, idempotency_key: Option<String>) -> What {
    What::Call { tool: tool.to_owned(), input, idempotency_key }
}
