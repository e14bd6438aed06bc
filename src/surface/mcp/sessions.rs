//! Sessions of the older revisions over HTTP: a cap on their number, and each bound to the principal that opened it. rmcp keeps
//! the sessions; it knows no owners, so a session of somebody else is answered as one that does not exist.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use futures::{Stream, StreamExt as _};
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_server::session::local::{LocalSessionManager, LocalSessionManagerError};
use rmcp::transport::streamable_http_server::session::{EventStream, ServerSseMessage, SessionId, SessionManager};
use tokio_util::sync::CancellationToken;

use super::journal::{BEGINNING, Journal, Spent};
use super::places::{Owner, Place, Places};
use super::view::Visit;
use super::wire::Wire;
use crate::capability::caller::Caller;

tokio::task_local! {
    /// The request that is being answered: rmcp hands sessions no part of it.
    pub(super) static PRESENT: Present;
}

/// The request that is being answered.
#[derive(Clone)]
pub(super) struct Present {
    pub(super) visit: Arc<Visit>,
    trouble: Arc<AtomicU8>,
}

/// Why a session could not serve a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Trouble {
    None,
    Full,
    Gone,
    /// What came after an event is not known.
    Lost,
}

impl Present {
    pub(super) fn new(visit: Arc<Visit>) -> Self {
        Self { visit, trouble: Arc::default() }
    }

    pub(super) fn trouble(&self) -> Trouble {
        match self.trouble.load(Ordering::Relaxed) {
            trouble if trouble == Trouble::Full as u8 => Trouble::Full,
            trouble if trouble == Trouble::Gone as u8 => Trouble::Gone,
            trouble if trouble == Trouble::Lost as u8 => Trouble::Lost,
            _ => Trouble::None,
        }
    }
}

/// A session's owner, and what it has told.
struct Session {
    owner: Owner,
    journal: Arc<Journal>,
    _place: Place,
}

/// The sessions.
pub(super) struct Sessions {
    inner: LocalSessionManager,
    known: DashMap<SessionId, Session>,
    places: Places,
    spent: Spent,
    stop: CancellationToken,
}

/// Why a session cannot be had.
#[derive(Debug)]
pub(super) enum SessionFault {
    Full,
    Gone,
    Lost,
    Inner(LocalSessionManagerError),
}

impl fmt::Display for SessionFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => formatter.write_str("no more sessions"),
            Self::Gone => formatter.write_str("no such session"),
            Self::Lost => formatter.write_str("no such event"),
            Self::Inner(inner) => inner.fmt(formatter),
        }
    }
}

impl std::error::Error for SessionFault {}

impl Sessions {
    /// At most so many, each ended when it has been idle for so long. Streams of notices end with `stop`.
    pub(super) fn new(most: usize, idle: Duration, stop: CancellationToken) -> Self {
        let mut inner = LocalSessionManager::default();
        inner.session_config.keep_alive = Some(idle);
        Self { inner, known: DashMap::new(), places: Places::new(most), spent: Spent::default(), stop }
    }

    /// Whether a caller has a session of this name.
    pub(super) fn has(&self, id: &str, caller: &Caller) -> bool {
        self.known.get(id).is_some_and(|session| session.owner == Owner::of(caller))
    }

    fn is_foreign(&self, id: &SessionId) -> bool {
        PRESENT
            .try_with(|present| !self.has(id, &present.visit.caller))
            // The end of a session comes from its own worker, which answers no request.
            .unwrap_or(false)
    }

    fn journal(&self, id: &SessionId) -> Result<Arc<Journal>, SessionFault> {
        let journal = self.known.get(id).map(|session| session.journal.clone());
        journal.ok_or_else(|| {
            note(Trouble::Gone);
            SessionFault::Gone
        })
    }

    fn gone(error: LocalSessionManagerError) -> SessionFault {
        note(Trouble::Gone);
        SessionFault::Inner(error)
    }

    /// The stream of notices, from what nobody has heard yet.
    async fn listen(&self, id: &SessionId) -> Result<EventStream, SessionFault> {
        let journal = self.journal(id)?;
        let stream = if let Some(stream) = journal.listen() {
            stream
        } else {
            let events = self.inner.create_standalone_stream(id).await.map_err(Self::gone)?;
            journal.follow_common(Box::pin(events) as EventStream);
            journal.listen().ok_or(SessionFault::Gone)?
        };
        Ok(self.while_running(stream))
    }

    /// Notices are for as long as the program runs on; answers are waited for.
    fn while_running(&self, stream: EventStream) -> EventStream {
        Box::pin(stream.take_until(self.stop.clone().cancelled_owned()))
    }
}

fn note(trouble: Trouble) {
    // Outside a request there is nobody to tell.
    let _ = PRESENT.try_with(|present| present.trouble.store(trouble as u8, Ordering::Relaxed));
}

impl SessionManager for Sessions {
    type Error = SessionFault;
    type Transport = Wire;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), SessionFault> {
        let owner = PRESENT.try_with(|present| Owner::of(&present.visit.caller)).map_err(|_| SessionFault::Gone)?;
        // Given back with the session, or with this future when nobody waits for it any more.
        let place = self.places.take(owner).map_err(|_| {
            note(Trouble::Full);
            SessionFault::Full
        })?;
        let (id, transport) = self.inner.create_session().await.map_err(SessionFault::Inner)?;
        let journal = Journal::new(self.spent.clone());
        self.known.insert(id.clone(), Session { owner, journal, _place: place });
        Ok((id, Wire::new(transport)))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, SessionFault> {
        self.inner.initialize_session(id, message).await.map_err(Self::gone)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, SessionFault> {
        if self.is_foreign(id) {
            return Ok(false);
        }
        self.inner.has_session(id).await.map_err(SessionFault::Inner)
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), SessionFault> {
        if self.is_foreign(id) {
            note(Trouble::Gone);
            return Ok(());
        }
        drop(self.known.remove(id));
        self.inner.close_session(id).await.map_err(SessionFault::Inner)
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionFault> {
        let journal = self.journal(id)?;
        let events = self.inner.create_stream(id, message).await.map_err(Self::gone)?;
        Ok(journal.follow(Box::pin(events) as EventStream))
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<(), SessionFault> {
        self.inner.accept_message(id, message).await.map_err(Self::gone)
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionFault> {
        self.listen(id).await
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionFault> {
        if last_event_id == BEGINNING {
            return self.listen(id).await;
        }
        let Some(stream) = self.journal(id)?.resume(&last_event_id) else {
            note(Trouble::Lost);
            return Err(SessionFault::Lost);
        };
        let is_of_a_request = last_event_id.contains('/');
        Ok(if is_of_a_request { stream } else { self.while_running(stream) })
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::capability::caller::{Door, Origin};
    use crate::surface::mcp::view::{Shown, View};

    #[tokio::test]
    async fn who_does_not_wait_for_a_session_takes_no_place() {
        let sessions = Sessions::new(1, Duration::from_mins(1), CancellationToken::new());
        let view = View { shown: Shown::All, read_only: false };
        let origin = Origin { door: Door::Mcp, address: None };
        let visit = Visit { caller: Arc::new(Caller::anonymous()), view, origin, tenant: None };
        let present = Present::new(Arc::new(visit));
        let busy = sessions.inner.sessions.write().await;
        assert!(PRESENT.scope(present.clone(), sessions.create_session()).now_or_never().is_none());
        drop(busy);
        assert!(PRESENT.scope(present.clone(), sessions.create_session()).await.is_ok());
        let full = PRESENT.scope(present.clone(), sessions.create_session()).await;
        assert!(matches!(full, Err(SessionFault::Full)));
        assert_eq!(present.trouble(), Trouble::Full);
    }
}
