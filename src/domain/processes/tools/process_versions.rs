//! `process_versions`: the history of a process.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::page::Paging;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::processes::finding::{load, unknown_branch};
use crate::domain::processes::model::revision::Revision;
use crate::domain::processes::views::{BranchView, VersionView};
use crate::kernel::fault::Fault;
use crate::port::records::{Comparison, Filter, Query, Scalar};

/// Tells the history of a process.
pub(in crate::domain::processes) struct ProcessVersions;

/// Whose history.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Input {
    /// The id or name of the process.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// Only what was written on this branch.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    branch: Option<String>,
    /// Only what was published.
    #[serde(default)]
    published: bool,
    /// Which part of the history.
    #[serde(flatten)]
    paging: Paging,
}

/// The history.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Output {
    /// The id of the process.
    id: String,
    /// Its definitions, newest first.
    items: Vec<VersionView>,
    /// All branches.
    branches: Vec<BranchView>,
    /// Give it as `pageToken` to get the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

impl Capability for ProcessVersions {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "process_versions",
        Domain::Processes,
        Route::get("/processes/{id}/versions"),
        Permit::on(Resource::Processes, Action::Read),
        "The history of a process: every draft and published version with status, author, message, branch and digest, newest first. For what \
         changed between two use process_diff.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let process = load(cx, &input.id, Action::Read).await?.value;
        let mut filter = Filter::is("processId", Scalar::Text(process.process_id.clone()));
        if let Some(branch) = &input.branch {
            process.head(branch).ok_or_else(|| unknown_branch(&process, branch))?;
            filter = filter.and(Filter::is("branch", Scalar::Text(branch.clone())));
        }
        if input.published {
            filter = filter.and(Filter::Not(Box::new(Filter::IsNull("version"))));
        }
        let list = format!("process versions {} {:?} {}", process.process_id, input.branch, input.published);
        let token = input.paging.page_token.as_deref();
        if let Some(before) = token.map(|token| cx.open_page::<u32>(&list, token)).transpose()? {
            filter = filter.and(Filter::Compare("revision", Comparison::Less, Scalar::Integer(before.into())));
        }
        let size = input.paging.size();
        let query = Query { filter, order: "revision", descending: true, after: None, limit: size + 1 };
        let mut found = cx.find::<Revision>(query).await?;
        let more = found.len() > size as usize;
        found.truncate(size as usize);
        let next_page_token = match found.last() {
            Some(last) if more => Some(cx.seal_page(&list, &last.value.revision)?),
            _ => None,
        };
        let items = found.iter().map(|stored| VersionView::of(&process, &stored.value)).collect();
        let branches =
            process.branches.iter().map(|(name, branch)| BranchView { name: name.clone(), branch: branch.clone() });
        Ok(Output { id: process.process_id.clone(), items, branches: branches.collect(), next_page_token })
    }
}
