//! `execution_migrate`: executions go over to another version.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::page::Paging;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::executions::finding::load;
use crate::domain::executions::migrating::{Looked, Migration};
use crate::domain::executions::model::execution::{Execution, Status};
use crate::domain::processes::engine::interpreter::Plan;
use crate::domain::processes::engine::validation::Finding;
use crate::domain::prompts::engine::file::meant;
use crate::kernel::fault::Fault;
use crate::kernel::id::ExecutionId;
use crate::port::records::{Filter, Scalar};

/// Lets executions go over to another version.
pub(in crate::domain::executions) struct ExecutionMigrate;

/// Which, where to and how.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Input {
    /// The ids of the executions; or name `processId` and `fromVersion` instead.
    #[serde(default)]
    #[schemars(length(max = 200), inner(length(min = 1, max = 64)))]
    executions: Vec<String>,
    /// The process whose executions are meant: those that are held, running, paused or failed, a page at a time.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    process_id: Option<String>,
    /// The version that they run, beside `processId`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    from_version: Option<String>,
    /// The published version that they are to run; `latest` for the newest.
    #[schemars(length(min = 1, max = 64))]
    to_version: String,
    /// Which node of the new version takes the place of one that executions stand at, wait at, or have done what can be undone at:
    /// `{ "old": "new" }`. The same id when not said.
    #[serde(default)]
    nodes: BTreeMap<String, String>,
    /// Which edge takes the place of one by which a token waits at a join; the one of the same id, or between the same nodes, when not said.
    #[serde(default)]
    edges: BTreeMap<String, String>,
    /// Values of variables from then on, such as those that the new version demands.
    #[serde(default)]
    variables: Map<String, Value>,
    /// Variables that are given up, because the new version does not have them.
    #[serde(default)]
    #[schemars(length(max = 200), inner(length(min = 1, max = 64)))]
    forget: Vec<String>,
    /// Whether it is only looked what would come of it: true when not said.
    #[serde(default = "yes")]
    dry_run: bool,
    /// Which part of them.
    #[serde(flatten)]
    paging: Paging,
}

const fn yes() -> bool {
    true
}

/// What came of it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Output {
    /// Whether it was only looked.
    dry_run: bool,
    /// How many went over, or would.
    fit: usize,
    /// How many were refused, or would be.
    refused: usize,
    /// Each.
    executions: Vec<One>,
    /// Give it as `pageToken` to go on with the next ones; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// What came of one.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct One {
    /// The execution.
    execution_id: ExecutionId,
    /// The process.
    process_id: String,
    /// The version that it ran.
    from_version: String,
    /// What came of it.
    outcome: Outcome,
    /// What stands in its way, and what is to be known: `at` is a place in the version that it ran.
    findings: Vec<Finding>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// It runs the new version.
    Migrated,
    /// It would.
    CanMigrate,
    /// It stays as it is: the findings say why.
    Refused,
    /// It ran that version before.
    Already,
}

impl Capability for ExecutionMigrate {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "execution_migrate",
        Domain::Executions,
        Route::post("/executions/migrations"),
        Permit::on(Resource::Executions, Action::Change),
        "Lets executions that have begun go over to another published version of their process, with which node takes the place of which; \
         first looks, and writes only with dryRun false and only those of which nothing would be lost. To go on after a failure in the same \
         version use execution_recover.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let (chosen, next_page_token) = chosen(cx, &input).await?;
        let plan = Plan {
            nodes: input.nodes,
            edges: input.edges,
            variables: input.variables,
            forget: input.forget.into_iter().collect(),
        };
        let mut migration = Migration::new(plan, input.to_version);
        let (mut executions, mut fit, mut refused) = (Vec::with_capacity(chosen.len()), 0, 0);
        for stored in &chosen {
            let (outcome, findings) = match migration.look(cx, stored).await? {
                Looked::Already => (Outcome::Already, Vec::new()),
                Looked::Unfit(findings) => {
                    refused += 1;
                    (Outcome::Refused, findings)
                }
                Looked::Fit(going, findings) => {
                    fit += 1;
                    if input.dry_run {
                        (Outcome::CanMigrate, findings)
                    } else {
                        migration.write(cx, stored, *going).await?;
                        (Outcome::Migrated, findings)
                    }
                }
            };
            executions.push(One {
                execution_id: ExecutionId::from_uuid(stored.id),
                process_id: stored.value.process_id.clone(),
                from_version: stored.value.version.clone(),
                outcome,
                findings,
            });
        }
        Ok(Output { dry_run: input.dry_run, fit, refused, executions, next_page_token })
    }
}

/// The executions that are meant, each once.
async fn chosen(cx: &Cx, input: &Input) -> Result<(Vec<Stored<Execution>>, Option<String>), Fault> {
    match (&input.process_id, &input.from_version) {
        (None, None) => {}
        (Some(process), Some(version)) if input.executions.is_empty() => {
            let text = |text: &str| Scalar::Text(text.to_owned());
            let open = [Status::Held, Status::Running, Status::Paused, Status::Failed];
            let filter = Filter::is("processId", text(&meant(process)))
                .and(Filter::is("version", text(version)))
                .and(Filter::In("status", open.iter().map(|one| text(one.name())).collect()));
            let page = cx.list::<Execution>(filter, "createdAt", false, &input.paging).await?;
            let chosen: Result<_, Fault> = page.items.into_iter().map(|one| cx.judged(one, Action::Change)).collect();
            return Ok((chosen?, page.next_page_token));
        }
        (Some(_), Some(_)) => {
            return Err(Fault::bad_input("/executions", "is given beside processId: name either"));
        }
        (Some(_), None) => {
            return Err(Fault::bad_input("/fromVersion", "is missing: say which version the executions run"));
        }
        (None, Some(_)) => {
            return Err(Fault::bad_input("/processId", "is missing: say whose version it is"));
        }
    }
    if input.executions.is_empty() {
        return Err(Fault::bad_input("/executions", "is missing: name executions, or processId and fromVersion"));
    }
    let (mut chosen, mut seen) = (Vec::with_capacity(input.executions.len()), BTreeSet::new());
    for given in &input.executions {
        let stored = load(cx, given, Action::Change).await?;
        if seen.insert(stored.id) {
            chosen.push(stored);
        }
    }
    Ok((chosen, None))
}
