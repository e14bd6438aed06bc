//! `model_provider_set`: a provider of the tenant's own, or its own prices, by the text of a provider's file.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::{Belongs, Cx, forbidden};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::integrations::is_name;
use crate::domain::models::catalogue::{FileFault, Provider};
use crate::domain::models::engine::offers::MOST_OWN;
use crate::domain::models::engine::router::Router;
use crate::domain::models::model::provider::{OwnProvider, Told};
use crate::domain::models::tools::provider_list::{ProviderView, view};
use crate::domain::models::topics;
use crate::kernel::codes;
use crate::kernel::fault::{Fault, Violation};
use crate::kernel::network::is_public;
use crate::port::outside::{OutFault, Outgoing};
use crate::port::records::{Document as _, Filter, Scope, Visibility};

/// Sets a provider.
pub(in crate::domain::models) struct ProviderSet;

/// The provider. Set again it is replaced as a whole.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct Input {
    /// Its name: what stands before the slash in `provider/model`. `prices` is no provider: its text holds prices that lie over
    /// those of all providers.
    #[schemars(length(min = 1, max = 48), pattern("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"))]
    name: String,
    /// What a file of the folder `providers` would say, in TOML: dialect, `base_url`, `key = { vault = "NAME" }`, `[[models]]` with
    /// abilities and prices. Without it the provider is removed.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200_000))]
    text: Option<String>,
}

impl Capability for ProviderSet {
    type Input = Input;
    type Output = ProviderView;
    const SPEC: Spec = Spec::change(
        "model_provider_set",
        Domain::Models,
        Route::put("/models/providers/{name}"),
        Permit::on(Resource::Models, Action::Change),
        "Adds a provider of language models for this tenant alone, at any public address that speaks a known dialect, or the tenant's own \
         prices; its key is named by a secret of the vault. Of one that exists it takes the place. See model_provider_list.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<ProviderView, Fault> {
        let id = OwnProvider::id(cx.tenant(), &input.name);
        let stored = match cx.load::<OwnProvider>(id, Action::Change).await {
            Ok(stored) => Some(stored),
            Err(fault) if fault.is(&codes::NOT_FOUND) => None,
            Err(fault) => return Err(fault),
        };
        let told = serde_json::json!({ "name": input.name, "removed": input.text.is_none() });
        let router = cx.service::<Router>()?;
        let offered = router.offers.of(cx.platform(), &router.watch, cx.tenant()).await?;
        let own = match (input.text, &stored) {
            (Some(text), _) => OwnProvider { name: input.name, text },
            (None, Some(stored)) => {
                if matches!(stored.value.read(), Ok(Told::Prices(_))) {
                    may_price(cx)?;
                }
                cx.remove(stored)?;
                cx.emit(topics::PROVIDER_SET, id, &told)?;
                return Ok(view(&offered, stored.value.clone()).into_removed());
            }
            (None, None) => return Err(Fault::not_found("provider", input.name)),
        };
        match own.read().map_err(|faults| told_of(&faults))? {
            Told::Provider(provider) => may_be_asked(cx, &provider)?,
            Told::Prices(_) => may_price(cx)?,
        }
        if let Some(stored) = stored {
            cx.change(&stored, &own)?;
        } else {
            let store = &cx.platform().store;
            let count = store.count(Scope::Tenant(cx.tenant()), OwnProvider::KIND, Filter::All);
            if count.await.map_err(crate::capability::cx::store_fault)? >= u64::from(MOST_OWN) {
                return Err(Fault::bad_input("/name", format!("a tenant has at most {MOST_OWN} providers of its own")));
            }
            let owner = Some(cx.caller().user.uuid());
            cx.create(id, Belongs { owner, workspace: None, visibility: Visibility::Tenant }, &own)?;
        }
        cx.emit(topics::PROVIDER_SET, id, &told)?;
        Ok(view(&offered, own))
    }
}

/// What counts as spent hangs on prices: they are for whoever may change budgets.
fn may_price(cx: &Cx) -> Result<(), Fault> {
    if cx.caller().may(Resource::Spending, Action::Change) {
        return Ok(());
    }
    Err(forbidden(Permit::on(Resource::Spending, Action::Change)))
}

fn told_of(faults: &[FileFault]) -> Fault {
    let place = |fault: &FileFault| Violation {
        pointer: "/text".to_owned(),
        message: format!("{}: {}", fault.place, fault.say),
    };
    Fault::violations(faults.iter().map(place).collect())
}

/// Whether the program may ask there, and whether whoever says so may give the key away.
fn may_be_asked(cx: &Cx, provider: &Provider) -> Result<(), Fault> {
    let wrong = |say: String| Fault::bad_input("/text", format!("base_url: {say}"));
    let uri: http::Uri = provider.base_url.parse().map_err(|_| wrong("is no address".to_owned()))?;
    let host = uri.host().unwrap_or_default();
    let judged = cx.service::<Outgoing>()?.0.may_name(host);
    if let Err(OutFault::Forbidden(why) | OutFault::NotReached(why)) = judged {
        return Err(wrong(why));
    }
    if let Some(secret) = &provider.key.vault {
        // Whoever says where a credential goes has it: it is theirs to give only if they could replace it.
        if !cx.caller().may(Resource::Secrets, Action::Change) {
            return Err(forbidden(Permit::on(Resource::Secrets, Action::Change)));
        }
        if !is_name(secret) {
            return Err(Fault::bad_input("/text", "key.vault: must be the name of a secret, as secret_list tells it"));
        }
        // What is sent over http everybody on the way can read, but for the operator's own networks.
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let is_near = bare.parse::<std::net::IpAddr>().is_ok_and(|address| !is_public(address));
        if uri.scheme_str() == Some("http") && !is_near {
            return Err(wrong("a key goes by https only, or to an address in outside.private_networks".to_owned()));
        }
    }
    Ok(())
}
