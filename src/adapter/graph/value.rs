//! Values of a query: how they are compared and ordered, as Cypher does it. A null stands for what is not known: a comparison with it is
//! neither true nor false.

use std::cmp::Ordering;

use serde_json::Value;

use crate::port::graph::GraphFault;
use crate::port::graph_query::{Comparing, Finding};

/// Whether two values are equal; nothing where one is not known.
pub(super) fn equal(one: &Value, other: &Value) -> Option<bool> {
    match (one, other) {
        (Value::Null, _) | (_, Value::Null) => None,
        (Value::Number(_), Value::Number(_)) => Some(order_of_numbers(one, other) == Some(Ordering::Equal)),
        (Value::Array(some), Value::Array(others)) => {
            if some.len() != others.len() {
                return Some(false);
            }
            let each = some.iter().zip(others).map(|(one, other)| equal(one, other));
            all(each)
        }
        _ => Some(one == other),
    }
}

/// Whether all hold: false where one is false, unknown where one is not known.
pub(super) fn all(each: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = true;
    for one in each {
        match one {
            Some(false) => return Some(false),
            Some(true) => {}
            None => known = false,
        }
    }
    known.then_some(true)
}

/// Compares two values; nothing where that says nothing.
pub(super) fn compare(one: &Value, how: Comparing, other: &Value) -> Option<bool> {
    match how {
        Comparing::Equal => return equal(one, other),
        Comparing::Unequal => return equal(one, other).map(|equal| !equal),
        _ => {}
    }
    let order = match (one, other) {
        (Value::Number(_), Value::Number(_)) => order_of_numbers(one, other)?,
        (Value::String(one), Value::String(other)) => one.cmp(other),
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        _ => return None,
    };
    Some(match how {
        Comparing::Less => order.is_lt(),
        Comparing::AtMost => order.is_le(),
        Comparing::Greater => order.is_gt(),
        Comparing::AtLeast => order.is_ge(),
        Comparing::Equal | Comparing::Unequal => order.is_eq(),
    })
}

/// Looks for a text in another; nothing where one of them is no text.
pub(super) fn find(one: &Value, how: Finding, other: &Value) -> Option<bool> {
    let (Value::String(text), Value::String(part)) = (one, other) else { return None };
    Some(match how {
        Finding::Contains => text.contains(part.as_str()),
        Finding::StartsWith => text.starts_with(part.as_str()),
        Finding::EndsWith => text.ends_with(part.as_str()),
    })
}

/// Whether a value is among those of a list.
pub(super) fn among(one: &Value, list: &Value) -> Result<Option<bool>, GraphFault> {
    let list = match list {
        Value::Null => return Ok(None),
        Value::Array(list) => list,
        _ => return Err(GraphFault::Unfit("what stands behind IN must be a list".to_owned())),
    };
    let mut unknown = false;
    for other in list {
        match equal(one, other) {
            Some(true) => return Ok(Some(true)),
            Some(false) => {}
            None => unknown = true,
        }
    }
    Ok((!unknown).then_some(false))
}

/// The truth of a value.
pub(super) fn truth(value: &Value) -> Result<Option<bool>, GraphFault> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(holds) => Ok(Some(*holds)),
        _ => Err(GraphFault::Unfit("a condition must be true or false: compare the value with another".to_owned())),
    }
}

/// A truth as a value.
pub(super) fn told(truth: Option<bool>) -> Value {
    truth.map_or(Value::Null, Value::Bool)
}

fn order_of_numbers(one: &Value, other: &Value) -> Option<Ordering> {
    if let (Some(one), Some(other)) = (one.as_i64(), other.as_i64()) {
        return Some(one.cmp(&other));
    }
    one.as_f64()?.partial_cmp(&other.as_f64()?)
}

/// The order of any two values: by kind, then by what they hold; nulls last.
pub(super) fn order(one: &Value, other: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Object(_) => 0,
        Value::Array(_) => 1,
        Value::String(_) => 2,
        Value::Bool(_) => 3,
        Value::Number(_) => 4,
        Value::Null => 5,
    };
    match (one, other) {
        (Value::Number(_), Value::Number(_)) => order_of_numbers(one, other).unwrap_or(Ordering::Equal),
        (Value::String(one), Value::String(other)) => one.cmp(other),
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        (Value::Array(one), Value::Array(other)) => {
            let differing = one.iter().zip(other).map(|(one, other)| order(one, other)).find(|order| order.is_ne());
            differing.unwrap_or_else(|| one.len().cmp(&other.len()))
        }
        (Value::Object(_), Value::Object(_)) => one.to_string().cmp(&other.to_string()),
        _ => rank(one).cmp(&rank(other)),
    }
}

/// Bytes that a value takes, roughly.
pub(super) fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 32,
        Value::String(text) => 48 + text.len(),
        Value::Array(list) => 48 + list.iter().map(weight).sum::<usize>(),
        Value::Object(all) => 64 + all.iter().map(|(name, value)| 48 + name.len() + weight(value)).sum::<usize>(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_known_is_neither_true_nor_false() {
        assert_eq!(equal(&json!(1), &json!(1.0)), Some(true));
        assert_eq!(equal(&json!(1), &json!("1")), Some(false));
        assert_eq!(equal(&json!(null), &json!(null)), None);
        assert_eq!(equal(&json!([1, null]), &json!([1, 2])), None);
        assert_eq!(equal(&json!([1, null]), &json!([2, 2])), Some(false));
        assert_eq!(compare(&json!(1), Comparing::Less, &json!("a")), None);
        assert_eq!(compare(&json!(1), Comparing::Unequal, &json!("a")), Some(true));
        assert_eq!(compare(&json!(i64::MAX), Comparing::Greater, &json!(i64::MAX - 1)), Some(true));
        assert_eq!(among(&json!(3), &json!([1, null])), Ok(None));
        assert_eq!(among(&json!(1), &json!([1, null])), Ok(Some(true)));
        assert_eq!(among(&json!(3), &json!([])), Ok(Some(false)));
        assert!(among(&json!(3), &json!("3")).is_err() && truth(&json!(1)).is_err());
    }

    #[test]
    fn everything_has_an_order_with_nulls_last() {
        let mut all =
            vec![json!(null), json!(2), json!("b"), json!(true), json!(1.5), json!("a"), json!([1]), json!({})];
        all.sort_by(order);
        assert_eq!(
            all,
            [json!({}), json!([1]), json!("a"), json!("b"), json!(true), json!(1.5), json!(2), json!(null)]
        );
    }
}
