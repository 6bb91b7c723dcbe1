//! Certificates of cert-manager.

use super::{Survey, problem};
use crate::{
    actions::kubernetes::object::{condition, cut, is, text, time},
    domain::{check::CheckStatus, span::Span},
};
use jiff::Timestamp;
use serde_json::Value;

/// `warning` and `critical` are how long before its end one is that grave.
pub(in crate::actions::kubernetes::check) fn certificates(
    certificates: &[Value],
    warning: Span,
    critical: Span,
    now: Timestamp,
) -> Survey {
    let bad = |certificate: &Value| {
        let (status, why) =
            not_ready(certificate).or_else(|| ends_soon(certificate, warning, critical, now))?;
        Some((status, problem(certificate, why)))
    };
    let problems = certificates.iter().filter_map(bad).collect();
    Survey::weighed(
        "certificates are ready and last",
        certificates.len(),
        problems,
    )
}

fn not_ready(certificate: &Value) -> Option<(CheckStatus, String)> {
    if is(certificate, "Ready") {
        return None;
    }
    let why = condition(certificate, "Ready").map_or("is not ready yet".to_owned(), |ready| {
        let reason = text(ready, "/reason");
        format!("is not ready: {reason}: {}", cut(text(ready, "/message")))
    });
    Some((CheckStatus::Critical, why))
}

fn ends_soon(
    certificate: &Value,
    warning: Span,
    critical: Span,
    now: Timestamp,
) -> Option<(CheckStatus, String)> {
    let Some(end) = time(certificate, "/status/notAfter") else {
        let why = "does not say when it ends".to_owned();
        return Some((CheckStatus::Unknown, why));
    };
    let left = end.duration_since(now);
    let status = if left < critical.signed() {
        CheckStatus::Critical
    } else if left < warning.signed() {
        CheckStatus::Warning
    } else {
        return None;
    };
    let days = left.as_hours() / 24;
    let why = if left.is_negative() {
        format!("has ended at {end}")
    } else {
        format!("ends at {end}, in {days} days")
    };
    Some((status, why))
}

#[cfg(test)]
mod tests {
    use super::certificates;
    use crate::domain::{check::CheckStatus, span::Span};
    use serde_json::json;

    #[test]
    fn a_certificate_is_graver_the_nearer_its_end_is() {
        let day = |days: u64| Span::from_secs(days * 86_400);
        for (ready, end, status, words) in [
            ("True", "2026-05-01T00:00:00Z", None, ""),
            (
                "True",
                "2026-03-30T00:00:00Z",
                Some(CheckStatus::Warning),
                "in 15 days",
            ),
            (
                "True",
                "2026-03-16T00:00:00Z",
                Some(CheckStatus::Critical),
                "in 1 days",
            ),
            (
                "True",
                "2026-03-01T00:00:00Z",
                Some(CheckStatus::Critical),
                "has ended",
            ),
            ("True", "", Some(CheckStatus::Unknown), "does not say"),
            (
                "False",
                "2026-05-01T00:00:00Z",
                Some(CheckStatus::Critical),
                "not ready: Issuing: soon",
            ),
        ] {
            let certificate = json!({ "metadata": { "name": "c" }, "status": { "notAfter": end, "conditions": [
                { "type": "Ready", "status": ready, "reason": "Issuing", "message": "soon" }
            ] } });
            let now = "2026-03-14T10:00:00Z".parse().unwrap();
            let found = certificates(&[certificate], day(21), day(7), now);
            assert_eq!(found.worst, status, "{end}");
            let told = found.problems.first().map_or("", |one| &one.problem);
            assert!(told.contains(words), "{end}: {told}");
        }
    }
}
