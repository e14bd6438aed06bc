//! The keys of the vault: the ring of master keys, and data keys sealed under them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use super::Vault;
use crate::capability::cx::{Belongs, Cx, store_fault};
use crate::capability::owned::Stored;
use crate::domain::integrations::faults;
use crate::domain::integrations::model::{ACTIVE, DataKey};
use crate::kernel::cipher::CipherKey;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::port::records::{Document as _, Filter, Query, Scalar, Scope, Visibility};
use crate::port::store::Store;

/// The master keys that are known.
pub(super) struct Ring {
    keys: Vec<(String, CipherKey)>,
    fault: Option<String>,
}

impl Ring {
    /// These keys, the first of which seals.
    pub(super) fn of(keys: Vec<CipherKey>) -> Self {
        Self { keys: keys.into_iter().map(|key| (key.id(), key)).collect(), fault: None }
    }

    /// None, for this reason.
    pub(super) fn without(why: String) -> Self {
        Self { keys: Vec::new(), fault: Some(why) }
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.keys.iter().map(|(id, _)| id.clone()).collect()
    }

    pub(super) fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// The one that seals.
    pub(super) fn first(&self) -> Result<(&str, &CipherKey), Fault> {
        self.keys.first().map(|(id, key)| (id.as_str(), key)).ok_or_else(|| locked("the master key is missing"))
    }

    fn find(&self, id: &str) -> Option<&CipherKey> {
        self.keys.iter().find(|(one, _)| one == id).map(|(_, key)| key)
    }
}

/// The fault of a vault that cannot be opened.
pub(super) fn locked(say: &str) -> Fault {
    Fault::new(&faults::VAULT_LOCKED, say)
}

/// What a data key is bound to.
fn context(tenant: TenantId, id: Uuid) -> Vec<u8> {
    let mut context = b"convoke data key 1\0".to_vec();
    context.extend_from_slice(tenant.uuid().as_bytes());
    context.extend_from_slice(id.as_bytes());
    context
}

/// A data key that is open.
pub(in crate::domain::integrations) struct Opened {
    pub(in crate::domain::integrations) id: Uuid,
    pub(super) key: CipherKey,
}

impl Vault {
    /// Seals a data key under the first master key.
    pub(super) fn wrap(
        &self,
        tenant: TenantId,
        generation: i64,
        key: &CipherKey,
        slot: Option<String>,
    ) -> Result<DataKey, Fault> {
        let ring = self.ring.load();
        let (master, sealing) = ring.first()?;
        let wrapped = sealing.seal(&context(tenant, DataKey::id(tenant, generation)), key.bytes())?;
        Ok(DataKey { slot, generation, master: master.to_owned(), wrapped: STANDARD.encode(wrapped) })
    }

    /// Opens a data key with the master key that it is sealed under.
    pub(super) fn unwrap(&self, tenant: TenantId, id: Uuid, key: &DataKey) -> Result<CipherKey, Fault> {
        let ring = self.ring.load();
        let Some(master) = ring.find(&key.master) else {
            return Err(locked("the data key is sealed under a master key that is not known"));
        };
        let opened = STANDARD.decode(&key.wrapped).ok().and_then(|sealed| master.open(&context(tenant, id), &sealed));
        opened
            .and_then(|bytes| CipherKey::of_bytes(&bytes))
            .ok_or_else(|| Fault::new(&faults::SECRET_DAMAGED, "the data key was altered or is not of this tenant"))
    }

    /// Opens a data key that was read before; nothing where it is another by now. Between the two a rotation may have sealed it anew
    /// under another master key and forgotten the one that it was under.
    pub(super) async fn unwrap_present(
        &self,
        store: &dyn Store,
        tenant: TenantId,
        stored: &Stored<DataKey>,
    ) -> Result<Option<CipherKey>, Fault> {
        match self.unwrap(tenant, stored.id, &stored.value) {
            Err(fault) if fault.is(&faults::VAULT_LOCKED) => {
                let present = find(store, tenant, stored.id).await?;
                if present.is_some_and(|present| present.revision == stored.revision) { Err(fault) } else { Ok(None) }
            }
            opened => opened.map(Some),
        }
    }

    /// The data key that seals, within a call that writes: the call fails when another takes its place meanwhile. The first
    /// secret of a tenant makes the first one.
    pub(in crate::domain::integrations) async fn sealing_key(&self, cx: &Cx) -> Result<Opened, Fault> {
        let active = Query::newest(Filter::is("slot", Scalar::Text(ACTIVE.to_owned())), 1);
        while let Some(stored) = cx.find::<DataKey>(active.clone()).await?.into_iter().next() {
            if let Some(key) = self.unwrap_present(&*cx.platform().store, cx.tenant(), &stored).await? {
                cx.hold(&stored);
                return Ok(Opened { id: stored.id, key });
            }
        }
        let generation = 1;
        let id = DataKey::id(cx.tenant(), generation);
        let key = CipherKey::random()?;
        let wrapped = self.wrap(cx.tenant(), generation, &key, Some(ACTIVE.to_owned()))?;
        cx.create(id, Belongs { owner: None, workspace: None, visibility: Visibility::Private }, &wrapped)?;
        Ok(Opened { id, key })
    }

    /// Seals a text under a data key that is open.
    pub(in crate::domain::integrations) fn seal_with(
        tenant: TenantId,
        key: &Opened,
        name: &str,
        text: &[u8],
    ) -> Result<String, Fault> {
        Self::seal(tenant, key.id, &key.key, name, text)
    }
}

/// A data key of a tenant; `None` when nothing is sealed under it any more and it is gone.
pub(super) async fn find(store: &dyn Store, tenant: TenantId, id: Uuid) -> Result<Option<Stored<DataKey>>, Fault> {
    let found = store.get(Scope::Tenant(tenant), DataKey::KIND, id).await.map_err(store_fault)?;
    found.map(Stored::read).transpose()
}
