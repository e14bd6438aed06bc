//! Whose rights a change of a document touches: read from the kind's declaration and the document.

use serde_json::Value;
use uuid::Uuid;

use crate::kernel::id::UserId;
use crate::port::records::{Authority, Kind, Whose};

/// The users whose rights change when this document does; `None` stands for everybody of the tenant.
pub(super) fn touched(kind: &Kind, id: Uuid, before: Option<&Value>, after: Option<&Value>) -> Vec<Option<UserId>> {
    let whose = match kind.authority {
        Authority::Never => return Vec::new(),
        Authority::OnceMade(_) if before.is_none() => return Vec::new(),
        Authority::OnceMade(whose) | Authority::Always(whose) => whose,
    };
    match whose {
        Whose::Everybody => vec![None],
        Whose::Itself => vec![Some(UserId::from_uuid(id))],
        Whose::Named(name) => {
            let named = |document: &Value| document.get(name)?.as_str()?.parse::<UserId>().ok();
            let mut users: Vec<Option<UserId>> = before.into_iter().chain(after).map(named).collect();
            users.dedup();
            users
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static GIFT: Kind = Kind { authority: Authority::Always(Whose::Named("user")), ..Kind::new("gift") };
    static PERSON: Kind = Kind { authority: Authority::OnceMade(Whose::Itself), ..Kind::new("person") };

    #[test]
    fn names_those_whose_rights_change() {
        let (id, user) = (Uuid::from_u128(1), UserId::from_uuid(Uuid::from_u128(2)));
        let given = serde_json::json!({ "user": user });
        assert_eq!(touched(&GIFT, id, None, Some(&given)), [Some(user)]);
        assert_eq!(touched(&GIFT, id, Some(&given), None), [Some(user)]);
        assert_eq!(touched(&GIFT, id, None, Some(&serde_json::json!({ "user": null }))), [None]);
        assert_eq!(touched(&PERSON, id, None, Some(&given)), []);
        assert_eq!(touched(&PERSON, id, Some(&given), Some(&given)), [Some(UserId::from_uuid(id))]);
    }
}
