//! Tables from declarations. What a database was made from is kept in it; where the program declares something else the
//! tables follow: columns, indexes and full text come, are filled from the documents, and go.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::Value;
use uuid::Uuid;

use super::append_only;
use super::batch::{column_kinds, columns};
use super::cell::{self, Cell};
use super::declarations::Declarations;
use super::fault::{OrFault as _, misuse, refusing_index, store_fault};
use super::link::Link;
use super::plan::{KindPlan, LogPlan, column_type, field_index, rule_index, sql_type, vector};
use crate::adapter::forms;
use crate::adapter::shape::{FieldShape, Shape, UniqueShape, described};
use crate::adapter::tables::{Table, field_column};
use crate::kernel::id::TenantId;
use crate::port::records::{Field, FieldType};
use crate::port::store::StoreFault;
use crate::port::transfer::Former;

/// How the tables of logs are laid out, counted from 1. The second can only be appended to.
const LOG_FORM: u32 = 2;

/// Rows that are filled again at a time.
const CHUNK: i64 = 500;

/// A table that is not as its declaration says.
pub(super) struct Change<'a> {
    target: Target<'a>,
    before: Option<Shape>,
    after: Shape,
}

impl Change<'_> {
    /// What changes, in words.
    pub(super) fn described(&self) -> String {
        let what = match self.target {
            Target::Kind(plan) => format!("documents '{}'", plan.kind.name),
            Target::Log(plan) => format!("log '{}'", plan.log.name),
        };
        described(&what, self.before.as_ref(), &self.after)
    }
}

enum Target<'a> {
    Kind(&'a KindPlan),
    Log(&'a LogPlan),
}

impl Target<'_> {
    fn table(&self) -> &Table {
        match self {
            Self::Kind(plan) => &plan.table,
            Self::Log(plan) => &plan.table,
        }
    }

    fn fields(&self) -> &'static [Field] {
        match self {
            Self::Kind(plan) => plan.kind.fields,
            Self::Log(plan) => plan.log.fields,
        }
    }
}

/// What must change in a database; a fault when a newer program wrote it. An empty database needs everything.
pub(super) async fn changes<'a>(
    link: &mut Link,
    declarations: &'a Declarations,
) -> Result<Vec<Change<'a>>, StoreFault> {
    let mut known = known(link).await?;
    let kinds = declarations.ordered_kinds.iter().map(|plan| {
        let kind = plan.kind;
        (Target::Kind(plan), Shape::of(kind.version, kind.fields, kind.unique, kind.text))
    });
    let logs = declarations
        .ordered_logs
        .iter()
        .map(|plan| (Target::Log(plan), Shape::of(LOG_FORM, plan.log.fields, &[], plan.log.text)));
    let mut changes = Vec::new();
    for (target, after) in kinds.chain(logs) {
        let before = known.remove(&target.table().name);
        if let Some(before) = before.as_ref().filter(|before| before.version > after.version) {
            return Err(StoreFault::Unavailable(format!(
                "the database was written by a newer program: {} has version {}, this program knows version {}",
                target.table().name,
                before.version,
                after.version
            )));
        }
        if before.as_ref() != Some(&after) {
            changes.push(Change { target, before, after });
        }
    }
    Ok(changes)
}

async fn known(link: &mut Link) -> Result<HashMap<String, Shape>, StoreFault> {
    if super::migrations::present(link).await? == 0 {
        return Ok(HashMap::new());
    }
    let mut known = HashMap::new();
    for row in link.rows("SELECT name, declaration FROM convoke.declared", Vec::new()).await? {
        let (name, declaration): (String, String) = (row.try_get(0).or_fault()?, row.try_get(1).or_fault()?);
        let shape = serde_json::from_str(&declaration)
            .map_err(|error| misuse(format!("the declaration of {name} cannot be read: {error}")))?;
        known.insert(name, shape);
    }
    Ok(known)
}

/// What the database was made from, whichever version of the program made it.
pub(super) async fn former(link: &mut Link) -> Result<Vec<Former>, StoreFault> {
    let mut former = Vec::new();
    for (table, shape) in known(link).await? {
        let (name, is_log) = match (table.strip_prefix("k_"), table.strip_prefix("l_")) {
            (Some(kind), _) => (kind, false),
            (_, Some(log)) => (log, true),
            _ => return Err(misuse(format!("{table} is declared as neither documents nor a log"))),
        };
        former.push(Former { name: name.to_owned(), is_log, version: shape.version });
    }
    Ok(former)
}

/// Makes one table as its declaration says.
pub(super) async fn apply(link: &mut Link, change: &Change<'_>) -> Result<(), StoreFault> {
    let name = &change.target.table().name;
    let is_log = matches!(change.target, Target::Log(_));
    match &change.before {
        None => create(link, change).await?,
        Some(before) => {
            if is_log {
                // A new column is filled by an update.
                link.run(&append_only::lift(name)).await?;
            }
            alter(link, change, before).await?;
        }
    }
    if is_log {
        link.run(&append_only::set(name)).await?;
    }
    let declaration = serde_json::to_string(&change.after)
        .map_err(|error| misuse(format!("the declaration of {name} cannot be written: {error}")))?;
    let cells = vec![Cell::Text(name.clone()), Cell::Integer(i64::from(change.after.version)), Cell::Text(declaration)];
    link.rows(
        "INSERT INTO declared (name, version, declaration) VALUES ($1, $2, $3) \
         ON CONFLICT (name) DO UPDATE SET version = excluded.version, declaration = excluded.declaration",
        cells,
    )
    .await?;
    Ok(())
}

async fn create(link: &mut Link, change: &Change<'_>) -> Result<(), StoreFault> {
    let table = change.target.table();
    let name = &table.name;
    let fields = change
        .target
        .fields()
        .iter()
        .fold(String::new(), |all, field| all + ", " + &field_column(field.name) + " " + column_type(field.of));
    // The document stands last: what is filtered by is read without reading through it.
    let mut statement = match change.target {
        Target::Kind(_) => format!(
            "CREATE TABLE {name} (tenant uuid NOT NULL, id uuid NOT NULL, revision bigint NOT NULL, owner uuid, \
             workspace uuid, visibility text COLLATE \"C\" NOT NULL, created_at bigint NOT NULL, \
             updated_at bigint NOT NULL, version integer NOT NULL{fields}, document text NOT NULL, \
             PRIMARY KEY (tenant, id)) WITH (fillfactor = 85);
             CREATE INDEX e_{name}__owner ON {name} (tenant, owner, id) WHERE owner IS NOT NULL;
             CREATE INDEX e_{name}__workspace ON {name} (tenant, workspace, id) WHERE workspace IS NOT NULL;"
        ),
        Target::Log(_) => format!(
            "CREATE TABLE {name} (position bigint PRIMARY KEY, tenant uuid NOT NULL, \
             stream text COLLATE \"C\" NOT NULL, at bigint NOT NULL{fields}, body text NOT NULL);
             CREATE INDEX e_{name}__stream ON {name} (tenant, stream, position) WHERE stream <> '';
             CREATE INDEX e_{name}__order ON {name} (tenant, position);
             CREATE INDEX e_{name}__time ON {name} (tenant, at, position);"
        ),
    };
    // The program says in every statement whose rows it means. This is the second lock: were it to forget, it would see none.
    let _ = write!(
        statement,
        "ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
         CREATE POLICY tenants_apart ON {name}
             USING ((SELECT all_in_sight()) OR tenant = (SELECT tenant_in_sight()));"
    );
    for field in &change.after.fields {
        statement += &index(change, field);
    }
    if !table.text.is_empty() {
        statement += &text_table(&change.target);
    }
    link.run(&statement).await?;
    for rule in &change.after.unique {
        unique(link, name, rule).await?;
    }
    Ok(())
}

/// The full text of a table, by the table's key. It tells keys and words only, so it has no lock of its own: an index on words
/// could not be used under one, and what is found is read from the table, which has.
fn text_table(target: &Target<'_>) -> String {
    let table = target.table();
    let text = table.text_name();
    let (key, columns) = match target {
        Target::Kind(_) => ("tenant, id", "tenant uuid NOT NULL, id uuid NOT NULL"),
        Target::Log(_) => ("position", "position bigint NOT NULL"),
    };
    format!(
        "CREATE TABLE {text} ({columns}, words tsvector NOT NULL, PRIMARY KEY ({key}));
         CREATE INDEX e_{text} ON {text} USING gin (words);"
    )
}

async fn alter(link: &mut Link, change: &Change<'_>, before: &Shape) -> Result<(), StoreFault> {
    let table = change.target.table();
    let name = &table.name;
    let after = &change.after;
    let mut statement = String::new();
    // First of all: a column that a rule stands on cannot go. Rules come back last: half-way two documents may have the same
    // value.
    for rule in &before.unique {
        let _ = write!(statement, "DROP INDEX IF EXISTS \"{}\";", rule_index(name, &rule.name));
    }
    for field in before.fields.iter().filter(|field| !after.fields.contains(field)) {
        let _ = write!(statement, "ALTER TABLE {name} DROP COLUMN {};", field_column(&field.name));
    }
    let new_fields: Vec<&FieldShape> = after.fields.iter().filter(|field| !before.fields.contains(field)).collect();
    for field in &new_fields {
        let of =
            change.target.fields().iter().find(|one| one.name == field.name).map_or("text", |one| column_type(one.of));
        let _ = write!(statement, "ALTER TABLE {name} ADD COLUMN {} {of};", field_column(&field.name));
    }
    let new_text = before.text != after.text;
    if new_text && !before.text.is_empty() {
        let _ = write!(statement, "DROP TABLE {};", table.text_name());
    }
    if new_text && !after.text.is_empty() {
        statement += &text_table(&change.target);
    }
    link.run(&statement).await?;
    link.forget();
    let new_form = matches!(change.target, Target::Kind(_)) && before.version != after.version;
    if !new_fields.is_empty() || new_text || new_form {
        fill(link, &change.target).await?;
    }
    let indexes: String = new_fields.iter().map(|field| index(change, field)).collect();
    link.run(&indexes).await?;
    for rule in &after.unique {
        unique(link, name, rule).await?;
    }
    Ok(())
}

fn index(change: &Change<'_>, field: &FieldShape) -> String {
    let name = &change.target.table().name;
    let column = field_column(&field.name);
    let index = field_index(name, &field.name);
    match change.target {
        Target::Kind(_) => format!("CREATE INDEX \"{index}\" ON {name} (tenant, {column} NULLS FIRST, id);"),
        // A log is not sorted by its fields: what has no value need not be in the index.
        Target::Log(_) => {
            format!("CREATE INDEX \"{index}\" ON {name} (tenant, {column}, at, position) WHERE {column} IS NOT NULL;")
        }
    }
}

async fn unique(link: &mut Link, table: &str, rule: &UniqueShape) -> Result<(), StoreFault> {
    let columns: Vec<String> = rule.fields.iter().map(|name| field_column(name)).collect();
    let present: Vec<String> = columns.iter().map(|column| format!("{column} IS NOT NULL")).collect();
    let tenant = if rule.platform { "" } else { "tenant, " };
    let statement = format!(
        "CREATE UNIQUE INDEX IF NOT EXISTS \"{}\" ON {table} ({tenant}{}) WHERE {}",
        rule_index(table, &rule.name),
        columns.join(", "),
        present.join(" AND ")
    );
    link.client().batch_execute(&statement).await.map_err(|error| match refusing_index(&error) {
        Some(_) => StoreFault::Unavailable(format!(
            "rule '{}' of {table} cannot be kept: documents with the same values are there already",
            rule.name
        )),
        None => store_fault(&error),
    })
}

/// Fills the declared columns and the full text of every row again from its document.
async fn fill(link: &mut Link, target: &Target<'_>) -> Result<(), StoreFault> {
    match target {
        Target::Kind(plan) => fill_kind(link, plan).await,
        Target::Log(plan) => fill_log(link, plan).await,
    }
}

async fn fill_kind(link: &mut Link, plan: &KindPlan) -> Result<(), StoreFault> {
    let name = &plan.table.name;
    let rows = format!(
        "SELECT tenant, id, document, version FROM {name} WHERE (tenant, id) > ($1, $2) ORDER BY tenant, id LIMIT {CHUNK}"
    );
    let fields: Vec<(&str, FieldType)> = plan.kind.fields.iter().map(|field| (field.name, field.of)).collect();
    let update =
        refilled(name, "tenant = given.tenant AND id = given.id", "$1::uuid[], $2::uuid[]", "tenant, id", &fields, 3);
    let text = (!plan.kind.text.is_empty()).then(|| {
        format!(
            "INSERT INTO {} AS told (tenant, id, words) SELECT tenant, id, {} FROM \
             unnest($1::uuid[], $2::uuid[], $3::text[]) AS given (tenant, id, words) \
             ON CONFLICT (tenant, id) DO UPDATE SET words = excluded.words",
            plan.table.text_name(),
            vector("words")
        )
    });
    let mut after = (Uuid::nil(), Uuid::nil());
    loop {
        let mut filled = Filled::new(column_kinds(plan));
        for row in link.rows(&rows, vec![Cell::Id(after.0), Cell::Id(after.1)]).await? {
            after = (row.try_get(0).or_fault()?, row.try_get(1).or_fault()?);
            let (document, version): (&str, i32) = (row.try_get(2).or_fault()?, row.try_get(3).or_fault()?);
            let body = forms::lifted(plan.kind, version.unsigned_abs(), document)?;
            filled.add(vec![Cell::Id(after.0), Cell::Id(after.1)], columns(plan, TenantId::from_uuid(after.0), &body)?);
        }
        if filled.is_empty() {
            return Ok(());
        }
        filled.write(link, &[FieldType::Id, FieldType::Id], update.as_deref(), text.as_deref()).await?;
    }
}

async fn fill_log(link: &mut Link, plan: &LogPlan) -> Result<(), StoreFault> {
    let name = &plan.table.name;
    let rows = format!("SELECT position, tenant, body FROM {name} WHERE position > $1 ORDER BY position LIMIT {CHUNK}");
    let fields: Vec<(&str, FieldType)> = plan.log.fields.iter().map(|field| (field.name, field.of)).collect();
    let update = refilled(name, "position = given.position", "$1::bigint[]", "position", &fields, 2);
    let has_text = !plan.log.text.is_empty();
    let text = has_text.then(|| {
        format!(
            "INSERT INTO {} AS told (position, words) SELECT position, {} FROM unnest($1::bigint[], $2::text[]) \
             AS given (position, words) ON CONFLICT (position) DO UPDATE SET words = excluded.words",
            plan.table.text_name(),
            vector("words")
        )
    });
    let kinds = || fields.iter().map(|(_, of)| *of).chain(has_text.then_some(FieldType::Text)).collect();
    let mut after = i64::MIN;
    loop {
        let mut filled = Filled::new(kinds());
        for row in link.rows(&rows, vec![Cell::Integer(after)]).await? {
            after = row.try_get(0).or_fault()?;
            let tenant = TenantId::from_uuid(row.try_get(1).or_fault()?);
            let body: Value = forms::parsed(name, row.try_get(2).or_fault()?)?;
            let cells = plan.log.fields.iter().map(|field| cell::of_field(name, field, &body));
            let mut cells = cells.collect::<Result<Vec<_>, _>>()?;
            if has_text {
                cells.push(Cell::Text(cell::words(plan.log.text, tenant, &body)));
            }
            filled.add(vec![Cell::Integer(after)], cells);
        }
        if filled.is_empty() {
            return Ok(());
        }
        filled.write(link, &[FieldType::Integer], update.as_deref(), text.as_deref()).await?;
    }
}

/// The statement that writes the fields of many rows anew; `None` where there are no fields.
fn refilled(
    table: &str,
    same: &str,
    keys: &str,
    key: &str,
    fields: &[(&str, FieldType)],
    first: usize,
) -> Option<String> {
    if fields.is_empty() {
        return None;
    }
    let column = |(name, _): &(&str, FieldType)| field_column(name);
    let set: Vec<String> = fields.iter().map(|field| format!("{0} = given.{0}", column(field))).collect();
    let lists: Vec<String> =
        (first..).zip(fields).map(|(place, (_, of))| format!("${place}::{}[]", sql_type(*of))).collect();
    let names: Vec<String> = fields.iter().map(column).collect();
    let same = same.split(" AND ").map(|one| format!("{table}.{one}")).collect::<Vec<_>>().join(" AND ");
    Some(format!(
        "UPDATE {table} SET {} FROM unnest({keys}, {}) AS given ({key}, {}) WHERE {same}",
        set.join(", "),
        lists.join(", "),
        names.join(", ")
    ))
}

/// Rows that are filled together, by column.
struct Filled {
    kinds: Vec<FieldType>,
    keys: Vec<Vec<Cell>>,
    cells: Vec<Vec<Cell>>,
}

impl Filled {
    fn new(kinds: Vec<FieldType>) -> Self {
        Self { kinds, keys: Vec::new(), cells: Vec::new() }
    }

    fn add(&mut self, key: Vec<Cell>, cells: Vec<Cell>) {
        self.keys.push(key);
        self.cells.push(cells);
    }

    fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    async fn write(
        self,
        link: &mut Link,
        keys: &[FieldType],
        update: Option<&str>,
        text: Option<&str>,
    ) -> Result<(), StoreFault> {
        let keys = lists(keys, &self.keys)?;
        let mut columns = lists(&self.kinds, &self.cells)?;
        let words = if text.is_some() { columns.pop() } else { None };
        if let Some(update) = update {
            link.rows(update, keys.iter().cloned().chain(columns).collect()).await?;
        }
        if let (Some(text), Some(words)) = (text, words) {
            link.rows(text, keys.into_iter().chain([words]).collect()).await?;
        }
        Ok(())
    }
}

/// Rows as one list a column.
pub(super) fn lists(kinds: &[FieldType], rows: &[Vec<Cell>]) -> Result<Vec<Cell>, StoreFault> {
    let column = |at: usize| rows.iter().map(move |row| row.get(at).cloned().unwrap_or(Cell::Null));
    kinds.iter().enumerate().map(|(at, of)| cell::list(*of, column(at))).collect()
}
