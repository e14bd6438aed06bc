//! Upkeep of a database: bringing it up to this program, copies, restoring.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::declarations::Declarations;
use super::fault::{OrFault as _, misuse};
use super::link::Link;
use super::pieces::Names;
use super::server::{SCHEMA, Server};
use super::{append_only, locks, migrations, pieces, schema};
use crate::adapter::before;
use crate::adapter::tables::{kind_table, log_table};
use crate::kernel::time::Timestamp;
use crate::port::store::StoreFault;
use crate::port::transfer::{Copies, Former, Piece, Sink, Summary};

/// The oldest server that is known to do.
const OLDEST: i32 = 150_000;

/// Chunks of pieces under way between the server and a file.
const UNDER_WAY: usize = 4;

/// What is to be known of a server before it is used.
pub(super) async fn look(link: &mut Link, server: &mut Server) -> Result<(), StoreFault> {
    let rows = link
        .rows(
            "SELECT current_setting('server_version_num')::integer, current_setting('server_encoding'), \
             current_setting('synchronous_commit'), pg_is_in_recovery(), \
             (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user), current_setting('fsync')",
            Vec::new(),
        )
        .await?;
    let row = rows.first().ok_or_else(|| misuse("the server does not tell of itself"))?;
    let (version, encoding): (i32, String) = (row.try_get(0).or_fault()?, row.try_get(1).or_fault()?);
    let refused = |why: String| Err(StoreFault::Unavailable(why));
    if version < OLDEST {
        return refused(format!("PostgreSQL 15 or newer is needed, this is {}", version / 10_000));
    }
    if encoding != "UTF8" {
        return refused(format!("the database must have the encoding UTF8, it has {encoding}"));
    }
    if row.try_get(3).or_fault()? {
        return refused("the server is a standby, which takes no writes".to_owned());
    }
    // What is acknowledged is on disk.
    if row.try_get::<_, String>(2).or_fault()? == "off" {
        server.also("-c synchronous_commit=on");
    }
    if row.try_get::<_, Option<bool>>(4).or_fault()? == Some(true) {
        tracing::warn!(
            "the role that connects to PostgreSQL is a superuser or passes row security: the second lock between tenants \
             does not hold for it. Connect as a role without these rights"
        );
    }
    if row.try_get::<_, String>(5).or_fault()? == "off" {
        tracing::warn!("PostgreSQL runs with fsync off: what it acknowledges can be lost when the machine stops");
    }
    Ok(())
}

/// Brings a database up to this program in one transaction. When it holds anything it is copied into the folder before, as it
/// is: a version of the program that knew it takes the copy in.
pub(super) async fn bring_up(
    link: &mut Link,
    declarations: &Declarations,
    copies: Arc<dyn Copies>,
    folder: Option<&Path>,
    now: Timestamp,
) -> Result<(), StoreFault> {
    refuse_foreign(link).await?;
    let present = migrations::present(link).await?;
    if present == migrations::newest() && schema::changes(link, declarations).await?.is_empty() {
        return Ok(());
    }
    let kept = match folder {
        Some(folder) if present > 0 => keep_copy(link, copies, folder, now).await?,
        _ => None,
    };
    link.run("BEGIN").await?;
    let applied = match apply(link, declarations, now).await {
        Ok(()) => link.run("COMMIT").await,
        Err(fault) => {
            // The connection goes with it where even this fails.
            let _ = link.run("ROLLBACK").await;
            Err(fault)
        }
    };
    match (&applied, &kept) {
        (Ok(()), Some(kept)) => before::drop_old(kept)?,
        // Nothing was changed: the database itself is what the copy would be.
        (Err(_), Some(kept)) => drop(std::fs::remove_file(kept)),
        (_, None) => {}
    }
    applied
}

/// Forgets the marks of connections that are long gone.
pub(super) async fn forget_marks(link: &mut Link) -> Result<(), StoreFault> {
    link.run("DELETE FROM marks WHERE at < now() - interval '1 day'").await
}

/// Copies what another version of the program wrote, where that is anything.
async fn keep_copy(
    link: &mut Link,
    copies: Arc<dyn Copies>,
    folder: &Path,
    now: Timestamp,
) -> Result<Option<PathBuf>, StoreFault> {
    link.see_all().await?;
    let former = schema::former(link).await?;
    let (logs, kinds): (Vec<&Former>, Vec<&Former>) = former.iter().partition(|one| one.is_log);
    let named = |all: &[&Former]| all.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    let names = Names { kinds: named(&kinds), logs: named(&logs) };
    let tables = names.kinds.iter().map(|kind| kind_table(kind)).chain(names.logs.iter().map(|log| log_table(log)));
    if is_empty(link, &tables.collect::<Vec<_>>()).await? {
        return Ok(None);
    }
    let kept = before::next(folder, migrations::newest(), now)?;
    tracing::info!(copy = %kept.display(), "the tables change: what they hold is copied first");
    let file = kept.clone();
    copy(link, &names, move || copies.create_former(&file, &former)).await?;
    Ok(Some(kept))
}

/// Everything that is pending. Whoever else opens the database meanwhile waits, and finds it done.
async fn apply(link: &mut Link, declarations: &Declarations, now: Timestamp) -> Result<(), StoreFault> {
    link.run("SET LOCAL lock_timeout = '60s'").await?;
    link.rows(locks::SCHEMA, Vec::new()).await?;
    link.see_all().await?;
    refuse_foreign(link).await?;
    link.run(&format!("CREATE SCHEMA IF NOT EXISTS {SCHEMA}")).await?;
    migrations::run(link, now).await?;
    for change in &schema::changes(link, declarations).await? {
        schema::apply(link, change).await?;
    }
    Ok(())
}

/// A database that a newer program wrote, or where another one has our schema's name, is left as it is.
pub(super) async fn refuse_foreign(link: &mut Link) -> Result<(), StoreFault> {
    let present = migrations::present(link).await?;
    if present > migrations::newest() {
        return Err(StoreFault::Unavailable(format!(
            "the database was written by a newer program: it has schema {present}, this program knows schema {}",
            migrations::newest()
        )));
    }
    let text = "SELECT EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace('convoke'))";
    // Asked once more: another instance may have made it between the two questions, all at once.
    if present == 0 && link.one::<bool>(text, Vec::new()).await? == Some(true) && migrations::present(link).await? == 0
    {
        return Err(StoreFault::Unavailable(format!("the schema '{SCHEMA}' of the database is not of this program")));
    }
    Ok(())
}

/// Empty: none of these tables has a row.
pub(super) async fn is_empty(link: &mut Link, tables: &[String]) -> Result<bool, StoreFault> {
    if tables.is_empty() {
        return Ok(true);
    }
    let parts: Vec<String> = tables.iter().map(|name| format!("EXISTS (SELECT FROM {name})")).collect();
    let found = link.one::<bool>(&format!("SELECT {}", parts.join(" OR ")), Vec::new()).await?;
    Ok(found == Some(false))
}

/// Copies everything that is there at one moment into a file. Writers go on meanwhile.
pub(super) async fn copy(
    link: &mut Link,
    names: &Names,
    create: impl FnOnce() -> Result<Box<dyn Sink>, StoreFault> + Send + 'static,
) -> Result<(), StoreFault> {
    let (sender, mut receiver) = mpsc::channel::<Vec<Piece>>(UNDER_WAY);
    let (whole, told) = std::sync::mpsc::channel::<()>();
    let writing = tokio::task::spawn_blocking(move || {
        let mut sink = create()?;
        while let Some(pieces) = receiver.blocking_recv() {
            sink.take(pieces)?;
        }
        // What ended early is not a copy.
        match told.recv() {
            Ok(()) => sink.finish(),
            Err(_) => Ok(()),
        }
    });
    link.see_all().await?;
    link.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let poured = pieces::pour(link, names, &sender).await;
    drop(sender);
    if poured.is_ok() {
        let _ = whole.send(());
    }
    drop(whole);
    // Finishing a large file takes long, and the server ends a transaction that idles.
    let ended = link.run("COMMIT").await;
    let written = writing.await.map_err(|error| misuse(error.to_string()))?;
    // Where the file could not be written, that is why nobody took the pieces.
    written.and(poured).and(ended)
}

/// Replaces everything by a copy, in one transaction, and holds what came to lie in the tables against what was read.
pub(super) async fn restore(
    link: &mut Link,
    declarations: &Declarations,
    copies: Arc<dyn Copies>,
    file: &Path,
    owned: &[String],
) -> Result<Summary, StoreFault> {
    let (sender, mut receiver) = mpsc::channel::<Vec<Piece>>(UNDER_WAY);
    let file = file.to_owned();
    let (opened, ready) = tokio::sync::oneshot::channel();
    let reading = tokio::task::spawn_blocking(move || {
        let mut source = copies.open(&file)?;
        // The copy is known to be good before anything is touched.
        let _ = opened.send(());
        loop {
            let pieces = source.next()?;
            if pieces.is_empty() || sender.blocking_send(pieces).is_err() {
                return Ok(());
            }
        }
    });
    if ready.await.is_err() {
        return Err(reading
            .await
            .map_err(|error| misuse(error.to_string()))?
            .err()
            .unwrap_or_else(|| misuse("a copy was not read")));
    }
    link.see_all().await?;
    link.run("BEGIN; SET LOCAL lock_timeout = '60s'").await?;
    link.rows(locks::SCHEMA, Vec::new()).await?;
    if !is_empty(link, owned).await? {
        return Err(StoreFault::Unavailable("only an empty store takes in a copy".to_owned()));
    }
    link.run(&emptied(declarations)).await?;
    let mut read = Summary::default();
    while let Some(pieces) = receiver.recv().await {
        read.add_all(&pieces);
        pieces::take(link, declarations, &pieces).await?;
    }
    reading.await.map_err(|error| misuse(error.to_string()))??;
    let found = summary(link, declarations).await?;
    let differences = read.differences(&found);
    if !differences.is_empty() {
        let told = differences.join("; ");
        return Err(misuse(format!("what was restored is not what the copy holds: {told}")));
    }
    link.run("COMMIT").await?;
    Ok(found)
}

/// What the connection sees, counted and digested.
pub(super) async fn summary(link: &mut Link, declarations: &Declarations) -> Result<Summary, StoreFault> {
    let (sender, mut receiver) = mpsc::channel::<Vec<Piece>>(UNDER_WAY);
    let counting = tokio::spawn(async move {
        let mut summary = Summary::default();
        while let Some(pieces) = receiver.recv().await {
            summary.add_all(&pieces);
        }
        summary
    });
    let poured = pieces::pour(link, &Names::of(declarations), &sender).await;
    drop(sender);
    let summary = counting.await.map_err(|error| misuse(error.to_string()))?;
    poured.map(|()| summary)
}

/// Takes everything out, of logs too, which lets nobody do it otherwise.
fn emptied(declarations: &Declarations) -> String {
    let kinds = declarations.ordered_kinds.iter().map(|plan| &plan.table);
    let logs = declarations.ordered_logs.iter().map(|plan| &plan.table);
    let mut tables: Vec<String> =
        vec!["versions".into(), "counters".into(), "jobs".into(), "tallied".into(), "tallies".into()];
    for table in kinds.chain(logs) {
        tables.push(table.name.clone());
        if !table.text.is_empty() {
            tables.push(table.text_name());
        }
    }
    let logs = || declarations.ordered_logs.iter().map(|plan| plan.table.name.as_str());
    let (lifted, set): (String, String) =
        (logs().map(append_only::lift).collect(), logs().map(append_only::set).collect());
    format!("{lifted} TRUNCATE {}; {set}", tables.join(", "))
}
