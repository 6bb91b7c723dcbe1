//! One object of any kind, with what its server calls its kind: what is asked for and changed.

use crate::{
    actions::{
        framework::World,
        kubernetes::{kinds, manifests::Manifest, subject::Subject},
    },
    ports::cluster::{Change, ClusterError, ObjectPath, Resource, Sort},
};
use serde_json::Value;
use std::fmt;

/// An object in its place on its server.
#[derive(Debug, Clone)]
pub(super) struct Located {
    pub(super) cluster: String,
    /// As effects name it: `deployment.apps`.
    pub(super) kind: String,
    pub(super) resource: Resource,
    /// None for what belongs to none.
    pub(super) namespace: Option<String>,
    pub(super) name: String,
}

impl Located {
    /// Asks the server what it calls the kind, unless that is known, and whether it takes a namespace.
    pub(super) async fn new(subject: &Subject, world: &World) -> Result<Self, ClusterError> {
        let (clusters, cluster) = (&*world.clusters, subject.cluster.as_str());
        let resource = kinds::resource(clusters, cluster, &subject.kind).await?;
        Self::at(subject.clone(), resource)
    }

    /// The same for an object that is written: its version is what it says. A step's namespace is not for what belongs to none.
    pub(super) async fn written(manifest: &Manifest, world: &World) -> Result<Self, ClusterError> {
        let (api_version, kind) = (manifest.api_version.as_str(), manifest.kind.as_str());
        let resource = match kinds::written(api_version, kind) {
            Some(resource) => resource,
            None => {
                let sort = Sort::Manifest(api_version, kind);
                let cluster = &manifest.subject.cluster;
                world.clusters.find(cluster, sort).await?
            }
        };
        let mut subject = manifest.subject.clone();
        if !resource.namespaced && !manifest.names_namespace {
            subject.namespace = None;
        }
        Self::at(subject, resource)
    }

    fn at(subject: Subject, resource: Resource) -> Result<Self, ClusterError> {
        let namespace = namespace(&subject, &resource)?;
        Ok(Self {
            cluster: subject.cluster,
            kind: subject.kind,
            resource,
            namespace,
            name: subject.name,
        })
    }

    pub(super) async fn get(&self, world: &World) -> Result<Value, ClusterError> {
        let namespace = self.namespace.as_deref();
        let clusters = &world.clusters;
        clusters
            .get(&self.cluster, &self.resource, namespace, &self.name)
            .await
    }

    /// The same; nothing where it is not there.
    pub(super) async fn find(&self, world: &World) -> Result<Option<Value>, ClusterError> {
        match self.get(world).await {
            Ok(object) => Ok(Some(object)),
            Err(ClusterError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Changes it or a part of it, or with `dry_run` asks the server to check the change.
    pub(super) async fn change(
        &self,
        world: &World,
        part: Option<&str>,
        change: Change<'_>,
        dry_run: bool,
    ) -> Result<Value, ClusterError> {
        let path = ObjectPath {
            namespace: self.namespace.as_deref(),
            name: &self.name,
            subresource: part,
        };
        let clusters = &world.clusters;
        clusters
            .change(&self.cluster, &self.resource, path, change, dry_run)
            .await
    }

    /// Whether its values are kept from the agent: of a Secret it sees metadata only.
    pub(super) fn is_secret(&self) -> bool {
        self.kind == SECRET
    }
}

/// As effects name it.
pub(in crate::actions) const SECRET: &str = "secret";

/// Of a kind that only the server knows, only the server knows whether it lies in a namespace; what was judged must be what is done.
fn namespace(subject: &Subject, resource: &Resource) -> Result<Option<String>, ClusterError> {
    let refused = |words: &str| ClusterError::Refused {
        code: 400,
        message: format!("a {} {words}", subject.kind),
    };
    match (&subject.namespace, resource.namespaced) {
        (None, true) => Err(refused(
            "lies in a namespace\nhint: name it with `namespace`",
        )),
        (Some(_), false) => Err(refused(
            "belongs to no namespace\nhint: leave `namespace` out",
        )),
        (namespace, _) => Ok(namespace.clone()),
    }
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.kind.split('.').next().unwrap_or(&self.kind);
        match &self.namespace {
            Some(namespace) => write!(f, "{word} {namespace}/{}", self.name),
            None => write!(f, "{word} {}", self.name),
        }
    }
}
