//! `task_create`: asks somebody to decide something or to fill something in.

use crate::capability::Capability;
use crate::capability::cx::{Belongs, Cx};
use crate::capability::owned::Stored;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::tasks::opening::{Asked, Opener, prepared};
use crate::domain::tasks::room::room_for_task;
use crate::domain::tasks::views::TaskView;
use crate::domain::tasks::writing::{Doer, create};
use crate::kernel::fault::Fault;
use crate::port::records::Visibility;

/// Makes a task.
pub(in crate::domain::tasks) struct TaskCreate;

impl Capability for TaskCreate {
    type Input = Asked;
    type Output = TaskView;
    const SPEC: Spec = Spec::create(
        "task_create",
        Domain::Tasks,
        Route::post("/tasks"),
        Permit::on(Resource::Tasks, Action::Create),
        "Asks a person, a group or an agent to decide or fill in something: form, assignee or candidates, time with warnings and escalation chain, \
         quorum, separation of duties. The answer comes with task_respond; the event task.completed tells it.",
    );

    async fn run(cx: &Cx, input: Asked) -> Result<TaskView, Fault> {
        room_for_task(cx).await?;
        let starter = cx.caller().user;
        let opener = Opener { starter, continuation: None };
        let doer = Doer::of(cx.caller());
        let (task, notes) = Box::pin(prepared(cx.platform(), cx.tenant(), input, opener, &doer)).await?;
        let id = cx.new_id();
        let belongs = Belongs { owner: Some(starter.uuid()), workspace: None, visibility: Visibility::Private };
        let value = create(cx, id, belongs, task, notes)?;
        let (at, visibility) = (cx.now(), belongs.visibility);
        let stored = Stored {
            id,
            revision: 1,
            owner: belongs.owner,
            workspace: None,
            visibility,
            created_at: at,
            updated_at: at,
            value,
        };
        TaskView::of(cx, &stored).await
    }
}
