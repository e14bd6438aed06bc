//! `tool_read`: calls a tool that only reads by name.

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::Permit;
use crate::capability::spec::{Domain, Forward, Route, Spec};
use crate::domain::registry::model::{Forwarded, Forwarding};
use crate::kernel::fault::Fault;

/// Calls a tool that only reads by name.
pub(crate) struct Read;

impl Capability for Read {
    type Input = Forwarding;
    type Output = Forwarded;
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
