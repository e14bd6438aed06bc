//! `secret_list`: what lies in the vault, by name.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::integrations::model::{LONGEST_NAME, LastUse, StoredSecret};
use crate::kernel::fault::Fault;
use crate::kernel::id::UserId;
use crate::kernel::time::Timestamp;
use crate::port::records::{Filter, Query, Scalar};

/// Lists credentials.
pub(in crate::domain::integrations) struct SecretList;

/// Which credentials.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::integrations) struct Input {
    /// Only those whose names begin with this.
    #[serde(default)]
    #[schemars(length(max = LONGEST_NAME))]
    name: Option<String>,
    /// Which part of the list.
    #[serde(flatten)]
    paging: Paging,
}

/// A credential, never its text.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::integrations) struct Item {
    /// Its name.
    name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// How often it was given.
    version: u64,
    /// When it was last given.
    given_at: Timestamp,
    /// The user who gave it.
    given_by: UserId,
    /// When it was last used; never, where this is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Timestamp>,
    /// By which tool it was last used, or what else reached outside with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_by: Option<String>,
}

impl Capability for SecretList {
    type Input = Input;
    type Output = Page<Item>;
    const SPEC: Spec = Spec::read(
        "secret_list",
        Domain::Integrations,
        Route::get("/secrets"),
        Permit::on(Resource::Secrets, Action::Read),
        "The credentials in the vault by name: what each is for, when it was stored and last used and by what; never the text \
         itself.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Page<Item>, Fault> {
        let filter =
            input.name.filter(|name| !name.is_empty()).map_or(Filter::All, |name| Filter::StartsWith("name", name));
        let page = cx.list::<StoredSecret>(filter, "name", false, &input.paging).await?;
        let mut uses = last_uses(cx, page.items.iter().map(|secret| secret.id).collect()).await?;
        Ok(page.map(|secret| {
            let last = uses.remove(&secret.id);
            Item {
                name: secret.value.name,
                description: secret.value.description,
                version: secret.value.version,
                given_at: secret.value.given_at,
                given_by: secret.value.given_by,
                last_used_at: last.as_ref().map(|last| last.at),
                last_used_by: last.map(|last| last.by),
            }
        }))
    }
}

async fn last_uses(cx: &Cx, ids: Vec<Uuid>) -> Result<HashMap<Uuid, LastUse>, Fault> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let most = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    let of_these = Filter::In("id", ids.into_iter().map(Scalar::Id).collect());
    let found = cx.find::<LastUse>(Query::newest(of_these, most)).await?;
    Ok(found.into_iter().map(|last| (last.id, last.value)).collect())
}
