//! The audit log as a file that can be checked by itself, streamed: nobody who may look need enter the agent's host for it.

use crate::{
    domain::audit::ArchiveSpan,
    history::{FileError, Form},
    http::{Front, extract::Params, problem::Problem},
    ports::BoxFuture,
};
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use jiff::Timestamp;
use serde::Deserialize;
use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, mpsc},
};

/// About how many bytes go out at once.
const PIECE: usize = 64 * 1024;
/// So many pieces may wait for a caller who reads slowly.
const WAITING: usize = 4;
/// So long a caller may read nothing; the database is kept open meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which records, and in which form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Which {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    #[serde(default)]
    form: Named,
}

/// The end of a file's name.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Named {
    #[default]
    Jsonl,
    Zst,
    Gz,
}

impl Named {
    fn form(self) -> (Form, &'static str, &'static str) {
        match self {
            Self::Jsonl => (Form::Plain, "application/x-ndjson", "audit.jsonl"),
            Self::Zst => (Form::Zstd, "application/zstd", "audit.jsonl.zst"),
            Self::Gz => (Form::Gzip, "application/gzip", "audit.jsonl.gz"),
        }
    }
}

/// `GET /audit/export`. A log that is found broken on the way ends the answer without its seal.
pub(in crate::http) async fn export(
    State(front): State<Arc<Front>>,
    Params(which): Params<Which>,
) -> Result<Response, Problem> {
    let busy = || {
        let detail = "too many callers read at once";
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "busy", detail).header(header::RETRY_AFTER, "5")
    };
    let slot = Arc::clone(&front.followers).try_acquire_owned();
    let slot = slot.map_err(|_| busy())?;
    let (form, kind, name) = which.form.form();
    let (sender, pieces) = mpsc::channel(WAITING);
    let out = Box::new(Pieces {
        sender,
        runtime: Handle::current(),
        piece: Vec::new(),
    });
    let history = front.history.clone();
    let work = async move {
        history
            .export_audit(which.since, which.until, form, out)
            .await
    };
    let mut export = Export {
        pieces,
        work: Some(Box::pin(work)),
        _slot: slot,
    };
    // What can be said before the first byte is said as an answer of its own.
    let first = match export.next().await {
        Some(Ok(first)) => first,
        Some(Err(error)) => return Err(refused(&front, &error)),
        None => Bytes::new(),
    };
    let rest = stream::unfold(Some(export), |export| async move {
        let mut export = export?;
        match export.next().await? {
            Ok(piece) => Some((Ok(piece), Some(export))),
            Err(error) => Some((Err(io::Error::other(error.to_string())), None)),
        }
    });
    let first = stream::once(async move { Ok::<_, io::Error>(first) });
    let body = Body::from_stream(stream::StreamExt::chain(first, rest));
    let attached = format!("attachment; filename=\"{name}\"");
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, attached),
    ];
    Ok((headers, body).into_response())
}

fn refused(front: &Front, error: &FileError) -> Problem {
    match error {
        FileError::Nothing => Problem::not_found("record of that time"),
        FileError::Broken(broken) => {
            front.events.audit_broken(&broken.to_string());
            let detail = format!("the audit log is not whole, so it is not exported: {broken}");
            Problem::new(StatusCode::CONFLICT, "conflict", detail).hint(broken.hint())
        }
        FileError::Io(_)
        | FileError::History(_)
        | FileError::Foreign { .. }
        | FileError::NotWhole { .. }
        | FileError::Seal
        | FileError::InTheWay(_) => {
            front.events.history_read_failed(&error.to_string());
            Problem::unavailable("the history cannot be read now")
        }
    }
}

/// An export that is under way.
struct Export {
    pieces: mpsc::Receiver<Bytes>,
    work: Option<BoxFuture<'static, Result<ArchiveSpan, FileError>>>,
    _slot: OwnedSemaphorePermit,
}

impl Export {
    /// The next bytes; nothing at the end.
    async fn next(&mut self) -> Option<Result<Bytes, FileError>> {
        if let Some(work) = &mut self.work {
            tokio::select! {
                biased;
                piece = self.pieces.recv() => if let Some(piece) = piece {
                    return Some(Ok(piece));
                },
                ended = &mut *work => {
                    self.work = None;
                    return match ended {
                        Ok(_) => self.pieces.recv().await.map(Ok),
                        Err(error) => Some(Err(error)),
                    };
                }
            }
            // Nothing more is written; whether that was all is what the work's end says.
            let ended = work.await;
            self.work = None;
            return ended.err().map(Err);
        }
        self.pieces.recv().await.map(Ok)
    }
}

/// Takes what the history's thread writes, and waits for the caller to read it.
struct Pieces {
    sender: mpsc::Sender<Bytes>,
    runtime: Handle,
    piece: Vec<u8>,
}

impl Pieces {
    fn send(&mut self) -> io::Result<()> {
        let piece = Bytes::from(std::mem::take(&mut self.piece));
        let sent = self
            .runtime
            .block_on(self.sender.send_timeout(piece, PATIENCE));
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.send()?;
        }
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        self.send()
    }
}
