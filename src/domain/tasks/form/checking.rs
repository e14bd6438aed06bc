//! Whether a form is one: a JSON Schema of the closed subset that model APIs take and a page without scripts can show. Every place that is not is
//! told, with how to mend it.

use serde_json::{Map, Value};

use crate::capability::schema::compiled;
use crate::kernel::fault::Violation;

/// So deep may objects lie in each other.
pub const DEEPEST: usize = 3;
/// So many fields may a form have in all.
const MOST_FIELDS: usize = 60;
/// So many places are told.
const MOST_TOLD: usize = 32;
/// So many bytes may a form have.
const MOST_BYTES: usize = 64 * 1024;
/// So many choices may a field have.
const MOST_CHOICES: usize = 200;
/// So long may a text of the form be.
const LONGEST_TEXT: usize = 2_000;
/// So long may a pattern be.
const LONGEST_PATTERN: usize = 200;
const FORMATS: &[&str] = &["date", "date-time", "time", "email", "uuid"];

struct Checking {
    wrong: Vec<Violation>,
    fields: usize,
}

/// The form as it is kept: closed, and an object at the top.
///
/// # Errors
/// Every place that does not belong to a form, below `/form`.
pub fn checked(form: &Map<String, Value>) -> Result<Map<String, Value>, Vec<Violation>> {
    let whole = Value::Object(form.clone());
    let one = |message: String| vec![Violation { pointer: "/form".to_owned(), message }];
    if whole.to_string().len() > MOST_BYTES {
        return Err(one(format!("must have {MOST_BYTES} bytes or less")));
    }
    let mut checking = Checking { wrong: Vec::new(), fields: 0 };
    if form.get("type").is_some_and(|kind| kind != "object") || !form.contains_key("properties") {
        return Err(one("must be the JSON Schema of an object with 'properties'".to_owned()));
    }
    let mut kept = form.clone();
    kept.remove("$schema");
    kept.remove("$id");
    kept.insert("type".to_owned(), "object".into());
    checking.object(&mut kept, "/form", 0);
    if checking.fields > MOST_FIELDS {
        checking.tell("/form", format!("has {} fields and may have {MOST_FIELDS}", checking.fields));
    }
    if checking.wrong.is_empty()
        && let Err(why) = compiled(&kept, 64)
    {
        checking.tell("/form", format!("is no JSON Schema: {why}"));
    }
    if checking.wrong.is_empty() { Ok(kept) } else { Err(checking.wrong) }
}

impl Checking {
    fn tell(&mut self, pointer: &str, message: impl Into<String>) {
        if self.wrong.len() < MOST_TOLD {
            self.wrong.push(Violation { pointer: pointer.to_owned(), message: message.into() });
        }
    }

    fn object(&mut self, schema: &mut Map<String, Value>, place: &str, depth: usize) {
        const KNOWN: &[&str] =
            &["type", "title", "description", "properties", "required", "additionalProperties", "minProperties"];
        self.unknown(schema, place, KNOWN);
        self.texts(schema, place);
        if schema.get("additionalProperties").is_some_and(|more| *more != Value::Bool(false)) {
            self.tell(
                &format!("{place}/additionalProperties"),
                "must be false, or left out: a form has the fields that it names",
            );
        }
        schema.remove("minProperties");
        schema.insert("additionalProperties".to_owned(), Value::Bool(false));
        let Some(Value::Object(properties)) = schema.get_mut("properties") else {
            self.tell(&format!("{place}/properties"), "must be an object of fields");
            return;
        };
        if properties.is_empty() {
            self.tell(
                &format!("{place}/properties"),
                "must name a field; leave the form out where nothing is to be filled in",
            );
        }
        for (name, field) in properties.iter_mut() {
            let below = format!("{place}/properties/{}", name.replace('~', "~0").replace('/', "~1"));
            self.fields += 1;
            if self.fields > MOST_FIELDS * 2 || self.wrong.len() >= MOST_TOLD {
                return;
            }
            if !is_name(name) {
                self.tell(&below, "a field's name has 1 to 64 letters, digits and underscores, a letter first");
            }
            self.field(field, &below, depth);
        }
        let names: Vec<String> = properties.keys().cloned().collect();
        match schema.get("required") {
            None => {}
            Some(Value::Array(required)) => {
                for (index, name) in required.iter().enumerate() {
                    if !name.as_str().is_some_and(|name| names.iter().any(|one| one == name)) {
                        self.tell(&format!("{place}/required/{index}"), "is no field of the form");
                    }
                }
            }
            Some(_) => self.tell(&format!("{place}/required"), "must be a list of fields"),
        }
    }

    fn field(&mut self, schema: &mut Value, place: &str, depth: usize) {
        let Value::Object(schema) = schema else {
            self.tell(place, "must be a schema object");
            return;
        };
        match schema.get("type").and_then(Value::as_str) {
            Some("string") => self.text(schema, place),
            Some("integer" | "number") => {
                self.unknown(schema, place, &["type", "title", "description", "default", "minimum", "maximum"]);
                self.numbers(schema, place, &["minimum", "maximum"], false);
            }
            Some("boolean") => self.unknown(schema, place, &["type", "title", "description", "default"]),
            Some("array") => self.list(schema, place),
            Some("object") if depth + 1 < DEEPEST => {
                self.object(schema, place, depth + 1);
                return;
            }
            Some("object") => {
                self.tell(place, format!("objects lie in each other {DEEPEST} deep at most"));
                return;
            }
            _ => {
                let say = "must be one of string, integer, number, boolean, array, object";
                self.tell(&format!("{place}/type"), say);
                return;
            }
        }
        self.texts(schema, place);
        if let Some(default) = schema.get("default")
            && let Ok(validator) = compiled(schema, 64)
            && !validator.is_valid(default)
        {
            self.tell(&format!("{place}/default"), "does not fit the field itself");
        }
    }

    fn text(&mut self, schema: &Map<String, Value>, place: &str) {
        const KNOWN: &[&str] =
            &["type", "title", "description", "default", "enum", "minLength", "maxLength", "format", "pattern"];
        self.unknown(schema, place, KNOWN);
        self.numbers(schema, place, &["minLength", "maxLength"], true);
        self.choices(schema, place);
        if let Some(format) = schema.get("format")
            && !format.as_str().is_some_and(|format| FORMATS.contains(&format))
        {
            self.tell(&format!("{place}/format"), format!("must be one of {}", FORMATS.join(", ")));
        }
        if let Some(pattern) = schema.get("pattern") {
            let fits = pattern.as_str().is_some_and(|pattern| {
                pattern.len() <= LONGEST_PATTERN && {
                    let mut only = Map::new();
                    only.insert("pattern".to_owned(), pattern.into());
                    compiled(&only, 8).is_ok()
                }
            });
            if !fits {
                let say = format!(
                    "must be a regular expression of {LONGEST_PATTERN} bytes or less, without look-around and back-references"
                );
                self.tell(&format!("{place}/pattern"), say);
            }
        }
    }

    fn list(&mut self, schema: &mut Map<String, Value>, place: &str) {
        const KNOWN: &[&str] = &["type", "title", "description", "default", "items", "minItems", "maxItems"];
        self.unknown(schema, place, KNOWN);
        self.numbers(schema, place, &["minItems", "maxItems"], true);
        let below = format!("{place}/items");
        match schema.get_mut("items") {
            Some(Value::Object(items)) if items.get("type").is_some_and(|kind| kind == "string") => {
                self.text(items, &below);
                self.texts(items, &below);
            }
            _ => self.tell(&below, "must be the schema of a string: a list has texts or choices"),
        }
    }

    fn choices(&mut self, schema: &Map<String, Value>, place: &str) {
        let Some(choices) = schema.get("enum") else { return };
        let place = format!("{place}/enum");
        let texts = choices.as_array().filter(|all| {
            all.iter().all(|one| one.as_str().is_some_and(|text| !text.is_empty() && text.chars().count() <= 200))
        });
        match texts {
            Some(all) if (1..=MOST_CHOICES).contains(&all.len()) => {
                let mut seen = std::collections::BTreeSet::new();
                if !all.iter().all(|one| seen.insert(one.to_string())) {
                    self.tell(&place, "has a choice twice");
                }
            }
            _ => self.tell(&place, format!("must be 1 to {MOST_CHOICES} texts of 1 to 200 characters")),
        }
    }

    fn numbers(&mut self, schema: &Map<String, Value>, place: &str, [least, most]: &[&str; 2], counts: bool) {
        let mut read = |name: &str| {
            let value = schema.get(name)?;
            let number = value.as_f64().filter(|number| number.is_finite() && (!counts || value.is_u64()));
            if number.is_none() {
                self.tell(&format!("{place}/{name}"), "must be a number that fits here");
            }
            number
        };
        if let (Some(from), Some(to)) = (read(least), read(most))
            && from > to
        {
            self.tell(&format!("{place}/{least}"), format!("must not be more than {most}"));
        }
    }

    fn texts(&mut self, schema: &Map<String, Value>, place: &str) {
        for name in ["title", "description"] {
            if let Some(text) = schema.get(name)
                && text.as_str().is_none_or(|text| text.chars().count() > LONGEST_TEXT)
            {
                self.tell(&format!("{place}/{name}"), format!("must be a text of {LONGEST_TEXT} characters or less"));
            }
        }
    }

    fn unknown(&mut self, schema: &Map<String, Value>, place: &str, known: &[&str]) {
        for name in schema.keys().filter(|name| !known.contains(&name.as_str())) {
            let pointer = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
            self.tell(
                &pointer,
                format!("is not of the schemas that forms are made of; here it takes {}", known.join(", ")),
            );
        }
    }
}

/// Whether a field can be called that.
pub(super) fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn places(form: &Value) -> Vec<String> {
        let wrong = checked(form.as_object().unwrap()).err().unwrap_or_default();
        wrong.into_iter().map(|one| one.pointer).collect()
    }

    #[test]
    fn a_form_of_the_subset_is_kept_closed() {
        let form = json!({
            "properties": {
                "decision": { "type": "string", "enum": ["approve", "reject"] },
                "amount": { "type": "number", "minimum": 0, "maximum": 10, "default": 5 },
                "tags": { "type": "array", "items": { "type": "string" }, "maxItems": 3 },
                "site": { "type": "object", "properties": { "city": { "type": "string", "pattern": "^[A-Z]" } }, "required": ["city"] },
            },
            "required": ["decision"],
        });
        let kept = checked(form.as_object().unwrap()).unwrap();
        assert_eq!(kept["additionalProperties"], false);
        assert_eq!(kept["properties"]["site"]["additionalProperties"], false);
    }

    #[test]
    fn what_is_no_form_is_told_with_its_place() {
        for (form, place) in [
            (json!({ "type": "string" }), "/form"),
            (json!({ "properties": {} }), "/form/properties"),
            (json!({ "properties": { "a b": { "type": "string" } } }), "/form/properties/a b"),
            (json!({ "properties": { "a": { "type": ["string", "null"] } } }), "/form/properties/a/type"),
            (json!({ "properties": { "a": { "$ref": "#/x" } } }), "/form/properties/a/type"),
            (json!({ "properties": { "a": { "type": "string", "const": "x" } } }), "/form/properties/a/const"),
            (json!({ "properties": { "a": { "type": "string", "enum": [1] } } }), "/form/properties/a/enum"),
            (json!({ "properties": { "a": { "type": "string", "enum": ["x", "x"] } } }), "/form/properties/a/enum"),
            (json!({ "properties": { "a": { "type": "string", "pattern": "(?=x)" } } }), "/form/properties/a/pattern"),
            (
                json!({ "properties": { "a": { "type": "integer", "minimum": 3, "maximum": 2 } } }),
                "/form/properties/a/minimum",
            ),
            (json!({ "properties": { "a": { "type": "integer", "default": "x" } } }), "/form/properties/a/default"),
            (
                json!({ "properties": { "a": { "type": "array", "items": { "type": "object" } } } }),
                "/form/properties/a/items",
            ),
            (json!({ "properties": { "a": { "type": "string" } }, "required": ["b"] }), "/form/required/0"),
            (json!({ "properties": { "a": true } }), "/form/properties/a"),
        ] {
            assert_eq!(places(&form), [place], "{form}");
        }
    }

    #[test]
    fn size_and_depth_are_bounded() {
        let mut deep = json!({ "type": "string" });
        for _ in 0..200 {
            deep = json!({ "type": "object", "properties": { "a": deep } });
        }
        assert_eq!(places(&deep), ["/form/properties/a/properties/a/properties/a"]);
        let many: Map<String, Value> =
            (0..70).map(|number| (format!("f{number}"), json!({ "type": "string" }))).collect();
        assert_eq!(places(&json!({ "properties": many })), ["/form"]);
        let long = json!({ "properties": { "a": { "type": "string", "description": "x".repeat(70_000) } } });
        assert_eq!(places(&long), ["/form"]);
    }
}
