//! A restore of a volume by content: `tar` writes into a container, over what is there.

use super::tar;
use crate::{
    actions::{
        framework::{World, said::Said},
        kubernetes::{FilesOf, InPod, Mounting, Reached, Use, and_said, default_cluster},
    },
    domain::{effect::Effects, right::Rights, run::StepReport},
    ports::{
        archive::Unpacked,
        executor::{Session, StepContext},
    },
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::fmt;

/// Where a tar is unpacked. Exactly one of `mount` and `pod` is given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VolumeRestore {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// A pod is made that mounts the claim, and deleted afterwards.
    #[serde(default)]
    pub mount: Option<Mounting>,
    /// A container that is there and has the folder. It needs `sh`, `head` and `tar`.
    #[serde(default)]
    pub pod: Option<InPod>,
}

/// A node need not pass on the end of what a program is fed, so the program is told how much comes.
const UNTAR: &str = r#"head -c "$1" | tar -C "$2" -xpf -"#;

impl VolumeRestore {
    fn files(&self) -> FilesOf<'_> {
        FilesOf {
            cluster: &self.cluster,
            namespace: &self.namespace,
            mount: self.mount.as_ref(),
            pod: self.pod.as_ref(),
            used: Use::Write,
        }
    }

    /// What the types cannot say.
    pub(in crate::actions::backup) fn validate(&self) -> Result<(), String> {
        self.files().validate()
    }

    /// What a restore does: destructive, because what is there is written over.
    pub(in crate::actions::backup) fn effects(
        &self,
        context: &StepContext,
    ) -> Result<Effects, String> {
        self.files().effects(context)
    }

    /// Whether planning shows that it can only fail.
    pub(in crate::actions::backup) async fn foresee(
        &self,
        context: &StepContext,
        world: &World,
    ) -> Result<(), String> {
        self.files().foresee(context, world).await
    }

    /// What a restore must be allowed.
    pub(in crate::actions::backup) fn rights(&self) -> Rights {
        self.files().rights()
    }
}

impl fmt::Display for VolumeRestore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let namespace = &self.namespace;
        match (&self.mount, &self.pod) {
            (Some(mount), _) => write!(f, "the claim {namespace}/{}", mount.claim),
            (None, Some(pod)) => write!(f, "{} of a pod in namespace {namespace}", pod.path),
            (None, None) => write!(f, "nowhere"),
        }
    }
}

/// Unpacks a tar over what is in the folder; what is only there stays. `content` is the tar's bytes, unpacked as
/// [`crate::ports::archive::Form::Stream`].
pub(in crate::actions::backup) async fn restore_volume(
    content: &dyn Unpacked,
    to: &VolumeRestore,
    session: &Session,
    world: &World,
) -> StepReport {
    if session.context.dry_run {
        return StepReport::succeeded("would write over what is in the volume", Value::Null);
    }
    let reached = match to.files().open(session, world).await {
        Ok(reached) => reached,
        Err(report) => return report,
    };
    let report = match write(content, &reached, session, world).await {
        Ok(report) => report,
        Err(report) => {
            let more = format!("what was written until then stays in {}", reached.path);
            and_said(report, &more)
        }
    };
    reached.close(report, world).await
}

async fn write(
    content: &dyn Unpacked,
    reached: &Reached,
    session: &Session,
    world: &World,
) -> Result<StepReport, StepReport> {
    let found = &content.inspection().content;
    let bytes = found.get("bytes").copied().unwrap_or(0);
    let file = content.open().await;
    let mut file = file.map_err(|why| StepReport::failed(why, true))?;
    let size = bytes.to_string();
    let argv = ["sh", "-c", UNTAR, "sh", &size, &reached.path].map(str::to_owned);
    let mut printed = Said::unheard();
    tar::run(
        &argv,
        Some(&mut *file),
        &mut printed,
        reached,
        session,
        world,
    )
    .await?;
    let summary = format!(
        "{bytes} bytes of tar unpacked into {} of pod {}",
        reached.path, reached.pod
    );
    Ok(StepReport::succeeded(summary, Value::Null))
}
