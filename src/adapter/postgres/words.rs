//! What instances on one database tell each other, by `LISTEN` and `NOTIFY`: that rights have changed, or what others remember or
//! follow, in the very transaction that changes it. One connection hears; as long as it lives it also shows the others that this instance does. While it is
//! down, whatever this instance keeps is taken for stale again and again.

use std::time::Duration;

use tokio::sync::{broadcast, mpsc};
use uuid::Uuid;

use super::cell::Cell;
use super::fault::misuse;
use super::link::Link;
use super::server::Server;
use super::time::Time;
use crate::kernel::id::TenantId;
use crate::port::store::{StoreFault, Word};

/// How often the connection is tried when nothing is heard, and the database asked for the time.
const BEAT: Duration = Duration::from_millis(300);
/// How long it may take to answer.
const ANSWER: Duration = Duration::from_millis(400);
/// How often what is kept is taken for stale while nothing can be heard.
const STALE: Duration = Duration::from_millis(200);
/// Words that wait for a reader who is busy.
const WAITING: usize = 1024;

/// Tells all who listen, when the transaction is committed.
pub(super) const TELL: &str = "SELECT pg_notify('convoke', $1::text)";

/// Shows that an instance lives.
const LIVE: &str = "SELECT pg_advisory_lock_shared(1129270855, $1::integer)";

/// Whether one does.
pub(super) const LIVES: &str = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted \
     AND classid::bigint = 1129270855 AND objid::bigint = $1::bigint \
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))";

/// Whether one with another number does.
pub(super) const OTHERS: &str = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted \
     AND classid::bigint = 1129270855 AND objid::bigint <> $1::bigint \
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))";

/// The ear of an instance.
pub(super) struct Ear {
    /// The instance's number: positive, so that it is the same wherever it is written.
    pub(super) instance: i32,
    heard: broadcast::Sender<Word>,
    listening: tokio::task::JoinHandle<()>,
}

impl Ear {
    /// Begins to hear.
    pub(super) async fn open(server: &Server, time: Time) -> Result<Self, StoreFault> {
        let mut bytes = [0; 4];
        getrandom::fill(&mut bytes).map_err(|error| misuse(format!("no random bytes: {error}")))?;
        let instance = i32::from_be_bytes(bytes) & i32::MAX;
        let (heard, _) = broadcast::channel(WAITING);
        let first = Listening::begin(server, instance).await?;
        let listening = tokio::spawn(listen(server.clone(), instance, time, first, heard.clone()));
        Ok(Self { instance, heard, listening })
    }

    /// Hears from now on.
    pub(super) fn words(&self) -> broadcast::Receiver<Word> {
        self.heard.subscribe()
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// A connection that hears.
struct Listening {
    link: Link,
    notices: mpsc::UnboundedReceiver<String>,
}

impl Listening {
    async fn begin(server: &Server, instance: i32) -> Result<Self, StoreFault> {
        let (client, notices) = server.connect_hearing().await?;
        let mut link = Link::new(client);
        link.run("LISTEN convoke").await?;
        link.rows(LIVE, vec![Cell::Integer(i64::from(instance))]).await?;
        Ok(Self { link, notices })
    }

    /// Tells what is heard until the connection is gone or does not answer.
    async fn tell(&mut self, instance: i32, time: &Time, heard: &broadcast::Sender<Word>) {
        loop {
            match tokio::time::timeout(BEAT, self.notices.recv()).await {
                Ok(Some(notice)) => {
                    // Nobody listening is not a fault.
                    if let Some(word) = word(&notice, instance) {
                        let _ = heard.send(word);
                    }
                }
                Ok(None) => return,
                Err(_) => {
                    let answer = tokio::time::timeout(ANSWER, time.look(&mut self.link)).await;
                    if !matches!(answer, Ok(Ok(()))) {
                        return;
                    }
                }
            }
        }
    }
}

async fn listen(server: Server, instance: i32, time: Time, first: Listening, heard: broadcast::Sender<Word>) {
    let mut listening = first;
    loop {
        listening.tell(instance, &time, &heard).await;
        drop(listening);
        tracing::warn!("PostgreSQL cannot be heard: rights are looked up anew until it can");
        listening = again(&server, instance, &heard).await;
        // What was said meanwhile was not heard.
        let _ = heard.send(Word::Everything);
        tracing::info!("PostgreSQL can be heard again");
    }
}

async fn again(server: &Server, instance: i32, heard: &broadcast::Sender<Word>) -> Listening {
    let mut stale = tokio::time::interval(STALE);
    loop {
        let mut beginning = Box::pin(Listening::begin(server, instance));
        let begun = loop {
            tokio::select! {
                begun = &mut beginning => break begun,
                _ = stale.tick() => drop(heard.send(Word::Everything)),
            }
        };
        if let Ok(listening) = begun {
            return listening;
        }
        stale.tick().await;
        let _ = heard.send(Word::Everything);
    }
}

/// A word as it goes out.
pub(super) fn notice(instance: i32, word: &Word) -> String {
    match word {
        Word::Authority { tenant, user } => {
            let user = user.map(|user| user.to_string()).unwrap_or_default();
            format!("{instance} authority {} {user}", tenant.uuid())
        }
        Word::Erased { tenant, subject } => format!("{instance} erased {} {subject}", tenant.uuid()),
        Word::Changed { tenant } => format!("{instance} changed {} ", tenant.uuid()),
        Word::Appended { log } => format!("{instance} appended {log}"),
        Word::Counted(counted) => format!("{instance} counted {counted}"),
        Word::Everything => format!("{instance} everything"),
    }
}

/// What a notice says to this instance. Its own it knows already; what cannot be read is taken for the worst.
fn word(notice: &str, instance: i32) -> Option<Word> {
    let mut parts = notice.splitn(3, ' ');
    if parts.next().and_then(|sender| sender.parse().ok()) == Some(instance) {
        return None;
    }
    Some(read(parts.next(), parts.next().unwrap_or_default()).unwrap_or(Word::Everything))
}

fn read(what: Option<&str>, of: &str) -> Option<Word> {
    if what == Some("counted") {
        return Some(Word::Counted(of.to_owned()));
    }
    if what == Some("appended") {
        return Some(Word::Appended { log: of.to_owned() });
    }
    let (tenant, whose) = of.split_once(' ')?;
    let tenant = TenantId::from_uuid(Uuid::parse_str(tenant).ok()?);
    let whose = Uuid::parse_str(whose).ok();
    match what? {
        "authority" => Some(Word::Authority { tenant, user: whose }),
        "changed" => Some(Word::Changed { tenant }),
        "erased" => Some(Word::Erased { tenant, subject: whose? }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_understood_by_others() {
        let (tenant, user) = (TenantId::from_uuid(Uuid::from_u128(7)), Some(Uuid::from_u128(8)));
        for told in [
            Word::Authority { tenant, user },
            Word::Authority { tenant, user: None },
            Word::Erased { tenant, subject: Uuid::from_u128(9) },
            Word::Changed { tenant },
            Word::Appended { log: "channels".to_owned() },
            Word::Counted("k 3".to_owned()),
            Word::Everything,
        ] {
            let notice = notice(1, &told);
            assert_eq!((word(&notice, 2), word(&notice, 1)), (Some(told), None));
        }
        for nonsense in ["nonsense", "1 erased 7", "1 erased 00000000-0000-0000-0000-000000000007 x", ""] {
            assert_eq!(word(nonsense, 2), Some(Word::Everything));
        }
    }
}
