//! Artifacts as outputs show them.

use crate::{
    domain::{id::ArtifactId, name::ArtifactName},
    ports::archive::{Form, Stored},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::IntoDeserializer as _};
use std::collections::BTreeMap;

/// What is in an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactKind {
    /// A compressed tar of files and folders.
    Files,
    /// A compressed SQLite database.
    Sqlite,
    /// What a program printed, compressed.
    Stream,
    /// What containers said, compressed.
    Logs,
    /// Objects of a cluster, one a line, compressed.
    Kubernetes,
    /// Releases of Helm, one a line, compressed.
    Helm,
    /// A compressed tar of a volume's files.
    Volume,
    /// A dump of a PostgreSQL database in custom format, compressed.
    Postgres,
    /// A snapshot of an etcd, compressed.
    Etcd,
}

impl ArtifactKind {
    /// The kind of this word; none where this agent does not know it.
    pub fn parse(word: &str) -> Option<Self> {
        Self::deserialize(word.into_deserializer())
            .map_err(|_: serde::de::value::Error| ())
            .ok()
    }

    /// The word used in outputs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Sqlite => "sqlite",
            Self::Stream => "stream",
            Self::Logs => "logs",
            Self::Kubernetes => "kubernetes",
            Self::Helm => "helm",
            Self::Volume => "volume",
            Self::Postgres => "postgres",
            Self::Etcd => "etcd",
        }
    }
    /// What its bytes are.
    pub(in crate::actions) fn form(self) -> Form {
        match self {
            Self::Files => Form::Files,
            Self::Sqlite => Form::Sqlite,
            Self::Stream
            | Self::Logs
            | Self::Postgres
            | Self::Etcd
            | Self::Kubernetes
            | Self::Helm => Form::Stream,
            Self::Volume => Form::Tar,
        }
    }
    /// What its entries are.
    pub(super) fn entries(self) -> &'static str {
        match self {
            Self::Files => "members",
            Self::Sqlite => "pages",
            Self::Stream | Self::Logs | Self::Volume => "stream",
            Self::Kubernetes => "objects",
            Self::Helm => "releases",
            Self::Postgres => "dump",
            Self::Etcd => "snapshot",
        }
    }
}

/// An artifact, as outputs show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// What is in it.
    pub kind: ArtifactKind,
    /// The name of the backup.
    pub name: String,
    /// Where it is: a path, or `<store>:<key>`.
    pub path: String,
    /// Whether it is encrypted.
    #[serde(default)]
    pub encrypted: bool,
    /// Bytes as stored.
    pub size: u64,
    /// Bytes before compression.
    pub raw_size: u64,
    /// SHA-256 of what is stored, in hexadecimal digits.
    pub sha256: String,
    /// Members of an archive, pages of a database, objects, releases; 1 for a stream, logs or a volume.
    pub entries: u64,
    /// Why it is not to be relied on, if that is so: it is much smaller than the one before, or outside its bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
}

impl Artifact {
    /// What was stored under this name.
    pub(in crate::actions) fn of(kind: ArtifactKind, name: &ArtifactName, stored: &Stored) -> Self {
        Self {
            kind,
            name: name.to_string(),
            path: stored.location.to_string(),
            encrypted: stored.encrypted,
            size: stored.size,
            raw_size: stored.raw_size,
            sha256: stored.sha256.to_string(),
            entries: stored.entries,
            doubt: None,
        }
    }
}

/// A trial restore, as outputs show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// Where the artifact is.
    pub path: String,
    /// SHA-256 of what is stored, in hexadecimal digits.
    pub sha256: String,
    /// Members of an archive or a volume, tables of a database, objects, releases; 1 for a stream or logs.
    pub entries: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// `files`, `folders`, `links` and `bytes` of an archive; rows by table of a database; `bytes` and `lines` of a stream or logs; objects
    /// by kind, and with a `cluster` how many it would take; `releases`, `objects` and `values`.
    pub content: BTreeMap<String, u64>,
}

/// An artifact that is not to be relied on, as the outputs of a step that failed show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unsound {
    /// Where the artifact is.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// An artifact that was removed on purpose, as outputs show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    /// Its id.
    #[schemars(with = "String")]
    pub id: ArtifactId,
    /// Where it was.
    pub path: String,
    /// Bytes as stored.
    pub size: u64,
    /// Why.
    pub why: String,
}

/// What a backup leaves for later steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BackupOutputs {
    /// The artifact.
    pub artifact: Artifact,
    /// What was left out, and why: sockets, devices, files that were removed meanwhile.
    pub skipped: Vec<String>,
    /// Files that changed while they were read.
    pub changed: Vec<String>,
}
