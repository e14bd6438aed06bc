//! Two real programs on a PostgreSQL server that is killed, stands still, or cannot be reached, under load: calls are answered
//! by a fault that says so, nothing that was acknowledged is lost, and everything goes on by itself.

use std::collections::BTreeSet;
use std::time::Duration;

use convoke::kernel::id::new_uuid;
use convoke::kernel::time::Timestamp;
use serde_json::json;

use super::disk::SmallDisk;
use super::fleet::{Arrived, Fleet, holds};
use crate::domain::events::receiver::Receiver;
use crate::support::servers::OwnServer;
use crate::support::wire::Wire;

/// Longer than anything waits for a server: connecting, a statement, and finding out whether it was committed.
const LONGEST: Duration = Duration::from_secs(75);
const KEYS: u64 = 2;

/// What callers do until they are told to stop, and what was acknowledged.
struct Load {
    receiver: Receiver,
    users: BTreeSet<String>,
    events: BTreeSet<(u64, u64)>,
    rounds: u64,
}

impl Load {
    async fn on(fleet: &Fleet) -> Self {
        let receiver = Receiver::start().await;
        fleet.subscribe(&receiver).await;
        Self { receiver, users: BTreeSet::new(), events: BTreeSet::new(), rounds: 0 }
    }

    /// Callers through both instances while something happens; every one of them is answered.
    async fn while_(&mut self, fleet: &Fleet, happening: impl Future<Output = ()>) {
        let mut happening = std::pin::pin!(happening);
        let mut is_over = false;
        while !is_over {
            let round = self.rounds;
            self.rounds += 1;
            let calls: Vec<_> = (0..8)
                .map(|number| fleet.make(number % 2, format!("person-{round}-{number}@example.org"), false))
                .collect();
            let publishing: Vec<_> = (0..KEYS).map(|key| (key, fleet.publish(key, round * 4..round * 4 + 4))).collect();
            let answered = async {
                for call in calls {
                    self.users.extend(call.await.unwrap());
                }
                for (key, publishing) in publishing {
                    self.events.extend(publishing.await.unwrap().into_iter().map(|number| (key, number)));
                }
            };
            let mut answered = std::pin::pin!(tokio::time::timeout(LONGEST * 4, answered));
            loop {
                tokio::select! {
                    () = &mut happening, if !is_over => is_over = true,
                    answered = &mut answered => break answered.expect("every caller is answered"),
                }
            }
        }
    }

    /// Both instances serve, health is well again, and everything that was acknowledged is there.
    async fn ends(mut self, fleet: Fleet, url: &str) {
        self.users.extend(well(&fleet).await);
        assert!(self.users.len() > 16 && self.events.len() > 8, "{} {}", self.users.len(), self.events.len());
        Arrived::default().all(&mut self.receiver, &self.events).await;
        drop(fleet);
        holds(url, &self.users).await;
    }
}

/// Both instances write again, and get well by themselves; answers what they wrote.
async fn well(fleet: &Fleet) -> Vec<String> {
    let mut made = Vec::new();
    for at in 0..2 {
        let email = format!("person-afterwards-{at}@example.org");
        made.push(fleet.make(at, email, false).await.unwrap().expect("it serves again"));
        let began = tokio::time::Instant::now();
        loop {
            let health = fleet.get(at, "/health").await;
            if health["status"] == "ok" {
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{health}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    made
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_and_paused_under_load_loses_nothing() {
    let Some(server) = OwnServer::start() else { return };
    let url = server.url("postgres");
    let fleet = Fleet::start(&url);
    let mut load = Load::on(&fleet).await;
    for _ in 0..3 {
        let breaking = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            tokio::task::block_in_place(|| {
                server.crash();
                server.up();
            });
            tokio::time::sleep(Duration::from_millis(300)).await;
            server.pause(true);
            tokio::time::sleep(Duration::from_millis(1500)).await;
            server.pause(false);
        };
        load.while_(&fleet, breaking).await;
    }
    load.ends(fleet, &url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_is_cut_under_load_loses_nothing() {
    let Some(wire) = Wire::lay() else { return };
    let Some(server) = OwnServer::start_behind(Some(wire)) else { return };
    let url = server.url("postgres");
    let fleet = Fleet::start(&url);
    let mut load = Load::on(&fleet).await;
    // For a moment: what was sent is sent again by itself. And for longer than anybody waits.
    for cut in [Duration::from_secs(2), Duration::from_secs(25)] {
        let cutting = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            server.cut(true);
            if cut > Duration::from_secs(20) {
                // A caller hears of it in time, by a code.
                let began = tokio::time::Instant::now();
                let answer = fleet.post(0, "/users").json(&json!({ "email": "cut@example.org", "name": "Cut" }));
                let answer = answer.send().await.unwrap();
                let (status, body) = (answer.status(), answer.text().await.unwrap());
                assert!(status == 503 && body.contains("unavailable"), "{status} {body}");
                assert!(began.elapsed() < LONGEST, "{:?}", began.elapsed());
            } else {
                tokio::time::sleep(cut).await;
            }
            server.cut(false);
        };
        load.while_(&fleet, cutting).await;
    }
    load.ends(fleet, &url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_disk_is_full_is_got_over() {
    let Some(server) = OwnServer::start() else { return };
    let place = server.folder().join("small");
    let Some(disk) = SmallDisk::with(&place, "size=28m,mode=0700,uid=65534,gid=65534") else { return };
    let admin = server.client("postgres").await;
    admin.batch_execute(&format!("CREATE TABLESPACE small LOCATION '{}'", place.display())).await.unwrap();
    admin.batch_execute("CREATE DATABASE small TABLESPACE small").await.unwrap();
    let url = server.url("small");
    let fleet = Fleet::start(&url);
    let mut receiver = Receiver::start().await;
    fleet.subscribe(&receiver).await;
    // What cannot be compressed.
    let large = || (0..600).map(|_| new_uuid(Timestamp::from_millis(0)).to_string()).collect::<String>();
    let mut published = BTreeSet::new();
    let (status, said) = 'full: {
        for number in 0..5_000_u64 {
            let event = json!({ "number": number, "large": large() });
            let body = json!({ "topic": "order.created", "subject": "0", "event": event });
            let at = usize::try_from(number).unwrap() % 2;
            let answer = fleet.post(at, "/events").json(&body).send().await.unwrap();
            if !answer.status().is_success() {
                break 'full (answer.status().as_u16(), answer.text().await.unwrap());
            }
            published.insert((0, number));
        }
        panic!("the disk did not fill up");
    };
    assert!(status == 507 && said.contains("storage_full"), "{status} {said}");
    assert!(published.len() > 10);
    // Reading goes on meanwhile.
    for at in 0..2 {
        assert_eq!(fleet.get(at, "/users/me").await["email"], "admin@localhost");
    }
    disk.enlarge();
    let users = well(&fleet).await;
    Arrived::default().all(&mut receiver, &published).await;
    drop(fleet);
    holds(&url, &users.into_iter().collect()).await;
    drop((admin, server, disk));
}
