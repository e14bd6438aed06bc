//! What may be done at most, whoever asks for it: the grants of somebody who had a part in what is done. A process does no more than whoever
//! published it could do, even where somebody with more rights starts it. A part of the caller, so that nothing that a call sets going can
//! forget it; what outlives the call keeps it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::caller::Caller;
use super::cx::forbidden;
use super::permit::{Grants, Permit, Resource};
use crate::kernel::fault::Fault;

/// What may be done at most, and because of whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// The most.
    pub grants: Grants,
    /// What was done by who had no more, such as "version 1.0.0 of the process 'order'".
    pub of: String,
}

impl Bound {
    /// Both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        if other.grants.contains(self.grants) {
            return self.clone();
        }
        if self.grants.contains(other.grants) {
            return other.clone();
        }
        Self { grants: self.grants.intersection(other.grants), of: format!("{} or {}", self.of, other.of) }
    }
}

impl Caller {
    /// What the caller can pass on: what they may do, of the domains that their key is limited to.
    #[must_use]
    pub fn to_pass_on(&self) -> Grants {
        let Some(toolsets) = &self.toolsets else { return self.grants };
        let within = Resource::ALL.iter().filter(|resource| toolsets.contains(&resource.domain()));
        let within = within.filter_map(|resource| Grants::parse(&format!("{}:*", resource.name())));
        self.grants.intersection(within.fold(Grants::NONE, Grants::union))
    }

    /// The fault of a permission that is missing, with the reason where it is not the caller's own rights that lack it.
    #[must_use]
    pub fn forbidden(&self, permit: Permit) -> Fault {
        let missing = |bound: &&Arc<Bound>| matches!(permit, Permit::On(resource, action) if !bound.grants.allows(resource, action));
        let Some(bound) = self.bound.as_ref().filter(missing) else { return forbidden(permit) };
        let say = format!(
            "this needs the permission {permit}, which whoever published {} did not have; somebody who has it must publish it anew",
            bound.of
        );
        Fault::new(forbidden(permit).code(), say)
            .with_detail(serde_json::json!({ "permission": permit, "boundBy": bound.of }))
    }
}

/// The caller within a bound, beside the bounds that they have already.
#[must_use]
pub fn bounded(caller: Arc<Caller>, bound: Option<&Bound>) -> Arc<Caller> {
    let Some(bound) = bound.filter(|bound| bound.grants != Grants::ALL) else { return caller };
    let both = caller.bound.as_ref().map_or_else(|| bound.clone(), |before| before.and(bound));
    let grants = caller.grants.intersection(both.grants);
    Arc::new(Caller { grants, bound: Some(Arc::new(both)), ..Caller::clone(&caller) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::permit::Action;
    use crate::capability::spec::Domain;

    fn grants(patterns: &[&str]) -> Grants {
        patterns.iter().map(|pattern| Grants::parse(pattern).unwrap()).fold(Grants::NONE, Grants::union)
    }

    fn within(patterns: &[&str], of: &str) -> Bound {
        Bound { grants: grants(patterns), of: of.to_owned() }
    }

    #[test]
    fn bounds_narrow_and_never_widen() {
        let caller = Arc::new(Caller { grants: grants(&["users:*", "keys:read"]), ..Caller::anonymous() });
        let once = bounded(caller.clone(), Some(&within(&["users:read", "keys:*", "audit:read"], "one")));
        assert_eq!(once.grants, grants(&["users:read", "keys:read"]));
        let twice = bounded(once.clone(), Some(&within(&["*"], "all")));
        assert_eq!((twice.grants, &twice.bound), (once.grants, &once.bound));
        let twice = bounded(once, Some(&within(&["users:*"], "other")));
        assert_eq!(twice.grants, grants(&["users:read"]));
        assert_eq!(twice.bound.as_ref().unwrap().of, "one or other");
        assert!(bounded(caller, None).bound.is_none());
    }

    #[test]
    fn a_fault_says_whose_rights_lack_it() {
        let caller = Arc::new(Caller { grants: grants(&["users:read"]), ..Caller::anonymous() });
        let bounded = bounded(caller, Some(&within(&["users:read"], "version 1.0.0 of the process 'order'")));
        let fault = bounded.forbidden(Permit::on(Resource::Keys, Action::Read));
        assert!(fault.say().contains("keys:read") && fault.say().contains("'order'"), "{fault:?}");
        // What the bound has and the caller has not is the caller's own lack.
        assert!(!bounded.forbidden(Permit::on(Resource::Users, Action::Read)).say().contains("order"));
    }

    #[test]
    fn a_key_passes_on_only_what_it_is_limited_to() {
        let toolsets = Some([Domain::Processes, Domain::Rules].into());
        let caller = Caller { grants: Grants::ALL, toolsets, ..Caller::anonymous() };
        assert_eq!(caller.to_pass_on(), grants(&["processes:*", "rules:*"]));
        assert_eq!(Caller { grants: Grants::ALL, ..Caller::anonymous() }.to_pass_on(), Grants::ALL);
    }

    #[test]
    fn a_bound_is_read_as_it_was_written() {
        let bound = within(&["*:read", "keys:create"], "one");
        let written = serde_json::to_value(&bound).unwrap();
        assert_eq!(written, serde_json::json!({ "grants": ["*:read", "keys:create"], "of": "one" }));
        assert_eq!(serde_json::from_value::<Bound>(written).unwrap(), bound);
    }
}
