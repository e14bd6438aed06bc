//! What a page sends: names and texts, which become values of the types that the form's schema wants. A text that cannot become one stays a text, so
//! that the tool refuses it by its place.

use std::collections::BTreeMap;

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Number, Value};

use crate::capability::form_page::FormPage;
use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// More pairs are no form's.
const MOST_PAIRS: usize = 2_000;

/// Names and texts, in order.
#[derive(Debug, Default)]
pub(super) struct Sent(BTreeMap<String, Vec<String>>);

impl Sent {
    /// Reads a body.
    pub(super) fn read(headers: &HeaderMap, bytes: &[u8]) -> Result<Self, Fault> {
        let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if media.split(';').next().unwrap_or_default().trim() != "application/x-www-form-urlencoded" {
            return Err(Fault::new(&codes::UNSUPPORTED_MEDIA, "a page sends application/x-www-form-urlencoded"));
        }
        let unreadable = || Fault::new(&codes::MALFORMED, "what the page sent is not UTF-8");
        let text = std::str::from_utf8(bytes).map_err(|_| unreadable())?;
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (count, pair) in text.split('&').filter(|pair| !pair.is_empty()).enumerate() {
            if count >= MOST_PAIRS {
                return Err(Fault::new(&codes::MALFORMED, "the page sent more than any form has"));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text: &str| {
                let spaced = text.replace('+', " ");
                let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8();
                decoded.map(std::borrow::Cow::into_owned).map_err(|_| unreadable())
            };
            // Browsers end lines of texts with both letters.
            all.entry(decode(name)?).or_default().push(decode(value)?.replace("\r\n", "\n"));
        }
        Ok(Self(all))
    }

    /// Whether nothing was sent.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was sent under a name.
    pub(super) fn texts(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The first of it.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).first().map(String::as_str)
    }

    /// The members of the tool's input that the page speaks for.
    pub(super) fn input(&self, page: &FormPage) -> Map<String, Value> {
        // What the person saw goes before what is there now: whoever takes it holds the two against each other.
        let mut input = page.fixed.clone();
        for (name, value) in &mut input {
            if let Some(text) = self.text(&format!("fixed.{name}")) {
                *value = text.into();
            }
        }
        for (name, schema) in &page.also {
            if let Some(value) = self.value(&format!("also.{name}"), schema) {
                input.insert(name.clone(), value);
            }
        }
        if let (Some(form), Some(name)) = (&page.form, &page.form_as) {
            input.insert(name.clone(), Value::Object(self.object("form", form)));
        }
        if let (Some(name), Some(decision)) = (&page.decision_as, self.text("decision")) {
            input.insert(name.clone(), decision.into());
        }
        input
    }

    fn object(&self, place: &str, schema: &Map<String, Value>) -> Map<String, Value> {
        let properties = schema.get("properties").and_then(Value::as_object);
        let value =
            |(name, below): (&String, &Value)| Some((name.clone(), self.value(&format!("{place}.{name}"), below)?));
        properties.into_iter().flatten().filter_map(value).collect()
    }

    fn value(&self, place: &str, schema: &Value) -> Option<Value> {
        let text = || self.text(place).map(str::trim).filter(|text| !text.is_empty());
        match schema.get("type").and_then(Value::as_str)? {
            "object" => {
                let object = self.object(place, schema.as_object()?);
                // One in which nothing is filled in is left out.
                let says = object.values().any(|value| *value != Value::Bool(false));
                says.then_some(Value::Object(object))
            }
            // A box that is not ticked is not sent.
            "boolean" => Some(Value::Bool(self.text(place) == Some("true"))),
            "array" => {
                let lines = self.texts(place).iter().flat_map(|text| text.lines());
                let items: Vec<Value> = lines.map(str::trim).filter(|line| !line.is_empty()).map(Value::from).collect();
                (!items.is_empty()).then_some(Value::Array(items))
            }
            "integer" => text().map(|text| text.parse::<i64>().map_or_else(|_| text.into(), Value::from)),
            "number" => text().map(|text| {
                let number = text.replace(',', ".").parse::<f64>().ok();
                let whole = text.parse::<i64>().ok().map(Number::from);
                whole.or_else(|| number.and_then(Number::from_f64)).map_or_else(|| text.into(), Value::Number)
            }),
            "string" if schema.get("format").is_some_and(|format| format == "date-time") => text().map(moment),
            _ => self.text(place).filter(|text| !text.is_empty()).map(Value::from),
        }
    }
}

/// A moment as browsers write it, without a zone: the page says that it is UTC.
fn moment(text: &str) -> Value {
    let has_zone = text.ends_with('Z') || text.rsplit_once('T').is_some_and(|(_, time)| time.contains(['+', '-']));
    if has_zone {
        return text.into();
    }
    let seconds = text.matches(':').count() >= 2;
    Value::from(if seconds { format!("{text}Z") } else { format!("{text}:00Z") })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sent(body: &str) -> Sent {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, "application/x-www-form-urlencoded".parse().unwrap())]);
        Sent::read(&headers, body.as_bytes()).unwrap()
    }

    #[test]
    fn texts_become_what_the_form_wants() {
        let form = json!({ "type": "object", "properties": {
            "amount": { "type": "number" }, "count": { "type": "integer" }, "sure": { "type": "boolean" }, "kind": { "type": "string" },
            "tags": { "type": "array" }, "site": { "type": "object", "properties": { "city": { "type": "string" } } },
            "at": { "type": "string", "format": "date-time" }, "none": { "type": "string" }, "bad": { "type": "integer" },
        } });
        let page = FormPage {
            form: form.as_object().cloned(),
            form_as: Some("response".to_owned()),
            decision_as: Some("outcome".to_owned()),
            also: json!({ "comment": { "type": "string" } }).as_object().cloned().unwrap(),
            fixed: json!({ "shownHash": "now" }).as_object().cloned().unwrap(),
            ..FormPage::default()
        };
        let body = "form.amount=4%2C5&form.count=7&form.kind=a+%26+b&form.tags=x%0D%0Ay&form.tags=z&form.site.city=Ulm&form.at=2026-12-01T09%3A00\
                    &form.none=&form.bad=x&also.comment=Hm&decision=approve&fixed.shownHash=then";
        let input = Value::Object(sent(body).input(&page));
        assert_eq!(
            input,
            json!({
                "shownHash": "then", "comment": "Hm", "outcome": "approve",
                "response": { "amount": 4.5, "count": 7, "sure": false, "kind": "a & b", "tags": ["x", "y", "z"], "site": { "city": "Ulm" },
                    "at": "2026-12-01T09:00:00Z", "bad": "x" },
            })
        );
    }

    #[test]
    fn what_is_no_form_is_refused() {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, "application/json".parse().unwrap())]);
        assert!(Sent::read(&headers, b"{}").is_err());
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, "application/x-www-form-urlencoded".parse().unwrap())]);
        assert!(Sent::read(&headers, b"a=%ff").is_err());
    }
}
