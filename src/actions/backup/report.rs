//! What becomes of a backup: its report, in words and outputs.

use crate::{
    actions::{
        backup::{Artifact, ArtifactKind, BackupOutputs, Keep, keep::Plausible},
        framework::{World, outputs},
    },
    domain::{check::CheckStatus, run::StepReport},
    ports::archive::{ArchiveError, Label, Stored},
};

/// The report of a backup, judged by its bounds and by the one before it.
pub(in crate::actions) async fn report_backup(
    kind: ArtifactKind,
    (keep, label): (&Keep, &Label),
    stored: Result<Stored, ArchiveError>,
    world: &World,
) -> StepReport {
    report_doubted(kind, (keep, label), stored, None, world).await
}

/// The same of one that may be doubted for a reason of its kind.
pub(super) async fn report_doubted(
    kind: ArtifactKind,
    (keep, label): (&Keep, &Label),
    stored: Result<Stored, ArchiveError>,
    doubt: Option<String>,
    world: &World,
) -> StepReport {
    let stored = match stored {
        Ok(stored) => stored,
        Err(error) => return report_error(&error),
    };
    let plausible = match (keep.judge(label, &stored, world).await, doubt) {
        (Plausible::No(why), _) => Plausible::No(why),
        (Plausible::Yes, None) => Plausible::Yes,
        (Plausible::Yes, Some(why)) | (Plausible::Doubtful(why), None) => Plausible::Doubtful(why),
        (Plausible::Doubtful(one), Some(other)) => Plausible::Doubtful(format!("{other}; {one}")),
    };
    said(kind, label, stored, plausible)
}

fn said(kind: ArtifactKind, label: &Label, stored: Stored, plausible: Plausible) -> StepReport {
    let mut summary = format!(
        "{} bytes in {}, of {} bytes in {} {}{}",
        stored.size,
        stored.location,
        stored.raw_size,
        stored.entries,
        kind.entries(),
        if stored.encrypted { ", encrypted" } else { "" }
    );
    let changed = !stored.changed.is_empty();
    if changed {
        summary.push_str("; files changed while they were read");
    }
    let mut artifact = Artifact::of(kind, &label.name, &stored);
    let (doubt, fails) = match plausible {
        Plausible::Yes => (None, false),
        Plausible::Doubtful(why) => (Some(why), false),
        Plausible::No(why) => (Some(why), true),
    };
    artifact.doubt.clone_from(&doubt);
    let outputs = outputs(&BackupOutputs {
        artifact,
        skipped: stored.skipped,
        changed: stored.changed,
    });
    match doubt {
        Some(why) if fails => StepReport {
            outputs,
            ..StepReport::failed(format!("{}: {why}", stored.location), false)
        },
        doubt => {
            let warns = changed || doubt.is_some();
            if let Some(why) = doubt {
                summary = format!("{summary}; {why}");
            }
            StepReport {
                check: warns.then_some(CheckStatus::Warning),
                ..StepReport::succeeded(summary, outputs)
            }
        }
    }
}

pub(in crate::actions) fn report_error(error: &ArchiveError) -> StepReport {
    match error {
        ArchiveError::Stopped(_) => StepReport::canceled(error.to_string()),
        ArchiveError::Failed { .. } => StepReport::failed(error.to_string(), true),
        ArchiveError::Unfit { .. }
        | ArchiveError::TooLarge { .. }
        | ArchiveError::Unreadable { .. }
        | ArchiveError::Damaged { .. } => StepReport::failed(error.to_string(), false),
    }
}

#[cfg(test)]
mod tests {
    use super::{ArtifactKind, Plausible, report_error, said};
    use crate::{
        domain::{
            artifact::Location,
            check::CheckStatus,
            digest::Digest,
            id::RunId,
            name::{ArtifactName, RunbookName},
            run::StepResult,
        },
        ports::archive::{ArchiveError, Encrypt, Label, Stored},
    };
    use jiff::Timestamp;
    use serde_json::json;

    fn label() -> Label {
        Label {
            name: ArtifactName::new("etc").unwrap(),
            runbook: RunbookName::new("nightly").unwrap(),
            revision: "abc".into(),
            run: RunId::new(Timestamp::UNIX_EPOCH, [1; 10]),
            store: None,
            encrypt: Encrypt::AsConfigured,
        }
    }
    fn stored(changed: &[&str]) -> Stored {
        Stored {
            location: Location::parse("/state/etc.tar.zst"),
            encrypted: false,
            size: 10,
            sha256: Digest::of_bytes(b"x"),
            raw_size: 30,
            entries: 2,
            content: 20,
            skipped: Vec::new(),
            changed: changed.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn the_outputs_have_the_shape_that_the_history_reads() {
        let report = said(ArtifactKind::Files, &label(), stored(&[]), Plausible::Yes);
        assert_eq!(report.result, StepResult::Succeeded);
        assert_eq!(report.check, None);
        assert_eq!(
            report.outputs["artifact"],
            json!({
                "kind": "files", "name": "etc", "path": "/state/etc.tar.zst", "encrypted": false, "size": 10, "rawSize": 30,
                "sha256": Digest::of_bytes(b"x"), "entries": 2
            })
        );
    }

    #[test]
    fn files_that_changed_meanwhile_are_a_warning() {
        let report = said(
            ArtifactKind::Files,
            &label(),
            stored(&["/a: changed"]),
            Plausible::Yes,
        );
        assert_eq!(report.result, StepResult::Succeeded);
        assert_eq!(report.check, Some(CheckStatus::Warning));
    }

    #[test]
    fn what_is_doubted_is_a_warning_and_what_is_outside_its_bounds_a_failure_that_keeps_the_artifact()
     {
        let doubtful = Plausible::Doubtful("it shrank".into());
        let report = said(ArtifactKind::Files, &label(), stored(&[]), doubtful);
        assert_eq!(report.check, Some(CheckStatus::Warning));
        assert_eq!(report.outputs["artifact"]["doubt"], "it shrank");
        let report = said(
            ArtifactKind::Files,
            &label(),
            stored(&[]),
            Plausible::No("it is empty".into()),
        );
        assert!(matches!(
            report.result,
            StepResult::Failed {
                retryable: false,
                ..
            }
        ));
        assert_eq!(report.outputs["artifact"]["doubt"], "it is empty");
    }

    #[test]
    fn only_faults_that_may_pass_are_tried_again() {
        let failed = |doing: &str| ArchiveError::Failed {
            doing: doing.into(),
            reason: "disk full".into(),
        };
        let damaged = ArchiveError::Damaged {
            location: Location::parse("/x"),
            reason: "cut".into(),
        };
        let retryable = |error| match report_error(&error).result {
            StepResult::Failed { retryable, .. } => retryable,
            other @ (StepResult::Succeeded | StepResult::TimedOut | StepResult::Canceled) => {
                panic!("{other:?}")
            }
        };
        assert!(retryable(failed("writing")));
        assert!(!retryable(damaged));
        assert_eq!(
            report_error(&ArchiveError::Stopped("x".into())).result,
            StepResult::Canceled
        );
    }
}
