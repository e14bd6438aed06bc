//! The catalogue of providers and their models: read from files, those of the data folder over those that come with the program.
//! Prices of a list lie over those of the providers. It is made anew whenever a file changes and never changed in place: a call
//! keeps the one that it began with.

pub mod price;
pub mod provider;
pub mod read;
mod shelf;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use price::{Price, Rate, Rates, Tier};
pub use provider::{Ability, Dialect, KeyPlace, Limits, Model, Provider, Unlisted};
pub use read::{FileFault, PriceList, WrittenModel, WrittenPrice, WrittenPrices, WrittenProvider};
pub use shelf::Providers;

/// Providers by name.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    providers: BTreeMap<Arc<str>, Arc<Provider>>,
}

/// A model that was found, with its provider.
#[derive(Debug, Clone)]
pub struct Found {
    /// The provider.
    pub provider: Arc<Provider>,
    /// The model.
    pub model: Arc<Model>,
}

impl Found {
    /// `provider/model`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.provider.name, self.model.name)
    }

    /// What the dialect wants to know besides: what the provider says, and over it what the model does.
    #[must_use]
    pub fn options(&self) -> serde_json::Map<String, serde_json::Value> {
        let mut options = self.provider.options.clone();
        options.extend(self.model.options.iter().map(|(name, value)| (name.clone(), value.clone())));
        options
    }
}

impl Catalogue {
    /// A catalogue of providers; of two with one name the later one counts.
    #[must_use]
    pub fn new(providers: impl IntoIterator<Item = Arc<Provider>>) -> Self {
        Self { providers: providers.into_iter().map(|provider| (provider.name.clone(), provider)).collect() }
    }

    /// This one with others over it: a tenant's own.
    #[must_use]
    pub fn with(&self, providers: impl IntoIterator<Item = Arc<Provider>>) -> Self {
        Self::new(self.providers.values().cloned().chain(providers))
    }

    /// This one with a list of prices over those that it has. Prices of models that it does not have say nothing.
    #[must_use]
    pub fn with_prices(&self, list: &PriceList) -> Self {
        let mut providers = self.providers.clone();
        for (name, prices) in &list.prices {
            let Some(provider) = providers.get_mut(name.as_str()) else { continue };
            let mut changed = Provider::clone(provider);
            for (name, price) in prices {
                let Some(model) = changed.model(name) else { continue };
                let mut model = Model::clone(&model);
                model.price = Some(price.clone());
                changed.models.insert(model.name.clone(), Arc::new(model));
            }
            if list.prices_of.is_some() {
                changed.prices_of.clone_from(&list.prices_of);
            }
            *provider = Arc::new(changed);
        }
        Self { providers }
    }

    /// Every provider, by name.
    pub fn providers(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.providers.values()
    }

    /// A provider.
    #[must_use]
    pub fn provider(&self, name: &str) -> Option<&Arc<Provider>> {
        self.providers.get(name)
    }

    /// A model by `provider/model`. What stands behind the first slash is the provider's business: some names hold slashes.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Found> {
        let (provider, model) = name.split_once('/')?;
        let provider = self.providers.get(provider)?;
        Some(Found { provider: provider.clone(), model: provider.model(model)? })
    }

    /// Every listed model of a bare name, without its provider's: where it is exactly one, a caller need not say more.
    #[must_use]
    pub fn named(&self, model: &str) -> Vec<Found> {
        let of = |provider: &Arc<Provider>| {
            provider.models.get(model).map(|model| Found { provider: provider.clone(), model: model.clone() })
        };
        self.providers.values().filter_map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::money::NanoDollars;
    use crate::port::models::Tokens;
    use crate::port::overlay::TextFile;

    const OURS: &str = r#"
        name = "ours"
        dialect = "openai"
        base_url = "https://api.example.org/v1/"
        prices_of = "2026-10-30"
        [key]
        variable = "OURS_KEY"
        [[models]]
        name = "team/small"
        context = 1000
        abilities = ["chat", "tools"]
        price = { input = "0.0375", output = "0.15", above = [{ input_tokens = 100, input = "1", output = "2" }] }
        [[models]]
        name = "large"
        abilities = ["chat"]
    "#;

    fn file(path: &str, text: &str) -> TextFile {
        TextFile { path: path.to_owned(), place: path.to_owned(), text: Ok(text.to_owned()) }
    }

    fn cost(providers: &Providers, model: &str, input: u64) -> Option<NanoDollars> {
        providers.current().find(model).unwrap().model.cost(&Tokens { input, ..Tokens::default() })
    }

    #[test]
    fn a_model_is_found_by_provider_and_name() {
        let providers = Providers::new(&[file("ours.toml", OURS)]).unwrap();
        let found = providers.current().find("ours/team/small").unwrap();
        assert_eq!((&*found.provider.base_url, found.model.context), ("https://api.example.org/v1", Some(1000)));
        assert_eq!(found.name(), "ours/team/small");
        assert_eq!(cost(&providers, "ours/team/small", 2), Some(NanoDollars(75)));
        assert_eq!(cost(&providers, "ours/team/small", 101), Some(NanoDollars(101_000)));
        assert_eq!(cost(&providers, "ours/large", 1), None, "what is not known is not free");
        for unknown in ["ours/medium", "theirs/large", "large", ""] {
            assert!(providers.current().find(unknown).is_none(), "{unknown}");
        }
        assert_eq!(providers.current().named("large").len(), 1);
    }

    #[test]
    fn files_lie_over_the_built_in_ones_and_the_last_good_version_stays() {
        let providers = Providers::new(&[file("ours.toml", OURS)]).unwrap();
        let edited = OURS.replace("0.0375", "3");
        assert!(providers.lay_over(&[file("laid/mine.toml", &edited)]).is_empty());
        assert_eq!(cost(&providers, "ours/team/small", 1), Some(NanoDollars(3_000)));

        let faults = providers.lay_over(&[file("laid/mine.toml", &edited.replace("\"3\"", "\"three\""))]);
        assert_eq!(faults.len(), 1);
        assert_eq!(cost(&providers, "ours/team/small", 1), Some(NanoDollars(3_000)), "the last good version");
        assert_eq!(providers.faults(), faults);

        let unreadable = TextFile {
            path: "laid/mine.toml".to_owned(),
            place: "laid/mine.toml".to_owned(),
            text: Err("it is a folder".to_owned()),
        };
        let told = providers.lay_over(&[unreadable])[0].to_string();
        assert_eq!(told, "laid/mine.toml: the file: it is a folder");

        let mut changes = providers.changes();
        assert!(providers.lay_over(&[]).is_empty());
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        assert_eq!(cost(&providers, "ours/team/small", 2), Some(NanoDollars(75)), "the built-in one is back");
    }

    #[test]
    fn two_files_cannot_be_one_provider() {
        let providers = Providers::new(&[]).unwrap();
        let faults = providers.lay_over(&[file("a.toml", OURS), file("b.toml", OURS)]);
        assert_eq!(faults[0].to_string(), "b.toml: name: 'ours' is the provider of a.toml, too");
    }

    #[test]
    fn a_list_of_prices_lies_over_all() {
        let providers = Providers::new(&[file("ours.toml", OURS)]).unwrap();
        let list = "prices_of = '2026-11-20'\n[prices.ours]\nlarge = { input = '7', output = '9' }\n[prices.gone]\nx = { input = '1' }";
        assert!(providers.lay_over(&[file("providers/prices.toml", list)]).is_empty());
        assert_eq!(cost(&providers, "ours/large", 1), Some(NanoDollars(7_000)));
        assert_eq!(cost(&providers, "ours/team/small", 2), Some(NanoDollars(75)), "of those not in it nothing changes");
        let now = providers.current();
        assert_eq!(now.provider("ours").unwrap().prices_of.as_deref(), Some("2026-11-20"));
    }

    #[test]
    fn what_is_wrong_is_told_with_file_and_place_all_at_once() {
        let wrong = r#"
            name = "Ours!"
            dialect = "openai"
            base_url = "api.example.org"
            prices_of = "last week"
            key = { variable = "OUR KEY", vault = "" }
            headers = { "X Y" = "z", Authorization = "Bearer sk-1" }
            models = [
                { name = "a", abilities = [], context = 0 },
                { name = "a", abilities = ["chat", "parallel_tools"], context = 5, max_output = 6, price = {} },
                { name = "b", abilities = ["chat"], price = { input = "1e3", above = [
                    { input_tokens = 9, input = "1" }, { input_tokens = 9, input = "1" }] } },
            ]
        "#;
        let faults = read::provider("x.toml", wrong).unwrap_err();
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        for place in [
            "x.toml: name: ",
            "x.toml: base_url: ",
            "x.toml: prices_of: ",
            "x.toml: key.variable: ",
            "x.toml: key.vault: ",
            "x.toml: headers.X Y: ",
            "x.toml: headers.Authorization: ",
            "x.toml: models[0] (a).context: ",
            "x.toml: models[0] (a).abilities: ",
            "x.toml: models[1].name: ",
            "x.toml: models[1] (a).abilities: ",
            "x.toml: models[1] (a).max_output: ",
            "x.toml: models[1] (a).price: ",
            "x.toml: models[2] (b).price.input: ",
            "x.toml: models[2] (b).price.above[1].input_tokens: ",
        ] {
            assert!(told.iter().any(|one| one.starts_with(place)), "{place} in {told:#?}");
        }
        assert_eq!(told.len(), 15, "{told:#?}");
        assert!(!told.concat().contains("sk-1"), "a key is not told");

        let faults = read::provider("y.toml", "name = \"y\"\ndialect = \"klingon\"").unwrap_err();
        assert_eq!(faults[0].place, "line 2");
        let faults = read::provider("z.toml", "name = \"z\"\ndialect = \"openai\"\nmodel = 1").unwrap_err();
        assert!(faults[0].say.contains("unknown field `model`"), "{faults:?}");
    }

    #[test]
    fn models_that_are_not_listed_are_what_the_file_takes_them_for() {
        let local = "name = 'local'\ndialect = 'openai'\nbase_url = 'http://localhost:1/v1'\n\
                     [unlisted]\nabilities = ['chat']\nprice = { input = '0', output = '0' }";
        let providers = Providers::new(&[file("local.toml", local)]).unwrap();
        let found = providers.current().find("local/whatever:7b").unwrap();
        assert!(found.model.can(Ability::Chat) && found.model.price.as_ref().unwrap().is_free());
        assert_eq!(found.model.context, None);
        assert!(providers.current().find("local/").is_none());
    }

    #[test]
    fn the_environment_says_where_a_provider_is() {
        struct Set(Option<&'static str>);
        impl crate::port::secrets::Environment for Set {
            fn value(&self, variable: &str) -> Option<crate::kernel::secret::Secret> {
                assert_eq!(variable, "OURS_URL");
                self.0.map(|value| crate::kernel::secret::Secret::new(value.to_owned()))
            }
        }
        let text = OURS.replace("prices_of", "base_url_variable = 'OURS_URL'\nprices_of");
        let provider = read::provider("ours.toml", &text).unwrap();
        assert_eq!(provider.address(&Set(Some("http://here/v1/\n"))).as_deref(), Some("http://here/v1"));
        assert_eq!(provider.address(&Set(None)).as_deref(), Some("https://api.example.org/v1"));
        let provider = read::provider("ours.toml", &text.replace("base_url =", "title =")).unwrap();
        assert_eq!(provider.address(&Set(None)), None);
        assert!(provider.wants_key());
        let provider = read::provider("ours.toml", &text.replace("[key]", "[key]\noptional = true")).unwrap();
        assert!(!provider.wants_key());
    }
}
