//! The properties of a vendor's JSON object, taken out one by one and moved, never copied. What is left in the end either goes
//! on as it is or is refused by name: nothing is dropped in silence.

use serde_json::{Map, Value};

use crate::kernel::fault::Fault;

/// The properties of an object, and where it lies in the body.
pub(in crate::surface) struct Fields {
    fields: Map<String, Value>,
    place: String,
}

impl Fields {
    /// Those of an object at a place.
    pub(in crate::surface) fn of(value: Value, place: impl Into<String>) -> Result<Self, Fault> {
        let place = place.into();
        match value {
            Value::Object(fields) => Ok(Self { fields, place }),
            _ => Err(Fault::bad_input(place, "must be an object")),
        }
    }

    /// The place of a property.
    pub(in crate::surface) fn at(&self, name: &str) -> String {
        format!("{}/{}", self.place, name.replace('~', "~0").replace('/', "~1"))
    }

    /// A property; `null` is none.
    pub(in crate::surface) fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name).filter(|value| !value.is_null())
    }

    fn typed<T>(&mut self, name: &str, kind: &str, read: impl FnOnce(Value) -> Option<T>) -> Result<Option<T>, Fault> {
        let Some(value) = self.take(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| self.wrong(name, &format!("must be {kind}")))
    }

    /// A text.
    pub(in crate::surface) fn text(&mut self, name: &str) -> Result<Option<String>, Fault> {
        self.typed(name, "a text", |value| match value {
            Value::String(text) => Some(text),
            _ => None,
        })
    }

    /// A text that must be there.
    pub(in crate::surface) fn need_text(&mut self, name: &str) -> Result<String, Fault> {
        self.text(name)?.ok_or_else(|| self.wrong(name, "is missing"))
    }

    /// A truth value; no when not given.
    pub(in crate::surface) fn flag(&mut self, name: &str) -> Result<bool, Fault> {
        Ok(self.typed(name, "true or false", |value| value.as_bool())?.unwrap_or_default())
    }

    /// A list.
    pub(in crate::surface) fn list(&mut self, name: &str) -> Result<Option<Vec<Value>>, Fault> {
        self.typed(name, "a list", |value| match value {
            Value::Array(items) => Some(items),
            _ => None,
        })
    }

    /// An object.
    pub(in crate::surface) fn object(&mut self, name: &str) -> Result<Option<Map<String, Value>>, Fault> {
        self.typed(name, "an object", |value| match value {
            Value::Object(fields) => Some(fields),
            _ => None,
        })
    }

    /// The properties of an object.
    pub(in crate::surface) fn fields(&mut self, name: &str) -> Result<Option<Self>, Fault> {
        let place = self.at(name);
        Ok(self.object(name)?.map(|fields| Self { fields, place }))
    }

    /// What is wrong with a property.
    pub(in crate::surface) fn wrong(&self, name: &str, why: &str) -> Fault {
        Fault::bad_input(self.at(name), why)
    }

    /// The fault of a property for which there is no place behind this door.
    pub(in crate::surface) fn unsaid(&self, name: &str) -> Fault {
        self.wrong(name, "cannot be passed on by this server: leave it out")
    }

    /// Refuses each of these that is there, unless it has the value that asks for nothing.
    pub(in crate::surface) fn refuse(&mut self, names: &[(&str, Value)]) -> Result<(), Fault> {
        for (name, nothing) in names {
            if self.take(name).is_some_and(|value| value != *nothing) {
                return Err(self.unsaid(name));
            }
        }
        Ok(())
    }

    /// Moves properties into an input under the names there.
    pub(in crate::surface) fn pass(&mut self, input: &mut Map<String, Value>, names: &[(&str, &str)]) {
        for (theirs, ours) in names {
            if let Some(value) = self.take(theirs) {
                input.insert((*ours).to_owned(), value);
            }
        }
    }

    /// Whatever is left, as it is.
    pub(in crate::surface) fn rest(self) -> Map<String, Value> {
        self.fields
    }

    /// Refuses whatever is left.
    pub(in crate::surface) fn nothing_else(self) -> Result<(), Fault> {
        match self.fields.iter().find(|(_, value)| !value.is_null()) {
            Some((name, _)) => Err(self.unsaid(name)),
            None => Ok(()),
        }
    }
}

/// What only this program knows of a call: for which agent, prompt, persona and execution it is, and how the cache is used.
pub(in crate::surface) fn tags(fields: &mut Fields, input: &mut Map<String, Value>) -> Result<(), Fault> {
    let Some(mut own) = fields.fields("convoke")? else { return Ok(()) };
    for name in ["agent", "promptVersion", "persona", "execution", "session", "cache"] {
        own.pass(input, &[(name, name)]);
    }
    own.nothing_else()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_left_is_refused_by_name() {
        let mut fields = Fields::of(json!({ "a": 1, "b": null, "c": "x", "d/e": true }), "/tools/0").unwrap();
        assert_eq!(fields.text("c").unwrap().as_deref(), Some("x"));
        assert!(fields.take("b").is_none());
        assert_eq!(fields.text("a").unwrap_err().places()[0].pointer, "/tools/0/a");
        assert_eq!(fields.nothing_else().unwrap_err().places()[0].pointer, "/tools/0/d~1e");
        let mut fields = Fields::of(json!({ "n": 1, "m": 2 }), "").unwrap();
        fields.refuse(&[("n", json!(1))]).unwrap();
        assert_eq!(fields.refuse(&[("m", json!(1))]).unwrap_err().places()[0].pointer, "/m");
    }
}
