//! The real program, killed again and again while it writes: what was acknowledged is there with its audit entry, and nothing
//! is there by half.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::program::{Client, Place};

/// How often it is killed.
const KILLS: usize = 50;
/// Writes of each client in a round.
const BATCH: usize = 6;

/// Sends a round's writes; answers the emails by request id.
fn send(client: &mut Client, round: usize, who: &str) -> BTreeMap<u64, String> {
    (0..BATCH)
        .map(|number| {
            let email = format!("{who}-{round}-{number}@example.org");
            let input = json!({ "email": email, "name": who });
            (client.send("tools/call", &json!({ "name": "user_create", "arguments": input })), email)
        })
        .collect()
}

/// Reads answers, at most so many; each is an acknowledged write.
fn acknowledged(client: &mut Client, sent: &BTreeMap<u64, String>, most: usize, kept: &mut BTreeMap<String, String>) {
    for _ in 0..most {
        let Some(answer) = client.answer() else { return };
        assert_eq!(answer["result"]["isError"], false, "{answer}");
        let id = answer["result"]["structuredContent"]["id"].as_str().unwrap().to_owned();
        let email = sent[&answer["id"].as_u64().unwrap()].clone();
        assert_eq!(kept.insert(email, id), None);
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

#[test]
fn fifty_kills_lose_nothing_that_was_acknowledged() {
    let place = Place::new();
    let start = || place.stdio(&["--toolsets", "all", "--set", "limits.writes_per_minute=1000000"]);
    let mut kept = BTreeMap::new();
    let mut owner = start();
    let mut guest = start();
    for round in 0..KILLS {
        // A guest whose writes were all answered before the kill may not have taken over yet when the next one starts: then
        // either of them owns the folder now.
        if place.owner() == guest.pid() {
            std::mem::swap(&mut owner, &mut guest);
        }
        assert_eq!(place.owner(), owner.pid());
        let by_owner = send(&mut owner, round, "owner");
        let by_guest = send(&mut guest, round, "guest");
        // At another moment each time: before the first answer, between two, after the last.
        acknowledged(&mut owner, &by_owner, round % (BATCH + 1), &mut kept);
        owner.kill_now();
        // What was said before the end was said.
        acknowledged(&mut owner, &by_owner, BATCH, &mut kept);
        if round % 5 == 4 {
            // Nobody is left to take over: the next start finds what is there.
            guest.kill_now();
            acknowledged(&mut guest, &by_guest, BATCH, &mut kept);
            owner = start();
        } else {
            // The guest takes over; every one of its writes is answered, and happened once: a second time would be refused.
            let before = kept.len();
            acknowledged(&mut guest, &by_guest, BATCH, &mut kept);
            assert_eq!(kept.len(), before + BATCH, "round {round}");
            owner = guest;
        }
        guest = start();
    }
    assert_eq!(owner.end(), 0);
    assert_eq!(guest.end(), 0);

    let mut reader = start();
    let users = all(&mut reader, "user_list", &json!({}));
    let audit = all(&mut reader, "audit_query", &json!({ "action": "user_create" }));
    let of = |user: &Value, member: &str| user[member].as_str().unwrap().to_owned();
    let mut present: BTreeMap<String, String> = BTreeMap::new();
    for user in users.iter().filter(|user| user["email"] != "admin@localhost") {
        assert_eq!(present.insert(of(user, "email"), of(user, "id")), None);
        assert_eq!(user["roles"], json!(["member"]), "{user}");
    }
    for (email, id) in &kept {
        assert_eq!(present.get(email), Some(id), "{email}");
    }
    let told: Vec<String> = audit.iter().map(|entry| of(entry, "resourceId")).collect();
    let ids: BTreeSet<String> = present.into_values().collect();
    assert_eq!(told.len(), ids.len());
    assert_eq!(told.into_iter().collect::<BTreeSet<String>>(), ids);
    assert!(kept.len() >= KILLS * BATCH, "{}", kept.len());
}
