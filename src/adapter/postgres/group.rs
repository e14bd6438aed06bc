//! One transaction with some commits in it. Everything goes out together; when all of it held, the transaction is committed.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio_postgres::{Error, Row};

use super::batch::{Entry, Must, Prepared, appended};
use super::cell::Cell;
use super::fault::{OrFault as _, follows_another, is_lost, misuse, refusing_index, store_fault, undone};
use super::link::{Ask, Link, Mark};
use super::plan::KindPlan;
use super::server::Server;
use super::{batch, locks, words};
use crate::kernel::id::TenantId;
use crate::port::store::{Conflict, StoreFault};

/// How long the server may take for a transaction.
const SPAN: Duration = Duration::from_secs(30);
/// How long it is asked whether it committed.
const OUTCOME: Duration = Duration::from_secs(15);

/// The transaction's rows are one tenant's from here on.
pub(super) const SIGHT: &str = "SELECT set_config('convoke.tenant', $1::text, true)";

/// Why a transaction was not committed. Nothing of it was written.
pub(super) enum Failed {
    /// The commit at this place cannot be written.
    At(usize, StoreFault),
    /// Something that belongs to no single commit failed.
    Together(StoreFault),
    /// The server undid it for the sake of another: it may go well when it is made again.
    Undone(StoreFault),
    /// The connection went before the server was told to commit.
    Lost(StoreFault),
    /// Somebody has frozen the store.
    Frozen,
    /// None of them can be written now, or it is not known whether they were.
    All(StoreFault),
}

/// What is known of a transaction.
pub(super) enum Known {
    /// How it ended.
    Yes(Result<Vec<Vec<i64>>, Failed>),
    /// It was being committed when the connection went: its mark, and what was to be answered.
    Not { mark: Mark, revisions: Vec<Vec<i64>> },
}

/// What an answer belongs to.
enum Of<'a> {
    Frame,
    Guard,
    Step(usize, &'a Must, Option<&'a KindPlan>),
    Entries,
}

/// Writes commits in one transaction.
pub(super) async fn attempt(link: &mut Link, instance: i32, commits: &[&Prepared]) -> Known {
    let mark = link.next_mark();
    match tokio::time::timeout(SPAN, written(link, instance, mark, commits)).await {
        Ok(Ok(revisions)) => committed(link, mark, revisions).await,
        Ok(Err(failed)) => {
            if link.is_good() && link.run("ROLLBACK").await.is_err() {
                tracing::debug!("a transaction was left to the server to end");
            }
            Known::Yes(Err(failed))
        }
        // It was not told to commit: nothing of it stays.
        Err(_) => Known::Yes(Err(Failed::All(StoreFault::Unavailable("PostgreSQL does not answer".to_owned())))),
    }
}

async fn committed(link: &mut Link, mark: Mark, revisions: Vec<Vec<i64>>) -> Known {
    let asks = match link.prepared("COMMIT").await {
        Ok(statement) => [Ask { statement, cells: Vec::new() }],
        Err(error) => return Known::Yes(Err(lost(&error))),
    };
    let answer = tokio::time::timeout(SPAN, link.together(&asks)).await.map(|mut answers| answers.pop());
    match answer {
        Ok(Some(Ok(_))) => Known::Yes(Ok(revisions)),
        Ok(Some(Err(error))) if !is_lost(&error) => {
            let fault = store_fault(&error);
            Known::Yes(Err(if undone(&error) { Failed::Undone(fault) } else { Failed::Together(fault) }))
        }
        Ok(_) | Err(_) => Known::Not { mark, revisions },
    }
}

fn lost(error: &Error) -> Failed {
    let fault = store_fault(error);
    if is_lost(error) { Failed::Lost(fault) } else { Failed::Together(fault) }
}

async fn written(link: &mut Link, instance: i32, mark: Mark, commits: &[&Prepared]) -> Result<Vec<Vec<i64>>, Failed> {
    let parts = parts(instance, mark, commits)?;
    let mut asks = Vec::with_capacity(parts.len());
    let mut places = Vec::with_capacity(parts.len());
    for part in parts {
        let statement = link.prepared(part.text).await.map_err(|error| lost(&error))?;
        asks.push(Ask { statement, cells: part.cells });
        places.push(part.of);
    }
    let answers = link.together(&asks).await;
    judged(commits.len(), &places, answers)
}

/// A statement of the transaction.
struct Part<'a> {
    text: &'a str,
    cells: Vec<Cell>,
    of: Of<'a>,
}

fn parts<'a>(instance: i32, mark: Mark, commits: &[&'a Prepared]) -> Result<Vec<Part<'a>>, Failed> {
    let mut parts = vec![
        Part { text: "BEGIN", cells: Vec::new(), of: Of::Frame },
        Part { text: locks::GUARD, cells: Vec::new(), of: Of::Guard },
        Part { text: Mark::SET, cells: mark.cells(), of: Of::Frame },
    ];
    let mut sight: Option<TenantId> = None;
    let mut see = |parts: &mut Vec<Part<'a>>, tenant: TenantId| {
        if sight.replace(tenant) != Some(tenant) {
            let cells = vec![Cell::Text(tenant.uuid().to_string())];
            parts.push(Part { text: SIGHT, cells, of: Of::Frame });
        }
    };
    for (place, commit) in commits.iter().enumerate() {
        for step in &commit.steps {
            see(&mut parts, step.tenant);
            let plan = match &step.statement {
                batch::Text::Plan(plan, _) => Some(plan.as_ref()),
                batch::Text::Log(..) | batch::Text::Fixed(_) => None,
            };
            let of = Of::Step(place, &step.must, plan);
            parts.push(Part { text: step.statement.of(), cells: step.cells.clone(), of });
        }
    }
    for told in commits.iter().flat_map(|commit| &commit.told) {
        let cells = vec![Cell::Text(words::notice(instance, told))];
        parts.push(Part { text: words::TELL, cells, of: Of::Frame });
    }
    let entries: Vec<&'a Entry> = commits.iter().flat_map(|commit| &commit.entries).collect();
    if !entries.is_empty() {
        parts.push(Part { text: locks::POSITIONS, cells: Vec::new(), of: Of::Frame });
    }
    for ((tenant, _), entries) in by_log(&entries) {
        let Some(first) = entries.first() else { continue };
        see(&mut parts, tenant);
        let cells = appended(&entries).map_err(Failed::Together)?;
        parts.push(Part { text: &first.plan.append, cells, of: Of::Entries });
    }
    Ok(parts)
}

/// Entries by tenant and log, each in the order of the commits.
fn by_log<'a>(entries: &[&'a Entry]) -> BTreeMap<(TenantId, &'static str), Vec<&'a Entry>> {
    let mut sorted: BTreeMap<_, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        sorted.entry((entry.tenant, entry.plan.log.name)).or_default().push(*entry);
    }
    sorted
}

fn judged(commits: usize, places: &[Of<'_>], answers: Vec<Result<Vec<Row>, Error>>) -> Result<Vec<Vec<i64>>, Failed> {
    let mut revisions = vec![Vec::new(); commits];
    for (of, answer) in places.iter().zip(answers) {
        let rows = match answer {
            Ok(rows) => rows,
            Err(error) if is_lost(&error) => return Err(Failed::Lost(store_fault(&error))),
            Err(error) if undone(&error) => return Err(Failed::Undone(store_fault(&error))),
            Err(error) if follows_another(&error) => {
                return Err(Failed::Together(misuse("a transaction ended for a reason that was not told")));
            }
            Err(error) => {
                return Err(match of {
                    Of::Step(place, _, plan) => Failed::At(*place, refused(*plan, &error)),
                    Of::Frame | Of::Guard | Of::Entries => Failed::Together(store_fault(&error)),
                });
            }
        };
        match of {
            Of::Frame | Of::Entries => {}
            Of::Guard => {
                let row = rows.first().ok_or_else(|| Failed::All(misuse("the guard has no answer")))?;
                if !row.try_get(0).or_fault().map_err(Failed::All)? {
                    return Err(Failed::Frozen);
                }
            }
            Of::Step(place, must, _) => {
                let value = rows.first().map(|row| row.try_get::<_, i64>(0)).transpose().or_fault();
                let value = value.map_err(|fault| Failed::At(*place, fault))?;
                let holds = match must {
                    Must::Nothing => true,
                    Must::Revision { .. } | Must::Row { .. } => value.is_some(),
                    Must::Hold { revision, .. } => value == Some(*revision),
                    Must::Sum { at_most, .. } => at_most.is_none_or(|bound| value.is_some_and(|sum| sum <= bound)),
                };
                if !holds {
                    return Err(Failed::At(*place, must.broken()));
                }
                if let (Must::Revision { .. }, Some(value), Some(told)) = (must, value, revisions.get_mut(*place)) {
                    told.push(value);
                }
            }
        }
    }
    Ok(revisions)
}

/// The fault of a statement: of a rule of uniqueness, where one refused it.
fn refused(plan: Option<&KindPlan>, error: &Error) -> StoreFault {
    let rule = refusing_index(error).zip(plan).and_then(|(index, plan)| {
        let (_, rule) = plan.refusals.iter().find(|(refused, _)| refused == index)?;
        Some(Conflict::Taken { kind: plan.kind.name, rule })
    });
    rule.map_or_else(|| store_fault(error), StoreFault::Conflict)
}

/// Whether a transaction was committed, asked on a new connection.
pub(super) async fn outcome(server: &Server, mark: Mark) -> Result<bool, StoreFault> {
    let unknown = || {
        StoreFault::Unavailable("the connection went while the server committed: how it ended is not known".to_owned())
    };
    let asked = async {
        loop {
            let Ok(client) = server.connect().await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            if let Ok(told) = mark.is_committed(&mut Link::new(client)).await {
                return Ok(told);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(OUTCOME, asked).await.unwrap_or_else(|_| Err(unknown()))
}
