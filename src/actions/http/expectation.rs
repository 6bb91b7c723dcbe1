//! What an answer must be like.

use crate::{
    actions::{framework::answers::excerpt, http::status::WantedStatus},
    ports::network::HttpResponse,
};
use regex::RegexBuilder;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

const SHOWN: usize = 80;
const LARGEST_PATTERN: usize = 1 << 20;

/// What an answer must be like. All that is named must hold.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Expectation {
    /// Status codes: `200`, `"200-299"`, or a list of such.
    #[serde(default)]
    pub(crate) status: WantedStatus,
    /// The body holds this text.
    #[serde(default)]
    pub(crate) contains: Option<String>,
    /// The body does not hold this text.
    #[serde(default)]
    pub(crate) lacks: Option<String>,
    /// Somewhere in the body, this regular expression matches.
    #[serde(default)]
    pub(crate) matches: Option<String>,
    /// The body is JSON, and at these JSON Pointers (RFC 6901) stand these values.
    #[serde(default)]
    pub(crate) json: BTreeMap<String, Value>,
}

impl Expectation {
    /// Refuses patterns and pointers that cannot be read.
    pub(crate) fn validate(&self) -> Result<(), String> {
        if let Some(pattern) = &self.matches {
            compile(pattern)?;
        }
        match self
            .json
            .keys()
            .find(|key| !key.is_empty() && !key.starts_with('/'))
        {
            Some(key) => Err(format!(
                "in `with`, at `expect.json`: `{key}` is not a JSON Pointer\nhint: write `/{}`",
                key.replace('.', "/")
            )),
            None => Ok(()),
        }
    }

    /// Whether the body is looked at.
    pub(crate) fn wants_body(&self) -> bool {
        self.contains.is_some()
            || self.lacks.is_some()
            || self.matches.is_some()
            || !self.json.is_empty()
    }

    /// What is not as it should be; the first thing that is found.
    pub(crate) fn judge(&self, answer: &HttpResponse) -> Result<(), String> {
        if !self.status.contains(answer.status) {
            return Err(format!("status {}, wanted {}", answer.status, self.status));
        }
        if !self.wants_body() {
            return Ok(());
        }
        if answer.cut {
            return Err(format!(
                "the body is longer than {} bytes, too long to look at",
                answer.body.len()
            ));
        }
        self.judge_text(&String::from_utf8_lossy(&answer.body))?;
        self.judge_json(&answer.body)
    }

    fn judge_text(&self, body: &str) -> Result<(), String> {
        if let Some(text) = self
            .contains
            .as_ref()
            .filter(|text| !body.contains(text.as_str()))
        {
            return Err(format!("the body does not hold `{text}`"));
        }
        if let Some(text) = self
            .lacks
            .as_ref()
            .filter(|text| body.contains(text.as_str()))
        {
            return Err(format!("the body holds `{text}`"));
        }
        match &self.matches {
            Some(pattern) if !compile(pattern)?.is_match(body) => {
                Err(format!("the body does not match `{pattern}`"))
            }
            _ => Ok(()),
        }
    }

    fn judge_json(&self, body: &[u8]) -> Result<(), String> {
        if self.json.is_empty() {
            return Ok(());
        }
        let parsed: Value = serde_json::from_slice(body).map_err(|_| {
            format!(
                "the body is not JSON: it begins with `{}`",
                excerpt(body, SHOWN).trim()
            )
        })?;
        for (pointer, wanted) in &self.json {
            match parsed.pointer(pointer) {
                Some(found) if same(found, wanted) => {}
                Some(found) => {
                    let found = excerpt(found.to_string().as_bytes(), SHOWN);
                    return Err(format!("`{pointer}` is {found}, wanted {wanted}"));
                }
                None => return Err(format!("the body has no `{pointer}`, wanted {wanted}")),
            }
        }
        Ok(())
    }
}

/// `1` and `1.0` are the same number.
fn same(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Number(found), Value::Number(wanted)) => {
            found == wanted || found.as_f64() == wanted.as_f64()
        }
        _ => found == wanted,
    }
}

fn compile(pattern: &str) -> Result<regex::Regex, String> {
    RegexBuilder::new(pattern)
        .size_limit(LARGEST_PATTERN)
        .build()
        .map_err(|error| format!("in `with`, at `expect.matches`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::Expectation;
    use crate::{domain::span::Span, ports::network::HttpResponse};
    use serde_json::{Value, json};

    fn judge(expect: Value, body: &str) -> Result<(), String> {
        let expect: Expectation = serde_json::from_value(expect).unwrap();
        expect.validate()?;
        expect.judge(&HttpResponse {
            status: 200,
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
            cut: false,
            took: Span::from_millis(1),
        })
    }

    #[test]
    fn every_named_thing_must_hold() {
        let body = r#"{"status":"ok","n":1.0,"list":[{"a":true}]}"#;
        let all = json!({
            "contains": "status", "lacks": "error", "matches": "\"ok\"",
            "json": { "/status": "ok", "/n": 1, "/list/0/a": true }
        });
        assert_eq!(judge(all, body), Ok(()));
        for (expect, words) in [
            (json!({ "status": 204 }), "status 200, wanted 204"),
            (json!({ "contains": "zzz" }), "the body does not hold `zzz`"),
            (json!({ "lacks": "ok" }), "the body holds `ok`"),
            (json!({ "matches": "^x" }), "the body does not match `^x`"),
            (
                json!({ "json": { "/status": "bad" } }),
                r#"`/status` is "ok", wanted "bad""#,
            ),
            (
                json!({ "json": { "/none": 1 } }),
                "the body has no `/none`, wanted 1",
            ),
        ] {
            assert_eq!(judge(expect, body).unwrap_err(), words);
        }
    }

    #[test]
    fn a_page_instead_of_json_is_shown() {
        let error = judge(
            json!({ "json": { "/a": 1 } }),
            "<!doctype html>\n<h1>Login</h1>",
        )
        .unwrap_err();
        assert_eq!(
            error,
            "the body is not JSON: it begins with `<!doctype html>\n<h1>Login</h1>`"
        );
    }

    #[test]
    fn patterns_and_pointers_are_read_before_anything_is_asked() {
        assert!(
            judge(json!({ "matches": "(" }), "")
                .unwrap_err()
                .contains("expect.matches")
        );
        assert!(judge(json!({ "matches": "(a{1000}){1000}" }), "").is_err());
        assert!(
            judge(json!({ "json": { "a.b": 1 } }), "")
                .unwrap_err()
                .contains("hint: write `/a/b`")
        );
    }
}
