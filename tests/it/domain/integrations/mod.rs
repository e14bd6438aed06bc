//! The vault: what is put in is used and never told; keys change while it is used; what was tampered with is not used.

mod doors;
mod keys;
mod rotation;
mod secrets;
mod taking;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use convoke::app::Settings;
use convoke::capability::Capability;
use convoke::capability::cx::Cx;
use convoke::capability::permit::Permit;
use convoke::capability::row::Row;
use convoke::capability::spec::{Domain, Route, Spec};
use convoke::domain::integrations::MODULE;
use convoke::kernel::fault::Fault;
use convoke::kernel::id::TenantId;
use convoke::kernel::seal::sha256_hex;
use convoke::kernel::secret::Secret;
use convoke::port::records::{Filter, Kind, Query, Record, Scope};
use convoke::port::secrets::Environment;
use convoke::port::store::{Batch, Expect, Put, Step};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::app::{Person, TestApp};

/// A secret that stands nowhere by chance.
pub(super) const SECRET: &str = "s3cret-Zq81-stands-nowhere-by-chance";

/// The kinds of the domain, by name.
pub(super) fn kind(name: &str) -> &'static Kind {
    MODULE.kinds.iter().find(|kind| kind.name == name).unwrap()
}

/// An environment of a test.
#[derive(Default)]
pub(super) struct Variables(pub(super) Mutex<HashMap<String, String>>);

impl Variables {
    pub(super) fn of(pairs: &[(&str, &str)]) -> Arc<Self> {
        let all = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Arc::new(Self(Mutex::new(all.collect())))
    }

    pub(super) fn set(&self, name: &str, value: &str) {
        self.0.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }
}

impl Environment for Variables {
    fn value(&self, variable: &str) -> Option<Secret> {
        self.0.lock().unwrap().get(variable).cloned().map(Secret::new)
    }
}

/// A capability that uses a credential and answers with its digest alone.
pub(super) struct UseSecret;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct Named {
    /// The credential.
    name: String,
    /// Whether the operator names it.
    #[serde(default)]
    operator: bool,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct Digest {
    /// Of the text.
    digest: String,
}

impl Capability for UseSecret {
    type Input = Named;
    type Output = Digest;
    const SPEC: Spec =
        Spec::read("probe_secret", Domain::System, Route::post("/probe/secret"), Permit::Own, "Uses a credential.")
            .reaches();

    async fn run(cx: &Cx, input: Named) -> Result<Digest, Fault> {
        let secret = if input.operator {
            cx.operator_credential(&input.name).await?
        } else {
            cx.credential(&input.name).await?
        };
        Ok(Digest { digest: sha256_hex(secret.reveal().as_bytes()) })
    }
}

/// The program with the capability that uses credentials.
pub(super) async fn start() -> TestApp {
    start_with(|_| {}).await
}

pub(super) async fn start_with(alter: impl FnOnce(&mut Settings)) -> TestApp {
    TestApp::start_with(|settings| {
        settings.rows.push(Row::of::<UseSecret>());
        settings.environment = Variables::of(&[]);
        alter(settings);
    })
    .await
}

/// Ends the program and starts it again.
pub(super) async fn again_with(app: TestApp, alter: impl FnOnce(&mut Settings)) -> TestApp {
    app.app.close(std::time::Duration::from_secs(5)).await;
    app.open_again_with(|settings| {
        settings.rows.push(Row::of::<UseSecret>());
        settings.environment = Variables::of(&[]);
        alter(settings);
    })
    .await
}

pub(super) async fn put(app: &TestApp, person: &Person, name: &str, value: &str) -> Value {
    app.call(person, "secret_put", json!({ "name": name, "value": value })).await.unwrap()
}

/// Uses a credential: the digest of its text, or the code of the fault where that fails.
pub(super) async fn used(app: &TestApp, person: &Person, name: &str) -> String {
    match app.call(person, "probe_secret", json!({ "name": name })).await {
        Ok(answer) => answer["digest"].as_str().unwrap().to_owned(),
        Err(fault) => fault.code().name.to_owned(),
    }
}

/// What a use of a text answers.
pub(super) fn digest(text: &str) -> String {
    sha256_hex(text.as_bytes())
}

/// The documents of a kind of a tenant.
pub(super) async fn records(app: &TestApp, tenant: TenantId, kind: &'static Kind) -> Vec<Record> {
    app.app.platform().store.find(Scope::Tenant(tenant), kind, Query::newest(Filter::All, 1000)).await.unwrap()
}

/// The secret of a name.
pub(super) async fn stored(app: &TestApp, tenant: TenantId, name: &str) -> Record {
    let found = records(app, tenant, kind("secret")).await;
    found.into_iter().find(|record| record.body["name"] == name).unwrap()
}

/// Writes a document as somebody may who has the database.
pub(super) async fn overwrite(app: &TestApp, tenant: TenantId, kind: &'static Kind, id: uuid::Uuid, body: Value) {
    let put = Put {
        kind,
        id,
        expect: Expect::Anything,
        owner: None,
        workspace: None,
        visibility: convoke::port::records::Visibility::Tenant,
        body,
    };
    let at = convoke::kernel::clock::Clock::now(&*app.clock);
    app.app.platform().store.commit(vec![Batch { tenant, at, steps: vec![Step::Put(put)] }]).await.unwrap();
}

/// Every file below a folder that holds a text, but one.
pub(super) fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = std::fs::read(&path)
                && bytes.windows(text.len()).any(|window| window == text.as_bytes())
            {
                found.push(path.display().to_string());
            }
        }
    }
    found
}
