//! PostgreSQL servers, by tokio-postgres over rustls.
//!
//! A password is never sent to be stored: the server gets a SCRAM-SHA-256 verifier, which is computed here, so that neither its log nor
//! its statistics of statements can show the password. Nothing is spawned: a connection is driven by the very future that uses it.

use crate::ports::{
    BoxFuture,
    postgres::{Login, Postgres, PostgresError, Protection, RoleChange, Server},
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use std::{future::Future, path::PathBuf, sync::Arc};
use tokio_postgres::{
    Client, Config, Connection, Error, NoTls, Socket, config::SslMode, error::SqlState,
    tls::TlsStream,
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Servers that can be reached from this host.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostPostgres;

impl Postgres for HostPostgres {
    fn log_in<'a>(
        &'a self,
        server: &'a Server,
        login: &'a Login,
    ) -> BoxFuture<'a, Result<(), PostgresError>> {
        Box::pin(ask(server, login, "SELECT 1".to_owned()))
    }
    fn change_role<'a>(
        &'a self,
        server: &'a Server,
        admin: &'a Login,
        role: &'a str,
        change: RoleChange,
    ) -> BoxFuture<'a, Result<(), PostgresError>> {
        Box::pin(ask(server, admin, statement(role, &change)))
    }
}

/// The verifier holds letters, digits and `+/=$:-` only, so that it needs no quoting inside quotes.
fn statement(role: &str, change: &RoleChange) -> String {
    let role = role.replace('"', "\"\"");
    match change {
        RoleChange::Password(password) => {
            let verifier = postgres_protocol::password::scram_sha_256(password.expose().as_bytes());
            format!("ALTER ROLE \"{role}\" PASSWORD '{verifier}'")
        }
        RoleChange::NoPassword => format!("ALTER ROLE \"{role}\" PASSWORD NULL"),
    }
}

async fn ask(server: &Server, login: &Login, statement: String) -> Result<(), PostgresError> {
    let asked = asked(server, login, statement);
    match tokio::time::timeout(server.timeout.duration(), asked).await {
        Ok(answer) => answer,
        Err(_) => Err(unavailable(
            server,
            format!("it took longer than {}", server.timeout),
        )),
    }
}

async fn asked(server: &Server, login: &Login, statement: String) -> Result<(), PostgresError> {
    let mut config = Config::new();
    config
        .host(&server.host)
        .port(server.port)
        .dbname(&server.database)
        .user(&login.role)
        .application_name("orderly");
    if let Some(password) = &login.password {
        config.password(password.expose());
    }
    let failed = |error: &Error| of_login(server, login, error);
    match &server.tls {
        Protection::None => {
            config.ssl_mode(SslMode::Disable);
            let connected = config.connect(NoTls).await;
            let (client, connection) = connected.map_err(|error| failed(&error))?;
            drive(server, client, connection, &statement).await
        }
        Protection::Verified(file) => {
            config.ssl_mode(SslMode::Require);
            let roots = roots(file.clone()).await;
            let roots = roots.map_err(|reason| unavailable(server, reason))?;
            let tls = client_config(roots).map_err(|error| unavailable(server, error))?;
            let connected = config.connect(MakeRustlsConnect::new(tls)).await;
            let (client, connection) = connected.map_err(|error| failed(&error))?;
            drive(server, client, connection, &statement).await
        }
    }
}

/// Asks while the connection is driven beside it.
async fn drive<T: TlsStream + Unpin>(
    server: &Server,
    client: Client,
    connection: Connection<Socket, T>,
    statement: &str,
) -> Result<(), PostgresError> {
    let asking = async move {
        let answer = client.batch_execute(statement).await;
        drop(client);
        answer
    };
    let (answer, _closed) = both(asking, connection).await;
    answer.map_err(|error| of_answer(server, &error))
}

async fn both<A: Future, B: Future>(one: A, other: B) -> (A::Output, B::Output) {
    tokio::join!(one, other)
}

fn client_config(roots: RootCertStore) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

async fn roots(file: Option<PathBuf>) -> Result<RootCertStore, String> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut store = RootCertStore::empty();
        let Some(file) = file else {
            let found = rustls_native_certs::load_native_certs();
            let _counts = store.add_parsable_certificates(found.certs);
            return Ok(store);
        };
        let refuse = |reason: String| format!("the certificate file {}: {reason}", file.display());
        let bytes = std::fs::read(&file).map_err(|error| refuse(error.to_string()))?;
        for certificate in CertificateDer::pem_slice_iter(&bytes) {
            let certificate = certificate.map_err(|error| refuse(error.to_string()))?;
            store
                .add(certificate)
                .map_err(|error| refuse(error.to_string()))?;
        }
        Ok(store)
    });
    reading.await.map_err(|error| error.to_string())?
}

/// A login that is refused is told apart from a server that is not there.
fn of_login(server: &Server, login: &Login, error: &Error) -> PostgresError {
    let refusals = [
        SqlState::INVALID_PASSWORD,
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
    ];
    match error.as_db_error() {
        Some(told) if refusals.contains(told.code()) => PostgresError::LoginRefused {
            role: login.role.clone(),
            code: told.code().code().to_owned(),
            message: told.message().to_owned(),
        },
        Some(_) | None => of_answer(server, error),
    }
}

fn of_answer(server: &Server, error: &Error) -> PostgresError {
    match error.as_db_error() {
        Some(told) if is_of_the_server(told.code()) => {
            unavailable(server, told.message().to_owned())
        }
        Some(told) => PostgresError::Refused {
            code: told.code().code().to_owned(),
            message: told.message().to_owned(),
        },
        None => unavailable(server, chain(error)),
    }
}

/// Starting, stopping, or full.
fn is_of_the_server(code: &SqlState) -> bool {
    ["57", "53", "08"]
        .iter()
        .any(|class| code.code().starts_with(class))
}

fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn unavailable(server: &Server, reason: String) -> PostgresError {
    PostgresError::Unavailable {
        server: format!("{}:{}", server.host, server.port),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::statement;
    use crate::{domain::secret::SecretValue, ports::postgres::RoleChange};

    #[test]
    fn a_password_never_stands_in_a_statement() {
        let change = RoleChange::Password(SecretValue::new("s3cret".to_owned()));
        let text = statement("web\"; DROP", &change);
        assert!(text.starts_with("ALTER ROLE \"web\"\"; DROP\" PASSWORD 'SCRAM-SHA-256$4096:"));
        assert!(!text.contains("s3cret"));
    }
}
