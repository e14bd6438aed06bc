//! Streams of events: each item of a call becomes what the vendor's clients read. A stream that breaks off ends by an event that
//! says so, never by the one that ends it well.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use futures::stream;
use serde::Serialize;
use tokio_util::sync::DropGuard;

use super::answers::Item;
use crate::capability::outcome::Items;
use crate::kernel::fault::Fault;
use crate::kernel::id::CallId;

/// So often something is sent while a model thinks, so that nobody in between takes the connection for dead.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// Turns items into events.
pub(in crate::surface) trait Teller: Send + 'static {
    /// Tells an item; of the last one also that all is well.
    fn item(&mut self, item: Item, events: &mut Vec<Event>) -> Result<(), Fault>;

    /// Tells that it broke off.
    fn failed(&mut self, fault: &Fault, events: &mut Vec<Event>);

    /// What is sent as a sign of life.
    fn alive(&self) -> Event {
        Event::default().comment("")
    }
}

struct Going<T> {
    items: Items,
    teller: T,
    id: CallId,
    /// It lives as long as the stream: a client that goes away calls off what makes the items.
    _calling: DropGuard,
}

impl<T: Teller> Going<T> {
    /// The next events, and whether they were the last.
    async fn next(&mut self) -> (Vec<Event>, bool) {
        let mut events = Vec::new();
        let next = self.items.next().await.unwrap_or_else(|| Err(Fault::internal("a stream ended without its end")));
        let told = next.and_then(Item::read).and_then(|item| {
            let last = matches!(item, Item::End { .. });
            self.teller.item(item, &mut events).map(|()| last)
        });
        let last = told.unwrap_or_else(|fault| {
            if fault.code().status >= 500 {
                tracing::error!(request_id = %self.id, fault = ?fault, "a stream failed");
            }
            self.teller.failed(&fault, &mut events);
            true
        });
        (events, last)
    }
}

/// The answer.
pub(in crate::surface) fn stream(items: Items, calling: DropGuard, id: CallId, teller: impl Teller) -> Response {
    let alive = teller.alive();
    let going = Going { items, teller, id, _calling: calling };
    let events = stream::unfold(Some(going), async |going| {
        let mut going = going?;
        let (events, last) = going.next().await;
        Some((stream::iter(events.into_iter().map(Ok::<_, Infallible>)), (!last).then_some(going)))
    });
    Sse::new(events.flatten()).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE).event(alive)).into_response()
}

/// An event of JSON.
pub(in crate::surface) fn event(name: Option<&str>, told: &impl Serialize) -> Result<Event, Fault> {
    let event = name.map_or_else(Event::default, |name| Event::default().event(name));
    event.json_data(told).map_err(Fault::internal)
}
