//! One workload: what restarts and scalings are about.

use crate::{
    actions::{
        framework::World,
        kubernetes::{check_name, kinds::Kind},
    },
    domain::effect::{Object, Place, Scope, Which},
    ports::{
        cluster::{Change, ClusterError, ObjectPath},
        executor::StepContext,
    },
};
use serde_json::Value;
use std::fmt;

/// A workload in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Workload {
    pub(super) cluster: String,
    pub(super) kind: Kind,
    pub(super) namespace: String,
    pub(super) name: String,
}

/// The fields of inputs that name a workload, each with its kind; exactly one of them is given.
pub(super) type Named<'a> = [(&'static str, Kind, &'a Option<String>)];

impl Workload {
    /// Checks the names.
    pub(super) fn new(cluster: &str, namespace: &str, named: &Named<'_>) -> Result<Self, String> {
        let given: Vec<_> = named
            .iter()
            .filter_map(|(field, kind, name)| Some((*field, *kind, name.as_ref()?)))
            .collect();
        let [(field, kind, name)] = given.as_slice() else {
            let fields: Vec<String> = named
                .iter()
                .map(|(field, ..)| format!("`{field}`"))
                .collect();
            return Err(format!(
                "in `with`: name exactly one of {}",
                fields.join(", ")
            ));
        };
        check_name("cluster", cluster)?;
        check_name("namespace", namespace)?;
        check_name(field, name)?;
        Ok(Self {
            cluster: cluster.to_owned(),
            kind: *kind,
            namespace: namespace.to_owned(),
            name: (*name).clone(),
        })
    }

    /// As effects name it.
    pub(super) fn object(&self) -> Object {
        Object {
            place: Place::Cluster(self.cluster.clone()),
            kind: self.kind.effect_kind(),
            scope: Scope::Namespace(self.namespace.clone()),
            which: Which::Named(self.name.clone()),
        }
    }

    pub(super) async fn get(&self, world: &World) -> Result<Value, ClusterError> {
        let resource = self.kind.resource();
        let namespace = Some(self.namespace.as_str());
        world
            .clusters
            .get(&self.cluster, &resource, namespace, &self.name)
            .await
    }

    /// Changes the object that was looked at; the API server refuses another one of the same name.
    pub(super) async fn patch(
        &self,
        world: &World,
        looked_at: &Value,
        mut patch: Value,
        dry_run: bool,
    ) -> Result<Value, ClusterError> {
        if let Some(uid) = looked_at.pointer("/metadata/uid") {
            patch["metadata"]["uid"] = uid.clone();
        }
        let object = ObjectPath {
            namespace: Some(&self.namespace),
            name: &self.name,
            subresource: None,
        };
        world
            .clusters
            .change(
                &self.cluster,
                &self.kind.resource(),
                object,
                Change::Merge(&patch),
                dry_run,
            )
            .await
    }
}

/// What an action leaves on an object, so that the same step does not do it twice: the same for every attempt of a step, another
/// for every other step.
pub(super) fn mark(context: &StepContext) -> String {
    format!(
        "{}/{}/{}",
        context.run,
        context.phase.as_str(),
        context.step
    )
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind.word(), self.namespace, self.name)
    }
}
