//! Keeps the bus at work that is something of its own beside the store, and tells it what is committed here.

use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::supervise::Supervisor;
use crate::capability::events::Ways;
use crate::capability::platform::Platform;
use crate::kernel::fault::Fault;
use crate::port::bus::Bus;

/// Starts it as background work, where there is such a bus.
///
/// # Errors
/// When `app` did not make a bus: a fault of the program.
pub fn start(platform: &Arc<Platform>, supervisor: &Supervisor) -> Result<(), Fault> {
    let bus = platform.service::<Ways>()?.bus.clone();
    if bus.health().is_none() {
        return Ok(());
    }
    let (telling, platform) = (bus.clone(), platform.clone());
    supervisor.keep("bus", move |stop| bus.clone().work(stop));
    supervisor.keep("tell the bus", move |stop| tell(telling.clone(), platform.clone(), stop));
    Ok(())
}

async fn tell(bus: Arc<dyn Bus>, platform: Arc<Platform>, stop: CancellationToken) {
    let mut heard = platform.hear();
    // What was committed before is looked for, too.
    bus.committed();
    loop {
        let event = tokio::select! {
            () = stop.cancelled() => return,
            event = heard.recv() => event,
        };
        match event {
            Ok(_) | Err(RecvError::Lagged(_)) => bus.committed(),
            Err(RecvError::Closed) => return,
        }
    }
}
