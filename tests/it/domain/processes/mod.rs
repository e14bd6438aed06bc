//! The processes domain.

mod branches;
mod differences;
mod links;

use convoke::kernel::fault::Fault;
use serde_json::{Value, json};

use crate::support::app::TestApp;

/// A call as Ada.
async fn ada(app: &TestApp, tool: &str, input: Value) -> Result<Value, Fault> {
    app.call(&app.member, tool, input).await
}
