//! Restores to where a file system is mounted.

#![expect(
    clippy::disallowed_methods,
    reason = "a file system of our own, to restore to"
)]

use crate::steps::{Run, world};
use orderly::domain::run::StepResult;
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Something mounted there until this goes.
struct Mounted(PathBuf);

impl Mounted {
    /// Nothing where it is not allowed.
    fn new(words: &[&str], at: &Path) -> Option<Self> {
        let mounted = Command::new("mount").args(words).arg(at).status();
        let mounted = mounted.is_ok_and(|status| status.success());
        mounted.then(|| Self(at.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _best_effort = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_restore_to_a_mount_point_is_refused_before_anything_is_unpacked_and_one_into_it_works() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::new(world(&folder.path().join("state")));
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("one"), "hello").unwrap();
    let keep = json!({ "name": "data", "paths": [data] });
    let kept = run.step("backup/files", keep).await;
    assert_eq!(kept.result, StepResult::Succeeded, "{}", kept.summary);
    let to = folder.path().join("to");
    fs::create_dir(&to).unwrap();
    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    // Of another file system, and of the same one.
    for words in [
        &["-t", "tmpfs", "-o", "size=1m", "tmpfs"][..],
        &["--bind", other.to_str().unwrap()],
    ] {
        let Some(_mounted) = Mounted::new(words, &to) else {
            eprintln!("SKIPPED: cannot mount anything here (needs root)");
            return;
        };
        let restore = |to: &Path| json!({ "artifact": kept.outputs["artifact"], "to": to, "only": data, "overwrite": true });
        for content in [None, Some("mine")] {
            if let Some(name) = content {
                fs::write(to.join(name), "precious").unwrap();
            }
            let report = run.step("backup/restore", restore(&to)).await;
            for words in ["is a mount point", "hint: restore into it"] {
                assert!(report.summary.contains(words), "{}", report.summary);
            }
            let left = fs::read_dir(&to).unwrap().count();
            assert_eq!(left, usize::from(content.is_some()));
        }
        let inside = to.join("restored");
        let report = run.step("backup/restore", restore(&inside)).await;
        assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
        assert_eq!(fs::read_to_string(inside.join("one")).unwrap(), "hello");
    }
    let beside = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(beside, 4, "nothing is left beside it");
}
