//! `kubernetes/snapshot-volume`. No controller of snapshots is here: the tests write what one would.

use super::plane::{Space, failure};
use crate::steps::Run;
use orderly::domain::run::{StepReport, StepResult};
use serde_json::{Value, json};
use std::time::Duration;

pub(super) const SNAPSHOTS: &str = "volumesnapshots.snapshot.storage.k8s.io";
const BACKUPS: &str = "backups.longhorn.io";
const LONGHORN_SNAPSHOTS: &str = "snapshots.longhorn.io";

/// A claim with a volume.
pub(super) fn claim(space: &Space, name: &str) {
    let volume = format!("{}-{name}", space.name);
    let spec = json!({
        "accessModes": ["ReadWriteOnce"], "storageClassName": "", "volumeName": volume, "resources": { "requests": { "storage": "1Gi" } }
    });
    space.apply(&json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": name }, "spec": spec }));
    space.apply(&json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": volume },
        "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "", "capacity": { "storage": "1Gi" },
            "claimRef": { "namespace": space.name, "name": name }, "hostPath": { "path": "/nothing" },
            "persistentVolumeReclaimPolicy": "Retain"
        }
    }));
    space.wait(&format!("pvc/{name}"), "jsonpath={.status.phase}=Bound");
}

fn names(space: &Space, kind: &str) -> Vec<String> {
    let listed = space.kubectl(&["get", kind, "-o", "name"]);
    let name = |line: &str| line.rsplit('/').next().unwrap().to_owned();
    listed.lines().map(name).collect()
}

/// Plays the controller: waits for an object of this kind, and writes its status.
pub(super) async fn play(space: &Space, kind: &str, status: Value) -> String {
    let name = loop {
        if let Some(name) = names(space, kind).pop() {
            break name;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let patch = json!({ "status": status }).to_string();
    let words = [
        "patch",
        kind,
        &name,
        "--subresource=status",
        "--type=merge",
        "-p",
        &patch,
    ];
    space.kubectl(&words);
    name
}

fn succeeded(report: &StepReport) {
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
}

fn of_claim(space: &Space) -> Value {
    json!({ "namespace": space.name, "claim": "data", "class": "fast", "labels": { "tier": "db" } })
}

#[tokio::test]
async fn a_snapshot_is_taken_and_waited_for() {
    let Some(space) = Space::new() else { return };
    claim(&space, "data");
    let run = space.run();
    let ready = json!({
        "readyToUse": true, "restoreSize": "1Gi", "creationTime": "2026-01-01T00:00:00Z", "boundVolumeSnapshotContentName": "content-1"
    });
    let (report, name) = tokio::join!(
        run.step("kubernetes/snapshot-volume", of_claim(&space)),
        play(&space, SNAPSHOTS, ready)
    );
    succeeded(&report);
    assert_eq!(report.outputs["name"], name.as_str());
    assert_eq!(report.outputs["restoreSize"], "1Gi");
    assert_eq!(report.outputs["takenAt"], "2026-01-01T00:00:00Z");
    assert_eq!(report.outputs["content"], "content-1");
    assert!(name.starts_with("data-20"), "{name}");
    let made = space.get(SNAPSHOTS, &name);
    assert_eq!(made["spec"]["source"]["persistentVolumeClaimName"], "data");
    assert_eq!(made["spec"]["volumeSnapshotClassName"], "fast");
    assert_eq!(made["metadata"]["labels"]["tier"], "db");
}

#[tokio::test]
async fn a_snapshot_that_fails_is_deleted_or_left_as_told() {
    let Some(space) = Space::new() else { return };
    claim(&space, "data");
    let broken = || json!({ "readyToUse": false, "error": { "message": "no space in the pool" } });
    for (undo, words, left) in [
        (true, "is being deleted", 0),
        (false, "is left as it is", 1),
    ] {
        let mut inputs = of_claim(&space);
        inputs["undoOnFailure"] = json!(undo);
        let run = space.run();
        let (report, _) = tokio::join!(
            run.step("kubernetes/snapshot-volume", inputs),
            play(&space, SNAPSHOTS, broken())
        );
        let (error, _) = failure(&report);
        assert!(
            error.contains("has failed: no space in the pool"),
            "{error}"
        );
        assert!(error.contains(words), "{error}");
        assert_eq!(names(&space, SNAPSHOTS).len(), left);
    }
}

#[tokio::test]
async fn a_snapshot_that_nobody_makes_is_given_up_in_time_and_when_stopped() {
    let Some(space) = Space::new() else { return };
    claim(&space, "data");
    let mut inputs = of_claim(&space);
    inputs["wait"] = json!("1s");
    let report = space.step("kubernetes/snapshot-volume", inputs).await;
    let (error, retryable) = failure(&report);
    assert!(
        error.contains("is not ready: no snapshot controller"),
        "{error}"
    );
    assert!(retryable);
    assert!(names(&space, SNAPSHOTS).is_empty());
    let run = space.run();
    let stop = async {
        while names(&space, SNAPSHOTS).is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        run.stop.cancel();
    };
    let (report, ()) = tokio::join!(
        run.step("kubernetes/snapshot-volume", of_claim(&space)),
        stop
    );
    assert_eq!(report.result, StepResult::Canceled);
    assert!(
        report.summary.contains("is being deleted"),
        "{}",
        report.summary
    );
    assert!(names(&space, SNAPSHOTS).is_empty());
}

#[tokio::test]
async fn an_attempt_finds_the_snapshot_of_the_one_before() {
    let Some(space) = Space::new() else { return };
    claim(&space, "data");
    let mut run = space.run();
    let mut inputs = of_claim(&space);
    inputs["wait"] = json!("1s");
    inputs["undoOnFailure"] = json!(false);
    failure(&run.step("kubernetes/snapshot-volume", inputs.clone()).await);
    let name = play(
        &space,
        SNAPSHOTS,
        json!({ "readyToUse": true, "restoreSize": "1Gi" }),
    )
    .await;
    run.again();
    let report = run.step("kubernetes/snapshot-volume", inputs).await;
    succeeded(&report);
    assert_eq!(report.outputs["found"], true);
    assert_eq!(names(&space, SNAPSHOTS), [name]);
}

#[tokio::test]
async fn without_a_volume_or_the_right_there_is_no_snapshot() {
    let Some(space) = Space::new() else { return };
    let report = space
        .step("kubernetes/snapshot-volume", of_claim(&space))
        .await;
    assert!(
        failure(&report)
            .0
            .contains("persistentvolumeclaim data in namespace"),
        "{}",
        report.summary
    );
    let spec = json!({
        "accessModes": ["ReadWriteOnce"], "storageClassName": "none", "resources": { "requests": { "storage": "1Gi" } }
    });
    space.apply(&json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "data" }, "spec": spec }));
    let report = space
        .step("kubernetes/snapshot-volume", of_claim(&space))
        .await;
    assert!(
        failure(&report)
            .0
            .contains("has no volume to take a snapshot of: it is Pending"),
        "{}",
        report.summary
    );
    space.kubectl(&["delete", "pvc/data"]);
    claim(&space, "data");
    let rules = json!([
        { "apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": ["get"] },
        { "apiGroups": ["snapshot.storage.k8s.io"], "resources": ["volumesnapshots"], "verbs": ["get"] }
    ]);
    let run = Run::new(space.world_of(space.somebody("reader", &rules)));
    let report = run
        .step("kubernetes/snapshot-volume", of_claim(&space))
        .await;
    let (error, retryable) = failure(&report);
    assert!(error.contains("cannot create"), "{error}");
    assert!(!retryable);
}

#[tokio::test]
async fn a_snapshot_that_is_only_tried_is_not_made() {
    let Some(space) = Space::new() else { return };
    claim(&space, "data");
    let report = Run::dry(space.world())
        .step("kubernetes/snapshot-volume", of_claim(&space))
        .await;
    succeeded(&report);
    assert!(
        report.summary.ends_with("; the server agrees"),
        "{}",
        report.summary
    );
    assert!(names(&space, SNAPSHOTS).is_empty());
}

fn by_longhorn(space: &Space) -> Value {
    json!({ "namespace": space.name, "longhorn": { "volume": "pvc-1", "labels": { "from": "orderly" } } })
}

#[tokio::test]
async fn longhorn_takes_a_snapshot_and_backs_it_up() {
    let Some(space) = Space::new() else { return };
    let run = space.run();
    let completed = json!({
        "state": "Completed", "url": "s3://backups@eu/?backup=1&volume=pvc-1", "size": "1048576", "snapshotCreatedAt": "2026-01-01T00:00:00Z"
    });
    let (report, snapshot, backup) = tokio::join!(
        run.step("kubernetes/snapshot-volume", by_longhorn(&space)),
        play(&space, LONGHORN_SNAPSHOTS, json!({ "readyToUse": true })),
        play(&space, BACKUPS, completed)
    );
    succeeded(&report);
    assert_eq!(
        report.outputs["backupUrl"],
        "s3://backups@eu/?backup=1&volume=pvc-1"
    );
    assert_eq!(report.outputs["snapshot"], snapshot.as_str());
    let made = space.get(BACKUPS, &backup);
    assert_eq!(made["spec"]["snapshotName"], snapshot.as_str());
    assert_eq!(made["spec"]["labels"]["from"], "orderly");
    assert_eq!(made["metadata"]["labels"]["backup-volume"], "pvc-1");
}

#[tokio::test]
async fn a_backup_that_longhorn_gives_up_is_a_failure_and_goes_with_its_snapshot() {
    let Some(space) = Space::new() else { return };
    let run = space.run();
    let (report, _, _) = tokio::join!(
        run.step("kubernetes/snapshot-volume", by_longhorn(&space)),
        play(&space, LONGHORN_SNAPSHOTS, json!({ "readyToUse": true })),
        play(
            &space,
            BACKUPS,
            json!({ "state": "Error", "error": "the target is not reachable" })
        )
    );
    let (error, _) = failure(&report);
    assert!(
        error.contains("has failed: the target is not reachable"),
        "{error}"
    );
    assert!(names(&space, BACKUPS).is_empty());
    assert!(names(&space, LONGHORN_SNAPSHOTS).is_empty());
}
