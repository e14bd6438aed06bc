//! Cells of decision tables that say what they mean without variables: values, ranges, comparisons. They are held against inputs
//! without evaluating anything, and tables of them can be looked at as a whole.

use std::cmp::Ordering;
use std::sync::Arc;

use dsntk_feel::values::Value as Feel;
use dsntk_feel::{FeelScope, IntervalType};
use dsntk_feel_parser::AstNode;

use super::{Run, feel, tree};
use crate::port::expressions::{Column, Coverage, Datum, Expression, ExpressionFault, Rows, Scope};

/// What a cell takes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    /// Whatever there is.
    Any,
    /// What lies in one of these; what lies in none where it is negated.
    Of { pieces: Vec<Piece>, negated: bool },
}

/// A range of values of one kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    /// Where it begins, and whether that belongs to it.
    pub(super) low: Option<(Feel, bool)>,
    /// Where it ends.
    pub(super) high: Option<(Feel, bool)>,
}

/// How two values of one kind stand to each other.
pub(super) fn compare(one: &Feel, other: &Feel) -> Option<Ordering> {
    match (one, other) {
        (Feel::Number(one), Feel::Number(other)) => one.partial_cmp(other),
        (Feel::String(one), Feel::String(other)) => Some(one.cmp(other)),
        (Feel::Boolean(one), Feel::Boolean(other)) => Some(one.cmp(other)),
        (Feel::Date(one), Feel::Date(other)) => one.partial_cmp(other),
        _ => None,
    }
}

impl Piece {
    fn exactly(value: Feel) -> Self {
        Self { low: Some((value.clone(), true)), high: Some((value, true)) }
    }

    fn value(&self) -> Option<&Feel> {
        self.low.as_ref().or(self.high.as_ref()).map(|(value, _)| value)
    }

    /// Whether a value lies in it; `None` where they are of different kinds.
    pub(super) fn takes(&self, value: &Feel) -> Option<bool> {
        let low = match &self.low {
            None => true,
            Some((low, closed)) => match compare(value, low)? {
                Ordering::Greater => true,
                Ordering::Equal => *closed,
                Ordering::Less => false,
            },
        };
        let high = match &self.high {
            None => true,
            Some((high, closed)) => match compare(value, high)? {
                Ordering::Less => true,
                Ordering::Equal => *closed,
                Ordering::Greater => false,
            },
        };
        Some(low && high)
    }
}

impl Cell {
    /// Whether a value fits; `None` where that must be evaluated.
    pub(super) fn takes(&self, value: &Feel) -> Option<bool> {
        let Self::Of { pieces, negated } = self else { return Some(true) };
        for piece in pieces {
            if piece.takes(value)? {
                return Some(!negated);
            }
        }
        Some(*negated)
    }

    /// The values that are written in it.
    pub(super) fn values(&self) -> Vec<&Feel> {
        let Self::Of { pieces, .. } = self else { return Vec::new() };
        pieces.iter().flat_map(|piece| [&piece.low, &piece.high]).flatten().map(|(value, _)| value).collect()
    }

    /// What unary tests say, where they say it without variables.
    pub(super) fn of(node: &AstNode) -> Option<Self> {
        let (items, negated) = match node {
            AstNode::Irrelevant => return Some(Self::Any),
            AstNode::ExpressionList(items) => (items, false),
            AstNode::NegatedList(items) => (items, true),
            _ => return None,
        };
        // What is not this one is all else, where it stands alone.
        if let (false, [AstNode::UnaryNe(value)]) = (negated, items.as_slice()) {
            return Some(Self::Of { pieces: vec![Piece::exactly(constant(value)?)], negated: true });
        }
        let pieces = items.iter().map(piece).collect::<Option<Vec<_>>>()?;
        let kind = pieces.first()?.value().map(std::mem::discriminant);
        let alike = pieces.iter().all(|piece| piece.value().map(std::mem::discriminant) == kind);
        alike.then_some(Self::Of { pieces, negated })
    }
}

fn piece(node: &AstNode) -> Option<Piece> {
    Some(match node {
        AstNode::UnaryLt(value) => Piece { low: None, high: Some((constant(value)?, false)) },
        AstNode::UnaryLe(value) => Piece { low: None, high: Some((constant(value)?, true)) },
        AstNode::UnaryGt(value) => Piece { low: Some((constant(value)?, false)), high: None },
        AstNode::UnaryGe(value) => Piece { low: Some((constant(value)?, true)), high: None },
        AstNode::UnaryEq(value) => Piece::exactly(constant(value)?),
        AstNode::Range(start, end) => {
            let (AstNode::IntervalStart(start, open), AstNode::IntervalEnd(end, close)) =
                (start.as_ref(), end.as_ref())
            else {
                return None;
            };
            let side = |value: &AstNode, kind: &IntervalType| match kind {
                IntervalType::Opened => Some((constant(value)?, false)),
                IntervalType::Closed => Some((constant(value)?, true)),
                IntervalType::OpenedUndef | IntervalType::ClosedUndef => None,
            };
            let (low, high) = (side(start, open)?, side(end, close)?);
            compare(&low.0, &high.0)?;
            Piece { low: Some(low), high: Some(high) }
        }
        value => Piece::exactly(constant(value)?),
    })
}

/// A value that is written down, of a kind whose values stand in an order.
fn constant(node: &AstNode) -> Option<Feel> {
    let written = |node: &AstNode| match node {
        AstNode::Numeric(..) | AstNode::String(_) | AstNode::Boolean(_) | AstNode::At(_) => true,
        AstNode::Neg(value) => matches!(value.as_ref(), AstNode::Numeric(..)),
        AstNode::FunctionInvocation(called, given) => {
            let date = matches!(called.as_ref(), AstNode::Name(name) if name.as_str() == "date");
            date && tree::below(given).iter().all(|node| matches!(node, AstNode::String(_) | AstNode::Numeric(..)))
        }
        _ => false,
    };
    if !written(node) {
        return None;
    }
    let value = dsntk_feel_evaluator::evaluate(&FeelScope::default(), node);
    compare(&value, &value).map(|_| value)
}

/// The rows of a table.
pub(super) struct FeelRows {
    pub(super) rows: Vec<Vec<Arc<dyn Expression>>>,
}

/// The cell of compiled tests.
pub(super) fn cell(tests: &dyn Expression) -> Option<&Cell> {
    match tests.compiled().downcast_ref::<Run>() {
        Some(Run::Tests { cell, .. }) => cell.as_ref(),
        Some(Run::Always) => Some(&Cell::Any),
        _ => None,
    }
}

fn holds(scope: &dyn Scope, tests: &dyn Expression, input: &Datum) -> Result<Option<bool>, ExpressionFault> {
    match cell(tests).and_then(|cell| cell.takes(feel(input))) {
        Some(holds) => Ok(Some(holds)),
        None => scope.holds(tests, input),
    }
}

impl Rows for FeelRows {
    fn matching(&self, scope: &dyn Scope, inputs: &[Datum], only_first: bool) -> Result<Vec<usize>, ExpressionFault> {
        let mut found = Vec::new();
        'rows: for (index, row) in self.rows.iter().enumerate() {
            for (tests, input) in row.iter().zip(inputs) {
                if holds(scope, &**tests, input)? != Some(true) {
                    continue 'rows;
                }
            }
            found.push(index);
            if only_first {
                break;
            }
        }
        Ok(found)
    }

    fn tests(&self, scope: &dyn Scope, row: usize, inputs: &[Datum]) -> Result<Vec<Option<bool>>, ExpressionFault> {
        let row = self.rows.get(row).map(Vec::as_slice).unwrap_or_default();
        row.iter().zip(inputs).map(|(tests, input)| holds(scope, &**tests, input)).collect()
    }

    fn coverage(&self, columns: &[Column], most: usize) -> Coverage {
        super::coverage::of(&self.rows, columns, most)
    }
}
