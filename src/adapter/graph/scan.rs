//! Where a pattern begins: at the node of it of which there are fewest, found by what the pattern and the condition say of it.

use serde_json::Value;
use uuid::Uuid;

use crate::port::graph::name_key;
use crate::port::graph_query::{Comparing, Expression, Function, NodePattern, Pattern};
use crate::port::records::{Filter, Scalar};

/// Where to begin, and which nodes may stand there.
pub(super) struct Anchor {
    /// The position of the node in its pattern.
    pub(super) at: usize,
    /// Which nodes.
    pub(super) filter: Filter,
}

/// The nodes of a pattern, in order.
pub(super) fn nodes(pattern: &Pattern) -> impl Iterator<Item = &NodePattern> {
    std::iter::once(&pattern.start).chain(pattern.steps.iter().map(|(_, node)| node))
}

/// The best place to begin.
pub(super) fn anchor(pattern: &Pattern, conditions: &[&Expression]) -> Anchor {
    let best =
        nodes(pattern).map(|node| filter(node, conditions)).enumerate().min_by_key(|(at, (rank, _))| (*rank, *at));
    match best {
        Some((at, (_, filter))) => Anchor { at, filter },
        None => Anchor { at: 0, filter: Filter::All },
    }
}

/// How few nodes fit, from 0 on, and what the store can find them by.
fn filter(node: &NodePattern, conditions: &[&Expression]) -> (u32, Filter) {
    let (mut rank, mut found) = (4, Filter::All);
    let mut take = |new: u32, filter: Filter| {
        if new < rank {
            (rank, found) = (new, filter);
        }
    };
    match node.types.as_slice() {
        [] => {}
        // In the order of its own index.
        [one] => take(3, Filter::is("type", Scalar::Text(one.clone()))),
        many => take(3, Filter::In("type", many.iter().cloned().map(Scalar::Text).collect())),
    }
    let known = node.properties.iter().map(|(name, value)| (name.as_str(), vec![value]));
    let said = conditions.iter().filter_map(|condition| said(node.variable, condition));
    for (name, values) in known.chain(said) {
        if let Some((rank, filter)) = by(name, &values) {
            take(rank, filter);
        }
    }
    (rank, found)
}

/// What a condition says that a property of the variable is one of.
pub(super) fn said<'c>(variable: usize, condition: &'c Expression) -> Option<(&'c str, Vec<&'c Value>)> {
    match condition {
        Expression::Compare(one, Comparing::Equal, other) => match (&**one, &**other) {
            (Expression::Literal(value), of) | (of, Expression::Literal(value)) => {
                Some((property(variable, of)?, vec![value]))
            }
            _ => None,
        },
        Expression::In(of, list) => {
            let name = property(variable, of)?;
            match &**list {
                Expression::Literal(Value::Array(values)) => Some((name, values.iter().collect())),
                Expression::List(all) => {
                    let value =
                        |one: &'c Expression| if let Expression::Literal(value) = one { Some(value) } else { None };
                    Some((name, all.iter().map(value).collect::<Option<_>>()?))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn property(variable: usize, of: &Expression) -> Option<&str> {
    match of {
        Expression::Property(of, name) if *of == variable => Some(name),
        Expression::Call(Function::Id, of) if *of == [Expression::Variable(variable)] => Some("id"),
        _ => None,
    }
}

/// The filter for one of these values of a property that is indexed.
fn by(name: &str, values: &[&Value]) -> Option<(u32, Filter)> {
    let texts: Vec<&str> = values.iter().filter_map(|value| value.as_str()).collect();
    match name {
        // What is no text, or no id, is the id of none.
        "id" => Some((
            0,
            Filter::In("id", texts.iter().filter_map(|text| Uuid::parse_str(text).ok()).map(Scalar::Id).collect()),
        )),
        "key" => Some((1, Filter::In("key", texts.into_iter().map(|text| Scalar::Text(text.to_owned())).collect()))),
        "name" => {
            Some((2, Filter::In("nameKey", texts.into_iter().map(|text| Scalar::Text(name_key(text))).collect())))
        }
        _ => None,
    }
}
