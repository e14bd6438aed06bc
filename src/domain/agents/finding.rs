//! Finding agents and their versions.

use super::faults::{AGENT_PAUSED, AGENT_RETIRED, TOO_MANY_AGENTS};
use super::model::agent::{Agent, State};
use crate::capability::cx::{Belongs, Cx, store_fault};
use crate::capability::owned::Stored;
use crate::capability::permit::Action;
pub(super) use crate::domain::prompts::engine::file::meant;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::port::records::{Document as _, Scope};
use crate::port::store::Store;

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

/// The id of an agent that the caller may see, and to whom it belongs.
///
/// # Errors
/// `not_found`.
pub(crate) async fn whose(cx: &Cx, given: &str) -> Result<(String, Belongs), Fault> {
    let stored = load(cx, given, Action::Read).await?;
    let belongs = Belongs { owner: stored.owner, workspace: stored.workspace, visibility: stored.visibility };
    Ok((stored.value.agent_id, belongs))
}

/// So many versions may be written while one is looked for.
const MEANWHILE: u32 = 16;

/// The versions of an agent, newest first, the present one included.
pub(super) async fn versions(cx: &Cx, stored: &Stored<Agent>) -> Result<Vec<Stored<Agent>>, Fault> {
    newest(cx, stored, MOST_VERSIONS).await
}

async fn newest(cx: &Cx, stored: &Stored<Agent>, most: u32) -> Result<Vec<Stored<Agent>>, Fault> {
    let scope = Scope::Tenant(cx.tenant());
    let kept = cx.platform().store.versions(scope, Agent::KIND, stored.id, most).await.map_err(store_fault)?;
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
    // Every version is one more than that before: it lies so far behind the present one, and what was written meanwhile before it.
    let most = present.saturating_sub(wanted).saturating_add(MEANWHILE).min(MOST_VERSIONS);
    let found = newest(cx, &stored, most).await?.into_iter().find(|one| one.value.version == wanted);
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

/// Counts a new agent against what the tenant may have.
pub(super) async fn room_for_one(cx: &Cx) -> Result<(), Fault> {
    cx.room_for_one(AGENTS, MOST_AGENTS, "agents", &TOO_MANY_AGENTS).await
}

/// The id of the agent of a name, whoever may see it; none where there is no such agent.
///
/// # Errors
/// When the store fails.
pub(crate) async fn known(store: &dyn Store, tenant: TenantId, given: &str) -> Result<Option<String>, Fault> {
    let id = Agent::id(&meant(given));
    let found = store.get(Scope::Tenant(tenant), Agent::KIND, id).await.map_err(store_fault)?;
    Ok(found.map(Stored::<Agent>::read).transpose()?.map(|stored| stored.value.agent_id))
}
