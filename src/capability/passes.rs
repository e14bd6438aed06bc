//! Passes: what one person may do by a link, and nothing else. A pass names the tool that shows something, the tool that takes what the person says
//! of it, and the members of both tools' inputs that it fixes; it is sealed, ends by itself, and whoever holds it acts as the person. What it was
//! made for can end it sooner: the tools judge whether the person still takes part.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::permit::Grants;
use crate::kernel::id::{TenantId, UserId};
use crate::kernel::seal::Seal;
use crate::kernel::time::Timestamp;

const PURPOSE: &str = "pass";
/// Longer than any pass that is given out.
const LONGEST: usize = 2_048;

/// What one person may do by a link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pass {
    /// The tenant.
    #[serde(rename = "t")]
    pub tenant: TenantId,
    /// The person.
    #[serde(rename = "u")]
    pub user: UserId,
    /// The tool that shows it: its answer is a `FormPage`.
    #[serde(rename = "s")]
    pub shows: String,
    /// The tool that takes what the person says.
    #[serde(rename = "a")]
    pub answers: String,
    /// The members that both tools' inputs have.
    #[serde(rename = "f")]
    pub fixed: Map<String, Value>,
    /// The patterns of what it lets the person do with these tools, whatever roles they have.
    #[serde(rename = "p")]
    pub permits: Vec<String>,
    /// From when on it is none.
    #[serde(rename = "e")]
    pub until: Timestamp,
}

impl Pass {
    /// The token of it.
    #[must_use]
    pub fn sealed(&self, seal: &Seal) -> String {
        // A pass is made of texts and ids: it can always be written.
        seal.seal(PURPOSE, &serde_json::to_vec(self).unwrap_or_default())
    }

    /// The pass of a token; none where it is not one, whether or not its time is over.
    #[must_use]
    pub fn open(seal: &Seal, token: &str) -> Option<Self> {
        let content = (token.len() <= LONGEST).then(|| seal.open(PURPOSE, token)).flatten()?;
        serde_json::from_slice(&content).ok()
    }

    /// What it lets the person do.
    #[must_use]
    pub fn grants(&self) -> Grants {
        self.permits.iter().filter_map(|pattern| Grants::parse(pattern)).fold(Grants::NONE, Grants::union)
    }

    /// Whether it is for a tool.
    #[must_use]
    pub fn may_use(&self, tool: &str) -> bool {
        tool == self.shows || tool == self.answers
    }

    /// Whether an input has what it fixes.
    #[must_use]
    pub fn fits(&self, input: &Value) -> bool {
        self.fixed.iter().all(|(name, value)| input.get(name) == Some(value))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::capability::permit::{Action, Resource};

    #[test]
    fn is_good_for_two_tools_and_what_it_fixes() {
        let seal = Seal::new([7; 32]);
        let pass = Pass {
            tenant: TenantId::from_uuid(Uuid::from_u128(1)),
            user: UserId::from_uuid(Uuid::from_u128(2)),
            shows: "thing_page".to_owned(),
            answers: "thing_say".to_owned(),
            fixed: json!({ "id": "x" }).as_object().cloned().unwrap(),
            permits: vec!["users:read".to_owned()],
            until: Timestamp::from_millis(5),
        };
        let token = pass.sealed(&seal);
        assert_eq!(Pass::open(&seal, &token), Some(pass.clone()));
        assert_eq!(Pass::open(&Seal::new([8; 32]), &token), None);
        assert_eq!(Pass::open(&seal, &token[1..]), None);
        assert!(pass.may_use("thing_page") && pass.may_use("thing_say") && !pass.may_use("thing_get"));
        assert!(
            pass.fits(&json!({ "id": "x", "more": 1 })) && !pass.fits(&json!({ "id": "y" })) && !pass.fits(&json!({}))
        );
        assert!(
            pass.grants().allows(Resource::Users, Action::Read)
                && !pass.grants().allows(Resource::Users, Action::Change)
        );
    }
}
