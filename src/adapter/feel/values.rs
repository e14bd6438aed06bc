//! FEEL's values from JSON and to JSON.

use dsntk_feel::context::FeelContext;
use dsntk_feel::values::Value as Feel;
use dsntk_feel::{FeelNumber, IntervalType, Name};
use dsntk_feel_temporal::{FeelDate, FeelDateTime, FeelDaysAndTimeDuration, FeelTime, FeelYearsAndMonthsDuration};
use serde_json::{Map, Number, Value};

use crate::port::expressions::Kind;

/// Values may nest so deep; dropping and copying them takes a frame a level.
const DEEPEST: usize = 100;

/// Why a value is not of its kind: the place as a JSON pointer, and what is wrong.
pub(super) type Unfit = (String, String);

/// A name as expressions write it: one space between words, none around signs.
pub(super) fn name(text: &str) -> Name {
    let mut parts: Vec<String> = Vec::new();
    let mut word = String::new();
    for sign in text.chars() {
        let alone = matches!(sign, '.' | '/' | '-' | '\'' | '+' | '*');
        if sign.is_whitespace() || alone {
            parts.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        } else {
            word.push(sign);
        }
        parts.extend(alone.then(|| sign.to_string()));
    }
    parts.extend((!word.is_empty()).then_some(word));
    Name::from(parts)
}

/// Reads JSON.
pub(super) fn read(json: &Value, kind: &Kind) -> Result<Feel, Unfit> {
    read_below(json, kind, &mut String::new(), DEEPEST)
}

fn read_below(json: &Value, kind: &Kind, at: &mut String, depth: usize) -> Result<Feel, Unfit> {
    if depth == 0 {
        return Err((at.clone(), format!("nests deeper than {DEEPEST}")));
    }
    match (json, kind) {
        (Value::Null, _) => Ok(Feel::Null(None)),
        (Value::Bool(it), Kind::Any | Kind::Boolean) => Ok(Feel::Boolean(*it)),
        (Value::Number(it), Kind::Any | Kind::Number) => {
            number(it).map(Feel::Number).ok_or_else(|| (at.clone(), format!("{it} is no number that FEEL has")))
        }
        (Value::String(it), Kind::Any | Kind::Text) => Ok(Feel::String(it.clone())),
        (Value::String(it), Kind::Date | Kind::Time | Kind::DateTime | Kind::DaysAndTime | Kind::YearsAndMonths) => {
            temporal(it, kind).ok_or_else(|| (at.clone(), format!("'{it}' is no {}", kind.name())))
        }
        (Value::Array(items), Kind::Any | Kind::List(_)) => {
            let inner = if let Kind::List(inner) = kind { inner.as_ref() } else { &Kind::Any };
            let mut values = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                let before = at.len();
                at.push('/');
                at.push_str(&index.to_string());
                values.push(read_below(item, inner, at, depth - 1)?);
                at.truncate(before);
            }
            Ok(Feel::List(values))
        }
        // A single value where a list is asked for is a list of it, as FEEL has it.
        (single, Kind::List(inner)) => Ok(Feel::List(vec![read_below(single, inner, at, depth - 1)?])),
        (Value::Object(fields), Kind::Any | Kind::Context(_)) => {
            let mut context = FeelContext::default();
            for (key, value) in fields {
                let before = at.len();
                at.push('/');
                at.push_str(&key.replace('~', "~0").replace('/', "~1"));
                let kind = if let Kind::Context(kinds) = kind { kinds.get(key) } else { None };
                let value = read_below(value, kind.unwrap_or(&Kind::Any), at, depth - 1)?;
                context.set_entry(&name(key), value);
                at.truncate(before);
            }
            Ok(Feel::Context(context))
        }
        (other, kind) => Err((at.clone(), format!("a {} is needed, this is {}", kind.name(), kind_of_json(other)))),
    }
}

fn kind_of_json(json: &Value) -> &'static str {
    match json {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn number(number: &Number) -> Option<FeelNumber> {
    if let Some(it) = number.as_i64() {
        return Some(FeelNumber::from(it));
    }
    if let Some(it) = number.as_u64() {
        return Some(FeelNumber::from(it));
    }
    // What a double is written as at its shortest is what was meant: 0.1 is a tenth.
    number.to_string().parse().ok()
}

fn temporal(text: &str, kind: &Kind) -> Option<Feel> {
    match kind {
        Kind::Date => text.parse::<FeelDate>().ok().map(Feel::Date),
        Kind::Time => text.parse::<FeelTime>().ok().map(Feel::Time),
        Kind::DateTime => FeelDateTime::try_from(text).ok().map(Feel::DateTime),
        Kind::DaysAndTime => FeelDaysAndTimeDuration::try_from(text).ok().map(Feel::DaysAndTimeDuration),
        Kind::YearsAndMonths => FeelYearsAndMonthsDuration::try_from(text).ok().map(Feel::YearsAndMonthsDuration),
        _ => None,
    }
}

/// Tells a value as JSON.
pub(super) fn tell(value: &Feel) -> Value {
    match value {
        Feel::Boolean(it) => Value::Bool(*it),
        Feel::Number(it) => tell_number(it),
        Feel::String(it) => Value::String(it.clone()),
        Feel::List(items) | Feel::ExpressionList(items) => Value::Array(items.iter().map(tell).collect()),
        Feel::Context(context) => {
            Value::Object(context.iter().map(|(key, value)| (key.to_string(), tell(value))).collect::<Map<_, _>>())
        }
        Feel::Date(it) => Value::String(it.to_string()),
        Feel::Time(it) => Value::String(it.to_string()),
        Feel::DateTime(it) => Value::String(it.to_string()),
        Feel::DaysAndTimeDuration(it) => Value::String(it.to_string()),
        Feel::YearsAndMonthsDuration(it) => Value::String(it.to_string()),
        Feel::Range(start, start_type, end, end_type) => {
            let end_of = |value: &Feel, kind: &IntervalType| match (kind, value) {
                (IntervalType::OpenedUndef | IntervalType::ClosedUndef, _) => String::new(),
                (_, value) => value.to_string(),
            };
            let (open, close) =
                (if start_type.opened() { '(' } else { '[' }, if end_type.opened() { ')' } else { ']' });
            Value::String(format!("{open}{}..{}{close}", end_of(start, start_type), end_of(end, end_type)))
        }
        Feel::FunctionDefinition(parameters, ..) => {
            let names: Vec<String> = parameters.iter().map(|(name, _)| name.to_string()).collect();
            Value::String(format!("function({})", names.join(", ")))
        }
        Feel::BuiltInFunction(_) => Value::String("function".to_owned()),
        // Everything else is of the evaluator's own workings.
        _ => Value::Null,
    }
}

fn tell_number(number: &FeelNumber) -> Value {
    let text = number.to_string();
    // 15.00 is fifteen.
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if let Ok(whole) = text.parse::<i64>() {
        return whole.into();
    }
    if let Ok(whole) = text.parse::<u64>() {
        return whole.into();
    }
    // The nearest double; beyond what a double holds there is only the text.
    text.parse::<f64>().ok().and_then(Number::from_f64).map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

/// What kind of value it is.
pub(super) fn kind_of(value: &Feel) -> String {
    match value {
        Feel::Null(_) => "null".to_owned(),
        Feel::List(_) => "list".to_owned(),
        Feel::Context(_) => "context".to_owned(),
        Feel::FunctionDefinition(..) | Feel::BuiltInFunction(_) => "function".to_owned(),
        Feel::Range(..) => "range".to_owned(),
        other => other.type_of().to_string(),
    }
}

/// Whether a value is of a kind.
pub(super) fn is_of(value: &Feel, kind: &Kind) -> bool {
    match (value, kind) {
        (Feel::List(items), Kind::List(inner)) => items.iter().all(|item| is_of(item, inner)),
        (Feel::Context(context), Kind::Context(kinds)) => {
            kinds.iter().all(|(key, kind)| context.get_entry(&name(key)).is_none_or(|value| is_of(value, kind)))
        }
        (Feel::Null(_), _)
        | (_, Kind::Any)
        | (Feel::Boolean(_), Kind::Boolean)
        | (Feel::Number(_), Kind::Number)
        | (Feel::String(_), Kind::Text)
        | (Feel::Date(_), Kind::Date)
        | (Feel::Time(_), Kind::Time)
        | (Feel::DateTime(_), Kind::DateTime)
        | (Feel::DaysAndTimeDuration(_), Kind::DaysAndTime)
        | (Feel::YearsAndMonthsDuration(_), Kind::YearsAndMonths) => true,
        _ => false,
    }
}
