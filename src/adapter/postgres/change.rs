//! Small writes beside the commits: the queue's, and the trimming of logs.

use tokio_postgres::Row;
use uuid::Uuid;

use super::PostgresStore;
use super::cell::Cell;
use super::fault::{OrFault as _, follows_another, misuse, store_fault};
use super::group::SIGHT;
use super::link::Ask;
use super::locks;
use super::pool::Held;
use super::writer::frozen;
use crate::port::store::StoreFault;

/// A transaction over all tenants that is written in several steps. One that is not committed leaves nothing.
pub(super) struct Change<'a> {
    held: Held<'a>,
}

impl PostgresStore {
    /// Begins a transaction.
    pub(super) async fn change(&self) -> Result<Change<'_>, StoreFault> {
        if self.writer.is_frozen() {
            return Err(frozen());
        }
        let mut held = self.pool.get().await?;
        held.spend();
        let link = held.link()?;
        link.run("BEGIN").await?;
        if link.one::<bool>(locks::GUARD, Vec::new()).await? != Some(true) {
            return Err(frozen());
        }
        link.rows(SIGHT, vec![Cell::Text(Uuid::max().to_string())]).await?;
        Ok(Change { held })
    }

    /// One statement over all tenants, committed when it answers.
    pub(super) async fn at_once(&self, text: &str, cells: Vec<Cell>) -> Result<Vec<Row>, StoreFault> {
        if self.writer.is_frozen() {
            return Err(frozen());
        }
        let mut held = self.pool.get().await?;
        let link = held.link()?;
        let mut asks = Vec::with_capacity(5);
        let parts = [
            ("BEGIN", Vec::new()),
            (locks::GUARD_OR_FAIL, Vec::new()),
            (SIGHT, vec![Cell::Text(Uuid::max().to_string())]),
            (text, cells),
            ("COMMIT", Vec::new()),
        ];
        for (text, cells) in parts {
            asks.push(Ask { statement: link.prepared(text).await.or_fault()?, cells });
        }
        let mut rows = Vec::new();
        for (place, answer) in link.together(&asks).await.into_iter().enumerate() {
            match answer {
                Ok(answer) if place == 3 => rows = answer,
                Ok(_) => {}
                Err(_) if place == 1 => return Err(frozen()),
                Err(error) if follows_another(&error) => {
                    return Err(misuse("a transaction ended for a reason that was not told"));
                }
                Err(error) => return Err(store_fault(&error)),
            }
        }
        Ok(rows)
    }
}

impl Change<'_> {
    /// Rows of a statement.
    pub(super) async fn rows(&mut self, text: &str, cells: Vec<Cell>) -> Result<Vec<Row>, StoreFault> {
        self.held.link()?.rows(text, cells).await
    }

    /// Writes it all.
    pub(super) async fn commit(mut self) -> Result<(), StoreFault> {
        self.held.link()?.run("COMMIT").await?;
        self.held.keep();
        Ok(())
    }
}
