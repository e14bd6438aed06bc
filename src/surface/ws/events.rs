//! Events to a client: read from the log, so that each has its place in it, none is missed and one can go on where one left
//! off. What is heard only says that there is something to read.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::frames;
use super::outbox::{Outbox, REFUSED};
use super::rights::{Rights, is_refusal};
use crate::capability::cx::store_fault;
use crate::capability::events::EVENTS;
use crate::capability::topics::{Pattern, TopicBook, is_published, may_hear, may_listen};
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::port::logs::{Entry, LogQuery};
use crate::port::records::{Filter, Scope};
use crate::port::store::Store;

const PAGE: u32 = 200;
/// Also without a sign the log is read so often.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Which topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Topics(Pattern);

impl Topics {
    /// The topics of `events:user.*`; `None` when that is not the name of a stream of events.
    pub(super) fn of(channel: &str) -> Option<Result<Self, Fault>> {
        let Some(pattern) = Pattern::parse(channel.strip_prefix("events:")?) else {
            return Some(Err(Fault::bad_input(
                "/channel",
                "must be 'events:' and a topic such as user.created or user.*",
            )));
        };
        Some(Ok(Self(pattern)))
    }

    fn fit(&self, topic: &str) -> bool {
        self.0.fits(topic)
    }
}

/// Where a subscription begins, and whether events between there and the place asked for are lost: removed from the log since,
/// or of a log that was another's, which was longer.
pub(super) async fn beginning(store: &dyn Store, after: Option<i64>) -> Result<(i64, bool), Fault> {
    let last = store.last(&EVENTS).await.map_err(store_fault)?;
    let Some(after) = after else { return Ok((last, false)) };
    if after > last {
        return Ok((last, true));
    }
    let query = LogQuery { filter: Filter::All, beyond: None, descending: false, limit: 1 };
    let first = store.entries(Scope::Platform, &EVENTS, query).await.map_err(store_fault)?;
    Ok((after, first.first().is_some_and(|first| after.saturating_add(1) < first.position)))
}

/// Waits until the log has grown; for ever where there is nothing to hear of that.
async fn moved(end: &mut Option<watch::Receiver<i64>>) {
    let Some(open) = end else { return std::future::pending().await };
    if open.changed().await.is_err() {
        *end = None;
    }
}

/// One subscription.
pub(super) struct Listening {
    pub(super) rights: Arc<Rights>,
    pub(super) outbox: Outbox,
    pub(super) channel: String,
    pub(super) topics: Topics,
    pub(super) tenant: TenantId,
    pub(super) after: i64,
    pub(super) stop: CancellationToken,
}

impl Listening {
    /// Sends what there is and what comes, until it is stopped or the connection ends.
    pub(super) async fn run(mut self) {
        let platform = self.rights.gate.platform().clone();
        let mut heard = platform.hear();
        // What this instance commits is heard; what others on its store do is not.
        let mut end = platform.store.instance().map(|_| platform.end_of_events());
        loop {
            match self.read_on().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(fault) if is_refusal(&fault) => return self.outbox.cut(REFUSED),
                Err(fault) => {
                    let id = self.rights.new_id().to_string();
                    tracing::warn!(request_id = %id, ?fault, "events could not be read");
                    if !self.outbox.answer(frames::error(&Value::Null, &fault, &id)).await {
                        return;
                    }
                }
            }
            let look = tokio::time::sleep(LOOK_EVERY);
            tokio::pin!(look);
            loop {
                tokio::select! {
                    () = self.stop.cancelled() => return,
                    () = self.outbox.ended().cancelled() => return,
                    () = &mut look => break,
                    () = moved(&mut end) => break,
                    event = heard.recv() => match event {
                        Ok(event) if event.tenant_id == self.tenant && self.topics.fit(&event.topic) => break,
                        Ok(_) => {}
                        Err(RecvError::Lagged(_)) => break,
                        Err(RecvError::Closed) => return,
                    },
                }
            }
        }
    }

    /// Sends all that is in the log after the last one sent; false at the end of the connection.
    async fn read_on(&mut self) -> Result<bool, Fault> {
        loop {
            let caller = self.rights.caller().await?;
            let book = self.rights.gate.platform().service::<TopicBook>()?;
            if !may_listen(&caller) {
                return Err(Fault::new(&codes::UNAUTHENTICATED, "the right to hear events is gone"));
            }
            let query =
                LogQuery { filter: self.topics.0.filter(), beyond: Some(self.after), descending: false, limit: PAGE };
            let store = &self.rights.gate.platform().store;
            let entries = store.entries(Scope::Tenant(self.tenant), &EVENTS, query).await.map_err(store_fault)?;
            let more = entries.len() == PAGE as usize;
            for entry in entries {
                self.after = entry.position;
                if self.topics.fit(&entry.stream)
                    && may_hear(&book, &caller, &entry.stream, is_published(&entry.body))
                    && !self.send(entry).await
                {
                    return Ok(false);
                }
            }
            if !more {
                return Ok(true);
            }
        }
    }

    async fn send(&self, entry: Entry) -> bool {
        let frame = json!({ "type": "event", "channel": self.channel, "seq": entry.position, "event": entry.body });
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            sent = self.outbox.answer(frame.to_string().into()) => sent,
        }
    }
}
