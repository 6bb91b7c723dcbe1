//! Kubernetes API servers.

use crate::{
    domain::{name::RunbookName, secret::SecretValue, span::Span},
    ports::BoxFuture,
};
use serde_json::Value;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};

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
    /// Its credentials cannot be used.
    #[error("the Kubernetes cluster `{cluster}` cannot be reached as configured: {reason}")]
    Misconfigured {
        /// Which.
        cluster: String,
        /// Why.
        reason: String,
    },
    /// It is not there.
    #[error("{0} was not found")]
    NotFound(String),
    /// Rights are missing.
    #[error(
        "the API server forbids it: {message}\nhint: grant this right to {account}; `orderly rbac --runbooks` prints the rights that runbooks need"
    )]
    Forbidden {
        /// The server's words.
        message: String,
        /// Who asked, and what names them.
        account: String,
    },
    /// It is forbidden to somebody who may do it, most likely because the server has just started and does not know its rules yet.
    #[error("the API server forbids it for now, as one does that has just started: {message}")]
    ForbiddenForNow {
        /// The server's words.
        message: String,
    },
    /// The object is not what the request counts on: it changed meanwhile, is there already, or another manager owns the fields.
    #[error("{about}: {message}")]
    Conflict {
        /// The object.
        about: String,
        /// The server's words; of a conflict of server-side apply they name the fields and their managers.
        message: String,
    },
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
            Self::Conflict { .. } | Self::Unavailable { .. } | Self::ForbiddenForNow { .. } => true,
            Self::Refused { code, .. } => *code == 429,
            Self::NotConfigured(..)
            | Self::Misconfigured { .. }
            | Self::NotFound(_)
            | Self::Forbidden { .. } => false,
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
    /// Objects as the server keeps them: the only door through which values of Secrets come. `backup/kubernetes` goes through it, and what
    /// comes goes into an encrypted artifact; and rotations do, for the one value that they are about to replace, which goes into the vault.
    /// Pages come in the order of the server's keys: by namespace, then by name.
    fn kept_whole<'a>(
        &'a self,
        cluster: &'a str,
        _resource: &'a Resource,
        _namespace: Option<&'a str>,
        _wanted: Wanted<'a>,
    ) -> BoxFuture<'a, Result<Page, ClusterError>> {
        let reason = "nothing is handed out whole".to_owned();
        let cluster = cluster.to_owned();
        Box::pin(std::future::ready(Err(ClusterError::Misconfigured {
            cluster,
            reason,
        })))
    }
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
    /// What the server calls a sort of object that is not built in. Asked of the server once; what it does not serve is asked for
    /// again.
    fn find<'a>(
        &'a self,
        cluster: &'a str,
        sort: Sort<'a>,
    ) -> BoxFuture<'a, Result<Resource, ClusterError>>;
    /// Changes one object, or a part of it; gives what the server answers. With `dry_run` the server checks it and leaves it at that.
    fn change<'a>(
        &'a self,
        cluster: &'a str,
        resource: &'a Resource,
        object: ObjectPath<'a>,
        change: Change<'a>,
        dry_run: bool,
    ) -> BoxFuture<'a, Result<Value, ClusterError>>;
    /// What a container printed, piece by piece into `sink`; ends with the log as it is now, or with the container where it is followed.
    /// Only the pauses have a deadline, not the whole.
    fn logs<'a>(
        &'a self,
        cluster: &'a str,
        of: LogsOf<'a>,
        sink: &'a mut Sink<'_>,
    ) -> BoxFuture<'a, Result<(), ClusterError>>;
    /// Runs a program in a container, without a terminal. What it prints is read only as fast as it is taken. Dropping the future closes
    /// the connection, which is all that can be done from here to end the program.
    fn exec<'a>(
        &'a self,
        cluster: &'a str,
        in_container: Container<'a>,
        argv: &'a [String],
        streams: ExecStreams<'a>,
    ) -> BoxFuture<'a, Result<ExecEnd, ClusterError>>;
    /// The same clusters as this runbook reaches them: as the account that the configuration names for it.
    fn acting_for(&self, runbook: &RunbookName) -> Arc<dyn Clusters>;
    /// Whether the agent leaves events there on what its steps have changed.
    fn takes_notes(&self, _cluster: &str) -> bool {
        true
    }
    /// A kubeconfig of this cluster alone, as the one who acts here reaches it, for a program that is handed it. It may hold a token.
    fn kubeconfig<'a>(
        &'a self,
        cluster: &'a str,
    ) -> BoxFuture<'a, Result<SecretValue, ClusterError>> {
        let reason = "no program can be handed its credentials".to_owned();
        let cluster = cluster.to_owned();
        Box::pin(std::future::ready(Err(ClusterError::Misconfigured {
            cluster,
            reason,
        })))
    }
    /// What the server serves beside the core group: each `group/version`, and each `group/version/Kind`.
    fn served<'a>(&'a self, cluster: &'a str) -> BoxFuture<'a, Result<Vec<String>, ClusterError>> {
        let reason = "nobody says what it serves".to_owned();
        let cluster = cluster.to_owned();
        Box::pin(std::future::ready(Err(ClusterError::Unavailable {
            cluster,
            reason,
        })))
    }
    /// How long a call may take.
    fn deadline(&self) -> Span {
        Span::from_secs(30)
    }
}

/// Which objects a backup wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// The one of this name.
    Named(&'a str),
    /// A page of all, or of those with these labels.
    Listed {
        /// Labels that each has.
        selector: Option<&'a str>,
        /// Where the page begins, as the one before it says; the first page where nothing is said.
        from: Option<&'a str>,
    },
}

/// A page of objects.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// Each.
    pub objects: Vec<Value>,
    /// Where the next page begins; nothing after the last.
    pub next: Option<String>,
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

/// How a sort of object is named where it may not be built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort<'a> {
    /// As a manifest names it: `apiVersion` and `kind`.
    Manifest(&'a str, &'a str),
    /// As effects name it: the kind in lower-case letters or its plural, and the group: `certificate.cert-manager.io`. The version is
    /// the one that the server prefers.
    Effect(&'a str),
}

/// A change of one object.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// A new object, or, with a part such as `eviction` or `token`, what is asked of that part. The name in the path counts for parts.
    Create(&'a Value),
    /// Server-side apply in the agent's name: the fields given are as they are here from now on. With `force`, fields of other
    /// managers are taken over; without, such a field is a conflict that names them.
    Apply {
        /// The fields.
        object: &'a Value,
        /// Whether to take fields over.
        force: bool,
    },
    /// A strategic merge patch (built-in kinds), or a merge patch (others and parts). `metadata.uid` and `metadata.resourceVersion` in it are
    /// preconditions: another object, or one that changed, is a conflict.
    Merge(&'a Value),
    /// A merge patch (RFC 7386) for every kind: a list replaces a list.
    Replace(&'a Value),
    /// A JSON patch (RFC 6902).
    Json(&'a Value),
    /// Removes it.
    Delete(Deletion<'a>),
}

/// How an object is removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deletion<'a> {
    /// Only this very object; another one of the same name is a conflict.
    pub uid: Option<&'a str>,
    /// Only in this state; one that changed is a conflict.
    pub resource_version: Option<&'a str>,
    /// How long its containers get to end, in seconds; what the object itself says where none is given.
    pub grace_seconds: Option<u32>,
    /// What becomes of the objects that it owns.
    pub dependents: Dependents,
}

/// What becomes of the objects that a deleted one owns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dependents {
    /// They are deleted after it.
    #[default]
    Background,
    /// They are deleted before it.
    Foreground,
    /// They stay.
    Orphan,
}

/// A container of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Container<'a> {
    /// The pod's namespace.
    pub namespace: &'a str,
    /// The pod.
    pub pod: &'a str,
    /// The container; the pod's only or default one where none is named.
    pub container: Option<&'a str>,
}

/// What of a container's output is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogsOf<'a> {
    /// Whose.
    pub container: Container<'a>,
    /// Of the instance before the last restart.
    pub previous: bool,
    /// Only what was printed in so many last seconds.
    pub since_seconds: Option<u32>,
    /// Only so many last lines.
    pub tail_lines: Option<u32>,
    /// Whether to go on until the container ends.
    pub follow: bool,
}

/// Where bytes go; it takes them as fast as it can.
pub type Sink<'a> = dyn AsyncWrite + Send + Unpin + 'a;

/// Input and outputs of a program in a container.
#[expect(missing_debug_implementations, reason = "streams say nothing")]
pub struct ExecStreams<'a> {
    /// Standard input; none: it is closed.
    pub stdin: Option<&'a mut (dyn AsyncRead + Send + Unpin + 'a)>,
    /// Standard output.
    pub stdout: &'a mut Sink<'a>,
    /// Standard error.
    pub stderr: &'a mut Sink<'a>,
}

/// How a program in a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecEnd {
    /// With this exit code.
    Exited(i32),
    /// It could not be started, or its connection was lost; in the server's words.
    Failed(String),
}
