//! The database's time, by which all instances on it go: leases, dates and what was before what hold whatever the clocks of
//! their machines are set to.

use std::sync::Arc;
use std::time::Duration;

use super::fault::OrFault as _;
use super::link::Link;
use crate::kernel::clock::{Clock, SharedClock};
use crate::kernel::time::Timestamp;
use crate::port::store::StoreFault;

/// What the server's clock says, in milliseconds.
const NOW: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/// An answer that took longer tells the time too badly.
const PROMPT: Duration = Duration::from_millis(100);

/// So far apart clocks are worth a warning, in milliseconds.
const APART: i64 = 5_000;

/// The time of a database, as far as the clock of this process is a machine's.
#[derive(Clone)]
pub(super) struct Time {
    own: Arc<dyn Clock>,
    shared: Option<Arc<SharedClock>>,
}

impl Time {
    /// Looks at the server's clock.
    pub(super) async fn of(link: &mut Link, own: Arc<dyn Clock>) -> Result<Self, StoreFault> {
        if !own.is_machine() {
            return Ok(Self { own, shared: None });
        }
        let (shared, elapsed, _) = looked(link, &*own).await?;
        let shared = Arc::new(SharedClock::new(own.clone(), shared, elapsed));
        let ahead = shared.ahead();
        if ahead.abs() > APART {
            tracing::warn!(
                ahead_ms = ahead,
                "this machine's clock is not the database's: the database's time holds for what this instance does"
            );
        }
        Ok(Self { own, shared: Some(shared) })
    }

    /// The clock to go by.
    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        match &self.shared {
            Some(shared) => shared.clone(),
            None => self.own.clone(),
        }
    }

    /// Looks again, or only whether the server answers where there is no time to be had from it.
    pub(super) async fn look(&self, link: &mut Link) -> Result<(), StoreFault> {
        let Some(shared) = &self.shared else { return link.run("").await };
        let (moment, elapsed, took) = looked(link, &*self.own).await?;
        if took < PROMPT {
            shared.set(moment, elapsed);
        }
        Ok(())
    }
}

/// What the server's clock said, when that was on the clock that only goes forward, and how long it took to say.
async fn looked(link: &mut Link, own: &dyn Clock) -> Result<(Timestamp, Duration, Duration), StoreFault> {
    // So that only the question itself is measured.
    link.prepared(NOW).await.or_fault()?;
    let before = own.elapsed();
    let said: Option<i64> = link.one(NOW, Vec::new()).await?;
    let took = own.elapsed().saturating_sub(before);
    Ok((Timestamp::from_millis(said.unwrap_or_default()), before + took / 2, took))
}
