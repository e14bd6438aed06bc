//! Several instances of the program on one database, and moving an installation there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use convoke::app::{App, Settings};
use convoke::capability::caller::Credential;
use convoke::capability::gate::Gate;
use convoke::capability::gate::audit::AUDIT;
use convoke::config::Config;
use convoke::domain::identity::model::user::USER;
use convoke::kernel::clock::SystemClock;
use convoke::kernel::secret::Secret;
use convoke::port::logs::LogQuery;
use convoke::port::records::{Filter, Query, Scalar, Scope};
use serde_json::json;

use crate::doors::served::client;
use crate::support::app::{TestApp, config, value};
use crate::support::program::Place;
use crate::support::servers::Database;

/// Two instances on one database, each with a data folder of its own.
async fn two(database: &Database) -> (TestApp, Arc<App>, tempfile::TempDir) {
    two_with(database, |_| {}).await
}

async fn two_with(database: &Database, alter: impl FnOnce(&mut Config)) -> (TestApp, Arc<App>, tempfile::TempDir) {
    let mut shared = config_of(database).await;
    alter(&mut shared);
    let here = shared.clone();
    let one = TestApp::start_with(|settings| settings.config = here).await;
    one.app.start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::new(shared, folder.path().to_owned(), one.clock.clone());
    let other = App::open(settings).await.unwrap();
    other.start().await.unwrap();
    assert!(other.first_key().is_none(), "the first instance has made the administrator and the key");
    (one, other, folder)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_one_instance_revokes_is_refused_by_the_other() {
    let Some(database) = Database::find() else { return };
    let (one, other, _folder) = two(&database).await;
    let made = one.call(&one.admin, "api_key_create", json!({ "name": "to be revoked" })).await.unwrap();
    let key = Secret::new(made["key"].as_str().unwrap().to_owned());
    let identify = async || other.gate().identify(&Credential::Bearer(key.clone()), None).await;
    identify().await.unwrap();
    one.call(&one.admin, "api_key_revoke", json!({ "id": made["id"] })).await.unwrap();
    let revoked = tokio::time::Instant::now();
    while identify().await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(revoked.elapsed() < Duration::from_secs(30), "it is never refused");
    }
    println!("refused after {} ms", revoked.elapsed().as_millis());
    other.close(Duration::from_secs(5)).await;
    one.app.close(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_with_an_idempotency_key_happens_once_over_all_instances() {
    let Some(database) = Database::find() else { return };
    let (one, other, _folder) = two(&database).await;
    let input = json!({ "email": "once@example.org", "name": "Once" });
    let caller = one.identify(one.admin.key.reveal()).await.unwrap();
    let request = || {
        one.request(caller.clone(), "user_create", input.clone(), |request| {
            request.idempotency_key = Some("the-same".to_owned());
        })
    };
    let (first, second) = tokio::join!(one.app.gate().call(request()), other.gate().call(request()));
    let mut answers = Vec::new();
    for reply in [first, second] {
        // The slower one may be told that the first is still running.
        match value(reply) {
            Ok(value) => answers.push(value),
            Err(fault) => assert_eq!(fault.code().name, "in_flight", "{fault}"),
        }
    }
    let again = other.gate().call(request()).await;
    assert!(again.replayed);
    answers.push(value(again).unwrap());
    assert!(answers.windows(2).all(|pair| pair[0]["id"] == pair[1]["id"]), "{answers:?}");
    other.close(Duration::from_secs(5)).await;
    one.app.close(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn an_installation_moves_into_a_database_and_back() {
    let Some(database) = Database::find() else { return };
    let url = database.url().await;
    tokio::task::spawn_blocking(move || moves(&url)).await.unwrap();
}

fn moves(url: &str) {
    let place = Place::new();
    let run = |backend: &str, arguments: &[&str]| {
        let backend = format!("store.backend={backend}");
        let url = format!("store.url={url}");
        let mut all = vec!["--set", &backend, "--set", &url];
        all.extend(arguments);
        place.run(&all)
    };
    for number in 0..20 {
        let input = json!({ "email": format!("person{number}@example.org"), "name": "Person" });
        place.call("user_create", &input);
    }
    let listed = |backend: &str| {
        let users = run(backend, &["call", "user_list", r#"{"limit":100}"#]).json();
        let mut emails: Vec<String> =
            users["items"].as_array().unwrap().iter().map(|user| user["email"].to_string()).collect();
        emails.sort();
        emails
    };
    let before = listed("sqlite");
    let key_file = place.data().join("installation.key");
    let key = std::fs::read(&key_file).unwrap();
    let moved = run("sqlite", &["migrate", "--from", "sqlite", "--to", "postgres"]).json();
    let users = moved["moved"].as_array().unwrap().iter().find(|part| part["part"] == "documents 'user'").unwrap();
    assert_eq!(users["count"], before.len(), "{moved}");
    assert_eq!(listed("postgres"), before);
    // It is moved once: what is there is not written over.
    let refused = run("sqlite", &["migrate", "--from", "sqlite", "--to", "postgres"]);
    assert_ne!(refused.code(), 0);
    assert!(refused.errors().contains("empty"), "{}", refused.errors());
    let input = json!({ "email": "later@example.org", "name": "Later" }).to_string();
    run("postgres", &["call", "user_create", &input]).json();
    // What must not be shown is not.
    let shown = run("postgres", &["--set", "store.url=postgres://a:hidden@127.0.0.1:1/x", "config", "show"]);
    assert!(!format!("{:?}", shown.0).contains("hidden"));

    let refused = run("postgres", &["migrate", "--from", "postgres", "--to", "sqlite"]);
    assert_ne!(refused.code(), 0, "the file is still there");
    // What another instance went on writing would be left behind.
    std::fs::rename(place.data().join("convoke.db"), place.data().join("earlier.db")).unwrap();
    let elsewhere = Place::new();
    let other = elsewhere.serve_with(&["--set", "store.backend=postgres", "--set", &format!("store.url={url}")]);
    let refused = run("postgres", &["migrate", "--from", "postgres", "--to", "sqlite"]);
    assert!(refused.errors().contains("another instance"), "{}", refused.errors());
    other.stop();
    assert!(!place.data().join("convoke.db").exists(), "what was refused leaves nothing");
    // The key is the installation's, whichever the data folder has.
    std::fs::write(&key_file, [7; 32]).unwrap();
    let back = run("postgres", &["migrate", "--from", "postgres", "--to", "sqlite"]).json();
    assert_eq!(back["to"], "sqlite");
    assert_eq!(listed("sqlite").len(), before.len() + 1);
    assert_eq!(std::fs::read(&key_file).unwrap(), key);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_allowance_is_one_over_all_instances() {
    let Some(database) = Database::find() else { return };
    let (one, other, _folder) = two_with(&database, |config| config.limits.reads_per_minute = 40).await;
    let caller = one.identify(one.admin.key.reveal()).await.unwrap();
    let read = async |gate: &Arc<Gate>| {
        let request = one.request(caller.clone(), "user_me", json!({}), |_| {});
        value(gate.call(request).await).err().map(|fault| fault.code().name)
    };
    // The clock stands still: nothing comes back.
    while read(one.app.gate()).await.is_none() {}
    for _ in 0..40 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if read(other.gate()).await == Some("rate_limited") {
            other.close(Duration::from_secs(5)).await;
            return one.app.close(Duration::from_secs(5)).await;
        }
    }
    panic!("the other instance has an allowance of its own");
}

/// How often one of two instances is killed.
const KILLS: usize = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_one_of_two_instances_again_and_again_loses_nothing() {
    let Some(database) = Database::find() else { return };
    let url = format!("store.url={}", database.url().await);
    let places = [Place::new(), Place::new()];
    let serve = |at: usize| {
        let settings = ["--set", "store.backend=postgres", "--set", &url, "--set", "limits.writes_per_minute=1000000"];
        places[at].serve_with(&settings)
    };
    let first = serve(0);
    let key = first.key.clone().unwrap();
    let mut servers = [Some(first), Some(serve(1))];
    let client = client();
    let mut kept = Vec::new();
    for round in 0..KILLS {
        let calls = (0..24).map(|number| {
            let at = number % 2;
            let email = format!("person-{round}-{number}@example.org");
            let url = servers[at].as_ref().unwrap().url.clone();
            let request = client.post(format!("{url}/api/v1/users")).bearer_auth(&key);
            let request = request.json(&json!({ "email": email, "name": "Person" }));
            tokio::spawn(async move {
                let answer = request.send().await;
                (at, answer.is_ok_and(|answer| answer.status().is_success()).then_some(email))
            })
        });
        let calls: Vec<_> = calls.collect();
        let victim = round % 2;
        tokio::time::sleep(Duration::from_millis((round as u64 * 7) % 90)).await;
        servers[victim].take().unwrap().kill();
        let mut answered = 0;
        for call in calls {
            let (at, email) = call.await.unwrap();
            answered += usize::from(at != victim && email.is_some());
            kept.extend(email);
        }
        assert_eq!(answered, 12, "the other instance answers all of its callers");
        servers[victim] = Some(serve(victim));
    }
    let copy = config_of(&database).await;
    let folder = tempfile::tempdir().unwrap();
    let app = App::open(Settings::new(copy, folder.path().to_owned(), Arc::new(SystemClock))).await.unwrap();
    let store = &app.platform().store;
    let made = Filter::StartsWith("email", "person-".to_owned());
    let query = Query { filter: made.clone(), order: "id", descending: false, after: None, limit: 100_000 };
    let users = store.find(Scope::Platform, &USER, query).await.unwrap();
    let emails: BTreeSet<&str> = users.iter().filter_map(|user| user.body["email"].as_str()).collect();
    assert!(kept.iter().all(|email| emails.contains(email.as_str())), "an acknowledged user is lost");
    // Each has its one entry in the audit log: nothing is there by half.
    let filter = Filter::is("action", Scalar::Text("user_create".to_owned()));
    let query = LogQuery { filter, beyond: None, descending: false, limit: 100_000 };
    let entries = store.entries(Scope::Platform, &AUDIT, query).await.unwrap();
    assert_eq!(entries.len(), users.len());
    assert!(kept.len() >= KILLS * 12, "{}", kept.len());
    app.close(Duration::from_secs(5)).await;
}

async fn config_of(database: &Database) -> Config {
    let mut config = config();
    "postgres".clone_into(&mut config.store.backend);
    config.store.url = database.url().await;
    config
}
