//! Several instances of the program on one database, and moving an installation there.

use std::sync::Arc;
use std::time::Duration;

use convoke::app::App;
use convoke::capability::caller::Credential;
use convoke::capability::gate::Gate;
use convoke::config::Config;
use convoke::domain::audit::engine::keeper::Keeper;
use convoke::domain::audit::erasure::carry_out;
use convoke::domain::system::fleet::{Beat, Beating};
use convoke::kernel::clock::Clock as _;
use convoke::kernel::id::TenantId;
use convoke::kernel::secret::Secret;
use convoke::port::records::{Document as _, Visibility};
use convoke::port::store::{Batch, Expect, Put, Step};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::doors::served::client;
use crate::support::app::{TestApp, config, value};
use crate::support::program::{Place, Served};
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
    let (other, folder) = one.another(shared).await;
    other.start().await.unwrap();
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

/// Keys of data subjects are kept in memory for minutes; an erasure does not wait for that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_instance_erases_the_other_cannot_read_any_more() {
    let Some(database) = Database::find() else { return };
    let keys = tempfile::tempdir().unwrap();
    let (one, other, _folder) = two_with(&database, |config| {
        keys.path().to_str().unwrap().clone_into(&mut config.audit.keys);
    })
    .await;
    let user = one.call(&one.admin, "user_create", json!({ "email": "gone@example.org" })).await.unwrap();
    let caller = one.identify(one.admin.key.reveal()).await.unwrap();
    let query = json!({ "resourceType": "user", "resourceId": user["id"] });
    let entry = async || {
        let request = one.request(caller.clone(), "audit_query", query.clone(), |_| {});
        value(other.gate().call(request).await).unwrap()["items"][0].clone()
    };
    assert_eq!(entry().await["changes"]["after"]["email"], "gone@example.org");
    one.call(&one.admin, "gdpr_delete_request", json!({ "subjectId": user["id"] })).await.unwrap();
    one.clock.advance(Duration::from_hours(24 * 30));
    // Unless the instance's own upkeep was quicker.
    carry_out(one.app.platform()).await.unwrap();
    let erased = tokio::time::Instant::now();
    while entry().await["withheld"] != "erased" {
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(erased.elapsed() < Duration::from_secs(30), "it can be read for ever");
    }
    other.close(Duration::from_secs(5)).await;
    one.app.close(Duration::from_secs(5)).await;
}

/// The clock stands still: what is remembered for seconds is remembered for ever, unless the other instance is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_instance_changes_of_models_is_in_force_on_the_other() {
    let Some(database) = Database::find() else { return };
    let (one, other, _folder) = two(&database).await;
    let caller = one.identify(one.admin.key.reveal()).await.unwrap();
    let there = async |tool: &str, input: Value| {
        let answer = value(other.gate().call(one.request(caller.clone(), tool, input, |_| {})).await);
        answer.unwrap_or_else(|fault| json!({ "code": fault.code().name }))
    };
    let until = async |tool: &str, input: Value, place: &str, wanted: Value| {
        let began = tokio::time::Instant::now();
        loop {
            let told = there(tool, input.clone()).await;
            if told.pointer(place) == Some(&wanted) {
                return println!("{place} {wanted} after {} ms", began.elapsed().as_millis());
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{place} is never {wanted}: {told}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let set = async |tool: &str, input: Value| one.call(&one.admin, tool, input).await.unwrap();
    // A route: made, and another.
    let ask = json!({ "model": "r", "prompt": "x" });
    assert_eq!(there("model_complete", ask.clone()).await["code"], "unknown_model");
    for model in ["test/large", "test/third"] {
        set("model_route_set", json!({ "name": "r", "candidates": [{ "model": model }] })).await;
        until("model_complete", ask.clone(), "/model", json!(model)).await;
    }
    // A provider, and the key that it wants.
    let listed = json!({ "provider": "ours", "all": true });
    assert_eq!(there("model_list", listed.clone()).await["items"], json!([]));
    let text = "name = 'ours'\ndialect = 'openai'\nbase_url = 'https://llm.example.org/v1'\nkey = { vault = 'our-llm' }\n\
        [[models]]\nname = 'house'\nabilities = ['chat']\nprice = { input = '1', output = '2' }\n";
    set("model_provider_set", json!({ "name": "ours", "text": text })).await;
    until("model_list", listed.clone(), "/items/0/available", json!(false)).await;
    set("secret_put", json!({ "name": "our-llm", "value": "sk-secret-of-ours" })).await;
    until("model_list", listed, "/items/0/available", json!(true)).await;
    // A budget, that the next call spends.
    set("model_budget_set", json!({ "scope": "tenant", "tokens": 1 })).await;
    until("model_complete", ask, "/code", json!("budget_spent")).await;
    other.close(Duration::from_secs(5)).await;
    one.app.close(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_instance_tells_of_all_of_them() {
    let Some(database) = Database::find() else { return };
    let (one, other, _folder) = two(&database).await;
    let caller = one.identify(one.admin.key.reveal()).await.unwrap();
    let there = async |tool: &str, input: Value| {
        value(other.gate().call(one.request(caller.clone(), tool, input, |_| {})).await).unwrap()
    };
    let here = async |tool: &str, input: Value| one.call(&one.admin, tool, input).await.unwrap();
    for _ in 0..3 {
        here("user_me", json!({})).await;
    }
    for _ in 0..4 {
        there("user_me", json!({})).await;
    }
    let number = |app: &App| app.platform().store.instance().unwrap();
    let (own, others) = (number(&one.app), number(&other));
    let figures = async |input: Value| here("system_metrics", input).await;
    let began = tokio::time::Instant::now();
    let all = loop {
        let all = figures(json!({ "tool": "user_me" })).await;
        if all["tools"][0]["all"] == 7 {
            break all;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{all}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    println!("told after {} ms", began.elapsed().as_millis());
    assert_eq!((&all["fleet"]["instances"], &all["fleet"]["healthy"]), (&json!(2), &json!(2)), "{all}");
    assert_eq!((&all["instances"][0]["id"], &all["instances"][1]["id"]), (&json!(own), &json!(others)));
    assert_eq!(all["instance"]["id"], own);
    for (instance, calls) in [(own, 3), (others, 4)] {
        let of = figures(json!({ "tool": "user_me", "instance": instance })).await;
        assert_eq!(of["tools"][0]["all"], calls, "{of}");
        assert!(of["calls"]["all"].as_u64() < all["calls"]["all"].as_u64());
    }
    let nobody = one.call(&one.admin, "system_metrics", json!({ "instance": 0 })).await.unwrap_err();
    assert_eq!(nobody.code().name, "not_found");
    let listed = there("system_services", json!({})).await;
    let told: Vec<(i64, &str)> = listed["instances"]
        .as_array()
        .unwrap()
        .iter()
        .map(|instance| (instance["id"].as_i64().unwrap(), instance["health"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [(others.into(), "healthy"), (own.into(), "healthy")], "{listed}");
    let theirs = one.call(&one.stranger, "system_services", json!({})).await.unwrap();
    assert!(theirs.get("instances").is_none(), "another tenant is told of none");

    // One that ends says goodbye; one that is gone without a word is found by the others.
    other.close(Duration::from_secs(5)).await;
    assert_eq!(here("system_services", json!({})).await["instances"].as_array().unwrap().len(), 1);
    // Whichever of the two has chained the audit log.
    here("user_create", json!({ "email": "chained@example.org" })).await;
    let (keeper, began) = (one.app.platform().service::<Keeper>().unwrap(), tokio::time::Instant::now());
    while keeper.sequencer.is_behind().await.unwrap() {
        assert!(began.elapsed() < Duration::from_secs(20), "it is never chained");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    println!("chained after {} ms", began.elapsed().as_millis());
    let platform = one.app.platform();
    let body = json!({
        "instance": 7, "version": "0", "processId": 1, "startedAt": one.clock.now(), "heardAt": one.clock.now(),
        "capabilities": [], "process": {}, "calls": { "all": 5, "callerFaults": 0, "serverFaults": 0 },
    });
    let put = Step::Put(Put {
        kind: Beat::KIND,
        id: Uuid::from_u128(7),
        expect: Expect::Absent,
        owner: None,
        workspace: None,
        visibility: Visibility::Private,
        body,
    });
    let batch = Batch { tenant: TenantId::from_uuid(Uuid::nil()), at: one.clock.now(), steps: vec![put] };
    platform.store.commit(vec![batch]).await.unwrap();
    let mut beating = Beating::default();
    assert_eq!(beating.gone(platform).await.unwrap(), [0_i32; 0], "it may still be there");
    assert_eq!(here("system_metrics", json!({})).await["fleet"]["healthy"], 2);
    one.clock.advance(Duration::from_secs(10));
    let silent = here("system_metrics", json!({})).await;
    assert_eq!(
        (&silent["fleet"]["healthy"], &silent["instances"][1]["health"]),
        (&json!(1), &json!("silent")),
        "{silent}"
    );
    assert_eq!(beating.gone(platform).await.unwrap(), [0_i32; 0], "a moment is not enough");
    assert_eq!(beating.gone(platform).await.unwrap(), [7]);
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

/// Every instance that starts makes what is not there, and all of them start at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_first_starts_at_once_make_one_installation() {
    let Some(database) = Database::find() else { return };
    for _ in 0..4 {
        database.empty().await;
        let url = format!("store.url={}", database.url().await);
        let places = [Place::new(), Place::new(), Place::new()];
        let served: Vec<Served> = std::thread::scope(|scope| {
            let start = |place: &Place| place.serve_with(&["--set", "store.backend=postgres", "--set", &url]);
            let starts: Vec<_> = places.iter().map(|place| scope.spawn(move || start(place))).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        let keys: Vec<&String> = served.iter().filter_map(|one| one.key.as_ref()).collect();
        assert_eq!(keys.len(), 1, "one of them shows a key, and only one");
        for one in &served {
            let me = client().get(format!("{}/api/v1/users/me", one.url)).bearer_auth(keys[0]).send().await.unwrap();
            assert_eq!(me.status(), 200, "the key is good everywhere");
        }
        let client = database.client().await;
        let seen = "SET search_path = convoke; SET convoke.tenant = 'ffffffff-ffff-ffff-ffff-ffffffffffff'";
        client.batch_execute(seen).await.unwrap();
        for table in ["k_tenant", "k_user", "k_api_key"] {
            let row = client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap();
            assert_eq!(row.get::<_, i64>(0), 1, "{table}");
        }
    }
}

async fn config_of(database: &Database) -> Config {
    config_at(database.url().await)
}

pub(crate) fn config_at(url: String) -> Config {
    let mut config = config();
    "postgres".clone_into(&mut config.store.backend);
    config.store.url = url;
    config
}
