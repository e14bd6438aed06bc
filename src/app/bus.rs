//! Which bus carries events: the log itself, or NATS JetStream beside it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::objects::Reach;
use crate::adapter::nats::{Address, Login, NatsBus, ReadSecret, Settings, check as usable};
use crate::adapter::outbox::Outbox;
use crate::capability::events::EVENTS;
use crate::config::credential::CredentialIn;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::new_uuid;
use crate::kernel::seal::Seal;
use crate::kernel::secret::Secret;
use crate::port::bus::Bus;
use crate::port::store::Store;

/// The name of the other bus.
const NATS: &str = "nats";

/// Events of the stream's end that are kept in memory.
const TAIL: usize = 50_000;

/// The bus of a configuration. What it does by itself begins later.
pub(super) async fn open(reach: Reach<'_>, store: &Arc<dyn Store>, seal: &Seal) -> Result<Arc<dyn Bus>, Fault> {
    let Reach { config, clock, .. } = reach;
    if config.events.bus != NATS {
        return Ok(Arc::new(Outbox::new(store.clone(), &EVENTS)));
    }
    let nats = &config.nats;
    let megabytes = (nats.keep_megabytes > 0).then_some(nats.keep_megabytes);
    let settings = Settings {
        address: address(reach).await?,
        stream: nats.stream.clone(),
        replicas: nats.replicas,
        keep: Duration::from_hours(nats.keep_hours),
        most_bytes: megabytes.map(|megabytes| megabytes.saturating_mul(1 << 20)),
        voice: installation(seal),
        installation: installation(seal),
        instance: new_uuid(clock.now()),
        tail_events: TAIL,
    };
    Ok(Arc::new(NatsBus::new(settings, store.clone(), &EVENTS).map_err(|why| unusable(&why))?))
}

/// What cannot be used of what the operator wrote, as far as that can be told without a server and without the vault.
pub(super) async fn check(reach: Reach<'_>) -> Result<(), Fault> {
    let nats = &reach.config.nats;
    if reach.config.events.bus != NATS || matches!(nats.login_in(), Some(CredentialIn::Vault(_))) {
        return Ok(());
    }
    usable(&address(reach).await?).map_err(|why| unusable(&why))
}

/// What tells the stream of one installation from another's. It says nothing of the key that it is made from.
fn installation(seal: &Seal) -> String {
    let mut half = [0; 16];
    half.copy_from_slice(&seal.derive("events over NATS", b"installation")[..16]);
    Uuid::from_bytes(half).simple().to_string()[..12].to_owned()
}

async fn address(reach: Reach<'_>) -> Result<Address, Fault> {
    let nats = &reach.config.nats;
    let login = match nats.login.as_str() {
        "" => Login::Nobody,
        login => {
            let secret = secret(reach).await?;
            match login {
                "password" => Login::Password(nats.user.clone(), secret),
                "token" => Login::Token(secret),
                "nkey" => Login::Nkey(secret),
                "credentials" => Login::Credentials(secret),
                other => return Err(unusable(&format!("nats.login = '{other}' is not known"))),
            }
        }
    };
    let authority = (!nats.tls_ca.is_empty()).then(|| PathBuf::from(&nats.tls_ca));
    Ok(Address { urls: nats.urls.clone(), authority, login })
}

/// Reads what the program logs in with, anew for each connection, so that it can be changed while the program runs. What the vault has is read once.
async fn secret(reach: Reach<'_>) -> Result<ReadSecret, Fault> {
    let place = reach.config.nats.login_in();
    match place {
        // A relative path is one of the data folder, wherever the program was started.
        Some(CredentialIn::File(path)) => {
            let path = reach.data.join(path);
            Ok(Arc::new(move || {
                let text = std::fs::read_to_string(&path);
                let text =
                    text.map_err(|error| format!("nats.login_from: {} cannot be read: {error}", path.display()))?;
                Ok(Secret::new(text.trim().to_owned()))
            }))
        }
        Some(CredentialIn::Variable(variable)) => {
            let (variable, environment) = (variable.to_owned(), reach.environment.clone());
            Ok(Arc::new(move || {
                let value = environment.value(&variable);
                value.ok_or_else(|| format!("nats.login_from: the variable {variable} is not set"))
            }))
        }
        Some(CredentialIn::Vault(_)) => {
            let text = reach.credential("nats.login_from", place).await?;
            Ok(Arc::new(move || text.clone().ok_or_else(|| "nats.login_from names no place".to_owned())))
        }
        Some(CredentialIn::Nowhere) | None => Err(unusable("nats.login_from names no place")),
    }
}

fn unusable(why: &str) -> Fault {
    Fault::new(&codes::BAD_CONFIGURATION, format!("events.bus = 'nats' cannot be used: {why}"))
}
