//! What can be configured. The documentation's table and the schema are generated from these types.

use crate::{
    config::{ai::AiConfig, artifacts::ArtifactsConfig, audit::AuditConfig, policy::PolicyConfig},
    domain::{
        access::Role,
        name::{ChannelName, EnvironmentName, RunbookName, SecretName, WebhookName},
        span::Span,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// The agent's configuration.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// Where this agent runs; chooses values and autonomy in the repository.
    #[schemars(with = "String")]
    pub environment: EnvironmentName,
    /// Where the history, logs, artifacts and the copy of the repository are kept.
    pub state_dir: PathBuf,
    /// The repository to follow.
    pub source: SourceConfig,
    /// The HTTP server.
    pub http: HttpConfig,
    /// What the agent writes to standard error.
    pub log: LogConfig,
    /// How runs are carried out.
    pub runs: RunsConfig,
    /// The safety gate's policy. The repository can tighten it, never loosen it.
    pub policy: PolicyConfig,
    /// Secrets by name: where each value is read from.
    #[schemars(with = "BTreeMap<String, SecretRef>")]
    pub secrets: BTreeMap<SecretName, SecretRef>,
    /// Notification channels by name.
    #[schemars(with = "BTreeMap<String, ChannelConfig>")]
    pub channels: BTreeMap<ChannelName, ChannelConfig>,
    /// Webhooks by name: each is answered at `/hooks/<name>`.
    #[schemars(with = "BTreeMap<String, WebhookConfig>")]
    pub webhooks: BTreeMap<WebhookName, WebhookConfig>,
    /// Kubernetes clusters by name; `default` is used where a step names none.
    pub clusters: BTreeMap<String, ClusterConfig>,
    /// Where artifacts are kept, and for whom they are encrypted.
    pub artifacts: ArtifactsConfig,
    /// The AI reviewer. It can only make the gate stricter.
    pub ai: AiConfig,
    /// What becomes of the audit log.
    pub audit: AuditConfig,
    /// How long things are kept.
    pub retention: RetentionConfig,
}

/// The repository to follow.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SourceConfig {
    /// A folder, `https://…`, `ssh://…` or `user@host:path`. `.` is the repository that holds the working directory.
    pub url: String,
    /// The branch to follow; the repository's own default where neither branch nor tag is named.
    pub branch: Option<String>,
    /// The tag to follow instead of a branch.
    pub tag: Option<String>,
    /// The folder in the repository that holds the runbooks.
    pub path: String,
    /// How often to look for a new commit. A random tenth is added or taken.
    pub poll: Span,
    /// How long one fetch may take.
    pub deadline: Span,
    /// How to prove who we are.
    pub credentials: CredentialsConfig,
}

/// How to prove who we are to the repository's host.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CredentialsConfig {
    /// For https: the user name; most hosts take any.
    pub user: Option<String>,
    /// For https: the secret that holds the token.
    #[schemars(with = "Option<String>")]
    pub token: Option<SecretName>,
    /// For ssh: the private key's file.
    pub ssh_key: Option<PathBuf>,
    /// For ssh: the secret that holds the key's passphrase.
    #[schemars(with = "Option<String>")]
    pub ssh_passphrase: Option<SecretName>,
    /// For ssh: the file of known hosts. A host that is not in it is refused.
    pub known_hosts: Option<PathBuf>,
}

/// The HTTP server.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HttpConfig {
    /// Address and port.
    #[schemars(with = "String")]
    pub listen: std::net::SocketAddr,
    /// Whether reading needs no token while `listen` is a loopback address. Changes always need one.
    pub open_reads: bool,
    /// Who may read `/metrics`: `token`, as every other read; or `open`, everybody who reaches the address, as most scrapers expect.
    pub metrics: MetricsAccess,
    /// Host names that requests may use beside loopback ones.
    pub allowed_hosts: Vec<String>,
    /// Who may do what.
    pub tokens: Vec<TokenConfig>,
}

/// Who may read the metrics. They hold names of runbooks, actions and channels, and how runs ended; never what a step was told or printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MetricsAccess {
    /// Who may read everything else.
    Token,
    /// Everybody.
    Open,
}

/// A bearer token. The token itself is never in the configuration.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenConfig {
    /// Whose it is; two tokens of one subject are one person.
    pub subject: String,
    /// What they may do.
    pub role: Role,
    /// Their groups, for approvals.
    #[serde(default)]
    pub groups: BTreeSet<String>,
    /// The secret that holds the token.
    #[schemars(with = "String")]
    pub secret: SecretName,
}

/// What the agent writes to standard error.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LogConfig {
    /// Text for people or JSON for machines.
    pub format: LogFormat,
    /// Level, or a filter as `orderly=debug,info`.
    pub filter: String,
}

/// Text for people or JSON for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// How runs are carried out.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RunsConfig {
    /// How many runs go on at once; more wait for their turn.
    pub concurrency: u32,
    /// How long running steps get to end when the agent is stopped.
    pub shutdown_grace: Span,
    /// How many bytes of a step's output are kept.
    pub log_limit_bytes: u64,
}

/// Where a secret's value is read from: exactly one of both.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum SecretRef {
    /// A variable of the agent's environment, read at start.
    Env(String),
    /// A file, read anew at each use; one trailing line break is taken off.
    File(PathBuf),
}

/// A notification channel: exactly one of both.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum ChannelConfig {
    /// A JSON object is posted there.
    Webhook(String),
    /// As `webhook`, with the address in this secret.
    WebhookSecret(#[schemars(with = "String")] SecretName),
}

/// A webhook that starts runs.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookConfig {
    /// The secret that requests are signed with (HMAC-SHA-256 over the raw body).
    #[schemars(with = "String")]
    pub secret: SecretName,
}

/// A Kubernetes cluster.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ClusterConfig {
    /// The kubeconfig file; where none is named, the service account of the pod, else `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// The context in it; its current one where none is named.
    pub context: Option<String>,
    /// As whom runbooks reach it; as the agent itself where none is named.
    pub account: Option<AccountConfig>,
    /// As whom single runbooks reach it, by their names.
    #[schemars(with = "BTreeMap<String, AccountConfig>")]
    pub accounts: BTreeMap<RunbookName, AccountConfig>,
    /// Whether the agent leaves a Kubernetes Event on each object that a step has changed, so that `kubectl describe` says who did it.
    pub events: bool,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            kubeconfig: None,
            context: None,
            account: None,
            accounts: BTreeMap::new(),
            events: true,
        }
    }
}

/// An account of a cluster: exactly one of these.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum AccountConfig {
    /// A service account that the agent impersonates, as `namespace/name`.
    ServiceAccount(String),
    /// The secret that holds a token of the account.
    #[schemars(with = "String")]
    Token(SecretName),
}

impl AccountConfig {
    /// Namespace and name of a service account; none where it is none, or not written as one (RFC 1123 labels).
    pub fn service_account(&self) -> Option<(&str, &str)> {
        let Self::ServiceAccount(text) = self else {
            return None;
        };
        let plain = |part: &str| {
            let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
            !part.is_empty() && part.len() <= 253 && part.chars().all(inside)
        };
        text.split_once('/')
            .filter(|(namespace, name)| plain(namespace) && plain(name))
    }
}

/// How long things are kept.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RetentionConfig {
    /// Ended runs; the last 20 of each runbook are kept beyond it.
    pub runs: Span,
    /// Output of steps.
    pub logs: Span,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            environment: local(),
            state_dir: PathBuf::from("orderly-state"),
            source: SourceConfig::default(),
            http: HttpConfig::default(),
            log: LogConfig::default(),
            runs: RunsConfig::default(),
            policy: PolicyConfig::default(),
            secrets: BTreeMap::new(),
            channels: BTreeMap::new(),
            webhooks: BTreeMap::new(),
            clusters: BTreeMap::new(),
            artifacts: ArtifactsConfig::default(),
            ai: AiConfig::default(),
            audit: AuditConfig::default(),
            retention: RetentionConfig::default(),
        }
    }
}

#[expect(clippy::expect_used, reason = "a constant that is a valid name")]
fn local() -> EnvironmentName {
    EnvironmentName::new("local").expect("`local` is a name")
}

impl Default for SourceConfig {
    fn default() -> Self {
        Self {
            url: ".".to_owned(),
            branch: None,
            tag: None,
            path: "runbooks".to_owned(),
            poll: Span::from_secs(30),
            deadline: Span::from_secs(60),
            credentials: CredentialsConfig::default(),
        }
    }
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: std::net::SocketAddr::from(([127, 0, 0, 1], 8080)),
            open_reads: true,
            metrics: MetricsAccess::Token,
            allowed_hosts: Vec::new(),
            tokens: Vec::new(),
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info".to_owned(),
        }
    }
}

impl Default for RunsConfig {
    fn default() -> Self {
        Self {
            concurrency: 64,
            shutdown_grace: Span::from_secs(30),
            log_limit_bytes: 1 << 20,
        }
    }
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self {
            runs: Span::from_secs(90 * 86_400),
            logs: Span::from_secs(30 * 86_400),
        }
    }
}
