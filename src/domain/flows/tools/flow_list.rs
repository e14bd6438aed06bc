//! `flow_list`: flows by type, status, tag and words.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::flows::engine::kinds::FlowType;
use crate::domain::flows::model::flow::{Flow, Status};
use crate::domain::flows::model::mark;
use crate::domain::flows::views::Brief;
use crate::kernel::fault::Fault;
use crate::port::records::{Filter, Scalar};

/// Lists flows.
pub(in crate::domain::flows) struct FlowList;

/// Which ones.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Input {
    /// Only those of this type.
    #[serde(rename = "type", default)]
    kind: Option<FlowType>,
    /// Only those that stand so; all but archived ones when not said.
    #[serde(default)]
    status: Option<Status>,
    /// Only those with this tag.
    #[serde(default)]
    #[schemars(length(min = 1, max = 60))]
    tag: Option<String>,
    /// Only those whose id, name, description, tags or nodes have all of these words.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    text: Option<String>,
    /// Only those that depend on this flow by themselves.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    depends_on: Option<String>,
    /// Which part of the list.
    #[serde(flatten)]
    paging: Paging,
}

impl Capability for FlowList {
    type Input = Input;
    type Output = Page<Brief>;
    const SPEC: Spec = Spec::read(
        "flow_list",
        Domain::Flows,
        Route::get("/flows"),
        Permit::on(Resource::Flows, Action::Read),
        "The registered flows by type, status, tag, words, or what they depend on, each with its newest version. Archived ones only when asked \
         for. For one whole use flow_get.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Page<Brief>, Fault> {
        let is = |field, text: &str| Filter::is(field, Scalar::Text(text.to_owned()));
        let mut filter = match input.status {
            Some(status) => is("status", status.name()),
            None => Filter::Not(Box::new(is("status", Status::Archived.name()))),
        };
        if let Some(kind) = input.kind {
            filter = filter.and(is("type", kind.name()));
        }
        if let Some(tag) = &input.tag {
            filter = filter.and(Filter::Matches(mark('t', tag)));
        }
        if let Some(other) = &input.depends_on {
            filter = filter.and(Filter::Matches(mark('d', other)));
        }
        if let Some(text) = input.text {
            filter = filter.and(Filter::Matches(text));
        }
        Ok(cx.list::<Flow>(filter, "flowId", false, &input.paging).await?.map(Brief::of))
    }
}
