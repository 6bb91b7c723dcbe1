//! Artifacts that no record speaks of: the agent was killed, or the step ran out of time, between an artifact's name and its record.
//!
//! Such a step did not succeed, and its backup is made once more. What it left is in no list and no rule would ever prune it, so it is
//! removed once its run has ended. Where the history does not know the run, an older one was put back: then nothing is touched.

use crate::{
    domain::audit::Entry,
    flow::world::World,
    history::{ArtifactFilter, HistoryError, Write},
    ports::archive::{Archive, Fresh},
};
use serde_json::json;

/// What becomes of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The history knows it.
    Known,
    /// Its run goes on.
    Waits,
    /// The history knows nothing of its run.
    Strange,
    /// It is removed.
    Goes,
}

/// Looks at all that got their names since the history was last seen to know them. What cannot be done is said, and done at the next look.
pub async fn sweep(world: &World, archive: &dyn Archive) {
    match archive.fresh().await {
        Ok(fresh) => {
            for one in fresh {
                if let Err(why) = settle(world, archive, &one).await {
                    tracing::warn!(path = %one.location, run = %one.run, "{why}");
                }
            }
        }
        Err(why) => tracing::warn!("{why}"),
    }
}

async fn settle(world: &World, archive: &dyn Archive, fresh: &Fresh) -> Result<(), String> {
    match fate(world, fresh)
        .await
        .map_err(|error| error.to_string())?
    {
        Fate::Waits => return Ok(()),
        Fate::Strange => {
            return Err(
                "this artifact is in no list, and the history does not know its run: it is left where it is\nhint: where it is of no use, remove it, and its note below `fresh/` in the state folder"
                    .to_owned(),
            );
        }
        Fate::Goes => remove(world, archive, fresh).await?,
        Fate::Known => {}
    }
    archive.settle(fresh).await;
    Ok(())
}

async fn fate(world: &World, fresh: &Fresh) -> Result<Fate, HistoryError> {
    let filter = ArtifactFilter {
        path: Some(fresh.location.to_string()),
        removed: true,
        limit: 1,
        ..ArtifactFilter::default()
    };
    // The run first: its artifacts are recorded before its end is.
    let run = world.history.run(fresh.run).await?;
    if !world.history.artifacts(filter).await?.is_empty() {
        return Ok(Fate::Known);
    }
    Ok(match run {
        None => Fate::Strange,
        Some(run) if run.ended_at.is_none() => Fate::Waits,
        Some(_) => Fate::Goes,
    })
}

async fn remove(world: &World, archive: &dyn Archive, fresh: &Fresh) -> Result<(), String> {
    let size = archive.size(&fresh.location).await;
    let Some(size) = size.map_err(|error| error.to_string())? else {
        return Ok(());
    };
    let resource = format!("run/{}", fresh.run);
    let about = json!({"path": fresh.location.to_string(), "size": size});
    let entry = Entry::new(world.now(), "system", "artifact.unrecorded", resource).with(about);
    let writes = vec![Write::Audit(entry)];
    let written = world.write("the removal of an artifact", writes).await;
    written.map_err(|error| error.to_string())?;
    let removed = archive.remove(&fresh.location).await;
    removed.map_err(|error| error.to_string())?;
    world
        .events
        .artifact_unrecorded(&fresh.location.to_string(), fresh.run);
    Ok(())
}
