//! Calls that must happen once: those with an idempotency key, and those that reach outside, whose intent is recorded first.

use std::time::Duration;

use serde_json::Value;

use super::execute::put_operation;
use super::operation::{Ending, OPERATION, Operation, digest, scope};
use super::{Admitted, Gate, Request, audit};
use crate::capability::cx::store_fault;
use crate::capability::outcome::Outcome;
use crate::capability::owned::Stored;
use crate::capability::tool::Tool;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{TenantId, new_uuid};
use crate::port::records::{Filter, Query, Scalar, Scope};
use crate::port::store::{Batch, Conflict, Expect, Step, StoreFault};

type Ended = (Result<Outcome, Fault>, Option<i64>, bool);

/// Takes an idempotency key off the list of those in flight however the call ends.
struct InFlight<'a>(&'a Gate, String);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.remove(&self.1);
    }
}

impl Gate {
    /// A call with an idempotency key.
    pub(super) async fn once(&self, request: Request, admitted: Admitted) -> Ended {
        let key = request.idempotency_key.clone().unwrap_or_default();
        let scope = scope(&request.caller, &admitted.tool, &key);
        let slot = format!("{} {scope}", request.caller.tenant);
        if self.in_flight.insert(slot.clone(), ()).is_some() {
            return (Err(in_flight()), None, false);
        }
        let _in_flight = InFlight(self, slot);
        let digest = digest(&admitted.input);
        let tenant = request.caller.tenant;
        match self.remembered(tenant, &scope).await {
            Err(fault) => return (Err(fault), None, false),
            Ok(Some(earlier)) => return (earlier.value.replay(&digest).map(Outcome::Value), None, true),
            Ok(None) => {}
        }
        let now = self.platform.clock.now();
        let keep = Duration::from_hours(self.platform.config.limits.idempotency_hours);
        let mut operation = Operation::begin(&request.caller, &admitted.tool, &admitted.input, now, keep);
        operation.scope = Some(scope.clone());
        let ending = Ending { id: new_uuid(now), expect: Expect::Absent, operation };
        let ended = if admitted.tool.reaches {
            self.with_intent(&request, &admitted.tool, admitted.input, ending).await
        } else {
            self.execute(self.call_of(&request, &admitted.tool), admitted.input, Some(ending)).await
        };
        match ended {
            Ok((outcome, revision)) => (Ok(outcome), revision, false),
            // Another instance was faster with the same key: its answer is this call's answer.
            Err(fault) if fault.is(&codes::ALREADY_EXISTS) => match self.remembered(tenant, &scope).await {
                Ok(Some(earlier)) => (earlier.value.replay(&digest).map(Outcome::Value), None, true),
                Ok(None) | Err(_) => (Err(fault), None, false),
            },
            Err(fault) => (Err(fault), None, false),
        }
    }

    /// A call that reaches outside and has no idempotency key.
    pub(super) async fn reaching(&self, request: Request, admitted: Admitted) -> Ended {
        let now = self.platform.clock.now();
        let keep = Duration::from_hours(self.platform.config.limits.idempotency_hours);
        let operation = Operation::begin(&request.caller, &admitted.tool, &admitted.input, now, keep);
        let ending = Ending { id: new_uuid(now), expect: Expect::Absent, operation };
        match self.with_intent(&request, &admitted.tool, admitted.input, ending).await {
            Ok((outcome, revision)) => (Ok(outcome), revision, false),
            Err(fault) => (Err(fault), None, false),
        }
    }

    /// Records the intent, runs, and records the end in the commit of what was written. After a crash in between the
    /// operation is still running in the store, and the next start calls its outcome unknown.
    async fn with_intent(
        &self,
        request: &Request,
        tool: &std::sync::Arc<Tool>,
        input: Value,
        mut ending: Ending,
    ) -> Result<(Outcome, Option<i64>), Fault> {
        let call = self.call_of(request, tool);
        let intended = audit::entry(&call, &[], "intended")?;
        self.write(request.caller.tenant, vec![put_operation(&ending, &ending.operation)?, intended]).await?;
        ending.expect = Expect::Revision(1);
        let ended = self.execute(call, input, Some(ending.clone())).await;
        if let Err(fault) = &ended {
            let mut failed = ending.operation.clone();
            failed.fail(fault, &request.id.to_string(), self.platform.clock.now());
            // A failed call may be repeated with its key: the record stays for the reader, its scope goes.
            failed.scope = None;
            self.write(request.caller.tenant, vec![put_operation(&ending, &failed)?]).await?;
        }
        ended
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
