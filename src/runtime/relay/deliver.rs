//! One delivery: to a webhook, a tool or a channel, and what became of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::window::Item;
use crate::capability::caller::{Caller, Origin};
use crate::capability::channels;
use crate::capability::events::Ways;
use crate::capability::gate::{Gate, Request};
use crate::capability::spans::Span;
use crate::domain::events::engine::signing::WebhookSecret;
use crate::domain::events::faults::{FORBIDDEN_ADDRESS, TOO_MANY_HOPS};
use crate::domain::events::model::subscription::Target;
use crate::kernel::codes::{self, Retry};
use crate::kernel::current::Current;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, TenantId};
use crate::kernel::trace::TraceContext;
use crate::port::webhooks::{Delivery, NoAnswer};

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was taken.
    Delivered,
    /// It failed and may succeed later.
    Failed { code: String, reason: String, wait: Option<Duration> },
    /// It failed and would fail again.
    Refused { code: String, reason: String },
    /// It could not be tried: too much is going on, or the program is stopping. Counts as no attempt.
    Busy { wait: Duration },
    /// The receiver wants no more of this subscription, or nothing can be delivered to it.
    Over { reason: String },
}

/// Everything that a delivery needs beside the event.
pub(super) struct Sender {
    pub(super) gate: Arc<Gate>,
    pub(super) ways: Arc<Ways>,
    pub(super) tenant: TenantId,
    pub(super) subscription: Uuid,
    pub(super) target: Target,
    pub(super) round: u32,
}

impl Sender {
    /// Delivers an event on behalf of a caller, as a part of the trace in which it happened.
    pub(super) async fn deliver(&self, caller: Arc<Caller>, item: &Item) -> Outcome {
        let platform = self.gate.platform();
        let parent = item.event.get("traceparent").and_then(Value::as_str).and_then(TraceContext::parse);
        let trace = match &self.target {
            Target::Webhook { .. } | Target::Tool { .. } => platform.spans.within(parent),
            // It leaves nothing behind that could go on.
            Target::Channel { .. } | Target::Pull => None,
        };
        let began = platform.clock.elapsed();
        let outcome = Current { request: None, trace }.over(self.give(caller, item)).await;
        if let Some(context) = trace.filter(|context| platform.spans.records(Some(*context))) {
            let took = platform.clock.elapsed().saturating_sub(began);
            platform.spans.add(Span {
                context,
                parent: parent.map(|parent| parent.span),
                name: format!("delivery of {}", item.topic),
                outgoing: true,
                began: platform.clock.now().minus(took),
                took,
                fault: (outcome != Outcome::Delivered).then_some("not_delivered"),
                told: vec![
                    ("convoke.tenant", self.tenant.to_string().into()),
                    ("convoke.subscription", self.subscription.to_string().into()),
                ],
            });
        }
        outcome
    }

    async fn give(&self, caller: Arc<Caller>, item: &Item) -> Outcome {
        match &self.target {
            Target::Webhook { url, timeout_seconds, secret_digest } => {
                self.to_webhook(item, url, Duration::from_secs(*timeout_seconds), secret_digest).await
            }
            Target::Tool { tool, input, fields } => self.to_tool(caller, item, tool, input, fields).await,
            Target::Channel { channel } => self.to_channel(item, channel).await,
            // Nothing is sent: the events wait to be taken.
            Target::Pull => {
                Outcome::Over { reason: "the events of this subscription are taken, not delivered".to_owned() }
            }
        }
    }

    /// The same event to the same subscription has the same id however often it is tried; sent once more on purpose it has
    /// another.
    fn id(&self, item: &Item) -> String {
        let nil = Uuid::nil().to_string();
        let id = item.event.get("id").and_then(Value::as_str).filter(|id| *id != nil);
        let id = id.map_or_else(|| item.position.to_string(), str::to_owned);
        if self.round == 0 { format!("msg_{id}") } else { format!("msg_{id}_{}", self.round) }
    }

    async fn to_webhook(&self, item: &Item, url: &str, within: Duration, digest: &str) -> Outcome {
        let platform = self.gate.platform();
        let secret = WebhookSecret::of(&platform.seal, self.tenant, self.subscription);
        if secret.digest() != digest {
            let reason =
                "the key of this installation is another than the webhook's secret was made with: subscribe anew";
            return Outcome::Over { reason: reason.to_owned() };
        }
        let (id, seconds) = (self.id(item), platform.clock.now().as_millis().div_euclid(1000));
        let body = body(item).to_string().into_bytes();
        let signature = secret.sign(&id, seconds, &body);
        let headers =
            vec![("webhook-id", id), ("webhook-timestamp", seconds.to_string()), ("webhook-signature", signature)];
        match self.ways.webhooks.send(Delivery { url: url.to_owned(), headers, body, within }).await {
            Ok(answer) if (200..300).contains(&answer.status) => Outcome::Delivered,
            Ok(answer) if answer.status == 410 => {
                Outcome::Over { reason: "the receiver answered 410: it wants no more".to_owned() }
            }
            Ok(answer) => {
                let said = if answer.said.is_empty() { String::new() } else { format!(": {}", answer.said) };
                let reason = format!("the receiver answered {}{said}", answer.status);
                Outcome::Failed { code: format!("http_{}", answer.status), reason, wait: answer.retry_after }
            }
            Err(NoAnswer::Forbidden(reason)) => Outcome::Refused { code: FORBIDDEN_ADDRESS.name.to_owned(), reason },
            Err(NoAnswer::TimeOut) => {
                let reason = format!("the receiver did not answer within {} seconds", within.as_secs());
                Outcome::Failed { code: "timed_out".to_owned(), reason, wait: None }
            }
            Err(NoAnswer::Failed(why)) => {
                let reason = format!("the receiver could not be reached: {why}");
                Outcome::Failed { code: "no_answer".to_owned(), reason, wait: None }
            }
        }
    }

    async fn to_tool(
        &self,
        caller: Arc<Caller>,
        item: &Item,
        tool: &str,
        input: &Map<String, Value>,
        fields: &BTreeMap<String, String>,
    ) -> Outcome {
        let platform = self.gate.platform();
        let hops =
            item.event.get("hops").and_then(Value::as_u64).map_or(0, |hops| u32::try_from(hops).unwrap_or(u32::MAX));
        let most = platform.config.events.most_hops;
        if hops >= most {
            let reason =
                format!("the event is the last of a chain of {hops} subscriptions, at most {most} are allowed");
            return Outcome::Refused { code: TOO_MANY_HOPS.name.to_owned(), reason };
        }
        let mut input = input.clone();
        for (name, place) in fields {
            if let Some(value) = item.event.pointer(place) {
                input.insert(name.clone(), value.clone());
            }
        }
        let id = CallId::new(platform.clock.now());
        let mut request = Request::new(id, caller, Origin::inside(), tool, input.into());
        // However often it is delivered, it is done once.
        request.idempotency_key = Some(format!("event {} {}", self.subscription, self.id(item)));
        request.hops = hops + 1;
        request.trace = Current::trace();
        match self.gate.call(request).await.result {
            Ok(_) => Outcome::Delivered,
            Err(fault) => of_fault(&fault),
        }
    }

    async fn to_channel(&self, item: &Item, channel: &str) -> Outcome {
        let platform = self.gate.platform();
        if channels::are_shared(platform) {
            return match channels::announce(platform, self.tenant, channel, &item.event).await {
                Ok(()) => Outcome::Delivered,
                Err(fault) => of_fault(&fault),
            };
        }
        // Where no door is open that has channels, nobody can hear this one.
        let Some(announcer) = self.ways.announcer() else { return Outcome::Delivered };
        match announcer.announce(self.tenant, channel, &item.event, platform.clock.now()) {
            Ok(()) => Outcome::Delivered,
            Err(fault) => of_fault(&fault),
        }
    }
}

fn of_fault(fault: &Fault) -> Outcome {
    if fault.is(&codes::RATE_LIMITED) || fault.is(&codes::UNAVAILABLE) || fault.is(&codes::IN_FLIGHT) {
        return Outcome::Busy { wait: fault.retry_after().unwrap_or(Duration::from_secs(1)) };
    }
    let code = fault.code().name.to_owned();
    let places: Vec<String> = fault.places().iter().map(|one| format!("{}: {}", one.pointer, one.message)).collect();
    let reason =
        if places.len() > 1 { format!("{}: {}", fault.say(), places.join("; ")) } else { fault.say().to_owned() };
    if fault.is(&codes::KEY_REFUSED) {
        return Outcome::Over { reason: format!("on whose behalf it acts is refused: {reason}") };
    }
    match fault.code().retry {
        Retry::Never => Outcome::Refused { code, reason },
        Retry::Later | Retry::AfterReading => Outcome::Failed { code, reason, wait: fault.retry_after() },
    }
}

/// The body of a webhook: as Standard Webhooks proposes it, with what else an event has.
fn body(item: &Item) -> Value {
    let part = |name: &str| item.event.get(name).cloned();
    let mut body = Map::new();
    body.insert("type".to_owned(), json!(item.topic));
    body.insert("timestamp".to_owned(), part("at").unwrap_or_default());
    body.insert("data".to_owned(), part("data").unwrap_or_default());
    body.insert("position".to_owned(), json!(item.position));
    for name in ["id", "subject", "key", "tenantId", "requestId", "publisher", "hops"] {
        if let Some(value) = part(name) {
            body.insert(name.to_owned(), value);
        }
    }
    body.into()
}
