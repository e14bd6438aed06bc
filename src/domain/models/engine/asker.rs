//! Who asks a model, for whom, and what they wish for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use uuid::Uuid;

use crate::capability::asking::Questioner;
use crate::capability::caller::{Caller, Origin};
use crate::capability::credentials::UseOf;
use crate::capability::cx::Cx;
use crate::capability::platform::Platform;
use crate::domain::models::model::budget::Scope;
use crate::kernel::current::Current;
use crate::kernel::id::{CallId, KeyId, TenantId};
use crate::kernel::trace::TraceContext;

/// Who asks: the parts of a call that a model's call is tied to.
#[derive(Clone)]
pub struct Asker {
    /// What all calls share.
    pub platform: Arc<Platform>,
    /// The caller, whom the gate let in.
    pub caller: Arc<Caller>,
    /// The call that it is a part of.
    pub request_id: CallId,
    /// Where that came in.
    pub origin: Origin,
    /// The client on the other side of that call, whose own model can be asked where it lets itself be.
    pub client: Option<Questioner>,
    /// Its place in a trace, where there is one.
    pub trace: Option<TraceContext>,
    /// Where it is told that a model was asked; nowhere for work without a call.
    pub asked: Option<Arc<AtomicBool>>,
}

impl Asker {
    /// Whoever makes a call.
    #[must_use]
    pub fn of(cx: &Cx) -> Self {
        let call = cx.call();
        let client = cx.abilities().sample.then(|| cx.questioner());
        let (platform, caller) = (cx.platform().clone(), call.caller.clone());
        let asked = Some(cx.asked());
        Self { platform, caller, request_id: call.id, origin: call.origin, client, trace: call.trace, asked }
    }

    /// A model is asked from here on: the call costs something, and is not run again by itself.
    pub(super) fn begins(&self) {
        if let Some(asked) = &self.asked {
            asked.store(true, Ordering::Relaxed);
        }
    }

    /// Work that goes on without a call, for whoever began it.
    #[must_use]
    pub fn inside(platform: &Arc<Platform>, caller: &Arc<Caller>) -> Self {
        Self {
            platform: platform.clone(),
            caller: caller.clone(),
            request_id: CallId::new(platform.clock.now()),
            origin: Origin::inside(),
            client: None,
            trace: Current::trace(),
            asked: None,
        }
    }

    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.caller.tenant
    }

    pub(crate) fn key(&self) -> Option<Uuid> {
        self.caller.principal.key().map(KeyId::uuid)
    }

    pub(crate) fn use_of(&self, provider: &str) -> UseOf {
        UseOf::by(&self.caller, self.request_id, self.origin, format!("models: {provider}"))
    }
}

/// What a call of a model is a part of: usage is told by these, and budgets hold by them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags {
    /// The agent that asks.
    pub agent: Option<String>,
    /// The version of the prompt, such as `summary@1.2.0`.
    pub prompt_version: Option<String>,
    /// The persona that speaks, such as `code-reviewer@1.0.0`.
    pub persona: Option<String>,
    /// The execution that it is a step of.
    pub execution: Option<String>,
    /// The executions that this one runs below, whose budgets hold it too.
    pub above: Vec<String>,
    /// What belongs together, for routes that stick to a model; the user when not given.
    pub session: Option<String>,
}

impl Tags {
    /// What the call of a model is a part of. Where an agent acts for the caller it is a part of the agent's run, whatever the
    /// wish says: what the agent's tools ask is paid by its budgets, and nobody else's.
    pub(crate) fn of(asker: &Asker, wished: &Self) -> Self {
        let tags = wished.clone();
        let Some(acting) = &asker.caller.acting else { return tags };
        Self {
            agent: Some(acting.agent.clone()),
            execution: Some(acting.execution.clone()),
            above: acting.line().skip(1).map(|above| above.execution.clone()).collect(),
            ..tags
        }
    }
}

/// Whether the cache may answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CacheUse {
    /// As the route says.
    #[default]
    AsRouted,
    /// Also where the route keeps nothing: for five minutes.
    Use,
    /// No; and the answer is not kept.
    Skip,
    /// No, but the answer is kept.
    Refresh,
}

/// What is wished for besides an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// A route, or a model as `provider/model`; the route `default` when not given, or the cheapest
    /// model that can be asked.
    pub model: Option<String>,
    /// Whether the cache may answer.
    pub cache: CacheUse,
    /// What the call is a part of.
    pub tags: Tags,
}

/// Everybody whose budget holds a call.
pub(crate) fn scopes(asker: &Asker, tags: &Tags) -> Vec<Scope> {
    let mut scopes = vec![Scope::Tenant, Scope::User(asker.caller.user.uuid())];
    scopes.extend(asker.key().map(Scope::Key));
    scopes.extend(tags.agent.as_deref().map(|agent| Scope::Agent(agent.into())));
    for execution in tags.execution.iter().chain(&tags.above) {
        let scope = Scope::Execution(execution.as_str().into());
        // One that is named twice pays once.
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    scopes
}
