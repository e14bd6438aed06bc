//! Reading events for a call: where a reading begins, what the caller may hear, what of the log a subscription waits for.

use std::sync::Arc;

use super::faults::FROM_THE_FUTURE;
use super::model::subscription::Subscription;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::events::Ways;
use crate::capability::topics::{Pattern, TopicBook, is_published, may_hear};
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::bus::{Bus, Heard};
use crate::port::logs::Entry;

/// Events read from the log at once.
pub(super) const PAGE: u32 = 500;
/// Pages that one call looks through.
const MOST_PAGES: usize = 20;

/// Reads events on behalf of the caller.
pub(super) struct Reading<'a> {
    cx: &'a Cx,
    ways: Arc<Ways>,
    book: Arc<TopicBook>,
}

/// How far a reading came.
pub(super) struct Reached {
    /// Everything up to here was looked at.
    pub(super) scanned: i64,
    /// Whether there is more.
    pub(super) more: bool,
}

impl<'a> Reading<'a> {
    pub(super) fn of(cx: &'a Cx) -> Result<Self, Fault> {
        Ok(Self { cx, ways: cx.service::<Ways>()?, book: cx.service::<TopicBook>()? })
    }

    fn bus(&self) -> &dyn Bus {
        &*self.ways.bus
    }

    /// The place of the newest event.
    pub(super) async fn newest(&self) -> Result<i64, Fault> {
        self.bus().newest(self.cx.tenant()).await.map_err(store_fault)
    }

    /// The place after which a reading begins that was asked for by time or by position: `None` when by neither.
    pub(super) async fn beginning(&self, from: Option<Timestamp>, position: Option<i64>) -> Result<Option<i64>, Fault> {
        match (from, position) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(Fault::bad_input("/fromPosition", "give either from or fromPosition, not both")),
            (Some(from), None) => {
                let now = self.cx.now();
                if from > now {
                    let say = format!("{from} lies in the future: it is {now}");
                    let detail = serde_json::json!({ "pointer": "/from", "now": now });
                    return Err(Fault::new(&FROM_THE_FUTURE, say).with_detail(detail));
                }
                self.bus().before(self.cx.tenant(), from).await.map(Some).map_err(store_fault)
            }
            (None, Some(position)) => {
                let newest = self.newest().await?;
                // The next one to come is not the future: it is what comes from now on.
                if position > newest.saturating_add(1) {
                    let say = format!("there is no position {position} yet: the newest event has {newest}");
                    let detail = serde_json::json!({ "pointer": "/fromPosition", "newest": newest });
                    return Err(Fault::new(&FROM_THE_FUTURE, say).with_detail(detail));
                }
                Ok(Some(position.saturating_sub(1)))
            }
        }
    }

    /// Whether the caller may hear an event.
    pub(super) fn may_hear(&self, entry: &Entry) -> bool {
        may_hear(&self.book, self.cx.caller(), &entry.stream, is_published(&entry.body))
    }

    /// Walks through the log after a place, as long as `take` says to go on.
    pub(super) async fn walk(
        &self,
        patterns: &[Pattern],
        after: i64,
        mut take: impl FnMut(Entry) -> bool,
    ) -> Result<Reached, Fault> {
        let filter = Pattern::filter_of(patterns);
        let mut scanned = after;
        for _ in 0..MOST_PAGES {
            let heard = self.bus().read(self.cx.tenant(), &filter, scanned, PAGE).await.map_err(store_fault)?;
            let Heard { events, scanned: through, more } = heard;
            for entry in events {
                let position = entry.position;
                if !take(entry) {
                    return Ok(Reached { scanned: position, more: true });
                }
                scanned = position;
            }
            scanned = through.max(scanned);
            if !more {
                return Ok(Reached { scanned, more: false });
            }
        }
        Ok(Reached { scanned, more: true })
    }
}

/// Whether a subscription wants an entry of the log.
pub(super) fn wants(subscription: &Subscription, entry: &Entry) -> bool {
    subscription.fits(&entry.stream, &entry.body)
}
