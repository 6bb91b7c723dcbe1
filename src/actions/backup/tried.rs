//! Trial restores by the programs of an artifact's kind.

use super::{
    ArtifactKind, etcd, helm, kubernetes,
    miss::Miss,
    postgres::{self, Trial},
};
use crate::{
    actions::framework::World,
    domain::span::Span,
    ports::{
        archive::{Inspection, Unpacked},
        executor::Session,
    },
};
use std::collections::BTreeMap;

/// What such a trial has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tried {
    /// Entries of a dump, keys of an etcd, objects, releases.
    pub(super) entries: u64,
    /// What was counted, by name.
    pub(super) content: BTreeMap<String, u64>,
    /// How long that took, after it was unpacked.
    pub(super) took: Span,
    /// What people should know beside it, and what is nothing against the artifact.
    pub(super) aside: Option<String>,
}

/// Tries what was unpacked, and tells what people should know beside it; of a kind that has no programs of its own, unpacking is all. `cluster` is asked about objects.
pub(super) async fn tried(
    kind: ArtifactKind,
    content: &dyn Unpacked,
    asked: &Trial<'_>,
    cluster: Option<&str>,
    session: &Session,
    world: &World,
) -> Result<(Inspection, Option<String>), Miss> {
    let unpacked = content.inspection().clone();
    let tried = match kind {
        ArtifactKind::Postgres => postgres::trial(content, asked, session, world).await?,
        ArtifactKind::Etcd => etcd::trial(content, session, world).await?,
        ArtifactKind::Kubernetes => kubernetes::trial(content, cluster, session, world).await?,
        ArtifactKind::Helm => helm::trial(content, world).await?,
        ArtifactKind::Files
        | ArtifactKind::Sqlite
        | ArtifactKind::Stream
        | ArtifactKind::Logs
        | ArtifactKind::Volume => return Ok((unpacked, None)),
    };
    let found = Inspection {
        entries: tried.entries,
        content: tried.content,
        took: Span::from_millis(unpacked.took.millis() + tried.took.millis()),
        ..unpacked
    };
    Ok((found, tried.aside))
}
