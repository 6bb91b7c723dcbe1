//! The series of each artifact: its size, and when it was last stored and verified.
//!
//! An artifact's name comes from a runbook and may hold rendered text, so the number of series is bounded here: what is beyond
//! [`MOST`] is not kept, and counted instead. They go together with their runbook's series.

use crate::{
    domain::name::RunbookName,
    telemetry::text::{Kind, Text, escaped},
};
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The most artifact names that have series of their own.
const MOST: usize = 2000;
/// The longest name that is shown whole.
const LONGEST: usize = 100;

#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    size_bytes: Option<u64>,
    stored: Option<Timestamp>,
    verified: Option<Timestamp>,
}

/// All artifacts' series.
#[derive(Debug, Default)]
pub(super) struct Artifacts {
    seen: Mutex<BTreeMap<(RunbookName, String), Seen>>,
}

/// Whether a series was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Yes,
    TooMany,
}

impl Artifacts {
    pub(super) fn stored(
        &self,
        runbook: &RunbookName,
        name: &str,
        size_bytes: u64,
        at: Timestamp,
    ) -> Kept {
        self.with(runbook, name, |seen| {
            seen.size_bytes = Some(size_bytes);
            seen.stored = seen.stored.max(Some(at));
        })
    }

    pub(super) fn verified(&self, runbook: &RunbookName, name: &str, at: Timestamp) -> Kept {
        self.with(runbook, name, |seen| {
            seen.verified = seen.verified.max(Some(at));
        })
    }

    /// Forgets the artifacts of runbooks that are gone.
    pub(super) fn retain(&self, known: impl Fn(&RunbookName) -> bool) {
        self.lock().retain(|(runbook, _), _| known(runbook));
    }

    pub(super) fn write(&self, text: &mut Text) {
        let lines: Vec<(String, Seen)> = self
            .lock()
            .iter()
            .map(|((runbook, name), seen)| {
                (
                    format!("{{runbook=\"{runbook}\",artifact=\"{}\"}}", escaped(name)),
                    *seen,
                )
            })
            .collect();
        let seconds = |at: Option<Timestamp>| at.and_then(|at| u64::try_from(at.as_second()).ok());
        let mut family = |name: &str, help: &str, value: &dyn Fn(&Seen) -> Option<u64>| {
            text.family(name, Kind::Gauge, help);
            for (labels, seen) in &lines {
                if let Some(value) = value(seen) {
                    text.sample(name, &[labels], value);
                }
            }
        };
        family(
            "orderly_artifact_size_bytes",
            "Size of the newest one, as stored.",
            &|seen| seen.size_bytes,
        );
        family(
            "orderly_artifact_last_stored_timestamp_seconds",
            "When the newest one was stored.",
            &|seen| seconds(seen.stored),
        );
        family(
            "orderly_artifact_last_verified_timestamp_seconds",
            "When one was last restored and looked into; absent until then.",
            &|seen| seconds(seen.verified),
        );
    }

    fn with(&self, runbook: &RunbookName, name: &str, then: impl FnOnce(&mut Seen)) -> Kept {
        let key = (runbook.clone(), name.chars().take(LONGEST).collect());
        let mut seen = self.lock();
        if seen.len() >= MOST && !seen.contains_key(&key) {
            return Kept::TooMany;
        }
        then(seen.entry(key).or_default());
        Kept::Yes
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(RunbookName, String), Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Artifacts, Kept, MOST, Text};
    use crate::domain::name::RunbookName;
    use jiff::Timestamp;

    #[test]
    fn names_beyond_the_bound_are_not_kept() {
        let artifacts = Artifacts::default();
        let runbook = RunbookName::new("backup").unwrap();
        for number in 0..MOST {
            assert_eq!(
                artifacts.stored(&runbook, &format!("a{number}"), 1, Timestamp::UNIX_EPOCH),
                Kept::Yes
            );
        }
        assert_eq!(
            artifacts.stored(&runbook, "one-more", 1, Timestamp::UNIX_EPOCH),
            Kept::TooMany
        );
        assert_eq!(
            artifacts.verified(&runbook, "a7", Timestamp::UNIX_EPOCH),
            Kept::Yes
        );
        artifacts.retain(|_| false);
        assert_eq!(
            artifacts.stored(&runbook, "one-more", 1, Timestamp::UNIX_EPOCH),
            Kept::Yes
        );
    }

    #[test]
    fn a_name_cannot_break_out_of_its_label() {
        let artifacts = Artifacts::default();
        let runbook = RunbookName::new("backup").unwrap();
        artifacts.stored(&runbook, "a\"} 1\nevil 2", 5, Timestamp::UNIX_EPOCH);
        let mut text = Text::after(String::new());
        artifacts.write(&mut text);
        let text = text.finish();
        assert!(text.contains(r#"artifact="a\"} 1\nevil 2"} 5"#), "{text}");
        assert!(!text.lines().any(|line| line.starts_with("evil")), "{text}");
    }
}
