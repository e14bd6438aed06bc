//! `tool_read`: calls a tool that only reads by name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::Permit;
use crate::capability::spec::{Domain, Forward, Route, Spec};
use crate::kernel::fault::Fault;

/// Calls a tool that only reads by name.
pub(crate) struct Read;

/// Which tool, and its input.
#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the gate reads it and runs the named tool instead")]
pub(crate) struct Input {
    /// The tool's name.
    #[schemars(length(min = 1, max = 64))]
    name: String,
    /// The tool's input.
    #[serde(default)]
    input: Map<String, Value>,
}

/// What the tool answered.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Output {
    /// The tool that ran.
    tool: String,
    /// Its output.
    result: Value,
    /// Figures of the call.
    metrics: Metrics,
}

/// Figures of a call.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metrics {
    /// How long it took, in milliseconds.
    duration_ms: u64,
}

impl Capability for Read {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "tool_read",
        Domain::Registry,
        Route::post("/capabilities/read"),
        Permit::Own,
        "Call a tool that only reads, by its name with its input. Refuses every other tool: use tool_call for those.",
    )
    .forwards(Forward::Reads);

    async fn run(cx: &Cx, _: Self::Input) -> Result<Self::Output, Fault> {
        Err(Fault::internal(format!("{} ran instead of the tool that it names", cx.call().tool.name)))
    }
}
