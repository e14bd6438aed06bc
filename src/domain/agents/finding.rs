//! Finding agents and their versions.

use super::faults::{AGENT_PAUSED, AGENT_RETIRED, TOO_MANY_AGENTS};
use super::model::agent::{Agent, State};
use crate::capability::cx::{Belongs, Cx, store_fault};
use crate::capability::owned::Stored;
use crate::capability::permit::Action;
pub(super) use crate::domain::prompts::engine::file::meant;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::port::records::{Document as _, Scope, Visibility};

/// The counter of a tenant's agents.
const AGENTS: &str = "agents";
/// The most agents of a tenant: lists look through all of them.
pub(super) const MOST_AGENTS: u32 = 1_000;
/// So many versions are looked through.
pub(super) const MOST_VERSIONS: u32 = 1_000;

/// The agent of an id or name that the caller may do this to.
pub(super) async fn load(cx: &Cx, given: &str, action: Action) -> Result<Stored<Agent>, Fault> {
    cx.load::<Agent>(Agent::id(&meant(given)), action).await.map_err(|fault| {
        // By the word that the caller knows it by.
        if fault.is(&codes::NOT_FOUND) { Fault::not_found("agent", given) } else { fault }
    })
}

/// The versions of an agent, newest first, the present one included.
pub(super) async fn versions(cx: &Cx, stored: &Stored<Agent>) -> Result<Vec<Stored<Agent>>, Fault> {
    let scope = Scope::Tenant(cx.tenant());
    let kept = cx.platform().store.versions(scope, Agent::KIND, stored.id, MOST_VERSIONS).await.map_err(store_fault)?;
    let mut all = vec![stored.clone()];
    for record in kept {
        let one = Stored::<Agent>::read(record)?;
        if all.last().is_none_or(|last| one.value.version < last.value.version) {
            all.push(one);
        }
    }
    Ok(all)
}

/// The version of a number; the present one where none is named.
pub(super) async fn version(cx: &Cx, stored: Stored<Agent>, wanted: Option<u32>) -> Result<Stored<Agent>, Fault> {
    let present = stored.value.version;
    let Some(wanted) = wanted.filter(|wanted| *wanted != present) else { return Ok(stored) };
    let found = versions(cx, &stored).await?.into_iter().find(|one| one.value.version == wanted);
    found.ok_or_else(|| {
        let detail = serde_json::json!({ "agentId": stored.value.agent_id, "version": present });
        Fault::not_found("version", wanted).with_detail(detail)
    })
}

/// Holds that it works.
pub(super) fn must_work(agent: &Agent) -> Result<(), Fault> {
    let code = match agent.state {
        State::Active => return Ok(()),
        State::Paused => &AGENT_PAUSED,
        State::Retired => &AGENT_RETIRED,
    };
    Err(Fault::new(code, format!("the agent '{}' is {}", agent.agent_id, agent.state)))
}

/// To whom documents of the domain belong.
pub(super) fn belongs(cx: &Cx) -> Belongs {
    Belongs { owner: Some(cx.caller().user.uuid()), workspace: None, visibility: Visibility::Tenant }
}

/// Counts a new agent against what the tenant may have.
pub(super) async fn room_for_one(cx: &Cx) -> Result<(), Fault> {
    let most = i64::from(MOST_AGENTS);
    let have = cx.platform().store.counter(Scope::Tenant(cx.tenant()), AGENTS, "").await.map_err(store_fault)?;
    if have >= most {
        let say = format!("the tenant has {have} agents and may have {most}");
        return Err(Fault::new(&TOO_MANY_AGENTS, say));
    }
    cx.count(AGENTS, String::new(), 1, Some(most));
    Ok(())
}
