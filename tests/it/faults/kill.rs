//! The real program, killed again and again while it writes: what was acknowledged is there with its audit entry and its usage,
//! and nothing is there by half. A server with callers over HTTP, guests beside it; now the one is killed, now the others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use convoke::app::{App, Settings};
use convoke::capability::gate::usage::USAGE;
use convoke::kernel::clock::SystemClock;
use convoke::port::logs::LogQuery;
use convoke::port::records::{Filter, Scope};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::doors::served::client;
use crate::support::app::config;
use crate::support::program::{Client, Place, Served};

/// How often it is killed.
const KILLS: usize = 50;
/// Writes of each guest in a round.
const BY_GUEST: usize = 12;
/// Writes over HTTP in a round.
const BY_CALLER: usize = 16;
/// No limit is met by accident.
const LIMITS: [&str; 2] = ["--set", "limits.writes_per_minute=1000000"];

/// A write that was sent.
enum Sent {
    /// A user of this address is made.
    User(String),
    /// This user is given the role of a viewer.
    Viewer(String),
}

/// What was acknowledged.
#[derive(Default)]
struct Kept {
    /// Users by address, with their ids.
    users: BTreeMap<String, String>,
    viewers: BTreeSet<String>,
}

impl Kept {
    fn user(&mut self, email: String, id: &Value) {
        assert_eq!(self.users.insert(email, id.as_str().unwrap().to_owned()), None);
    }
}

/// A guest and what it has sent in this round.
struct Guest {
    client: Client,
    name: &'static str,
    sent: BTreeMap<u64, Sent>,
}

impl Guest {
    fn start(place: &Place, name: &'static str) -> Self {
        let client = place.stdio(&[&LIMITS[..], &["--toolsets", "all"]].concat());
        Self { client, name, sent: BTreeMap::new() }
    }

    /// Sends a round's writes, the last of them a change of rights.
    fn send(&mut self, round: usize, promoted: Option<&String>) {
        for number in 0..BY_GUEST {
            let email = format!("{}-{round}-{number}@example.org", self.name);
            let (tool, input, sent) = match promoted.filter(|_| number + 1 == BY_GUEST) {
                None => ("user_create", json!({ "email": email, "name": self.name }), Sent::User(email)),
                Some(id) => ("role_assign", json!({ "role": "viewer", "userId": id }), Sent::Viewer(id.clone())),
            };
            let id = self.client.send("tools/call", &json!({ "name": tool, "arguments": input }));
            self.sent.insert(id, sent);
        }
    }

    /// Reads answers, at most so many; each is an acknowledged write.
    fn read(&mut self, most: usize, kept: &mut Kept) {
        for _ in 0..most {
            let Some(answer) = self.client.answer() else { return };
            assert_eq!(answer["result"]["isError"], false, "{answer}");
            match self.sent.remove(&answer["id"].as_u64().unwrap()).unwrap() {
                Sent::User(email) => kept.user(email, &answer["result"]["structuredContent"]["id"]),
                Sent::Viewer(id) => drop(kept.viewers.insert(id)),
            }
        }
    }

    /// Every write is answered, whoever owns the folder now, and happened once: a second time would be refused.
    fn read_all(&mut self, kept: &mut Kept) {
        self.read(self.sent.len(), kept);
        assert!(self.sent.is_empty(), "{} of {} are not answered", self.sent.len(), self.name);
    }

    /// Kills it. What it said before the end was said.
    fn kill(mut self, kept: &mut Kept) {
        self.client.kill_now();
        self.read(self.sent.len(), kept);
    }
}

/// Callers over HTTP.
struct Callers {
    runtime: Runtime,
    client: reqwest::Client,
    key: String,
}

type Call = JoinHandle<Option<(String, Value)>>;

impl Callers {
    fn send(&self, server: &Served, round: usize) -> Vec<Call> {
        let post = |path: &str| self.client.post(format!("{}/api/v1{path}", server.url)).bearer_auth(&self.key);
        // Everything is copied while everything changes.
        if round % 5 == 4 {
            drop(self.runtime.spawn(post("/system/backup").json(&json!({})).send()));
        }
        let calls = (0..BY_CALLER).map(|number| {
            let email = format!("caller-{round}-{number}@example.org");
            let request = post("/users").json(&json!({ "email": email, "name": "caller" }));
            self.runtime.spawn(async move {
                // An answer that breaks off is none.
                let answer = request.send().await.ok()?;
                let status = answer.status();
                let user = answer.json::<Value>().await.ok()?;
                assert_eq!(status, 201, "{user}");
                Some((email, user["id"].clone()))
            })
        });
        calls.collect()
    }

    fn read(&self, calls: Vec<Call>, kept: &mut Kept) -> usize {
        let answered = calls.into_iter().filter_map(|call| self.runtime.block_on(call).unwrap());
        answered.map(|(email, id)| kept.user(email, &id)).count()
    }
}

/// All of a list, page by page.
fn all(client: &mut Client, tool: &str, input: &Value) -> Vec<Value> {
    let mut items = Vec::new();
    let mut input = input.clone();
    input["limit"] = json!(200);
    loop {
        let page = client.call(tool, &input);
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        match page.get("nextPageToken") {
            Some(token) => input["pageToken"] = token.clone(),
            None => return items,
        }
    }
}

fn read_all(guests: &mut [Guest], kept: &mut Kept) {
    for guest in guests {
        guest.read_all(kept);
    }
}

/// Which of the guests has taken over.
fn successor(place: &Place, guests: &[Guest]) -> usize {
    loop {
        let owner = place.owner();
        if let Some(index) = guests.iter().position(|guest| owner == Some(guest.client.pid())) {
            return index;
        }
        std::thread::yield_now();
    }
}

#[test]
fn fifty_kills_lose_nothing_that_was_acknowledged() {
    let place = Place::new();
    let serve = || place.serve_with(&LIMITS);
    let mut server = serve();
    let callers = Callers { runtime: Runtime::new().unwrap(), client: client(), key: server.key.clone().unwrap() };
    let mut guests = vec![Guest::start(&place, "one"), Guest::start(&place, "two")];
    let mut kept = Kept::default();
    for round in 0..KILLS {
        assert_eq!(place.owner(), Some(server.pid()));
        let promoted = kept.users.values().nth(round * 7).cloned();
        let calls = callers.send(&server, round);
        for guest in &mut guests {
            guest.send(round, promoted.as_ref());
        }
        // At another moment each time: before the first answer, between two, after the last.
        guests[0].read(round % (BY_GUEST + 1), &mut kept);
        match round % 5 {
            // One of many guests: the others notice nothing.
            1 => {
                guests.remove(0).kill(&mut kept);
                assert_eq!(callers.read(calls, &mut kept), BY_CALLER);
                guests[0].read_all(&mut kept);
            }
            // The server, and who takes over as well.
            3 => {
                server.kill();
                callers.read(calls, &mut kept);
                guests.remove(successor(&place, &guests)).kill(&mut kept);
                guests[0].read_all(&mut kept);
                server = serve();
            }
            // Everybody: the next start finds what is there.
            4 => {
                server.kill();
                callers.read(calls, &mut kept);
                guests.drain(..).for_each(|guest| guest.kill(&mut kept));
                server = serve();
            }
            // The server. A guest takes over, answers, and gives the folder to the next server.
            _ => {
                server.kill();
                callers.read(calls, &mut kept);
                if round % 2 == 0 {
                    read_all(&mut guests, &mut kept);
                }
                server = serve();
                read_all(&mut guests, &mut kept);
            }
        }
        while guests.len() < 2 {
            let name = if guests.first().is_some_and(|guest| guest.name == "one") { "two" } else { "one" };
            guests.push(Guest::start(&place, name));
        }
    }
    assert_eq!(server.stop(), 0);
    for guest in guests {
        assert_eq!(guest.client.end(), 0);
    }
    assert!(kept.users.len() >= KILLS * BY_GUEST, "{}", kept.users.len());
    holds(&place, &kept);
    assert!(callers.runtime.block_on(uses(place.data(), "user_create")) >= kept.users.len() as u64);
}

/// Everything that was acknowledged is there and whole, and whatever is there was told of.
fn holds(place: &Place, kept: &Kept) {
    let mut reader = Guest::start(place, "reader").client;
    let users = all(&mut reader, "user_list", &json!({}));
    let audit = all(&mut reader, "audit_query", &json!({ "action": "user_create" }));
    assert_eq!(reader.end(), 0);
    let of = |user: &Value, member: &str| user[member].as_str().unwrap().to_owned();
    let mut present: BTreeMap<String, String> = BTreeMap::new();
    let mut viewers = BTreeSet::new();
    for user in users.iter().filter(|user| user["email"] != "admin@localhost") {
        assert_eq!(present.insert(of(user, "email"), of(user, "id")), None);
        let roles: Vec<&str> = user["roles"].as_array().unwrap().iter().map(|role| role.as_str().unwrap()).collect();
        assert!(roles.contains(&"member"), "{user}");
        if roles.contains(&"viewer") {
            viewers.insert(of(user, "id"));
        }
    }
    for (email, id) in &kept.users {
        assert_eq!(present.get(email), Some(id), "{email}");
    }
    assert!(viewers.is_superset(&kept.viewers) && !kept.viewers.is_empty());
    let told: Vec<String> = audit.iter().map(|entry| of(entry, "resourceId")).collect();
    let ids: BTreeSet<String> = present.into_values().collect();
    assert_eq!(told.len(), ids.len());
    assert_eq!(told.into_iter().collect::<BTreeSet<String>>(), ids);
}

/// How often a tool was used with success, as far as it is written. Nobody runs on the folder.
async fn uses(data: PathBuf, tool: &str) -> u64 {
    let app = App::open(Settings::new(config(), data, Arc::new(SystemClock))).await.unwrap();
    let filter = Filter::is("tool", convoke::port::records::Scalar::Text(tool.to_owned()));
    let query = LogQuery { filter, beyond: None, descending: false, limit: 100_000 };
    let entries = app.platform().store.entries(Scope::Platform, &USAGE, query).await.unwrap();
    let number = |entry: &Value, member: &str| entry[member].as_u64().unwrap();
    entries.iter().map(|entry| number(&entry.body, "calls") - number(&entry.body, "faults")).sum()
}
