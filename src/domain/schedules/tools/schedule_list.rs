//! `schedule_list`: schedules by state, target and words.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::prompts::engine::file::meant;
use crate::domain::schedules::model::schedule::{Schedule, State};
use crate::domain::schedules::model::standing::Standing;
use crate::domain::schedules::views::ScheduleView;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::records::{Filter, Query, Scalar};

/// Lists schedules.
pub(in crate::domain::schedules) struct ScheduleList;

/// Which ones.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::schedules) struct Input {
    /// Only those that stand so.
    #[serde(default)]
    state: Option<State>,
    /// Only those that call this tool.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    tool: Option<String>,
    /// Only those that run this agent, as it was named.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    agent_id: Option<String>,
    /// Only those that start this process.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    process_id: Option<String>,
    /// Only those whose name or description has all of these words.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    text: Option<String>,
    /// Only the caller's own.
    #[serde(default)]
    mine: bool,
    #[serde(flatten)]
    paging: Paging,
}

impl Capability for ScheduleList {
    type Input = Input;
    type Output = Page<ScheduleView>;
    const SPEC: Spec = Spec::read(
        "schedule_list",
        Domain::Schedules,
        Route::get("/schedules"),
        Permit::on(Resource::Schedules, Action::Read),
        "The schedules that can be seen, the newest first, by state, target and words, each with its next due time. For the runs of one use \
         schedule_get.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Page<ScheduleView>, Fault> {
        let text = |field, text: String| Filter::is(field, Scalar::Text(text));
        let mut filter = Filter::All;
        if let Some(state) = input.state {
            filter = filter.and(text("state", state.name().to_owned()));
        }
        if let Some(tool) = input.tool {
            filter = filter.and(text("does", format!("tool:{tool}")));
        }
        if let Some(agent) = input.agent_id {
            filter = filter.and(text("does", format!("agent:{agent}")));
        }
        if let Some(process) = input.process_id {
            filter = filter.and(text("does", format!("process:{}", meant(&process))));
        }
        if let Some(words) = input.text {
            filter = filter.and(Filter::Matches(words));
        }
        if input.mine {
            filter = filter.and(Filter::is("owner", Scalar::Id(cx.caller().user.uuid())));
        }
        let page = cx.list::<Schedule>(filter, "id", true, &input.paging).await?;
        let ids: Vec<Scalar> = page.items.iter().map(|stored| Scalar::Id(stored.id)).collect();
        let limit = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        let mut next: HashMap<Uuid, Option<Timestamp>> = HashMap::new();
        if limit > 0 {
            let found = cx.find::<Standing>(Query::newest(Filter::In("id", ids), limit)).await?;
            next.extend(found.into_iter().map(|stored| (stored.id, stored.value.next_due)));
        }
        let items = page.items.into_iter().map(|stored| {
            let next = next.get(&stored.id).copied().flatten();
            ScheduleView::of(stored, next)
        });
        Ok(Page { items: items.collect(), next_page_token: page.next_page_token })
    }
}
