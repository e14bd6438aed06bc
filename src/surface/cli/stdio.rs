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
use crate::runtime::owner::forward::{Forward, Leaving, Succeed};
use crate::runtime::owner::lock::OwnerLock;
use crate::runtime::owner::protocol::Shown;

pub(super) async fn run(loaded: Loaded, asked: Stdio) -> Result<(), Failure> {
    if let Some(say) = asked.toolsets.as_deref().and_then(unknown_toolsets) {
        return Err(Failure::usage(format!("--toolsets: {say}")));
    }
    let shown = Shown { toolsets: asked.toolsets, read_only: asked.read_only };
    let plan = Plan::loud(loaded, "stdio")?;
    let signals = Signals::listen();
    let forward = Forward {
        data: plan.data().to_owned(),
        holder: plan.holder(),
        shown,
        clock: plan.clock.clone(),
        limit: plan.limit(),
        succeed: Arc::new(Succession { plan, stop: signals.stop.clone() }),
        stop: signals.stop,
    };
    tokio::select! {
        ended = forward.run(None, tokio::io::stdin(), tokio::io::stdout()) => ended.map_err(Failure::from),
        () = signals.at_once.cancelled() => Ok(()),
    }
}

struct Succession {
    plan: Plan,
    stop: CancellationToken,
}

impl Succeed for Succession {
    fn succeed(
        &self,
        lock: OwnerLock,
        shown: Shown,
        reader: FromClient,
        writer: ToClient,
    ) -> BoxFuture<'static, Result<Leaving, Fault>> {
        let (plan, stop) = (self.plan.clone(), self.stop.clone());
        Box::pin(async move {
            let house = plan.open(lock).await?;
            let client = house.client(shown, reader, writer);
            Ok(house.keep(client, &stop).await)
        })
    }
}
