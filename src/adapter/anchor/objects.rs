//! An anchor in an object store: each checkpoint an object, `checkpoints/000000000001.txt` and so on. Each is written under a
//! number that none has yet, and the store refuses the second of two who try the same, so nothing is ever overwritten. Where
//! the store locks objects for a time, nobody can remove them either.

use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::sync::Mutex;

use crate::port::anchors::Anchor;
use crate::port::objects::Objects;
use crate::port::store::StoreFault;

/// Where the checkpoints are.
const FOLDER: &str = "checkpoints";
/// What their names end with.
const ENDING: &str = ".txt";
/// Digits of a number: so many that names sort as numbers do.
const DIGITS: usize = 12;
/// So many are read, the newest. Each of them speaks of everything before it.
const READ: usize = 2000;
/// Objects on their way at once.
const AT_ONCE: usize = 8;
/// So often a number is found to be taken before it is given up: nobody writes so many at once.
const TRIES: usize = 20;
/// No checkpoint is larger: it is some lines of text.
const LARGEST: u64 = 64 << 10;

/// Keeps checkpoints in an object store.
pub struct ObjectAnchor {
    objects: Arc<dyn Objects>,
    /// The last number, once it is known.
    last: Mutex<Option<u64>>,
}

impl ObjectAnchor {
    /// In a place of its own.
    #[must_use]
    pub fn new(objects: Arc<dyn Objects>) -> Self {
        Self { objects, last: Mutex::new(None) }
    }

    /// The names of all checkpoints, oldest first.
    async fn names(&self) -> Result<Vec<String>, StoreFault> {
        let listed = self.objects.list(FOLDER).await?;
        Ok(listed.into_iter().map(|object| object.name).filter(|name| number_of(name).is_some()).collect())
    }

    async fn last_number(&self) -> Result<u64, StoreFault> {
        Ok(self.names().await?.last().and_then(|name| number_of(name)).unwrap_or(0))
    }
}

#[async_trait]
impl Anchor for ObjectAnchor {
    fn name(&self) -> String {
        format!("objects {}", self.objects.place())
    }

    async fn keep(&self, note: &str) -> Result<(), StoreFault> {
        let mut last = self.last.lock().await;
        let mut number = match *last {
            Some(number) => number,
            None => self.last_number().await?,
        };
        for _ in 0..TRIES {
            number += 1;
            let name = name_of(number);
            let is_new = self.objects.put_new(&name, note.to_owned().into()).await?;
            // One that is there already may be this one: written, and the answer got lost.
            if is_new || self.objects.get_first(&name, LARGEST).await?.is_some_and(|kept| kept == note.as_bytes()) {
                *last = Some(number);
                return Ok(());
            }
            number = self.last_number().await?.max(number);
        }
        Err(StoreFault::Unavailable(format!("{}: others write checkpoints all the time", self.objects.place())))
    }

    async fn kept(&self) -> Result<Option<Vec<String>>, StoreFault> {
        let names = self.names().await?;
        let newest = names.into_iter().rev().take(READ).collect::<Vec<_>>().into_iter().rev();
        let notes: Vec<Option<String>> = futures::stream::iter(newest)
            .map(async |name| {
                let bytes = self.objects.get_first(&name, LARGEST).await?;
                // What is no text stays as something that no key has signed.
                Ok::<_, StoreFault>(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(Some(notes.into_iter().flatten().collect()))
    }
}

fn name_of(number: u64) -> String {
    format!("{FOLDER}/{number:0DIGITS$}{ENDING}")
}

fn number_of(name: &str) -> Option<u64> {
    let number: u64 = name.strip_prefix(FOLDER)?.strip_prefix('/')?.strip_suffix(ENDING)?.parse().ok()?;
    (name_of(number) == name).then_some(number)
}
