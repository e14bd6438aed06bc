//! Calls that must happen once: those with an idempotency key, and those that reach outside, whose intent is recorded first.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::commit::{put_operation, unwritten};
use super::execute::{Ended, Stopped};
use super::operation::{Ending, OPERATION, Operation, digest_for, scope};
use super::{Admitted, Gate, Request, audit};
use crate::capability::asking::task_required;
use crate::capability::cx::{Call, Lasting, store_fault};
use crate::capability::outcome::Outcome;
use crate::capability::owned::Stored;
use crate::kernel::codes::{self, Retry};
use crate::kernel::fault::Fault;
use crate::kernel::id::{TenantId, new_uuid};
use crate::port::records::{Filter, Query, Scalar, Scope};
use crate::port::store::{Batch, Conflict, Expect, Step, StoreFault};

/// How a call that happens once ended.
pub(super) struct Once {
    pub(super) result: Result<Outcome, Fault>,
    pub(super) revision: Option<i64>,
    /// Whether this is the answer of an earlier call.
    pub(super) replayed: bool,
}

impl Once {
    pub(super) fn refused(fault: Fault) -> Self {
        Self { result: Err(fault), revision: None, replayed: false }
    }

    fn earlier(earlier: &Stored<Operation>, input_digest: &str) -> Self {
        let result = earlier.value.replay(input_digest).map(Outcome::Value);
        Self { replayed: result.is_ok(), result, revision: None }
    }
}

impl From<Result<Ended, Fault>> for Once {
    fn from(ended: Result<Ended, Fault>) -> Self {
        match ended {
            Ok(ended) => Self { result: Ok(ended.outcome), revision: ended.revision, replayed: false },
            Err(fault) => Self::refused(fault),
        }
    }
}

/// Takes an idempotency key off the list of those in flight however the call ends.
struct InFlight<'a>(&'a Gate, String);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.remove(&self.1);
    }
}

impl Gate {
    /// A call with an idempotency key.
    pub(super) async fn once(&self, request: &Request, key: &str, admitted: Admitted) -> Once {
        let scope = scope(&request.caller, &admitted.tool, key);
        let slot = format!("{} {scope}", request.caller.tenant);
        if self.in_flight.insert(slot.clone(), ()).is_some() {
            return Once::refused(in_flight());
        }
        let _in_flight = InFlight(self, slot);
        let digest = digest_for(&self.platform.seal, &admitted.tool, &admitted.input);
        let tenant = request.caller.tenant;
        match self.remembered(tenant, &scope).await {
            Err(fault) => return Once::refused(fault),
            // The first call runs as a task, which this caller can follow.
            Ok(Some(earlier)) if request.lasting == Lasting::Either && earlier.value.is_open_task() => {
                return Once::refused(task_required());
            }
            Ok(Some(earlier)) => return Once::earlier(&earlier, &digest),
            Ok(None) => {}
        }
        let mut ending = self.begin(request, &admitted);
        ending.operation.scope = Some(scope.clone());
        let ended = if admitted.tool.reaches {
            self.with_intent(request, admitted, ending).await
        } else {
            self.without_intent(request, admitted, ending).await
        };
        match ended {
            // Another instance was faster with the same key: its answer is this call's answer.
            Err(fault) if fault.is(&codes::ALREADY_EXISTS) || fault.is(&codes::IN_FLIGHT) => {
                match self.remembered(tenant, &scope).await {
                    Ok(Some(earlier)) => Once::earlier(&earlier, &digest),
                    Ok(None) | Err(_) => Once::refused(fault),
                }
            }
            ended => ended.into(),
        }
    }

    /// A call that reaches outside and has no idempotency key.
    pub(super) async fn reaching(&self, request: &Request, admitted: Admitted) -> Once {
        let ending = self.begin(request, &admitted);
        self.with_intent(request, admitted, ending).await.into()
    }

    /// A call that asks something outside which keeps nothing of it: no record before it runs. Where it was stopped, an entry says
    /// that nobody knows what became of it.
    pub(super) async fn asking(&self, request: &Request, admitted: Admitted) -> Once {
        let call = self.call_of(request, &admitted.tool);
        let stopped = match self.execute(call.clone(), admitted.input, None).await {
            Ok(ended) => return Ok(ended).into(),
            Err(stopped) => stopped,
        };
        if !stopped.by_itself
            && let Err(fault) = self.write_behind(&call, None, "unknown").await
        {
            tracing::error!(request_id = %call.id, %fault, "the audit entry of a call that was stopped is lost");
        }
        Once::refused(stopped.fault)
    }

    fn begin(&self, request: &Request, admitted: &Admitted) -> Ending {
        let now = self.platform.clock.now();
        let keep = Duration::from_hours(self.platform.config.limits.idempotency_hours);
        let digest = digest_for(&self.platform.seal, &admitted.tool, &admitted.input);
        let mut operation = Operation::begin(request, &admitted.tool, digest, now, keep);
        operation.instance = self.platform.store.instance();
        unwritten(new_uuid(now), operation)
    }

    /// Records the intent, runs, and records the end in the commit of what was written. After a crash in between, the
    /// operation is still running in the store and the next start calls its outcome unknown.
    async fn with_intent(&self, request: &Request, admitted: Admitted, mut ending: Ending) -> Result<Ended, Fault> {
        let call = self.call_of(request, &admitted.tool);
        self.write(request.caller.tenant, vec![put_operation(&ending)?]).await?;
        ending.expect = Expect::Revision(1);
        let stopped = match self.execute(call.clone(), admitted.input, Some(ending)).await {
            Ok(ended) => return Ok(ended),
            Err(stopped) => stopped,
        };
        let Stopped { fault, by_itself, ending } = stopped;
        if let Some(ending) = ending {
            self.record_stop(&call, ending, &fault, by_itself).await;
        }
        Err(fault)
    }

    /// Runs without a record before: the operation is written with the commit, or with the first part of what is committed in
    /// steps, and then how it stopped must be written too.
    async fn without_intent(&self, request: &Request, admitted: Admitted, ending: Ending) -> Result<Ended, Fault> {
        let call = self.call_of(request, &admitted.tool);
        let stopped = match self.execute(call.clone(), admitted.input, Some(ending)).await {
            Ok(ended) => return Ok(ended),
            Err(stopped) => stopped,
        };
        let Stopped { fault, by_itself, ending } = stopped;
        if let Some(ending) = ending.filter(|ending| ending.expect != Expect::Absent) {
            self.record_stop(&call, ending, &fault, by_itself).await;
        }
        Err(fault)
    }

    /// Writes how an operation stopped. Where the tool itself said that it failed, its idempotency key is free again; where it
    /// was stopped while reaching outside, the outcome is unknown and the key stays taken, so that nothing happens twice.
    pub(super) async fn record_stop(&self, call: &Arc<Call>, mut ending: Ending, fault: &Fault, by_itself: bool) {
        if !by_itself && (call.tool.is_felt_outside() || ending.operation.stepped) {
            return self.record_loss(call, ending, fault).await;
        }
        ending.operation.fail(fault, &call.id.to_string(), self.platform.clock.now());
        self.record(call.caller.tenant, ending, None).await;
    }

    /// Writes that nobody knows how an operation ended, with the audit entry that it would have had. What only asks has left nothing that could
    /// happen twice: its key is free, and whoever calls again with it is answered anew.
    pub(super) async fn record_loss(&self, call: &Arc<Call>, mut ending: Ending, fault: &Fault) {
        let operation = &mut ending.operation;
        let (request, now) = (call.id.to_string(), self.platform.clock.now());
        if call.tool.asks && !operation.stepped && !operation.task {
            operation.fail(fault, &request, now);
        } else {
            operation.lose(fault, &request, now);
        }
        let entry = if call.tool.is_audited() {
            Some(Box::pin(audit::unknown(&self.platform, &ending.operation, call.caller.tenant, call.id)).await)
        } else {
            None
        };
        self.record(call.caller.tenant, ending, entry).await;
    }

    /// Writes how an operation ended, with the entry that tells of it. What cannot be written is kept and tried again when the
    /// gate is tidied: a full disk must not leave an operation running for ever.
    pub(super) async fn record(&self, tenant: TenantId, ending: Ending, entry: Option<Result<Vec<Step>, Fault>>) {
        let steps = entry.unwrap_or_else(|| Ok(Vec::new())).and_then(|mut steps| {
            steps.push(put_operation(&ending)?);
            Ok(steps)
        });
        let steps = match steps {
            Ok(steps) => steps,
            Err(fault) => return tracing::error!(operation = %ending.id, %fault, "an end cannot be written as JSON"),
        };
        if let Err(fault) = self.write(tenant, steps.clone()).await {
            // The caller learns why the call stopped; that this could not be recorded yet is for the operator.
            tracing::error!(operation = %ending.id, %fault, "the end of an operation could not be written");
            if fault.code().retry == Retry::Later {
                self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner).push((tenant, steps));
            }
        }
    }

    /// Writes the ends that could not be written before.
    pub(super) async fn record_again(&self) -> Result<(), Fault> {
        let left = std::mem::take(&mut *self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner));
        let mut left = left.into_iter();
        while let Some((tenant, steps)) = left.next() {
            match self.write(tenant, steps.clone()).await {
                Err(fault) if fault.code().retry == Retry::Later => {
                    let mut unrecorded = self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner);
                    unrecorded.push((tenant, steps));
                    unrecorded.extend(left);
                    return Err(fault);
                }
                Err(fault) => tracing::error!(%fault, "the end of an operation could not be written"),
                Ok(_) => {}
            }
        }
        Ok(())
    }

    pub(super) async fn remembered(&self, tenant: TenantId, scope: &str) -> Result<Option<Stored<Operation>>, Fault> {
        let filter = Filter::is("scope", Scalar::Text(scope.to_owned()));
        let query = Query::newest(filter, 1);
        let found = self.platform.store.find(Scope::Tenant(tenant), &OPERATION, query).await.map_err(store_fault)?;
        let Some(record) = found.into_iter().next() else { return Ok(None) };
        let stored = Stored::<Operation>::read(record)?;
        if stored.value.expires_at <= self.platform.clock.now() {
            let step = Step::Remove { kind: &OPERATION, id: stored.id, expect: Expect::Anything };
            self.write(tenant, vec![step]).await?;
            return Ok(None);
        }
        Ok(Some(stored))
    }

    pub(super) async fn write(&self, tenant: TenantId, steps: Vec<Step>) -> Result<Vec<i64>, Fault> {
        let batch = Batch { tenant, at: self.platform.clock.now(), steps };
        self.platform.store.commit(vec![batch]).await.map_err(|fault| match fault {
            StoreFault::Conflict(Conflict::Taken { rule: "idempotency_key", .. }) => in_flight(),
            other => store_fault(other),
        })
    }
}

fn in_flight() -> Fault {
    Fault::new(&codes::IN_FLIGHT, "a call with this idempotency key is running")
        .with_retry_after(Duration::from_secs(1))
}
