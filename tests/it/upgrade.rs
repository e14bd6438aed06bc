//! Old data: folders that earlier versions wrote are kept in tests/fixtures/data, and every later version opens them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use convoke::app::{App, Settings};
use convoke::capability::caller::{Credential, Door, Origin};
use convoke::capability::gate::Request;
use convoke::kernel::clock::ManualClock;
use convoke::kernel::id::CallId;
use convoke::kernel::secret::Secret;
use convoke::kernel::time::Timestamp;
use serde_json::{Value, json};

use crate::support::app::{TestApp, config, value};

fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/data")
}

/// Not a test of its own: keeps a folder as this version writes it. Run it once for each release:
/// `KEEP_AS=0.1.0 cargo test --test it -- --ignored upgrade::keeps_a_folder`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "writes into tests/fixtures/data, once for each release"]
async fn keeps_a_folder_of_this_version() {
    let name = std::env::var("KEEP_AS").expect("KEEP_AS names the version");
    let test = TestApp::start().await;
    for email in ["first@example.org", "second@example.org"] {
        test.call(&test.admin, "user_create", json!({ "email": email })).await.unwrap();
    }
    test.app.gate().tidy().await.unwrap();
    let folder = kept().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    test.app.platform().store.copy_to(&folder.join("convoke.db")).await.unwrap();
    std::fs::write(folder.join("administrator.key"), test.admin.key.reveal()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opens_the_data_of_every_earlier_version() {
    let mut versions = 0;
    for version in std::fs::read_dir(kept()).unwrap() {
        opens(&version.unwrap().path()).await;
        versions += 1;
    }
    assert!(versions > 0, "the folder of the first version is there");
}

async fn opens(version: &Path) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(version.join("convoke.db"), folder.path().join("convoke.db")).unwrap();
    let clock = Arc::new(ManualClock::at("2026-11-20T13:00:00Z".parse::<Timestamp>().unwrap()));
    let app = App::open(Settings::new(config(), folder.path().to_owned(), clock)).await.unwrap();
    assert!(app.first_key().is_none(), "{}: taken for a new folder", version.display());
    let migrations = app.platform().store.migrations().await.unwrap();
    assert!(migrations.iter().all(|one| one.applied_at.is_some()), "{migrations:?}");

    // The old administrator's key still speaks for them, and what was written is read in the present forms.
    let key = std::fs::read_to_string(version.join("administrator.key")).unwrap();
    let users = call(&app, &key, "user_list").await.to_string();
    for email in ["ada@example.org", "first@example.org", "second@example.org"] {
        assert!(users.contains(email), "{}: {email} is not in {users}", version.display());
    }
    assert!(call(&app, &key, "role_list").await.to_string().contains("reviewer"));
    let audit = call(&app, &key, "audit_query").await.to_string();
    assert!(audit.contains("user_create"), "{}: {audit}", version.display());
    app.close(Duration::from_secs(5)).await;
}

async fn call(app: &App, key: &str, tool: &str) -> Value {
    let caller = app.gate().identify(&Credential::Bearer(Secret::new(key.to_owned())), None).await.unwrap();
    let origin = Origin { door: Door::Inside, address: None };
    let id = CallId::new("2026-11-20T13:00:00Z".parse().unwrap());
    value(app.gate().call(Request::new(id, caller, origin, tool, json!({}))).await).unwrap()
}
