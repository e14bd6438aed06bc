//! Sending: an instance is chosen, asked, and where that is harmless another one after it. What changes something is told of in
//! the audit log, with how it ended as far as that is known.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::json;
use tokio::time::Instant;

use super::{Gateway, Taken, headers};
use crate::capability::credentials::{Credentials, UseOf};
use crate::capability::cx::store_fault;
use crate::capability::forwarding::{Answered, Forwarded, ReadBody};
use crate::capability::gate::audit::{Deed, deed};
use crate::capability::gate::sealing::Sealing;
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::capability::spans::Span;
use crate::capability::spec::Effect;
use crate::domain::system::faults::{ADDRESS_FORBIDDEN, SERVICE_UNAVAILABLE, UPSTREAM_FAILED, UPSTREAM_TIMEOUT};
use crate::domain::system::model::instance::Instance;
use crate::domain::system::model::route::{GATEWAY_ROUTE, RouteMethod};
use crate::kernel::current::Current;
use crate::kernel::fault::Fault;
use crate::kernel::trace::TraceContext;
use crate::port::outside::{OutAnswer, OutFault, OutRequest};

/// The wait before a second try; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// The longest.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// When to ask again where no instance is fit.
const ASK_AGAIN: Duration = Duration::from_secs(5);

impl Gateway {
    /// Sends a request that a route has taken.
    pub(super) async fn send(
        &self,
        platform: &Arc<Platform>,
        taken: &Taken,
        request: &Forwarded,
        body: ReadBody,
    ) -> Result<Answered, Fault> {
        let instances = self.instances(platform, taken).await?;
        if instances.is_empty() {
            return Err(unfit(taken, "has no healthy instance"));
        }
        let body = body.await?;
        let by = UseOf {
            tenant: taken.tenant,
            ..UseOf::by(&request.caller, request.id, request.origin, format!("gateway route {}", taken.route.route_id))
        };
        let parent = headers::trace_of(&request.headers);
        // The service can follow a trace that nobody follows here.
        let context = platform.spans.within(parent).or_else(|| TraceContext::begin().ok());
        let mut headers = headers::of_request(request, taken.tenant);
        self.carry(platform, taken, &by, &mut headers).await?;
        let began = Instant::now();
        let current = Current { request: Some(request.id), trace: context };
        let asked = current.over(self.ask(platform, taken, &instances, request, headers, body)).await;
        trace(platform, taken, request, (parent, context), &asked, began.elapsed());
        if !taken.method.reads() {
            let outcome = match &asked {
                Ok(answer) => Some(json!({ "status": answer.status.as_u16() })),
                Err(Missed::Sent(_)) => None,
                // Nobody was asked: nothing happened.
                Err(Missed::Unsent(fault)) => return Err(fault_of(taken, fault)),
                Err(Missed::Nobody) => return Err(unfit(taken, "is left alone: its instances keep failing")),
            };
            tell(platform, taken, request, &by, outcome).await?;
        }
        match asked {
            Ok(answer) => Ok(answered(taken, answer)),
            Err(Missed::Nobody) => Err(unfit(taken, "is left alone: its instances keep failing")),
            Err(Missed::Sent(fault) | Missed::Unsent(fault)) => Err(fault_of(taken, &fault)),
        }
    }

    /// Writes the route's credential into the headers.
    async fn carry(
        &self,
        platform: &Arc<Platform>,
        taken: &Taken,
        by: &UseOf,
        headers: &mut HeaderMap,
    ) -> Result<(), Fault> {
        let Some(carries) = &taken.route.credential else { return Ok(()) };
        let secret = platform.service::<Credentials>()?.0.take(platform, by, &carries.secret).await?;
        let text = zeroize::Zeroizing::new(format!("{}{}", carries.before(), secret.reveal()));
        let unfit = || Fault::new(&UPSTREAM_FAILED, "the route's credential cannot be written into a header");
        let name: HeaderName = carries.header.parse().map_err(|_| unfit())?;
        let mut value = HeaderValue::from_str(&text).map_err(|_| unfit())?;
        value.set_sensitive(true);
        headers.insert(name, value);
        Ok(())
    }

    /// Asks one instance after the other until one answers, as far as asking again is harmless.
    async fn ask(
        &self,
        platform: &Arc<Platform>,
        taken: &Taken,
        instances: &[Stored<Instance>],
        request: &Forwarded,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<OutAnswer, Missed> {
        let route = &taken.route;
        let until = Instant::now() + Duration::from_secs(u64::from(route.timeout_seconds.max(1)));
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let (mut failing, mut last, mut sent) = (None, None, false);
        let (mut wait, mut tries) = (FIRST_WAIT, 0);
        // Each instance once, and then again from the beginning while tries are left.
        for number in 0..instances.len().saturating_mul(route.retries as usize + 1) {
            let Some(instance) = instances.get(first.wrapping_add(number) % instances.len()) else { break };
            if tries > route.retries || Instant::now() >= until {
                break;
            }
            if !self.breakers.admits(instance.id, platform.clock.elapsed()) {
                continue;
            }
            let settled = Settled { gateway: self, instance: instance.id, done: false };
            if tries > 0 {
                tokio::time::sleep(wait.min(until.saturating_duration_since(Instant::now()))).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
            tries += 1;
            let path = route.at_service(&request.path);
            let query = request.query.as_ref().map_or_else(String::new, |query| format!("?{query}"));
            let out = OutRequest {
                method: request.method.clone(),
                url: format!("{}{path}{query}", instance.value.url()),
                headers: headers.clone(),
                body: body.clone(),
                patience: until.saturating_duration_since(Instant::now()),
            };
            let answer = self.outside.send(out).await;
            let works = settled.settle(platform, taken, &answer);
            match answer {
                Ok(answer) if works || !taken.method.repeats() => return Ok(answer),
                // Passed on as it is where nobody does better.
                Ok(answer) => failing = Some(answer),
                Err(fault) => {
                    // What was sent once may have been done, whatever comes of later tries.
                    sent |= !fault.is_unsent();
                    let again = fault.is_unsent() || taken.method.repeats();
                    last = Some(fault);
                    if !again {
                        break;
                    }
                }
            }
        }
        match (failing, last) {
            (Some(answer), _) => Ok(answer),
            (None, None) => Err(Missed::Nobody),
            (None, Some(fault)) if sent => Err(Missed::Sent(fault)),
            (None, Some(fault)) => Err(Missed::Unsent(fault)),
        }
    }
}

/// Why nobody answered.
enum Missed {
    /// No instance may be asked.
    Nobody,
    /// Nothing was sent.
    Unsent(OutFault),
    /// Something was sent, and what came of it is not known.
    Sent(OutFault),
}

/// Tells the breaker how a request ended, also where whoever waited for it went away.
struct Settled<'a> {
    gateway: &'a Gateway,
    instance: uuid::Uuid,
    done: bool,
}

impl Settled<'_> {
    /// Whether the instance works.
    fn settle(mut self, platform: &Platform, taken: &Taken, answer: &Result<OutAnswer, OutFault>) -> bool {
        let works = match answer {
            Ok(answer) => !is_failing(answer.status),
            // Its address is not allowed: nothing is known of the instance itself.
            Err(OutFault::Forbidden(_)) => return false,
            Err(_) => false,
        };
        self.done = true;
        let breakers = &self.gateway.breakers;
        if works {
            breakers.succeeded(self.instance);
        } else {
            let alone = Duration::from_secs(u64::from(taken.route.breaker_seconds));
            let most = taken.route.breaker_failures;
            breakers.failed(self.instance, platform.clock.elapsed(), most, alone);
        }
        works
    }
}

impl Drop for Settled<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.gateway.breakers.unsettled(self.instance);
        }
    }
}

/// Whether a status says that this instance does not work, rather than that the request has a fault.
fn is_failing(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}

/// Tells those who collect traces of a request.
fn trace(
    platform: &Platform,
    taken: &Taken,
    request: &Forwarded,
    (parent, context): (Option<TraceContext>, Option<TraceContext>),
    asked: &Result<OutAnswer, Missed>,
    took: Duration,
) {
    let Some(context) = context.filter(|context| platform.spans.records(Some(*context))) else { return };
    let (status, fault) = match asked {
        Ok(answer) => (answer.status.as_str().to_owned(), answer.status.is_server_error().then_some("upstream_failed")),
        Err(_) => (String::new(), Some("upstream_failed")),
    };
    platform.spans.add(Span {
        context,
        parent: parent.map(|parent| parent.span),
        name: format!("gateway {}", taken.route.route_id),
        outgoing: true,
        began: platform.clock.now().minus(took),
        took,
        fault,
        told: vec![
            ("convoke.request_id", request.id.to_string().into()),
            ("convoke.tenant", taken.tenant.to_string().into()),
            ("convoke.service", taken.route.service.clone().into()),
            ("http.request.method", taken.method.name().to_owned().into()),
            ("http.response.status_code", status.into()),
        ],
    });
}

fn answered(taken: &Taken, answer: OutAnswer) -> Answered {
    let service = taken.route.service.clone();
    let body = answer.body.map(move |chunk| {
        chunk.map_err(|fault| {
            Fault::new(&UPSTREAM_FAILED, format!("the service '{service}' broke its answer off")).caused_by(fault)
        })
    });
    Answered { status: answer.status, headers: headers::of_answer(&answer.headers), body: body.boxed() }
}

fn unfit(taken: &Taken, why: &str) -> Fault {
    Fault::new(&SERVICE_UNAVAILABLE, format!("the service '{}' {why}", taken.route.service)).with_retry_after(ASK_AGAIN)
}

fn fault_of(taken: &Taken, fault: &OutFault) -> Fault {
    let service = &taken.route.service;
    let made = match fault {
        OutFault::Forbidden(_) => {
            Fault::new(&ADDRESS_FORBIDDEN, format!("the service '{service}' lies where the operator lets nobody go"))
        }
        OutFault::NotReached(_) => {
            Fault::new(&SERVICE_UNAVAILABLE, format!("the service '{service}' cannot be reached"))
                .with_retry_after(ASK_AGAIN)
        }
        OutFault::TimedOut => Fault::new(&UPSTREAM_TIMEOUT, format!("the service '{service}' did not answer in time")),
        OutFault::Broken(_) => Fault::new(&UPSTREAM_FAILED, format!("the service '{service}' gave no whole answer")),
    };
    made.caused_by(fault.clone())
}

/// Writes what was sent into the audit log: `done` with the status, or `unknown` where no answer came.
async fn tell(
    platform: &Arc<Platform>,
    taken: &Taken,
    request: &Forwarded,
    by: &UseOf,
    outcome: Option<serde_json::Value>,
) -> Result<(), Fault> {
    let effect = if taken.method == RouteMethod::Delete { Effect::Remove } else { Effect::Change };
    let told = json!({
        "route": taken.route.route_id,
        "service": taken.route.service,
        "method": taken.method.name(),
        "path": request.path,
        "answer": outcome,
    });
    let told = Deed {
        at: platform.clock.now(),
        by,
        action: "gateway_forward",
        effect,
        resource_type: GATEWAY_ROUTE.name,
        resource_id: taken.id.to_string(),
        told,
        outcome: if outcome.is_some() { "done" } else { "unknown" },
    };
    let entry = deed(platform, told).await.map_err(store_fault)?;
    write(platform, taken, entry).await
}

/// Carried through even where whoever asked went away: what was done must be told of.
async fn write(platform: &Arc<Platform>, taken: &Taken, entry: Sealing) -> Result<(), Fault> {
    let (store, tenant, at) = (platform.store.clone(), taken.tenant, platform.clock.now());
    let written = platform.carry_through(async move { entry.commit(&*store, tenant, at, Vec::new()).await }).await;
    written.ok_or_else(|| Fault::internal("the writing of an audit entry panicked"))?.map_err(store_fault)
}
