//! The blobs' list: what every implementation of `Blobs` must do.

use std::sync::Arc;

use bytes::Bytes;
use convoke::adapter::folder::FolderBlobs;
use convoke::adapter::objects::ObjectBlobs;
use convoke::kernel::clock::SystemClock;
use convoke::kernel::id::{Id, TenantId};
use convoke::kernel::seal::sha256_hex;
use convoke::port::blobs::{BlobInfo, Blobs};

use super::place::NOW;
use crate::support::buckets::Part;

/// Opens one implementation again and again on the same place.
type Open = dyn Fn() -> Arc<dyn Blobs> + Send + Sync;

fn tenant() -> TenantId {
    Id::new(NOW)
}

async fn keeps_by_digest(open: &Open) {
    let (blobs, mine, theirs) = (open(), tenant(), tenant());
    let contents = [Bytes::new(), Bytes::from_static(b"some bytes"), Bytes::from(vec![7; 3_000_000])];
    for bytes in &contents {
        let info = blobs.put(mine, bytes.clone()).await.unwrap();
        assert_eq!(info, BlobInfo { digest: sha256_hex(bytes), size_bytes: bytes.len() as u64 });
        assert_eq!(blobs.put(mine, bytes.clone()).await.unwrap(), info);
        assert_eq!(blobs.get(mine, &info.digest).await.unwrap().as_ref(), Some(bytes));
        assert_eq!(blobs.get(theirs, &info.digest).await.unwrap(), None);
        assert!(!blobs.remove(theirs, &info.digest).await.unwrap());
    }
    drop(blobs);
    let blobs = open();
    for bytes in &contents {
        let digest = sha256_hex(bytes);
        assert_eq!(blobs.get(mine, &digest).await.unwrap().as_ref(), Some(bytes));
        assert!(blobs.remove(mine, &digest).await.unwrap());
        assert!(!blobs.remove(mine, &digest).await.unwrap());
        assert_eq!(blobs.get(mine, &digest).await.unwrap(), None);
    }
}

async fn finds_nothing_by_another_name(open: &Open) {
    let (blobs, tenant) = (open(), tenant());
    let digest = blobs.put(tenant, Bytes::from_static(b"x")).await.unwrap().digest;
    let upper = digest.to_uppercase();
    let path = format!("../{}", &digest[..61]);
    for name in ["", ".", "..", "/etc/passwd", &digest[..63], &upper, &path, "ü"] {
        assert_eq!(blobs.get(tenant, name).await.unwrap(), None, "{name}");
        assert!(!blobs.remove(tenant, name).await.unwrap(), "{name}");
    }
    assert!(blobs.get(tenant, &digest).await.unwrap().is_some());
}

async fn keeps_what_many_put(open: &Open) {
    let (blobs, tenant) = (open(), tenant());
    let tasks = (0..32).map(|at| {
        let blobs = Arc::clone(&blobs);
        // Four at a time put the same.
        tokio::spawn(async move { blobs.put(tenant, Bytes::from(vec![at / 4; 100_000])).await.unwrap() })
    });
    for (at, task) in (0..).zip(tasks.collect::<Vec<_>>()) {
        let digest = task.await.unwrap().digest;
        assert_eq!(blobs.get(tenant, &digest).await.unwrap().unwrap(), vec![at / 4; 100_000]);
    }
}

async fn copies_and_restores(open: &Open, other: &Open) {
    let (blobs, one, two) = (open(), tenant(), tenant());
    let first = blobs.put(one, Bytes::from_static(b"first")).await.unwrap().digest;
    let second = blobs.put(two, Bytes::from_static(b"second")).await.unwrap().digest;
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(blobs.copy_to(&folder.path().join("copy")).await.unwrap(), 2);

    let restored = other();
    assert_eq!(restored.restore_from(&folder.path().join("copy")).await.unwrap(), 2);
    assert_eq!(restored.get(one, &first).await.unwrap().unwrap(), "first");
    assert_eq!(restored.get(two, &second).await.unwrap().unwrap(), "second");
    assert_eq!(restored.get(two, &first).await.unwrap(), None);
    assert_eq!(restored.restore_from(&folder.path().join("nothing there")).await.unwrap(), 0);
}

async fn refuses_a_damaged_copy(open: &Open, other: &Open) {
    let (blobs, tenant) = (open(), tenant());
    let digests = [
        blobs.put(tenant, Bytes::from_static(b"first")).await.unwrap().digest,
        blobs.put(tenant, Bytes::from_static(b"second")).await.unwrap().digest,
    ];
    let folder = tempfile::tempdir().unwrap();
    blobs.copy_to(folder.path()).await.unwrap();
    let digest = &digests[1];
    std::fs::write(folder.path().join(tenant.to_string()).join(&digest[..2]).join(digest), b"damage").unwrap();
    let restored = other();
    assert!(restored.restore_from(folder.path()).await.is_err());
    for digest in &digests {
        assert_eq!(restored.get(tenant, digest).await.unwrap(), None);
    }
}

async fn what_is_removed_while_held_is_still_copied(open: &Open) {
    let (blobs, tenant) = (open(), tenant());
    let folder = tempfile::tempdir().unwrap();
    let gone = blobs.put(tenant, Bytes::from_static(b"gone")).await.unwrap().digest;
    let back = blobs.put(tenant, Bytes::from_static(b"back")).await.unwrap().digest;
    let (one, two) = (blobs.hold(), blobs.hold());
    for digest in [&gone, &back] {
        assert!(blobs.remove(tenant, digest).await.unwrap());
        assert!(!blobs.remove(tenant, digest).await.unwrap());
        assert_eq!(blobs.get(tenant, digest).await.unwrap(), None);
    }
    blobs.put(tenant, Bytes::from_static(b"back")).await.unwrap();
    drop(one);
    assert_eq!(blobs.copy_to(folder.path()).await.unwrap(), 2);
    drop(two);
    assert_eq!(blobs.get(tenant, &gone).await.unwrap(), None);
    assert_eq!(blobs.get(tenant, &back).await.unwrap().unwrap(), "back");
    let later = tempfile::tempdir().unwrap();
    assert_eq!(blobs.copy_to(later.path()).await.unwrap(), 1);
    blobs.check().await.unwrap();
}

/// Every case of the list against one implementation. Where its server is not there, all are left out.
macro_rules! blobs_conformance {
    ($name:ident, $open:expr) => {
        mod $name {
            use super::*;

            /// An opener of one place, kept as long as the opener.
            const PLACE: fn() -> Option<Box<Open>> = || $open;

            #[tokio::test]
            async fn keeps_by_digest() {
                let Some(open) = PLACE() else { return };
                super::keeps_by_digest(&*open).await;
            }

            #[tokio::test]
            async fn finds_nothing_by_another_name() {
                let Some(open) = PLACE() else { return };
                super::finds_nothing_by_another_name(&*open).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn keeps_what_many_put() {
                let Some(open) = PLACE() else { return };
                super::keeps_what_many_put(&*open).await;
            }

            #[tokio::test]
            async fn copies_and_restores() {
                let (Some(open), Some(other)) = (PLACE(), PLACE()) else { return };
                super::copies_and_restores(&*open, &*other).await;
            }

            #[tokio::test]
            async fn what_is_removed_while_held_is_still_copied() {
                let Some(open) = PLACE() else { return };
                super::what_is_removed_while_held_is_still_copied(&*open).await;
            }

            #[tokio::test]
            async fn refuses_a_damaged_copy() {
                let (Some(open), Some(other)) = (PLACE(), PLACE()) else { return };
                super::refuses_a_damaged_copy(&*open, &*other).await;
            }
        }
    };
}

blobs_conformance!(folder, {
    let folder = tempfile::tempdir().unwrap();
    Some(Box::new(move || Arc::new(FolderBlobs::open(folder.path().join("blobs")).unwrap()) as Arc<dyn Blobs>))
});

blobs_conformance!(objects, {
    let part = Part::find()?;
    Some(Box::new(move || Arc::new(ObjectBlobs::new(part.objects(), Arc::new(SystemClock))) as Arc<dyn Blobs>))
});

blobs_conformance!(azure, {
    let part = Part::find_azure()?;
    Some(Box::new(move || Arc::new(ObjectBlobs::new(part.objects(), Arc::new(SystemClock))) as Arc<dyn Blobs>))
});
