//! `tool_docs`: the documentation of one tool, for people.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::documentation;
use crate::capability::permit::Permit;
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::registry::model::visible;
use crate::kernel::fault::Fault;

/// Documents a tool.
pub(crate) struct Docs;

/// Which tool.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Input {
    /// The tool's name.
    #[schemars(length(min = 1, max = 64))]
    name: String,
}

/// The documentation.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    /// The tool's name.
    name: String,
    /// The documentation as Markdown.
    markdown: String,
}

impl Capability for Docs {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "tool_docs",
        Domain::Registry,
        Route::get("/capabilities/{name}/docs"),
        Permit::Own,
        "The documentation of one tool as Markdown for people, with examples and notes. For the bare schemas use \
         tool_describe.",
    );

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        let snapshot = cx.platform().registry.present();
        let tool = visible(cx, &snapshot, &input.name)?;
        let markdown = documentation::markdown(tool, &snapshot, cx.caller());
        Ok(Output { name: tool.name.to_string(), markdown })
    }
}
