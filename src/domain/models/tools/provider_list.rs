//! `model_provider_list`: the tenant's own providers and prices.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::models::engine::offers::Offered;
use crate::domain::models::engine::router::Router;
use crate::domain::models::model::provider::{OwnProvider, Told};
use crate::kernel::fault::Fault;
use crate::port::records::Filter;

/// Lists providers.
pub(in crate::domain::models) struct ProviderList;

/// Which page.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct Input {
    #[serde(flatten)]
    paging: Paging,
}

/// A provider of the tenant's own, or its own prices.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct ProviderView {
    /// Its name; `prices` for prices.
    name: String,
    /// The address that is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url: Option<String>,
    /// The secret of the vault that holds its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// Its models as `provider/model`; of prices the models that they are of.
    models: Vec<String>,
    /// Whether it takes the place of one that all tenants have.
    replaces: bool,
    /// What was set.
    text: String,
    /// Whether it was removed just now.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    removed: bool,
}

impl ProviderView {
    pub(super) fn into_removed(self) -> Self {
        Self { removed: true, ..self }
    }
}

impl Capability for ProviderList {
    type Input = Input;
    type Output = Page<ProviderView>;
    const SPEC: Spec = Spec::read(
        "model_provider_list",
        Domain::Models,
        Route::get("/models/providers"),
        Permit::on(Resource::Models, Action::Read),
        "The providers of models that this tenant added for itself, and its own prices, with what was set of each. All models that can be \
         asked, whoever's provider they are of, are in model_list.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Page<ProviderView>, Fault> {
        let page = cx.list::<OwnProvider>(Filter::All, "name", false, &input.paging).await?;
        let router = cx.service::<Router>()?;
        let offered = router.offers.of(cx.platform(), &router.watch, cx.tenant()).await?;
        Ok(page.map(|stored| view(&offered, stored.value)))
    }
}

/// A provider as it is told.
pub(super) fn view(offered: &Offered, own: OwnProvider) -> ProviderView {
    let plain = |own: OwnProvider| ProviderView {
        replaces: offered.is_shared(&own.name),
        name: own.name,
        base_url: None,
        secret: None,
        models: Vec::new(),
        text: own.text,
        removed: false,
    };
    match own.read() {
        Ok(Told::Provider(provider)) => ProviderView {
            base_url: Some(provider.base_url.to_string()),
            secret: provider.key.vault.clone(),
            models: provider.models.keys().map(|model| format!("{}/{model}", provider.name)).collect(),
            ..plain(own)
        },
        Ok(Told::Prices(list)) => {
            let of = |(provider, models): (&String, &std::collections::BTreeMap<String, _>)| {
                models.keys().map(|model| format!("{provider}/{model}")).collect::<Vec<_>>()
            };
            ProviderView { models: list.prices.iter().flat_map(of).collect(), ..plain(own) }
        }
        // It was good when it was set.
        Err(_) => plain(own),
    }
}
