//! Whether the caller may use the tool at all. What it may do to one document is judged where the document is loaded
//! (`capability::owned`). Attribute policies join at both places: here they see the caller, the tool and the origin.

use crate::capability::acting::not_allowed;
use crate::capability::caller::Caller;
use crate::capability::cx::forbidden;
use crate::capability::permit::Permit;
use crate::capability::tool::Tool;
use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// Judges the caller's permission, toolsets and mode, and the allowance of an agent that acts for them.
///
/// # Errors
/// `unauthenticated` for an anonymous caller, `forbidden` for one who lacks the permission, `tool_not_allowed` to an agent.
pub fn authorise(caller: &Caller, tool: &Tool, read_only: bool) -> Result<(), Fault> {
    match tool.permit {
        Permit::Public => {}
        _ if !caller.is_known() => {
            return Err(Fault::new(&codes::UNAUTHENTICATED, "this needs a credential"));
        }
        Permit::Own => {}
        Permit::On(resource, action) if caller.may(resource, action) => {}
        Permit::On(..) => return Err(caller.forbidden(tool.permit)),
    }
    if tool.permit != Permit::Public
        && tool.forwards.is_none()
        && caller.toolsets.as_ref().is_some_and(|sets| !sets.contains(&tool.domain))
    {
        return Err(Fault::new(
            &codes::FORBIDDEN,
            format!("the key is limited to other toolsets than {}", tool.domain.name()),
        ));
    }
    if (read_only || (caller.is_known() && caller.read_only)) && !tool.effect.reads() && tool.forwards.is_none() {
        return Err(Fault::new(&codes::FORBIDDEN, format!("{} writes, and only reading is allowed here", tool.name)));
    }
    if caller.pass.as_ref().is_some_and(|pass| !pass.may_use(&tool.name)) {
        return Err(forbidden(tool.permit));
    }
    if let Some(acting) = &caller.acting
        && !acting.may_use(tool)
    {
        return Err(not_allowed(&acting.agent, &tool.name));
    }
    Ok(())
}
