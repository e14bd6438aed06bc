//! Types out of JSON values, with the place of what does not fit. `serde_json` reads them, too, but tells no place, and what is
//! generated for each type is a third more: it takes lists for objects, and keeps a place all the way where another crate adds
//! one. Here the place is put together only on the way back from a fault.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, Expected, IntoDeserializer as _, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

/// Reads a type out of a value.
///
/// # Errors
/// When the value is not of its form.
pub fn read<T: DeserializeOwned>(value: Value) -> Result<T, Misread> {
    T::deserialize(Reader(value))
}

/// What does not fit, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misread(Box<Told>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    /// The way to it, the innermost part first.
    way: Vec<String>,
    say: String,
}

impl Misread {
    /// The JSON pointer of what does not fit.
    #[must_use]
    pub fn pointer(&self) -> String {
        self.0
            .way
            .iter()
            .rev()
            .fold(String::new(), |pointer, part| pointer + "/" + &part.replace('~', "~0").replace('/', "~1"))
    }

    /// Why, without the place.
    #[must_use]
    pub fn why(&self) -> &str {
        &self.0.say
    }

    #[cold]
    fn below(mut self, part: String) -> Self {
        self.0.way.push(part);
        self
    }
}

impl fmt::Display for Misread {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.way.as_slice() {
            [] => formatter.write_str(&self.0.say),
            _ => write!(formatter, "{}: {}", self.pointer(), self.0.say),
        }
    }
}

impl std::error::Error for Misread {}

impl Error for Misread {
    #[cold]
    fn custom<T: fmt::Display>(say: T) -> Self {
        Self(Box::new(Told { way: Vec::new(), say: say.to_string() }))
    }
}

/// Says that a value is of another kind than what is wanted.
#[cold]
fn wrong(value: &Value, wanted: &dyn Expected) -> Misread {
    let found = match value {
        Value::Null => return Misread::custom(format_args!("invalid type: null, expected {wanted}")),
        Value::Bool(value) => Unexpected::Bool(*value),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(whole), _) => Unexpected::Unsigned(whole),
            (None, Some(whole)) => Unexpected::Signed(whole),
            (None, None) => Unexpected::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Unexpected::Str(text),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    };
    Error::invalid_type(found, wanted)
}

/// A value as serde reads it.
struct Reader(Value);

impl Reader {
    fn number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        let Value::Number(number) = &self.0 else { return Err(wrong(&self.0, &visitor)) };
        match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(whole), _, _) => visitor.visit_u64(whole),
            (None, Some(whole), _) => visitor.visit_i64(whole),
            (None, None, Some(number)) => visitor.visit_f64(number),
            (None, None, None) => Err(wrong(&self.0, &visitor)),
        }
    }

    fn text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        match self.0 {
            Value::String(text) => visitor.visit_string(text),
            other => Err(wrong(&other, &visitor)),
        }
    }

    fn list<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        match self.0 {
            Value::Array(items) => {
                let mut items = Items { left: items.into_iter(), at: 0 };
                let read = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(read)
            }
            other => Err(wrong(&other, &visitor)),
        }
    }

    fn object<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        match self.0 {
            Value::Object(properties) => visitor.visit_map(Properties::of(properties)),
            other => Err(wrong(&other, &visitor)),
        }
    }
}

/// Methods of a deserializer that take nothing but the visitor and do as a method of `Reader` does.
macro_rules! as_reader {
    ($( $method:ident: $as:ident ),+ $(,)?) => {
        $( fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> { self.$as(visitor) } )+
    };
}

impl<'de> Deserializer<'de> for Reader {
    type Error = Misread;

    as_reader!(
        deserialize_i8: number, deserialize_i16: number, deserialize_i32: number, deserialize_i64: number,
        deserialize_u8: number, deserialize_u16: number, deserialize_u32: number, deserialize_u64: number,
        deserialize_f32: number, deserialize_f64: number,
        deserialize_char: text, deserialize_str: text, deserialize_string: text, deserialize_identifier: text,
        deserialize_seq: list, deserialize_map: object,
        deserialize_bytes: deserialize_any, deserialize_byte_buf: deserialize_any,
    );

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(_) => self.number(visitor),
            Value::String(text) => visitor.visit_string(text),
            Value::Array(_) => self.list(visitor),
            Value::Object(_) => self.object(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        match self.0 {
            Value::Bool(value) => visitor.visit_bool(value),
            other => Err(wrong(&other, &visitor)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        if self.0.is_null() { visitor.visit_unit() } else { Err(wrong(&self.0, &visitor)) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Misread> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Misread> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Misread> {
        self.list(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Misread> {
        self.list(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misread> {
        self.object(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misread> {
        visitor.visit_enum(Choice::of(self.0)?)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        visitor.visit_unit()
    }
}

/// The items of a list.
struct Items {
    left: std::vec::IntoIter<Value>,
    at: usize,
}

impl Items {
    fn end(&self) -> Result<(), Misread> {
        match self.left.len() {
            0 => Ok(()),
            left => Err(Error::invalid_length(self.at + left, &"fewer items")),
        }
    }
}

impl<'de> SeqAccess<'de> for Items {
    type Error = Misread;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misread> {
        let Some(item) = self.left.next() else { return Ok(None) };
        self.at += 1;
        let read = seed.deserialize(Reader(item)).map_err(|fault| fault.below((self.at - 1).to_string()))?;
        Ok(Some(read))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left.len())
    }
}

/// The properties of an object.
struct Properties {
    left: serde_json::map::IntoIter,
    now: Option<(String, Value)>,
}

impl Properties {
    fn of(properties: Map<String, Value>) -> Self {
        Self { left: properties.into_iter(), now: None }
    }

    fn take(&mut self) -> Result<(String, Value), Misread> {
        self.now.take().ok_or_else(|| Misread::custom("a value was asked for before its name"))
    }
}

impl<'de> MapAccess<'de> for Properties {
    type Error = Misread;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misread> {
        self.now = self.left.next();
        match &self.now {
            None => Ok(None),
            Some((name, _)) => seed.deserialize(Name(name)).map(Some),
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Misread> {
        let (name, value) = self.take()?;
        seed.deserialize(Reader(value)).map_err(|fault| fault.below(name))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left.len())
    }
}

/// The name of a property: text that can stand for a number.
struct Name<'a>(&'a str);

impl Name<'_> {
    fn number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        match (self.0.parse::<u64>(), self.0.parse::<i64>()) {
            (Ok(whole), _) => visitor.visit_u64(whole),
            (Err(_), Ok(whole)) => visitor.visit_i64(whole),
            (Err(_), Err(_)) => Err(Error::invalid_type(Unexpected::Str(self.0), &visitor)),
        }
    }
}

impl<'de> Deserializer<'de> for Name<'_> {
    type Error = Misread;

    as_reader!(
        deserialize_i8: number, deserialize_i16: number, deserialize_i32: number, deserialize_i64: number,
        deserialize_u8: number, deserialize_u16: number, deserialize_u32: number, deserialize_u64: number,
    );

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        visitor.visit_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Misread> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misread> {
        let name: StrDeserializer<'_, Misread> = self.0.into_deserializer();
        visitor.visit_enum(name)
    }

    forward_to_deserialize_any! {
        bool f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}

/// One of several forms: its name alone, or an object that has its content under its name.
struct Choice {
    name: String,
    content: Option<Value>,
}

impl Choice {
    fn of(value: Value) -> Result<Self, Misread> {
        match value {
            Value::String(name) => Ok(Self { name, content: None }),
            Value::Object(properties) if properties.len() == 1 => {
                let mut only = Properties::of(properties);
                only.now = only.left.next();
                let (name, content) = only.take()?;
                Ok(Self { name, content: Some(content) })
            }
            other => Err(wrong(&other, &"one of the names, or an object with one of them")),
        }
    }
}

impl<'de> EnumAccess<'de> for Choice {
    type Error = Misread;
    type Variant = Chosen;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Chosen), Misread> {
        let which = seed.deserialize(Name(&self.name))?;
        Ok((which, Chosen(self)))
    }
}

/// What the chosen form holds.
struct Chosen(Choice);

impl Chosen {
    fn content(self, wanted: &'static str) -> Result<(String, Reader), Misread> {
        match self.0 {
            Choice { name, content: Some(content) } => Ok((name, Reader(content))),
            Choice { name, content: None } => {
                Err(Misread::custom(format_args!("'{name}' is not enough: it has {wanted}")))
            }
        }
    }
}

impl<'de> VariantAccess<'de> for Chosen {
    type Error = Misread;

    fn unit_variant(self) -> Result<(), Misread> {
        match self.0.content {
            None | Some(Value::Null) => Ok(()),
            Some(other) => Err(wrong(&other, &"nothing but the name").below(self.0.name)),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Misread> {
        let (name, content) = self.content("a value")?;
        seed.deserialize(content).map_err(|fault| fault.below(name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Misread> {
        let (name, content) = self.content("values")?;
        content.list(visitor).map_err(|fault| fault.below(name))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Misread> {
        let (name, content) = self.content("properties")?;
        content.object(visitor).map_err(|fault| fault.below(name))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "camelCase")]
    enum Form {
        Plain,
        Sized(u8),
        Pair(i64, String),
        Named { deep: bool },
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Wrapped(f64);

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    enum Tagged {
        One { count: u32 },
        Two,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(untagged)]
    enum Loose {
        Number(u64),
        Words(Vec<String>),
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Everything {
        forms: Vec<Form>,
        wrapped: Option<Wrapped>,
        absent: Option<String>,
        by_number: BTreeMap<i16, char>,
        by_form: BTreeMap<String, Tagged>,
        loose: (Loose, Loose),
        nothing: (),
        anything: Value,
        #[serde(flatten)]
        rest: Map<String, Value>,
    }

    fn sample() -> Value {
        json!({
            "forms": ["plain", { "sized": 7 }, { "pair": [-3, "x"] }, { "named": { "deep": true, "unknown": [1] } }],
            "wrapped": 2,
            "by_number": { "-4": "ü", "9": "z" },
            "by_form": { "a": { "kind": "one", "count": 1 }, "b": { "kind": "two" } },
            "loose": [12, ["a", "b"]],
            "nothing": null,
            "anything": { "deep": [1, -2, 2.5, null, false] },
            "left": 1, "over": "x"
        })
    }

    #[test]
    fn reads_what_serde_json_reads() {
        let ours: Everything = read(sample()).unwrap();
        assert_eq!(ours, serde_json::from_value::<Everything>(sample()).unwrap());
        assert_eq!(ours.rest.len(), 2);
    }

    #[test]
    fn refuses_what_serde_json_refuses_and_says_where() {
        let cases = [
            ("/forms/1/sized", json!(256)),
            ("/forms/1", json!({ "sized": 1, "plain": null })),
            ("/forms/1", json!("sized")),
            ("/forms/0", json!("other")),
            ("/forms/0", json!({ "plain": 1 })),
            ("/forms/2/pair/0", json!("a")),
            ("/forms/2/pair", json!([1, "a", 2])),
            ("/forms/3/named/deep", json!("yes")),
            ("/forms", json!({})),
            ("/wrapped", json!("a")),
            ("/by_number/9", json!("zz")),
            ("/by_number", json!({ "x": "a" })),
            ("/by_form/a", json!({ "kind": "three" })),
            ("/loose/0", json!(null)),
            ("/loose", json!([1, 2, 3])),
            ("/nothing", json!(1)),
            ("", json!([1])),
            ("", json!(null)),
        ];
        for (pointer, wrong) in cases {
            let mut value = sample();
            *value.pointer_mut(pointer).unwrap() = wrong;
            assert!(serde_json::from_value::<Everything>(value.clone()).is_err(), "{pointer}: {value}");
            let fault = read::<Everything>(value.clone()).unwrap_err();
            assert!(fault.pointer().starts_with(pointer) || pointer.starts_with(&fault.pointer()), "{fault}");
            assert!(!fault.why().is_empty() && fault.to_string().ends_with(fault.why()), "{fault}");
        }
        let mut value = sample();
        value["by_form"] = json!({ "a/b~c": { "kind": "one", "count": -1 } });
        let fault = read::<Everything>(value).unwrap_err();
        assert_eq!(fault.pointer(), "/by_form/a~1b~0c", "{fault}");
    }

    #[test]
    fn a_missing_property_is_told_at_its_object() {
        let fault = read::<Vec<BTreeMap<String, Tagged>>>(json!([{ "x": { "kind": "one" } }])).unwrap_err();
        assert_eq!((fault.pointer().as_str(), fault.why()), ("/0/x", "missing field `count`"));
    }
}
