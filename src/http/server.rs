//! The accept loop: bounded connections, bounded waits, and an end that waits for answers in flight, but not for ever.

use crate::http::{Front, Services, patience::Patient, router};
use axum::Router;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

/// Connections at the same time; further ones wait in the kernel's queue.
const MOST_CONNECTIONS: usize = 512;
/// How long a client may take to send a request's head, and how long a connection may lie idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection may last; a client opens a new one.
const LONGEST_CONNECTION: Duration = Duration::from_hours(1);
/// How many bytes a request's head may have.
const MOST_HEAD: usize = 64 * 1024;
/// How long after a failed accept (no descriptors left) the next one is tried.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Who is on the other side of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    /// Whether the agent listens on a loopback address, so that only this host can reach it.
    pub(super) loopback: bool,
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// Connections, or changes under way, that were cut at the deadline.
    pub cut: usize,
}

/// Answers until `stop` fires; then takes no new connections, lets answers in flight end, and cuts what is left after `grace`.
pub async fn serve(
    listener: TcpListener,
    services: Services,
    stop: CancellationToken,
    grace: Duration,
) -> Served {
    let front = Arc::new(Front::new(services, stop.clone()));
    let loopback = match listener.local_addr() {
        Ok(address) => {
            front.events.listening(address);
            address.ip().is_loopback()
        }
        Err(_) => false,
    };
    let router = router(&front);
    let slots = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    while let Some((stream, address, slot)) =
        accept(&listener, &slots, &mut connections, &stop).await
    {
        let peer = Peer { address, loopback };
        let connection = answer(stream, peer, router.clone(), stop.clone(), slot);
        #[expect(
            clippy::disallowed_methods,
            reason = "connections belong to the server's future and end with it"
        )]
        connections.spawn(connection);
    }
    drop(listener);
    end(connections, &front, grace).await
}

/// The next connection with a slot of its own; `None` once `stop` has fired.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    connections: &mut JoinSet<()>,
    stop: &CancellationToken,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    loop {
        while connections.try_join_next().is_some() {}
        let next = async {
            let slot = Arc::clone(slots).acquire_owned().await.ok()?;
            if let Ok((stream, address)) = listener.accept().await {
                return Some((stream, address, slot));
            }
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            accepted = next => if accepted.is_some() { return accepted; },
        }
    }
}

/// Serves one connection to its end. Errors are the client's: it went away, was too slow, or spoke something else.
async fn answer(
    stream: TcpStream,
    peer: Peer,
    router: Router,
    stop: CancellationToken,
    slot: OwnedSemaphorePermit,
) {
    let _nagle = stream.set_nodelay(true);
    let service = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer);
        hyper::service::Service::call(&service, request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MOST_HEAD)
        .half_close(false)
        .serve_connection(TokioIo::new(Patient::new(stream)), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ended = connection.as_mut() => {}
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ended = connection.await;
        }
        () = tokio::time::sleep(LONGEST_CONNECTION) => {}
    }
    drop(slot);
}

async fn end(mut connections: JoinSet<()>, front: &Front, grace: Duration) -> Served {
    let all = async {
        while connections.join_next().await.is_some() {}
        front.changes.end().await;
    };
    if tokio::time::timeout(grace, all).await.is_ok() {
        return Served { cut: 0 };
    }
    let changes = front.changes.cut().await;
    let left = connections.len();
    connections.shutdown().await;
    Served {
        cut: left.max(changes),
    }
}
