//! How much must be free: a share or an amount.

use serde::Deserialize;
use std::{fmt, str::FromStr};

/// The least that must be free, as people write it: `10%`, `5GiB`, `500MB`, or a plain number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "Written")]
pub enum Free {
    /// Per cent of the whole.
    Percent(f64),
    /// An amount.
    Bytes(u64),
}

/// Why a text does not say how much must be free.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` does not say how much must be free: write a share such as `10%`, or an amount such as `5GiB`"
)]
pub struct InvalidFree(String);

/// Powers of 1024 (IEC 80000-13) and of 1000 (SI).
const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "want a share such as `10%`, or an amount such as `5GiB`"
)]
enum Written {
    Bytes(u64),
    Text(String),
}

impl TryFrom<Written> for Free {
    type Error = InvalidFree;
    fn try_from(written: Written) -> Result<Self, InvalidFree> {
        match written {
            Written::Bytes(bytes) => Ok(Self::Bytes(bytes)),
            Written::Text(text) => text.parse(),
        }
    }
}

impl FromStr for Free {
    type Err = InvalidFree;
    fn from_str(text: &str) -> Result<Self, InvalidFree> {
        let invalid = || InvalidFree(text.to_owned());
        let digits = text
            .bytes()
            .take_while(|c| c.is_ascii_digit() || *c == b'.')
            .count();
        let (number, unit) = text.split_at_checked(digits).ok_or_else(invalid)?;
        let unit = unit.trim_start();
        if unit == "%" {
            let share: f64 = number.parse().map_err(|_| invalid())?;
            return (0.0..=100.0)
                .contains(&share)
                .then_some(Self::Percent(share))
                .ok_or_else(invalid);
        }
        let (_, factor) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(invalid)?;
        let count: u64 = number.parse().map_err(|_| invalid())?;
        count
            .checked_mul(*factor)
            .map(Self::Bytes)
            .ok_or_else(invalid)
    }
}

impl Free {
    /// Whether less than this is free.
    pub fn is_undercut(self, available: u64, total: u64) -> bool {
        match self {
            Self::Bytes(least) => available < least,
            Self::Percent(least) => percent(available, total) < least,
        }
    }
}

/// A share in per cent; all of nothing is 100.
#[expect(
    clippy::cast_precision_loss,
    reason = "a share of a disk needs no more than 53 bits"
)]
pub(super) fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 100.0;
    }
    100.0 * part as f64 / whole as f64
}

impl fmt::Display for Free {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(share) => write!(f, "{share}%"),
            Self::Bytes(bytes) => write!(f, "{bytes} bytes"),
        }
    }
}

impl schemars::JsonSchema for Free {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Free".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": ["string", "integer"],
            "description": "The least that must be free: a share such as `10%`, or an amount such as `5GiB` or a number of bytes.",
            "pattern": r"^[0-9]+(\.[0-9]+)? ?(%|B|KiB|MiB|GiB|TiB|kB|MB|GB|TB)$",
            "minimum": 0
        })
    }
    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Free;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn people_write_shares_and_amounts() {
        for (written, expected) in [
            (json!("10%"), Free::Percent(10.0)),
            (json!("2.5 %"), Free::Percent(2.5)),
            (json!("5GiB"), Free::Bytes(5 << 30)),
            (json!("500 MB"), Free::Bytes(500_000_000)),
            (json!(1024), Free::Bytes(1024)),
        ] {
            let read: Free = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(read, expected, "{written}");
        }
        for bad in [
            json!("10"),
            json!("101%"),
            json!("-1%"),
            json!("5 gib"),
            json!("1.5GiB"),
            json!(""),
            json!("%"),
            json!(-1),
            json!(null),
            json!("99999999999TiB"),
        ] {
            assert!(
                serde_json::from_value::<Free>(bad.clone()).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn less_than_the_least_is_too_little() {
        assert!(Free::Percent(10.0).is_undercut(9, 100));
        assert!(!Free::Percent(10.0).is_undercut(10, 100));
        assert!(Free::Bytes(10).is_undercut(9, 100));
        assert!(
            !Free::Percent(10.0).is_undercut(0, 0),
            "no inodes are counted here"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,12}|[0-9.]{0,25}[%a-zA-Z]{0,3}") {
            let _ignored = text.parse::<Free>();
        }
    }
}
