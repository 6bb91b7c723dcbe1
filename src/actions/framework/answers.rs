//! What checks and requests have in common.

use crate::{
    domain::{
        check::CheckStatus,
        effect::{Effect, Effects},
        run::StepReport,
        span::Span,
    },
    ports::executor::{Intent, Session},
};
use schemars::JsonSchema;
use serde::Deserialize;

/// The longest text of an answer that goes into outputs, in bytes.
pub(crate) const LONGEST_TEXT: usize = 4096;

/// How slow an answer may be.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MaxLatency {
    /// A slower answer is a warning.
    #[serde(default)]
    pub(crate) warning: Option<Span>,
    /// A slower answer is critical.
    #[serde(default)]
    pub(crate) critical: Option<Span>,
}

impl MaxLatency {
    /// What an answer after `took` means.
    pub(crate) fn judge(self, took: Span) -> (CheckStatus, String) {
        let slower = |limit: Option<Span>| limit.filter(|&limit| took > limit);
        match (slower(self.critical), slower(self.warning)) {
            (Some(limit), _) => (
                CheckStatus::Critical,
                format!("took {took}, more than {limit}"),
            ),
            (None, Some(limit)) => (
                CheckStatus::Warning,
                format!("took {took}, more than {limit}"),
            ),
            (None, None) => (CheckStatus::Ok, format!("took {took}")),
        }
    }
    /// Refuses a critical limit below the warning.
    pub(crate) fn validate(self) -> Result<(), String> {
        match (self.warning, self.critical) {
            (Some(warning), Some(critical)) if critical < warning => Err(format!(
                "in `with`, at `maxLatency`: critical ({critical}) is below warning ({warning})"
            )),
            _ => Ok(()),
        }
    }
}

/// The intent of a check: it looks, and looking twice is the same as once.
pub(crate) fn looks(effect: Effect) -> Intent {
    Intent {
        effects: Effects::exact(vec![effect]),
        idempotent: true,
        wants_approval: None,
        pinned: crate::domain::pinned::Pinned::default(),
    }
}

/// Refuses a deadline of zero.
pub(crate) fn positive(timeout: Span) -> Result<(), String> {
    if timeout.is_zero() {
        return Err("in `with`, at `timeout`: must be longer than 0s".to_owned());
    }
    Ok(())
}

/// Waits for work or for the request to stop, whichever is first.
pub(crate) async fn unless_stopped<T>(
    session: &Session,
    work: impl Future<Output = T>,
) -> Result<T, StepReport> {
    tokio::select! {
        biased;
        () = session.stop.cancelled() => Err(StepReport::canceled("stopped while waiting for an answer")),
        done = work => Ok(done),
    }
}

/// The beginning of an answer as text: control characters made visible, cut with a mark.
pub(crate) fn excerpt(bytes: &[u8], longest: usize) -> String {
    let cut = bytes.len() > longest;
    let kept = bytes.get(..longest).unwrap_or(bytes);
    let mut text = String::new();
    for c in String::from_utf8_lossy(kept).chars() {
        if c.is_control() && c != '\n' && c != '\t' {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
    }
    if cut {
        text.push_str("… (cut)");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{MaxLatency, excerpt};
    use crate::domain::{check::CheckStatus, span::Span};

    #[test]
    fn a_slow_answer_is_judged_by_the_worst_limit_it_passes() {
        let limits = MaxLatency {
            warning: Some(Span::from_secs(1)),
            critical: Some(Span::from_secs(3)),
        };
        for (secs, status) in [
            (1, CheckStatus::Ok),
            (2, CheckStatus::Warning),
            (4, CheckStatus::Critical),
        ] {
            assert_eq!(limits.judge(Span::from_secs(secs)).0, status);
        }
        assert_eq!(
            MaxLatency::default().judge(Span::from_secs(99)).0,
            CheckStatus::Ok
        );
    }

    #[test]
    fn an_excerpt_is_cut_and_shows_what_it_hides() {
        assert_eq!(excerpt(b"a\x1b[2Jb\n", 99), "a\\u{1b}[2Jb\n");
        assert_eq!(excerpt("aé".as_bytes(), 2), "a\u{FFFD}… (cut)");
    }
}
