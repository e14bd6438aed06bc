//! The gate: the only way to a capability. Every call, whatever its door, runs through the same steps in the same order, and
//! the context that a capability needs exists only after the last check.
//!
//! identify → tenant → rate limit → authorise → validate → approve → run → commit (with audit, usage, events) → publish

pub mod approve;
pub mod audit;
pub mod authorise;
mod execute;
pub mod identify;
pub mod limit;
pub mod meter;
mod once;
pub mod operation;
mod request;
pub mod tasks;
mod tenant;
pub mod usage;
pub mod validate;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::caller::{Caller, Credential};
use super::cx::Lasting;
use super::outcome::Outcome;
use super::platform::Platform;
use super::spec::Forward;
use super::tool::Tool;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::port::store::Step;
use approve::ApprovalPolicy;
use identify::{Identify, Identities};
use limit::{Allowance, Limiter};
use meter::Ended;
pub use request::{Reply, Request};
use usage::UsageBook;

/// The gate.
pub struct Gate {
    platform: Arc<Platform>,
    identify: Identify,
    limiter: Limiter,
    approvals: Arc<dyn ApprovalPolicy>,
    usage: UsageBook,
    room: Semaphore,
    in_flight: DashMap<String, ()>,
    live: DashMap<Uuid, CancellationToken>,
    tracker: TaskTracker,
    closing: CancellationToken,
}

/// A call that passed every check before running.
struct Admitted {
    tool: Arc<Tool>,
    input: Value,
    /// The tool that was called, where it forwarded to another.
    via: Option<Arc<Tool>>,
    allowance: Allowance,
}

impl Gate {
    /// A gate before the platform.
    #[must_use]
    pub fn new(platform: Arc<Platform>, identities: Arc<dyn Identities>, approvals: Arc<dyn ApprovalPolicy>) -> Self {
        let limits = platform.config.limits.clone();
        let identify = Identify::new(identities);
        platform.caches.list("callers", "callers resolved from their credentials", identify.cache());
        Self {
            room: Semaphore::new(limits.concurrent_calls.max(1)),
            limiter: Limiter::new(limits, platform.clock.clone()),
            identify,
            platform,
            approvals,
            usage: UsageBook::default(),
            in_flight: DashMap::new(),
            live: DashMap::new(),
            tracker: TaskTracker::new(),
            closing: CancellationToken::new(),
        }
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

    /// Makes a call.
    pub async fn call(&self, mut request: Request) -> Reply {
        let began = Instant::now();
        let id = request.id;
        let admitted = match self.admit(&mut request).await {
            Ok(admitted) => admitted,
            Err(fault) => return self.refused(&request, fault, began),
        };
        let tool = admitted.tool.clone();
        let via = admitted.via.clone();
        let allowance = Some(admitted.allowance);
        let caller = request.caller.clone();
        let lasting = request.lasting;
        let reads = tool.effect.reads() && !tool.spends;
        let (result, revision, replayed) = match &request.idempotency_key {
            Some(_) if !reads => self.once(request, admitted).await,
            _ if tool.reaches && !reads => self.reaching(request, admitted).await,
            _ => match self.execute(self.call_of(&request, &tool), admitted.input, None).await {
                Ok((outcome, revision)) => (Ok(outcome), revision, false),
                Err(fault) => (Err(fault), None, false),
            },
        };
        // Only a turn in the road: the door makes the call again as a task, and that one counts.
        let becomes_task =
            lasting == Lasting::Either && result.as_ref().is_err_and(|fault| fault.is(&codes::TASK_REQUIRED));
        if becomes_task {
            return Reply { id, result, allowance, revision, replayed, via: via.map(|_| tool) };
        }
        let took = began.elapsed();
        self.count(&tool, result.as_ref().err(), took);
        if reads || result.is_err() || replayed {
            self.usage.add(&caller, &tool.name, result.is_err(), took);
        }
        if let Err(fault) = &result {
            log_fault(&tool.name, id, fault);
        }
        let result = result.map(|outcome| if via.is_some() { wrap(&tool, outcome, took) } else { outcome });
        Reply { id, result, allowance, revision, replayed, via: via.map(|_| tool) }
    }

    /// Every check before running, in order.
    async fn admit(&self, request: &mut Request) -> Result<Admitted, Fault> {
        if self.closing.is_cancelled() {
            return Err(Fault::new(&codes::UNAVAILABLE, "the server is stopping"));
        }
        let caller = &request.caller;
        tenant::check(caller, request.tenant)?;
        let snapshot = self.platform.registry.present();
        let find = |name: &str| {
            snapshot.find(caller.tenant, name).cloned().ok_or_else(|| {
                Fault::new(
                    &codes::UNKNOWN_TOOL,
                    format!("there is no tool '{}'", name.chars().take(64).collect::<String>()),
                )
            })
        };
        let named = find(&request.tool)?;
        let mut input = std::mem::take(&mut request.input);
        let (tool, via) = match named.forwards {
            None => (named, None),
            Some(forward) => {
                authorise::authorise(caller, &named, request.read_only)?;
                let (name, inner) = forwarded(validate::validate(&named, input)?)?;
                let tool = find(&name)?;
                if tool.forwards.is_some() {
                    return Err(Fault::bad_input("/name", "a tool that calls tools cannot be called through another"));
                }
                if forward == Forward::Reads && !(tool.effect.reads() && !tool.spends && !tool.reaches) {
                    let say = format!("'{name}' does more than read: call it with tool_call");
                    return Err(Fault::bad_input("/name", say));
                }
                input = inner;
                (tool, Some(named))
            }
        };
        let allowance = self.limiter.check(caller, request.origin.address, tool.effect)?;
        authorise::authorise(caller, &tool, request.read_only)?;
        let input =
            validate::validate(&tool, input).map_err(|fault| if via.is_some() { below_input(fault) } else { fault })?;
        self.limiter.take(caller, &*self.platform.store).await?;
        if let Some(why) = self.approvals.demands(caller, &tool, &input) {
            return Err(self.hold(request, &tool, &input, &why).await);
        }
        Ok(Admitted { tool, input, via, allowance })
    }

    fn refused(&self, request: &Request, fault: Fault, began: Instant) -> Reply {
        let snapshot = self.platform.registry.present();
        if let Some(tool) = snapshot.find(request.caller.tenant, &request.tool) {
            self.count(tool, Some(&fault), began.elapsed());
            self.usage.add(&request.caller, &tool.name, true, began.elapsed());
        }
        log_fault(&request.tool, request.id, &fault);
        Reply { id: request.id, result: Err(fault), allowance: None, revision: None, replayed: false, via: None }
    }

    fn count(&self, tool: &Tool, fault: Option<&Fault>, took: Duration) {
        let ended = match fault {
            None => Ended::Well,
            Some(fault) if fault.code().status < 500 => Ended::CallerFault,
            Some(_) => Ended::ServerFault,
        };
        tool.meter.count(ended, took);
    }

    /// Writes the usage that was added up and forgets callers that have gone quiet. The runtime calls it now and then.
    ///
    /// # Errors
    /// When the store fails; what could not be written is kept.
    pub async fn tidy(&self) -> Result<(), Fault> {
        self.limiter.tidy();
        self.usage.flush(&*self.platform.store, self.platform.clock.now()).await
    }

    /// Takes no new calls, lets running tasks end within the limit, calls off the rest, and writes what was added up.
    pub async fn close(&self, limit: Duration) {
        self.closing.cancel();
        self.tracker.close();
        if tokio::time::timeout(limit, self.tracker.wait()).await.is_err() {
            self.live.iter().for_each(|call| call.value().cancel());
            let _ = tokio::time::timeout(Duration::from_secs(2), self.tracker.wait()).await;
        }
        if let Err(fault) = self.tidy().await {
            tracing::warn!(%fault, "usage could not be written at the end");
        }
        if let Err(fault) = self.limiter.give_back(&*self.platform.store).await {
            tracing::warn!(%fault, "calls reserved for limited keys could not be given back");
        }
    }

    /// Whether the gate takes no new calls any more.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.closing.is_cancelled()
    }
}

/// The tool and input that the input of a forwarding tool names.
fn forwarded(input: Value) -> Result<(String, Value), Fault> {
    let Value::Object(mut properties) = input else { return Err(Fault::bad_input("", "must be an object")) };
    let Some(Value::String(name)) = properties.remove("name") else {
        return Err(Fault::bad_input("/name", "'name' is missing"));
    };
    Ok((name, properties.remove("input").unwrap_or(Value::Null)))
}

/// The places in a forwarded input, as the caller wrote it.
fn below_input(fault: Fault) -> Fault {
    if fault.places().is_empty() {
        return fault;
    }
    let places = fault.places().iter().cloned().map(|mut place| {
        place.pointer = format!("/input{}", place.pointer);
        place
    });
    Fault::violations(places.collect())
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

/// What every commit of a write carries besides what the capability wrote.
struct Carried {
    audit: Step,
    usage: Step,
}
