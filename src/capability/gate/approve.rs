//! Whether a person must approve the call before it runs. The policy decides; the security domain brings one.

use serde_json::Value;

use crate::capability::caller::Caller;
use crate::capability::tool::Tool;

/// Decides which calls a person must approve.
pub trait ApprovalPolicy: Send + Sync {
    /// Why the call must be approved, `None` when it need not.
    fn demands(&self, caller: &Caller, tool: &Tool, input: &Value) -> Option<String>;
}

/// No call needs approval: the policy of an installation that has set none.
#[derive(Debug, Clone, Copy)]
pub struct NothingHeld;

impl ApprovalPolicy for NothingHeld {
    fn demands(&self, _: &Caller, _: &Tool, _: &Value) -> Option<String> {
        None
    }
}
