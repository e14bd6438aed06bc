//! `/metrics`: the figures of this instance as Prometheus reads them. They say much about what is done here, so they need the
//! permission to read the system, in the tenant that the installation belongs to.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use serde_json::json;

use super::{Asked, Rest, finish};
use crate::capability::gate::Gate;
use crate::capability::gate::meter::BOUNDS_MICROS;
use crate::kernel::fault::Fault;

/// The tool that answers the same as one value: who may not call it may not read this either.
const TOOL: &str = "system_metrics";

pub(super) async fn metrics(State(rest): State<Arc<Rest>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let asked = rest.asked();
    let response = answer(&rest, &asked, &parts).await;
    finish(&parts.method, &asked, response)
}

async fn answer(rest: &Rest, asked: &Asked, parts: &Parts) -> Result<Response, Fault> {
    let caller = rest.caller(asked, parts).await?;
    rest.gate.call(asked.call(parts, caller, TOOL, json!({ "top": 0 }))).await.result?;
    Ok(tell(render(&rest.gate).await))
}

fn tell(text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// All figures as text.
pub async fn render(gate: &Gate) -> String {
    let platform = gate.platform();
    let mut text = String::with_capacity(16 << 10);
    let mut one = |name: &str, kind: &str, help: &str, value: f64| {
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
    };
    let up = platform.clock.now().since(platform.started_at);
    one("convoke_uptime_seconds", "gauge", "Seconds since the start.", up.as_secs_f64());
    one("convoke_tools", "gauge", "Built-in tools.", float(platform.registry.present().built().len() as u64));
    match platform.store.health().await {
        Ok(health) => {
            one("convoke_store_up", "gauge", "Whether the store answers.", 1.0);
            one("convoke_store_size_bytes", "gauge", "The store on disk.", float(health.size_bytes));
            one("convoke_store_waiting_commits", "gauge", "Commits that wait.", float(health.waiting as u64));
        }
        Err(_) => one("convoke_store_up", "gauge", "Whether the store answers.", 0.0),
    }
    if let Some(bytes) = resident_bytes() {
        one("process_resident_memory_bytes", "gauge", "Resident memory.", float(bytes));
    }
    if let Some(open) = open_files() {
        one("process_open_fds", "gauge", "Open file descriptors.", float(open));
    }
    let _ = write!(
        text,
        "# HELP convoke_build_info The program.\n# TYPE convoke_build_info gauge\nconvoke_build_info{{version=\"{}\"}} 1\n",
        env!("CARGO_PKG_VERSION")
    );
    of_tools(gate, &mut text);
    text
}

/// The counts of each tool that was called; tools that were not have no lines.
fn of_tools(gate: &Gate, text: &mut String) {
    let snapshot = gate.platform().registry.present();
    let read: Vec<_> = snapshot.built().iter().map(|tool| (tool, tool.meter.read())).collect();
    let called = || read.iter().filter(|(_, reading)| reading.calls() > 0);
    text.push_str(
        "# HELP convoke_calls_total Calls of a tool by how they ended.\n# TYPE convoke_calls_total counter\n",
    );
    for (tool, reading) in called() {
        let ends =
            [("ok", reading.well), ("caller_fault", reading.caller_faults), ("server_fault", reading.server_faults)];
        for (end, count) in ends {
            let (name, domain) = (&tool.name, tool.domain.name());
            let _ = writeln!(text, "convoke_calls_total{{tool=\"{name}\",domain=\"{domain}\",end=\"{end}\"}} {count}");
        }
    }
    let family = "convoke_call_duration_seconds";
    let _ = write!(text, "# HELP {family} How long calls of a tool took.\n# TYPE {family} histogram\n");
    for (tool, reading) in called() {
        let name = &tool.name;
        let mut sum = 0;
        for (count, bound) in reading.buckets.iter().zip(BOUNDS_MICROS) {
            sum += count;
            let bound = float(bound) / 1e6;
            let _ = writeln!(text, "{family}_bucket{{tool=\"{name}\",le=\"{bound}\"}} {sum}");
        }
        let all: u64 = reading.buckets.iter().sum();
        let _ = writeln!(text, "{family}_bucket{{tool=\"{name}\",le=\"+Inf\"}} {all}");
        let _ = writeln!(text, "{family}_sum{{tool=\"{name}\"}} {}", float(reading.micros) / 1e6);
        let _ = writeln!(text, "{family}_count{{tool=\"{name}\"}} {all}");
    }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus has no other numbers")]
const fn float(number: u64) -> f64 {
    number as f64
}

/// Where the system tells it.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

fn open_files() -> Option<u64> {
    std::fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() as u64)
}
