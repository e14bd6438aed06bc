//! `flow_get`: one flow.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::flows::finding::{load, version};
use crate::domain::flows::judging::judged;
use crate::domain::flows::model::version::Version;
use crate::domain::flows::views::Full;
use crate::kernel::fault::Fault;
use crate::kernel::id::UserId;
use crate::kernel::time::Timestamp;
use crate::port::records::{Filter, Query, Scalar};

/// Tells a flow.
pub(in crate::domain::flows) struct FlowGet;

/// The most versions that are told.
const MOST_VERSIONS: u32 = 100;

/// Which one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Input {
    /// Its id.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// The version; the newest when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 32))]
    version: Option<String>,
}

/// The flow.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Output {
    /// The flow.
    #[serde(flatten)]
    flow: Full,
    /// Its versions, the newest first; a hundred at most.
    versions: Vec<Item>,
}

/// A version.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Item {
    /// The version.
    version: String,
    /// Who wrote it.
    author: UserId,
    /// What is new in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// When it was written.
    written_at: Timestamp,
}

impl Capability for FlowGet {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "flow_get",
        Domain::Flows,
        Route::get("/flows/{id}"),
        Permit::on(Resource::Flows, Action::Read),
        "One registered flow in its newest or any earlier version: nodes, edges, credentials with whether the vault has each, dependencies, \
         where it would run, who wrote which version. For its executions use flow_executions.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let flow = load(cx, &input.id, Action::Read).await?.value;
        let (called, said) = match input.version {
            Some(wanted) if wanted != flow.version => {
                let version = version(cx, &flow, &wanted).await?;
                (version.version, version.definition)
            }
            _ => (flow.version.clone(), flow.definition.clone()),
        };
        let judged = judged(cx, &flow.flow_id, flow.kind, &said).await?;
        let of = Filter::is("flowId", Scalar::Text(flow.flow_id.clone()));
        let query = Query { filter: of, order: "createdAt", descending: true, after: None, limit: MOST_VERSIONS };
        let mut versions: Vec<Version> =
            cx.find::<Version>(query).await?.into_iter().map(|stored| stored.value).collect();
        versions.sort_by_key(|version| std::cmp::Reverse(version.revision));
        let item = |version: Version| Item {
            version: version.version,
            author: version.author,
            message: version.message,
            written_at: version.written_at,
        };
        Ok(Output { flow: Full::of(&flow, called, said, judged), versions: versions.into_iter().map(item).collect() })
    }
}
