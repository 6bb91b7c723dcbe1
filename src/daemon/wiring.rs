//! Which implementation stands behind which port: the only place that knows the adapters.

use crate::{
    actions::framework::{Catalogue, Channel, ChannelAddress, Rotations, World as Hands},
    adapters::{
        archive::{Artifacts, BucketAt, Keys, Outlet, Patience, Stores},
        certificates::MadeHere,
        clock::{SystemClock, Uptime},
        git::{Credentials as GitCredentials, GitOptions, GitSource, Reference},
        host::LocalHost,
        kubernetes::{
            Account, Answered, Called, Cluster, ConfiguredClusters,
            Credentials as ClusterCredentials,
        },
        ledger::HistoryLedger,
        logs::StepLogs,
        network::HostNetwork,
        postgres::HostPostgres,
        process::{HostMaterials, HostProcesses},
        secrets::{ConfiguredSecrets, Origin},
        shelf::HistoryShelf,
        vault::FileVault,
    },
    config::{
        AccountConfig, ChannelConfig, ClusterConfig, Config, MetricsAccess, SecretRef, StoreConfig,
    },
    domain::{
        access::TokenEntry,
        audit::Stamp,
        digest::Digest,
        name::{ChannelName, SecretName, StoreName},
        secret::SecretValue,
    },
    flow::world::Settings,
    gate,
    history::History,
    http::AccessRules,
    ports::{
        archive::{Archive, Fetch},
        clock::Clock,
        cluster::Clusters,
        executor::ActionCatalogue as _,
        host::Host,
        ledger::Claims,
        network::Network,
        secrets::{Issued, Secrets},
        source::Source,
    },
    telemetry::Events,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

/// A part that the configuration describes wrongly, or that the host does not give.
#[derive(Debug, thiserror::Error)]
#[error("{part}: {reason}")]
pub struct WiringError {
    part: &'static str,
    reason: String,
}

pub(super) fn fault<E: std::fmt::Display>(part: &'static str) -> impl FnOnce(E) -> WiringError {
    move |error| WiringError {
        part,
        reason: error.to_string(),
    }
}

/// A connection to other hosts, for commands that talk to an agent.
pub fn network() -> Arc<dyn Network> {
    Arc::new(HostNetwork::new())
}

/// The machine's clock.
pub fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

/// Says when it is by the clock that never jumps.
pub(super) fn stamps() -> impl Fn() -> Stamp + Send + Sync {
    let uptime = Uptime::read();
    move || Stamp {
        boot: uptime.boot.clone(),
        uptime_ms: u64::try_from(uptime.now().as_millis()).unwrap_or(u64::MAX),
    }
}

/// The host that this runs on.
pub fn host() -> Arc<dyn Host> {
    Arc::new(LocalHost)
}

/// The clusters that the configuration names, and `default`. Each of their requests is counted by `events`.
///
/// # Errors
/// An account is not named as `namespace/name`.
pub fn clusters(
    config: &Config,
    secrets: Arc<dyn Secrets>,
    events: Option<Events>,
) -> Result<Arc<dyn Clusters>, WiringError> {
    let clusters = ConfiguredClusters::new(known_clusters(&config.clusters)?).with_secrets(secrets);
    let Some(events) = events else {
        return Ok(Arc::new(clusters));
    };
    events.set_clusters(config.clusters.keys().map(String::as_str));
    let watch = move |called: Called<'_>| {
        let (cluster, verb, took) = (called.cluster, called.verb, called.took.duration());
        match called.answered {
            Answered::With(code) => events.cluster_asked(cluster, verb, code, took),
            Answered::Not => events.cluster_asked(cluster, verb, 0, took),
            Answered::Unusable(reason) => events.cluster_unusable(cluster, verb, reason, took),
        }
    };
    Ok(Arc::new(clusters.watched(Arc::new(watch))))
}

/// Every action there is, without hands: for validation and schemas.
pub fn catalogue() -> Catalogue {
    Catalogue::new().judging_examples(gate::examples::failed)
}

/// The name of every action there is.
pub fn actions() -> Vec<&'static str> {
    let catalogue = Catalogue::new();
    let specs = catalogue.specs().iter();
    specs.map(|spec| spec.name).collect()
}

/// The repository that the configuration names. A relative folder is looked for from `from`.
///
/// # Errors
/// The configuration does not describe a repository.
pub fn source(
    config: &Config,
    secrets: &dyn Secrets,
    from: &Path,
) -> Result<GitSource, WiringError> {
    let wanted = &config.source;
    let url = if wanted.url == "." {
        enclosing_repository(from)?.display().to_string()
    } else {
        wanted.url.clone()
    };
    let mut options = GitOptions::new(url, &config.state_dir);
    options.path.clone_from(&wanted.path);
    options.deadline = wanted.deadline;
    options.reference = match (&wanted.branch, &wanted.tag) {
        (_, Some(tag)) => Reference::Tag(tag.clone()),
        (Some(branch), None) => Reference::Branch(branch.clone()),
        (None, None) => Reference::Head,
    };
    options.credentials = git_credentials(config, secrets)?;
    GitSource::new(options).map_err(fault("source"))
}

fn enclosing_repository(from: &Path) -> Result<PathBuf, WiringError> {
    let found = from.ancestors().find(|folder| folder.join(".git").exists());
    found.map(Path::to_owned).ok_or_else(|| WiringError {
        part: "source",
        reason: format!(
            "{} is not inside a git repository\nhint: start the agent in one, or name another with --source",
            from.display()
        ),
    })
}

fn git_credentials(config: &Config, secrets: &dyn Secrets) -> Result<GitCredentials, WiringError> {
    let wanted = &config.source.credentials;
    let value = |name: &SecretName| secrets.get(name).map_err(fault("source.credentials"));
    if let Some(token) = &wanted.token {
        let user = wanted.user.clone().unwrap_or_else(|| "git".to_owned());
        return Ok(GitCredentials::Token {
            user,
            token: value(token)?,
        });
    }
    let Some(key) = &wanted.ssh_key else {
        return Ok(GitCredentials::None);
    };
    let known_hosts = wanted.known_hosts.clone().ok_or_else(|| WiringError {
        part: "source.credentials",
        reason: "an ssh key needs `knownHosts`\nhint: write the server's key to a file with ssh-keyscan, and compare it".to_owned(),
    })?;
    let passphrase = wanted.ssh_passphrase.as_ref().map(value).transpose()?;
    Ok(GitCredentials::SshKey {
        key: key.clone(),
        passphrase,
        known_hosts,
    })
}

/// Secrets that a reload can swap whole.
#[derive(Debug)]
pub struct SwappedSecrets {
    configured: RwLock<Arc<ConfiguredSecrets>>,
    issued: Arc<Issued>,
}

impl SwappedSecrets {
    /// As the configuration names them.
    pub fn new(config: &Config, environment: &BTreeMap<String, String>) -> Self {
        let issued: Arc<Issued> = Arc::default();
        let configured = secrets(config, environment).hiding(issued.clone());
        Self {
            configured: RwLock::new(Arc::new(configured)),
            issued,
        }
    }
    /// Others from now on.
    pub fn replace(&self, config: &Config, environment: &BTreeMap<String, String>) {
        let next = secrets(config, environment).hiding(self.issued.clone());
        let next = Arc::new(next);
        *self
            .configured
            .write()
            .unwrap_or_else(PoisonError::into_inner) = next;
    }
    fn now(&self) -> Arc<ConfiguredSecrets> {
        self.configured
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
    /// Values that steps have made, which are hidden, too.
    pub fn issued(&self) -> Arc<Issued> {
        self.issued.clone()
    }
    /// What a person should know about them.
    pub fn concerns(&self) -> Vec<String> {
        self.now().concerns()
    }
}

impl Secrets for SwappedSecrets {
    fn get(&self, name: &SecretName) -> Result<SecretValue, crate::ports::secrets::SecretError> {
        self.now().get(name)
    }
    fn all_values(&self) -> Vec<SecretValue> {
        self.now().all_values()
    }
}

fn secrets(config: &Config, environment: &BTreeMap<String, String>) -> ConfiguredSecrets {
    let origin = |reference: &SecretRef| match reference {
        SecretRef::Env(name) => {
            let value = environment.get(name).cloned().map(SecretValue::new);
            Origin::Variable {
                name: name.clone(),
                value,
            }
        }
        SecretRef::File(path) => Origin::File(path.clone()),
    };
    ConfiguredSecrets::new(
        config
            .secrets
            .iter()
            .map(|(name, reference)| (name.clone(), origin(reference)))
            .collect(),
    )
}

/// The artifacts, on disk and in stores.
///
/// # Errors
/// A text that is no public key of age, or a folder that cannot be made.
fn artifacts(
    config: &Config,
    clock: Arc<dyn Clock>,
    secrets: Arc<dyn Secrets>,
) -> Result<Arc<dyn Archive>, WiringError> {
    let (keys, buckets) = keys_and_buckets(config, secrets.clone())?;
    let stores = Stores {
        usual: config.artifacts.store.clone(),
        buckets,
    };
    let opened = Artifacts::open(&config.state_dir, clock, secrets, keys, stores);
    Ok(Arc::new(opened.map_err(fault("artifacts"))?))
}

type Buckets = BTreeMap<StoreName, BucketAt>;

fn keys_and_buckets(
    config: &Config,
    secrets: Arc<dyn Secrets>,
) -> Result<(Keys, Buckets), WiringError> {
    let wanted = &config.artifacts;
    let keys = Keys::new(&wanted.recipients, wanted.identity.clone(), secrets);
    let keys = keys.map_err(fault("artifacts.recipients"))?;
    let bucket = |(name, StoreConfig::S3(s3)): (&StoreName, &StoreConfig)| {
        let at = BucketAt {
            bucket: s3.bucket.clone(),
            endpoint: s3.endpoint.clone(),
            region: s3.region.clone(),
            prefix: s3.prefix.clone(),
            keys: s3.access_key.clone().zip(s3.secret_key.clone()),
            authority_file: s3.authority_file.clone(),
            virtual_hosts: s3.virtual_hosts,
            part_bytes: usize::try_from(s3.part_bytes).unwrap_or(usize::MAX),
            patience: Patience::default(),
        };
        (name.clone(), at)
    };
    Ok((keys, wanted.stores.iter().map(bucket).collect()))
}

/// A way out for artifacts, beside an agent that may be running.
///
/// # Errors
/// A text that is no public key of age.
pub fn outlet(
    config: &Config,
    environment: &BTreeMap<String, String>,
) -> Result<Arc<dyn Fetch>, WiringError> {
    Ok(Arc::new(way_out(config, environment, Patience::default())?))
}

/// Asks each store to list the place of its artifacts; why it does not is for people.
///
/// # Errors
/// A text that is no public key of age.
pub async fn stores(
    config: &Config,
    environment: &BTreeMap<String, String>,
) -> Result<Vec<(StoreName, Result<(), String>)>, WiringError> {
    let outlet = way_out(config, environment, Patience::SHORT)?;
    Ok(outlet.reach().await)
}

fn way_out(
    config: &Config,
    environment: &BTreeMap<String, String>,
    patience: Patience,
) -> Result<Outlet, WiringError> {
    let secrets: Arc<dyn Secrets> = Arc::new(secrets(config, environment));
    let (keys, mut buckets) = keys_and_buckets(config, secrets.clone())?;
    for at in buckets.values_mut() {
        at.patience = patience;
    }
    Ok(Outlet::new(&config.state_dir, &secrets, keys, buckets))
}

/// Whether artifacts that are encrypted now could be opened again; nothing where nobody is named to encrypt for.
///
/// # Errors
/// A text that is no public key of age.
pub fn encryption(
    config: &Config,
    environment: &BTreeMap<String, String>,
) -> Result<Option<Result<(), String>>, WiringError> {
    let secrets: Arc<dyn Secrets> = Arc::new(secrets(config, environment));
    Ok(keys_and_buckets(config, secrets)?.0.tried())
}

/// Everything that steps may touch.
///
/// # Errors
/// The artifacts' folder cannot be made.
pub fn hands(
    config: &Config,
    (clock, events, history): (Arc<dyn Clock>, Events, History),
    secrets: Arc<SwappedSecrets>,
    source: Arc<dyn Source>,
) -> Result<Hands, WiringError> {
    let processes =
        HostProcesses::open(config.state_dir.join("work")).map_err(fault("work folder"))?;
    let processes = processes
        .with_roll(&config.state_dir.join("children"))
        .map_err(fault("roll of programs"))?;
    let rotations = rotations(config, (history.clone(), events.clone()), &secrets)?;
    Ok(Hands {
        clock: clock.clone(),
        processes: Arc::new(processes),
        network: network(),
        clusters: clusters(config, secrets.clone(), Some(events))?,
        host: host(),
        materials: Arc::new(HostMaterials::new(source)),
        archive: artifacts(config, clock.clone(), secrets.clone())?,
        shelf: Arc::new(HistoryShelf::new(history)),
        secrets,
        channels: Arc::new(channels(&config.channels)),
        children: Arc::default(),
        rotations,
    })
}

fn rotations(
    config: &Config,
    (history, events): (History, Events),
    secrets: &SwappedSecrets,
) -> Result<Rotations, WiringError> {
    let vault = FileVault::open(config.state_dir.join("rotations"), secrets.issued());
    Ok(Rotations {
        ledger: Arc::new(HistoryLedger::new(history, events)),
        vault: Arc::new(vault.map_err(fault("credentials of rotations"))?),
        keeping: Arc::new(LocalHost),
        postgres: Arc::new(HostPostgres),
        certificates: Arc::new(MadeHere),
        claims: Claims::default(),
    })
}

fn known_clusters(
    configured: &BTreeMap<String, ClusterConfig>,
) -> Result<BTreeMap<String, Cluster>, WiringError> {
    let mut all = BTreeMap::new();
    for (name, cluster) in configured {
        all.insert(name.clone(), known_cluster(name, cluster)?);
    }
    all.entry("default".to_owned())
        .or_insert_with(|| ClusterCredentials::Found { context: None }.into());
    Ok(all)
}

fn known_cluster(name: &str, cluster: &ClusterConfig) -> Result<Cluster, WiringError> {
    let context = cluster.context.clone();
    let mut accounts = BTreeMap::new();
    for (runbook, account) in &cluster.accounts {
        let place = format!("clusters.{name}.accounts.{runbook}");
        accounts.insert(runbook.clone(), account_of(&place, account)?);
    }
    let place = format!("clusters.{name}.account");
    let account = cluster.account.as_ref();
    Ok(Cluster {
        credentials: match &cluster.kubeconfig {
            Some(path) => ClusterCredentials::Kubeconfig {
                path: path.clone(),
                context,
            },
            None => ClusterCredentials::Found { context },
        },
        accounts,
        account: account
            .map(|account| account_of(&place, account))
            .transpose()?,
        events: cluster.events,
    })
}

fn account_of(place: &str, account: &AccountConfig) -> Result<Account, WiringError> {
    match account {
        AccountConfig::Token(secret) => Ok(Account::Token(secret.clone())),
        AccountConfig::ServiceAccount(text) => {
            let (namespace, name) = account.service_account().ok_or_else(|| WiringError {
                part: "clusters",
                reason: format!("at `{place}.serviceAccount`: `{text}` is not `namespace/name`"),
            })?;
            Ok(Account::ServiceAccount {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            })
        }
    }
}

fn channels(configured: &BTreeMap<ChannelName, ChannelConfig>) -> BTreeMap<ChannelName, Channel> {
    let address = |channel: &ChannelConfig| match channel {
        ChannelConfig::Webhook(url) => ChannelAddress::Plain(url.clone()),
        ChannelConfig::WebhookSecret(name) => ChannelAddress::Secret(name.clone()),
    };
    let channel = |channel: &ChannelConfig| Channel {
        address: address(channel),
        bearer: None,
        authority_file: None,
    };
    configured
        .iter()
        .map(|(name, configured)| (name.clone(), channel(configured)))
        .collect()
}

/// Where the output of steps is kept.
///
/// # Errors
/// The folder cannot be made.
pub fn logs(
    config: &Config,
    clock: Arc<dyn Clock>,
    secrets: Arc<dyn Secrets>,
) -> Result<StepLogs, WiringError> {
    StepLogs::open(
        &config.state_dir.join("logs"),
        clock,
        secrets,
        config.runs.log_limit_bytes,
    )
    .map_err(fault("logs"))
}

/// What the stories take from the configuration.
pub fn settings(config: &Config) -> Settings {
    Settings {
        environment: config.environment.clone(),
        policy: config.policy.policy(),
        webhooks: config
            .webhooks
            .iter()
            .map(|(name, hook)| (name.to_string(), hook.secret.clone()))
            .collect(),
        accounts: config
            .clusters
            .iter()
            .flat_map(|(cluster, known)| {
                let runbooks = known.accounts.keys();
                runbooks.map(move |runbook| (cluster.clone(), runbook.clone()))
            })
            .collect(),
        audit_head: config.audit.head.clone(),
    }
}

/// Who may do what over HTTP.
///
/// # Errors
/// A token's secret cannot be read.
pub fn access(
    config: &Config,
    secrets: &dyn Secrets,
    admin: TokenEntry,
) -> Result<AccessRules, WiringError> {
    let mut tokens = vec![admin];
    for token in &config.http.tokens {
        let value = secrets.get(&token.secret).map_err(fault("http.tokens"))?;
        tokens.push(TokenEntry {
            subject: token.subject.clone(),
            role: token.role,
            groups: token.groups.clone(),
            sha256: Digest::of_bytes(value.expose().as_bytes()),
        });
    }
    Ok(AccessRules {
        tokens,
        open_reads: config.http.open_reads,
        open_metrics: config.http.metrics == MetricsAccess::Open,
        host_names: config.http.allowed_hosts.clone(),
    })
}
