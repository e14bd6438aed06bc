//! A server put into a text of JSON: every byte that is not the server's own stays, so that numbers, order and form are what
//! their writer made them.

use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// The members of an object as they are written.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// An object in a text.
struct Object<'a> {
    whole: &'a str,
    at: Range<usize>,
    members: Vec<(String, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// The object that stands in this part of a text.
    fn of(whole: &'a str, at: Range<usize>) -> Result<Self, String> {
        let Members(members) = serde_json::from_str(&whole[at.clone()]).map_err(|error| error.to_string())?;
        Ok(Self { whole, at, members })
    }

    /// Where a member's value stands.
    fn place(&self, name: &str) -> Result<Option<Range<usize>>, String> {
        let mut found = self.members.iter().filter(|(one, _)| one == name);
        match (found.next(), found.next()) {
            (None, _) => Ok(None),
            (Some((_, value)), None) => Ok(Some(self.place_of(value))),
            (Some(_), Some(_)) => Err(format!("'{name}' is in it twice")),
        }
    }

    /// A value was read out of the text: its place is how far it is from the text's beginning.
    fn place_of(&self, value: &RawValue) -> Range<usize> {
        let text = value.get();
        let start = text.as_ptr() as usize - self.whole.as_ptr() as usize;
        start..start + text.len()
    }

    /// What stands before the first member: a line's end and its indentation where each member has a line of its own.
    fn indentation(&self) -> Option<&'a str> {
        let inside = &self.whole[self.at.start + 1..self.at.end];
        let lead = &inside[..inside.len() - inside.trim_start().len()];
        lead.rfind('\n').map(|end| &lead[end + 1..])
    }

    /// The text with a member more.
    fn with(&self, name: &str, value: &Value, outer: &str) -> String {
        let key = Value::from(name).to_string();
        let Some((_, last)) = self.members.last() else {
            let inner = format!("{outer}{}", step(outer));
            let member = format!("{{\n{inner}{key}: {}\n{outer}}}", lines(value, &inner));
            return spliced(self.whole, self.at.clone(), &member);
        };
        let end = self.place_of(last).end;
        let member = match self.indentation() {
            Some(inner) => format!(",\n{inner}{key}: {}", lines(value, inner)),
            None => format!(", {key}: {value}"),
        };
        spliced(self.whole, end..end, &member)
    }
}

/// The text with a server in the section, in place of one of the same name.
pub(super) fn merged(held: &str, section: &str, name: &str, entry: &Map<String, Value>) -> Result<String, String> {
    if held.trim().is_empty() {
        return Ok(format!("{}\n", lines(&json!({ section: { name: entry } }), "")));
    }
    let plain = |error: String| format!("is not a plain JSON object ({error})");
    // Space around it is not the object's.
    let start = held.len() - held.trim_start().len();
    let whole = Object::of(held, start..held.trim_end().len()).map_err(plain)?;
    let entry = Value::Object(entry.clone());
    let Some(place) = whole.place(section)? else {
        return Ok(whole.with(section, &json!({ name: entry }), ""));
    };
    let servers = Object::of(held, place).map_err(|_| format!("'{section}' in it is not a JSON object"))?;
    let outer = whole.indentation().unwrap_or_default();
    let Some(place) = servers.place(name)? else { return Ok(servers.with(name, &entry, outer)) };
    if serde_json::from_str::<Value>(&held[place.clone()]).is_ok_and(|present| present == entry) {
        return Ok(held.to_owned());
    }
    let written = servers.indentation().map_or_else(|| entry.to_string(), |inner| lines(&entry, inner));
    Ok(spliced(held, place, &written))
}

fn spliced(whole: &str, at: Range<usize>, by: &str) -> String {
    format!("{}{by}{}", &whole[..at.start], &whole[at.end..])
}

/// By how much the next depth is indented.
fn step(indentation: &str) -> &'static str {
    if indentation.contains('\t') { "\t" } else { "  " }
}

/// A value on several lines, all but the first indented.
fn lines(value: &Value, indentation: &str) -> String {
    let written = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut lines = written.lines();
    let mut all = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        let inner = line.trim_start_matches(' ');
        let depth = (line.len() - inner.len()) / 2;
        all.push('\n');
        all.push_str(indentation);
        all.push_str(&step(indentation).repeat(depth));
        all.push_str(inner);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge(held: &str) -> String {
        let entry = json!({ "command": "convoke", "args": [] });
        merged(held, "mcpServers", "convoke", entry.as_object().unwrap()).unwrap()
    }

    #[test]
    fn all_else_stays_as_it_is_written() {
        let held = "{\n\t\"big\": 12345678901234567890123,\n\t\"small\" : 1.50e+0, \"one\": \"\\u0041\"\n}";
        let merged = merge(held);
        assert_eq!(
            merged,
            "{\n\t\"big\": 12345678901234567890123,\n\t\"small\" : 1.50e+0, \"one\": \"\\u0041\",\n\t\"mcpServers\": {\n\t\t\
             \"convoke\": {\n\t\t\t\"command\": \"convoke\",\n\t\t\t\"args\": []\n\t\t}\n\t}\n}"
        );
        assert_eq!(merge(&merged), merged);
    }

    #[test]
    fn every_form_of_the_section_takes_a_server() {
        for held in [
            "",
            " \n",
            "{}",
            "{ }\n",
            "{\"mcpServers\":{}}",
            "{\n  \"mcpServers\": {\n  }\n}",
            "{\"mcpServers\":{\"other\":{\"command\":\"x\"}},\"z\":[1,2]}",
            "\n{\n  \"mcpServers\": {\n    \"other\": {}\n  }\n}\n",
            "{\n  \"mcpServers\": {\n    \"convoke\": { \"command\": \"old\", \"env\": { \"A\": \"b\" } },\n    \"other\": 7\n  }\n}\n",
        ] {
            let before: Value = serde_json::from_str(held).unwrap_or_else(|_| json!({}));
            let text = merge(held);
            let after: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!(after["mcpServers"]["convoke"], json!({ "command": "convoke", "args": [] }), "{text}");
            let mut rest = after.clone();
            let mut wanted = before.clone();
            for one in [&mut rest, &mut wanted] {
                if let Some(servers) = one.get_mut("mcpServers").and_then(Value::as_object_mut) {
                    servers.remove("convoke");
                }
            }
            if before.get("mcpServers").is_none() {
                rest.as_object_mut().unwrap().remove("mcpServers");
            }
            assert_eq!(rest, wanted, "{text}");
            assert_eq!(merge(&text), text);
        }
    }

    #[test]
    fn what_is_no_plain_object_is_refused() {
        for held in
            ["{ // comment\n}", "[]", "{\"mcpServers\":[]}", "{\"mcpServers\":{},\"mcpServers\":{}}", "{} {}", "{"]
        {
            let entry = Map::new();
            assert!(merged(held, "mcpServers", "convoke", &entry).is_err(), "{held}");
        }
    }
}
