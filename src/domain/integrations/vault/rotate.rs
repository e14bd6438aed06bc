//! New keys in place of old ones while everything runs. A new master key: every data key is sealed anew under it. A new data
//! key: it seals from now on, what was sealed under the old one is sealed anew, and then the old one goes. What is interrupted
//! is taken up again: `Vault::finish` is asked now and then, and each step leaves a vault that opens.

use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::Vault;
use crate::capability::caller::{Door, Origin};
use crate::capability::credentials::UseOf;
use crate::capability::cx::store_fault;
use crate::capability::gate::audit::{Deed, deed};
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::capability::spec::Effect;
use crate::domain::identity::default_tenant;
use crate::domain::integrations::faults;
use crate::domain::integrations::model::{ACTIVE, DATA_KEY, DataKey, SECRET, StoredSecret};
use crate::kernel::cipher::CipherKey;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, TenantId};
use crate::port::records::{Document, Filter, Kind, Place, Query, Record, Scalar, Scope, Visibility};
use crate::port::store::{Batch, Conflict, Expect, Put, Step, StoreFault};

/// Documents read at a time.
const PAGE: u32 = 100;
/// What keeps changing while it is sealed anew is tried so often in one round.
const MOST_PASSES: usize = 20;

/// What a rotation did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rotated {
    /// Data keys sealed anew under the first master key.
    pub data_keys_rewrapped: u64,
    /// Tenants that have a new data key.
    pub new_data_keys: u64,
    /// Secrets sealed anew.
    pub secrets_resealed: u64,
    /// Old data keys that went, because nothing is sealed under them any more.
    pub data_keys_removed: u64,
    /// Secrets that do not open and were left as they are.
    pub secrets_damaged: u64,
    /// Data keys under a master key that is not known; left as they are.
    pub data_keys_locked: u64,
    /// Former master keys that were forgotten.
    pub former_forgotten: bool,
}

impl Vault {
    /// A new master key: made here where it is the program's own, else the first of those that its place names now. Former
    /// ones stay beside it, since backups hold data keys sealed under them, unless they are to be forgotten.
    ///
    /// # Errors
    /// When the keys or the store fail; `conflict` when former keys are still needed.
    pub async fn rotate_master(&self, platform: &Platform, forget_former: bool) -> Result<Rotated, Fault> {
        let _alone = self.rotating.lock().await;
        let failed = |fault| super::unusable(&fault);
        self.source.renew().await.map_err(failed)?;
        self.reload().await?;
        let mut rotated = Rotated::default();
        self.rewrap(platform, &mut rotated).await?;
        if forget_former {
            let state = self.state(&*platform.store).await?;
            if state.former + state.unknown > 0 {
                let say = "data keys are still sealed under other master keys, so none is forgotten";
                return Err(Fault::new(&codes::CONFLICT, say));
            }
            rotated.former_forgotten = self.source.forget_former().await.map_err(failed)?;
            self.reload().await?;
        }
        self.leave_entry(platform, "vault_rotate_master", &rotated).await?;
        Ok(rotated)
    }

    /// New data keys for all tenants, and everything sealed anew under them.
    ///
    /// # Errors
    /// `vault_locked`; when the store fails.
    pub async fn rotate_data(&self, platform: &Platform) -> Result<Rotated, Fault> {
        let _alone = self.rotating.lock().await;
        let mut rotated = Rotated::default();
        let active = Filter::is("slot", Scalar::Text(ACTIVE.to_owned()));
        for record in all(platform, DataKey::KIND, active).await? {
            self.replace(platform, record, &mut rotated).await?;
        }
        self.reseal(platform, &mut rotated).await?;
        self.leave_entry(platform, "vault_rotate", &rotated).await?;
        Ok(rotated)
    }

    /// Takes up what an earlier rotation left: secrets that are sealed under an old data key.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn finish(&self, platform: &Platform) -> Result<Rotated, Fault> {
        let mut rotated = Rotated::default();
        // A rotation that runs here does it anyway.
        let Ok(_alone) = self.rotating.try_lock() else { return Ok(rotated) };
        self.reseal(platform, &mut rotated).await?;
        Ok(rotated)
    }

    /// Seals every data key under the first master key.
    async fn rewrap(&self, platform: &Platform, rotated: &mut Rotated) -> Result<(), Fault> {
        let first = self.ring.load().first()?.0.to_owned();
        for _ in 0..MOST_PASSES {
            let other = Filter::Not(Box::new(Filter::is("master", Scalar::Text(first.clone()))));
            let (mut locked, mut again) = (0, false);
            for record in all(platform, DataKey::KIND, other).await? {
                let tenant = record.tenant;
                let stored = Stored::<DataKey>::read(record)?;
                let key = match self.unwrap(tenant, stored.id, &stored.value) {
                    Ok(key) => key,
                    Err(fault) if fault.is(&faults::VAULT_LOCKED) || fault.is(&faults::SECRET_DAMAGED) => {
                        locked += 1;
                        continue;
                    }
                    Err(fault) => return Err(fault),
                };
                let wrapped = self.wrap(tenant, stored.value.generation, &key, stored.value.slot.clone())?;
                let step = put(stored.id, Expect::Revision(stored.revision), &wrapped)?;
                if write(platform, tenant, vec![step]).await? {
                    rotated.data_keys_rewrapped += 1;
                } else {
                    again = true;
                }
            }
            rotated.data_keys_locked = locked;
            if !again {
                return Ok(());
            }
        }
        Err(Fault::new(&codes::CONFLICT, "the data keys keep changing"))
    }

    /// Puts a new data key in place of the one that seals. Calls that seal at this moment fail to commit and run again with
    /// the new one, so nothing is sealed under the old one from here on.
    async fn replace(&self, platform: &Platform, record: Record, rotated: &mut Rotated) -> Result<(), Fault> {
        let tenant = record.tenant;
        let old = Stored::<DataKey>::read(record)?;
        let generation = old.value.generation + 1;
        if let Err(fault) = self.unwrap(tenant, old.id, &old.value) {
            tracing::warn!(%tenant, %fault, "the data key of a tenant cannot be replaced");
            rotated.data_keys_locked += 1;
            return Ok(());
        }
        let fresh = self.wrap(tenant, generation, &CipherKey::random()?, Some(ACTIVE.to_owned()))?;
        let retired = DataKey { slot: None, ..old.value.clone() };
        let steps = vec![
            put(old.id, Expect::Revision(old.revision), &retired)?,
            put(DataKey::id(tenant, generation), Expect::Absent, &fresh)?,
        ];
        // Somebody else's rotation was faster: as good as this one.
        if write(platform, tenant, steps).await? {
            rotated.new_data_keys += 1;
        }
        Ok(())
    }

    /// Seals anew what is sealed under retired data keys, and removes those that nothing needs any more.
    async fn reseal(&self, platform: &Platform, rotated: &mut Rotated) -> Result<(), Fault> {
        for record in all(platform, DataKey::KIND, Filter::IsNull("slot")).await? {
            let tenant = record.tenant;
            let old = Stored::<DataKey>::read(record)?;
            let active = Query::newest(Filter::is("slot", Scalar::Text(ACTIVE.to_owned())), 1);
            let found = platform.store.find(Scope::Tenant(tenant), DataKey::KIND, active).await.map_err(store_fault)?;
            let Some(active) = found.into_iter().next() else { continue };
            let active = Stored::<DataKey>::read(active)?;
            let keys = self
                .unwrap(tenant, old.id, &old.value)
                .and_then(|old| Ok((old, self.unwrap(tenant, active.id, &active.value)?)));
            let Ok((old_key, new_key)) = keys else {
                rotated.data_keys_locked += 1;
                continue;
            };
            let new = (&active, &new_key);
            if self.reseal_all(platform, tenant, (old.id, &old_key), new, rotated).await? {
                let gone = Step::Remove { kind: &DATA_KEY, id: old.id, expect: Expect::Revision(old.revision) };
                rotated.data_keys_removed += u64::from(write(platform, tenant, vec![gone]).await?);
            }
        }
        Ok(())
    }

    /// Seals anew what is sealed under one data key; whether nothing is left under it.
    async fn reseal_all(
        &self,
        platform: &Platform,
        tenant: TenantId,
        (old, old_key): (Uuid, &CipherKey),
        (active, new_key): (&Stored<DataKey>, &CipherKey),
        rotated: &mut Rotated,
    ) -> Result<bool, Fault> {
        for _ in 0..MOST_PASSES {
            let under_old = Filter::is("dataKey", Scalar::Id(old));
            let found = all_of(platform, Scope::Tenant(tenant), &SECRET, under_old).await?;
            if found.is_empty() {
                return Ok(true);
            }
            let (mut damaged, mut written) = (0, 0);
            let left = found.len() as u64;
            for record in found {
                let belongs = (record.owner, record.visibility);
                let stored = Stored::<StoredSecret>::read(record)?;
                let Ok(text) = Self::open_secret(tenant, old_key, &stored.value) else {
                    tracing::error!(%tenant, name = stored.value.name, "a stored secret was tampered with and is left as it is");
                    damaged += 1;
                    continue;
                };
                let name = &stored.value.name;
                let sealed = Self::seal(tenant, active.id, new_key, name, text.reveal().as_bytes())?;
                let fresh = StoredSecret { data_key: active.id, sealed, ..stored.value.clone() };
                let mut step = put(stored.id, Expect::Revision(stored.revision), &fresh)?;
                if let Step::Put(put) = &mut step {
                    (put.owner, put.visibility) = belongs;
                }
                // The new key must still be the one that seals: another instance may have retired it meanwhile.
                let seals = Step::Check { kind: &DATA_KEY, id: active.id, expect: Expect::Revision(active.revision) };
                written += u64::from(write(platform, tenant, vec![seals, step]).await?);
            }
            rotated.secrets_resealed += written;
            // What is left is damaged, or sealed by somebody else: the next round sees how it stands then.
            if written == 0 && left > 0 {
                rotated.secrets_damaged += damaged;
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// The audit log of the installation's own tenant tells of a rotation; the owner of the machine did it.
    async fn leave_entry(&self, platform: &Platform, action: &str, rotated: &Rotated) -> Result<(), Fault> {
        let Some((tenant, owner)) = default_tenant(&*platform.store).await? else { return Ok(()) };
        let now = platform.clock.now();
        let by = UseOf {
            tenant,
            actor: owner,
            principal: format!("local:{owner}"),
            agent: None,
            request_id: CallId::new(now),
            origin: Origin { door: Door::Cli, address: None },
            what: action.to_owned(),
        };
        let told = json!({ "rotated": rotated, "masterKeys": self.ring.load().ids().len() });
        let told = Deed {
            at: now,
            by: &by,
            action,
            effect: Effect::Change,
            resource_type: "vault",
            resource_id: String::new(),
            told,
            outcome: "done",
        };
        let entry = deed(platform, told).await.map_err(store_fault)?;
        entry.commit(&*platform.store, tenant, now, Vec::new()).await.map_err(store_fault)
    }
}

async fn all(platform: &Platform, kind: &'static Kind, filter: Filter) -> Result<Vec<Record>, Fault> {
    all_of(platform, Scope::Platform, kind, filter).await
}

/// Every document that fits, page by page.
async fn all_of(platform: &Platform, scope: Scope, kind: &'static Kind, filter: Filter) -> Result<Vec<Record>, Fault> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let query = Query { filter: filter.clone(), order: "id", descending: false, after, limit: PAGE };
        let page = platform.store.find(scope, kind, query).await.map_err(store_fault)?;
        let whole = page.len() == PAGE as usize;
        after = page.last().map(|last| Place { key: Scalar::Id(last.id), id: last.id });
        found.extend(page);
        if !whole {
            return Ok(found);
        }
    }
}

/// Writes; false when something changed meanwhile.
async fn write(platform: &Platform, tenant: TenantId, steps: Vec<Step>) -> Result<bool, Fault> {
    match platform.store.commit(vec![Batch { tenant, at: platform.clock.now(), steps }]).await {
        Ok(_) => Ok(true),
        Err(StoreFault::Conflict(Conflict::Changed { .. } | Conflict::Taken { .. })) => Ok(false),
        Err(fault) => Err(store_fault(fault)),
    }
}

fn put<T: Document>(id: Uuid, expect: Expect, document: &T) -> Result<Step, Fault> {
    Ok(Step::Put(Put {
        kind: T::KIND,
        id,
        expect,
        owner: None,
        workspace: None,
        visibility: Visibility::Private,
        body: serde_json::to_value(document).map_err(Fault::internal)?,
    }))
}
