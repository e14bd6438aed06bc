//! `model_list`: which models there are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::models::catalogue::{Ability, Found, Model, Price};
use crate::domain::models::engine::asker::Asker;
use crate::domain::models::engine::offers::Offered;
use crate::domain::models::engine::router::Router;
use crate::domain::models::health_view::HealthView;
use crate::kernel::fault::Fault;

/// Lists models.
pub(in crate::domain::models) struct List;

/// Which models.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct Input {
    /// Only those of this provider.
    #[serde(default)]
    #[schemars(length(min = 1, max = 48))]
    provider: Option<String>,
    /// Only those that can do this.
    #[serde(default)]
    ability: Option<Ability>,
    /// Also those that cannot be asked because the provider's key is missing; each says what is.
    #[serde(default)]
    all: bool,
    #[serde(flatten)]
    paging: Paging,
}

/// A model.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct ModelView {
    /// What to call it by: `provider/model`.
    name: String,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// How many tokens it reads and writes in one call, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<u64>,
    /// How many tokens it writes at most, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output: Option<u64>,
    /// What it can do.
    abilities: Vec<Ability>,
    /// What a million tokens cost, in dollars; not there where that is not known, which is not nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Price>,
    /// The day that the price is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    prices_of: Option<String>,
    /// Whether it can be asked.
    available: bool,
    /// What is missing, where it cannot: one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
    /// How it is doing, as this instance sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<HealthView>,
}

impl Capability for List {
    type Input = Input;
    type Output = Page<ModelView>;
    const SPEC: Spec = Spec::read(
        "model_list",
        Domain::Models,
        Route::get("/models"),
        Permit::on(Resource::Models, Action::Read),
        "The language models at hand: context, abilities, price, and how each is doing. With 'all' also those whose provider has \
         no key yet, with what is missing. For routes over several models use model_route_list.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Page<ModelView>, Fault> {
        let router = cx.service::<Router>()?;
        let asker = Asker::of(cx);
        let offered = router.offers.of(cx.platform(), &router.watch, cx.tenant()).await?;
        let list = format!("model_list {} {:?} {:?} {}", cx.tenant(), input.provider, input.ability, input.all);
        let after = match &input.paging.page_token {
            Some(token) => Some(cx.open_page::<String>(&list, token)?),
            None => None,
        };
        let mut found: Vec<Found> = offered
            .catalogue
            .providers()
            .filter(|provider| input.provider.as_deref().is_none_or(|name| name == &*provider.name))
            .filter(|provider| input.all || offered.keys.contains_key(&provider.name))
            .flat_map(|provider| {
                let of = |model: &std::sync::Arc<Model>| Found { provider: provider.clone(), model: model.clone() };
                provider.models.values().map(of)
            })
            .filter(|found| input.ability.is_none_or(|ability| found.model.can(ability)))
            .collect();
        found.sort_by_key(Found::name);
        let size = input.paging.size() as usize;
        let mut rest = found.into_iter().skip_while(|found| after.as_ref().is_some_and(|after| found.name() <= *after));
        let items: Vec<ModelView> =
            rest.by_ref().take(size).map(|found| view(&router, &asker, &offered, &found)).collect();
        let next_page_token = match (rest.next(), items.last()) {
            (Some(_), Some(last)) => Some(cx.seal_page(&list, &last.name)?),
            _ => None,
        };
        Ok(Page { items, next_page_token })
    }
}

fn view(router: &Router, asker: &Asker, offered: &Offered, found: &Found) -> ModelView {
    let (provider, model) = (&found.provider, &found.model);
    let key = offered.keys.get(&provider.name);
    let name = found.name();
    let mut missing = Vec::new();
    if key.is_none() {
        missing.extend(provider.key.variable.iter().map(|variable| format!("the environment variable {variable}")));
        missing.extend(provider.key.vault.iter().map(|name| format!("the secret '{name}' in the vault")));
        let address =
            provider.base_url_variable.iter().filter(|_| provider.base_url.is_empty() || !provider.wants_key());
        missing.extend(address.map(|variable| format!("its address in the environment variable {variable}")));
    }
    let health = key.map(|_| {
        let owner = offered.owner(asker.tenant(), provider);
        HealthView::of(&router.healths.of(owner, &name.as_str().into()), asker.platform.clock.elapsed())
    });
    ModelView {
        name,
        title: model.title.clone(),
        context: model.context,
        max_output: model.max_output,
        abilities: model.abilities.iter().copied().collect(),
        price: model.price.clone(),
        prices_of: provider.prices_of.clone().filter(|_| model.price.is_some()),
        available: key.is_some(),
        missing,
        health,
    }
}
