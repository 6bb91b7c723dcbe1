//! The agent's own configuration: defaults < file < environment < flags.
//!
//! Invariants
//! - Every value knows its origin ([`Loaded::origin`]); `orderly config` prints both.
//! - An unknown key is an error with the nearest known name; a value that does not fit names its origin. All faults are told at once.
//! - Secrets are references (a file or a variable), never values.
//! - The environment is read here and nowhere else.
//! - Loading has no side effect, so a reload loads first and swaps after.

mod ai;
mod artifacts;
mod audit;
mod document;
mod fault;
mod file;
mod guides;
mod layers;
mod model;
mod policy;
mod rules;
#[cfg(test)]
mod tests;

pub use ai::{
    AiBudgetConfig, AiConfig, OnUnavailable, PriceConfig, ProviderConfig, ProviderKind,
    StructuredOutput, TokenLimit,
};
pub use artifacts::{ArtifactsConfig, S3Config, StoreConfig};
pub use audit::AuditConfig;
pub use document::{Setting, markdown_table, settings};
pub use fault::Fault;
pub use layers::{
    Flag, Inputs, Judges, Loaded, Origin, environment_variables, load, working_directory,
};
pub use model::{
    AccountConfig, ChannelConfig, ClusterConfig, Config, CredentialsConfig, HttpConfig, LogConfig,
    LogFormat, MetricsAccess, RetentionConfig, RunsConfig, SecretRef, SourceConfig, TokenConfig,
    WebhookConfig,
};
pub use policy::{LimitConfig, LimitsConfig, PolicyConfig};

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(
        "the configuration file {path} cannot be read: {reason}\nhint: name another one with --config, or create it"
    )]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        reason: String,
    },
    /// Everything that does not fit, in the file, the environment and the flags.
    #[error("{}", fault::listed(.0))]
    Faults(Vec<Fault>),
}

impl ConfigError {
    /// Each thing that is wrong, by itself.
    pub fn faults(&self) -> Vec<Fault> {
        match self {
            Self::Unreadable { path, reason } => {
                let hint = "name another one with --config, or create it";
                let problem = format!("the file cannot be read: {reason}");
                vec![Fault::new(path, &problem).hint(Some(hint.to_owned()))]
            }
            Self::Faults(faults) => faults.clone(),
        }
    }
}
