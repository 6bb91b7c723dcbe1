//! What `backup/volume` is told.

use crate::{
    actions::{
        backup::Keep,
        framework::{Action as _, size::Size},
        kubernetes::{
            FilesOf, InPod, Longhorn, Mounting, SnapshotInputs, SnapshotVolume, Use,
            default_cluster,
        },
    },
    domain::{name::ArtifactName, span::Span},
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What `backup/volume` is told. Exactly one of `mount`, `pod`, `snapshot` and `longhorn` is given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VolumeInputs {
    /// The name of the backup: the first part of the artifact's file name, or of the snapshot's name.
    #[schemars(
        with = "String",
        regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
    )]
    pub name: ArtifactName,
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    pub cluster: String,
    /// The claim's namespace; for `longhorn` the one that Longhorn runs in.
    pub namespace: String,
    /// By content: a pod is made that mounts the claim read-only, and `tar` runs in it. It is deleted afterwards.
    #[serde(default)]
    pub mount: Option<Mounting>,
    /// By content: `tar` runs in a container that is there and has the folder.
    #[serde(default)]
    pub pod: Option<InPod>,
    /// A snapshot by the claim's CSI driver. The cluster keeps it, and nobody looks into it: there is no artifact to verify.
    #[serde(default)]
    pub snapshot: Option<Snapshot>,
    /// A backup by Longhorn, to its backup target. Longhorn keeps it, and nobody looks into it: there is no artifact to verify.
    #[serde(default)]
    pub longhorn: Option<Longhorn>,
    /// Labels of the snapshot or Longhorn backup.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// How long to wait until a snapshot or Longhorn backup can be restored from; 10 minutes where it is not said.
    #[serde(default)]
    pub wait: Option<Span>,
    /// How many bytes an artifact may hold before compression, as in `20GiB`; 100 GiB where it is not said.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub at_most: Option<Size>,
    /// How an artifact is kept.
    #[serde(default)]
    pub keep: Option<Keep>,
}

/// A snapshot of a claim.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Snapshot {
    /// The claim.
    pub claim: String,
    /// The class of the snapshot; the cluster's default one where it is not said.
    #[serde(default)]
    pub class: Option<String>,
}

/// How it is kept.
pub(super) enum How<'a> {
    /// By the cluster.
    Snapshot(Box<SnapshotInputs>),
    /// By the agent.
    Files(FilesOf<'a>),
}

impl VolumeInputs {
    pub(super) fn validate(&self) -> Result<(), String> {
        match self.how()? {
            How::Snapshot(_) if self.keep.is_some() || self.at_most.is_some() => Err(
                "in `with`, at `keep`: of a snapshot there is no artifact to keep\nhint: leave `keep` and `atMost` out".to_owned(),
            ),
            How::Snapshot(snapshot) => SnapshotVolume.validate(&snapshot),
            How::Files(_) if self.wait.is_some() || !self.labels.is_empty() => Err(
                "in `with`: `wait` and `labels` are of snapshots\nhint: for the pod that is made, write `mount.wait`".to_owned(),
            ),
            How::Files(files) => {
                files.validate()?;
                self.keep.clone().unwrap_or_default().check(None)
            }
        }
    }

    pub(super) fn how(&self) -> Result<How<'_>, String> {
        let given = [
            self.mount.is_some(),
            self.pod.is_some(),
            self.snapshot.is_some(),
            self.longhorn.is_some(),
        ];
        if given.iter().filter(|given| **given).count() != 1 {
            return Err(
                "in `with`: give exactly one of `mount`, `pod`, `snapshot`, `longhorn`".to_owned(),
            );
        }
        if self.mount.is_some() || self.pod.is_some() {
            return Ok(How::Files(FilesOf {
                cluster: &self.cluster,
                namespace: &self.namespace,
                mount: self.mount.as_ref(),
                pod: self.pod.as_ref(),
                used: Use::Read,
            }));
        }
        let snapshot = self.snapshot.as_ref();
        Ok(How::Snapshot(Box::new(SnapshotInputs {
            cluster: self.cluster.clone(),
            namespace: self.namespace.clone(),
            name: Some(self.name.to_string()),
            claim: snapshot.map(|snapshot| snapshot.claim.clone()),
            class: snapshot.and_then(|snapshot| snapshot.class.clone()),
            longhorn: self.longhorn.clone(),
            labels: self.labels.clone(),
            wait: self.wait.unwrap_or_else(|| Span::from_secs(600)),
            undo_on_failure: true,
        })))
    }
}
