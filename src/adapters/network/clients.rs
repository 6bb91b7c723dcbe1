//! HTTP clients, one for each set of certificate authorities, each with its pool of connections.

use crate::{
    adapters::network::{fault::from_client, roots::together},
    domain::digest::Digest,
    ports::network::NetworkError,
};
use reqwest::{Client, redirect};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// More clients than this are not kept.
const MOST_CLIENTS: usize = 32;
const IDLE_PER_HOST: usize = 4;
const IDLE: Duration = Duration::from_secs(90);
/// Name, TCP and TLS together; three lost first packets fit in.
const CONNECT: Duration = Duration::from_secs(10);

/// Clients that were made so far.
#[derive(Debug, Default)]
pub(super) struct Clients(Mutex<BTreeMap<Option<PathBuf>, Kept>>);

#[derive(Debug)]
struct Kept {
    further: Digest,
    client: Client,
}

impl Clients {
    /// The client for these authorities; a new one where the file's content has changed.
    pub(super) fn client(
        &self,
        file: Option<&Path>,
        further: &[u8],
        native: &Arc<RootCertStore>,
        target: &str,
    ) -> Result<Client, NetworkError> {
        let digest = Digest::of_bytes(further);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = file.map(Path::to_owned);
        if let Some(known) = kept.get(&key).filter(|known| known.further == digest) {
            return Ok(known.client.clone());
        }
        let client = build(together(native, further, target)?, target)?;
        if kept.len() >= MOST_CLIENTS {
            kept.clear();
        }
        let made = Kept {
            further: digest,
            client: client.clone(),
        };
        kept.insert(key, made);
        Ok(client)
    }
}

fn build(trusted: Arc<RootCertStore>, target: &str) -> Result<Client, NetworkError> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| NetworkError::NotAsked(target.to_owned(), error.to_string()))?;
    let mut config = config.with_root_certificates(trusted).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Client::builder()
        .tls_backend_preconfigured(config)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .user_agent(concat!("orderly/", env!("CARGO_PKG_VERSION")))
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .pool_idle_timeout(IDLE)
        .connect_timeout(CONNECT)
        .build()
        .map_err(|error| from_client(target, error))
}
