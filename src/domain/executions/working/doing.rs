//! Doing what a node says.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Worker;
use crate::capability::bound::bounded;
use crate::capability::caller::{Caller, Origin};
use crate::capability::cx::forbidden;
use crate::capability::events::Event;
use crate::capability::gate::{Gate, Request};
use crate::capability::owned::Stored;
use crate::capability::permit::{Grants, Permit};
use crate::capability::registry::may_call;
use crate::domain::executions::graphs::Graphs;
use crate::domain::executions::model::execution::Execution;
use crate::domain::processes::engine::interpreter::{Happening, TokenId};
use crate::domain::processes::engine::nodes::Config;
use crate::kernel::codes::{self, Retry};
use crate::kernel::current::Current;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, TenantId};
use crate::port::store::Step;

/// What is wanted of a step.
pub(super) struct Wanted {
    pub(super) execution: Uuid,
    pub(super) stored: Arc<Stored<Execution>>,
    pub(super) token: TokenId,
    pub(super) item: Option<usize>,
    pub(super) node: String,
    pub(super) attempt: u32,
    pub(super) config: Map<String, Value>,
    pub(super) input: Map<String, Value>,
    pub(super) key: String,
}

/// What came of it.
pub(super) enum Did {
    /// It is done.
    Done(Value),
    /// It is done and said something that people may want to read.
    Said(Value, String),
    /// It was begun elsewhere, which these steps write.
    Begun(Begun),
    /// There is nothing to do.
    Nothing,
    /// It was called off in between.
    CalledOff,
}

/// What was begun elsewhere: what writes it, and what is told once it is written.
pub(super) struct Begun {
    pub(super) steps: Vec<Step>,
    pub(super) events: Vec<Event>,
}

impl Did {
    /// Done by a model: what it said is the answer's `text`.
    fn telling(answer: Value) -> Self {
        match answer.get("text").and_then(Value::as_str).map(str::to_owned) {
            Some(text) => Self::Said(answer, text),
            None => Self::Done(answer),
        }
    }
}

/// A step that can be made later and says nothing of itself now.
pub(super) fn is_busy(fault: &Fault) -> bool {
    fault.is(&codes::RATE_LIMITED) || fault.is(&codes::IN_FLIGHT)
}

/// A fault as the execution learns it.
pub(super) fn failed((token, item, attempt): (TokenId, Option<usize>, u32), fault: &Fault) -> Happening {
    let places: Vec<String> = fault.places().iter().map(|one| format!("{}: {}", one.pointer, one.message)).collect();
    let message =
        if places.is_empty() { fault.say().to_owned() } else { format!("{}: {}", fault.say(), places.join("; ")) };
    let passing = fault.code().retry != Retry::Never;
    let code = fault.code().name.to_owned();
    Happening::Failed { token, item, attempt: Some(attempt), code, message, passing }
}

/// On whose behalf an execution works: whoever started it, with the rights that they have now, as far as whoever published its version could
/// have done it too.
pub(super) async fn on_behalf(gate: &Gate, tenant: TenantId, execution: &Execution) -> Result<Arc<Caller>, Fault> {
    let platform = gate.platform();
    let caller = gate.callers().resume(platform, tenant, execution.user, execution.principal()).await?;
    let graphs = platform.service::<Graphs>()?;
    let (_, published) = graphs.known(platform, tenant, &execution.process_id, execution.revision).await?;
    Ok(bounded(bounded(caller, execution.bound.as_ref()), published.as_deref()))
}

impl Worker {
    pub(super) async fn doing(
        &self,
        tenant: TenantId,
        wanted: Wanted,
        called_off: &CancellationToken,
    ) -> Result<Did, Fault> {
        let platform = self.gate.platform();
        let execution = &wanted.stored.value;
        let graphs = platform.service::<Graphs>()?;
        let graph = graphs.of(platform, tenant, &execution.process_id, execution.revision).await?;
        let Some(index) = graph.find(&wanted.node) else { return Ok(Did::Nothing) };
        let caller = on_behalf(&self.gate, tenant, execution).await?;
        let text = |name: &str| wanted.config.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let narrowed = graph.node(index).permissions.as_deref();
        match &graph.nodes[index].config {
            Config::Tool(_) => {
                let input = Value::Object(wanted.input.clone());
                self.call(&wanted, &caller, narrowed, &text("tool"), input, called_off).await.map(Did::Done)
            }
            Config::Agent(_) => {
                let mut input = json!({ "id": text("agentId"), "prompt": text("message") });
                if !wanted.input.is_empty() {
                    input["context"] = Value::Object(wanted.input.clone());
                }
                let mut answer = self.call(&wanted, &caller, narrowed, "agent_invoke", input, called_off).await?;
                // As a prompt's answer has it.
                answer["text"] = answer["response"].clone();
                Ok(Did::telling(answer))
            }
            Config::Prompt(_) => self.prompt(&wanted, &caller, narrowed, called_off).await.map(Did::telling),
            Config::Integration(one) => {
                let answer = self.integration(&wanted, &caller, one).await?;
                let text = format!("the other side answered {}", answer["status"]);
                Ok(Did::Said(answer, text))
            }
            Config::SubProcess(_) => {
                self.hold(&caller, narrowed, "execution_start")?;
                self.child(tenant, &wanted, &caller).await
            }
            Config::HumanTask(_) => {
                self.hold(&caller, narrowed, "task_create")?;
                self.person(tenant, &wanted, &graph.node(index).name).await
            }
            Config::Decision(_) => {
                let mut input = json!({ "id": text("ruleSet"), "inputs": wanted.input });
                for name in ["decision", "version"] {
                    if let Some(value) = wanted.config.get(name) {
                        input[name] = value.clone();
                    }
                }
                self.call(&wanted, &caller, narrowed, "rule_evaluate", input, called_off).await.map(Did::Done)
            }
            // The interpreter does these by itself.
            Config::Start(_)
            | Config::End(_)
            | Config::Script(_)
            | Config::ForEach(_)
            | Config::Exclusive(_)
            | Config::Parallel(_)
            | Config::Inclusive(_)
            | Config::Timer(_)
            | Config::Wait(_)
            | Config::BoundaryTimeout(_)
            | Config::BoundaryError(_)
            | Config::Compensation(_)
            | Config::Compensate(_) => Ok(Did::Nothing),
        }
    }

    /// Calls a tool as whoever started the execution: through the gate, and once for the same attempt, however often this is taken up.
    async fn call(
        &self,
        wanted: &Wanted,
        caller: &Arc<Caller>,
        narrowed: Option<&[String]>,
        tool: &str,
        input: Value,
        called_off: &CancellationToken,
    ) -> Result<Value, Fault> {
        let platform = self.gate.platform();
        if let Some(permissions) = narrowed {
            self.hold_narrowed(caller, permissions, tool)?;
        }
        let id = CallId::new(platform.clock.now());
        let mut request = Request::new(id, caller.clone(), Origin::inside(), tool, input);
        // An attempt that failed is not what the next one would be answered with.
        request.idempotency_key = Some(format!("{} {}", wanted.key, wanted.attempt));
        // What starts executions in a circle comes to an end.
        request.hops = wanted.stored.value.hops + 1;
        request.cancel = called_off.child_token();
        request.trace = Current::trace();
        request.unhurried = true;
        let _calling = request.cancel.clone().drop_guard();
        self.gate.call(request).await.result?.value()
    }

    /// A node that names permissions may use these and no others.
    fn hold_narrowed(&self, caller: &Caller, permissions: &[String], tool: &str) -> Result<(), Fault> {
        let snapshot = self.gate.platform().registry.present();
        let Some(found) = snapshot.find(caller.tenant, tool) else { return Ok(()) };
        let allowed = match found.permit {
            Permit::On(resource, action) => {
                permissions.iter().filter_map(|one| Grants::parse(one)).any(|grants| grants.allows(resource, action))
            }
            // What hands a call on to another tool would get past this.
            Permit::Own | Permit::Public => found.forwards.is_none(),
        };
        if allowed { Ok(()) } else { Err(forbidden(found.permit)) }
    }

    /// What a node does that stands for a tool is held to what the tool is held to.
    fn hold(&self, caller: &Caller, narrowed: Option<&[String]>, tool: &str) -> Result<(), Fault> {
        let snapshot = self.gate.platform().registry.present();
        if let Some(found) = snapshot.find(caller.tenant, tool)
            && !may_call(caller, found)
        {
            return Err(caller.forbidden(found.permit));
        }
        narrowed.map_or(Ok(()), |permissions| self.hold_narrowed(caller, permissions, tool))
    }

    /// Fills a prompt and asks a model.
    async fn prompt(
        &self,
        wanted: &Wanted,
        caller: &Arc<Caller>,
        narrowed: Option<&[String]>,
        called_off: &CancellationToken,
    ) -> Result<Value, Fault> {
        let mut input = json!({ "id": wanted.config.get("promptId"), "variables": wanted.input });
        if let Some(version) = wanted.config.get("version").and_then(Value::as_str) {
            let by = if version.starts_with(|one: char| one.is_ascii_digit()) { "version" } else { "label" };
            input[by] = json!(version);
        }
        let filled = self.call(wanted, caller, narrowed, "prompt_assemble", input, called_off).await?;
        let mut question = json!({ "prompt": filled["assembled"], "execution": wanted.execution });
        if let Some(model) = wanted.config.get("model") {
            question["model"] = model.clone();
        }
        let answer = self.call(wanted, caller, narrowed, "model_complete", question, called_off).await?;
        Ok(
            json!({ "text": answer["text"], "model": answer["model"], "tokens": answer["tokens"], "version": filled["version"] }),
        )
    }

    /// So long the head of an answer may take over HTTP.
    pub(super) const PATIENCE: Duration = Duration::from_secs(60);
}
