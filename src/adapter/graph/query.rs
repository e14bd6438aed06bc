//! Running a query: the first pattern page by page, so that what needs only a few rows looks at little; then clause after clause.

use super::collect::Collector;
use super::finding;
use super::matching::{Cell, Matcher, Page, Row, blank, whole};
use super::nodes::Shelf;
use super::reading::Reading;
use super::scan::{anchor, nodes};
use crate::port::graph::{GraphFault, Table};
use crate::port::graph_query::{Expression, GraphQuery};

/// Runs a query.
pub(super) async fn run(reading: Reading<'_>, query: &GraphQuery) -> Result<Table, GraphFault> {
    let mut expressions: Vec<&Expression> = query.returns.iter().map(|item| &item.expression).collect();
    expressions.extend(query.order.iter().map(|(expression, _)| expression));
    expressions.extend(query.matches.iter().filter_map(|clause| clause.condition.as_ref()));
    let whole = whole(&expressions, &query.variables);
    let mut matcher = Matcher::new(Shelf::new(reading), &query.variables, whole);
    let mut collector = Collector::new(query);
    let blank = blank(&query.variables);
    if let Some(finder) = matcher.shelf.reading.finder() {
        finding::rows(finder, &mut matcher, query, &mut collector, &blank).await?;
        return collector.end(&matcher, blank);
    }
    let first = query.matches.first().filter(|clause| !clause.optional);
    match first.and_then(|clause| Some((clause, clause.patterns.first()?))) {
        Some((clause, pattern)) => {
            let known: Vec<&Expression> = clause.condition.iter().flat_map(parts).collect();
            let anchor = anchor(pattern, &known);
            let Some(node) = nodes(pattern).nth(anchor.at) else { return collector.end(&matcher, blank) };
            let mut next = Some(Page::first());
            while let Some(page) = next.filter(|_| !collector.is_full()) {
                let found;
                (found, next) = matcher.page(&anchor.filter, page, node).await?;
                let bound = |id| {
                    let mut row = blank.clone();
                    row.cells[node.variable] = Cell::Node(id);
                    row
                };
                let rows = found.into_iter().map(bound).collect();
                on(&mut matcher, query, rows, &mut collector).await?;
            }
        }
        None => on(&mut matcher, query, vec![blank.clone()], &mut collector).await?,
    }
    collector.end(&matcher, blank)
}

async fn on<'a>(
    matcher: &mut Matcher<'a>,
    query: &'a GraphQuery,
    mut rows: Vec<Row>,
    collector: &mut Collector<'a>,
) -> Result<(), GraphFault> {
    for clause in &query.matches {
        if rows.is_empty() {
            return Ok(());
        }
        rows = matcher.clause(clause, rows).await?;
    }
    collector.take(matcher, rows)
}

/// The parts of a condition that must hold each.
fn parts(condition: &Expression) -> Vec<&Expression> {
    match condition {
        Expression::And(list) => list.iter().flat_map(parts).collect(),
        other => vec![other],
    }
}
