//! Thresholds as people write them: `> 80`, `<= 0.5`, `== 0`.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::{fmt, str::FromStr};

/// A value compared with a number.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Comparison {
    operator: Operator,
    limit: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Above,
    AtLeast,
    Below,
    AtMost,
    Equal,
    NotEqual,
}

/// Longer ones first, so that `>=` is not read as `>`.
const OPERATORS: [(&str, Operator); 6] = [
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    (">", Operator::Above),
    ("<", Operator::Below),
];

impl Comparison {
    /// Whether it holds. Nothing holds of NaN.
    pub(crate) fn holds(self, value: f64) -> bool {
        if value.is_nan() {
            return false;
        }
        match self.operator {
            Operator::Above => value > self.limit,
            Operator::AtLeast => value >= self.limit,
            Operator::Below => value < self.limit,
            Operator::AtMost => value <= self.limit,
            Operator::Equal => same(value, self.limit),
            Operator::NotEqual => !same(value, self.limit),
        }
    }
}

/// Prometheus' `==` compares floats exactly, and so does this.
fn same(one: f64, two: f64) -> bool {
    one.partial_cmp(&two) == Some(std::cmp::Ordering::Equal)
}

impl FromStr for Comparison {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || {
            format!(
                "`{text}` is not a threshold: write an operator (> >= < <= == !=) and a number, as in `> 80`"
            )
        };
        let trimmed = text.trim();
        let (operator, rest) = OPERATORS
            .iter()
            .find_map(|(sign, operator)| Some((*operator, trimmed.strip_prefix(sign)?)))
            .ok_or_else(refuse)?;
        let limit: f64 = rest.trim().parse().map_err(|_| refuse())?;
        if limit.is_finite() {
            Ok(Self { operator, limit })
        } else {
            Err(refuse())
        }
    }
}

impl TryFrom<String> for Comparison {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.operator {
            Operator::Above => ">",
            Operator::AtLeast => ">=",
            Operator::Below => "<",
            Operator::AtMost => "<=",
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
        };
        write!(f, "{sign} {}", self.limit)
    }
}

impl JsonSchema for Comparison {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Comparison".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^ *(>=|<=|==|!=|>|<) *[-+]?[0-9.]+([eE][-+]?[0-9]+)? *$" })
    }
    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Comparison;
    use proptest::prelude::*;

    #[test]
    fn thresholds_are_read_and_applied() {
        for (text, value, holds) in [
            ("> 80", 80.0, false),
            (">80", 80.1, true),
            (">= 80", 80.0, true),
            ("< 1e3", 999.0, true),
            ("<= -0.5", -0.5, true),
            (" == 0 ", 0.0, true),
            ("!= 0", 1.0, true),
            ("!= 0", f64::NAN, false),
            ("> 1", f64::INFINITY, true),
        ] {
            assert_eq!(
                text.parse::<Comparison>().unwrap().holds(value),
                holds,
                "{text} {value}"
            );
        }
    }

    #[test]
    fn what_is_no_threshold_is_refused() {
        for bad in [
            "", "80", "=> 80", "> ", "> x", "> NaN", "> inf", "= 1", "> 1 2",
        ] {
            assert!(bad.parse::<Comparison>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_threshold_survives_text(sign in "(>=|<=|==|!=|>|<)", limit in -1e9f64..1e9) {
            let text = format!("{sign} {limit}");
            let read: Comparison = text.parse().unwrap();
            prop_assert_eq!(read.to_string().parse::<Comparison>().unwrap(), read);
        }
    }
}
