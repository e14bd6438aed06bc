//! The worker of executions. What an execution wishes waits in the queue; who leases it does it, lets the execution know, and writes where
//! it is then together with the end of the lease. So whoever stops in between, another goes on there, and no step is played twice.

mod children;
mod doing;
mod hearing;
mod outward;
mod people;

pub(super) use children::DEEPEST;
pub use hearing::Hearer;
pub(super) use outward::LARGEST as LARGEST_ANSWER;

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::{Mutex as AsyncMutex, Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::graphs::Graphs;
use super::model::execution::{Execution, QUEUE, Status, Todo, Work};
use super::model::line::{Line, Saying};
use super::playing::{Played, Scene};
use crate::capability::cx::store_fault;
use crate::capability::gate::Gate;
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::domain::processes::engine::graph::Graph;
use crate::domain::processes::engine::interpreter::{Happening, TokenId, Wish};
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::tasks::spawn;
use crate::port::expressions::Language;
use crate::port::queue::Lease;
use crate::port::records::{Document as _, Scope};
use crate::port::store::{Batch, Step, StoreFault};

/// So long a step is leased; it is kept for longer while it goes on.
const LEASE: Duration = Duration::from_secs(60);
/// How often a lease is kept for longer.
const EXTEND: Duration = Duration::from_secs(20);
/// How often a play is played again because somebody else wrote meanwhile.
const MOST_TRIES: u32 = 50;
/// So many jobs are leased at once.
const PORTION: usize = 64;

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
    room: Arc<Semaphore>,
}

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
        Ok(Arc::new(Self { gate, desk, room: Arc::new(Semaphore::new(at_once.max(1))) }))
    }

    /// Waits until something may be due.
    pub async fn wait(&self, longest: Duration) {
        tokio::select! {
            () = self.desk.due.notified() => {}
            () = tokio::time::sleep(longest) => {}
        }
    }

    /// Begins steps that are due, as many as there is room for; answers of how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn round(self: &Arc<Self>) -> Result<usize, Fault> {
        let platform = self.gate.platform();
        let now = platform.clock.now();
        // Looking costs a read, leasing a write.
        if platform.store.next_due(QUEUE).await.map_err(store_fault)?.is_none_or(|due| due > now) {
            return Ok(0);
        }
        let Ok(first) = self.room.clone().acquire_owned().await else { return Ok(0) };
        let mut places = vec![first];
        while places.len() < PORTION
            && let Ok(place) = self.room.clone().try_acquire_owned()
        {
            places.push(place);
        }
        let most = u32::try_from(places.len()).unwrap_or(1);
        let leases = platform.store.lease(QUEUE, now, LEASE, most).await.map_err(store_fault)?;
        let count = leases.len();
        for (lease, place) in leases.into_iter().zip(places) {
            let worker = self.clone();
            spawn(async move {
                worker.work(lease).await;
                drop(place);
                worker.desk.due.notify_one();
            });
        }
        Ok(count)
    }

    /// Works on a lease, and keeps it meanwhile.
    async fn work(&self, lease: Lease) {
        let store = &self.gate.platform().store;
        let keeping = async {
            loop {
                tokio::time::sleep(EXTEND).await;
                let until = self.gate.platform().clock.now().plus(LEASE);
                match store.extend(&lease, until).await {
                    Ok(true) | Err(_) => {}
                    // Another has it.
                    Ok(false) => return,
                }
            }
        };
        let worked = tokio::select! {
            worked = Box::pin(self.step(&lease)) => worked,
            () = keeping => return,
        };
        if let Err(fault) = worked {
            tracing::warn!(%fault, "a step of an execution could not be done and waits to be taken up again");
        }
    }

    async fn step(&self, lease: &Lease) -> Result<(), Fault> {
        let Ok(work) = serde_json::from_value::<Work>(lease.body.clone()) else {
            // What the end of a task of a person put here.
            return match people::answered(&lease.body) {
                Some((execution, happening)) => self.happens(lease, execution, happening).await,
                None => self.over(lease).await,
            };
        };
        // What somebody asked for by itself is done also where the execution is paused.
        let by_itself = matches!(work.todo, Todo::Step(_));
        match work.todo {
            Todo::Happening(happening) => self.happens(lease, work.execution, happening).await,
            Todo::Cancel => self.cancel(lease, work.execution).await,
            Todo::Wish(Wish::Work { token, item, node, attempt, config, input, key })
            | Todo::Step(Wish::Work { token, item, node, attempt, config, input, key }) => {
                let Some(stored) = self.read(lease.tenant, work.execution).await? else {
                    return self.over(lease).await;
                };
                let execution = stored.value.clone();
                match execution.status {
                    Status::Running => {}
                    Status::Paused if by_itself => {}
                    // It is begun when the execution is resumed.
                    Status::Held | Status::Paused => {
                        let wish = Wish::Work { token, item, node, attempt, config, input, key };
                        return self.hold_back(lease, work.execution, wish).await;
                    }
                    _ => return self.over(lease).await,
                }
                if execution.state.token(token).is_none() {
                    return self.over(lease).await;
                }
                let wanted = doing::Wanted {
                    execution: work.execution,
                    stored: &stored,
                    token,
                    item,
                    node,
                    attempt,
                    config,
                    input,
                    key,
                };
                self.does(lease, wanted).await
            }
            Todo::Wish(_) | Todo::Step(_) => self.over(lease).await,
        }
    }

    /// There is nothing of it any more.
    async fn over(&self, lease: &Lease) -> Result<(), Fault> {
        self.gate.platform().store.finish(lease).await.map(drop).map_err(store_fault)
    }

    /// Does what is wished, and lets the execution know.
    async fn does(&self, lease: &Lease, wanted: doing::Wanted<'_>) -> Result<(), Fault> {
        let (id, token, item, node) = (wanted.execution, wanted.token, wanted.item, wanted.node.clone());
        let called_off = CancellationToken::new();
        self.desk.under_way.entry((id, token)).or_default().push(called_off.clone());
        let done = tokio::select! {
            done = Box::pin(self.doing(lease.tenant, wanted, &called_off)) => done,
            () = called_off.cancelled() => Ok(doing::Did::Nothing),
        };
        if let Some(mut under_way) = self.desk.under_way.get_mut(&(id, token)) {
            called_off.cancel();
            under_way.retain(|one| !one.is_cancelled());
        }
        self.desk.under_way.remove_if(&(id, token), |_, under_way| under_way.is_empty());
        let happening = match done {
            Ok(doing::Did::Done(result)) => Happening::Done { token, item, result },
            Ok(doing::Did::Said(result, text)) => {
                let said = Line::Said(Saying::of(&node, token, item, &text));
                return self.happens_with(lease, id, Happening::Done { token, item, result }, Some(said)).await;
            }
            // It is begun, and whatever ends it tells so.
            Ok(doing::Did::Begun(steps)) => return self.begun(lease, steps).await,
            Ok(doing::Did::Nothing) => return self.over(lease).await,
            Err(fault) => {
                if doing::is_busy(&fault) {
                    let due =
                        self.gate.platform().clock.now().plus(fault.retry_after().unwrap_or(Duration::from_secs(1)));
                    return self.gate.platform().store.put_back(lease, due).await.map(drop).map_err(store_fault);
                }
                doing::failed(token, item, &fault)
            }
        };
        self.happens(lease, id, happening).await
    }

    /// What was begun is written with the end of the lease.
    async fn begun(&self, lease: &Lease, mut steps: Vec<Step>) -> Result<(), Fault> {
        let platform = self.gate.platform();
        steps.push(Step::Finish { queue: QUEUE, id: lease.id, token: lease.token });
        match platform.store.commit(vec![Batch { tenant: lease.tenant, at: platform.clock.now(), steps }]).await {
            // It was begun before, or another has the lease.
            Err(StoreFault::Conflict(_)) => self.over(lease).await,
            Ok(_) => {
                self.desk.due.notify_one();
                Ok(())
            }
            Err(fault) => Err(store_fault(fault)),
        }
    }

    pub(super) async fn read(&self, tenant: TenantId, id: Uuid) -> Result<Option<Stored<Execution>>, Fault> {
        let store = &self.gate.platform().store;
        let found = store.get(Scope::Tenant(tenant), Execution::KIND, id).await.map_err(store_fault)?;
        found.map(Stored::read).transpose()
    }

    /// Lets an execution know of something, in one commit with the end of the lease.
    async fn happens(&self, lease: &Lease, id: Uuid, happening: Happening) -> Result<(), Fault> {
        self.happens_with(lease, id, happening, None).await
    }

    /// The same, with a line of the journal before those that tell of it.
    async fn happens_with(
        &self,
        lease: &Lease,
        id: Uuid,
        happening: Happening,
        line: Option<Line>,
    ) -> Result<(), Fault> {
        self.alter(lease, id, |scene, execution| match execution.status {
            Status::Running | Status::Paused => scene.happen(execution, happening.clone()).map(|mut played| {
                if let Some(line) = line.as_ref().and_then(|line| scene.line(line)) {
                    played.steps.insert(0, line);
                }
                played
            }),
            Status::Held | Status::Completed | Status::Failed | Status::Cancelled | Status::Compensated => None,
        })
        .await
    }

    async fn cancel(&self, lease: &Lease, id: Uuid) -> Result<(), Fault> {
        self.alter(lease, id, |scene, execution| (!execution.status.is_over()).then(|| scene.cancel(execution))).await
    }

    /// A wish that is not to be begun now.
    async fn hold_back(&self, lease: &Lease, id: Uuid, wish: Wish) -> Result<(), Fault> {
        self.alter(lease, id, |_, mut execution| {
            execution.held.push(wish.clone());
            Some(Played { execution, steps: Vec::new(), events: Vec::new(), dropped: Vec::new(), due: false })
        })
        .await
    }

    /// Alters an execution, one at a time here; where somebody elsewhere wrote meanwhile, on what they wrote.
    async fn alter(
        &self,
        lease: &Lease,
        id: Uuid,
        alter: impl Fn(&Scene<'_>, Execution) -> Option<Played>,
    ) -> Result<(), Fault> {
        let platform = self.gate.platform();
        let _turn = self.desk.turn(id).await;
        for _ in 0..MOST_TRIES {
            let Some(stored) = self.read(lease.tenant, id).await? else { return self.over(lease).await };
            let (graphs, language) = (platform.service::<Graphs>()?, platform.service::<Language>()?);
            let execution = stored.value.clone();
            let graph = graphs.of(platform, lease.tenant, &execution.process_id, execution.revision).await?;
            let now = platform.clock.now();
            let scene = Scene { tenant: lease.tenant, id, graph: &graph, language: &*language.0, now };
            let Some(played) = alter(&scene, execution) else { return self.over(lease).await };
            let mut steps = vec![played.put(&stored)?];
            steps.push(Step::Finish { queue: QUEUE, id: lease.id, token: lease.token });
            steps.extend(withdrawn(platform, lease.tenant, id, &graph, &stored.value, &played.dropped).await?);
            let Played { steps: more, events, dropped, due, .. } = played;
            steps.extend(more);
            for event in &events {
                steps.push(event.step()?);
            }
            match platform.store.commit(vec![Batch { tenant: lease.tenant, at: now, steps }]).await {
                Ok(_) => {
                    self.desk.call_off(id, &dropped);
                    events.into_iter().for_each(|event| platform.tell(Arc::new(event)));
                    if due {
                        self.desk.due.notify_one();
                    }
                    return Ok(());
                }
                Err(StoreFault::Conflict(crate::port::store::Conflict::Changed { kind, .. }))
                    if kind == Execution::KIND.name => {}
                // Another one has the lease.
                Err(StoreFault::Conflict(_)) => return Ok(()),
                Err(fault) => return Err(store_fault(fault)),
            }
        }
        Err(Fault::internal("an execution is written by others all the time"))
    }
}

/// What withdraws what tokens have begun elsewhere.
pub(super) async fn withdrawn(
    platform: &Platform,
    tenant: TenantId,
    id: Uuid,
    graph: &Graph,
    before: &Execution,
    dropped: &[TokenId],
) -> Result<Vec<Step>, Fault> {
    let mut steps = Vec::new();
    for token in dropped {
        steps.extend(children::called_off(platform, id, graph, before, *token));
        steps.extend(people::withdrawn(platform, tenant, id, graph, before, *token).await?);
    }
    Ok(steps)
}
