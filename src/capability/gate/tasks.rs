//! Calls that go on after their request: MCP tasks and REST 202. The operation is on disk before the caller is answered, so
//! a task outlives the program: what was running starts again, unless it was reaching outside.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::execute::put_operation;
use super::operation::{Ending, OPERATION, Operation, State, scope};
use super::{Gate, Request};
use crate::capability::caller::{Caller, Door, Origin};
use crate::capability::client::{Answers, Silent};
use crate::capability::cx::{Lasting, store_fault};
use crate::capability::owned::Stored;
use crate::capability::tool::Tool;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{Id, OperationId, new_uuid};
use crate::port::records::{Filter, Query, Scalar, Scope};
use crate::port::store::{Expect, Step};

impl Gate {
    /// Admits a call and runs it after answering. The answer is its operation.
    ///
    /// # Errors
    /// What admission refuses.
    pub async fn start(self: &Arc<Self>, mut request: Request) -> Result<OperationId, Fault> {
        let admitted = self.admit(&mut request).await?;
        let now = self.platform.clock.now();
        let keep = Duration::from_hours(self.platform.config.mcp.task_hours);
        let mut operation = Operation::begin(&request.caller, &admitted.tool, &admitted.input, now, keep);
        operation.task = true;
        operation.answers = request.answers.clone();
        if let Some(key) = &request.idempotency_key {
            let scope = scope(&request.caller, &admitted.tool, key);
            if let Some(earlier) = self.remembered(request.caller.tenant, &scope).await? {
                return earlier.value.is_repeated_by(&operation.input_digest).map(|()| Id::from_uuid(earlier.id));
            }
            operation.scope = Some(scope);
        }
        operation.input = Some(admitted.input.clone());
        let ending = Ending { id: new_uuid(now), expect: Expect::Absent, operation };
        self.write(request.caller.tenant, vec![put_operation(&ending, &ending.operation)?]).await?;
        let id = ending.id;
        // The request's own token and client end with its answer.
        let request = Request { cancel: CancellationToken::new(), client: Arc::new(Silent), ..request };
        self.go_on(request, admitted.tool, admitted.input, Ending { expect: Expect::Revision(1), ..ending });
        Ok(Id::from_uuid(id))
    }

    /// The operation of an id, if the caller started it.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn operation(&self, caller: &Caller, id: OperationId) -> Result<Stored<Operation>, Fault> {
        let found = self.platform.store.get(Scope::Tenant(caller.tenant), &OPERATION, id.uuid()).await;
        let stored = found.map_err(store_fault)?.map(Stored::<Operation>::read).transpose()?;
        stored
            .filter(|stored| stored.value.user == caller.user && stored.value.principal() == caller.principal)
            .filter(|stored| stored.value.expires_at > self.platform.clock.now())
            .ok_or_else(|| Fault::not_found("operation", id))
    }

    /// The tasks that the caller started, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn operations(&self, caller: &Caller, limit: u32) -> Result<Vec<Stored<Operation>>, Fault> {
        let filter = Filter::is("owner", Scalar::Id(caller.user.uuid()));
        let query = Query::newest(filter, limit);
        let found =
            self.platform.store.find(Scope::Tenant(caller.tenant), &OPERATION, query).await.map_err(store_fault)?;
        let mut all = found.into_iter().map(Stored::<Operation>::read).collect::<Result<Vec<_>, _>>()?;
        all.retain(|stored| stored.value.task && stored.value.principal() == caller.principal);
        Ok(all)
    }

    /// Calls a task off. One that has ended stays as it ended.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn cancel(&self, caller: &Caller, id: OperationId) -> Result<(), Fault> {
        let stored = self.operation(caller, id).await?;
        if let Some(live) = self.live.get(&stored.id) {
            live.cancel();
            return Ok(());
        }
        if matches!(stored.value.state, State::Waiting | State::Held) {
            let mut operation = stored.value.clone();
            let fault = Fault::new(&codes::CANCELLED, "the task was cancelled");
            operation.fail(&fault, &id.to_string(), self.platform.clock.now());
            let ending = Ending { id: stored.id, expect: Expect::Revision(stored.revision), operation };
            self.write(caller.tenant, vec![put_operation(&ending, &ending.operation)?]).await?;
        }
        Ok(())
    }

    /// Gives answers to a task that waits for them; when none is open any more it goes on.
    ///
    /// # Errors
    /// `not_found`; `conflict` when it does not wait.
    pub async fn answer(self: &Arc<Self>, request: Request, id: OperationId, answers: Answers) -> Result<(), Fault> {
        let stored = self.operation(&request.caller, id).await?;
        let mut operation = stored.value;
        if operation.state != State::Waiting {
            return Err(Fault::new(&codes::CONFLICT, "the task does not wait for answers"));
        }
        let open = operation.questions.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
        operation.answers.extend(answers.into_iter().filter(|(key, _)| open.contains_key(key)));
        let input = operation.input.clone().unwrap_or(Value::Null);
        if open.keys().all(|key| operation.answers.contains_key(key)) {
            operation.state = State::Running;
            operation.questions = None;
        }
        operation.updated_at = self.platform.clock.now();
        let ending = Ending { id: stored.id, expect: Expect::Revision(stored.revision), operation };
        self.write(request.caller.tenant, vec![put_operation(&ending, &ending.operation)?]).await?;
        if ending.operation.state == State::Running {
            let tool = self.tool_of(&request.caller, &ending.operation)?;
            let request = Request { answers: ending.operation.answers.clone(), ..request };
            self.go_on(request, tool, input, Ending { expect: Expect::Revision(stored.revision + 1), ..ending });
        }
        Ok(())
    }

    /// Takes up what an earlier run of the program left: tasks run again, calls that were reaching outside become unknown.
    /// Answers how many of each.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn take_up(self: &Arc<Self>) -> Result<(usize, usize), Fault> {
        let (mut again, mut unknown) = (0, 0);
        let filter = Filter::is("state", Scalar::Text("running".to_owned()));
        let left = self.platform.store.find(Scope::Platform, &OPERATION, Query::newest(filter, 1000)).await;
        for record in left.map_err(store_fault)? {
            let tenant = record.tenant;
            let stored = Stored::<Operation>::read(record)?;
            if self.live.contains_key(&stored.id) {
                continue;
            }
            let principal = stored.value.principal();
            let caller =
                self.identify.identities().resume(&self.platform, tenant, stored.value.user, principal).await?;
            let runnable = caller.and_then(|caller| {
                let tool = self.tool_of(&caller, &stored.value).ok().filter(|tool| !tool.reaches)?;
                super::authorise::authorise(&caller, &tool, false).ok()?;
                Some((Arc::new(caller), tool, stored.value.input.clone()?))
            });
            match runnable {
                Some((caller, tool, input)) => {
                    again += 1;
                    let origin = Origin { door: Door::Inside, address: None };
                    let id = Id::new(self.platform.clock.now());
                    let mut request = Request::new(id, caller, origin, tool.name.to_string(), Value::Null);
                    request.answers = stored.value.answers.clone();
                    let ending =
                        Ending { id: stored.id, expect: Expect::Revision(stored.revision), operation: stored.value };
                    self.go_on(request, tool, input, ending);
                }
                None => {
                    unknown += 1;
                    let mut operation = stored.value;
                    operation.state = State::Unknown;
                    operation.input = None;
                    operation.updated_at = self.platform.clock.now();
                    let fault = Fault::new(&codes::OUTCOME_UNKNOWN, "the server stopped while the call was running");
                    operation.fault = Some(fault.problem(&stored.id.to_string()));
                    let ending = Ending { id: stored.id, expect: Expect::Revision(stored.revision), operation };
                    self.write(tenant, vec![put_operation(&ending, &ending.operation)?]).await?;
                }
            }
        }
        Ok((again, unknown))
    }

    /// Forgets operations that have expired.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget_expired(&self) -> Result<usize, Fault> {
        use crate::port::records::Comparison;
        let now = self.platform.clock.now();
        let filter = Filter::Compare("expiresAt", Comparison::AtMost, Scalar::Time(now));
        let expired = self.platform.store.find(Scope::Platform, &OPERATION, Query::newest(filter, 500)).await;
        let expired = expired.map_err(store_fault)?;
        for record in &expired {
            let step = Step::Remove { kind: &OPERATION, id: record.id, expect: Expect::Anything };
            self.write(record.tenant, vec![step]).await?;
        }
        Ok(expired.len())
    }

    /// Holds a call until a person approves it. The fault names the operation.
    pub(super) async fn hold(&self, request: &Request, tool: &Tool, input: &Value, why: &str) -> Fault {
        let now = self.platform.clock.now();
        let keep = Duration::from_hours(self.platform.config.mcp.task_hours);
        let mut operation = Operation::begin(&request.caller, tool, input, now, keep);
        operation.state = State::Held;
        operation.input = Some(input.clone());
        let ending = Ending { id: new_uuid(now), expect: Expect::Absent, operation };
        let written = match put_operation(&ending, &ending.operation) {
            Ok(step) => self.write(request.caller.tenant, vec![step]).await,
            Err(fault) => Err(fault),
        };
        match written {
            Ok(_) => {
                Fault::new(&codes::APPROVAL_REQUIRED, why).with_detail(serde_json::json!({ "operationId": ending.id }))
            }
            Err(fault) => fault,
        }
    }

    fn tool_of(&self, caller: &Caller, operation: &Operation) -> Result<Arc<Tool>, Fault> {
        let snapshot = self.platform.registry.present();
        snapshot
            .find(caller.tenant, &operation.tool)
            .cloned()
            .ok_or_else(|| Fault::new(&codes::UNKNOWN_TOOL, format!("the tool '{}' is gone", operation.tool)))
    }

    /// Runs an operation after its request was answered.
    fn go_on(self: &Arc<Self>, request: Request, tool: Arc<Tool>, input: Value, ending: Ending) {
        let gate = self.clone();
        let request = Request { lasting: Lasting::Task, ..request };
        let id: Uuid = ending.id;
        self.live.insert(id, request.cancel.clone());
        let _ = self.tracker.spawn(async move {
            let began = tokio::time::Instant::now();
            let call = gate.call_of(&request, &tool);
            let ended = gate.execute(call, input, Some(ending.clone())).await;
            gate.count(&tool, ended.as_ref().err(), began.elapsed());
            gate.live.remove(&id);
            let Err(fault) = ended else { return };
            super::log_fault(&tool.name, request.id, &fault);
            // The program is stopping: the task stays running in the store and is taken up by the next start.
            if gate.is_closing() && fault.is(&codes::CANCELLED) {
                return;
            }
            let mut operation = ending.operation.clone();
            operation.fail(&fault, &request.id.to_string(), gate.platform.clock.now());
            let written = match put_operation(&ending, &operation) {
                Ok(step) => gate.write(request.caller.tenant, vec![step]).await,
                Err(fault) => Err(fault),
            };
            if let Err(fault) = written {
                tracing::error!(operation = %id, %fault, "the end of a task could not be written");
            }
        });
    }
}
