//! Makes text of others safe to look at: control characters become visible, secret markers readable.

use crate::domain::secret;
use serde_json::Value;
use std::fmt::Write as _;

/// Whether a character hides, moves or reorders text on a screen: control characters, and Unicode's format characters for direction and
/// zero width (UAX 9, TR 36).
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{00AD}' | '\u{061C}' | '\u{E0000}'..='\u{E007F}')
}

fn push(out: &mut String, character: char) {
    if is_hidden(character) {
        // Writing to a string cannot fail.
        let _written = write!(out, "{}", character.escape_unicode());
    } else {
        out.push(character);
    }
}

fn shown(text: &str, kept: &[char]) -> String {
    let readable = secret::readable(text);
    let mut out = String::with_capacity(readable.len());
    for character in readable.chars() {
        if kept.contains(&character) {
            out.push(character);
        } else {
            push(&mut out, character);
        }
    }
    out
}

/// One line: everything hidden is shown as `\u{…}`, line feeds and tabs too.
pub(crate) fn line(text: &str) -> String {
    shown(text, &[])
}

/// One line of a program's output: tabs stay.
pub(super) fn output(text: &str) -> String {
    shown(text, &['\t'])
}

/// Several lines: line feeds and tabs stay.
pub(crate) fn lines(text: &str) -> String {
    shown(text, &['\n', '\t'])
}

/// Every string inside a value, keys too, made visible; line feeds and tabs stay.
pub(super) fn value(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(lines(text)),
        Value::Array(items) => Value::Array(items.iter().map(self::value).collect()),
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, item)| (line(key), self::value(item)))
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// The beginning of a text, and a mark where something is missing.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::{line, lines, shortened, value};
    use crate::domain::{name::SecretName, secret};

    #[test]
    fn what_hides_is_shown() {
        assert_eq!(
            line("a\u{1b}[31mb\r\n\u{202e}c"),
            "a\\u{1b}[31mb\\u{d}\\u{a}\\u{202e}c"
        );
        assert_eq!(lines("a\n\tb\u{0}"), "a\n\tb\\u{0}");
        assert_eq!(line("äöü 日本 🙂"), "äöü 日本 🙂");
    }

    #[test]
    fn a_secret_marker_is_read_as_its_name() {
        let marked = format!("x {}", secret::marker(&SecretName::new("db").unwrap()));
        assert_eq!(
            value(&serde_json::json!({ "k": [marked] })),
            serde_json::json!({ "k": ["x secret(\"db\")"] })
        );
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(shortened("äöü", 2), "äö…");
        assert_eq!(shortened("äö", 2), "äö");
    }
}
