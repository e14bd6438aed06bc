//! Whose memories a call writes, and in whose it looks.

use serde_json::json;
use uuid::Uuid;

use super::model::memory::Scope;
use crate::capability::cx::{Belongs, Cx, forbidden};
use crate::capability::permit::{Action, Permit, Resource};
use crate::domain::agents::whose;
use crate::kernel::fault::Fault;
use crate::port::records::Visibility;

/// A place for memories.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Whose it is.
    pub(super) scope: Scope,
    /// Which workspace, agent or session; another user's id.
    pub(super) id: Option<String>,
    /// The same as one word.
    pub(super) part: String,
    /// Who may see what lies there.
    pub(super) belongs: Belongs,
}

/// The place that a scope and an id name: the user's own where neither is given.
///
/// # Errors
/// `bad_input` where the id is missing or of the wrong form, `not_found` for an agent or workspace that the caller may not see, `forbidden`
/// for another user's.
pub(super) async fn place(cx: &Cx, scope: Option<Scope>, id: Option<&str>) -> Result<Place, Fault> {
    let user = cx.caller().user.uuid();
    let own = |visibility| Belongs { owner: Some(user), workspace: None, visibility };
    let missing = |what: &str| Fault::bad_input("/scopeId", format!("is missing: {what}"));
    let scope = scope.unwrap_or(Scope::User);
    let place = match scope {
        Scope::Tenant => {
            if id.is_some() {
                return Err(Fault::bad_input("/scopeId", "the scope `tenant` has no id: leave it out"));
            }
            Place { scope, id: None, part: "tenant".to_owned(), belongs: own(Visibility::Tenant) }
        }
        Scope::Workspace => {
            let given = id.ok_or_else(|| missing("the workspace's id"))?;
            let workspace =
                Uuid::parse_str(given).map_err(|_| Fault::bad_input("/scopeId", "is not the id of a workspace"))?;
            if !cx.caller().workspaces.contains(&workspace) && !manages(cx) {
                return Err(Fault::not_found("workspace", given));
            }
            let belongs = Belongs { workspace: Some(workspace), ..own(Visibility::Workspace) };
            Place { scope, id: Some(workspace.to_string()), part: format!("workspace:{workspace}"), belongs }
        }
        Scope::User => {
            let of = match id {
                None => user,
                Some(given) => {
                    Uuid::parse_str(given).map_err(|_| Fault::bad_input("/scopeId", "is not the id of a user"))?
                }
            };
            if of != user && !manages(cx) {
                return Err(forbidden(Permit::on(Resource::Memories, Action::Manage))
                    .with_detail(json!({ "permission": "memories:manage", "scopeId": of })));
            }
            let belongs = Belongs { owner: Some(of), workspace: None, visibility: Visibility::Private };
            let id = (of != user).then(|| of.to_string());
            Place { scope, id, part: format!("user:{of}"), belongs }
        }
        Scope::Agent => {
            let acting = cx.caller().acting.as_ref().map(|acting| acting.agent.as_str());
            let given = id.or(acting).ok_or_else(|| missing("the agent's id"))?;
            let (agent, belongs) = whose(cx, given).await?;
            let belongs = Belongs { owner: Some(user), ..belongs };
            Place { scope, part: format!("agent:{agent}"), id: Some(agent), belongs }
        }
        Scope::Session => {
            let session = id.ok_or_else(|| missing("the session's name, any word that stands for the conversation"))?;
            let part = format!("session:{user}:{session}");
            Place { scope, id: Some(session.to_owned()), part, belongs: own(Visibility::Private) }
        }
    };
    Ok(place)
}

fn manages(cx: &Cx) -> bool {
    cx.caller().may(Resource::Memories, Action::Manage)
}

/// Where a search looks that names no place: what is everybody's, the user's own, their workspaces', and that of the agent that acts.
fn usual(cx: &Cx) -> Vec<String> {
    Scope::ALL.into_iter().flat_map(|scope| own(cx, scope, None)).collect()
}

/// Where a call looks: in the place that it names, else in the usual ones.
///
/// # Errors
/// As `place`; `bad_input` for an id without a scope.
pub(super) async fn parts(cx: &Cx, scope: Option<Scope>, id: Option<&str>) -> Result<Vec<String>, Fault> {
    match (scope, id) {
        (None, None) => Ok(usual(cx)),
        (None, Some(_)) => Err(Fault::bad_input("/scopeId", "needs 'scope', which says what it is the id of")),
        (scope, id) => Ok(vec![place(cx, scope, id).await?.part]),
    }
}

/// The parts of a scope that are the caller's as they call: of sessions that which is named.
pub(super) fn own(cx: &Cx, scope: Scope, session: Option<&str>) -> Vec<String> {
    let (caller, user) = (cx.caller(), cx.caller().user.uuid());
    match scope {
        Scope::Tenant => vec!["tenant".to_owned()],
        Scope::User => vec![format!("user:{user}")],
        Scope::Workspace => caller.workspaces.iter().map(|workspace| format!("workspace:{workspace}")).collect(),
        Scope::Agent => caller.acting.iter().map(|acting| format!("agent:{}", acting.agent)).collect(),
        Scope::Session => session.iter().map(|session| format!("session:{user}:{session}")).collect(),
    }
}
