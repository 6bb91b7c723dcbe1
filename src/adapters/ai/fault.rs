//! What a provider's answer says when it is no completion.
//!
//! Which errors pass by themselves, and which do not:
//! - 429 and 529 (Anthropic, overloaded), 503 and other 5xx pass; `Retry-After` says when
//!   (<https://platform.claude.com/docs/en/api/errors>, <https://platform.openai.com/docs/guides/error-codes>).
//! - 429 also means that the account is used up; then `error.code`, or `error.details.error_code` at Anthropic, says so, and asking
//!   again does not help (<https://learn.microsoft.com/microsoft-cloud/dev/dev-proxy/concepts/openai-insufficient-quota>,
//!   <https://learn.microsoft.com/microsoft-cloud/dev/dev-proxy/concepts/anthropic-529-overloaded-error>).
//! - Azure's filter before the model answers 400 with `error.code` `content_filter`
//!   (<https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter>).

use super::millis;
use crate::{
    domain::span::Span,
    ports::{
        completion::CompletionError,
        network::{HttpResponse, NetworkError},
    },
};
use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use serde::Deserialize;

/// Codes of a used-up account.
const USED_UP: [&str; 6] = [
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "enforced_spend_limit_reached",
];
/// So much of a body that cannot be read is shown, in characters.
const EXCERPT: usize = 80;

/// The network did not bring an answer.
pub(super) fn of_network(error: &NetworkError, timeout: Span) -> CompletionError {
    match error {
        NetworkError::TimedOut(..) => CompletionError::TimedOut { after: timeout },
        NetworkError::Unreachable { sent, .. } => CompletionError::Unreachable {
            reason: error.to_string(),
            sent: *sent,
        },
        NetworkError::InvalidAddress(..) | NetworkError::NotAsked(..) => {
            CompletionError::Rejected {
                status: 0,
                reason: error.to_string(),
            }
        }
    }
}

/// A status other than 200 is a fault.
pub(super) fn of_status(answer: &HttpResponse) -> Result<(), CompletionError> {
    let status = answer.status;
    if status == 200 {
        return Ok(());
    }
    let said = Said::of(answer);
    let reason = match said.reason.trim() {
        "" => "it says no more".to_owned(),
        reason => reason.to_owned(),
    };
    if said.code == "content_filter" {
        return Err(CompletionError::Declined {
            reason,
            usage: None,
        });
    }
    let busy = matches!(status, 408 | 429 | 500..=599) && !said.used_up;
    if busy {
        let retry_after = retry_after(answer);
        return Err(CompletionError::Busy {
            status,
            retry_after,
            reason,
        });
    }
    let reason = match status {
        300..=399 => "it redirects to another address, which is not followed".to_owned(),
        _ => reason,
    };
    Err(CompletionError::Rejected { status, reason })
}

/// The body of an answer, if it is whole and could be JSON.
pub(super) fn json(answer: &HttpResponse) -> Result<&str, CompletionError> {
    let malformed = |reason: String| CompletionError::Malformed {
        reason,
        usage: None,
    };
    if answer.cut {
        return Err(malformed(format!("more than {} bytes", answer.body.len())));
    }
    let kind = header(answer, "content-type").unwrap_or_default();
    if kind.contains("html") {
        return Err(malformed(format!("a page ({kind}) instead of JSON")));
    }
    std::str::from_utf8(&answer.body).map_err(|_| malformed("bytes that are no text".to_owned()))
}

/// A body that is not what the provider's format wants.
pub(super) fn unreadable(error: &serde_json::Error, body: &str) -> CompletionError {
    let begin: String = body.chars().take(EXCERPT).collect();
    CompletionError::Malformed {
        reason: format!("{error}; it begins with `{begin}`"),
        usage: None,
    }
}

/// What an error says of itself.
struct Said {
    code: String,
    used_up: bool,
    reason: String,
}

#[derive(Deserialize)]
struct Envelope {
    error: ErrorBody,
}

/// OpenAI, Azure and Anthropic send an object, Ollama a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum ErrorBody {
    Text(String),
    Object {
        #[serde(default, rename = "type")]
        kind: Option<String>,
        #[serde(default)]
        code: Option<serde_json::Value>,
        #[serde(default)]
        message: Option<String>,
        #[serde(default)]
        details: Option<Details>,
    },
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    error_code: Option<String>,
}

impl Said {
    fn of(answer: &HttpResponse) -> Self {
        let body = serde_json::from_slice::<Envelope>(&answer.body);
        match body.map(|envelope| envelope.error) {
            Ok(ErrorBody::Text(reason)) => Self {
                code: String::new(),
                used_up: false,
                reason,
            },
            Ok(ErrorBody::Object {
                kind,
                code,
                message,
                details,
            }) => {
                let code = code.map(|code| {
                    code.as_str()
                        .map_or_else(|| code.to_string(), str::to_owned)
                });
                let detail = details.and_then(|details| details.error_code);
                let words = [&code, &kind, &detail];
                let used_up = words
                    .iter()
                    .copied()
                    .flatten()
                    .any(|word| USED_UP.contains(&word.as_str()));
                Self {
                    used_up,
                    reason: message.or(kind).unwrap_or_default(),
                    code: code.unwrap_or_default(),
                }
            }
            Err(_) => Self {
                code: String::new(),
                used_up: false,
                reason: String::from_utf8_lossy(&answer.body)
                    .chars()
                    .take(EXCERPT)
                    .collect(),
            },
        }
    }
}

/// When the provider wants to be asked again: `retry-after-ms`, or `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3),
/// which is counted from the provider's own `Date`.
fn retry_after(answer: &HttpResponse) -> Option<Span> {
    let number = |name| header(answer, name).and_then(|text| text.trim().parse::<f64>().ok());
    if let Some(wait) = number("retry-after-ms").and_then(millis) {
        return Some(wait);
    }
    if let Some(seconds) = number("retry-after") {
        if seconds < 0.0 {
            return None;
        }
        return millis(seconds * 1000.0).or(Some(Span::from_secs(3600)));
    }
    let (then, now) = (date(answer, "retry-after")?, date(answer, "date")?);
    u64::try_from(then.duration_since(now).as_millis())
        .ok()
        .map(Span::from_millis)
}

fn date(answer: &HttpResponse, name: &str) -> Option<Timestamp> {
    static PARSER: DateTimeParser = DateTimeParser::new();
    PARSER.parse_timestamp(header(answer, name)?.trim()).ok()
}

fn header<'a>(answer: &'a HttpResponse, name: &str) -> Option<&'a str> {
    let found = answer.headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::{of_status, retry_after};
    use crate::{
        domain::span::Span,
        ports::{completion::CompletionError, network::HttpResponse},
    };

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> HttpResponse {
        HttpResponse {
            status,
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.as_bytes().to_vec(),
            cut: false,
            took: Span::from_millis(1),
        }
    }

    fn wait(headers: &[(&str, &str)]) -> Option<u64> {
        retry_after(&answer(429, headers, "")).map(Span::millis)
    }

    #[test]
    fn a_provider_says_in_many_ways_when_to_come_back() {
        assert_eq!(wait(&[("retry-after", "7")]), Some(7000));
        assert_eq!(wait(&[("retry-after", "0.5")]), Some(500));
        assert_eq!(
            wait(&[("retry-after-ms", "20"), ("retry-after", "7")]),
            Some(20)
        );
        assert_eq!(
            wait(&[
                ("date", "Sat, 21 Nov 2026 08:00:00 GMT"),
                ("retry-after", "Sat, 21 Nov 2026 08:00:09 GMT")
            ]),
            Some(9000)
        );
        assert_eq!(
            wait(&[
                ("date", "Sat, 21 Nov 2026 08:00:09 GMT"),
                ("retry-after", "Sat, 21 Nov 2026 08:00:00 GMT")
            ]),
            None
        );
        assert_eq!(wait(&[("retry-after", "1e300")]), Some(3_600_000));
        for nothing in ["", "soon", "-", "NaN"] {
            let wait = wait(&[("retry-after", nothing)]);
            assert!(wait.is_none() || wait == Some(3_600_000), "{nothing}");
        }
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn a_used_up_account_is_not_busy() {
        for body in [
            r#"{"error":{"type":"insufficient_quota","code":"credit_balance_exhausted","message":"m"}}"#,
            r#"{"error":{"type":"insufficient_quota","message":"m"}}"#,
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"m","details":{"error_code":"enforced_spend_limit_reached"}}}"#,
        ] {
            let fault = of_status(&answer(429, &[], body)).unwrap_err();
            assert!(
                matches!(fault, CompletionError::Rejected { status: 429, .. }),
                "{body}"
            );
        }
        let fault = of_status(&answer(429, &[], r#"{"error":{"code":"slow_down"}}"#));
        assert!(matches!(fault, Err(CompletionError::Busy { .. })));
    }

    #[test]
    fn a_prompt_that_a_filter_stopped_was_declined() {
        let body =
            r#"{"error":{"message":"filtered","type":null,"code":"content_filter","status":400}}"#;
        let fault = of_status(&answer(400, &[], body)).unwrap_err();
        assert!(matches!(fault, CompletionError::Declined { .. }));
    }

    #[test]
    fn every_other_status_says_what_the_provider_says() {
        let fault = |status, body| of_status(&answer(status, &[], body)).unwrap_err();
        assert_eq!(
            fault(401, r#"{"error":{"message":"no such key"}}"#).to_string(),
            "it refuses the request (status 401): no such key"
        );
        assert_eq!(
            fault(404, r#"{"error":"model \"x\" not found"}"#).to_string(),
            "it refuses the request (status 404): model \"x\" not found"
        );
        assert!(matches!(
            fault(529, "overloaded"),
            CompletionError::Busy { status: 529, .. }
        ));
        assert!(
            fault(302, "")
                .to_string()
                .contains("redirects to another address")
        );
        assert!(matches!(fault(204, ""), CompletionError::Rejected { .. }));
    }
}
