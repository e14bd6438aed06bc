//! `flow_health`: what is out of order in the registry.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::owned::visible_to;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::executions::starting::hindrance;
use crate::domain::flows::engine::finding::Finding;
use crate::domain::flows::engine::structure::structure;
use crate::domain::flows::engine::ways::Ways;
use crate::domain::flows::finding::MOST_FLOWS;
use crate::domain::flows::model::execution::{FLOW_EXECUTION, Status as ExecutionStatus};
use crate::domain::flows::model::flow::{Flow, Status};
use crate::domain::integrations::Vault;
use crate::kernel::fault::Fault;
use crate::port::records::{Comparison, Filter, Query, Scalar, Scope};

/// Tells how the registry is.
pub(in crate::domain::flows) struct FlowHealth;

/// So many flows are read at once.
const AT_ONCE: u32 = 100;
/// The most problems that are told.
const MOST_TOLD: usize = 100;

/// What counts as waiting too long.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Input {
    /// After so many minutes without a report an execution elsewhere counts as stale; 60 when not said.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    stale_after_minutes: Option<u32>,
}

/// How the registry is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Output {
    /// How it is as a whole.
    status: Health,
    /// How many active flows were looked at.
    flows_checked: u64,
    /// How many of these can be executed as they are.
    flows_healthy: u64,
    /// What was looked at.
    checks: Vec<Check>,
    /// What is out of order, a hundred at most.
    problems: Vec<Problem>,
    /// Executions elsewhere that nobody has begun for so long.
    pending_too_long: u64,
    /// Executions elsewhere that are under way and of which nothing was heard for so long.
    running_too_long: u64,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Health {
    /// It is in order.
    Healthy,
    /// Something stands in the way of executing a flow.
    Degraded,
    /// A flow breaks rules that it was kept by.
    Unhealthy,
}

/// Something that was looked at.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Check {
    /// What.
    name: &'static str,
    /// How it is.
    status: Health,
    /// How much of it is out of order.
    problems: u64,
}

/// Something that is out of order.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Problem {
    /// The flow.
    flow_id: String,
    /// What.
    #[serde(flatten)]
    finding: Finding,
}

impl Capability for FlowHealth {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "flow_health",
        Domain::Flows,
        Route::get("/flows/health"),
        Permit::on(Resource::Flows, Action::Read),
        "How the registry of flows is: active flows that break rules, depend on what is not there or in a circle, lack credentials or their \
         process, and executions elsewhere of which nothing was heard. For the installation itself use system_health.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let flows = active(cx).await?;
        let mut found: BTreeMap<&'static str, Vec<Problem>> = BTreeMap::new();
        let mut ill: BTreeSet<String> = BTreeSet::new();
        let mut tell = |check: &'static str, flow: &Flow, finding: Finding| {
            ill.insert(flow.flow_id.clone());
            found.entry(check).or_default().push(Problem { flow_id: flow.flow_id.clone(), finding });
        };
        for flow in &flows {
            for finding in structure(flow.kind, &flow.definition) {
                tell(STRUCTURE, flow, finding);
            }
        }
        dependencies(cx, &flows, &mut tell).await?;
        credentials(cx, &flows, &mut tell).await?;
        processes(cx, &flows, &mut tell).await?;
        let long = Duration::from_mins(u64::from(input.stale_after_minutes.unwrap_or(60)));
        let (pending_too_long, running_too_long) = stale(cx, long).await?;
        let all = [
            (STRUCTURE, Health::Unhealthy),
            (DEPENDENCIES, Health::Unhealthy),
            (CREDENTIALS, Health::Degraded),
            (PROCESSES, Health::Degraded),
        ];
        let count =
            |items: Option<&Vec<Problem>>| items.map_or(0, |items| u64::try_from(items.len()).unwrap_or(u64::MAX));
        let mut checks: Vec<Check> = all
            .into_iter()
            .map(|(name, when)| {
                let problems = count(found.get(name));
                Check { name, status: if problems > 0 { when } else { Health::Healthy }, problems }
            })
            .collect();
        let problems = pending_too_long + running_too_long;
        let status = if problems > 0 { Health::Degraded } else { Health::Healthy };
        checks.push(Check { name: "executions", status, problems });
        let flows_checked = u64::try_from(flows.len()).unwrap_or(u64::MAX);
        Ok(Output {
            status: checks.iter().map(|check| check.status).max().unwrap_or(Health::Healthy),
            flows_checked,
            flows_healthy: flows_checked - u64::try_from(ill.len()).unwrap_or(flows_checked).min(flows_checked),
            checks,
            problems: found.into_values().flatten().take(MOST_TOLD).collect(),
            pending_too_long,
            running_too_long,
        })
    }
}

const STRUCTURE: &str = "structure";
const DEPENDENCIES: &str = "dependencies";
const CREDENTIALS: &str = "credentials";
const PROCESSES: &str = "processes";

/// The active flows that the caller sees.
async fn active(cx: &Cx) -> Result<Vec<Flow>, Fault> {
    let is_active = Filter::is("status", Scalar::Text(Status::Active.name().to_owned()));
    let mut flows: Vec<Flow> = Vec::new();
    loop {
        // By the id of the flow, which no two have.
        let mut filter = visible_to::<Flow>(cx.caller()).and(is_active.clone());
        if let Some(last) = flows.last() {
            let after = Scalar::Text(last.flow_id.clone());
            filter = filter.and(Filter::Compare("flowId", Comparison::Greater, after));
        }
        let query = Query { filter, order: "flowId", descending: false, after: None, limit: AT_ONCE };
        let found = cx.find::<Flow>(query).await?;
        let last = found.len() < AT_ONCE as usize;
        flows.extend(found.into_iter().map(|stored| stored.value));
        if last || flows.len() > MOST_FLOWS as usize {
            return Ok(flows);
        }
    }
}

async fn dependencies(
    cx: &Cx,
    flows: &[Flow],
    tell: &mut impl FnMut(&'static str, &Flow, Finding),
) -> Result<(), Fault> {
    let named = flows.iter().flat_map(|flow| &flow.definition.dependencies).map(|one| one.depends_on_flow_id.clone());
    let named: Vec<String> = named.collect::<BTreeSet<_>>().into_iter().collect();
    let there = crate::domain::flows::finding::these(cx, &named).await?;
    for flow in flows {
        for (number, one) in flow.definition.dependencies.iter().enumerate() {
            let other = &one.depends_on_flow_id;
            if !there.get(other).is_some_and(|flow| flow.status == Status::Active) {
                let say = format!("'{other}' is not active: take it into use, or leave the dependency out");
                tell(DEPENDENCIES, flow, Finding::new("unknown_dependency", format!("/dependencies/{number}"), say));
            }
        }
    }
    let edges = flows.iter().flat_map(|flow| {
        flow.definition.dependencies.iter().map(|one| (flow.flow_id.as_str(), one.depends_on_flow_id.as_str()))
    });
    let ways = Ways::of(flows.iter().map(|flow| flow.flow_id.as_str()), edges);
    if let Some(circle) = ways.circle() {
        let names = ways.named(&circle);
        let first = flows.iter().find(|flow| Some(&flow.flow_id) == names.first());
        if let Some(flow) = first {
            let say = format!("it depends on itself: {}", names.join(" -> "));
            tell(DEPENDENCIES, flow, Finding::new("dependency_cycle", "/dependencies", say));
        }
    }
    Ok(())
}

async fn credentials(
    cx: &Cx,
    flows: &[Flow],
    tell: &mut impl FnMut(&'static str, &Flow, Finding),
) -> Result<(), Fault> {
    let vault = cx.service::<Vault>()?;
    let mut held: BTreeMap<&str, bool> = BTreeMap::new();
    for flow in flows {
        for (number, one) in flow.definition.credentials.iter().enumerate().filter(|(_, one)| one.required) {
            let secret = one.secret();
            let has = match held.get(secret) {
                Some(has) => *has,
                None => vault.holds(cx.platform(), cx.tenant(), secret).await?,
            };
            held.insert(secret, has);
            if !has {
                let say = format!("the vault has no '{secret}': store it with secret_put");
                tell(CREDENTIALS, flow, Finding::new("credential_missing", format!("/credentials/{number}"), say));
            }
        }
    }
    Ok(())
}

async fn processes(cx: &Cx, flows: &[Flow], tell: &mut impl FnMut(&'static str, &Flow, Finding)) -> Result<(), Fault> {
    for flow in flows {
        let Some((process, version)) = flow.definition.process() else { continue };
        if let Some(why) = hindrance(cx, &process, version.as_deref()).await? {
            let at = if flow.definition.process_id.is_some() { "/processId" } else { "/nodes" };
            tell(PROCESSES, flow, Finding::new("process_missing", at, why));
        }
    }
    Ok(())
}

/// How many executions elsewhere wait for so long: not begun, and under way without a report.
async fn stale(cx: &Cx, long: Duration) -> Result<(u64, u64), Fault> {
    let before = || Scalar::Time(cx.now().minus(long));
    let count = async |status: ExecutionStatus| {
        let filter = Filter::is("status", Scalar::Text(status.name().to_owned()))
            .and(Filter::IsNull("process"))
            .and(Filter::Compare("updatedAt", Comparison::Less, before()));
        cx.platform().store.count(Scope::Tenant(cx.tenant()), &FLOW_EXECUTION, filter).await.map_err(store_fault)
    };
    Ok((count(ExecutionStatus::Pending).await?, count(ExecutionStatus::Running).await?))
}
