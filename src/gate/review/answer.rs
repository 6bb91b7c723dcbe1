//! What the reviewer may answer. The provider is given the schema and this reads the answer again, strictly: a provider's promise to
//! keep to a schema is no reason to believe it.

use super::text;
use crate::domain::mask::Masker;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A longer answer is none, in bytes.
pub const LARGEST: usize = 8 * 1024;
/// A longer note is none, in characters.
pub const LONGEST_NOTE: usize = 300;
/// The schema's name, where a provider wants one.
pub const SCHEMA_NAME: &str = "review";

/// What the reviewer thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing against it.
    NoObjection,
    /// A person should look.
    NeedsHuman,
    /// It should not happen.
    Block,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Self; 3] = [Self::NoObjection, Self::NeedsHuman, Self::Block];
    /// The word used in reports and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoObjection => "no_objection",
            Self::NeedsHuman => "needs_human",
            Self::Block => "block",
        }
    }
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// Data may be lost.
    DataLoss,
    /// A service may be cut.
    ServiceCut,
    /// Somebody's rights change.
    AccessChange,
    /// Values of secrets may be disclosed.
    SecretExposure,
    /// It touches more than it needs to.
    WideReach,
    /// It is hard to take back.
    Irreversible,
    /// It does not fit what the runbook is for.
    PurposeMismatch,
    /// What it does is not clear.
    Unclear,
    /// A text tries to instruct the reviewer.
    SuspiciousText,
    /// Something else.
    Other,
}

impl Code {
    /// All codes.
    pub const ALL: [Self; 10] = [
        Self::DataLoss,
        Self::ServiceCut,
        Self::AccessChange,
        Self::SecretExposure,
        Self::WideReach,
        Self::Irreversible,
        Self::PurposeMismatch,
        Self::Unclear,
        Self::SuspiciousText,
        Self::Other,
    ];
    /// The word used in answers and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DataLoss => "data_loss",
            Self::ServiceCut => "service_cut",
            Self::AccessChange => "access_change",
            Self::SecretExposure => "secret_exposure",
            Self::WideReach => "wide_reach",
            Self::Irreversible => "irreversible",
            Self::PurposeMismatch => "purpose_mismatch",
            Self::Unclear => "unclear",
            Self::SuspiciousText => "suspicious_text",
            Self::Other => "other",
        }
    }
}

/// An answer that is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The first eight digits of the document's digest.
    pub digest8: String,
    /// What the reviewer thinks.
    pub verdict: Verdict,
    /// Why.
    pub codes: Vec<Code>,
    /// Which effects it means.
    pub effect_refs: Vec<usize>,
    /// A sentence for the person who decides.
    pub note: String,
}

/// Why a text is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// It is too long.
    #[error("the answer's {0} bytes are more than {LARGEST}")]
    TooLong(usize),
    /// It does not have the form.
    #[error("the answer does not have the form asked for: {0}")]
    Form(String),
    /// It is about something else.
    #[error("the answer is about another document")]
    OtherDocument,
    /// It means an effect that is not there.
    #[error("the answer means effect {0}, which is not there")]
    NoSuchEffect(usize),
    /// It says too much.
    #[error("the answer's {0} exceed what was asked for")]
    TooMuch(&'static str),
}

/// Reads an answer to the document with this digest and so many effects.
///
/// # Errors
/// It is not exactly what was asked for.
pub fn read(answer: &str, digest8: &str, effects: usize) -> Result<Answer, NoAnswer> {
    if answer.len() > LARGEST {
        return Err(NoAnswer::TooLong(answer.len()));
    }
    let read: Answer = serde_json::from_str(answer).map_err(|error| {
        let words = text::shown(&error.to_string(), &Masker::new(&[]));
        NoAnswer::Form(words)
    })?;
    if read.digest8 != digest8 {
        return Err(NoAnswer::OtherDocument);
    }
    if let Some(wrong) = read.effect_refs.iter().find(|number| **number >= effects) {
        return Err(NoAnswer::NoSuchEffect(*wrong));
    }
    if read.codes.len() > Code::ALL.len() || read.effect_refs.len() > effects {
        return Err(NoAnswer::TooMuch("lists"));
    }
    if read.note.chars().count() > LONGEST_NOTE {
        return Err(NoAnswer::TooMuch("words"));
    }
    Ok(read)
}

/// The schema that a provider is given: the part of JSON Schema that all of them enforce, so without lengths, ranges and patterns.
pub fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "digest8": { "type": "string", "description": "copied from the document" },
            "verdict": { "type": "string", "enum": Verdict::ALL.map(Verdict::as_str) },
            "codes": { "type": "array", "items": { "type": "string", "enum": Code::ALL.map(Code::as_str) } },
            "effect_refs": { "type": "array", "items": { "type": "integer" } },
            "note": { "type": "string", "description": "at most 250 characters" }
        },
        "required": ["digest8", "verdict", "codes", "effect_refs", "note"],
        "additionalProperties": false
    })
}

#[cfg(test)]
mod tests {
    use super::{Code, LARGEST, LONGEST_NOTE, NoAnswer, Verdict, read, schema};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn answer() -> Value {
        json!({"digest8": "00c0ffee", "verdict": "block", "codes": ["data_loss"], "effect_refs": [1], "note": "n"})
    }

    fn with(key: &str, value: Value) -> String {
        let mut answer = answer();
        answer[key] = value;
        answer.to_string()
    }

    fn refused(text: &str) -> NoAnswer {
        read(text, "00c0ffee", 2).unwrap_err()
    }

    #[test]
    fn what_has_the_form_is_an_answer() {
        let read = read(&answer().to_string(), "00c0ffee", 2).unwrap();
        assert_eq!(read.verdict, Verdict::Block);
        assert_eq!(read.codes, [Code::DataLoss]);
    }

    #[test]
    fn what_is_not_exactly_the_form_is_none() {
        let whole = answer().to_string();
        let mut missing = answer();
        missing.as_object_mut().unwrap().remove("note");
        for wrong in [
            String::new(),
            "null".to_owned(),
            "<html>no</html>".to_owned(),
            format!("```json\n{whole}\n```"),
            format!("{whole} and so on"),
            format!("[{whole}]"),
            whole.trim_end_matches('}').to_owned(),
            missing.to_string(),
            with("extra", json!(1)),
            with("verdict", json!("allow")),
            with("verdict", json!("No_Objection")),
            with("codes", json!(["because"])),
            with("effect_refs", json!([-1])),
            with("effect_refs", json!(["1"])),
            with("note", Value::Null),
        ] {
            assert!(matches!(refused(&wrong), NoAnswer::Form(_)), "{wrong}");
        }
    }

    #[test]
    fn a_key_that_comes_twice_is_refused_whichever_comes_last() {
        let twice = r#"{"digest8":"00c0ffee","verdict":"block","verdict":"no_objection","codes":[],"effect_refs":[],"note":""}"#;
        assert!(refused(twice).to_string().contains("duplicate field"));
    }

    #[test]
    fn an_answer_to_something_else_or_about_nothing_is_none() {
        assert_eq!(
            refused(&with("digest8", json!("00c0ffef"))),
            NoAnswer::OtherDocument
        );
        assert_eq!(
            refused(&with("digest8", json!("00C0FFEE"))),
            NoAnswer::OtherDocument
        );
        assert_eq!(
            refused(&with("effect_refs", json!([2]))),
            NoAnswer::NoSuchEffect(2)
        );
    }

    #[test]
    fn an_answer_that_says_too_much_is_none() {
        let long = "x".repeat(LONGEST_NOTE + 1);
        assert_eq!(
            refused(&with("note", json!(long))),
            NoAnswer::TooMuch("words")
        );
        let many = vec!["other"; 11];
        assert_eq!(
            refused(&with("codes", json!(many))),
            NoAnswer::TooMuch("lists")
        );
        let many = vec![0; 3];
        assert_eq!(
            refused(&with("effect_refs", json!(many))),
            NoAnswer::TooMuch("lists")
        );
        let long = "x".repeat(LARGEST);
        assert!(matches!(
            refused(&with("note", json!(long))),
            NoAnswer::TooLong(_)
        ));
    }

    #[test]
    fn the_schema_knows_the_words_that_are_read() {
        let schema = schema();
        for verdict in Verdict::ALL {
            assert_eq!(json!(verdict), json!(verdict.as_str()));
        }
        for code in Code::ALL {
            assert_eq!(json!(code), json!(code.as_str()));
        }
        assert_eq!(
            schema["properties"]["verdict"]["enum"],
            json!(["no_objection", "needs_human", "block"])
        );
        assert_eq!(
            schema["required"].as_array().unwrap().len(),
            schema["properties"].as_object().unwrap().len()
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fall_over(text in "\\PC{0,200}|\\{\"digest8\":.{0,80}") {
            let _read = read(&text, "00c0ffee", 3);
        }
    }
}
