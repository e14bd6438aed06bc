//! The embedded index of vectors on the disk: what a crash leaves, what rots, what grows.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use convoke::adapter::vectors::EmbeddedVectors;
use convoke::kernel::id::Id;
use convoke::port::vectors::{Change, Corner, Search, Space, Vectors};
use uuid::Uuid;

const SIZE: usize = 8;

fn space() -> Space {
    Space { embedder: "test".into(), size: SIZE }
}

fn corner() -> Corner {
    Corner { tenant: Id::from_uuid(Uuid::from_u128(1)), of: "memory".into(), part: "tenant".into() }
}

/// Points that are told apart by their first number.
fn put(number: u16, value: f32) -> Change {
    let mut vector = vec![1.0; SIZE];
    vector[0] = value;
    Change::Put { space: space(), corner: corner(), id: Uuid::from_u128(number.into()), vector }
}

/// What an index holds: the points' first numbers by their ids, and the mark.
async fn held(vectors: &EmbeddedVectors) -> (BTreeMap<u128, i32>, Option<i64>) {
    let (vector, corners) = (vec![1.0; SIZE], vec![corner()]);
    let found = vectors.search(Search { space: space(), corners, vector, limit: 10_000, among: None }).await.unwrap();
    let ids: Vec<Uuid> = found.iter().map(|near| near.id).collect();
    let mut all = BTreeMap::new();
    for (id, vector) in vectors.get(&space(), &corner(), &ids).await.unwrap() {
        #[expect(clippy::cast_possible_truncation, reason = "small whole numbers")]
        all.insert(id.as_u128(), vector[0].round() as i32);
    }
    assert_eq!(all.len(), found.len());
    (all, vectors.mark().await.unwrap())
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<PathBuf> = all.filter(|path| path.extension().is_some_and(|one| one == ending)).collect();
    all.sort();
    all
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[tokio::test]
async fn after_a_crash_it_is_as_it_was_at_some_mark() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    let vectors = EmbeddedVectors::open(&whole).unwrap();
    let mut states = vec![(BTreeMap::new(), None)];
    for round in 1..=4u16 {
        let mut changes: Vec<Change> = (0..5).map(|number| put(number * round, f32::from(round))).collect();
        let (tenant, of) = (corner().tenant, corner().of);
        changes.push(Change::Remove { tenant, of, id: Uuid::from_u128(u128::from(round) + 1) });
        vectors.take(changes, Some(round.into())).await.unwrap();
        states.push(held(&vectors).await);
    }
    drop(vectors);
    let codes = files(&whole, "codes").pop().unwrap();
    let bytes = fs::read(&codes).unwrap();
    let mut seen = Vec::new();
    for length in (0..=bytes.len()).rev() {
        let torn = folder.path().join("torn");
        copy(&whole, &torn);
        // What a disk leaves behind what it had time to write.
        let mut left = bytes[..length].to_vec();
        left.resize(length + length % 40, 0xFF);
        fs::write(torn.join(codes.file_name().unwrap()), left).unwrap();
        let vectors = EmbeddedVectors::open(&torn).unwrap();
        let state = held(&vectors).await;
        assert!(states.contains(&state), "{length}: {state:?}");
        if seen.last() != Some(&state.1) {
            seen.push(state.1);
            // It goes on from there.
            vectors.take(vec![put(900, 9.0)], Some(50)).await.unwrap();
            drop(vectors);
            let (points, mark) = held(&EmbeddedVectors::open(&torn).unwrap()).await;
            assert_eq!((points.len(), mark), (state.0.len() + 1, Some(50)));
        }
        fs::remove_dir_all(&torn).unwrap();
    }
    assert_eq!(seen, [Some(4), Some(3), Some(2), Some(1), None]);
}

/// An index of several pieces, the first of which are gone.
async fn in_pieces(folder: &Path) -> (BTreeMap<u128, i32>, Option<i64>) {
    let vectors = EmbeddedVectors::open_in_pieces(folder, 4096).unwrap();
    // What is put in once stays, though the piece that it was put into goes.
    vectors.take((100..110).map(|number| put(number, 3.0)).collect(), None).await.unwrap();
    for round in 0..30u16 {
        let changes = (0..40).map(|number| put(number, f32::from(round))).collect();
        vectors.take(changes, Some(round.into())).await.unwrap();
    }
    held(&vectors).await
}

#[tokio::test]
async fn what_is_written_over_and_over_does_not_grow() {
    let folder = tempfile::tempdir().unwrap();
    let state = in_pieces(folder.path()).await;
    assert_eq!((state.0.len(), state.1), (50, Some(29)));
    assert!(state.0.iter().all(|(id, value)| *value == if *id < 100 { 29 } else { 3 }), "{state:?}");
    let vectors = EmbeddedVectors::open_in_pieces(folder.path(), 4096).unwrap();
    assert_eq!(held(&vectors).await, state);
    let on_disk: u64 = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    let full = vectors.fullness().await.unwrap();
    assert!(on_disk < 30_000 && full.disk_bytes <= on_disk, "{on_disk} {full:?}");
    assert!(full.memory_bytes > 0);
    let codes = files(folder.path(), "codes");
    assert!(codes.len() > 1 && !codes[0].ends_with("00000001.codes"), "{codes:?}");
}

/// Does harm to a folder.
type Harm = fn(&Path);

#[tokio::test]
async fn what_cannot_be_read_is_thrown_away() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    let state = in_pieces(&whole).await;
    let harms: [(&str, Harm); 8] = [
        ("no head", |folder| fs::remove_file(folder.join("head.json")).unwrap()),
        ("another head", |folder| fs::write(folder.join("head.json"), "{}").unwrap()),
        ("the first piece gone", |folder| fs::remove_file(&files(folder, "codes")[0]).unwrap()),
        ("a piece gone from the middle", |folder| fs::remove_file(&files(folder, "codes")[1]).unwrap()),
        ("a file of rests gone", |folder| fs::remove_file(&files(folder, "rest")[0]).unwrap()),
        ("a file of rests cut", |folder| fs::write(&files(folder, "rest")[0], [1, 2, 3]).unwrap()),
        ("a bit turned in what was known to be there", |folder| {
            let file = &files(folder, "codes")[0];
            let mut bytes = fs::read(file).unwrap();
            bytes[100] ^= 4;
            fs::write(file, bytes).unwrap();
        }),
        ("no piece", |folder| fs::write(&files(folder, "codes")[0], "something else").unwrap()),
    ];
    for (harm, harmed) in harms {
        let place = folder.path().join("harmed");
        copy(&whole, &place);
        assert_eq!(held(&EmbeddedVectors::open_in_pieces(&place, 4096).unwrap()).await, state);
        harmed(&place);
        let vectors = EmbeddedVectors::open_in_pieces(&place, 4096).unwrap();
        assert_eq!(held(&vectors).await, (BTreeMap::new(), None), "{harm}");
        vectors.take(vec![put(1, 5.0)], Some(3)).await.unwrap();
        drop(vectors);
        let vectors = EmbeddedVectors::open_in_pieces(&place, 4096).unwrap();
        assert_eq!(held(&vectors).await, (BTreeMap::from([(1, 5)]), Some(3)), "{harm}");
        drop(vectors);
        fs::remove_dir_all(&place).unwrap();
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "a file").unwrap();
    assert!(EmbeddedVectors::open(&file).is_err());
    assert!(EmbeddedVectors::open(&file.join("within")).is_err());
}
