//! Places at a model: so many calls run at once, and whoever waits for a place waits fairly (`turns`).

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::turns::Turns;
use crate::kernel::id::TenantId;

/// The places at one model.
pub(crate) struct Places {
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken: usize,
    waiting: Turns<oneshot::Sender<Place>>,
}

/// A place. It is free again when this is dropped.
pub(crate) struct Place(Option<Arc<Places>>);

impl Places {
    /// So many; 0 is no bound.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: if most == 0 { usize::MAX } else { most }, state: Mutex::default() })
    }

    /// Waits for a place.
    pub(crate) async fn take(self: &Arc<Self>, tenant: TenantId) -> Place {
        let given = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.taken < self.most {
                state.taken += 1;
                return Place(Some(self.clone()));
            }
            let (give, given) = oneshot::channel();
            state.waiting.add(tenant, give);
            given
        };
        // The other end lives as long as the places do, which this holds.
        given.await.unwrap_or(Place(None))
    }

    /// How many calls have a place, and how many wait for one.
    pub(crate) fn figures(&self) -> (usize, usize) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.taken, state.waiting.iter().count())
    }

    /// Gives a place to whoever's turn it is, or to nobody.
    fn pass_on(self: Arc<Self>) {
        loop {
            let next = {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(next) = state.waiting.next() else {
                    state.taken -= 1;
                    return;
                };
                next
            };
            match next.send(Place(Some(self.clone()))) {
                Ok(()) => return,
                // Whoever waited has gone. The place that came back is not to be passed on a second time.
                Err(mut place) => place.0 = None,
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(places) = self.0.take() {
            places.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn tenant(number: u128) -> TenantId {
        TenantId::from_uuid(Uuid::from_u128(number))
    }

    /// One tenant has many calls waiting when another comes: it does not wait for all of them.
    #[tokio::test]
    async fn tenants_take_turns() {
        let places = Places::new(1);
        let first = places.take(tenant(1)).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for (number, of) in [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2)] {
            let (places, order) = (places.clone(), order.clone());
            let waiting = tokio::spawn({
                let places = places.clone();
                async move {
                    let _place = places.take(tenant(of)).await;
                    order.lock().unwrap().push(number);
                }
            });
            while places.figures().1 < number {
                tokio::task::yield_now().await;
            }
            tasks.push(waiting);
        }
        drop(first);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [1, 4, 2, 5, 3]);
        assert_eq!(places.figures(), (0, 0));
    }

    #[tokio::test]
    async fn whoever_goes_away_leaves_no_place_taken() {
        let places = Places::new(1);
        let first = places.take(tenant(1)).await;
        let gone = Box::pin(places.take(tenant(2)));
        let (gone, ()) = match futures::future::select(gone, Box::pin(tokio::task::yield_now())).await {
            futures::future::Either::Right(((), gone)) => (gone, ()),
            futures::future::Either::Left(_) => unreachable!("the only place is taken"),
        };
        assert_eq!(places.figures(), (1, 1));
        drop(gone);
        drop(first);
        assert_eq!(places.figures(), (0, 0));
        drop(places.take(tenant(3)).await);
    }
}
