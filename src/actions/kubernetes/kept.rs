//! Artifacts that steps stream what comes from a cluster into.

use crate::{
    actions::{
        backup::{Artifact, ArtifactKind, Keep, report_error},
        framework::{World, size::Size},
    },
    domain::{name::ArtifactName, run::StepReport},
    ports::{
        archive::{StreamOf, Writing},
        executor::Session,
    },
};

/// How many bytes an artifact may hold where its step does not say: a program that never ends must not fill the disk.
const MOST: u64 = 100 << 30;

/// An artifact that is being written.
pub(super) struct Kept {
    kind: ArtifactKind,
    name: ArtifactName,
    pub(super) writing: Box<dyn Writing>,
}

impl Kept {
    /// Begins it.
    pub(super) async fn begin(
        kind: ArtifactKind,
        name: &ArtifactName,
        extension: &str,
        most: Option<Size>,
        session: &Session,
        world: &World,
    ) -> Result<Self, StepReport> {
        let label = Keep::default()
            .label(name, false, &session.context, world)
            .await;
        let of = StreamOf {
            label: &label,
            what: "what a container printed",
            extension,
            most: most.map_or(MOST, |size| size.0),
        };
        let begun = world.archive.stream(of, session.stop.clone()).await;
        Ok(Self {
            kind,
            name: name.clone(),
            writing: begun.map_err(|error| report_error(&error))?,
        })
    }

    /// Why it takes no more, if that is so.
    pub(super) fn fault(&self) -> Option<StepReport> {
        self.writing.fault().map(|fault| report_error(&fault))
    }

    /// Makes an artifact of it.
    pub(super) async fn finish(self) -> Result<Artifact, StepReport> {
        let stored = self.writing.finish().await;
        let stored = stored.map_err(|error| report_error(&error))?;
        Ok(Artifact::of(self.kind, &self.name, &stored))
    }

    /// Removes what was written.
    pub(super) async fn discard(self) {
        self.writing.discard().await;
    }
}

/// What stands in a file name before `.zst`.
pub(super) fn check_extension(extension: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let part = |part: &str| (1..=16).contains(&part.len()) && part.chars().all(fits);
    if extension.split('.').count() <= 2 && extension.split('.').all(part) {
        return Ok(());
    }
    Err(format!(
        "in `with`, at `extension`: `{extension}` is no ending of a file name\nhint: write lower-case letters and digits, as in `dump` or `sql`"
    ))
}

/// The end of a summary.
pub(super) fn words(artifact: &Artifact) -> String {
    format!(
        "{} bytes in {}, of {} bytes",
        artifact.size, artifact.path, artifact.raw_size
    )
}

#[cfg(test)]
mod tests {
    use super::check_extension;

    #[test]
    fn an_ending_leads_nowhere_else() {
        for good in ["dump", "sql", "tar.gz"] {
            assert_eq!(check_extension(good), Ok(()));
        }
        for bad in ["", "a/b", "..", "A", "a.b.c", ".x", "a b"] {
            assert!(check_extension(bad).is_err(), "{bad}");
        }
    }
}
