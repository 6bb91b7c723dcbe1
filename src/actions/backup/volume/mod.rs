//! `backup/volume`: what a volume holds, as a snapshot that the cluster keeps, or by content as a tar that the agent keeps.

mod inputs;
mod make;
mod restore;
mod tar;

pub use restore::VolumeRestore;
pub(super) use restore::restore_volume;

use crate::{
    actions::{
        backup::{Artifact, made},
        framework::{Action, World},
        kubernetes::{SnapshotOutputs, SnapshotVolume},
    },
    domain::{
        effect::{Class, Effects},
        right::Rights,
        run::StepReport,
        span::Span,
    },
    ports::{
        BoxFuture,
        executor::{Intent, Session, StepContext},
    },
};
use inputs::{How, VolumeInputs};
use schemars::JsonSchema;
use serde::Serialize;

/// Keeps what a volume holds.
#[derive(Debug, Clone, Copy)]
pub struct BackupVolume;

/// What `backup/volume` leaves for later steps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VolumeOutputs {
    /// The artifact, of a backup by content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Artifact>,
    /// What the cluster keeps, of a snapshot. The agent keeps nothing then: no artifact is recorded, verified or pruned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotOutputs>,
}

/// How long a step may take to delete the pod that it has made.
const TIME_TO_CLEAN: u64 = 20;

impl Action for BackupVolume {
    type Inputs = VolumeInputs;
    type Outputs = VolumeOutputs;
    const NAME: &'static str = "backup/volume";
    const SUMMARY: &'static str = "Keeps what a volume holds: by a snapshot or a Longhorn backup in the cluster, or by content as a compressed, checksummed tar.";

    fn validate(&self, inputs: &VolumeInputs) -> Result<(), String> {
        inputs.validate()
    }

    fn intend(&self, inputs: &VolumeInputs, context: &StepContext) -> Result<Intent, String> {
        let effects = match inputs.how()? {
            How::Snapshot(snapshot) => SnapshotVolume.intend(&snapshot, context)?.effects,
            How::Files(files) => {
                let mut effects = files.effects(context)?;
                effects.items.insert(0, made(&inputs.name));
                effects
            }
        };
        Ok(Intent {
            effects,
            // What was cut off leaves nothing, and what was made bears the mark of the step.
            idempotent: true,
            wants_approval: None,
            pinned: crate::domain::pinned::Pinned::default(),
        })
    }

    fn foresee<'a>(
        &'a self,
        inputs: VolumeInputs,
        context: &'a StepContext,
        world: &'a World,
        intent: Intent,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        Box::pin(async move {
            match inputs.how()? {
                How::Snapshot(snapshot) => {
                    let foreseen = SnapshotVolume.foresee(*snapshot, context, world, intent);
                    foreseen.await
                }
                How::Files(files) => files.foresee(context, world).await.map(|()| intent),
            }
        })
    }

    fn rights(&self, inputs: &VolumeInputs, effects: &Effects) -> Rights {
        match inputs.how() {
            Ok(How::Snapshot(snapshot)) => SnapshotVolume.rights(&snapshot, effects),
            Ok(How::Files(files)) => files.rights(),
            Err(_) => Rights::default(),
        }
    }

    fn runs_dry(&self, _: Class) -> bool {
        true
    }

    fn grace(&self, _: &VolumeInputs) -> Span {
        Span::from_secs(TIME_TO_CLEAN)
    }

    fn seals(&self, inputs: &VolumeInputs) -> bool {
        inputs.keep.as_ref().is_some_and(|keep| keep.seals(false))
    }

    fn execute<'a>(
        &'a self,
        inputs: VolumeInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            match inputs.how() {
                Ok(How::Snapshot(snapshot)) => make::snapshot(*snapshot, session, world).await,
                Ok(How::Files(_)) if session.context.dry_run => {
                    StepReport::succeeded("would keep it as a tar", serde_json::Value::Null)
                }
                Ok(How::Files(files)) => {
                    match make::content(&inputs, files, session, world).await {
                        Ok(report) | Err(report) => report,
                    }
                }
                Err(why) => StepReport::failed(why, false),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{actions::framework::scripted::intend, domain::effect::Class};
    use serde_json::{Value, json};

    async fn shown(mut inputs: Value) -> Vec<String> {
        inputs["name"] = json!("data");
        inputs["namespace"] = json!("shop");
        let intent = intend("backup/volume", inputs).await.unwrap();
        assert_eq!(
            intent.effects.class(),
            Class::Change,
            "{:?}",
            intent.effects
        );
        let shown = intent.effects.items.iter().map(ToString::to_string);
        shown.collect()
    }

    #[tokio::test]
    async fn each_way_says_what_it_makes_and_where_it_runs() {
        let lines = shown(json!({ "pod": { "pod": "db-0", "path": "/data" } })).await;
        assert_eq!(
            lines,
            [
                "create artifact data of the agent",
                "exec pod db-0 in namespace shop on cluster default"
            ]
        );
        let lines = shown(json!({ "mount": { "claim": "data", "image": "tools:1" } })).await;
        let all = lines.join("\n");
        for words in [
            "create artifact data",
            "create pod data-",
            "read persistentvolumeclaim data in namespace shop",
            "exec pod data-",
        ] {
            assert!(all.contains(words), "{words}: {all}");
        }
        let lines = shown(json!({ "snapshot": { "claim": "data" } })).await;
        assert!(lines[0].starts_with("create volumesnapshot"), "{lines:?}");
    }

    #[tokio::test]
    async fn inputs_that_make_no_sense_are_refused() {
        let pod = json!({ "pod": "a", "path": "/data" });
        for (mut inputs, words) in [
            (json!({}), "exactly one of"),
            (
                json!({ "pod": pod, "snapshot": { "claim": "a" } }),
                "exactly one of",
            ),
            (
                json!({ "mount": { "claim": "a", "image": "tools" } }),
                "at `mount.image`",
            ),
            (
                json!({ "pod": { "pod": "a", "path": "data" } }),
                "at `pod.path`",
            ),
            (
                json!({ "snapshot": { "claim": "a" }, "keep": { "encrypt": true } }),
                "at `keep`",
            ),
        ] {
            inputs["name"] = json!("data");
            inputs["namespace"] = json!("shop");
            let error = intend("backup/volume", inputs.clone()).await.unwrap_err();
            assert!(error.contains(words), "{inputs}: {error}");
        }
    }
}
