//! The real program, killed while it takes documents into the graph and while it forgets. What was acknowledged is there, or gone, everywhere; what was
//! not goes on where it stopped, and nothing is there twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use convoke::app::{App, Settings};
use convoke::domain::MODULES;
use convoke::kernel::clock::SystemClock;
use convoke::port::records::{Filter, Query, Record, Scope};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::app::config;
use crate::support::program::{Client, Place};

/// How often it is killed in each way.
const KILLS: u64 = 10;
/// Passages of a document: more than are written at once.
const PARTS: usize = 160;
/// Memories that are forgotten at once.
const MEMORIES: usize = 40;

fn start(place: &Place) -> Client {
    place.stdio(&["--toolsets", "all", "--set", "limits.writes_per_minute=1000000"])
}

/// A name that no other part of any document has.
fn name(round: u64, part: usize) -> String {
    let syllables = ["ba", "de", "fi", "go", "lu", "ma", "ne", "pi", "ro", "su"];
    let number = format!("{round:02}{part:03}");
    let written: String = number.bytes().map(|digit| syllables[usize::from(digit - b'0')]).collect();
    format!("{}{}", written[..1].to_uppercase(), &written[1..])
}

fn text(round: u64) -> String {
    let part = |at: usize| {
        let name = name(round, at);
        format!("# Part {at}\n\nAda {name} works for {name} Works GmbH. The mark of this part is mark{round}x{at}.\n\n")
    };
    (0..PARTS).map(part).collect()
}

fn ingest(round: u64) -> Value {
    let document =
        json!({ "name": format!("round-{round}.md"), "text": text(round), "source": format!("wiki/{round}") });
    json!({ "documents": [document], "extraction": "statistical" })
}

/// The moment of a kill: from the first to a little beyond the last of what it takes undisturbed.
fn moment(whole: Duration, round: u64, kills: u64) -> Duration {
    let share = |number: u64| f64::from(u32::try_from(number).unwrap());
    whole.mul_f64(share(round) * 1.1 / share(kills))
}

/// What one part of a document has in the graph and among the passages is there once.
fn is_there_once(client: &mut Client, round: u64, part: usize) {
    let name = format!("Ada {}", name(round, part));
    let found = client.call("graph_search", &json!({ "query": name }));
    let nodes: Vec<&Value> = found["items"].as_array().unwrap().iter().filter(|item| item["name"] == *name).collect();
    assert_eq!(nodes.len(), 1, "{name}: {found}");
    let node = client.call("graph_get", &json!({ "id": nodes[0]["id"] }));
    let relations = node["relations"].as_array().unwrap();
    assert_eq!((relations.len(), &relations[0]["type"]), (1, &json!("works_at")), "{node}");
    let mark = format!("mark{round}x{part}");
    let found = client.call("document_search", &json!({ "query": mark, "limit": 20 }));
    let hits = found["hits"].as_array().unwrap().iter();
    assert_eq!(hits.filter(|hit| hit["text"].as_str().unwrap().contains(&format!("{mark}."))).count(), 1, "{mark}");
}

/// Everything of these kinds that lies in a folder on which nobody runs.
fn records(place: &Place, kinds: &[&str]) -> Vec<Vec<Record>> {
    Runtime::new().unwrap().block_on(async {
        let app = App::open(Settings::new(config(), place.data(), std::sync::Arc::new(SystemClock))).await.unwrap();
        let mut all = Vec::new();
        for name in kinds {
            let kind = MODULES.iter().flat_map(|module| module.kinds).find(|kind| kind.name == *name).unwrap();
            all.push(
                app.platform().store.find(Scope::Platform, kind, Query::newest(Filter::All, 100_000)).await.unwrap(),
            );
        }
        app.close(Duration::from_secs(5)).await;
        all
    })
}

#[test]
fn an_ingest_goes_on_where_it_was_killed_and_no_passage_is_double() {
    let place = Place::new();
    let mut client = start(&place);
    let begun = Instant::now();
    let told = client.call("knowledge_ingest", &ingest(0));
    let whole = begun.elapsed();
    let undisturbed = told["documents"][0].clone();
    assert_eq!((&told["complete"], &undisturbed["passages"]["total"]), (&json!(true), &json!(PARTS)), "{told}");
    let (mut resumed, mut went_on) = (0, 0);
    for round in 1..=KILLS {
        client.send("tools/call", &json!({ "name": "knowledge_ingest", "arguments": ingest(round) }));
        std::thread::sleep(moment(whole, round, KILLS));
        client.kill_now();
        let acknowledged = client.answer().is_some_and(|answer| answer["result"]["isError"] == false);
        client = start(&place);
        let told = client.call("knowledge_ingest", &ingest(round));
        let one = &told["documents"][0];
        assert_eq!(told["complete"], true, "round {round}: {told}");
        if acknowledged {
            assert_eq!(one["outcome"], "unchanged", "round {round}: {told}");
        }
        if one["outcome"] == "resumed" {
            resumed += 1;
            let unchanged = one["passages"]["unchanged"].as_u64().unwrap();
            went_on += usize::from(unchanged > 0);
        }
        for what in ["entities", "relations"] {
            assert_eq!(one[what]["total"], undisturbed[what]["total"], "round {round}, {what}: {told}");
        }
        for part in [0, PARTS / 2, PARTS - 1] {
            is_there_once(&mut client, round, part);
        }
        assert_eq!(client.call("knowledge_ingest", &ingest(round))["documents"][0]["outcome"], "unchanged");
    }
    assert!(
        resumed > 0 && went_on > 0,
        "it was never killed in time: {resumed} went on, {went_on} of them with something"
    );
    // What was acknowledged before all of it is as it was.
    for round in 0..=KILLS {
        assert_eq!(client.call("knowledge_ingest", &ingest(round))["documents"][0]["outcome"], "unchanged");
    }
    assert_eq!(client.end(), 0);
    let all = records(
        &place,
        &["knowledge_passage", "document_chunk", "document", "knowledge_ingestion", "graph_node", "graph_relation"],
    );
    let documents = usize::try_from(KILLS + 1).unwrap();
    let counts: Vec<usize> = all.iter().map(Vec::len).collect();
    let of = |what: &str| usize::try_from(undisturbed[what]["total"].as_u64().unwrap()).unwrap();
    assert_eq!(counts[..4], [PARTS * documents, PARTS * documents, documents, documents]);
    let digests: BTreeSet<String> =
        all[0].iter().map(|one| format!("{} {}", one.body["ingestionId"], one.body["digest"])).collect();
    assert_eq!(digests.len(), PARTS * documents);
    // The documents themselves stand in the graph, too.
    let extracted = |records: &[Record]| -> BTreeMap<String, usize> {
        let mut of_documents = BTreeMap::new();
        for record in records {
            let origins = record.body["provenance"].as_array().unwrap();
            if let Some(origin) = origins.iter().find(|origin| origin["extracted"].is_object()) {
                *of_documents.entry(origin["document"].to_string()).or_default() += 1;
            }
        }
        of_documents
    };
    for (records, what) in [(&all[4], "entities"), (&all[5], "relations")] {
        let of_documents = extracted(records);
        let all: Vec<usize> = of_documents.values().copied().collect();
        assert_eq!(all, vec![of(what); documents], "{what}, of {} records: {of_documents:?}", records.len());
    }
}

/// Remembers some things of a round; answers the id of the first.
fn remember(client: &mut Client, round: u64) -> Value {
    let mut first = Value::Null;
    for at in 0..MEMORIES {
        let text = format!("The secret of {} is secret{round}x{at}", name(round, at));
        let input = json!({ "text": text, "tags": [format!("round{round}")], "separate": true });
        let told = client.call("memory_store", &input);
        if at == 0 {
            first = told["memory"]["memoryId"].clone();
        }
    }
    first
}

fn left(client: &mut Client, round: u64) -> usize {
    let input = json!({ "tags": [format!("round{round}")], "limit": 50, "includeEnded": true });
    client.call("memory_search", &input)["items"].as_array().unwrap().len()
}

/// Whether something is found by a word that only one memory says.
fn says(client: &mut Client, round: u64, at: usize) -> bool {
    let found = client.call("memory_search", &json!({ "query": format!("secret{round}x{at}"), "includeEnded": true }));
    found["items"]
        .as_array()
        .unwrap()
        .iter()
        .any(|item| item["text"].to_string().contains(&format!("secret{round}x{at}\"")))
}

fn forget(round: u64) -> Value {
    json!({ "id": "matching", "tags": [format!("round{round}")] })
}

#[test]
fn what_is_forgotten_is_gone_whole_wherever_it_was_killed() {
    let place = Place::new();
    let mut client = start(&place);
    remember(&mut client, 0);
    assert!(says(&mut client, 0, 5));
    let begun = Instant::now();
    assert_eq!(client.call("memory_forget", &forget(0))["forgotten"], MEMORIES);
    let whole = begun.elapsed();
    let (mut there, mut gone) = (0, 0);
    for round in 1..=KILLS {
        let first = remember(&mut client, round);
        client.send("tools/call", &json!({ "name": "memory_forget", "arguments": forget(round) }));
        std::thread::sleep(moment(whole, round, KILLS));
        client.kill_now();
        let acknowledged = client.answer().is_some_and(|answer| answer["result"]["isError"] == false);
        client = start(&place);
        let is_left = left(&mut client, round);
        assert!(is_left == 0 || (is_left == MEMORIES && !acknowledged), "round {round}: {is_left}, {acknowledged}");
        if is_left > 0 {
            there += 1;
            assert!(says(&mut client, round, MEMORIES - 1), "round {round}");
            assert_eq!(client.call("memory_forget", &forget(round))["forgotten"], MEMORIES);
        } else {
            gone += 1;
        }
        for at in [0, MEMORIES / 2, MEMORIES - 1] {
            assert!(!says(&mut client, round, at), "round {round}");
        }
        let answer = client.ask("tools/call", &json!({ "name": "memory_get", "arguments": { "id": first } }));
        assert!(answer["result"]["isError"] == true && answer.to_string().contains("not_found"), "{answer}");
    }
    assert!(there > 0 || gone > 0);
    assert_eq!(client.end(), 0);
    for records in records(&place, &["memory", "embedding"]) {
        assert!(records.is_empty(), "{records:?}");
    }
}
