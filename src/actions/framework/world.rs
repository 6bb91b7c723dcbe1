//! What actions may use of the world.

use crate::{
    domain::name::{ChannelName, RunbookName, SecretName},
    ports::{
        archive::Archive,
        certificates::Certificates,
        clock::Clock,
        cluster::Clusters,
        host::Host,
        keeping::Keeping,
        ledger::{Claims, Ledger},
        materials::Materials,
        network::Network,
        postgres::Postgres,
        processes::Processes,
        runs::Runs,
        secrets::Secrets,
        shelf::Shelf,
        vault::Vault,
    },
};
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock, Weak},
};

/// Every port that an action may need, and what the agent's configuration offers to steps by name.
#[derive(Debug, Clone)]
pub struct World {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Programs of the host.
    pub processes: Arc<dyn Processes>,
    /// Other hosts.
    pub network: Arc<dyn Network>,
    /// API servers.
    pub clusters: Arc<dyn Clusters>,
    /// The host.
    pub host: Arc<dyn Host>,
    /// Files and programs that commands are made of.
    pub materials: Arc<dyn Materials>,
    /// Artifacts.
    pub archive: Arc<dyn Archive>,
    /// What is known of artifacts that were made before.
    pub shelf: Arc<dyn Shelf>,
    /// Secret values.
    pub secrets: Arc<dyn Secrets>,
    /// Where messages can go.
    pub channels: Arc<BTreeMap<ChannelName, Channel>>,
    /// Runs that steps start.
    pub children: Arc<Children>,
    /// What credentials are replaced with.
    pub rotations: Rotations,
}

/// What credentials are replaced with.
#[derive(Debug, Clone)]
pub struct Rotations {
    /// The record.
    pub ledger: Arc<dyn Ledger>,
    /// Values of those that go on.
    pub vault: Arc<dyn Vault>,
    /// Files that hold secrets for others.
    pub keeping: Arc<dyn Keeping>,
    /// PostgreSQL servers.
    pub postgres: Arc<dyn Postgres>,
    /// Certificates.
    pub certificates: Arc<dyn Certificates>,
    /// Who is at work on which.
    pub claims: Claims,
}

impl World {
    /// The same world as this runbook reaches it.
    #[must_use]
    pub fn acting_for(&self, runbook: &RunbookName) -> Self {
        Self {
            clusters: self.clusters.acting_for(runbook),
            ..self.clone()
        }
    }
}

/// Where messages go: a webhook that takes JSON by POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its address.
    pub address: ChannelAddress,
    /// Sent as `Authorization: Bearer …`, where named.
    pub bearer: Option<SecretName>,
    /// A PEM file with further certificate authorities.
    pub authority_file: Option<std::path::PathBuf>,
}

/// A channel's address; many services put a credential into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelAddress {
    /// In the configuration.
    Plain(String),
    /// In this secret.
    Secret(SecretName),
}

/// The one who runs runbooks, once it is there: it is made after the actions that ask it, and they do not keep it alive.
#[derive(Debug, Default)]
pub struct Children(OnceLock<Weak<dyn Runs>>);

impl Children {
    /// Names the one who runs runbooks. Only the first call counts.
    pub fn connect(&self, runs: Weak<dyn Runs>) {
        self.0.get_or_init(|| runs);
    }
    /// The one who runs runbooks, if the agent is up.
    pub fn get(&self) -> Option<Arc<dyn Runs>> {
        self.0.get().and_then(Weak::upgrade)
    }
}
