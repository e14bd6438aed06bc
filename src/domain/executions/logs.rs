//! The journal as lines of a log: how much each matters, and what it says in a sentence.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::port::records::{Filter, Scalar};

/// The longest sentence, in characters.
const LONGEST: usize = 2_200;
/// The longest value of a variable in a sentence, in characters.
const LONGEST_VALUE: usize = 200;

/// How much a line matters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    /// Every move: nodes come to, ways taken, values set.
    #[default]
    Debug,
    /// What was begun, done, waited for, said, and what people did.
    Info,
    /// What went wrong and goes on: tried again, over time, left out, called off.
    Warning,
    /// What failed for good.
    Error,
}

/// What a line tells beside its place and time.
pub(super) struct Told {
    pub(super) level: Level,
    pub(super) event: String,
    pub(super) node: Option<String>,
    pub(super) message: String,
}

/// The lines that can matter as much as this or more; `told` judges the rest.
pub(super) fn at_least(level: Level) -> Filter {
    let named =
        |names: &[&str]| Filter::In("event", names.iter().map(|name| Scalar::Text((*name).to_owned())).collect());
    match level {
        Level::Debug => Filter::All,
        Level::Info => Filter::Not(Box::new(named(&["entered", "took", "set"]))),
        Level::Warning => named(&["failed", "timedOut", "skipped", "cancelled", "ended"]),
        Level::Error => named(&["failed", "ended"]),
    }
}

/// Reads a line of the journal.
pub(super) fn told(body: &Map<String, Value>) -> Told {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let number = |name: &str| body.get(name).and_then(Value::as_u64);
    let event = text("event").unwrap_or_default();
    let node = text("node");
    let at = node.map_or_else(|| "the execution".to_owned(), |node| format!("'{node}'"));
    let item = number("item").map(|item| format!(" for item {item}")).unwrap_or_default();
    let again = text("againAt");
    let level = match event {
        "entered" | "took" | "set" => Level::Debug,
        "failed" if again.is_some() => Level::Warning,
        "failed" => Level::Error,
        "ended" if text("status") == Some("failed") => Level::Error,
        "timedOut" | "skipped" | "cancelled" => Level::Warning,
        _ => Level::Info,
    };
    let message = match event {
        "entered" => format!("came to {at}"),
        "began" => match number("attempt") {
            Some(attempt) if attempt > 1 => format!("began {at}{item}, attempt {attempt}"),
            _ => format!("began {at}{item}"),
        },
        "done" => format!("{at} is done{item}"),
        "failed" => {
            let (code, why) = (text("code").unwrap_or_default(), text("message").unwrap_or_default());
            let again = again.map(|again| format!("; it is tried again at {again}")).unwrap_or_default();
            format!("{at} failed{item} with {code}: {why}{again}")
        }
        "timedOut" => format!("{at} took longer than it may"),
        "skipped" => format!("{at} was left out"),
        "waits" => match text("until") {
            Some(until) => format!("{at} waits until {until}"),
            None => format!("{at} waits for what is to come"),
        },
        "came" => format!("what {at} waited for has come"),
        "set" => {
            let values = body.get("values").and_then(Value::as_object);
            let values = values.into_iter().flatten().map(|(name, value)| format!("{name} = {}", short(value)));
            format!("set {}", values.collect::<Vec<_>>().join(", "))
        }
        "took" => format!("{at} went on by '{}'", text("edge").unwrap_or_default()),
        "undone" => format!("what '{}' did was taken back", text("of").unwrap_or_default()),
        "ended" => format!("the execution ended: {}", text("status").unwrap_or_default()),
        "said" => format!("{at} said{item}: {}", text("text").unwrap_or_default()),
        other => {
            let by = text("by").map(|by| format!(" by {by}")).unwrap_or_default();
            let detail = body.get("detail").map(|detail| format!(": {}", short(detail))).unwrap_or_default();
            format!("{}{by}{detail}", other.replace('_', " "))
        }
    };
    let message = cut(&message, LONGEST);
    Told { level, event: event.to_owned(), node: node.map(str::to_owned), message }
}

fn short(value: &Value) -> String {
    cut(&value.to_string(), LONGEST_VALUE)
}

fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(body: Value) -> (Level, String) {
        let Value::Object(body) = body else { panic!("no object") };
        let told = told(&body);
        (told.level, told.message)
    }

    #[test]
    fn a_failure_that_passes_is_a_warning_and_one_for_good_an_error() {
        let passing = json!({ "event": "failed", "node": "look", "code": "unavailable", "message": "away", "againAt": "2026-11-20T12:00:10.000Z" });
        assert_eq!(
            of(passing),
            (
                Level::Warning,
                "'look' failed with unavailable: away; it is tried again at 2026-11-20T12:00:10.000Z".to_owned()
            )
        );
        let good = json!({ "event": "failed", "node": "look", "code": "not_found", "message": "nothing", "item": 2 });
        assert_eq!(of(good), (Level::Error, "'look' failed for item 2 with not_found: nothing".to_owned()));
    }

    #[test]
    fn a_long_value_is_cut_where_a_character_ends() {
        let (level, message) = of(json!({ "event": "set", "node": "a", "values": { "text": "ä".repeat(5_000) } }));
        assert_eq!(level, Level::Debug);
        assert!(message.starts_with("set text = \"ä") && message.ends_with('…') && message.chars().count() < 230);
    }

    #[test]
    fn what_people_did_is_told_with_who_and_why() {
        let told = of(json!({ "event": "paused", "by": "u1", "detail": { "reason": "legal" } }));
        assert_eq!(told, (Level::Info, "paused by u1: {\"reason\":\"legal\"}".to_owned()));
    }
}
