//! `task_escalate`: sends a task to the next of its escalation chain, before its time.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::tasks::engine::timing::escalate;
use crate::domain::tasks::faults::{CHAIN_ENDED, NOT_YOURS, TASK_OVER};
use crate::domain::tasks::model::task::Task;
use crate::domain::tasks::model::who::Who;
use crate::domain::tasks::views::TaskView;
use crate::domain::tasks::writing::{Doer, Notes, change};
use crate::kernel::fault::Fault;
use crate::kernel::id::TaskId;

/// Escalates a task.
pub(in crate::domain::tasks) struct TaskEscalate;

/// Which one, and why.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::tasks) struct Input {
    /// The task.
    id: TaskId,
    /// Why, for the history.
    #[serde(default)]
    #[schemars(length(min = 1, max = 1_000))]
    reason: Option<String>,
}

impl Capability for TaskEscalate {
    type Input = Input;
    type Output = TaskView;
    const SPEC: Spec = Spec::change(
        "task_escalate",
        Domain::Tasks,
        Route::put("/tasks/{id}/escalate"),
        Permit::on(Resource::Tasks, Action::Change),
        "Takes the next step of a task's escalation chain now: it goes to whom the step names, or ends as the step says. Overdue tasks escalate by \
         themselves. To give it to somebody else use task_assign.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<TaskView, Fault> {
        let stored = cx.load::<Task>(input.id.uuid(), Action::Change).await?;
        let mut task = stored.value.clone();
        if task.status.is_over() {
            return Err(Fault::new(&TASK_OVER, format!("the task is {}", task.status.name())));
        }
        let caller = cx.caller();
        let has = task.assignee.as_ref().is_some_and(|one| Who::answering(caller).contains(one));
        if !has && stored.owner != Some(caller.user.uuid()) && !caller.may(Resource::Tasks, Action::Manage) {
            return Err(Fault::new(
                &NOT_YOURS,
                "only who has the task, who made it and holders of tasks:manage escalate it",
            ));
        }
        if task.chain_at >= task.chain.len() {
            return Err(Fault::new(&CHAIN_ENDED, "the escalation chain has no further step"));
        }
        let (mut notes, doer, step) = (Notes::default(), Doer::of(caller), task.chain_at);
        escalate(&mut task, &mut notes, &doer, step, input.reason, cx.now());
        let task = change(cx, &stored, task, notes)?;
        TaskView::after(cx, stored, task).await
    }
}
