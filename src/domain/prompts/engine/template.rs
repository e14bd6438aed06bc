//! Templates: whether one is well formed, what it uses, and its text. The engine is minijinja, strict and bounded: an unknown
//! name is a fault, and a template can do only so much work and write only so much.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::LazyLock;

use minijinja::value::{Serde, ValueKind};
use minijinja::{Environment, ErrorKind, UndefinedBehavior, escape_formatter};
use serde_json::{Map, Value};

/// How much work a text may be: a unit is an instruction, or 64 bytes that are made.
const FUEL: u64 = 300_000;
/// How deep blocks and macros may be in each other: a block counts ten.
const DEEPEST: usize = 150;
/// The most bytes of an assembled text.
pub const MOST_BYTES: usize = 1 << 20;
/// The most bytes of a template.
pub const LONGEST: usize = 200_000;
/// The name of the template itself among its blocks.
pub const ITSELF: &str = "(template)";

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// What kind of fault.
    pub kind: WrongKind,
    /// The block, where it is not the template itself.
    pub block: Option<String>,
    /// The line.
    pub line: Option<usize>,
    /// What it is.
    pub say: String,
}

/// The kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrongKind {
    /// It is not well formed.
    Syntax,
    /// It is too much: work, text or depth.
    TooMuch,
    /// It uses what there is not.
    Undefined,
    /// It cannot be carried out with these values.
    Failed,
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.block, self.line) {
            (Some(block), Some(line)) => write!(formatter, "block '{block}' line {line}: {}", self.say),
            (Some(block), None) => write!(formatter, "block '{block}': {}", self.say),
            (None, Some(line)) => write!(formatter, "line {line}: {}", self.say),
            (None, None) => formatter.write_str(&self.say),
        }
    }
}

/// The engine without templates. Nothing loads one but what is added by name.
static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(FUEL));
    engine.set_recursion_limit(DEEPEST);
    // A prompt is text for a model, whatever its name ends in.
    engine.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    engine.remove_global("debug");
    // What is no text is written as JSON, as models know it, and not as Python writes it.
    engine.set_formatter(|out, state, value| match value.kind() {
        ValueKind::Map | ValueKind::Seq | ValueKind::Iterable | ValueKind::Bool | ValueKind::None => {
            let text = serde_json::to_string(value)
                .map_err(|error| minijinja::Error::new(ErrorKind::BadSerialization, error.to_string()))?;
            out.write_str(&text).map_err(minijinja::Error::from)
        }
        _ => escape_formatter(out, state, value),
    });
    engine
});

/// The names that a template finds without a variable.
fn is_known(name: &str) -> bool {
    ENGINE.globals().any(|(known, _)| known == name)
}

/// The names that a template takes from outside.
///
/// # Errors
/// When it is not well formed.
pub fn names(template: &str) -> Result<BTreeSet<String>, Wrong> {
    if template.len() > LONGEST {
        let say = format!("the template has {} bytes and may have {LONGEST}", template.len());
        return Err(Wrong { kind: WrongKind::TooMuch, block: None, line: None, say });
    }
    let parsed = ENGINE.template_from_named_str(ITSELF, template).map_err(|error| wrong(&error))?;
    Ok(parsed.undeclared_variables(false).into_iter().filter(|name| !is_known(name)).collect())
}

/// The text of a template with its blocks and values.
///
/// # Errors
/// Where it uses what there is not, does or writes too much, or cannot be carried out.
pub fn assembled(
    template: &str,
    blocks: &BTreeMap<String, String>,
    values: &Map<String, Value>,
) -> Result<String, Wrong> {
    let mut engine = ENGINE.clone();
    for (name, text) in blocks {
        engine.add_template_owned(name.clone(), text.clone()).map_err(|error| wrong(&error))?;
    }
    engine.add_template_owned(ITSELF, template.to_owned()).map_err(|error| wrong(&error))?;
    let parsed = engine.get_template(ITSELF).map_err(|error| wrong(&error))?;
    let mut text = Bounded(Vec::new());
    match parsed.render_captured_to(Serde(values), &mut text) {
        Ok(_) => String::from_utf8(text.0).map_err(|_| Wrong {
            kind: WrongKind::Failed,
            block: None,
            line: None,
            say: "the text is no UTF-8".to_owned(),
        }),
        Err(_) if text.0.len() >= MOST_BYTES => Err(too_much(format!("the text is longer than {MOST_BYTES} bytes"))),
        Err(error) => Err(wrong(&error)),
    }
}

/// Text up to a bound.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = MOST_BYTES.saturating_sub(self.0.len());
        self.0.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        if bytes.len() > room { Err(io::Error::from(io::ErrorKind::FileTooLarge)) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn too_much(say: String) -> Wrong {
    Wrong { kind: WrongKind::TooMuch, block: None, line: None, say }
}

/// A fault of the engine: the innermost one is where it happened.
fn wrong(error: &minijinja::Error) -> Wrong {
    let mut innermost = error;
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        if let Some(next) = next.downcast_ref::<minijinja::Error>() {
            innermost = next;
        }
        cause = next.source();
    }
    let kind = match innermost.kind() {
        ErrorKind::OutOfFuel => WrongKind::TooMuch,
        ErrorKind::UndefinedError => WrongKind::Undefined,
        // A filter, test or function that there is not is found when it is used.
        ErrorKind::SyntaxError | ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction => {
            WrongKind::Syntax
        }
        _ if innermost.detail().is_some_and(|detail| detail.contains("recursion limit")) => WrongKind::TooMuch,
        _ => WrongKind::Failed,
    };
    let say = match (kind, innermost.detail()) {
        (WrongKind::TooMuch, None) => "the template does more work than one may".to_owned(),
        (_, Some(detail)) => format!("{}: {detail}", innermost.kind()),
        (_, None) => innermost.kind().to_string(),
    };
    let block = innermost.name().filter(|name| *name != ITSELF).map(str::to_owned);
    Wrong { kind, block, line: innermost.line(), say }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(template: &str, values: &Value) -> Result<String, Wrong> {
        assembled(template, &BTreeMap::new(), values.as_object().unwrap())
    }

    #[test]
    fn values_are_written_as_models_know_them() {
        let values = json!({ "data": { "a": [1, 2.5, null, true], "b": "<x>" }, "name": "A & B", "yes": true, "n": 3 });
        assert_eq!(
            text("{{ data }}|{{ name }}|{{ yes }}|{{ n }}|{{ data.a }}", &values).unwrap(),
            r#"{"a":[1,2.5,null,true],"b":"<x>"}|A & B|true|3|[1,2.5,null,true]"#
        );
        assert_eq!(text("{% for x in data.a %}{{ loop.index }}{% endfor %}", &values).unwrap(), "1234");
        // A value is never read as a template.
        assert_eq!(text("{{ name }}", &json!({ "name": "{{ secret }}" })).unwrap(), "{{ secret }}");
    }

    #[test]
    fn an_unknown_name_is_a_fault_with_its_line() {
        for template in ["one\n{{ there_is_none }}", "one\n{% if there_is_none %}x{% endif %}", "one\n{{ a.b.c }}"] {
            let wrong = text(template, &json!({ "a": {} })).unwrap_err();
            assert_eq!((wrong.kind, wrong.line), (WrongKind::Undefined, Some(2)), "{template} {wrong}");
        }
        assert_eq!(text("{{ x is defined }}", &json!({})).unwrap(), "false");
        let wrong = text("{{ debug() }}", &json!({})).unwrap_err();
        assert_eq!(wrong.kind, WrongKind::Syntax, "{wrong}");
    }

    #[test]
    fn what_is_not_well_formed_is_told_with_its_line() {
        for template in ["a\n{% if x %}", "a\n{{ x", "a\n{% unless %}", "a\n{{ 'x }}"] {
            let wrong = names(template).unwrap_err();
            assert_eq!(wrong.kind, WrongKind::Syntax, "{template} {wrong}");
            assert!(wrong.line.is_some_and(|line| line <= 2), "{template} {wrong}");
        }
    }

    #[test]
    fn names_are_those_that_come_from_outside() {
        let template = "{% set x = 1 %}{% for item in items %}{{ item.name }}{{ loop.index }}{{ x }}{% endfor %}{{ range(2) }}{{ who|upper }}";
        assert_eq!(names(template).unwrap().into_iter().collect::<Vec<_>>(), ["items", "who"]);
    }

    #[test]
    fn a_bomb_goes_off_nowhere() {
        let doubled = format!("{{% set a = 'xxxxxxxxxxxxxxxx' %}}{}{{{{ a }}}}", "{% set a = a ~ a %}".repeat(40));
        let deep = "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}";
        for bomb in [
            "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
            "{% for i in range(100000) %}{% for j in range(100000) %}xxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}{% endfor %}",
            "{{ 'x' * 99999999 }}",
            "{{ ('x' * 9999)|replace('x', 'y' * 9999) }}",
            "{% set s %}{% for i in range(99999) %}{% for j in range(9999) %}xxxxxxxxxxxx{% endfor %}{% endfor %}{% endset %}",
            &doubled,
            deep,
        ] {
            let wrong = text(bomb, &json!({})).unwrap_err();
            assert_eq!(wrong.kind, WrongKind::TooMuch, "{bomb} {wrong}");
        }
        // Blocks that include each other ten times, ten deep, are ten thousand million.
        let mut blocks: BTreeMap<String, String> = (0..10)
            .map(|number| (format!("b{number}"), format!("{{% include 'b{}' %}}", number + 1).repeat(10)))
            .collect();
        blocks.insert("b10".to_owned(), "x".to_owned());
        let wrong = assembled("{% include 'b0' %}", &blocks, &Map::new()).unwrap_err();
        assert_eq!(wrong.kind, WrongKind::TooMuch, "{wrong}");
        assert_eq!(names(&"x".repeat(LONGEST + 1)).unwrap_err().kind, WrongKind::TooMuch);
    }

    #[test]
    fn a_fault_in_a_block_names_the_block() {
        let blocks = BTreeMap::from([("b".to_owned(), "fine\n{{ none_such }}".to_owned())]);
        let wrong = assembled("x\n{% include 'b' %}", &blocks, &Map::new()).unwrap_err();
        assert_eq!((wrong.kind, wrong.block.as_deref(), wrong.line), (WrongKind::Undefined, Some("b"), Some(2)));
    }
}
