//! The worker of executions. What an execution wishes waits in the queue; who leases it does it, lets the execution know, and writes where
//! it is then together with the end of the lease. So whoever stops in between, another goes on there, and no step is played twice.

mod children;
mod doing;
mod following;
mod hearing;
mod onward;
mod outward;
mod people;
mod withdrawing;

pub(super) use children::DEEPEST;
pub use hearing::Hearer;
pub(super) use outward::LARGEST as LARGEST_ANSWER;
pub(super) use withdrawing::withdrawn;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::broadcast::Receiver;
use tokio::sync::{Mutex as AsyncMutex, Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::graphs::Graphs;
use super::model::execution::{Execution, QUEUE, Status, Todo, WORK, Work};
use super::model::line::{Line, Saying};
use super::playing::{Played, Scene, too_large};
use crate::capability::cx::store_fault;
use crate::capability::events::Event;
use crate::capability::gate::Gate;
use crate::capability::leasing::while_kept;
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::domain::processes::engine::interpreter::{Happening, TokenId, Wish};
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::tasks::{blocking, spawn};
use crate::port::expressions::Language;
use crate::port::queue::Lease;
use crate::port::records::{Document as _, Scope};
use crate::port::store::{Batch, Conflict, Expect, Step, StoreFault};

/// So long a step is leased; it is kept for longer while it goes on.
const LEASE: Duration = Duration::from_secs(60);
/// How often a play is played again because somebody else wrote meanwhile.
const MOST_TRIES: u32 = 50;
/// So many jobs are leased at once.
const PORTION: usize = 64;
/// So long a step may take at most, whatever it calls.
const LONGEST_STEP: Duration = Duration::from_hours(2);
/// So often a step is put back because what it calls is busy.
const MOST_BUSY: u32 = 1_000;
/// So often a step is taken up that cannot even be begun, before its token fails.
const MOST_TAKEN_UP: u32 = 10;
/// How soon what was called off in between is looked at again.
const SOON: Duration = Duration::from_secs(1);

/// What lives between the steps of executions, on this instance.
#[derive(Default)]
pub struct Desk {
    /// Wakes the worker: something is due.
    pub(super) due: Notify,
    /// Executions that are written by one step at a time here, so that steps that end together do not have to be played again.
    turns: DashMap<Uuid, Arc<AsyncMutex<()>>>,
    /// What is under way, by execution and token.
    under_way: DashMap<(Uuid, TokenId), Vec<CancellationToken>>,
}

/// How many steps may be under way on an instance at once.
#[must_use]
pub fn at_once(platform: &Platform) -> usize {
    (platform.config.limits.concurrent_calls / 2).max(1)
}

/// Works on executions.
pub struct Worker {
    gate: Arc<Gate>,
    desk: Arc<Desk>,
    /// For steps that are done.
    room: Arc<Semaphore>,
    /// What is told once it is written: who starts an execution or lets one know of something is not known to the desk before.
    told: AsyncMutex<Receiver<Arc<Event>>>,
    /// Whether more steps wait than were taken up last: then each goes through the queue, in its order.
    crowded: AtomicBool,
    /// For what happened, so that a time limit ends a step however many others are being done.
    hands: Arc<Semaphore>,
}

/// The next step of an execution, where whoever did the one before goes on with it.
type Next = Option<Onward>;

/// A step that is gone on with: its lease, and the execution as it was written with it.
struct Onward {
    lease: Lease,
    stored: Option<Arc<Stored<Execution>>>,
}

/// What is done to an execution; told whether what comes to it can be kept.
type Alteration = Arc<dyn Fn(&Scene<'_>, Execution, bool) -> Option<Played> + Send + Sync>;

/// A step, as an execution waits for it: token, item of a list, attempt.
type Place = (TokenId, Option<usize>, u32);

/// A turn at an execution; the last one takes its lock away.
struct Turn<'d> {
    desk: &'d Desk,
    id: Uuid,
    lock: Option<tokio::sync::OwnedMutexGuard<()>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.lock = None;
        self.desk.turns.remove_if(&self.id, |_, lock| Arc::strong_count(lock) == 1);
    }
}

impl Desk {
    async fn turn(&self, id: Uuid) -> Turn<'_> {
        let lock = self.turns.entry(id).or_default().clone();
        let lock = lock.lock_owned().await;
        Turn { desk: self, id, lock: Some(lock) }
    }

    /// Something may be due.
    pub(super) fn wake(&self) {
        self.due.notify_one();
    }

    /// How many steps are under way here.
    pub(super) fn busy(&self) -> usize {
        self.under_way.iter().map(|under_way| under_way.len()).sum()
    }

    /// Calls off what is under way for tokens here.
    pub(super) fn call_off(&self, execution: Uuid, tokens: &[TokenId]) {
        for token in tokens {
            if let Some((_, under_way)) = self.under_way.remove(&(execution, *token)) {
                under_way.iter().for_each(CancellationToken::cancel);
            }
        }
    }
}

impl Worker {
    /// The worker of the executions behind a gate, which does so many steps at once.
    ///
    /// # Errors
    /// When the program has no desk for it: a fault of the program.
    pub fn new(gate: Arc<Gate>, at_once: usize) -> Result<Arc<Self>, Fault> {
        let desk = gate.platform().service::<Desk>()?;
        let places = || Arc::new(Semaphore::new(at_once.max(1)));
        let told = AsyncMutex::new(gate.platform().hear());
        Ok(Arc::new(Self { gate, desk, told, room: places(), crowded: AtomicBool::new(false), hands: places() }))
    }

    /// Waits until something may be due.
    pub async fn wait(&self, longest: Duration) {
        tokio::select! {
            () = self.desk.due.notified() => {}
            () = self.hear() => {}
            () = tokio::time::sleep(longest) => {}
        }
    }

    /// Takes up what is due, as much as there is room for; answers how much that is.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn round(self: &Arc<Self>) -> Result<usize, Fault> {
        let happened = self.take_up(QUEUE, &self.hands).await?;
        Ok(happened + self.take_up(WORK, &self.room).await?)
    }

    async fn take_up(self: &Arc<Self>, queue: &'static str, room: &Arc<Semaphore>) -> Result<usize, Fault> {
        let platform = self.gate.platform();
        let now = platform.clock.now();
        // Looking costs a read, leasing a write.
        if platform.store.next_due(queue).await.map_err(store_fault)?.is_none_or(|due| due > now) {
            self.crowds(queue, false);
            return Ok(0);
        }
        let mut places = Vec::new();
        while places.len() < PORTION
            && let Ok(place) = room.clone().try_acquire_owned()
        {
            places.push(place);
        }
        // Whoever ends gives a place free and wakes the worker.
        if places.is_empty() {
            self.crowds(queue, true);
            return Ok(0);
        }
        let most = u32::try_from(places.len()).unwrap_or(1);
        let leases = platform.store.lease(queue, now, LEASE, most).await.map_err(store_fault)?;
        let count = leases.len();
        self.crowds(queue, count >= places.len());
        for (lease, place) in leases.into_iter().zip(places) {
            let worker = self.clone();
            spawn(async move {
                let mut next = Some(Onward { lease, stored: None });
                while let Some(onward) = next {
                    next = worker.work(onward).await;
                }
                drop(place);
                worker.desk.due.notify_one();
            });
        }
        Ok(count)
    }

    fn crowds(&self, queue: &'static str, crowded: bool) {
        if queue == WORK {
            self.crowded.store(crowded, Ordering::Relaxed);
        }
    }

    /// Works on a lease, and keeps it meanwhile; answers what it goes on with.
    async fn work(&self, Onward { lease, stored }: Onward) -> Next {
        let worked = while_kept(self.gate.platform(), &lease, LEASE, self.step(&lease, stored)).await;
        let fault = match worked {
            Some(Ok(next)) => return next,
            Some(Err(fault)) => fault,
            None => return None,
        };
        tracing::warn!(%fault, "a step of an execution could not be done and waits to be taken up again");
        if lease.attempts >= MOST_TAKEN_UP
            && let Err(fault) = self.poisoned(&lease, &fault).await
        {
            tracing::warn!(%fault, "nor can its token be failed");
        }
        None
    }

    /// What cannot be begun again and again fails its token: somebody must look at it.
    async fn poisoned(&self, lease: &Lease, fault: &Fault) -> Result<(), Fault> {
        let Ok(Work { execution, todo }) = serde_json::from_value(lease.body.clone()) else { return Ok(()) };
        match todo {
            Todo::Wish(Wish::Work { token, item, attempt, .. })
            | Todo::Step(Wish::Work { token, item, attempt, .. }) => {
                // What comes of it is taken up by others.
                self.known(lease, WORK, execution, doing::failed((token, item, attempt), fault)).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    async fn step(&self, lease: &Lease, written: Option<Arc<Stored<Execution>>>) -> Result<Next, Fault> {
        let Ok(work) = serde_json::from_value::<Work>(lease.body.clone()) else {
            // What the end of a task of a person put here.
            return match people::answered(&lease.body) {
                Some((execution, happening)) => self.known(lease, QUEUE, execution, happening).await,
                None => self.over(lease).await,
            };
        };
        // What somebody asked for by itself is done also where the execution is paused.
        let by_itself = matches!(work.todo, Todo::Step(_));
        match work.todo {
            Todo::Happening(happening) => self.known(lease, QUEUE, work.execution, happening).await,
            Todo::Cancel => self.cancel(lease, work.execution).await,
            Todo::Wish(Wish::Work { token, item, node, attempt, config, input, key })
            | Todo::Step(Wish::Work { token, item, node, attempt, config, input, key }) => {
                let stored = match written {
                    Some(stored) => stored,
                    None => match self.read(lease.tenant, work.execution).await? {
                        Some(stored) => Arc::new(stored),
                        None => return self.over(lease).await,
                    },
                };
                match stored.value.status {
                    Status::Running => {}
                    Status::Paused if by_itself => {}
                    // It is begun when the execution is resumed.
                    Status::Held | Status::Paused => {
                        let wish = Wish::Work { token, item, node, attempt, config, input, key };
                        return self.hold_back(lease, work.execution, wish).await;
                    }
                    _ => return self.over(lease).await,
                }
                // A time limit may have ended the attempt since it was wished.
                if !stored.value.state.is_under_way(token, item, attempt) {
                    return self.over(lease).await;
                }
                let node = self.node_now(lease.tenant, &stored.value, (token, item)).await?.unwrap_or(node);
                let wanted =
                    doing::Wanted { execution: work.execution, stored, token, item, node, attempt, config, input, key };
                self.does(lease, wanted).await
            }
            Todo::Wish(_) | Todo::Step(_) => self.over(lease).await,
        }
    }

    /// The node that says what is wished, by the id that it has now: the execution may have gone over to another version since.
    async fn node_now(
        &self,
        tenant: TenantId,
        execution: &Execution,
        (token, item): (TokenId, Option<usize>),
    ) -> Result<Option<String>, Fault> {
        let platform = self.gate.platform();
        let graphs = platform.service::<Graphs>()?;
        let graph = graphs.of(platform, tenant, &execution.process_id, execution.revision).await?;
        Ok(execution.state.does(&graph, token, item).map(|index| graph.node(index).id.clone()))
    }

    /// There is nothing of it any more.
    async fn over(&self, lease: &Lease) -> Result<Next, Fault> {
        self.gate.platform().store.finish(lease).await.map(|_| None).map_err(store_fault)
    }

    /// Does what is wished, and lets the execution know.
    async fn does(&self, lease: &Lease, wanted: doing::Wanted) -> Result<Next, Fault> {
        let (id, token, node) = (wanted.execution, wanted.token, wanted.node.clone());
        let read = onward::still_so(&wanted.stored);
        let place: Place = (token, wanted.item, wanted.attempt);
        let called_off = CancellationToken::new();
        self.desk.under_way.entry((id, token)).or_default().push(called_off.clone());
        let traced = following::Step::new(self.gate.platform(), lease.tenant, &wanted);
        let doing = traced.current().over(self.doing(lease.tenant, wanted, &called_off));
        let done = tokio::select! {
            done = Box::pin(doing) => done,
            () = called_off.cancelled() => Ok(doing::Did::CalledOff),
            () = tokio::time::sleep(LONGEST_STEP) => Err(too_long()),
        };
        traced.ended(done.as_ref().err());
        if let Some(mut under_way) = self.desk.under_way.get_mut(&(id, token)) {
            called_off.cancel();
            under_way.retain(|one| !one.is_cancelled());
        }
        self.desk.under_way.remove_if(&(id, token), |_, under_way| under_way.is_empty());
        let happening = match done {
            Ok(doing::Did::Done(result)) => Happening::Done { token, item: place.1, attempt: Some(place.2), result },
            Ok(doing::Did::Said(result, text)) => {
                let said = Line::Said(Saying::of(&node, token, place.1, &text));
                let done = Happening::Done { token, item: place.1, attempt: Some(place.2), result };
                return self.known_with(lease, (WORK, id), read, done, Some(said)).await;
            }
            // It is begun, and whatever ends it tells so.
            Ok(doing::Did::Begun(begun)) => return self.begun(lease, id, place, begun).await,
            Ok(doing::Did::Nothing) => return self.over(lease).await,
            // Whether it is still wanted is known once whoever called it off has written so.
            Ok(doing::Did::CalledOff) => return self.put_back(lease, SOON).await,
            Err(fault) => {
                if doing::is_busy(&fault) && lease.attempts < MOST_BUSY {
                    return self.put_back(lease, fault.retry_after().unwrap_or(SOON)).await;
                }
                doing::failed(place, &fault)
            }
        };
        self.known_with(lease, (WORK, id), read, happening, None).await
    }

    /// What was begun is written with the end of the lease, if it is still wanted then: whoever calls it off must find it.
    async fn begun(&self, lease: &Lease, id: Uuid, place: Place, begun: doing::Begun) -> Result<Next, Fault> {
        let platform = self.gate.platform();
        let turn = self.desk.turn(id).await;
        for _ in 0..MOST_TRIES {
            let Some(stored) = self.read(lease.tenant, id).await? else { return self.over(lease).await };
            let (execution, (token, item, attempt)) = (&stored.value, place);
            if execution.status.is_over() || !execution.state.is_under_way(token, item, attempt) {
                return self.over(lease).await;
            }
            let mut steps = vec![Step::Check { kind: Execution::KIND, id, expect: Expect::Revision(stored.revision) }];
            steps.extend(begun.steps.iter().cloned());
            steps.push(Step::Finish { queue: WORK, id: lease.id, token: lease.token });
            match platform.store.commit(vec![Batch { tenant: lease.tenant, at: platform.clock.now(), steps }]).await {
                Ok(_) => {
                    begun.events.into_iter().for_each(|event| platform.tell(Arc::new(event)));
                    self.desk.due.notify_one();
                    return Ok(None);
                }
                Err(StoreFault::Conflict(Conflict::Changed { id: changed, .. })) if changed == id => {}
                Err(StoreFault::TooLarge { .. }) => {
                    drop(turn);
                    let failed = Happening::Failed {
                        token,
                        item,
                        attempt: Some(attempt),
                        code: "state_too_large".to_owned(),
                        message: too_large(),
                        passing: false,
                    };
                    return self.known(lease, WORK, id, failed).await;
                }
                Err(StoreFault::Conflict(Conflict::Bound { .. })) => {
                    drop(turn);
                    return self.known(lease, WORK, id, doing::failed(place, &children::too_many())).await;
                }
                // It was begun before, or another has the lease.
                Err(StoreFault::Conflict(_)) => return self.over(lease).await,
                Err(fault) => return Err(store_fault(fault)),
            }
        }
        Err(Fault::internal("an execution is written by others all the time"))
    }

    /// It is taken up again later.
    async fn put_back(&self, lease: &Lease, after: Duration) -> Result<Next, Fault> {
        let platform = self.gate.platform();
        let due = platform.clock.now().plus(after);
        platform.store.put_back(lease, due).await.map(|_| None).map_err(store_fault)
    }

    pub(super) async fn read(&self, tenant: TenantId, id: Uuid) -> Result<Option<Stored<Execution>>, Fault> {
        let store = &self.gate.platform().store;
        let found = store.get(Scope::Tenant(tenant), Execution::KIND, id).await.map_err(store_fault)?;
        found.map(Stored::read).transpose()
    }

    /// Lets an execution know of something, in one commit with the end of the lease.
    async fn known(&self, lease: &Lease, queue: &'static str, id: Uuid, happening: Happening) -> Result<Next, Fault> {
        self.known_with(lease, (queue, id), None, happening, None).await
    }

    /// The same of an execution that was read, with a line of the journal before those that tell of it.
    async fn known_with(
        &self,
        lease: &Lease,
        (queue, id): (&'static str, Uuid),
        read: Option<Arc<Stored<Execution>>>,
        happening: Happening,
        line: Option<Line>,
    ) -> Result<Next, Fault> {
        let place = ended(&happening);
        let alter: Alteration = Arc::new(move |scene, execution, fits| match execution.status {
            Status::Running | Status::Paused => {
                let happening = fitting(&happening, fits);
                scene.happen(execution, happening).map(|mut played| {
                    if let Some(line) = line.as_ref().and_then(|line| scene.line(line)) {
                        played.steps.insert(0, line);
                    }
                    played
                })
            }
            Status::Held | Status::Completed | Status::Failed | Status::Cancelled | Status::Compensated => None,
        });
        self.alter(lease, (queue, id), read, place, alter).await
    }

    async fn cancel(&self, lease: &Lease, id: Uuid) -> Result<Next, Fault> {
        let alter: Alteration =
            Arc::new(|scene, execution, _| (!execution.status.is_over()).then(|| scene.cancel(execution)));
        self.alter(lease, (QUEUE, id), None, None, alter).await
    }

    /// A wish that is not to be begun now.
    async fn hold_back(&self, lease: &Lease, id: Uuid, wish: Wish) -> Result<Next, Fault> {
        let alter: Alteration = Arc::new(move |scene, execution, _| {
            let mut played =
                Played { execution, steps: Vec::new(), events: Vec::new(), dropped: Vec::new(), due: false };
            match played.execution.status {
                Status::Held | Status::Paused => played.execution.held.push(wish.clone()),
                // It was resumed meanwhile.
                Status::Running => scene.enqueue(wish.clone(), &mut played),
                _ => return None,
            }
            Some(played)
        });
        self.alter(lease, (WORK, id), None, None, alter).await
    }

    /// Alters an execution, one at a time here: as it was read, and where somebody wrote meanwhile, on what they wrote.
    async fn alter(
        &self,
        lease: &Lease,
        (queue, id): (&'static str, Uuid),
        mut read: Option<Arc<Stored<Execution>>>,
        ended: Option<Place>,
        alter: Alteration,
    ) -> Result<Next, Fault> {
        let platform = self.gate.platform();
        let _turn = self.desk.turn(id).await;
        let mut overflows = 0;
        for _ in 0..MOST_TRIES {
            let was_read = read.is_some();
            let stored = match read.take() {
                Some(stored) => stored,
                None => match self.read(lease.tenant, id).await? {
                    Some(stored) => Arc::new(stored),
                    None => return self.over(lease).await,
                },
            };
            let (graphs, language) = (platform.service::<Graphs>()?, platform.service::<Language>()?);
            let execution = stored.value.clone();
            let graph = graphs.of(platform, lease.tenant, &execution.process_id, execution.revision).await?;
            let now = platform.clock.now();
            let (known, language, alter, tenant) = (graph.clone(), language.0.clone(), alter.clone(), lease.tenant);
            // Expressions may take a while: nobody else waits for them.
            let played = blocking(move || {
                let scene = Scene { tenant, id, graph: &known, language: &*language, now };
                if overflows < 2 { alter(&scene, execution, overflows == 0) } else { scene.overflow(execution) }
            });
            let played = played.await.ok_or_else(|| Fault::internal("playing an execution broke down"))?;
            // That there is nothing to do is found in what is kept now.
            let Some(played) = played else {
                if was_read {
                    continue;
                }
                return self.over(lease).await;
            };
            let mut steps = vec![played.put(&stored)?];
            steps.push(Step::Finish { queue, id: lease.id, token: lease.token });
            let change = (&stored.value, &played.execution);
            steps.extend(withdrawn(platform, lease.tenant, id, &graph, change, ended).await?);
            let Played { execution, steps: more, events, dropped, mut due } = played;
            let before = steps.len();
            steps.extend(more);
            // One step after the other needs no commit between them that only takes the next one up.
            let next = if queue == WORK && !self.crowded.load(Ordering::Relaxed) {
                onward::hold_next(lease.tenant, &mut steps[before..], now)
            } else {
                None
            };
            if next.is_some() {
                due = onward::wanted_now(&steps, now);
            }
            for event in &events {
                steps.push(event.step()?);
            }
            match platform.store.commit(vec![Batch { tenant: lease.tenant, at: now, steps }]).await {
                Ok(revisions) => {
                    self.desk.call_off(id, &dropped);
                    for event in events {
                        platform.tell(Arc::new(event));
                    }
                    if due {
                        self.desk.due.notify_one();
                    }
                    let written = revisions.first().map(|revision| stored.written(*revision, now, execution));
                    return Ok(next.map(|lease| Onward { lease, stored: written.map(Arc::new) }));
                }
                // Another one has the lease.
                Err(StoreFault::Conflict(Conflict::Changed { kind, .. })) if kind == queue => return Ok(None),
                // It, or a task that is withdrawn with it, was written meanwhile.
                Err(StoreFault::Conflict(_)) => {}
                // The step fails; where that does not help, the execution.
                Err(StoreFault::TooLarge { .. }) if overflows < 2 => overflows += 1,
                Err(fault) => return Err(store_fault(fault)),
            }
        }
        Err(Fault::internal("an execution is written by others all the time"))
    }
}

/// What comes to an execution, or where that would not fit into it, that its step failed.
fn fitting(happening: &Happening, fits: bool) -> Happening {
    match happening {
        Happening::Done { token, item, attempt, .. } if !fits => {
            let (code, message) = ("state_too_large".to_owned(), too_large());
            Happening::Failed { token: *token, item: *item, attempt: *attempt, code, message, passing: false }
        }
        other => other.clone(),
    }
}

fn too_long() -> Fault {
    Fault::new(&codes::DEADLINE, format!("the step took longer than {} hours", LONGEST_STEP.as_secs() / 3600))
}

/// What has ended of itself, where something tells so.
fn ended(happening: &Happening) -> Option<Place> {
    match happening {
        Happening::Done { token, item, attempt, .. } | Happening::Failed { token, item, attempt, .. } => {
            Some((*token, *item, (*attempt)?))
        }
        Happening::Woke { .. } | Happening::Came { .. } => None,
    }
}
