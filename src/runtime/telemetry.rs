//! Telemetry: the spans that wait and the figures of the tools, sent now and then to a collector of OpenTelemetry by OTLP over
//! HTTP, as JSON. What cannot be sent is given up and told of once: traces and figures of a moment are not worth memory, and
//! the sums are in the next message too.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};

use super::supervise::Supervisor;
use crate::capability::gate::meter::{BOUNDS_MICROS, Reading};
use crate::capability::platform::Platform;
use crate::capability::spans::{Span, Told};
use crate::config::telemetry::Telemetry as Config;
use crate::domain::models::{Histogram, Router};
use crate::domain::system::process_figures;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::outside::{OutRequest, Outside};
use crate::port::secrets::Environment;

/// So long the collector may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
const NANOS_A_MILLI: i128 = 1_000_000;

/// Sends traces and metrics.
pub struct Telemetry {
    platform: Arc<Platform>,
    /// The way to the collector, which the operator named: it may lie in their own network.
    outside: Arc<dyn Outside>,
    base: String,
    authorization: Option<HeaderValue>,
    every: Duration,
    failing: AtomicBool,
}

impl Telemetry {
    /// Telemetry by this configuration; `None` where it is to send nothing. From here on spans are collected.
    ///
    /// # Errors
    /// `bad_configuration` when the authorization is named and cannot be had.
    pub fn new(
        platform: Arc<Platform>,
        config: &Config,
        outside: Arc<dyn Outside>,
        environment: &dyn Environment,
    ) -> Result<Option<Arc<Self>>, Fault> {
        if config.endpoint.is_empty() {
            return Ok(None);
        }
        let authorization = match config.authorization_variable.as_str() {
            "" => None,
            variable => {
                let value = environment.value(variable).and_then(|text| {
                    let mut value = HeaderValue::from_str(text.reveal()).ok()?;
                    value.set_sensitive(true);
                    Some(value)
                });
                let say = || {
                    format!(
                        "telemetry.authorization_variable: the environment variable {variable} holds no header value"
                    )
                };
                Some(value.ok_or_else(|| Fault::new(&codes::BAD_CONFIGURATION, say()))?)
            }
        };
        platform.spans.collect(config.traces_share);
        Ok(Some(Arc::new(Self {
            platform,
            outside,
            base: config.endpoint.trim_end_matches('/').to_owned(),
            authorization,
            every: Duration::from_secs(config.every_seconds.max(1)),
            failing: AtomicBool::new(false),
        })))
    }

    /// Starts it as background work; what waits at the end is still sent.
    pub fn start(self: &Arc<Self>, supervisor: &Supervisor) {
        let telemetry = self.clone();
        supervisor.keep("telemetry", move |stop| {
            let telemetry = telemetry.clone();
            async move {
                while !stop.is_cancelled() {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = tokio::time::sleep(telemetry.every) => {}
                    }
                    telemetry.send().await;
                }
            }
        });
    }

    /// Sends what waits, and the figures as they are now.
    pub async fn send(&self) {
        let (spans, lost) = self.platform.spans.take();
        if lost > 0 {
            tracing::warn!(lost, "spans were lost: more came in than wait to be sent");
        }
        let mut sent = Ok(());
        if !spans.is_empty() {
            sent = self.post("/v1/traces", &traces(&spans)).await;
        }
        let metrics = self.metrics().await;
        self.tell(sent.and(self.post("/v1/metrics", &metrics).await));
    }

    async fn post(&self, path: &str, body: &Value) -> Result<(), String> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let request = OutRequest {
            method: Method::POST,
            url: format!("{}{path}", self.base),
            headers,
            body: body.to_string().into(),
            patience: PATIENCE,
        };
        let answer = self.outside.send(request).await.map_err(|fault| fault.to_string())?;
        if answer.status.is_success() { Ok(()) } else { Err(format!("the collector answered {}", answer.status)) }
    }

    /// Tells of the first of many faults, and when it is over.
    fn tell(&self, sent: Result<(), String>) {
        let failed_before = self.failing.swap(sent.is_err(), Ordering::Relaxed);
        match sent {
            Err(fault) if !failed_before => tracing::warn!(fault, "telemetry could not be sent"),
            Ok(()) if failed_before => tracing::info!("telemetry is sent again"),
            Ok(()) | Err(_) => {}
        }
    }

    async fn metrics(&self) -> Value {
        let platform = &self.platform;
        let (since, now) = (nanos(platform.started_at), nanos(platform.clock.now()));
        let (mut calls, mut durations) = (Vec::new(), Vec::new());
        for tool in platform.registry.present().built() {
            let reading = tool.meter.read();
            if reading.calls() > 0 {
                calls.extend(calls_of(&tool.name, tool.domain.name(), &reading, &since, &now));
                durations.push(durations_of(&tool.name, &reading, &since, &now));
            }
        }
        let mut all = vec![
            json!({
                "name": "convoke.calls", "description": "Calls of a tool by how they ended.", "unit": "{call}",
                "sum": { "dataPoints": calls, "aggregationTemporality": 2, "isMonotonic": true },
            }),
            json!({
                "name": "convoke.call.duration", "description": "How long calls of a tool took.", "unit": "s",
                "histogram": { "dataPoints": durations, "aggregationTemporality": 2 },
            }),
        ];
        if let Ok(router) = platform.service::<Router>() {
            all.extend(of_models(router.measured(), &since, &now));
        }
        let mut gauge = |name: &str, unit: &str, value: Option<u64>| {
            if let Some(value) = value {
                let points = json!([{ "asInt": value.to_string(), "timeUnixNano": now }]);
                all.push(json!({ "name": name, "unit": unit, "gauge": { "dataPoints": points } }));
            }
        };
        let figures = process_figures();
        gauge("process.memory.usage", "By", figures.memory_bytes);
        gauge("process.open_file_descriptor.count", "{count}", figures.open_files);
        if let Ok(health) = platform.store.health().await {
            gauge("convoke.store.size", "By", Some(health.size_bytes));
            gauge("convoke.store.waiting_commits", "{commit}", Some(health.waiting as u64));
        }
        json!({ "resourceMetrics": [{
            "resource": resource(),
            "scopeMetrics": [{ "scope": scope(), "metrics": all }],
        }] })
    }
}

fn traces(spans: &[Span]) -> Value {
    let spans: Vec<Value> = spans.iter().map(span).collect();
    json!({ "resourceSpans": [{
        "resource": resource(),
        "scopeSpans": [{ "scope": scope(), "spans": spans }],
    }] })
}

/// A span as OTLP writes it in JSON: ids in hex, times in nanoseconds as text.
fn span(span: &Span) -> Value {
    let began = i128::from(span.began.as_millis()) * NANOS_A_MILLI;
    let ended = began.saturating_add(i128::try_from(span.took.as_nanos()).unwrap_or(0));
    let mut written = json!({
        "traceId": span.context.trace_id(),
        "spanId": span.context.span_id(),
        "name": span.name,
        // SERVER and CLIENT.
        "kind": if span.outgoing { 3 } else { 2 },
        "startTimeUnixNano": began.to_string(),
        "endTimeUnixNano": ended.to_string(),
        "attributes": span.told.iter().map(|(name, value)| told(name, value)).collect::<Vec<_>>(),
        "status": match span.fault {
            Some(code) => json!({ "code": 2, "message": code }),
            None => json!({}),
        },
    });
    if let Some(parent) = span.parent {
        let parent = crate::kernel::trace::TraceContext { span: parent, ..span.context };
        written["parentSpanId"] = parent.span_id().into();
    }
    written
}

fn calls_of(tool: &str, domain: &str, reading: &Reading, since: &str, now: &str) -> Vec<Value> {
    let ends = [("ok", reading.well), ("caller_fault", reading.caller_faults), ("server_fault", reading.server_faults)];
    let point = |(end, count): (&str, u64)| {
        json!({
            "attributes": [attribute("tool", tool), attribute("domain", domain), attribute("end", end)],
            "startTimeUnixNano": since, "timeUnixNano": now, "asInt": count.to_string(),
        })
    };
    ends.into_iter().filter(|(_, count)| *count > 0).map(point).collect()
}

fn durations_of(tool: &str, reading: &Reading, since: &str, now: &str) -> Value {
    json!({
        "attributes": [attribute("tool", tool)],
        "startTimeUnixNano": since,
        "timeUnixNano": now,
        "count": reading.calls().to_string(),
        "sum": Duration::from_micros(reading.micros).as_secs_f64(),
        "explicitBounds": BOUNDS_MICROS.map(|micros| Duration::from_micros(micros).as_secs_f64()),
        "bucketCounts": reading.buckets.iter().map(u64::to_string).collect::<Vec<_>>(),
    })
}

fn resource() -> Value {
    json!({ "attributes": [
        attribute("service.name", "convoke"),
        attribute("service.version", env!("CARGO_PKG_VERSION")),
        attribute("process.pid", &std::process::id().to_string()),
    ] })
}

fn scope() -> Value {
    json!({ "name": "convoke", "version": env!("CARGO_PKG_VERSION") })
}

/// What is told of a span, as OTLP writes it.
fn told(name: &str, value: &Told) -> Value {
    let value = match value {
        Told::Text(text) => return attribute(name, text),
        Told::Texts(texts) => {
            let texts: Vec<_> = texts.iter().map(|text| json!({ "stringValue": text })).collect();
            json!({ "arrayValue": { "values": texts } })
        }
        Told::Count(count) => json!({ "intValue": count.to_string() }),
        Told::Number(number) => json!({ "doubleValue": number }),
    };
    json!({ "key": name, "value": value })
}

/// Histograms of calls of models, those of one name together.
fn of_models(histograms: Vec<Histogram>, since: &str, now: &str) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    let mut last = "";
    for one in histograms {
        if one.name != last {
            last = one.name;
            let points = json!({ "dataPoints": [], "aggregationTemporality": 2 });
            all.push(json!({ "name": one.name, "unit": one.unit, "histogram": points }));
        }
        let point = json!({
            "attributes": one.attributes.iter().map(|(name, value)| attribute(name, value)).collect::<Vec<_>>(),
            "startTimeUnixNano": since,
            "timeUnixNano": now,
            "count": one.buckets.iter().sum::<u64>().to_string(),
            "sum": one.sum,
            "explicitBounds": one.bounds,
            "bucketCounts": one.buckets.iter().map(u64::to_string).collect::<Vec<_>>(),
        });
        if let Some(points) = all.last_mut().and_then(|metric| metric["histogram"]["dataPoints"].as_array_mut()) {
            points.push(point);
        }
    }
    all
}

fn attribute(name: &str, value: &str) -> Value {
    json!({ "key": name, "value": { "stringValue": value } })
}

fn nanos(at: Timestamp) -> String {
    (i128::from(at.as_millis()) * NANOS_A_MILLI).to_string()
}
