//! The embedded index of vectors on the disk: what a crash leaves, what rots, what grows.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use convoke::adapter::vectors::EmbeddedVectors;
use convoke::kernel::id::Id;
use convoke::port::vectors::{Change, Corner, Reached, Search, Space, Vectors};
use uuid::Uuid;

use crate::faults::disk::SmallDisk;

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

#[tokio::test]
async fn after_a_crash_amid_tidying_it_is_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, before) = (folder.path().join("whole"), folder.path().join("before"));
    let vectors = EmbeddedVectors::open_in_pieces(&whole, 4096).unwrap();
    vectors.take((100..110).map(|number| put(number, 3.0)).collect(), None).await.unwrap();
    let mut crashes = 0;
    for round in 0..30u16 {
        copy(&whole, &before);
        let first = files(&whole, "codes").remove(0);
        vectors.take((0..40).map(|number| put(number, f32::from(round))).collect(), Some(round.into())).await.unwrap();
        if !first.exists() {
            crashes += 1;
            // What counts was written anew, and the oldest piece is not dropped yet: the head still names it.
            let crashed = folder.path().join("crashed");
            copy(&whole, &crashed);
            for entry in fs::read_dir(&before).unwrap() {
                let place = crashed.join(entry.as_ref().unwrap().file_name());
                if !place.exists() || place.ends_with("head.json") {
                    fs::copy(entry.unwrap().path(), place).unwrap();
                }
            }
            let state = held(&vectors).await;
            let reopened = EmbeddedVectors::open_in_pieces(&crashed, 4096).unwrap();
            assert_eq!(held(&reopened).await, state);
            reopened.take(vec![put(900, 9.0)], Some(900)).await.unwrap();
            drop(reopened);
            let (points, mark) = held(&EmbeddedVectors::open_in_pieces(&crashed, 4096).unwrap()).await;
            assert_eq!((points.len(), points[&900], mark), (state.0.len() + 1, 9, Some(900)));
            fs::remove_dir_all(&crashed).unwrap();
        }
        fs::remove_dir_all(&before).unwrap();
    }
    assert!(crashes > 3, "{crashes}");
}

#[tokio::test]
async fn says_how_much_room_it_takes() {
    let folder = tempfile::tempdir().unwrap();
    let on_disk = || {
        let files = ["codes", "rest"].into_iter().flat_map(|kind| files(folder.path(), kind));
        files.map(|file| fs::metadata(file).unwrap().len()).sum::<u64>()
    };
    let vectors = EmbeddedVectors::open_in_pieces(folder.path(), 4096).unwrap();
    let empty = vectors.fullness().await.unwrap();
    vectors.take((0..300).map(|number| put(number, 2.0)).collect(), Some(1)).await.unwrap();
    let full = vectors.fullness().await.unwrap();
    assert_eq!((full.points, full.disk_bytes), (300, on_disk()));
    // A byte a number at least.
    assert!(full.memory_bytes >= 300 * SIZE as u64 && full.memory_bytes < 1 << 20, "{full:?}");
    drop(vectors);
    let vectors = EmbeddedVectors::open_in_pieces(folder.path(), 4096).unwrap();
    assert_eq!(vectors.fullness().await.unwrap(), full);
    let gone = |number| Change::Remove { tenant: corner().tenant, of: corner().of, id: Uuid::from_u128(number) };
    vectors.take((0..200).map(gone).collect(), Some(2)).await.unwrap();
    let emptier = vectors.fullness().await.unwrap();
    assert_eq!((emptier.points, emptier.disk_bytes), (100, on_disk()));
    assert!(emptier.memory_bytes <= full.memory_bytes, "{emptier:?} {full:?}");
    vectors.clear().await.unwrap();
    let cleared = vectors.fullness().await.unwrap();
    assert_eq!((cleared.points, cleared.disk_bytes), (0, on_disk()));
    assert!(
        cleared.disk_bytes < full.disk_bytes && cleared.memory_bytes <= empty.memory_bytes,
        "{cleared:?} {empty:?}"
    );
}

#[tokio::test]
async fn after_a_crash_while_a_generation_takes_over_one_of_the_two_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, crashed) = (folder.path().join("whole"), folder.path().join("crashed"));
    let reached = |after: Option<u128>| Reached { from: 7, after: after.map(Uuid::from_u128), read: 1 };
    let vectors = EmbeddedVectors::open(&whole).unwrap();
    vectors.take(vec![put(1, 1.0)], Some(5)).await.unwrap();
    vectors.take_next(Vec::new(), reached(None)).await.unwrap();
    vectors.take_next(vec![put(2, 2.0)], reached(Some(2))).await.unwrap();
    let before = folder.path().join("before");
    copy_all(&whole, &before);
    vectors.turn_over().await.unwrap();
    // What was there of the first is gone from the disk.
    assert!(files(&whole, "codes").is_empty() && !whole.join("head.json").exists());
    let after = held(&vectors).await;
    assert_eq!(after, (BTreeMap::from([(2, 2)]), Some(7)));
    // The name of the one in force was written, and nothing was removed yet.
    copy_all(&before, &crashed);
    fs::copy(whole.join("generation.json"), crashed.join("generation.json")).unwrap();
    assert_eq!(held(&EmbeddedVectors::open(&crashed).unwrap()).await, after);
    assert!(files(&crashed, "codes").is_empty(), "what was left is removed at the next start");
    // It was not written: the first is in force, and the next is gone on with.
    fs::remove_dir_all(&crashed).unwrap();
    copy_all(&before, &crashed);
    let vectors = EmbeddedVectors::open(&crashed).unwrap();
    assert_eq!(held(&vectors).await, (BTreeMap::from([(1, 1)]), Some(5)));
    assert_eq!(vectors.reached().await.unwrap(), Some(reached(Some(2))));
    // What is damaged of the next is begun anew.
    drop(vectors);
    fs::remove_file(crashed.join("generation-1/head.json")).unwrap();
    let vectors = EmbeddedVectors::open(&crashed).unwrap();
    assert_eq!(vectors.reached().await.unwrap(), None);
    assert!(!crashed.join("generation-1").exists());
    // Which one is in force cannot be read: it is filled anew.
    fs::write(whole.join("generation.json"), "{").unwrap();
    assert_eq!(EmbeddedVectors::open(&whole).unwrap().mark().await.unwrap(), None);
}

/// Copies a folder with the folders in it.
fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

/// A point in a corner of its own.
fn put_in(part: &str, number: u128) -> Change {
    let corner = Corner { part: part.into(), ..corner() };
    Change::Put { space: space(), corner, id: Uuid::from_u128(number), vector: vec![1.0; SIZE] }
}

/// The points of a corner.
async fn in_corner(vectors: &EmbeddedVectors, part: &str) -> Vec<u128> {
    let corners = vec![Corner { part: part.into(), ..corner() }];
    let search = Search { space: space(), corners, vector: vec![1.0; SIZE], limit: 100, among: None };
    let found = vectors.search(search).await.unwrap();
    let mut ids: Vec<u128> = found.iter().map(|near| near.id.as_u128()).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn tidying_that_fails_leaves_every_point_in_its_corner() {
    let folder = tempfile::tempdir().unwrap();
    let vectors = EmbeddedVectors::open_in_pieces(folder.path(), 4096).unwrap();
    vectors.take(vec![put_in("rare", 1_001), put_in("rare", 1_002)], None).await.unwrap();
    // Of the two the first can be read and is taken along, the second cannot.
    let rests = files(folder.path(), "rest").remove(0);
    let mut harmed = false;
    for round in 0..40u16 {
        vectors.take((0..40).map(|number| put(number, f32::from(round))).collect(), Some(round.into())).await.unwrap();
        // Nothing is written into the first piece any more.
        if !harmed && files(folder.path(), "codes").len() == 2 {
            let file = fs::OpenOptions::new().write(true).open(&rests).unwrap();
            file.set_len(SIZE as u64).unwrap();
            harmed = true;
        }
    }
    assert!(files(folder.path(), "codes").len() > 8, "it was not tidied up");
    // Whatever the second is now, it can be read again.
    fs::OpenOptions::new().write(true).open(&rests).unwrap().set_len(8192).unwrap();
    vectors.take(vec![put_in("rare", 1_003)], Some(100)).await.unwrap();
    drop(vectors);
    let vectors = EmbeddedVectors::open_in_pieces(folder.path(), 4096).unwrap();
    assert_eq!(in_corner(&vectors, "rare").await, [1_001, 1_002, 1_003]);
    assert_eq!((held(&vectors).await.0.len(), vectors.mark().await.unwrap()), (40, Some(100)));
}

#[tokio::test]
async fn a_full_disk_leaves_every_point_in_its_corner() {
    const MANY: u128 = 200_000;
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::with(folder.path(), "size=8m,mode=0700") else { return };
    let vectors = EmbeddedVectors::open(folder.path()).unwrap();
    vectors.take(vec![put_in("first", 1)], Some(1)).await.unwrap();
    // Each step of 128 begins in a corner of its own, so that whichever step fails has given one its number.
    let part = |number: u128| format!("corner {}", number / 128);
    let changes = (0..MANY).map(|number| put_in(&part(number), 10_000 + number)).collect();
    let refused = vectors.take(changes, Some(2)).await.unwrap_err();
    assert!(refused.to_string().contains("no room"), "{refused}");
    // The step that failed was not applied: the first corner without points is its own.
    let mut failed = 0;
    while !in_corner(&vectors, &part(failed)).await.is_empty() {
        failed += 128;
    }
    assert!(failed > 0 && failed < MANY, "{failed}");
    disk.enlarge();
    vectors.take(vec![put_in(&part(failed), 5)], Some(3)).await.unwrap();
    drop(vectors);
    let vectors = EmbeddedVectors::open(folder.path()).unwrap();
    assert_eq!(vectors.mark().await.unwrap(), Some(3));
    assert_eq!(in_corner(&vectors, &part(failed)).await, [5]);
    assert_eq!(in_corner(&vectors, "first").await, [1]);
    assert_eq!(in_corner(&vectors, &part(0)).await.len(), 100);
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
