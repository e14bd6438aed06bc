//! What lists should answer, worked out plainly: filters and orders over documents in memory, and random ones of each.

use std::cmp::Ordering;

use convoke::kernel::time::Timestamp;
use convoke::port::records::{Comparison, Filter, Record, Scalar};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The fields that lists are sorted by.
pub(crate) const ORDERS: &[&str] =
    &["id", "displayName", "rank", "active", "seenAt", "leader", "owner", "visibility", "createdAt", "updatedAt"];

/// A repeatable source of chance.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below a bound.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

fn names() -> Vec<&'static str> {
    vec![
        "",
        "A",
        "a",
        "ab",
        "abc",
        "b",
        "é",
        "e\u{301}",
        "\u{10FFFF}",
        "a\u{10FFFF}x",
        "%",
        "_",
        "a%b",
        "'; --",
        "\"q\"",
    ]
}

fn leaders() -> Vec<Uuid> {
    [0u128, 1, 1 << 64, u128::MAX].into_iter().map(Uuid::from_u128).collect()
}

fn moments() -> Vec<Timestamp> {
    [-1, 0, 1, 1_763_640_000_000, 1_763_640_000_001].into_iter().map(Timestamp::from_millis).collect()
}

/// A document of which any field may be missing or null.
pub(crate) fn document(chance: &mut Chance) -> Value {
    let mut document = Map::new();
    let mut set = |chance: &mut Chance, name: &str, value: Value| match chance.below(5) {
        0 => {}
        1 => drop(document.insert(name.to_owned(), Value::Null)),
        _ => drop(document.insert(name.to_owned(), value)),
    };
    let name = chance.pick(&names());
    set(chance, "displayName", json!(name));
    let rank = chance.pick(&[i64::MIN, -1, 0, 1, 2, i64::MAX]);
    set(chance, "rank", json!(rank));
    let active = chance.below(2) == 0;
    set(chance, "active", json!(active));
    let seen = chance.pick(&moments());
    set(chance, "seenAt", json!(seen));
    let leader = chance.pick(&leaders());
    set(chance, "leader", json!(leader));
    Value::Object(document)
}

/// A filter of every shape that goes at most so deep.
pub(crate) fn filter(chance: &mut Chance, depth: u32) -> Filter {
    let field = chance.pick(&["displayName", "rank", "active", "seenAt", "leader"]);
    let kinds = if depth == 0 { 5 } else { 8 };
    match chance.below(kinds) {
        0 => Filter::All,
        1 => Filter::Compare(field, comparison(chance), scalar(chance, field)),
        2 => Filter::In(field, (0..chance.below(4)).map(|_| scalar(chance, field)).collect()),
        3 => Filter::IsNull(field),
        4 => Filter::StartsWith("displayName", chance.pick(&names()).to_owned()),
        5 => Filter::Not(Box::new(filter(chance, depth - 1))),
        6 => Filter::And((0..chance.below(4)).map(|_| filter(chance, depth - 1)).collect()),
        _ => Filter::Or((0..chance.below(4)).map(|_| filter(chance, depth - 1)).collect()),
    }
}

fn comparison(chance: &mut Chance) -> Comparison {
    chance.pick(&[Comparison::Equal, Comparison::Less, Comparison::AtMost, Comparison::Greater, Comparison::AtLeast])
}

fn scalar(chance: &mut Chance, field: &str) -> Scalar {
    if chance.below(8) == 0 {
        return Scalar::Null;
    }
    match field {
        "rank" => Scalar::Integer(chance.pick(&[i64::MIN, -1, 0, 1, 2, i64::MAX])),
        "active" => Scalar::Boolean(chance.below(2) == 0),
        "seenAt" => Scalar::Time(chance.pick(&moments())),
        "leader" => Scalar::Id(chance.pick(&leaders())),
        _ => Scalar::Text(chance.pick(&names()).to_owned()),
    }
}

/// The value of a field of a record.
pub(crate) fn value_of(record: &Record, field: &str) -> Scalar {
    let property = &record.body[field];
    let text = || property.as_str().unwrap_or_default();
    match field {
        "id" => Scalar::Id(record.id),
        "owner" => record.owner.map_or(Scalar::Null, Scalar::Id),
        "visibility" => Scalar::Text(serde_json::to_value(record.visibility).unwrap().as_str().unwrap().to_owned()),
        "createdAt" => Scalar::Time(record.created_at),
        "updatedAt" => Scalar::Time(record.updated_at),
        _ if property.is_null() => Scalar::Null,
        "rank" => Scalar::Integer(property.as_i64().unwrap()),
        "active" => Scalar::Boolean(property.as_bool().unwrap()),
        "seenAt" => Scalar::Time(text().parse().unwrap()),
        "leader" => Scalar::Id(text().parse().unwrap()),
        _ => Scalar::Text(text().to_owned()),
    }
}

/// How two values of one field are ordered: nulls first, texts by their bytes.
pub(crate) fn order(one: &Scalar, other: &Scalar) -> Ordering {
    match (one, other) {
        (Scalar::Null, Scalar::Null) => Ordering::Equal,
        (Scalar::Null, _) => Ordering::Less,
        (_, Scalar::Null) => Ordering::Greater,
        (Scalar::Text(one), Scalar::Text(other)) => one.as_bytes().cmp(other.as_bytes()),
        (Scalar::Integer(one), Scalar::Integer(other)) => one.cmp(other),
        (Scalar::Boolean(one), Scalar::Boolean(other)) => one.cmp(other),
        (Scalar::Time(one), Scalar::Time(other)) => one.cmp(other),
        (Scalar::Id(one), Scalar::Id(other)) => one.cmp(other),
        (one, other) => unreachable!("{one:?} and {other:?} are of different types"),
    }
}

/// Whether a record fits a filter.
pub(crate) fn fits(record: &Record, filter: &Filter) -> bool {
    let compares = |field: &str, scalar: &Scalar, holds: &dyn Fn(Ordering) -> bool| {
        let value = value_of(record, field);
        value != Scalar::Null && *scalar != Scalar::Null && holds(order(&value, scalar))
    };
    match filter {
        Filter::All => true,
        Filter::And(all) => all.iter().all(|one| fits(record, one)),
        Filter::Or(any) => any.iter().any(|one| fits(record, one)),
        Filter::Not(inner) => !fits(record, inner),
        Filter::Compare(field, comparison, scalar) => compares(field, scalar, &|order| match comparison {
            Comparison::Equal => order.is_eq(),
            Comparison::Less => order.is_lt(),
            Comparison::AtMost => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::AtLeast => order.is_ge(),
        }),
        Filter::In(field, scalars) => scalars.iter().any(|scalar| compares(field, scalar, &Ordering::is_eq)),
        Filter::IsNull(field) => value_of(record, field) == Scalar::Null,
        Filter::StartsWith(field, prefix) => {
            matches!(value_of(record, field), Scalar::Text(text) if text.starts_with(prefix.as_str()))
        }
        Filter::Matches(_) => unreachable!("full text has cases of its own"),
    }
}
