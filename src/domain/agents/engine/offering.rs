//! What a model is offered: the tools that the agent is allowed and its caller permitted. Where they are too many to be read at
//! once, the tools that find, describe and call tools stand for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::capability::acting::Allowing;
use crate::capability::caller::Caller;
use crate::capability::registry::Snapshot;
use crate::capability::spec::Effect;
use crate::capability::tool::Tool;
use crate::domain::agents::model::agent::Allowance;
use crate::port::models::ToolOffer;

/// More tools than these are not offered one by one.
const MOST_OFFERED: usize = 40;
/// Nor are larger ones: so many bytes of names, descriptions and schemas.
const MOST_BYTES: usize = 96 << 10;

/// Tools by which an agent has another one work.
const OF_AGENTS: [&str; 2] = ["agent_invoke", "agent_tool_execute"];
/// Tools by which it finds others.
const FINDING: [&str; 2] = ["tool_search", "tool_describe"];

/// What a model is told where it has to find its tools.
pub(super) const FIND: &str = "You have more tools than are listed. Find them with tool_search, read about one with tool_describe, and call it by its name with \
     tool_read, or with tool_call where it does more than read.";

/// An allowance that is held against every call of a run.
pub(super) struct Granted {
    allowance: Allowance,
    finds: AtomicBool,
}

impl Granted {
    pub(super) fn new(allowance: &Allowance) -> Arc<Self> {
        Arc::new(Self { allowance: allowance.clone(), finds: AtomicBool::new(false) })
    }

    /// The tools that are offered to a model for the caller, whom the agent acts for; and whether it has to find the others.
    pub(super) fn offers(&self, snapshot: &Snapshot, caller: &Caller) -> (Vec<ToolOffer>, bool) {
        let all: Vec<&Arc<Tool>> = snapshot.visible(caller).filter(|tool| tool.forwards.is_none()).collect();
        if all.len() <= MOST_OFFERED {
            let offers: Vec<ToolOffer> = all.iter().map(|tool| offer(tool)).collect();
            let bytes: usize = offers.iter().map(size).sum();
            if bytes <= MOST_BYTES {
                return (offers, false);
            }
        }
        self.finds.store(true, Ordering::Relaxed);
        let reads = self.allowance.effects.iter().any(|effect| effect.reads());
        let does_more = self.allowance.effects.iter().any(|effect| !effect.reads());
        let names = FINDING.into_iter().chain(reads.then_some("tool_read")).chain(does_more.then_some("tool_call"));
        let found = names.filter_map(|name| snapshot.find(caller.tenant, name));
        (found.map(|tool| offer(tool)).collect(), true)
    }
}

impl Allowing for Granted {
    fn tool(&self, tool: &Tool) -> bool {
        // They only tell of the tools that the agent is allowed.
        if self.finds.load(Ordering::Relaxed) && FINDING.contains(&&*tool.name) {
            return true;
        }
        let runs_nobody = self.allowance.agents.is_empty() && OF_AGENTS.contains(&&*tool.name);
        !runs_nobody && self.allowance.allows(tool)
    }

    fn effect(&self, effect: Effect) -> bool {
        self.allowance.effects.contains(&effect)
    }

    fn agent(&self, id: &str) -> bool {
        self.allowance.agents.iter().any(|one| one == "*" || one == id)
    }
}

/// What a model reads of an offer, in bytes.
fn size(offer: &ToolOffer) -> usize {
    offer.name.len() + offer.description.as_ref().map_or(0, String::len) + offer.parameters.to_string().len()
}

fn offer(tool: &Tool) -> ToolOffer {
    ToolOffer {
        name: tool.name.to_string(),
        description: Some(tool.description.clone()),
        parameters: Value::Object((**tool.input()).clone()),
        strict: None,
    }
}
