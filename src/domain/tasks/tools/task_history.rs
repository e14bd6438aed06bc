//! `task_history`: who did what with a task, and when.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::page::Paging;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::tasks::model::entry::{Entry, What};
use crate::domain::tasks::model::task::Task;
use crate::domain::tasks::views::EntryView;
use crate::kernel::fault::Fault;
use crate::kernel::id::TaskId;
use crate::port::records::{Filter, Place, Query, Scalar};

/// Tells what happened to a task.
pub(in crate::domain::tasks) struct TaskHistory;

/// Of which task.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::tasks) struct Input {
    /// The task.
    id: TaskId,
    /// Only what happened of these kinds, such as `commented`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 20))]
    what: Option<Vec<What>>,
    #[serde(flatten)]
    paging: Paging,
}

/// What happened.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::tasks) struct Output {
    /// The task.
    task_id: TaskId,
    /// What happened, in order.
    items: Vec<EntryView>,
    /// Give it as `pageToken` to get the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

impl Capability for TaskHistory {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "task_history",
        Domain::Tasks,
        Route::get("/tasks/{id}/history"),
        Permit::on(Resource::Tasks, Action::Read),
        "Who did what with a task and when, in order: made, assigned, claimed, warned, escalated, answered, commented. All of it is kept. For how it \
         stands now use task_get.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = cx.load::<Task>(input.id.uuid(), Action::Read).await?;
        let mut filter = Filter::is("task", Scalar::Id(stored.id));
        if let Some(what) = &input.what {
            filter = filter.and(Filter::In("what", what.iter().map(|one| Scalar::Text(one.name())).collect()));
        }
        let list = format!("history of {} {:?}", stored.id, input.what);
        let after = match input.paging.page_token.as_deref() {
            Some(token) => Some(cx.open_page::<uuid::Uuid>(&list, token)?),
            None => None,
        };
        let after = after.map(|id| Place { key: Scalar::Id(id), id });
        let size = input.paging.size();
        let query = Query { filter, order: "id", descending: false, after, limit: size + 1 };
        let mut found = cx.find::<Entry>(query).await?;
        let more = found.len() > size as usize;
        found.truncate(size as usize);
        let next_page_token = match found.last() {
            Some(last) if more => Some(cx.seal_page(&list, &last.id)?),
            _ => None,
        };
        Ok(Output { task_id: input.id, items: found.into_iter().map(EntryView::of).collect(), next_page_token })
    }
}
