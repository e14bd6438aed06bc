//! Sessions of the older revisions over HTTP: a cap on their number, and each bound to the principal that opened it. rmcp keeps
//! the sessions; it knows no owners, so a session of somebody else is answered as one that does not exist.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use futures::Stream;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_server::session::local::{LocalSessionManager, LocalSessionManagerError};
use rmcp::transport::streamable_http_server::session::{EventStream, ServerSseMessage, SessionId, SessionManager};

use super::view::Visit;
use crate::capability::caller::{Caller, Principal};
use crate::kernel::id::TenantId;

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
pub(super) enum Trouble {
    None,
    Full,
    Gone,
}

impl Present {
    pub(super) fn new(visit: Arc<Visit>) -> Self {
        Self { visit, trouble: Arc::default() }
    }

    pub(super) fn trouble(&self) -> Trouble {
        match self.trouble.load(Ordering::Relaxed) {
            1 => Trouble::Full,
            2 => Trouble::Gone,
            _ => Trouble::None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Owner(TenantId, Principal);

impl Owner {
    fn of(caller: &Caller) -> Self {
        Self(caller.tenant, caller.principal)
    }
}

/// The sessions.
pub(super) struct Sessions {
    inner: LocalSessionManager,
    owners: DashMap<SessionId, Owner>,
    held: AtomicUsize,
    most: usize,
}

/// Why a session cannot be had.
#[derive(Debug)]
pub(super) enum SessionFault {
    Full,
    Gone,
    Inner(LocalSessionManagerError),
}

impl fmt::Display for SessionFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => formatter.write_str("no more sessions"),
            Self::Gone => formatter.write_str("no such session"),
            Self::Inner(inner) => inner.fmt(formatter),
        }
    }
}

impl std::error::Error for SessionFault {}

impl Sessions {
    pub(super) fn new(most: usize, idle: Duration) -> Self {
        let mut inner = LocalSessionManager::default();
        inner.session_config.keep_alive = Some(idle);
        Self { inner, owners: DashMap::new(), held: AtomicUsize::new(0), most }
    }

    fn is_foreign(&self, id: &SessionId) -> bool {
        PRESENT
            .try_with(|present| !self.owners.get(id).is_some_and(|owner| *owner == Owner::of(&present.visit.caller)))
            // The end of a session comes from its own worker, which answers no request.
            .unwrap_or(false)
    }

    fn gone(error: LocalSessionManagerError) -> SessionFault {
        note(2);
        SessionFault::Inner(error)
    }
}

fn note(trouble: u8) {
    // Outside a request there is nobody to tell.
    let _ = PRESENT.try_with(|present| present.trouble.store(trouble, Ordering::Relaxed));
}

impl SessionManager for Sessions {
    type Error = SessionFault;
    type Transport = <LocalSessionManager as SessionManager>::Transport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), SessionFault> {
        let owner = PRESENT.try_with(|present| Owner::of(&present.visit.caller)).map_err(|_| SessionFault::Gone)?;
        let taken =
            self.held.fetch_update(Ordering::AcqRel, Ordering::Acquire, |held| (held < self.most).then_some(held + 1));
        if taken.is_err() {
            note(1);
            return Err(SessionFault::Full);
        }
        match self.inner.create_session().await {
            Ok((id, transport)) => {
                self.owners.insert(id.clone(), owner);
                Ok((id, transport))
            }
            Err(error) => {
                self.held.fetch_sub(1, Ordering::AcqRel);
                Err(SessionFault::Inner(error))
            }
        }
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
            note(2);
            return Ok(());
        }
        if self.owners.remove(id).is_some() {
            self.held.fetch_sub(1, Ordering::AcqRel);
        }
        self.inner.close_session(id).await.map_err(SessionFault::Inner)
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionFault> {
        let stream = self.inner.create_stream(id, message).await.map_err(Self::gone)?;
        Ok(Box::pin(stream) as EventStream)
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<(), SessionFault> {
        self.inner.accept_message(id, message).await.map_err(Self::gone)
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionFault> {
        let stream = self.inner.create_standalone_stream(id).await.map_err(Self::gone)?;
        Ok(Box::pin(stream) as EventStream)
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionFault> {
        let stream = self.inner.resume(id, last_event_id).await.map_err(Self::gone)?;
        Ok(Box::pin(stream) as EventStream)
    }
}
