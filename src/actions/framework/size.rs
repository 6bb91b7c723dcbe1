//! An amount of memory as people write it.

use serde::Deserialize;
use std::str::FromStr;

/// Bytes: a number, or one with a unit, as in `512MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Size(pub(crate) u64);

/// Powers of 1024 (IEC 80000-13) and of 1000 (SI).
const UNITS: [(&str, u64); 7] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

#[derive(Deserialize)]
#[serde(untagged, expecting = "want an amount of memory such as `512MiB`")]
enum Written {
    Bytes(u64),
    Text(String),
}

impl TryFrom<Written> for Size {
    type Error = String;
    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Bytes(bytes) => Ok(Self(bytes)),
            Written::Text(text) => text.parse(),
        }
    }
}

impl FromStr for Size {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = || {
            let (number, factor) = UNITS.iter().find_map(|(unit, factor)| {
                let number = text.strip_suffix(unit)?;
                Some((number.trim_end(), factor))
            })?;
            number.parse::<u64>().ok()?.checked_mul(*factor)
        };
        bytes()
            .map(Self)
            .ok_or_else(|| format!("`{text}` is not an amount of memory: write it as in `512MiB`"))
    }
}

impl schemars::JsonSchema for Size {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Size".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": ["string", "integer"],
            "pattern": "^[0-9]+ ?(B|KiB|MiB|GiB|kB|MB|GB)$",
            "minimum": 0
        })
    }
    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Size;

    #[test]
    fn an_amount_has_a_unit_or_counts_bytes() {
        assert_eq!("512MiB".parse(), Ok(Size(512 << 20)));
        assert_eq!("2 GB".parse(), Ok(Size(2_000_000_000)));
        assert_eq!("7B".parse(), Ok(Size(7)));
        for bad in ["", "7", "MiB", "-1MiB", "1.5GiB", "99999999999GiB", "1mb"] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
        assert_eq!(serde_json::from_str::<Size>("4096").unwrap(), Size(4096));
    }
}
