//! `task_assign`: who has a task: assigned, claimed, passed on, given back.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::tasks::answering::may;
use crate::domain::tasks::engine::timing::hand;
use crate::domain::tasks::faults::{NO_CANDIDATES, NOT_YOURS, TASK_OVER};
use crate::domain::tasks::model::entry::What;
use crate::domain::tasks::model::task::{Status, Task};
use crate::domain::tasks::model::who::Who;
use crate::domain::tasks::people::People;
use crate::domain::tasks::views::TaskView;
use crate::domain::tasks::writing::{Doer, Notes, change};
use crate::kernel::fault::Fault;
use crate::kernel::id::TaskId;

/// Changes who has a task.
pub(in crate::domain::tasks) struct TaskAssign;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::tasks) enum Deed {
    /// Give it to somebody, whoever has it now: for who made it and for holders of `tasks:manage`.
    Assign,
    /// Take it: for candidates, while nobody has it.
    Claim,
    /// Pass it on to somebody: for who has it.
    Delegate,
    /// Give it back to the candidates: for who has it.
    Release,
}

/// Who is to have it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::tasks) struct Input {
    /// The task.
    id: TaskId,
    /// What is done; `claim` when not said and nobody is named, else `delegate` for who has it and `assign` for everybody else.
    #[serde(default)]
    action: Option<Deed>,
    /// Who is to have it, for `assign` and `delegate`: a user's id or email, `agent:ID`, or `group:NAME`, whose members may claim it then.
    #[serde(default)]
    #[schemars(length(min = 1, max = 320))]
    assignee: Option<String>,
    /// Why, for the history.
    #[serde(default)]
    #[schemars(length(min = 1, max = 1_000))]
    reason: Option<String>,
}

impl Capability for TaskAssign {
    type Input = Input;
    type Output = TaskView;
    const SPEC: Spec = Spec::change(
        "task_assign",
        Domain::Tasks,
        Route::put("/tasks/{id}/assign"),
        Permit::on(Resource::Tasks, Action::Change),
        "Changes who has a task: assign it to somebody, claim it, delegate it, or release it to its candidates. To send it up its escalation chain use \
         task_escalate, to answer it task_respond.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<TaskView, Fault> {
        let stored = cx.load::<Task>(input.id.uuid(), Action::Change).await?;
        if stored.value.status.is_over() {
            return Err(Fault::new(&TASK_OVER, format!("the task is {}", stored.value.status.name())));
        }
        let has = stored.value.assignee.as_ref().is_some_and(|one| Who::answering(cx.caller()).contains(one));
        let deed = match (input.action, &input.assignee) {
            (Some(deed), _) => deed,
            (None, None) => Deed::Claim,
            (None, Some(_)) if has && !governs(cx, &stored) => Deed::Delegate,
            (None, Some(_)) => Deed::Assign,
        };
        let to = match (deed, &input.assignee) {
            (Deed::Assign | Deed::Delegate, Some(text)) => {
                let people = People { store: &*cx.platform().store, tenant: cx.tenant() };
                Some(people.meant(text, "/assignee").await?)
            }
            (Deed::Assign | Deed::Delegate, None) => {
                return Err(Fault::bad_input("/assignee", "is missing: say who is to have it"));
            }
            (Deed::Claim | Deed::Release, None) => None,
            (Deed::Claim | Deed::Release, Some(_)) => {
                return Err(Fault::bad_input("/assignee", "is only for assign and delegate"));
            }
        };
        let (mut task, mut notes, doer) = (stored.value.clone(), Notes::default(), Doer::of(cx.caller()));
        let what = match deed {
            Deed::Assign => {
                if !governs(cx, &stored) {
                    return Err(Fault::new(
                        &NOT_YOURS,
                        "only who made the task, and holders of tasks:manage, assign it",
                    ));
                }
                What::Assigned
            }
            Deed::Claim => {
                if task.quorum.is_some() {
                    return Err(Fault::bad_input(
                        "/action",
                        "cannot be 'claim' where several answer: answer with task_respond",
                    ));
                }
                may(cx, &stored).await?;
                if has {
                    return TaskView::of(cx, &stored).await;
                }
                What::Claimed
            }
            Deed::Delegate => {
                if !has {
                    return Err(Fault::new(&NOT_YOURS, "only who has the task passes it on"));
                }
                task.delegated_by.push(Who::doing(cx.caller()));
                What::Delegated
            }
            Deed::Release => {
                if !has && !governs(cx, &stored) {
                    return Err(Fault::new(&NOT_YOURS, "only who has the task gives it back"));
                }
                if task.candidates.is_empty() {
                    return Err(Fault::new(&NO_CANDIDATES, "the task has no candidates"));
                }
                task.assignee = None;
                task.status = Status::Open;
                What::Released
            }
        };
        if deed != Deed::Release {
            hand(&mut task, to.unwrap_or_else(|| Who::doing(cx.caller())));
        }
        notes.assigned(what, &doer, &task, input.reason);
        let task = change(cx, &stored, task, notes)?;
        TaskView::after(cx, stored, task).await
    }
}

/// Whether the caller made the task or manages all of them.
fn governs(cx: &Cx, stored: &Stored<Task>) -> bool {
    let caller = cx.caller();
    stored.owner == Some(caller.user.uuid()) || caller.may(Resource::Tasks, Action::Manage)
}
