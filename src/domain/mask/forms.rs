//! The forms in which a secret may appear.

use crate::domain::mask::SHORTEST;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use std::{collections::BTreeSet, fmt::Write as _};

/// A line of a multi-line value is looked for by itself from this many bytes on.
const SHORTEST_LINE: usize = 8;
/// Columns after which base64 is commonly wrapped: MIME and coreutils, PEM.
const WRAPS: [usize; 2] = [76, 64];

/// Every form of one value: as it is, without surrounding space, its lines, and each of these in base64, hexadecimal,
/// percent-encoded, and escaped for JSON, a shell and markup.
pub(super) fn of(value: &str) -> BTreeSet<Vec<u8>> {
    let mut forms = BTreeSet::new();
    let trimmed = value.trim();
    for text in [value, trimmed] {
        if trimmed.len() >= SHORTEST {
            add_all(&mut forms, text);
        }
    }
    if trimmed.lines().count() > 1 {
        for line in trimmed.lines().map(str::trim) {
            if line.len() >= SHORTEST_LINE {
                add_all(&mut forms, line);
            }
        }
    }
    forms
}

fn add_all(forms: &mut BTreeSet<Vec<u8>>, text: &str) {
    let mut add = |form: String| {
        if form.len() >= SHORTEST {
            forms.insert(form.into_bytes());
        }
    };
    add(text.to_owned());
    add(hex::encode(text));
    add(hex::encode_upper(text));
    base64_forms(text, &mut add);
    percent_forms(text, &mut add);
    escaped_forms(text, &mut add);
}

/// Base64 depends on where in the encoded text the value begins (three ways) and on what follows it.
fn base64_forms(text: &str, add: &mut impl FnMut(String)) {
    for engine in [&STANDARD, &URL_SAFE] {
        for before in 0..3 {
            let mut bytes = vec![0; before];
            bytes.extend_from_slice(text.as_bytes());
            let encoded = engine.encode(&bytes);
            let from = (before * 8).div_ceil(6);
            let whole = bytes.len() * 8 / 6;
            let last = (bytes.len() * 8).div_ceil(6);
            for until in [whole, last, encoded.len()] {
                add(encoded.get(from..until).unwrap_or_default().to_owned());
            }
            if before == 0 {
                wrapped(&encoded, add);
            }
        }
    }
}

fn wrapped(encoded: &str, add: &mut impl FnMut(String)) {
    for columns in WRAPS {
        if encoded.len() > columns {
            let lines = encoded.as_bytes().chunks(columns);
            lines.for_each(|line| add(String::from_utf8_lossy(line).into_owned()));
        }
    }
}

/// RFC 3986 in upper and lower case; HTML forms; JavaScript's `encodeURIComponent` and `encodeURI`.
fn percent_forms(text: &str, add: &mut impl FnMut(String)) {
    for kept in ["-_.~", "-_.*", "-_.~!'()*", "-_.~!'()*;/?:@&=+$,#", "-_.~/"] {
        let upper = percent(text, kept, |byte| format!("%{byte:02X}"));
        add(upper.replace("%20", "+"));
        add(upper);
        let lower = percent(text, kept, |byte| format!("%{byte:02x}"));
        add(lower.replace("%20", "+"));
        add(lower);
    }
}

fn percent(text: &str, kept: &str, escape: impl Fn(u8) -> String) -> String {
    let mut encoded = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&escape(byte));
        }
    }
    encoded
}

/// JSON (plain, ASCII only, with `\/`, twice), `set -x` of a shell, HTML and XML.
fn escaped_forms(text: &str, add: &mut impl FnMut(String)) {
    let json = json(text);
    add(json.replace('/', "\\/"));
    add(self::json(&json));
    add(ascii_only(&json, false));
    add(ascii_only(&json, true));
    add(markup_in_json(&json));
    add(json);
    add(text.replace('\'', "'\\''"));
    add(text.replace('\'', "'\"'\"'"));
    let markup = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    add(markup.replace('"', "&quot;").replace('\'', "&#39;"));
    add(markup.replace('"', "&quot;").replace('\'', "&#x27;"));
    add(markup.replace('"', "&#34;").replace('\'', "&#39;"));
    add(markup.replace('"', "&quot;"));
    add(markup);
}

fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let inside = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inside.unwrap_or_default().to_owned()
}

/// Go's encoder writes these three as escapes.
fn markup_in_json(json: &str) -> String {
    json.replace('&', "\\u0026")
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
}

fn ascii_only(json: &str, upper: bool) -> String {
    let mut ascii = String::with_capacity(json.len());
    let mut units = [0; 2];
    for c in json.chars() {
        if c.is_ascii() {
            ascii.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut units) {
            let _infallible = if upper {
                write!(ascii, "\\u{unit:04X}")
            } else {
                write!(ascii, "\\u{unit:04x}")
            };
        }
    }
    ascii
}
