//! The record of a run while it goes. However the run ends, it is entered into the book once; one that is dropped on the way is a
//! run that was called off.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::book::{Ended, Runs};
use crate::capability::caller::Caller;
use crate::capability::events::Event;
use crate::capability::platform::Platform;
use crate::domain::agents::model::run::{CallRecord, RunEntry, StepRecord, StopReason, ToolCount, Transcript, Usage};
use crate::domain::agents::topics::INVOKED;
use crate::kernel::clock::Clock;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
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
    /// What tools answered.
    bytes: usize,
    /// Calls of the last step that have not ended, by their places.
    open: BTreeSet<usize>,
    ended: bool,
}

impl Record {
    pub(super) fn new(transcript: Transcript, exposure_id: Option<String>, place: Place) -> Self {
        let began = place.platform.clock.elapsed();
        let (usage, tools) = (Usage::default(), BTreeMap::new());
        Self { transcript, usage, exposure_id, tools, place, began, bytes: 0, open: BTreeSet::new(), ended: false }
    }

    /// Writes what was entered.
    pub(super) async fn written(&self) -> Result<(), Fault> {
        self.place.runs.flush(&self.place.platform).await
    }

    /// The clock that runs are timed by.
    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        &self.place.platform.clock
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

    /// The tools of the last step are called: so far as these say.
    pub(super) fn calling(&mut self, open: Vec<CallRecord>) {
        self.open = (0..open.len()).collect();
        if let Some(step) = self.transcript.steps.last_mut() {
            step.calls = open;
        }
    }

    /// A tool of the last step has ended, the one of this place.
    pub(super) fn called(&mut self, at: usize, mut call: CallRecord) {
        self.open.remove(&at);
        self.count(&call);
        self.bytes += call.result.len();
        // A transcript that grows too long has only how long answers were.
        if self.transcript.complete && self.bytes > MOST_BYTES {
            self.transcript.complete = false;
            self.transcript.steps.iter_mut().flat_map(|step| &mut step.calls).for_each(without_result);
        }
        if !self.transcript.complete {
            without_result(&mut call);
        }
        if let Some(place) = self.call(at) {
            *place = call;
        }
    }

    fn call(&mut self, at: usize) -> Option<&mut CallRecord> {
        self.transcript.steps.last_mut().and_then(|step| step.calls.get_mut(at))
    }

    fn count(&mut self, call: &CallRecord) {
        let count = self.tools.entry(call.tool.clone()).or_default();
        count.calls = count.calls.saturating_add(1);
        count.failed = count.failed.saturating_add(u32::from(call.failed));
    }

    /// What has not ended when the run does was cut off: what it did is not known here. That nobody waits any more is no fault of
    /// a tool's, and does not count as one.
    fn cut_off(&mut self, stop: StopReason) {
        let code = if stop == StopReason::Cancelled { &codes::CANCELLED } else { &codes::DEADLINE };
        let result = serde_json::json!({ "code": code.name, "detail": "the run ended meanwhile" }).to_string();
        for at in std::mem::take(&mut self.open) {
            let Some(call) = self.call(at) else { continue };
            call.code = Some(code.name.to_owned());
            call.result.clone_from(&result);
            let call = call.clone();
            if stop != StopReason::Cancelled {
                self.count(&call);
            }
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
        self.cut_off(stop);
        self.transcript.stop_reason = stop;
        self.transcript.fault = fault.map(str::to_owned);
        if !self.place.enters {
            return;
        }
        let (entry, event, transcript) = (self.entry(stop, fault), self.event(stop), self.transcript.clone());
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
            key: self.place.caller.principal.key(),
            prompt_version: transcript.prompt_version.clone(),
            exposure_id: self.exposure_id.clone(),
            stop,
            fault: fault.map(str::to_owned),
            steps: self.steps(),
            usage: self.usage.clone(),
            tools: self.tools.clone(),
            memories: transcript.recalled.iter().flat_map(|recalled| &recalled.memory_ids).copied().collect(),
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

fn without_result(call: &mut CallRecord) {
    call.result = format!("({} bytes)", call.result.len());
}
