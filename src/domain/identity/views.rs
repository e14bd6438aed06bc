//! What the tools answer of the domain's documents: what callers may see of them, with what belongs to them.

use schemars::JsonSchema;
use serde::Serialize;

use super::model::api_key::ApiKey;
use super::model::assignment::Assignment;
use super::model::role::Role;
use super::model::user::{User, UserStatus};
use super::rights;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::kernel::fault::Fault;
use crate::kernel::id::{KeyId, RoleId, UserId};
use crate::kernel::time::Timestamp;

/// A user as callers see them.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserView {
    /// The user's id.
    pub(super) id: UserId,
    /// The email address.
    pub(super) email: String,
    /// The name as it is shown.
    pub(super) name: String,
    /// The given name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first_name: Option<String>,
    /// The family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_name: Option<String>,
    /// The address of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) avatar: Option<String>,
    /// The department.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) department: Option<String>,
    /// Whether the account may be used.
    pub(super) status: UserStatus,
    /// The groups that the user is in.
    pub(super) groups: Vec<String>,
    /// The names of the roles in force, own and through groups.
    pub(super) roles: Vec<String>,
    /// When the account was made.
    pub(super) created_at: Timestamp,
    /// When it was last changed.
    pub(super) updated_at: Timestamp,
}

impl UserView {
    /// The view of a user who has these roles.
    pub(super) fn new(
        id: UserId,
        user: User,
        roles: Vec<String>,
        (created_at, updated_at): (Timestamp, Timestamp),
    ) -> Self {
        Self {
            id,
            email: user.email,
            name: user.name,
            first_name: user.first_name,
            last_name: user.last_name,
            avatar: user.avatar,
            department: user.department,
            status: user.status,
            groups: user.groups,
            roles,
            created_at,
            updated_at,
        }
    }

    /// The view of a stored user with the roles in force.
    pub(super) async fn of(cx: &Cx, user: Stored<User>) -> Result<Self, Fault> {
        let rights = rights::of_user(&*cx.platform().store, cx.tenant(), &user, cx.now()).await?;
        let times = (user.created_at, user.updated_at);
        Ok(Self::new(UserId::from_uuid(user.id), user.value, rights.role_names(), times))
    }

    /// The views of a page of users, with two reads for the roles of all.
    pub(super) async fn of_all(cx: &Cx, users: Vec<Stored<User>>) -> Result<Vec<Self>, Fault> {
        let rights = rights::of_users(&*cx.platform().store, cx.tenant(), &users, cx.now()).await?;
        let view = |(user, rights): (Stored<User>, rights::Rights)| {
            let times = (user.created_at, user.updated_at);
            Self::new(UserId::from_uuid(user.id), user.value, rights.role_names(), times)
        };
        Ok(users.into_iter().zip(rights).map(view).collect())
    }
}

/// A role as callers see it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoleView {
    /// The role's id.
    pub(super) id: RoleId,
    /// Its name.
    pub(super) name: String,
    /// What it is for.
    pub(super) description: String,
    /// What it permits.
    pub(super) permissions: Vec<String>,
    /// Whether it comes with the program and cannot be changed.
    pub(super) builtin: bool,
    /// How many users it is given to themselves, those through groups not counted.
    pub(super) holders: i64,
    /// The groups whose members have it.
    pub(super) groups: Vec<String>,
    /// When it was made.
    pub(super) created_at: Timestamp,
    /// When it was last changed.
    pub(super) updated_at: Timestamp,
}

impl RoleView {
    /// The view of a role that nobody holds yet.
    pub(super) fn new(id: RoleId, role: Role, (created_at, updated_at): (Timestamp, Timestamp)) -> Self {
        Self {
            id,
            name: role.name,
            description: role.description,
            permissions: role.permissions,
            builtin: role.builtin,
            holders: 0,
            groups: Vec::new(),
            created_at,
            updated_at,
        }
    }
}

/// A role given to a user or a group.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AssignmentView {
    /// The role's id.
    pub(super) role_id: RoleId,
    /// The role's name.
    pub(super) role: String,
    /// The user that it is given to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_id: Option<UserId>,
    /// The group that it is given to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<String>,
    /// In force from this moment on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) effective_from: Option<Timestamp>,
    /// No longer in force from this moment on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) effective_until: Option<Timestamp>,
    /// Whether it is in force now.
    pub(super) in_force: bool,
}

impl AssignmentView {
    /// The view of an assignment of a role of this name.
    pub(super) fn new(role: String, assignment: Assignment, now: Timestamp) -> Self {
        Self {
            role_id: assignment.role,
            role,
            in_force: assignment.in_force(now),
            user_id: assignment.user,
            group: assignment.group,
            effective_from: assignment.effective_from,
            effective_until: assignment.effective_until,
        }
    }
}

/// An API key without its secret.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeyView {
    /// The key's id, as `api_key_revoke` takes it.
    pub(super) id: KeyId,
    /// What it is for.
    pub(super) name: String,
    /// How the key begins.
    pub(super) prefix: String,
    /// Whose key it is.
    pub(super) user_id: UserId,
    /// What it may do of what its user may; absent for everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scopes: Option<Vec<String>>,
    /// The toolsets that it is limited to; absent for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) toolsets: Option<Vec<String>>,
    /// Whether it may only read.
    pub(super) read_only: bool,
    /// From when on it is refused; absent for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires_at: Option<Timestamp>,
    /// How many calls it may make in all; absent for any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage_limit: Option<u64>,
    /// How it stands.
    pub(super) status: KeyStatus,
    /// When it was made.
    pub(super) created_at: Timestamp,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) revoked_at: Option<Timestamp>,
}

/// How a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum KeyStatus {
    /// It is accepted.
    Active,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

impl KeyView {
    /// The view of a key.
    pub(super) fn new(id: KeyId, key: ApiKey, created_at: Timestamp, now: Timestamp) -> Self {
        let status = if key.revoked_at.is_some() {
            KeyStatus::Revoked
        } else if key.expires_at.is_some_and(|end| end <= now) {
            KeyStatus::Expired
        } else {
            KeyStatus::Active
        };
        Self {
            id,
            name: key.name,
            prefix: key.prefix,
            user_id: key.user,
            scopes: key.scopes,
            toolsets: key.toolsets,
            read_only: key.read_only,
            expires_at: key.expires_at,
            usage_limit: key.usage_limit,
            status,
            created_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// How a key narrows what its user may do.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Limits {
    /// What of the roles it leaves; absent for everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<String>>,
    /// The toolsets that it is limited to; absent for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    toolsets: Option<Vec<String>>,
    /// Whether it may only call tools that read.
    read_only: bool,
}

impl Limits {
    /// The limits of a key.
    pub(super) fn of(key: ApiKey) -> Self {
        Self { scopes: key.scopes, toolsets: key.toolsets, read_only: key.read_only }
    }

    /// Whether there is any limit.
    pub(super) fn narrow(&self) -> bool {
        self.scopes.is_some() || self.toolsets.is_some() || self.read_only
    }
}
