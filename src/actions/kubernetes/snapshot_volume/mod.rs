//! `kubernetes/snapshot-volume`.

mod inputs;
mod take;

pub use inputs::{Longhorn, SnapshotInputs};

use crate::{
    actions::{
        framework::{Action, World},
        kubernetes::beforehand::seen,
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
use schemars::JsonSchema;
use serde::Serialize;

/// Takes a snapshot or a backup of a volume.
#[derive(Debug, Clone, Copy)]
pub struct SnapshotVolume;

/// What `kubernetes/snapshot-volume` leaves for later steps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotOutputs {
    /// The cluster.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// `volumesnapshot.snapshot.storage.k8s.io` or `backup.longhorn.io`.
    pub kind: String,
    /// The snapshot's or backup's name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Whether an earlier attempt of this step had made it.
    pub found: bool,
    /// How much room a volume needs to hold it, as in `10Gi`; of a Longhorn backup, its bytes.
    pub restore_size: String,
    /// The moment that the data is of (RFC 3339), as far as the storage says it.
    pub taken_at: String,
    /// When it was seen to be ready (RFC 3339).
    pub ready_at: String,
    /// The cluster's object that stands for the snapshot itself. For `claim`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Where the backup is. For `longhorn`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup_url: Option<String>,
    /// The snapshot that it was made of. For `longhorn`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
}

impl Action for SnapshotVolume {
    type Inputs = SnapshotInputs;
    type Outputs = SnapshotOutputs;
    const NAME: &'static str = "kubernetes/snapshot-volume";
    const SUMMARY: &'static str = "Takes a CSI snapshot of a claim, or a backup of a Longhorn volume, and waits until it can be restored from.";

    fn validate(&self, inputs: &SnapshotInputs) -> Result<(), String> {
        inputs.validate()
    }

    fn intend(&self, inputs: &SnapshotInputs, context: &StepContext) -> Result<Intent, String> {
        Ok(Intent {
            effects: inputs.effects(context),
            // The mark of this step says whether it was made.
            idempotent: true,
            wants_approval: None,
            pinned: crate::domain::pinned::Pinned::default(),
        })
    }

    fn foresee<'a>(
        &'a self,
        inputs: SnapshotInputs,
        context: &'a StepContext,
        world: &'a World,
        intent: Intent,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        Box::pin(async move {
            if let Some(claim) = inputs.claim() {
                seen(&claim, context, world).await?;
            }
            Ok(intent)
        })
    }

    fn rights(&self, inputs: &SnapshotInputs, _: &Effects) -> Rights {
        inputs.rights()
    }

    fn runs_dry(&self, _: Class) -> bool {
        true
    }

    /// What is to be deleted is deleted while the step stops.
    fn grace(&self, _: &SnapshotInputs) -> Span {
        Span::from_secs(20)
    }

    fn execute<'a>(
        &'a self,
        inputs: SnapshotInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            match take::take(&inputs, session, world).await {
                Ok(report) | Err(report) => report,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        actions::framework::scripted::intend,
        domain::effect::{Class, Confidence},
    };
    use serde_json::{Value, json};

    async fn effects(inputs: Value) -> Vec<String> {
        let intent = intend("kubernetes/snapshot-volume", inputs).await.unwrap();
        assert_eq!(intent.effects.class(), Class::Change);
        assert_eq!(intent.effects.confidence, Confidence::Exact);
        intent
            .effects
            .items
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[tokio::test]
    async fn what_is_made_is_named_with_the_due_time() {
        let shown = effects(json!({ "namespace": "shop", "claim": "data" })).await;
        let name = "create volumesnapshot.snapshot.storage.k8s.io data-20260314-092653-";
        assert!(shown[0].starts_with(name), "{shown:?}");
        assert_eq!(
            shown[1],
            "read persistentvolumeclaim data in namespace shop on cluster default"
        );
        let backup = json!({ "namespace": "longhorn-system", "longhorn": { "volume": "pvc-1" } });
        let shown = effects(backup.clone()).await;
        assert!(
            shown[0].starts_with("create snapshot.longhorn.io pvc-1-2026"),
            "{shown:?}"
        );
        assert!(
            shown[1].starts_with("create backup.longhorn.io pvc-1-2026"),
            "{shown:?}"
        );
        let mut of_snapshot = backup;
        of_snapshot["longhorn"]["snapshot"] = json!("snap-1");
        assert_eq!(effects(of_snapshot).await.len(), 1);
    }

    #[tokio::test]
    async fn inputs_that_make_no_sense_are_refused() {
        for (inputs, words) in [
            (json!({ "namespace": "a" }), "exactly one of"),
            (json!({ "namespace": "a", "claim": "B" }), "at `claim`"),
            (
                json!({ "namespace": "a", "class": "fast", "longhorn": { "volume": "v" } }),
                "goes with `claim`",
            ),
        ] {
            let error = intend("kubernetes/snapshot-volume", inputs)
                .await
                .unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
