//! A connection whose other side must take what it asked for: a write that waits too long fails.

use std::{
    io::{Error, ErrorKind, IoSlice, Result},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

/// How long a write may wait for the other side.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// A stream with a bound on each wait to write.
#[derive(Debug)]
pub(super) struct Patient<S> {
    stream: S,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncWrite + Unpin> Patient<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            waiting: None,
        }
    }

    /// Passes an answer on, and starts, ends or ends by the wait.
    fn bounded<T>(
        &mut self,
        context: &mut Context<'_>,
        ask: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<Result<T>>,
    ) -> Poll<Result<T>> {
        if let Poll::Ready(answer) = ask(Pin::new(&mut self.stream), context) {
            self.waiting = None;
            return Poll::Ready(answer);
        }
        let sleep = || Box::pin(tokio::time::sleep(WRITE_TIMEOUT));
        let waiting = self.waiting.get_or_insert_with(sleep);
        waiting.as_mut().poll(context).map(|()| {
            Err(Error::new(
                ErrorKind::TimedOut,
                "the other side takes nothing",
            ))
        })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        self.bounded(context, |stream, context| stream.poll_write(context, bytes))
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.bounded(context, |stream, context| {
            stream.poll_write_vectored(context, slices)
        })
    }
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.bounded(context, AsyncWrite::poll_flush)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.bounded(context, AsyncWrite::poll_shutdown)
    }
}

#[cfg(test)]
mod tests {
    use super::{Patient, WRITE_TIMEOUT};
    use std::io::ErrorKind;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_given_up() {
        let (near, _far) = duplex(16);
        let mut stream = Patient::new(near);
        let error = stream.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_slowly_is_served() {
        let (near, mut far) = duplex(16);
        let mut stream = Patient::new(near);
        let taking = async {
            let mut taken = Vec::new();
            while taken.len() < 64 {
                tokio::time::sleep(WRITE_TIMEOUT / 2).await;
                far.read_buf(&mut taken).await.unwrap();
            }
        };
        let bytes = [0; 64];
        let (written, ()) = tokio::join!(stream.write_all(&bytes), taking);
        written.unwrap();
    }
}
