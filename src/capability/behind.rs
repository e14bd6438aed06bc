//! Rows that are written behind what made them: they wait in memory, bounded in bytes, and go to the store in portions. A row is let
//! go only when it is written, and the writing goes on when whoever asked for it goes away.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cx::store_fault;
use super::events::Event;
use super::platform::Platform;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::port::store::{Batch, Step};

/// Bytes of one commit; a row that has more goes alone.
const PORTION_BYTES: usize = 4 << 20;
/// Rows of one commit.
const PORTION_ROWS: usize = 500;
/// What a step is counted as besides what it writes.
const STEP_BYTES: usize = 256;

/// What is written together.
#[derive(Debug)]
pub struct Row {
    /// Whose it is.
    pub tenant: TenantId,
    /// What is written.
    pub steps: Vec<Step>,
    /// What is told once that is written.
    pub event: Option<Arc<Event>>,
}

/// Rows that wait to be written.
pub struct Behind(Arc<Inner>);

struct Inner {
    /// What the rows are, in words.
    what: &'static str,
    most_bytes: usize,
    waiting: Mutex<Waiting>,
    writing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Waiting {
    rows: VecDeque<Arc<Row>>,
    sizes: VecDeque<usize>,
    bytes: usize,
    /// How many have gone since the start: the number of the first row that waits.
    gone: u64,
}

impl Behind {
    /// For rows that are called this in the log. Beyond so many bytes the oldest go: a full disk must not fill the memory too.
    #[must_use]
    pub fn new(what: &'static str, most_bytes: usize) -> Self {
        Self(Arc::new(Inner { what, most_bytes, waiting: Mutex::default(), writing: tokio::sync::Mutex::default() }))
    }

    /// Adds a row.
    pub fn add(&self, row: Row) {
        let size = bytes(&row);
        let mut waiting = self.0.waiting();
        waiting.rows.push_back(Arc::new(row));
        waiting.sizes.push_back(size);
        waiting.bytes += size;
        let before = waiting.rows.len();
        // The newest stays, however large it is.
        while waiting.bytes > self.0.most_bytes && waiting.rows.len() > 1 {
            waiting.go();
        }
        let lost = before - waiting.rows.len();
        drop(waiting);
        if lost > 0 {
            tracing::error!(lost, what = self.0.what, "rows could not be written for too long, the oldest are lost");
        }
    }

    /// Writes what was added and tells of it. What cannot be written waits for the next time.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn flush(&self, platform: &Arc<Platform>) -> Result<(), Fault> {
        let (inner, owned) = (self.0.clone(), platform.clone());
        let written = platform.carry_through(async move { inner.write(&owned).await }).await;
        written.unwrap_or_else(|| Err(Fault::internal("rows that wait could not be written: it panicked")))
    }
}

impl Inner {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write(&self, platform: &Platform) -> Result<(), Fault> {
        let _one = self.writing.lock().await;
        loop {
            let (first, rows) = self.waiting().portion();
            if rows.is_empty() {
                return Ok(());
            }
            let mut of_tenants: HashMap<TenantId, Vec<Step>> = HashMap::new();
            for row in &rows {
                of_tenants.entry(row.tenant).or_default().extend(row.steps.iter().cloned());
            }
            let at = platform.clock.now();
            let batches = of_tenants.into_iter().map(|(tenant, steps)| Batch { tenant, at, steps }).collect();
            platform.store.commit(batches).await.map_err(store_fault)?;
            let mut waiting = self.waiting();
            // Some may have gone meanwhile because too many waited.
            let written = first + u64::try_from(rows.len()).unwrap_or(u64::MAX);
            while waiting.gone < written && !waiting.rows.is_empty() {
                waiting.go();
            }
            drop(waiting);
            for event in rows.iter().filter_map(|row| row.event.clone()) {
                platform.tell(event);
            }
        }
    }
}

impl Waiting {
    /// The oldest row goes.
    fn go(&mut self) {
        if self.rows.pop_front().is_some() {
            self.gone += 1;
            self.bytes = self.bytes.saturating_sub(self.sizes.pop_front().unwrap_or(0));
        }
    }

    /// The oldest rows, as many as one commit takes, with the number of the first.
    fn portion(&self) -> (u64, Vec<Arc<Row>>) {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        for (row, size) in self.rows.iter().zip(&self.sizes).take(PORTION_ROWS) {
            bytes += size;
            if bytes > PORTION_BYTES && !rows.is_empty() {
                break;
            }
            rows.push(row.clone());
        }
        (self.gone, rows)
    }
}

/// About how many bytes a row has in memory.
fn bytes(row: &Row) -> usize {
    let of = |step: &Step| match step {
        Step::Append { body, .. } => STEP_BYTES + length(body),
        Step::Put(put) => STEP_BYTES + length(&put.body),
        Step::Remove { .. }
        | Step::Check { .. }
        | Step::Cut { .. }
        | Step::Count { .. }
        | Step::Enqueue(_)
        | Step::Hold { .. }
        | Step::Finish { .. } => STEP_BYTES,
    };
    row.steps.iter().map(of).sum()
}

/// How long a value is as text.
fn length(value: &serde_json::Value) -> usize {
    let mut counting = Counting(0);
    // Counting never fails.
    let _ = serde_json::to_writer(&mut counting, value);
    counting.0
}

struct Counting(usize);

impl io::Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::port::logs::{Keep, Log};

    static LOG: Log = Log {
        name: "behind",
        fields: &[],
        text: &[],
        keep: Keep { age: Duration::from_secs(1), entries: 1 },
        followed: false,
    };

    fn row(name: &str, length: usize) -> Row {
        let body = json!("x".repeat(length));
        let steps = vec![Step::Append { log: &LOG, stream: name.to_owned(), body }];
        Row { tenant: TenantId::from_uuid(Uuid::nil()), steps, event: None }
    }

    fn names(rows: &[Arc<Row>]) -> Vec<String> {
        let name = |row: &Arc<Row>| match &row.steps[0] {
            Step::Append { stream, .. } => stream.clone(),
            other => panic!("{other:?}"),
        };
        rows.iter().map(name).collect()
    }

    #[test]
    fn the_oldest_go_where_more_bytes_wait_than_may_and_the_newest_stays() {
        let behind = Behind::new("rows", 1_000);
        for name in ["a", "b", "c"] {
            behind.add(row(name, 100));
        }
        assert_eq!(names(&behind.0.waiting().portion().1), ["b", "c"]);
        assert_eq!(behind.0.waiting().gone, 1);
        behind.add(row("d", 5_000));
        let waiting = behind.0.waiting();
        assert_eq!((names(&waiting.portion().1), waiting.bytes), (vec!["d".to_owned()], 5_258));
    }

    #[test]
    fn a_portion_is_bounded_in_bytes_and_a_large_row_goes_alone() {
        let behind = Behind::new("rows", usize::MAX);
        for (name, length) in
            [("a", PORTION_BYTES), ("b", PORTION_BYTES / 2), ("c", PORTION_BYTES / 4), ("d", PORTION_BYTES)]
        {
            behind.add(row(name, length));
        }
        assert_eq!(names(&behind.0.waiting().portion().1), ["a"]);
        behind.0.waiting().go();
        let (first, rows) = behind.0.waiting().portion();
        assert_eq!((names(&rows), first), (vec!["b".to_owned(), "c".to_owned()], 1));
    }
}
