//! Objects of a backup: brought back, or a server asked whether it would take them.

use crate::{
    actions::{
        framework::World,
        kubernetes::{
            apply::{ApplyInputs, apply, conflict},
            kinds::NAMESPACES,
            located::Located,
            manifests::{Destination, Manifest, of_objects},
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

/// What that would do: each object is judged as if it were applied by itself.
pub(in crate::actions) fn brought(cluster: &str, objects: Vec<Value>) -> Result<Effects, String> {
    let manifests = of_objects(objects, nowhere(cluster))?;
    let each = manifests.iter().map(|manifest| {
        Deed::Apply(deeds::Manifest {
            object: &manifest.object,
            namespace: manifest.subject.namespace.as_deref(),
        })
    });
    Ok(deeds::of_deeds(cluster, &each.collect::<Vec<_>>()))
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
}

/// Why a server says nothing of the kind.
#[derive(Debug)]
pub(in crate::actions) enum NotAsked {
    /// It would not take it.
    Refused(String),
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
    let (subject, written) = (&manifest.subject, &manifest.object);
    let words = |error: &ClusterError| conflict::told(subject, written, error).0;
    let told = |error: ClusterError| match error {
        ClusterError::Refused { code, .. } if code != 401 && code != 429 => {
            NotAsked::Refused(words(&error))
        }
        error => NotAsked::Away(words(&error), error.retryable()),
    };
    match dry(manifest, false, world).await {
        Ok(()) => Ok(Asked::Taken),
        Err(conflict @ ClusterError::Conflict { .. }) => match dry(manifest, true, world).await {
            Ok(()) => Ok(Asked::Conflict(words(&conflict))),
            Err(error) => Err(told(error)),
        },
        Err(ClusterError::NotFound(_)) => {
            let namespace = subject.namespace.as_deref();
            let there = match namespace {
                Some(namespace) => has_namespace(cluster, namespace, world).await,
                None => Ok(true),
            };
            match there {
                Ok(false) => Ok(Asked::NoNamespace(subject.to_string())),
                Ok(true) => {
                    let why = format!("{subject}: the server does not serve its kind");
                    Err(NotAsked::Refused(why))
                }
                Err(error) => Err(told(error)),
            }
        }
        Err(error) => Err(told(error)),
    }
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
