//! serde's view of a tree, without a detour over text or JSON.

use crate::runbooks::{
    problems::{Fault, Place},
    tree::{Content, Entry, Node},
};
use serde::{
    Deserialize, Deserializer,
    de::{
        self, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor,
        value::{BorrowedStrDeserializer, StrDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::Number;
use std::{borrow::Cow, fmt, slice};

/// Reads a tree into a type.
pub(super) fn read<'n, T: Deserialize<'n>>(root: &'n Node<'_>) -> Result<T, Fault> {
    T::deserialize(root).map_err(|error| Fault::new(error.place.unwrap_or(root.place), error.what))
}

/// Why a tree is not a value of the wanted type.
#[derive(Debug)]
pub(super) struct ReadError {
    what: String,
    place: Option<Place>,
}

impl ReadError {
    /// The innermost place counts.
    fn at(mut self, place: Place) -> Self {
        self.place.get_or_insert(place);
        self
    }
}
impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}
impl std::error::Error for ReadError {}
impl de::Error for ReadError {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self {
            what: what.to_string(),
            place: None,
        }
    }
}

impl<'n> Deserializer<'n> for &'n Node<'_> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let result = match &self.content {
            Content::Null => visitor.visit_unit(),
            Content::Bool(yes) => visitor.visit_bool(*yes),
            Content::Number(number) => visit_number(number, visitor),
            Content::Text(text) => visitor.visit_borrowed_str(text),
            Content::Sequence(items) => visitor.visit_seq(Items(items.iter())),
            Content::Mapping(entries) => visitor.visit_map(Entries {
                rest: entries.iter(),
                value: None,
            }),
        };
        result.map_err(|error| error.at(self.place))
    }

    fn deserialize_option<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.content {
            Content::Null => visitor.visit_none(),
            Content::Bool(_)
            | Content::Number(_)
            | Content::Text(_)
            | Content::Sequence(_)
            | Content::Mapping(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'n>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    /// serde's derived types would take a list for a struct; a file says which key is which.
    fn deserialize_struct<V: Visitor<'n>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match &self.content {
            Content::Mapping(_) => self.deserialize_any(visitor),
            Content::Null
            | Content::Bool(_)
            | Content::Number(_)
            | Content::Text(_)
            | Content::Sequence(_) => {
                Err(<ReadError as de::Error>::custom("a mapping is wanted").at(self.place))
            }
        }
    }

    fn deserialize_enum<V: Visitor<'n>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let text = self.text().ok_or_else(|| {
            <ReadError as de::Error>::custom("one of the known words is wanted").at(self.place)
        })?;
        let word: StrDeserializer<'_, ReadError> = text.into_deserializer();
        word.deserialize_enum(name, variants, visitor)
            .map_err(|error| error.at(self.place))
    }

    forward_to_deserialize_any! {
        <W: Visitor<'n>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

fn visit_number<'n, V: Visitor<'n>>(number: &Number, visitor: V) -> Result<V::Value, ReadError> {
    if let Some(whole) = number.as_u64() {
        return visitor.visit_u64(whole);
    }
    match number.as_i64() {
        Some(whole) => visitor.visit_i64(whole),
        None => visitor.visit_f64(number.as_f64().unwrap_or_default()),
    }
}

struct Items<'n, 's>(slice::Iter<'n, Node<'s>>);

impl<'n> SeqAccess<'n> for Items<'n, '_> {
    type Error = ReadError;
    fn next_element_seed<T: DeserializeSeed<'n>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ReadError> {
        self.0.next().map(|node| seed.deserialize(node)).transpose()
    }
    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Entries<'n, 's> {
    rest: slice::Iter<'n, Entry<'s>>,
    value: Option<&'n Node<'s>>,
}

impl<'n> MapAccess<'n> for Entries<'n, '_> {
    type Error = ReadError;
    fn next_key_seed<K: DeserializeSeed<'n>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ReadError> {
        let Some(entry) = self.rest.next() else {
            return Ok(None);
        };
        self.value = Some(&entry.value);
        let key: &'n Cow<'_, str> = &entry.key;
        seed.deserialize(BorrowedStrDeserializer::<ReadError>::new(key))
            .map(Some)
            .map_err(|error| error.at(entry.place))
    }
    fn next_value_seed<T: DeserializeSeed<'n>>(&mut self, seed: T) -> Result<T::Value, ReadError> {
        let node = self
            .value
            .take()
            .ok_or_else(|| <ReadError as de::Error>::custom("a value without a key"))?;
        seed.deserialize(node).map_err(|error| error.at(node.place))
    }
    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::runbooks::compose::compose;
    use serde::Deserialize;
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        word: Word,
        size: u8,
        rest: Option<BTreeMap<String, Value>>,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        One,
        Two,
    }

    fn sample(text: &str) -> Result<Sample, String> {
        read(&compose(text)[0].root)
            .map_err(|fault| format!("{}:{} {}", fault.place.line, fault.place.column, fault.what))
    }

    #[test]
    fn a_tree_is_read_into_types() {
        let read = sample("word: one\nsize: 7\nrest: {a: [1, -2, 1.5, x, null, true]}").unwrap();
        let rest = [("a".to_owned(), json!([1, -2, 1.5, "x", null, true]))];
        let wanted = Sample {
            word: Word::One,
            size: 7,
            rest: Some(rest.into()),
        };
        assert_eq!(read, wanted);
        assert_eq!(sample("word: two\nsize: 1\nrest:").unwrap().rest, None);
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_place() {
        for (text, wanted) in [
            ("word: one\nsize: 300", "2:7 invalid value"),
            ("word: three\nsize: 3", "1:7 unknown variant"),
            ("word: one\nsise: 3", "2:1 unknown field"),
            ("word: one", "1:1 missing field"),
            ("word: [one]\nsize: 3", "1:7 one of the known words"),
        ] {
            let error = sample(text).unwrap_err();
            assert!(error.starts_with(wanted), "{error}");
        }
    }
}
