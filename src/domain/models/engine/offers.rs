//! Which providers a tenant can ask, and with whose key. A key in the tenant's vault goes first; what the operator's
//! environment holds is for the installation's own tenant, unless the operator shares it. Keys are taken once and remembered:
//! an entry in the audit log for every call of a model would cost more than the call.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use dashmap::DashMap;

use super::asker::Asker;
use super::watch::{Read, Watch};
use crate::capability::credentials::Credentials;
use crate::capability::cx::store_fault;
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::domain::identity::default_tenant;
use crate::domain::integrations::Vault;
use crate::domain::models::catalogue::{Catalogue, Provider, Providers};
use crate::domain::models::model::provider::{OwnProvider, Told};
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::secret::Secret;
use crate::port::records::{Document as _, Filter, Query, Scope as Whose};
use crate::port::secrets::Environment;

/// So long a key of the vault is used without asking for it again. On this instance a change is seen at once.
const KEY_LASTS: Duration = Duration::from_mins(1);
/// So long it is taken to be so that a provider can be asked or not.
const OFFER_LASTS: Duration = Duration::from_secs(30);
/// Providers that a tenant may have of its own, its prices among them.
pub(crate) const MOST_OWN: u32 = 100;
/// Tenants that are remembered; beyond them all are looked at anew.
const MOST_REMEMBERED: usize = 10_000;

/// Where the key of a provider comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyFrom {
    /// It wants none.
    Nowhere,
    /// The operator's environment.
    Variable(String),
    /// The tenant's vault.
    Vault(String),
}

/// The providers that a tenant can ask.
pub(crate) struct Offered {
    /// All that there is for the tenant: what the operator has, and over it the tenant's own.
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) keys: BTreeMap<Arc<str>, KeyFrom>,
    /// What the operator has.
    shared: Arc<Catalogue>,
    read: Read,
}

impl Offered {
    /// Whose health a model of a provider has: a tenant's own where the key or the provider is.
    pub(crate) fn owner(&self, tenant: TenantId, provider: &Provider) -> Option<TenantId> {
        let is_own = provider.of_tenant || matches!(self.keys.get(&provider.name), Some(KeyFrom::Vault(_)));
        is_own.then_some(tenant)
    }

    /// Whether the operator has a provider of a name.
    pub(crate) fn is_shared(&self, name: &str) -> bool {
        self.shared.provider(name).is_some()
    }
}

/// A key that was taken.
struct Taken {
    from: KeyFrom,
    key: Secret,
    read: Read,
}

/// Which providers there are for whom.
pub(crate) struct Offers {
    environment: Arc<dyn Environment>,
    is_shared: bool,
    own: OnceLock<TenantId>,
    offered: DashMap<TenantId, Arc<Offered>>,
    taken: DashMap<(TenantId, Arc<str>), Taken>,
}

impl Offers {
    pub(crate) fn new(environment: Arc<dyn Environment>, is_shared: bool) -> Self {
        Self { environment, is_shared, own: OnceLock::new(), offered: DashMap::new(), taken: DashMap::new() }
    }

    /// What a tenant can ask.
    pub(crate) async fn of(&self, platform: &Platform, watch: &Watch, tenant: TenantId) -> Result<Arc<Offered>, Fault> {
        let shared = platform.service::<Providers>()?.current();
        let now = watch.mark(platform, tenant);
        if let Some(offered) = self.offered.get(&tenant)
            && Arc::ptr_eq(&offered.shared, &shared)
            && offered.read.is_good(&now, OFFER_LASTS)
        {
            return Ok(offered.clone());
        }
        let is_own = self.is_own(platform, tenant).await?;
        let catalogue = with_own(platform, tenant, &shared).await?;
        let mut keys = BTreeMap::new();
        for provider in catalogue.providers() {
            if let Some(from) = self.key_from(platform, tenant, is_own, provider).await? {
                keys.insert(provider.name.clone(), from);
            }
        }
        let offered = Arc::new(Offered { catalogue, keys, shared, read: now });
        if self.offered.len() >= MOST_REMEMBERED {
            self.offered.clear();
        }
        self.offered.insert(tenant, offered.clone());
        Ok(offered)
    }

    async fn is_own(&self, platform: &Platform, tenant: TenantId) -> Result<bool, Fault> {
        if self.is_shared {
            return Ok(true);
        }
        if let Some(own) = self.own.get() {
            return Ok(*own == tenant);
        }
        let own = default_tenant(&*platform.store).await?.map(|(own, _)| own);
        Ok(own.is_some_and(|own| *self.own.get_or_init(|| own) == tenant))
    }

    async fn key_from(
        &self,
        platform: &Platform,
        tenant: TenantId,
        is_own: bool,
        provider: &Provider,
    ) -> Result<Option<KeyFrom>, Fault> {
        // Without an address there is nobody to ask.
        if provider.address(&*self.environment).is_none() {
            return Ok(None);
        }
        if let Some(name) = &provider.key.vault
            && platform.service::<Vault>()?.holds(platform, tenant, name).await?
        {
            return Ok(Some(KeyFrom::Vault(name.clone())));
        }
        if let Some(variable) = provider.key.variable.as_ref().filter(|_| is_own)
            && self.environment.value(variable).is_some()
        {
            return Ok(Some(KeyFrom::Variable(variable.clone())));
        }
        if provider.of_tenant {
            return Ok((!provider.wants_key()).then_some(KeyFrom::Nowhere));
        }
        // One that wants no key is the operator's own, in the operator's network. Of those that come with the program the
        // operator says that it runs by naming its address, or by a file of their own over it.
        let variable = provider.base_url_variable.as_deref();
        let is_named = variable.is_some_and(|variable| self.environment.value(variable).is_some());
        let is_there = is_named || !provider.built_in;
        Ok((!provider.wants_key() && is_own && is_there).then_some(KeyFrom::Nowhere))
    }

    /// The address of a provider.
    pub(crate) fn base_url(&self, provider: &Provider) -> Arc<str> {
        provider.address(&*self.environment).unwrap_or_default()
    }

    /// The key of a provider for whoever asks.
    pub(crate) async fn key(
        &self,
        asker: &Asker,
        watch: &Watch,
        provider: &Arc<str>,
        from: &KeyFrom,
    ) -> Result<Option<Secret>, Fault> {
        if *from == KeyFrom::Nowhere {
            return Ok(None);
        }
        let tenant = asker.tenant();
        let now = watch.mark(&asker.platform, tenant);
        let place = (tenant, provider.clone());
        if let Some(taken) = self.taken.get(&place)
            && taken.from == *from
            // What the environment holds does not change while the program runs.
            && (matches!(from, KeyFrom::Variable(_)) || taken.read.is_good(&now, KEY_LASTS))
        {
            return Ok(Some(taken.key.clone()));
        }
        let credentials = asker.platform.service::<Credentials>()?;
        let (platform, of) = (&*asker.platform, asker.use_of(provider));
        let key = match from {
            KeyFrom::Vault(name) => credentials.0.take(platform, &of, name).await?,
            KeyFrom::Variable(variable) => credentials.0.take_of_operator(platform, &of, variable).await?,
            KeyFrom::Nowhere => return Ok(None),
        };
        if self.taken.len() >= MOST_REMEMBERED {
            self.taken.clear();
        }
        self.taken.insert(place, Taken { from: from.clone(), key: key.clone(), read: now });
        Ok(Some(key))
    }

    /// The provider refused a key: the next call asks for it anew.
    pub(crate) fn forget_key(&self, tenant: TenantId, provider: &Arc<str>) {
        self.taken.remove(&(tenant, provider.clone()));
    }
}

/// What there is for a tenant: its own providers over those of the operator, and its own prices over all.
async fn with_own(platform: &Platform, tenant: TenantId, shared: &Arc<Catalogue>) -> Result<Arc<Catalogue>, Fault> {
    let query = Query::newest(Filter::All, MOST_OWN);
    let found = platform.store.find(Whose::Tenant(tenant), OwnProvider::KIND, query).await.map_err(store_fault)?;
    if found.is_empty() {
        return Ok(shared.clone());
    }
    let (mut providers, mut prices) = (Vec::new(), None);
    for record in found {
        let own = Stored::<OwnProvider>::read(record)?.value;
        match own.read() {
            Ok(Told::Provider(provider)) => providers.push(provider),
            Ok(Told::Prices(list)) => prices = Some(list),
            // It was good when it was set.
            Err(faults) => tracing::warn!(provider = own.name, ?faults, "a tenant's provider cannot be read any more"),
        }
    }
    let catalogue = shared.with(providers);
    Ok(Arc::new(match prices {
        Some(list) => catalogue.with_prices(&list),
        None => catalogue,
    }))
}
