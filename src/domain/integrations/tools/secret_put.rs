//! `secret_put`: a credential into the vault.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::{Belongs, Cx};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::integrations::model::{LONGEST_NAME, NAME_PATTERN, StoredSecret};
use crate::domain::integrations::vault::Vault;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::secret::Secret;
use crate::kernel::time::Timestamp;
use crate::port::records::Visibility;

/// Stores a credential.
pub(in crate::domain::integrations) struct SecretPut;

/// The credential.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::integrations) struct Input {
    /// By what it is used, such as `stripe` or `smtp.password`.
    #[schemars(length(min = 1, max = LONGEST_NAME), pattern(NAME_PATTERN))]
    name: String,
    /// The key, token or password itself. It takes the place of the one that was there, and cannot be read again.
    #[schemars(length(min = 1, max = 65_536))]
    value: String,
    /// What it is for and where it came from, for people; what was said before stays when not given.
    #[serde(default)]
    #[schemars(length(max = 500))]
    description: Option<String>,
}

/// What is known of the credential.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::integrations) struct Output {
    /// Its name.
    name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// How often it was given, this time included.
    version: u64,
    /// When it was given.
    given_at: Timestamp,
}

impl Capability for SecretPut {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "secret_put",
        Domain::Integrations,
        Route::put("/secrets/{name}"),
        Permit::on(Resource::Secrets, Action::Change),
        "Stores a credential (API key, token, password) in the vault, encrypted, or replaces the one of that name. It is used by \
         name and can never be read back. For a key to call this server use api_key_create.",
    )
    .takes_secret();

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let Input { name, value, description } = input;
        // From here on the text is wiped when it goes.
        let text = Secret::new(value);
        let vault = cx.service::<Vault>()?;
        let id = StoredSecret::id(cx.tenant(), &name);
        let there = match cx.load::<StoredSecret>(id, Action::Change).await {
            Ok(stored) => Some(stored),
            Err(fault) if fault.is(&codes::NOT_FOUND) => None,
            Err(fault) => return Err(fault),
        };
        cx.about::<StoredSecret>(id);
        let key = vault.sealing_key(cx).await?;
        let sealed = Vault::seal_with(cx.tenant(), &key, &name, text.reveal().as_bytes())?;
        let secret = StoredSecret {
            description: description.or_else(|| there.as_ref().and_then(|there| there.value.description.clone())),
            data_key: key.id,
            sealed,
            version: there.as_ref().map_or(1, |there| there.value.version + 1),
            given_at: cx.now(),
            given_by: cx.caller().user,
            name,
        };
        if let Some(stored) = &there {
            cx.change(stored, &secret)?;
        } else {
            let owner = Some(cx.caller().user.uuid());
            cx.create(id, Belongs { owner, workspace: None, visibility: Visibility::Tenant }, &secret)?;
        }
        let event = serde_json::json!({ "name": secret.name, "version": secret.version });
        cx.emit("secret.stored", id, &event)?;
        Ok(Output {
            name: secret.name,
            description: secret.description,
            version: secret.version,
            given_at: secret.given_at,
        })
    }
}
