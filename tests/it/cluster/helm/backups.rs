//! `backup/helm`.

use super::{Desk, SECRET};
use crate::{
    cluster::{
        backups::{sealing, succeeded},
        plane::failure,
    },
    steps::Run,
};
use serde_json::json;
use std::{fs, os::unix::fs::PermissionsExt as _};

#[tokio::test]
async fn releases_are_kept_encrypted_and_their_values_come_back_as_a_file() {
    let Some(desk) = Desk::new() else { return };

    desk.upgraded(json!({ "values": { "password": SECRET, "replicas": 2 } }))
        .await;
    let run = Run::new(sealing(&desk.space, desk.world()));
    let keep = json!({ "name": "releases", "namespace": desk.space.name });
    let kept = succeeded(run.step("backup/helm", keep).await);
    let artifact = &kept.outputs["artifact"];
    assert_eq!(
        (&artifact["kind"], &artifact["entries"]),
        (&json!("helm"), &json!(1))
    );
    let path = artifact["path"].as_str().unwrap();
    assert!(path.ends_with(".releases.jsonl.zst.age"), "{path}");
    assert!(!run.heard().contains(SECRET));
    let verify = run.step("backup/verify", json!({ "artifact": artifact }));
    let verified = succeeded(verify.await);
    let words = ": 1 release read whole: 3 objects in its manifest, 2 values";
    assert!(verified.summary.ends_with(words), "{}", verified.summary);
    let content = &verified.outputs["verified"]["content"];
    assert_eq!(
        content,
        &json!({ "releases": 1, "objects": 3, "values": 2 })
    );

    let folder = desk.space.path("back");
    let restore = json!({ "artifact": artifact, "to": folder });
    let deep = json!({ "artifact": artifact, "to": folder.join("deep") });
    let why = run.plan("backup/restore", deep).await.unwrap_err();
    assert!(why.contains("hint: make the folder first"), "{why}");
    // An empty folder is nothing.
    fs::create_dir(&folder).unwrap();
    let report = succeeded(run.step("backup/restore", restore.clone()).await);
    assert!(report.summary.contains("nothing was applied"));
    assert!(!report.summary.contains(SECRET) && !report.outputs.to_string().contains(SECRET));
    let values = folder.join("values.yaml");
    assert_eq!(
        fs::metadata(&values).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let written = fs::read_to_string(&values).unwrap();
    assert!(written.contains(SECRET) && written.contains("\"replicas\": 2"));
    let manifest = fs::read_to_string(folder.join("manifest.yaml")).unwrap();
    assert!(manifest.contains("kind: Deployment"), "{manifest}");
    // It never writes over what is there, and asks nobody.
    let why = run.plan("backup/restore", restore).await.unwrap_err();
    assert!(why.contains("is there and not empty"), "{why}");
    assert!(
        why.contains("\nhint: name one that is not there yet"),
        "{why}"
    );
    let other = desk.space.path("other");
    let restore = json!({ "artifact": artifact, "to": other });
    succeeded(run.step("backup/restore", restore).await);
    assert_eq!(
        fs::metadata(&other).unwrap().permissions().mode() & 0o777,
        0o700
    );
}

#[tokio::test]
async fn a_release_that_is_not_there_or_may_not_be_read_leaves_nothing() {
    let Some(desk) = Desk::new() else { return };
    let run = Run::new(sealing(&desk.space, desk.world()));
    let keep = json!({ "name": "releases", "namespace": desk.space.name });
    let report = run.step("backup/helm", keep.clone()).await;
    assert!(failure(&report).0.contains("there is no release"));
    let one = json!({ "name": "releases", "namespace": desk.space.name, "release": "web" });
    let report = run.step("backup/helm", one).await;
    assert!(failure(&report).0.contains("is not there"));
    let account = desk.space.somebody("nobody", &json!([]));
    let run = Run::new(sealing(&desk.space, desk.world_as(account)));
    let report = run.step("backup/helm", keep.clone()).await;
    assert!(failure(&report).0.contains("forbidden"), "{report:?}");
    // Without anybody to encrypt for, helm is not asked at all.
    let report = desk.run().step("backup/helm", keep).await;
    assert!(failure(&report).0.contains("nobody to encrypt it for"));
    assert!(desk.space.artifacts().is_empty());
}
