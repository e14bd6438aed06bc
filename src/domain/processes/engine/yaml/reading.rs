//! YAML as JSON. Aliases are read and counted as what they stand for, so that a few lines cannot become millions; tags that make something are
//! not read; keys are texts and are there once.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};
use serde_json::{Map, Number, Value};

/// The largest text.
const LARGEST: usize = 4_000_000;
/// Lists and maps within each other.
const DEEPEST: usize = 64;
/// Values, those that aliases stand for included.
const MOST: usize = 200_000;

/// Why a text is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong.
    pub say: String,
}

fn broken(span: Span, say: impl Into<String>) -> Broken {
    Broken { line: span.start.line().max(1), column: span.start.col() + 1, say: say.into() }
}

fn scan(error: &ScanError) -> Broken {
    let place = error.marker();
    Broken {
        line: place.line().max(1),
        column: place.col() + 1,
        say: format!("it is no well-formed YAML: {}", error.info()),
    }
}

/// A list or map that is being read.
struct Open {
    value: Value,
    /// The key whose value comes next.
    key: Option<String>,
    anchor: usize,
    /// How many values there were before it.
    before: usize,
}

/// Reads a text that is one document.
///
/// # Errors
/// Where and why it is not read.
pub fn read(text: &str) -> Result<Value, Broken> {
    if text.len() > LARGEST {
        return Err(Broken { line: 1, column: 1, say: format!("the text has more than {LARGEST} bytes") });
    }
    let mut open: Vec<Open> = Vec::new();
    let mut anchors: HashMap<usize, (Value, usize)> = HashMap::new();
    let mut count = 0;
    let mut whole = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| scan(&error))?;
        let mut done = None;
        match event {
            Event::DocumentStart(_) if whole.is_some() => return Err(broken(span, "there is a second document")),
            Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            Event::Alias(id) => {
                let (value, size) =
                    anchors.get(&id).ok_or_else(|| broken(span, "the alias stands for something that is not done"))?;
                count += size;
                if count > MOST {
                    return Err(broken(
                        span,
                        format!("there are more than {MOST} values, with what aliases stand for"),
                    ));
                }
                done = Some((value.clone(), 0, count - size));
            }
            Event::Scalar(text, style, anchor, tag) => {
                count += 1;
                done = Some((resolved(&text, style, tag.as_deref(), span, &open)?, anchor, count - 1));
            }
            Event::SequenceStart(..) | Event::MappingStart(..) if open.len() >= DEEPEST => {
                return Err(broken(span, format!("there are more than {DEEPEST} lists and maps within each other")));
            }
            Event::SequenceStart(anchor, tag) => {
                known(tag.as_deref(), "seq", span)?;
                count += 1;
                open.push(Open { value: Value::Array(Vec::new()), key: None, anchor, before: count - 1 });
            }
            Event::MappingStart(anchor, tag) => {
                known(tag.as_deref(), "map", span)?;
                count += 1;
                open.push(Open { value: Value::Object(Map::new()), key: None, anchor, before: count - 1 });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                done = open.pop().map(|one| (one.value, one.anchor, one.before));
            }
        }
        if count > MOST {
            return Err(broken(span, format!("there are more than {MOST} values")));
        }
        let Some((value, anchor, before)) = done else { continue };
        if anchor > 0 {
            // What is remembered takes room, too.
            count += count - before;
            anchors.insert(anchor, (value.clone(), count - before));
        }
        match open.last_mut() {
            None => whole = Some(value),
            Some(parent) => put(parent, value, span)?,
        }
    }
    whole.ok_or_else(|| Broken { line: 1, column: 1, say: "there is nothing in it".to_owned() })
}

fn put(parent: &mut Open, value: Value, span: Span) -> Result<(), Broken> {
    match &mut parent.value {
        Value::Array(items) => items.push(value),
        Value::Object(members) => match parent.key.take() {
            None => match value {
                Value::String(key) => parent.key = Some(key),
                _ => return Err(broken(span, "a key is no text")),
            },
            Some(key) => {
                if members.contains_key(&key) {
                    let key: String = key.chars().take(80).collect();
                    return Err(broken(span, format!("'{key}' is there twice")));
                }
                members.insert(key, value);
            }
        },
        _ => {}
    }
    Ok(())
}

/// Whether a tag is the one that a value has anyway.
fn known(tag: Option<&Tag>, name: &str, span: Span) -> Result<(), Broken> {
    match tag {
        Some(tag) if !(tag.is_yaml_core_schema() && tag.suffix == name || tag.suffix.is_empty()) => {
            Err(broken(span, "the tag is not read: write what is meant without it"))
        }
        _ => Ok(()),
    }
}

/// What a scalar means: by its tag, else a text where it is in quotes or a key, else by how it looks.
fn resolved(text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span, open: &[Open]) -> Result<Value, Broken> {
    let is_key = open.last().is_some_and(|parent| parent.value.is_object() && parent.key.is_none());
    let is_text = match tag {
        Some(tag) if tag.is_yaml_core_schema() && matches!(tag.suffix.as_str(), "int" | "float" | "bool" | "null") => {
            false
        }
        Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" || tag.suffix.is_empty() => true,
        Some(_) => return Err(broken(span, "the tag is not read: write what is meant without it")),
        None => style != ScalarStyle::Plain,
    };
    if is_text || is_key {
        return Ok(Value::String(text.to_owned()));
    }
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => match number(text) {
            Some(Looks::Number(number)) => Value::Number(number),
            Some(Looks::Unsayable) => {
                return Err(broken(
                    span,
                    format!(
                        "'{}' is a number that JSON cannot say: put it in quotes",
                        text.chars().take(40).collect::<String>()
                    ),
                ));
            }
            None => Value::String(text.to_owned()),
        },
    })
}

/// A text that looks like a number.
enum Looks {
    Number(Number),
    /// One that JSON cannot say.
    Unsayable,
}

fn looks(number: Option<Number>) -> Looks {
    number.map_or(Looks::Unsayable, Looks::Number)
}

/// The number that a text looks like.
fn number(text: &str) -> Option<Looks> {
    let plain = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(plain, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(Looks::Unsayable);
    }
    let radix = |prefix: &str, radix: u32| {
        text.strip_prefix(prefix)
            .filter(|rest| !rest.is_empty() && rest.chars().all(|one| one.is_digit(radix)))
            .map(|rest| u64::from_str_radix(rest, radix).ok())
    };
    if let Some(whole) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return Some(looks(whole.map(Number::from)));
    }
    let (mantissa, exponent) =
        plain.split_once(['e', 'E']).map_or((plain, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let digits = |text: &str| text.bytes().all(|one| one.is_ascii_digit());
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !digits(whole) || !digits(part) || whole.is_empty() && part.is_empty() {
        return None;
    }
    if let Some(exponent) = exponent {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        if exponent.is_empty() || !digits(exponent) {
            return None;
        }
    }
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    if exponent.is_none() && !mantissa.contains('.') {
        if let Ok(number) = unsigned.parse::<u64>() {
            return Some(Looks::Number(number.into()));
        }
        if let Ok(number) = unsigned.parse::<i64>() {
            return Some(Looks::Number(number.into()));
        }
    }
    Some(looks(unsigned.parse::<f64>().ok().and_then(Number::from_f64)))
}
