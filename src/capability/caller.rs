//! Who is calling: the result of identification, resolved once and shared by every step after it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

use super::acting::Acting;
use super::bound::Bound;
use super::passes::Pass;
use super::permit::{Action, Grants, Resource};
use super::spec::Domain;
use crate::kernel::id::{KeyId, TenantId, UserId};
use crate::kernel::secret::Secret;
use crate::kernel::time::Timestamp;

/// What a door brings to be identified.
#[derive(Debug, Clone)]
pub enum Credential {
    /// Nothing.
    None,
    /// A bearer token.
    Bearer(Secret),
    /// The owner of the installation, proved by access to the machine's account: stdio, the local command line.
    LocalOwner,
}

/// How a caller proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal {
    /// Nobody known: only public capabilities.
    Anonymous,
    /// The owner of the installation, on the machine itself.
    LocalOwner,
    /// An API key of a user.
    Key(KeyId),
    /// A link that was made for a user: a pass.
    Link,
}

/// An identified caller.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The tenant.
    pub tenant: TenantId,
    /// The user that the caller acts as.
    pub user: UserId,
    /// How they proved it.
    pub principal: Principal,
    /// The user's name, for people who read.
    pub name: String,
    /// The user's email.
    pub email: String,
    /// The names of the roles in force, in order.
    pub roles: Vec<String>,
    /// The workspaces that the user is a member of.
    pub workspaces: Vec<Uuid>,
    /// The groups that the user is in, in order.
    pub groups: Vec<String>,
    /// What the caller may do: the roles' permissions, narrowed by the key's scopes.
    pub grants: Grants,
    /// The domains that the key is limited to, `None` for all.
    pub toolsets: Option<BTreeSet<Domain>>,
    /// Only tools that read.
    pub read_only: bool,
    /// From when on the credential is refused.
    pub expires_at: Option<Timestamp>,
    /// From when on the roles in force may be others: the caller is resolved anew then.
    pub stale_at: Option<Timestamp>,
    /// How many calls the key may make in all, where it is limited.
    pub usage_limit: Option<u64>,
    /// The platform's count of changes of rights under which the caller was resolved; set by the gate.
    pub resolved_under: u64,
    /// The agent that acts for them, where one does: it may do what both may.
    pub acting: Option<Arc<Acting>>,
    /// What may be done at most, whatever their own rights are: the grants are within it already.
    pub bound: Option<Arc<Bound>>,
    /// The pass by which they come, where they do: nothing else may be done than what it is for.
    pub pass: Option<Arc<Pass>>,
}

impl Caller {
    /// Nobody known.
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            tenant: TenantId::from_uuid(Uuid::nil()),
            user: UserId::from_uuid(Uuid::nil()),
            principal: Principal::Anonymous,
            name: String::new(),
            email: String::new(),
            roles: Vec::new(),
            workspaces: Vec::new(),
            groups: Vec::new(),
            grants: Grants::NONE,
            toolsets: None,
            read_only: true,
            expires_at: None,
            stale_at: None,
            usage_limit: None,
            resolved_under: 0,
            acting: None,
            bound: None,
            pass: None,
        }
    }

    /// Whether the roles and the key allow the action on the resource.
    #[must_use]
    pub fn may(&self, resource: Resource, action: Action) -> bool {
        self.grants.allows(resource, action)
    }

    /// Whether anybody is known.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.principal != Principal::Anonymous
    }

    /// The principal as audit entries, limits and operations name it.
    #[must_use]
    pub fn principal_name(&self) -> String {
        self.principal.name(self.user)
    }
}

impl Principal {
    /// The key, where it is one.
    #[must_use]
    pub const fn key(self) -> Option<KeyId> {
        match self {
            Self::Key(key) => Some(key),
            Self::Anonymous | Self::LocalOwner | Self::Link => None,
        }
    }

    /// The principal of a user as audit entries, limits and operations name it.
    #[must_use]
    pub fn name(self, user: UserId) -> String {
        match self {
            Self::Anonymous => "anonymous".to_owned(),
            Self::LocalOwner => format!("local:{user}"),
            Self::Link => format!("link:{user}"),
            Self::Key(key) => format!("key:{key}"),
        }
    }
}

/// Where a call came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// MCP over stdio.
    Stdio,
    /// MCP over HTTP.
    Mcp,
    /// REST.
    Rest,
    /// WebSocket.
    Websocket,
    /// The API that clients of OpenAI speak.
    Openai,
    /// The API that clients of Anthropic speak.
    Anthropic,
    /// The command line.
    Cli,
    /// The page of a link.
    Page,
    /// The program itself.
    Inside,
}

impl Door {
    /// The name, as in audit entries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stdio => "stdio",
            Self::Mcp => "mcp",
            Self::Rest => "rest",
            Self::Websocket => "websocket",
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
            Self::Cli => "cli",
            Self::Page => "page",
            Self::Inside => "inside",
        }
    }
}

/// The outside of a call: where it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Origin {
    /// The door.
    pub door: Door,
    /// The address, where there is one.
    pub address: Option<IpAddr>,
}

impl Origin {
    /// The program itself, which calls from nowhere.
    #[must_use]
    pub const fn inside() -> Self {
        Self { door: Door::Inside, address: None }
    }
}
