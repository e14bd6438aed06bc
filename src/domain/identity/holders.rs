//! How many hold a role: users are counted when it is given and taken, groups are looked up.

use std::collections::HashMap;

use super::model::assignment::{Assignment, ROLE_HOLDERS};
use super::reading;
use super::views::RoleView;
use crate::capability::cx::{Cx, store_fault};
use crate::kernel::fault::Fault;
use crate::kernel::id::RoleId;
use crate::port::records::{Filter, Scalar, Scope};

const COUNTERS: u32 = 1000;

/// The views with how many users and which groups hold each role, from two reads.
pub(super) async fn counted(cx: &Cx, mut roles: Vec<RoleView>) -> Result<Vec<RoleView>, Fault> {
    let holders = holders(cx).await?;
    let mut groups = groups(cx, &roles).await?;
    for role in &mut roles {
        role.holders = holders.get(&role.id.to_string()).copied().unwrap_or(0);
        role.groups = groups.remove(&role.id).unwrap_or_default();
    }
    Ok(roles)
}

/// How many users hold each role of the tenant directly, as counted when roles are given and taken.
async fn holders(cx: &Cx) -> Result<HashMap<String, i64>, Fault> {
    let mut all = HashMap::new();
    let mut after: Option<String> = None;
    loop {
        let scope = Scope::Tenant(cx.tenant());
        let counters = cx.platform().store.counters(scope, ROLE_HOLDERS, "", after.as_deref(), COUNTERS).await;
        let counters = counters.map_err(store_fault)?;
        let more = counters.len() == COUNTERS as usize;
        after = counters.last().map(|(key, _)| key.clone());
        all.extend(counters);
        if !more {
            return Ok(all);
        }
    }
}

/// The groups that each of some roles is given to.
async fn groups(cx: &Cx, roles: &[RoleView]) -> Result<HashMap<RoleId, Vec<String>>, Fault> {
    let ids = roles.iter().map(|role| Scalar::Id(role.id.uuid())).collect();
    let given = Filter::In("role", ids).and(Filter::Not(Box::new(Filter::IsNull("group"))));
    let mut groups: HashMap<RoleId, Vec<String>> = HashMap::new();
    for assignment in reading::all::<Assignment>(&*cx.platform().store, cx.tenant(), given).await? {
        groups.entry(assignment.value.role).or_default().extend(assignment.value.group);
    }
    for names in groups.values_mut() {
        names.sort_unstable();
    }
    Ok(groups)
}
