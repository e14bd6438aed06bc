//! The list of indexes of vectors: what every implementation of `Vectors` must do.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use convoke::adapter::qdrant::{QdrantVectors, Settings};
use convoke::adapter::vectors::EmbeddedVectors;
use convoke::kernel::clock::{Clock as _, SystemClock};
use convoke::kernel::id::{Id, TenantId, new_uuid};
use convoke::kernel::secret::Secret;
use convoke::port::vectors::{Change, Corner, Near, Reached, Search, Space, VectorFault, Vectors};
use uuid::Uuid;

use crate::support::servers::{QDRANT, named};

/// Opens one implementation again and again on the same place.
type Open = dyn Fn() -> Arc<dyn Vectors> + Send + Sync;

const SIZE: usize = 4;

fn space() -> Space {
    Space { embedder: "test/embedder-1".into(), size: SIZE }
}

fn tenant(number: u128) -> TenantId {
    Id::from_uuid(Uuid::from_u128(1_000 + number))
}

fn corner(number: u128, of: &str, part: &str) -> Corner {
    Corner { tenant: tenant(number), of: of.into(), part: part.into() }
}

fn mine() -> Corner {
    corner(1, "memory", "tenant")
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn put_in(space: &Space, corner: &Corner, number: u128, vector: &[f32]) -> Change {
    Change::Put { space: space.clone(), corner: corner.clone(), id: id(number), vector: vector.to_vec() }
}

fn put(corner: &Corner, number: u128, vector: [f32; SIZE]) -> Change {
    put_in(&space(), corner, number, &vector)
}

fn remove(corner: &Corner, number: u128) -> Change {
    Change::Remove { tenant: corner.tenant, of: corner.of.clone(), id: id(number) }
}

fn search(corners: &[Corner], vector: &[f32], limit: usize) -> Search {
    let space = Space { size: vector.len(), ..space() };
    Search { space, corners: corners.to_vec(), vector: vector.to_vec(), limit, among: None }
}

const EAST: [f32; SIZE] = [1.0, 0.0, 0.0, 0.0];
const NORTH: [f32; SIZE] = [0.0, 1.0, 0.0, 0.0];
const WEST: [f32; SIZE] = [-1.0, 0.0, 0.0, 0.0];

fn numbers(found: &[Near]) -> Vec<u128> {
    found.iter().map(|near| near.id.as_u128()).collect()
}

/// What is found near the east, in these corners.
async fn near_east(vectors: &dyn Vectors, corners: &[Corner]) -> Vec<u128> {
    numbers(&vectors.search(search(corners, &EAST, 10)).await.unwrap())
}

async fn finds_the_nearest_first(open: &Open) {
    let vectors = open();
    assert_eq!(near_east(&*vectors, &[mine()]).await, []);
    let changes = vec![
        put(&mine(), 5, WEST),
        put(&mine(), 4, [3.0, 3.0, 0.0, 0.0]),
        put(&mine(), 9, EAST),
        put(&mine(), 3, [7.0, 0.0, 0.0, 0.0]),
        put(&mine(), 6, NORTH),
    ];
    vectors.take(changes, Some(1)).await.unwrap();
    let found = vectors.search(search(&[mine()], &[0.5, 0.0, 0.0, 0.0], 10)).await.unwrap();
    // The third and the ninth point the same way: the smaller id comes first.
    assert_eq!(numbers(&found), [3, 9, 4, 6, 5]);
    for (near, likeness) in found.iter().zip([1.0, 1.0, 0.5f32.sqrt(), 0.0, -1.0]) {
        assert!((near.likeness - likeness).abs() < 1e-4, "{near:?}");
    }
    for limit in 0..6 {
        let some = vectors.search(search(&[mine()], &EAST, limit)).await.unwrap();
        assert_eq!(some, found[..limit.min(5)]);
    }
    assert_eq!(near_east(&*vectors, &[]).await, []);
    // What points nowhere is like nothing.
    let found = vectors.search(search(&[mine()], &[0.0; SIZE], 10)).await.unwrap();
    assert_eq!(numbers(&found), [3, 4, 5, 6, 9]);
    assert!(found.iter().all(|near| near.likeness.abs() < 1e-6), "{found:?}");
}

async fn equal_points_are_ordered_by_their_ids(open: &Open) {
    let vectors = open();
    let ids: Vec<u128> = (1..200).map(|number| number * 7919 % 1009).collect();
    let vector = [0.3, 0.2, -0.9, 0.1];
    vectors.take(ids.iter().map(|id| put(&mine(), *id, vector)).collect(), None).await.unwrap();
    let mut ordered = ids;
    ordered.sort_unstable();
    let found = vectors.search(search(&[mine()], &vector, 20)).await.unwrap();
    assert_eq!(numbers(&found), ordered[..20]);
}

async fn a_point_is_in_one_place(open: &Open) {
    let vectors = open();
    let (here, there, other) =
        (corner(1, "memory", "user:1"), corner(1, "memory", "user:2"), corner(1, "document", "user:1"));
    let changes = vec![put(&here, 1, EAST), put(&here, 2, EAST), put(&here, 3, EAST), put(&other, 1, EAST)];
    vectors.take(changes, Some(1)).await.unwrap();
    let changes = vec![put(&there, 1, NORTH), put(&here, 2, WEST)];
    vectors.take(changes, Some(2)).await.unwrap();
    for vectors in [vectors, open()] {
        assert_eq!(near_east(&*vectors, std::slice::from_ref(&here)).await, [3, 2]);
        assert_eq!(near_east(&*vectors, std::slice::from_ref(&there)).await, [1]);
        assert_eq!(near_east(&*vectors, &[here.clone(), there.clone()]).await, [3, 1, 2]);
        // A point of another kind is another point.
        assert_eq!(near_east(&*vectors, std::slice::from_ref(&other)).await, [1]);
        // A corner that is named twice is looked into once.
        assert_eq!(near_east(&*vectors, &[there.clone(), there.clone()]).await, [1]);
    }
    // Taken in once more, as after a crash.
    let vectors = open();
    vectors.take(vec![put(&there, 1, NORTH), put(&here, 2, WEST)], Some(2)).await.unwrap();
    assert_eq!(near_east(&*vectors, &[here, there]).await, [3, 1, 2]);
    assert_eq!(vectors.fullness().await.unwrap().points, 4);
}

async fn corners_tenants_and_spaces_are_apart(open: &Open) {
    let vectors = open();
    let later = Space { embedder: "test/embedder-2".into(), size: SIZE };
    let longer = Space { size: SIZE + 1, ..space() };
    let corners = [
        corner(1, "memory", "tenant"),
        corner(1, "memory", "user:1"),
        corner(1, "document", "tenant"),
        corner(2, "memory", "tenant"),
    ];
    let mut changes: Vec<Change> = corners.iter().zip(1..).map(|(corner, number)| put(corner, number, EAST)).collect();
    // The same id of another tenant is another point.
    changes.push(put(&corners[3], 1, NORTH));
    changes.push(put_in(&later, &corners[0], 50, &EAST));
    changes.push(put_in(&longer, &corners[0], 60, &[1.0; SIZE + 1]));
    vectors.take(changes, None).await.unwrap();
    for (at, found) in [vec![1], vec![2], vec![3], vec![4, 1]].iter().enumerate() {
        assert_eq!(near_east(&*vectors, std::slice::from_ref(&corners[at])).await, *found);
    }
    assert_eq!(near_east(&*vectors, &[corner(3, "memory", "tenant")]).await, []);
    let of_later = Search { space: later, ..search(&corners[..1], &EAST, 10) };
    assert_eq!(numbers(&vectors.search(of_later).await.unwrap()), [50]);
    let of_longer = search(&corners[..1], &[1.0; SIZE + 1], 10);
    assert_eq!(numbers(&vectors.search(of_longer).await.unwrap()), [60]);
    let mixed = vectors.search(search(&[corners[0].clone(), corners[3].clone()], &EAST, 10)).await;
    assert!(mixed.is_err(), "{mixed:?}");
}

async fn what_is_removed_is_gone(open: &Open) {
    let vectors = open();
    let later = Space { embedder: "test/embedder-2".into(), size: SIZE };
    let theirs = corner(2, "memory", "tenant");
    let mut changes: Vec<Change> = (1..=20).map(|number| put(&mine(), number, EAST)).collect();
    changes.extend((1..=3).map(|number| put_in(&later, &mine(), number, &EAST)));
    changes.push(put(&theirs, 1, EAST));
    vectors.take(changes, Some(1)).await.unwrap();
    // A point goes from all spaces, and one that is not there may go, too.
    let changes = (2..=19).map(|number| remove(&mine(), number)).chain([remove(&mine(), 77)]).collect();
    vectors.take(changes, Some(2)).await.unwrap();
    let in_later = || Search { space: later.clone(), ..search(&[mine()], &EAST, 10) };
    for vectors in [vectors.clone(), open()] {
        assert_eq!(near_east(&*vectors, &[mine()]).await, [1, 20]);
        assert_eq!(numbers(&vectors.search(in_later()).await.unwrap()), [1]);
        assert_eq!(near_east(&*vectors, std::slice::from_ref(&theirs)).await, [1]);
    }
    let vectors = open();
    vectors.take(vec![Change::RemoveSpace(later.clone()), put(&mine(), 2, EAST)], Some(3)).await.unwrap();
    assert_eq!(vectors.search(in_later()).await.unwrap(), []);
    assert_eq!(near_east(&*vectors, &[mine()]).await, [1, 2, 20]);
    let again = vec![Change::RemoveTenant(tenant(1)), put(&mine(), 30, WEST), put_in(&later, &mine(), 31, &EAST)];
    vectors.take(again, Some(4)).await.unwrap();
    for vectors in [vectors, open()] {
        assert_eq!(near_east(&*vectors, &[mine()]).await, [30]);
        assert_eq!(numbers(&vectors.search(in_later()).await.unwrap()), [31]);
        assert_eq!(near_east(&*vectors, std::slice::from_ref(&theirs)).await, [1]);
        assert_eq!(vectors.fullness().await.unwrap().points, 3);
    }
}

async fn finds_only_among_those_named(open: &Open) {
    let vectors = open();
    let corners = [mine(), corner(1, "memory", "user:1")];
    let changes = (1..=40).map(|number| {
        let tilt = f32::from(u8::try_from(number).unwrap()) / 40.0;
        put(&corners[usize::from(number % 2 == 0)], number, [1.0, tilt, 0.0, 0.0])
    });
    vectors.take(changes.collect(), None).await.unwrap();
    let among = |numbers: &[u128]| Some(Arc::new(numbers.iter().map(|number| id(*number)).collect::<HashSet<_>>()));
    for (corners, named, found) in [
        (&corners[..], vec![30, 7, 999, 20], vec![7, 20, 30]),
        (&corners[..1], vec![30, 7, 999, 21], vec![7, 21]),
        (&corners[1..], vec![7], vec![]),
        (&corners[..], vec![], vec![]),
    ] {
        let search = Search { among: among(&named), ..search(corners, &EAST, 10) };
        assert_eq!(numbers(&vectors.search(search).await.unwrap()), found, "{named:?}");
    }
    let one = Search { among: among(&[30, 7, 20]), ..search(&corners, &EAST, 1) };
    assert_eq!(numbers(&vectors.search(one).await.unwrap()), [7]);
}

async fn refuses_what_does_not_fit(open: &Open) {
    let vectors = open();
    let bad: [&[f32]; 6] = [
        &[],
        &[1.0; SIZE - 1],
        &[1.0; SIZE + 1],
        &[f32::NAN, 0.0, 0.0, 0.0],
        &[f32::INFINITY, 0.0, 0.0, 0.0],
        &[0.0, f32::NEG_INFINITY, 0.0, 0.0],
    ];
    for vector in bad {
        let changes = vec![put(&mine(), 1, EAST), put_in(&space(), &mine(), 2, vector)];
        let refused = vectors.take(changes, Some(9)).await;
        assert!(matches!(refused, Err(VectorFault::Unfit(_))), "{vector:?}: {refused:?}");
        let looked_for = Search { space: space(), ..search(&[mine()], vector, 3) };
        let refused = vectors.search(looked_for).await;
        assert!(matches!(refused, Err(VectorFault::Unfit(_))), "{vector:?}: {refused:?}");
    }
    let nothing = Space { size: 0, ..space() };
    let refused = vectors.take(vec![put_in(&nothing, &mine(), 1, &[])], None).await;
    assert!(matches!(refused, Err(VectorFault::Unfit(_))), "{refused:?}");
    // Of a batch that was refused nothing is there.
    assert_eq!(near_east(&*vectors, &[mine()]).await, []);
    assert_eq!(vectors.mark().await.unwrap(), None);
}

async fn gives_vectors_back(open: &Open) {
    let vectors = open();
    let other = corner(1, "memory", "user:1");
    let sent = [[0.25, -3.0, 0.0, 1.5], [1e-3, 2e-3, -5e-4, 0.0], [0.0; SIZE]];
    let changes = sent.iter().zip(1..).map(|(vector, number)| put(&mine(), number, *vector));
    vectors.take(changes.chain([put(&other, 4, EAST)]).collect(), None).await.unwrap();
    for vectors in [vectors, open()] {
        let wanted = [id(3), id(99), id(1), id(4), id(2)];
        let found = vectors.get(&space(), &mine(), &wanted).await.unwrap();
        assert_eq!(found.iter().map(|(id, _)| id.as_u128()).collect::<Vec<_>>(), [3, 1, 2]);
        for (id, vector) in found {
            let sent = sent[usize::try_from(id.as_u128()).unwrap() - 1];
            let greatest = sent.iter().fold(0f32, |greatest, number| greatest.max(number.abs()));
            let is_near = |(one, other): (&f32, &f32)| (one - other).abs() <= greatest * 1e-3;
            assert!(vector.iter().zip(&sent).all(is_near), "{vector:?} {sent:?}");
        }
        let unknown = Space { embedder: "unknown".into(), size: SIZE };
        assert_eq!(vectors.get(&unknown, &mine(), &wanted).await.unwrap(), []);
        assert_eq!(vectors.get(&space(), &corner(2, "memory", "tenant"), &wanted).await.unwrap(), []);
    }
}

async fn remembers_how_far_it_has_come(open: &Open) {
    let vectors = open();
    assert_eq!(vectors.mark().await.unwrap(), None);
    vectors.take(vec![put(&mine(), 1, EAST)], None).await.unwrap();
    assert_eq!(vectors.mark().await.unwrap(), None);
    vectors.take(vec![put(&mine(), 2, EAST)], Some(7)).await.unwrap();
    assert_eq!(open().mark().await.unwrap(), Some(7));
    // Without a mark it stays where it was; without changes it alone goes on.
    let vectors = open();
    vectors.take(vec![put(&mine(), 3, EAST)], None).await.unwrap();
    assert_eq!(open().mark().await.unwrap(), Some(7));
    let vectors = open();
    vectors.take(Vec::new(), Some(12)).await.unwrap();
    let vectors = open();
    assert_eq!(vectors.mark().await.unwrap(), Some(12));
    assert_eq!(near_east(&*vectors, &[mine()]).await, [1, 2, 3]);
    vectors.clear().await.unwrap();
    for vectors in [vectors, open()] {
        assert_eq!(vectors.mark().await.unwrap(), None);
        assert_eq!(near_east(&*vectors, &[mine()]).await, []);
        assert_eq!(vectors.fullness().await.unwrap().points, 0);
    }
    let vectors = open();
    vectors.take(vec![put(&mine(), 4, EAST)], Some(1)).await.unwrap();
    let vectors = open();
    assert_eq!((vectors.mark().await.unwrap(), near_east(&*vectors, &[mine()]).await), (Some(1), vec![4]));
    assert!(!vectors.place().is_empty());
}

/// Vectors that lie in crowds, as those of texts do.
pub(crate) fn crowds(count: usize, size: usize, seed: u64) -> Vec<Vec<f32>> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut number = |seed: u64| {
        state = (state ^ seed).wrapping_mul(0xD129_0D3A_8F7C_6A55).rotate_left(23).wrapping_add(0x632B_E59B_D9B4_E019);
        f32::from(u16::try_from(state >> 48).unwrap()) / 32_768.0 - 1.0
    };
    // The middles are the same whatever the seed.
    let middles: Vec<f32> = (0..20 * size).map(|_| number(0)).collect();
    let crowd = |at: usize| &middles[at % 20 * size..(at % 20 + 1) * size];
    (0..count).map(|at| crowd(at).iter().map(|middle| middle + number(seed) * 0.8).collect()).collect()
}

fn cosine(one: &[f32], other: &[f32]) -> f32 {
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    product(one, other) / (product(one, one) * product(other, other)).sqrt()
}

async fn finds_among_very_many(open: &Open) {
    let vectors = open();
    // The local mode of Qdrant's Python client looks at each point in Python.
    let is_slow = std::env::var_os("QDRANT_LOCAL").is_some() && vectors.place().starts_with("Qdrant");
    let many = if is_slow { 1_500 } else { 14_000 };
    let (sent, asked) = (crowds(many, 40, 1), crowds(12, 40, 2));
    let space = Space { size: 40, ..space() };
    for (batch, from) in sent.chunks(2_000).zip((0..).step_by(2_000)) {
        let changes = batch.iter().zip(from..).map(|(vector, number)| put_in(&space, &mine(), number, vector));
        vectors.take(changes.collect(), i64::try_from(from).ok()).await.unwrap();
    }
    let half: HashSet<Uuid> = (0..many as u128).filter(|number| number % 2 == 0).map(id).collect();
    for vectors in [vectors, open()] {
        for among in [None, Some(Arc::new(half.clone()))] {
            let mut right = 0;
            for question in &asked {
                let mut truth: Vec<(f32, u128)> =
                    sent.iter().zip(0..).map(|(sent, at)| (cosine(sent, question), at)).collect();
                truth.retain(|(_, at)| among.is_none() || at % 2 == 0);
                truth.sort_by(|one, other| other.0.total_cmp(&one.0));
                let search = Search { among: among.clone(), ..search(&[mine()], question, 10) };
                let found = vectors.search(search).await.unwrap();
                assert_eq!(found.len(), 10);
                assert!(found.is_sorted_by(|one, other| one.likeness >= other.likeness));
                right += found.iter().filter(|near| truth[..10].iter().any(|(_, at)| id(*at) == near.id)).count();
            }
            assert!(right * 100 >= asked.len() * 10 * 98, "{right} of {}", asked.len() * 10);
        }
    }
}

async fn searches_go_on_while_changes_are_taken_in(open: &Open) {
    let vectors = open();
    vectors.take(vec![put(&mine(), 1_000_000, EAST)], Some(0)).await.unwrap();
    let writing = {
        let vectors = vectors.clone();
        tokio::spawn(async move {
            for round in 0..10u16 {
                let tilt = 0.1 + f32::from(round);
                let puts = (0..300).map(|number| put(&mine(), number, [1.0, tilt, 0.0, 0.0]));
                vectors.take(puts.collect(), Some(i64::from(round))).await.unwrap();
                let removals = (0..150).map(|number| remove(&mine(), number));
                vectors.take(removals.collect(), None).await.unwrap();
            }
        })
    };
    let mut searches = 0;
    while !writing.is_finished() || searches == 0 {
        let found = vectors.search(search(&[mine()], &EAST, 400)).await.unwrap();
        assert_eq!(found.first().map(|near| near.id), Some(id(1_000_000)));
        let different: HashSet<Uuid> = found.iter().map(|near| near.id).collect();
        assert_eq!(different.len(), found.len(), "a point was found twice");
        searches += 1;
    }
    writing.await.unwrap();
    assert_eq!(vectors.fullness().await.unwrap().points, 151);
}

async fn says_how_full_it_is(open: &Open) {
    let vectors = open();
    assert_eq!(vectors.fullness().await.unwrap().points, 0);
    vectors.take((0..50).map(|number| put(&mine(), number, EAST)).collect(), None).await.unwrap();
    let full = vectors.fullness().await.unwrap();
    assert_eq!(full.points, 50);
    let vectors = open();
    assert_eq!(vectors.fullness().await.unwrap(), full);
    vectors.take((0..20).map(|number| remove(&mine(), number)).collect(), None).await.unwrap();
    assert_eq!(open().fullness().await.unwrap().points, 30);
    let vectors = open();
    vectors.clear().await.unwrap();
    assert_eq!(vectors.fullness().await.unwrap().points, 0);
}

async fn another_generation_takes_the_place_of_this_one(open: &Open) {
    let vectors = open();
    assert_eq!(vectors.reached().await.unwrap(), None);
    vectors.take(vec![put(&mine(), 1, EAST), put(&mine(), 2, EAST)], Some(5)).await.unwrap();
    let reached = |after: Option<u128>, read| Reached { from: 7, after: after.map(id), read };
    // Nobody goes on with what was not begun, and nothing takes the place of what is there.
    let lost = vectors.take_next(vec![put(&mine(), 3, EAST)], reached(Some(3), 1)).await.unwrap_err();
    assert!(matches!(lost, VectorFault::Unavailable(_)), "{lost:?}");
    assert!(vectors.turn_over().await.is_err());
    vectors.take_next(Vec::new(), reached(None, 0)).await.unwrap();
    vectors.take_next(vec![put(&mine(), 2, WEST), put(&mine(), 3, EAST)], reached(Some(3), 2)).await.unwrap();
    // It is filled beside the one that is searched and written.
    vectors.take(vec![put(&mine(), 4, EAST)], Some(6)).await.unwrap();
    assert_eq!(near_east(&*vectors, &[mine()]).await, [1, 2, 4]);
    let unfit = vectors.take_next(vec![put_in(&space(), &mine(), 9, &[1.0])], reached(Some(9), 3)).await.unwrap_err();
    assert!(matches!(unfit, VectorFault::Unfit(_)), "{unfit:?}");
    // It outlives the process.
    let vectors = open();
    assert_eq!(near_east(&*vectors, &[mine()]).await, [1, 2, 4]);
    assert_eq!(vectors.reached().await.unwrap(), Some(reached(Some(3), 2)));
    vectors.take_next(vec![put(&mine(), 5, NORTH)], reached(Some(5), 3)).await.unwrap();
    vectors.turn_over().await.unwrap();
    for vectors in [vectors, open()] {
        assert_eq!(near_east(&*vectors, &[mine()]).await, [3, 5, 2]);
        assert_eq!((vectors.mark().await.unwrap(), vectors.reached().await.unwrap()), (Some(7), None));
        assert_eq!(vectors.fullness().await.unwrap().points, 3);
    }
    // And once more; what was begun before is thrown away by a new beginning.
    let vectors = open();
    vectors.take_next(Vec::new(), reached(None, 0)).await.unwrap();
    vectors.take_next(vec![put(&mine(), 6, EAST)], reached(Some(6), 1)).await.unwrap();
    let vectors = open();
    vectors.take_next(Vec::new(), reached(None, 0)).await.unwrap();
    assert_eq!(vectors.reached().await.unwrap(), Some(reached(None, 0)));
    vectors.take_next(vec![put(&mine(), 7, EAST)], reached(Some(7), 1)).await.unwrap();
    vectors.take(vec![put(&mine(), 8, EAST)], Some(8)).await.unwrap();
    assert_eq!(near_east(&*vectors, &[mine()]).await, [3, 8, 5, 2]);
    vectors.turn_over().await.unwrap();
    assert_eq!(near_east(&*open(), &[mine()]).await, [7]);
    // What is thrown away takes the next generation with it.
    vectors.take_next(Vec::new(), reached(None, 0)).await.unwrap();
    vectors.clear().await.unwrap();
    assert_eq!((vectors.mark().await.unwrap(), vectors.reached().await.unwrap()), (None, None));
    assert_eq!(near_east(&*open(), &[mine()]).await, []);
}

macro_rules! vectors_conformance {
    ($name:ident, $place:expr) => {
        mod $name {
            use super::*;

            /// A fresh place to open it on, `None` where the test is to be left out.
            const PLACE: fn() -> Option<Box<Open>> = || $place;

            vectors_conformance!(@cases
                finds_the_nearest_first, equal_points_are_ordered_by_their_ids, a_point_is_in_one_place,
                corners_tenants_and_spaces_are_apart, what_is_removed_is_gone, finds_only_among_those_named,
                refuses_what_does_not_fit, gives_vectors_back, remembers_how_far_it_has_come, finds_among_very_many,
                searches_go_on_while_changes_are_taken_in, says_how_full_it_is,
                another_generation_takes_the_place_of_this_one
            );
        }
    };
    (@cases $($case:ident),*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let Some(open) = PLACE() else { return };
                super::$case(&*open).await;
            }
        )*
    };
}

vectors_conformance!(embedded, {
    let folder = tempfile::tempdir().unwrap();
    Some(Box::new(move || Arc::new(EmbeddedVectors::open(&folder.path().join("vectors")).unwrap()) as Arc<dyn Vectors>))
});

vectors_conformance!(qdrant, {
    let url = named(QDRANT, "qdrant")?;
    let prefix = format!("conformance_{}", new_uuid(SystemClock.now()).simple());
    let open = move || {
        let opening = QdrantVectors::open(Settings {
            url: url.clone(),
            api_key: std::env::var("QDRANT_API_KEY").ok().map(Secret::new),
            prefix: prefix.clone(),
            read_timeout: Duration::from_secs(20),
            write_timeout: Duration::from_secs(60),
        });
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(opening)).unwrap()
    };
    Some(Box::new(move || Arc::new(open()) as Arc<dyn Vectors>))
});

// Pieces so small that each batch fills some, and the oldest are written anew all the time.
vectors_conformance!(embedded_in_small_pieces, {
    let folder = tempfile::tempdir().unwrap();
    let open = move || EmbeddedVectors::open_in_pieces(&folder.path().join("vectors"), 2048).unwrap();
    Some(Box::new(move || Arc::new(open()) as Arc<dyn Vectors>))
});
