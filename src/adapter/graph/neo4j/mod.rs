//! The graph on Neo4j. The records are the truth: what is told is read from them, and Neo4j finds. It is a projection that follows the store's
//! commits, and a question sees every commit before it. Where Neo4j is lost, slow, wrong or not filled yet, the same question is answered by a
//! walk over the records, so that an answer is whole or a fault, and never of yesterday.

mod client;
mod fed;
mod finding;
mod follow;
mod held;
mod statement;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;

pub use self::client::Address;
use self::client::Client;
pub use self::fed::FedStore;
use self::finding::Neo4jFinder;
use self::follow::{Follower, Mark, define};
use self::statement::{Names, Statement};
use super::reading::Reading;
use super::{StoreGraph, around, between, query};
use crate::port::graph::{
    Around, Between, CHANGES, Graph, GraphFault, GraphHealth, Limits, Neighbours, Paths, Table, View,
};
use crate::port::graph_query::GraphQuery;
use crate::port::store::{Store, StoreFault};

/// After a failure questions do without Neo4j for so long.
const DOWN: Duration = Duration::from_secs(3);
/// The least time that is left to a walk after Neo4j failed within a question.
const LEFT_OVER: Duration = Duration::from_millis(500);

/// Which Neo4j, and whose.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it is.
    pub address: Address,
    /// What the labels begin with: installations on one database take each its own.
    pub space: String,
    /// The installation, so that no two write into one space.
    pub installation: String,
    /// How long a question waits for Neo4j to answer at all, and to take in what was written before it.
    pub patience: Duration,
}

/// How it stands.
#[derive(Debug, Clone, Default)]
struct Standing {
    /// Whether everything was looked through since the program began and since the store was last replaced.
    whole: bool,
    /// How far it has come.
    taken: Mark,
    /// How often the store had been replaced when it was looked through.
    restored: u64,
    /// Without Neo4j until then.
    down: Option<Instant>,
}

/// The graph on Neo4j.
pub struct Neo4jGraph {
    client: Client,
    names: Names,
    store: Arc<dyn Store>,
    restored: Arc<AtomicU64>,
    walk: StoreGraph,
    installation: String,
    patience: Duration,
    standing: Mutex<Standing>,
    turn: tokio::sync::Mutex<()>,
    found: AtomicU64,
    walked: AtomicU64,
}

impl Neo4jGraph {
    /// The graph of what the store holds, on a server that must be there now: constraints, indexes and the mark are made where they are not.
    /// What it holds is looked through by the first `follow`.
    ///
    /// # Errors
    /// When the server cannot be used, or the space is another installation's.
    pub async fn open(settings: Settings, store: Arc<dyn Store>, restored: Arc<AtomicU64>) -> Result<Self, GraphFault> {
        let broken = |why: &str| GraphFault::Store(StoreFault::Broken(why.to_owned()));
        let names = Names::of(&settings.space).ok_or_else(|| broken("the space is no plain name"))?;
        let client = Client::new(&settings.address)?;
        let text = "CALL dbms.components() YIELD name, versions RETURN versions[0] AS version";
        let rows = client.ask(Statement::new(text), Duration::from_secs(20)).await?;
        let version = rows.first().and_then(|row| row.get::<String>("version").ok()).unwrap_or_default();
        // Versions by year follow the fifth.
        if !version.starts_with("5.") && !version.starts_with("20") {
            return Err(broken(&format!("Neo4j 5 or later is needed, and the server is '{version}'")));
        }
        let owner = define(&client, &names, &settings.installation).await?;
        if owner != settings.installation {
            return Err(broken(&format!("the space '{}' is another installation's", settings.space)));
        }
        Ok(Self {
            client,
            names,
            walk: StoreGraph::new(store.clone()),
            store,
            restored,
            installation: settings.installation,
            patience: settings.patience,
            standing: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            found: AtomicU64::new(0),
            walked: AtomicU64::new(0),
        })
    }

    /// Takes in what was written since it did so last, and all of it the first time. One at a time.
    ///
    /// # Errors
    /// When the store or the server fails; then questions are answered by walking, and it can be tried again.
    pub async fn follow(&self) -> Result<(), GraphFault> {
        let _turn = self.turn.lock().await;
        let done = self.follow_in_turn().await;
        match &done {
            Ok(()) => {
                if self.with(|standing| standing.down.take().is_some()) {
                    tracing::info!(place = self.client.place(), "the graph is found in Neo4j again");
                }
            }
            Err(fault) => self.lose(fault),
        }
        done
    }

    /// How many questions were answered with what Neo4j found, and how many by walking over the records in its stead.
    #[must_use]
    pub fn answered(&self) -> (u64, u64) {
        (self.found.load(Ordering::Relaxed), self.walked.load(Ordering::Relaxed))
    }

    async fn follow_in_turn(&self) -> Result<(), GraphFault> {
        let follower = self.follower();
        let restored = self.restored.load(Ordering::SeqCst);
        let standing = self.with(|standing| standing.clone());
        let mark = follower.mark().await?;
        if standing.whole && standing.restored == restored {
            let taken = match mark.clone() {
                Some(mark) => follower.take_since(mark).await?,
                None => None,
            };
            if let Some(taken) = taken {
                self.with(|standing| standing.taken = taken);
                return Ok(());
            }
            tracing::info!("what Neo4j holds of the graph is of another time: it is looked through");
        }
        self.with(|standing| standing.whole = false);
        if mark.is_none() {
            define(&self.client, &self.names, &self.installation).await?;
        }
        let mark = follower.look_through().await?;
        let taken = match mark {
            Some(mark) => follower.take_since(mark).await?,
            None => None,
        };
        let taken = taken.ok_or_else(|| {
            GraphFault::Store(StoreFault::Unavailable(
                "what Neo4j holds was changed while it was looked through".into(),
            ))
        })?;
        self.with(|standing| {
            (standing.whole, standing.taken, standing.restored) = (true, taken, restored);
        });
        Ok(())
    }

    /// Whether Neo4j has everything that was written until now.
    async fn is_ready(&self) -> Result<bool, GraphFault> {
        let standing = self.with(|standing| standing.clone());
        let is_down = standing.down.is_some_and(|until| Instant::now() < until);
        if is_down || !standing.whole || standing.restored != self.restored.load(Ordering::SeqCst) {
            return Ok(false);
        }
        let last = self.store.last(&CHANGES).await?;
        if last != standing.taken.position {
            // What fails is told where it fails.
            if let Ok(followed) = tokio::time::timeout(self.patience, self.follow()).await {
                return Ok(followed.is_ok());
            }
            self.lose(&GraphFault::TooLong);
            return Ok(false);
        }
        match self.follower().mark_within(self.patience).await {
            // Another instance may have gone on.
            Ok(Some(mark)) => Ok(mark == standing.taken || mark.position > last),
            Ok(None) => {
                self.with(|standing| standing.whole = false);
                Ok(false)
            }
            Err(fault) => {
                self.lose(&fault);
                Ok(false)
            }
        }
    }

    fn follower(&self) -> Follower<'_> {
        Follower { client: &self.client, names: &self.names, store: &*self.store }
    }

    fn finder(&self) -> Neo4jFinder<'_> {
        Neo4jFinder { client: &self.client, names: &self.names }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Standing) -> T) -> T {
        act(&mut self.standing.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Neo4j failed: questions do without it for a while.
    fn lose(&self, fault: &GraphFault) {
        let was_up = self.with(|standing| standing.down.replace(Instant::now() + DOWN).is_none());
        if was_up {
            tracing::warn!(%fault, place = self.client.place(), "Neo4j fails: the graph is walked over in the records");
        }
    }

    /// An answer, or nothing where Neo4j failed and a walk may answer. It may be the question that takes too long, or the server: a walk tells.
    fn answer<T>(&self, limits: Limits, answer: Result<T, GraphFault>) -> Option<Result<T, GraphFault>> {
        match answer {
            Err(fault @ GraphFault::Store(_)) => {
                self.lose(&fault);
                None
            }
            // Who gives no time at all wants no walk either.
            Err(GraphFault::TooLong) if !limits.time.is_zero() => None,
            other => {
                self.found.fetch_add(1, Ordering::Relaxed);
                Some(other)
            }
        }
    }

    /// The limits of a walk that comes after.
    fn rest(&self, began: Instant, limits: Limits) -> Limits {
        self.walked.fetch_add(1, Ordering::Relaxed);
        let left = limits.time.saturating_sub(began.elapsed());
        Limits { time: left.max(LEFT_OVER.min(limits.time)), ..limits }
    }

    /// The answer of a walk. Where it took the little that was left of a question's time, and Neo4j all of it before, Neo4j is what is slow.
    fn walked<T>(
        &self,
        was_ready: bool,
        began: Instant,
        limits: Limits,
        answer: Result<T, GraphFault>,
    ) -> Result<T, GraphFault> {
        if was_ready && answer.is_ok() && began.elapsed() >= limits.time {
            self.lose(&GraphFault::TooLong);
        }
        answer
    }
}

#[async_trait]
impl Graph for Neo4jGraph {
    async fn around(&self, view: &View, around: Around, limits: Limits) -> Result<Neighbours, GraphFault> {
        let began = Instant::now();
        let is_ready = self.is_ready().await?;
        if is_ready {
            let finder = self.finder();
            let found = around::walk(&mut Reading::with(&*self.store, &finder, view, limits), &around).await;
            if let Some(answer) = self.answer(limits, found) {
                return answer;
            }
        }
        let walked = self.walk.around(view, around, self.rest(began, limits)).await;
        self.walked(is_ready, began, limits, walked)
    }

    async fn between(&self, view: &View, between: Between, limits: Limits) -> Result<Paths, GraphFault> {
        let began = Instant::now();
        let is_ready = self.is_ready().await?;
        if is_ready {
            let finder = self.finder();
            let found = between::find(&mut Reading::with(&*self.store, &finder, view, limits), &between).await;
            if let Some(answer) = self.answer(limits, found) {
                return answer;
            }
        }
        let walked = self.walk.between(view, between, self.rest(began, limits)).await;
        self.walked(is_ready, began, limits, walked)
    }

    async fn run(&self, view: &View, query: &GraphQuery, limits: Limits) -> Result<Table, GraphFault> {
        let began = Instant::now();
        let is_ready = self.is_ready().await?;
        if is_ready {
            let finder = self.finder();
            let found = query::run(Reading::with(&*self.store, &finder, view, limits), query).await;
            if let Some(answer) = self.answer(limits, found) {
                return answer;
            }
        }
        let walked = self.walk.run(view, query, self.rest(began, limits)).await;
        self.walked(is_ready, began, limits, walked)
    }

    fn place(&self) -> String {
        format!("Neo4j at {}", self.client.place())
    }

    fn health(&self) -> Option<GraphHealth> {
        let standing = self.with(|standing| standing.clone());
        let fault = match (standing.down, standing.whole) {
            (Some(_), _) => Some("it fails: the graph is walked over in the store"),
            (None, false) => Some("it is looked through: the graph is walked over in the store"),
            (None, true) => None,
        };
        Some(GraphHealth { product: self.place(), fault: fault.map(str::to_owned) })
    }
}
