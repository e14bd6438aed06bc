//! Hears what other instances on the same store tell, and tells them: rights that changed there must not hold here, what is
//! remembered here of what changed there is stale, and a caller's allowance is one over all of them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::supervise::Supervisor;
use crate::capability::caches::NamedCache as _;
use crate::capability::channels::CHANNELS;
use crate::capability::events::Ways;
use crate::capability::gate::Gate;
use crate::capability::gate::sealing::Sealer;
use crate::capability::platform::Platform;
use crate::kernel::id::UserId;
use crate::port::store::Word;

/// How often counted calls are told.
const TELL_EVERY: Duration = Duration::from_millis(250);
/// How often it is looked for instances that are gone.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Starts hearing as background work, where the store has other instances.
pub fn start(gate: &Arc<Gate>, supervisor: &Supervisor) {
    if gate.platform().store.words().is_none() {
        return;
    }
    let hearing = gate.clone();
    supervisor.keep("hear", move |stop| hear(hearing.clone(), stop));
    // Counts are kept from here on.
    drop(gate.counted());
    let counting = gate.clone();
    supervisor.keep("share", move |stop| share(counting.clone(), stop));
    let gate = gate.clone();
    supervisor.keep("succeed", move |stop| succeed(gate.clone(), stop));
}

async fn hear(gate: Arc<Gate>, stop: CancellationToken) {
    let platform = gate.platform();
    let Some(mut words) = platform.store.words() else { return };
    // Between two rounds of this work words may have passed.
    platform.authority_changed_everywhere();
    platform.changed_elsewhere(None);
    loop {
        let word = tokio::select! {
            () = stop.cancelled() => return,
            word = words.recv() => word,
        };
        match word {
            Ok(Word::Authority { tenant, user }) => platform.authority_changed(tenant, user.map(UserId::from_uuid)),
            Ok(Word::Erased { tenant, subject }) => {
                if let Ok(sealer) = platform.service::<Sealer>() {
                    sealer.forget(tenant, subject);
                }
            }
            Ok(Word::Changed { tenant }) => platform.changed_elsewhere(Some(tenant)),
            Ok(Word::Appended { log }) => {
                if log == CHANNELS.name {
                    said(platform);
                }
            }
            Ok(Word::Counted(counted)) => gate.count_others(&counted),
            Ok(Word::Everything) | Err(RecvError::Lagged(_)) => {
                platform.authority_changed_everywhere();
                platform.changed_elsewhere(None);
                said(platform);
                for listed in platform.caches.all() {
                    listed.clear();
                }
                if let Ok(sealer) = platform.service::<Sealer>() {
                    sealer.forget_all();
                }
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// Lets channels be read on.
fn said(platform: &Platform) {
    if let Ok(ways) = platform.service::<Ways>() {
        ways.said.notify_one();
    }
}

/// Tells others of the calls that were counted here.
async fn share(gate: Arc<Gate>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(TELL_EVERY) => {}
        }
        for counted in gate.counted() {
            if let Err(fault) = gate.platform().store.tell(Word::Counted(counted)).await {
                // An allowance that is a little larger for once does no harm.
                tracing::debug!(%fault, "counted calls could not be told");
            }
        }
    }
}

/// Takes up what instances left that are gone.
async fn succeed(gate: Arc<Gate>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        match gate.take_up().await {
            Ok((0, 0)) => {}
            Ok((again, unknown)) => tracing::info!(again, unknown, "took up what another instance left"),
            Err(fault) => tracing::debug!(%fault, "it could not be looked for instances that are gone"),
        }
    }
}
