//! The real program, killed while it takes in documents: at the moments between the first byte and the answer. Afterwards a document is there whole or
//! not at all, trying again works, and no blob is one by half.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use convoke::kernel::seal::sha256_hex;
use serde_json::{Value, json};

use crate::support::program::{Client, Place};

/// How often it is killed.
const KILLS: u64 = 12;
/// Passages of a document, each with a word that no other has.
const PASSAGES: usize = 150;

fn text(round: u64) -> String {
    let passage = |number: usize| format!("# Part {number}\n\nThe mark of this part is mark{round}x{number}.\n\n");
    (0..PASSAGES).map(passage).collect()
}

fn start(place: &Place) -> Client {
    place.stdio(&["--toolsets", "all"])
}

fn upload(round: u64) -> Value {
    json!({ "name": format!("round-{round}.md"), "text": text(round) })
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Searches a part of a document; answers which documents say its mark.
fn saying(client: &mut Client, round: u64, number: usize) -> BTreeSet<(String, u64)> {
    let mark = format!("mark{round}x{number}");
    let found = client.call("document_search", &json!({ "query": mark, "limit": 50 }));
    let hits = found["hits"].as_array().unwrap().iter();
    let says = hits.filter(|hit| hit["text"].as_str().unwrap().contains(&format!("{mark}.")));
    says.map(|hit| (hit["documentId"].as_str().unwrap().to_owned(), hit["chunk"].as_u64().unwrap())).collect()
}

#[test]
fn a_document_is_taken_in_whole_or_not_at_all() {
    let place = Place::new();
    let mut client = start(&place);
    // How long it takes undisturbed tells between which moments to kill.
    let begun = std::time::Instant::now();
    client.call("document_upload", &upload(0));
    let whole = begun.elapsed();
    let (mut there, mut not_there) = (0, 0);
    for round in 1..=KILLS {
        client.send("tools/call", &json!({ "name": "document_upload", "arguments": upload(round) }));
        std::thread::sleep(
            whole.mul_f64(f64::from(u32::try_from(round).unwrap()) * 1.2 / f64::from(u32::try_from(KILLS).unwrap())),
        );
        client.kill_now();
        client = start(&place);
        let kept: Vec<_> = [0, PASSAGES / 2, PASSAGES - 1].map(|number| saying(&mut client, round, number)).into();
        let is_there = !kept[0].is_empty();
        assert!(kept.iter().all(|one| one.len() == usize::from(is_there)), "round {round}: {kept:?}");
        if is_there {
            there += 1;
        } else {
            not_there += 1;
        }
        // Trying again works, and does nothing where it is there.
        let again = client.call("document_upload", &upload(round));
        assert_eq!(again["duplicate"], json!(is_there), "round {round}: {again}");
        let id = again["documentId"].as_str().unwrap().to_owned();
        for number in [0, PASSAGES / 2, PASSAGES - 1] {
            let says: Vec<String> = saying(&mut client, round, number).into_iter().map(|(id, _)| id).collect();
            assert_eq!(says, std::slice::from_ref(&id));
        }
        let told = client.call("document_get", &json!({ "id": id, "length": 200_000 }));
        assert_eq!(told["text"].as_str().unwrap().matches("The mark of this part").count(), PASSAGES);
    }
    assert!(not_there > 0, "it was never killed in time");
    // Every blob is what its name says, and each document has two: what was cut off was taken up by who tried again.
    std::thread::sleep(Duration::from_millis(100));
    let blobs = files(&place.data().join("blobs"));
    for blob in &blobs {
        let name = blob.file_name().unwrap().to_str().unwrap();
        assert_eq!(sha256_hex(&std::fs::read(blob).unwrap()), name, "{}", blob.display());
    }
    assert_eq!(u64::try_from(blobs.len()).unwrap(), 2 * (KILLS + 1), "there: {there}, not there: {not_there}");
    assert_eq!(client.end(), 0);
}
