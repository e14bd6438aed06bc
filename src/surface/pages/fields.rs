//! Draws the fields of a form: a label for each, what helps below it, what was wrong beside it, and in it what was sent before or what is usual.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::draw::{escaped, words};
use super::sent::Sent;
use crate::capability::form_page::FieldHint;

/// Draws fields.
pub(super) struct Fields<'a> {
    pub(super) out: &'a mut String,
    pub(super) sent: &'a Sent,
    pub(super) errors: &'a [(Option<String>, String)],
    pub(super) hints: &'a BTreeMap<String, FieldHint>,
}

/// The id of a field of a name.
pub(super) fn id_of(name: &str) -> String {
    name.replace('.', "-")
}

/// One field.
struct Field<'a> {
    name: String,
    id: String,
    label: String,
    schema: &'a Map<String, Value>,
    hint: FieldHint,
    required: bool,
    error: Option<String>,
}

impl Field<'_> {
    fn is(&self, member: &str, value: &str) -> bool {
        self.schema.get(member).is_some_and(|there| there == value)
    }

    fn text(&self, member: &str) -> Option<&str> {
        self.schema.get(member).and_then(Value::as_str)
    }

    /// What describes it to who does not see it, and that it is wrong or must be filled in.
    fn attributes(&self) -> String {
        let mut by = Vec::new();
        if self.text("description").is_some() || self.hint.help.is_some() {
            by.push(format!("{}-help", self.id));
        }
        let mut out = String::new();
        if self.error.is_some() {
            by.push(format!("{}-error", self.id));
            out.push_str(" aria-invalid=\"true\"");
        }
        if !by.is_empty() {
            let _ = write!(out, " aria-describedby=\"{}\"", escaped(&by.join(" ")));
        }
        if self.required {
            out.push_str(" required");
        }
        out
    }
}

impl Fields<'_> {
    /// The fields of an object, the ones that are named first in that order.
    pub(super) fn object(&mut self, place: &str, schema: &Map<String, Value>, order: &[String]) {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let named = order.iter().filter_map(|name| properties.get_key_value(name));
        let rest = properties.iter().filter(|(name, _)| !order.contains(name));
        for (name, below) in named.chain(rest) {
            let Some(schema) = below.as_object() else { continue };
            let full = format!("{place}.{name}");
            let title = schema.get("title").and_then(Value::as_str).map_or_else(|| words(name), str::to_owned);
            let field = Field {
                id: id_of(&full),
                label: title,
                schema,
                hint: if place == "form" {
                    self.hints.get(name).cloned().unwrap_or_default()
                } else {
                    FieldHint::default()
                },
                required: required.contains(&name.as_str()),
                error: self.errors.iter().find(|(at, _)| at.as_deref() == Some(&full)).map(|(_, say)| say.clone()),
                name: full,
            };
            self.field(&field);
        }
    }

    fn put(&mut self, what: std::fmt::Arguments<'_>) {
        // A string takes everything.
        let _ = self.out.write_fmt(what);
    }

    fn field(&mut self, field: &Field<'_>) {
        let choices: Option<Vec<&str>> = field
            .schema
            .get("enum")
            .and_then(Value::as_array)
            .map(|all| all.iter().filter_map(Value::as_str).collect());
        match (field.text("type").unwrap_or("string"), choices) {
            ("object", _) => {
                self.put(format_args!("<fieldset id=\"{}\">\n<legend>{}</legend>\n", field.id, self::label(field)));
                self.below(field);
                self.object(&field.name.clone(), field.schema, &[]);
                self.out.push_str("</fieldset>\n");
            }
            ("boolean", _) => self.tick(field),
            ("array", _) => self.list(field),
            (_, Some(choices)) if field.hint.widget.as_deref() == Some("radio") => {
                self.choose(field, &choices, "radio");
            }
            (_, Some(choices)) => self.select(field, &choices),
            ("integer" | "number", None) => self.number(field),
            (_, None) => self.line(field),
        }
    }

    /// What stands between a label and its field.
    fn below(&mut self, field: &Field<'_>) {
        let help = [field.text("description"), field.hint.help.as_deref()];
        let help: Vec<&str> = help.into_iter().flatten().collect();
        if !help.is_empty() {
            self.put(format_args!("<p class=\"help\" id=\"{}-help\">{}</p>\n", field.id, escaped(&help.join(" "))));
        }
        if let Some(error) = &field.error {
            self.put(format_args!("<p class=\"error\" id=\"{}-error\">{}</p>\n", field.id, escaped(error)));
        }
    }

    fn labelled(&mut self, field: &Field<'_>) {
        self.put(format_args!("<div class=\"field\">\n<label for=\"{}\">{}</label>\n", field.id, label(field)));
        self.below(field);
    }

    /// What stands in a field: what was sent, else what is usual.
    fn value(&self, field: &Field<'_>) -> String {
        match self.sent.text(&field.name) {
            Some(text) => text.to_owned(),
            None if self.sent.is_empty() => match field.schema.get("default") {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => String::new(),
            },
            None => String::new(),
        }
    }

    fn line(&mut self, field: &Field<'_>) {
        self.labelled(field);
        let value = escaped(&self.value(field));
        let most = field.schema.get("maxLength").and_then(Value::as_u64);
        let bounds = most.map(|most| format!(" maxlength=\"{most}\"")).unwrap_or_default();
        let placeholder = field.hint.placeholder.as_deref();
        let placeholder = placeholder.map(|text| format!(" placeholder=\"{}\"", escaped(text))).unwrap_or_default();
        let (id, name, more) = (&field.id, escaped(&field.name), field.attributes());
        let long = field.hint.widget.as_deref() == Some("textarea") || most.is_some_and(|most| most > 200);
        if long && field.hint.widget.as_deref() != Some("text") {
            self.put(format_args!(
                "<textarea id=\"{id}\" name=\"{name}\" rows=\"4\"{bounds}{placeholder}{more}>\n{value}</textarea>\n"
            ));
        } else {
            let (kind, value) = match field.text("format") {
                Some("date") => ("date", value),
                Some("time") => ("time", value),
                Some("email") => ("email", value),
                Some("date-time") => ("datetime-local", value.trim_end_matches('Z').to_owned()),
                _ => ("text", value),
            };
            self.put(format_args!(
                "<input type=\"{kind}\" id=\"{id}\" name=\"{name}\" value=\"{value}\"{bounds}{placeholder}{more}>\n"
            ));
        }
        self.out.push_str("</div>\n");
    }

    fn number(&mut self, field: &Field<'_>) {
        self.labelled(field);
        let bound = |member: &str, attribute: &str| {
            field
                .schema
                .get(member)
                .filter(|bound| bound.is_number())
                .map(|bound| format!(" {attribute}=\"{bound}\""))
                .unwrap_or_default()
        };
        let bounds = format!("{}{}", bound("minimum", "min"), bound("maximum", "max"));
        let (step, mode) = if field.is("type", "integer") { ("1", "numeric") } else { ("any", "decimal") };
        let value = escaped(&self.value(field));
        let (id, name, more) = (&field.id, escaped(&field.name), field.attributes());
        self.put(format_args!(
            "<input type=\"number\" inputmode=\"{mode}\" step=\"{step}\" id=\"{id}\" name=\"{name}\" value=\"{value}\"{bounds}{more}>\n</div>\n"
        ));
    }

    fn select(&mut self, field: &Field<'_>, choices: &[&str]) {
        self.labelled(field);
        let value = self.value(field);
        self.put(format_args!(
            "<select id=\"{}\" name=\"{}\"{}>\n",
            field.id,
            escaped(&field.name),
            field.attributes()
        ));
        self.out.push_str("<option value=\"\">Choose one</option>\n");
        for choice in choices {
            let chosen = if *choice == value { " selected" } else { "" };
            self.put(format_args!("<option value=\"{}\"{chosen}>{}</option>\n", escaped(choice), escaped(choice)));
        }
        self.out.push_str("</select>\n</div>\n");
    }

    fn tick(&mut self, field: &Field<'_>) {
        let ticked = match self.sent.text(&field.name) {
            Some(text) => text == "true",
            None => self.sent.is_empty() && field.schema.get("default") == Some(&Value::Bool(true)),
        };
        let ticked = if ticked { " checked" } else { "" };
        let (id, name, more) = (&field.id, escaped(&field.name), field.attributes().replace(" required", ""));
        self.put(format_args!(
            "<div class=\"field tick\">\n<input type=\"checkbox\" id=\"{id}\" name=\"{name}\" value=\"true\"{ticked}{more}>\n\
             <label for=\"{id}\">{}</label>\n",
            escaped(&field.label)
        ));
        self.below(field);
        self.out.push_str("</div>\n");
    }

    fn list(&mut self, field: &Field<'_>) {
        let items = field.schema.get("items").and_then(Value::as_object);
        let choices = items.and_then(|items| items.get("enum")).and_then(Value::as_array);
        if let Some(choices) = choices {
            let choices: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
            return self.choose(field, &choices, "checkbox");
        }
        self.labelled(field);
        let lines = if self.sent.is_empty() {
            let usual = field.schema.get("default").and_then(Value::as_array);
            usual.into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
        } else {
            self.sent.texts(&field.name).join("\n")
        };
        let (id, name, more) = (&field.id, escaped(&field.name), field.attributes());
        self.put(format_args!(
            "<p class=\"help\">One on each line.</p>\n<textarea id=\"{id}\" name=\"{name}\" rows=\"4\"{more}>\n{}</textarea>\n</div>\n",
            escaped(&lines)
        ));
    }

    /// Choices side by side: one of them, or several.
    fn choose(&mut self, field: &Field<'_>, choices: &[&str], kind: &str) {
        let mut by = String::new();
        if field.error.is_some() {
            let _ = write!(by, " aria-describedby=\"{}-error\"", field.id);
        }
        self.put(format_args!("<fieldset id=\"{}\"{by}>\n<legend>{}</legend>\n", field.id, label(field)));
        self.below(field);
        let usual = field.schema.get("default");
        for (place, choice) in choices.iter().enumerate() {
            let chosen = if self.sent.is_empty() {
                usual.is_some_and(|usual| match usual {
                    Value::Array(all) => all.iter().any(|one| one == choice),
                    one => one == choice,
                })
            } else {
                self.sent.texts(&field.name).iter().any(|text| text == choice)
            };
            let chosen = if chosen { " checked" } else { "" };
            let (id, name, text) = (format!("{}-{place}", field.id), escaped(&field.name), escaped(choice));
            self.put(format_args!(
                "<div class=\"tick\"><input type=\"{kind}\" id=\"{id}\" name=\"{name}\" value=\"{text}\"{chosen}> <label for=\"{id}\">{text}</label></div>\n"
            ));
        }
        self.out.push_str("</fieldset>\n");
    }
}

/// A label, which says what may be left out.
fn label(field: &Field<'_>) -> String {
    let zone = if field.text("format") == Some("date-time") { " (UTC)" } else { "" };
    let optional =
        if field.required || field.is("type", "object") { "" } else { " <span class=\"quiet\">(optional)</span>" };
    format!("{}{zone}{optional}", escaped(&field.label))
}
