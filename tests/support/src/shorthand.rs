//! The short forms of the script language: a list for a path, a number for a reply, one or many values for a header.
//!
//! `serde(remote = "Self")` leaves the derived long form as an inherent function, which these impls call for maps.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::script::{Headers, PathScript, Reply, Then};

impl<'de> Deserialize<'de> for PathScript {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = PathScript;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of replies, or {replies, then}")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<PathScript, A::Error> {
                let replies = Vec::deserialize(SeqAccessDeserializer::new(list))?;
                Ok(PathScript { replies, then: Then::default() })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PathScript, A::Error> {
                PathScript::deserialize(MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for Reply {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Reply;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a reply or a status")
            }
            fn visit_u64<E: Error>(self, status: u64) -> Result<Reply, E> {
                let status = u16::try_from(status).map_err(|_| E::custom("a status has three digits"))?;
                Ok(Reply { status: Some(status), ..Reply::default() })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Reply, A::Error> {
                Reply::deserialize(MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Headers;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("headers: name to value, list of values, or null")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    let values = match value {
                        Value::Array(values) => values,
                        one => vec![one],
                    };
                    for value in values {
                        let text = match value {
                            Value::Null => None,
                            Value::String(text) => Some(text),
                            Value::Number(number) => Some(number.to_string()),
                            _ => {
                                return Err(A::Error::custom(format!("header {name}: a value is text or a number")));
                            }
                        };
                        pairs.push((name.clone(), text));
                    }
                }
                Ok(Headers(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

impl Serialize for PathScript {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        PathScript::serialize(self, serializer)
    }
}

impl Serialize for Reply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Reply::serialize(self, serializer)
    }
}

impl Serialize for Headers {
    /// Repeated names become lists, so that what is written reads back the same.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (at, (name, value)) in self.0.iter().enumerate() {
            if self.0[..at].iter().any(|(earlier, _)| earlier == name) {
                continue;
            }
            let all: Vec<_> = self.0.iter().filter(|(other, _)| other == name).map(|(_, value)| value).collect();
            if all.len() == 1 { map.serialize_entry(name, value)? } else { map.serialize_entry(name, &all)? }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::Script;

    #[test]
    fn the_short_forms_read_as_the_long_ones() {
        let script =
            Script::from_json(json!({"paths": {"/a": [500, {"status": 200, "headers": {"x": ["1", 2], "y": null}}]}}))
                .unwrap();
        let replies = &script.paths["/a"].replies;
        assert_eq!(replies[0].status, Some(500));
        let pairs: Vec<_> =
            replies[1].headers.0.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        assert_eq!(pairs, [("x", Some("1")), ("x", Some("2")), ("y", None)]);
        let again = Script::from_json(serde_json::to_value(&script).unwrap()).unwrap();
        assert_eq!(again.paths["/a"].replies[1].headers, replies[1].headers);
    }

    #[test]
    fn unknown_members_are_errors_at_every_level() {
        for bad in [
            json!({"path": {}}),
            json!({"paths": {"/a": {"reply": []}}}),
            json!({"paths": {"/a": [{"statuss": 200}]}}),
            json!({"paths": {"/a": [{"chunks": [{"txt": ""}]}]}}),
            json!({"paths": {"/a": [{"drip": {"bytes": 1, "every": 2}}]}}),
        ] {
            let error = Script::from_json(bad.clone()).expect_err(&bad.to_string());
            assert!(error.to_string().contains("unknown field"), "{error}");
        }
    }
}
