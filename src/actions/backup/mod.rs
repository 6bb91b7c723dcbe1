//! Backups and their trial restores.
//!
//! # Outputs
//!
//! The history keeps a record of every artifact, made from the outputs of the step that made it. So every action that leaves an
//! artifact has this under the key `artifact` of its outputs ([`Artifact`]):
//!
//! ```json
//! { "artifact": { "kind": "files", "name": "etc", "path": "/…/etc-20250314T020000Z-9fceb02d-1a2b3c4d.tar.zst",
//!                 "encrypted": false, "size": 1048576, "rawSize": 4194304, "sha256": "…", "entries": 812 } }
//! ```
//!
//! and every action that has restored one for a trial has this under the key `verified` ([`Verified`]):
//!
//! ```json
//! { "verified": { "path": "/…", "sha256": "…", "entries": 812, "tookMs": 95, "content": { "files": 640, "bytes": 4000000 } } }
//! ```
//!
//! A trial restore that finds an artifact at fault has `unsound` (`path`, `reason`) in its outputs, and `backup/prune` has `removed`: a list
//! of ids, each entered in the history, also where the step failed half-way.
//!
//! A backup whose sources changed while they were read, or that is much smaller than the one before, succeeds with the check status
//! `warning`; the latter has a `doubt` in its outputs. One outside its bounds fails, and its artifact stays, with a `doubt`.

mod artifact;
mod elsewhere;
mod etcd;
mod files;
mod helm;
mod in_cluster;
mod keep;
mod kubernetes;
mod lost;
mod miss;
mod postgres;
mod prune;
mod put_back;
mod report;
mod restore;
mod retention;
mod sqlite;
mod tried;
mod verify;
mod volume;
mod which;

pub use artifact::{Artifact, ArtifactKind, BackupOutputs, Removed, Unsound, Verified};
pub(crate) use elsewhere::not_to_a_path;
pub use etcd::{BackupEtcd, EtcdInputs, Etcdctl, K3s, Member};
pub use files::BackupFiles;
pub use helm::BackupHelm;
pub use keep::Keep;
pub(in crate::actions) use keep::{intent, made};
pub use kubernetes::{BackupKubernetes, KubernetesRestore};
pub use postgres::{
    BackupPostgres, Exclude, Inside, PostgresInputs, PostgresTarget, Protection, Server,
};
pub use prune::BackupPrune;
pub(in crate::actions) use report::{report_backup, report_error};
pub use restore::BackupRestore;
pub use sqlite::BackupSqlite;
pub use verify::BackupVerify;
pub use volume::{BackupVolume, VolumeRestore};
pub(in crate::actions) use which::{Found, Which};

use crate::{
    actions::framework::AnyAction,
    domain::effect::{Effect, Object, Verb},
};
use std::path::{Component, Path};

/// Every action of this folder.
pub fn actions() -> Vec<Box<dyn AnyAction>> {
    vec![
        Box::new(BackupEtcd),
        Box::new(BackupFiles),
        Box::new(BackupPostgres),
        Box::new(BackupSqlite),
        Box::new(BackupKubernetes),
        Box::new(BackupHelm),
        Box::new(BackupVolume),
        Box::new(BackupVerify),
        Box::new(BackupRestore),
        Box::new(BackupPrune),
    ]
}

/// A relative path is inside the agent's state folder, an absolute one on the host.
fn file(path: &str) -> Object {
    if Path::new(path).is_absolute() {
        Object::host("file", path)
    } else {
        Object::agent("file", path)
    }
}

/// That a file or folder is read.
fn reads(path: &str) -> Effect {
    Effect::read(Verb::FileRead, file(path))
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

#[cfg(test)]
mod tests {
    use super::{check_path, intent, reads};
    use crate::domain::{effect::Class, name::ArtifactName};

    #[test]
    fn a_backup_is_a_change_that_can_be_undone() {
        let name = ArtifactName::new("etc").unwrap();
        let intent = intent(&name, ["/etc"].into_iter().map(reads));
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
