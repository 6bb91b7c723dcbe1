//! A program's output on its way to a taker that sets the pace.

use crate::ports::{cluster::Sink, processes::Delivery};
use rustix::pipe::fcntl_setpipe_size;
use std::{
    os::fd::AsFd,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::sync::CancellationToken;

/// Held at once at most.
const PIECE: usize = 64 * 1024;

/// Bytes that the program may be ahead. Programs write little at a time, and each stop and start costs both sides.
const AHEAD: usize = 512 * 1024;

/// Gives the program room to be ahead, as far as the system lets us.
pub(super) fn widen(pipe: impl AsFd) {
    // One of the usual size does as well.
    let _widened = fcntl_setpipe_size(pipe, AHEAD);
}

/// Hands pieces on. A piece is read only after the one before it was taken whole.
pub(super) struct Pour<'a> {
    sink: &'a mut Sink<'a>,
    /// Fires when the taker takes no more.
    stop: CancellationToken,
    space: Box<[u8]>,
    /// What of the space is filled and not yet taken.
    begin: usize,
    end: usize,
    taken: u64,
    refused: Option<String>,
}

impl<'a> Pour<'a> {
    pub(super) fn into(sink: &'a mut Sink<'a>, stop: CancellationToken) -> Self {
        Self {
            sink,
            stop,
            space: vec![0; PIECE].into_boxed_slice(),
            begin: 0,
            end: 0,
            taken: 0,
            refused: None,
        }
    }

    /// Bytes that the taker has.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether it waits for the taker.
    pub(super) fn is_full(&self) -> bool {
        self.begin < self.end
    }

    /// What came of it; `was_read` says that the end of the output was seen.
    pub(super) fn delivery(self, was_read: bool) -> Delivery {
        match self.refused {
            Some(reason) => Delivery::Refused(reason),
            None if was_read && self.begin == self.end => Delivery::Whole,
            None => Delivery::Cut,
        }
    }

    /// Ready while there is something to do, as for a pipe that is not streamed.
    pub(super) fn poll(
        &mut self,
        pipe: &mut Option<impl AsyncRead + Unpin>,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        if self.is_full() {
            return self.poll_give(pipe, context);
        }
        let Some(open) = pipe else {
            return Poll::Pending;
        };
        let mut piece = ReadBuf::new(&mut self.space);
        match Pin::new(open).poll_read(context, &mut piece) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(())) if !piece.filled().is_empty() => {
                (self.begin, self.end) = (0, piece.filled().len());
            }
            Poll::Ready(Ok(())) => *pipe = None,
            // What cannot be read any more is not known to be whole.
            Poll::Ready(Err(error)) => self.give_up(pipe, error.to_string()),
        }
        Poll::Ready(())
    }

    fn poll_give(
        &mut self,
        pipe: &mut Option<impl AsyncRead + Unpin>,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let rest = self.space.get(self.begin..self.end).unwrap_or_default();
        match Pin::new(&mut *self.sink).poll_write(context, rest) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(0)) => self.give_up(pipe, "it takes nothing more".to_owned()),
            Poll::Ready(Ok(given)) => {
                self.begin += given;
                self.taken += given as u64;
            }
            Poll::Ready(Err(error)) => self.give_up(pipe, error.to_string()),
        }
        Poll::Ready(())
    }

    fn give_up<T>(&mut self, pipe: &mut Option<T>, reason: String) {
        self.refused = Some(reason);
        self.begin = self.end;
        *pipe = None;
        self.stop.cancel();
    }
}
