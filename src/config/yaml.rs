//! Text to a bounded tree: YAML or JSON, merge keys applied, repeated keys refused.
//!
//! The tree is JSON's, in the order of the text: everything after this file sees one kind of value.

use std::cell::Cell;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::report::shown;
use super::warning::ConfigError;

/// The longest text that is read: three orders of magnitude above a large fleet's configuration.
pub const MAX_TEXT: usize = 16 << 20;

/// The most values a text may hold once its aliases are expanded, so that a small text can't fill the memory.
pub const MAX_NODES: usize = 1_000_000;

/// The longest key: longer ones would be copied into every path below them.
const MAX_KEY: usize = 1024;

/// Reads the text into a tree whose top is a map. Depth is bounded at 128 by both parsers.
pub fn parse(text: &str) -> Result<Map<String, Value>, ConfigError> {
    if text.len() > MAX_TEXT {
        return Err(error(format!("the configuration has {} bytes; at most {MAX_TEXT} are read", text.len())));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if is_blank(text) {
        return Err(error("empty config".to_owned()));
    }
    let left = Cell::new(MAX_NODES);
    let tree = if is_json(text) { parse_json(text, &left)? } else { parse_yaml(text, &left)? };
    match tree {
        Value::Object(map) => Ok(map),
        Value::Null => Err(error("empty config".to_owned())),
        _ => Err(error("the configuration is not a map of settings at line 1 column 1".to_owned())),
    }
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

fn error(message: String) -> ConfigError {
    ConfigError { message }
}

fn is_blank(text: &str) -> bool {
    text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#') || line == "---")
}

fn parse_json(text: &str, left: &Cell<usize>) -> Result<Value, ConfigError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let seed = Tree { left, merge: false };
    let tree = seed.deserialize(&mut json).map_err(|e| error(format!("invalid JSON: {e}")))?;
    json.end().map_err(|e| error(format!("invalid JSON: {e}")))?;
    Ok(tree)
}

fn parse_yaml(text: &str, left: &Cell<usize>) -> Result<Value, ConfigError> {
    let seed = Tree { left, merge: true };
    seed.deserialize(serde_yaml::Deserializer::from_str(text)).map_err(|e| error(explain(&e)))
}

/// serde_yaml's own words, except where they are unclear or would repeat a value of the text, which may be a secret.
fn explain(e: &serde_yaml::Error) -> String {
    let message = e.to_string();
    if message.contains("more than one document") {
        return "invalid YAML: more than one document (a line of --- starts another); a configuration is one"
            .to_owned();
    }
    if !message.contains("invalid type") && !message.contains("invalid value") {
        return format!("invalid YAML: {message}");
    }
    match e.location() {
        Some(at) => {
            format!("invalid YAML: a value does not fit its tag or place at line {} column {}", at.line(), at.column())
        }
        None => "invalid YAML: a value does not fit its tag or place".to_owned(),
    }
}

/// Builds the tree, and counts down the values that may still come.
#[derive(Clone, Copy)]
struct Tree<'a> {
    left: &'a Cell<usize>,
    /// JSON has no merge keys.
    merge: bool,
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.left.get();
        if left == 0 {
            return Err(de::Error::custom(format!("more than {MAX_NODES} values")));
        }
        self.left.set(left - 1);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: de::Error>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E: de::Error>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_u64<E: de::Error>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_i128<E: de::Error>(self, v: i128) -> Result<Value, E> {
        Ok(Value::String(v.to_string()))
    }

    fn visit_u128<E: de::Error>(self, v: u128) -> Result<Value, E> {
        Ok(Value::String(v.to_string()))
    }

    /// Infinity and not-a-number stay text, which no numeric setting accepts.
    fn visit_f64<E: de::Error>(self, v: f64) -> Result<Value, E> {
        Ok(Number::from_f64(v).map_or_else(|| Value::String(v.to_string()), Value::Number))
    }

    fn visit_str<E: de::Error>(self, v: &str) -> Result<Value, E> {
        Ok(Value::String(v.to_owned()))
    }

    fn visit_string<E: de::Error>(self, v: String) -> Result<Value, E> {
        Ok(Value::String(v))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    /// A tag that YAML doesn't know (`!!python/…`) is ignored, its value is used.
    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Value, A::Error> {
        let (_tag, value) = data.variant_seed(KeyText { earlier: None })?;
        value.newtype_variant_seed(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(self)? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut own = Map::new();
        while let Some(key) = access.next_key_seed(KeyText { earlier: Some(&own) })? {
            own.insert(key, access.next_value_seed(self)?);
        }
        match own.shift_remove("<<") {
            Some(merge) if self.merge => merged(merge, own).map(Value::Object).map_err(de::Error::custom),
            Some(value) => {
                own.insert("<<".to_owned(), value);
                Ok(Value::Object(own))
            }
            None => Ok(Value::Object(own)),
        }
    }
}

/// Merged keys come before a map's own, and the last map of a list comes first, because a deployment's id depends on
/// the order that PyYAML gives.
fn merged(merge: Value, own: Map<String, Value>) -> Result<Map<String, Value>, &'static str> {
    let maps = match merge {
        Value::Array(list) => list,
        one => vec![one],
    };
    let mut all = Map::new();
    for map in maps.into_iter().rev() {
        let Value::Object(map) = map else { return Err("<< takes a map or a list of maps") };
        all.extend(map);
    }
    all.extend(own);
    Ok(all)
}

/// A key as text: names such as `4` or `true` are names here.
struct KeyText<'a> {
    /// The map so far. A repeated key is refused here, where the error gets the key's own line.
    earlier: Option<&'a Map<String, Value>>,
}

impl<'de> DeserializeSeed<'de> for KeyText<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for KeyText<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key that is text")
    }

    fn visit_bool<E: de::Error>(self, v: bool) -> Result<String, E> {
        self.visit_string(v.to_string())
    }

    fn visit_i64<E: de::Error>(self, v: i64) -> Result<String, E> {
        self.visit_string(v.to_string())
    }

    fn visit_u64<E: de::Error>(self, v: u64) -> Result<String, E> {
        self.visit_string(v.to_string())
    }

    fn visit_f64<E: de::Error>(self, v: f64) -> Result<String, E> {
        self.visit_string(v.to_string())
    }

    fn visit_str<E: de::Error>(self, v: &str) -> Result<String, E> {
        self.visit_string(v.to_owned())
    }

    fn visit_string<E: de::Error>(self, key: String) -> Result<String, E> {
        match self.earlier {
            _ if key.len() > MAX_KEY => Err(E::custom(format!("a key of more than {MAX_KEY} bytes"))),
            Some(earlier) if earlier.contains_key(&key) => Err(E::custom(format!("repeated key {}", shown(&key)))),
            _ => Ok(key),
        }
    }
}
