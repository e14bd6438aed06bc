//! What the rows of a decision table cover: each column's values fall into regions between the values that its cells name, within
//! which no cell tells two values apart; rows are sets of regions. Overlaps are pairs of rows that share a region in every column,
//! gaps are combinations of regions that no row has.

use std::collections::HashSet;
use std::sync::Arc;

use dsntk_feel::FeelNumber;
use dsntk_feel::values::Value as Feel;
use dsntk_feel_temporal::FeelDaysAndTimeDuration;
use serde_json::Value;

use super::cells::{Cell, cell, compare};
use super::values;
use crate::port::expressions::{Column, Coverage, Example, Expression, Found, Kind};

/// So many steps of the search are taken; a table that needs more is one of which it cannot be told.
const MOST_STEPS: usize = 200_000;
/// So many pairs of rows are held against each other.
const MOST_PAIRS: usize = 4_000_000;

/// A set of regions or of rows.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Bits(Vec<u64>);

impl Bits {
    fn none(size: usize) -> Self {
        Self(vec![0; size.div_ceil(64)])
    }

    fn add(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    fn has(&self, at: usize) -> bool {
        self.0[at / 64] & (1 << (at % 64)) != 0
    }

    fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(one, other)| one & other).collect())
    }

    fn first(&self) -> Option<usize> {
        let word = self.0.iter().position(|word| *word != 0)?;
        Some(word * 64 + self.0[word].trailing_zeros() as usize)
    }

    fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(one, other)| one & other != 0)
    }
}

/// A column's regions: a value of each, and which rows take it surely, and which at most.
struct Regions {
    values: Vec<Feel>,
    surely: Vec<Bits>,
    at_most: Vec<Bits>,
    /// Whether no cell but `-` stands in it: then any value will do.
    open: bool,
}

pub(super) fn of(rows: &[Vec<Arc<dyn Expression>>], columns: &[Column], most: usize) -> Coverage {
    let regions: Vec<Regions> =
        columns.iter().enumerate().map(|(index, column)| regions(rows, index, column)).collect();
    let (overlapping, overlaps) = overlaps(rows.len(), &regions, most);
    let (lacking, gaps) = gaps(rows.len(), &regions, most);
    Coverage { overlapping, overlaps, lacking, gaps }
}

fn regions(rows: &[Vec<Arc<dyn Expression>>], index: usize, column: &Column) -> Regions {
    let cells: Vec<Option<&Cell>> = rows.iter().map(|row| row.get(index).and_then(|tests| cell(&**tests))).collect();
    let allowed = column.allowed.as_ref().map(|tests| cell(&**tests));
    let named: Vec<&Feel> = cells.iter().flatten().copied().chain(allowed.flatten()).flat_map(Cell::values).collect();
    let mut values = samples(&named, &column.kind);
    if let Some(Some(allowed)) = allowed {
        values.retain(|value| allowed.takes(value) == Some(true));
    }
    let open = cells.iter().all(|cell| matches!(cell, Some(Cell::Any)));
    if values.is_empty() {
        // Nothing is named: all values are alike, whatever they are.
        values.push(Feel::Null(None));
    }
    let mut undecided = Bits::none(rows.len());
    cells.iter().enumerate().filter(|(_, cell)| cell.is_none()).for_each(|(row, _)| undecided.add(row));
    let of = |value: &Feel| {
        let (mut surely, mut at_most) = (Bits::none(rows.len()), undecided.clone());
        for (row, cell) in cells.iter().enumerate() {
            match cell.map(|cell| cell.takes(value)) {
                Some(Some(true)) => {
                    surely.add(row);
                    at_most.add(row);
                }
                // A test of another kind of value: what it says of this one is FEEL's to tell.
                Some(None) => at_most.add(row),
                Some(Some(false)) | None => {}
            }
        }
        (surely, at_most)
    };
    let (surely, at_most) = values.iter().map(of).unzip();
    Regions { values, surely, at_most, open }
}

/// A value of each region between the values that are named.
fn samples(named: &[&Feel], kind: &Kind) -> Vec<Feel> {
    let boolean = *kind == Kind::Boolean || named.iter().any(|value| matches!(value, Feel::Boolean(_)));
    if boolean {
        return vec![Feel::Boolean(true), Feel::Boolean(false)];
    }
    let mut points: Vec<Feel> = named.iter().map(|value| (*value).clone()).collect();
    points.sort_by(|one, other| compare(one, other).unwrap_or(std::cmp::Ordering::Equal));
    points.dedup_by(|one, other| compare(one, other) == Some(std::cmp::Ordering::Equal));
    let Some(first) = points.first() else { return Vec::new() };
    let mut all: Vec<Feel> = Vec::new();
    if let Feel::String(_) = first {
        // Before, between and after: a text that begins like the one before it and goes on.
        all.push(Feel::String(String::new()));
        for point in &points {
            all.push(point.clone());
            if let Feel::String(text) = point {
                all.push(Feel::String(format!("{text} (another)")));
            }
        }
        return all;
    }
    all.extend(beside(first, false));
    for (index, point) in points.iter().enumerate() {
        all.push(point.clone());
        match points.get(index + 1) {
            Some(next) => all.extend(between(point, next)),
            None => all.extend(beside(point, true)),
        }
    }
    all
}

fn day(after: bool) -> Option<FeelDaysAndTimeDuration> {
    FeelDaysAndTimeDuration::try_from(if after { "P1D" } else { "-P1D" }).ok()
}

/// A value before or after all.
fn beside(value: &Feel, after: bool) -> Option<Feel> {
    match value {
        Feel::Number(number) => {
            let one = FeelNumber::one();
            Some(Feel::Number(if after { *number + one } else { *number - one }))
        }
        Feel::Date(date) => (date.clone() + day(after)?).map(Feel::Date),
        _ => None,
    }
}

/// A value between two, where there is one.
fn between(low: &Feel, high: &Feel) -> Option<Feel> {
    let found = match (low, high) {
        (Feel::Number(low), Feel::Number(high)) => Feel::Number((*low + *high) / FeelNumber::two()),
        (low, _) => beside(low, true)?,
    };
    let lies = compare(low, &found) == Some(std::cmp::Ordering::Less)
        && compare(&found, high) == Some(std::cmp::Ordering::Less);
    lies.then_some(found)
}

fn example(regions: &[Regions], chosen: &[usize]) -> Example {
    let told = |(regions, chosen): (&Regions, &usize)| {
        let value: Value = values::tell(regions.values.get(*chosen)?);
        (!regions.open).then_some(value)
    };
    regions.iter().zip(chosen).map(told).collect()
}

/// The regions of a row in each column, of what it takes surely or at most.
fn of_rows(rows: usize, regions: &[Regions], at_most: bool) -> Vec<Vec<Bits>> {
    let of = |row: usize| {
        let column = |regions: &Regions| {
            let mut bits = Bits::none(regions.values.len());
            let takes = if at_most { &regions.at_most } else { &regions.surely };
            takes.iter().enumerate().filter(|(_, rows)| rows.has(row)).for_each(|(at, _)| bits.add(at));
            bits
        };
        regions.iter().map(column).collect()
    };
    (0..rows).map(of).collect()
}

fn overlaps(rows: usize, regions: &[Regions], most: usize) -> (Found, Vec<(usize, usize, Example)>) {
    let (surely, at_most) = (of_rows(rows, regions, false), of_rows(rows, regions, true));
    let mut found = Vec::new();
    let mut unsure = rows.saturating_mul(rows) / 2 > MOST_PAIRS;
    let mut pairs = 0;
    'rows: for one in 0..rows {
        for other in one + 1..rows {
            pairs += 1;
            if pairs > MOST_PAIRS {
                break 'rows;
            }
            let apart = at_most[one].iter().zip(&at_most[other]).any(|(one, other)| !one.meets(other));
            if apart {
                continue;
            }
            let shared: Option<Vec<usize>> =
                surely[one].iter().zip(&surely[other]).map(|(one, other)| one.and(other).first()).collect();
            match shared {
                Some(chosen) if found.len() < most => found.push((one, other, example(regions, &chosen))),
                Some(_) => {
                    unsure = false;
                    break 'rows;
                }
                None => unsure = true,
            }
        }
    }
    let verdict = match (found.is_empty(), unsure) {
        (false, _) => Found::Some,
        (true, true) => Found::Unknown,
        (true, false) => Found::None,
    };
    (verdict, found)
}

struct Search<'a> {
    regions: &'a [Regions],
    at_most: bool,
    steps: usize,
    most: usize,
    /// Sets of rows that cover all that is left from a column on.
    covered: HashSet<(usize, Bits)>,
    found: Vec<Vec<usize>>,
}

impl Search<'_> {
    /// Looks for what these rows leave uncovered from a column on; `true` where there is nothing.
    fn look(&mut self, column: usize, rows: &Bits, chosen: &mut Vec<usize>) -> bool {
        if rows.first().is_none() {
            if self.found.len() < self.most {
                let mut whole = chosen.clone();
                whole.resize(self.regions.len(), 0);
                self.found.push(whole);
            }
            return false;
        }
        self.steps += 1;
        let Some(regions) = self.regions.get(column) else { return true };
        if self.covered.contains(&(column, rows.clone())) {
            return true;
        }
        let takes = if self.at_most { &regions.at_most } else { &regions.surely };
        let mut seen: HashSet<Bits> = HashSet::new();
        let mut whole = true;
        for (at, region) in takes.iter().enumerate() {
            if self.steps > MOST_STEPS || self.found.len() >= self.most {
                return false;
            }
            let left = rows.and(region);
            // A region that leaves the same rows leaves the same uncovered.
            if !seen.insert(left.clone()) {
                continue;
            }
            chosen.push(at);
            whole &= self.look(column + 1, &left, chosen);
            chosen.pop();
        }
        if whole {
            self.covered.insert((column, rows.clone()));
        }
        whole
    }
}

fn gaps(rows: usize, regions: &[Regions], most: usize) -> (Found, Vec<Example>) {
    let mut all = Bits::none(rows);
    (0..rows).for_each(|row| all.add(row));
    let search = |at_most: bool| {
        let mut search = Search { regions, at_most, steps: 0, most, covered: HashSet::new(), found: Vec::new() };
        let whole = search.look(0, &all, &mut Vec::new());
        (whole, search.found)
    };
    // What even those leave that cannot be decided is a gap for sure; and nothing is, where those do not count.
    let (_, found) = search(true);
    if !found.is_empty() {
        return (Found::Some, found.iter().map(|chosen| example(regions, chosen)).collect());
    }
    let (whole, _) = search(false);
    (if whole { Found::None } else { Found::Unknown }, Vec::new())
}
