//! Kubernetes API servers through the `kube` crate: its configuration, credentials, TLS and request building.
//!
//! Invariants
//! - Nothing is connected before the first call; a cluster that is away hurts only the steps that name it.
//! - A change is sent again only where the server says that it has not even looked at it (429); whatever else became of it is for the
//!   step to say, because a repeated change asks the gate again. What only looks is tried three times.
//! - Every request has a deadline, its repetitions included, from connecting to the last byte, and every body a bound.
//! - Secrets of a cluster are only ever read as metadata, but by `kept_whole`: for a backup that is encrypted, and for a rotation
//!   of the value itself. Of a refusal that is about a Secret, only words are told that are known to hold none of its values.
//! - Every request is told to whoever counts them, with how it ended.
//!
//! Answers are read as JSON here rather than by `kube`'s `Api`, which reads bodies of any length and prints those it cannot read.

mod answers;
mod call;
mod connect;
mod discovery;
mod exec;
mod kubeconfig;
mod names;
mod request;
mod streams;

use crate::{
    domain::{
        name::{RunbookName, SecretName},
        secret::SecretValue,
        span::Span,
    },
    ports::{
        BoxFuture,
        cluster::{
            Change, ClusterError, Clusters, Container, ExecEnd, ExecStreams, LogsOf, Matching,
            Names, ObjectPath, Page, Resource, Sink, Sort, Wanted,
        },
        secrets::Secrets,
    },
};
use answers::{Words, bare, take_page};
use call::{Call, Repeat};
use connect::Identity;
use kube::Client;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

/// How many objects a list may have in all.
const MOST_OBJECTS: usize = 50_000;
/// The cluster that effects name where a program finds its cluster by itself.
const PROGRAMS: &str = "default";
/// As the port states it.
const DEADLINE_SECONDS: u64 = 30;

/// How a cluster is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A kubeconfig file and, unless its current one is meant, a context of it.
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// The context.
        context: Option<String>,
    },
    /// The service account of the pod that the agent runs in.
    InCluster,
    /// The service account of the pod, or else the kubeconfig that kubectl would use.
    Found {
        /// A context of that kubeconfig; with one, the service account is not considered.
        context: Option<String>,
    },
}

/// As whom a runbook reaches a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// As this service account, by impersonation: the agent's own must be allowed to impersonate it.
    ServiceAccount {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// By the token in this secret of the agent.
    Token(SecretName),
}

/// A cluster of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// How it is reached.
    pub credentials: Credentials,
    /// Accounts of single runbooks.
    pub accounts: BTreeMap<RunbookName, Account>,
    /// The account of every other runbook; the agent's own where none is named.
    pub account: Option<Account>,
    /// Whether the agent leaves events on what its steps have changed.
    pub events: bool,
}

impl From<Credentials> for Cluster {
    /// That every runbook reaches as the agent.
    fn from(credentials: Credentials) -> Self {
        Self {
            credentials,
            accounts: BTreeMap::new(),
            account: None,
            events: true,
        }
    }
}

/// One request that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Called<'a> {
    /// The cluster's name.
    pub cluster: &'a str,
    /// `get`, `list`, `create`, `apply`, `patch`, `delete`, `logs`, `exec`, `find` or `version`.
    pub verb: &'static str,
    /// What came of it.
    pub answered: Answered<'a>,
    /// How long it took.
    pub took: Span,
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered<'a> {
    /// An answer with this HTTP status.
    With(u16),
    /// No answer.
    Not,
    /// The configuration does not lead to the cluster, for this reason; nothing was asked of it.
    Unusable(&'a str),
}

/// Whoever counts requests.
pub type Watch = Arc<dyn Fn(Called<'_>) + Send + Sync>;

/// The clusters that the configuration names.
#[derive(Debug, Clone)]
pub struct ConfiguredClusters {
    shared: Arc<Shared>,
    runbook: Option<RunbookName>,
}

struct Shared {
    clusters: BTreeMap<String, Cluster>,
    secrets: Option<Arc<dyn Secrets>>,
    connected: Mutex<BTreeMap<Identity, Client>>,
    found: Mutex<BTreeMap<(String, String), Resource>>,
    deadline: Span,
    watch: Option<Watch>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("clusters", &self.clusters)
            .finish_non_exhaustive()
    }
}

impl ConfiguredClusters {
    /// Nothing is connected yet.
    pub fn new(clusters: BTreeMap<String, Cluster>) -> Self {
        let shared = Shared {
            clusters,
            secrets: None,
            connected: Mutex::default(),
            found: Mutex::default(),
            deadline: Span::from_secs(DEADLINE_SECONDS),
            watch: None,
        };
        Self {
            shared: Arc::new(shared),
            runbook: None,
        }
    }

    /// With tokens of accounts from these secrets.
    #[must_use]
    pub fn with_secrets(self, secrets: Arc<dyn Secrets>) -> Self {
        self.with(|shared| shared.secrets = Some(secrets))
    }

    /// With somebody who counts every request.
    #[must_use]
    pub fn watched(self, watch: Watch) -> Self {
        self.with(|shared| shared.watch = Some(watch))
    }

    /// With another deadline for each call than 30 s.
    #[must_use]
    pub fn with_deadline(self, deadline: Span) -> Self {
        self.with(|shared| shared.deadline = deadline)
    }

    /// Only while nobody shares it.
    fn with(mut self, set: impl FnOnce(&mut Shared)) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            set(shared);
        }
        self
    }

    /// Whom the cluster sees.
    fn identity(&self, cluster: &str) -> Result<Identity, ClusterError> {
        let configured = self.shared.clusters.get(cluster).ok_or_else(|| {
            let known: Vec<&str> = self.shared.clusters.keys().map(String::as_str).collect();
            let known = match known.as_slice() {
                [] => "there is none".to_owned(),
                names => format!("there are {}", names.join(", ")),
            };
            ClusterError::NotConfigured(cluster.to_owned(), known)
        })?;
        let of_runbook = self
            .runbook
            .as_ref()
            .and_then(|name| configured.accounts.get(name));
        let account = match (&self.runbook, of_runbook) {
            (Some(_), Some(account)) => Some(account.clone()),
            (Some(_), None) => configured.account.clone(),
            // The agent itself looks around as itself.
            (None, _) => None,
        };
        Ok(Identity {
            cluster: cluster.to_owned(),
            account,
        })
    }

    async fn client(&self, identity: &Identity) -> Result<Client, ClusterError> {
        if let Some(client) = self.connected().get(identity) {
            return Ok(client.clone());
        }
        let Some(configured) = self.shared.clusters.get(&identity.cluster) else {
            return Err(ClusterError::NotConfigured(
                identity.cluster.clone(),
                "it is gone".to_owned(),
            ));
        };
        let client = connect::connect(
            configured.credentials.clone(),
            identity.account.as_ref(),
            self.shared.secrets.as_deref(),
        )
        .await
        .map_err(|reason| unusable(identity, &configured.credentials, reason))?;
        self.connected().insert(identity.clone(), client.clone());
        Ok(client)
    }

    fn connected(&self) -> std::sync::MutexGuard<'_, BTreeMap<Identity, Client>> {
        let connected = &self.shared.connected;
        connected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clusters for ConfiguredClusters {
    fn version<'a>(&'a self, cluster: &'a str) -> BoxFuture<'a, Result<String, ClusterError>> {
        Box::pin(async move {
            let answer = self
                .call(Call {
                    cluster,
                    verb: "version",
                    about: "the server's version".to_owned(),
                    request: request::version()?,
                    repeat: Repeat::Freely,
                    words: Words::Open,
                })
                .await?;
            let version = answer.get("gitVersion").and_then(Value::as_str);
            version.map(str::to_owned).ok_or_else(|| {
                answers::unavailable(cluster, "its answer names no version".to_owned())
            })
        })
    }

    fn get<'a>(
        &'a self,
        cluster: &'a str,
        resource: &'a Resource,
        namespace: Option<&'a str>,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Value, ClusterError>> {
        Box::pin(async move {
            let call = Call {
                cluster,
                verb: "get",
                about: about(resource, namespace, Some(name)),
                request: request::get(resource, namespace, name)?,
                repeat: Repeat::Freely,
                words: words(resource),
            };
            Ok(bare(words(resource), self.call(call).await?))
        })
    }

    fn list<'a>(
        &'a self,
        cluster: &'a str,
        resource: &'a Resource,
        namespace: Option<&'a str>,
        selector: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<Value>, ClusterError>> {
        Box::pin(async move {
            let listed = self.pages(cluster, resource, namespace, selector).await;
            match listed {
                // The list took longer than the server keeps its state: once more from the beginning.
                Err(ClusterError::Refused { code: 410, .. }) => {
                    self.pages(cluster, resource, namespace, selector).await
                }
                other => other,
            }
        })
    }

    fn kept_whole<'a>(
        &'a self,
        cluster: &'a str,
        resource: &'a Resource,
        namespace: Option<&'a str>,
        wanted: Wanted<'a>,
    ) -> BoxFuture<'a, Result<Page, ClusterError>> {
        Box::pin(async move {
            let request = request::whole(resource, namespace, wanted)?;
            let (verb, name) = match wanted {
                Wanted::Named(name) => ("get", Some(name)),
                Wanted::Listed { .. } => ("list", None),
            };
            let call = Call {
                cluster,
                verb,
                about: about(resource, namespace, name),
                request,
                repeat: Repeat::Freely,
                words: words(resource),
            };
            let answer = self.call(call).await?;
            if name.is_some() {
                let objects = vec![answer];
                return Ok(Page {
                    objects,
                    next: None,
                });
            }
            let (objects, next) = take_page(cluster, answer)?;
            Ok(Page { objects, next })
        })
    }

    fn names<'a>(
        &'a self,
        cluster: &'a str,
        resource: &'a Resource,
        namespace: Option<&'a str>,
        matching: Matching<'a>,
        most: usize,
    ) -> BoxFuture<'a, Result<Names, ClusterError>> {
        Box::pin(async move {
            let mut found = Vec::new();
            let mut next: Option<String> = None;
            loop {
                let request = request::names(resource, namespace, matching, next.as_deref())?;
                let page = self.page(cluster, resource, namespace, request).await?;
                let left = page.pointer("/metadata/remainingItemCount");
                let left = left.and_then(Value::as_u64);
                let (items, more) = take_page(cluster, page)?;
                found.extend(items.iter().map(|item| names::name(item, namespace)));
                match more {
                    None => return Ok(names::all(found)),
                    Some(_) if found.len() >= most => return Ok(names::cut(found, left)),
                    Some(token) => next = Some(token),
                }
            }
        })
    }

    fn is_reached_by_programs(&self, cluster: &str, kubeconfig: Option<&str>) -> bool {
        let configured = self.shared.clusters.get(cluster);
        match (configured.map(|cluster| &cluster.credentials), kubeconfig) {
            (
                Some(Credentials::Kubeconfig {
                    path,
                    context: None,
                }),
                Some(named),
            ) => path.is_absolute() && path == std::path::Path::new(named),
            (Some(Credentials::InCluster | Credentials::Found { context: None }), None) => {
                cluster == PROGRAMS
            }
            (
                Some(
                    Credentials::Kubeconfig { .. }
                    | Credentials::InCluster
                    | Credentials::Found { .. },
                )
                | None,
                _,
            ) => false,
        }
    }

    fn assumed_namespace<'a>(
        &'a self,
        cluster: &'a str,
    ) -> BoxFuture<'a, Result<String, ClusterError>> {
        Box::pin(async move {
            let client = self.client(&self.identity(cluster)?).await?;
            Ok(client.default_namespace().to_owned())
        })
    }

    fn find<'a>(
        &'a self,
        cluster: &'a str,
        sort: Sort<'a>,
    ) -> BoxFuture<'a, Result<Resource, ClusterError>> {
        Box::pin(self.find_sort(cluster, sort))
    }

    fn kubeconfig<'a>(
        &'a self,
        cluster: &'a str,
    ) -> BoxFuture<'a, Result<SecretValue, ClusterError>> {
        Box::pin(self.kubeconfig_of(cluster))
    }

    fn served<'a>(&'a self, cluster: &'a str) -> BoxFuture<'a, Result<Vec<String>, ClusterError>> {
        Box::pin(self.served_by(cluster))
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
            let call = Call {
                cluster,
                verb: verb(change),
                about: about(resource, object.namespace, Some(object.name)),
                request: request::change(resource, object, change, dry_run)?,
                repeat: repeat(object),
                words: words(resource),
            };
            Ok(bare(words(resource), self.call(call).await?))
        })
    }

    fn logs<'a>(
        &'a self,
        cluster: &'a str,
        of: LogsOf<'a>,
        sink: &'a mut Sink<'_>,
    ) -> BoxFuture<'a, Result<(), ClusterError>> {
        Box::pin(async move {
            let identity = self.identity(cluster)?;
            let read = self.read_logs(&identity, of, sink).await;
            self.renew(&identity, &read);
            read
        })
    }

    fn exec<'a>(
        &'a self,
        cluster: &'a str,
        in_container: Container<'a>,
        argv: &'a [String],
        streams: ExecStreams<'a>,
    ) -> BoxFuture<'a, Result<ExecEnd, ClusterError>> {
        Box::pin(async move {
            let identity = self.identity(cluster)?;
            let run = self.run_in_container(&identity, in_container, argv, streams);
            let ended = run.await;
            self.renew(&identity, &ended);
            ended
        })
    }

    fn acting_for(&self, runbook: &RunbookName) -> Arc<dyn Clusters> {
        Arc::new(Self {
            shared: Arc::clone(&self.shared),
            runbook: Some(runbook.clone()),
        })
    }

    fn takes_notes(&self, cluster: &str) -> bool {
        let configured = self.shared.clusters.get(cluster);
        configured.is_some_and(|cluster| cluster.events)
    }

    fn deadline(&self) -> Span {
        self.shared.deadline
    }
}

impl ConfiguredClusters {
    async fn pages(
        &self,
        cluster: &str,
        resource: &Resource,
        namespace: Option<&str>,
        selector: Option<&str>,
    ) -> Result<Vec<Value>, ClusterError> {
        let mut found = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let request = request::list(resource, namespace, selector, next.as_deref())?;
            let page = self.page(cluster, resource, namespace, request).await?;
            let (items, more) = take_page(cluster, page)?;
            let bare = |item| bare(words(resource), item);
            found.extend(items.into_iter().map(bare));
            if found.len() > MOST_OBJECTS {
                return Err(ClusterError::Refused {
                    code: 413,
                    message: format!(
                        "there are more than {MOST_OBJECTS} {}\nhint: name a namespace or a selector",
                        resource.plural
                    ),
                });
            }
            if more.is_none() {
                return Ok(found);
            }
            next = more;
        }
    }

    async fn page(
        &self,
        cluster: &str,
        resource: &Resource,
        namespace: Option<&str>,
        request: http::Request<Vec<u8>>,
    ) -> Result<Value, ClusterError> {
        self.call(Call {
            cluster,
            verb: "list",
            about: about(resource, namespace, None),
            request,
            repeat: Repeat::Freely,
            words: words(resource),
        })
        .await
    }
}

/// Where nothing was configured, nothing was found; what was configured is wrong.
fn unusable(identity: &Identity, credentials: &Credentials, reason: String) -> ClusterError {
    let cluster = identity.cluster.clone();
    match (credentials, &identity.account) {
        (Credentials::Found { context: None } | Credentials::InCluster, None) => {
            ClusterError::NotConfigured(cluster, reason)
        }
        (
            Credentials::Found { .. } | Credentials::InCluster | Credentials::Kubeconfig { .. },
            _,
        ) => ClusterError::Misconfigured { cluster, reason },
    }
}

fn verb(change: Change<'_>) -> &'static str {
    match change {
        Change::Create(_) => "create",
        Change::Apply { .. } => "apply",
        Change::Merge(_) | Change::Replace(_) | Change::Json(_) => "patch",
        Change::Delete(_) => "delete",
    }
}

fn words(resource: &Resource) -> Words {
    if request::is_secret(resource) {
        Words::OfSecret
    } else {
        Words::Open
    }
}

/// A refused eviction is no busy server: a disruption budget forbids it, and answers with the same code.
fn repeat(object: ObjectPath<'_>) -> Repeat {
    match object.subresource {
        Some("eviction") => Repeat::Never,
        Some(_) | None => Repeat::IfBusy,
    }
}

fn about(resource: &Resource, namespace: Option<&str>, name: Option<&str>) -> String {
    let what = match name {
        Some(name) => format!("{} {name}", resource.kind.to_lowercase()),
        None => resource.plural.clone(),
    };
    match namespace {
        Some(namespace) => format!("{what} in namespace {namespace}"),
        None => what,
    }
}
