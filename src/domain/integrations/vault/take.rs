//! Taking a credential by its name: from the vault, or else, for the installation's own tenant, from the environment. Its use
//! is on disk before it is handed out.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{Vault, keys};
use crate::capability::caller::{Door, Origin};
use crate::capability::credentials::{CredentialSource, UseOf};
use crate::capability::cx::store_fault;
use crate::capability::gate::audit::{Deed, deed};
use crate::capability::gate::sealing::Sealing;
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::capability::spec::Effect;
use crate::domain::identity::default_tenant;
use crate::domain::integrations::model::{LastUse, StoredSecret, must_be_given, variable_of};
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, TenantId};
use crate::kernel::secret::Secret;
use crate::port::records::{Document as _, Scope, Visibility};
use crate::port::store::{Conflict, Expect, Put, Step, Store, StoreFault};

/// What the audit log calls it.
const ACTION: &str = "secret_use";
/// A secret that changes more often than this while it is taken is given up.
const MOST_LOOKS: usize = 16;

#[async_trait]
impl CredentialSource for Vault {
    async fn take(&self, platform: &Platform, of: &UseOf, name: &str) -> Result<Secret, Fault> {
        for _ in 0..MOST_LOOKS {
            let opened = self.open_stored(&*platform.store, of.tenant, name).await?;
            let Some((secret, text)) = opened else { return self.of_environment(platform, of, name).await };
            match told(platform, of, &secret).await {
                Ok(()) => return Ok(text),
                // Deleted, replaced or sealed anew meanwhile: what was read is no longer what may be used.
                Err(StoreFault::Conflict(Conflict::Changed { .. })) => {}
                Err(fault) => return Err(store_fault(fault)),
            }
        }
        Err(changing(name))
    }

    async fn take_of_operator(&self, platform: &Platform, of: &UseOf, variable: &str) -> Result<Secret, Fault> {
        let Some(text) = self.environment.value(variable) else {
            return Err(Fault::new(&codes::NOT_CONFIGURED, format!("the environment variable {variable} is not set"))
                .with_detail(json!({ "environment": variable })));
        };
        note(platform, of, format!("environment:{variable}"), json!({ "environment": variable, "for": of.what }))
            .await?;
        Ok(text)
    }
}

impl Vault {
    /// The credential of a name of the installation's own tenant, for what the program itself connects to before the audit log can be written.
    /// Who takes it tells of it with `tell_of_start` before anybody is served.
    ///
    /// # Errors
    /// When there is none of that name or it cannot be opened.
    pub async fn at_start(&self, store: &dyn Store, name: &str) -> Result<Secret, Fault> {
        if let Some((tenant, _)) = default_tenant(store).await?
            && let Some((_, text)) = self.open_stored(store, tenant, name).await?
        {
            return Ok(text);
        }
        self.environment.value(&variable_of(name)).ok_or_else(|| must_be_given(name))
    }

    /// Tells the audit log of the installation's own tenant what was taken at the start, for a key of the configuration.
    ///
    /// # Errors
    /// When there is none of that name any more; when the store fails.
    pub async fn tell_of_start(&self, platform: &Platform, key: &str, name: &str) -> Result<(), Fault> {
        let Some((tenant, owner)) = default_tenant(&*platform.store).await? else { return Ok(()) };
        let of = UseOf {
            tenant,
            actor: owner,
            principal: format!("local:{owner}"),
            agent: None,
            request_id: CallId::new(platform.clock.now()),
            origin: Origin { door: Door::Inside, address: None },
            what: key.to_owned(),
        };
        self.take(platform, &of, name).await.map(drop)
    }

    /// A secret that is stored, open; nothing where none of that name is.
    async fn open_stored(
        &self,
        store: &dyn Store,
        tenant: TenantId,
        name: &str,
    ) -> Result<Option<(Stored<StoredSecret>, Secret)>, Fault> {
        let id = StoredSecret::id(tenant, name);
        for _ in 0..MOST_LOOKS {
            let found = store.get(Scope::Tenant(tenant), StoredSecret::KIND, id).await.map_err(store_fault)?;
            let Some(found) = found else { return Ok(None) };
            let secret = Stored::<StoredSecret>::read(found)?;
            let Some(key) = keys::find(store, tenant, secret.value.data_key).await? else {
                // The secret was sealed anew since it was read, and its old key is gone.
                continue;
            };
            let Some(data_key) = self.unwrap_present(store, tenant, &key).await? else { continue };
            let text = Self::open_secret(tenant, &data_key, &secret.value).inspect_err(|fault| {
                tracing::error!(%tenant, name, %fault, "a stored secret was tampered with");
            })?;
            return Ok(Some((secret, text)));
        }
        Err(changing(name))
    }

    /// Whether a tenant can take a credential of a name. Nothing is opened.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn holds(&self, platform: &Platform, tenant: TenantId, name: &str) -> Result<bool, Fault> {
        let id = StoredSecret::id(tenant, name);
        let found = platform.store.get(Scope::Tenant(tenant), StoredSecret::KIND, id).await.map_err(store_fault)?;
        if found.is_some() {
            return Ok(true);
        }
        let is_own = default_tenant(&*platform.store).await?.is_some_and(|(own, _)| own == tenant);
        Ok(is_own && self.environment.value(&variable_of(name)).is_some())
    }

    /// The environment is the operator's: another tenant's calls must not spend what it holds.
    async fn of_environment(&self, platform: &Platform, of: &UseOf, name: &str) -> Result<Secret, Fault> {
        let variable = variable_of(name);
        let is_own = default_tenant(&*platform.store).await?.is_some_and(|(tenant, _)| tenant == of.tenant);
        let text = self.environment.value(&variable).filter(|_| is_own).ok_or_else(|| must_be_given(name))?;
        let told = json!({ "name": name, "environment": variable, "for": of.what });
        note(platform, of, format!("environment:{variable}"), told).await?;
        Ok(text)
    }
}

fn changing(name: &str) -> Fault {
    Fault::new(&codes::CONFLICT, format!("the secret '{name}' keeps changing"))
}

/// Writes that a stored secret is used, provided that it is still the one that was read.
async fn told(platform: &Platform, of: &UseOf, secret: &Stored<StoredSecret>) -> Result<(), StoreFault> {
    let broken = |fault: Fault| StoreFault::Broken(fault.to_string());
    let now = platform.clock.now();
    let last = LastUse { at: now, by: of.what.clone() };
    let about = json!({ "name": secret.value.name, "version": secret.value.version, "for": of.what });
    let steps = vec![
        Step::Check { kind: StoredSecret::KIND, id: secret.id, expect: Expect::Revision(secret.revision) },
        Step::Put(Put {
            kind: LastUse::KIND,
            id: secret.id,
            expect: Expect::Anything,
            owner: None,
            workspace: None,
            visibility: Visibility::Private,
            body: serde_json::to_value(last).map_err(|error| broken(Fault::internal(error)))?,
        }),
    ];
    let entry = entry(platform, of, secret.id.to_string(), about).await?;
    entry.commit(&*platform.store, of.tenant, now, steps).await
}

async fn note(platform: &Platform, of: &UseOf, what: String, told: Value) -> Result<(), Fault> {
    let entry = entry(platform, of, what, told).await.map_err(store_fault)?;
    entry.commit(&*platform.store, of.tenant, platform.clock.now(), Vec::new()).await.map_err(store_fault)
}

async fn entry(platform: &Platform, of: &UseOf, resource_id: String, told: Value) -> Result<Sealing, StoreFault> {
    let told = Deed {
        at: platform.clock.now(),
        by: of,
        action: ACTION,
        effect: Effect::Read,
        resource_type: StoredSecret::KIND.name,
        resource_id,
        told,
        outcome: "done",
    };
    deed(platform, told).await
}
