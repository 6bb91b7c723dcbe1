//! The beginning of a dump, looked at while it passes by.

use crate::ports::archive::Writing;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::AsyncWrite;

/// How a dump in custom format begins.
const MAGIC: &[u8] = b"PGDMP";

/// Passes a dump on.
pub(super) struct Head<'a> {
    to: &'a mut dyn Writing,
    first: Vec<u8>,
}

impl<'a> Head<'a> {
    pub(super) fn of(to: &'a mut dyn Writing) -> Self {
        Self {
            to,
            first: Vec::new(),
        }
    }

    /// Whether it begins like a dump; if not, what is wrong with it.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.first.is_empty() {
            return Err("nothing came");
        }
        if self.first != MAGIC {
            return Err("what came is no dump in custom format");
        }
        Ok(())
    }
}

impl AsyncWrite for Head<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let head = self.get_mut();
        let taken = ready!(Pin::new(&mut *head.to).poll_write(context, bytes))?;
        let room = MAGIC.len().saturating_sub(head.first.len());
        head.first.extend(bytes.iter().take(taken.min(room)));
        Poll::Ready(Ok(taken))
    }
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().to).poll_flush(context)
    }
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().to).poll_shutdown(context)
    }
}
