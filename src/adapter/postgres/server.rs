//! The way to the server: where it is, how one connects, and what holds for every connection.

use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{AsyncMessage, Client, Config};

use super::fault::{OrFault as _, is_lost, store_fault};
use super::tls::Tls;
use crate::kernel::secret::Secret;
use crate::port::store::StoreFault;

/// The schema that everything of this program lies in.
pub(super) const SCHEMA: &str = "convoke";

/// How long one attempt to connect may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a call waits for a server that cannot be reached: a restart goes by unnoticed.
const PATIENCE: Duration = Duration::from_secs(4);

/// Where the server is and who asks.
#[derive(Clone)]
pub struct Address {
    /// A URL or a list of settings as libpq takes them.
    pub url: Secret,
    /// The password, where the URL has none.
    pub password: Option<Secret>,
    /// The certificates to trust, in PEM; without it those that the system trusts.
    pub authority: Option<PathBuf>,
}

/// The way to the server.
#[derive(Clone)]
pub(super) struct Server {
    config: Config,
    tls: Option<Tls>,
}

impl Server {
    /// Reads an address.
    pub(super) fn new(address: &Address) -> Result<Self, StoreFault> {
        let unusable =
            |why: String| StoreFault::Unavailable(format!("the address of PostgreSQL cannot be used: {why}"));
        let (url, mode) = without_mode(address.url.reveal());
        let mut config: Config =
            url.parse().map_err(|error: tokio_postgres::Error| unusable(super::fault::told(&error)))?;
        if let (None, Some(password)) = (config.get_password(), &address.password) {
            config.password(password.reveal());
        }
        let near = config.get_hosts().iter().all(|host| match host {
            Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback()),
            #[cfg(unix)]
            Host::Unix(_) => true,
        });
        let encrypted = match mode.as_deref() {
            Some("disable") => false,
            Some("require" | "verify-ca" | "verify-full") => true,
            None => !near,
            Some(other) => {
                return Err(unusable(format!("sslmode is 'disable', 'require' or 'verify-full', not '{other}'")));
            }
        };
        config.ssl_mode(if encrypted { SslMode::Require } else { SslMode::Disable });
        let tls = if encrypted { Some(Tls::new(address.authority.as_deref())?) } else { None };
        let mut options = config.get_options().map(|given| format!("{given} ")).unwrap_or_default();
        // A plan for few rows must not be compiled; nobody may keep a transaction open and do nothing in it.
        options.push_str(
            "-c search_path=convoke -c jit=off -c idle_in_transaction_session_timeout=15s -c lock_timeout=10s \
             -c statement_timeout=60s -c default_transaction_isolation=read\\ committed",
        );
        // An instance whose machine or network is gone is missed in half a minute: what it held at the server is free then.
        options.push_str(
            " -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c tcp_user_timeout=25000",
        );
        config
            .options(options)
            .connect_timeout(CONNECT)
            .keepalives(true)
            .keepalives_idle(Duration::from_secs(15))
            .tcp_user_timeout(Duration::from_secs(15));
        if config.get_application_name().is_none() {
            config.application_name("convoke");
        }
        Ok(Self { config, tls })
    }

    /// More settings of every later connection.
    pub(super) fn also(&mut self, setting: &str) {
        let options = format!("{} {setting}", self.config.get_options().unwrap_or_default());
        self.config.options(options);
    }

    /// A new connection; waits a little for a server that cannot be reached.
    pub(super) async fn connect(&self) -> Result<Client, StoreFault> {
        self.connect_with(None).await
    }

    /// A new connection that hears what others tell.
    pub(super) async fn connect_hearing(&self) -> Result<(Client, UnboundedReceiver<String>), StoreFault> {
        let (sender, notices) = mpsc::unbounded_channel();
        Ok((self.connect_with(Some(sender)).await?, notices))
    }

    async fn connect_with(&self, notices: Option<UnboundedSender<String>>) -> Result<Client, StoreFault> {
        let until = tokio::time::Instant::now() + PATIENCE;
        let mut pause = Duration::from_millis(20);
        loop {
            // The configured time is one of the way only: a server that is paused takes connections and says nothing.
            let failed = match tokio::time::timeout(CONNECT, self.once(notices.clone())).await {
                Ok(Ok(client)) => return Ok(client),
                // Who is refused for what they ask is refused again.
                Ok(Err(error)) if !is_lost(&error) => return Err::<Client, _>(error).or_fault(),
                Ok(Err(error)) => store_fault(&error),
                Err(_) => StoreFault::Unavailable("PostgreSQL: it does not answer".to_owned()),
            };
            if tokio::time::Instant::now() + pause > until {
                return Err(failed);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    async fn once(&self, notices: Option<UnboundedSender<String>>) -> Result<Client, tokio_postgres::Error> {
        match &self.tls {
            None => {
                let (client, connection) = self.config.connect(tokio_postgres::NoTls).await?;
                tokio::spawn(carry(connection, notices));
                Ok(client)
            }
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await?;
                tokio::spawn(carry(connection, notices));
                Ok(client)
            }
        }
    }
}

/// Carries what one connection says until it ends, and hands on what others tell.
async fn carry<S, T>(mut connection: tokio_postgres::Connection<S, T>, notices: Option<UnboundedSender<String>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match std::future::poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notification(notice))) => {
                if let Some(notices) = &notices {
                    // Whoever heard may be gone; the connection is still used then.
                    let _ = notices.send(notice.payload().to_owned());
                }
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                tracing::debug!(error = %super::fault::told(&error), "a connection to PostgreSQL ended");
                return;
            }
            None => return,
        }
    }
}

/// The address without its `sslmode`, which is ours to judge, and the mode.
fn without_mode(url: &str) -> (String, Option<String>) {
    if !url.contains("://") {
        let mut mode = None;
        let kept: Vec<&str> = url
            .split_whitespace()
            .filter(|part| match part.strip_prefix("sslmode=") {
                Some(named) => {
                    mode = Some(named.to_owned());
                    false
                }
                None => true,
            })
            .collect();
        return (kept.join(" "), mode);
    }
    let Some((place, query)) = url.split_once('?') else { return (url.to_owned(), None) };
    let mut mode = None;
    let kept: Vec<&str> = query
        .split('&')
        .filter(|part| match part.strip_prefix("sslmode=") {
            Some(named) => {
                mode = Some(named.to_owned());
                false
            }
            None => !part.is_empty(),
        })
        .collect();
    if kept.is_empty() { (place.to_owned(), mode) } else { (format!("{place}?{}", kept.join("&")), mode) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_is_taken_out_of_either_form() {
        let mode = Some("require".to_owned());
        assert_eq!(without_mode("postgres://a@b/c?sslmode=require"), ("postgres://a@b/c".to_owned(), mode.clone()));
        let both = without_mode("postgres://a@b/c?x=1&sslmode=require");
        assert_eq!(both, ("postgres://a@b/c?x=1".to_owned(), mode.clone()));
        assert_eq!(without_mode("host=b sslmode=require user=a"), ("host=b user=a".to_owned(), mode));
        assert_eq!(without_mode("postgres://a@b/c"), ("postgres://a@b/c".to_owned(), None));
    }

    #[test]
    fn who_is_far_is_spoken_to_encrypted() {
        let server = |url: &str| {
            Server::new(&Address { url: Secret::new(url.to_owned()), password: None, authority: None })
                .map(|server| server.config.get_ssl_mode())
        };
        assert_eq!(server("postgres://a@localhost/c").ok(), Some(SslMode::Disable));
        assert_eq!(server("postgres://a@127.0.0.1/c").ok(), Some(SslMode::Disable));
        assert_eq!(server("postgres://a@db.example.org/c?sslmode=disable").ok(), Some(SslMode::Disable));
        assert!(server("postgres://a@localhost/c?sslmode=prefer").is_err());
        assert!(server("not an address").is_err());
    }
}
