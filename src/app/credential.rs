//! Credentials that the configuration names a place for. What the program connects to at its start needs them before there is a gate: one of the
//! vault is opened then, and its use is told of in the audit log before anybody is served.

use std::sync::{Arc, Mutex, PoisonError};

use super::objects::Reach;
use super::unusable_by;
use crate::capability::platform::Platform;
use crate::config::credential::CredentialIn;
use crate::domain::integrations::Vault;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::secret::Secret;
use crate::port::store::Store;

/// The vault while the program is put together.
pub(crate) struct VaultAtStart {
    vault: Arc<Vault>,
    store: Arc<dyn Store>,
    taken: Mutex<Vec<(String, String)>>,
}

impl VaultAtStart {
    /// The vault of a store.
    pub(super) fn new(vault: Arc<Vault>, store: Arc<dyn Store>) -> Self {
        Self { vault, store, taken: Mutex::default() }
    }

    async fn take(&self, key: &str, name: &str) -> Result<Secret, Fault> {
        let text = self.vault.at_start(&*self.store, name).await?;
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).push((key.to_owned(), name.to_owned()));
        Ok(text)
    }

    /// Tells the audit log what was taken and for what.
    pub(super) async fn tell(&self, platform: &Platform) -> Result<(), Fault> {
        let taken = std::mem::take(&mut *self.taken.lock().unwrap_or_else(PoisonError::into_inner));
        for (key, name) in taken {
            self.vault.tell_of_start(platform, &key, &name).await?;
        }
        Ok(())
    }
}

impl Reach<'_> {
    /// The credential that a key of the configuration names a place for; `None` where it names none.
    pub(super) async fn credential(self, key: &str, place: Option<CredentialIn<'_>>) -> Result<Option<Secret>, Fault> {
        let wrong = |why: &str| Fault::new(&codes::BAD_CONFIGURATION, format!("{key} cannot be used: {why}"));
        match place.ok_or_else(|| wrong("it names no place"))? {
            CredentialIn::Nowhere => Ok(None),
            CredentialIn::File(path) => {
                // A relative path is one of the data folder, wherever the program was started.
                let file = self.data.join(path);
                let text = std::fs::read_to_string(&file);
                let text = text
                    .map_err(|error| unusable_by(&file, format!("{key} names it, and it cannot be read: {error}")))?;
                Ok(Some(Secret::new(text.trim().to_owned())))
            }
            CredentialIn::Variable(variable) => {
                let value = self.environment.value(variable);
                value.map(Some).ok_or_else(|| wrong(&format!("the variable {variable} is not set")))
            }
            CredentialIn::Vault(name) => match self.vault {
                Some(vault) => vault.take(key, name).await.map(Some).map_err(|fault| {
                    wrong(&format!("{fault}. Store it with secret_put while what needs it is not configured yet"))
                }),
                None => Err(wrong("the vault is not open")),
            },
        }
    }
}
