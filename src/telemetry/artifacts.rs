//! The series of each artifact: its size, when it was last stored and verified, how long that took, and how many there are of each state.
//! All of it comes from the history, so that a restart changes nothing.
//!
//! An artifact's name comes from a runbook and may hold rendered text, so the number of series is bounded here: what is beyond
//! [`MOST`] is not kept, and counted instead. They go together with their runbook's series.

use crate::{
    domain::{artifact::ArtifactState, name::RunbookName},
    telemetry::text::{Kind, Text, escaped},
};
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The most artifact names that have series of their own.
const MOST: usize = 2000;
/// The longest name that is shown whole.
const LONGEST: usize = 100;

/// What there is of one artifact's series.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct ArtifactSeries {
    /// Bytes of the newest that is not doubted, as stored.
    pub size_bytes: Option<u64>,
    /// When that was finished.
    pub stored: Option<Timestamp>,
    /// How long its step took.
    pub making: Option<Duration>,
    /// When one was last restored on trial and found good.
    pub verified: Option<Timestamp>,
    /// How long that took.
    pub restoring: Option<Duration>,
    /// How many are there, by [`ArtifactState::ALL`].
    pub states: [u64; ArtifactState::ALL.len()],
}

/// All artifacts' series.
#[derive(Debug, Default)]
pub(super) struct Artifacts {
    seen: Mutex<BTreeMap<(RunbookName, String), ArtifactSeries>>,
}

/// Whether a series was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Yes,
    TooMany,
}

impl Artifacts {
    pub(super) fn set(&self, runbook: &RunbookName, name: &str, series: ArtifactSeries) -> Kept {
        let key = (runbook.clone(), name.chars().take(LONGEST).collect());
        let mut seen = self.lock();
        if seen.len() >= MOST && !seen.contains_key(&key) {
            return Kept::TooMany;
        }
        seen.insert(key, series);
        Kept::Yes
    }

    /// Forgets the artifacts of runbooks that are gone.
    pub(super) fn retain(&self, known: impl Fn(&RunbookName) -> bool) {
        self.lock().retain(|(runbook, _), _| known(runbook));
    }

    pub(super) fn write(&self, text: &mut Text) {
        let lines: Vec<(String, ArtifactSeries)> = self
            .lock()
            .iter()
            .map(|((runbook, name), seen)| {
                let labels = format!("runbook=\"{runbook}\",artifact=\"{}\"", escaped(name));
                (labels, *seen)
            })
            .collect();
        let seconds = |at: Option<Timestamp>| at.and_then(|at| u64::try_from(at.as_second()).ok());
        let mut family =
            |name: &str, help: &str, value: &dyn Fn(&ArtifactSeries) -> Option<f64>| {
                text.family(name, Kind::Gauge, help);
                for (labels, seen) in &lines {
                    if let Some(value) = value(seen) {
                        text.sample(name, &[&format!("{{{labels}}}")], value);
                    }
                }
            };
        family(
            "orderly_artifact_size_bytes",
            "Size of the newest one that is not doubted, as stored.",
            &|seen| seen.size_bytes.map(float),
        );
        family(
            "orderly_artifact_last_stored_timestamp_seconds",
            "When the newest one that is not doubted was stored; a failed or doubted one does not count.",
            &|seen| seconds(seen.stored).map(float),
        );
        family(
            "orderly_artifact_making_seconds",
            "How long the step took that made it.",
            &|seen| seen.making.map(|took| took.as_secs_f64()),
        );
        family(
            "orderly_artifact_last_verified_timestamp_seconds",
            "When one was last restored and looked into; absent until then.",
            &|seen| seconds(seen.verified).map(float),
        );
        family(
            "orderly_artifact_restoring_seconds",
            "How long that trial restore took.",
            &|seen| seen.restoring.map(|took| took.as_secs_f64()),
        );
        let name = "orderly_artifacts";
        text.family(
            name,
            Kind::Gauge,
            "How many artifacts there are, by how far they can be relied on.",
        );
        for (labels, seen) in &lines {
            for (state, count) in ArtifactState::ALL.into_iter().zip(seen.states) {
                if state != ArtifactState::Removed {
                    let labels = format!("{{{labels},state=\"{}\"}}", state.as_str());
                    text.sample(name, &[&labels], float(count));
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(RunbookName, String), ArtifactSeries>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a metric is a float, and these are far below 2^53"
)]
fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::{ArtifactSeries, Artifacts, Kept, MOST, Text};
    use crate::domain::name::RunbookName;

    #[test]
    fn names_beyond_the_bound_are_not_kept() {
        let artifacts = Artifacts::default();
        let runbook = RunbookName::new("backup").unwrap();
        let set = |name: &str| artifacts.set(&runbook, name, ArtifactSeries::default());
        for number in 0..MOST {
            assert_eq!(set(&format!("a{number}")), Kept::Yes);
        }
        assert_eq!(set("one-more"), Kept::TooMany);
        assert_eq!(set("a7"), Kept::Yes);
        artifacts.retain(|_| false);
        assert_eq!(set("one-more"), Kept::Yes);
    }

    #[test]
    fn a_name_cannot_break_out_of_its_label() {
        let artifacts = Artifacts::default();
        let runbook = RunbookName::new("backup").unwrap();
        let series = ArtifactSeries {
            size_bytes: Some(5),
            states: [1, 2, 3, 4, 5],
            ..ArtifactSeries::default()
        };
        artifacts.set(&runbook, "a\"} 1\nevil 2", series);
        let mut text = Text::after(String::new());
        artifacts.write(&mut text);
        let text = text.finish();
        assert!(text.contains(r#"artifact="a\"} 1\nevil 2"} 5"#), "{text}");
        assert!(!text.lines().any(|line| line.starts_with("evil")), "{text}");
        assert!(text.contains(r#"state="doubted"} 3"#), "{text}");
        assert!(!text.contains("removed"), "{text}");
    }
}
