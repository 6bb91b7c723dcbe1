//! PostgreSQL servers, as far as rotations need them.

use crate::{
    domain::{secret::SecretValue, span::Span},
    ports::BoxFuture,
};
use std::path::PathBuf;

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// A host's name or address, or the folder of a socket.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Which database.
    pub database: String,
    /// How the connection is protected.
    pub tls: Protection,
    /// How long all of one question may take.
    pub timeout: Span,
}

/// How a connection is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protection {
    /// Not at all: for sockets and hosts of one's own.
    None,
    /// By TLS, with a certificate that leads to an authority of the host or of this file.
    Verified(Option<PathBuf>),
}

/// Who logs in.
#[derive(Debug, Clone)]
pub struct Login {
    /// The role.
    pub role: String,
    /// Its password; none where the server asks for none.
    pub password: Option<SecretValue>,
}

/// Why a question was not answered. It never holds a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostgresError {
    /// The server does not let this role in with this password (SQLSTATE 28P01, 28000).
    #[error("the server refused the login of role `{role}` ({code}): {message}")]
    LoginRefused {
        /// Who.
        role: String,
        /// The server's code.
        code: String,
        /// Its words.
        message: String,
    },
    /// The server refused what it was asked.
    #[error("the server refused it ({code}): {message}")]
    Refused {
        /// The server's code.
        code: String,
        /// Its words.
        message: String,
    },
    /// It could not be reached, or not in time.
    #[error("the PostgreSQL server {server} did not answer: {reason}")]
    Unavailable {
        /// Which.
        server: String,
        /// Why.
        reason: String,
    },
}

/// What becomes of a role.
#[derive(Debug, Clone)]
pub enum RoleChange {
    /// It logs in with this password from now on. The server gets a verifier (SCRAM-SHA-256), never the password.
    Password(SecretValue),
    /// No password lets it in.
    NoPassword,
}

/// Asks PostgreSQL servers.
pub trait Postgres: Send + Sync + std::fmt::Debug {
    /// Logs in, asks one trivial question, and leaves.
    fn log_in<'a>(
        &'a self,
        server: &'a Server,
        login: &'a Login,
    ) -> BoxFuture<'a, Result<(), PostgresError>>;
    /// Changes a role.
    fn change_role<'a>(
        &'a self,
        server: &'a Server,
        admin: &'a Login,
        role: &'a str,
        change: RoleChange,
    ) -> BoxFuture<'a, Result<(), PostgresError>>;
}
