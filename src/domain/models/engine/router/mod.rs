//! The router: the one way from the program to a model. It finds who can answer, asks them in the order that the route says,
//! holds budgets, keeps answers, and writes down what was used. Nothing on the way waits for a disk.

mod attempt;
mod course;
mod reach;
mod run;
mod say;
mod stream;
mod ticket;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::FutureExt as _;
use futures::stream::BoxStream;
use uuid::Uuid;

use self::attempt::{Ask, Got};
use self::course::Course;
pub use self::reach::Reached;
pub(crate) use self::say::json_in;
pub(crate) use self::ticket::{Used, word};
use super::asker::{Asker, CacheUse, Wish};
use super::budgets::Budgets;
use super::cache::{Cache, Kept, length, replayed};
use super::dice::Dice;
use super::genai::{Histogram, Measures};
use super::health::Healths;
use super::meter::Meter;
use super::offers::Offers;
use super::similar::{Comparable, LONGEST_ANSWER, Similar};
use super::size::Size;
use super::watch::{Read, Watch};
use crate::capability::caches::{CacheBook, CountedCache};
use crate::capability::platform::Platform;
use crate::domain::models::model::call::{CacheState, Manner};
use crate::domain::models::model::route::ModelRoute;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::money::NanoDollars;
use crate::port::models::{ChatRequest, Completion, EmbedRequest, Embedding, Piece, RerankRequest, Reranking, Tokens};
use crate::port::secrets::Environment;

/// Routes that are remembered.
const MOST_ROUTES: u64 = 10_000;

/// How the router is set up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RouterSettings {
    /// Whether all tenants may ask with the keys that the operator's environment holds.
    pub shares_keys: bool,
    /// So many calls run at once at one model; 0 is no bound.
    pub calls_at_once: usize,
    /// So long answers are kept for calls that no route says it for; 0 for not at all.
    pub cache_seconds: u32,
    /// Whether traces tell what was said.
    pub tells_content: bool,
}

/// A route as it was read; `None` where there is none of the name.
#[derive(Clone)]
struct KnownRoute {
    read: Read,
    route: Option<Arc<(Uuid, i64, Arc<ModelRoute>)>>,
}

/// The router.
pub struct Router {
    pub(crate) settings: RouterSettings,
    pub(crate) offers: Offers,
    pub(crate) watch: Watch,
    pub(crate) healths: Healths,
    pub(crate) budgets: Arc<Budgets>,
    pub(crate) cache: Cache,
    similar: Similar,
    meter: Arc<Meter>,
    measures: Measures,
    dice: Dice,
    routes: Arc<CountedCache<(TenantId, String), KnownRoute>>,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What the model said.
    pub completion: Arc<Completion>,
    /// The model that answered, as `provider/model`.
    pub model: String,
    /// The route that led to it.
    pub route: Option<String>,
    /// What the cache had to do with it.
    pub cache: CacheState,
    /// What was read and written.
    pub tokens: Tokens,
    /// Whether they are about so many, since the vendor did not count; the log of calls has the count.
    pub about: bool,
    /// What it cost; `None` where no price is known.
    pub cost: Option<NanoDollars>,
    /// How long it took.
    pub took: Duration,
}

/// An answer as it comes.
pub struct Answering {
    /// The model that answers, as `provider/model`.
    pub model: String,
    /// The route that led to it.
    pub route: Option<String>,
    /// What the cache had to do with it.
    pub cache: CacheState,
    /// What it used: told just before the last piece of a whole answer.
    pub(crate) used: Arc<OnceLock<Used>>,
    /// The pieces. The last one of a whole answer is `End`; one that breaks off ends by a fault.
    pub pieces: BoxStream<'static, Result<Piece, Fault>>,
}

/// Vectors.
#[derive(Debug, Clone)]
pub struct Embedded {
    /// The vectors, one for each text.
    pub embedding: Embedding,
    /// The model, as `provider/model`.
    pub model: String,
    /// The route that led to it.
    pub route: Option<String>,
    /// What was read.
    pub tokens: Tokens,
    /// Whether they are about so many.
    pub about: bool,
    /// What it cost; `None` where no price is known.
    pub cost: Option<NanoDollars>,
}

impl Router {
    /// A router. `me` is this run of the program.
    #[must_use]
    pub fn new(settings: RouterSettings, environment: Arc<dyn Environment>, me: Uuid) -> Arc<Self> {
        Arc::new(Self {
            settings,
            offers: Offers::new(environment, settings.shares_keys),
            watch: Watch::default(),
            healths: Healths::new(settings.calls_at_once),
            budgets: Arc::new(Budgets::new(me)),
            cache: Cache::default(),
            similar: Similar::default(),
            meter: Arc::default(),
            measures: Measures::default(),
            dice: Dice::default(),
            routes: CountedCache::new(MOST_ROUTES),
        })
    }

    /// Lists what it keeps, so that an operator can look at it and empty it.
    pub fn list_in(&self, book: &CacheBook) {
        self.cache.list_in(book);
        self.similar.list_in(book);
        book.list("model routes", "routes to models, by tenant and name", &self.routes);
    }

    /// How long calls of models took and what they used, since the start.
    #[must_use]
    pub fn measured(&self) -> Vec<Histogram> {
        self.measures.read()
    }

    /// Asks for a whole answer.
    ///
    /// # Errors
    /// The codes of the domain's faults: no model, unknown model, budget spent, provider down …
    pub async fn complete(
        self: &Arc<Self>,
        asker: &Asker,
        wish: &Wish,
        request: Arc<ChatRequest>,
    ) -> Result<Answer, Fault> {
        let size = Size::of_chat(&request);
        let course = self.course(asker, wish, Manner::Complete, size, Some(&request)).await?;
        asker.begins();
        let ask = Ask::Whole(request);
        let Some(question) = course.question else { return self.whole(&course, &ask).await };
        if course.reads_cache
            && let Some(kept) = self.cache.get(&question, asker.platform.clock.elapsed())
        {
            return Ok(self.cached_answer(&course, &kept, CacheState::Hit));
        }
        let (flight, leads) = self.cache.flight(question, || {
            let (router, course, ask) = (self.clone(), course.clone(), ask.clone());
            let leading = async move {
                if let Some(kept) = router.similar_answer(&course, &ask).await {
                    return Ok(Arc::new(router.cached_answer(&course, &kept, CacheState::Similar)));
                }
                let answer = router.whole(&course, &ask).await.map_err(Arc::new)?;
                router.keep(&course, &answer);
                Ok(Arc::new(answer))
            };
            leading.boxed()
        });
        let landing = Landing { router: self, course: &course, flight: Some(flight) };
        match landing.wait().await {
            Ok(answer) if leads => Ok(Answer::clone(&answer)),
            Ok(answer) => {
                let kept = Kept::of(&answer);
                let state = if answer.cache == CacheState::Similar { answer.cache } else { CacheState::Shared };
                Ok(self.cached_answer(&course, &kept, state))
            }
            Err(fault) if leads => Err(copied(&fault)),
            // What kept the other from its answer, such as a budget, need not keep this one.
            Err(_) => self.whole(&course, &ask).await,
        }
    }

    /// Asks for an answer piece by piece. Answers when the first piece is there.
    ///
    /// # Errors
    /// As `complete`. What breaks after the first piece ends the pieces by a fault.
    pub async fn stream(
        self: &Arc<Self>,
        asker: &Asker,
        wish: &Wish,
        request: Arc<ChatRequest>,
    ) -> Result<Answering, Fault> {
        let size = Size::of_chat(&request);
        let course = self.course(asker, wish, Manner::Stream, size, Some(&request)).await?;
        asker.begins();
        let ask = Ask::Pieces(request);
        let equal = course.question.filter(|_| course.reads_cache);
        let equal = equal.and_then(|question| self.cache.get(&question, asker.platform.clock.elapsed()));
        let found = if let Some(kept) = equal {
            Some((kept, CacheState::Hit))
        } else {
            let similar = Box::pin(self.similar_answer(&course, &ask)).await;
            similar.map(|kept| (kept, CacheState::Similar))
        };
        if let Some((kept, state)) = found {
            let answer = self.cached_answer(&course, &kept, state);
            let pieces = replayed(&answer.completion, Some(kept.tokens));
            return Ok(Answering {
                model: answer.model,
                route: answer.route,
                cache: state,
                // Nobody was asked: the call itself used nothing.
                used: Arc::new(OnceLock::from(Used::NOTHING)),
                pieces: Box::pin(futures::StreamExt::map(pieces, |piece| piece.map_err(|_| strange()))),
            });
        }
        let started = self.run(&course, &ask).await?;
        let Got::Pieces(pieces) = started.got else { return Err(strange()) };
        let used = Arc::<OnceLock<Used>>::default();
        Ok(Answering {
            model: started.ticket.model().to_owned(),
            route: course.route_name.clone(),
            cache: course.cache_state(),
            used: used.clone(),
            pieces: Box::pin(stream::Metered::new(pieces, started.ticket, used)),
        })
    }

    /// Asks for vectors.
    ///
    /// # Errors
    /// As `complete`.
    pub async fn embed(
        self: &Arc<Self>,
        asker: &Asker,
        wish: &Wish,
        request: Arc<EmbedRequest>,
    ) -> Result<Embedded, Fault> {
        let size = Size::of_embed(&request);
        let course = self.course(asker, wish, Manner::Embed, size, None).await?;
        asker.begins();
        let started = self.run(&course, &Ask::Vectors(request)).await?;
        let Got::Vectors(embedding) = started.got else { return Err(strange()) };
        let model = started.ticket.model().to_owned();
        let used = started.ticket.answered(embedding.tokens, None);
        Ok(Embedded {
            embedding,
            model,
            route: course.route_name.clone(),
            tokens: used.tokens,
            about: used.about,
            cost: used.cost,
        })
    }

    /// Asks for the order of texts. It is paid by the search where a vendor counts these.
    ///
    /// # Errors
    /// As `complete`.
    pub async fn rerank(
        self: &Arc<Self>,
        asker: &Asker,
        wish: &Wish,
        request: Arc<RerankRequest>,
    ) -> Result<Reranking, Fault> {
        let size = Size::of_rerank(&request);
        let course = self.course(asker, wish, Manner::Rerank, size, None).await?;
        asker.begins();
        let started = self.run(&course, &Ask::Order(request)).await?;
        let Got::Order(reranking) = started.got else { return Err(strange()) };
        // Budgets in tokens hold, too: what was read is about so much.
        let searches = reranking.searches.unwrap_or(size.searches);
        started.ticket.answered(Some(Tokens { input: size.about(), searches, ..Tokens::default() }), None);
        Ok(reranking)
    }

    async fn whole(self: &Arc<Self>, course: &Arc<Course>, ask: &Ask) -> Result<Answer, Fault> {
        let started = self.run(course, ask).await?;
        let Got::Whole(completion) = started.got else { return Err(strange()) };
        let model = started.ticket.model().to_owned();
        let used = started.ticket.answered_with(&completion);
        Ok(Answer {
            completion: Arc::new(completion),
            model,
            route: course.route_name.clone(),
            cache: course.cache_state(),
            tokens: used.tokens,
            about: used.about,
            cost: used.cost,
            took: course.asker.platform.clock.elapsed().saturating_sub(course.began),
        })
    }

    /// Keeps an answer, where the course says so.
    fn keep(&self, course: &Course, answer: &Answer) {
        if let (Some(question), Some(lasting)) = (course.question, course.keeps_for) {
            let now = course.asker.platform.clock.elapsed();
            self.cache.keep(question, answer, now, lasting);
            if let Some(meaning) = course.meaning.get().filter(|_| length(&answer.completion) <= LONGEST_ANSWER) {
                self.similar.keep(meaning, Kept::until(answer, now + lasting), now);
            }
        }
    }

    /// The answer to a question that means the same, where the route wants it. What keeps the question from being compared keeps
    /// nobody from an answer.
    async fn similar_answer(self: &Arc<Self>, course: &Course, ask: &Ask) -> Option<Kept> {
        let (under, similar) = (course.compared_under.as_ref()?, course.route.similar.as_ref()?);
        let (Ask::Whole(request) | Ask::Pieces(request)) = ask else { return None };
        let comparable = Comparable::of(course.asker.tenant(), under, request).ok()??;
        let wish = Wish { model: Some(similar.model.clone()), cache: CacheUse::Skip, tags: course.tags.clone() };
        let texts = vec![comparable.text().to_owned()];
        let request = Arc::new(EmbedRequest { texts, dimensions: None, purpose: None });
        let vector = match self.embed(&course.asker, &wish, request).await {
            Ok(embedded) => embedded.embedding.vectors.into_iter().next()?,
            Err(fault) => {
                tracing::warn!(model = similar.model, %fault, "a question cannot be compared with others");
                return None;
            }
        };
        let meaning = comparable.meaning(&vector)?;
        let now = course.asker.platform.clock.elapsed();
        let found = self.similar.find(&meaning, similar.at_least_percent, now).filter(|_| course.reads_cache);
        let _ = course.meaning.set(meaning);
        found
    }

    /// An answer that nobody was asked for.
    fn cached_answer(&self, course: &Course, kept: &Kept, state: CacheState) -> Answer {
        self.meter.add(course.asker.tenant(), course.entry_of_cache(kept, state));
        Answer {
            completion: kept.completion.clone(),
            model: kept.model.clone(),
            route: course.route_name.clone(),
            cache: state,
            tokens: Tokens::default(),
            about: false,
            cost: Some(NanoDollars::ZERO),
            took: course.asker.platform.clock.elapsed().saturating_sub(course.began),
        }
    }

    /// Writes what was used and looks after budgets. The runtime calls it now and then.
    ///
    /// # Errors
    /// When the store fails; what could not be written is kept.
    pub async fn tidy(&self, platform: &Arc<Platform>) -> Result<(), Fault> {
        self.flush(platform).await?;
        self.budgets.tidy(platform).await
    }

    /// Writes what was used.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn flush(&self, platform: &Arc<Platform>) -> Result<(), Fault> {
        self.meter.flush(platform).await
    }

    /// Writes what was used and gives back what is leased of budgets: the program ends.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn close(&self, platform: &Arc<Platform>) -> Result<(), Fault> {
        self.flush(platform).await?;
        self.budgets.close(platform).await
    }
}

/// A flight that is waited for. Whoever goes away tells the cache, so that it does not remember flights of nobody.
struct Landing<'a> {
    router: &'a Router,
    course: &'a Course,
    flight: Option<super::cache::Flight>,
}

impl Landing<'_> {
    async fn wait(mut self) -> Result<Arc<Answer>, Arc<Fault>> {
        match &mut self.flight {
            Some(flight) => flight.await,
            None => Err(Arc::new(strange())),
        }
    }
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        // The flight goes first: the last one who waits for it ends it.
        self.flight = None;
        if let Some(question) = &self.course.question {
            self.router.cache.landed(question);
        }
    }
}

/// A fault told to more than one.
fn copied(fault: &Fault) -> Fault {
    let mut copy = Fault::new(fault.code(), fault.say());
    if let Some(detail) = fault.detail() {
        copy = copy.with_detail(detail.clone());
    }
    if let Some(wait) = fault.retry_after() {
        copy = copy.with_retry_after(wait);
    }
    if let Some(cause) = fault.cause() {
        copy = copy.caused_by(cause.to_string());
    }
    copy
}

fn strange() -> Fault {
    Fault::internal("a model was asked for one thing and another came")
}
