//! `secret_delete`: a credential out of the vault.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::integrations::model::{LONGEST_NAME, LastUse, NAME_PATTERN, StoredSecret};
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;

/// Removes a credential.
pub(in crate::domain::integrations) struct SecretDelete;

/// Which credential.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::domain::integrations) struct Input {
    /// Its name, as `secret_list` tells it.
    #[schemars(length(min = 1, max = LONGEST_NAME), pattern(NAME_PATTERN))]
    name: String,
}

/// What was removed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::integrations) struct Output {
    /// The name, which is free again.
    name: String,
    /// How often it had been given.
    version: u64,
    /// When it was last used; never, where this is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Timestamp>,
}

impl Capability for SecretDelete {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::remove(
        "secret_delete",
        Domain::Integrations,
        Route::delete("/secrets/{name}"),
        Permit::on(Resource::Secrets, Action::Remove),
        "Removes a credential from the vault for good. What uses it by name fails from then on. To replace it use secret_put, to \
         see when it was last used secret_list.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let id = StoredSecret::id(cx.tenant(), &input.name);
        let stored = cx.load::<StoredSecret>(id, Action::Remove).await.map_err(|fault| {
            if fault.is(&codes::NOT_FOUND) { Fault::not_found("secret", &input.name) } else { fault }
        })?;
        cx.remove(&stored)?;
        let last = cx.get::<LastUse>(id).await?;
        if let Some(last) = &last {
            cx.remove(last)?;
        }
        cx.emit("secret.deleted", id, &serde_json::json!({ "name": input.name }))?;
        Ok(Output { name: input.name, version: stored.value.version, last_used_at: last.map(|last| last.value.at) })
    }
}
