//! The vault. A secret is sealed under its tenant's data key, the data key under the operator's master key, each bound to where
//! it belongs: what is moved to another name, key or tenant does not open. Master keys are held in memory only; data keys and
//! secrets are opened for the moment of a use.

mod keys;
pub(super) mod rotate;
mod take;

use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use super::faults;
use super::model::{DATA_KEY, StoredSecret};
use crate::capability::cx::store_fault;
use crate::kernel::cipher::CipherKey;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::secret::Secret;
use crate::port::records::{Filter, Scalar, Scope};
use crate::port::secrets::{Environment, KeyFault, MasterKeys};
use crate::port::store::Store;
use keys::Ring;

/// Keeps secrets.
pub struct Vault {
    source: Arc<dyn MasterKeys>,
    environment: Arc<dyn Environment>,
    ring: ArcSwap<Ring>,
    rotating: tokio::sync::Mutex<()>,
}

/// How the vault is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultState {
    /// Where the master keys come from.
    pub place: String,
    /// How many master keys are known.
    pub master_keys: usize,
    /// Data keys, over all tenants.
    pub data_keys: u64,
    /// Of these, the ones sealed under a master key that is known and not the first.
    pub former: u64,
    /// Of these, the ones sealed under a master key that is not known.
    pub unknown: u64,
    /// What keeps it from opening everything.
    pub fault: Option<String>,
}

impl Vault {
    /// The vault of a store. At the very first start the master key is made, where it is the program's own to make.
    ///
    /// # Errors
    /// `bad_configuration` when the master keys cannot be read.
    pub async fn open(
        source: Arc<dyn MasterKeys>,
        environment: Arc<dyn Environment>,
        store: &dyn Store,
    ) -> Result<Self, Fault> {
        let ring = match source.read().await {
            Ok(keys) => Ring::of(keys),
            // Where secrets are sealed already, a new key would only hide that the right one is gone.
            Err(KeyFault::Missing(why)) => {
                let sealed = store.count(Scope::Platform, &DATA_KEY, Filter::All).await.map_err(store_fault)? > 0;
                if !sealed && source.renew().await.map_err(|fault| unusable(&fault))? {
                    Ring::of(source.read().await.map_err(|fault| unusable(&fault))?)
                } else if sealed {
                    Ring::without(why)
                } else {
                    return Err(unusable(&KeyFault::Missing(why)));
                }
            }
            Err(fault) => return Err(unusable(&fault)),
        };
        Ok(Self { source, environment, ring: ArcSwap::from_pointee(ring), rotating: tokio::sync::Mutex::default() })
    }

    /// Reads the master keys anew. What cannot be read leaves those that are known in force.
    ///
    /// # Errors
    /// `bad_configuration`.
    pub async fn reload(&self) -> Result<(), Fault> {
        let keys = self.source.read().await.map_err(|fault| unusable(&fault))?;
        self.ring.store(Arc::new(Ring::of(keys)));
        Ok(())
    }

    /// How it is.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn state(&self, store: &dyn Store) -> Result<VaultState, Fault> {
        let ring = self.ring.load_full();
        let of = |ids: &[String]| Filter::In("master", ids.iter().cloned().map(Scalar::Text).collect());
        let count = |filter| store.count(Scope::Platform, &DATA_KEY, filter);
        let data_keys = count(Filter::All).await.map_err(store_fault)?;
        let ids = ring.ids();
        let (mut first, mut known) = (0, 0);
        if data_keys > 0 && !ids.is_empty() {
            first = count(of(ids.get(..1).unwrap_or_default())).await.map_err(store_fault)?;
            known = count(of(&ids)).await.map_err(store_fault)?;
        }
        let unknown = data_keys.saturating_sub(known);
        let fault = ring.fault().map(str::to_owned).or_else(|| {
            (unknown > 0)
                .then(|| format!("{unknown} of {data_keys} data keys are sealed under a master key that is not known"))
        });
        Ok(VaultState {
            place: self.source.place(),
            master_keys: ids.len(),
            data_keys,
            former: known.saturating_sub(first),
            unknown,
            fault,
        })
    }

    /// Seals a secret under a data key.
    fn seal(tenant: TenantId, key: Uuid, data_key: &CipherKey, name: &str, text: &[u8]) -> Result<String, Fault> {
        Ok(STANDARD.encode(data_key.seal(&secret_context(tenant, key, name), text)?))
    }

    /// Opens a secret with its data key.
    fn open_secret(tenant: TenantId, data_key: &CipherKey, secret: &StoredSecret) -> Result<Secret, Fault> {
        let context = secret_context(tenant, secret.data_key, &secret.name);
        let opened = STANDARD.decode(&secret.sealed).ok().and_then(|sealed| data_key.open(&context, &sealed));
        let text = opened.and_then(|mut text| String::from_utf8(std::mem::take(&mut *text)).ok());
        text.map(Secret::new)
            .ok_or_else(|| Fault::new(&faults::SECRET_DAMAGED, format!("the secret '{}' does not open", secret.name)))
    }
}

/// What a secret is bound to.
fn secret_context(tenant: TenantId, key: Uuid, name: &str) -> Vec<u8> {
    let mut context = b"convoke secret 1\0".to_vec();
    context.extend_from_slice(tenant.uuid().as_bytes());
    context.extend_from_slice(key.as_bytes());
    context.extend_from_slice(name.as_bytes());
    context
}

fn unusable(fault: &KeyFault) -> Fault {
    let say = format!(
        "vault.master: {fault}. Secrets are sealed under this key: name a place that has it, as 'file:PATH', 'env:VARIABLE' or \
         'command:PROGRAM ARGUMENTS'"
    );
    Fault::new(&codes::BAD_CONFIGURATION, say)
}
