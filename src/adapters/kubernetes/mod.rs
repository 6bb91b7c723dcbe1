//! Kubernetes API servers through the `kube` crate: its configuration, credentials, TLS and request building.
//!
//! Invariants
//! - Nothing is connected before the first call; a cluster that is away hurts only the steps that name it.
//! - One call is one request: it is never repeated here, because a repeated change asks the gate again.
//! - Every request has a deadline, from connecting to the last byte, and every body a bound.
//! - Secrets of a cluster are only ever read as metadata; their values do not enter the agent.
//!
//! Answers are read as JSON here rather than by `kube`'s `Api`, which reads bodies of any length and prints those it cannot read.

mod connect;
mod names;
mod request;

use crate::{
    domain::span::Span,
    ports::{
        BoxFuture,
        cluster::{ClusterError, Clusters, Matching, Names, ObjectPath, Resource},
    },
};
use http_body_util::{BodyExt as _, Limited};
use kube::{Client, client::Body};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};
use tracing::{instrument::WithSubscriber as _, subscriber::NoSubscriber};

/// The longest answer in bytes; a page of 500 large pods has some 10 MiB.
const LONGEST: usize = 64 << 20;
/// How many objects a list may have in all.
const MOST_OBJECTS: usize = 50_000;
/// How much of an error that is not JSON is shown.
const SHOWN: usize = 300;
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

/// The clusters that the configuration names.
#[derive(Debug)]
pub struct ConfiguredClusters {
    credentials: BTreeMap<String, Credentials>,
    connected: Mutex<BTreeMap<String, Connected>>,
    deadline: Span,
}

#[derive(Clone)]
struct Connected(Client);

impl std::fmt::Debug for Connected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("connected")
    }
}

/// One request and what it is about.
struct Call<'a> {
    cluster: &'a str,
    /// For errors: `deployment web in namespace shop`.
    about: String,
    request: http::Request<Vec<u8>>,
}

impl ConfiguredClusters {
    /// Nothing is connected yet.
    pub fn new(credentials: BTreeMap<String, Credentials>) -> Self {
        Self {
            credentials,
            connected: Mutex::default(),
            deadline: Span::from_secs(DEADLINE_SECONDS),
        }
    }

    /// With another deadline for each call than 30 s.
    #[must_use]
    pub fn with_deadline(self, deadline: Span) -> Self {
        Self { deadline, ..self }
    }

    async fn call(&self, call: Call<'_>) -> Result<Value, ClusterError> {
        let cluster = call.cluster;
        // The library logs every failure; what is worth a line here is for the caller to say.
        let quiet = self.send(call).with_subscriber(NoSubscriber::default());
        let answer = tokio::time::timeout(self.deadline.duration(), quiet).await;
        let result = answer.unwrap_or_else(|_elapsed| {
            let reason = format!("no answer within {}", self.deadline);
            Err(unavailable(cluster, reason))
        });
        if result.as_ref().is_err_and(may_be_the_connection) {
            self.forget(cluster);
        }
        result
    }

    async fn send(&self, call: Call<'_>) -> Result<Value, ClusterError> {
        let client = self.client(call.cluster).await?;
        let lost = |error: &dyn std::error::Error| unavailable(call.cluster, chain(error));
        let answer = client
            .send(call.request.map(Body::from))
            .await
            .map_err(|error| lost(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LONGEST)
            .collect()
            .await
            .map_err(|error| lost(error.as_ref()))?
            .to_bytes();
        if !status.is_success() {
            return Err(refusal(call.cluster, call.about, status.as_u16(), &body));
        }
        serde_json::from_slice(&body)
            .map_err(|error| unavailable(call.cluster, format!("its answer is not JSON: {error}")))
    }

    async fn client(&self, cluster: &str) -> Result<Client, ClusterError> {
        if let Some(Connected(client)) = self.connected().get(cluster) {
            return Ok(client.clone());
        }
        let credentials = self.credentials.get(cluster).ok_or_else(|| {
            let known: Vec<&str> = self.credentials.keys().map(String::as_str).collect();
            let known = match known.as_slice() {
                [] => "there is none".to_owned(),
                names => format!("there are {}", names.join(", ")),
            };
            ClusterError::NotConfigured(cluster.to_owned(), known)
        })?;
        let client = connect::connect(credentials.clone())
            .await
            .map_err(|reason| ClusterError::NotConfigured(cluster.to_owned(), reason))?;
        self.connected()
            .insert(cluster.to_owned(), Connected(client.clone()));
        Ok(client)
    }

    /// The next call reads the credentials anew.
    fn forget(&self, cluster: &str) {
        self.connected().remove(cluster);
    }

    fn connected(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Connected>> {
        self.connected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clusters for ConfiguredClusters {
    fn version<'a>(&'a self, cluster: &'a str) -> BoxFuture<'a, Result<String, ClusterError>> {
        Box::pin(async move {
            let answer = self
                .call(Call {
                    cluster,
                    about: "the server's version".to_owned(),
                    request: request::version()?,
                })
                .await?;
            let version = answer.get("gitVersion").and_then(Value::as_str);
            version
                .map(str::to_owned)
                .ok_or_else(|| unavailable(cluster, "its answer names no version".to_owned()))
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
            self.call(Call {
                cluster,
                about: about(resource, namespace, Some(name)),
                request: request::get(resource, namespace, name)?,
            })
            .await
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
            let mut found = Vec::new();
            let mut next: Option<String> = None;
            loop {
                let page = self
                    .call(Call {
                        cluster,
                        about: about(resource, namespace, None),
                        request: request::list(resource, namespace, selector, next.as_deref())?,
                    })
                    .await?;
                let (items, more) = take_page(cluster, page)?;
                found.extend(items);
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
                let page = self
                    .call(Call {
                        cluster,
                        about: about(resource, namespace, None),
                        request: request::names(resource, namespace, matching, next.as_deref())?,
                    })
                    .await?;
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
        match (self.credentials.get(cluster), kubeconfig) {
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
            let client = self.client(cluster).await?;
            Ok(client.default_namespace().to_owned())
        })
    }

    fn patch<'a>(
        &'a self,
        cluster: &'a str,
        resource: &'a Resource,
        object: ObjectPath<'a>,
        patch: &'a Value,
        dry_run: bool,
    ) -> BoxFuture<'a, Result<Value, ClusterError>> {
        Box::pin(async move {
            self.call(Call {
                cluster,
                about: about(resource, object.namespace, Some(object.name)),
                request: request::patch(resource, object, patch, dry_run)?,
            })
            .await
        })
    }

    fn deadline(&self) -> Span {
        self.deadline
    }
}

/// The objects of a page, and the token of the next one.
fn take_page(cluster: &str, mut page: Value) -> Result<(Vec<Value>, Option<String>), ClusterError> {
    let more = page
        .pointer("/metadata/continue")
        .and_then(Value::as_str)
        .filter(|token| !token.is_empty())
        .map(str::to_owned);
    match page.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => Ok((items, more)),
        // An empty list of Go is written as null.
        Some(Value::Null) => Ok((Vec::new(), more)),
        _ => Err(unavailable(cluster, "its answer is not a list".to_owned())),
    }
}

/// New credentials or a new connection may help against it.
fn may_be_the_connection(error: &ClusterError) -> bool {
    match error {
        ClusterError::Unavailable { .. } => true,
        ClusterError::Refused { code, .. } => *code == 401,
        ClusterError::NotConfigured(..)
        | ClusterError::NotFound(_)
        | ClusterError::Forbidden(_)
        | ClusterError::Conflict(_) => false,
    }
}

fn refusal(cluster: &str, about: String, code: u16, body: &[u8]) -> ClusterError {
    let message = message(body);
    match code {
        404 => ClusterError::NotFound(about),
        403 => ClusterError::Forbidden(message),
        409 => ClusterError::Conflict(about),
        401 => ClusterError::Refused {
            code,
            message: format!(
                "{message}\nhint: the agent's credentials for cluster `{cluster}` are not accepted; renew them"
            ),
        },
        500.. => unavailable(cluster, format!("it failed with {code}: {message}")),
        _ => ClusterError::Refused { code, message },
    }
}

/// The server's words: `message` of a `Status`, or the beginning of whatever came.
fn message(body: &[u8]) -> String {
    let status: Option<Value> = serde_json::from_slice(body).ok();
    let message = status
        .as_ref()
        .and_then(|status| status.get("message"))
        .and_then(Value::as_str);
    match message {
        Some(message) => message.chars().take(SHOWN).collect(),
        None => String::from_utf8_lossy(body)
            .chars()
            .filter(|c| !c.is_control())
            .take(SHOWN)
            .collect(),
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

fn unavailable(cluster: &str, reason: String) -> ClusterError {
    ClusterError::Unavailable {
        cluster: cluster.to_owned(),
        reason,
    }
}

/// An error with its causes. `kube` repeats causes in its own text; what was said already is left out.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        source = cause.source();
    }
    text
}
