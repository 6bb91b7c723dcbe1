//! Lengths of time as people write them: `90s`, `1h30m`, `7d`.

use std::{fmt, str::FromStr, time::Duration};

/// A length of time, to the millisecond, at most 3650 days. Units: `ms`, `s`, `m`, `h`, `d`, `w`.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Span(u64);

/// Why a text is not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a length of time: write a number and a unit (ms, s, m, h, d, w), as in `90s` or `1h30m`"
)]
pub struct InvalidSpan(pub String);

const UNITS: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];
const MAX_MILLIS: u64 = 3650 * 86_400_000;

impl Span {
    /// From milliseconds; more than 3650 days is cut to that.
    pub fn from_millis(millis: u64) -> Self {
        Self(millis.min(MAX_MILLIS))
    }
    /// From seconds.
    pub fn from_secs(secs: u64) -> Self {
        Self::from_millis(secs.saturating_mul(1000))
    }
    /// As the standard library's type.
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
    /// In milliseconds.
    pub fn millis(self) -> u64 {
        self.0
    }
    /// As jiff's type, for arithmetic with timestamps.
    pub fn signed(self) -> jiff::SignedDuration {
        jiff::SignedDuration::from_millis(i64::try_from(self.millis()).unwrap_or(i64::MAX))
    }
    /// Whether it has no length.
    pub fn is_zero(&self) -> bool {
        self.0 == 0
    }
}

impl FromStr for Span {
    type Err = InvalidSpan;
    fn from_str(text: &str) -> Result<Self, InvalidSpan> {
        let invalid = || InvalidSpan(text.to_owned());
        let mut rest = text;
        let mut millis: u64 = 0;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, after) = rest.split_at_checked(digits).ok_or_else(invalid)?;
            let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
            let (unit, after) = after.split_at_checked(letters).ok_or_else(invalid)?;
            let number: u64 = number.parse().map_err(|_| invalid())?;
            let (_, factor) = UNITS
                .iter()
                .find(|(name, _)| *name == unit)
                .ok_or_else(invalid)?;
            let part = number.checked_mul(*factor).ok_or_else(invalid)?;
            millis = millis.checked_add(part).ok_or_else(invalid)?;
            rest = after;
        }
        if text.is_empty() || millis > MAX_MILLIS {
            return Err(invalid());
        }
        Ok(Self::from_millis(millis))
    }
}
impl TryFrom<String> for Span {
    type Error = InvalidSpan;
    fn try_from(text: String) -> Result<Self, InvalidSpan> {
        text.parse()
    }
}
impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.millis();
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, factor) in UNITS {
            // Weeks are read but not written: `14d` says more than `2w`.
            if unit != "w" && rest >= factor {
                write!(f, "{}{unit}", rest / factor)?;
                rest %= factor;
            }
        }
        Ok(())
    }
}
impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl schemars::JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Span".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A length of time: a number and a unit (ms, s, m, h, d, w), as in `90s` or `1h30m`.",
            "pattern": "^([0-9]+(ms|s|m|h|d|w))+$",
            "patternErrorMessage": "not a length of time: write a number and a unit (ms, s, m, h, d, w), as in `90s` or `1h30m`"
        })
    }
    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Span;
    use proptest::prelude::*;

    #[test]
    fn people_write_spans_with_units() {
        for (text, millis) in [
            ("90s", 90_000),
            ("1h30m", 5_400_000),
            ("2w", 1_209_600_000),
            ("5ms", 5),
            ("0s", 0),
        ] {
            assert_eq!(text.parse::<Span>().unwrap().millis(), millis, "{text}");
        }
        for bad in [
            "",
            "5",
            "5 m",
            "-5m",
            "5x",
            "m",
            "99999999999999999999s",
            "9999999d",
        ] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_span_survives_text(millis in 0u64..100_000_000_000) {
            let span = Span::from_millis(millis);
            prop_assert_eq!(span.to_string().parse::<Span>().unwrap(), span);
        }
        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,12}") {
            let _ignored = text.parse::<Span>();
        }
    }
}
