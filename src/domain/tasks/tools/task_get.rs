//! `task_get`: one task, as it is shown to who answers it.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::tasks::model::task::Task;
use crate::domain::tasks::views::TaskView;
use crate::kernel::fault::Fault;
use crate::kernel::id::TaskId;

/// Tells of a task.
pub(in crate::domain::tasks) struct TaskGet;

/// Which task.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::tasks) struct Input {
    /// The task.
    id: TaskId,
}

impl Capability for TaskGet {
    type Input = Input;
    type Output = TaskView;
    const SPEC: Spec = Spec::read(
        "task_get",
        Domain::Tasks,
        Route::get("/tasks/{id}"),
        Permit::on(Resource::Tasks, Action::Read),
        "One task, whole: what is asked with form and facts, who has it, its time, its answers, whether the caller may answer, and the shownHash \
         that an answer names. To find tasks use task_list; what happened to it tells task_history.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<TaskView, Fault> {
        let stored = cx.load::<Task>(input.id.uuid(), Action::Read).await?;
        TaskView::of(cx, &stored).await
    }
}
