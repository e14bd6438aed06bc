//! What is kept of the whole index: the generation in force, its mark, and how far the next one has come. The mark is a field for each
//! generation, so that who was overtaken while writing marks what nobody looks at any more.

use std::collections::HashMap;

use qdrant_client::qdrant::Value;
use qdrant_client::qdrant::value::Kind;
use uuid::Uuid;

use crate::port::vectors::Reached;

/// Fields of the point that holds it.
pub(super) type Payload = HashMap<String, Value>;

const GENERATION: &str = "generation";
const FROM: &str = "next_from";
const AFTER: &str = "next_after";
const READ: &str = "next_read";

/// What is kept of the whole index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) generation: u64,
    pub(super) mark: Option<i64>,
    pub(super) next: Option<Reached>,
}

impl State {
    pub(super) fn read(payload: &Payload) -> Self {
        let number = |name: &str| payload.get(name).and_then(Value::as_integer);
        let whole = |name: &str| number(name).and_then(|number| u64::try_from(number).ok());
        let generation = whole(GENERATION).unwrap_or(0);
        let after = payload.get(AFTER).and_then(Value::as_str).and_then(|after| after.parse::<Uuid>().ok());
        let next = number(FROM).map(|from| Reached { from, after, read: whole(READ).unwrap_or(0) });
        Self { generation, mark: number(&mark_of(generation)), next }
    }

    /// The fields that set the mark of a generation.
    pub(super) fn mark(generation: u64, mark: i64) -> Payload {
        Payload::from([(mark_of(generation), mark.into())])
    }

    /// The fields that say how far the next one has come.
    pub(super) fn next(reached: Option<Reached>) -> Payload {
        let nothing = Value { kind: Some(Kind::NullValue(0)) };
        let (from, after, read) = match reached {
            Some(Reached { from, after, read }) => (
                Value::from(from),
                after.map_or(nothing, |after| Value::from(after.to_string())),
                Value::from(i64::try_from(read).unwrap_or(i64::MAX)),
            ),
            None => (nothing.clone(), nothing.clone(), nothing),
        };
        Payload::from([(FROM.to_owned(), from), (AFTER.to_owned(), after), (READ.to_owned(), read)])
    }

    /// The fields that put another generation in force.
    pub(super) fn turned(generation: u64, mark: i64) -> Payload {
        let mut payload = Self::next(None);
        payload.extend(Self::mark(generation, mark));
        payload.insert(GENERATION.to_owned(), Value::from(i64::try_from(generation).unwrap_or(i64::MAX)));
        payload
    }
}

fn mark_of(generation: u64) -> String {
    format!("mark_{generation}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_each_generation_has_its_mark() {
        assert_eq!(State::read(&Payload::new()), State::default());
        let reached = Reached { from: 7, after: Some(Uuid::from_u128(3)), read: 2 };
        let mut payload = State::mark(0, 5);
        payload.extend(State::next(Some(reached)));
        assert_eq!(State::read(&payload), State { generation: 0, mark: Some(5), next: Some(reached) });
        payload.extend(State::turned(1, 7));
        // Somebody was overtaken.
        payload.extend(State::mark(0, 9));
        assert_eq!(State::read(&payload), State { generation: 1, mark: Some(7), next: None });
    }
}
