//! `api_key_create`: a new key, shown once.

use std::collections::BTreeSet;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::caller::Principal;
use crate::capability::cx::{Belongs, Cx, forbidden};
use crate::capability::permit::{Action, Grants, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::identity::faults::BEYOND_OWN_RIGHTS;
use crate::domain::identity::model::api_key::ApiKey;
use crate::domain::identity::model::user::User;
use crate::domain::identity::views::KeyView;
use crate::domain::identity::{inputs, keys, rights};
use crate::domain::models::{Allowance, key_is_held};
use crate::kernel::fault::Fault;
use crate::kernel::id::{KeyId, UserId};
use crate::kernel::time::Timestamp;
use crate::port::records::Visibility;

/// Makes an API key.
pub(in crate::domain::identity) struct ApiKeyCreate;

/// What the key is for and how far it reaches.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::identity) struct Input {
    /// What the key is for, as lists show it.
    #[schemars(length(min = 1, max = 100))]
    name: String,
    /// Whose key it is: the caller's when not given. A key for somebody else needs the permission keys:manage and all
    /// rights of theirs.
    #[serde(default)]
    user_id: Option<UserId>,
    /// What the key may do of what its user may, such as `users:read` or `system:*`; everything when not given.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100), inner(length(min = 1, max = 64)))]
    scopes: Option<Vec<String>>,
    /// The toolsets whose tools it may call, such as `identity` or `registry`; all when not given.
    #[serde(default)]
    #[schemars(length(min = 1, max = 50), inner(length(min = 1, max = 64)))]
    toolsets: Option<Vec<String>>,
    /// Whether it may only call tools that read.
    #[serde(default)]
    read_only: bool,
    /// From when on it is refused; never when neither this nor `expiresInDays` is given.
    #[serde(default)]
    expires_at: Option<Timestamp>,
    /// After how many days it is refused, in place of `expiresAt`.
    #[serde(default)]
    #[schemars(range(min = 1, max = 3650))]
    expires_in_days: Option<u32>,
    /// How many calls it may make in all; any number when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000_000_000_u64))]
    usage_limit: Option<u64>,
    /// How much it may spend on models; as much as its user and the tenant may when not given. `model_budget_set` changes it later, by the scope
    /// `key:ID`.
    #[serde(default)]
    budget: Option<Allowance>,
}

/// The new key.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::identity) struct Output {
    /// The key itself. It is shown this once and cannot be read again.
    key: String,
    /// What is kept of it.
    #[serde(flatten)]
    view: KeyView,
    /// What it may spend on models; what is left of it tells `model_budget_get`, by the scope `key:ID`.
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<Allowance>,
}

impl Capability for ApiKeyCreate {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::create(
        "api_key_create",
        Domain::Identity,
        Route::post("/auth/api-keys"),
        Permit::on(Resource::Keys, Action::Create),
        "Makes an API key for a program, shown once: for the caller, or for another user. It can be limited to \
         permissions, toolsets, reading, a time, a number of calls and a budget for models, and never reaches beyond the caller's own rights.",
    )
    .shows_secret();

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        let (own, now) = (own_key(cx).await?, cx.now());
        if own.as_ref().is_some_and(|own| own.usage_limit.is_some()) {
            return Err(beyond("a key with a limited number of calls makes no other keys"));
        }
        if let Principal::Key(key) = cx.caller().principal
            && key_is_held(cx, key).await?
        {
            return Err(beyond("a key with a budget of its own makes no other keys: they would spend beyond it"));
        }
        let user = input.user_id.unwrap_or(cx.caller().user);
        let fresh = keys::make()?;
        let mut key = ApiKey::new(user, input.name, fresh.prefix, fresh.hash);
        key.scopes = scopes(cx, user, input.scopes, own.as_ref()).await?;
        key.toolsets = toolsets(input.toolsets, own.as_ref())?;
        key.read_only = input.read_only;
        key.expires_at = end(input.expires_at, input.expires_in_days, own.as_ref(), now)?;
        key.usage_limit = input.usage_limit;
        let id = KeyId::from_uuid(cx.new_id());
        let belongs = Belongs { owner: Some(user.uuid()), workspace: None, visibility: Visibility::Private };
        cx.create(id.uuid(), belongs, &key)?;
        if let Some(budget) = &input.budget {
            budget.hold_key(cx, id)?;
        }
        let view = KeyView::new(id, key, now, now);
        cx.emit("api_key.created", id, &view)?;
        Ok(Output { key: fresh.key.reveal().to_owned(), view, budget: input.budget })
    }
}

/// The key that the caller called with: a key that it makes is limited at least as far.
async fn own_key(cx: &Cx) -> Result<Option<ApiKey>, Fault> {
    match cx.caller().principal {
        Principal::Key(key) => Ok(cx.get::<ApiKey>(key.uuid()).await?.map(|stored| stored.value)),
        Principal::LocalOwner | Principal::Anonymous | Principal::Link => Ok(None),
    }
}

/// The new key's scopes: within the caller's rights. Somebody else's key is made only by who has all of their rights.
async fn scopes(
    cx: &Cx,
    user: UserId,
    asked: Option<Vec<String>>,
    own: Option<&ApiKey>,
) -> Result<Option<Vec<String>>, Fault> {
    let caller = cx.caller();
    let asked = asked.map(|patterns| inputs::patterns("scopes", patterns)).transpose()?;
    if let Some((_, grants)) = &asked {
        rights::must_cover(caller, *grants, "the key's scope")?;
    }
    let inherited = || own.and_then(|own| own.scopes.clone());
    if user == caller.user {
        return Ok(asked.map(|(patterns, _)| patterns).or_else(inherited));
    }
    if !caller.may(Resource::Keys, Action::Manage) {
        return Err(forbidden(Permit::on(Resource::Keys, Action::Manage)));
    }
    let target = cx.load::<User>(user.uuid(), Action::Read).await?;
    // However narrow the key's scope, what it does is done as that user.
    rights::must_cover_account(cx, &target).await?;
    cx.hold(&target);
    // Whoever makes the key has seen it: it must not grow with the user's rights beyond the maker's.
    let pinned = || (caller.grants != Grants::ALL).then(|| caller.grants.patterns());
    Ok(asked.map(|(patterns, _)| patterns).or_else(pinned))
}

fn toolsets(asked: Option<Vec<String>>, own: Option<&ApiKey>) -> Result<Option<Vec<String>>, Fault> {
    let limit = own.and_then(|own| own.toolsets.as_ref());
    let Some(asked) = asked else { return Ok(limit.cloned()) };
    let asked = inputs::toolsets("toolsets", asked)?;
    let limit: Option<BTreeSet<&String>> = limit.map(|limit| limit.iter().collect());
    if limit.is_some_and(|limit| asked.iter().any(|name| !limit.contains(name))) {
        return Err(beyond("the toolsets go beyond those of the key that is used"));
    }
    Ok(Some(asked))
}

fn end(
    at: Option<Timestamp>,
    in_days: Option<u32>,
    own: Option<&ApiKey>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Fault> {
    let limit = own.and_then(|own| own.expires_at);
    let asked = match (at, in_days) {
        (Some(_), Some(_)) => {
            return Err(Fault::bad_input("/expiresInDays", "give either expiresAt or expiresInDays, not both"));
        }
        (Some(at), None) if at <= now => return Err(Fault::bad_input("/expiresAt", "must lie in the future")),
        (at, None) => at,
        (None, Some(days)) => Some(now.plus(Duration::from_hours(24 * u64::from(days)))),
    };
    match (asked, limit) {
        (Some(asked), Some(limit)) if asked > limit => Err(beyond("the key would outlive the key that is used")),
        (asked, limit) => Ok(asked.or(limit)),
    }
}

fn beyond(say: &str) -> Fault {
    Fault::new(&BEYOND_OWN_RIGHTS, say)
}
