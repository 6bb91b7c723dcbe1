//! A trial restore of objects: each is read, and a cluster is asked whether it would take it.

use super::lines::{Objects, kind};
use crate::{
    actions::{
        backup::{miss::Miss, tried::Tried},
        framework::{World, program::Fault},
        kubernetes::{Asked, NotAsked, ask, definition_of},
    },
    domain::span::Span,
    ports::{
        archive::Unpacked,
        executor::{LogStream, Session},
    },
};
use serde_json::Value;
use std::collections::BTreeMap;

/// So many of each are told that the cluster would not simply take.
const TOLD: u64 = 50;
/// How those are counted that the cluster would take as they are.
const TAKEN: &str = "would be taken";
/// How those are counted of which others have changed fields.
const IN_CONFLICT: &str = "in conflict";
/// How those are counted that what stands in the cluster is in the way of.
const IN_THE_WAY: &str = "unlike what is there";
/// How those are counted whose namespace is not there.
const NO_NAMESPACE: &str = "without their namespace";
/// How those are counted whose kind the cluster does not know.
const NOT_SERVED: &str = "of a kind that is not served";
/// What makes kinds.
const DEFINITION: &str = "customresourcedefinition.apiextensions.k8s.io";

/// Reads all objects and counts them by kind. With a cluster, its server is asked about each by a dry run of server-side apply: one that it
/// would not make anew is a failure; what it does not take for what stands in it, or for what is missing there, is told and counted.
pub(in crate::actions::backup) async fn trial(
    content: &dyn Unpacked,
    cluster: Option<&str>,
    session: &Session,
    world: &World,
) -> Result<Tried, Miss> {
    let began = world.clock.elapsed();
    let mut objects = Objects::of(content).await?;
    let (mut count, mut counted) = (0, BTreeMap::new());
    let mut definitions = Vec::new();
    while let Some(object) = objects.next().await? {
        count += 1;
        let kind = kind(&object);
        *counted.entry(kind.clone()).or_default() += 1;
        let Some(cluster) = cluster else { continue };
        if kind == DEFINITION {
            definitions.push(object.clone());
        }
        let asked = tokio::select! {
            biased;
            () = session.stop.cancelled() => return Err(Miss::Untried(Fault::Stopped("stopped".to_owned()))),
            asked = ask(cluster, object.clone(), world) => asked,
        };
        let asked = asked.map_err(|why| miss(cluster, why))?;
        let (word, told) = told(asked, &object, &definitions, cluster);
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
        aside: None,
    })
}

/// Whether a cluster was asked about objects, and could say of none whether it would take it.
pub(in crate::actions::backup) fn tried_none(content: &BTreeMap<String, u64>) -> bool {
    let has = |words: &[&str]| words.iter().any(|word| content.contains_key(*word));
    has(&[IN_THE_WAY, NO_NAMESPACE, NOT_SERVED]) && !has(&[TAKEN, IN_CONFLICT])
}

/// What the cluster has said of all of them.
pub(in crate::actions::backup) fn said(cluster: &str, content: &BTreeMap<String, u64>) -> String {
    let of = |word: &str| content.get(word).copied().unwrap_or(0);
    let others = [IN_CONFLICT, IN_THE_WAY, NO_NAMESPACE, NOT_SERVED];
    let others = others.into_iter().filter(|word| of(word) > 0);
    let others: Vec<String> = others.map(|word| format!("{} {word}", of(word))).collect();
    match others.as_slice() {
        [] => format!("cluster {cluster} would take each"),
        others => format!(
            "cluster {cluster} would take {}; {}, which says nothing against the backup",
            of(TAKEN),
            others.join(", ")
        ),
    }
}

/// How an object is counted, and what is told of it. A kind may be defined by what the backup itself holds: before that is restored,
/// nobody can try what it defines.
fn told(
    asked: Asked,
    object: &Value,
    definitions: &[Value],
    cluster: &str,
) -> (&'static str, String) {
    match asked {
        Asked::Taken => (TAKEN, String::new()),
        Asked::Conflict(why) => (IN_CONFLICT, why),
        Asked::NoNamespace(why) => (NO_NAMESPACE, why),
        Asked::InTheWay(why) => (IN_THE_WAY, why),
        Asked::NotServed(why) => match definition_of(object, definitions, cluster) {
            Some(name) => (
                NOT_SERVED,
                format!(
                    "{why}; its definition {name} is in this backup, so it can be tried when that is there again"
                ),
            ),
            None => (NOT_SERVED, why),
        },
    }
}

/// Only what would be made anew, and is refused for what it is, is the backup's own fault.
fn miss(cluster: &str, why: NotAsked) -> Miss {
    let untried = |words: String, retryable: bool| {
        Miss::Untried(if retryable {
            Fault::Failed(words)
        } else {
            Fault::Unfit(words)
        })
    };
    match why {
        NotAsked::Refused(why) => {
            Miss::Refused(format!("the cluster `{cluster}` would not make it: {why}"))
        }
        NotAsked::Forbidden(why, retryable) => untried(
            format!(
                "nothing is said about the backup, as the cluster `{cluster}` does not let it be tried: {why}"
            ),
            retryable,
        ),
        NotAsked::Away(why, retryable) => untried(
            format!("the cluster `{cluster}` could not be asked: {why}"),
            retryable,
        ),
    }
}
