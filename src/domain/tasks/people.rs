//! Who is who: what callers write of people, groups and agents, held against those that there are.

use super::model::who::Who;
use crate::capability::cx::store_fault;
use crate::capability::owned::Stored;
use crate::domain::agents::known;
use crate::domain::identity::model::assignment::ROLE_ASSIGNMENT;
use crate::domain::identity::model::membership::MEMBERSHIP;
use crate::domain::identity::model::user::{USER, User, fold};
use crate::kernel::fault::Fault;
use crate::kernel::id::{TenantId, UserId};
use crate::port::records::{Filter, Query, Scalar, Scope};
use crate::port::store::Store;

/// The people, groups and agents of a tenant.
pub(super) struct People<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) tenant: TenantId,
}

impl People<'_> {
    /// A person's account.
    pub(super) async fn user(&self, id: UserId) -> Result<Option<User>, Fault> {
        let found = self.store.get(Scope::Tenant(self.tenant), &USER, id.uuid()).await.map_err(store_fault)?;
        Ok(found.map(Stored::<User>::read).transpose()?.map(|stored| stored.value))
    }

    /// Whom a text means: a user's id or email, `group:NAME`, `agent:ID`.
    pub(super) async fn meant(&self, text: &str, pointer: &str) -> Result<Who, Fault> {
        if text.contains('@') && !text.starts_with("group:") {
            let email = fold(text.strip_prefix("user:").unwrap_or(text));
            let query = Query::newest(Filter::is("email", Scalar::Text(email)), 1);
            let found = self.store.find(Scope::Tenant(self.tenant), &USER, query).await.map_err(store_fault)?;
            let found = found.into_iter().next().ok_or_else(|| Fault::bad_input(pointer, "is no user's email"))?;
            return Ok(Who::User(UserId::from_uuid(found.id)));
        }
        let who: Who = text.parse().map_err(|why: String| Fault::bad_input(pointer, format!("{why}, or an email")))?;
        self.there(who, pointer).await
    }

    /// The person of an id or email.
    pub(super) async fn person(&self, text: &str, pointer: &str) -> Result<UserId, Fault> {
        match self.meant(text, pointer).await? {
            Who::User(user) => Ok(user),
            Who::Group(_) | Who::Agent(_) => Err(Fault::bad_input(pointer, "must be a user's id or email")),
        }
    }

    /// The group of a name.
    pub(super) async fn group(&self, name: &str, pointer: &str) -> Result<Who, Fault> {
        self.there(Who::Group(name.to_owned()), pointer).await
    }

    /// The agent of an id or name.
    pub(super) async fn agent(&self, id: &str, pointer: &str) -> Result<Who, Fault> {
        self.there(Who::Agent(id.to_owned()), pointer).await
    }

    async fn there(&self, who: Who, pointer: &str) -> Result<Who, Fault> {
        let refused = |say: &str| Err(Fault::bad_input(pointer, say));
        match who {
            Who::User(user) => match self.user(user).await? {
                Some(_) => Ok(Who::User(user)),
                None => refused("is no user's id"),
            },
            Who::Group(name) => {
                let named = || Filter::is("group", Scalar::Text(name.clone()));
                for kind in [&MEMBERSHIP, &ROLE_ASSIGNMENT] {
                    let count = self.store.count(Scope::Tenant(self.tenant), kind, named()).await;
                    if count.map_err(store_fault)? > 0 {
                        return Ok(Who::Group(name));
                    }
                }
                refused("is no group: nobody is in it and no role is given to it")
            }
            Who::Agent(id) => match known(self.store, self.tenant, &id).await? {
                Some(id) => Ok(Who::Agent(id)),
                None => refused("is no agent"),
            },
        }
    }

    /// What somebody is called.
    pub(super) async fn name(&self, who: &Who) -> Result<Option<String>, Fault> {
        Ok(match who {
            Who::User(user) => self.user(*user).await?.map(|user| user.name),
            Who::Group(name) => Some(name.clone()),
            Who::Agent(id) => Some(id.clone()),
        })
    }

    /// The groups that a person is in.
    pub(super) async fn groups(&self, user: UserId) -> Result<Vec<String>, Fault> {
        Ok(self.user(user).await?.map(|user| user.groups).unwrap_or_default())
    }
}
