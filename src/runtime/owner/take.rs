//! Owning the folder whoever owns it now: a server does not go through another process, it takes the place of one that is no
//! server. That one ends what runs, gives the folder up and goes on as a guest.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use super::join::{PATIENCE, Waiting, connect};
use super::lines::write_line;
use super::lock::{Holder, OwnerLock, Turn, holder as present, owned};
use super::protocol::Wish;
use crate::kernel::fault::Fault;

/// What a server says of another that is there.
pub(super) const SERVED: &str = "stop it first, or serve another folder with --data";
/// A server that has the folder and does not listen is given so long to go.
const GOING: Duration = Duration::from_secs(2);

/// Becomes the owner. Others that wait for the folder let this process go first. `ready` comes when the folder can be had and
/// before it is asked for: where it fails, nobody was disturbed.
///
/// # Errors
/// `owned_elsewhere` when another server owns the folder or the owner is of another version; what `ready` says; when the
/// folder cannot be used.
pub async fn take<T>(
    data: &Path,
    holder: &Holder,
    ready: impl Future<Output = Result<T, Fault>>,
) -> Result<(OwnerLock, T), Fault> {
    let turn = turn(data).await?;
    let mut waiting = Waiting::new(PATIENCE);
    let mut going: Option<Instant> = None;
    let mut owner = loop {
        if let Some(lock) = turn.own(data, holder)? {
            return Ok((lock, ready.await?));
        }
        match connect(data, &Wish::Serve).await {
            Ok(owner) => break owner,
            Err(attempt) => waiting.after(data, attempt).await?,
        }
        let is_server = present(data).is_some_and(|holder| holder.command == SERVER);
        if is_server && going.get_or_insert_with(Instant::now).elapsed() >= GOING {
            return Err(owned(data, SERVED));
        }
    };
    let ready = ready.await?;
    tracing::info!(owner = owner.owner, "asks the owner of the data folder to hand it over");
    // One that went meanwhile leaves the folder as well.
    let _ = write_line(&mut owner.writer, b"now".to_vec()).await;
    loop {
        if let Some(lock) = turn.own(data, holder)? {
            return Ok((lock, ready));
        }
        waiting.pause(data).await;
    }
}

/// The command of a process that hands over to nobody.
pub(super) const SERVER: &str = "serve";

async fn turn(data: &Path) -> Result<Turn, Fault> {
    let until = Instant::now() + PATIENCE;
    let mut waiting = Waiting::new(PATIENCE);
    loop {
        if let Some(turn) = Turn::try_take(data)? {
            return Ok(turn);
        }
        if Instant::now() >= until {
            return Err(owned(data, "another server waits for it"));
        }
        waiting.pause(data).await;
    }
}
