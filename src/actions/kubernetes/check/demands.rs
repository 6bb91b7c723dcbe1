//! What a step asks of objects, by expressions.

use crate::{
    actions::kubernetes::condition::{KNOWN, facts},
    domain::{
        check::CheckStatus,
        expression::about::{Condition, Facts},
    },
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// More are a program.
const MOST: usize = 50;

/// One expression, or a list.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "want an expression such as `object.status.phase == \"Active\"`, or a list of them"
)]
pub enum Demands {
    /// One, and critical.
    One(String),
    /// Each for itself.
    Many(Vec<Demand>),
}

/// What an object must fulfil.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "want an expression, or an expression `that` with a `severity` and a `message`"
)]
pub enum Demand {
    /// Critical where it is not fulfilled.
    Plain(String),
    /// With its own gravity and words.
    Weighed(Weighed),
}

/// An expression with its own gravity and words.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Weighed {
    /// The expression.
    pub that: String,
    /// How grave it is where it is not fulfilled.
    #[serde(default)]
    pub severity: Severity,
    /// What is said of an object that does not fulfil it; the expression itself where nothing is given.
    #[serde(default)]
    pub message: Option<String>,
}

/// How grave an object is that does not fulfil something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// The run goes on.
    Warning,
    /// The step fails.
    #[default]
    Critical,
}

impl Default for Demands {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

/// Why an object does not fulfil a demand.
pub(super) struct Unfulfilled {
    pub(super) status: CheckStatus,
    pub(super) why: String,
}

impl Demands {
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Many(list) if list.is_empty())
    }

    pub(super) fn validate(&self) -> Result<(), String> {
        if matches!(self, Self::Many(list) if list.len() > MOST) {
            return Err(format!(
                "in `with`, at `that`: more than {MOST} expressions"
            ));
        }
        for demand in self.weighed() {
            Condition::read(&demand.that, &KNOWN).map_err(|error| {
                let hint = error.hint.map(|hint| format!("\nhint: {hint}"));
                let hint = hint.unwrap_or_default();
                format!(
                    "in `with`, at `that`: `{}`: {}{hint}",
                    demand.that, error.what
                )
            })?;
        }
        Ok(())
    }

    fn weighed(&self) -> Vec<Weighed> {
        let plain = |that: &String| Weighed {
            that: that.clone(),
            severity: Severity::Critical,
            message: None,
        };
        match self {
            Self::One(that) => vec![plain(that)],
            Self::Many(list) => list
                .iter()
                .map(|demand| match demand {
                    Demand::Plain(that) => plain(that),
                    Demand::Weighed(weighed) => weighed.clone(),
                })
                .collect(),
        }
    }

    /// All that an object does not fulfil. What cannot be told, because a field is not there, is not fulfilled.
    pub(super) fn unfulfilled(&self, object: &Value, now: Timestamp) -> Vec<Unfulfilled> {
        let facts = facts(object, now);
        let demands = self.weighed();
        demands
            .iter()
            .filter_map(|demand| demand.unfulfilled(&facts))
            .collect()
    }
}

impl Weighed {
    fn unfulfilled(&self, facts: &Facts) -> Option<Unfulfilled> {
        let condition = Condition::read(&self.that, &KNOWN);
        let said = match condition.and_then(|condition| condition.holds(facts)) {
            Ok(true) => return None,
            Ok(false) => None,
            Err(error) => Some(error.what),
        };
        let words = self.message.clone();
        let words = words.unwrap_or_else(|| format!("`{}` is not so", self.that));
        Some(Unfulfilled {
            status: match self.severity {
                Severity::Warning => CheckStatus::Warning,
                Severity::Critical => CheckStatus::Critical,
            },
            why: match said {
                None => words,
                Some(error) => format!("{words} ({error})"),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Demands;
    use crate::domain::check::CheckStatus;
    use serde_json::{Value, json};

    fn demands(value: Value) -> Demands {
        serde_json::from_value(value).unwrap()
    }

    fn told(value: Value, object: &Value) -> Vec<(CheckStatus, String)> {
        let now = "2026-03-14T09:10:00Z".parse().unwrap();
        let found = demands(value).unfulfilled(object, now);
        found.into_iter().map(|one| (one.status, one.why)).collect()
    }

    #[test]
    fn what_is_not_so_is_told_with_its_gravity() {
        let run = json!({
            "metadata": { "name": "r", "creationTimestamp": "2026-03-14T09:00:00Z" },
            "status": { "phase": "Pending", "conditions": [{ "type": "Ready", "status": "False" }] }
        });
        assert!(told(json!("object.status.phase != \"Failed\""), &run).is_empty());
        let found = told(
            json!([
                "conditions.Ready == \"True\"",
                { "that": "age < 600 or object.status.phase != \"Pending\"", "severity": "warning", "message": "is stuck" },
                "conditions.Done == \"True\"",
                "object.status.phase"
            ]),
            &run,
        );
        assert_eq!(
            found,
            [
                (CheckStatus::Critical, "`conditions.Ready == \"True\"` is not so".to_owned()),
                (CheckStatus::Warning, "is stuck".to_owned()),
                (
                    CheckStatus::Critical,
                    "`conditions.Done == \"True\"` is not so (there is no `conditions.Done`)".to_owned()
                ),
                (
                    CheckStatus::Critical,
                    "`object.status.phase` is not so (the condition gives a text, not true or false)".to_owned()
                ),
            ]
        );
    }

    #[test]
    fn an_expression_that_makes_no_sense_is_refused_before_anything_runs() {
        for (text, words) in [
            ("inputs.x == 1", "there is no name `inputs`"),
            ("object.status ==", "unexpected"),
            ("", "empty"),
            ("object | shuffle", "there is no filter `shuffle`"),
        ] {
            let error = demands(json!([text])).validate().unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
        assert_eq!(demands(json!("object.a.b == 1")).validate(), Ok(()));
        assert!(serde_json::from_value::<Demands>(json!([{ "that": "x", "colour": 1 }])).is_err());
    }
}
