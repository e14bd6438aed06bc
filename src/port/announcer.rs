//! The announcer: says something on a channel between clients. The WebSocket door implements it.

use serde_json::Value;

use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;

/// Says something on a channel.
pub trait Announcer: Send + Sync {
    /// Says it to all who hear the channel of the tenant, on behalf of nobody who is connected.
    fn announce(&self, tenant: TenantId, channel: &str, data: &Value, at: Timestamp) -> Result<(), Fault>;
}
