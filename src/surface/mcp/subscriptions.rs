//! Telling clients what has changed: lists, and resources that they follow. A client is told only when what it is shown itself
//! has changed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{ErrorData, ResourceUpdatedNotificationParam, SubscriptionFilter};
use rmcp::service::{Peer, SubscriptionContext, SubscriptionSendError};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::cards::SCHEME;
use super::listing::Digest;
use super::server::Server;
use super::standing::Standing;
use super::view::Visit;
use crate::capability::caller::Caller;
use crate::capability::events::Event;
use crate::capability::registry::{Snapshot, may_call};
use crate::kernel::fault::Fault;
use crate::kernel::tasks;

/// More resources are not followed in one go.
pub(super) const MOST_FOLLOWED: usize = 256;
/// A client that does not read is given up for one notice after so long.
const NOTICE_TIME: Duration = Duration::from_secs(10);

/// What a client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    Tools,
    Prompts,
    Resources,
    Resource(String),
}

/// Everything that may have to be told, heard for one visit.
pub(super) struct Watch {
    server: Arc<Server>,
    visit: Visit,
    standing: Standing,
    registry: watch::Receiver<u64>,
    prompts: watch::Receiver<u64>,
    resources: watch::Receiver<u64>,
    events: broadcast::Receiver<Arc<Event>>,
    /// The list that was shown last, as its digest.
    tools: Digest,
    snapshot: Arc<Snapshot>,
}

impl Watch {
    pub(super) fn new(server: Arc<Server>, visit: &Visit) -> Self {
        let platform = server.platform();
        let prompts = merged(server.prompts.iter().filter_map(|source| source.changes()), &server.stop);
        let resources = merged(server.resources.iter().filter_map(|source| source.changes()), &server.stop);
        Self {
            registry: platform.registry.changes(),
            prompts,
            resources,
            events: platform.hear(),
            tools: server.listing(visit).digest(),
            snapshot: platform.registry.present(),
            standing: Standing::new(server.gate.clone(), visit.caller.clone()),
            visit: visit.clone(),
            server,
        }
    }

    /// What is to be told next to a client that follows these resources. `None` when there will be nothing any more: the
    /// program ends, or the caller is none any more.
    pub(super) async fn next(&mut self, followed: &Followed) -> Option<Vec<Told>> {
        loop {
            let told = tokio::select! {
                changed = self.registry.changed() => {
                    changed.ok()?;
                    self.shown_otherwise(&self.visit.caller.clone())
                }
                caller = self.standing.changed() => self.shown_otherwise(&caller?),
                Ok(()) = self.prompts.changed() => vec![Told::Prompts],
                Ok(()) = self.resources.changed() => vec![Told::Resources],
                event = self.events.recv() => match event {
                    Ok(event) if event.tenant_id == self.visit.caller.tenant => self.touched(&event, followed).await,
                    Ok(_) => Vec::new(),
                    // What was missed may have been anything.
                    Err(broadcast::error::RecvError::Lagged(_)) => vec![Told::Tools, Told::Prompts, Told::Resources],
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
            };
            if !told.is_empty() {
                return Some(told);
            }
        }
    }

    /// What is new to the client now that the registry or the rights of its caller are others.
    fn shown_otherwise(&mut self, caller: &Arc<Caller>) -> Vec<Told> {
        let now = self.server.platform().registry.present();
        let before = std::mem::replace(&mut self.snapshot, now.clone());
        let earlier = std::mem::replace(&mut self.visit.caller, caller.clone());
        let mut told = Vec::new();
        let tools = self.server.listing(&self.visit).digest();
        if tools != self.tools {
            self.tools = tools;
            told.push(Told::Tools);
        }
        let mut list_changed = false;
        for tool in now.visible(caller) {
            match before.find(caller.tenant, &tool.name).filter(|known| may_call(&earlier, known)) {
                Some(known) if Arc::ptr_eq(known, tool) => {}
                Some(_) => told.push(Told::Resource(format!("{SCHEME}{}", tool.name))),
                None => list_changed = true,
            }
        }
        for gone in before
            .visible(&earlier)
            .filter(|tool| now.find(caller.tenant, &tool.name).is_none_or(|tool| !may_call(caller, tool)))
        {
            list_changed = true;
            told.push(Told::Resource(format!("{SCHEME}{}", gone.name)));
        }
        if list_changed {
            told.push(Told::Resources);
        }
        told
    }

    /// What an event has changed: the list of prompts, and the resources that the client follows and that its caller may read.
    async fn touched(&self, event: &Event, followed: &Followed) -> Vec<Told> {
        let mut told = Vec::new();
        if self.server.prompts.iter().any(|source| source.touched(event)) {
            told.push(Told::Prompts);
        }
        let visitor = self.server.visitor(&self.visit, &CancellationToken::new());
        for uri in self.server.resources.iter().flat_map(|source| source.touched(event)) {
            if followed.holds(&uri) && self.server.is_readable(&visitor, &uri).await {
                told.push(Told::Resource(uri));
            }
        }
        told
    }
}

/// One receiver for the changes of many sources; it stays silent where there are none.
fn merged(all: impl Iterator<Item = watch::Receiver<u64>>, stop: &CancellationToken) -> watch::Receiver<u64> {
    let (sender, receiver) = watch::channel(0);
    let sender = Arc::new(sender);
    let mut none = true;
    for mut source in all {
        none = false;
        let (sender, stop) = (sender.clone(), stop.clone());
        drop(tasks::spawn(async move {
            loop {
                tokio::select! {
                    changed = source.changed() => if changed.is_err() { return },
                    () = sender.closed() => return,
                    () = stop.cancelled() => return,
                }
                sender.send_modify(|count| *count += 1);
            }
        }));
    }
    if none {
        // A receiver without a sender would be ready at once, again and again.
        drop(tasks::spawn(async move { sender.closed().await }));
    }
    receiver
}

/// The resources that a client follows.
#[derive(Default)]
pub(super) struct Followed(Mutex<BTreeSet<String>>);

impl Followed {
    fn all(uris: impl Iterator<Item = String>) -> Self {
        Self(Mutex::new(uris.collect()))
    }

    pub(super) fn add(&self, uri: String) -> Result<(), ErrorData> {
        let mut uris = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if uris.len() >= MOST_FOLLOWED && !uris.contains(&uri) {
            let say = format!("a session follows at most {MOST_FOLLOWED} resources");
            return Err(ErrorData::invalid_params(say, None));
        }
        uris.insert(uri);
        Ok(())
    }

    pub(super) fn remove(&self, uri: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uri);
    }

    fn holds(&self, uri: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(uri)
    }
}

/// Tells the client of an older session until it is gone.
pub(super) async fn tell_session(
    mut watch: Watch,
    peer: Peer<RoleServer>,
    followed: Arc<Followed>,
    closed: CancellationToken,
) {
    let stop = watch.server.stop.clone();
    loop {
        let told = tokio::select! {
            told = watch.next(&followed) => told,
            () = closed.cancelled() => return,
            () = stop.cancelled() => return,
        };
        let Some(told) = told else { return };
        for told in told {
            let sending = async {
                match told {
                    Told::Tools => peer.notify_tool_list_changed().await,
                    Told::Prompts => peer.notify_prompt_list_changed().await,
                    Told::Resources => peer.notify_resource_list_changed().await,
                    Told::Resource(uri) if followed.holds(&uri) => {
                        peer.notify_resource_updated(ResourceUpdatedNotificationParam::new(uri)).await
                    }
                    Told::Resource(_) => Ok(()),
                }
            };
            if tokio::time::timeout(NOTICE_TIME, sending).await.is_err() || peer.is_transport_closed() {
                return;
            }
        }
    }
}

/// Serves a listener of the newer era until it goes or the program stops.
pub(super) async fn listen(
    mut watch: Watch,
    to: SubscriptionContext,
    closed: &CancellationToken,
) -> Result<(), ErrorData> {
    let stop = watch.server.stop.clone();
    let followed = Followed::all(to.accepted().resource_subscriptions.iter().flatten().cloned());
    loop {
        let told = tokio::select! {
            told = watch.next(&followed) => told,
            () = to.cancelled() => return Ok(()),
            () = closed.cancelled() => return Ok(()),
            () = stop.cancelled() => return Ok(()),
        };
        let Some(told) = told else { return Ok(()) };
        for told in told {
            let sink = to.sink();
            let sent = match told {
                Told::Tools => sink.notify_tool_list_changed().await,
                Told::Prompts => sink.notify_prompt_list_changed().await,
                Told::Resources => sink.notify_resource_list_changed().await,
                Told::Resource(uri) if followed.holds(&uri) => sink.notify_resource_updated(uri).await,
                Told::Resource(_) => Ok(()),
            };
            match sent {
                Ok(()) | Err(SubscriptionSendError::NotificationNotAccepted(_)) => {}
                Err(_) => return Ok(()),
            }
        }
    }
}

impl Server {
    /// Lets in who wants to listen: counts the request, and leaves of its filter only resources that its caller may read. The
    /// library acknowledges a filter before it asks anybody who could look, so this comes before the library.
    ///
    /// # Errors
    /// `rate_limited`.
    pub(super) async fn may_follow(&self, visit: &Visit, uris: Vec<String>) -> Result<Vec<String>, Fault> {
        self.gate.count_look(&visit.caller, visit.origin.address)?;
        let visitor = self.visitor(visit, &CancellationToken::new());
        let mut readable = Vec::new();
        for uri in uris.into_iter().take(MOST_FOLLOWED) {
            if self.is_readable(&visitor, &uri).await {
                readable.push(uri);
            }
        }
        Ok(readable)
    }
}

/// What of a filter can be served at all.
pub(super) fn servable(requested: &SubscriptionFilter) -> SubscriptionFilter {
    let mut filter = requested.clone();
    if let Some(uris) = &mut filter.resource_subscriptions {
        uris.truncate(MOST_FOLLOWED);
    }
    filter
}
