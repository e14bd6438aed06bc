//! `stdio`: MCP on standard input and output. The first process on the data folder answers by itself, later ones go through
//! the owner, and take over when it goes.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::arguments::Stdio;
use super::exit::Failure;
use super::house::Plan;
use super::setting::unknown_toolsets;
use super::signals::Signals;
use crate::config::load::Loaded;
use crate::kernel::fault::Fault;
use crate::runtime::owner::ends::{FromClient, ToClient};
use crate::runtime::owner::forward::{Forward, Succeed};
use crate::runtime::owner::guests::until;
use crate::runtime::owner::join::{Joined, PATIENCE, join};
use crate::runtime::owner::lines::LineReader;
use crate::runtime::owner::lock::OwnerLock;
use crate::runtime::owner::protocol::{Shown, Wish};

pub(super) async fn run(loaded: Loaded, asked: Stdio) -> Result<(), Failure> {
    if let Some(say) = asked.toolsets.as_deref().and_then(unknown_toolsets) {
        return Err(Failure::usage(format!("--toolsets: {say}")));
    }
    let shown = Shown { toolsets: asked.toolsets, read_only: asked.read_only };
    let plan = Plan::loud(loaded, "stdio")?;
    let signals = Signals::listen();
    let (input, output) = (tokio::io::stdin(), tokio::io::stdout());
    let work = async {
        match join(plan.data(), &plan.holder(), &Wish::Stdio(shown.clone()), PATIENCE).await? {
            Joined::Owner(lock) => {
                own(&plan, &signals, lock, shown, FromClient::new(input), ToClient::new(output)).await
            }
            Joined::Guest(owner) => {
                tracing::debug!(owner = owner.owner, "goes through the owner of the data folder");
                let succeed = Arc::new(Succession { plan: plan.clone(), signals: signals.clone() });
                let forward = Forward {
                    data: plan.data().to_owned(),
                    holder: plan.holder(),
                    shown,
                    clock: plan.clock.clone(),
                    succeed,
                    stop: signals.stop.clone(),
                    limit: plan.limit(),
                };
                forward.run(owner, input, output).await
            }
        }
    };
    tokio::select! {
        ended = work => ended.map_err(Failure::from),
        () = signals.at_once.cancelled() => Ok(()),
    }
}

/// Owns the data folder for as long as the client is there.
async fn own(
    plan: &Plan,
    signals: &Signals,
    lock: OwnerLock,
    shown: Shown,
    reader: FromClient,
    writer: ToClient,
) -> Result<(), Fault> {
    let house = plan.open(lock).await?;
    // Told to stop, it reads no more; what was asked before is answered. One that was told before it took over is fed only
    // with what is still unanswered.
    let stop = if signals.stop.is_cancelled() { CancellationToken::new() } else { signals.stop.clone() };
    let (reader, pump) = until(LineReader::new(reader), stop);
    tokio::select! {
        () = house.speak(shown, reader, writer) => {}
        () = pump => {}
    }
    house.close().await;
    Ok(())
}

struct Succession {
    plan: Plan,
    signals: Signals,
}

impl Succeed for Succession {
    fn succeed(
        &self,
        lock: OwnerLock,
        shown: Shown,
        reader: FromClient,
        writer: ToClient,
    ) -> BoxFuture<'static, Result<(), Fault>> {
        let (plan, signals) = (self.plan.clone(), self.signals.clone());
        Box::pin(async move { own(&plan, &signals, lock, shown, reader, writer).await })
    }
}
