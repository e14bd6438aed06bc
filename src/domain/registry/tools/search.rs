//! `tool_search`: finds tools from a need in plain words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::Permit;
use crate::capability::registry::may_call;
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::registry::index::ToolIndex;
use crate::domain::registry::model::Summary;
use crate::kernel::fault::Fault;

/// Finds tools.
pub(crate) struct Search;

/// What is looked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    /// What you want to do, in plain words.
    #[schemars(length(min = 1, max = 500))]
    query: String,
    /// How many tools to answer at most; 5 when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 25))]
    limit: Option<u8>,
    /// Only tools of this domain; `tool_categories` lists them.
    #[serde(default)]
    #[schemars(length(max = 40))]
    domain: Option<String>,
}

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    /// The tools that fit best, best first.
    tools: Vec<Summary>,
    /// How they were found: `lexical`, by words.
    method: &'static str,
}

impl Capability for Search {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "tool_search",
        Domain::Registry,
        Route::get("/capabilities/search"),
        Permit::Own,
        "Find the tools that fit a need, in plain words. Only tools that you may call are found. Then call one with \
         tool_read or tool_call.",
    );

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        let domain = match &input.domain {
            None => None,
            Some(name) => Some(Domain::parse(name).ok_or_else(|| {
                let names: Vec<&str> = Domain::ALL.iter().map(|domain| domain.name()).collect();
                Fault::bad_input("/domain", format!("there is no domain '{name}'; there are {}", names.join(", ")))
            })?),
        };
        let snapshot = cx.platform().registry.present();
        let index = cx.service::<ToolIndex>()?.of(&snapshot, cx.tenant());
        let found = index.search(&input.query, usize::from(input.limit.unwrap_or(5)), |tool| {
            domain.is_none_or(|domain| tool.domain == domain) && may_call(cx.caller(), tool)
        });
        let tools = found.into_iter().map(|(tool, score)| Summary::of(&tool, score)).collect();
        Ok(Output { tools, method: "lexical" })
    }
}
