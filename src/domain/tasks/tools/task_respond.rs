//! `task_respond`: answers a task, once.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::tasks::answering::{Given, answer, may};
use crate::domain::tasks::asking::ask;
use crate::domain::tasks::model::task::Task;
use crate::domain::tasks::views::TaskView;
use crate::kernel::fault::Fault;
use crate::kernel::id::TaskId;
use crate::kernel::time::Timestamp;

/// Answers a task.
pub(in crate::domain::tasks) struct TaskRespond;

/// The answer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::tasks) struct Input {
    /// The task.
    id: TaskId,
    /// What is decided: one of the task's outcomes. Left out where the form has a field `decision`, and where the person is to be asked.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    outcome: Option<String>,
    /// What is filled in: an object that fits the task's form.
    #[serde(default)]
    response: Option<Map<String, Value>>,
    /// What is said besides.
    #[serde(default)]
    #[schemars(length(min = 1, max = 4_000))]
    comment: Option<String>,
    /// The `shownHash` of the task as it was shown to whoever answers. Left out only where the person is to be asked.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    shown_hash: Option<String>,
    /// Until when it is put off, for the outcome `defer`.
    #[serde(default)]
    defer_until: Option<Timestamp>,
}

impl Capability for TaskRespond {
    type Input = Input;
    type Output = TaskView;
    const SPEC: Spec = Spec::change(
        "task_respond",
        Domain::Tasks,
        Route::put("/tasks/{id}/respond"),
        Permit::on(Resource::Tasks, Action::Change),
        "Answers a task: outcome, and what its form wants; the first answer stands. Read it with task_get before and give its shownHash. Without \
         outcome and response the person is asked, where the client can ask. Answers are people's: decide for nobody.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<TaskView, Fault> {
        let stored = cx.load::<Task>(input.id.uuid(), Action::Change).await?;
        let given = if input.outcome.is_none() && input.response.is_none() {
            if input.shown_hash.is_some() || input.comment.is_some() || input.defer_until.is_some() {
                return Err(Fault::bad_input("/outcome", "is missing: an answer decides or fills in something"));
            }
            // Nobody is asked what they may not answer.
            may(cx, &stored).await?;
            match ask(cx, &stored).await? {
                Some(given) => given,
                // The person was sent to the page.
                None => return TaskView::of(cx, &stored).await,
            }
        } else {
            let shown_hash = input.shown_hash.ok_or_else(|| {
                Fault::bad_input(
                    "/shownHash",
                    "is missing: read the task with task_get and give the shownHash of what was shown",
                )
            })?;
            Given {
                outcome: input.outcome,
                response: input.response.unwrap_or_default(),
                comment: input.comment,
                shown_hash,
                defer_until: input.defer_until,
            }
        };
        let task = answer(cx, stored.clone(), given).await?;
        TaskView::after(cx, stored, task).await
    }
}
