//! What a policy puts aside and has forgotten.

use std::collections::HashMap;
use std::time::Duration;

use crate::capability::cx::Cx;
use crate::domain::memory::model::memory::{Memory, Scope, State, Trust};
use crate::domain::memory::model::policy::Policy;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::records::{Filter, Query};

/// From this importance on nothing is put aside by age, when the policy does not say it.
const KEPT_FROM: u16 = 700;

/// What becomes of a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::domain::memory) enum Fate {
    /// It stays as it is.
    Stays,
    /// It is put aside.
    Retires,
    /// It is forgotten.
    Goes,
}

/// The policies of a tenant.
pub(in crate::domain::memory) struct Policies(HashMap<Scope, Policy>);

impl Policies {
    /// Those in force.
    ///
    /// # Errors
    /// When the store fails.
    pub(in crate::domain::memory) async fn load(cx: &Cx) -> Result<Self, Fault> {
        let all = cx.find::<Policy>(Query::newest(Filter::All, 10)).await?;
        Ok(Self(all.into_iter().map(|stored| (stored.value.scope, stored.value)).collect()))
    }

    /// The policy of a scope.
    pub(in crate::domain::memory) fn of(&self, scope: Scope) -> Option<&Policy> {
        self.0.get(&scope)
    }

    /// What agents may be reminded of a scope.
    pub(in crate::domain::memory) fn recalled(&self, scope: Scope) -> &[Trust] {
        self.of(scope).and_then(|policy| policy.recall.as_deref()).unwrap_or(&Trust::RECALLED)
    }

    /// What becomes of a memory by its age.
    pub(in crate::domain::memory) fn fate(&self, memory: &Memory, now: Timestamp) -> Fate {
        let over = memory.expires_at.is_some_and(|expires| expires <= now);
        let by_time = if over && memory.state == State::Current { Fate::Retires } else { Fate::Stays };
        let Some(policy) = self.of(memory.scope).filter(|policy| !policy.except.contains(&memory.kind)) else {
            return by_time;
        };
        let older = |days: Option<u32>, than: Timestamp| {
            days.is_some_and(|days| now.since(than) >= Duration::from_secs(u64::from(days) * 86_400))
        };
        if memory.state == State::Current {
            if older(policy.forget_after_days, memory.said_at) {
                return Fate::Goes;
            }
            let kept_from = policy.keep_from_importance.map_or(KEPT_FROM, |share| share.0);
            if memory.importance < kept_from && older(policy.retire_after_days, memory.said_at) {
                return Fate::Retires;
            }
            return by_time;
        }
        let ended = memory.ended_at.unwrap_or(memory.said_at);
        if older(policy.forget_ended_after_days, ended) { Fate::Goes } else { Fate::Stays }
    }
}
