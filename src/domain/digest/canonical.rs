//! One JSON text for each value, written in one pass: the members of an object are put in order as the object ends.

use serde::Serialize;
use serde_json::ser::Formatter;
use std::{
    cell::RefCell,
    io::{self, Write},
    ops::Range,
};

/// The one JSON text of a value: keys sorted at every depth, no white space.
///
/// A value that JSON cannot hold becomes `null`; the domain's own types cannot be such.
pub fn canonical_json(value: &impl Serialize) -> String {
    let text = RefCell::default();
    let in_order = InOrder {
        text: &text,
        open: Vec::new(),
    };
    let mut serializer = serde_json::Serializer::with_formatter(Text(&text), in_order);
    let written = value.serialize(&mut serializer);
    drop(serializer);
    let text = String::from_utf8(text.into_inner());
    match (written, text) {
        (Ok(()), Ok(text)) => text,
        (Err(_), _) | (_, Err(_)) => "null".to_owned(),
    }
}

/// The text so far, which the formatter looks at too.
struct Text<'a>(&'a RefCell<Vec<u8>>);

impl Write for Text<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An object's member: where its key lies, and where all of it.
struct Member {
    key: Range<usize>,
    all: Range<usize>,
}

/// Notes where the members of objects lie, and puts them in order.
struct InOrder<'a> {
    text: &'a RefCell<Vec<u8>>,
    /// The objects that have not ended yet, outermost first.
    open: Vec<Vec<Member>>,
}

impl InOrder<'_> {
    fn length(&self) -> usize {
        self.text.borrow().len()
    }
    fn member(&mut self) -> Option<&mut Member> {
        self.open.last_mut()?.last_mut()
    }
}

impl Formatter for InOrder<'_> {
    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open.push(Vec::new());
        writer.write_all(b"{")
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        let start = self.length();
        if let Some(members) = self.open.last_mut() {
            members.push(Member {
                key: start..start,
                all: start..start,
            });
        }
        Ok(())
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        let end = self.length();
        if let Some(member) = self.member() {
            member.key.end = end;
        }
        Ok(())
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        let end = self.length();
        if let Some(member) = self.member() {
            member.all.end = end;
        }
        Ok(())
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if let Some(members) = self.open.pop() {
            put_in_order(&mut self.text.borrow_mut(), members);
        }
        writer.write_all(b"}")
    }
}

/// Keys are compared as they stand in the text, without their quotation marks.
fn put_in_order(text: &mut Vec<u8>, mut members: Vec<Member>) {
    let key = |member: &Member| {
        let quoted = text.get(member.key.clone()).unwrap_or_default();
        quoted
            .get(1..quoted.len().saturating_sub(1))
            .unwrap_or_default()
    };
    if members.is_sorted_by(|one, other| key(one) <= key(other)) {
        return;
    }
    let start = members.first().map_or(0, |first| first.all.start);
    members.sort_by(|one, other| key(one).cmp(key(other)));
    let mut ordered = Vec::with_capacity(text.len() - start);
    for member in members {
        if !ordered.is_empty() {
            ordered.push(b',');
        }
        ordered.extend_from_slice(text.get(member.all).unwrap_or_default());
    }
    text.truncate(start);
    text.append(&mut ordered);
}

#[cfg(test)]
mod tests {
    use super::canonical_json;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value = json!({"b": {"y": 1, "x": [1, {"q": 1, "p": 2}], "": {}}, "a": null, "ab": []});
        assert_eq!(
            canonical_json(&value),
            r#"{"a":null,"ab":[],"b":{"":{},"x":[1,{"p":2,"q":1}],"y":1}}"#
        );
    }

    #[test]
    fn what_json_cannot_hold_is_null() {
        let keys_that_are_no_text = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert_eq!(canonical_json(&keys_that_are_no_text), "null");
        assert_eq!(canonical_json(&f64::NAN), "null");
    }

    fn values() -> impl Strategy<Value = Value> {
        let plain = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-c\"\\\\\u{1}-\u{3}é]{0,4}".prop_map(Value::from),
        ];
        plain.prop_recursive(4, 40, 5, |inner| {
            let object = prop::collection::vec(("[a-c\"\\\\é]{0,3}", inner.clone()), 0..5);
            prop_oneof![
                prop::collection::vec(inner, 0..5).prop_map(Value::from),
                object.prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// The same value whose objects have their members in the opposite order.
    fn reversed(value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let members = members.iter().rev();
                members
                    .map(|(key, value)| (key.clone(), reversed(value)))
                    .collect()
            }
            Value::Array(items) => items.iter().map(reversed).collect(),
            plain => plain.clone(),
        }
    }

    proptest! {
        #[test]
        fn the_text_says_the_same_and_does_not_depend_on_the_order(value in values()) {
            let text = canonical_json(&value);
            prop_assert_eq!(&serde_json::from_str::<Value>(&text).unwrap(), &value);
            prop_assert_eq!(canonical_json(&reversed(&value)), text);
        }
    }
}
