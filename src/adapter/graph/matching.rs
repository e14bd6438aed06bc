//! Fitting patterns: rows of what each variable stands for, made longer by one relation at a time, many rows at once.

use std::collections::HashSet;

use serde_json::Value;
use uuid::Uuid;

use super::between::flipped;
use super::nodes::{LinkNumber, Shelf};
use super::scan::{anchor, nodes};
use super::value::{all, among, compare, equal, find, told, truth};
use crate::port::graph::{Direction, GraphFault};
use crate::port::graph_query::{
    Aggregate, Expression, Function, Match, NodePattern, Pattern, RelationPattern, Stands, Variable,
};
use crate::port::records::Filter;

/// Nodes of the first page where a pattern begins anywhere, and of the largest: each is twice as large as the one before, so that few rows are
/// found by a look at few nodes, and many without many reads.
const FIRST_PAGE: u32 = 250;
const LARGEST_PAGE: u32 = 4_000;

/// Where a page begins, and how many nodes it has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    after: Option<Uuid>,
    size: u32,
}

impl Page {
    /// The first one.
    pub(super) const fn first() -> Self {
        Self { after: None, size: FIRST_PAGE }
    }
}

/// What a variable stands for in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    /// Nothing yet.
    Open,
    /// Nothing: an optional pattern did not fit.
    Null,
    /// A node.
    Node(Uuid),
    /// A relation.
    Link(LinkNumber),
    /// Several, in order.
    Way(Vec<LinkNumber>),
}

/// One way in which the patterns fit.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) cells: Vec<Cell>,
    /// Which of the rows before it comes of.
    pub(super) origin: usize,
}

/// What fits patterns.
pub(super) struct Matcher<'a> {
    pub(super) shelf: Shelf<'a>,
    variables: &'a [Variable],
    /// The variables of which the documents are needed.
    whole: HashSet<usize>,
}

impl<'a> Matcher<'a> {
    pub(super) fn new(shelf: Shelf<'a>, variables: &'a [Variable], whole: HashSet<usize>) -> Self {
        Self { shelf, variables, whole }
    }

    pub(super) fn row_bytes(&self) -> usize {
        48 + self.variables.len() * 32
    }

    /// The rows in which a clause fits those given.
    pub(super) async fn clause(&mut self, clause: &'a Match, given: Vec<Row>) -> Result<Vec<Row>, GraphFault> {
        let before = if clause.optional { given.clone() } else { Vec::new() };
        let mut rows: Vec<Row> = given.into_iter().enumerate().map(|(origin, row)| Row { origin, ..row }).collect();
        let mut open = conjuncts(clause.condition.as_ref());
        let mut used = Vec::new();
        for pattern in &clause.patterns {
            rows = self.pattern(pattern, rows, &mut used, &mut open).await?;
        }
        // What is about variables of no pattern before it is looked at last.
        rows = self.keep_fitting(rows, &std::mem::take(&mut open))?;
        Ok(if clause.optional { and_unfound(clause, before, rows) } else { rows })
    }

    async fn pattern(
        &mut self,
        pattern: &'a Pattern,
        rows: Vec<Row>,
        used: &mut Vec<usize>,
        open: &mut Vec<&'a Expression>,
    ) -> Result<Vec<Row>, GraphFault> {
        let Some(sample) = rows.first() else { return Ok(rows) };
        let all: Vec<&NodePattern> = nodes(pattern).collect();
        let bound = all.iter().position(|node| sample.cells[node.variable] != Cell::Open);
        let (at, mut rows) = if let Some(at) = bound {
            (at, self.fitting_nodes(all[at], rows).await?)
        } else {
            let anchor = anchor(pattern, open);
            let found = self.everywhere(&anchor.filter, all[anchor.at]).await?;
            let mut crossed = Vec::new();
            for row in &rows {
                for id in &found {
                    self.shelf.reading.count_told(1)?;
                    self.shelf.room_for(crossed.len() * self.row_bytes())?;
                    let mut row = row.clone();
                    row.cells[all[anchor.at].variable] = Cell::Node(*id);
                    crossed.push(row);
                }
            }
            (anchor.at, crossed)
        };
        rows = self.look(rows, open)?;
        for ((relation, node), near) in pattern.steps.iter().zip(&all).skip(at) {
            rows = self.step(rows, near, relation, relation.direction, node, used).await?;
            rows = self.look(rows, open)?;
        }
        for place in (0..at).rev() {
            let (relation, _) = &pattern.steps[place];
            rows = self.step(rows, all[place + 1], relation, flipped(relation.direction), all[place], used).await?;
            // A way is told from the beginning of the pattern on.
            if relation.hops.is_some() {
                for row in &mut rows {
                    if let Cell::Way(way) = &mut row.cells[relation.variable] {
                        way.reverse();
                    }
                }
            }
            rows = self.look(rows, open)?;
        }
        Ok(rows)
    }

    /// Every node that fits a pattern's node.
    async fn everywhere(&mut self, filter: &Filter, pattern: &NodePattern) -> Result<Vec<Uuid>, GraphFault> {
        let (mut next, mut found) = (Some(Page::first()), Vec::new());
        while let Some(page) = next {
            let nodes;
            (nodes, next) = self.page(filter, page, pattern).await?;
            found.extend(nodes);
            self.shelf.room_for(found.len() * 16)?;
        }
        Ok(found)
    }

    /// One page of the nodes that fit, and where the next one begins.
    pub(super) async fn page(
        &mut self,
        filter: &Filter,
        page: Page,
        pattern: &NodePattern,
    ) -> Result<(Vec<Uuid>, Option<Page>), GraphFault> {
        let records = self.shelf.reading.scan(filter.clone(), page.after, page.size).await?;
        let more = records.len() == page.size as usize;
        let size = page.size.saturating_mul(2).min(LARGEST_PAGE);
        let next = records.last().filter(|_| more).map(|record| Page { after: Some(record.id), size });
        let mut found = Vec::new();
        for record in records {
            if !self.shelf.reading.has(&record) {
                continue;
            }
            let id = record.id;
            if self.shelf.node(id).is_none() {
                self.shelf.keep(record)?;
            }
            if self.is_like(id, pattern) {
                found.push(id);
            }
        }
        Ok((found, next))
    }

    /// Whether a node that was read is as the pattern says.
    fn is_like(&self, id: Uuid, pattern: &NodePattern) -> bool {
        let Some(node) = self.shelf.node(id) else { return false };
        (pattern.types.is_empty() || pattern.types.contains(&node.of))
            && pattern.properties.iter().all(|(name, value)| equal(&self.shelf.of_node(id, name), value) == Some(true))
    }

    fn needs_whole(&self, pattern: &NodePattern) -> bool {
        self.whole.contains(&pattern.variable) || !pattern.properties.is_empty()
    }

    /// Those rows whose bound node is as the pattern says.
    pub(super) async fn fitting_nodes(
        &mut self,
        pattern: &NodePattern,
        mut rows: Vec<Row>,
    ) -> Result<Vec<Row>, GraphFault> {
        let ids: Vec<Uuid> = rows.iter().filter_map(|row| node_at(row, pattern.variable)).collect();
        self.shelf.need(&ids, self.needs_whole(pattern)).await?;
        rows.retain(|row| node_at(row, pattern.variable).is_some_and(|id| self.is_like(id, pattern)));
        Ok(rows)
    }

    /// Those rows whose bound relations are as the pattern says and lie between nodes that the view has, which were read.
    pub(super) async fn fitting_links(
        &mut self,
        pattern: &RelationPattern,
        mut rows: Vec<Row>,
    ) -> Result<Vec<Row>, GraphFault> {
        if !pattern.properties.is_empty() || self.whole.contains(&pattern.variable) {
            let numbers: Vec<LinkNumber> =
                rows.iter().flat_map(|row| links_at(row, pattern.variable)).copied().collect();
            self.shelf.need_links(&numbers).await?;
        }
        let there = |id: Uuid| self.shelf.node(id).is_some();
        rows.retain(|row| {
            links_at(row, pattern.variable).iter().all(|number| {
                self.shelf.link(*number).is_some_and(|link| there(link.from) && there(link.to))
                    && self.link_is_like(*number, pattern)
            })
        });
        Ok(rows)
    }

    /// One relation, or a way of several, further.
    async fn step(
        &mut self,
        rows: Vec<Row>,
        near: &NodePattern,
        relation: &'a RelationPattern,
        direction: Direction,
        far: &'a NodePattern,
        used: &mut Vec<usize>,
    ) -> Result<Vec<Row>, GraphFault> {
        let (least, most) = relation.hops.unwrap_or((1, 1));
        let mut found = Vec::new();
        let mut open: Vec<(usize, Uuid, Vec<LinkNumber>)> = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            if let Some(node) = node_at(row, near.variable) {
                open.push((at, node, Vec::new()));
            }
        }
        for hop in 1..=most {
            // Many rows may stand at one node.
            let mut ids: Vec<Uuid> = open.iter().map(|(_, node, _)| *node).collect();
            ids.sort_unstable();
            ids.dedup();
            self.shelf.need_around(&ids, direction, &relation.types).await?;
            let around = |id: &Uuid| self.shelf.around(*id, direction, &relation.types);
            // Counted before anything is collected: rows times relations may be very many.
            let ways = open.iter().map(|(_, node, _)| around(node).len()).fold(0, usize::saturating_add);
            self.shelf.reading.count(ways)?;
            let around = |id: &Uuid| self.shelf.around(*id, direction, &relation.types);
            let others: Vec<Uuid> = ids.iter().flat_map(around).map(|(_, other)| *other).collect();
            self.shelf.need(&others, self.needs_whole(far)).await?;
            if !relation.properties.is_empty() || self.whole.contains(&relation.variable) {
                // Only of those that lead to what the view has: how much was read is told of.
                let numbers = ids.iter().flat_map(|id| self.shelf.around(*id, direction, &relation.types));
                let numbers = numbers.filter(|(_, other)| self.shelf.node(*other).is_some());
                let numbers: Vec<LinkNumber> = numbers.map(|(number, _)| *number).collect();
                self.shelf.need_links(&numbers).await?;
            }
            let mut further = Vec::new();
            let mut held = 0;
            for (at, node, way) in &open {
                self.shelf.reading.in_time()?;
                // Copied so that what was looked at can be told meanwhile: two words each.
                let around = self.shelf.around(*node, direction, &relation.types).to_vec();
                for (number, other) in around {
                    if self.shelf.node(other).is_none() {
                        continue;
                    }
                    self.shelf.reading.tell(1)?;
                    let row = &rows[*at];
                    if way.contains(&number) || is_used(row, used, number) || !self.link_is_like(number, relation) {
                        continue;
                    }
                    let mut longer = way.clone();
                    longer.push(number);
                    if hop >= least
                        && let Some(row) = self.with(row, relation, &longer, far, other)
                    {
                        found.push(row);
                    }
                    if hop < most {
                        held += 64 + longer.len() * 4;
                        further.push((*at, other, longer));
                    }
                    self.shelf.room_for(found.len() * self.row_bytes() + held)?;
                }
            }
            open = further;
            if open.is_empty() {
                break;
            }
        }
        if !used.contains(&relation.variable) {
            used.push(relation.variable);
        }
        Ok(found)
    }

    fn link_is_like(&self, number: LinkNumber, pattern: &RelationPattern) -> bool {
        pattern.properties.iter().all(|(name, value)| equal(&self.shelf.of_link(number, name), value) == Some(true))
    }

    /// The row with a relation and the node behind it, where that fits what is bound already.
    fn with(
        &self,
        row: &Row,
        relation: &RelationPattern,
        way: &[LinkNumber],
        far: &NodePattern,
        other: Uuid,
    ) -> Option<Row> {
        if !self.is_like(other, far) {
            return None;
        }
        let cell = match (relation.hops, way) {
            (None, [number]) => Cell::Link(*number),
            _ => Cell::Way(way.to_vec()),
        };
        let free = |bound: &Cell, new: &Cell| *bound == Cell::Open || bound == new;
        let node = Cell::Node(other);
        if !free(&row.cells[relation.variable], &cell) || !free(&row.cells[far.variable], &node) {
            return None;
        }
        let mut row = row.clone();
        row.cells[relation.variable] = cell;
        row.cells[far.variable] = node;
        Some(row)
    }

    /// Looks at the conditions of which every variable is bound.
    fn look(&self, rows: Vec<Row>, open: &mut Vec<&'a Expression>) -> Result<Vec<Row>, GraphFault> {
        let Some(sample) = rows.first() else { return Ok(rows) };
        let ready =
            |one: &&Expression| one.variables().into_iter().all(|variable| sample.cells[variable] != Cell::Open);
        let (now, later): (Vec<&Expression>, Vec<&Expression>) = open.iter().partition(|one| ready(one));
        *open = later;
        self.keep_fitting(rows, &now)
    }

    pub(super) fn keep_fitting(&self, rows: Vec<Row>, conditions: &[&Expression]) -> Result<Vec<Row>, GraphFault> {
        let mut kept = Vec::with_capacity(rows.len());
        'rows: for row in rows {
            self.shelf.reading.in_time()?;
            for condition in conditions {
                if truth(&self.value(condition, &row)?)? != Some(true) {
                    continue 'rows;
                }
            }
            kept.push(row);
        }
        Ok(kept)
    }

    /// What an expression is in a row. Something of many rows is nothing here.
    pub(super) fn value(&self, expression: &Expression, row: &Row) -> Result<Value, GraphFault> {
        self.value_with(expression, row, &mut |_| Ok(Value::Null))
    }

    /// The same, with what takes the place of something of many rows.
    pub(super) fn value_with(
        &self,
        expression: &Expression,
        row: &Row,
        of_many: &mut dyn FnMut(&Expression) -> Result<Value, GraphFault>,
    ) -> Result<Value, GraphFault> {
        let mut value = |one: &Expression| self.value_with(one, row, of_many);
        Ok(match expression {
            Expression::Literal(value) => value.clone(),
            Expression::Variable(variable) => self.told(&row.cells[*variable]),
            Expression::Property(variable, name) => match &row.cells[*variable] {
                Cell::Node(id) => self.shelf.of_node(*id, name),
                Cell::Link(number) => self.shelf.of_link(*number, name),
                Cell::Open | Cell::Null | Cell::Way(_) => Value::Null,
            },
            Expression::Column(_) => Value::Null,
            Expression::List(list) => Value::Array(list.iter().map(value).collect::<Result<_, _>>()?),
            Expression::And(list) => {
                let each: Vec<Option<bool>> = list.iter().map(|one| truth(&value(one)?)).collect::<Result<_, _>>()?;
                told(all(each.into_iter()))
            }
            Expression::Or(list) => {
                let each: Vec<Option<bool>> = list.iter().map(|one| truth(&value(one)?)).collect::<Result<_, _>>()?;
                told(all(each.into_iter().map(|one| one.map(|one| !one))).map(|none| !none))
            }
            Expression::Not(one) => told(truth(&value(one)?)?.map(|holds| !holds)),
            Expression::Compare(one, how, other) => told(compare(&value(one)?, *how, &value(other)?)),
            Expression::Find(one, how, other) => told(find(&value(one)?, *how, &value(other)?)),
            Expression::In(one, list) => {
                let one = value(one)?;
                // A list that was given may be long: it is not copied for each row.
                told(match &**list {
                    Expression::Literal(list) => among(&one, list)?,
                    list => among(&one, &value(list)?)?,
                })
            }
            Expression::IsNull(one) => Value::Bool(value(one)?.is_null()),
            Expression::Call(function, list) => return self.call(*function, list, row, of_many),
            Expression::Aggregate(..) => return of_many(expression),
        })
    }

    fn call(
        &self,
        function: Function,
        list: &[Expression],
        row: &Row,
        of_many: &mut dyn FnMut(&Expression) -> Result<Value, GraphFault>,
    ) -> Result<Value, GraphFault> {
        if function == Function::Coalesce {
            for one in list {
                let value = self.value_with(one, row, of_many)?;
                if !value.is_null() {
                    return Ok(value);
                }
            }
            return Ok(Value::Null);
        }
        let Some(of) = list.first() else { return Ok(Value::Null) };
        let cell = if let Expression::Variable(variable) = of { row.cells.get(*variable) } else { None };
        let property = |name: &str| match cell {
            Some(Cell::Node(id)) => self.shelf.of_node(*id, name),
            Some(Cell::Link(number)) => self.shelf.of_link(*number, name),
            _ => Value::Null,
        };
        Ok(match function {
            Function::Id => property("id"),
            Function::Type => property("type"),
            Function::StartNode => property("from"),
            Function::EndNode => property("to"),
            Function::Labels => match cell {
                Some(Cell::Node(_)) => Value::Array(vec![property("type")]),
                _ => Value::Null,
            },
            Function::Properties | Function::Keys => {
                let properties = match cell {
                    Some(Cell::Node(id)) => self.shelf.told_node(*id),
                    Some(Cell::Link(number)) => self.shelf.told_link(*number),
                    _ => return Ok(Value::Null),
                };
                let properties = super::nodes::object(&properties["properties"]);
                match (function, properties) {
                    (Function::Keys, Value::Object(all)) => {
                        all.into_iter().map(|(name, _)| Value::String(name)).collect()
                    }
                    (_, properties) => properties,
                }
            }
            Function::Size => match self.value_with(of, row, of_many)? {
                Value::String(text) => text.chars().count().into(),
                Value::Array(list) => list.len().into(),
                Value::Null => Value::Null,
                _ => return Err(GraphFault::Unfit("size() is of a text or a list".to_owned())),
            },
            Function::ToLower | Function::ToUpper => match self.value_with(of, row, of_many)? {
                Value::String(text) if function == Function::ToLower => text.to_lowercase().into(),
                Value::String(text) => text.to_uppercase().into(),
                Value::Null => Value::Null,
                _ => return Err(GraphFault::Unfit("toLower() and toUpper() are of a text".to_owned())),
            },
            Function::Coalesce => Value::Null,
        })
    }

    fn told(&self, cell: &Cell) -> Value {
        match cell {
            Cell::Open | Cell::Null => Value::Null,
            Cell::Node(id) => self.shelf.told_node(*id),
            Cell::Link(number) => self.shelf.told_link(*number),
            Cell::Way(way) => way.iter().map(|number| self.shelf.told_link(*number)).collect(),
        }
    }
}

fn node_at(row: &Row, variable: usize) -> Option<Uuid> {
    if let Cell::Node(id) = &row.cells[variable] { Some(*id) } else { None }
}

fn links_at(row: &Row, variable: usize) -> &[LinkNumber] {
    match &row.cells[variable] {
        Cell::Link(number) => std::slice::from_ref(number),
        Cell::Way(way) => way,
        Cell::Open | Cell::Null | Cell::Node(_) => &[],
    }
}

/// The rows that an optional clause fits, and those that it does not fit, with its variables null.
pub(super) fn and_unfound(clause: &Match, before: Vec<Row>, mut rows: Vec<Row>) -> Vec<Row> {
    let found: HashSet<usize> = rows.iter().map(|row| row.origin).collect();
    for (origin, mut row) in before.into_iter().enumerate() {
        if !found.contains(&origin) {
            for variable in variables(clause) {
                if row.cells.get(variable) == Some(&Cell::Open) {
                    row.cells[variable] = Cell::Null;
                }
            }
            rows.push(Row { origin, ..row });
        }
    }
    rows.sort_by_key(|row| row.origin);
    rows
}

/// Whether a relation of this clause stands for another variable in the row already.
fn is_used(row: &Row, used: &[usize], number: LinkNumber) -> bool {
    used.iter().any(|variable| match &row.cells[*variable] {
        Cell::Link(other) => *other == number,
        Cell::Way(way) => way.contains(&number),
        Cell::Open | Cell::Null | Cell::Node(_) => false,
    })
}

/// The parts of a condition that must hold each.
pub(super) fn conjuncts(condition: Option<&Expression>) -> Vec<&Expression> {
    match condition {
        None => Vec::new(),
        Some(Expression::And(list)) => list.iter().flat_map(|one| conjuncts(Some(one))).collect(),
        Some(other) => vec![other],
    }
}

/// The variables of a clause's patterns.
fn variables(clause: &Match) -> Vec<usize> {
    let of = |pattern: &Pattern| -> Vec<usize> {
        let relations = pattern.steps.iter().map(|(relation, _)| relation.variable);
        nodes(pattern).map(|node| node.variable).chain(relations).collect()
    };
    clause.patterns.iter().flat_map(of).collect()
}

/// The variables of which a query needs the documents: what it tells whole, or a property of it that stands in the document.
pub(super) fn whole(expressions: &[&Expression], variables: &[Variable]) -> HashSet<usize> {
    let mut whole = HashSet::new();
    // What is read of every node or relation, without its document.
    let light = |variable: usize, name: &str| match variables.get(variable).map(|variable| variable.of) {
        Some(Stands::Node) => matches!(name, "id" | "type" | "key"),
        Some(Stands::Relation) => matches!(name, "id" | "type" | "from" | "to"),
        Some(Stands::Way) | None => false,
    };
    for expression in expressions {
        needs(expression, &mut whole, &light);
    }
    whole.retain(|variable| *variable < variables.len());
    whole
}

fn needs(expression: &Expression, whole: &mut HashSet<usize>, light: &dyn Fn(usize, &str) -> bool) {
    let is_variable = |one: &Expression| matches!(one, Expression::Variable(_));
    match expression {
        Expression::Property(variable, name) if !light(*variable, name) => drop(whole.insert(*variable)),
        Expression::Variable(variable) => drop(whole.insert(*variable)),
        Expression::Call(
            Function::Id | Function::Type | Function::Labels | Function::StartNode | Function::EndNode,
            _,
        ) => {}
        // How many there are, whether there is one and whether two are the same needs nothing of them.
        Expression::Aggregate(Aggregate::Count, _, Some(of)) if is_variable(of) => {}
        Expression::IsNull(of) if is_variable(of) => {}
        Expression::Compare(one, _, other) if is_variable(one) && is_variable(other) => {}
        other => children(other, &mut |one| needs(one, whole, light)),
    }
}

fn children<'e>(expression: &'e Expression, look: &mut dyn FnMut(&'e Expression)) {
    match expression {
        Expression::Literal(_) | Expression::Variable(_) | Expression::Property(..) | Expression::Column(_) => {}
        Expression::List(list) | Expression::And(list) | Expression::Or(list) | Expression::Call(_, list) => {
            list.iter().for_each(look);
        }
        Expression::Not(one) | Expression::IsNull(one) => look(one),
        Expression::Compare(one, _, other) | Expression::Find(one, _, other) | Expression::In(one, other) => {
            look(one);
            look(other);
        }
        Expression::Aggregate(_, _, of) => of.iter().for_each(|of| look(of)),
    }
}

/// A row in which nothing is bound.
pub(super) fn blank(variables: &[Variable]) -> Row {
    Row { cells: vec![Cell::Open; variables.len()], origin: 0 }
}
