//! From credentials to a client.

use super::{Account, Credentials, answers::chain};
use crate::ports::secrets::Secrets;
use kube::{
    Client, Config,
    config::{AuthInfo, InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError},
};
use std::{path::Path, time::Duration};

/// How long the TCP and TLS handshakes may take.
const CONNECT: Duration = Duration::from_secs(10);

/// Where a pod finds what its service account is (the API server's admission puts it there).
pub(super) const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Whom a cluster sees.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Identity {
    pub(super) cluster: String,
    /// None: the agent's own.
    pub(super) account: Option<Account>,
}

impl Identity {
    /// Whether the agent's own account acts as another one.
    pub(super) fn is_impersonated(&self) -> bool {
        matches!(self.account, Some(Account::ServiceAccount { .. }))
    }
}

/// Reads the credentials and makes a client; no connection is opened yet.
pub(super) async fn connect(
    credentials: Credentials,
    account: Option<&Account>,
    secrets: Option<&dyn Secrets>,
) -> Result<Client, String> {
    let mut config = match &credentials {
        Credentials::Kubeconfig { path, context } => from_file(path, context.as_deref()).await?,
        Credentials::InCluster => in_cluster()?,
        Credentials::Found { context } => found(context.as_deref()).await?,
    };
    act_as(&mut config.auth_info, account, secrets)?;
    config.connect_timeout = Some(CONNECT);
    // One call is one request; steps say themselves how often they retry.
    config.default_retry = false;
    // A kubeconfig may name a program that gives the credentials, and it is run right here.
    tokio::task::spawn_blocking(move || Client::try_from(config))
        .await
        .map_err(|error| chain(&error))?
        .map_err(|error| chain(&error))
}

/// Makes the agent's own credentials those of an account.
pub(super) fn act_as(
    user: &mut AuthInfo,
    account: Option<&Account>,
    secrets: Option<&dyn Secrets>,
) -> Result<(), String> {
    match account {
        None => {}
        Some(Account::ServiceAccount { namespace, name }) => {
            // The server adds the groups of a service account by itself.
            let account = format!("system:serviceaccount:{namespace}:{name}");
            user.impersonate = Some(account);
        }
        Some(Account::Token(secret)) => {
            let secrets = secrets.ok_or("there are no secrets here")?;
            let value = secrets.get(secret).map_err(|error| chain(&error))?;
            *user = AuthInfo {
                token: Some(value.expose().trim().to_owned().into()),
                ..AuthInfo::default()
            };
        }
    }
    Ok(())
}

async fn from_file(path: &Path, context: Option<&str>) -> Result<Config, String> {
    let file = path.to_owned();
    let told = |error: KubeconfigError| format!("{}: {}", path.display(), chain(&error));
    let kubeconfig = tokio::task::spawn_blocking(move || Kubeconfig::read_from(file))
        .await
        .map_err(|error| chain(&error))?
        .map_err(told)?;
    Config::from_custom_kubeconfig(kubeconfig, &options(context))
        .await
        .map_err(told)
}

pub(super) fn in_cluster() -> Result<Config, String> {
    Config::incluster().map_err(|error| no_account(&error))
}

/// Why the service account of a pod cannot be used; of a file that cannot, which one.
fn no_account(error: &InClusterError) -> String {
    let file = match error {
        InClusterError::ReadDefaultNamespace(_) => "namespace",
        InClusterError::ReadCertificateBundle(_) | InClusterError::ParseCertificates(_) => "ca.crt",
        InClusterError::ReadEnvironmentVariable(_)
        | InClusterError::ParseClusterPort(_)
        | InClusterError::ParseClusterUrl(_) => {
            return format!("no service account is here: {}", chain(error));
        }
    };
    format!(
        "the service account of this pod cannot be used: {SERVICE_ACCOUNT}/{file}: {}",
        chain(error)
    )
}

async fn found(context: Option<&str>) -> Result<Config, String> {
    let no_account = match (context, in_cluster()) {
        (None, Ok(config)) => return Ok(config),
        (None, Err(no_account)) => format!("{no_account}; "),
        // Only a kubeconfig has contexts.
        (Some(_), _) => String::new(),
    };
    Config::from_kubeconfig(&options(context))
        .await
        .map_err(|no_file| format!("{no_account}{}", chain(&no_file)))
}

fn options(context: Option<&str>) -> KubeConfigOptions {
    KubeConfigOptions {
        context: context.map(str::to_owned),
        ..KubeConfigOptions::default()
    }
}

#[cfg(test)]
mod tests {
    use super::no_account;
    use kube::config::InClusterError;
    use std::{env::VarError, io};

    #[test]
    fn of_a_mount_that_lacks_a_file_that_file_is_named() {
        let lacks = || io::Error::from(io::ErrorKind::NotFound);
        for (error, file) in [
            (InClusterError::ReadCertificateBundle(lacks()), "ca.crt"),
            (InClusterError::ReadDefaultNamespace(lacks()), "namespace"),
        ] {
            let told = no_account(&error);
            let path = format!("/var/run/secrets/kubernetes.io/serviceaccount/{file}: ");
            assert!(told.contains(&path), "{told}");
        }
        let told = no_account(&InClusterError::ReadEnvironmentVariable(
            VarError::NotPresent,
        ));
        assert!(told.starts_with("no service account is here: "), "{told}");
    }
}
