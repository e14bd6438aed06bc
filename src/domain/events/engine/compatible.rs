//! Whether a new schema of a topic is compatible with the present one, in both directions: every event in the log must fit it,
//! so that a replay can be read, and whoever reads by the present one must not meet what it rules out. What may change is what
//! only explains, and optional properties may be added.

use serde_json::{Map, Value};

use crate::kernel::fault::Violation;

/// Words that only explain.
const EXPLAIN: &[&str] = &[
    "$comment",
    "$id",
    "$schema",
    "default",
    "deprecated",
    "description",
    "examples",
    "readOnly",
    "title",
    "writeOnly",
];

/// Places are told up to so many.
const MOST: usize = 50;

/// Everything in a new schema that breaks: where in the schema, and what.
#[must_use]
pub fn breaks(present: &Value, new: &Value) -> Vec<Violation> {
    let mut found = Breaks::default();
    found.compare(present, new, "");
    found.0
}

#[derive(Default)]
struct Breaks(Vec<Violation>);

impl Breaks {
    fn tell(&mut self, place: &str, message: String) {
        if self.0.len() < MOST {
            self.0.push(Violation { pointer: place.to_owned(), message });
        }
    }

    fn compare(&mut self, present: &Value, new: &Value, place: &str) {
        // `true` is the schema of everything, as `{}` is.
        let whole =
            |schema: &Value| if *schema == Value::Bool(true) { Value::Object(Map::new()) } else { schema.clone() };
        match (whole(present), whole(new)) {
            (Value::Object(present), Value::Object(new)) => self.objects(&present, &new, place),
            (present, new) if present == new => {}
            (present, new) => self.tell(place, format!("was {present} and is {new}")),
        }
    }

    fn objects(&mut self, present: &Map<String, Value>, new: &Map<String, Value>, place: &str) {
        let mut words: Vec<&String> = present.keys().chain(new.keys()).collect();
        words.sort_unstable();
        words.dedup();
        for word in words {
            let below = format!("{place}/{}", escaped(word));
            let (old, now) = (present.get(word), new.get(word));
            match word.as_str() {
                word if EXPLAIN.contains(&word) => {}
                "properties" => self.properties(old, now, &below),
                "required" => self.required(old, now, &below),
                "additionalProperties" | "unevaluatedProperties" => self.further(old, now, &below),
                "items" | "contains" | "propertyNames" | "not" | "if" | "then" | "else" => {
                    self.schema_or_none(old, now, &below);
                }
                "$defs" | "definitions" | "patternProperties" | "dependentSchemas" => {
                    self.named(old, now, &below);
                }
                "prefixItems" | "allOf" | "anyOf" | "oneOf" => self.listed(old, now, &below),
                "type" => self.types(old, now, &below),
                "enum" => self.values(old, now, &below),
                _ => self.same(old, now, &below),
            }
        }
    }

    fn properties(&mut self, old: Option<&Value>, now: Option<&Value>, place: &str) {
        let empty = Map::new();
        let of = |value: Option<&Value>| value.and_then(Value::as_object).unwrap_or(&empty).clone();
        let (old, now) = (of(old), of(now));
        for (name, schema) in &old {
            let below = format!("{place}/{}", escaped(name));
            match now.get(name) {
                Some(other) => self.compare(schema, other, &below),
                None => self.tell(&below, format!("the property '{name}' is gone: whoever reads it finds it no more")),
            }
        }
    }

    fn required(&mut self, old: Option<&Value>, now: Option<&Value>, place: &str) {
        let names = |value: Option<&Value>| -> Vec<String> {
            let listed = value.and_then(Value::as_array).into_iter().flatten();
            listed.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let (old, now) = (names(old), names(now));
        for name in now.iter().filter(|name| !old.contains(name)) {
            self.tell(place, format!("'{name}' is required now: events in the log can be without it"));
        }
        for name in old.iter().filter(|name| !now.contains(name)) {
            self.tell(place, format!("'{name}' is not required any more: whoever reads it relies on it"));
        }
    }

    /// Properties may be added, so what is open may be opened; what closes rules out events that there are.
    fn further(&mut self, old: Option<&Value>, now: Option<&Value>, place: &str) {
        let open = |value: Option<&Value>| value.is_none_or(|value| *value == Value::Bool(true));
        match (old, now) {
            (old, now) if open(old) && open(now) => {}
            (Some(Value::Bool(false)), now) if open(now) => {}
            (old, Some(now)) if open(old) => {
                self.tell(place, format!("further properties were allowed and are {now} now: events can have some"));
            }
            (Some(old), Some(now)) => self.compare(old, now, place),
            (Some(old), None) => self.tell(place, format!("was {old} and is gone: readers can meet other values")),
            (None, _) => {}
        }
    }

    fn schema_or_none(&mut self, old: Option<&Value>, now: Option<&Value>, place: &str) {
        match (old, now) {
            (Some(old), Some(now)) => self.compare(old, now, place),
            (None, None) => {}
            (Some(_), None) => self.tell(place, "is gone: readers can meet what was ruled out".to_owned()),
            (None, Some(_)) => self.tell(place, "is new: events in the log may not fit".to_owned()),
        }
    }

    /// Definitions may be added; those that are there are compared.
    fn named(&mut self, old: Option<&Value>, now: Option<&Value>, place: &str) {
        let adds = place.ends_with("/$defs") || place.ends_with("/definitions");
        let empty = Map::new();
        let of = |value: Option<&Value>| value.and_then(Value::as_object).unwrap_or(&empty).clone();
        let (old, now) = (of(old), of(now));
        for (name, schema) in &old {
            self.schema_or_none(Some(schema), now.get(name), &format!("{place}/{}", escaped(name)));
        }
        if !adds {
            for name in now.keys().filter(|name| !old.contains_key(*name)) {
                self.schema_or_none(None, now.get(name), &format!("{place}/{}", escaped(name)));
            }
        }
    }

    fn listed(&mut self, old: Option<&Value>, now: Option<&Value>, place: &str) {
        match (old.and_then(Value::as_array), now.and_then(Value::as_array)) {
            (Some(old), Some(now)) if old.len() == now.len() => {
                for (number, (one, other)) in old.iter().zip(now).enumerate() {
                    self.compare(one, other, &format!("{place}/{number}"));
                }
            }
            (None, None) => self.same(old, now, place),
            (old, now) => {
                let count = |list: Option<&Vec<Value>>| list.map_or(0, Vec::len);
                self.tell(place, format!("had {} schemas and has {}", count(old), count(now)));
            }
        }
    }

    fn types(&mut self, old: Option<&Value>, now: Option<&Value>, place: &str) {
        let kinds = |value: Option<&Value>| -> Vec<String> {
            let mut kinds: Vec<String> = match value {
                Some(Value::String(one)) => vec![one.clone()],
                Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                _ => Vec::new(),
            };
            kinds.sort_unstable();
            kinds
        };
        let (old, now) = (kinds(old), kinds(now));
        let said = |kinds: &[String]| if kinds.is_empty() { "anything".to_owned() } else { kinds.join(" or ") };
        if old != now {
            self.tell(place, format!("was {} and is {}", said(&old), said(&now)));
        }
    }

    fn values(&mut self, old: Option<&Value>, now: Option<&Value>, place: &str) {
        let (Some(Value::Array(old)), Some(Value::Array(now))) = (old, now) else { return self.same(old, now, place) };
        for value in old.iter().filter(|value| !now.contains(value)) {
            self.tell(place, format!("{value} is gone: events in the log can have it"));
        }
        for value in now.iter().filter(|value| !old.contains(value)) {
            self.tell(place, format!("{value} is new: whoever reads the topic does not know it"));
        }
    }

    fn same(&mut self, old: Option<&Value>, now: Option<&Value>, place: &str) {
        match (old, now) {
            (Some(old), Some(now)) if old == now => {}
            (Some(old), Some(now)) => self.tell(place, format!("was {old} and is {now}")),
            (None, Some(_)) => self.tell(place, "is new: events in the log may not fit".to_owned()),
            (Some(_), None) => self.tell(place, "is gone: readers can meet what was ruled out".to_owned()),
            (None, None) => {}
        }
    }
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn order() -> Value {
        json!({
            "type": "object",
            "required": ["id"],
            "properties": {
                "id": { "type": "string", "maxLength": 10 },
                "state": { "enum": ["new", "paid"] },
                "lines": { "type": "array", "items": { "type": "object", "properties": { "sku": { "type": "string" } } } },
            },
        })
    }

    fn places(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut new = order();
        change(&mut new);
        breaks(&order(), &new).into_iter().map(|one| one.pointer).collect()
    }

    #[test]
    fn optional_properties_and_words_can_be_added() {
        assert!(breaks(&order(), &order()).is_empty());
        assert!(places(|new| new["properties"]["note"] = json!({ "type": "string" })).is_empty());
        assert!(places(|new| new["properties"]["lines"]["items"]["properties"]["n"] = json!({})).is_empty());
        assert!(places(|new| new["description"] = json!("An order.")).is_empty());
        assert!(places(|new| new["$defs"] = json!({ "money": { "type": "integer" } })).is_empty());
        let closed = json!({ "type": "object", "additionalProperties": false });
        assert!(
            breaks(&closed, &json!({ "type": "object", "properties": { "a": {} }, "additionalProperties": false }))
                .is_empty()
        );
        assert!(breaks(&closed, &json!({ "type": "object" })).is_empty());
    }

    #[test]
    fn what_breaks_is_named_by_its_place() {
        let drop = |value: &mut Value, name: &str| drop(value.as_object_mut().unwrap().remove(name));
        assert_eq!(places(|new| drop(&mut new["properties"], "state")), ["/properties/state"]);
        assert_eq!(places(|new| new["required"] = json!(["id", "state"])), ["/required"]);
        assert_eq!(places(|new| new["required"] = json!([])), ["/required"]);
        assert_eq!(places(|new| new["properties"]["id"]["type"] = json!("integer")), ["/properties/id/type"]);
        assert_eq!(places(|new| new["properties"]["id"]["maxLength"] = json!(5)), ["/properties/id/maxLength"]);
        assert_eq!(places(|new| drop(&mut new["properties"]["id"], "maxLength")), ["/properties/id/maxLength"]);
        assert_eq!(places(|new| new["properties"]["state"]["enum"] = json!(["new"])), ["/properties/state/enum"]);
        assert_eq!(
            places(|new| new["properties"]["state"]["enum"] = json!(["new", "paid", "x"])),
            ["/properties/state/enum"]
        );
        assert_eq!(places(|new| new["additionalProperties"] = json!(false)), ["/additionalProperties"]);
        let deep = "/properties/lines/items/properties/sku/type";
        assert_eq!(
            places(|new| new["properties"]["lines"]["items"]["properties"]["sku"]["type"] = json!("null")),
            [deep]
        );
        assert_eq!(places(|new| new["anyOf"] = json!([{}])), ["/anyOf"]);
        assert_eq!(places(|new| *new = json!(false)), [""]);
    }
}
