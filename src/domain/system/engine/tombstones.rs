//! What was forgotten, kept on the shelf beside the backups: in small files of the folder `forgotten`, each written whole, or in objects of that
//! name. A backup that is older than the forgetting is restored without what was forgotten since, also where nothing but the shelf is left.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::shelf::{REMOTE, Shelf, blocking, disk, entries, make_private_folder, sync_folder};
use crate::capability::cx::store_fault;
use crate::capability::platform::Platform;
use crate::domain::memory::forgotten::{Gone, forget_again, since};
use crate::kernel::fault::Fault;

/// The folder on the shelf.
const FOLDER: &str = "forgotten";
/// What the name of a file ends with.
const ENDING: &str = ".json";

impl Shelf {
    /// Takes in what was forgotten since the last time. The first time after a start everything that the log says is held against what lies
    /// here, and what a restore brought back is forgotten once more.
    ///
    /// # Errors
    /// When the store, the folder or the object store fails; what was not taken in is the next time.
    pub async fn take_in_forgotten(self: &Arc<Self>, platform: &Platform) -> Result<(), Fault> {
        let mut noted = self.noted.lock().await;
        let (mut beyond, mut known) = match *noted {
            Some(position) => (position, BTreeSet::new()),
            None => (0, self.forgotten().await?),
        };
        if noted.is_none() && !known.is_empty() {
            let known: Vec<Gone> = known.iter().copied().collect();
            forget_again(platform, &known).await?;
        }
        loop {
            let (mut gone, last) = since(platform, beyond).await?;
            if last == beyond {
                *noted = Some(last);
                return Ok(());
            }
            gone.retain(|one| known.insert(*one));
            if let Some(newest) = gone.last() {
                let name = format!("{:015}-{last}{ENDING}", newest.at.as_millis());
                self.keep_forgotten(name, serde_json::to_vec(&gone).map_err(Fault::internal)?).await?;
            }
            beyond = last;
        }
    }

    /// Forgets once more what a restore brought back.
    ///
    /// # Errors
    /// When the shelf cannot be read or the store fails.
    pub(crate) async fn forget_again(self: &Arc<Self>, platform: &Platform) -> Result<usize, Fault> {
        // What the log says is another log's now.
        *self.noted.lock().await = None;
        let known: Vec<Gone> = self.forgotten().await?.into_iter().collect();
        forget_again(platform, &known).await
    }

    async fn keep_forgotten(self: &Arc<Self>, name: String, content: Vec<u8>) -> Result<(), Fault> {
        if let Some(remote) = &self.remote {
            return remote.put(&format!("{REMOTE}/{FOLDER}/{name}"), Bytes::from(content)).await.map_err(store_fault);
        }
        let folder = self.folder.join(FOLDER);
        blocking(move || {
            make_private_folder(&folder).map_err(disk)?;
            let part = folder.join(format!("{name}.part"));
            let mut file = fs::File::create(&part).map_err(disk)?;
            file.write_all(&content).and_then(|()| file.sync_all()).map_err(disk)?;
            fs::rename(&part, folder.join(&name)).and_then(|()| sync_folder(&folder)).map_err(disk)
        })
        .await
    }

    /// Everything that lies here of what was forgotten. A file that cannot be read is told and passed over: the others still count.
    async fn forgotten(self: &Arc<Self>) -> Result<BTreeSet<Gone>, Fault> {
        let mut gone = BTreeSet::new();
        let folder = self.folder.join(FOLDER);
        let contents = blocking(move || {
            let listed = entries(&folder)?.into_iter().filter(|(name, _)| name.ends_with(ENDING));
            listed.map(|(name, path)| Ok((name, read(&path)?))).collect::<Result<Vec<_>, Fault>>()
        });
        let mut contents = contents.await?;
        if let Some(remote) = &self.remote {
            for listed in remote.list(&format!("{REMOTE}/{FOLDER}")).await.map_err(store_fault)? {
                let content = remote.get(&listed.name).await.map_err(store_fault)?;
                contents.extend(content.map(|content| (listed.name, content.to_vec())));
            }
        }
        for (name, content) in contents {
            match serde_json::from_slice::<Vec<Gone>>(&content) {
                Ok(some) => gone.extend(some),
                Err(error) => tracing::error!(name, %error, "a list of what was forgotten cannot be read"),
            }
        }
        Ok(gone)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    fs::read(path).map_err(disk)
}
