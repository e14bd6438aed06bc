//! `tool_call`: calls any tool by name.

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::Permit;
use crate::capability::spec::{Domain, Forward, Route, Spec};
use crate::domain::registry::model::{Forwarded, Forwarding};
use crate::kernel::fault::Fault;

/// Calls any tool by name.
pub(crate) struct Call;

impl Capability for Call {
    type Input = Forwarding;
    type Output = Forwarded;
    const SPEC: Spec = Spec::change(
        "tool_call",
        Domain::Registry,
        Route::post("/capabilities/execute"),
        Permit::Own,
        "Call any tool by its name with its input, as tool_describe shows it. It is permitted, limited and audited as that tool.",
    )
    .forwards(Forward::Any);

    async fn run(cx: &Cx, _: Self::Input) -> Result<Self::Output, Fault> {
        Err(Fault::internal(format!("{} ran instead of the tool that it names", cx.call().tool.name)))
    }
}
