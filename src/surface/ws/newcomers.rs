//! Connections that have not said yet who they are: few in all and few from one address, so that they keep nobody out.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::capability::gate::limit::network;
use crate::kernel::codes;
use crate::kernel::fault::Fault;

const MOST: usize = 512;
const MOST_OF_ADDRESS: usize = 16;
/// The first message must have brought a credential after so long.
pub(super) const AUTHENTICATE_WITHIN: Duration = Duration::from_secs(10);

/// Who is not known yet.
pub(super) struct Newcomers {
    room: Arc<Semaphore>,
    by_address: DashMap<Option<IpAddr>, usize>,
}

impl Default for Newcomers {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(MOST)), by_address: DashMap::new() }
    }
}

impl Newcomers {
    /// A place for one from this address, until it is dropped.
    pub(super) fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Place, Fault> {
        let full = |code, say| Fault::new(code, say).with_retry_after(AUTHENTICATE_WITHIN);
        let Ok(room) = self.room.clone().try_acquire_owned() else {
            return Err(full(&codes::UNAVAILABLE, "as many connections without a credential are open as may be"));
        };
        let address = address.map(network);
        let mut held = self.by_address.entry(address).or_default();
        if *held >= MOST_OF_ADDRESS {
            let say = "as many connections without a credential are open from this address as may be";
            return Err(full(&codes::RATE_LIMITED, say));
        }
        *held += 1;
        drop(held);
        Ok(Place { newcomers: self.clone(), address, _room: room })
    }
}

/// A newcomer's place.
pub(super) struct Place {
    newcomers: Arc<Newcomers>,
    address: Option<IpAddr>,
    _room: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(mut held) = self.newcomers.by_address.get_mut(&self.address) {
            *held -= 1;
        }
        self.newcomers.by_address.remove_if(&self.address, |_, held| *held == 0);
    }
}
