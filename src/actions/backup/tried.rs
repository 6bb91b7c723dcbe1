//! A trial restore whose content is looked into here, rather than by the archive alone.

use crate::{
    actions::{
        backup::{ArtifactKind, helm, kubernetes, report_error},
        framework::World,
    },
    domain::{artifact::Location, run::StepReport, span::Span},
    ports::{
        archive::{ArchiveError, Expected, Inspection},
        executor::Session,
    },
};
use std::collections::BTreeMap;

/// Why a trial restore came to nothing.
#[derive(Debug)]
pub(super) enum Vain {
    /// The artifact is not to be relied on.
    Unsound(String),
    /// It could not be tried: nothing is said of the artifact.
    Untried(StepReport),
}

/// What was found: entries, and counts by name.
pub(super) type Found = (u64, BTreeMap<String, u64>);

/// An artifact, and the cluster that is asked about its objects.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tried<'a> {
    pub(super) kind: ArtifactKind,
    pub(super) location: &'a Location,
    pub(super) expected: Expected,
    pub(super) cluster: Option<&'a str>,
}

impl Tried<'_> {
    /// Restores it into the scratch space and looks at what came out.
    pub(super) async fn look(self, session: &Session, world: &World) -> Result<Inspection, Vain> {
        let began = world.clock.elapsed();
        let (form, stop) = (self.kind.form(), session.stop.clone());
        let archive = &world.archive;
        let found = match self.kind {
            ArtifactKind::Kubernetes | ArtifactKind::Helm => {
                let unpacked = archive.unpack(form, self.location, self.expected, stop);
                let unpacked = unpacked.await.map_err(|error| Vain::of(&error))?;
                let (entries, content) = if self.kind == ArtifactKind::Helm {
                    helm::trial(&*unpacked).await?
                } else {
                    kubernetes::trial(&*unpacked, self.cluster, session, world).await?
                };
                Inspection {
                    entries,
                    content,
                    ..unpacked.inspection().clone()
                }
            }
            ArtifactKind::Files
            | ArtifactKind::Sqlite
            | ArtifactKind::Stream
            | ArtifactKind::Logs
            | ArtifactKind::Volume => {
                let looked = archive.inspect(form, self.location, self.expected, stop);
                looked.await.map_err(|error| Vain::of(&error))?
            }
        };
        let took = world.clock.elapsed().saturating_sub(began);
        let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Ok(Inspection {
            took: Span::from_millis(took),
            ..found
        })
    }
}

impl Vain {
    fn of(error: &ArchiveError) -> Self {
        match error {
            ArchiveError::Damaged { .. } => Self::Unsound(error.to_string()),
            ArchiveError::Stopped(_)
            | ArchiveError::Unfit { .. }
            | ArchiveError::Failed { .. }
            | ArchiveError::TooLarge { .. }
            | ArchiveError::Unreadable { .. } => Self::Untried(report_error(error)),
        }
    }

    /// A step that ends so.
    pub(super) fn report(self) -> StepReport {
        match self {
            Self::Unsound(why) => StepReport::failed(why, false),
            Self::Untried(report) => report,
        }
    }
}
