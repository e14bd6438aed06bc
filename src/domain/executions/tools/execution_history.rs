//! `execution_history`: what happened, in order.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::page::Paging;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::executions::finding::load;
use crate::domain::executions::model::line::JOURNAL;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::logs::LogQuery;
use crate::port::records::{Filter, Scalar, Scope};

/// Tells what happened in an execution.
pub(in crate::domain::executions) struct ExecutionHistory;

/// Of which one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Input {
    /// The execution's id.
    #[schemars(length(min = 1, max = 64))]
    id: String,
    /// Only what happened at this node.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    node: Option<String>,
    /// Only events of this kind, such as `failed`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    event: Option<String>,
    /// The newest first.
    #[serde(default)]
    newest_first: bool,
    /// Which part of the history.
    #[serde(flatten)]
    paging: Paging,
}

/// What happened.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Output {
    /// The events in order.
    items: Vec<Happened>,
    /// Give it as `pageToken` to get the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// Something that happened.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Happened {
    /// Its place in the journal.
    position: i64,
    /// When.
    at: Timestamp,
    /// `event`, `node` and what belongs to it.
    #[serde(flatten)]
    what: Map<String, Value>,
}

impl Capability for ExecutionHistory {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "execution_history",
        Domain::Executions,
        Route::get("/executions/{id}/history"),
        Permit::on(Resource::Executions, Action::Read),
        "Everything that happened in an execution, in order: nodes entered, begun, done, failed, ways taken, values set, and who paused, \
         signalled or recovered it. For how it stands now use execution_get.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = load(cx, &input.id, Action::Read).await?;
        let mut filter = Filter::is("stream", Scalar::Text(stored.id.to_string()));
        for (field, value) in [("node", &input.node), ("event", &input.event)] {
            if let Some(value) = value {
                filter = filter.and(Filter::is(field, Scalar::Text(value.clone())));
            }
        }
        let list = format!("execution history {} {:?} {:?} {}", stored.id, input.node, input.event, input.newest_first);
        let token = input.paging.page_token.as_deref();
        let beyond = token.map(|token| cx.open_page::<i64>(&list, token)).transpose()?;
        let size = input.paging.size();
        let query = LogQuery { filter, beyond, descending: input.newest_first, limit: size + 1 };
        let store = &cx.platform().store;
        let mut found = store.entries(Scope::Tenant(cx.tenant()), &JOURNAL, query).await.map_err(store_fault)?;
        let more = found.len() > size as usize;
        found.truncate(size as usize);
        let next_page_token = match found.last() {
            Some(last) if more => Some(cx.seal_page(&list, &last.position)?),
            _ => None,
        };
        let happened = |entry: crate::port::logs::Entry| {
            let what = entry.body.as_object().cloned().unwrap_or_default();
            Happened { position: entry.position, at: entry.at, what }
        };
        Ok(Output { items: found.into_iter().map(happened).collect(), next_page_token })
    }
}
