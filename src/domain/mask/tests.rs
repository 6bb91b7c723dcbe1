use super::{MASK, MaskStream, Masker};
use crate::domain::secret::SecretValue;
use base64::Engine;
use proptest::prelude::*;
use serde_json::json;

fn masker(values: &[&str]) -> Masker {
    let values: Vec<_> = values
        .iter()
        .map(|value| SecretValue::new((*value).to_owned()))
        .collect();
    Masker::new(&values)
}

fn in_chunks(masker: &Masker, text: &[u8], sizes: &[usize]) -> Vec<u8> {
    let mut stream = MaskStream::new(masker.clone());
    let mut masked = Vec::new();
    let mut rest = text;
    for &size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, after) = rest.split_at(size.clamp(1, rest.len()));
        stream.push(chunk, &mut masked);
        rest = after;
    }
    stream.finish(&mut masked);
    masked
}

#[test]
fn a_value_is_hidden_wherever_it_stands() {
    let masker = masker(&["hunter2!"]);
    assert_eq!(masker.mask("hunter2!"), MASK);
    assert_eq!(masker.mask("a hunter2! b hunter2!"), "a *** b ***");
    assert_eq!(masker.mask("hunter2!hunter2!"), MASK);
    assert_eq!(masker.mask("hunter2"), "hunter2");
    assert_eq!(masker.mask(""), "");
}

#[test]
fn overlapping_values_leave_no_tail() {
    let masker = masker(&["abcdef", "defghi", "cdef"]);
    assert_eq!(masker.mask("xabcdefghiy"), "x***y");
    assert_eq!(masker.mask("xcdefghix"), "x***x");
    assert_eq!(masker.mask("abcdeX"), "abcdeX");
}

#[test]
fn other_forms_are_hidden() {
    let secret = "pä\"s/s w&rd<+>'1";
    let masker = masker(&[secret]);
    let json = serde_json::Value::from(secret).to_string();
    let shown = [
        secret.to_owned(),
        hex::encode(secret),
        hex::encode_upper(secret),
        json.trim_matches('"').to_owned(),
        "p\\u00e4\\\"s/s w&rd<+>'1".to_owned(),
        "pä\\\"s/s w\\u0026rd\\u003c+\\u003e'1".to_owned(),
        "p%C3%A4%22s%2Fs%20w%26rd%3C%2B%3E%271".to_owned(),
        "p%c3%a4%22s%2fs%20w%26rd%3c%2b%3e%271".to_owned(),
        "p%C3%A4%22s%2Fs+w%26rd%3C%2B%3E%271".to_owned(),
        "p%C3%A4%22s%2Fs%20w%26rd%3C%2B%3E'1".to_owned(),
        "pä\"s/s w&rd<+>'\\''1".to_owned(),
        "pä&quot;s/s w&amp;rd&lt;+&gt;&#39;1".to_owned(),
    ];
    for form in shown {
        assert_eq!(masker.mask(&format!("<{form}>")), "<***>", "{form}");
    }
}

#[test]
fn base64_is_hidden_at_every_alignment() {
    let secret = "correct?horse~battery";
    let masker = masker(&[secret]);
    let engines = [
        base64::engine::general_purpose::STANDARD,
        base64::engine::general_purpose::URL_SAFE,
    ];
    for (engine, before) in engines
        .iter()
        .flat_map(|engine| (0..6).map(move |n| (engine, n)))
    {
        for after in 0..4 {
            let text = format!("{}{secret}{}", "u".repeat(before), ":".repeat(after));
            let masked = masker.mask(&engine.encode(&text));
            assert!(masked.contains(MASK), "{before} {after} {masked}");
            assert!(masked.len() <= 3 + 8 + 8, "{before} {after} {masked}");
        }
        assert_eq!(masker.mask(&engine.encode(secret)), MASK);
    }
}

#[test]
fn wrapped_base64_is_hidden() {
    let secret = "0123456789abcdefghijklmnopqrstuvwxyz".repeat(5);
    let masker = masker(&[&secret]);
    let encoded = base64::engine::general_purpose::STANDARD.encode(&secret);
    for columns in [64, 76] {
        let lines: Vec<_> = encoded.as_bytes().chunks(columns).collect();
        let text = String::from_utf8(lines.join(&b'\n')).unwrap();
        let masked = masker.mask(&text);
        assert_eq!(masked.replace(['*', '\n'], ""), "", "{masked}");
    }
}

#[test]
fn the_lines_of_a_long_value_are_hidden_by_themselves() {
    let masker = masker(&["-----BEGIN KEY-----\r\n  MIIEvQIBADANBg\nshort\n-----END KEY-----\n"]);
    assert_eq!(masker.mask("key: MIIEvQIBADANBg."), "key: ***.");
    assert_eq!(masker.mask("a short word"), "a short word");
}

#[test]
fn surrounding_space_does_not_save_a_value() {
    let masker = masker(&["hunter2!\n"]);
    assert_eq!(masker.mask("x=hunter2!;"), "x=***;");
}

#[test]
fn a_short_value_is_hidden_only_as_a_whole() {
    let masker = masker(&["abc", "1", "", " \n"]);
    assert_eq!(masker.mask("abc"), MASK);
    assert_eq!(masker.mask(" abc\n"), MASK);
    assert_eq!(masker.mask("xabc 1"), "xabc 1");
    assert_eq!(masker.mask(""), "");
}

#[test]
fn json_is_masked_in_keys_texts_and_numbers() {
    let masker = masker(&["secret-key", "123456"]);
    let masked =
        masker.mask_json(json!({ "secret-key": [123_456, 12, true, null, "a secret-key"] }));
    assert_eq!(masked, json!({ "***": ["***", 12, true, null, "a ***"] }));
}

#[test]
fn only_what_may_begin_a_secret_is_held_back() {
    let mut stream = MaskStream::new(masker(&["secret99"]));
    let mut masked = Vec::new();
    stream.push(b"plain text\nsecre", &mut masked);
    assert_eq!(masked, b"plain text\n");
    stream.push(b"cy\n", &mut masked);
    assert_eq!(masked, b"plain text\nsecrecy\n");
    stream.push(b"secret9", &mut masked);
    stream.push(b"9", &mut masked);
    stream.finish(&mut masked);
    assert_eq!(masked, b"plain text\nsecrecy\n***");
}

#[test]
fn without_secrets_all_passes() {
    assert_eq!(masker(&[]).mask("all of it"), "all of it");
}

#[test]
fn debug_shows_nothing() {
    assert_eq!(format!("{:?}", masker(&["hunter2!"])), "Masker(***)");
}

/// The definition, slowly: a byte is hidden when an occurrence covers it.
fn by_definition(patterns: &[Vec<u8>], text: &[u8]) -> Vec<u8> {
    let mut hidden = vec![false; text.len()];
    for pattern in patterns {
        for start in 0..text.len() {
            if text[start..].starts_with(pattern) {
                hidden[start..start + pattern.len()].fill(true);
            }
        }
    }
    let mut masked = Vec::new();
    for (at, &byte) in text.iter().enumerate() {
        if !hidden[at] {
            masked.push(byte);
        } else if at == 0 || !hidden[at - 1] {
            masked.extend_from_slice(MASK.as_bytes());
        }
    }
    masked
}

proptest! {
    #[test]
    fn any_cut_into_chunks_gives_the_defined_result(
        secrets in prop::collection::vec("[ab]{4,9}", 0..4),
        text in "[ab ]{0,80}",
        sizes in prop::collection::vec(1usize..9, 1..6),
    ) {
        let secrets: Vec<_> = secrets.iter().map(String::as_str).collect();
        let masker = masker(&secrets);
        let patterns: Vec<_> = secrets.iter().flat_map(|secret| super::forms::of(secret)).collect();
        let expected = by_definition(&patterns, text.as_bytes());
        prop_assert_eq!(&in_chunks(&masker, text.as_bytes(), &sizes), &expected);
        prop_assert_eq!(masker.mask(&text).into_bytes(), expected);
    }

    #[test]
    fn no_secret_survives_any_cut(
        secret in "\\PC{4,40}",
        before in "\\PC{0,20}",
        after in "\\PC{0,20}",
        sizes in prop::collection::vec(1usize..7, 1..6),
    ) {
        // The mask itself is made of `*`.
        prop_assume!(secret.trim().len() >= super::SHORTEST && !secret.contains('*'));
        let masker = masker(&[&secret]);
        let encoded = base64::engine::general_purpose::STANDARD.encode(&secret);
        let json = serde_json::Value::from(secret.as_str()).to_string();
        let json = json.get(1..json.len() - 1).unwrap();
        for form in [secret.as_str(), &encoded, json, &hex::encode(&secret)] {
            let text = format!("{before}{form}{after}");
            let masked = in_chunks(&masker, text.as_bytes(), &sizes);
            let masked = String::from_utf8(masked).unwrap();
            prop_assert!(!masked.contains(form), "{masked}");
        }
    }

    #[test]
    fn any_bytes_pass_unharmed_where_there_is_no_secret(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let masker = masker(&["a-secret-that-is-long-enough"]);
        prop_assert_eq!(in_chunks(&masker, &bytes, &[7]), bytes);
    }
}
