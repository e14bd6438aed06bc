//! Executions of flows: how they stand, what must be there before one begins, and what figures are made of.

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::engine::figures::Counted;
use super::faults::{FLOW_CREDENTIAL_MISSING, FLOW_DEPENDENCY_UNMET};
use super::model::definition::{Definition, Dependency, DependencyType};
use super::model::execution::{FLOW_EXECUTION, FlowExecution, Status};
use super::views::{CredentialView, DependencyState, Holds};
use crate::capability::cx::{Cx, store_fault};
use crate::capability::owned::{Stored, visible_to};
use crate::domain::executions::outcomes::{Standing, Stands, standings, standings_in_short};
use crate::kernel::fault::Fault;
use crate::kernel::tasks::blocking;
use crate::kernel::time::Timestamp;
use crate::port::expressions::{Form, Language, Limits, Names};
use crate::port::records::{Comparison, Filter, Query, Scalar, Scope};

/// So many executions of a flow are looked through for the newest that ended.
const LOOKED_THROUGH: u32 = 50;
/// The most executions that figures are made of.
const MOST_COUNTED: u32 = 100_000;

impl Status {
    const fn of(standing: Standing) -> Self {
        match standing {
            Standing::Held => Self::Pending,
            Standing::UnderWay => Self::Running,
            Standing::Completed => Self::Completed,
            Standing::Failed => Self::Failed,
            Standing::CalledOff => Self::Cancelled,
        }
    }
}

/// Executions as they stand now: those that run here stand as their process does.
pub(super) async fn as_they_stand(
    cx: &Cx,
    mut executions: Vec<Stored<FlowExecution>>,
) -> Result<Vec<Stored<FlowExecution>>, Fault> {
    let ids: Vec<Uuid> = executions.iter().filter_map(|stored| stored.value.process).collect();
    let stands = standings(cx.platform(), cx.tenant(), &ids).await?;
    for stored in &mut executions {
        if let Some(stands) = stored.value.process.and_then(|process| stands.get(&process)) {
            follow(&mut stored.value, stands);
        }
    }
    Ok(executions)
}

fn follow(execution: &mut FlowExecution, stands: &Stands) {
    execution.status = Status::of(stands.standing);
    execution.started_at = stands.started_at.or(execution.started_at);
    execution.ended_at = stands.ended_at;
    execution.result.clone_from(&stands.result);
    execution.error.clone_from(&stands.failure);
}

/// Demands that the vault has what the flow cannot run without.
pub(super) fn demand_credentials(credentials: &[CredentialView]) -> Result<(), Fault> {
    let missing: Vec<&CredentialView> = credentials.iter().filter(|one| one.required && !one.available).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|one| one.secret.as_str()).collect();
    let told: Vec<Value> = missing.iter().map(|one| json!({ "key": one.key, "secret": one.secret })).collect();
    let say = format!("the vault lacks {}", names.join(", "));
    Err(Fault::new(&FLOW_CREDENTIAL_MISSING, say).with_detail(json!({ "missing": told })))
}

/// What the dependencies of a flow come to before it is executed.
pub(super) struct Prepared {
    /// Each of them.
    pub(super) states: Vec<DependencyState>,
    /// Results that are handed on, by the ids of the flows that they come from.
    pub(super) inputs: Map<String, Value>,
    /// What the flow is given, with the parameters that dependencies give.
    pub(super) parameters: Map<String, Value>,
}

/// Holds a flow's dependencies against what was executed.
pub(super) async fn prepared(cx: &Cx, definition: &Definition, given: Map<String, Value>) -> Result<Prepared, Fault> {
    let mut prepared = Prepared { states: Vec::new(), inputs: Map::new(), parameters: given.clone() };
    for one in &definition.dependencies {
        // That another's execution completed is no secret; what it brought is.
        let reads = one.condition.is_some() || one.dependency_type == DependencyType::Data;
        let newest = newest_ended(cx, &one.depends_on_flow_id, reads).await?;
        let result = newest.as_ref().and_then(|execution| execution.result.clone());
        let holds = match &one.condition {
            Some(condition) => holds(cx, condition, &given, result.as_ref()).await?,
            None => Ok(true),
        };
        let state = state(one, newest.as_ref(), holds);
        if state.state == Holds::Met && one.dependency_type == DependencyType::Data {
            let result = Value::Object(result.unwrap_or_default());
            if let Some(parameter) = &one.parameter {
                prepared.parameters.entry(parameter.clone()).or_insert_with(|| result.clone());
            }
            prepared.inputs.insert(one.depends_on_flow_id.clone(), result);
        }
        prepared.states.push(state);
    }
    let unmet: Vec<&DependencyState> = prepared.states.iter().filter(|one| one.state == Holds::Unmet).collect();
    if unmet.is_empty() {
        return Ok(prepared);
    }
    let told: Vec<String> = unmet
        .iter()
        .map(|one| format!("'{}' {}", one.depends_on_flow_id, one.why.as_deref().unwrap_or_default()))
        .collect();
    let say = format!("what it depends on is not done: {}", told.join("; "));
    Err(Fault::new(&FLOW_DEPENDENCY_UNMET, say).with_detail(json!({ "unmet": unmet })))
}

/// Whether a dependency is met, by the newest execution of the other flow that ended.
fn state(one: &Dependency, newest: Option<&FlowExecution>, holds: Result<bool, String>) -> DependencyState {
    let done = match newest.map(|execution| execution.status) {
        Some(Status::Completed) => Ok(()),
        Some(_) => Err("failed when it was last executed".to_owned()),
        None => Err("was never executed to its end".to_owned()),
    };
    let outcome = match (one.dependency_type, done, holds) {
        (DependencyType::Conditional, _, Err(why)) | (_, Ok(()), Err(why)) => {
            Err(format!("has a condition that cannot be told: {why}"))
        }
        (DependencyType::Conditional, _, Ok(false)) => Ok(Holds::NotApplicable),
        (_, Err(why), _) => Err(why),
        (_, Ok(()), Ok(false)) => Err("has a result of which the condition does not hold".to_owned()),
        (_, Ok(()), Ok(true)) => Ok(Holds::Met),
    };
    let (state, why) = match outcome {
        Ok(state) => (state, None),
        Err(why) => (Holds::Unmet, Some(why)),
    };
    let depends_on_flow_id = one.depends_on_flow_id.clone();
    DependencyState { depends_on_flow_id, dependency_type: one.dependency_type, state, why }
}

/// The newest execution of a flow that completed or failed; where its result is read, of those that the caller may see. What was called off
/// counts for nothing.
async fn newest_ended(cx: &Cx, flow_id: &str, reads: bool) -> Result<Option<FlowExecution>, Fault> {
    let seen = if reads { visible_to::<FlowExecution>(cx.caller()) } else { Filter::All };
    let filter = seen.and(Filter::is("flowId", Scalar::Text(flow_id.to_owned())));
    let query = Query::newest(filter, LOOKED_THROUGH);
    let found = as_they_stand(cx, cx.find::<FlowExecution>(query).await?).await?;
    let ended = |execution: &FlowExecution| matches!(execution.status, Status::Completed | Status::Failed);
    Ok(found.into_iter().map(|stored| stored.value).find(ended))
}

/// Whether a condition holds; why that cannot be told.
async fn holds(
    cx: &Cx,
    condition: &str,
    given: &Map<String, Value>,
    result: Option<&Map<String, Value>>,
) -> Result<Result<bool, String>, Fault> {
    let language = cx.service::<Language>()?.0.clone();
    let mut variables = result.cloned().unwrap_or_default();
    variables.extend(given.clone());
    variables.insert("parameters".to_owned(), Value::Object(given.clone()));
    variables.insert("result".to_owned(), result.cloned().map_or(Value::Null, Value::Object));
    let condition = condition.to_owned();
    let told = blocking(move || {
        let compiled = language.compile(&condition, Form::Expression, &Names::default())?;
        language.evaluate(&*compiled, &variables, Limits::default())
    });
    let told = told.await.ok_or_else(|| Fault::internal("a condition of a flow broke down"))?;
    Ok(told.map(|value| value == Value::Bool(true)).map_err(|fault| fault.to_string()))
}

/// What figures are made of.
pub(super) struct Tally {
    /// The executions, in no order.
    pub(super) executions: Vec<Counted>,
    /// Whether these are all.
    pub(super) whole: bool,
}

/// The executions that were asked for in a span: of one flow, or of all.
pub(super) async fn tally(cx: &Cx, flow: Option<&str>, from: Timestamp, to: Timestamp) -> Result<Tally, Fault> {
    let mut filter = Filter::Compare("createdAt", Comparison::AtLeast, Scalar::Time(from)).and(Filter::Compare(
        "createdAt",
        Comparison::AtMost,
        Scalar::Time(to),
    ));
    if let Some(flow) = flow {
        filter = filter.and(Filter::is("flowId", Scalar::Text(flow.to_owned())));
    }
    let names: &'static [&'static str] = &["flowId", "status", "createdAt", "startedAt", "endedAt", "process"];
    let scope = Scope::Tenant(cx.tenant());
    let rows = cx.platform().store.columns(scope, &FLOW_EXECUTION, names, filter, MOST_COUNTED).await;
    let rows = rows.map_err(store_fault)?;
    let whole = rows.len() < MOST_COUNTED as usize;
    let time = |one: &Scalar| if let Scalar::Time(at) = one { Some(*at) } else { None };
    let mut executions = Vec::with_capacity(rows.len());
    let mut here: Vec<(usize, Uuid)> = Vec::new();
    for row in rows {
        let [Scalar::Text(flow_id), Scalar::Text(status), Scalar::Time(at), started, ended, process] = row.as_slice()
        else {
            continue;
        };
        let Some(status) = Status::named(status) else { continue };
        if let Scalar::Id(process) = process {
            here.push((executions.len(), *process));
        }
        let (started_at, ended_at) = (time(started), time(ended));
        executions.push(Counted { flow_id: flow_id.clone(), status, at: *at, started_at, ended_at });
    }
    let ids: Vec<Uuid> = here.iter().map(|(_, process)| *process).collect();
    let stands: HashMap<Uuid, Stands> = standings_in_short(cx.platform(), cx.tenant(), &ids).await?;
    for (number, process) in here {
        if let Some(stands) = stands.get(&process) {
            let one = &mut executions[number];
            one.status = Status::of(stands.standing);
            one.started_at = stands.started_at.or(one.started_at);
            one.ended_at = stands.ended_at;
        }
    }
    Ok(Tally { executions, whole })
}
