//! Objects of a backup: brought back, or a server asked whether it would take them.

use crate::{
    actions::{
        framework::World,
        kubernetes::{
            apply::{ApplyInputs, apply, conflict, new},
            kinds::{self, NAMESPACES},
            located::Located,
            manifests::{Destination, Manifest, of_objects},
            object::text,
            refusal,
        },
    },
    commands::deeds::{self, Deed},
    domain::{effect::Effects, run::StepReport, span::Span},
    ports::{
        cluster::{Change, ClusterError, ObjectPath},
        executor::Session,
    },
};
use serde_json::Value;

/// How objects are brought back.
#[derive(Debug, Clone, Copy)]
pub(in crate::actions) struct Bringing<'a> {
    pub(in crate::actions) cluster: &'a str,
    pub(in crate::actions) force: bool,
    pub(in crate::actions) wait: Option<Span>,
}

/// Applies them as `kubernetes/apply` does: namespaces and definitions first, each noted under the manager `orderly`.
pub(in crate::actions) async fn bring(
    bringing: Bringing<'_>,
    objects: Vec<Value>,
    session: &Session,
    world: &World,
) -> StepReport {
    let inputs = ApplyInputs {
        cluster: bringing.cluster.to_owned(),
        namespace: None,
        manifest: None,
        files: Vec::new(),
        text: None,
        force: bringing.force,
        wait: bringing.wait,
        undo_on_failure: false,
    };
    match of_objects(objects, nowhere(bringing.cluster)) {
        Ok(manifests) => apply(&inputs, manifests, session, world).await,
        Err(why) => StepReport::failed(why, false),
    }
}

/// What that would do: each object is judged as if it were applied by itself. What is not there yet is something that is made.
pub(in crate::actions) async fn brought(
    cluster: &str,
    objects: Vec<Value>,
    world: &World,
) -> Result<Effects, String> {
    let manifests = of_objects(objects, nowhere(cluster))?;
    let each = manifests.iter().map(|manifest| {
        Deed::Apply(deeds::Manifest {
            object: &manifest.object,
            namespace: manifest.subject.namespace.as_deref(),
        })
    });
    let effects = deeds::of_deeds(cluster, &each.collect::<Vec<_>>());
    Ok(new::marked(effects, &manifests, world).await)
}

/// What a server says of an object that it was asked about.
#[derive(Debug)]
pub(in crate::actions) enum Asked {
    /// It would take it.
    Taken,
    /// It would take it by force only: others have changed its fields.
    Conflict(String),
    /// Its namespace is not there, so nothing can be said.
    NoNamespace(String),
    /// Its kind is not served, so nothing can be said.
    NotServed(String),
    /// What stands in the cluster is, or may be, the reason that it would not take it: the object itself as it is now, its definition, or
    /// what has taken its place.
    InTheWay(String),
}

/// Why a server says nothing of the kind.
#[derive(Debug)]
pub(in crate::actions) enum NotAsked {
    /// It would not make it, and nothing that stands in the cluster is the reason.
    Refused(String),
    /// It would not take it for what the cluster allows now, which says nothing of the object; whether asking again may help.
    Forbidden(String, bool),
    /// It could not be asked; whether asking again may help.
    Away(String, bool),
}

/// Asks by a dry run of server-side apply.
pub(in crate::actions) async fn ask(
    cluster: &str,
    object: Value,
    world: &World,
) -> Result<Asked, NotAsked> {
    let manifests = of_objects(vec![object], nowhere(cluster)).map_err(NotAsked::Refused)?;
    let [manifest] = manifests.as_slice() else {
        return Err(NotAsked::Refused("it is a list of objects".to_owned()));
    };
    let words = |error: &ClusterError| conflict::told(&manifest.subject, &manifest.object, error).0;
    let error = match dry(manifest, false, world).await {
        Ok(()) => return Ok(Asked::Taken),
        Err(conflict @ ClusterError::Conflict { .. }) => match dry(manifest, true, world).await {
            Ok(()) => return Ok(Asked::Conflict(words(&conflict))),
            Err(error) => error,
        },
        Err(error) => error,
    };
    match error {
        ClusterError::NotFound(_) => absent(manifest, world).await,
        ClusterError::Refused { code, .. } if INVALID.contains(&code) => {
            invalid(manifest, error, world).await
        }
        error => Err(refusal::told(&manifest.subject, &words(&error), &error)),
    }
}

/// How servers answer to what they do not take for an object of its kind; the last one is that of server-side apply itself.
const INVALID: [u16; 3] = [400, 422, 500];

/// Neither the object nor its place: its namespace or its kind is missing.
async fn absent(manifest: &Manifest, world: &World) -> Result<Asked, NotAsked> {
    let subject = &manifest.subject;
    let there = match &subject.namespace {
        Some(namespace) => has_namespace(&subject.cluster, namespace, world).await,
        None => Ok(true),
    };
    match there {
        Ok(false) => Ok(Asked::NoNamespace(subject.to_string())),
        Ok(true) => Ok(Asked::NotServed(format!(
            "{subject}: the server does not serve {} {}",
            manifest.api_version, manifest.kind
        ))),
        Err(error) => {
            let words = conflict::told(subject, &manifest.object, &error).0;
            Err(refusal::told(subject, &words, &error))
        }
    }
}

/// An object that is there cannot become any other, however good that one is. So only what would be made anew can be at fault itself.
async fn invalid(
    manifest: &Manifest,
    error: ClusterError,
    world: &World,
) -> Result<Asked, NotAsked> {
    let (subject, written) = (&manifest.subject, &manifest.object);
    let words = |error: &ClusterError| conflict::told(subject, written, error).0;
    if let Some(told) = refusal::of_admission(subject, &words(&error)) {
        return Err(told);
    }
    let found = match Located::written(manifest, world).await {
        Ok(located) => located.find(world).await,
        // It has another scope than its kind, which nothing that is there can cause but its definition.
        Err(ClusterError::Refused { .. }) => Ok(None),
        Err(error) => Err(error),
    };
    match found {
        Ok(Some(_)) => Ok(Asked::InTheWay(format!(
            "{}; the one that is there cannot become it",
            bare(&words(&error))
        ))),
        Ok(None) => anew(manifest, world).await,
        Err(error) => Err(refusal::told(subject, &words(&error), &error)),
    }
}

/// Asks once more about what is not there: it may have been a moment ago.
async fn anew(manifest: &Manifest, world: &World) -> Result<Asked, NotAsked> {
    let (subject, written) = (&manifest.subject, &manifest.object);
    let error = match dry(manifest, true, world).await {
        Ok(()) => return Ok(Asked::Taken),
        Err(error) => error,
    };
    let words = conflict::told(subject, written, &error).0;
    let is_invalid = matches!(&error, ClusterError::Refused { code, .. } if INVALID.contains(code));
    if !is_invalid {
        return Err(refusal::told(subject, &words, &error));
    }
    if kinds::is_defined(&manifest.api_version) {
        let why = "its definition there asks for something else";
        return Ok(Asked::InTheWay(format!("{}; {why}", bare(&words))));
    }
    if words.contains(ALLOCATED) {
        return Ok(Asked::InTheWay(words));
    }
    Err(refusal::of_admission(subject, &words).unwrap_or(NotAsked::Refused(words)))
}

/// A port or an address that another service has by now.
const ALLOCATED: &str = "already allocated";

/// Without a hint, which is for those who apply the object themselves.
fn bare(words: &str) -> &str {
    words.split("\nhint: ").next().unwrap_or(words)
}

async fn dry(manifest: &Manifest, force: bool, world: &World) -> Result<(), ClusterError> {
    let located = Located::written(manifest, world).await?;
    let object = &manifest.object;
    let change = Change::Apply { object, force };
    let path = ObjectPath {
        namespace: located.namespace.as_deref(),
        name: &located.name,
        subresource: None,
    };
    let (clusters, cluster) = (&world.clusters, &located.cluster);
    clusters
        .change(cluster, &located.resource, path, change, true)
        .await
        .map(drop)
}

/// Which of these definitions, if any, defines the kind of this object, by name.
pub(in crate::actions) fn definition_of<'a>(
    object: &Value,
    definitions: &'a [Value],
    cluster: &str,
) -> Option<&'a str> {
    let manifest = |object: &Value| {
        of_objects(vec![object.clone()], nowhere(cluster))
            .ok()?
            .pop()
    };
    let of = manifest(object)?;
    let found = definitions
        .iter()
        .find(|one| manifest(one).is_some_and(|definition| of.is_defined_by(&definition)))?;
    Some(text(found, "/metadata/name"))
}

/// Whether there is a namespace of this name.
pub(in crate::actions) async fn has_namespace(
    cluster: &str,
    name: &str,
    world: &World,
) -> Result<bool, ClusterError> {
    let resource = NAMESPACES.resource();
    match world.clusters.get(cluster, &resource, None, name).await {
        Ok(_) => Ok(true),
        Err(ClusterError::NotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

fn nowhere(cluster: &str) -> Destination<'_> {
    Destination {
        cluster,
        namespace: None,
    }
}
