//! What `backup/restore` of objects must be allowed, which is known once its artifact was looked into.

use super::{asked, lessened};
use crate::{
    cluster::{
        backups::{sealing, succeeded},
        plane::Space,
    },
    steps::Run,
};
use orderly::{
    actions::framework::World,
    domain::run::{StepReport, StepResult},
};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Nothing of what was kept is there.
fn gone(space: &Space) {
    space.kubectl(&[
        "delete",
        "configmap/todo",
        "secret/db",
        "--ignore-not-found",
    ]);
}

/// All of it is there, and is something else.
fn changed(space: &Space) {
    gone(space);
    space.kubectl(&["create", "configmap", "todo", "--from-literal=a=2"]);
    space.kubectl(&["create", "secret", "generic", "db", "--from-literal=a=2"]);
}

/// The same step, done by somebody else.
async fn tried(space: &Space, world: &World, account: PathBuf, inputs: &Value) -> StepReport {
    let world = World {
        clusters: space.world_of(account).clusters,
        ..world.clone()
    };
    Run::new(world).step("backup/restore", inputs.clone()).await
}

#[tokio::test]
async fn objects_come_back_with_exactly_the_rights_of_what_is_done() {
    let Some(space) = Space::new() else { return };
    changed(&space);
    let world = sealing(&space, space.world());
    let run = Run::new(world.clone());
    let keep = json!({ "name": "shop", "namespace": space.name, "resources": ["configmap/todo", "secret/db"] });
    let kept = succeeded(run.step("backup/kubernetes", keep).await);
    let inputs = json!({ "artifact": kept.outputs["artifact"], "objects": { "force": true } });
    // What is there is not made.
    let turns = [
        ("gone", gone as fn(&Space), ""),
        ("changed", changed, "create"),
    ];
    for (turn, before, spare) in turns {
        let objects = asked(&space, &run, ("backup/restore", &inputs)).await;
        before(&space);
        let account = space.granted(&objects, &format!("{turn}-whole"));
        succeeded(tried(&space, &world, account, &inputs).await);
        for (less, (what, objects)) in lessened(&objects).into_iter().enumerate() {
            if !spare.is_empty() && what.starts_with(spare) {
                continue;
            }
            before(&space);
            let account = space.granted(&objects, &format!("{turn}-{less}"));
            let report = tried(&space, &world, account, &inputs).await;
            let about = format!("{turn} without {what}: {}", report.summary);
            assert_ne!(report.result, StepResult::Succeeded, "{about}");
            assert!(report.summary.contains("forbids"), "{about}");
        }
    }
    space.forget_roles();
}
