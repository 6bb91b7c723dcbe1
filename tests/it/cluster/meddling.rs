//! Somebody else who is faster: what a test does in the cluster between a step's look and its change.

use orderly::{
    domain::{name::RunbookName, span::Span},
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
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};
use tokio::io::AsyncWriteExt as _;

type Deed = Box<dyn FnOnce() + Send>;

/// The same clusters, in which something happens right before the first change.
#[derive(Clone)]
pub(crate) struct Meddling {
    clusters: Arc<dyn Clusters>,
    deed: Arc<Mutex<Option<Deed>>>,
    /// Whether the next log that is followed breaks off in its second line.
    cuts: Arc<AtomicBool>,
}

impl std::fmt::Debug for Meddling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.clusters.fmt(f)
    }
}

impl Meddling {
    pub(crate) fn with(clusters: Arc<dyn Clusters>, deed: impl FnOnce() + Send + 'static) -> Self {
        Self {
            clusters,
            deed: Arc::new(Mutex::new(Some(Box::new(deed)))),
            cuts: Arc::default(),
        }
    }

    /// The same clusters, whose first log that is followed breaks off.
    pub(crate) fn cutting_logs(clusters: Arc<dyn Clusters>) -> Self {
        Self {
            clusters,
            deed: Arc::default(),
            cuts: Arc::new(AtomicBool::new(true)),
        }
    }
}

impl Clusters for Meddling {
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
        self.clusters.get(cluster, resource, namespace, name)
    }
    fn list<'a>(
        &'a self,
        cluster: &'a str,
        resource: &'a Resource,
        namespace: Option<&'a str>,
        selector: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<Value>, ClusterError>> {
        self.clusters.list(cluster, resource, namespace, selector)
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
        self.clusters
            .names(cluster, resource, namespace, matching, most)
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
        let deed = self
            .deed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(deed) = deed {
            deed();
        }
        self.clusters
            .change(cluster, resource, object, change, dry_run)
    }
    fn logs<'a>(
        &'a self,
        cluster: &'a str,
        of: LogsOf<'a>,
        sink: &'a mut Sink<'_>,
    ) -> BoxFuture<'a, Result<(), ClusterError>> {
        if !of.follow || !self.cuts.swap(false, Ordering::SeqCst) {
            return self.clusters.logs(cluster, of, sink);
        }
        Box::pin(async move {
            let all = LogsOf {
                follow: false,
                ..of
            };
            let mut said = Vec::new();
            self.clusters.logs(cluster, all, &mut said).await?;
            let line = said.iter().position(|byte| *byte == b'\n').unwrap_or(0);
            let cut = said.get(..line + 4).unwrap_or(&said);
            let _taken = sink.write_all(cut).await;
            Err(ClusterError::Unavailable {
                cluster: cluster.to_owned(),
                reason: "the connection was lost".to_owned(),
            })
        })
    }
    fn exec<'a>(
        &'a self,
        cluster: &'a str,
        in_container: Container<'a>,
        argv: &'a [String],
        streams: ExecStreams<'a>,
    ) -> BoxFuture<'a, Result<ExecEnd, ClusterError>> {
        self.clusters.exec(cluster, in_container, argv, streams)
    }
    fn acting_for(&self, runbook: &RunbookName) -> Arc<dyn Clusters> {
        Arc::new(Self {
            clusters: self.clusters.acting_for(runbook),
            deed: Arc::clone(&self.deed),
            cuts: Arc::clone(&self.cuts),
        })
    }
    fn deadline(&self) -> Span {
        self.clusters.deadline()
    }
}
