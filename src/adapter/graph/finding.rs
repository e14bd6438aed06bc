//! Running a query where another finds what fits the patterns: that one fits them, and everything else is judged and told here, as it is of
//! what was found by a walk. So the answers are the same, whoever finds.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::collect::Collector;
use super::matching::{Cell, Matcher, Row, and_unfound, conjuncts};
use super::scan::nodes;
use crate::port::graph::{Direction, GraphFault, Link, View};
use crate::port::graph_query::{GraphQuery, Match, RelationPattern};

/// Ways of fitting that are taken at first, and at most: each time twice as many.
const FIRST: usize = 64;
const LARGEST: usize = 2_000;
/// Rows that a clause is asked to go on from at once.
const ROWS_AT_ONCE: usize = 500;

/// Finds what fits.
#[async_trait]
pub(super) trait Finder: Send + Sync {
    /// The relations at these nodes that the view has, and that lead to nodes that it has; each once.
    async fn links(
        &self,
        view: &View,
        nodes: &[Uuid],
        direction: Direction,
        types: &[String],
        most: usize,
        left: Duration,
    ) -> Result<Vec<Link>, GraphFault>;

    /// The ways in which a clause fits rows: all of them, and maybe some of which its condition or what it says of properties does not hold.
    async fn fits(&self, view: &View, ask: Ask<'_>, left: Duration) -> Result<Box<dyn Found>, GraphFault>;
}

/// What was found, part by part.
#[async_trait]
pub(super) trait Found: Send {
    /// At most so many more; none when that was all.
    async fn next(&mut self, most: usize) -> Result<Vec<Fit>, GraphFault>;
}

/// What is asked for.
pub(super) struct Ask<'q> {
    /// What must fit.
    pub(super) clause: &'q Match,
    /// The clause's variables.
    pub(super) parts: Parts,
    /// What is bound already, a row each, in the order of `parts`.
    pub(super) rows: Vec<Bound>,
}

/// The variables of a clause, each once, in the order in which they are met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Parts {
    /// Nodes.
    pub(super) nodes: Vec<usize>,
    /// Single relations.
    pub(super) links: Vec<usize>,
    /// Ways of several.
    pub(super) ways: Vec<usize>,
}

/// What a row says of the variables of a clause: nothing where they are to be found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) nodes: Vec<Option<Uuid>>,
    pub(super) links: Vec<Option<Uuid>>,
    pub(super) ways: Vec<Option<Vec<Uuid>>>,
}

/// One way of fitting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fit {
    /// The row that it goes on from.
    pub(super) origin: usize,
    pub(super) nodes: Vec<Uuid>,
    pub(super) links: Vec<Link>,
    pub(super) ways: Vec<Vec<Link>>,
}

fn relations(clause: &Match) -> impl Iterator<Item = &RelationPattern> {
    clause.patterns.iter().flat_map(|pattern| pattern.steps.iter().map(|(relation, _)| relation))
}

impl Parts {
    pub(super) fn of(clause: &Match) -> Self {
        let mut parts = Self::default();
        let add = |list: &mut Vec<usize>, variable: usize| {
            if !list.contains(&variable) {
                list.push(variable);
            }
        };
        for node in clause.patterns.iter().flat_map(nodes) {
            add(&mut parts.nodes, node.variable);
        }
        for relation in relations(clause) {
            let list = if relation.hops.is_some() { &mut parts.ways } else { &mut parts.links };
            add(list, relation.variable);
        }
        parts
    }

    /// Whether one variable stands for two relations of the clause: no relation fits twice, and so nothing fits.
    fn fit_nothing(&self, clause: &Match) -> bool {
        self.links.len() + self.ways.len() < relations(clause).count()
            || self.links.iter().any(|link| self.ways.contains(link))
    }
}

/// Runs the clauses of a query.
pub(super) async fn rows<'a>(
    finder: &dyn Finder,
    matcher: &mut Matcher<'a>,
    query: &'a GraphQuery,
    collector: &mut Collector<'a>,
    blank: &Row,
) -> Result<(), GraphFault> {
    let Some((first, rest)) = query.matches.split_first().filter(|(first, _)| !first.optional) else {
        return on(finder, matcher, &query.matches, vec![blank.clone()], collector).await;
    };
    let Some(mut found) = ask(finder, matcher, first, std::slice::from_ref(blank)).await? else { return Ok(()) };
    let mut size = FIRST;
    while !collector.is_full() {
        let page = next(matcher, &mut *found, size).await?;
        if page.is_empty() {
            break;
        }
        size = size.saturating_mul(2).min(LARGEST);
        let rows = take(matcher, first, std::slice::from_ref(blank), 0, page).await?;
        on(finder, matcher, rest, rows, collector).await?;
    }
    Ok(())
}

async fn on<'a>(
    finder: &dyn Finder,
    matcher: &mut Matcher<'a>,
    clauses: &'a [Match],
    mut rows: Vec<Row>,
    collector: &mut Collector<'a>,
) -> Result<(), GraphFault> {
    for clause in clauses {
        if rows.is_empty() {
            return Ok(());
        }
        let mut fitting = Vec::new();
        for (turn, some) in rows.chunks(ROWS_AT_ONCE).enumerate() {
            let Some(mut found) = ask(finder, matcher, clause, some).await? else { continue };
            loop {
                let page = next(matcher, &mut *found, LARGEST).await?;
                if page.is_empty() {
                    break;
                }
                fitting.extend(take(matcher, clause, some, turn * ROWS_AT_ONCE, page).await?);
                matcher.shelf.room_for(fitting.len() * matcher.row_bytes())?;
            }
        }
        rows = if clause.optional { and_unfound(clause, rows, fitting) } else { fitting };
    }
    collector.take(matcher, rows)
}

/// Asks for what fits rows; nothing where nothing can.
async fn ask(
    finder: &dyn Finder,
    matcher: &Matcher<'_>,
    clause: &Match,
    rows: &[Row],
) -> Result<Option<Box<dyn Found>>, GraphFault> {
    let parts = Parts::of(clause);
    if parts.fit_nothing(clause) {
        return Ok(None);
    }
    let shelf = &matcher.shelf;
    let id = |number: &u32| shelf.link(*number).map(|link| link.id);
    let bound = |row: &Row| {
        let mut bound = Bound::default();
        for variable in &parts.nodes {
            bound.nodes.push(match row.cells.get(*variable)? {
                Cell::Open => None,
                Cell::Node(id) => Some(*id),
                // What an optional clause did not find fits nothing.
                _ => return None,
            });
        }
        for variable in &parts.links {
            bound.links.push(match row.cells.get(*variable)? {
                Cell::Open => None,
                Cell::Link(number) => Some(id(number)?),
                _ => return None,
            });
        }
        for variable in &parts.ways {
            bound.ways.push(match row.cells.get(*variable)? {
                Cell::Open => None,
                Cell::Way(way) => Some(way.iter().map(id).collect::<Option<_>>()?),
                _ => return None,
            });
        }
        Some(bound)
    };
    let rows: Vec<Option<Bound>> = rows.iter().map(bound).collect();
    if rows.iter().all(Option::is_none) {
        return Ok(None);
    }
    // Rows keep their numbers: one that fits nothing is asked for as the node of no id.
    let nothing = Bound {
        nodes: vec![Some(Uuid::nil()); parts.nodes.len()],
        links: vec![Some(Uuid::nil()); parts.links.len()],
        ways: vec![Some(Vec::new()); parts.ways.len()],
    };
    let rows = rows.into_iter().map(|row| row.unwrap_or_else(|| nothing.clone())).collect();
    let left = shelf.reading.left()?;
    finder.fits(shelf.reading.view(), Ask { clause, parts, rows }, left).await.map(Some)
}

async fn next(matcher: &mut Matcher<'_>, found: &mut dyn Found, most: usize) -> Result<Vec<Fit>, GraphFault> {
    matcher.shelf.reading.in_time()?;
    let mut page = found.next(most).await?;
    let relations = |fit: &Fit| fit.links.len() + fit.ways.iter().map(Vec::len).sum::<usize>();
    let steps = page.iter().map(|fit| 1 + relations(fit)).sum();
    matcher.shelf.reading.count_told(steps)?;
    // Nobody says in which order a finder finds.
    page.sort_by_cached_key(|fit| {
        let links: Vec<Uuid> = fit.links.iter().chain(fit.ways.iter().flatten()).map(|link| link.id).collect();
        (fit.origin, fit.nodes.clone(), links)
    });
    Ok(page)
}

/// The rows of what was found, as far as they hold in every respect.
async fn take<'a>(
    matcher: &mut Matcher<'a>,
    clause: &'a Match,
    given: &[Row],
    before: usize,
    page: Vec<Fit>,
) -> Result<Vec<Row>, GraphFault> {
    let parts = Parts::of(clause);
    let mut ends: Vec<Uuid> = Vec::new();
    let mut rows = Vec::with_capacity(page.len());
    for fit in page {
        let Some(row) = given.get(fit.origin) else { continue };
        let mut row = Row { origin: before + fit.origin, ..row.clone() };
        for (variable, id) in parts.nodes.iter().zip(fit.nodes) {
            row.cells[*variable] = Cell::Node(id);
        }
        for (variable, link) in parts.links.iter().zip(fit.links) {
            ends.extend([link.from, link.to]);
            row.cells[*variable] = Cell::Link(matcher.shelf.number(&link)?);
        }
        for (variable, way) in parts.ways.iter().zip(fit.ways) {
            ends.extend(way.iter().flat_map(|link| [link.from, link.to]));
            let numbers = way.iter().map(|link| matcher.shelf.number(link)).collect::<Result<_, _>>()?;
            row.cells[*variable] = Cell::Way(numbers);
        }
        rows.push(row);
    }
    // What is told is read from the records, and looked at once more there: a finder cannot show what the view does not have.
    matcher.shelf.need(&ends, false).await?;
    for pattern in clause.patterns.iter().flat_map(nodes) {
        rows = matcher.fitting_nodes(pattern, rows).await?;
    }
    for relation in relations(clause) {
        rows = matcher.fitting_links(relation, rows).await?;
    }
    matcher.keep_fitting(rows, &conjuncts(clause.condition.as_ref()))
}
