//! What a plain (unquoted) scalar means. Where YAML's versions and parsers disagree, it is refused.

use crate::runbooks::tree::Content;
use serde_json::Number;
use std::borrow::Cow;

/// Why a plain scalar is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ambiguous {
    pub(super) what: String,
    pub(super) hint: String,
}

/// Reads a plain scalar by YAML 1.2's core schema, without what other readers take for something else.
pub(super) fn read(text: Cow<'_, str>) -> Result<Content<'_>, Ambiguous> {
    match text.as_ref() {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Content::Null),
        "true" | "True" | "TRUE" => return Ok(Content::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Content::Bool(false)),
        _ => {}
    }
    if may_be_old_boolean(&text) {
        let what = format!("`{text}` is true or false to some readers and text to others");
        let hint = format!("quote it if it is text: \"{text}\"; otherwise write true or false");
        return Err(Ambiguous { what, hint });
    }
    let first = text.bytes().next().unwrap_or_default();
    if first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.') {
        return number(text);
    }
    Ok(Content::Text(text))
}

fn may_be_old_boolean(text: &str) -> bool {
    text.len() <= 3
        && ["yes", "no", "on", "off", "y", "n"]
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word))
}

fn number(text: Cow<'_, str>) -> Result<Content<'_>, Ambiguous> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits && digits.len() > 1 && digits.starts_with('0') {
        return Err(quote(
            &text,
            "has a leading zero, which some readers take for octal",
        ));
    }
    if all_digits {
        let plain = text.strip_prefix('+').unwrap_or(&text);
        let whole = plain.parse::<i64>().map(Number::from);
        return whole
            .or_else(|_| plain.parse::<u64>().map(Number::from))
            .map(Content::Number)
            .map_err(|_| quote(&text, "is too large for a number"));
    }
    if let Some(reason) = ambiguity(digits) {
        return Err(quote(&text, reason));
    }
    if is_decimal(digits) {
        let plain = text.strip_prefix('+').unwrap_or(&text);
        let value = plain.parse::<f64>().ok().and_then(Number::from_f64);
        return value
            .map(Content::Number)
            .ok_or_else(|| quote(&text, "is not a number that can be kept"));
    }
    Ok(Content::Text(text))
}

fn quote(text: &str, reason: &str) -> Ambiguous {
    let shown: String = text.chars().take(40).collect();
    Ambiguous {
        what: format!("`{shown}` {reason}"),
        hint: format!("quote it if it is text: \"{shown}\""),
    }
}

/// Why readers disagree about a text that begins like a number.
fn ambiguity(digits: &str) -> Option<&'static str> {
    let lower = digits.to_ascii_lowercase();
    if lower.starts_with("0x") || lower.starts_with("0o") || lower.starts_with("0b") {
        let rest = lower.get(2..).unwrap_or_default();
        let is_number = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
        return is_number.then_some("is a number to some readers only; write it in decimal");
    }
    if matches!(lower.as_str(), ".inf" | ".nan") {
        return Some("is not a number that can be kept");
    }
    let with_underscores = digits.contains('_')
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'_' | b'.' | b','));
    if with_underscores {
        return Some("is a number to some readers and text to others");
    }
    if is_base_60(digits) {
        return Some("is a number in base 60 to some readers");
    }
    let (mantissa, exponent) = lower.split_once('e')?;
    let is_number = !mantissa.is_empty()
        && mantissa.bytes().all(|byte| byte.is_ascii_digit())
        && !exponent.is_empty()
        && exponent.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some("is a number with an exponent to some readers and text to others")
}

/// Digits in groups joined by colons, each group after the first below 60, as in `12:30:45`.
fn is_base_60(digits: &str) -> bool {
    let mut groups = digits.split(':');
    let is_number =
        |group: &str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
    let below_60 = |group: &str| {
        let whole = group.split('.').next().unwrap_or_default();
        is_number(whole) && whole.parse::<u8>().is_ok_and(|value| value < 60)
    };
    digits.contains(':') && groups.next().is_some_and(is_number) && groups.all(below_60)
}

fn is_decimal(digits: &str) -> bool {
    let (mantissa, exponent) =
        digits
            .split_once(['e', 'E'])
            .map_or((digits, None), |(mantissa, exponent)| {
                (
                    mantissa,
                    Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
                )
            });
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    !(whole.is_empty() && fraction.is_empty())
        && digits_only(whole)
        && digits_only(fraction)
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits_only(exponent))
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::runbooks::tree::Content;
    use serde_json::json;

    fn value(text: &str) -> serde_json::Value {
        match read(text.into()).unwrap() {
            Content::Null => json!(null),
            Content::Bool(yes) => json!(yes),
            Content::Number(number) => json!(number),
            Content::Text(text) => json!(text),
            Content::Sequence(_) | Content::Mapping(_) => panic!("a scalar is no collection"),
        }
    }

    #[test]
    fn what_every_reader_agrees_about_is_taken() {
        for (text, wanted) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("true", json!(true)),
            ("0", json!(0)),
            ("-12", json!(-12)),
            ("+5", json!(5)),
            (
                "18446744073709551615",
                json!(18_446_744_073_709_551_615_u64),
            ),
            ("1.5", json!(1.5)),
            (".5", json!(0.5)),
            ("1.0e-3", json!(0.001)),
            ("1h30m", json!("1h30m")),
            ("-", json!("-")),
            ("1.2.3", json!("1.2.3")),
            ("8080:80", json!("8080:80")),
            ("2025-01-31", json!("2025-01-31")),
            ("10.0.0.1", json!("10.0.0.1")),
            ("1e", json!("1e")),
            ("nope", json!("nope")),
            ("0xyz", json!("0xyz")),
        ] {
            assert_eq!(value(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_readers_disagree_about_is_refused() {
        for text in [
            "no",
            "Yes",
            "ON",
            "off",
            "y",
            "N",
            "08",
            "007",
            "-01",
            "0x1F",
            "0o17",
            "0b11",
            "1_000",
            "12:30",
            "1:30:00",
            "02:30",
            ".inf",
            "-.INF",
            ".nan",
            "1e3",
            "12e45678",
            "99999999999999999999",
            "1.0e999",
        ] {
            assert!(read(text.into()).is_err(), "{text}");
        }
    }
}
