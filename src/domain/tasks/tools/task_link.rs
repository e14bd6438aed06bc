//! `task_link`: a link by which one person answers one task.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::capability::Capability;
use crate::capability::cx::{Cx, forbidden};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::tasks::faults::TASK_OVER;
use crate::domain::tasks::model::entry::What;
use crate::domain::tasks::model::task::Task;
use crate::domain::tasks::model::who::Who;
use crate::domain::tasks::page::path;
use crate::domain::tasks::people::People;
use crate::domain::tasks::writing::{Doer, Notes, change};
use crate::kernel::fault::Fault;
use crate::kernel::id::{TaskId, UserId};
use crate::kernel::time::Timestamp;

/// Hours that a link is good for when nothing else is said.
const USUAL_HOURS: u32 = 72;

/// Makes a link.
pub(in crate::domain::tasks) struct TaskLink;

/// For whom, and for how long.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::tasks) struct Input {
    /// The task.
    id: TaskId,
    /// For whom: a user's id or email; the caller when not said. For somebody else this needs the permission `keys:manage`, as a key of theirs
    /// would.
    #[serde(default)]
    #[schemars(length(min = 1, max = 320))]
    user: Option<String>,
    /// For how many hours; 72 when not said.
    #[serde(default)]
    #[schemars(range(min = 1, max = 720))]
    expires_in_hours: Option<u32>,
}

/// A link.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::tasks) struct Output {
    /// The task.
    task_id: TaskId,
    /// For whom it is.
    user_id: UserId,
    /// The whole address; absent where the server's own is not known: set `server.public_url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// The path below the server's address. Who has it answers as the person: send it to them alone.
    path: String,
    /// From when on it is none.
    expires_at: Timestamp,
}

impl Capability for TaskLink {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::create(
        "task_link",
        Domain::Tasks,
        Route::post("/tasks/{id}/links"),
        Permit::on(Resource::Tasks, Action::Change),
        "Makes a link for one person to one task: it opens a page with the form, on any phone, without signing in. It ends with its time, with the \
         task, and when the task goes to somebody else. Shown once; send it to that person alone.",
    )
    .shows_secret();

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = cx.load::<Task>(input.id.uuid(), Action::Change).await?;
        let task = stored.value.clone();
        if task.status.is_over() {
            return Err(Fault::new(&TASK_OVER, format!("the task is {}", task.status.name())));
        }
        let caller = cx.caller();
        let people = People { store: &*cx.platform().store, tenant: cx.tenant() };
        let user = match &input.user {
            Some(text) => people.person(text, "/user").await?,
            None => caller.user,
        };
        let is_own = user == caller.user && caller.acting.is_none();
        // Whoever has a link answers as the person: a link for somebody else is as much as a key of theirs.
        if !is_own && !caller.may(Resource::Keys, Action::Manage) {
            return Err(forbidden(Permit::on(Resource::Keys, Action::Manage)));
        }
        let groups = people.groups(user).await?;
        let fits = |who: &Who| match who {
            Who::User(one) => *one == user,
            Who::Group(name) => groups.contains(name),
            Who::Agent(_) => false,
        };
        if !task.assignee.iter().chain(&task.candidates).any(fits) {
            return Err(Fault::bad_input("/user", "neither has the task nor may claim it: assign it to them first"));
        }
        let expires_at = cx.now().plus(Duration::from_hours(u64::from(input.expires_in_hours.unwrap_or(USUAL_HOURS))));
        let path = path(cx, stored.id, user, expires_at);
        let mut notes = Notes::default();
        notes.note(What::Linked, &Doer::of(caller), None, json!({ "for": user, "expiresAt": expires_at }));
        change(cx, &stored, task, notes)?;
        let url = cx.platform().config.server.public().map(|base| format!("{base}{path}"));
        Ok(Output { task_id: input.id, user_id: user, url, path, expires_at })
    }
}
