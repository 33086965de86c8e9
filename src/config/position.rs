//! Where each key of a text stands.
//!
//! serde_yaml tells line and column only in an error. So a second walk over the text lets each key, and each scalar of
//! a list, fail on purpose, reads the place from that error and goes on: a failed scalar is consumed all the same. One
//! walk finds every place; JSON is walked as the YAML that it nearly always is. A text that can't be walked to its end
//! has fewer places, which costs messages their line and nothing else.

use std::collections::HashMap;
use std::fmt;

use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, IgnoredAny, MapAccess, SeqAccess, VariantAccess, Visitor,
};

/// Longer paths are not remembered: they take the place of what is around them.
const LONGEST_PATH: usize = 1024;

/// A line and a column, both from 1, and the included file if it isn't the main one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub line: usize,
    pub column: usize,
    pub file: Option<String>,
}

/// Paths, such as `model_list[2].litellm_params.model`, and their places.
#[derive(Default)]
pub struct Positions {
    places: HashMap<String, Found>,
}

struct Found {
    place: Place,
    /// Came through `<<`, so a key of the map's own replaces it.
    merged: bool,
}

impl Positions {
    pub fn of(text: &str, file: Option<&str>) -> Self {
        let mut walk = Walk { path: String::new(), merged: 0, key: None, positions: Self::default(), file };
        // An error ends the walk early; what was found until then stays.
        let _ = Node { walk: &mut walk, in_list: false }.deserialize(serde_yaml::Deserializer::from_str(text));
        walk.positions
    }

    /// The place of a path, or of the nearest thing around it that has one.
    pub fn get(&self, path: &str) -> Option<&Place> {
        let mut path = path;
        loop {
            if let Some(found) = self.places.get(path) {
                return Some(&found.place);
            }
            path = path.get(..path.rfind(['.', '['])?)?;
        }
    }

    /// Whether the text has something at exactly this path.
    pub fn has(&self, path: &str) -> bool {
        self.places.contains_key(path)
    }

    /// Takes over the places of an included file, whose paths `rename` fits to the whole.
    pub fn include(&mut self, other: Self, rename: impl Fn(&str) -> String) {
        for (path, found) in other.places {
            self.places.entry(rename(&path)).or_insert(found);
        }
    }
}

/// The path of a key inside a map.
pub fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

struct Walk<'a> {
    path: String,
    merged: usize,
    key: Option<String>,
    positions: Positions,
    file: Option<&'a str>,
}

impl Walk<'_> {
    fn note(&mut self, (line, column): (usize, usize)) {
        if self.path.len() > LONGEST_PATH {
            return;
        }
        let merged = self.merged > 0;
        if self.positions.places.get(&self.path).is_none_or(|known| known.merged && !merged) {
            let place = Place { line, column, file: self.file.map(str::to_owned) };
            self.positions.places.insert(self.path.clone(), Found { place, merged });
        }
    }
}

/// What the deliberate errors say; never seen outside this file.
const PROBE: &str = "probe";

/// Reads `… probe at line 3 column 7`: the error's type is hidden behind serde's trait. The start of a text has no
/// place.
fn place_in(error: &str) -> Option<(usize, usize)> {
    let (_, place) = error.rsplit_once(PROBE)?;
    let Some(place) = place.strip_prefix(" at line ") else { return Some((1, 1)) };
    let (line, column) = place.split_once(" column ")?;
    Some((line.parse().ok()?, column.parse().ok()?))
}

/// One value of the text.
struct Node<'a, 'b> {
    walk: &'a mut Walk<'b>,
    in_list: bool,
}

impl Node<'_, '_> {
    /// A map's value is found by its key; a list's scalar must tell its place itself.
    fn scalar<E: de::Error>(self) -> Result<(), E> {
        if !self.in_list {
            return Ok(());
        }
        self.walk.key = Some(String::new());
        Err(E::custom(PROBE))
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        self.scalar()
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_i128<E: de::Error>(self, _: i128) -> Result<(), E> {
        self.scalar()
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<(), E> {
        self.scalar()
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<(), E> {
        self.scalar()
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.scalar()
    }

    fn visit_none<E: de::Error>(self) -> Result<(), E> {
        self.scalar()
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<(), A::Error> {
        let (IgnoredAny, value) = data.variant()?;
        value.newtype_variant_seed(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let length = self.walk.path.len();
        for index in 0_usize.. {
            self.walk.path.push_str(&format!("[{index}]"));
            let element = seq.next_element_seed(Node { walk: &mut *self.walk, in_list: true });
            let more = match element {
                Ok(element) => element.is_some(),
                Err(error) if self.walk.key.take().is_some() => {
                    if let Some(place) = place_in(&error.to_string()) {
                        self.walk.note(place);
                    }
                    true
                }
                Err(error) => return Err(error),
            };
            self.walk.path.truncate(length);
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let length = self.walk.path.len();
        loop {
            let place = match map.next_key_seed(Key { walk: &mut *self.walk }) {
                Ok(_) => return Ok(()),
                Err(error) => place_in(&error.to_string()),
            };
            let (Some(key), Some(place)) = (self.walk.key.take(), place) else {
                return Err(de::Error::custom("a key without a place"));
            };
            // A map inside a list stands where its first key stands.
            self.walk.note(place);
            let merge = key == "<<";
            if merge {
                self.walk.merged += 1;
            } else {
                if length > 0 {
                    self.walk.path.push('.');
                }
                self.walk.path.push_str(&key);
                self.walk.note(place);
            }
            map.next_value_seed(Node { walk: &mut *self.walk, in_list: false })?;
            self.walk.path.truncate(length);
            self.walk.merged -= usize::from(merge);
        }
    }
}

/// A key: remembered, then failed for its place.
struct Key<'a, 'b> {
    walk: &'a mut Walk<'b>,
}

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<(), E> {
        self.walk.key = Some(key.to_owned());
        Err(E::custom(PROBE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a: 1
shared: &shared
  key: x
  own: y
list:
  - name: one
    <<: *shared
    own: z
  - two
  - [three, {four: 5}]
";

    fn at(path: &str) -> Option<(usize, usize)> {
        Positions::of(TEXT, None).get(path).map(|place| (place.line, place.column))
    }

    #[test]
    fn every_key_and_list_entry_has_its_place() {
        assert_eq!(at("a"), Some((1, 1)));
        assert_eq!(at("shared.own"), Some((4, 3)));
        assert_eq!(at("list[0]"), Some((6, 5)));
        assert_eq!(at("list[0].name"), Some((6, 5)));
        assert_eq!(at("list[1]"), Some((9, 5)));
        assert_eq!(at("list[2][0]"), Some((10, 6)));
        assert_eq!(at("list[2][1].four"), Some((10, 14)));
    }

    #[test]
    fn a_merged_key_stands_at_its_anchor_and_an_own_key_at_home() {
        assert_eq!(at("list[0].key"), Some((3, 3)));
        assert_eq!(at("list[0].own"), Some((8, 5)));
    }

    #[test]
    fn what_is_not_there_has_the_place_around_it() {
        assert_eq!(at("list[0].name.deeper"), Some((6, 5)));
        assert_eq!(at("nothing"), None);
    }

    #[test]
    fn json_has_places_too() {
        let positions = Positions::of("{\n  \"a\": {\"b\": [1,\n 2]}}", None);
        assert_eq!(positions.get("a.b[1]"), Some(&Place { line: 3, column: 2, file: None }));
    }
}
