//! JSON as YAML in blocks. A text stands plain where nothing else could be read of it, over several lines where it has them, else in quotes.

use std::fmt::Write as _;

use serde_json::Value;

use crate::domain::processes::engine::pictures::texts::is_sayable;

/// Writes a value.
#[must_use]
pub fn write(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(members) if !members.is_empty() => block(value, 0, &mut out),
        Value::Array(items) if !items.is_empty() => block(value, 0, &mut out),
        _ => {
            scalar(value, 0, &mut out);
            out.push('\n');
        }
    }
    out
}

/// A map or list that is not empty, its first line at the place where it is, each further one so far in.
fn block(value: &Value, depth: usize, out: &mut String) {
    let indent = |out: &mut String| out.extend(std::iter::repeat_n("  ", depth));
    match value {
        Value::Object(members) => {
            for (number, (name, value)) in members.iter().enumerate() {
                if number > 0 {
                    indent(out);
                }
                key(name, out);
                out.push(':');
                match value {
                    Value::Object(below) if !below.is_empty() => {
                        out.push('\n');
                        out.extend(std::iter::repeat_n("  ", depth + 1));
                        block(value, depth + 1, out);
                    }
                    Value::Array(below) if !below.is_empty() => {
                        out.push('\n');
                        out.extend(std::iter::repeat_n("  ", depth + 1));
                        block(value, depth + 1, out);
                    }
                    _ => {
                        out.push(' ');
                        scalar(value, depth + 1, out);
                        out.push('\n');
                    }
                }
            }
        }
        Value::Array(items) => {
            for (number, value) in items.iter().enumerate() {
                if number > 0 {
                    indent(out);
                }
                out.push_str("- ");
                match value {
                    Value::Object(below) if !below.is_empty() => block(value, depth + 1, out),
                    Value::Array(below) if !below.is_empty() => block(value, depth + 1, out),
                    _ => {
                        scalar(value, depth + 1, out);
                        out.push('\n');
                    }
                }
            }
        }
        _ => scalar(value, depth, out),
    }
}

fn key(name: &str, out: &mut String) {
    if is_plain(name) && name.len() < 200 { out.push_str(name) } else { quoted(name, out) }
}

fn scalar(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::String(text) if is_plain(text) => out.push_str(text),
        Value::String(text) if has_lines(text) => {
            out.push_str(if text.ends_with('\n') { "|" } else { "|-" });
            for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
                out.push('\n');
                if !line.is_empty() {
                    out.extend(std::iter::repeat_n("  ", depth.max(1)));
                    out.push_str(line);
                }
            }
        }
        Value::String(text) => quoted(text, out),
        // Numbers, words and what is empty are the same in both.
        _ => {
            let _ = write!(out, "{value}");
        }
    }
}

/// Whether a text is read as itself without quotes, whatever reads it.
fn is_plain(text: &str) -> bool {
    const WORDS: &[&str] = &["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"];
    text.starts_with(|one: char| one.is_ascii_alphabetic())
        && !text.ends_with(' ')
        && text.chars().all(|one| {
            one.is_ascii_alphanumeric()
                || matches!(one, '_' | '-' | '.' | '/' | ' ' | '(' | ')' | '<' | '>' | '+' | '*' | ';')
        })
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

/// Whether a text stands best over several lines, and can.
fn has_lines(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with([' ', '\n'])
        && !text.ends_with("\n\n")
        && text.chars().all(|one| one == '\n' || is_seen(one))
        && text.lines().all(|line| !line.ends_with(' ') && !line.starts_with("---") && !line.starts_with("..."))
}

/// Whether a character can stand in YAML as it is, and people see it.
fn is_seen(one: char) -> bool {
    is_sayable(one)
        && !one.is_control()
        && !matches!(one, '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{202A}'..='\u{202E}')
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for one in text.chars() {
        match one {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            one if is_seen(one) => out.push(one),
            // What is not seen lies in the first plane.
            one => {
                let _ = write!(out, "\\u{:04x}", u32::from(one));
            }
        }
    }
    out.push('"');
}
