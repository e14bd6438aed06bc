//! The record of a run while it goes. However the run ends, it is entered into the book once; one that is dropped on the way is a
//! run that was called off.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::book::{Ended, Runs};
use crate::capability::caller::{Caller, Principal};
use crate::capability::events::Event;
use crate::capability::platform::Platform;
use crate::domain::agents::model::run::{CallRecord, RunEntry, StepRecord, StopReason, ToolCount, Transcript, Usage};
use crate::domain::agents::topics::INVOKED;
use crate::kernel::id::CallId;

/// A transcript is kept whole up to so many bytes of what tools answered.
const MOST_BYTES: usize = 1 << 20;

/// Where a run enters its end.
pub(super) struct Place {
    pub(super) platform: Arc<Platform>,
    pub(super) runs: Arc<Runs>,
    pub(super) caller: Arc<Caller>,
    pub(super) request_id: CallId,
    pub(super) hops: u32,
    /// Not for one that is replayed.
    pub(super) enters: bool,
}

/// The record.
pub(super) struct Record {
    pub(super) transcript: Transcript,
    pub(super) usage: Usage,
    pub(super) exposure_id: Option<String>,
    tools: BTreeMap<String, ToolCount>,
    place: Place,
    began: Duration,
    bytes: usize,
    ended: bool,
}

impl Record {
    pub(super) fn new(transcript: Transcript, exposure_id: Option<String>, place: Place) -> Self {
        let began = place.platform.clock.elapsed();
        let (usage, tools) = (Usage::default(), BTreeMap::new());
        Self { transcript, usage, exposure_id, tools, place, began, bytes: 0, ended: false }
    }

    /// How many steps there were.
    pub(super) fn steps(&self) -> u32 {
        u32::try_from(self.transcript.steps.len()).unwrap_or(u32::MAX)
    }

    /// How long it took so far.
    pub(super) fn took(&self) -> Duration {
        self.place.platform.clock.elapsed().saturating_sub(self.began)
    }

    /// The names of the tools that ran, in the order in which each ran first.
    pub(super) fn ran(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for call in self.calls().filter(|call| call.request_id.is_some() && !call.failed) {
            if !names.contains(&call.tool) {
                names.push(call.tool.clone());
            }
        }
        names
    }

    /// Every call of a tool.
    pub(super) fn calls(&self) -> impl Iterator<Item = &CallRecord> {
        self.transcript.steps.iter().flat_map(|step| &step.calls)
    }

    /// Adds a step as the model answered.
    pub(super) fn step(&mut self, step: StepRecord) {
        self.usage.add(step.cache, step.tokens, step.about, step.cost);
        self.transcript.steps.push(step);
    }

    /// Adds what the tools of the last step answered.
    pub(super) fn called(&mut self, calls: Vec<CallRecord>) {
        for call in &calls {
            let count = self.tools.entry(call.tool.clone()).or_default();
            count.calls += 1;
            count.failed += u32::from(call.failed);
            self.bytes += call.result.len();
        }
        if let Some(step) = self.transcript.steps.last_mut() {
            step.calls = calls;
        }
    }

    /// Adds what the model was told to mend.
    pub(super) fn mended(&mut self, mend: &str) {
        if let Some(step) = self.transcript.steps.last_mut() {
            step.mend = Some(mend.to_owned());
        }
    }

    /// Ends it.
    pub(super) fn end(&mut self, stop: StopReason, fault: Option<&'static str>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.transcript.stop_reason = stop;
        self.transcript.fault = fault.map(str::to_owned);
        if !self.place.enters {
            return;
        }
        let (entry, event) = (self.entry(stop, fault), self.event(stop));
        let mut transcript = self.transcript.clone();
        if self.bytes > MOST_BYTES {
            transcript.complete = false;
            for call in transcript.steps.iter_mut().flat_map(|step| &mut step.calls) {
                call.result = format!("({} bytes)", call.result.len());
            }
        }
        self.place.runs.add(Ended { tenant: self.place.caller.tenant, entry, transcript, event });
    }

    fn entry(&self, stop: StopReason, fault: Option<&'static str>) -> RunEntry {
        let transcript = &self.transcript;
        RunEntry {
            at: self.place.platform.clock.now(),
            execution_id: transcript.execution_id.clone(),
            above: transcript.above.first().cloned(),
            agent_id: transcript.agent_id.clone(),
            agent_version: transcript.agent_version,
            user: transcript.user,
            key: match self.place.caller.principal {
                Principal::Key(key) => Some(key),
                Principal::Anonymous | Principal::LocalOwner => None,
            },
            prompt_version: transcript.prompt_version.clone(),
            exposure_id: self.exposure_id.clone(),
            stop,
            fault: fault.map(str::to_owned),
            steps: self.steps(),
            usage: self.usage.clone(),
            tools: self.tools.clone(),
            micros: u64::try_from(self.took().as_micros()).unwrap_or(u64::MAX),
        }
    }

    fn event(&self, stop: StopReason) -> Event {
        let (transcript, now) = (&self.transcript, self.place.platform.clock.now());
        let data = serde_json::json!({
            "agentId": transcript.agent_id,
            "executionId": transcript.execution_id,
            "status": stop.status(),
            "stopReason": stop,
            "tokensUsed": self.usage.all_tokens(),
            "durationMs": u64::try_from(self.took().as_millis()).unwrap_or(u64::MAX),
        });
        let event = Event::by_itself(self.place.caller.tenant, now, INVOKED, transcript.agent_id.clone(), data);
        Event { request_id: self.place.request_id, hops: self.place.hops, ..event }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.end(StopReason::Cancelled, None);
    }
}
