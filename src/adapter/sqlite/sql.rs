//! Statements from filters and queries. Names come from plans, every value is bound.

use rusqlite::types::Value as Sql;

use super::fault::misuse;
use super::plan::every_tenant;
use super::{text, value};
use crate::adapter::forms::after_prefix;
use crate::adapter::tables::{Column, STREAM, Table};
use crate::port::records::{Comparison, FieldType, Filter, Place, Query, Scalar, Scope};
use crate::port::store::StoreFault;

/// A part of a statement with the values bound in it.
#[derive(Debug, Default, Clone)]
pub(super) struct Clause {
    /// The text, with a `?` for each value.
    pub(super) sql: String,
    /// The values, in order.
    pub(super) values: Vec<Sql>,
}

impl Clause {
    fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    fn bind(&mut self, value: Sql) {
        self.sql.push('?');
        self.values.push(value);
    }

    /// Appends another clause.
    pub(super) fn append(&mut self, other: &Self) {
        self.sql.push_str(&other.sql);
        self.values.extend(other.values.iter().cloned());
    }
}

/// What may be seen and fits: the scope's own condition always stands first.
pub(super) fn condition(table: &Table, scope: Scope, filter: &Filter) -> Result<Clause, StoreFault> {
    let mut clause = Clause::default();
    let text_scope = match scope {
        Scope::Tenant(tenant) => {
            // A search by words starts from the words; the plus keeps it from starting from the tenant's rows.
            clause.push(if every(filter, &|one| matches!(one, Filter::Matches(_))) {
                "+tenant = "
            } else {
                "tenant = "
            });
            clause.bind(value::id(tenant.uuid()));
            clause.push(" AND ");
            Some(tenant)
        }
        Scope::Platform => {
            if every(filter, &|one| narrows_within_tenants(table, one)) {
                clause.push(&every_tenant(table));
                clause.push(" AND ");
            }
            None
        }
    };
    let mut builder = Builder { table, text_scope, clause, flags_lead: true };
    builder.filter(filter, Logic::Plain)?;
    Ok(builder.clause)
}

/// Whether every row that fits the filter fits a part of it that is like this.
fn every(filter: &Filter, like_this: &dyn Fn(&Filter) -> bool) -> bool {
    match filter {
        Filter::And(all) => all.iter().any(|one| every(one, like_this)),
        other => like_this(other),
    }
}

/// Whether an index that begins with the tenant finds the rows of a filter.
fn narrows_within_tenants(table: &Table, filter: &Filter) -> bool {
    match filter {
        Filter::Compare(name, ..) | Filter::In(name, _) | Filter::StartsWith(name, _) => {
            table.column(name).is_ok_and(|column| column.within_tenants)
        }
        Filter::All | Filter::And(_) | Filter::Or(_) | Filter::Not(_) | Filter::IsNull(_) | Filter::Matches(_) => false,
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
    text_scope: Option<crate::kernel::id::TenantId>,
    clause: Clause,
    /// Whether rows may be looked up by a flag.
    flags_lead: bool,
}

impl Builder<'_> {
    fn filter(&mut self, filter: &Filter, logic: Logic) -> Result<(), StoreFault> {
        match filter {
            Filter::All => self.clause.push("1"),
            Filter::And(all) => {
                let before = self.flags_lead;
                self.flags_lead &= !all.iter().any(|one| self.tells_more_than_a_flag(one));
                self.list(all, " AND ", "1", logic)?;
                self.flags_lead = before;
            }
            Filter::Or(any) => self.list(any, " OR ", "0", logic)?,
            Filter::Not(inner) => {
                self.clause.push("NOT (");
                self.filter(inner, Logic::TwoValued)?;
                self.clause.push(")");
            }
            Filter::Compare(name, comparison, scalar) => {
                let column = self.table.column(name)?;
                let Some(bound) = value::of_scalar(name, column.of, scalar)? else {
                    self.clause.push("0");
                    return Ok(());
                };
                self.compare(column, *comparison, bound, logic);
            }
            Filter::In(name, scalars) => {
                let column = self.table.column(name)?;
                let mut bound = Vec::with_capacity(scalars.len());
                for scalar in scalars {
                    bound.extend(value::of_scalar(name, column.of, scalar)?);
                }
                self.one_of(column, bound, logic);
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
                self.starts_with(column, prefix);
            }
            Filter::Matches(words) => self.matches(words)?,
        }
        Ok(())
    }

    /// A flag divides the rows in two. Where a value of another field is asked for as well, its index leads to few of them; the
    /// planner knows neither and would take whichever comes.
    fn tells_more_than_a_flag(&self, filter: &Filter) -> bool {
        let Filter::Compare(name, Comparison::Equal, _) = filter else { return false };
        self.table.column(name).is_ok_and(|column| column.of != FieldType::Boolean)
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

    fn compare(&mut self, column: &Column, comparison: Comparison, bound: Sql, logic: Logic) {
        let sign = match comparison {
            Comparison::Equal => " = ",
            Comparison::Less => " < ",
            Comparison::AtMost => " <= ",
            Comparison::Greater => " > ",
            Comparison::AtLeast => " >= ",
        };
        // The index over streams leaves out the empty one; said again here, so that it is used.
        let streams = column.name == STREAM && matches!(&bound, Sql::Text(text) if !text.is_empty());
        let aside = column.of == FieldType::Boolean && !self.flags_lead;
        self.two_valued(column, logic, |clause| {
            if streams && comparison == Comparison::Equal {
                clause.push("stream <> '' AND ");
            }
            // With the plus its index is left aside.
            clause.push(if aside { "+" } else { "" });
            clause.push(&column.sql);
            clause.push(sign);
            clause.bind(bound);
        });
    }

    fn one_of(&mut self, column: &Column, bound: Vec<Sql>, logic: Logic) {
        if bound.is_empty() {
            self.clause.push("0");
            return;
        }
        self.two_valued(column, logic, |clause| {
            clause.push(&column.sql);
            clause.push(" IN (");
            for (at, one) in bound.into_iter().enumerate() {
                if at > 0 {
                    clause.push(", ");
                }
                clause.bind(one);
            }
            clause.push(")");
        });
    }

    fn two_valued(&mut self, column: &Column, logic: Logic, write: impl FnOnce(&mut Clause)) {
        let guard = column.nullable && matches!(logic, Logic::TwoValued);
        self.clause.push(if guard { "ifnull(" } else { "(" });
        write(&mut self.clause);
        self.clause.push(if guard { ", 0)" } else { ")" });
    }

    /// A range of the index: from the prefix to the first text after all that begin with it.
    fn starts_with(&mut self, column: &Column, prefix: &str) {
        self.clause.push("(");
        self.clause.push(&column.sql);
        self.clause.push(" IS NOT NULL AND ");
        self.clause.push(&column.sql);
        self.clause.push(" >= ");
        self.clause.bind(Sql::Text(prefix.to_owned()));
        if let Some(end) = after_prefix(prefix) {
            self.clause.push(" AND ");
            self.clause.push(&column.sql);
            self.clause.push(" < ");
            self.clause.bind(Sql::Text(end));
        }
        self.clause.push(")");
    }

    fn matches(&mut self, words: &str) -> Result<(), StoreFault> {
        if self.table.text.is_empty() {
            return Err(misuse(format!("{} has no full text", self.table.name)));
        }
        match text::expression(self.text_scope, self.table.text, words) {
            None => self.clause.push("0"),
            Some(expression) => {
                let name = self.table.text_name();
                self.clause.push(&format!("{} IN (SELECT rowid FROM {name} WHERE {name} MATCH ", self.table.key));
                self.clause.bind(Sql::Text(expression));
                self.clause.push(")");
            }
        }
        Ok(())
    }
}

/// The conditions under which rows follow a place, in the order in which they follow. Nulls and values are ranges of
/// their own, so that each can be read from the index without a sort.
pub(super) fn segments(table: &Table, query: &Query) -> Result<(Column, Vec<Clause>), StoreFault> {
    let column = table.column(query.order)?.clone();
    let plain = |sql: String| Clause { sql, values: Vec::new() };
    let values_only = || plain(format!("{} IS NOT NULL", column.sql));
    let nulls_only = || plain(format!("{} IS NULL", column.sql));
    let Some(Place { key, id }) = &query.after else {
        return Ok((column, vec![plain("1".to_owned())]));
    };
    let sign = if query.descending { '<' } else { '>' };
    let clauses = if query.order == "id" {
        vec![Clause { sql: format!("id {sign} ?"), values: vec![value::id(*id)] }]
    } else if let Some(bound) = value::of_scalar(query.order, column.of, key)? {
        let within = Clause { sql: format!("({}, id) {sign} (?, ?)", column.sql), values: vec![bound, value::id(*id)] };
        if query.descending && column.nullable { vec![within, nulls_only()] } else { vec![within] }
    } else if matches!(key, Scalar::Null) && column.nullable {
        let within = Clause { sql: format!("{} IS NULL AND id {sign} ?", column.sql), values: vec![value::id(*id)] };
        if query.descending { vec![within] } else { vec![within, values_only()] }
    } else {
        return Err(misuse(format!("'{}' is never null", query.order)));
    };
    Ok((column, clauses))
}

/// The order of a list: by the column, then by id.
pub(super) fn order(column: &Column, descending: bool) -> String {
    let direction = if descending { "DESC" } else { "ASC" };
    if column.name == "id" {
        format!(" ORDER BY id {direction} LIMIT ?")
    } else {
        format!(" ORDER BY {} {direction}, id {direction} LIMIT ?", column.sql)
    }
}
