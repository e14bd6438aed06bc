//! Two real programs on one database, one of which has its clock stepped by hours, there and back, while it runs: what was before
//! what holds, nothing is delivered twice or out of order, and nobody loses a lease to a wrong clock.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use convoke::kernel::clock::{Clock as _, SystemClock};

use super::fleet::{Arrived, Fleet};
use crate::domain::events::receiver::Receiver;
use crate::support::servers::{Database, named};

/// Lets a process see the time that a file says.
fn clock_of(file: &Path, library: String) -> Vec<(String, String)> {
    let settings = [
        ("LD_PRELOAD", library),
        ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        // The time that only goes forward is nothing that an operator sets.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    settings.map(|(name, value)| (name.to_owned(), value)).into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_stepped_changes_nothing() {
    let Some(database) = Database::find() else { return };
    let Some(library) = named("FAKETIME_LIBRARY", "faketime") else { return };
    let folder = tempfile::tempdir().unwrap();
    let clock = folder.path().join("clock");
    std::fs::write(&clock, "+3h\n").unwrap();
    let among = clock_of(&clock, library);
    let said = Command::new("date").arg("+%s").envs(among.iter().cloned()).output().unwrap();
    let said: i64 = String::from_utf8(said.stdout).unwrap().trim().parse().unwrap();
    assert!(said - SystemClock.now().as_millis() / 1000 > 10_000, "the clock of a process can be stepped");
    let fleet = Fleet::start_among(&database.url().await, among);
    let mut receiver = Receiver::start().await;
    fleet.subscribe(&receiver).await;
    let (mut times, mut published) = (Vec::new(), BTreeSet::new());
    for (round, step) in ["+3h", "-2h", "+25h", "+0"].into_iter().enumerate() {
        std::fs::write(&clock, format!("{step}\n")).unwrap();
        for number in 0..20_u64 {
            let at = usize::try_from(number).unwrap() % 2;
            let made = fleet
                .post(at, "/users")
                .json(&serde_json::json!({ "email": format!("p{round}-{number}@example.org"), "name": "P" }));
            let made: serde_json::Value = made.send().await.unwrap().json().await.unwrap();
            times.push((made["createdAt"].as_str().unwrap().to_owned(), made["id"].as_str().unwrap().to_owned()));
        }
        let first = round as u64 * 20;
        let numbers = fleet.publish(0, first..first + 20).await.unwrap();
        assert_eq!(numbers.len(), 20);
        published.extend(numbers.into_iter().map(|number| (0, number)));
    }
    // Made one after the other, through both: their times and ids say so. Between the instances some milliseconds may lie.
    let moments: Vec<i64> = times.iter().map(|(time, _)| millis(time)).collect();
    for (before, after) in moments.iter().zip(&moments[1..]) {
        assert!(after + 250 >= *before, "{before} then {after}: {times:?}");
        assert!(after - before < 60_000, "{before} then {after}: {times:?}");
    }
    let mut arrived = Arrived::default();
    arrived.all(&mut receiver, &published).await;
    assert_eq!(arrived.again, 0, "each was delivered once");
}

fn millis(time: &str) -> i64 {
    time.parse::<convoke::kernel::time::Timestamp>().unwrap().as_millis()
}
