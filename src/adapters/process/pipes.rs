//! The three pipes between a program and the agent.

use crate::{
    adapters::process::pour::{self, Pour},
    domain::secret::SecretValue,
    ports::{
        executor::{LogStream, StepLog},
        processes::Delivery,
    },
};
use std::{
    future::poll_fn,
    mem::MaybeUninit,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    process::{Child, ChildStderr, ChildStdin, ChildStdout},
};

/// Read at once; on the stack, only while reading.
const CHUNK: usize = 16 * 1024;
/// Bytes of standard error that are given back.
const ERROR_TAIL: usize = 4096;

/// Feeds the input, logs the output, and keeps the captured parts.
pub(super) struct Pipes<'a> {
    input: Option<Feed>,
    out: Option<ChildStdout>,
    /// Takes the output, where it is streamed.
    pour: Option<Pour<'a>>,
    err: Option<ChildStderr>,
    log: Arc<dyn StepLog>,
    capture: usize,
    captured: Vec<u8>,
    error_tail: Vec<u8>,
}

struct Feed {
    pipe: ChildStdin,
    bytes: SecretValue,
    written: usize,
}

/// What is left when all has ended.
pub(super) struct Kept {
    pub(super) output: Vec<u8>,
    pub(super) error_tail: Vec<u8>,
    pub(super) delivery: Delivery,
}

impl<'a> Pipes<'a> {
    pub(super) fn new(
        child: &mut Child,
        input: Option<SecretValue>,
        pour: Option<Pour<'a>>,
        capture: usize,
        log: Arc<dyn StepLog>,
    ) -> Self {
        let input = child.stdin.take().zip(input).map(|(pipe, bytes)| Feed {
            pipe,
            bytes,
            written: 0,
        });
        let out = child.stdout.take();
        if let (Some(out), true) = (&out, pour.is_some()) {
            pour::widen(out);
        }
        Self {
            input,
            out,
            pour,
            err: child.stderr.take(),
            log,
            capture,
            captured: Vec::new(),
            error_tail: Vec::new(),
        }
    }

    /// Whether all that there was to feed is fed, and both outputs have ended.
    pub(super) fn ended(&self) -> bool {
        let is_full = self.pour.as_ref().is_some_and(Pour::is_full);
        self.input.is_none() && self.out.is_none() && self.err.is_none() && !is_full
    }

    /// Feeds no more.
    pub(super) fn close_input(&mut self) {
        self.input = None;
    }

    /// Works until all has ended. Nothing is lost when it is dropped and called again.
    pub(super) async fn work(&mut self) {
        poll_fn(|context| self.poll(context)).await;
    }

    /// How far a streamed output has come; as long as this moves, or its taker is what holds it up, nothing is stuck here.
    pub(super) fn poured(&self) -> (u64, bool) {
        let pour = self.pour.as_ref();
        pour.map_or((0, false), |pour| (pour.taken(), pour.is_full()))
    }

    /// The captured output, the end of the error output, and what came of a streamed one.
    pub(super) fn into_kept(self) -> Kept {
        let was_read = self.out.is_none();
        let delivery = match self.pour {
            Some(pour) => pour.delivery(was_read),
            None if was_read => Delivery::Whole,
            None => Delivery::Cut,
        };
        Kept {
            output: self.captured,
            error_tail: self.error_tail,
            delivery,
        }
    }

    /// One chunk of each output in turn, so that neither waits for the other.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.poll_feed(context);
        loop {
            let out = match &mut self.pour {
                Some(pour) => pour.poll(&mut self.out, context),
                None => poll_chunk(&mut self.out, context, |bytes| {
                    self.log.append(LogStream::Out, bytes);
                    let room = self.capture.saturating_sub(self.captured.len());
                    self.captured.extend(bytes.iter().take(room));
                }),
            };
            let err = poll_chunk(&mut self.err, context, |bytes| {
                self.log.append(LogStream::Err, bytes);
                keep_tail(&mut self.error_tail, bytes);
            });
            if self.ended() {
                return Poll::Ready(());
            }
            if out.is_pending() && err.is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn poll_feed(&mut self, context: &mut Context<'_>) {
        while let Some(feed) = &mut self.input {
            let rest = feed.bytes.expose().as_bytes().get(feed.written..);
            let rest = rest.unwrap_or_default();
            if rest.is_empty() {
                self.input = None;
                return;
            }
            match Pin::new(&mut feed.pipe).poll_write(context, rest) {
                Poll::Ready(Ok(written)) if written > 0 => feed.written += written,
                // The program does not want to read it all.
                Poll::Ready(Ok(_) | Err(_)) => self.input = None,
                Poll::Pending => return,
            }
        }
    }
}

/// Ready while there is something to do; an end or a broken pipe takes the pipe away.
fn poll_chunk(
    pipe: &mut Option<impl AsyncRead + Unpin>,
    context: &mut Context<'_>,
    mut take: impl FnMut(&[u8]),
) -> Poll<()> {
    let Some(open) = pipe else {
        return Poll::Pending;
    };
    let mut space = [MaybeUninit::uninit(); CHUNK];
    let mut chunk = ReadBuf::uninit(&mut space);
    match Pin::new(open).poll_read(context, &mut chunk) {
        Poll::Pending => return Poll::Pending,
        Poll::Ready(Ok(())) if !chunk.filled().is_empty() => take(chunk.filled()),
        Poll::Ready(Ok(()) | Err(_)) => *pipe = None,
    }
    Poll::Ready(())
}

fn keep_tail(tail: &mut Vec<u8>, bytes: &[u8]) {
    let bytes = bytes
        .get(bytes.len().saturating_sub(ERROR_TAIL)..)
        .unwrap_or_default();
    let surplus = (tail.len() + bytes.len()).saturating_sub(ERROR_TAIL);
    tail.drain(..surplus);
    tail.extend_from_slice(bytes);
}
