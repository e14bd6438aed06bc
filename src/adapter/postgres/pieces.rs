//! What the store holds, piece by piece: read from its tables, and written into them.

use futures::StreamExt as _;
use tokio::sync::mpsc;
use tokio_postgres::Row as Found;

use super::batch::{column_kinds, columns};
use super::cell::{self, Cell};
use super::declarations::Declarations;
use super::fault::{OrFault as _, closing, misuse};
use super::link::Link;
use super::plan::{KindPlan, LogPlan, sql_type, vector};
use super::schema::lists;
use crate::adapter::forms;
use crate::adapter::tables::{RECORD, field_column, kind_table, log_table};
use crate::kernel::id::TenantId;
use crate::port::records::{Field, FieldType};
use crate::port::store::StoreFault;
use crate::port::transfer::{Piece, Row};

/// Pieces that go together.
const CHUNK: usize = 500;

/// The columns of a document's row before its declared ones.
const ROW: [FieldType; 10] = [
    FieldType::Id,
    FieldType::Id,
    FieldType::Integer,
    FieldType::Id,
    FieldType::Id,
    FieldType::Text,
    FieldType::Integer,
    FieldType::Integer,
    FieldType::Integer,
    FieldType::Text,
];

/// Their names, in this order.
const ROW_NAMES: &str = "tenant, id, revision, owner, workspace, visibility, created_at, updated_at, version, document";

/// Their lists as parameters from a place on.
const ROW_LISTS: &str = "$1::uuid[], $2::uuid[], $3::bigint[], $4::uuid[], $5::uuid[], $6::text[], $7::bigint[], \
     $8::bigint[], $9::bigint[], $10::text[]";

/// The names of the kinds and logs whose tables are read.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) kinds: Vec<String>,
    pub(super) logs: Vec<String>,
}

impl Names {
    /// What this program declares.
    pub(super) fn of(declarations: &Declarations) -> Self {
        let kinds = declarations.ordered_kinds.iter().map(|plan| plan.kind.name.to_owned());
        let logs = declarations.ordered_logs.iter().map(|plan| plan.log.name.to_owned());
        Self { kinds: kinds.collect(), logs: logs.collect() }
    }
}

/// Sends everything that the connection sees, in chunks; ends early where nobody takes them.
pub(super) async fn pour(link: &mut Link, names: &Names, into: &mpsc::Sender<Vec<Piece>>) -> Result<(), StoreFault> {
    for kind in &names.kinds {
        let text = format!("SELECT {RECORD} FROM {}", kind_table(kind));
        send(link, &text, into, |row| Ok(Piece::Document { kind: kind.clone(), row: row_of(row)? })).await?;
    }
    let versions = format!("SELECT {RECORD}, kind FROM versions");
    send(link, &versions, into, |row| Ok(Piece::Version { kind: row.try_get(10).or_fault()?, row: row_of(row)? }))
        .await?;
    for log in &names.logs {
        let text = format!("SELECT position, tenant, stream, at, body FROM {} ORDER BY position", log_table(log));
        send(link, &text, into, |row| {
            Ok(Piece::Entry {
                log: log.clone(),
                position: row.try_get(0).or_fault()?,
                tenant: row.try_get(1).or_fault()?,
                stream: row.try_get(2).or_fault()?,
                at: row.try_get(3).or_fault()?,
                body: row.try_get(4).or_fault()?,
            })
        })
        .await?;
    }
    send(link, "SELECT tenant, name, key, value FROM counters", into, |row| {
        Ok(Piece::Counter {
            tenant: row.try_get(0).or_fault()?,
            name: row.try_get(1).or_fault()?,
            key: row.try_get(2).or_fault()?,
            value: row.try_get(3).or_fault()?,
        })
    })
    .await?;
    let jobs = "SELECT tenant, id, queue, priority, due, token, held_until, body FROM jobs";
    send(link, jobs, into, |row| {
        Ok(Piece::Job {
            tenant: row.try_get(0).or_fault()?,
            id: row.try_get(1).or_fault()?,
            queue: row.try_get(2).or_fault()?,
            priority: row.try_get(3).or_fault()?,
            due: row.try_get(4).or_fault()?,
            token: row.try_get(5).or_fault()?,
            held_until: row.try_get(6).or_fault()?,
            body: row.try_get(7).or_fault()?,
        })
    })
    .await?;
    let last: i64 = link.one("SELECT last_value FROM positions", Vec::new()).await?.unwrap_or_default();
    let last = |log: &String| Piece::Last { log: log.clone(), position: last };
    into.send(names.logs.iter().map(last).collect()).await.map_err(|_| closing())
}

async fn send(
    link: &mut Link,
    text: &str,
    into: &mpsc::Sender<Vec<Piece>>,
    piece: impl Fn(&Found) -> Result<Piece, StoreFault> + Send + Sync,
) -> Result<(), StoreFault> {
    let mut rows = Box::pin(link.stream(text, Vec::new()).await?);
    let mut chunk = Vec::new();
    while let Some(row) = rows.next().await {
        chunk.push(piece(&row.or_fault()?)?);
        if chunk.len() >= CHUNK {
            into.send(std::mem::take(&mut chunk)).await.map_err(|_| closing())?;
        }
    }
    if chunk.is_empty() { Ok(()) } else { into.send(chunk).await.map_err(|_| closing()) }
}

fn row_of(row: &Found) -> Result<Row, StoreFault> {
    let version: i32 = row.try_get(8).or_fault()?;
    Ok(Row {
        id: row.try_get(0).or_fault()?,
        tenant: row.try_get(1).or_fault()?,
        revision: row.try_get(2).or_fault()?,
        owner: row.try_get(3).or_fault()?,
        workspace: row.try_get(4).or_fault()?,
        visibility: row.try_get(5).or_fault()?,
        created_at: row.try_get(6).or_fault()?,
        updated_at: row.try_get(7).or_fault()?,
        version: version.unsigned_abs(),
        document: row.try_get(9).or_fault()?,
    })
}

/// Writes pieces, of whatever sorts.
pub(super) async fn take(link: &mut Link, declarations: &Declarations, pieces: &[Piece]) -> Result<(), StoreFault> {
    // Neighbours are mostly of one sort and go together.
    for run in pieces.chunk_by(|one, other| sort_of(one) == sort_of(other)) {
        let Some(first) = run.first() else { continue };
        let unknown = |name: &str| misuse(format!("'{name}' is not declared to this store"));
        match first {
            Piece::Document { kind, .. } => {
                let plan = declarations.kind_named(kind).ok_or_else(|| unknown(kind))?;
                take_documents(link, &plan, run).await?;
            }
            Piece::Version { .. } => take_versions(link, run).await?,
            Piece::Entry { log, .. } => {
                let plan = declarations.log_named(log).ok_or_else(|| unknown(log))?;
                take_entries(link, &plan, run).await?;
            }
            Piece::Counter { .. } => take_counters(link, run).await?,
            Piece::Job { .. } => take_jobs(link, run).await?,
            Piece::Last { .. } => {
                let last = |piece: &Piece| if let Piece::Last { position, .. } = piece { *position } else { 0 };
                let last = run.iter().map(last).max().unwrap_or_default();
                // Never backwards: this is not undone with a transaction.
                let text = "SELECT setval('positions', $1) FROM positions WHERE last_value < $1";
                link.rows(text, vec![Cell::Integer(last)]).await?;
            }
        }
    }
    Ok(())
}

fn sort_of(piece: &Piece) -> (u8, &str) {
    match piece {
        Piece::Document { kind, .. } => (0, kind),
        Piece::Version { .. } => (1, ""),
        Piece::Entry { log, .. } => (2, log),
        Piece::Counter { .. } => (3, ""),
        Piece::Job { .. } => (4, ""),
        Piece::Last { .. } => (5, ""),
    }
}

fn cells_of(row: &Row) -> Result<Vec<Cell>, StoreFault> {
    Ok(vec![
        Cell::Id(row.tenant),
        Cell::Id(row.id),
        Cell::Integer(row.revision),
        cell::optional_id(row.owner),
        cell::optional_id(row.workspace),
        cell::text("a visibility", row.visibility.clone())?,
        Cell::Integer(row.created_at),
        Cell::Integer(row.updated_at),
        Cell::Integer(i64::from(row.version)),
        cell::text("a document", row.document.clone())?,
    ])
}

/// The lists of declared fields as parameters from a place on.
fn field_lists(fields: &[Field], first: usize) -> String {
    (first..)
        .zip(fields)
        .fold(String::new(), |all, (place, field)| all + &format!(", ${place}::{}[]", sql_type(field.of)))
}

async fn take_documents(link: &mut Link, plan: &KindPlan, pieces: &[Piece]) -> Result<(), StoreFault> {
    let mut rows = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let Piece::Document { row, .. } = piece else { continue };
        let body = forms::lifted(plan.kind, row.version, &row.document)?;
        let mut cells = cells_of(row)?;
        cells.extend(columns(plan, TenantId::from_uuid(row.tenant), &body)?);
        rows.push(cells);
    }
    let kinds: Vec<FieldType> = ROW.into_iter().chain(column_kinds(plan)).collect();
    let mut lists_of = lists(&kinds, &rows)?;
    let words = if plan.kind.text.is_empty() { None } else { lists_of.pop() };
    let fields: Vec<String> = plan.kind.fields.iter().map(|field| field_column(field.name)).collect();
    let fields = fields.iter().fold(String::new(), |all, column| all + ", " + column);
    let field_lists = field_lists(plan.kind.fields, 11);
    let keys: Vec<Cell> = lists_of.iter().take(2).cloned().collect();
    let name = &plan.table.name;
    link.rows(
        &format!(
            "INSERT INTO {name} ({ROW_NAMES}{fields}) SELECT {ROW_NAMES}{fields} \
             FROM unnest({ROW_LISTS}{field_lists}) AS given ({ROW_NAMES}{fields})"
        ),
        lists_of,
    )
    .await?;
    if let Some(words) = words {
        let text = format!(
            "INSERT INTO {} (tenant, id, words) SELECT tenant, id, {} FROM \
             unnest($1::uuid[], $2::uuid[], $3::text[]) AS given (tenant, id, words)",
            plan.table.text_name(),
            vector("words")
        );
        link.rows(&text, keys.into_iter().chain([words]).collect()).await?;
    }
    Ok(())
}

async fn take_versions(link: &mut Link, pieces: &[Piece]) -> Result<(), StoreFault> {
    let mut rows = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let Piece::Version { kind, row } = piece else { continue };
        let mut cells = cells_of(row)?;
        cells.push(cell::text("a kind", kind.clone())?);
        rows.push(cells);
    }
    let kinds: Vec<FieldType> = ROW.into_iter().chain([FieldType::Text]).collect();
    let text = format!(
        "INSERT INTO versions ({ROW_NAMES}, kind) SELECT {ROW_NAMES}, kind \
         FROM unnest({ROW_LISTS}, $11::text[]) AS given ({ROW_NAMES}, kind)"
    );
    link.rows(&text, lists(&kinds, &rows)?).await.map(drop)
}

async fn take_entries(link: &mut Link, plan: &LogPlan, pieces: &[Piece]) -> Result<(), StoreFault> {
    let name = &plan.table.name;
    let mut rows = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let Piece::Entry { position, tenant, stream, at, body, .. } = piece else { continue };
        let said = forms::parsed(name, body)?;
        let mut cells = vec![
            Cell::Integer(*position),
            Cell::Id(*tenant),
            cell::text("a stream", stream.clone())?,
            Cell::Integer(*at),
            cell::text("an entry", body.clone())?,
        ];
        for field in plan.log.fields {
            cells.push(cell::of_field(name, field, &said)?);
        }
        if !plan.log.text.is_empty() {
            cells.push(Cell::Text(cell::words(plan.log.text, TenantId::from_uuid(*tenant), &said)));
        }
        rows.push(cells);
    }
    let own = [FieldType::Integer, FieldType::Id, FieldType::Text, FieldType::Integer, FieldType::Text];
    let words = (!plan.log.text.is_empty()).then_some(FieldType::Text);
    let kinds: Vec<FieldType> =
        own.into_iter().chain(plan.log.fields.iter().map(|field| field.of)).chain(words).collect();
    let mut lists_of = lists(&kinds, &rows)?;
    let words = if plan.log.text.is_empty() { None } else { lists_of.pop() };
    let positions = lists_of.first().cloned();
    let fields = plan.log.fields.iter().fold(String::new(), |all, field| all + ", " + &field_column(field.name));
    let field_lists = field_lists(plan.log.fields, 6);
    link.rows(
        &format!(
            "INSERT INTO {name} (position, tenant, stream, at, body{fields}) SELECT position, tenant, stream, at, \
             body{fields} FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::bigint[], $5::text[]{field_lists}) \
             AS given (position, tenant, stream, at, body{fields})"
        ),
        lists_of,
    )
    .await?;
    if let (Some(words), Some(positions)) = (words, positions) {
        let text = format!(
            "INSERT INTO {} (position, words) SELECT position, {} FROM unnest($1::bigint[], $2::text[]) \
             AS given (position, words)",
            plan.table.text_name(),
            vector("words")
        );
        link.rows(&text, vec![positions, words]).await?;
    }
    Ok(())
}

async fn take_counters(link: &mut Link, pieces: &[Piece]) -> Result<(), StoreFault> {
    let mut rows = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let Piece::Counter { tenant, name, key, value } = piece else { continue };
        rows.push(vec![
            Cell::Id(*tenant),
            cell::text("a counter's name", name.clone())?,
            cell::text("a counter's key", key.clone())?,
            Cell::Integer(*value),
        ]);
    }
    let kinds = [FieldType::Id, FieldType::Text, FieldType::Text, FieldType::Integer];
    let text = "INSERT INTO counters (tenant, name, key, value) \
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[])";
    link.rows(text, lists(&kinds, &rows)?).await.map(drop)
}

async fn take_jobs(link: &mut Link, pieces: &[Piece]) -> Result<(), StoreFault> {
    let mut rows = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let Piece::Job { tenant, id, queue, priority, due, token, held_until, body } = piece else { continue };
        rows.push(vec![
            Cell::Id(*tenant),
            Cell::Id(*id),
            cell::text("a queue", queue.clone())?,
            Cell::Integer(i64::from(*priority)),
            Cell::Integer(*due),
            Cell::Integer(*token),
            held_until.map_or(Cell::Null, Cell::Integer),
            cell::text("a job", body.clone())?,
        ]);
    }
    let (id, text, number) = (FieldType::Id, FieldType::Text, FieldType::Integer);
    let kinds = [id, id, text, number, number, number, number, text];
    let text = "INSERT INTO jobs (tenant, id, queue, priority, due, token, held_until, body) \
         SELECT tenant, id, queue, priority, due, token, held_until, body FROM unnest($1::uuid[], $2::uuid[], $3::text[], \
         $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[]) \
         AS given (tenant, id, queue, priority, due, token, held_until, body)";
    link.rows(text, lists(&kinds, &rows)?).await.map(drop)
}
