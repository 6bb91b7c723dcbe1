//! What the agent needs of others.

use crate::{
    cli::{commands::validate::strangers, context::Context},
    config::{Config, working_directory},
    daemon::wiring::{self, SwappedSecrets},
    http::visible,
    ports::{
        cluster::{Change, ClusterError, Clusters, ObjectPath, Resource},
        secrets::Secrets as _,
        source::{Source, Tree},
    },
    runbooks::{Beside, validate_tree},
};
use serde_json::{Value, json};
use std::{
    fs::DirBuilder, os::unix::fs::DirBuilderExt as _, path::PathBuf, sync::Arc, time::Duration,
};

use super::Finding;

/// How long a cluster may take to answer.
const CLUSTER_DEADLINE: Duration = Duration::from_secs(10);

/// Who nobody is to an API server.
const ANONYMOUS: &str = "system:anonymous";

/// Whether every secret can be read. Their values are not shown.
pub(super) fn secrets(context: &Context, config: &Config) -> Vec<Finding> {
    let name = "secrets";
    let secrets = SwappedSecrets::new(config, &context.environment);
    let unreadable = config
        .secrets
        .keys()
        .filter_map(|secret| secrets.get(secret).err());
    let mut findings: Vec<Finding> = unreadable
        .map(|error| Finding::error(name, &error))
        .collect();
    let told: Vec<String> = findings
        .iter()
        .map(|finding| finding.detail.clone())
        .collect();
    let concerns = secrets.concerns().into_iter();
    let concerns = concerns.map(|concern| Finding::warn(name, concern));
    findings.extend(concerns.filter(|finding| !told.contains(&finding.detail)));
    if findings.is_empty() {
        let text = match config.secrets.len() {
            0 => "none are configured".to_owned(),
            many => format!("{many} can be read"),
        };
        findings.push(Finding::ok(name, text));
    }
    findings
}

/// Whether artifacts can be encrypted, and opened again here.
pub(super) fn encryption(context: &Context, config: &Config) -> Finding {
    let name = "artifacts";
    match wiring::encryption(config, &context.environment) {
        Err(error) => Finding::error(name, &error),
        Ok(None) => Finding::ok(
            name,
            "nobody is named to encrypt for (`artifacts.recipients`), so backups that may hold secrets are refused",
        ),
        Ok(Some(Ok(()))) => Finding::ok(name, "what is encrypted can be opened again here"),
        Ok(Some(Err(why))) if config.artifacts.identity.is_none() => {
            let what = why.lines().next().unwrap_or_default();
            Finding::ok(
                name,
                format!(
                    "are encrypted; only others can open them, so nothing encrypted is verified here: {what}"
                ),
            )
        }
        Ok(Some(Err(why))) => Finding::fail(
            name,
            format!("what is made now could not be opened here: {why}"),
        ),
    }
}

/// Whether each store answers and lets the agent look. Writing is tried by backups alone.
pub(super) async fn stores(context: &Context, config: &Config) -> Vec<Finding> {
    match wiring::stores(config, &context.environment).await {
        // Said by `encryption`.
        Err(_) => Vec::new(),
        Ok(stores) => stores
            .into_iter()
            .map(|(store, answer)| {
                let name = format!("store {store}");
                match answer {
                    Ok(()) => Finding::ok(&name, "answers and lists its artifacts"),
                    Err(why) => Finding::fail(&name, why),
                }
            })
            .collect(),
    }
}

/// Whether the repository can be fetched, and holds runbooks. The copy that is made for it goes away again.
pub(super) async fn source(context: &Context, config: &Config) -> Vec<Finding> {
    let name = "source";
    let scratch = match Scratch::new(context) {
        Ok(scratch) => scratch,
        Err(error) => {
            return vec![Finding::fail(
                name,
                format!("a scratch folder cannot be made: {error}"),
            )];
        }
    };
    let mut elsewhere = config.clone();
    elsewhere.state_dir.clone_from(&scratch.0);
    let secrets = SwappedSecrets::new(config, &context.environment);
    let source = match wiring::source(&elsewhere, &secrets, &working_directory()) {
        Ok(source) => source,
        Err(error) => return vec![Finding::error(name, &error)],
    };
    match source.fetch(None).await {
        Err(error) => vec![Finding::error(name, &error)],
        Ok(None) => vec![Finding::ok(
            name,
            format!("{} can be fetched", source.describe()),
        )],
        Ok(Some(tree)) => {
            let revision = crate::cli::rows::revision(&tree.revision.id).to_owned();
            let fetched = Finding::ok(
                name,
                format!(
                    "{} can be fetched, {revision} is the newest",
                    source.describe()
                ),
            );
            let path = &config.source.path;
            let files = match tree.files.len() {
                0 => Finding::warn(
                    "runbooks",
                    format!(
                        "`{path}` holds no YAML file\nhint: `source.path` names the folder in the repository"
                    ),
                ),
                many => Finding::ok(
                    "runbooks",
                    format!("`{path}` holds {many} YAML files; `orderly validate` checks them"),
                ),
            };
            let refused = tree.refused.iter().map(|file| {
                Finding::warn(
                    "runbooks",
                    format!("{} is not taken: {}", file.path, file.reason),
                )
            });
            let mut findings: Vec<Finding> = [fetched, files].into_iter().chain(refused).collect();
            findings.extend(accounts(config, &source, &tree).await);
            findings
        }
    }
}

/// Accounts in clusters for runbooks that the repository does not have.
async fn accounts(config: &Config, source: &dyn Source, tree: &Tree) -> Vec<Finding> {
    let name = "accounts";
    let mut clusters = config.clusters.values();
    if tree.files.is_empty() || clusters.all(|cluster| cluster.accounts.is_empty()) {
        return Vec::new();
    }
    let blobs: Vec<String> = tree.files.iter().map(|file| file.blob.clone()).collect();
    let contents = match source.read(&blobs).await {
        Ok(contents) => contents,
        Err(error) => return vec![Finding::error(name, &error)],
    };
    let paths = tree.files.iter().map(|file| file.path.as_str());
    let files = paths.zip(contents);
    let known = validate_tree(files, &wiring::catalogue(), Beside::default()).runbooks;
    let strangers = strangers(config, &known).into_iter();
    strangers
        .map(|stranger| Finding::warn(name, stranger))
        .collect()
}

/// A folder that goes away with its value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(context: &Context) -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!(
            "orderly-doctor-{}",
            hex::encode(context.clock.entropy())
        ));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

/// Whether the configured clusters answer. The agent works without them, so this only warns.
pub(super) async fn clusters(context: &Context, config: &Config) -> Vec<Finding> {
    let name = "clusters";
    if config.clusters.is_empty() {
        return vec![Finding::ok(
            name,
            "none are configured; steps that need one find the usual kubeconfig or service account",
        )];
    }
    let secrets = Arc::new(SwappedSecrets::new(config, &context.environment));
    let clusters = match wiring::clusters(config, secrets, None) {
        Ok(clusters) => clusters,
        Err(error) => return vec![Finding::fail(name, error.to_string())],
    };
    let mut findings = Vec::new();
    for cluster in config.clusters.keys() {
        let asking = async {
            let version = clusters.version(cluster).await?;
            Ok::<_, ClusterError>((version, logged_in(&*clusters, cluster).await))
        };
        let answer = tokio::time::timeout(CLUSTER_DEADLINE, asking).await;
        findings.push(match answer {
            Ok(Ok((version, who))) => answering(cluster, &version, who),
            Ok(Err(error)) => Finding::warn(name, error.to_string()),
            Err(_) => Finding::warn(
                name,
                format!(
                    "{cluster} does not answer within {} s",
                    CLUSTER_DEADLINE.as_secs()
                ),
            ),
        });
    }
    findings
}

/// Who the server says it is asked by; nothing where it does not say (it is asked for its version by anybody).
async fn logged_in(clusters: &dyn Clusters, cluster: &str) -> Option<String> {
    let group = "authentication.k8s.io";
    let resource = Resource {
        group: group.to_owned(),
        version: "v1".to_owned(),
        plural: "selfsubjectreviews".to_owned(),
        kind: "SelfSubjectReview".to_owned(),
        namespaced: false,
    };
    let path = ObjectPath {
        namespace: None,
        name: "",
        subresource: None,
    };
    let review = json!({ "apiVersion": format!("{group}/v1"), "kind": resource.kind });
    let change = Change::Create(&review);
    match clusters
        .change(cluster, &resource, path, change, false)
        .await
    {
        Ok(answer) => {
            let name = answer.pointer("/status/userInfo/username");
            name.and_then(Value::as_str).map(str::to_owned)
        }
        Err(ClusterError::Forbidden { message, .. }) if message.contains(ANONYMOUS) => {
            Some(ANONYMOUS.to_owned())
        }
        // A server before 1.28 does not know the question.
        Err(_) => None,
    }
}

fn answering(cluster: &str, version: &str, who: Option<String>) -> Finding {
    let name = "clusters";
    match who.as_deref() {
        Some(ANONYMOUS) => Finding::warn(
            name,
            format!(
                "{cluster} answers with version {version}, but nobody is logged in there\nhint: look whether its credentials are empty: a token, or the file of one"
            ),
        ),
        Some(who) => Finding::ok(
            name,
            visible::line(&format!("{cluster} answers {who} with version {version}")),
        ),
        None => Finding::ok(
            name,
            format!("{cluster} answers with version {version}; it does not say who is logged in"),
        ),
    }
}
