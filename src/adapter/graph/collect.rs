//! What a query tells of the rows that fit: columns, distinct rows, aggregates over those that are alike, the order, a part of them.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use serde_json::{Number, Value};

use super::matching::{Matcher, Row};
use super::value::{order, weight};
use crate::port::graph::{GraphFault, Table};
use crate::port::graph_query::{Aggregate, Expression, GraphQuery};

/// A row of the answer with what it is sorted by.
struct Told {
    cells: Vec<Value>,
    keys: Vec<Value>,
}

/// Rows that are alike in what is not aggregated.
struct Group {
    row: Row,
    sums: Vec<Sum>,
}

/// What is told.
pub(super) struct Collector<'a> {
    query: &'a GraphQuery,
    /// The aggregates of all columns, in the order in which they are met.
    aggregates: Vec<&'a Expression>,
    groups: HashMap<String, Group>,
    rows: Vec<Told>,
    seen: HashSet<String>,
    held: usize,
}

impl<'a> Collector<'a> {
    pub(super) fn new(query: &'a GraphQuery) -> Self {
        let mut aggregates = Vec::new();
        for item in &query.returns {
            item.expression.visit(&mut |one| {
                if matches!(one, Expression::Aggregate(..)) {
                    aggregates.push(one);
                }
            });
        }
        Self { query, aggregates, groups: HashMap::new(), rows: Vec::new(), seen: HashSet::new(), held: 0 }
    }

    /// Whether no further row can change the answer.
    pub(super) fn is_full(&self) -> bool {
        let enough = self.query.limit.map(|limit| self.query.skip.saturating_add(limit));
        self.query.order.is_empty() && self.aggregates.is_empty() && enough.is_some_and(|most| self.rows.len() >= most)
    }

    /// Takes rows in.
    pub(super) fn take(&mut self, matcher: &mut Matcher<'_>, rows: Vec<Row>) -> Result<(), GraphFault> {
        for row in rows {
            if self.is_full() {
                return Ok(());
            }
            matcher.shelf.reading.in_time()?;
            if self.aggregates.is_empty() {
                self.take_row(matcher, &row)?;
            } else {
                self.take_into_group(matcher, row)?;
            }
            matcher.shelf.room_for(self.held)?;
        }
        Ok(())
    }

    fn take_row(&mut self, matcher: &Matcher<'_>, row: &Row) -> Result<(), GraphFault> {
        let returns = self.query.returns.iter();
        let cells = returns.map(|item| matcher.value(&item.expression, row)).collect::<Result<Vec<_>, _>>()?;
        let keys = self.query.order.iter().map(|(expression, _)| match expression {
            Expression::Column(at) => Ok(cells.get(*at).cloned().unwrap_or_default()),
            other => matcher.value(other, row),
        });
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        self.add(cells, keys);
        Ok(())
    }

    fn add(&mut self, cells: Vec<Value>, keys: Vec<Value>) {
        if self.query.distinct {
            let text = Value::Array(cells.clone()).to_string();
            let bytes = text.len() + 48;
            if !self.seen.insert(text) {
                return;
            }
            self.held += bytes;
        }
        self.held += cells.iter().chain(&keys).map(weight).sum::<usize>() + 64;
        self.rows.push(Told { cells, keys });
    }

    fn take_into_group(&mut self, matcher: &Matcher<'_>, row: Row) -> Result<(), GraphFault> {
        let plain = self.query.returns.iter().filter(|item| !item.expression.aggregates());
        let key = plain.map(|item| matcher.value(&item.expression, &row)).collect::<Result<Vec<_>, _>>()?;
        let key = Value::Array(key).to_string();
        let values: Vec<Value> =
            self.aggregates.iter().map(|one| argument(matcher, one, &row)).collect::<Result<_, _>>()?;
        if !self.groups.contains_key(&key) {
            self.held += key.len() + 200 * (1 + self.aggregates.len());
        }
        let aggregates = &self.aggregates;
        let group = self
            .groups
            .entry(key)
            .or_insert_with(|| Group { row, sums: aggregates.iter().map(|one| Sum::of(one)).collect() });
        for (sum, value) in group.sums.iter_mut().zip(values) {
            self.held += sum.take(value)?;
        }
        Ok(())
    }

    /// The answer.
    pub(super) fn end(mut self, matcher: &Matcher<'_>, blank: Row) -> Result<Table, GraphFault> {
        let limits = matcher.shelf.reading.limits;
        if !self.aggregates.is_empty() {
            // Of nothing there is one row: none.
            if self.groups.is_empty() && self.query.returns.iter().all(|item| item.expression.aggregates()) {
                let sums = self.aggregates.iter().map(|one| Sum::of(one)).collect();
                self.groups.insert(String::new(), Group { row: blank, sums });
            }
            let mut groups: Vec<(String, Group)> = std::mem::take(&mut self.groups).into_iter().collect();
            groups.sort_by(|(one, _), (other, _)| one.cmp(other));
            for (_, group) in groups {
                let sums = group.sums.into_iter().map(Sum::end).collect::<Result<Vec<_>, _>>()?;
                // Found by what it is: not every one is asked for, where one stands behind another in coalesce().
                let aggregates = &self.aggregates;
                let sum = |one: &Expression| aggregates.iter().zip(&sums).find(|(other, _)| **other == one);
                let mut cells = Vec::new();
                for item in &self.query.returns {
                    let mut next = |one: &Expression| Ok(sum(one).map_or(Value::Null, |(_, sum)| sum.clone()));
                    cells.push(matcher.value_with(&item.expression, &group.row, &mut next)?);
                }
                let keys = self.query.order.iter().map(|(expression, _)| match expression {
                    Expression::Column(at) => cells.get(*at).cloned().unwrap_or_default(),
                    _ => Value::Null,
                });
                let keys = keys.collect();
                self.add(cells, keys);
            }
        }
        let descending: Vec<bool> = self.query.order.iter().map(|(_, descending)| *descending).collect();
        self.rows.sort_by(|one, other| {
            let each = one.keys.iter().zip(&other.keys).zip(&descending);
            let orders =
                each.map(|((one, other), descending)| if *descending { order(other, one) } else { order(one, other) });
            orders.fold(Ordering::Equal, Ordering::then)
        });
        let rows: Vec<Vec<Value>> = self
            .rows
            .into_iter()
            .map(|told| told.cells)
            .skip(self.query.skip)
            .take(self.query.limit.unwrap_or(usize::MAX))
            .collect();
        if rows.len() > limits.rows {
            return Err(GraphFault::TooManyRows);
        }
        let columns = self.query.returns.iter().map(|item| item.name.clone()).collect();
        Ok(Table { columns, rows, steps: matcher.shelf.reading.told })
    }
}

/// What is aggregated of a row; `true` for `count(*)`.
fn argument(matcher: &Matcher<'_>, aggregate: &Expression, row: &Row) -> Result<Value, GraphFault> {
    match aggregate {
        Expression::Aggregate(_, _, Some(of)) => matcher.value(of, row),
        _ => Ok(Value::Bool(true)),
    }
}

/// What is made of many values. Nulls do not count.
struct Sum {
    how: Aggregate,
    seen: Option<HashSet<String>>,
    count: u64,
    whole: i64,
    real: f64,
    is_real: bool,
    list: Vec<Value>,
    extreme: Value,
}

impl Sum {
    fn of(aggregate: &Expression) -> Self {
        let (how, distinct) = match aggregate {
            Expression::Aggregate(how, distinct, _) => (*how, *distinct),
            _ => (Aggregate::Count, false),
        };
        Self {
            how,
            seen: distinct.then(HashSet::new),
            count: 0,
            whole: 0,
            real: 0.0,
            is_real: false,
            list: Vec::new(),
            extreme: Value::Null,
        }
    }

    /// Takes a value in, and says how many bytes more are held.
    fn take(&mut self, value: Value) -> Result<usize, GraphFault> {
        if value.is_null() {
            return Ok(0);
        }
        let mut held = 0;
        if let Some(seen) = &mut self.seen {
            let text = value.to_string();
            let bytes = text.len() + 48;
            if !seen.insert(text) {
                return Ok(0);
            }
            held += bytes;
        }
        self.count += 1;
        match self.how {
            Aggregate::Count => {}
            Aggregate::Collect => {
                held += weight(&value);
                self.list.push(value);
            }
            Aggregate::Sum | Aggregate::Mean => self.add(&value)?,
            Aggregate::Least | Aggregate::Greatest => {
                let wanted = if self.how == Aggregate::Least { Ordering::Less } else { Ordering::Greater };
                if self.extreme.is_null() || order(&value, &self.extreme) == wanted {
                    self.extreme = value;
                }
            }
        }
        Ok(held)
    }

    fn add(&mut self, value: &Value) -> Result<(), GraphFault> {
        let unfit = || GraphFault::Unfit("sum() and avg() are of numbers".to_owned());
        self.real += value.as_f64().ok_or_else(unfit)?;
        match value.as_i64().and_then(|number| self.whole.checked_add(number)) {
            Some(sum) if !self.is_real => self.whole = sum,
            _ => self.is_real = true,
        }
        Ok(())
    }

    fn end(self) -> Result<Value, GraphFault> {
        let real = |number: f64| {
            let unfit = || GraphFault::Unfit("a sum is larger than a number can be".to_owned());
            Number::from_f64(number).map(Value::Number).ok_or_else(unfit)
        };
        #[expect(clippy::cast_precision_loss, reason = "counts of rows are far below 2^52")]
        let mean = |sum: f64, count: u64| sum / count as f64;
        Ok(match self.how {
            Aggregate::Count => self.count.into(),
            Aggregate::Collect => Value::Array(self.list),
            Aggregate::Sum if self.is_real => real(self.real)?,
            Aggregate::Sum => self.whole.into(),
            Aggregate::Mean if self.count == 0 => Value::Null,
            Aggregate::Mean => real(mean(self.real, self.count))?,
            Aggregate::Least | Aggregate::Greatest => self.extreme,
        })
    }
}
