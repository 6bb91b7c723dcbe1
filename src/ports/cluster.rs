//! Kubernetes API servers.

use crate::{domain::span::Span, ports::BoxFuture};
use serde_json::Value;

/// A sort of object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Empty for the core group.
    pub group: String,
    /// `v1`.
    pub version: String,
    /// `deployments`.
    pub plural: String,
    /// `Deployment`.
    pub kind: String,
    /// Whether it lives in a namespace.
    pub namespaced: bool,
}

/// Why the API server did not do it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClusterError {
    /// No configuration leads to this cluster.
    #[error(
        "no Kubernetes cluster named `{0}` is configured: {1}\nhint: set `clusters:` in the configuration, or run where a kubeconfig or a service account is"
    )]
    NotConfigured(String, String),
    /// It is not there.
    #[error("{0} was not found")]
    NotFound(String),
    /// Rights are missing.
    #[error("the API server forbids it: {0}\nhint: grant the agent's service account this right")]
    Forbidden(String),
    /// The object changed meanwhile.
    #[error("{0} changed meanwhile")]
    Conflict(String),
    /// The server refused the request as it is.
    #[error("the API server refused the request ({code}): {message}")]
    Refused {
        /// HTTP status.
        code: u16,
        /// Its words.
        message: String,
    },
    /// It could not be reached, was too slow, or failed by itself. Trying again may help.
    #[error("the API server of cluster `{cluster}` did not answer: {reason}")]
    Unavailable {
        /// Which.
        cluster: String,
        /// Why.
        reason: String,
    },
}

impl ClusterError {
    /// Whether trying again may help.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Conflict(_) | Self::Unavailable { .. } => true,
            Self::Refused { code, .. } => *code == 429,
            Self::NotConfigured(..) | Self::NotFound(_) | Self::Forbidden(_) => false,
        }
    }
}

/// Talks to API servers, by the cluster's configured name. Every call has a deadline of 30 s.
pub trait Clusters: Send + Sync + std::fmt::Debug {
    /// The server's version, as text; a sign of life.
    fn version<'a>(&'a self, cluster: &'a str) -> BoxFuture<'a, Result<String, ClusterError>>;
    /// One object.
    fn get<'a>(
        &'a self,
        cluster: &'a str,
        resource: &'a Resource,
        namespace: Option<&'a str>,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Value, ClusterError>>;
    /// All that match the label selector, in one namespace or in all; read page by page.
    fn list<'a>(
        &'a self,
        cluster: &'a str,
        resource: &'a Resource,
        namespace: Option<&'a str>,
        selector: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<Value>, ClusterError>>;
    /// The names of all that match, in one namespace or in all, until there are `most` of them; nothing but metadata is read. Those of
    /// all namespaces are written `namespace/name`.
    fn names<'a>(
        &'a self,
        cluster: &'a str,
        resource: &'a Resource,
        namespace: Option<&'a str>,
        matching: Matching<'a>,
        most: usize,
    ) -> BoxFuture<'a, Result<Names, ClusterError>>;
    /// Whether a program that a step starts finds this very cluster by itself, with this `KUBECONFIG` or with none. Where that is not
    /// sure, it does not.
    fn is_reached_by_programs(&self, cluster: &str, kubeconfig: Option<&str>) -> bool;
    /// The namespace that such a program takes where it is told none: that of its kubeconfig's context, or of its pod.
    fn assumed_namespace<'a>(
        &'a self,
        cluster: &'a str,
    ) -> BoxFuture<'a, Result<String, ClusterError>>;
    /// A strategic merge patch (core kinds) or merge patch (others), optionally on a subresource such as `scale`.
    fn patch<'a>(
        &'a self,
        cluster: &'a str,
        resource: &'a Resource,
        object: ObjectPath<'a>,
        patch: &'a Value,
        dry_run: bool,
    ) -> BoxFuture<'a, Result<Value, ClusterError>>;
    /// How long a call may take.
    fn deadline(&self) -> Span {
        Span::from_secs(30)
    }
}

/// Which objects of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matching<'a> {
    /// Every one.
    All,
    /// Those with these labels.
    Labels(&'a str),
    /// Those with these fields.
    Fields(&'a str),
}

/// Names of objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// Each.
    pub names: Vec<String>,
    /// Whether there are more.
    pub more: More,
}

/// What a list leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum More {
    /// Nothing.
    None,
    /// So many, by the server's word.
    Some(u32),
    /// The server does not say how many.
    Unknown,
}

/// One object, or a part of it.
#[derive(Debug, Clone, Copy)]
pub struct ObjectPath<'a> {
    /// None for cluster-scoped objects.
    pub namespace: Option<&'a str>,
    /// Its name.
    pub name: &'a str,
    /// `scale`, `status`, …
    pub subresource: Option<&'a str>,
}
