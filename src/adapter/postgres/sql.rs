//! Statements from filters and queries. Names come from plans, every value is bound.

use super::cell::{self, Cell};
use super::plan::every_tenant;
use crate::adapter::forms::{after_prefix, misuse};
use crate::adapter::tables::{Column, STREAM, Table};
use crate::kernel::id::TenantId;
use crate::port::records::{Comparison, FieldType, Filter, Place, Query, Scalar, Scope};
use crate::port::store::StoreFault;

/// A part of a statement with the values bound in it.
#[derive(Debug, Default, Clone)]
pub(super) struct Clause {
    /// The text, with a numbered place for each value.
    pub(super) sql: String,
    /// The values, in order.
    pub(super) values: Vec<Cell>,
}

impl Clause {
    /// Appends text.
    pub(super) fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    /// Appends a value.
    pub(super) fn bind(&mut self, value: Cell) {
        self.values.push(value);
        self.sql.push('$');
        self.sql.push_str(&self.values.len().to_string());
    }
}

/// Begins a statement with what may be seen and fits: the scope's own condition always stands first.
pub(super) fn condition(clause: Clause, table: &Table, scope: Scope, filter: &Filter) -> Result<Clause, StoreFault> {
    let mut clause = clause;
    let text_scope = match scope {
        Scope::Tenant(tenant) => {
            clause.push("tenant = ");
            clause.bind(Cell::Id(tenant.uuid()));
            clause.push(" AND ");
            Some(tenant)
        }
        Scope::Platform => {
            if narrows_within_tenants(table, filter) {
                clause.push(&every_tenant(table));
                clause.push(" AND ");
            }
            None
        }
    };
    let mut builder = Builder { table, text_scope, clause };
    builder.filter(filter, Logic::Plain)?;
    Ok(builder.clause)
}

/// Whether an index that begins with the tenant finds the rows of a filter.
fn narrows_within_tenants(table: &Table, filter: &Filter) -> bool {
    match filter {
        Filter::And(all) => all.iter().any(|one| narrows_within_tenants(table, one)),
        Filter::Compare(name, ..) | Filter::In(name, _) | Filter::StartsWith(name, _) => {
            table.column(name).is_ok_and(|column| column.within_tenants)
        }
        Filter::All | Filter::Or(_) | Filter::Not(_) | Filter::IsNull(_) | Filter::Matches(_) => false,
    }
}

/// In a negation a comparison with null must be false, not null.
#[derive(Clone, Copy)]
enum Logic {
    Plain,
    TwoValued,
}

struct Builder<'a> {
    table: &'a Table,
    text_scope: Option<TenantId>,
    clause: Clause,
}

impl Builder<'_> {
    fn filter(&mut self, filter: &Filter, logic: Logic) -> Result<(), StoreFault> {
        match filter {
            Filter::All => self.clause.push("true"),
            Filter::And(all) => self.list(all, " AND ", "true", logic)?,
            Filter::Or(any) => self.list(any, " OR ", "false", logic)?,
            Filter::Not(inner) => {
                self.clause.push("NOT (");
                self.filter(inner, Logic::TwoValued)?;
                self.clause.push(")");
            }
            Filter::Compare(name, comparison, scalar) => {
                let column = self.table.column(name)?;
                let Some(bound) = cell::of_scalar(name, column.of, scalar)? else {
                    self.clause.push("false");
                    return Ok(());
                };
                self.compare(column, *comparison, bound, logic);
            }
            Filter::In(name, scalars) => {
                let column = self.table.column(name)?;
                let mut bound = Vec::with_capacity(scalars.len());
                for scalar in scalars {
                    bound.extend(cell::of_scalar(name, column.of, scalar)?);
                }
                if bound.is_empty() {
                    self.clause.push("false");
                    return Ok(());
                }
                let list = cell::list(column.of, bound)?;
                self.two_valued(column, logic, |clause| {
                    clause.push(&column.sql);
                    clause.push(" = ANY (");
                    clause.bind(list);
                    clause.push(")");
                });
            }
            Filter::IsNull(name) => {
                let column = self.table.column(name)?;
                self.clause.push(&column.sql);
                self.clause.push(" IS NULL");
            }
            Filter::StartsWith(name, prefix) => {
                let column = self.table.column(name)?;
                if column.of != FieldType::Text {
                    return Err(misuse(format!("field '{name}' is not text and has no beginning")));
                }
                self.starts_with(column, prefix)?;
            }
            Filter::Matches(words) => self.matches(words)?,
        }
        Ok(())
    }

    fn list(&mut self, filters: &[Filter], between: &str, empty: &str, logic: Logic) -> Result<(), StoreFault> {
        if filters.is_empty() {
            self.clause.push(empty);
            return Ok(());
        }
        self.clause.push("(");
        for (at, filter) in filters.iter().enumerate() {
            if at > 0 {
                self.clause.push(between);
            }
            self.filter(filter, logic)?;
        }
        self.clause.push(")");
        Ok(())
    }

    fn compare(&mut self, column: &Column, comparison: Comparison, bound: Cell, logic: Logic) {
        let sign = match comparison {
            Comparison::Equal => " = ",
            Comparison::Less => " < ",
            Comparison::AtMost => " <= ",
            Comparison::Greater => " > ",
            Comparison::AtLeast => " >= ",
        };
        // The index over streams leaves out the empty one; said again here, so that it is used.
        let streams = column.name == STREAM && matches!(&bound, Cell::Text(text) if !text.is_empty());
        self.two_valued(column, logic, |clause| {
            if streams && comparison == Comparison::Equal {
                clause.push("stream <> '' AND ");
            }
            clause.push(&column.sql);
            clause.push(sign);
            clause.bind(bound);
        });
    }

    fn two_valued(&mut self, column: &Column, logic: Logic, write: impl FnOnce(&mut Clause)) {
        let guard = column.nullable && matches!(logic, Logic::TwoValued);
        self.clause.push(if guard { "coalesce(" } else { "(" });
        write(&mut self.clause);
        self.clause.push(if guard { ", false)" } else { ")" });
    }

    /// A range of the index: from the prefix to the first text after all that begin with it.
    fn starts_with(&mut self, column: &Column, prefix: &str) -> Result<(), StoreFault> {
        self.clause.push("(");
        self.clause.push(&column.sql);
        self.clause.push(" IS NOT NULL AND ");
        self.clause.push(&column.sql);
        self.clause.push(" >= ");
        self.clause.bind(cell::text(column.name, prefix.to_owned())?);
        if let Some(end) = after_prefix(prefix) {
            self.clause.push(" AND ");
            self.clause.push(&column.sql);
            self.clause.push(" < ");
            self.clause.bind(Cell::Text(end));
        }
        self.clause.push(")");
        Ok(())
    }

    fn matches(&mut self, words: &str) -> Result<(), StoreFault> {
        if self.table.text.is_empty() {
            return Err(misuse(format!("{} has no full text", self.table.name)));
        }
        match cell::expression(self.text_scope, words) {
            None => self.clause.push("false"),
            Some(expression) => {
                let (key, name) = (self.table.key, self.table.text_name());
                self.clause.push(&format!("({key}) IN (SELECT {key} FROM {name} WHERE words @@ ("));
                self.clause.bind(Cell::Text(expression));
                self.clause.push("::text)::tsquery)");
            }
        }
        Ok(())
    }
}

/// A condition with values that are bound when it becomes part of a statement.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// Pieces of text; a value stands after each but the last.
    texts: Vec<String>,
    values: Vec<Cell>,
}

impl Segment {
    fn plain(text: String) -> Self {
        Self { texts: vec![text], values: Vec::new() }
    }

    /// Becomes part of a statement.
    pub(super) fn write(&self, clause: &mut Clause) {
        for (at, text) in self.texts.iter().enumerate() {
            clause.push(text);
            if let Some(value) = self.values.get(at) {
                clause.bind(value.clone());
            }
        }
    }
}

/// The conditions under which rows follow a place, in the order in which they follow. Nulls and values are ranges of
/// their own, so that each can be read from the index without a sort.
pub(super) fn segments<'a>(table: &'a Table, query: &Query) -> Result<(&'a Column, Vec<Segment>), StoreFault> {
    let column = table.column(query.order)?;
    let Some(Place { key, id }) = &query.after else {
        return Ok((column, vec![Segment::plain("true".to_owned())]));
    };
    let sign = if query.descending { '<' } else { '>' };
    let id = Cell::Id(*id);
    let segments = if query.order == "id" {
        vec![Segment { texts: vec![format!("id {sign} "), String::new()], values: vec![id] }]
    } else if let Some(bound) = cell::of_scalar(query.order, column.of, key)? {
        let texts = vec![format!("({}, id) {sign} (", column.sql), ", ".to_owned(), ")".to_owned()];
        let within = Segment { texts, values: vec![bound, id] };
        let nulls = Segment::plain(format!("{} IS NULL", column.sql));
        if query.descending && column.nullable { vec![within, nulls] } else { vec![within] }
    } else if matches!(key, Scalar::Null) && column.nullable {
        let texts = vec![format!("{} IS NULL AND id {sign} ", column.sql), String::new()];
        let within = Segment { texts, values: vec![id] };
        let values = Segment::plain(format!("{} IS NOT NULL", column.sql));
        if query.descending { vec![within] } else { vec![within, values] }
    } else {
        return Err(misuse(format!("'{}' is never null", query.order)));
    };
    Ok((column, segments))
}

/// The order of a list: by the column, then by id.
pub(super) fn order(column: &Column, descending: bool) -> String {
    let direction = if descending { "DESC" } else { "ASC" };
    if column.name == "id" {
        return format!(" ORDER BY id {direction} LIMIT ");
    }
    let nulls = match (column.nullable, descending) {
        (false, _) => "",
        (true, false) => " NULLS FIRST",
        (true, true) => " NULLS LAST",
    };
    format!(" ORDER BY {} {direction}{nulls}, id {direction} LIMIT ", column.sql)
}
