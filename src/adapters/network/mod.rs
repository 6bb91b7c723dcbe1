//! Other hosts, over HTTP, TLS, TCP and DNS.
//!
//! Invariants
//! - One connection pool for each set of certificate authorities, so that a check every few seconds does not shake hands each time.
//! - No proxy: neither `HTTP_PROXY` nor the like is honoured. What a step asks is what is asked.
//! - Trusted are the host's own certificate authorities (`SSL_CERT_FILE` and `SSL_CERT_DIR` name others) and those of the file that a
//!   request names. That file is read anew when it changes.
//! - Answers are taken as they come: no decompression, no cookies, at most so many bytes as asked for.
//! - A redirect to another server loses every header of the caller, and is refused for a request that changes something.
//! - No error shows more of an address than scheme, host and port: paths and queries hold credentials too often.

mod certificate;
mod clients;
mod exchange;
mod fault;
mod handshake;
mod roots;

use crate::{
    adapters::network::{clients::Clients, roots::Roots},
    domain::span::Span,
    ports::{
        BoxFuture,
        network::{Certificate, HttpRequest, HttpResponse, Network, NetworkError},
    },
};
use std::{net::IpAddr, path::Path};
use tokio::{
    net::{TcpStream, lookup_host},
    time::Instant,
};

/// The network as this host sees it.
#[derive(Debug, Default)]
pub struct HostNetwork {
    roots: Roots,
    clients: Clients,
}

impl HostNetwork {
    /// A network without open connections.
    pub fn new() -> Self {
        Self::default()
    }

    /// The client for these certificate authorities, for adapters that speak HTTP through a library of their own; `target` is for errors.
    pub(in crate::adapters) async fn client(
        &self,
        authority_file: Option<&Path>,
        target: &str,
    ) -> Result<reqwest::Client, NetworkError> {
        let further = roots::read_further(authority_file, target).await?;
        let native = self.roots.native().await;
        self.clients
            .client(authority_file, &further, &native, target)
    }

    async fn ask(&self, request: &HttpRequest) -> Result<HttpResponse, NetworkError> {
        let first = exchange::Hop::first(request)?;
        let file = request.authority_file.as_deref();
        let client = self.client(file, &first.target()).await?;
        exchange::follow(&client, request, first).await
    }

    async fn shake_hands(
        &self,
        host: &str,
        port: u16,
        server_name: &str,
        file: Option<&Path>,
    ) -> Result<Certificate, NetworkError> {
        let target = at(host, port);
        let further = roots::read_further(file, &target).await?;
        let native = self.roots.native().await;
        let trusted = roots::together(&native, &further, &target)?;
        handshake::look(host, port, server_name, trusted).await
    }
}

impl Network for HostNetwork {
    fn http(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, NetworkError>> {
        Box::pin(async move {
            let target = fault::origin_of(request.url.expose());
            within(request.timeout, target, self.ask(&request)).await
        })
    }

    fn tls<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        server_name: &'a str,
        authority_file: Option<&'a Path>,
        timeout: Span,
    ) -> BoxFuture<'a, Result<Certificate, NetworkError>> {
        let looking = self.shake_hands(host, port, server_name, authority_file);
        Box::pin(within(timeout, at(host, port), looking))
    }

    fn connect<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        timeout: Span,
    ) -> BoxFuture<'a, Result<Span, NetworkError>> {
        let opening = async move {
            let begin = Instant::now();
            open(host, port).await?;
            Ok(since(begin))
        };
        Box::pin(within(timeout, at(host, port), opening))
    }

    fn resolve<'a>(
        &'a self,
        name: &'a str,
        timeout: Span,
    ) -> BoxFuture<'a, Result<Vec<IpAddr>, NetworkError>> {
        let looking = async move {
            let found = lookup_host((name, 0)).await;
            let found = found.map_err(|error| fault::unreachable(name, &error))?;
            let mut addresses: Vec<_> = found.map(|address| address.ip()).collect();
            addresses.sort_unstable();
            addresses.dedup();
            Ok(addresses)
        };
        Box::pin(within(timeout, name.to_owned(), looking))
    }
}

async fn open(host: &str, port: u16) -> Result<TcpStream, NetworkError> {
    TcpStream::connect((host, port))
        .await
        .map_err(|error| fault::unreachable(&at(host, port), &error))
}

async fn within<T>(
    timeout: Span,
    target: String,
    work: impl Future<Output = Result<T, NetworkError>>,
) -> Result<T, NetworkError> {
    tokio::time::timeout(timeout.duration(), work)
        .await
        .unwrap_or(Err(NetworkError::TimedOut(target, timeout)))
}

fn at(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

fn since(begin: Instant) -> Span {
    Span::from_millis(u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX))
}
