//! The agent's own configuration: defaults < file < environment < flags.
//!
//! Invariants
//! - Every value knows its origin ([`Loaded::origin`]); `orderly config` prints both.
//! - An unknown key is an error with the nearest known name; a value that does not fit names its origin.
//! - Secrets are references (a file or a variable), never values.
//! - The environment is read here and nowhere else.
//! - Loading has no side effect, so a reload loads first and swaps after.

mod ai;
mod document;
mod layers;
mod model;

pub use ai::{
    AiBudgetConfig, AiConfig, OnUnavailable, PriceConfig, ProviderConfig, ProviderKind,
    StructuredOutput, TokenLimit,
};
pub use document::{Setting, markdown_table, settings};
pub use layers::{Flag, Inputs, Loaded, Origin, environment_variables, load, working_directory};
pub use model::{
    ChannelConfig, ClusterConfig, Config, CredentialsConfig, HttpConfig, LogConfig, LogFormat,
    PolicyConfig, RetentionConfig, RunsConfig, SecretRef, SourceConfig, TokenConfig, WebhookConfig,
};

/// Why the configuration cannot be used. Each says what, where and a way out.
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
    /// The file is not what it should be.
    #[error("{path}: {problem}")]
    Invalid {
        /// The file, with line and column where known.
        path: String,
        /// What is wrong, and a hint.
        problem: String,
    },
    /// A variable or flag does not fit.
    #[error("{origin}: {problem}")]
    Value {
        /// Where the value comes from.
        origin: String,
        /// What is wrong, and a hint.
        problem: String,
    },
}
