//! `flow_executions`: the executions of a flow.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::flows::finding::load;
use crate::domain::flows::model::execution::{FlowExecution, Status};
use crate::domain::flows::running::as_they_stand;
use crate::domain::flows::views::ExecutionView;
use crate::kernel::fault::Fault;
use crate::kernel::id::ExecutionId;
use crate::kernel::time::Timestamp;
use crate::port::records::{Comparison, Filter, Scalar};

/// Lists executions of a flow.
pub(in crate::domain::flows) struct FlowExecutions;

/// So often is more looked for until a page is full.
const MOST_LOOKS: usize = 20;

/// Which ones.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Input {
    /// The flow's id.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// Only this one.
    #[serde(default)]
    execution_id: Option<ExecutionId>,
    /// Only those that stand so; a runner looks for `pending`.
    #[serde(default)]
    status: Option<Status>,
    /// Only those that were asked for at this moment or later.
    #[serde(default)]
    from: Option<Timestamp>,
    /// Only those that were asked for before this moment.
    #[serde(default)]
    to: Option<Timestamp>,
    /// Which part of the history.
    #[serde(flatten)]
    paging: Paging,
}

impl Capability for FlowExecutions {
    type Input = Input;
    type Output = Page<ExecutionView>;
    const SPEC: Spec = Spec::read(
        "flow_executions",
        Domain::Flows,
        Route::get("/flows/{id}/executions"),
        Permit::on(Resource::Flows, Action::Read),
        "The executions of a flow that the caller may see, newest first: status, parameters, progress, result or error, how long, by whom; one \
         that runs here stands as its process does. For figures over all of them use flow_statistics.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Page<ExecutionView>, Fault> {
        let flow = load(cx, &input.id, Action::Read).await?.value;
        let text = |field, text: &str| Filter::is(field, Scalar::Text(text.to_owned()));
        let mut filter = text("flowId", &flow.flow_id);
        if let Some(id) = input.execution_id {
            filter = filter.and(Filter::is("id", Scalar::Id(id.uuid())));
        }
        if let Some(status) = input.status {
            // How one that runs here stands is not kept with it.
            let here = Filter::Not(Box::new(Filter::IsNull("process")));
            filter = filter.and(Filter::Or(vec![text("status", status.name()), here]));
        }
        if let Some(from) = input.from {
            filter = filter.and(Filter::Compare("createdAt", Comparison::AtLeast, Scalar::Time(from)));
        }
        if let Some(to) = input.to {
            filter = filter.and(Filter::Compare("createdAt", Comparison::Less, Scalar::Time(to)));
        }
        let wanted = input.paging.size();
        let mut page = Page { items: Vec::new(), next_page_token: input.paging.page_token };
        for _ in 0..MOST_LOOKS {
            let rest = wanted.saturating_sub(u32::try_from(page.items.len()).unwrap_or(u32::MAX));
            let paging = Paging { limit: Some(rest), page_token: page.next_page_token.take() };
            let found = cx.list::<FlowExecution>(filter.clone(), "createdAt", true, &paging).await?;
            page.next_page_token = found.next_page_token;
            let found = as_they_stand(cx, found.items).await?;
            let stands = |execution: &FlowExecution| input.status.is_none_or(|status| execution.status == status);
            let kept = found.into_iter().filter(|stored| stands(&stored.value));
            page.items.extend(kept.map(|stored| ExecutionView::of(stored.id, stored.created_at, stored.value)));
            if page.next_page_token.is_none() || page.items.len() >= wanted as usize {
                break;
            }
        }
        Ok(page)
    }
}
