//! Programs in containers, over the API server's WebSocket.
//!
//! Invariants
//! - Only the server's status says how a program ended. A connection that ends before it came is never an end of the program.
//! - A program may end before it has taken all its input. What can then no longer be sent ends nothing: the status may have come
//!   already. (`kube`'s own `AttachedProcess` gives up at the first send that fails, with the status unread.)
//! - Input that cannot be read is a failure, whatever the program made of the part that it was given.
//!
//! The protocol is `v5.channel.k8s.io`: binary messages whose first byte names the channel
//! (`k8s.io/apimachinery/pkg/util/remotecommand/constants.go`).

use super::answers::{chain, unavailable};
use crate::ports::cluster::{ClusterError, ExecEnd, ExecStreams, Sink};
use futures_util::{Sink as Messages, SinkExt as _, Stream, StreamExt as _};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::client::Connection;
use std::{future::pending, io, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    time::{Instant, interval_at},
};
use tokio_tungstenite::tungstenite::{self, Message};

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;
/// Followed by the channel that ends.
const CLOSE: u8 = 255;
/// Bytes of input in one message.
const MESSAGE: usize = 64 << 10;
/// What passes traffic on cuts connections on which nothing moves, many after a minute or more.
const PING: Duration = Duration::from_secs(30);

/// Moves all bytes until the program has ended.
pub(super) async fn flow(
    cluster: &str,
    connection: Connection,
    streams: ExecStreams<'_>,
) -> Result<ExecEnd, ClusterError> {
    if streams.stdin.is_some() && !connection.supports_stream_close() {
        return Err(ClusterError::Refused {
            code: 0,
            message:
                "it cannot be told where a program's input ends; Kubernetes 1.30 and newer can"
                    .to_owned(),
        });
    }
    let (to, from) = connection.into_stream().split();
    let received = receive(from, streams.stdout, streams.stderr);
    let fed = feed(to, streams.stdin);
    tokio::select! {
        // What came is looked at before what can no longer be sent.
        biased;
        end = received => match end {
            Ok(Some(status)) => Ok(end_of(&status)),
            Ok(None) => Err(unavailable(cluster, LOST.to_owned())),
            Err(Broken::Connection(error)) => {
                Err(unavailable(cluster, format!("{LOST}: {}", chain(&error))))
            }
            Err(Broken::Status(error)) => {
                Err(unavailable(cluster, format!("how the program ended cannot be read: {error}")))
            }
            Err(Broken::Sink(error)) => Err(not_taken(&error)),
        },
        error = fed => Ok(ExecEnd::Failed(format!("its input could not be read: {error}"))),
    }
}

const LOST: &str = "the connection was lost before the program ended";

enum Broken {
    Connection(tungstenite::Error),
    Status(serde_json::Error),
    Sink(io::Error),
}

/// Takes what comes up to the status, which is the last that comes.
async fn receive(
    mut from: impl Stream<Item = Result<Message, tungstenite::Error>> + Unpin,
    stdout: &mut Sink<'_>,
    stderr: &mut Sink<'_>,
) -> Result<Option<Status>, Broken> {
    while let Some(message) = from.next().await {
        let Message::Binary(bytes) = message.map_err(Broken::Connection)? else {
            continue;
        };
        // A channel that opens is told by a message of nothing but its number.
        let Some((&channel, bytes)) = bytes.split_first().filter(|(_, rest)| !rest.is_empty())
        else {
            continue;
        };
        match channel {
            STDOUT => stdout.write_all(bytes).await.map_err(Broken::Sink)?,
            STDERR => stderr.write_all(bytes).await.map_err(Broken::Sink)?,
            STATUS => {
                let status = serde_json::from_slice(bytes).map_err(Broken::Status)?;
                stdout.flush().await.map_err(Broken::Sink)?;
                stderr.flush().await.map_err(Broken::Sink)?;
                return Ok(Some(status));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// Sends the input and its end, and keeps the connection alive. Ends only if the input cannot be read.
async fn feed(
    mut to: impl Messages<Message> + Unpin,
    stdin: Option<&mut (dyn AsyncRead + Send + Unpin + '_)>,
) -> io::Error {
    let mut stdin = stdin;
    let mut pings = interval_at(Instant::now() + PING, PING);
    loop {
        let message = tokio::select! {
            _ = pings.tick() => Message::Ping(Vec::new().into()),
            read = next(&mut stdin) => match read {
                Ok(message) => message,
                Err(error) => return error,
            },
        };
        if to.send(message).await.is_err() {
            return pending().await;
        }
    }
}

/// The next message with input, or the one with its end; none after that.
async fn next(stdin: &mut Option<&mut (dyn AsyncRead + Send + Unpin + '_)>) -> io::Result<Message> {
    let Some(from) = stdin else {
        return pending().await;
    };
    let mut bytes = Vec::with_capacity(1 + MESSAGE);
    bytes.push(STDIN);
    // A read that is dropped for a ping has taken nothing.
    if from.read_buf(&mut bytes).await? == 0 {
        *stdin = None;
        bytes = vec![CLOSE, STDIN];
    }
    Ok(Message::Binary(bytes.into()))
}

/// As the API server reports a program's end (`metav1.Status` with the cause `ExitCode`).
fn end_of(status: &Status) -> ExecEnd {
    if status.status.as_deref() == Some("Success") {
        return ExecEnd::Exited(0);
    }
    let causes = status
        .details
        .as_ref()
        .and_then(|details| details.causes.as_ref());
    let code = causes
        .into_iter()
        .flatten()
        .find(|cause| cause.reason.as_deref() == Some("ExitCode"))
        .and_then(|cause| cause.message.as_deref()?.parse().ok());
    match code {
        Some(code) => ExecEnd::Exited(code),
        None => ExecEnd::Failed(
            status
                .message
                .clone()
                .unwrap_or_else(|| "it does not say why".to_owned()),
        ),
    }
}

pub(super) fn not_taken(error: &io::Error) -> ClusterError {
    ClusterError::Refused {
        code: 0,
        message: format!("what came could not be kept: {error}"),
    }
}
