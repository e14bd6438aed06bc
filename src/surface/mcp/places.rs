//! Places that are taken for as long as something is held open: so many in all, and of them so many for one principal, so that
//! nobody keeps everybody else out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::capability::caller::{Caller, Principal};
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;

const FULL_WAIT: Duration = Duration::from_secs(5);

/// Whose a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Owner(TenantId, Principal);

impl Owner {
    pub(super) fn of(caller: &Caller) -> Self {
        Self(caller.tenant, caller.principal)
    }
}

/// The places.
#[derive(Clone)]
pub(super) struct Places {
    held: Arc<Mutex<Held>>,
    most: usize,
    share: usize,
}

#[derive(Default)]
struct Held {
    all: usize,
    by_owner: HashMap<Owner, usize>,
}

/// A place; given back when it is dropped.
pub(super) struct Place {
    owner: Owner,
    held: Arc<Mutex<Held>>,
}

impl Places {
    /// So many places, all of which one principal may take.
    pub(super) fn new(most: usize) -> Self {
        Self { held: Arc::default(), most, share: most }
    }

    /// So many places, of which one principal may take a quarter.
    pub(super) fn shared(most: usize) -> Self {
        Self { held: Arc::default(), most, share: most.div_ceil(4) }
    }

    /// Takes a place.
    ///
    /// # Errors
    /// `unavailable` when there is none left, in all or for this principal.
    pub(super) fn take(&self, owner: Owner) -> Result<Place, Fault> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let own = held.by_owner.get(&owner).copied().unwrap_or_default();
        let say = if held.all >= self.most {
            "the server keeps as many open as it may: close one, or come back later"
        } else if own >= self.share {
            "you keep as many open as one caller may: close one first"
        } else {
            held.all += 1;
            held.by_owner.insert(owner, own + 1);
            return Ok(Place { owner, held: self.held.clone() });
        };
        Err(Fault::new(&codes::UNAVAILABLE, say).with_retry_after(FULL_WAIT))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.all -= 1;
        if let Some(own) = held.by_owner.get_mut(&self.owner) {
            *own -= 1;
            if *own == 0 {
                held.by_owner.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::id::{KeyId, new_uuid};
    use crate::kernel::time::Timestamp;

    fn owner(moment: i64) -> Owner {
        let id = new_uuid(Timestamp::from_millis(1_763_640_000_000 + moment));
        Owner(TenantId::from_uuid(id), Principal::Key(KeyId::from_uuid(id)))
    }

    #[test]
    fn nobody_takes_more_than_a_share_and_all_take_no_more_than_there_is() {
        let places = Places::shared(8);
        let mut taken = Vec::new();
        for moment in 0..4 {
            let one = owner(moment);
            taken.extend([places.take(one).unwrap(), places.take(one).unwrap()]);
            assert!(places.take(one).is_err_and(|fault| fault.is(&codes::UNAVAILABLE)));
        }
        assert!(places.take(owner(9)).is_err());
        taken.pop();
        assert!(places.take(owner(9)).is_ok());
        taken.clear();
        assert_eq!(places.held.lock().unwrap().all, 0);
        assert!(places.held.lock().unwrap().by_owner.is_empty());
    }
}
