//! Which objects a step has changed, by the answers of the API server rather than by what was planned.

use crate::{
    actions::kubernetes::{
        forbidden::{Asked, Doubt, verb},
        kinds::{PODS, is_question},
    },
    domain::{name::RunbookName, secret::SecretValue, span::Span},
    ports::{
        BoxFuture,
        cluster::{
            Change, ClusterError, Clusters, Container, ExecEnd, ExecStreams, LogsOf, Matching,
            Names, ObjectPath, Page, Resource, Sink, Sort, Wanted,
        },
    },
};
use serde_json::Value;
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

/// An object that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::actions) struct Touched {
    pub(super) cluster: String,
    pub(super) resource: Resource,
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    /// As the server has it; empty where it does not say.
    pub(super) uid: String,
}

/// What a step has done to clusters.
#[derive(Debug, Clone, Default)]
pub(in crate::actions) struct AllTouched {
    /// What was changed, each once, in their order.
    objects: Arc<Mutex<Vec<Touched>>>,
    /// How many requests there were that may have changed something, evictions and programs in containers as well.
    requests: Arc<AtomicUsize>,
}

impl AllTouched {
    fn objects(&self) -> MutexGuard<'_, Vec<Touched>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// What was changed, to be told once.
    pub(in crate::actions) fn take(&self) -> Vec<Touched> {
        std::mem::take(&mut *self.objects())
    }
    /// Whether certainly nothing was changed: nothing was asked for, or all of it was refused.
    pub(in crate::actions) fn is_none(&self) -> bool {
        self.requests.load(Ordering::SeqCst) == 0
    }
    /// Counts a request before it is sent, so that one whose answer nobody waits for is counted.
    async fn counted<T>(
        &self,
        request: impl Future<Output = Result<T, ClusterError>>,
    ) -> Result<T, ClusterError> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let answer = request.await;
        if answer.as_ref().is_err_and(is_refusal) {
            self.requests.fetch_sub(1, Ordering::SeqCst);
        }
        answer
    }
}

/// Whether nothing has come of the request. Without a status, it was the agent that broke off what had begun.
fn is_refusal(error: &ClusterError) -> bool {
    match error {
        ClusterError::Unavailable { .. } => false,
        ClusterError::Refused { code, .. } => *code > 0,
        ClusterError::NotConfigured(..)
        | ClusterError::Misconfigured { .. }
        | ClusterError::NotFound(_)
        | ClusterError::Forbidden { .. }
        | ClusterError::ForbiddenForNow { .. }
        | ClusterError::Conflict { .. } => true,
    }
}

/// The same clusters, which note what is changed through them and doubt what they forbid.
#[derive(Debug)]
pub(in crate::actions) struct Watching {
    clusters: Arc<dyn Clusters>,
    touched: AllTouched,
    doubt: Doubt,
}

impl Watching {
    pub(in crate::actions) fn new(
        clusters: Arc<dyn Clusters>,
        touched: AllTouched,
        doubt: Doubt,
    ) -> Self {
        Self {
            clusters,
            touched,
            doubt,
        }
    }

    async fn changed(
        &self,
        cluster: &str,
        resource: &Resource,
        object: ObjectPath<'_>,
        change: Change<'_>,
        dry_run: bool,
    ) -> Result<Value, ClusterError> {
        let changed = self
            .clusters
            .change(cluster, resource, object, change, dry_run);
        if dry_run || is_question(&resource.group) {
            return changed.await;
        }
        self.touched.counted(changed).await
    }

    fn note(&self, touched: Touched) {
        let mut all = self.touched.objects();
        let same = |other: &Touched| {
            (
                &other.cluster,
                &other.resource,
                &other.namespace,
                &other.name,
            ) == (
                &touched.cluster,
                &touched.resource,
                &touched.namespace,
                &touched.name,
            )
        };
        match all.iter_mut().find(|other| same(other)) {
            Some(known) => *known = touched,
            None => all.push(touched),
        }
    }
}

/// An object or its size and status; an eviction or a token is no change of the object that it hangs on.
fn is_object(object: ObjectPath<'_>) -> bool {
    matches!(object.subresource, None | Some("scale" | "status"))
}

/// Of an object, or of what a deletion answers.
fn uid(answer: &Value) -> &str {
    let places = ["/metadata/uid", "/details/uid"];
    let mut found = places
        .iter()
        .filter_map(|place| answer.pointer(place)?.as_str());
    found.next().unwrap_or_default()
}

/// A part of a pod.
fn of_pod(cluster: &str, verb: &'static str, part: &str, of: Container<'_>) -> Asked {
    let (pods, namespace) = (PODS.resource(), Some(of.namespace));
    Asked::new(cluster, verb, &pods, namespace, Some(of.pod)).part(Some(part))
}

impl Clusters for Watching {
    fn version<'a>(&'a self, cluster: &'a str) -> BoxFuture<'a, Result<String, ClusterError>> {
        self.clusters.version(cluster)
    }
    fn get<'a>(
        &'a self,
        cluster: &'a str,
        resource: &'a Resource,
        namespace: Option<&'a str>,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Value, ClusterError>> {
        let asked = Asked::new(cluster, "get", resource, namespace, Some(name));
        let get = move || self.clusters.get(cluster, resource, namespace, name);
        Box::pin(self.doubt.sent(asked, get))
    }
    fn list<'a>(
        &'a self,
        cluster: &'a str,
        resource: &'a Resource,
        namespace: Option<&'a str>,
        selector: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<Value>, ClusterError>> {
        let asked = Asked::new(cluster, "list", resource, namespace, None);
        let list = move || self.clusters.list(cluster, resource, namespace, selector);
        Box::pin(self.doubt.sent(asked, list))
    }
    fn kept_whole<'a>(
        &'a self,
        cluster: &'a str,
        resource: &'a Resource,
        namespace: Option<&'a str>,
        wanted: Wanted<'a>,
    ) -> BoxFuture<'a, Result<Page, ClusterError>> {
        self.clusters
            .kept_whole(cluster, resource, namespace, wanted)
    }
    fn names<'a>(
        &'a self,
        cluster: &'a str,
        resource: &'a Resource,
        namespace: Option<&'a str>,
        matching: Matching<'a>,
        most: usize,
    ) -> BoxFuture<'a, Result<Names, ClusterError>> {
        let asked = Asked::new(cluster, "list", resource, namespace, None);
        let clusters = &self.clusters;
        let names = move || clusters.names(cluster, resource, namespace, matching, most);
        Box::pin(self.doubt.sent(asked, names))
    }
    fn is_reached_by_programs(&self, cluster: &str, kubeconfig: Option<&str>) -> bool {
        self.clusters.is_reached_by_programs(cluster, kubeconfig)
    }
    fn assumed_namespace<'a>(
        &'a self,
        cluster: &'a str,
    ) -> BoxFuture<'a, Result<String, ClusterError>> {
        self.clusters.assumed_namespace(cluster)
    }
    fn find<'a>(
        &'a self,
        cluster: &'a str,
        sort: Sort<'a>,
    ) -> BoxFuture<'a, Result<Resource, ClusterError>> {
        self.clusters.find(cluster, sort)
    }
    fn change<'a>(
        &'a self,
        cluster: &'a str,
        resource: &'a Resource,
        object: ObjectPath<'a>,
        change: Change<'a>,
        dry_run: bool,
    ) -> BoxFuture<'a, Result<Value, ClusterError>> {
        Box::pin(async move {
            let (namespace, name) = (object.namespace, Some(object.name));
            let asked = Asked::new(cluster, verb(change), resource, namespace, name);
            let asked = asked.part(object.subresource);
            let send = || self.changed(cluster, resource, object, change, dry_run);
            let answer = self.doubt.sent(asked, send).await?;
            if !dry_run && !is_question(&resource.group) && is_object(object) {
                self.note(Touched {
                    cluster: cluster.to_owned(),
                    resource: resource.clone(),
                    namespace: object.namespace.map(str::to_owned),
                    name: object.name.to_owned(),
                    uid: uid(&answer).to_owned(),
                });
            }
            Ok(answer)
        })
    }
    fn logs<'a>(
        &'a self,
        cluster: &'a str,
        of: LogsOf<'a>,
        sink: &'a mut Sink<'_>,
    ) -> BoxFuture<'a, Result<(), ClusterError>> {
        let asked = of_pod(cluster, "get", "log", of.container);
        let logs = self.clusters.logs(cluster, of, sink);
        Box::pin(async move { self.doubt.judged(&asked, logs.await) })
    }
    fn exec<'a>(
        &'a self,
        cluster: &'a str,
        in_container: Container<'a>,
        argv: &'a [String],
        streams: ExecStreams<'a>,
    ) -> BoxFuture<'a, Result<ExecEnd, ClusterError>> {
        let asked = of_pod(cluster, "create", "exec", in_container);
        let run = self.clusters.exec(cluster, in_container, argv, streams);
        Box::pin(async move { self.doubt.judged(&asked, self.touched.counted(run).await) })
    }
    fn acting_for(&self, runbook: &RunbookName) -> Arc<dyn Clusters> {
        let clusters = self.clusters.acting_for(runbook);
        Arc::new(Self::new(
            clusters,
            self.touched.clone(),
            self.doubt.clone(),
        ))
    }
    fn kubeconfig<'a>(
        &'a self,
        cluster: &'a str,
    ) -> BoxFuture<'a, Result<SecretValue, ClusterError>> {
        self.clusters.kubeconfig(cluster)
    }
    fn served<'a>(&'a self, cluster: &'a str) -> BoxFuture<'a, Result<Vec<String>, ClusterError>> {
        self.clusters.served(cluster)
    }
    fn takes_notes(&self, cluster: &str) -> bool {
        self.clusters.takes_notes(cluster)
    }
    fn deadline(&self) -> Span {
        self.clusters.deadline()
    }
}
