//! The connection: where to, who the program says it is, and what became of it. The client connects by itself, again and again;
//! what it has to say of that is kept for whoever asks how the bus is doing.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::{Auth, AuthError, Client, ConnectOptions, Event};
use tokio::sync::watch;

use super::nkey::{UserKey, credentials};
use crate::adapter::trust;
use crate::kernel::redact::redact;
use crate::kernel::secret::Secret;

/// How long a server may take to answer a request or a connection.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
/// A server that does not answer these is left.
const PING_EVERY: Duration = Duration::from_secs(2);
/// The longest wait before the next server is tried.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Reads a secret where the operator keeps it, anew for each connection.
pub type ReadSecret = Arc<dyn Fn() -> Result<Secret, String> + Send + Sync>;

/// How the program says who it is.
#[derive(Clone)]
pub enum Login {
    /// Nobody asks.
    Nobody,
    /// A user's name and password.
    Password(String, ReadSecret),
    /// A token.
    Token(ReadSecret),
    /// The seed of a user's key.
    Nkey(ReadSecret),
    /// A file of credentials: a JWT and the seed of its key.
    Credentials(ReadSecret),
}

/// Where the servers are.
#[derive(Clone)]
pub struct Address {
    /// Their addresses.
    pub urls: Vec<String>,
    /// Certificates of an authority in PEM, instead of those that the system trusts.
    pub authority: Option<PathBuf>,
    /// How the program says who it is.
    pub login: Login,
}

/// What is known of the connection.
#[derive(Default)]
pub(super) struct Line {
    /// Why there is none, while there is none.
    fault: Mutex<Option<String>>,
    /// Counts connections that were made.
    made: watch::Sender<u64>,
}

impl Line {
    pub(super) fn fault(&self) -> Option<String> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_up(&self) -> bool {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Tells of each connection that is made.
    pub(super) fn made(&self) -> watch::Receiver<u64> {
        self.made.subscribe()
    }

    pub(super) fn set(&self, fault: Option<String>) {
        let up = fault.is_none();
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        if up {
            self.made.send_modify(|count| *count += 1);
        }
    }

    fn hear(&self, event: &Event) {
        match event {
            Event::Connected => self.set(None),
            Event::Disconnected => self.set(Some("the connection is lost".to_owned())),
            Event::Closed => self.set(Some("the connection is closed".to_owned())),
            // While it is up, an error is of one message: whoever sent it is told.
            Event::ServerError(error) if !self.is_up() => self.set(Some(redact(&error.to_string()).into_owned())),
            Event::ClientError(error) if !self.is_up() => self.set(Some(redact(&error.to_string()).into_owned())),
            Event::ServerError(error) => tracing::warn!(%error, "NATS refuses something"),
            other => tracing::debug!(%other, "NATS"),
        }
    }
}

/// Tries what the operator wrote, as far as that goes without a server.
///
/// # Errors
/// What cannot be used, in words.
pub fn check(address: &Address) -> Result<(), String> {
    login(&address.login, b"nonce")?;
    options(address)?;
    Ok(())
}

/// A client that connects by itself, now or later.
pub(super) async fn connect(address: &Address, line: Arc<Line>) -> Result<Client, String> {
    line.set(Some("no server has answered yet".to_owned()));
    let heard = line.clone();
    let options = options(address)?.event_callback(move |event| {
        let line = heard.clone();
        async move { line.hear(&event) }
    });
    options.connect(address.urls.clone()).await.map_err(|error| redact(&error.to_string()).into_owned())
}

fn options(address: &Address) -> Result<ConnectOptions, String> {
    let how = address.login.clone();
    let answer = move |nonce: Vec<u8>| {
        let answer = login(&how, &nonce).map_err(AuthError::new);
        async move { answer }
    };
    let options = match &address.login {
        Login::Nobody => ConnectOptions::new(),
        _ => ConnectOptions::with_auth_callback(answer),
    };
    let options = options
        .name("convoke")
        .retry_on_initial_connect()
        .max_reconnects(None)
        .connection_timeout(PATIENCE)
        .request_timeout(Some(PATIENCE))
        .ping_interval(PING_EVERY)
        .reconnect_delay_callback(|tries| {
            let doubled = Duration::from_millis(50) * 2_u32.saturating_pow(u32::try_from(tries).unwrap_or(5).min(5));
            doubled.min(LONGEST_WAIT)
        });
    let encrypted = address.authority.is_some() || address.urls.iter().any(|url| url.starts_with("tls://"));
    if encrypted {
        // Servers that others tell of are spoken to as those that were named.
        let required = address.urls.iter().all(|url| url.starts_with("tls://"));
        return Ok(options.tls_client_config(trust::client(address.authority.as_deref())?).require_tls(required));
    }
    Ok(options)
}

fn login(login: &Login, nonce: &[u8]) -> Result<Auth, String> {
    let mut auth = Auth::new();
    match login {
        Login::Nobody => {}
        Login::Password(user, password) => {
            auth.username = Some(user.clone());
            auth.password = Some(password()?.reveal().to_owned());
        }
        Login::Token(token) => auth.token = Some(token()?.reveal().to_owned()),
        Login::Nkey(seed) => {
            let unusable = |why: &str| format!("the seed cannot be used: {why}");
            let key = UserKey::of_seed(seed()?.reveal()).map_err(unusable)?;
            auth.nkey = Some(key.public());
            auth.signature = Some(key.sign(nonce).map_err(unusable)?);
        }
        Login::Credentials(file) => {
            let unusable = |why: &str| format!("the credentials cannot be used: {why}");
            let (jwt, seed) = credentials(file()?.reveal()).map_err(unusable)?;
            let key = UserKey::of_seed(&seed).map_err(unusable)?;
            auth.jwt = Some(jwt);
            auth.signature = Some(key.sign(nonce).map_err(unusable)?);
        }
    }
    Ok(auth)
}
