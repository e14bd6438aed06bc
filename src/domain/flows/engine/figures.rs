//! Figures of executions: how many, how they ended, how long they took, day by day.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::flows::model::execution::Status;
use crate::kernel::figures::{Spread, share};
use crate::kernel::time::Timestamp;

/// An execution, as far as figures need it.
#[derive(Debug, Clone)]
pub(in crate::domain::flows) struct Counted {
    /// The flow.
    pub flow_id: String,
    /// How it stands.
    pub status: Status,
    /// When it was asked for.
    pub at: Timestamp,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// How many executions stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names by which clients know them")]
pub(in crate::domain::flows) struct Counts {
    /// All of them.
    pub total_executions: u64,
    /// Nobody has begun them.
    pub pending_executions: u64,
    /// They are under way.
    pub running_executions: u64,
    /// They came to their end.
    pub completed_executions: u64,
    /// They failed.
    pub failed_executions: u64,
    /// They were called off.
    pub cancelled_executions: u64,
}

/// A day of executions.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Day {
    /// The day, in UTC: `2026-11-26`.
    pub date: String,
    /// How many were asked for.
    pub executions: u64,
    /// How many of these came to their end.
    pub completed: u64,
    /// How many of these failed.
    pub failed: u64,
    /// Of those that ended either way the share that completed, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_rate: Option<f64>,
    /// How long those that ended either way took on average, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_duration_ms: Option<u64>,
}

/// The figures of some executions.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Figures {
    /// How many stand how.
    pub executions: Counts,
    /// Of those that completed or failed the share that completed, from 0 to 1; left out where none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_rate: Option<f64>,
    /// How long those that completed or failed took on average, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_duration_ms: Option<u64>,
    /// How long they took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub durations: Option<Spread>,
}

impl Counts {
    fn add(&mut self, status: Status) {
        self.total_executions += 1;
        match status {
            Status::Pending => self.pending_executions += 1,
            Status::Running => self.running_executions += 1,
            Status::Completed => self.completed_executions += 1,
            Status::Failed => self.failed_executions += 1,
            Status::Cancelled => self.cancelled_executions += 1,
        }
    }

    fn success_rate(self) -> Option<f64> {
        share(self.completed_executions, self.completed_executions + self.failed_executions)
    }
}

/// How long it took, in milliseconds, where it completed or failed.
fn took(one: &Counted) -> Option<u64> {
    let ended = matches!(one.status, Status::Completed | Status::Failed);
    let (from, to) = one.started_at.zip(one.ended_at).filter(|_| ended)?;
    u64::try_from(to.since(from).as_millis()).ok()
}

fn average(millis: &[u64]) -> Option<u64> {
    let count = u64::try_from(millis.len()).ok().filter(|count| *count > 0)?;
    Some(millis.iter().fold(0_u64, |sum, one| sum.saturating_add(*one)) / count)
}

impl Figures {
    /// Of executions.
    pub(in crate::domain::flows) fn of<'a>(all: impl IntoIterator<Item = &'a Counted>) -> Self {
        let mut executions = Counts::default();
        let mut millis = Vec::new();
        for one in all {
            executions.add(one.status);
            millis.extend(took(one));
        }
        Self {
            executions,
            success_rate: executions.success_rate(),
            average_duration_ms: average(&millis),
            durations: Spread::of(millis.into_iter().map(|one| one.saturating_mul(1000)).collect()),
        }
    }
}

/// The days on which executions were asked for, the oldest first.
pub(in crate::domain::flows) fn by_day<'a>(all: impl IntoIterator<Item = &'a Counted>) -> Vec<Day> {
    let mut days: BTreeMap<String, Vec<&Counted>> = BTreeMap::new();
    for one in all {
        days.entry(one.at.to_string().chars().take(10).collect()).or_default().push(one);
    }
    let day = |(date, ones): (String, Vec<&Counted>)| {
        let figures = Figures::of(ones.iter().copied());
        Day {
            date,
            executions: figures.executions.total_executions,
            completed: figures.executions.completed_executions,
            failed: figures.executions.failed_executions,
            success_rate: figures.success_rate,
            average_duration_ms: figures.average_duration_ms,
        }
    };
    days.into_iter().map(day).collect()
}

/// How figures have changed against those of the time before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names by which clients know them")]
pub(in crate::domain::flows) struct Change {
    /// How many executions there were before.
    pub executions_before: u64,
    /// The share that completed before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_rate_before: Option<f64>,
    /// By how much the share that completed has grown; below 0 where it has fallen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_rate_change: Option<f64>,
    /// How long they took on average before, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_duration_ms_before: Option<u64>,
}

impl Change {
    /// Of figures, and of those before.
    pub(in crate::domain::flows) fn of(now: &Figures, before: &Figures) -> Self {
        let grown = now.success_rate.zip(before.success_rate).map(|(now, before)| {
            let grown = ((now - before) * 10_000.0).round() / 10_000.0;
            if grown == 0.0 { 0.0 } else { grown }
        });
        Self {
            executions_before: before.executions.total_executions,
            success_rate_before: before.success_rate,
            success_rate_change: grown,
            average_duration_ms_before: before.average_duration_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(at: &str, status: Status, seconds: Option<u64>) -> Counted {
        let at: Timestamp = at.parse().unwrap();
        let ended_at = seconds.map(|seconds| at.plus(std::time::Duration::from_secs(seconds)));
        Counted { flow_id: "f".to_owned(), status, at, started_at: Some(at), ended_at }
    }

    #[test]
    fn rates_and_durations_are_of_what_completed_or_failed() {
        let all = [
            one("2026-11-19T23:59:59Z", Status::Completed, Some(10)),
            one("2026-11-20T00:00:00Z", Status::Failed, Some(20)),
            one("2026-11-20T01:00:00Z", Status::Completed, Some(60)),
            one("2026-11-20T02:00:00Z", Status::Cancelled, Some(600)),
            one("2026-11-20T03:00:00Z", Status::Running, None),
            one("2026-11-20T04:00:00Z", Status::Pending, None),
        ];
        let figures = Figures::of(&all);
        assert_eq!((figures.success_rate, figures.average_duration_ms), (Some(0.6667), Some(30_000)));
        assert_eq!(figures.durations, Some(Spread { p50: 20_000, p95: 60_000, p99: 60_000 }));
        assert_eq!((figures.executions.total_executions, figures.executions.running_executions), (6, 1));
        let days = by_day(&all);
        let told: Vec<_> = days.iter().map(|day| (day.date.as_str(), day.executions, day.success_rate)).collect();
        assert_eq!(told, [("2026-11-19", 1, Some(1.0)), ("2026-11-20", 5, Some(0.5))]);
        let change = Change::of(&figures, &Figures::of(&all[..2]));
        assert_eq!((change.executions_before, change.success_rate_change), (2, Some(0.1667)));
        let none = Figures::of(&[]);
        assert_eq!((none.success_rate, none.average_duration_ms, none.durations), (None, None, None));
        assert_eq!(Change::of(&figures, &none).success_rate_change, None);
    }
}
