//! Pods that a step is about: one by its name, those of a workload, or those with certain labels.

use crate::{
    actions::{
        framework::{World, rights},
        kubernetes::{
            beforehand::{seen, seen_namespace},
            check_name,
            kinds::PODS,
            object::{annotation, is, is_done, items, selector, text},
            subject::Subject,
        },
    },
    domain::{
        effect::{Object, Place, Scope, Which},
        right::Rights,
    },
    ports::{cluster::ClusterError, executor::StepContext},
};
use serde_json::{Value, json};
use std::fmt;

/// Kinds that have pods of their own.
const WITH_PODS: [&str; 7] = [
    "deployment.apps",
    "statefulset.apps",
    "daemonset.apps",
    "replicaset.apps",
    "job.batch",
    "service",
    "replicationcontroller",
];
/// Which container is meant where none is named; `kubectl` reads it, too.
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// The pods that a step names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::actions) struct Pods {
    pub(in crate::actions) cluster: String,
    pub(in crate::actions) namespace: String,
    pub(super) of: Of,
}

/// How they are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Of {
    /// This one.
    Named(String),
    /// Those of this workload or service.
    Object(Subject),
    /// Those with these labels.
    Selector(String),
}

/// Why no pod can be told.
#[derive(Debug)]
pub(in crate::actions) enum Miss {
    /// The server did not say.
    Cluster(ClusterError),
    /// There is none, or not exactly one; trying again may help.
    Unfit(String),
}

impl From<ClusterError> for Miss {
    fn from(error: ClusterError) -> Self {
        Self::Cluster(error)
    }
}

impl Pods {
    /// Exactly one of `pod`, `object` and `selector` is given.
    pub(in crate::actions) fn new(
        cluster: &str,
        namespace: &str,
        pod: Option<&str>,
        object: Option<&str>,
        selector: Option<&str>,
    ) -> Result<Self, String> {
        check_name("cluster", cluster)?;
        check_name("namespace", namespace)?;
        let of = match (pod, object, selector) {
            (Some(pod), None, None) => named(pod)?,
            (None, Some(object), None) => of_object(cluster, namespace, object)?,
            (None, None, Some(selector)) => matching(selector)?,
            _ => {
                return Err("in `with`: name exactly one of `pod`, `object`, `selector`".to_owned());
            }
        };
        Ok(Self {
            cluster: cluster.to_owned(),
            namespace: namespace.to_owned(),
            of,
        })
    }

    /// As effects name what the step names, and by which kind.
    pub(in crate::actions) fn named(&self) -> (String, Which) {
        match &self.of {
            Of::Named(name) => ("pod".to_owned(), Which::Named(name.clone())),
            Of::Object(subject) => (subject.kind.clone(), Which::Named(subject.name.clone())),
            Of::Selector(selector) => ("pod".to_owned(), Which::Selector(selector.clone())),
        }
    }

    /// Something of this namespace, as effects name it.
    pub(in crate::actions) fn object(&self, kind: &str, which: Which) -> Object {
        Object {
            place: Place::Cluster(self.cluster.clone()),
            kind: kind.to_owned(),
            scope: Scope::Namespace(self.namespace.clone()),
            which,
        }
    }

    /// What it takes to find them, and to do this to a part of them.
    pub(in crate::actions) fn rights(&self, part: &str, verbs: &'static [&'static str]) -> Rights {
        let (kind, which) = self.named();
        let named = self.object(&kind, which);
        let all = self.object("pod", Which::All);
        match &self.of {
            Of::Named(_) => rights::on_object(&named, None, &["get"]).with(rights::on_object(
                &named,
                Some(part),
                verbs,
            )),
            Of::Object(_) => rights::on_object(&named, None, &["get"])
                .with(rights::on_object(&all, None, &["list"]))
                .with(rights::on_object(&all, Some(part), verbs)),
            Of::Selector(_) => rights::on_object(&all, None, &["list"]).with(rights::on_object(
                &all,
                Some(part),
                verbs,
            )),
        }
    }

    /// Whether planning shows that a step with them can only fail: their workload or their namespace is not there. A pod itself may be
    /// on its way.
    pub(in crate::actions) async fn foresee(
        &self,
        context: &StepContext,
        world: &World,
    ) -> Result<(), String> {
        match &self.of {
            Of::Object(subject) => seen(subject, context, world).await.map(drop),
            Of::Named(_) | Of::Selector(_) => {
                let of = (self.cluster.as_str(), self.namespace.as_str());
                seen_namespace(of, context, world).await
            }
        }
    }

    /// All of them, by name; those that are on their way out are left out, unless one is named.
    pub(super) async fn all(&self, world: &World) -> Result<Vec<Value>, Miss> {
        let namespace = Some(self.namespace.as_str());
        let resource = PODS.resource();
        let labels = match &self.of {
            Of::Named(name) => {
                let pod = world
                    .clusters
                    .get(&self.cluster, &resource, namespace, name);
                return Ok(vec![pod.await?]);
            }
            Of::Object(subject) => labels_of(subject, &subject.get(world).await?)?,
            Of::Selector(selector) => selector.clone(),
        };
        let listed = world
            .clusters
            .list(&self.cluster, &resource, namespace, Some(&labels));
        let mut pods = listed.await?;
        pods.retain(|pod| pod.pointer("/metadata/deletionTimestamp").is_none());
        pods.sort_by(|one, other| name(one).cmp(name(other)));
        Ok(pods)
    }

    /// The one in which something can be run: the named one; the first that is ready; with a selector the only one, unless `any` will do.
    pub(in crate::actions) async fn one(&self, any: bool, world: &World) -> Result<Value, Miss> {
        let mut pods = self.all(world).await?;
        if matches!(self.of, Of::Named(_)) {
            return pods.pop().ok_or_else(|| self.none(""));
        }
        pods.retain(|pod| !is_done(pod) && text(pod, "/status/phase") != "Failed");
        if matches!(self.of, Of::Selector(_)) && !any && pods.len() > 1 {
            let names: Vec<&str> = pods.iter().map(name).take(5).collect();
            return Err(Miss::Unfit(format!(
                "{self} are {}: {}\nhint: name one with `pod`, or set `any: true`",
                pods.len(),
                names.join(", ")
            )));
        }
        let there = pods.len();
        match pods.into_iter().find(|pod| is(pod, "Ready")) {
            Some(pod) => Ok(pod),
            None if there == 0 => Err(self.none("")),
            None => Err(self.none(&format!(" ({there} are there)"))),
        }
    }

    fn none(&self, there: &str) -> Miss {
        Miss::Unfit(format!("none of {self} is ready{there}"))
    }
}

impl fmt::Display for Pods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.of {
            Of::Named(name) => write!(f, "pod {}/{name}", self.namespace),
            Of::Object(subject) => write!(f, "the pods of {subject}"),
            Of::Selector(selector) => {
                write!(f, "the pods {selector} in namespace {}", self.namespace)
            }
        }
    }
}

fn named(pod: &str) -> Result<Of, String> {
    check_name("pod", pod)?;
    Ok(Of::Named(pod.to_owned()))
}

fn of_object(cluster: &str, namespace: &str, object: &str) -> Result<Of, String> {
    let subject = Subject::new(cluster, Some(namespace), "object", object)?;
    match subject.kind.as_str() {
        "pod" => Ok(Of::Named(subject.name)),
        kind if WITH_PODS.contains(&kind) => Ok(Of::Object(subject)),
        kind => Err(format!(
            "in `with`, at `object`: a {kind} has no pods\nhint: name a deployment, statefulset, daemonset, job or service, as in `deployment/web`"
        )),
    }
}

fn matching(selector: &str) -> Result<Of, String> {
    if (1..=1000).contains(&selector.len()) {
        return Ok(Of::Selector(selector.to_owned()));
    }
    Err("in `with`, at `selector`: want 1 to 1000 characters".to_owned())
}

/// The labels that the pods of a workload have.
fn labels_of(subject: &Subject, object: &Value) -> Result<String, Miss> {
    let spec = object.pointer("/spec/selector").unwrap_or(&Value::Null);
    let labels = match subject.kind.as_str() {
        "service" | "replicationcontroller" => selector(&json!({ "matchLabels": spec })),
        _ => selector(spec),
    };
    labels.ok_or_else(|| Miss::Unfit(format!("{subject} selects no pods by their labels")))
}

/// A pod's name.
pub(in crate::actions) fn name(pod: &Value) -> &str {
    text(pod, "/metadata/name")
}

/// The names of a pod's containers, those that only prepare it first.
pub(super) fn containers(pod: &Value) -> Vec<String> {
    ["/spec/initContainers", "/spec/containers"]
        .iter()
        .flat_map(|list| items(pod, list))
        .map(|container| text(container, "/name").to_owned())
        .collect()
}

/// The container that is meant: the named one, the pod's default one, or its only one.
pub(in crate::actions) fn container(pod: &Value, named: Option<&str>) -> Result<String, String> {
    if let Some(named) = named {
        let known = containers(pod);
        if known.iter().any(|name| name == named) {
            return Ok(named.to_owned());
        }
        return Err(format!(
            "pod {} has no container `{named}`\nhint: it has {}",
            name(pod),
            known.join(", ")
        ));
    }
    let by_default = annotation(pod, "/metadata/annotations", DEFAULT_CONTAINER);
    match (by_default, items(pod, "/spec/containers")) {
        ("", [only]) => Ok(text(only, "/name").to_owned()),
        ("", _) => Err(format!(
            "pod {} has several containers\nhint: name one with `container`: {}",
            name(pod),
            containers(pod).join(", ")
        )),
        (by_default, _) => Ok(by_default.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Of, Pods, container, labels_of};
    use serde_json::json;

    fn pods(
        pod: Option<&str>,
        object: Option<&str>,
        selector: Option<&str>,
    ) -> Result<Pods, String> {
        Pods::new("default", "shop", pod, object, selector)
    }

    #[test]
    fn pods_are_named_in_exactly_one_way() {
        assert_eq!(
            pods(None, Some("po/web-0"), None).unwrap().of,
            Of::Named("web-0".to_owned())
        );
        for (named, words) in [
            (pods(None, None, None), "exactly one of"),
            (pods(Some("a"), None, Some("b")), "exactly one of"),
            (pods(Some("A b"), None, None), "at `pod`"),
            (pods(None, Some("configmap/a"), None), "has no pods"),
            (pods(None, None, Some("")), "at `selector`"),
        ] {
            assert!(named.clone().unwrap_err().contains(words), "{named:?}");
        }
    }

    #[test]
    fn a_service_selects_by_a_plain_map() {
        let Of::Object(service) = pods(None, Some("svc/web"), None).unwrap().of else {
            unreachable!("a service is an object with pods")
        };
        let object = json!({ "spec": { "selector": { "app": "web" } } });
        assert_eq!(labels_of(&service, &object).unwrap(), "app=web");
        assert!(labels_of(&service, &json!({ "spec": {} })).is_err());
    }

    #[test]
    fn the_container_is_the_named_the_default_or_the_only_one() {
        let one =
            json!({ "metadata": { "name": "a" }, "spec": { "containers": [{ "name": "app" }] } });
        assert_eq!(container(&one, None).unwrap(), "app");
        assert!(
            container(&one, Some("db"))
                .unwrap_err()
                .contains("it has app")
        );
        let mut two = one.clone();
        two["spec"]["containers"] = json!([{ "name": "app" }, { "name": "proxy" }]);
        assert!(container(&two, None).unwrap_err().contains("app, proxy"));
        assert_eq!(container(&two, Some("proxy")).unwrap(), "proxy");
        two["metadata"]["annotations"] =
            json!({ "kubectl.kubernetes.io/default-container": "app" });
        assert_eq!(container(&two, None).unwrap(), "app");
    }
}
