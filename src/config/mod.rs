//! The agent's own configuration: defaults < file < environment < flags.
//!
//! Invariants
//! - Every value knows its origin ([`Loaded::origin`]); `orderly config` prints both.
//! - An unknown key is an error with the nearest known name; a value that does not fit names its origin. All problems are told at once.
//! - Secrets are references (a file or a variable), never values.
//! - The environment is read here and nowhere else.
//! - Loading has no side effect, so a reload loads first and swaps after.

mod check;
mod document;
mod file;
mod layers;
mod model;
mod problem;

pub use document::{Setting, markdown_table, settings};
pub use layers::{Flag, Inputs, Loaded, Origin, environment_variables, load, working_directory};
pub use model::{
    ChannelConfig, ClusterConfig, Config, CredentialsConfig, HttpConfig, LogConfig, LogFormat,
    PolicyConfig, RetentionConfig, RunsConfig, SecretRef, SourceConfig, TokenConfig, WebhookConfig,
};
pub use problem::{ConfigError, ConfigProblem};
