//! `task_page`: a task as a page with a form, as the caller sees it.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::form_page::FormPage;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::tasks::model::task::Task;
use crate::domain::tasks::page::page;
use crate::kernel::fault::Fault;
use crate::kernel::id::TaskId;

/// Tells the page of a task.
pub(in crate::domain::tasks) struct TaskPage;

/// Which task.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::tasks) struct Input {
    /// The task.
    id: TaskId,
}

impl Capability for TaskPage {
    type Input = Input;
    type Output = FormPage;
    const SPEC: Spec = Spec::read(
        "task_page",
        Domain::Tasks,
        Route::get("/tasks/{id}/page"),
        Permit::on(Resource::Tasks, Action::Read),
        "A task as a page to draw for a person: facts, fields, decisions, and which members of task_respond take them. Links of task_link show it as \
         HTML. To read a task for yourself use task_get.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<FormPage, Fault> {
        let stored = cx.load::<Task>(input.id.uuid(), Action::Read).await?;
        page(cx, &stored).await
    }
}
