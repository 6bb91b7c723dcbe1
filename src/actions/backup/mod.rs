//! Backups and their trial restores.
//!
//! # Outputs
//!
//! The history keeps a record of every artifact, made from the outputs of the step that made it. So every action that leaves an
//! artifact has this under the key `artifact` of its outputs ([`Artifact`]):
//!
//! ```json
//! { "artifact": { "kind": "files", "name": "etc", "path": "/…/etc-20250314T020000Z-1a2b3c4d.tar.zst",
//!                 "size": 1048576, "rawSize": 4194304, "sha256": "…", "entries": 812 } }
//! ```
//!
//! and every action that has restored one for a trial has this under the key `verified` ([`Verified`]):
//!
//! ```json
//! { "verified": { "path": "/…", "sha256": "…", "entries": 812, "tookMs": 95, "content": { "files": 640, "bytes": 4000000 } } }
//! ```
//!
//! A backup whose sources changed while they were read succeeds with the check status `warning`.

mod files;
mod sqlite;
mod verify;

pub use files::BackupFiles;
pub use sqlite::BackupSqlite;
pub use verify::BackupVerify;

use crate::{
    actions::framework::{AnyAction, outputs},
    domain::{
        check::CheckStatus,
        effect::{Effect, Effects, Object, Verb},
        name::ArtifactName,
        run::StepReport,
    },
    ports::{
        archive::{ArchiveError, Label, Stored},
        executor::{Intent, StepContext},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::{Component, Path},
};

/// Every action of this folder.
pub fn actions() -> Vec<Box<dyn AnyAction>> {
    vec![
        Box::new(BackupFiles),
        Box::new(BackupSqlite),
        Box::new(BackupVerify),
    ]
}

/// What is in an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactKind {
    /// A compressed tar of files and folders.
    Files,
    /// A compressed SQLite database.
    Sqlite,
    /// What a program printed, compressed.
    Stream,
    /// What containers said, compressed.
    Logs,
}

impl ArtifactKind {
    /// The word used in outputs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Sqlite => "sqlite",
            Self::Stream => "stream",
            Self::Logs => "logs",
        }
    }
    /// What its entries are.
    fn entries(self) -> &'static str {
        match self {
            Self::Files => "members",
            Self::Sqlite => "pages",
            Self::Stream | Self::Logs => "stream",
        }
    }
}

/// An artifact, as outputs show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// What is in it.
    pub kind: ArtifactKind,
    /// The name of the backup.
    pub name: String,
    /// Where it is.
    pub path: String,
    /// Bytes of the file.
    pub size: u64,
    /// Bytes before compression.
    pub raw_size: u64,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// Members of an archive, pages of a database, 1 for a stream or logs.
    pub entries: u64,
}

impl Artifact {
    /// What was stored under this name.
    pub(in crate::actions) fn of(kind: ArtifactKind, name: &ArtifactName, stored: &Stored) -> Self {
        Self {
            kind,
            name: name.to_string(),
            path: stored.path.display().to_string(),
            size: stored.size,
            raw_size: stored.raw_size,
            sha256: stored.sha256.to_string(),
            entries: stored.entries,
        }
    }
}

/// A trial restore, as outputs show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// Where the artifact is.
    pub path: String,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// Members of an archive, tables of a database, 1 for a stream or logs.
    pub entries: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// `files`, `folders`, `links` and `bytes` of an archive; rows by table of a database; `bytes` and `lines` of a stream or logs.
    pub content: BTreeMap<String, u64>,
}

/// What a backup leaves for later steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BackupOutputs {
    /// The artifact.
    pub artifact: Artifact,
    /// What was left out, and why: sockets, devices, files that were removed meanwhile.
    pub skipped: Vec<String>,
    /// Files that changed while they were read.
    pub changed: Vec<String>,
}

pub(in crate::actions) fn label(name: &ArtifactName, context: &StepContext) -> Label {
    Label {
        name: name.clone(),
        runbook: context.runbook.clone(),
        run: context.run,
    }
}

/// A new artifact, and reads of its sources. A backup that was cut off by a crash leaves nothing, so it is simply made again.
fn intent(name: &ArtifactName, sources: impl Iterator<Item = Object>) -> Intent {
    let create = made(name);
    let reads = sources.map(|source| Effect::read(Verb::FileRead, source));
    Intent {
        effects: Effects::exact(std::iter::once(create).chain(reads).collect()),
        idempotent: true,
        wants_approval: None,
        pinned: crate::domain::pinned::Pinned::default(),
    }
}

/// A new artifact.
pub(in crate::actions) fn made(name: &ArtifactName) -> Effect {
    let artifact = Object::agent("artifact", name.as_str());
    Effect::change(Verb::Create, artifact, "delete the artifact")
}

/// A relative path is inside the agent's state folder, an absolute one on the host.
fn file(path: &str) -> Object {
    if Path::new(path).is_absolute() {
        Object::host("file", path)
    } else {
        Object::agent("file", path)
    }
}

fn check_path(path: &str) -> Result<(), String> {
    if path.is_empty() {
        return Err("a path is empty".to_owned());
    }
    let mut parts = Path::new(path).components();
    if parts.any(|part| part == Component::ParentDir) {
        return Err(format!(
            "the path `{path}` goes up\nhint: write it without `..`"
        ));
    }
    Ok(())
}

fn report_backup(
    kind: ArtifactKind,
    name: &ArtifactName,
    result: Result<Stored, ArchiveError>,
) -> StepReport {
    let stored = match result {
        Ok(stored) => stored,
        Err(error) => return report_error(&error),
    };
    let mut summary = format!(
        "{} bytes in {}, of {} bytes in {} {}",
        stored.size,
        stored.path.display(),
        stored.raw_size,
        stored.entries,
        kind.entries()
    );
    let changed = !stored.changed.is_empty();
    if changed {
        summary.push_str("; files changed while they were read");
    }
    let report = StepReport::succeeded(summary, outputs(&backup_outputs(kind, name, stored)));
    StepReport {
        check: changed.then_some(CheckStatus::Warning),
        ..report
    }
}

fn backup_outputs(kind: ArtifactKind, name: &ArtifactName, stored: Stored) -> BackupOutputs {
    BackupOutputs {
        artifact: Artifact::of(kind, name, &stored),
        skipped: stored.skipped,
        changed: stored.changed,
    }
}

pub(in crate::actions) fn report_error(error: &ArchiveError) -> StepReport {
    match error {
        ArchiveError::Stopped(_) => StepReport::canceled(error.to_string()),
        ArchiveError::Failed { .. } => StepReport::failed(error.to_string(), true),
        ArchiveError::TooLarge { .. }
        | ArchiveError::Unreadable { .. }
        | ArchiveError::Damaged { .. } => StepReport::failed(error.to_string(), false),
    }
}

#[cfg(test)]
mod tests {
    use super::{ArtifactKind, check_path, intent, report_backup, report_error};
    use crate::{
        domain::{
            check::CheckStatus,
            digest::Digest,
            effect::{Class, Object},
            name::ArtifactName,
            run::StepResult,
        },
        ports::archive::{ArchiveError, Stored},
    };
    use serde_json::json;

    fn name() -> ArtifactName {
        ArtifactName::new("etc").unwrap()
    }
    fn stored(changed: &[&str]) -> Stored {
        Stored {
            path: "/state/etc.tar.zst".into(),
            size: 10,
            sha256: Digest::of_bytes(b"x"),
            raw_size: 30,
            entries: 2,
            skipped: Vec::new(),
            changed: changed.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn the_outputs_have_the_shape_that_the_history_reads() {
        let report = report_backup(ArtifactKind::Files, &name(), Ok(stored(&[])));
        assert_eq!(report.result, StepResult::Succeeded);
        assert_eq!(report.check, None);
        assert_eq!(
            report.outputs["artifact"],
            json!({
                "kind": "files", "name": "etc", "path": "/state/etc.tar.zst", "size": 10, "rawSize": 30,
                "sha256": Digest::of_bytes(b"x"), "entries": 2
            })
        );
    }

    #[test]
    fn files_that_changed_meanwhile_are_a_warning() {
        let report = report_backup(ArtifactKind::Files, &name(), Ok(stored(&["/a: changed"])));
        assert_eq!(report.result, StepResult::Succeeded);
        assert_eq!(report.check, Some(CheckStatus::Warning));
    }

    #[test]
    fn only_faults_that_may_pass_are_tried_again() {
        let failed = |doing: &str| ArchiveError::Failed {
            doing: doing.into(),
            reason: "disk full".into(),
        };
        let damaged = ArchiveError::Damaged {
            path: "/x".into(),
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

    #[test]
    fn a_backup_is_a_change_that_can_be_undone() {
        let sources = [Object::host("file", "/etc")];
        let intent = intent(&name(), sources.into_iter());
        assert_eq!(intent.effects.class(), Class::Change);
        assert!(intent.idempotent);
        let shown: Vec<String> = intent
            .effects
            .items
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            shown,
            [
                "create artifact etc of the agent",
                "file read file /etc on the host"
            ]
        );
    }

    #[test]
    fn a_path_does_not_go_up() {
        assert_eq!(check_path("history.db"), Ok(()));
        assert_eq!(check_path("/etc/./x"), Ok(()));
        for bad in ["", "..", "a/../../x", "/a/.."] {
            assert!(check_path(bad).is_err(), "{bad}");
        }
    }
}
