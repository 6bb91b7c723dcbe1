//! Credentials for a program: a kubeconfig of one cluster and one identity, whole in itself.
//!
//! It names no other cluster, context or user than the one that is meant, so that a program cannot end up elsewhere. A program that gives
//! the credentials (`exec`) stays one: who is handed the kubeconfig runs it.

use super::{
    ConfiguredClusters, Credentials,
    answers::chain,
    connect::{SERVICE_ACCOUNT, act_as, in_cluster},
    unusable,
};
use crate::{domain::secret::SecretValue, ports::cluster::ClusterError};
use kube::config::{
    AuthInfo, Cluster, Context, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext,
};
use std::path::{Path, PathBuf};

/// The one name in it.
const NAME: &str = "cluster";

/// What is known of a cluster and of the one who reaches it.
struct Known {
    cluster: Cluster,
    user: AuthInfo,
    namespace: Option<String>,
}

impl ConfiguredClusters {
    pub(super) async fn kubeconfig_of(&self, cluster: &str) -> Result<SecretValue, ClusterError> {
        let identity = self.identity(cluster)?;
        let configured = self.shared.clusters.get(cluster);
        let Some(credentials) = configured.map(|known| known.credentials.clone()) else {
            return Err(ClusterError::NotConfigured(
                cluster.to_owned(),
                "it is gone".to_owned(),
            ));
        };
        let (account, secrets) = (identity.account.clone(), self.shared.secrets.clone());
        let reading = credentials.clone();
        let made = tokio::task::spawn_blocking(move || {
            let mut known = known(&reading)?;
            act_as(&mut known.user, account.as_ref(), secrets.as_deref())?;
            written(known)
        });
        let made = made.await.unwrap_or_else(|error| Err(chain(&error)));
        made.map_err(|reason| unusable(&identity, &credentials, reason))
    }
}

fn known(credentials: &Credentials) -> Result<Known, String> {
    match credentials {
        Credentials::Kubeconfig { path, context } => from_file(path, context.as_deref()),
        Credentials::InCluster => of_pod(),
        Credentials::Found { context: None } => of_pod().or_else(|no_account| {
            found(None).map_err(|no_file| format!("{no_account}; {no_file}"))
        }),
        Credentials::Found { context } => found(context.as_deref()),
    }
}

fn of_pod() -> Result<Known, String> {
    let config = in_cluster()?;
    let file = |name: &str| Some(format!("{SERVICE_ACCOUNT}/{name}"));
    Ok(Known {
        cluster: Cluster {
            server: Some(config.cluster_url.to_string()),
            certificate_authority: file("ca.crt"),
            ..Cluster::default()
        },
        // The token in the file is renewed while a program runs.
        user: AuthInfo {
            token_file: file("token"),
            ..AuthInfo::default()
        },
        namespace: Some(config.default_namespace),
    })
}

fn from_file(path: &Path, context: Option<&str>) -> Result<Known, String> {
    let told = |why: String| format!("{}: {why}", path.display());
    // What a kubeconfig names by relative paths lies beside it.
    let absolute: PathBuf = std::path::absolute(path).map_err(|error| told(chain(&error)))?;
    let whole = Kubeconfig::read_from(absolute).map_err(|error| told(chain(&error)))?;
    chosen(whole, context).map_err(told)
}

fn found(context: Option<&str>) -> Result<Known, String> {
    let whole = Kubeconfig::read().map_err(|error| chain(&error))?;
    chosen(whole, context)
}

/// What one context of it names.
fn chosen(whole: Kubeconfig, context: Option<&str>) -> Result<Known, String> {
    let name = context.map(str::to_owned).or(whole.current_context);
    let name = name.ok_or("it has no current context")?;
    let context = whole
        .contexts
        .into_iter()
        .find(|known| known.name == name)
        .and_then(|known| known.context)
        .ok_or_else(|| format!("it has no context `{name}`"))?;
    let cluster = whole
        .clusters
        .into_iter()
        .find(|known| known.name == context.cluster)
        .and_then(|known| known.cluster)
        .ok_or_else(|| format!("it has no cluster `{}`", context.cluster))?;
    let mut users = whole.auth_infos.into_iter();
    let user = context.user.and_then(|name| {
        let user = users.find(|known| known.name == name);
        user.and_then(|known| known.auth_info)
    });
    Ok(Known {
        cluster,
        user: user.unwrap_or_default(),
        namespace: context.namespace,
    })
}

/// JSON is YAML, too.
fn written(known: Known) -> Result<SecretValue, String> {
    let name = || NAME.to_owned();
    let context = Context {
        cluster: name(),
        user: Some(name()),
        namespace: known.namespace,
        ..Context::default()
    };
    let whole = Kubeconfig {
        kind: Some("Config".to_owned()),
        api_version: Some("v1".to_owned()),
        current_context: Some(name()),
        clusters: vec![NamedCluster {
            name: name(),
            cluster: Some(known.cluster),
            ..NamedCluster::default()
        }],
        auth_infos: vec![NamedAuthInfo {
            name: name(),
            auth_info: Some(known.user),
            ..NamedAuthInfo::default()
        }],
        contexts: vec![NamedContext {
            name: name(),
            context: Some(context),
            ..NamedContext::default()
        }],
        ..Kubeconfig::default()
    };
    let text = serde_json::to_string(&whole).map_err(|error| chain(&error))?;
    Ok(SecretValue::new(text))
}

#[cfg(test)]
mod tests {
    use super::{Credentials, act_as, known, written};
    use crate::adapters::kubernetes::Account;
    use serde_json::Value;
    use std::fs;

    fn of(text: &str, context: Option<&str>, account: Option<&Account>) -> Result<Value, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        fs::write(&path, text).unwrap();
        let mut known = known(&Credentials::Kubeconfig {
            path,
            context: context.map(str::to_owned),
        })?;
        act_as(&mut known.user, account, None)?;
        Ok(serde_json::from_str(written(known)?.expose()).unwrap())
    }

    const TWO: &str = "
apiVersion: v1
kind: Config
current-context: east
clusters:
  - { name: e, cluster: { server: 'https://east', certificate-authority: ca.crt } }
  - { name: w, cluster: { server: 'https://west' } }
users:
  - { name: me, user: { token: t-east } }
  - { name: you, user: { token: t-west } }
contexts:
  - { name: east, context: { cluster: e, user: me, namespace: shop } }
  - { name: west, context: { cluster: w, user: you } }
";

    #[test]
    fn only_the_cluster_and_the_user_that_are_meant_are_in_it() {
        let east = of(TWO, None, None).unwrap();
        let text = east.to_string();
        assert!(text.contains("t-east") && !text.contains("west"), "{text}");
        let authority = east.pointer("/clusters/0/cluster/certificate-authority");
        assert!(authority.unwrap().as_str().unwrap().starts_with('/'));
        assert_eq!(
            east.pointer("/contexts/0/context/namespace").unwrap(),
            "shop"
        );
        let west = of(TWO, Some("west"), None).unwrap().to_string();
        assert!(west.contains("t-west") && !west.contains("t-east"));
        let gone = of(TWO, Some("north"), None).unwrap_err();
        assert!(gone.contains("no context `north`"), "{gone}");
    }

    #[test]
    fn an_account_is_impersonated() {
        let account = Account::ServiceAccount {
            namespace: "shop".to_owned(),
            name: "deployer".to_owned(),
        };
        let east = of(TWO, None, Some(&account)).unwrap();
        assert_eq!(
            east.pointer("/users/0/user/as").unwrap(),
            "system:serviceaccount:shop:deployer"
        );
    }
}
