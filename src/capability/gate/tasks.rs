//! Calls that go on after their request: MCP tasks and REST 202. The operation is on disk before the caller is answered, so
//! a task outlives the program: what was running starts again, unless it was reaching outside.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dashmap::Entry;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::commit::{put_operation, unwritten};
use super::execute::Stopped;
use super::operation::{Ending, OPERATION, Operation, State, digest_for, scope};
use super::{Admitted, Gate, Request, audit};
use crate::capability::bound::bounded;
use crate::capability::caller::{Caller, Principal};
use crate::capability::client::{Answers, Silent};
use crate::capability::cx::{Lasting, store_fault};
use crate::capability::outcome::Form;
use crate::capability::owned::Stored;
use crate::capability::spec::Effect;
use crate::capability::tool::Tool;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{Id, OperationId, TenantId, new_uuid};
use crate::port::records::{Comparison, Filter, Place, Query, Record, Scalar, Scope};
use crate::port::store::{Batch, Expect, Step, StoreFault};

/// So many tasks run or wait for a place at once; each keeps its input in memory.
const MOST_LIVE: usize = 4096;

/// So long an instance must be away before another one takes up what it left.
const AWAY: Duration = Duration::from_millis(1500);

impl Gate {
    /// Admits a call and runs it after answering. The answer is its operation.
    ///
    /// # Errors
    /// What admission refuses.
    pub async fn start(self: &Arc<Self>, mut request: Request) -> Result<OperationId, Fault> {
        let admitted = self.admit(&mut request).await?;
        self.start_admitted(request, admitted).await
    }

    pub(super) async fn start_admitted(
        self: &Arc<Self>,
        request: Request,
        admitted: Admitted,
    ) -> Result<OperationId, Fault> {
        if !matches!(admitted.tool.form, Form::Value | Form::Content) {
            return Err(Fault::bad_input(
                "",
                format!("{} streams its answer and cannot run as a task", admitted.tool.name),
            ));
        }
        if admitted.tool.takes_secret {
            let say =
                format!("{} takes a secret, which is not kept for later: call it to be answered", admitted.tool.name);
            return Err(Fault::bad_input("", say));
        }
        let gate = self.clone();
        let started = self.platform.carry_through(async move {
            let now = gate.platform.clock.now();
            let digest = digest_for(&gate.platform.seal, &admitted.tool, &admitted.input);
            let mut operation = Operation::begin(&request, &admitted.tool, digest, now, gate.task_keep());
            operation.instance = gate.platform.store.instance();
            operation.task = true;
            operation.answers = request.answers.clone();
            if let Some(key) = &request.idempotency_key {
                let scope = scope(&request.caller, &admitted.tool, key);
                if let Some(earlier) = gate.remembered(request.caller.tenant, &scope).await? {
                    return earlier.value.is_repeated_by(&operation.input_digest).map(|()| Id::from_uuid(earlier.id));
                }
                operation.scope = Some(scope);
            }
            operation.input = Some(admitted.input.clone());
            let ending = unwritten(new_uuid(now), operation);
            let id = ending.id;
            // The request's own token and client end with its answer.
            let request = Request { cancel: CancellationToken::new(), client: Arc::new(Silent), ..request };
            let live = gate.live(id, &request)?;
            gate.write(request.caller.tenant, vec![put_operation(&ending)?]).await?;
            gate.go_on(live, request, admitted.tool, admitted.input, Ending { expect: Expect::Revision(1), ..ending });
            Ok(Id::from_uuid(id))
        });
        started.await.unwrap_or_else(|| Err(Fault::internal("a task could not be started")))
    }

    /// The operation of an id, if the caller started it.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn operation(&self, caller: &Caller, id: OperationId) -> Result<Stored<Operation>, Fault> {
        let found = self.platform.store.get(Scope::Tenant(caller.tenant), &OPERATION, id.uuid()).await;
        let stored = found.map_err(store_fault)?.map(Stored::<Operation>::read).transpose()?;
        stored
            .filter(|stored| stored.value.user == caller.user && stored.value.principal() == caller.principal)
            .filter(|stored| {
                stored.value.state == State::Running || stored.value.expires_at > self.platform.clock.now()
            })
            .ok_or_else(|| Fault::not_found("operation", id))
    }

    /// The tasks that the caller started, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn operations(&self, caller: &Caller, limit: u32) -> Result<Vec<Stored<Operation>>, Fault> {
        let of_key = match caller.principal {
            Principal::Key(key) => Filter::is("key", Scalar::Id(key.uuid())),
            Principal::LocalOwner | Principal::Anonymous | Principal::Link => Filter::IsNull("key"),
        };
        let now = Scalar::Time(self.platform.clock.now());
        let filter = Filter::is("owner", Scalar::Id(caller.user.uuid()))
            .and(of_key)
            .and(Filter::is("task", Scalar::Boolean(true)))
            .and(Filter::Compare("expiresAt", Comparison::Greater, now));
        let query = Query::newest(filter, limit);
        let found = self.platform.store.find(Scope::Tenant(caller.tenant), &OPERATION, query).await;
        found.map_err(store_fault)?.into_iter().map(Stored::<Operation>::read).collect()
    }

    /// How long tasks are kept from their beginning, or from when they last went on.
    fn task_keep(&self) -> Duration {
        Duration::from_hours(self.platform.config.mcp.task_hours)
    }

    /// Calls a task off and waits until that is on disk. One that has ended stays as it ended.
    ///
    /// # Errors
    /// `not_found`; `conflict` when another instance runs it.
    pub async fn cancel(&self, caller: &Arc<Caller>, id: OperationId) -> Result<(), Fault> {
        let caller = self.identify.refresh(&self.platform, caller).await?;
        self.limiter.check(&caller, None, Effect::Change)?;
        let stored = self.operation(&caller, id).await?;
        let live = self.live.get(&stored.id).map(|live| live.value().clone());
        if let Some(live) = live {
            live.called_off.store(true, Ordering::Release);
            live.cancel.cancel();
            live.ended.cancelled().await;
            return Ok(());
        }
        match stored.value.state {
            State::Waiting | State::Held => {
                let mut operation = stored.value;
                let fault = Fault::new(&codes::CANCELLED, "the task was cancelled");
                operation.fail(&fault, &id.to_string(), self.platform.clock.now());
                let ending = Ending { id: stored.id, expect: Expect::Revision(stored.revision), operation };
                self.write(caller.tenant, vec![put_operation(&ending)?]).await.map(|_| ())
            }
            State::Running => Err(Fault::new(&codes::CONFLICT, "the task is just ending or runs on another instance")),
            State::Done | State::Failed | State::Cancelled | State::Unknown => Ok(()),
        }
    }

    /// Gives answers to a task that waits for them; when none is open any more it is admitted anew, with the rights of now,
    /// and goes on.
    ///
    /// # Errors
    /// `not_found`; `conflict` when it does not wait; what admission refuses.
    pub async fn answer(
        self: &Arc<Self>,
        mut request: Request,
        id: OperationId,
        answers: Answers,
    ) -> Result<(), Fault> {
        request.caller = self.identify.refresh(&self.platform, &request.caller).await?;
        let stored = self.operation(&request.caller, id).await?;
        let mut operation = stored.value;
        if operation.state != State::Waiting {
            return Err(Fault::new(&codes::CONFLICT, "the task does not wait for answers"));
        }
        let open = operation.questions.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
        operation.answers.extend(answers.into_iter().filter(|(key, _)| open.contains_key(key)));
        operation.updated_at = self.platform.clock.now();
        operation.expires_at = operation.updated_at.plus(self.task_keep());
        let expect = Expect::Revision(stored.revision);
        if !open.keys().all(|key| operation.answers.contains_key(key)) {
            self.limiter.tally(&request.caller, request.origin.address, Effect::Change, &request.left)?;
            let ending = Ending { id: stored.id, expect, operation };
            return self.write(request.caller.tenant, vec![put_operation(&ending)?]).await.map(|_| ());
        }
        request.tool.clone_from(&operation.tool);
        request.input = operation.input.clone().unwrap_or(Value::Null);
        request.idempotency_key = None;
        let admitted = self.admit(&mut request).await?;
        operation.state = State::Running;
        operation.instance = self.platform.store.instance();
        operation.questions = None;
        request.answers = operation.answers.clone();
        request.if_match = operation.if_match;
        let (gate, id, revision) = (self.clone(), stored.id, stored.revision);
        let answered = self.platform.carry_through(async move {
            let request = Request { cancel: CancellationToken::new(), client: Arc::new(Silent), ..request };
            let live = gate.live(id, &request)?;
            let ending = Ending { id, expect, operation };
            gate.write(request.caller.tenant, vec![put_operation(&ending)?]).await?;
            let ending = Ending { expect: Expect::Revision(revision + 1), ..ending };
            gate.go_on(live, request, admitted.tool, admitted.input, ending);
            Ok(())
        });
        answered.await.unwrap_or_else(|| Err(Fault::internal("a task could not go on")))
    }

    /// Takes up what an earlier run of the program left, or another instance that is gone: tasks run again from their beginning, calls that were reaching
    /// outside or had committed a part become unknown. Answers how many of each. What cannot be read or written is told in
    /// the log and left.
    ///
    /// # Errors
    /// When the store cannot be read at all.
    pub async fn take_up(self: &Arc<Self>) -> Result<(usize, usize), Fault> {
        const PAGE: u32 = 500;
        let (mut again, mut unknown) = (0, 0);
        let mut gone = HashMap::new();
        let mut after = None;
        loop {
            let filter = Filter::is("state", Scalar::Text("running".to_owned()));
            let query = Query { filter, order: "id", descending: false, after: after.take(), limit: PAGE };
            let left = self.platform.store.find(Scope::Platform, &OPERATION, query).await.map_err(store_fault)?;
            let more = left.len() == PAGE as usize;
            after = left.last().map(|record| Place { key: Scalar::Id(record.id), id: record.id });
            for record in left.into_iter().filter(|record| !self.live.contains_key(&record.id)) {
                let id = record.id;
                if !self.is_left(&record, &mut gone).await? {
                    continue;
                }
                match self.take_up_one(record).await {
                    Ok(Some(true)) => again += 1,
                    Ok(Some(false)) => unknown += 1,
                    Ok(None) => {}
                    Err(fault) => tracing::error!(operation = %id, %fault, "an operation could not be taken up"),
                }
            }
            if !more {
                return Ok((again, unknown));
            }
        }
    }

    /// Whether nobody runs an operation any more. Where instances share the store it is the one whose instance is gone, and
    /// stays so for longer than a restart of the database keeps all of them away.
    async fn is_left(&self, record: &Record, gone: &mut HashMap<i64, bool>) -> Result<bool, Fault> {
        let Some(own) = self.platform.store.instance() else { return Ok(true) };
        // What was moved here from a store of one instance names none.
        let Some(runner) = record.body.get("instance").and_then(Value::as_i64) else { return Ok(true) };
        if runner == i64::from(own) {
            return Ok(false);
        }
        if let Some(known) = gone.get(&runner) {
            return Ok(*known);
        }
        let number = i32::try_from(runner).map_err(Fault::internal)?;
        let mut is_gone = !self.platform.store.is_open_by(number).await.map_err(store_fault)?;
        if is_gone {
            tokio::time::sleep(AWAY).await;
            is_gone = !self.platform.store.is_open_by(number).await.map_err(store_fault)?;
        }
        gone.insert(runner, is_gone);
        Ok(is_gone)
    }

    /// Makes an operation this instance's, so that no other takes it up too; `None` when another one was faster.
    async fn claimed(
        &self,
        mut stored: Stored<Operation>,
        tenant: TenantId,
    ) -> Result<Option<Stored<Operation>>, Fault> {
        let Some(own) = self.platform.store.instance() else { return Ok(Some(stored)) };
        stored.value.instance = Some(own);
        let expect = Expect::Revision(stored.revision);
        let ending = Ending { id: stored.id, expect, operation: stored.value };
        let steps = vec![put_operation(&ending)?];
        let batch = Batch { tenant, at: self.platform.clock.now(), steps };
        match self.platform.store.commit(vec![batch]).await {
            Ok(_) => Ok(Some(Stored { value: ending.operation, revision: stored.revision + 1, ..stored })),
            Err(StoreFault::Conflict(_)) => Ok(None),
            Err(fault) => Err(store_fault(fault)),
        }
    }

    /// True when it runs again, `None` when another instance has it.
    async fn take_up_one(self: &Arc<Self>, record: Record) -> Result<Option<bool>, Fault> {
        let tenant = record.tenant;
        let Some(stored) = self.claimed(Stored::<Operation>::read(record)?, tenant).await? else { return Ok(None) };
        let principal = stored.value.principal();
        let caller = self.identify.identities().resume(&self.platform, tenant, stored.value.user, principal).await?;
        let caller = caller.map(|caller| bounded(Arc::new(caller), stored.value.bound.as_ref()));
        let snapshot = self.platform.registry.present();
        let tool = snapshot.find(tenant, &stored.value.tool).cloned();
        let expect = Expect::Revision(stored.revision);
        let (Some(caller), Some(tool)) = (caller, tool) else {
            let mut operation = stored.value;
            let now = self.platform.clock.now();
            operation.lose(&stopped(), &stored.id.to_string(), now);
            let entry = if operation.effect.reads() {
                None
            } else {
                Some(Box::pin(audit::unknown(&self.platform, &operation, tenant, Id::new(now))).await)
            };
            self.record(tenant, Ending { id: stored.id, expect, operation }, entry).await;
            return Ok(Some(false));
        };
        let runnable = !stored.value.stepped
            && !tool.is_felt_outside()
            && stored.value.input.is_some()
            && super::authorise::authorise(&caller, &tool, false).is_ok();
        let id = Id::new(self.platform.clock.now());
        let mut request = Request::new(id, caller, stored.value.origin, tool.name.to_string(), Value::Null);
        request.answers = stored.value.answers.clone();
        request.if_match = stored.value.if_match;
        let input = stored.value.input.clone().unwrap_or(Value::Null);
        let ending = Ending { id: stored.id, expect, operation: stored.value };
        if runnable {
            let live = self.live(ending.id, &request)?;
            self.go_on(live, request, tool, input, ending);
        } else {
            self.record_loss(&self.call_of(&request, &tool), ending, &stopped()).await;
        }
        Ok(Some(runnable))
    }

    /// Forgets operations that have expired. One that runs is not forgotten: its end is still to be written.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget_expired(&self) -> Result<usize, Fault> {
        const STEP: u32 = 500;
        let now = self.platform.clock.now();
        let ended = Filter::Not(Box::new(Filter::is("state", Scalar::Text("running".to_owned()))));
        let filter = Filter::Compare("expiresAt", Comparison::AtMost, Scalar::Time(now)).and(ended);
        let mut forgotten = 0;
        loop {
            let query = Query::newest(filter.clone(), STEP);
            let expired = self.platform.store.find(Scope::Platform, &OPERATION, query).await.map_err(store_fault)?;
            // Each for itself: one that goes on just now keeps the others from nothing.
            for record in &expired {
                let expect = Expect::Revision(record.revision);
                let steps = vec![Step::Remove { kind: &OPERATION, id: record.id, expect }];
                match self.platform.store.commit(vec![Batch { tenant: record.tenant, at: now, steps }]).await {
                    Ok(_) => forgotten += 1,
                    Err(StoreFault::Conflict(_)) => {}
                    Err(fault) => return Err(store_fault(fault)),
                }
            }
            if expired.len() < STEP as usize {
                return Ok(forgotten);
            }
        }
    }

    /// Holds a call until a person approves it. The fault names the operation.
    pub(super) async fn hold(&self, request: &Request, tool: &Tool, input: &Value, why: &str) -> Fault {
        if tool.takes_secret {
            // Held, its input would lie in the store until somebody approves it.
            let say = format!("{why}; a call that brings a secret is not held: who needs no approval must make it");
            return Fault::new(&codes::APPROVAL_REQUIRED, say);
        }
        let now = self.platform.clock.now();
        let digest = digest_for(&self.platform.seal, tool, input);
        let mut operation = Operation::begin(request, tool, digest, now, self.task_keep());
        if let Some(key) = &request.idempotency_key {
            let scope = scope(&request.caller, tool, key);
            match self.remembered(request.caller.tenant, &scope).await {
                Err(fault) => return fault,
                Ok(Some(earlier)) => {
                    return match earlier.value.is_repeated_by(&operation.input_digest) {
                        Err(fault) => fault,
                        Ok(()) => must_be_approved(why, earlier.id),
                    };
                }
                Ok(None) => operation.scope = Some(scope),
            }
        }
        operation.state = State::Held;
        operation.input = Some(input.clone());
        let ending = unwritten(new_uuid(now), operation);
        let written = match put_operation(&ending) {
            Ok(step) => self.write(request.caller.tenant, vec![step]).await,
            Err(fault) => Err(fault),
        };
        match written {
            Ok(_) => must_be_approved(why, ending.id),
            Err(fault) => fault,
        }
    }

    /// Lists a task as running here, before anybody can ask for it.
    fn live(self: &Arc<Self>, id: Uuid, request: &Request) -> Result<Listed, Fault> {
        if self.live.len() >= MOST_LIVE {
            return Err(
                Fault::new(&codes::UNAVAILABLE, "as many tasks wait as may").with_retry_after(Duration::from_secs(10))
            );
        }
        match self.live.entry(id) {
            Entry::Occupied(_) => Err(Fault::new(&codes::CONFLICT, "the task runs already")),
            Entry::Vacant(place) => {
                let live =
                    Live { cancel: request.cancel.clone(), ended: CancellationToken::new(), called_off: false.into() };
                place.insert(Arc::new(live));
                Ok(Listed(self.clone(), id))
            }
        }
    }

    /// Runs an operation after its request was answered.
    fn go_on(self: &Arc<Self>, listed: Listed, request: Request, tool: Arc<Tool>, input: Value, ending: Ending) {
        let gate = self.clone();
        let request = Request { lasting: Lasting::Task, ..request };
        let running = self.tasks.token();
        drop(self.platform.running().spawn(async move {
            let _running = running;
            let place = gate.task_place(&request.cancel).await;
            // Its time begins when it has a place.
            let began = tokio::time::Instant::now();
            let call = gate.call_of(&request, &tool);
            let ended = match place {
                Ok(place) => {
                    let work = gate.execute_at(place, call.clone(), input, Some(ending));
                    Box::pin(request.current().over(work)).await
                }
                Err(fault) => Err(Stopped { fault, by_itself: true, ending: Some(ending) }),
            };
            let fault = ended.as_ref().err().map(|stopped| &stopped.fault);
            super::count(&tool, fault, began.elapsed());
            if !tool.is_audited() || fault.is_some() {
                gate.usage.add(&request.caller, &tool.name, fault.is_some(), began.elapsed());
            }
            let Err(Stopped { fault, by_itself, ending: Some(ending) }) = ended else { return };
            super::log_fault(&tool.name, request.id, &fault);
            // The program is stopping: the task stays running in the store and is taken up by the next start.
            if gate.is_closing() && fault.is(&codes::CANCELLED) && !listed.is_called_off() {
                return;
            }
            if fault.is(&codes::INPUT_REQUIRED) {
                // Once it is told that it waits, it can be answered, and goes on under the same id.
                drop(listed);
                return gate.record_stop(&call, ending, &fault, by_itself).await;
            }
            gate.record_stop(&call, ending, &fault, by_itself).await;
        }));
    }
}

fn stopped() -> Fault {
    Fault::new(&codes::OUTCOME_UNKNOWN, "the server stopped while the call was running")
}

fn must_be_approved(why: &str, operation: Uuid) -> Fault {
    Fault::new(&codes::APPROVAL_REQUIRED, why).with_detail(serde_json::json!({ "operationId": operation }))
}

/// A task that runs or waits for a place here.
pub(super) struct Live {
    pub(super) cancel: CancellationToken,
    /// Fires when its end is recorded.
    ended: CancellationToken,
    /// Whether its caller called it off; else a cancellation is the program's end.
    called_off: AtomicBool,
}

/// Takes a task off the list of those that run here, however it ends.
struct Listed(Arc<Gate>, Uuid);

impl Listed {
    fn is_called_off(&self) -> bool {
        self.0.live.get(&self.1).is_some_and(|live| live.called_off.load(Ordering::Acquire))
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        if let Some((_, live)) = self.0.live.remove(&self.1) {
            live.ended.cancel();
        }
    }
}
