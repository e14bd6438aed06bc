//! Messages between the clients of a tenant: no capability runs and nothing is stored, so there is no audit entry; but who
//! hears and who speaks is judged, counted and limited here as everywhere.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::Gate;
use crate::capability::caller::Caller;
use crate::capability::spec::Effect;
use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// What a message of a client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// It concerns only the client's own connection.
    Own,
    /// It hears what others say, or who is there.
    Hear,
    /// It says something to others.
    Say,
}

impl Gate {
    /// Whether a caller may send such a message; the caller has the rights of now. Each counts as a call that reads, one that
    /// says something as a call that writes. Channels belong to no toolset: a key that is limited to some uses none.
    ///
    /// # Errors
    /// `rate_limited`, `unauthenticated`, `forbidden`, `key_refused` for a key that is used up.
    pub async fn message(&self, caller: &Caller, address: Option<IpAddr>, message: Message) -> Result<(), Fault> {
        let (effect, name) = match message {
            Message::Own => (Effect::Read, None),
            Message::Hear => (Effect::Read, Some("channel_subscribe")),
            Message::Say => (Effect::Create, Some("channel_publish")),
        };
        let Some(name) = name else { return self.limiter.check(caller, address, effect).map(drop) };
        let judged = self.judge(caller, address, effect).await;
        self.usage.add(caller, &Arc::from(name), judged.is_err(), Duration::ZERO);
        judged
    }

    async fn judge(&self, caller: &Caller, address: Option<IpAddr>, effect: Effect) -> Result<(), Fault> {
        self.limiter.check(caller, address, effect)?;
        if !caller.is_known() {
            return Err(Fault::new(&codes::UNAUTHENTICATED, "channels need a credential"));
        }
        if caller.toolsets.is_some() {
            return Err(Fault::new(&codes::FORBIDDEN, "the key is limited to toolsets, and channels belong to none"));
        }
        if caller.read_only && !effect.reads() {
            return Err(Fault::new(&codes::FORBIDDEN, "the key may only read, and this says something to others"));
        }
        self.limiter.take(caller, &*self.platform.store).await
    }
}
