//! What programs and containers say: into the step's log, with its beginning and its end kept aside.

use crate::ports::executor::{LogStream, Session, StepContext, StepLog};
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::io::AsyncWrite;
use tokio_util::sync::CancellationToken;

/// How many bytes of the end are kept.
const TAIL: usize = 4096;

/// Takes bytes as they come into the log of a step.
pub(crate) struct Said {
    log: Arc<dyn StepLog>,
    stream: LogStream,
    count: u64,
    first: Vec<u8>,
    most: usize,
    tail: Vec<u8>,
}

impl Said {
    /// `most` is how many bytes of the beginning are kept.
    pub(crate) fn to(log: Arc<dyn StepLog>, stream: LogStream, most: usize) -> Self {
        Self {
            log,
            stream,
            count: 0,
            first: Vec::new(),
            most,
            tail: Vec::new(),
        }
    }

    /// Only the end is of interest.
    pub(crate) fn unheard() -> Self {
        Self::to(Arc::new(Unheard), LogStream::Out, 0)
    }

    /// Only the beginning is of interest, up to so many bytes.
    pub(crate) fn kept(most: usize) -> Self {
        Self::to(Arc::new(Unheard), LogStream::Out, most)
    }

    /// How many bytes came.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The beginning in whole lines, and whether there is more.
    pub(crate) fn beginning(&self) -> (String, bool) {
        let is_cut = self.count > self.first.len() as u64;
        let text = String::from_utf8_lossy(whole_lines(&self.first, is_cut));
        (text.into_owned(), is_cut)
    }

    /// The last lines, to be put behind what they explain; nothing where nothing was said.
    pub(crate) fn last_lines(&self, most: usize) -> String {
        last_lines(&self.tail, self.count > self.tail.len() as u64, most)
    }

    fn take(&mut self, bytes: &[u8]) {
        self.log.append(self.stream, bytes);
        self.count += bytes.len() as u64;
        let room = self.most.saturating_sub(self.first.len());
        self.first
            .extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        self.tail.extend_from_slice(
            bytes
                .get(bytes.len().saturating_sub(TAIL)..)
                .unwrap_or(bytes),
        );
        self.tail.drain(..self.tail.len().saturating_sub(TAIL));
    }
}

/// A session for a look while a step is planned: nobody stops it, and nobody keeps what is said in it.
pub(crate) fn unheard(context: &StepContext) -> Session {
    Session {
        context: context.clone(),
        stop: CancellationToken::new(),
        log: Arc::new(Unheard),
    }
}

struct Unheard;
impl StepLog for Unheard {
    fn append(&self, _: LogStream, _: &[u8]) {}
}

impl AsyncWrite for Said {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A cut within a line could cut a secret, whose half would not be recognised: of a beginning that is cut, only its whole lines.
pub(crate) fn whole_lines(beginning: &[u8], is_cut: bool) -> &[u8] {
    if !is_cut {
        return beginning;
    }
    let end = beginning.iter().rposition(|&byte| byte == b'\n');
    beginning.get(..end.unwrap_or_default()).unwrap_or_default()
}

/// What PostgreSQL's programs say before the statement that failed; it may be long, would push out what was wrong, and may hold data.
const STATEMENT: &str = "Command was:";

/// The last lines of an end, after `: `; of a line that is not there whole, nothing.
pub(crate) fn last_lines(tail: &[u8], is_cut: bool, most: usize) -> String {
    let tail = String::from_utf8_lossy(tail);
    let lines: Vec<&str> = tail
        .lines()
        .skip(usize::from(is_cut))
        .map(str::trim)
        .take_while(|line| !line.starts_with(STATEMENT))
        .filter(|line| !line.is_empty())
        .collect();
    match lines.get(lines.len().saturating_sub(most)..) {
        None | Some([]) => String::new(),
        Some(last) => format!(": {}", last.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Said, Unheard, last_lines};
    use crate::ports::executor::LogStream;
    use std::sync::Arc;

    #[test]
    fn the_beginning_and_the_end_are_kept_in_whole_lines() {
        let mut said = Said::to(Arc::new(Unheard), LogStream::Out, 10);
        said.take(b"one\ntwo\n");
        assert_eq!(said.beginning(), ("one\ntwo\n".to_owned(), false));
        said.take(&b"three\n".repeat(1000));
        said.take(b"last");
        assert_eq!(said.beginning(), ("one\ntwo".to_owned(), true));
        assert_eq!(said.last_lines(2), ": three; last");
        assert_eq!(said.count(), 6012);
    }

    #[test]
    fn a_line_that_is_not_whole_is_not_shown() {
        assert_eq!(last_lines(b"ssword\nbad\n\n", true, 5), ": bad");
        assert_eq!(last_lines(b"ssword", true, 5), "");
        assert_eq!(last_lines(b"", false, 5), "");
    }

    #[test]
    fn a_long_statement_does_not_hide_what_was_wrong_with_it() {
        let said = b"pg_restore: error: ERROR:  no\nCommand was: CREATE TABLE a (\nb int,\nc int,\nd int,\ne int\n);\n";
        assert_eq!(
            last_lines(said, false, 5),
            ": pg_restore: error: ERROR:  no"
        );
    }
}
