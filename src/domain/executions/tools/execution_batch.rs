//! `execution_batch`: many executions as one.

use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::capability::Capability;
use crate::capability::cx::{Belongs, Cx, store_fault};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::executions::faults::{BATCH_DIFFERS, BATCH_UNFIT};
use crate::domain::executions::model::batch::{Batch, Item};
use crate::domain::executions::model::execution::{EXECUTION, Execution, Status};
use crate::domain::executions::playing::Played;
use crate::domain::executions::starting::{Beginning, Startable};
use crate::domain::executions::working::Desk;
use crate::domain::processes::engine::interpreter::Failure;
use crate::kernel::fault::Fault;
use crate::kernel::figures::share;
use crate::kernel::id::ExecutionId;
use crate::kernel::seal::sha256;
use crate::kernel::time::Timestamp;
use crate::port::records::{Filter, Query, Scalar, Visibility};
use crate::port::store::{Expect, Put, Step};

/// Executions whose failures are told one by one.
const MOST_FAILURES: u32 = 200;

/// Starts many executions as one.
pub(in crate::domain::executions) struct ExecutionBatch;

/// Which ones.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Input {
    /// A name of your own for the batch. The same name with the same items starts nothing a second time; either way, and with the name alone, or
    /// the `batchId` of an answer, you are told how the batch stands.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    batch_id: Option<String>,
    /// The process of the items that name none, by id or name.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    process_id: Option<String>,
    /// The version of it; the newest that is published when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    version: Option<String>,
    /// What every item begins with, by variable; an item's own values come before these.
    #[serde(default)]
    variables: Map<String, Value>,
    /// The executions to start, in this order.
    #[serde(default)]
    #[schemars(length(max = 500))]
    items: Vec<Wanted>,
    /// Whether nothing is started where one of them cannot be; else the others are.
    #[serde(default)]
    all_or_none: bool,
    /// Whether they are only made: `execution_run` or `execution_resume` begins each.
    #[serde(default)]
    hold: bool,
    /// Smaller comes first among what is due: -100 to 100; 0 when not said.
    #[serde(default)]
    #[schemars(range(min = -100, max = 100))]
    priority: i32,
}

/// An execution to start.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    /// What you call it, to know it again in the answer.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    key: Option<String>,
    /// The process, where it is another than the batch's.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    process_id: Option<String>,
    /// Its version, where it is another than the batch's.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    version: Option<String>,
    /// What it begins with, by variable.
    #[serde(default)]
    variables: Map<String, Value>,
}

/// How a batch stands as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Whole {
    /// Some are not over.
    Running,
    /// All came to their end.
    Completed,
    /// All are over; some came to their end, and some failed, were called off or never started.
    PartlyFailed,
    /// All are over, and none came to its end.
    Failed,
}

/// How a batch stands.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Output {
    /// The batch: `execution_list` with it as `parent` lists its executions.
    batch_id: ExecutionId,
    /// The name that it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// How it stands as a whole.
    status: Whole,
    /// How many it was asked to start.
    total: usize,
    /// The share of them that are over, from 0 to 1; those that were never started are.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<f64>,
    /// How many stand how: statuses of executions, `refused` for those never started, `removed` for those that are no more.
    counts: BTreeMap<String, u64>,
    /// When it was made.
    made_at: Timestamp,
    /// What it was asked to start, in order.
    items: Vec<Standing>,
}

/// How one of them stands.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Standing {
    /// What its maker calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The process as it was named.
    process_id: String,
    /// The execution; left out where it was never started.
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_id: Option<ExecutionId>,
    /// How it stands: as executions do, `refused` or `removed`.
    status: String,
    /// Why it failed, or was never started; of the first 200 that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

impl Capability for ExecutionBatch {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::create(
        "execution_batch",
        Domain::Executions,
        Route::post("/operations/batch"),
        Permit::on(Resource::Executions, Action::Create),
        "Starts up to 500 executions as one, of one process or several, and tells how far all are: what cannot be started is told and the others are, \
         or none with allOrNone. Send the same batchId again to follow it; nothing starts twice. For a single one use execution_start.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let id = match &input.batch_id {
            Some(name) => Uuid::parse_str(name).unwrap_or_else(|_| Batch::named(cx.caller().user, name)),
            None => cx.new_id(),
        };
        let digest = digest_of(&input)?;
        if input.batch_id.is_some() && cx.get::<Batch>(id).await?.is_some() {
            let stored = cx.load::<Batch>(id, Action::Read).await?;
            if !input.items.is_empty() && stored.value.digest != digest {
                return Err(Fault::new(&BATCH_DIFFERS, "the batch of that name was asked to start other executions"));
            }
            let stands = standing(cx, id).await?;
            return Ok(Output::of(id, &stored.value, stored.created_at, &stands));
        }
        if input.items.is_empty() {
            return Err(match &input.batch_id {
                Some(name) => Fault::not_found("batch of executions", name),
                None => {
                    Fault::bad_input("/items", "is missing: say what is to be started, or which batchId you ask for")
                }
            });
        }
        let name = input.batch_id.clone().filter(|name| Uuid::parse_str(name).is_err());
        if name.is_none() && input.batch_id.is_some() {
            return Err(Fault::bad_input(
                "/batchId",
                "is the id of no batch: a new one has a name that is no UUID, or none",
            ));
        }
        begin(cx, id, name, digest, input).await
    }
}

/// Starts them, and what cannot be started is told.
async fn begin(cx: &Cx, id: Uuid, name: Option<String>, digest: String, input: Input) -> Result<Output, Fault> {
    let mut found: HashMap<(String, Option<String>), Result<Startable, Failure>> = HashMap::new();
    let (mut items, mut played, mut stands) = (Vec::new(), Vec::new(), Stands::default());
    for (number, wanted) in input.items.into_iter().enumerate() {
        let Some(process_id) = wanted.process_id.clone().or_else(|| input.process_id.clone()) else {
            let say = "is missing: name the process here or for the whole batch";
            return Err(Fault::bad_input(format!("/items/{number}/processId"), say));
        };
        let version = match wanted.process_id {
            Some(_) => wanted.version,
            None => wanted.version.or_else(|| input.version.clone()),
        };
        let which = (process_id.clone(), version);
        if !found.contains_key(&which) {
            let startable = match Startable::find(cx, &which.0, which.1.as_deref()).await {
                Ok(startable) => Ok(startable),
                Err(fault) if fault.code().status < 500 => Err(of_fault(&fault)),
                Err(fault) => return Err(fault),
            };
            found.insert(which.clone(), startable);
        }
        let mut variables = input.variables.clone();
        variables.extend(wanted.variables);
        let beginning = Beginning { variables, hold: input.hold, priority: input.priority, batch: Some(id) };
        let execution = Batch::execution(id, number);
        let begun = match found.get(&which) {
            Some(Ok(startable)) => startable.begin(cx, execution, beginning).map_err(|fault| of_fault(&fault)),
            Some(Err(failure)) => Err(failure.clone()),
            None => return Err(Fault::internal("a process that was found is gone")),
        };
        let refused = match begun {
            Ok(one) => {
                let detail = json!({ "batch": id, "key": wanted.key });
                stands.status.insert(execution, one.execution.status.name().to_owned());
                if let Some(failure) = &one.execution.failure {
                    stands.failures.insert(execution, failure.clone());
                }
                played.push((execution, which, detail, one));
                None
            }
            Err(failure) => Some(failure),
        };
        items.push(Item { key: wanted.key, process_id, refused });
    }
    if input.all_or_none && items.iter().any(|item| item.refused.is_some()) {
        let refused = items.iter().enumerate().filter_map(|(number, item)| {
            let failure = item.refused.as_ref()?;
            Some(json!({ "item": number, "key": item.key, "code": failure.code, "message": failure.message }))
        });
        let detail = json!({ "refused": refused.collect::<Vec<_>>() });
        return Err(Fault::new(&BATCH_UNFIT, "some of the executions cannot be started").with_detail(detail));
    }
    let batch = Batch { name, digest, items };
    let belongs = Belongs { visibility: Visibility::Private, ..cx.belongs_to_caller() };
    cx.create(id, belongs, &batch)?;
    for (execution, which, detail, one) in played {
        if let Some(Ok(startable)) = found.get(&which) {
            let event = if input.hold { "made" } else { "started" };
            let scene = startable.stage.scene(cx, execution);
            let deed = scene.deed(event, cx.caller().user, Some(detail));
            write(cx, execution, belongs, one, deed)?;
        }
    }
    cx.service::<Desk>()?.wake();
    Ok(Output::of(id, &batch, cx.now(), &stands))
}

/// Writes one: the audit entry tells of the batch, not of each.
fn write(cx: &Cx, id: Uuid, belongs: Belongs, played: Played, deed: Option<Step>) -> Result<(), Fault> {
    let body = serde_json::to_value(&played.execution).map_err(Fault::internal)?;
    let (owner, workspace, visibility) = (belongs.owner, belongs.workspace, belongs.visibility);
    let put = Put { kind: &EXECUTION, id, expect: Expect::Absent, owner, workspace, visibility, body };
    cx.steps(std::iter::once(Step::Put(put)).chain(deed).collect());
    played.write_beside(cx).map(drop)
}

/// How the executions of a batch stand.
#[derive(Default)]
struct Stands {
    status: HashMap<Uuid, String>,
    failures: HashMap<Uuid, Failure>,
}

async fn standing(cx: &Cx, batch: Uuid) -> Result<Stands, Fault> {
    let of_batch = Filter::is("parent", Scalar::Id(batch));
    let scope = crate::port::records::Scope::Tenant(cx.tenant());
    let store = &cx.platform().store;
    let rows =
        store.columns(scope, &EXECUTION, &["id", "status"], of_batch.clone(), 1_000).await.map_err(store_fault)?;
    let mut stands = Stands::default();
    for row in rows {
        if let [Scalar::Id(id), Scalar::Text(status)] = row.as_slice() {
            stands.status.insert(*id, status.clone());
        }
    }
    if stands.status.values().any(|status| status == Status::Failed.name()) {
        let failed = of_batch.and(Filter::is("status", Scalar::Text(Status::Failed.name().to_owned())));
        let query = Query { filter: failed, order: "id", descending: false, after: None, limit: MOST_FAILURES };
        let found = cx.find::<Execution>(query).await?;
        stands.failures.extend(found.into_iter().filter_map(|one| Some((one.id, one.value.failure?))));
    }
    Ok(stands)
}

impl Output {
    fn of(id: Uuid, batch: &Batch, made_at: Timestamp, stands: &Stands) -> Self {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        let mut items = Vec::with_capacity(batch.items.len());
        for (number, item) in batch.items.iter().enumerate() {
            let execution = Batch::execution(id, number);
            let (status, failure) = if let Some(failure) = &item.refused {
                ("refused".to_owned(), Some(failure.clone()))
            } else {
                let status = stands.status.get(&execution).cloned();
                (status.unwrap_or_else(|| "removed".to_owned()), stands.failures.get(&execution).cloned())
            };
            *counts.entry(status.clone()).or_default() += 1;
            items.push(Standing {
                key: item.key.clone(),
                process_id: item.process_id.clone(),
                execution_id: item.refused.is_none().then(|| ExecutionId::from_uuid(execution)),
                status,
                failure,
            });
        }
        let under_way: u64 = ["held", "running", "paused"].iter().filter_map(|name| counts.get(*name)).sum();
        let completed = counts.get("completed").copied().unwrap_or(0);
        let total = items.len() as u64;
        let status = match (under_way, completed) {
            (1.., _) => Whole::Running,
            (0, completed) if completed == total => Whole::Completed,
            (0, 0) => Whole::Failed,
            _ => Whole::PartlyFailed,
        };
        Self {
            batch_id: ExecutionId::from_uuid(id),
            name: batch.name.clone(),
            status,
            total: items.len(),
            progress: share(total - under_way, total),
            counts,
            made_at,
            items,
        }
    }
}

fn of_fault(fault: &Fault) -> Failure {
    Failure::new(fault.code().name, fault.say())
}

/// What tells a batch from another of the same name.
fn digest_of(input: &Input) -> Result<String, Fault> {
    let mut told = serde_json::to_value(input).map_err(Fault::internal)?;
    if let Some(told) = told.as_object_mut() {
        told.remove("batchId");
    }
    let digest = sha256(told.to_string().as_bytes());
    Ok(digest.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}")))
}
