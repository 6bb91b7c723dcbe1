//! A trial restore of objects: each is read, and a cluster is asked whether it would take it.

use super::lines::{Objects, kind};
use crate::{
    actions::{
        backup::{miss::Miss, tried::Tried},
        framework::{World, program::Fault},
        kubernetes::{Asked, NotAsked, ask},
    },
    domain::span::Span,
    ports::{
        archive::Unpacked,
        executor::{LogStream, Session},
    },
};
use std::collections::BTreeMap;

/// So many conflicts and missing namespaces are told.
const TOLD: u64 = 50;

/// Reads all objects and counts them by kind. With a cluster, its server is asked about each by a dry run of server-side apply: one that it
/// refuses is a failure; a field that has changed since, or a namespace that is not there, is told and counted.
pub(in crate::actions::backup) async fn trial(
    content: &dyn Unpacked,
    cluster: Option<&str>,
    session: &Session,
    world: &World,
) -> Result<Tried, Miss> {
    let began = world.clock.elapsed();
    let mut objects = Objects::of(content).await?;
    let (mut count, mut counted) = (0, BTreeMap::new());
    while let Some(object) = objects.next().await? {
        count += 1;
        *counted.entry(kind(&object)).or_default() += 1;
        let Some(cluster) = cluster else { continue };
        let asked = tokio::select! {
            biased;
            () = session.stop.cancelled() => return Err(Miss::Untried(Fault::Stopped("stopped".to_owned()))),
            asked = ask(cluster, object, world) => asked,
        };
        let (word, told) = match asked {
            Ok(Asked::Taken) => ("would be taken", String::new()),
            Ok(Asked::Conflict(why)) => ("in conflict", why),
            Ok(Asked::NoNamespace(why)) => ("without their namespace", why),
            Err(NotAsked::Refused(why)) => {
                let words = format!("the cluster `{cluster}` would not take it: {why}");
                return Err(Miss::Unsound(words));
            }
            Err(NotAsked::Away(why, retryable)) => {
                let words = format!("the cluster `{cluster}` could not be asked: {why}");
                return Err(Miss::Untried(if retryable {
                    Fault::Failed(words)
                } else {
                    Fault::Unfit(words)
                }));
            }
        };
        let so_far: &mut u64 = counted.entry(word.to_owned()).or_default();
        *so_far += 1;
        if !told.is_empty() && *so_far <= TOLD {
            let note = format!("{word}: {told}\n");
            session.log.append(LogStream::Note, note.as_bytes());
        }
    }
    let took = world.clock.elapsed().saturating_sub(began);
    let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    Ok(Tried {
        entries: count,
        content: counted,
        took: Span::from_millis(took),
    })
}
