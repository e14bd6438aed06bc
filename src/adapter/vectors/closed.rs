//! The index where nothing is embedded: its folder is not opened and nothing is found in it, but it can be thrown away.

use std::fs;
use std::io;
use std::path::PathBuf;

use async_trait::async_trait;
use uuid::Uuid;

use crate::kernel::tasks;
use crate::port::vectors::{Change, Corner, Fullness, Near, Reached, Search, Space, VectorFault, Vectors};

/// An index that stays closed.
#[derive(Debug)]
pub struct ClosedVectors {
    folder: PathBuf,
}

impl ClosedVectors {
    /// The index of a folder, which need not be there.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }
}

#[async_trait]
impl Vectors for ClosedVectors {
    async fn mark(&self) -> Result<Option<i64>, VectorFault> {
        Ok(None)
    }

    async fn take(&self, _: Vec<Change>, _: Option<i64>) -> Result<(), VectorFault> {
        Err(closed())
    }

    async fn search(&self, _: Search) -> Result<Vec<Near>, VectorFault> {
        Ok(Vec::new())
    }

    async fn get(&self, _: &Space, _: &Corner, _: &[Uuid]) -> Result<Vec<(Uuid, Vec<f32>)>, VectorFault> {
        Ok(Vec::new())
    }

    async fn reached(&self) -> Result<Option<Reached>, VectorFault> {
        Ok(None)
    }

    async fn take_next(&self, _: Vec<Change>, _: Reached) -> Result<(), VectorFault> {
        Err(closed())
    }

    async fn turn_over(&self) -> Result<(), VectorFault> {
        Err(closed())
    }

    /// What an embedder left that was named before goes: after a restore it would be of another time.
    async fn clear(&self) -> Result<(), VectorFault> {
        let folder = self.folder.clone();
        match tasks::blocking(move || fs::remove_dir_all(folder)).await {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => {
                Err(VectorFault::Unavailable(error.to_string()))
            }
            Some(_) => Ok(()),
            None => Err(VectorFault::Broken("work on the index ended early".to_owned())),
        }
    }

    async fn fullness(&self) -> Result<Fullness, VectorFault> {
        Ok(Fullness::default())
    }

    fn place(&self) -> String {
        format!("closed, in {}", self.folder.display())
    }
}

fn closed() -> VectorFault {
    VectorFault::Unavailable("it is closed, since no embedder is named".to_owned())
}
