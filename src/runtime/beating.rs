//! Says in a store that several instances share that this one is there, and sees to what those left that are gone.

use std::sync::Arc;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::supervise::Supervisor;
use crate::capability::channels;
use crate::capability::platform::Platform;
use crate::domain::system::fleet::{BEAT_EVERY, Beating, forget};
use crate::kernel::fault::Fault;

/// In so many rounds it is looked once for instances that are gone.
const LOOK_EVERY: u32 = 3;

/// Starts it as background work, where the store has other instances.
pub fn start(platform: &Arc<Platform>, supervisor: &Supervisor) {
    let Some(instance) = platform.store.instance() else { return };
    let platform = platform.clone();
    supervisor.keep("beat", move |stop| beat(platform.clone(), instance, stop));
}

async fn beat(platform: Arc<Platform>, instance: i32, stop: CancellationToken) {
    let (mut beating, mut failing) = (Beating::default(), false);
    let mut ticks = tokio::time::interval(BEAT_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for round in 0_u32.. {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            _ = ticks.tick() => {}
        }
        let done = async {
            beating.beat(&platform).await?;
            if round % LOOK_EVERY == LOOK_EVERY - 1 { look(&platform, &mut beating).await } else { Ok(()) }
        };
        match done.await {
            Err(fault) if !failing => {
                tracing::warn!(%fault, "this instance cannot say that it is there; it is tried again");
                failing = true;
            }
            Ok(()) => failing = false,
            Err(_) => {}
        }
    }
    if let Err(fault) = forget(&platform, instance).await {
        tracing::debug!(%fault, "the others find by themselves that this instance is gone");
    }
}

/// Lets the clients of instances that are gone leave their channels, and forgets the instances.
async fn look(platform: &Platform, beating: &mut Beating) -> Result<(), Fault> {
    for gone in beating.gone(platform).await? {
        channels::leave_gone(platform, gone).await?;
        forget(platform, gone).await?;
        tracing::info!(instance = gone, "an instance is gone");
    }
    Ok(())
}
