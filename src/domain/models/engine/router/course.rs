//! The course of a call: which models can answer it, in the order in which they are asked, and on what terms.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{KnownRoute, Router};
use crate::capability::cx::store_fault;
use crate::capability::owned::Stored;
use crate::domain::models::catalogue::{Ability, Found, Limits, Model, Provider};
use crate::domain::models::engine::asker::{Asker, CacheUse, Tags, Wish, scopes};
use crate::domain::models::engine::breaker::Circuit;
use crate::domain::models::engine::budgets::Need;
use crate::domain::models::engine::cache::{Kept, Question};
use crate::domain::models::engine::client::{ANY, CLIENT, PROVIDER};
use crate::domain::models::engine::dice::mixed;
use crate::domain::models::engine::failure::{Failed, Why};
use crate::domain::models::engine::health::Health;
use crate::domain::models::engine::offers::{KeyFrom, Offered};
use crate::domain::models::engine::pace::Pace;
use crate::domain::models::engine::similar::Meaning;
use crate::domain::models::engine::size::Size;
use crate::domain::models::engine::tokens::{self, Counted};
use crate::domain::models::engine::watch::FRESH;
use crate::domain::models::faults;
use crate::domain::models::model::budget::Scope;
use crate::domain::models::model::call::{CacheState, CallEnd, CallEntry, Manner};
use crate::domain::models::model::route::{Candidate, ModelRoute, Strategy};
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::money::NanoDollars;
use crate::port::models::{ChatRequest, Tokens};
use crate::port::records::{Document as _, Scope as Whose};

/// The route of whoever names none.
pub(crate) const DEFAULT: &str = "default";
/// So long an answer is kept where the caller wants it and the route says nothing.
const KEPT_FOR: Duration = Duration::from_mins(5);
/// Of longer requests no digest is made for the log.
const MOST_DIGESTED: u64 = 64 << 10;
/// An answer has about so many tokens, before there was one.
const USUAL_OUTPUT: u64 = 256;

/// A model that can be asked.
#[derive(Clone)]
pub(crate) struct Target {
    /// `provider/model`.
    pub(crate) name: Arc<str>,
    pub(crate) provider: Arc<Provider>,
    pub(crate) model: Arc<Model>,
    pub(crate) key: KeyFrom,
    pub(crate) health: Arc<Health>,
    /// How often it may be asked: in all, and by this route.
    pub(crate) paces: Vec<Arc<Pace>>,
    pub(crate) weight: u32,
}

impl Target {
    /// What the dialect wants to know besides.
    pub(crate) fn options(&self) -> Map<String, Value> {
        Found { provider: self.provider.clone(), model: self.model.clone() }.options()
    }

    /// Whether it is the model of the client that the call came from.
    pub(crate) fn is_client(&self) -> bool {
        *self.provider.name == *CLIENT
    }
}

/// The course of a call.
pub(crate) struct Course {
    pub(crate) asker: Asker,
    pub(crate) tags: Tags,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) route: Arc<ModelRoute>,
    pub(crate) route_name: Option<String>,
    pub(crate) manner: Manner,
    pub(crate) size: Size,
    /// In the order in which they are asked; at least one.
    pub(crate) targets: Vec<Target>,
    /// What the answer is kept under, where the cache has anything to do with it.
    pub(crate) question: Option<Question>,
    /// The same for the log of calls, where it is not too dear.
    pub(crate) digest: Option<Question>,
    pub(crate) reads_cache: bool,
    pub(crate) keeps_for: Option<Duration>,
    /// With what it is compared, where the route wants it.
    pub(crate) compared_under: Option<String>,
    /// What it means, when that is known.
    pub(crate) meaning: OnceLock<Meaning>,
    pub(crate) began: Duration,
}

impl Router {
    /// The course of a call.
    pub(super) async fn course(
        &self,
        asker: &Asker,
        wish: &Wish,
        manner: Manner,
        size: Size,
        request: Option<&Arc<ChatRequest>>,
    ) -> Result<Arc<Course>, Fault> {
        let (began, tags) = (asker.platform.clock.elapsed(), Tags::of(asker, &wish.tags));
        let offered = self.offers.of(&asker.platform, &self.watch, asker.tenant()).await?;
        let routed = self.route_of(asker, wish, &offered, size).await?;
        let targets = self.targets(asker, wish, &routed.route, &offered, size, request).await?;
        let seconds = routed.route.cache_seconds;
        let (reads, keeps) = match wish.cache {
            CacheUse::AsRouted => (seconds > 0, seconds > 0),
            CacheUse::Use => (true, true),
            CacheUse::Skip => (false, false),
            CacheUse::Refresh => (false, true),
        };
        let lasting = if seconds > 0 { Duration::from_secs(u64::from(seconds)) } else { KEPT_FOR };
        // What a client's own model says is that client's: nobody else is answered by it.
        let (reads, keeps) = if targets.iter().any(Target::is_client) { (false, false) } else { (reads, keeps) };
        let caches = reads || keeps;
        // A digest of long requests is dear; for the log alone it is not made of them.
        let digest = match request.filter(|_| caches || (size.bytes <= MOST_DIGESTED && size.pictures == 0)) {
            Some(request) => Some(Question::of(asker.tenant(), &routed.kept_under(), request)?),
            None => None,
        };
        let similar = routed.route.similar.as_ref().filter(|_| caches);
        let compared_under = similar.map(|similar| format!("similar by {} to {}", similar.model, routed.kept_under()));
        Ok(Arc::new(Course {
            scopes: scopes(asker, &tags),
            asker: asker.clone(),
            tags,
            route_name: routed.id.is_some().then(|| routed.route.name.clone()),
            route: routed.route,
            manner,
            size,
            targets,
            question: digest.filter(|_| caches),
            digest,
            reads_cache: reads,
            keeps_for: keeps.then_some(lasting),
            compared_under,
            meaning: OnceLock::new(),
            began,
        }))
    }

    /// The model that would be asked first, whatever its context.
    ///
    /// # Errors
    /// As for a call: no model, unknown model.
    pub(crate) async fn first(&self, asker: &Asker, wish: &Wish, size: Size) -> Result<Found, Fault> {
        let offered = self.offers.of(&asker.platform, &self.watch, asker.tenant()).await?;
        let routed = self.route_of(asker, wish, &offered, size).await?;
        let targets = self.targets(asker, wish, &routed.route, &offered, size, None).await?;
        let first = targets.into_iter().next().ok_or_else(|| nobody(&offered))?;
        Ok(Found { provider: first.provider, model: first.model })
    }

    async fn route_of(&self, asker: &Asker, wish: &Wish, offered: &Offered, size: Size) -> Result<Routed, Fault> {
        let straight = |name: &str| Routed {
            route: Arc::new(ModelRoute::straight_to(name, self.settings.cache_seconds)),
            id: None,
        };
        let named = wish.model.as_deref().map(str::trim).filter(|name| !name.is_empty());
        let Some(name) = named else {
            if let Some(routed) = self.stored_route(asker, DEFAULT).await?.filter(Routed::is_enabled) {
                return Ok(routed);
            }
            return match usual(offered, size) {
                Some(usual) => Ok(straight(&usual.name())),
                // Who connects with a model of their own needs no other.
                None if asker.client.is_some() && size.is_chat() => Ok(straight(ANY)),
                None => Err(nobody(offered)),
            };
        };
        if name.contains('/') {
            return Ok(straight(name));
        }
        if let Some(routed) = self.stored_route(asker, name).await? {
            if routed.is_enabled() {
                return Ok(routed);
            }
            return Err(Fault::new(&faults::UNKNOWN_MODEL, format!("the route '{name}' is switched off")));
        }
        // A bare name is enough where only one provider that can be asked has it.
        let mut found = offered.catalogue.named(name);
        found.retain(|found| offered.keys.contains_key(&found.provider.name));
        match found.as_slice() {
            [only] => Ok(straight(&only.name())),
            [] if offered.keys.is_empty() => Err(nobody(offered)),
            [] => Err(Fault::new(&faults::UNKNOWN_MODEL, format!("there is no model or route '{name}'"))),
            many => {
                let names: Vec<String> = many.iter().map(Found::name).collect();
                let say = format!("'{name}' is the name of {} models: say which", names.len());
                Err(Fault::new(&faults::UNKNOWN_MODEL, say).with_detail(json!({ "models": names })))
            }
        }
    }

    async fn stored_route(&self, asker: &Asker, name: &str) -> Result<Option<Routed>, Fault> {
        let tenant = asker.tenant();
        let now = self.watch.mark(&asker.platform, tenant);
        let key = (tenant, name.to_owned());
        let known = self.routes.get_if(&key, |known| known.read.is_good(&now, FRESH));
        let route = if let Some(known) = known {
            known.route
        } else {
            let id = ModelRoute::id(tenant, name);
            let store = &asker.platform.store;
            let found = store.get(Whose::Tenant(tenant), ModelRoute::KIND, id).await.map_err(store_fault)?;
            let stored = found.map(Stored::<ModelRoute>::read).transpose()?;
            let route = stored.map(|stored| Arc::new((stored.id, stored.revision, Arc::new(stored.value))));
            self.routes.insert(key, KnownRoute { read: now, route: route.clone() });
            route
        };
        Ok(route.map(|known| Routed { id: Some((known.0, known.1)), route: known.2.clone() }))
    }

    /// The models that can answer, in the order in which they are asked.
    async fn targets(
        &self,
        asker: &Asker,
        wish: &Wish,
        route: &ModelRoute,
        offered: &Offered,
        size: Size,
        request: Option<&Arc<ChatRequest>>,
    ) -> Result<Vec<Target>, Fault> {
        let only = route.candidates.len() == 1;
        let (mut targets, mut failed) = (Vec::new(), Vec::new());
        for candidate in route.candidates.iter().filter(|candidate| takes(candidate, size)) {
            let target = match self.target(asker, &route.name, candidate, offered) {
                Ok(target) => target,
                Err(fault) if only => return Err(fault),
                // A route goes on without a candidate whose key is not there yet.
                Err(_) => continue,
            };
            match self.unfit(asker, &target, size, request).await? {
                None => targets.push(target),
                Some(why) => failed.push(Failed { model: target.name.to_string(), why }),
            }
        }
        if targets.is_empty() {
            return Err(match failed.last() {
                Some(last) => last.fault(&failed),
                None if offered.keys.is_empty() => nobody(offered),
                None => {
                    let say = format!("no candidate of the route '{}' can take such a request", route.name);
                    Fault::new(&faults::UNSUPPORTED, say)
                }
            });
        }
        self.order(asker, wish, route.strategy, size, &mut targets);
        Ok(targets)
    }

    /// A candidate as it is offered to whoever asks. `route` is the name under which its limits are counted.
    pub(super) fn target(
        &self,
        asker: &Asker,
        route: &str,
        candidate: &Candidate,
        offered: &Offered,
    ) -> Result<Target, Fault> {
        let name = &candidate.model;
        let unknown = || Fault::new(&faults::UNKNOWN_MODEL, format!("there is no model '{name}'"));
        let (provider, model) = name.split_once('/').ok_or_else(unknown)?;
        if provider == CLIENT {
            return self.of_client(asker, candidate, model).ok_or_else(unknown);
        }
        let provider = offered.catalogue.provider(provider).ok_or_else(unknown)?;
        let Some(key) = offered.keys.get(&provider.name) else {
            return Err(if offered.keys.is_empty() { nobody(offered) } else { without_key(provider) });
        };
        let Found { provider, model } = offered.catalogue.find(name).ok_or_else(unknown)?;
        let name: Arc<str> = name.as_str().into();
        // Names that no file lists are the callers' invention: what is remembered of them must not grow without bound.
        let listed = if provider.models.contains_key(&model.name) { &name } else { &provider.name };
        let owner = offered.owner(asker.tenant(), &provider);
        let health = self.healths.of(owner, listed);
        let of_route = Limits {
            requests_per_minute: candidate.requests_per_minute,
            tokens_per_minute: candidate.tokens_per_minute,
        };
        let mut paces = Vec::new();
        paces.extend(self.healths.pace(owner, listed, model.limits));
        if of_route != Limits::default() {
            let named = format!("{} by {route}", candidate.model).into();
            paces.extend(self.healths.pace(Some(asker.tenant()), &named, of_route));
        }
        let (key, weight) = (key.clone(), candidate.weight);
        Ok(Target { name, provider, model, key, health, paces, weight })
    }

    /// The model of the client that the call came from.
    fn of_client(&self, asker: &Asker, candidate: &Candidate, model: &str) -> Option<Target> {
        let provider = PROVIDER.clone();
        let model = provider.model(model)?;
        let health = self.healths.of(Some(asker.tenant()), &provider.name);
        let (name, weight) = (candidate.model.as_str().into(), candidate.weight);
        Some(Target { name, provider, model, key: KeyFrom::Nowhere, health, paces: Vec::new(), weight })
    }

    /// Why a model cannot answer.
    async fn unfit(
        &self,
        asker: &Asker,
        target: &Target,
        size: Size,
        request: Option<&Arc<ChatRequest>>,
    ) -> Result<Option<Why>, Fault> {
        if target.is_client() && asker.client.is_none() {
            return Ok(Some(Why::NoClient));
        }
        if let Some(ability) = size.lacking(&target.model) {
            return Ok(Some(Why::Lacks(name_of(ability))));
        }
        let (Some(context), Some(request)) = (target.model.context, request) else { return Ok(None) };
        let answer = size.most_output.unwrap_or(0);
        if size.at_most() + answer <= context {
            return Ok(None);
        }
        let count = tokens::count(&asker.platform, &target.model.name, Counted::Chat(request.clone())).await?;
        // A count by another's encoding is taken for too long only where it is so by far.
        let least = if count.exact { count.tokens } else { count.tokens - count.tokens / 4 };
        Ok((least + answer > context).then_some(Why::TooLong { tokens: count.tokens + answer, context }))
    }

    fn order(&self, asker: &Asker, wish: &Wish, strategy: Strategy, size: Size, targets: &mut Vec<Target>) {
        match strategy {
            Strategy::Fallback => {}
            Strategy::Weighted => by_score(targets, |target| share(self.dice.throw(), target.weight)),
            Strategy::Sticky => {
                let user = asker.caller.user.to_string();
                let session = wish.tags.session.as_deref().unwrap_or(&user);
                by_score(targets, |target| share(digest(session, &target.name), target.weight));
            }
            Strategy::LeastLatency => self.power_of_two(targets),
            Strategy::Cheapest => {
                // One without a price comes last: unknown is not cheap.
                targets.sort_by_key(|target| cost(target, size).map_or(u64::MAX, |cost| cost.0));
            }
        }
        // Those that are left alone just now are asked when all others failed.
        let now = asker.platform.clock.elapsed();
        targets.sort_by_key(|target| matches!(target.health.breaker.circuit(now), Circuit::Open | Circuit::Cooling));
    }

    /// Of two taken by chance the one that is expected to answer faster; the others by chance behind it. Looking at all would
    /// send everybody to the same one.
    fn power_of_two(&self, targets: &mut [Target]) {
        for at in (1..targets.len()).rev() {
            let other = usize::try_from(self.dice.below(at as u64 + 1)).unwrap_or(0);
            targets.swap(at, other);
        }
        let expected = |target: &Target| {
            let (running, waiting) = target.health.places.figures();
            // One that has not answered yet is tried.
            target.health.latency().unwrap_or(Duration::ZERO) * u32::try_from(running + waiting + 1).unwrap_or(u32::MAX)
        };
        if let [first, second, ..] = targets
            && expected(second) < expected(first)
        {
            targets.swap(0, 1);
        }
    }
}

/// A route with where it comes from.
struct Routed {
    route: Arc<ModelRoute>,
    /// The document and its revision; nothing for what no document says.
    id: Option<(uuid::Uuid, i64)>,
}

impl Routed {
    fn is_enabled(&self) -> bool {
        self.route.enabled
    }

    /// What tells its answers from others: the model, or the route as it is now.
    fn kept_under(&self) -> String {
        match (self.id, self.route.candidates.as_slice()) {
            (_, [only]) => only.model.clone(),
            (Some((id, revision)), _) => format!("route:{id}:{revision}"),
            (None, _) => String::new(),
        }
    }
}

impl Offered {
    /// Every listed model that can be asked, by provider; those of a provider in the order of its names.
    pub(crate) fn models(&self) -> impl Iterator<Item = Found> {
        self.catalogue.providers().filter(|provider| self.keys.contains_key(&provider.name)).flat_map(|provider| {
            let of = |model: &Arc<Model>| Found { provider: provider.clone(), model: model.clone() };
            provider.models.values().map(of)
        })
    }
}

impl Course {
    /// What a call of a model probably needs.
    pub(crate) fn need(&self, target: &Target) -> Need {
        let tokens = expected(target, self.size);
        Need { money: target.model.cost(&tokens), tokens: tokens.input + tokens.output }
    }

    pub(crate) fn cache_state(&self) -> CacheState {
        if self.question.is_some() { CacheState::Miss } else { CacheState::Off }
    }

    /// What is written of a call of a model, so far as it is the same however it ends.
    pub(crate) fn entry(&self, model: &str) -> CallEntry {
        let persona = self.tags.persona.as_deref().map(|tag| tag.split_once('@').unwrap_or((tag, "")));
        CallEntry {
            at: self.asker.platform.clock.now(),
            request_id: self.asker.request_id.uuid(),
            user: self.asker.caller.user.uuid(),
            key: self.asker.key(),
            agent: self.tags.agent.clone(),
            prompt_version: self.tags.prompt_version.clone(),
            execution: self.tags.execution.clone(),
            persona: persona.map(|(id, _)| id.to_owned()),
            persona_version: persona.map(|(_, version)| version.to_owned()).filter(|version| !version.is_empty()),
            model: model.to_owned(),
            route: self.route_name.clone(),
            manner: self.manner,
            cache: self.cache_state(),
            end: CallEnd::Answered,
            fault: None,
            tokens: Tokens::default(),
            counted: false,
            cost: None,
            saved: None,
            micros: 0,
            first_micros: None,
            stop: None,
            needs: self.size.all_needs(),
            question: self.digest.as_ref().map(Question::short),
        }
    }

    pub(crate) fn entry_of_cache(&self, kept: &Kept, state: CacheState) -> CallEntry {
        let took = self.asker.platform.clock.elapsed().saturating_sub(self.began);
        CallEntry {
            cache: state,
            cost: Some(NanoDollars::ZERO),
            saved: kept.cost,
            micros: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            ..self.entry(&kept.model)
        }
    }
}

fn takes(candidate: &Candidate, size: Size) -> bool {
    let Some(when) = &candidate.when else { return true };
    let about = size.about();
    when.at_least_tokens.is_none_or(|least| about >= least)
        && when.at_most_tokens.is_none_or(|most| about <= most)
        && when.needs.iter().all(|need| size.needs(*need))
}

/// The tokens that a call probably has.
fn expected(target: &Target, size: Size) -> Tokens {
    let usual = target.health.usual_output().unwrap_or(USUAL_OUTPUT);
    let output = size.most_output.map_or(usual, |most| most.min(usual));
    Tokens { input: size.about(), output, searches: size.searches, ..Tokens::default() }
}

fn cost(target: &Target, size: Size) -> Option<NanoDollars> {
    target.model.cost(&expected(target, size))
}

/// The highest score first.
fn by_score(targets: &mut Vec<Target>, score: impl Fn(&Target) -> f64) {
    let mut scored: Vec<(f64, Target)> = targets.drain(..).map(|target| (score(&target), target)).collect();
    scored.sort_by(|one, other| other.0.total_cmp(&one.0));
    targets.extend(scored.into_iter().map(|(_, target)| target));
}

/// A score of a number by chance, so that each of several has the highest as often as its weight says.
fn share(number: u64, weight: u32) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a number by chance has bits to spare")]
    let chance = ((number >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    chance.ln() / f64::from(weight.max(1))
}

/// A number that is always the same for the same two.
fn digest(session: &str, name: &str) -> u64 {
    let bytes = session.bytes().chain([0]).chain(name.bytes());
    mixed(bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)))
}

fn name_of(ability: Ability) -> &'static str {
    match ability {
        Ability::Chat => "chat",
        Ability::Streaming => "streaming",
        Ability::Tools => "tools",
        Ability::ParallelTools => "parallel_tools",
        Ability::StructuredOutput => "structured_output",
        Ability::Images => "images",
        Ability::Reasoning => "reasoning",
        Ability::Embeddings => "embeddings",
        Ability::Reranking => "reranking",
    }
}

/// The model of whoever names none, where no route says it: the cheapest one that can do all that a usual call may want, so that
/// nobody is surprised by a bill. Of those without a price the first one.
fn usual(offered: &Offered, size: Size) -> Option<Found> {
    let tokens = Tokens { input: 1000, output: USUAL_OUTPUT, ..Tokens::default() };
    let able = offered.models().filter(|found| size.lacking(&found.model).is_none());
    able.min_by_key(|found| {
        let lacks_tools = size.is_chat() && !found.model.can(Ability::Tools);
        (lacks_tools, found.model.cost(&tokens).map_or(u64::MAX, |cost| cost.0), found.name())
    })
}

/// The fault where no model can be asked, with the three ways to one.
fn nobody(offered: &Offered) -> Fault {
    let mut variables: Vec<&str> = Vec::new();
    let mut vault: Vec<&str> = Vec::new();
    for provider in offered.catalogue.providers() {
        variables.extend(provider.key.variable.as_deref());
        vault.extend(provider.key.vault.as_deref());
    }
    let say = "no provider can be asked that has such a model";
    Fault::new(&faults::NO_MODEL, say).with_detail(json!({
        "environment": variables,
        "vault": vault,
        "folder": "providers/",
    }))
}

fn without_key(provider: &Provider) -> Fault {
    let say = format!("the provider '{}' has no key that this call may use", provider.name);
    Fault::new(&codes::NOT_CONFIGURED, say).with_detail(json!({
        "provider": &*provider.name,
        "environment": provider.key.variable.iter().chain(&provider.base_url_variable).collect::<Vec<_>>(),
        "vault": provider.key.vault,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::models::engine::dice::Dice;

    #[test]
    fn weights_are_how_often_one_comes_first() {
        let dice = Dice::from_seed(7);
        let mut first = [0_u32; 2];
        for _ in 0..10_000 {
            let (one, three) = (share(dice.throw(), 1), share(dice.throw(), 3));
            first[usize::from(three > one)] += 1;
        }
        assert!((7_300..7_700).contains(&first[1]), "{first:?}");
    }

    #[test]
    fn a_session_sticks() {
        assert_eq!(digest("s", "a/b"), digest("s", "a/b"));
        assert_ne!(digest("s", "a/b"), digest("t", "a/b"));
        assert_ne!(digest("sa", "/b"), digest("s", "a/b"));
    }
}
