//! `tool_describe`: one tool in full.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::Permit;
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::registry::model::{Details, visible};
use crate::kernel::fault::Fault;

/// Describes a tool.
pub(crate) struct Describe;

/// Which tool.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Input {
    /// The tool's name.
    #[schemars(length(min = 1, max = 64))]
    name: String,
}

impl Capability for Describe {
    type Input = Input;
    type Output = Details;
    const SPEC: Spec = Spec::read(
        "tool_describe",
        Domain::Registry,
        Route::get("/capabilities/{name}"),
        Permit::Own,
        "One tool's input and output schema, permission, examples and when not to use it.",
    );

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        let snapshot = cx.platform().registry.present();
        let tool = visible(cx, &snapshot, &input.name)?;
        Ok(Details::of(tool, tool.alternatives(&snapshot, cx.caller()).cloned().collect()))
    }
}
