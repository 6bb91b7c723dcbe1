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

/// Whether a character looks like a plain space and is none.
fn is_odd_space(character: char) -> bool {
    matches!(
        character,
        '\u{A0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200A}'
                | '\u{202F}'
                | '\u{205F}'
                | '\u{3000}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{FFA0}'
    )
}

/// Whether a letter belongs to a script that has letters which look like Latin ones, or is a letter in another dress.
fn is_foreign(character: char) -> bool {
    matches!(character, '\u{0370}'..='\u{058F}' | '\u{13A0}'..='\u{13FF}' | '\u{1F00}'..='\u{1FFF}' | '\u{A4D0}'..='\u{A4FF}')
        && character.is_alphabetic()
}

/// Letters and digits in another dress: as wide as Chinese ones, or for formulas.
fn is_dressed(character: char) -> bool {
    matches!(character, '\u{FF01}'..='\u{FF5E}' | '\u{1D400}'..='\u{1D7FF}')
        && character.is_alphanumeric()
}

/// Cyrillic and Greek letters that look like Latin ones.
const LOOK_ALIKE: &str = "аеорсухіјѕһԁԛԝьАВЕКМНОРСТУХІЈЅԌԚԜοανιρκυτχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ";

/// Makes visible, in what people consent to or have given, what passes for something else: spaces that are none, letters of another script
/// in a word with Latin letters, and whole words of letters that look like Latin ones in a text that has no other letters of their script.
pub(crate) fn unmistakable(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let is_real = |c: char| is_foreign(c) && !LOOK_ALIKE.contains(c);
    let is_foreign_text = text.chars().any(is_real);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_alphanumeric())
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let is_mixed = word.chars().any(|c| c.is_ascii_alphabetic());
        for character in word.chars() {
            let passes = is_foreign(character) && (is_mixed || !is_foreign_text);
            spell(&mut out, character, passes || is_dressed(character));
        }
        let mut others = after.chars();
        if let Some(other) = others.next() {
            spell(&mut out, other, is_odd_space(other));
        }
        rest = others.as_str();
    }
    out
}

fn spell(out: &mut String, character: char, by_number: bool) {
    if by_number {
        // Writing to a string cannot fail.
        let _written = write!(out, "{}", character.escape_unicode());
    } else {
        out.push(character);
    }
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

/// An error of ours on one line: its hint follows after a semicolon.
pub(crate) fn error_line(text: &str) -> String {
    line(&text.replace("\nhint: ", "; "))
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
        Value::String(text) => Value::String(unmistakable(&lines(text))),
        Value::Array(items) => Value::Array(items.iter().map(self::value).collect()),
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, item)| (unmistakable(&line(key)), self::value(item)))
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
    use super::{line, lines, shortened, unmistakable, value};
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
    fn what_passes_for_something_else_is_shown() {
        for (text, shown) in [
            ("namespace: prod", "namespace: prod"),
            ("rm\u{a0}-rf", "rm\\u{a0}-rf"),
            ("namespace: pr\u{43e}d", "namespace: pr\\u{43e}d"),
            (
                "name: \u{441}\u{43e}\u{440}\u{435}",
                "name: \\u{441}\\u{43e}\\u{440}\\u{435}",
            ),
            ("\u{ff52}\u{ff4d} x", "\\u{ff52}\\u{ff4d} x"),
            ("größer als 日本 🙂", "größer als 日本 🙂"),
            ("перезапуск с ноды", "перезапуск с ноды"),
        ] {
            assert_eq!(unmistakable(text), shown);
        }
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
