//! Batches: prepared on the caller's thread (columns and JSON text), written by the writer.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::append_only::CUTTING;
use super::cell::{self, Cell};
use super::declarations::Declarations;
use super::fault::misuse;
use super::plan::{KindPlan, LogPlan};
use crate::adapter::forms;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::queue::Job;
use crate::port::records::{Authority, FieldType, Kind, Whose};
use crate::port::store::{Batch, Conflict, Expect, Put, Step, StoreFault, Word};

/// A commit that is ready to be written.
pub(super) struct Prepared {
    /// What is written one by one, in order.
    pub(super) steps: Vec<Ready>,
    /// What is appended, in order.
    pub(super) entries: Vec<Entry>,
    /// What nobody else may write meanwhile: digests of documents and counters.
    pub(super) keys: Vec<u64>,
    /// What other instances hear when it is committed.
    pub(super) told: Vec<Word>,
    /// About how many bytes it has.
    pub(super) bytes: usize,
}

/// A statement with its values, and what its answer must be.
pub(super) struct Ready {
    pub(super) tenant: TenantId,
    pub(super) statement: Text,
    pub(super) cells: Vec<Cell>,
    pub(super) must: Must,
}

/// The text of a statement: of a plan, or one that is always the same.
pub(super) enum Text {
    Plan(Arc<KindPlan>, fn(&KindPlan) -> &String),
    Log(Arc<LogPlan>, fn(&LogPlan) -> &String),
    Fixed(&'static str),
}

impl Text {
    /// The text.
    pub(super) fn of(&self) -> &str {
        match self {
            Self::Plan(plan, part) => part(plan),
            Self::Log(plan, part) => part(plan),
            Self::Fixed(text) => text,
        }
    }
}

/// What the answer of a statement must be.
pub(super) enum Must {
    /// Anything.
    Nothing,
    /// A revision, which the caller hears.
    Revision { kind: &'static str, id: Uuid },
    /// There must be a row.
    Row { kind: &'static str, id: Uuid },
    /// There must be a row with this revision.
    Hold { kind: &'static str, id: Uuid, revision: i64 },
    /// A sum, not above a bound.
    Sum { name: &'static str, key: String, at_most: Option<i64> },
}

impl Must {
    /// The conflict when it is not so.
    pub(super) fn broken(&self) -> StoreFault {
        match self {
            Self::Revision { kind, id } | Self::Row { kind, id } | Self::Hold { kind, id, .. } => {
                StoreFault::Conflict(Conflict::Changed { kind, id: *id })
            }
            Self::Sum { name, key, .. } => StoreFault::Conflict(Conflict::Bound { name, key: key.clone() }),
            Self::Nothing => misuse("a statement that demands nothing cannot be broken"),
        }
    }
}

/// An entry of a log with its columns.
pub(super) struct Entry {
    pub(super) tenant: TenantId,
    pub(super) plan: Arc<LogPlan>,
    pub(super) stream: String,
    pub(super) at: i64,
    pub(super) body: String,
    pub(super) fields: Vec<Cell>,
    pub(super) words: Option<String>,
}

const COUNT: &str = "INSERT INTO counters AS old (tenant, name, key, value) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (tenant, name, key) DO UPDATE SET value = old.value + excluded.value RETURNING value";

const ENQUEUE: &str = "INSERT INTO jobs (tenant, id, queue, priority, due, token, held_until, body, ready) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
     ON CONFLICT (tenant, id) DO NOTHING RETURNING token";

const FINISH: &str =
    "DELETE FROM jobs WHERE tenant = $1 AND id = $2 AND token = $3 AND held_until IS NOT NULL RETURNING token";

/// Makes batches ready: everything that needs no server.
pub(super) fn prepare(declarations: &Declarations, batches: Vec<Batch>) -> Result<Prepared, StoreFault> {
    let (steps, entries, keys, told) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut all = Prepared { steps, entries, keys, told, bytes: 0 };
    for batch in batches {
        let (tenant, at) = (batch.tenant, batch.at.as_millis());
        for step in batch.steps {
            match step {
                Step::Put(put) => all.put(declarations, tenant, at, &put)?,
                Step::Remove { kind, id, expect } => all.remove(&declarations.kind(kind)?, tenant, id, expect),
                Step::Check { kind, id, expect } => all.check(&declarations.kind(kind)?, tenant, id, expect),
                Step::Append { log, stream, body } => {
                    let plan = declarations.log(log)?;
                    if log.followed {
                        all.say(Word::Appended { log: log.name.to_owned() });
                    }
                    let entry = entry(plan, tenant, stream, at, &body)?;
                    all.bytes += entry.body.len();
                    all.entries.push(entry);
                }
                Step::Cut { log, positions } => {
                    let positions = Cell::Integers(positions.into_iter().map(Some).collect());
                    let plan = declarations.log(log)?;
                    let mark = |name: &str| {
                        let (statement, cells) = (Text::Fixed(CUTTING), vec![Cell::Text(name.to_owned())]);
                        Ready { tenant, statement, cells, must: Must::Nothing }
                    };
                    all.steps.push(mark(&plan.table.name));
                    let statement = Text::Log(plan, |plan| &plan.cut);
                    let cells = vec![Cell::Id(tenant.uuid()), positions];
                    all.steps.push(Ready { tenant, statement, cells, must: Must::Nothing });
                    all.steps.push(mark(""));
                }
                Step::Count { name, key, by, at_most } => {
                    all.keys.push(digest(name, tenant, &key));
                    let cells = vec![
                        Cell::Id(tenant.uuid()),
                        Cell::Text(name.to_owned()),
                        cell::text("a counter's key", key.clone())?,
                        Cell::Integer(by),
                    ];
                    let must = Must::Sum { name, key, at_most };
                    all.steps.push(Ready { tenant, statement: Text::Fixed(COUNT), cells, must });
                }
                Step::Enqueue(job) => all.job(tenant, at, &job, None)?,
                Step::Hold { job, until } => all.job(tenant, at, &job, Some(until))?,
                Step::Finish { queue, id, token } => {
                    let cells = vec![Cell::Id(tenant.uuid()), Cell::Id(id), Cell::Integer(token)];
                    let must = Must::Row { kind: queue, id };
                    all.steps.push(Ready { tenant, statement: Text::Fixed(FINISH), cells, must });
                }
            }
        }
    }
    Ok(all)
}

/// An entry with its columns.
pub(super) fn entry(
    plan: Arc<LogPlan>,
    tenant: TenantId,
    stream: String,
    at: i64,
    body: &Value,
) -> Result<Entry, StoreFault> {
    if stream.contains('\0') {
        return Err(misuse("a stream has the character U+0000, which no text may hold"));
    }
    let log = plan.log;
    let fields = log.fields.iter().map(|field| cell::of_field(&plan.table.name, field, body));
    let fields = fields.collect::<Result<_, _>>()?;
    let words = (!log.text.is_empty()).then(|| cell::words(log.text, tenant, body));
    Ok(Entry { tenant, stream, at, body: forms::written(body)?, fields, words, plan })
}

/// The values of a statement that appends entries of one tenant to one log.
pub(super) fn appended(entries: &[&Entry]) -> Result<Vec<Cell>, StoreFault> {
    let Some(first) = entries.first() else { return Ok(Vec::new()) };
    let log = first.plan.log;
    let mut cells = vec![
        Cell::Id(first.tenant.uuid()),
        Cell::Texts(entries.iter().map(|entry| Some(entry.stream.clone())).collect()),
        Cell::Integers(entries.iter().map(|entry| Some(entry.at)).collect()),
        Cell::Texts(entries.iter().map(|entry| Some(entry.body.clone())).collect()),
    ];
    for (at, field) in log.fields.iter().enumerate() {
        let column = entries.iter().map(|entry| entry.fields.get(at).cloned().unwrap_or(Cell::Null));
        cells.push(cell::list(field.of, column)?);
    }
    if !log.text.is_empty() {
        cells.push(Cell::Texts(entries.iter().map(|entry| entry.words.clone()).collect()));
    }
    Ok(cells)
}

/// The columns of a document after its envelope: fields, and words where the kind has full text.
pub(super) fn columns(plan: &KindPlan, tenant: TenantId, body: &Value) -> Result<Vec<Cell>, StoreFault> {
    let fields = plan.kind.fields.iter().map(|field| cell::of_field(&plan.table.name, field, body));
    let mut cells = fields.collect::<Result<Vec<_>, _>>()?;
    if !plan.kind.text.is_empty() {
        cells.push(Cell::Text(cell::words(plan.kind.text, tenant, body)));
    }
    Ok(cells)
}

/// The types of what `columns` answers.
pub(super) fn column_kinds(plan: &KindPlan) -> Vec<FieldType> {
    let words = (!plan.kind.text.is_empty()).then_some(FieldType::Text);
    plan.kind.fields.iter().map(|field| field.of).chain(words).collect()
}

impl Prepared {
    /// A job, in the hands of whoever writes it where it is held.
    fn job(&mut self, tenant: TenantId, at: i64, job: &Job, held_until: Option<Timestamp>) -> Result<(), StoreFault> {
        let cells = vec![
            Cell::Id(tenant.uuid()),
            Cell::Id(job.id),
            Cell::Text(job.queue.to_owned()),
            Cell::Integer(i64::from(job.priority)),
            Cell::Integer(job.due.as_millis()),
            Cell::Integer(held_until.map_or(0, |_| 1)),
            held_until.map_or(Cell::Null, |until| Cell::Integer(until.as_millis())),
            Cell::Text(forms::written(&job.body)?),
            Cell::Boolean(held_until.is_none() && job.due.as_millis() <= at),
        ];
        let must = Must::Row { kind: job.queue, id: job.id };
        self.steps.push(Ready { tenant, statement: Text::Fixed(ENQUEUE), cells, must });
        Ok(())
    }

    fn put(&mut self, declarations: &Declarations, tenant: TenantId, at: i64, put: &Put) -> Result<(), StoreFault> {
        let plan = declarations.kind(put.kind)?;
        if !put.body.is_object() {
            return Err(misuse(format!("a document of kind '{}' is not an object", put.kind.name)));
        }
        let document = forms::written(&put.body)?;
        if document.len() > put.kind.largest {
            return Err(StoreFault::TooLarge { kind: put.kind.name, most: put.kind.largest });
        }
        self.bytes += document.len();
        let mut cells = vec![
            Cell::Id(tenant.uuid()),
            Cell::Id(put.id),
            cell::optional_id(put.owner),
            cell::optional_id(put.workspace),
            Cell::Text(forms::visibility(put.visibility).to_owned()),
            Cell::Integer(at),
            Cell::Integer(i64::from(put.kind.version)),
            Cell::Text(document),
        ];
        cells.extend(columns(&plan, tenant, &put.body)?);
        let part: fn(&KindPlan) -> &String = match put.expect {
            Expect::Anything => |plan| &plan.put_anything,
            Expect::Absent => |plan| &plan.put_absent,
            Expect::Present => |plan| &plan.put_present,
            Expect::Revision(revision) => {
                cells.push(Cell::Integer(revision));
                |plan| &plan.put_revision
            }
        };
        self.keys.push(digest(put.kind.name, tenant, &put.id));
        self.tell(put.kind, tenant, put.id, put.expect == Expect::Absent);
        let must = Must::Revision { kind: put.kind.name, id: put.id };
        self.steps.push(Ready { tenant, statement: Text::Plan(plan, part), cells, must });
        Ok(())
    }

    fn remove(&mut self, plan: &Arc<KindPlan>, tenant: TenantId, id: Uuid, expect: Expect) {
        let kind = plan.kind.name;
        let (part, must): (fn(&KindPlan) -> &String, _) = match expect {
            // What is not there need not be removed: only that it is so must be seen to.
            Expect::Absent => return self.check(plan, tenant, id, expect),
            Expect::Anything => (|plan| &plan.remove, Must::Nothing),
            Expect::Present => (|plan| &plan.remove, Must::Row { kind, id }),
            Expect::Revision(_) => (|plan| &plan.remove_revision, Must::Row { kind, id }),
        };
        let mut cells = vec![Cell::Id(tenant.uuid()), Cell::Id(id)];
        if let Expect::Revision(revision) = expect {
            cells.push(Cell::Integer(revision));
        }
        self.keys.push(digest(kind, tenant, &id));
        self.tell(plan.kind, tenant, id, false);
        self.steps.push(Ready { tenant, statement: Text::Plan(plan.clone(), part), cells, must });
    }

    /// Other instances must hear of what they remember and of what rights rest upon. Whose they are is told as far as the
    /// document's own id says.
    fn tell(&mut self, kind: &Kind, tenant: TenantId, id: Uuid, is_made: bool) {
        if kind.remembered {
            self.say(Word::Changed { tenant });
        }
        let whose = match kind.authority {
            Authority::Never => return,
            Authority::OnceMade(_) if is_made => return,
            Authority::OnceMade(whose) | Authority::Always(whose) => whose,
        };
        let user = match whose {
            Whose::Itself => Some(id),
            Whose::Everybody | Whose::Named(_) => None,
        };
        self.say(Word::Authority { tenant, user });
    }

    fn say(&mut self, word: Word) {
        if !self.told.contains(&word) {
            self.told.push(word);
        }
    }

    fn check(&mut self, plan: &Arc<KindPlan>, tenant: TenantId, id: Uuid, expect: Expect) {
        let kind = plan.kind.name;
        let mut step = |part: fn(&KindPlan) -> &String, must| {
            let cells = vec![Cell::Id(tenant.uuid()), Cell::Id(id)];
            self.steps.push(Ready { tenant, statement: Text::Plan(plan.clone(), part), cells, must });
        };
        match expect {
            Expect::Anything => return,
            Expect::Present => step(|plan| &plan.hold, Must::Row { kind, id }),
            Expect::Revision(revision) => step(|plan| &plan.hold, Must::Hold { kind, id, revision }),
            // A row that is not there cannot be held. Its place can: who would write it waits until this is over.
            Expect::Absent => {
                step(|plan| &plan.occupy, Must::Row { kind, id });
                step(|plan| &plan.remove, Must::Nothing);
            }
        }
        self.keys.push(digest(kind, tenant, &id));
    }
}

fn digest(name: &str, tenant: TenantId, key: &(impl std::hash::Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    (name, tenant.uuid()).hash(&mut hasher);
    key.hash(&mut hasher);
    hasher.finish()
}
