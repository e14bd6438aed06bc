//! Two real programs on one database, one of which is killed again and again under load: what was acknowledged is there with its
//! audit entry, what was begun goes on, and events arrive in order for each key.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use convoke::app::{App, Settings};
use convoke::capability::gate::audit::AUDIT;
use convoke::domain::identity::model::user::USER;
use convoke::kernel::clock::SystemClock;
use convoke::port::logs::LogQuery;
use convoke::port::records::{Filter, Query, Scalar, Scope};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::domain::events::receiver::Receiver;
use crate::doors::served::client;
use crate::fleet::config_at;
use crate::support::program::{Place, Served};
use crate::support::servers::Database;

/// How often one of two instances is killed.
const KILLS: usize = 30;
/// Keys of events; each is published to by one caller, through the instances in turn.
const KEYS: u64 = 3;
/// Events of each key in a round.
const PUBLISHED: u64 = 6;
/// Calls of each sort and instance in a round.
const CALLS: usize = 8;

/// Two instances on one database.
pub(super) struct Fleet {
    places: [Place; 2],
    url: String,
    pub(super) key: String,
    servers: [Option<Served>; 2],
    /// What the second has in its environment.
    among: Vec<(String, String)>,
    pub(super) client: reqwest::Client,
}

impl Fleet {
    pub(super) fn start(database_url: &str) -> Self {
        Self::start_among(database_url, Vec::new())
    }

    /// The same with more in the environment of the second.
    pub(super) fn start_among(database_url: &str, among: Vec<(String, String)>) -> Self {
        let mut fleet = Self {
            places: [Place::new(), Place::new()],
            url: format!("store.url={database_url}"),
            key: String::new(),
            servers: [None, None],
            among,
            client: client(),
        };
        fleet.up(0);
        fleet.key = fleet.servers[0].as_ref().unwrap().key.clone().unwrap();
        fleet.up(1);
        fleet
    }

    pub(super) fn up(&mut self, at: usize) {
        let settings = [
            "--set",
            "store.backend=postgres",
            "--set",
            &self.url,
            "--set",
            "limits.writes_per_minute=1000000",
            "--set",
            "schedules.shortest_seconds=1",
            "--set",
            "outside.private_networks=127.0.0.0/8",
        ];
        let among = if at == 1 { self.among.as_slice() } else { &[] };
        self.servers[at] = Some(self.places[at].serve_among(&settings, among));
    }

    pub(super) fn kill(&mut self, at: usize) {
        self.servers[at].take().unwrap().kill();
    }

    pub(super) fn post(&self, at: usize, path: &str) -> reqwest::RequestBuilder {
        let url = &self.servers[at].as_ref().unwrap().url;
        self.client.post(format!("{url}/api/v1{path}")).bearer_auth(&self.key)
    }

    /// What an instance answers to a question.
    pub(super) async fn get(&self, at: usize, path: &str) -> Value {
        let url = &self.servers[at].as_ref().unwrap().url;
        let answer = self.client.get(format!("{url}/api/v1{path}")).bearer_auth(&self.key).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// Changes something at an instance; whether it was taken.
    pub(super) async fn put(&self, at: usize, path: &str, body: &Value) -> bool {
        let url = &self.servers[at].as_ref().unwrap().url;
        let request = self.client.put(format!("{url}/api/v1{path}")).bearer_auth(&self.key).json(body);
        request.send().await.unwrap().status().is_success()
    }

    /// Lets a receiver hear of what is published.
    pub(super) async fn subscribe(&self, receiver: &Receiver) {
        let target = json!({ "type": "webhook", "url": receiver.url() });
        let body = json!({ "topics": ["order.*"], "target": target });
        let made = self.post(0, "/subscriptions").json(&body).send().await.unwrap();
        assert!(made.status().is_success(), "{:?}", made.text().await);
    }

    /// Makes a person; with `later` the call is only begun. Answers the address, where it was acknowledged.
    pub(super) fn make(&self, at: usize, email: String, later: bool) -> JoinHandle<Option<String>> {
        let mut request = self.post(at, "/users").json(&json!({ "email": email, "name": "Person" }));
        if later {
            request = request.header("prefer", "respond-async");
        }
        tokio::spawn(
            async move { request.send().await.is_ok_and(|answer| answer.status().is_success()).then_some(email) },
        )
    }

    /// Publishes events of one key in order, through the instances in turn; answers the numbers that were acknowledged.
    pub(super) fn publish(&self, key: u64, numbers: std::ops::Range<u64>) -> JoinHandle<BTreeSet<u64>> {
        let requests: Vec<_> = numbers
            .map(|number| {
                let event = json!({ "number": number });
                let body = json!({ "topic": "order.created", "subject": key.to_string(), "event": event });
                (number, self.post(usize::try_from(number).unwrap() % 2, "/events").json(&body))
            })
            .collect();
        tokio::spawn(async move {
            let mut acknowledged = BTreeSet::new();
            for (number, request) in requests {
                if request.send().await.is_ok_and(|answer| answer.status().is_success()) {
                    acknowledged.insert(number);
                }
            }
            acknowledged
        })
    }
}

/// What arrived, and that what came for the first time came in order for each key.
#[derive(Default)]
pub(super) struct Arrived {
    seen: BTreeSet<(u64, u64)>,
    last: BTreeMap<u64, u64>,
    /// How many came that had come before.
    pub(super) again: u64,
}

impl Arrived {
    pub(super) async fn all(&mut self, receiver: &mut Receiver, expected: &BTreeSet<(u64, u64)>) {
        while !expected.is_subset(&self.seen) {
            let data = receiver.next().await.json();
            let key: u64 = data["subject"].as_str().unwrap().parse().unwrap();
            let number = data["data"]["number"].as_u64().unwrap();
            // Where it is not known that an event was published, it is not known when, either.
            let is_new = self.seen.insert((key, number));
            self.again += u64::from(!is_new);
            if is_new && expected.contains(&(key, number)) {
                let before = self.last.insert(key, number);
                assert!(before.is_none_or(|before| before < number), "of {key}: {number} after {before:?}");
            }
        }
    }
}

/// What is in the database when nobody else is: every acknowledged person, each with the one entry of the audit log.
pub(super) async fn holds(url: &str, acknowledged: &BTreeSet<String>) {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::new(config_at(url.to_owned()), folder.path().to_owned(), Arc::new(SystemClock));
    let app = App::open(settings).await.unwrap();
    let store = &app.platform().store;
    let made = Filter::StartsWith("email", "person-".to_owned());
    let query = Query { filter: made, order: "id", descending: false, after: None, limit: 100_000 };
    let users = store.find(Scope::Platform, &USER, query).await.unwrap();
    let emails: BTreeSet<String> =
        users.iter().filter_map(|user| user.body["email"].as_str().map(str::to_owned)).collect();
    let lost: Vec<&String> = acknowledged.difference(&emails).collect();
    assert!(lost.is_empty(), "{lost:?}");
    let filter = Filter::is("action", Scalar::Text("user_create".to_owned()));
    let query = LogQuery { filter, beyond: None, descending: false, limit: 100_000 };
    let entries = store.entries(Scope::Platform, &AUDIT, query).await.unwrap();
    let told: BTreeSet<&str> = entries
        .iter()
        .filter(|entry| entry.body["outcome"] == "done")
        .map(|entry| entry.body["resourceId"].as_str().unwrap())
        .collect();
    let ids: Vec<String> = users.iter().map(|user| user.id.to_string()).collect();
    assert_eq!(told.len(), entries.iter().filter(|entry| entry.body["outcome"] == "done").count(), "one entry each");
    assert_eq!(told, ids.iter().map(String::as_str).collect(), "nothing is there by half");
    app.close(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_one_of_two_instances_again_and_again_loses_nothing() {
    let Some(database) = Database::find() else { return };
    let mut fleet = Fleet::start(&database.url().await);
    let mut receiver = Receiver::start().await;
    fleet.subscribe(&receiver).await;
    let (mut kept, mut begun, mut published) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for round in 0..KILLS {
        let numbers = (round as u64 * PUBLISHED)..((round as u64 + 1) * PUBLISHED);
        let publishing: Vec<_> = (0..KEYS).map(|key| (key, fleet.publish(key, numbers.clone()))).collect();
        let mut calls = Vec::new();
        for number in 0..CALLS * 4 {
            let (at, later) = (number % 2, number % 4 > 1);
            calls.push((at, later, fleet.make(at, format!("person-{round}-{number}@example.org"), later)));
        }
        let victim = round % 2;
        tokio::time::sleep(Duration::from_millis((round as u64 * 7) % 90)).await;
        fleet.kill(victim);
        let mut answered = 0;
        for (at, later, call) in calls {
            let Some(email) = call.await.unwrap() else { continue };
            answered += usize::from(at != victim);
            if later {
                begun.insert(email)
            } else {
                kept.insert(email)
            };
        }
        assert_eq!(answered, CALLS * 2, "the other instance answers all of its callers");
        for (key, publishing) in publishing {
            published.extend(publishing.await.unwrap().into_iter().map(|number| (key, number)));
        }
        fleet.up(victim);
    }
    assert!(kept.len() >= KILLS * CALLS && published.len() as u64 >= KILLS as u64 * KEYS * PUBLISHED / 2);
    Arrived::default().all(&mut receiver, &published).await;
    // What was begun by an instance that is gone is ended by another.
    let began = tokio::time::Instant::now();
    loop {
        let running = fleet_calls(&database).await;
        if running == 0 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(90), "{running} calls are never ended");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // And those that are gone are told of no more.
    loop {
        let instances = fleet.get(0, "/system/services").await["instances"].as_array().unwrap().len();
        if instances == 2 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(120), "{instances} instances are told of");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    drop(fleet);
    kept.extend(begun);
    holds(&database.url().await, &kept).await;
}

/// How many calls that were begun have not ended.
async fn fleet_calls(database: &Database) -> i64 {
    let client = database.client().await;
    let seen = "SET search_path = convoke; SET convoke.tenant = 'ffffffff-ffff-ffff-ffff-ffffffffffff'";
    client.batch_execute(seen).await.unwrap();
    let row = client.query_one("SELECT count(*) FROM k_operation WHERE f_state = 'running'", &[]).await.unwrap();
    row.get(0)
}
