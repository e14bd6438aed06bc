//! An agent that acts for a caller: the caller's rights, narrowed by what the agent is allowed. It is a part of the caller, so that
//! the gate, lists of tools and searches hold every call to both, and nothing that an agent does can forget it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::outcome::Form;
use super::spec::Effect;
use super::tool::Tool;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::money::NanoDollars;

/// What an agent is allowed.
pub trait Allowing: Send + Sync {
    /// Whether it may use the tool.
    fn tool(&self, tool: &Tool) -> bool;

    /// Whether it, and whatever acts for it, may do this to the world.
    fn effect(&self, effect: Effect) -> bool;

    /// Whether it may have this agent run.
    fn agent(&self, id: &str) -> bool;
}

/// What was spent so far, and the most that may be.
#[derive(Debug, Default)]
pub struct Spent {
    tokens: AtomicU64,
    nanos: AtomicU64,
    /// The most tokens.
    pub most_tokens: Option<u64>,
    /// The most money.
    pub most_money: Option<NanoDollars>,
}

/// A limit that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// That of tokens.
    Tokens,
    /// That of money.
    Money,
}

impl Spent {
    /// With these limits.
    #[must_use]
    pub fn within(most_tokens: Option<u64>, most_money: Option<NanoDollars>) -> Self {
        Self { most_tokens, most_money, ..Self::default() }
    }

    fn reached(&self) -> Option<Reached> {
        if self.most_tokens.is_some_and(|most| self.tokens.load(Ordering::Relaxed) >= most) {
            return Some(Reached::Tokens);
        }
        self.most_money.is_some_and(|most| self.nanos.load(Ordering::Relaxed) >= most.0).then_some(Reached::Money)
    }

    fn tokens_left(&self) -> Option<u64> {
        self.most_tokens.map(|most| most.saturating_sub(self.tokens.load(Ordering::Relaxed)))
    }
}

/// An agent that acts.
pub struct Acting {
    /// Its id.
    pub agent: String,
    /// The run that it acts in.
    pub execution: String,
    /// What it is allowed.
    pub allowance: Arc<dyn Allowing>,
    /// What its run has spent, with what runs below it.
    pub spent: Spent,
    /// The agent in whose run it was called.
    pub above: Option<Arc<Self>>,
}

impl Acting {
    /// This agent, then the one in whose run it was called, and so on.
    pub fn line(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |acting| acting.above.as_deref())
    }

    /// Whether a tool may be used. What an agent above may not do to the world is not done for it by one below; reading does
    /// nothing to it. Secrets are nothing for a model to read, and what comes piece by piece or as a file nothing that it could.
    #[must_use]
    pub fn may_use(&self, tool: &Tool) -> bool {
        // Judged as the tool that it names.
        if tool.forwards.is_some() {
            return true;
        }
        let readable = matches!(tool.form, Form::Value | Form::Content);
        readable
            && !tool.takes_secret
            && !tool.shows_secret
            && self.allowance.tool(tool)
            && (tool.effect.reads() || self.line().all(|acting| acting.allowance.effect(tool.effect)))
    }

    /// Counts what was spent, against this run and those above it. The router does, wherever in the run a model was asked.
    pub fn spend(&self, tokens: u64, money: Option<NanoDollars>) {
        for acting in self.line() {
            add(&acting.spent.tokens, tokens);
            add(&acting.spent.nanos, money.map_or(0, |money| money.0));
        }
    }

    /// The limit that this run, or one above it, has reached.
    #[must_use]
    pub fn reached(&self) -> Option<Reached> {
        self.line().find_map(|acting| acting.spent.reached())
    }

    /// How many tokens are left to this run.
    #[must_use]
    pub fn tokens_left(&self) -> Option<u64> {
        self.line().filter_map(|acting| acting.spent.tokens_left()).min()
    }
}

/// Adds up to the most there is: a sum that begins again at nothing would be no limit.
fn add(sum: &AtomicU64, more: u64) {
    let added = |sum: u64| Some(sum.saturating_add(more));
    // It always gives a sum.
    let _ = sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, added);
}

impl fmt::Debug for Acting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Acting")
            .field("agent", &self.agent)
            .field("execution", &self.execution)
            .finish_non_exhaustive()
    }
}

/// The fault of a tool that the agent may not use.
#[must_use]
pub fn not_allowed(agent: &str, tool: &str) -> Fault {
    let say = format!("the agent '{agent}' may not use '{tool}'");
    Fault::new(&codes::TOOL_NOT_ALLOWED, say).with_detail(serde_json::json!({ "agentId": agent, "tool": tool }))
}
