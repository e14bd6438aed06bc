//! Documents that callers own and see: the rule by which a loaded document and a listed one are judged alike.

use uuid::Uuid;

use super::caller::Caller;
use super::permit::{Action, Resource};
use crate::kernel::fault::Fault;
use crate::kernel::id::UserId;
use crate::kernel::reading;
use crate::kernel::time::Timestamp;
use crate::port::records::{Document, Filter, Record, Scalar, Visibility};

/// A document that belongs to a resource of the permission model.
pub trait Owned: Document {
    /// The resource.
    const RESOURCE: Resource;
    /// What one is called in a sentence: "user", "API key".
    const NOUN: &'static str;

    /// Whether the caller takes part in it besides its owner: it is seen then, and changed as far as what belongs to it lets one.
    fn takes_part(&self, _: &Caller) -> bool {
        false
    }

    /// The same as a filter of lists; none where nobody takes part in any.
    #[must_use]
    fn with_part_of(_: &Caller) -> Option<Filter> {
        None
    }
}

/// A document with its envelope.
#[derive(Debug, Clone)]
pub struct Stored<T> {
    /// Its id.
    pub id: Uuid,
    /// Its revision.
    pub revision: i64,
    /// Who owns it.
    pub owner: Option<Uuid>,
    /// The workspace that it belongs to.
    pub workspace: Option<Uuid>,
    /// Who else may see it.
    pub visibility: Visibility,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The document.
    pub value: T,
}

impl<T: Document> Stored<T> {
    /// Reads a record.
    ///
    /// # Errors
    /// When the record is not of the kind's form: the store is damaged or an upcaster is missing.
    pub fn read(record: Record) -> Result<Self, Fault> {
        Ok(Self {
            id: record.id,
            revision: record.revision,
            owner: record.owner,
            workspace: record.workspace,
            visibility: record.visibility,
            created_at: record.created_at,
            updated_at: record.updated_at,
            value: reading::read(record.body)
                .map_err(|error| Fault::internal(format!("{} {} cannot be read: {error}", T::KIND.name, record.id)))?,
        })
    }

    /// What is kept once a value was written in this one's place.
    #[must_use]
    pub fn written(&self, revision: i64, at: Timestamp, value: T) -> Self {
        Self {
            id: self.id,
            revision,
            owner: self.owner,
            workspace: self.workspace,
            visibility: self.visibility,
            created_at: self.created_at,
            updated_at: at,
            value,
        }
    }
}

/// What a caller may do with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may be done.
    Allowed,
    /// The caller sees it and may not do this.
    Forbidden,
    /// For this caller it does not exist.
    Hidden,
}

/// Judges an action of a caller on a document. Attribute policies join here and in `visible_to`.
#[must_use]
pub fn judge<T: Owned>(caller: &Caller, stored: &Stored<T>, action: Action) -> Verdict {
    let manages = caller.may(T::RESOURCE, Action::Manage);
    let owns = stored.owner == Some(caller.user.uuid());
    let shared = match stored.visibility {
        Visibility::Private => false,
        Visibility::Workspace => stored.workspace.is_some_and(|workspace| caller.workspaces.contains(&workspace)),
        Visibility::Tenant => true,
    };
    let part = stored.value.takes_part(caller);
    let sees = manages || owns || part || (shared && caller.may(T::RESOURCE, Action::Read));
    let may = match action {
        Action::Read => sees,
        Action::Remove => (manages || owns) && caller.may(T::RESOURCE, action),
        Action::Create | Action::Change => (manages || owns || part) && caller.may(T::RESOURCE, action),
        Action::Manage => manages,
    };
    match (sees, may) {
        (true, true) => Verdict::Allowed,
        (true, false) => Verdict::Forbidden,
        (false, _) => Verdict::Hidden,
    }
}

/// What a person owns and nobody else sees, as a filter.
#[must_use]
pub fn private_to(user: UserId) -> Filter {
    Filter::is("owner", Scalar::Id(user.uuid())).and(Filter::is("visibility", Scalar::Text("private".to_owned())))
}

/// The same rule for reading, as a filter for a list.
#[must_use]
pub fn visible_to<T: Owned>(caller: &Caller) -> Filter {
    if caller.may(T::RESOURCE, Action::Manage) {
        return Filter::All;
    }
    let mut any = vec![Filter::is("owner", Scalar::Id(caller.user.uuid()))];
    any.extend(T::with_part_of(caller));
    if caller.may(T::RESOURCE, Action::Read) {
        any.push(Filter::is("visibility", Scalar::Text("tenant".to_owned())));
        if !caller.workspaces.is_empty() {
            let workspaces = caller.workspaces.iter().copied().map(Scalar::Id).collect();
            any.push(
                Filter::is("visibility", Scalar::Text("workspace".to_owned())).and(Filter::In("workspace", workspaces)),
            );
        }
    }
    Filter::Or(any)
}
