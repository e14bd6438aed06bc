//! What executions of a process did, for whoever measures it: the newest of a period with their journals, as far as one call looks.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::graphs::Graphs;
use super::model::execution::{EXECUTION, Execution, Status};
use super::model::line::JOURNAL;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::owned::visible_to;
use crate::domain::processes::engine::graph::Graph;
use crate::domain::processes::engine::interpreter::Entry;
use crate::domain::processes::engine::measuring::Trace;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::logs::LogQuery;
use crate::port::records::{Comparison, Filter, Query, Scalar, Scope};

/// Executions of which the journals are read.
pub(crate) const MOST_READ: u32 = 300;
/// Lines of one journal that are read.
const MOST_LINES: u32 = 2_000;
/// Lines of all journals that are read.
pub(crate) const MOST_LINES_ALL: usize = 60_000;
/// Executions that are counted.
pub(crate) const MOST_COUNTED: u32 = 50_000;

/// Which executions.
pub(crate) struct Which<'a> {
    /// The process.
    pub(crate) process_id: &'a str,
    /// Only those of this version.
    pub(crate) version: Option<&'a str>,
    /// Only those that began at this moment or later.
    pub(crate) from: Timestamp,
    /// Only those that began before this moment.
    pub(crate) to: Timestamp,
}

/// What they did.
pub(crate) struct Sample {
    /// What is known of all that were counted.
    pub(crate) counted: Vec<Counted>,
    /// Whether all were counted.
    pub(crate) all_counted: bool,
    /// What the newest did, in all that was read of it.
    pub(crate) traces: Vec<Trace>,
    /// Whether the journals of all executions were read whole.
    pub(crate) all_read: bool,
    /// How many lines were read.
    pub(crate) lines: usize,
    /// The definitions that they ran, by version.
    pub(crate) graphs: BTreeMap<String, Arc<Graph>>,
}

/// An execution that was counted.
pub(crate) struct Counted {
    /// Its version.
    pub(crate) version: String,
    /// How it stands.
    pub(crate) status: String,
    /// When it began.
    pub(crate) started: Timestamp,
    /// When it ended.
    pub(crate) ended: Option<Timestamp>,
}

impl Which<'_> {
    fn filter(&self, cx: &Cx) -> Filter {
        let text = |field, text: &str| Filter::is(field, Scalar::Text(text.to_owned()));
        let mut filter = visible_to::<Execution>(cx.caller()).and(text("processId", self.process_id));
        if let Some(version) = self.version {
            filter = filter.and(text("version", version));
        }
        filter = filter.and(Filter::Compare("startedAt", Comparison::AtLeast, Scalar::Time(self.from)));
        filter.and(Filter::Compare("startedAt", Comparison::Less, Scalar::Time(self.to)))
    }

    /// Reads them, as far as the caller may see them.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn sample(&self, cx: &Cx) -> Result<Sample, Fault> {
        let (store, scope) = (&cx.platform().store, Scope::Tenant(cx.tenant()));
        let names = &["version", "status", "startedAt", "endedAt"];
        let filter = self.filter(cx);
        let rows = store.columns(scope, &EXECUTION, names, filter.clone(), MOST_COUNTED).await.map_err(store_fault)?;
        let all_counted = rows.len() < MOST_COUNTED as usize;
        let counted: Vec<Counted> = rows.iter().filter_map(|row| Counted::of(row)).collect();
        let query = Query { filter, order: "startedAt", descending: true, after: None, limit: MOST_READ };
        let found = cx.find::<Execution>(query).await?;
        let mut sample = Sample {
            all_read: found.len() == counted.len() && all_counted,
            counted,
            all_counted,
            traces: Vec::with_capacity(found.len()),
            lines: 0,
            graphs: BTreeMap::new(),
        };
        for stored in found {
            if sample.lines >= MOST_LINES_ALL {
                sample.all_read = false;
                break;
            }
            let execution = stored.value;
            if !sample.graphs.contains_key(&execution.version) {
                let graph = graph(cx, self.process_id, execution.revision).await?;
                sample.graphs.insert(execution.version.clone(), graph);
            }
            let of_it = Filter::is("stream", Scalar::Text(stored.id.to_string()));
            let query = LogQuery { filter: of_it, beyond: None, descending: false, limit: MOST_LINES };
            let entries = store.entries(scope, &JOURNAL, query).await.map_err(store_fault)?;
            sample.lines += entries.len();
            sample.all_read &= entries.len() < MOST_LINES as usize;
            let by_hand = entries.iter().filter(|entry| is_by_hand(&entry.body)).count() as u64;
            // What people did and activities said is no move of the play.
            let read = |entry: crate::port::logs::Entry| {
                let at = entry.at;
                serde_json::from_value::<Entry>(entry.body).ok().map(|entry| (at, entry))
            };
            let completed = execution.status == Status::Completed;
            sample.traces.push(Trace {
                version: execution.version,
                started: execution.started_at.unwrap_or(stored.created_at),
                ended: execution.ended_at.map(|at| (at, completed)),
                failed: execution.status == Status::Failed,
                by_hand,
                lines: entries.into_iter().filter_map(read).collect(),
            });
        }
        Ok(sample)
    }
}

/// The graph of a definition of a process.
///
/// # Errors
/// `not_found`, or when the store fails.
pub(crate) async fn graph(cx: &Cx, process_id: &str, revision: u32) -> Result<Arc<Graph>, Fault> {
    cx.service::<Graphs>()?.of(cx.platform(), cx.tenant(), process_id, revision).await
}

/// The processes of which the caller sees executions that began in a period, the most run first.
///
/// # Errors
/// When the store fails.
pub(crate) async fn run_most(cx: &Cx, from: Timestamp, to: Timestamp, most: usize) -> Result<Vec<String>, Fault> {
    let mut filter = visible_to::<Execution>(cx.caller());
    filter = filter.and(Filter::Compare("startedAt", Comparison::AtLeast, Scalar::Time(from)));
    filter = filter.and(Filter::Compare("startedAt", Comparison::Less, Scalar::Time(to)));
    let scope = Scope::Tenant(cx.tenant());
    let rows = cx.platform().store.columns(scope, &EXECUTION, &["processId"], filter, MOST_COUNTED).await;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for row in rows.map_err(store_fault)? {
        if let Some(Scalar::Text(process)) = row.into_iter().next() {
            *counts.entry(process).or_default() += 1;
        }
    }
    let mut all: Vec<(String, u64)> = counts.into_iter().collect();
    all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Ok(all.into_iter().take(most).map(|(process, _)| process).collect())
}

fn is_by_hand(body: &Value) -> bool {
    matches!(body.get("event").and_then(Value::as_str), Some("recovered" | "stepped"))
}

impl Counted {
    fn of(row: &[Scalar]) -> Option<Self> {
        let time = |value: &Scalar| if let Scalar::Time(at) = value { Some(*at) } else { None };
        match row {
            [Scalar::Text(version), Scalar::Text(status), started, ended] => Some(Self {
                version: version.clone(),
                status: status.clone(),
                started: time(started)?,
                ended: time(ended),
            }),
            _ => None,
        }
    }
}
