//! Which status codes are wanted: `200`, `"200-299"`, or a list of such.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::Value;
use std::{fmt, ops::RangeInclusive};

/// Status codes that are as they should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WantedStatus(Vec<RangeInclusive<u16>>);

impl WantedStatus {
    /// Whether this code is among them.
    pub(crate) fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }
}

impl Default for WantedStatus {
    fn default() -> Self {
        Self(vec![200..=299])
    }
}

impl fmt::Display for WantedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            if range.start() == range.end() {
                write!(f, "{comma}{}", range.start())?;
            } else {
                write!(f, "{comma}{}-{}", range.start(), range.end())?;
            }
        }
        Ok(())
    }
}

fn read_one(value: &Value) -> Option<RangeInclusive<u16>> {
    let range = match value {
        Value::Number(number) => {
            let code = u16::try_from(number.as_u64()?).ok()?;
            code..=code
        }
        Value::String(text) => {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            first.trim().parse().ok()?..=last.trim().parse().ok()?
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let possible = *range.start() >= 100 && *range.end() <= 599 && range.start() <= range.end();
    possible.then_some(range)
}

/// As text, so that the schema can show what is the default.
impl Serialize for WantedStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WantedStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let refuse = |value: &Value| {
            D::Error::custom(format!(
                "`{value}` is not a status code or a range of them: write `200`, `\"200-299\"`, or a list of such"
            ))
        };
        let items = match &value {
            Value::Array(items) if !items.is_empty() => items.as_slice(),
            Value::Array(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => std::slice::from_ref(&value),
        };
        items
            .iter()
            .map(|item| read_one(item).ok_or_else(|| refuse(item)))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl JsonSchema for WantedStatus {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "WantedStatus".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = json_schema!({ "anyOf": [
            { "type": "integer", "minimum": 100, "maximum": 599 },
            { "type": "string", "pattern": "^ *[1-5][0-9]{2} *(- *[1-5][0-9]{2} *)?$" }
        ] });
        json_schema!({ "anyOf": [
            { "type": "integer", "minimum": 100, "maximum": 599 },
            { "type": "string", "pattern": "^ *[1-5][0-9]{2} *(- *[1-5][0-9]{2} *)?$" },
            { "type": "array", "minItems": 1, "items": one }
        ] })
    }
    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::WantedStatus;
    use serde_json::{Value, json};

    fn read(value: Value) -> Result<WantedStatus, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn codes_and_ranges_are_read() {
        let wanted = read(json!([200, "300 - 302", "404"])).unwrap();
        for (code, within) in [
            (200, true),
            (201, false),
            (301, true),
            (303, false),
            (404, true),
        ] {
            assert_eq!(wanted.contains(code), within, "{code}");
        }
        assert_eq!(wanted.to_string(), "200, 300-302, 404");
        assert!(read(json!(204)).unwrap().contains(204));
        assert!(WantedStatus::default().contains(299));
    }

    #[test]
    fn what_is_no_status_is_refused() {
        for bad in [
            json!("2xx"),
            json!(99),
            json!(600),
            json!("299-200"),
            json!([]),
            json!(-1),
            json!(true),
            json!(""),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }
}
