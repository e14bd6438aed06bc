//! The gate: the only way to a capability. Every call, whatever its door, runs through the same steps in the same order, and
//! the context that a capability needs exists only after the last check.
//!
//! identify → tenant → rate limit → authorise → validate → approve → run → commit (with audit, usage, events) → publish

pub mod approve;
pub mod audit;
pub mod authorise;
pub(in crate::capability) mod commit;
mod execute;
pub mod identify;
mod later;
pub mod limit;
pub mod message;
pub mod meter;
mod once;
pub mod operation;
mod passing;
mod request;
pub mod sealing;
mod sharing;
pub mod tasks;
mod tenant;
pub mod usage;
pub mod validate;

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dashmap::DashMap;
use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::caller::{Caller, Credential};
use super::cx::{Lasting, store_fault};
use super::outcome::{Form, Outcome};
use super::platform::Platform;
use super::spans::Span;
use super::spec::{Effect, Forward};
use super::tool::Tool;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::trace::TraceContext;
use crate::port::store::Step;
use approve::ApprovalPolicy;
use identify::{Identify, Identities};
use later::Later;
use limit::{Allowance, Left, Limiter};
use meter::Ended;
use once::Once;
pub use request::{Reply, Request};
use tasks::Live;
use usage::UsageBook;

/// The gate.
pub struct Gate {
    platform: Arc<Platform>,
    identify: Identify,
    limiter: Limiter,
    approvals: Arc<dyn ApprovalPolicy>,
    usage: UsageBook,
    later: Arc<Later>,
    room: Arc<Semaphore>,
    task_room: Arc<Semaphore>,
    in_flight: DashMap<String, ()>,
    live: DashMap<Uuid, Arc<Live>>,
    /// Ends of operations that could not be written yet.
    unrecorded: Mutex<Vec<(TenantId, Vec<Step>)>>,
    /// Calls that write or reach outside: who breaks one off leaves something behind.
    effects: TaskTracker,
    /// Tasks that run here.
    tasks: TaskTracker,
    closing: CancellationToken,
}

/// A call that passed every check before running.
#[derive(Clone)]
struct Admitted {
    tool: Arc<Tool>,
    input: Value,
    /// The tool that was called, where it forwarded to another.
    via: Option<Arc<Tool>>,
    /// `None` for what the door has counted already.
    allowance: Option<Allowance>,
}

impl Gate {
    /// A gate before the platform.
    #[must_use]
    pub fn open(
        platform: Arc<Platform>,
        identities: Arc<dyn Identities>,
        approvals: Arc<dyn ApprovalPolicy>,
    ) -> Arc<Self> {
        let limits = platform.config.limits.clone();
        let identify = Identify::new(identities);
        identify.list_in(&platform.caches);
        let gate = Arc::new(Self {
            room: Arc::new(Semaphore::new(limits.concurrent_calls.max(1))),
            // Tasks wait for one another; they must not keep calls out.
            task_room: Arc::new(Semaphore::new((limits.concurrent_calls / 4).max(1))),
            limiter: Limiter::new(limits, platform.clock.clone()),
            identify,
            platform,
            approvals,
            usage: UsageBook::default(),
            later: Arc::default(),
            in_flight: DashMap::new(),
            live: DashMap::new(),
            unrecorded: Mutex::default(),
            effects: TaskTracker::new(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
        });
        gate.platform.stands_behind(&gate);
        gate
    }

    /// What all calls share.
    #[must_use]
    pub fn platform(&self) -> &Arc<Platform> {
        &self.platform
    }

    /// The callers in the cache.
    #[must_use]
    pub fn callers(&self) -> &Identify {
        &self.identify
    }

    /// The caller of a credential.
    ///
    /// # Errors
    /// `unauthenticated`, `key_refused`, `rate_limited`.
    pub async fn identify(&self, credential: &Credential, address: Option<IpAddr>) -> Result<Arc<Caller>, Fault> {
        self.identify.identify(&self.platform, &self.limiter, credential, address).await
    }

    /// Counts what a door answers by itself, such as a list: it costs a caller as much as a call that reads.
    ///
    /// # Errors
    /// `rate_limited` with the wait.
    pub fn count_look(&self, caller: &Caller, address: Option<IpAddr>) -> Result<(), Fault> {
        self.limiter.check(caller, address, Effect::Read).map(drop)
    }

    /// Makes a call.
    pub async fn call(self: &Arc<Self>, mut request: Request) -> Reply {
        // The program does not end while a call runs.
        let _running = self.platform.running().token();
        let parent = request.trace;
        request.trace = self.platform.spans.within(parent);
        // In a box: whoever calls has it in a future of their own, and there is much of it.
        let current = request.current();
        current.over(Box::pin(self.make(request, parent))).await
    }

    async fn make(self: &Arc<Self>, mut request: Request, parent: Option<TraceContext>) -> Reply {
        let began = Instant::now();
        let admitted = match self.admit(&mut request).await {
            Ok(admitted) => admitted,
            Err(fault) => {
                self.trace(&request, parent, Err(&fault), began.elapsed());
                return self.refused(&request, fault, began);
            }
        };
        let (tool, via, allowance) = (admitted.tool.clone(), admitted.via.clone(), admitted.allowance);
        // It finds the entries of all calls that were answered before, or does not look.
        if tool.sees_entries
            && let Err(fault) = self.write_waiting().await
        {
            self.trace(&request, parent, Err(&fault), began.elapsed());
            return self.refused(&request, fault, began);
        }
        let _effect = (tool.is_audited() || tool.reaches).then(|| self.effects.token());
        let id = request.id;
        let again = (request.lasting == Lasting::Either).then(|| admitted.clone());
        // An anonymous caller shares its scope with every other: a key of theirs would give one's answer to another.
        let key = request.idempotency_key.clone().filter(|_| tool.is_audited() && request.caller.is_known());
        let once = match key {
            Some(key) if tool.reaches => {
                let (gate, request) = (self.clone(), request.clone());
                self.to_its_end(Box::pin(async move {
                    request.current().over(Box::pin(gate.once(&request, &key, admitted))).await
                }))
                .await
            }
            Some(key) => self.once(&request, &key, admitted).await,
            None if tool.reaches && tool.is_audited() => {
                let (gate, request) = (self.clone(), request.clone());
                self.to_its_end(Box::pin(async move {
                    let current = request.current();
                    if admitted.tool.asks {
                        current.over(Box::pin(gate.asking(&request, admitted))).await
                    } else {
                        current.over(Box::pin(gate.reaching(&request, admitted))).await
                    }
                }))
                .await
            }
            None => {
                let call = self.call_of(&request, &tool);
                self.execute(call, admitted.input, None).await.map_err(|stopped| stopped.fault).into()
            }
        };
        if let Once { result: Err(fault), .. } = &once
            && fault.is(&codes::TASK_REQUIRED)
            && let Some(admitted) = again
        {
            return self.turn_into_task(request, admitted).await;
        }
        let took = began.elapsed();
        count(&tool, once.result.as_ref().err(), took);
        self.trace(&request, parent, once.result.as_ref().map(|_| &*tool), took);
        if !tool.is_audited() || once.result.is_err() || once.replayed {
            self.usage.add(&request.caller, &tool.name, once.result.is_err(), took);
        }
        if let Err(fault) = &once.result {
            log_fault(&tool.name, id, fault);
        }
        let result = once.result.map(|outcome| if via.is_some() { wrap(&tool, outcome, took) } else { outcome });
        let via = via.map(|_| tool);
        Reply { id, result, allowance, revision: once.revision, replayed: once.replayed, via, operation: None }
    }

    /// A call that reaches outside is not dropped halfway because its door stopped waiting: how it ended would not be recorded.
    async fn to_its_end(&self, call: BoxFuture<'static, Once>) -> Once {
        let ended = self.platform.carry_through(call).await;
        ended.unwrap_or_else(|| Once::refused(Fault::internal("the call panicked outside its tool")))
    }

    async fn turn_into_task(self: &Arc<Self>, request: Request, admitted: Admitted) -> Reply {
        let (id, allowance) = (request.id, admitted.allowance);
        let via = admitted.via.is_some().then(|| admitted.tool.clone());
        let (operation, fault) = match self.start_admitted(request, admitted).await {
            Ok(operation) => (Some(operation), Fault::new(&codes::TASK_REQUIRED, "the call goes on as a task")),
            Err(fault) => (None, fault),
        };
        Reply { id, result: Err(fault), allowance, revision: None, replayed: false, via, operation }
    }

    /// Every check before running, in order.
    async fn admit(&self, request: &mut Request) -> Result<Admitted, Fault> {
        if self.closing.is_cancelled() {
            return Err(Fault::new(&codes::UNAVAILABLE, "the server is stopping"));
        }
        request.caller = self.identify.refresh(&self.platform, &request.caller).await?;
        let caller = &request.caller;
        let snapshot = self.platform.registry.present();
        let named = snapshot.find(caller.tenant, &request.tool);
        // Whatever becomes of the call, it counts; a call that calls counts as what it does itself, and the tool that it
        // names then counts too where it writes.
        let effect = named.filter(|tool| tool.forwards.is_none()).map_or(Effect::Read, |tool| tool.effect);
        let tally = |effect| self.limiter.tally(caller, request.origin.address, effect, &request.left).map(Some);
        let mut allowance = if request.counted { None } else { tally(effect)? };
        tenant::check(caller, request.tenant)?;
        let named = named.cloned().ok_or_else(|| unknown(&request.tool))?;
        let input = std::mem::take(&mut request.input);
        let (tool, input, via) = match named.forwards {
            None => (named, input, None),
            Some(forward) => {
                authorise::authorise(caller, &named, request.read_only)?;
                let (name, input) = forwarded(validate::validate(&named, input)?)?;
                let tool = snapshot.find(caller.tenant, &name).cloned().ok_or_else(|| unknown(&name))?;
                may_forward(forward, &tool)?;
                if !tool.effect.reads() {
                    allowance = tally(tool.effect)?;
                }
                (tool, input, Some(named))
            }
        };
        authorise::authorise(caller, &tool, request.read_only)?;
        // The places in a forwarded input are told as the caller wrote it.
        let unfit = |fault: Fault| if via.is_some() { fault.below("/input") } else { fault };
        let input = validate::validate(&tool, input).map_err(unfit)?;
        passing::hold(caller, &tool, &input)?;
        if request.idempotency_key.is_some() && tool.is_audited() && !matches!(tool.form, Form::Value | Form::Content) {
            return Err(Fault::bad_input("", "a call that streams cannot have an idempotency key"));
        }
        self.limiter.take(caller, &*self.platform.store).await?;
        if let Some(why) = self.approvals.demands(caller, &tool, &input) {
            return Err(self.hold(request, &tool, &input, &why).await);
        }
        Ok(Admitted { tool, input, via, allowance })
    }

    /// Tells those who collect traces of a call.
    fn trace(&self, request: &Request, parent: Option<TraceContext>, ended: Result<&Tool, &Fault>, took: Duration) {
        let Some(context) = request.trace.filter(|context| self.platform.spans.records(Some(*context))) else { return };
        let snapshot = self.platform.registry.present();
        // What a caller calls a tool that there is not is not for others to read.
        let named = snapshot.find(request.caller.tenant, &request.tool);
        let name = ended.ok().map(|tool| tool.name.to_string()).or_else(|| named.map(|tool| tool.name.to_string()));
        self.platform.spans.add(Span {
            context,
            parent: parent.map(|parent| parent.span),
            name: name.unwrap_or_else(|| "unknown tool".to_owned()),
            outgoing: false,
            began: self.platform.clock.now().minus(took),
            took,
            fault: ended.err().map(|fault| fault.code().name),
            told: vec![
                ("convoke.request_id", request.id.to_string().into()),
                ("convoke.tenant", request.caller.tenant.to_string().into()),
                ("convoke.door", request.origin.door.name().to_owned().into()),
            ],
        });
    }

    fn refused(&self, request: &Request, fault: Fault, began: Instant) -> Reply {
        self.note_refusal(request, &fault, began.elapsed());
        let (id, result, allowance) = (request.id, Err(fault), request.left.get());
        Reply { id, result, allowance, revision: None, replayed: false, via: None, operation: None }
    }

    fn note_refusal(&self, request: &Request, fault: &Fault, took: Duration) {
        let snapshot = self.platform.registry.present();
        if let Some(tool) = snapshot.find(request.caller.tenant, &request.tool) {
            count(tool, Some(fault), took);
            self.usage.add(&request.caller, &tool.name, true, took);
        }
        log_fault(&request.tool, request.id, fault);
    }

    /// Counts a call that a door refuses before it can be made, because it cannot be read: refusals count like calls. Answers
    /// the fault to tell, which is another one where the caller has no calls left.
    #[must_use]
    pub fn refuse(&self, request: &Request, fault: Fault) -> Fault {
        let effect = {
            let snapshot = self.platform.registry.present();
            snapshot.find(request.caller.tenant, &request.tool).map_or(Effect::Read, |tool| tool.effect)
        };
        let counted = self.limiter.tally(&request.caller, request.origin.address, effect, &request.left);
        let fault = counted.err().unwrap_or(fault);
        self.note_refusal(request, &fault, Duration::ZERO);
        fault
    }

    /// Counts what a door does for a caller by itself, such as telling how a call stands.
    ///
    /// # Errors
    /// `rate_limited` with the wait.
    pub fn count(&self, caller: &Caller, address: Option<IpAddr>, left: &Left) -> Result<(), Fault> {
        self.limiter.tally(caller, address, Effect::Read, left).map(drop)
    }

    /// Writes the usage that was added up and the ends of operations that could not be written before, and forgets callers
    /// that have gone quiet. The runtime calls it now and then.
    ///
    /// # Errors
    /// When the store fails; what could not be written is kept.
    pub async fn tidy(&self) -> Result<(), Fault> {
        self.limiter.tidy();
        // What keeps one of them from being written need not keep the others.
        let (ends, entries) = (self.record_again().await, self.write_waiting().await);
        let usage = self.usage.flush(&*self.platform.store, self.platform.clock.now()).await;
        ends.and(entries).and(usage)
    }

    /// Writes the entries that calls did not wait for.
    ///
    /// # Errors
    /// When the store fails; what could not be written is kept.
    pub async fn write_waiting(&self) -> Result<(), Fault> {
        if self.later.is_empty() {
            return Ok(());
        }
        // Whoever waits for it may go away: what was taken to be written is written all the same.
        let (later, platform) = (self.later.clone(), self.platform.clone());
        let written = self.platform.carry_through(async move { later.write(&platform).await }).await;
        written.unwrap_or(Ok(())).map_err(store_fault)
    }

    /// Waits until no call runs that writes or reaches outside. Whoever asked for it is not asked to ask again; a call that
    /// only reads can be.
    pub async fn settle(&self) {
        self.effects.close();
        self.effects.wait().await;
    }

    /// Waits until no task runs.
    pub async fn tasks_ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Takes no new calls, lets running tasks end within the limit, calls off the rest, and writes what was added up.
    pub async fn close(&self, limit: Duration) {
        self.closing.cancel();
        self.platform.running().close();
        if tokio::time::timeout(limit, self.platform.running().wait()).await.is_err() {
            self.live.iter().for_each(|task| task.value().cancel.cancel());
            let _ = tokio::time::timeout(Duration::from_secs(2), self.platform.running().wait()).await;
        }
        if let Err(fault) = self.limiter.give_back(&*self.platform.store).await {
            tracing::warn!(%fault, "calls reserved for limited keys could not be given back");
        }
        if let Err(fault) = self.tidy().await {
            tracing::warn!(%fault, "usage could not be written at the end");
        }
    }

    /// Whether the gate takes no new calls any more.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.closing.is_cancelled()
    }
}

fn count(tool: &Tool, fault: Option<&Fault>, took: Duration) {
    let ended = match fault {
        None => Ended::Well,
        Some(fault) if fault.code().status < 500 => Ended::CallerFault,
        Some(_) => Ended::ServerFault,
    };
    tool.meter.count(ended, took);
}

fn unknown(name: &str) -> Fault {
    Fault::new(&codes::UNKNOWN_TOOL, format!("there is no tool '{}'", name.chars().take(64).collect::<String>()))
}

fn may_forward(forward: Forward, tool: &Tool) -> Result<(), Fault> {
    if tool.forwards.is_some() {
        return Err(Fault::bad_input("/name", "a tool that calls tools cannot be called through another"));
    }
    if forward == Forward::Reads && (tool.is_audited() || tool.reaches) {
        let say = format!("'{}' does more than read: call it with tool_call", tool.name);
        return Err(Fault::bad_input("/name", say));
    }
    Ok(())
}

/// The tool and input that the input of a forwarding tool names.
fn forwarded(input: Value) -> Result<(String, Value), Fault> {
    let Value::Object(mut properties) = input else { return Err(Fault::bad_input("", "must be an object")) };
    let Some(Value::String(name)) = properties.remove("name") else {
        return Err(Fault::bad_input("/name", "'name' is missing"));
    };
    Ok((name, properties.remove("input").unwrap_or(Value::Null)))
}

fn wrap(tool: &Tool, outcome: Outcome, took: Duration) -> Outcome {
    match outcome {
        Outcome::Value(result) => Outcome::Value(serde_json::json!({
            "tool": &*tool.name,
            "result": result,
            "metrics": { "durationMs": u64::try_from(took.as_millis()).unwrap_or(u64::MAX) },
        })),
        other => other,
    }
}

fn log_fault(tool: &str, id: crate::kernel::id::CallId, fault: &Fault) {
    if fault.code().status >= 500 {
        tracing::error!(tool, request_id = %id, code = fault.code().name, fault = ?fault, "call failed");
    } else {
        tracing::debug!(tool, request_id = %id, code = fault.code().name, "call refused");
    }
}
