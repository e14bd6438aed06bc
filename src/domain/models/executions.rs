//! What an execution asked models: by which agent, with which prompt. It tells no costs and no texts, so it is not judged whose call
//! it was.

use crate::capability::cx::{Cx, store_fault};
use crate::domain::models::engine::router::Router;
use crate::domain::models::model::call::{CallEntry, MODEL_CALLS};
use crate::kernel::fault::Fault;
use crate::port::logs::LogQuery;
use crate::port::records::{Filter, Scalar, Scope};

/// Calls of an execution that are looked at, the newest first.
const MOST: u32 = 200;

/// What one call of an execution was a part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The agent that asked.
    pub(crate) agent: Option<String>,
    /// The version of the prompt, such as `summary@1.2.0`.
    pub(crate) prompt_version: Option<String>,
    /// The persona that spoke.
    pub(crate) persona: Option<String>,
    /// The model, as `provider/model`.
    pub(crate) model: String,
}

/// The calls of an execution, the newest first.
///
/// # Errors
/// When the store fails.
pub(crate) async fn asked(cx: &Cx, execution: &str) -> Result<Vec<Asked>, Fault> {
    // What was asked just now is not written yet.
    cx.service::<Router>()?.flush(cx.platform()).await?;
    let filter = Filter::is("execution", Scalar::Text(execution.to_owned()));
    let query = LogQuery { filter, beyond: None, descending: true, limit: MOST };
    let scope = Scope::Tenant(cx.tenant());
    let found = cx.platform().store.entries(scope, &MODEL_CALLS, query).await.map_err(store_fault)?;
    let read = |body| serde_json::from_value::<CallEntry>(body).map_err(Fault::internal);
    let of = |entry: CallEntry| Asked {
        agent: entry.agent,
        prompt_version: entry.prompt_version,
        persona: entry.persona,
        model: entry.model,
    };
    found.into_iter().map(|entry| read(entry.body).map(of)).collect()
}
