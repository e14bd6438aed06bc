//! The files of training sets: lines of JSON, kept as blobs.

use bytes::Bytes;
use serde::Serialize;

use super::model::dataset::{File, Row};
use crate::capability::cx::store_fault;
use crate::capability::platform::Platform;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;

/// Writes lines.
///
/// # Errors
/// When a line cannot be written as JSON.
pub(super) fn lines<T: Serialize>(rows: impl Iterator<Item = T>) -> Result<(usize, Bytes), Fault> {
    let (mut count, mut bytes) = (0, Vec::new());
    for row in rows {
        serde_json::to_writer(&mut bytes, &row).map_err(Fault::internal)?;
        bytes.push(b'\n');
        count += 1;
    }
    Ok((count, Bytes::from(bytes)))
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
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).map_err(Fault::internal)).collect()
}
