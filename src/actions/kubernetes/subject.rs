//! One object of any kind: what most steps are about.

use crate::{
    actions::{
        framework::World,
        kubernetes::{check_name, located::Located},
    },
    commands::{deeds, plural},
    domain::effect::{Object, Place, Scope, Which},
    ports::cluster::{Change, ClusterError},
};
use serde_json::Value;
use std::fmt;

/// An object in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) cluster: String,
    /// As effects name it: `deployment.apps`.
    pub(super) kind: String,
    /// None for what belongs to none.
    pub(super) namespace: Option<String>,
    pub(super) name: String,
}

impl Subject {
    /// The object that a step writes as `kind/name`: the kind as kubectl reads it (`deploy/web`, `certificates.cert-manager.io/web`).
    /// `field` is where it is written, for errors.
    pub(super) fn new(
        cluster: &str,
        namespace: Option<&str>,
        field: &str,
        written: &str,
    ) -> Result<Self, String> {
        let Some((kind, name)) = written.split_once('/') else {
            return Err(format!(
                "in `with`, at `{field}`: `{written}` names no object\nhint: write the kind and the name, as in `configmap/web`"
            ));
        };
        check_name("cluster", cluster)?;
        check_kind(field, kind)?;
        check_object_name(field, name)?;
        let kind = deeds::kind(kind);
        Ok(Self {
            cluster: cluster.to_owned(),
            namespace: placed(&kind, namespace)?,
            kind,
            name: name.to_owned(),
        })
    }

    /// As effects name it.
    pub(super) fn object(&self) -> Object {
        let scope = match &self.namespace {
            Some(namespace) => Scope::Namespace(namespace.clone()),
            None => Scope::ClusterScoped,
        };
        Object {
            place: Place::Cluster(self.cluster.clone()),
            kind: self.kind.clone(),
            scope,
            which: Which::Named(self.name.clone()),
        }
    }

    pub(super) async fn get(&self, world: &World) -> Result<Value, ClusterError> {
        self.located(world).await?.get(world).await
    }

    /// Changes it, or with `dry_run` asks the server to check the change.
    pub(super) async fn change(
        &self,
        world: &World,
        change: Change<'_>,
        dry_run: bool,
    ) -> Result<Value, ClusterError> {
        let located = self.located(world).await?;
        located.change(world, None, change, dry_run).await
    }

    /// With what its server calls its kind.
    pub(super) async fn located(&self, world: &World) -> Result<Located, ClusterError> {
        Located::new(self, world).await
    }

    /// Changes the object as it was looked at: another one of the same name, or one that has changed since, is a conflict. `looked_at`
    /// without a resource version stands for any state of that very object.
    pub(super) async fn patch(
        &self,
        world: &World,
        looked_at: &Value,
        mut patch: Value,
        dry_run: bool,
    ) -> Result<Value, ClusterError> {
        for field in ["uid", "resourceVersion"] {
            if let Some(seen) = looked_at.pointer(&format!("/metadata/{field}")) {
                patch["metadata"][field] = seen.clone();
            }
        }
        self.change(world, Change::Merge(&patch), dry_run).await
    }
}

/// The namespace that an object of this kind lies in. Of a kind that no table knows, the step's word counts.
pub(in crate::actions) fn placed(
    kind: &str,
    namespace: Option<&str>,
) -> Result<Option<String>, String> {
    if let Some(namespace) = namespace {
        check_name("namespace", namespace)?;
    }
    match (plural(kind).map(|plural| plural.namespaced), namespace) {
        (Some(true), None) => Err(format!(
            "in `with`: a {kind} lies in a namespace\nhint: name it with `namespace`"
        )),
        (Some(false), Some(_)) => Err(format!(
            "in `with`, at `namespace`: a {kind} belongs to no namespace"
        )),
        (_, namespace) => Ok(namespace.map(str::to_owned)),
    }
}

/// A kind as people write it: letters, digits, `-`, and dots before its group.
pub(in crate::actions) fn check_kind(field: &str, kind: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if !(1..=253).contains(&kind.len()) || !kind.chars().all(fits) {
        return Err(format!(
            "in `with`, at `{field}`: `{kind}` is not a kind of objects\nhint: write it as in `kubectl get`, such as `configmap` or `certificates.cert-manager.io`"
        ));
    }
    let Some(meant) = deeds::unknown_kind(kind) else {
        return Ok(());
    };
    let meant = meant.map_or_else(String::new, |meant| format!("did you mean `{meant}`? "));
    Err(format!(
        "in `with`, at `{field}`: there is no kind `{kind}`\nhint: {meant}a kind that is not built in is written with its group, as in `certificates.cert-manager.io`"
    ))
}

/// A name as the API server takes it in a path; roles and their like may hold more than DNS names.
pub(in crate::actions) fn check_object_name(field: &str, name: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._:@".contains(c);
    if (1..=253).contains(&name.len()) && name.chars().all(fits) && name != "." && name != ".." {
        return Ok(());
    }
    Err(format!(
        "in `with`, at `{field}`: `{name}` is not the name of an object"
    ))
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.kind.split('.').next().unwrap_or(&self.kind);
        match &self.namespace {
            Some(namespace) => write!(f, "{word} {namespace}/{}", self.name),
            None => write!(f, "{word} {}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Subject;

    fn subject(namespace: Option<&str>, written: &str) -> Result<Subject, String> {
        Subject::new("default", namespace, "object", written)
    }

    #[test]
    fn an_object_is_named_as_kubectl_names_it() {
        for (written, kind) in [
            ("cm/web", "configmap"),
            ("Deployment/web", "deployment.apps"),
            (
                "certificates.cert-manager.io/web",
                "certificate.cert-manager.io",
            ),
            ("taskruns.agents.platform/web", "taskruns.agents.platform"),
        ] {
            let subject = subject(Some("shop"), written).unwrap();
            assert_eq!(subject.kind, kind);
            assert_eq!(subject.name, "web");
        }
        assert_eq!(subject(None, "node/a").unwrap().to_string(), "node a");
    }

    #[test]
    fn what_names_no_object_is_told() {
        for (namespace, written, words) in [
            (Some("shop"), "web", "names no object"),
            (Some("shop"), "cm/../x", "is not the name of an object"),
            (Some("shop"), "c m/x", "is not a kind"),
            (Some("shop"), "deploymint/x", "did you mean `deployment`?"),
            (None, "cm/web", "lies in a namespace"),
            (Some("shop"), "node/a", "belongs to no namespace"),
            (Some("a/b"), "cm/web", "is not a name in Kubernetes"),
        ] {
            let error = subject(namespace, written).unwrap_err();
            assert!(error.contains(words), "{written}: {error}");
        }
    }
}
