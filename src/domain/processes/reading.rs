//! Reading published versions, for what runs them.

pub(crate) use super::model::revision::Revision;

use super::finding::LATEST;
use super::model::process::Process;
use crate::capability::caller::Caller;
use crate::capability::cx::store_fault;
use crate::capability::owned::{Stored, Verdict, judge};
use crate::capability::permit::Action;
use crate::capability::platform::Platform;
use crate::domain::prompts::engine::file::meant;
use crate::kernel::fault::Fault;
use crate::port::records::{Document as _, Filter, Query, Scalar, Scope};

/// A published version of a process that a caller may see: the newest where none is named. None where it was never published.
///
/// # Errors
/// `not_found` for what the caller may not see.
pub(crate) async fn published(
    platform: &Platform,
    caller: &Caller,
    given: &str,
    version: Option<&str>,
) -> Result<Option<(String, Revision)>, Fault> {
    let (scope, process_id) = (Scope::Tenant(caller.tenant), meant(given));
    let missing = || Fault::not_found("process", given);
    let found = platform.store.get(scope, Process::KIND, Process::id(&process_id)).await.map_err(store_fault)?;
    let process = found.map(Stored::<Process>::read).transpose()?.ok_or_else(missing)?;
    if judge(caller, &process, Action::Read) != Verdict::Allowed {
        return Err(missing());
    }
    let version = match version.filter(|version| *version != LATEST) {
        Some(version) => version,
        None => match &process.value.published {
            Some(version) => version,
            None => return Ok(None),
        },
    };
    let of = Filter::is("processId", Scalar::Text(process_id.clone()));
    let filter = of.and(Filter::is("version", Scalar::Text(version.to_owned())));
    let query = Query { filter, order: "revision", descending: true, after: None, limit: 1 };
    let found = platform.store.find(scope, Revision::KIND, query).await.map_err(store_fault)?;
    let revision = found.into_iter().next().map(Stored::<Revision>::read).transpose()?;
    let revision = revision.ok_or_else(|| {
        let detail = serde_json::json!({ "processId": process_id, "latest": process.value.published });
        Fault::not_found("published version", version).with_detail(detail)
    })?;
    Ok(Some((process_id, revision.value)))
}
