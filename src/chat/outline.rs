//! The outline of an answer, found in one pass over its text: whether it holds an error, and the member that is the answer.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// What was found.
#[derive(Debug)]
pub struct Outline<'a> {
    /// There is an `error` that is not null.
    pub has_error: bool,
    pub member: Member,
    /// The `usage`, if it is an object.
    pub usage: Option<&'a str>,
}

/// The member that is the answer: a list or a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// It is not there, or null.
    Missing,
    /// A list of nothing.
    Empty,
    Filled,
}

impl<'a> Outline<'a> {
    /// Looks for the first of these members. An error if the text is no JSON object, or the member neither list nor text.
    pub fn read(text: &'a str, names: &[&str]) -> Result<Self, serde_json::Error> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let outline = Seek(names).deserialize(&mut reader)?;
        reader.end().map(|()| outline)
    }
}

struct Seek<'n>(&'n [&'n str]);

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = Outline<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Outline<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = Outline<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outline<'de>, A::Error> {
        let mut outline = Outline { has_error: false, member: Member::Missing, usage: None };
        while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
            if name == "error" {
                outline.has_error = map.next_value::<Option<IgnoredAny>>()?.is_some();
            } else if name == "usage" {
                let usage = map.next_value::<&'de RawValue>()?.get();
                outline.usage = Some(usage).filter(|usage| usage.starts_with('{'));
            } else if self.0.contains(&&*name) {
                outline.member = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(outline)
    }
}

/// A member's name, borrowed unless it holds an escape.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Look)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or a text")
    }

    fn visit_unit<E>(self) -> Result<Member, E> {
        Ok(Member::Missing)
    }

    fn visit_str<E>(self, _text: &str) -> Result<Member, E> {
        Ok(Member::Filled)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Member, A::Error> {
        let mut found = Member::Empty;
        while list.next_element::<IgnoredAny>()?.is_some() {
            found = Member::Filled;
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(text: &str) -> Option<(bool, Member)> {
        Outline::read(text, &["a", "b"]).ok().map(|outline| (outline.has_error, outline.member))
    }

    #[test]
    fn the_member_is_found_among_others() {
        assert_eq!(outline(r#"{"x":{"a":1},"a":[0],"y":"z"}"#), Some((false, Member::Filled)));
        assert_eq!(outline(r#"{"b":[]}"#), Some((false, Member::Empty)));
        assert_eq!(outline(r#"{"b":"text"}"#), Some((false, Member::Filled)));
        assert_eq!(outline(r#"{"a":null}"#), Some((false, Member::Missing)));
        assert_eq!(outline(r#"{"error":null,"c":[0]}"#), Some((false, Member::Missing)));
        assert_eq!(outline(r#"{"error":{},"a":[0]}"#), Some((true, Member::Filled)));
        let usage = |text: &'static str| Outline::read(text, &["a"]).unwrap().usage;
        assert_eq!(usage(r#"{"a":[0],"usage": {"x": 1e2} }"#), Some(r#"{"x": 1e2}"#));
        assert_eq!([usage(r#"{"usage":null}"#), usage("{}")], [None, None]);
    }

    #[test]
    fn what_is_no_outline_is_refused() {
        for text in ["", "[]", "null", "{", r#"{"a":7}"#, r#"{"a":{}}"#, r#"{"a":[0]} x"#, r#"{"a":[0}"#] {
            assert_eq!(outline(text), None, "{text}");
        }
    }
}
