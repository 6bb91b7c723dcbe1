//! Where a PostgreSQL server is, and who changes its roles.

use crate::{
    domain::{secret::SecretValue, span::Span},
    ports::postgres::{Login, Protection, Server},
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// Where a server is.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ServerOf {
    /// A name, an address, or the folder of a socket.
    pub(super) host: String,
    /// Its port.
    #[serde(default = "usual_port")]
    #[schemars(range(min = 1))]
    pub(super) port: u16,
    /// The database that is logged in to.
    #[serde(default = "usual_database")]
    pub(super) database: String,
    /// How the connection is protected. A password is proven to the server (SCRAM), never sent to it.
    #[serde(default)]
    tls: Tls,
    /// A PEM file with further certificate authorities.
    #[serde(default)]
    ca_file: Option<PathBuf>,
    /// How long one question may take.
    #[serde(default = "ten_seconds")]
    pub(super) timeout: Span,
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Tls {
    /// By a certificate that leads to a trusted authority and bears the host's name.
    #[default]
    Verified,
    /// Not at all: for sockets, and where something else protects it.
    None,
}

fn usual_port() -> u16 {
    5432
}
fn usual_database() -> String {
    "postgres".to_owned()
}
fn ten_seconds() -> Span {
    Span::from_secs(10)
}

/// Who changes the roles: one who may alter them (`CREATEUSERNAME` with `ADMIN` on them, or a superuser).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Admin {
    /// The role.
    role: String,
    /// Its password, as a secret of the agent; none where the server asks for none.
    #[serde(default)]
    #[schemars(extend("writeOnly" = true))]
    password: Option<String>,
}

impl ServerOf {
    /// As the port takes it.
    pub(super) fn server(&self) -> Server {
        Server {
            host: self.host.clone(),
            port: self.port,
            database: self.database.clone(),
            tls: match self.tls {
                Tls::None => Protection::None,
                Tls::Verified => Protection::Verified(self.ca_file.clone()),
            },
            timeout: self.timeout,
        }
    }
}

impl Admin {
    /// As the port takes it.
    pub(super) fn login(&self) -> Login {
        Login {
            role: self.role.clone(),
            password: self.password.clone().map(SecretValue::new),
        }
    }
}
