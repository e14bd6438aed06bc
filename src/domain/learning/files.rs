//! The files of training sets: lines of JSON, kept as blobs.

use bytes::Bytes;
use serde::Serialize;

use super::faults::DATASET_TOO_LARGE;
use super::model::dataset::{File, Row};
use crate::capability::cx::store_fault;
use crate::capability::platform::Platform;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::tasks::blocking;

/// Writes lines, and no more of them than there may be bytes.
///
/// # Errors
/// `dataset_too_large`; when a line cannot be written as JSON.
pub(super) fn lines<T: Serialize>(rows: impl Iterator<Item = T>, most: usize) -> Result<(usize, Bytes), Fault> {
    let (mut count, mut bytes) = (0, Vec::new());
    for row in rows {
        serde_json::to_writer(&mut bytes, &row).map_err(Fault::internal)?;
        bytes.push(b'\n');
        count += 1;
        if bytes.len() > most {
            return Err(too_large(bytes.len(), most));
        }
    }
    Ok((count, Bytes::from(bytes)))
}

/// What is told of a set with so many bytes or more.
pub(super) fn too_large(bytes: usize, most: usize) -> Fault {
    Fault::new(&DATASET_TOO_LARGE, format!("the rows have {bytes} bytes or more and may have {most}"))
}

/// Keeps a file.
///
/// # Errors
/// When there is no room, or the blobs fail.
pub(super) async fn keep(platform: &Platform, tenant: TenantId, (rows, bytes): (usize, Bytes)) -> Result<File, Fault> {
    let kept = platform.blobs.put(tenant, bytes).await.map_err(store_fault)?;
    Ok(File { rows, size_bytes: kept.size_bytes, digest: kept.digest })
}

/// The bytes of a file.
///
/// # Errors
/// When the blobs fail or have lost it.
pub(super) async fn bytes(platform: &Platform, tenant: TenantId, file: &File) -> Result<Bytes, Fault> {
    let found = platform.blobs.get(tenant, &file.digest).await.map_err(store_fault)?;
    found.ok_or_else(|| Fault::internal(format!("the blob {} of a training set is gone", file.digest)))
}

/// The rows of a file of rows.
///
/// # Errors
/// When it cannot be read.
pub(super) async fn rows(platform: &Platform, tenant: TenantId, file: &File) -> Result<Vec<Row>, Fault> {
    let bytes = bytes(platform, tenant, file).await?;
    // There may be some ten thousand.
    let read = blocking(move || {
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).map_err(Fault::internal)).collect()
    });
    read.await.unwrap_or_else(|| Err(Fault::internal("the rows of a training set could not be read")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stop_where_there_is_no_more_room() {
        let (count, bytes) = lines([1, 22].iter(), 5).unwrap();
        assert_eq!((count, bytes.as_ref()), (2, b"1\n22\n".as_slice()));
        let mut written = 0;
        let endless = std::iter::repeat_with(|| {
            written += 1;
            1
        });
        assert!(lines(endless, 9).unwrap_err().is(&DATASET_TOO_LARGE));
        assert_eq!(written, 5);
    }
}
