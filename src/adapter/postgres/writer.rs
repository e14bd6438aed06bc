//! Writing. Commits that wait are taken together into one transaction, so that one sync serves many; a few transactions run at
//! the same time, and two that would wait for each other never do: a commit that touches what a running one touches waits for
//! it here, not in the server.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::batch::Prepared;
use super::fault::closing;
use super::group::{Failed, Known, attempt, outcome};
use super::link::Link;
use super::server::Server;
use crate::kernel::tasks;
use crate::port::store::StoreFault;

/// Commits in one transaction at most.
const TOGETHER: usize = 128;
/// Bytes in one transaction, beyond the first commit's own.
const BYTES: usize = 4 << 20;
/// How often a transaction is made again that the server undid for another one, or whose connection went.
const TRIES: u32 = 8;
/// So long a statement of a commit may take at the server, which is less than is waited for it.
const STATEMENT: &str = "SET statement_timeout = '20s'";
/// So long after the end of this process's own freeze the server may not have heard of it yet.
const THAW: Duration = Duration::from_secs(2);

/// Writes commits.
pub(super) struct Writer(Arc<Inner>);

struct Inner {
    server: Arc<Server>,
    lanes: usize,
    instance: i32,
    state: Mutex<State>,
    frozen: AtomicBool,
    /// When this process's own freeze ended last.
    thawed: Mutex<Option<Instant>>,
    failed: Mutex<Option<StoreFault>>,
    ended: tokio::sync::Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    idle: Vec<Link>,
    running: usize,
    /// What the running transactions touch.
    touched: HashSet<u64>,
    closed: bool,
}

/// A commit that waits.
pub(super) struct Waiting {
    pub(super) prepared: Prepared,
    answer: oneshot::Sender<Result<Vec<i64>, StoreFault>>,
}

impl Writer {
    /// A writer of an instance, with so many transactions at the same time.
    pub(super) fn new(server: Arc<Server>, lanes: usize, instance: i32) -> Self {
        Self(Arc::new(Inner {
            server,
            lanes: lanes.max(1),
            instance,
            state: Mutex::default(),
            frozen: AtomicBool::new(false),
            thawed: Mutex::default(),
            failed: Mutex::default(),
            ended: tokio::sync::Notify::new(),
        }))
    }

    /// Writes a commit; answers the revisions of the documents put when it is on disk.
    pub(super) async fn write(&self, prepared: Prepared) -> Result<Vec<i64>, StoreFault> {
        if self.is_frozen() {
            return Err(frozen());
        }
        let (answer, told) = oneshot::channel();
        {
            let mut state = self.0.state();
            if state.closed {
                return Err(closing());
            }
            state.waiting.push_back(Waiting { prepared, answer });
        }
        self.0.drive();
        told.await.unwrap_or_else(|_| Err(closing()))
    }

    /// Commits that wait or are being written.
    pub(super) fn waiting(&self) -> usize {
        let state = self.0.state();
        state.waiting.len() + state.running
    }

    /// Why the last commit failed, while no later one went well.
    pub(super) fn failed(&self) -> Option<StoreFault> {
        self.0.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps why a write failed, or that one went well.
    pub(super) fn remember(&self, fault: Option<&StoreFault>) {
        self.0.remember(fault);
    }

    /// Whether this process has frozen the store.
    pub(super) fn is_frozen(&self) -> bool {
        self.0.frozen.load(Ordering::Acquire)
    }

    /// Refuses commits of this process.
    pub(super) fn freeze(&self) {
        self.0.frozen.store(true, Ordering::Release);
    }

    /// Takes them again.
    pub(super) fn thaw(&self) {
        *self.0.thawed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.0.frozen.store(false, Ordering::Release);
    }

    /// Takes no more and lets what waits be written.
    pub(super) async fn close(&self) {
        self.0.state().closed = true;
        loop {
            let ended = self.0.ended.notified();
            {
                let mut state = self.0.state();
                if state.running == 0 && state.waiting.is_empty() {
                    state.idle.clear();
                    return;
                }
            }
            ended.await;
        }
    }

    /// Takes no more and gives up what waits: there is nobody left to wait for it.
    pub(super) fn abandon(&self) {
        let mut state = self.0.state();
        state.closed = true;
        state.waiting.clear();
        state.idle.clear();
    }
}

/// The answer while the store is frozen.
pub(super) fn frozen() -> StoreFault {
    StoreFault::Unavailable("the store takes no writes while it is restored".to_owned())
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, fault: Option<&StoreFault>) {
        let kept = fault.filter(|fault| !matches!(fault, StoreFault::Conflict(_) | StoreFault::TooMuch)).cloned();
        if fault.is_none() || kept.is_some() {
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        }
    }

    /// Begins as many transactions as may run with what waits.
    fn drive(self: &Arc<Self>) {
        loop {
            let (group, link) = {
                let mut state = self.state();
                if state.running >= self.lanes {
                    return;
                }
                let group = state.next_group();
                if group.is_empty() {
                    return;
                }
                state.running += 1;
                state.touched.extend(group.iter().flat_map(|one| one.prepared.keys.iter().copied()));
                (group, state.idle.pop())
            };
            tasks::spawn(self.clone().work(group, link));
        }
    }

    async fn work(self: Arc<Self>, group: Vec<Waiting>, link: Option<Link>) {
        let keys: Vec<u64> = group.iter().flat_map(|one| one.prepared.keys.iter().copied()).collect();
        let mut link = link.filter(Link::is_good);
        self.write_all(&mut link, group).await;
        {
            let mut state = self.state();
            state.running -= 1;
            for key in keys {
                state.touched.remove(&key);
            }
            if let Some(link) = link.filter(Link::is_good)
                && !(state.closed && state.waiting.is_empty())
            {
                state.idle.push(link);
            }
        }
        self.ended.notify_waiters();
        self.drive();
    }

    /// Writes a group, in smaller parts where something of it cannot be written.
    async fn write_all(&self, link: &mut Option<Link>, group: Vec<Waiting>) {
        let mut left: VecDeque<Waiting> = group.into();
        let mut part = left.len();
        let mut tries = 0;
        while !left.is_empty() {
            part = part.clamp(1, left.len());
            let failed = match self.write_part(link, left.make_contiguous().get(..part).unwrap_or_default()).await {
                Ok(revisions) => {
                    self.remember(None);
                    for (one, revisions) in left.drain(..part).zip(revisions) {
                        let _ = one.answer.send(Ok(revisions));
                    }
                    (part, tries) = (left.len(), 0);
                    continue;
                }
                Err(failed) => failed,
            };
            match failed {
                // What stands before it is written without it; then it stands first, and nothing is to blame but itself.
                Failed::At(place, _) if place > 0 => part = place,
                Failed::Together(_) if part > 1 => part = 1,
                Failed::At(_, fault) | Failed::Together(fault) => {
                    self.refuse(left.drain(..1), &fault);
                    part = left.len();
                }
                Failed::Undone(_) if tries < TRIES => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(5 << tries.min(6))).await;
                }
                Failed::Lost(_) if tries < 2 => {
                    tries += 1;
                    *link = None;
                }
                Failed::Frozen if self.has_just_thawed() => tokio::time::sleep(Duration::from_millis(20)).await,
                // Another's freeze is not waited for: what was judged by a store that is being replaced would be stale.
                Failed::Frozen => self.refuse(left.drain(..part), &frozen()),
                Failed::Undone(fault) | Failed::Lost(fault) | Failed::All(fault) => {
                    self.refuse(left.drain(..), &fault);
                }
            }
        }
    }

    fn has_just_thawed(&self) -> bool {
        let thawed = *self.thawed.lock().unwrap_or_else(PoisonError::into_inner);
        !self.frozen.load(Ordering::Acquire) && thawed.is_some_and(|thawed| thawed.elapsed() < THAW)
    }

    fn refuse(&self, refused: impl Iterator<Item = Waiting>, fault: &StoreFault) {
        // A write does not look through too much: it waited for somebody.
        let late = StoreFault::Unavailable("PostgreSQL: a write took longer than it may".to_owned());
        let fault = if *fault == StoreFault::TooMuch { &late } else { fault };
        self.remember(Some(fault));
        for one in refused {
            let _ = one.answer.send(Err(fault.clone()));
        }
    }

    async fn connected(&self) -> Result<Link, StoreFault> {
        let mut link = Link::new(self.server.connect().await?);
        link.run(STATEMENT).await?;
        Ok(link)
    }

    /// Writes some commits in one transaction. Where the connection goes while the server commits, it is asked afterwards
    /// whether it did.
    async fn write_part(&self, link: &mut Option<Link>, part: &[Waiting]) -> Result<Vec<Vec<i64>>, Failed> {
        let connected = match link {
            Some(connected) => connected,
            None => link.insert(self.connected().await.map_err(Failed::All)?),
        };
        let commits: Vec<&Prepared> = part.iter().map(|one| &one.prepared).collect();
        match attempt(connected, self.instance, &commits).await {
            Known::Yes(answer) => answer,
            Known::Not { mark, revisions } => {
                *link = None;
                match outcome(&self.server, mark).await {
                    Ok(true) => Ok(revisions),
                    Ok(false) => Err(Failed::Lost(StoreFault::Unavailable("the connection went".to_owned()))),
                    Err(fault) => Err(Failed::All(fault)),
                }
            }
        }
    }
}

impl State {
    /// What may be written now: in the order of waiting, without what touches the same as a running transaction or as
    /// something that waits before it.
    fn next_group(&mut self) -> Vec<Waiting> {
        let mut group: Vec<Waiting> = Vec::new();
        let mut passed: VecDeque<Waiting> = VecDeque::new();
        let mut blocked: HashSet<u64> = HashSet::new();
        let mut bytes = 0;
        while let Some(one) = self.waiting.pop_front() {
            // Whoever waits for it went away before it began.
            if one.answer.is_closed() {
                continue;
            }
            let keys = &one.prepared.keys;
            if keys.iter().any(|key| self.touched.contains(key) || blocked.contains(key)) {
                blocked.extend(keys.iter().copied());
                passed.push_back(one);
                continue;
            }
            if group.len() >= TOGETHER || (!group.is_empty() && bytes + one.prepared.bytes > BYTES) {
                self.waiting.push_front(one);
                break;
            }
            bytes += one.prepared.bytes;
            group.push(one);
        }
        while let Some(one) = passed.pop_back() {
            self.waiting.push_front(one);
        }
        group
    }
}
