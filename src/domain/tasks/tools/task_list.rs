//! `task_list`: tasks by whose they are, how they stand, their time and their process.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::tasks::model::task::{SlaStatus, Status, Task, among};
use crate::domain::tasks::model::who::Who;
use crate::domain::tasks::people::People;
use crate::domain::tasks::views::Brief;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::records::{Comparison, Filter, Scalar};

/// Tells tasks.
pub(in crate::domain::tasks) struct TaskList;

/// Whose tasks, seen from the caller.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::tasks) enum Whose {
    /// All that the caller may see.
    #[default]
    All,
    /// Those that the caller has.
    Mine,
    /// Those that nobody has and the caller, a group of theirs or the agent that acts may claim.
    Claimable,
    /// Those that the caller made, or whose execution they began.
    Created,
}

/// In which order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::tasks) enum Order {
    /// The newest first.
    #[default]
    Newest,
    /// What is due next first; those without a due time before.
    Due,
    /// The most urgent first.
    Priority,
}

/// Which tasks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::tasks) struct Input {
    /// Whose tasks, seen from the caller; all that the caller may see when not said.
    #[serde(default)]
    whose: Whose,
    /// Only those that this one has: a user's id or email, `agent:ID`; for `group:NAME` those that its members may claim.
    #[serde(default)]
    #[schemars(length(min = 1, max = 320))]
    assignee: Option<String>,
    /// Only those that stand so; those that are not over when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 6))]
    status: Option<Vec<Status>>,
    /// Only those that stand so with their time.
    #[serde(default)]
    #[schemars(length(min = 1, max = 6))]
    sla_status: Option<Vec<SlaStatus>>,
    /// Only those of this type.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    task_type: Option<String>,
    /// Only those of this process.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    process_id: Option<String>,
    /// Only those of this execution.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    execution_id: Option<String>,
    /// Only those that are due before this moment.
    #[serde(default)]
    due_before: Option<Timestamp>,
    /// Only those that are at least so urgent.
    #[serde(default)]
    #[schemars(range(max = 100))]
    min_priority: Option<u32>,
    /// In which order; the newest first when not said.
    #[serde(default)]
    order: Order,
    #[serde(flatten)]
    paging: Paging,
}

impl Capability for TaskList {
    type Input = Input;
    type Output = Page<Brief>;
    const SPEC: Spec = Spec::read(
        "task_list",
        Domain::Tasks,
        Route::get("/tasks"),
        Permit::on(Resource::Tasks, Action::Read),
        "Tasks of people in short: the caller's own, those they may claim, or all they may see; by assignee, status, SLA, type, process and \
         execution. For the form and the answers of one use task_get.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Page<Brief>, Fault> {
        let mut filter = match input.whose {
            Whose::All => Filter::All,
            Whose::Mine => Filter::is("assignee", text(Who::doing(cx.caller()).to_string())),
            Whose::Claimable => open().and(among(&Who::answering(cx.caller()))),
            Whose::Created => Filter::is("owner", Scalar::Id(cx.caller().user.uuid())),
        };
        if let Some(assignee) = &input.assignee {
            let people = People { store: &*cx.platform().store, tenant: cx.tenant() };
            filter = filter.and(match people.meant(assignee, "/assignee").await? {
                group @ Who::Group(_) => open().and(among(&[group])),
                one => Filter::is("assignee", text(one.to_string())),
            });
        }
        let usual = || vec![Status::Open, Status::Assigned, Status::Deferred];
        let statuses = input.status.clone().unwrap_or_else(usual);
        filter = filter.and(Filter::In("status", statuses.iter().map(|one| text(one.name().to_owned())).collect()));
        if let Some(wanted) = &input.sla_status {
            filter =
                filter.and(Filter::In("slaStatus", wanted.iter().map(|one| text(one.name().to_owned())).collect()));
        }
        for (name, value) in
            [("taskType", &input.task_type), ("processId", &input.process_id), ("executionId", &input.execution_id)]
        {
            if let Some(value) = value {
                filter = filter.and(Filter::is(name, text(value.clone())));
            }
        }
        if let Some(moment) = input.due_before {
            filter = filter.and(Filter::Compare("dueAt", Comparison::Less, Scalar::Time(moment)));
        }
        if let Some(least) = input.min_priority {
            filter = filter.and(Filter::Compare("priority", Comparison::AtLeast, Scalar::Integer(i64::from(least))));
        }
        let (order, descending) = match input.order {
            Order::Newest => ("id", true),
            Order::Due => ("dueAt", false),
            Order::Priority => ("priority", true),
        };
        let page = cx.list::<Task>(filter, order, descending, &input.paging).await?;
        Ok(page.map(|stored| Brief::of(&stored)))
    }
}

fn text(text: String) -> Scalar {
    Scalar::Text(text)
}

fn open() -> Filter {
    Filter::is("status", text(Status::Open.name().to_owned()))
}
