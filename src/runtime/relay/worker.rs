//! The worker of one subscription: reads on in the log as far as there is room, starts what may be started, and writes now
//! and then how far it is.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::deliver::{Outcome, Sender};
use super::held::{Held, Written};
use super::window::{Item, ItemId, Source, Window};
use super::{Relay, Sign};
use crate::capability::bound::bounded;
use crate::capability::caller::Caller;
use crate::capability::cx::store_fault;
use crate::capability::events::{Event, Ways};
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::capability::topics::{Pattern, TopicBook, is_published, may_hear};
use crate::domain::events::model::letter::{DeadLetter, LetterState};
use crate::domain::events::model::subscription::{State, Subscription};
use crate::domain::events::topics::{DEAD_LETTERED, OfLetter, OfSubscription, SUSPENDED};
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{DeadLetterId, SubscriptionId, TenantId, new_uuid};
use crate::kernel::time::Timestamp;
use crate::port::records::{Document as _, Filter, Query, Scalar, Scope, Visibility};
use crate::port::store::{Expect, Put, Step};

/// Events read at once.
const READ: usize = 256;
/// How far it is gets written so long after something was done.
const WRITE_AFTER: Duration = Duration::from_millis(100);
/// And after so many were done.
const WRITE_EACH: u32 = 500;
/// While something is under way it looks up so often.
const LOOK_UP: Duration = Duration::from_millis(250);
/// Also without a sign it reads on so often: where a commit's outcome was told late, none may have been given.
const READ_EVERY: Duration = Duration::from_secs(10);
/// How long what is under way may take when it is time to stop.
const LAST: Duration = Duration::from_secs(1);
/// So many dead letters in a row, and nothing delivered between them, suspend a subscription.
const SUSPEND_AFTER: u32 = 20;
/// Dead letters that are tried again at once.
const LETTERS: u32 = 64;
/// The longest wait after a fault of the store.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Why a run ended.
enum End {
    /// It is over: stopped, suspended, or the subscription is no more.
    Over,
    /// Somebody else has written how far it is: everything is read anew.
    Anew,
    /// Another instance delivers until then.
    Elsewhere(Timestamp),
}

/// Delivers for one subscription.
pub(super) struct Worker {
    relay: Arc<Relay>,
    platform: Arc<Platform>,
    tenant: TenantId,
    subscription: Arc<Stored<Subscription>>,
    sign: Arc<Sign>,
    stop: CancellationToken,
}

/// What one run holds.
struct Run {
    held: Held,
    window: Window,
    sender: Arc<Sender>,
    ways: Arc<Ways>,
    book: Arc<TopicBook>,
    caller: Option<Arc<Caller>>,
    flying: JoinSet<(ItemId, Outcome)>,
    /// There may be more in the log.
    more: bool,
    /// What was done since it was last written, and since when.
    done: u32,
    dirty: Option<Instant>,
}

impl Worker {
    pub(super) fn new(
        relay: Arc<Relay>,
        tenant: TenantId,
        subscription: Arc<Stored<Subscription>>,
        sign: Arc<Sign>,
        stop: CancellationToken,
    ) -> Self {
        let platform = relay.gate.platform().clone();
        Self { relay, platform, tenant, subscription, sign, stop }
    }

    pub(super) async fn run(self) {
        let mut wait = Duration::from_millis(100);
        loop {
            let pause = match self.once().await {
                Ok(End::Over) => return,
                Ok(End::Anew) => Duration::from_millis(10),
                // A clock that was set back must not stop it for long.
                Ok(End::Elsewhere(until)) => until.since(self.platform.clock.now()).min(super::held::LEASE),
                Err(fault) => {
                    tracing::warn!(?fault, subscription = %self.subscription.id, "events cannot be delivered now");
                    wait = (wait * 2).min(LONGEST_WAIT);
                    wait
                }
            };
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn once(&self) -> Result<End, Fault> {
        let held = Held::read(&self.platform, self.tenant, self.subscription.id, self.relay.me).await?;
        let Some(held) = held else { return Ok(End::Over) };
        if let Some(until) = held.elsewhere(self.now()) {
            return Ok(End::Elsewhere(until));
        }
        let sender = Sender {
            gate: self.relay.gate.clone(),
            ways: self.platform.service::<Ways>()?,
            tenant: self.tenant,
            subscription: self.subscription.id,
            target: self.subscription.value.target.clone(),
            round: held.progress.round,
        };
        let mut run = Run {
            window: Window::of(&held.progress),
            held,
            ways: sender.ways.clone(),
            sender: Arc::new(sender),
            book: self.platform.service::<TopicBook>()?,
            caller: None,
            flying: JoinSet::new(),
            more: true,
            done: 0,
            dirty: None,
        };
        self.sign.letters.store(true, Ordering::Release);
        let ended = self.go(&mut run).await;
        run.flying.abort_all();
        ended
    }

    async fn go(&self, run: &mut Run) -> Result<End, Fault> {
        loop {
            if self.stop.is_cancelled() {
                return self.end(run).await;
            }
            if let Some(end) = self.read(run).await? {
                return Ok(end);
            }
            if run.window.is_ready(self.now()) && run.flying.len() < self.most() {
                if !run.held.is_mine(self.now())
                    && let Some(end) = self.write(run).await?
                {
                    return Ok(end);
                }
                self.start(run);
            }
            let busy = run.window.is_busy() || run.dirty.is_some();
            let due = run.dirty.is_some_and(|since| since.elapsed() >= WRITE_AFTER) || run.done >= WRITE_EACH;
            if (due || (run.window.flying() > 0 && run.held.wears_off(self.now())))
                && let Some(end) = self.write(run).await?
            {
                return Ok(end);
            }
            if run.more && run.window.room() > READ / 2 && run.flying.is_empty() && !run.window.is_ready(self.now()) {
                // What was read was for others: read on.
                tokio::task::yield_now().await;
                continue;
            }
            let pause = self.pause(run, busy);
            tokio::select! {
                () = self.stop.cancelled() => {}
                landed = run.flying.join_next(), if !run.flying.is_empty() => {
                    let mut next = landed;
                    // Whatever else has landed meanwhile is taken with it.
                    while let Some(landed) = next {
                        if let Some(end) = self.land(run, landed).await? {
                            return Ok(end);
                        }
                        next = run.flying.try_join_next();
                    }
                }
                () = self.sign.wake.notified() => run.more = true,
                () = tokio::time::sleep(pause) => run.more |= !busy,
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.platform.clock.now()
    }

    fn most(&self) -> usize {
        self.subscription.value.concurrency.max(1) as usize
    }

    fn pause(&self, run: &Run, busy: bool) -> Duration {
        let idle = if busy { LOOK_UP } else { READ_EVERY };
        if run.flying.is_empty() && run.dirty.is_none() && busy {
            // Only waiting: for the first that is due, and no longer than that a clock that was set is noticed.
            let due = run.window.next_due().map_or(LOOK_UP, |due| due.since(self.now()));
            return due.clamp(Duration::from_millis(1), Duration::from_secs(1));
        }
        idle
    }

    /// Reads on as far as there is room.
    async fn read(&self, run: &mut Run) -> Result<Option<End>, Fault> {
        let letters = self.sign.letters.swap(false, Ordering::AcqRel);
        let wants_more = run.more && run.window.room() >= READ / 2;
        if !letters && !wants_more {
            return Ok(None);
        }
        // Somebody may have set it back, or ended it: what is held here is compared with what is stored.
        if letters && !run.held.is_as_stored(&self.platform).await? {
            return Ok(Some(End::Anew));
        }
        let Some(caller) = self.caller(run).await? else {
            let reason = "the key or account that it was made with is refused: subscribe anew";
            return self.suspend(run, reason.to_owned()).await.map(Some);
        };
        if letters && run.window.room() > 0 {
            self.read_letters(run).await?;
        }
        if !wants_more {
            return Ok(None);
        }
        let (subscription, now) = (&self.subscription.value, self.now());
        let filter = Pattern::filter_of(&subscription.topics);
        let limit = u32::try_from(run.window.room().min(READ)).unwrap_or(1);
        let heard =
            run.ways.bus.follow(self.tenant, &filter, run.window.scanned(), limit).await.map_err(store_fault)?;
        for entry in heard.events {
            let hears = may_hear(&run.book, &caller, &entry.stream, is_published(&entry.body));
            if hears && subscription.fits(&entry.stream, &entry.body) {
                let key = subscription.key_of(&entry.stream, &entry.body);
                run.window.add(entry.position, entry.stream, entry.body, key, now);
            }
        }
        run.window.scan(heard.scanned);
        run.more = heard.more;
        Ok(None)
    }

    /// Who the subscription acts for, with the rights of now.
    async fn caller(&self, run: &mut Run) -> Result<Option<Arc<Caller>>, Fault> {
        let identify = self.relay.gate.callers();
        let subscription = &self.subscription.value;
        let found = match &run.caller {
            Some(caller) => identify.refresh(&self.platform, caller).await,
            None => identify.resume(&self.platform, self.tenant, subscription.user, subscription.principal()).await,
        };
        match found {
            Ok(caller) => {
                let caller = bounded(caller, subscription.bound.as_ref());
                run.caller = Some(caller.clone());
                Ok(Some(caller))
            }
            Err(fault) if fault.is(&codes::KEY_REFUSED) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    async fn read_letters(&self, run: &mut Run) -> Result<(), Fault> {
        let filter = Filter::is("subscription", Scalar::Id(self.subscription.id))
            .and(Filter::is("state", Scalar::Text(LetterState::Redriven.name().to_owned())));
        let query = Query { filter, order: "id", descending: false, after: None, limit: LETTERS };
        let found = self.platform.store.find(Scope::Tenant(self.tenant), DeadLetter::KIND, query).await;
        for record in found.map_err(store_fault)? {
            run.window.add_letter(Stored::read(record)?, self.now());
        }
        Ok(())
    }

    /// Starts as much as may be under way.
    fn start(&self, run: &mut Run) {
        let Some(caller) = &run.caller else { return };
        while run.flying.len() < self.most()
            && let Some((id, item)) = run.window.start(self.now())
        {
            let (sender, caller, room) = (run.sender.clone(), caller.clone(), self.relay.room.clone());
            run.flying.spawn(async move {
                let _place = room.acquire().await;
                (id, sender.deliver(caller, &item).await)
            });
        }
    }

    /// What became of a delivery.
    async fn land(
        &self,
        run: &mut Run,
        landed: Result<(ItemId, Outcome), tokio::task::JoinError>,
    ) -> Result<Option<End>, Fault> {
        let (id, outcome) = landed.map_err(Fault::internal)?;
        let now = self.now();
        run.dirty.get_or_insert_with(Instant::now);
        run.done += 1;
        match outcome {
            Outcome::Delivered => {
                let item = run.window.finish(id, now);
                run.held.progress.delivered += 1;
                run.held.progress.failed_in_row = 0;
                run.held.progress.last_delivered_at = Some(now);
                let Some(Item { source: Source::Letter(letter), .. }) = item else { return Ok(None) };
                // There may be more than were read at once.
                self.sign.letters.store(true, Ordering::Release);
                let step =
                    Step::Remove { kind: DeadLetter::KIND, id: letter.id, expect: Expect::Revision(letter.revision) };
                self.write_with(run, vec![step], Vec::new(), false).await
            }
            Outcome::Busy { wait } => {
                let failed = run.window.failed(id);
                run.window.put_back(id, failed, now.plus(wait));
                Ok(None)
            }
            Outcome::Failed { code, reason, wait } => {
                let failed = run.window.failed(id).saturating_add(1);
                run.held.progress.last_failure = Some(reason.clone());
                match self.subscription.value.retry.next(failed, dice(), now) {
                    Some(due) => {
                        let longest = Duration::from_secs(self.subscription.value.retry.longest_seconds);
                        let asked = now.plus(wait.unwrap_or_default().min(longest));
                        run.window.put_back(id, failed, due.max(asked));
                        Ok(None)
                    }
                    None => self.bury(run, id, failed, code, reason).await,
                }
            }
            Outcome::Refused { code, reason } => {
                let failed = run.window.failed(id).saturating_add(1);
                run.held.progress.last_failure = Some(reason.clone());
                self.bury(run, id, failed, code, reason).await
            }
            Outcome::Over { reason } => {
                let failed = run.window.failed(id);
                run.window.put_back(id, failed, now);
                self.suspend(run, reason).await.map(Some)
            }
        }
    }

    /// Keeps what cannot be delivered as a dead letter, and lets what waits for it go on.
    async fn bury(
        &self,
        run: &mut Run,
        id: ItemId,
        attempts: u32,
        code: String,
        reason: String,
    ) -> Result<Option<End>, Fault> {
        let now = self.now();
        let Some(item) = run.window.finish(id, now) else { return Ok(None) };
        let (letter_id, expect) = match &item.source {
            Source::Log(_) => (new_uuid(now), Expect::Absent),
            Source::Letter(letter) => (letter.id, Expect::Revision(letter.revision)),
        };
        let letter = DeadLetter {
            subscription: self.subscription.id,
            topic: item.topic.clone(),
            position: item.position,
            round: run.held.progress.round,
            event: item.event.clone(),
            code,
            reason: reason.clone(),
            attempts,
            failed_at: now,
            state: LetterState::Dead,
        };
        let put = Step::Put(Put {
            kind: DeadLetter::KIND,
            id: letter_id,
            expect,
            owner: run.held.owner(),
            workspace: None,
            visibility: Visibility::Private,
            body: serde_json::to_value(&letter).map_err(Fault::internal)?,
        });
        let told = OfLetter {
            subscription_id: SubscriptionId::from_uuid(self.subscription.id),
            letter_id: DeadLetterId::from_uuid(letter_id),
            topic: item.topic,
            reason: reason.clone(),
        };
        // What tells of a failure is one hop further than what failed: a subscription to failures that fails ends.
        let hops = item.event.get("hops").and_then(Value::as_u64).unwrap_or(0).saturating_add(1);
        let hops = u32::try_from(hops).unwrap_or(u32::MAX);
        let mut events = Vec::new();
        if hops <= self.platform.config.events.most_hops {
            events.push(self.event(DEAD_LETTERED, letter_id, hops, &told)?);
        }
        run.held.progress.failed += 1;
        run.held.progress.failed_in_row += 1;
        if let Some(end) = self.write_with(run, vec![put], events, false).await? {
            return Ok(Some(end));
        }
        if run.held.progress.failed_in_row >= SUSPEND_AFTER {
            let reason = format!("{SUSPEND_AFTER} events in a row could not be delivered; the last one: {reason}");
            return self.suspend(run, reason).await.map(Some);
        }
        Ok(None)
    }

    /// Stops delivering until somebody redrives it. What waits, waits in the log.
    async fn suspend(&self, run: &mut Run, reason: String) -> Result<End, Fault> {
        let stored = &self.subscription;
        let suspended = Subscription { state: State::Suspended, reason: Some(reason.clone()), ..stored.value.clone() };
        let put = Step::Put(Put {
            kind: Subscription::KIND,
            id: stored.id,
            expect: Expect::Revision(stored.revision),
            owner: stored.owner,
            workspace: stored.workspace,
            visibility: stored.visibility,
            body: serde_json::to_value(&suspended).map_err(Fault::internal)?,
        });
        let told =
            OfSubscription { subscription_id: SubscriptionId::from_uuid(stored.id), reason: Some(reason.clone()) };
        let event = self.event(SUSPENDED, stored.id, 0, &told)?;
        run.held.progress.failed_in_row = 0;
        tracing::warn!(subscription = %stored.id, %reason, "a subscription is suspended");
        let written = self.write_with(run, vec![put], vec![event], true).await?;
        Ok(written.unwrap_or(End::Over))
    }

    fn event(&self, topic: &str, subject: Uuid, hops: u32, data: &impl serde::Serialize) -> Result<Event, Fault> {
        let data = serde_json::to_value(data).map_err(Fault::internal)?;
        Ok(Event { hops, ..Event::by_itself(self.tenant, self.now(), topic, subject.to_string(), data) })
    }

    async fn write(&self, run: &mut Run) -> Result<Option<End>, Fault> {
        self.write_with(run, Vec::new(), Vec::new(), false).await
    }

    async fn write_with(
        &self,
        run: &mut Run,
        also: Vec<Step>,
        events: Vec<Event>,
        give_up: bool,
    ) -> Result<Option<End>, Fault> {
        run.window.tell(&mut run.held.progress);
        match run.held.write(&self.platform, also, events, give_up).await? {
            Written::Kept => {
                (run.done, run.dirty) = (0, None);
                Ok(None)
            }
            Written::Lost => Ok(Some(End::Anew)),
        }
    }

    /// Lets what is under way end, and writes how far it is, for whoever goes on.
    async fn end(&self, run: &mut Run) -> Result<End, Fault> {
        let until = Instant::now() + LAST;
        while let Ok(Some(landed)) = tokio::time::timeout_at(until, run.flying.join_next()).await {
            if let Some(end) = self.land(run, landed).await? {
                return Ok(end);
            }
        }
        if run.held.is_mine(self.now()) || run.dirty.is_some() {
            let _ = self.write_with(run, Vec::new(), Vec::new(), true).await?;
        }
        Ok(End::Over)
    }
}

/// A number from 0 to 1; the middle where the system has none.
fn dice() -> f64 {
    getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX))
}
