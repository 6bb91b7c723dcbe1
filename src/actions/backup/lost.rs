//! Whether an artifact that is not where it was kept is lost, or is looked for in another place than the one it was kept in.
//!
//! The archive has asked the store already, and the store has something in the artifact's folder. Only the history knows whether that is
//! this agent's: of hosts that share runbooks and a bucket, each finds the others' under a prefix that is not its own.

use crate::{
    actions::{backup::Found, framework::World},
    domain::{artifact::Location, name::ArtifactName},
    ports::{
        archive::{ArchiveError, GONE},
        shelf::Known,
    },
};

/// So many others of its series are looked for.
const LOOKED_FOR: usize = 20;

/// What came of reading an artifact. A loss is the artifact's fault only where another of its series is in the same store, if the history
/// knows one there; or else it is a fault of the store, or of how it is named.
pub(super) async fn settled<T>(
    result: Result<T, ArchiveError>,
    of: &Found,
    world: &World,
) -> Result<T, ArchiveError> {
    match result {
        Err(error) if error.is_loss() => match doubt(of, world).await {
            None => Err(error),
            Some(reason) => Err(ArchiveError::Failed {
                doing: format!("looking for {}", of.location),
                reason,
            }),
        },
        other => other,
    }
}

/// Whether the history has this artifact as one that is not there.
pub(super) fn is_recorded(known: &Known) -> bool {
    known.unsound.as_ref().is_some_and(|why| why.contains(GONE))
}

/// Why the store is not believed.
async fn doubt(of: &Found, world: &World) -> Option<String> {
    let (Location::Object { store, .. }, Some(known)) = (&of.location, &of.known) else {
        return None;
    };
    let name = ArtifactName::new(&known.name).ok()?;
    let series = match world.shelf.series(&known.runbook, &name).await {
        Ok(series) => series,
        Err(why) => return Some(why),
    };
    let in_store = |other: &Known| match &other.location {
        Location::Object { store: there, .. } => there == store,
        Location::File(_) => false,
    };
    let others = series.into_iter();
    let mut others: Vec<Known> = others
        .filter(|other| other.id != known.id && in_store(other))
        .collect();
    others.sort_by_key(is_recorded);
    others.truncate(LOOKED_FOR);
    if others.is_empty() {
        return None;
    }
    for other in &others {
        match world.archive.size(&other.location).await {
            Ok(Some(_)) => return None,
            Ok(None) => {}
            Err(error) => return Some(error.to_string()),
        }
    }
    Some(format!(
        "{GONE}, and none of {} others of `{name}` that the history knows in store {store} is, so nothing is concluded\nhint: see that `bucket` and `prefix` of the store are those that they were kept with, and whether somebody removed all of them",
        others.len()
    ))
}
