//! Reaching a model for what is not a question to it, such as tuning it: where it is, and with which key.

use std::time::Duration;

use super::Router;
use super::course::Target;
use crate::domain::models::catalogue::Dialect;
use crate::domain::models::engine::asker::{Asker, CacheUse, Wish};
use crate::domain::models::engine::failure::Failed;
use crate::domain::models::engine::size::Size;
use crate::domain::models::faults::UNKNOWN_MODEL;
use crate::domain::models::model::route::{Candidate, SILENCE_SECONDS, TIMEOUT_SECONDS};
use crate::kernel::fault::Fault;
use crate::kernel::money::NanoDollars;
use crate::port::models::{Endpoint, ModelFault, Tokens};

/// A model that can be reached.
pub struct Reached {
    /// What its provider speaks.
    pub dialect: Dialect,
    /// Whether the tenant named the provider: what is reached is held to the networks that tenants may reach.
    pub of_tenant: bool,
    /// Where it is, and with which key.
    pub endpoint: Endpoint,
}

impl Router {
    /// Where a model is, as `provider/model`, for whoever asks.
    ///
    /// # Errors
    /// `no_model_configured`, `unknown_model`; what keeps the key from being taken.
    pub async fn reach(&self, asker: &Asker, model: &str) -> Result<Reached, Fault> {
        let offered = self.offers.of(&asker.platform, &self.watch, asker.tenant()).await?;
        let candidate = Candidate::plain(model);
        let target = self.target(asker, model, &candidate, &offered)?;
        if target.is_client() {
            return Err(Fault::new(&UNKNOWN_MODEL, format!("'{model}' is the client's own: it can only be asked")));
        }
        let (patience, silence) =
            (Duration::from_secs(TIMEOUT_SECONDS.into()), Duration::from_secs(SILENCE_SECONDS.into()));
        let endpoint = self.endpoint(asker, &target, patience, silence).await?;
        Ok(Reached { dialect: target.provider.dialect, of_tenant: target.provider.of_tenant, endpoint })
    }

    /// Whether a model, as `provider/model`, is at a provider that the tenant named itself; else it is one of the operator.
    ///
    /// # Errors
    /// `no_model_configured`, `unknown_model`.
    pub async fn is_of_tenant(&self, asker: &Asker, model: &str) -> Result<bool, Fault> {
        let offered = self.offers.of(&asker.platform, &self.watch, asker.tenant()).await?;
        let candidate = Candidate::plain(model);
        Ok(self.target(asker, model, &candidate, &offered)?.provider.of_tenant)
    }

    /// What it costs the model that would be asked first to read so many tokens; nothing where the price is not known.
    ///
    /// # Errors
    /// As for a call: no model, unknown model.
    pub async fn cost_of_reading(
        &self,
        asker: &Asker,
        model: Option<&str>,
        counts: &[u64],
    ) -> Result<(String, Vec<Option<NanoDollars>>), Fault> {
        let wish = Wish { model: model.map(str::to_owned), cache: CacheUse::Skip, ..Wish::default() };
        let found = self.first(asker, &wish, Size { messages: 1, ..Size::default() }).await?;
        let cost = |input: &u64| found.model.cost(&Tokens { input: *input, ..Tokens::default() });
        Ok((found.name(), counts.iter().map(cost).collect()))
    }

    /// What the caller is told of a vendor's fault.
    #[must_use]
    pub fn fault_of(model: &str, fault: ModelFault) -> Fault {
        let failed = Failed::said(model, fault);
        failed.fault(std::slice::from_ref(&failed))
    }

    pub(super) async fn endpoint(
        &self,
        asker: &Asker,
        target: &Target,
        patience: Duration,
        silence: Duration,
    ) -> Result<Endpoint, Fault> {
        let provider = &target.provider;
        let key = self.offers.key(asker, &self.watch, &provider.name, &target.key).await?;
        Ok(Endpoint {
            provider: provider.name.clone(),
            base_url: self.offers.base_url(provider),
            key,
            model: target.model.name.clone(),
            headers: provider.headers.clone(),
            options: target.options(),
            patience,
            silence,
        })
    }
}
