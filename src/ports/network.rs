//! Other hosts.

use crate::{
    domain::{secret::SecretValue, span::Span},
    ports::BoxFuture,
};
use jiff::Timestamp;
use std::net::IpAddr;

/// One HTTP request. Redirects are not followed unless asked for.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// Absolute, `http` or `https`.
    pub url: SecretValue,
    /// In order.
    pub headers: Vec<(String, SecretValue)>,
    /// The body.
    pub body: Option<SecretValue>,
    /// From the first packet to the last byte.
    pub timeout: Span,
    /// How many redirects to follow.
    pub redirects: u32,
    /// The longest body that is read; the rest is cut and said so.
    pub max_body: usize,
    /// A PEM file with further certificate authorities.
    pub authority_file: Option<std::path::PathBuf>,
}

/// Its answer.
#[derive(Debug, Clone)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// Lower-case names.
    pub headers: Vec<(String, String)>,
    /// At most `max_body` bytes.
    pub body: Vec<u8>,
    /// Whether the body was longer.
    pub cut: bool,
    /// From sending to the last byte read.
    pub took: Span,
}

/// What a TLS server showed.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// In hexadecimal digits.
    pub serial: String,
    /// The subject, as text.
    pub subject: String,
    /// The issuer, as text.
    pub issuer: String,
    /// DNS names and addresses it is for.
    pub names: Vec<String>,
    /// First moment.
    pub not_before: Timestamp,
    /// Last moment.
    pub not_after: Timestamp,
    /// Whether the chain leads to a trusted root and the name fits; why not, if not.
    pub trusted: Result<(), String>,
}

/// Why the other side could not be reached or understood.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NetworkError {
    /// The address cannot be read.
    #[error("`{0}` is not an address: {1}")]
    InvalidAddress(String, String),
    /// Nothing was sent: a certificate file cannot be read, a header cannot be sent.
    #[error("{0} was not asked: {1}")]
    NotAsked(String, String),
    /// No answer in time.
    #[error("no answer from {0} within {1}")]
    TimedOut(String, Span),
    /// Anything else between here and there.
    #[error("{target}: {reason}")]
    Unreachable {
        /// Who was asked.
        target: String,
        /// What went wrong, with its causes.
        reason: String,
        /// Whether anything of a request may have arrived there.
        sent: bool,
    },
}

/// Reaches other hosts. Every method honours its timeout.
pub trait Network: Send + Sync + std::fmt::Debug {
    /// Sends a request and reads the answer.
    fn http(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, NetworkError>>;
    /// Shakes hands and looks at the leaf certificate.
    fn tls<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        server_name: &'a str,
        authority_file: Option<&'a std::path::Path>,
        timeout: Span,
    ) -> BoxFuture<'a, Result<Certificate, NetworkError>>;
    /// Opens a connection and closes it; how long it took.
    fn connect<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        timeout: Span,
    ) -> BoxFuture<'a, Result<Span, NetworkError>>;
    /// The addresses of a name, sorted.
    fn resolve<'a>(
        &'a self,
        name: &'a str,
        timeout: Span,
    ) -> BoxFuture<'a, Result<Vec<IpAddr>, NetworkError>>;
}
