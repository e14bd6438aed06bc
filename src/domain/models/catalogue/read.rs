//! Files of providers, read and checked. A fault names the file and the place in it, and all faults of a file are told at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::price::{Price, Rates, Tier};
use super::provider::{Ability, Dialect, KeyPlace, Limits, Model, Provider, Unlisted};

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileFault {
    /// The file.
    pub file: String,
    /// The place in it: a line, or the way to a value.
    pub place: String,
    /// What is wrong.
    pub say: String,
}

impl fmt::Display for FileFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}: {}", self.file, self.place, self.say)
    }
}

/// A provider as it is written, in a file or by a tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenProvider {
    /// Its name: what stands before the slash in `provider/model`.
    pub name: String,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The language that it speaks.
    pub dialect: Dialect,
    /// The address that the dialect's paths are added to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The environment variable that holds another address, or the only one where it is each customer's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url_variable: Option<String>,
    /// Where its key is; leave it out when it wants none.
    #[serde(default)]
    pub key: KeyPlace,
    /// Headers that are sent besides.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// What the dialect wants to know besides.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub options: Map<String, Value>,
    /// How often each of its models may be asked that does not say otherwise.
    #[serde(default)]
    pub limits: Limits,
    /// The day that its prices are of, as `2026-10-30`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices_of: Option<String>,
    /// Its models.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<WrittenModel>,
    /// What models that are not listed are taken to be. Leave it out where only listed ones may be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlisted: Option<WrittenUnlisted>,
}

/// A model as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenModel {
    /// Its name, as the provider knows it.
    pub name: String,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How many tokens it reads and writes in one call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<u64>,
    /// How many tokens it writes at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output: Option<u64>,
    /// What it can do.
    pub abilities: Vec<Ability>,
    /// What it costs. Leave it out when that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<WrittenPrice>,
    /// What the dialect wants to know of it besides, over what the provider says.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub options: Map<String, Value>,
    /// How often it may be asked, in the place of what the provider says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

/// What unlisted models are taken to be, as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenUnlisted {
    /// How many tokens they read and write in one call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<u64>,
    /// What they can do.
    pub abilities: Vec<Ability>,
    /// What they cost. Leave it out when that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<WrittenPrice>,
}

/// A price as it is written: dollars for a million tokens, as texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenPrice {
    /// What is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// What is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// What is read and the vendor had read before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached: Option<String>,
    /// What is read and the vendor writes down to be read again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_written: Option<String>,
    /// Searches, where texts are put in order: dollars for a million of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searches: Option<String>,
    /// Other prices of long calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub above: Vec<WrittenTier>,
}

/// Other prices of long calls, as they are written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenTier {
    /// For calls that read more tokens than this.
    pub input_tokens: u64,
    /// What is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// What is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// What is read and the vendor had read before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached: Option<String>,
    /// What is read and the vendor writes down to be read again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_written: Option<String>,
}

/// A list of prices that lies over those of the providers' files: by provider and model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceList {
    /// The day that they are of.
    pub prices_of: Option<String>,
    /// The prices, by provider and then by model.
    pub prices: BTreeMap<String, BTreeMap<String, Price>>,
}

/// A list of prices as it is written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenPrices {
    /// The day that they are of, as `2026-10-30`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices_of: Option<String>,
    /// The prices, by provider and then by model.
    pub prices: BTreeMap<String, BTreeMap<String, WrittenPrice>>,
}

/// Reads a provider's file.
///
/// # Errors
/// All that is wrong with it.
pub fn provider(file: &str, text: &str) -> Result<Provider, Vec<FileFault>> {
    check(file, parse::<WrittenProvider>(file, text)?)
}

/// Reads a list of prices.
///
/// # Errors
/// All that is wrong with it.
pub fn prices(file: &str, text: &str) -> Result<PriceList, Vec<FileFault>> {
    check_prices(file, parse::<WrittenPrices>(file, text)?)
}

fn parse<T: serde::de::DeserializeOwned>(file: &str, text: &str) -> Result<T, Vec<FileFault>> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| text.get(..span.start).unwrap_or(text).matches('\n').count() + 1);
        let say = error.message().to_owned();
        vec![FileFault { file: file.to_owned(), place: format!("line {line}"), say }]
    })
}

/// Checks a provider as it is written.
///
/// # Errors
/// All that is wrong with it.
pub fn check(source: &str, written: WrittenProvider) -> Result<Provider, Vec<FileFault>> {
    let mut checking = Checking { file: source, faults: Vec::new() };
    let provider = checking.provider(written);
    if checking.faults.is_empty() { Ok(provider) } else { Err(checking.faults) }
}

/// Checks a list of prices as it is written.
///
/// # Errors
/// All that is wrong with it.
pub fn check_prices(source: &str, written: WrittenPrices) -> Result<PriceList, Vec<FileFault>> {
    let mut checking = Checking { file: source, faults: Vec::new() };
    checking.day(written.prices_of.as_deref());
    let mut prices: BTreeMap<String, BTreeMap<String, Price>> = BTreeMap::new();
    for (provider, models) in written.prices {
        for (model, price) in models {
            let price = checking.price(&format!("prices.{provider}.\"{model}\""), price);
            prices.entry(provider.clone()).or_default().insert(model, price);
        }
    }
    let list = PriceList { prices_of: written.prices_of, prices };
    if checking.faults.is_empty() { Ok(list) } else { Err(checking.faults) }
}

/// Collects what is wrong with a file.
struct Checking<'a> {
    file: &'a str,
    faults: Vec<FileFault>,
}

impl Checking<'_> {
    fn fault(&mut self, place: impl Into<String>, say: impl Into<String>) {
        self.faults.push(FileFault { file: self.file.to_owned(), place: place.into(), say: say.into() });
    }

    fn provider(&mut self, written: WrittenProvider) -> Provider {
        let WrittenProvider {
            name, title, dialect, base_url, base_url_variable, key, headers, options, limits, ..
        } = written;
        self.limits("limits", limits);
        if !is_name(&name) {
            self.fault("name", format!("'{name}' is no name: small letters, digits and hyphens, such as my-provider"));
        }
        if name == crate::domain::models::engine::client::CLIENT {
            self.fault("name", "is what the connected client's own model is called by");
        }
        match (&base_url, &base_url_variable) {
            (None, None) => self.fault("base_url", "is missing: name it, or a base_url_variable that holds it"),
            (Some(url), _) if !is_address(url) => {
                self.fault("base_url", format!("'{url}' is no address such as https://api.example.org/v1"));
            }
            (Some(_), _) | (None, Some(_)) => {}
        }
        for (place, variable) in [("base_url_variable", &base_url_variable), ("key.variable", &key.variable)] {
            if let Some(variable) = variable.as_deref().filter(|variable| !is_variable(variable)) {
                self.fault(place, format!("'{variable}' is no name of an environment variable"));
            }
        }
        if key.optional && key.variable.is_none() && key.vault.is_none() {
            self.fault("key.optional", "there is no key that could be left out");
        }
        if key.vault.as_ref().is_some_and(String::is_empty) {
            self.fault("key.vault", "is empty");
        }
        for (header, value) in &headers {
            self.header(header, value);
        }
        self.day(written.prices_of.as_deref());
        let mut models = BTreeMap::new();
        for (index, model) in written.models.into_iter().enumerate() {
            let model = self.model(index, model, limits);
            if models.insert(model.name.clone(), Arc::new(model)).is_some() {
                self.fault(format!("models[{index}].name"), "this model was listed before");
            }
        }
        let unlisted = written.unlisted.map(|unlisted| Unlisted {
            context: self.count("unlisted.context", unlisted.context),
            abilities: self.abilities("unlisted", unlisted.abilities),
            price: unlisted.price.map(|price| self.price("unlisted.price", price)),
        });
        if models.is_empty() && unlisted.is_none() {
            self.fault("models", "there is none, and no table 'unlisted' that lets unlisted ones be asked");
        }
        Provider {
            title: title.unwrap_or_else(|| name.clone()),
            name: name.into(),
            dialect,
            base_url: base_url.as_deref().unwrap_or_default().trim_end_matches('/').into(),
            base_url_variable,
            key,
            headers: headers.into_iter().collect(),
            options,
            limits,
            prices_of: written.prices_of,
            models,
            unlisted,
            source: self.file.to_owned(),
            built_in: false,
            of_tenant: false,
        }
    }

    /// Said here, since a client that is given one that cannot be sent may do worse than refuse it.
    fn header(&mut self, name: &str, value: &str) {
        let place = format!("headers.{name}");
        if http::HeaderName::try_from(name).is_err() || http::HeaderValue::try_from(value).is_err() {
            self.fault(place, "cannot be sent as a header of HTTP");
        } else if ["authorization", "x-api-key", "api-key", "x-goog-api-key"].contains(&name.to_lowercase().as_str()) {
            self.fault(place, "a key does not stand in a file: name its place in the table 'key'");
        }
    }

    fn day(&mut self, day: Option<&str>) {
        let form = |day: &str| {
            day.len() == 10
                && day
                    .bytes()
                    .enumerate()
                    .all(|(at, one)| if at == 4 || at == 7 { one == b'-' } else { one.is_ascii_digit() })
        };
        if let Some(day) = day.filter(|day| !form(day)) {
            self.fault("prices_of", format!("'{day}' is no day such as 2026-10-30"));
        }
    }

    fn limits(&mut self, place: &str, limits: Limits) {
        let of = [("requests_per_minute", limits.requests_per_minute), ("tokens_per_minute", limits.tokens_per_minute)];
        for (name, limit) in of {
            if limit == Some(0) {
                self.fault(format!("{place}.{name}"), "0 is no limit: leave it out where there is none");
            }
        }
    }

    fn model(&mut self, index: usize, written: WrittenModel, usual: Limits) -> Model {
        let place = format!("models[{index}]");
        if written.name.is_empty() || written.name.chars().any(|one| one.is_whitespace() || one.is_control()) {
            self.fault(format!("{place}.name"), "a model needs a name without spaces");
        }
        // From here on a person finds the model by its name sooner than by its number.
        let place = format!("models[{index}] ({})", written.name);
        let model = Model {
            name: written.name.into(),
            title: written.title,
            context: self.count(&format!("{place}.context"), written.context),
            max_output: self.count(&format!("{place}.max_output"), written.max_output),
            abilities: self.abilities(&place, written.abilities),
            price: written.price.map(|price| self.price(&format!("{place}.price"), price)),
            options: written.options,
            limits: written.limits.unwrap_or(usual),
        };
        self.limits(&format!("{place}.limits"), written.limits.unwrap_or_default());
        if let (Some(context), Some(most)) = (model.context, model.max_output)
            && most > context
        {
            self.fault(format!("{place}.max_output"), format!("{most} is more than the context of {context}"));
        }
        model
    }

    fn count(&mut self, place: &str, count: Option<u64>) -> Option<u64> {
        if count == Some(0) {
            self.fault(place, "0 is no length: leave it out when it is not known");
        }
        count
    }

    fn abilities(&mut self, place: &str, written: Vec<Ability>) -> BTreeSet<Ability> {
        let abilities: BTreeSet<Ability> = written.into_iter().collect();
        let place = format!("{place}.abilities");
        if ![Ability::Chat, Ability::Embeddings, Ability::Reranking].iter().any(|one| abilities.contains(one)) {
            self.fault(&place, "a model has the ability chat, embeddings or reranking, or several of them");
        }
        if abilities.contains(&Ability::ParallelTools) && !abilities.contains(&Ability::Tools) {
            self.fault(&place, "parallel_tools without tools");
        }
        abilities
    }

    fn price(&mut self, place: &str, written: WrittenPrice) -> Price {
        let WrittenPrice { input, output, cached, cache_written, searches, above } = written;
        let rates = self.rates(place, [input, output, cached, cache_written, searches]);
        let mut tiers: Vec<Tier> = Vec::new();
        for (index, tier) in above.into_iter().enumerate() {
            let place = format!("{place}.above[{index}]");
            let WrittenTier { input_tokens, input, output, cached, cache_written } = tier;
            if tiers.last().is_some_and(|before| before.input_tokens >= input_tokens) {
                self.fault(format!("{place}.input_tokens"), "tiers stand in order, the least length first");
            }
            tiers.push(Tier { input_tokens, rates: self.rates(&place, [input, output, cached, cache_written, None]) });
        }
        Price { rates, above: tiers }
    }

    fn rates(&mut self, place: &str, [input, output, cached, cache_written, searches]: [Option<String>; 5]) -> Rates {
        if input.is_none() && output.is_none() && searches.is_none() {
            self.fault(place, "names neither input nor output nor searches: leave out a price that is not known");
        }
        let mut rate = |name: &str, text: Option<String>| {
            let read = super::price::Rate::parse(&text?);
            read.map_err(|why| self.fault(format!("{place}.{name}"), why)).ok()
        };
        Rates {
            input: rate("input", input),
            output: rate("output", output),
            cached: rate("cached", cached),
            cache_written: rate("cache_written", cache_written),
            searches: rate("searches", searches),
        }
    }
}

fn is_name(name: &str) -> bool {
    let of_name = |one: u8| one.is_ascii_lowercase() || one.is_ascii_digit() || one == b'-';
    (1..=48).contains(&name.len()) && name.bytes().all(of_name) && !name.starts_with('-') && !name.ends_with('-')
}

fn is_variable(name: &str) -> bool {
    let of_name = |one: u8| one.is_ascii_alphanumeric() || one == b'_';
    !name.is_empty() && name.bytes().all(of_name) && !name.starts_with(|one: char| one.is_ascii_digit())
}

/// Whether a text is an address of HTTP with a host, and nothing in it that belongs elsewhere.
fn is_address(text: &str) -> bool {
    let Ok(uri) = text.parse::<http::Uri>() else { return false };
    let host = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    matches!(uri.scheme_str(), Some("http" | "https"))
        && !host.is_empty()
        && !host.contains('@')
        && uri.query().is_none()
}
