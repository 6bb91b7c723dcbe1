//! What a restore of a release is: its values are written to a file, and the step says how helm makes the release again. It applies
//! nothing, because the chart is not in the backup.

use super::trial::Kept;
use crate::{
    actions::{
        backup::miss::Miss,
        framework::outputs,
        helm::WholeRelease,
        kubernetes::{check_folder, check_name},
    },
    domain::run::StepReport,
    ports::archive::Unpacked,
};
use serde::Serialize;
use std::path::Path;

/// Which release, and where its values go.
#[derive(Debug, Clone)]
pub(in crate::actions::backup) struct HelmRestore {
    /// The release; may be left out where the backup holds a single one.
    pub(in crate::actions::backup) release: Option<String>,
    /// A new folder of the host for `values.yaml` and `manifest.yaml`, which only the agent may read. They hold secrets.
    pub(in crate::actions::backup) folder: String,
}

/// What a restore of a release leaves for later steps.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HelmRestored {
    /// The release.
    release: String,
    /// Its namespace.
    namespace: String,
    /// Its chart, as `name-version`.
    chart: String,
    /// The revision that was kept.
    revision: u32,
    /// The file of its values.
    values: String,
    /// The file of what it was rendered to.
    manifest: String,
    /// How helm makes it again, once the chart is at hand.
    command: String,
}

impl HelmRestore {
    /// What the types cannot say.
    pub(in crate::actions::backup) fn validate(&self) -> Result<(), String> {
        check_folder("folder", &self.folder)?;
        let release = self.release.as_deref();
        release.map_or(Ok(()), |release| check_name("release", release))
    }

    async fn chosen(&self, content: &dyn Unpacked) -> Result<WholeRelease, StepReport> {
        let mut kept = Kept::of(content).await.map_err(Miss::report)?;
        let (mut found, mut names) = (None, Vec::new());
        while let Some(release) = kept.next().await.map_err(Miss::report)? {
            names.push(release.name.clone());
            let wanted = self.release.as_deref();
            if wanted.is_none_or(|wanted| wanted == release.name) {
                found = Some(release);
            }
        }
        let several = self.release.is_none() && names.len() > 1;
        found.filter(|_| !several).ok_or_else(|| {
            let words = format!(
                "which release is not clear\nhint: name one with `release`: the backup holds {}",
                names.join(", ")
            );
            StepReport::failed(words, false)
        })
    }
}

/// Writes the values and the manifest of a release to files, and says how to make it again. It applies nothing.
pub(in crate::actions::backup) async fn restore_release(
    content: &dyn Unpacked,
    to: &HelmRestore,
) -> StepReport {
    match restore(content, to).await {
        Ok(report) | Err(report) => report,
    }
}

async fn restore(content: &dyn Unpacked, to: &HelmRestore) -> Result<StepReport, StepReport> {
    let release = to.chosen(content).await?;
    let folder = Path::new(&to.folder);
    let failed = |error: std::io::Error| {
        let words = format!(
            "writing to {}: {error}\nhint: name a folder that is not there yet, where the agent may write",
            folder.display()
        );
        StepReport::failed(words, false)
    };
    let mut builder = tokio::fs::DirBuilder::new();
    match builder.mode(0o700).create(folder).await {
        // An empty one, as was looked at; no file in it is written over.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        made => made.map_err(failed)?,
    }
    let (values, manifest) = (folder.join("values.yaml"), folder.join("manifest.yaml"));
    // JSON is YAML.
    let text = format!("{:#}\n", release.values);
    write(&values, &text).await.map_err(failed)?;
    write(&manifest, &release.manifest).await.map_err(failed)?;
    let command = format!(
        "helm upgrade --install {} <chart {}> --namespace {} --values {}",
        release.name,
        release.chart,
        release.namespace,
        values.display()
    );
    let left = HelmRestored {
        release: release.name,
        namespace: release.namespace,
        chart: release.chart,
        revision: release.revision,
        values: values.display().to_string(),
        manifest: manifest.display().to_string(),
        command,
    };
    let summary = format!(
        "nothing was applied; the values of release {}/{} at revision {} are in {}. Make it again by: {}",
        left.namespace, left.release, left.revision, left.values, left.command
    );
    Ok(StepReport::succeeded(summary, outputs(&left)))
}

/// Only the agent may read it.
async fn write(path: &Path, text: &str) -> std::io::Result<()> {
    use tokio::io::AsyncWriteExt as _;
    let mut options = tokio::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .await?;
    file.write_all(text.as_bytes()).await?;
    file.sync_all().await
}
